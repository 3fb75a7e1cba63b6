//! Threads of many processes side by side: equal stacks are merged, and the process that stands elsewhere is named.

use crate::base::Text;
use crate::model::hang::{
    HANG_SCHEMA_VERSION, Hang, HangProcess, HangStack, HangTasks, HangThread, OddOne, Unreadable,
};
use crate::model::tasks::Tasks;
use crate::model::{
    Confidence, Frame, FrameKind, GreenletState, NameFrom, Report, TaskState, TaskWaitKind, Thread, WaitKind,
};
use std::collections::{BTreeMap, HashMap};

/// Fewer processes have no odd one out.
const FEWEST: usize = 3;

/// What makes two threads equal: file, function and line of each Python frame, and the kind of wait.
type Place = (Vec<FramePlace>, Option<WaitKind>);

/// File, function and line.
type FramePlace = (String, String, Option<u32>);

/// The processes of `reports` (each with its name, or why it could not be read) side by side.
#[must_use]
pub fn side_by_side(reports: Vec<(String, Result<Report, String>)>) -> Hang {
    let mut hang = Hang { schema_version: HANG_SCHEMA_VERSION.to_owned(), ..Hang::default() };
    let mut numbers: HashMap<Place, usize> = HashMap::new();
    // Of each role the processes, with the places of their threads.
    let mut roles: BTreeMap<String, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
    let mut tasks = MergedTasks::default();
    for (name, report) in reports {
        let report = match report {
            Ok(report) => report,
            Err(why) => {
                hang.unreadable.push(Unreadable { name, why });
                continue;
            }
        };
        let process = hang.processes.len();
        let mut threads = 0u32;
        for thread in report.threads.iter().filter(|t| t.frames.iter().any(|f| f.kind == FrameKind::Python)) {
            threads = threads.saturating_add(1);
            let frames: Vec<Frame> = thread.frames.iter().filter(|f| f.kind == FrameKind::Python).map(common).collect();
            let kind = thread.waits_for.as_ref().map(|w| w.kind);
            let number = *numbers.entry((frames.iter().map(place).collect(), kind)).or_insert_with(|| {
                let waits_for = thread.waits_for.as_ref().map(|w| w.what.clone());
                hang.stacks.push(HangStack { frames, wait: kind, waits_for, threads: Vec::new() });
                hang.stacks.len().saturating_sub(1)
            });
            if let Some(stack) = hang.stacks.get_mut(number) {
                stack.threads.push(HangThread {
                    process: u32::try_from(process).unwrap_or(u32::MAX),
                    tid: thread.tid,
                    name: thread.name.clone(),
                    owner: thread.waits_for.as_ref().and_then(|w| w.owner),
                });
            }
            roles.entry(role(thread)).or_default().entry(process).or_default().push(number);
        }
        report.tasks.iter().for_each(|found| tasks.add(process, found));
        let told = report.findings.iter().filter(|f| f.confidence > Confidence::Low);
        hang.processes.push(HangProcess {
            name,
            pid: report.process.pid,
            command: report.process.arguments.or(report.process.command),
            threads,
            findings: told.map(|f| f.title.clone()).collect(),
            waits: Vec::new(),
        });
    }
    hang.odd = roles.into_iter().filter_map(|(role, places)| odd(role, places)).collect();
    rarest_first(&mut hang);
    hang.tasks = tasks.rarest_first();
    hang
}

/// Tasks and greenlets of all processes, those that stand alike together.
#[derive(Default)]
struct MergedTasks {
    numbers: HashMap<(Vec<FramePlace>, TaskState, Option<TaskWaitKind>, bool), usize>,
    list: Vec<HangTasks>,
}

impl MergedTasks {
    fn add(&mut self, process: usize, found: &Tasks) {
        let frames = |stack: Option<u32>| {
            let stack = stack.and_then(|n| found.stacks.get(usize::try_from(n).ok()?));
            stack.map(|stack| stack.frames.as_slice()).unwrap_or_default()
        };
        for task in found.tasks.iter().filter(|task| !has_ended(task.state)) {
            let wait = task.waits_for.as_ref();
            let one = HangTasks {
                state: task.state,
                wait: wait.map(|w| w.kind),
                waits_for: wait.map(|w| w.what.clone()),
                name: task.name.clone(),
                ..HangTasks::default()
            };
            self.count(process, frames(task.stack), one);
        }
        for greenlet in found.greenlets.iter().filter(|one| one.state == GreenletState::Suspended) {
            let name = Text::from(greenlet.type_name.as_str());
            let one = HangTasks { state: TaskState::Waiting, greenlets: true, name, ..HangTasks::default() };
            self.count(process, frames(greenlet.stack), one);
        }
    }

    /// Counts one that stands at these frames; the first of those that stand alike is kept.
    fn count(&mut self, process: usize, frames: &[Frame], one: HangTasks) {
        let key = (frames.iter().map(place).collect(), one.state, one.wait, one.greenlets);
        let number = *self.numbers.entry(key).or_insert_with(|| {
            self.list.push(HangTasks { frames: frames.iter().map(common).collect(), ..one });
            self.list.len().saturating_sub(1)
        });
        let Some(group) = self.list.get_mut(number) else { return };
        group.count = group.count.saturating_add(1);
        let process = u32::try_from(process).unwrap_or(u32::MAX);
        if group.processes.last() != Some(&process) {
            group.processes.push(process);
        }
    }

    fn rarest_first(mut self) -> Vec<HangTasks> {
        self.list.sort_by_key(|group| group.count);
        self.list
    }
}

fn has_ended(state: TaskState) -> bool {
    matches!(state, TaskState::Finished | TaskState::Cancelled | TaskState::Failed)
}

/// A frame without what is another in each process.
fn common(frame: &Frame) -> Frame {
    Frame {
        kind: frame.kind,
        file: frame.file.clone(),
        line: frame.line,
        function: frame.function.clone(),
        qualname: frame.qualname.clone(),
        source: frame.source.clone(),
        ..Frame::default()
    }
}

fn place(frame: &Frame) -> FramePlace {
    let text = |text: Option<&crate::base::Text>| text.map(ToString::to_string).unwrap_or_default();
    (text(frame.file.as_ref()), text(frame.qualname.as_ref().or(frame.function.as_ref())), frame.line)
}

/// What a thread is for, by its name: numbers in it differ.
fn role(thread: &Thread) -> String {
    if thread.is_main() {
        return "MainThread".to_owned();
    }
    let name = thread.name.as_ref().filter(|_| thread.name_from == Some(NameFrom::Threading));
    let Some(name) = name else { return "other threads".to_owned() };
    let mut out = String::new();
    for c in name.to_string().chars() {
        match c {
            c if !c.is_ascii_digit() => out.push(c),
            _ if out.ends_with('N') => {}
            _ => out.push('N'),
        }
    }
    out
}

/// The processes that stand elsewhere than most of those that have threads of a role.
fn odd(role: String, places: BTreeMap<usize, Vec<usize>>) -> Option<OddOne> {
    let all = places.len();
    let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (process, mut stacks) in places {
        // However many threads of a pool stand in one place.
        stacks.sort_unstable();
        stacks.dedup();
        groups.entry(stacks).or_default().push(process);
    }
    let most = groups.iter().max_by_key(|(_, processes)| processes.len())?;
    let (most_stacks, others) = (most.0.clone(), most.1.len());
    // Two of three stand together.
    if all < FEWEST || others.saturating_mul(3) < all.saturating_mul(2) || others == all {
        return None;
    }
    let number = |n: &usize| u32::try_from(*n).unwrap_or(u32::MAX);
    let odd: Vec<(&Vec<usize>, &Vec<usize>)> = groups.iter().filter(|(stacks, _)| **stacks != most_stacks).collect();
    let mut processes: Vec<u32> = odd.iter().flat_map(|(_, processes)| processes.iter().map(number)).collect();
    processes.sort_unstable();
    let first = odd.iter().min_by_key(|(_, processes)| processes.first().copied());
    let own = first.and_then(|(stacks, _)| stacks.iter().find(|s| !most_stacks.contains(s)));
    let theirs = most_stacks.iter().find(|s| !first.is_some_and(|(stacks, _)| stacks.contains(s)));
    Some(OddOne {
        role,
        processes,
        others: u32::try_from(others).unwrap_or(u32::MAX),
        stack: own.map(number),
        others_stack: theirs.map(number),
    })
}

/// Brings stacks into their order, and what counts them along.
fn rarest_first(hang: &mut Hang) {
    let mut order: Vec<(usize, HangStack)> = std::mem::take(&mut hang.stacks).into_iter().enumerate().collect();
    order.sort_by_key(|(number, stack)| (stack.threads.len(), *number));
    let places: HashMap<u32, u32> = order
        .iter()
        .enumerate()
        .filter_map(|(new, (old, _))| Some((u32::try_from(*old).ok()?, u32::try_from(new).ok()?)))
        .collect();
    hang.stacks = order.into_iter().map(|(_, stack)| stack).collect();
    for odd in &mut hang.odd {
        odd.stack = odd.stack.and_then(|n| places.get(&n).copied());
        odd.others_stack = odd.others_stack.and_then(|n| places.get(&n).copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PythonThread;

    fn report(line: u32, waits: bool) -> Result<Report, String> {
        let frame = Frame {
            kind: FrameKind::Python,
            file: Some(Text::from("/srv/train.py")),
            line: Some(line),
            function: Some(Text::from("step")),
            ..Frame::default()
        };
        let wait = crate::model::Wait { kind: WaitKind::Lock, what: "a lock".to_owned(), ..Default::default() };
        let python = PythonThread { main: Some(true), ..PythonThread::default() };
        let thread = Thread {
            tid: Some(u64::from(line)),
            frames: vec![frame],
            python: Some(python),
            waits_for: waits.then_some(wait),
            ..Thread::default()
        };
        Ok(Report { threads: vec![thread], ..Report::default() })
    }

    #[test]
    fn the_one_that_stands_elsewhere_is_named() {
        for straggler in [0, 17, 511] {
            let line = |n: usize| if n == straggler { 7 } else { 42 };
            let hang = side_by_side((0..512).map(|n| (format!("rank-{n}.json"), report(line(n), false))).collect());
            assert_eq!(hang.stacks.len(), 2);
            let [odd] = hang.odd.as_slice() else { panic!("{:?}", hang.odd) };
            assert_eq!((odd.processes.as_slice(), odd.others), ([straggler as u32].as_slice(), 511));
            assert_eq!((odd.stack, odd.others_stack), (Some(0), Some(1)));
            assert_eq!(hang.stacks[0].frames[0].line, Some(7));
        }
    }

    #[test]
    fn two_of_three_are_needed_for_an_odd_one() {
        let lines = |lines: &[u32]| {
            let named = lines.iter().enumerate().map(|(n, line)| (n.to_string(), report(*line, false)));
            side_by_side(named.collect()).odd
        };
        assert!(lines(&[1, 2]).is_empty(), "two processes");
        assert!(lines(&[1, 1, 2, 2]).is_empty(), "half and half");
        assert!(lines(&[1, 1, 1]).is_empty(), "all together");
        assert_eq!(lines(&[1, 1, 2])[0].processes, [2]);
        assert_eq!(lines(&[3, 1, 1, 1, 1, 2])[0].processes, [0, 5]);
    }

    #[test]
    fn a_thread_that_waits_is_not_one_that_runs() {
        let hang = side_by_side(vec![
            ("a".to_owned(), report(1, false)),
            ("b".to_owned(), report(1, true)),
            ("c".to_owned(), Err("no such file".to_owned())),
        ]);
        assert_eq!(hang.stacks.len(), 2);
        assert_eq!(hang.unreadable[0].name, "c");
    }
}
