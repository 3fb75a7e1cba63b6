//! What a session is about: the process, its report, and the numbers by which the client names threads and frames.

use super::protocol::{NativeFrames, OpenArguments, ProcessNumber, Refusal};
use crate::base::Addr;
use crate::cpython::frame::PyFrame;
use crate::engine::{Inspection, Options, Place, Source};
use crate::image::SearchOptions;
use crate::model::{Frame, FrameKind, Report, Thread};
use std::collections::HashMap;
use std::path::PathBuf;

/// Ids up to this are numbers of the operating system's threads; those of others follow (the protocol's are below 2^31).
const LARGEST_TID: u64 = 0x3fff_ffff;

/// The process of a session.
pub struct Debuggee {
    opened: Opened,
    /// All that is known of it without its values.
    pub report: Report,
    /// Id of each thread of the report.
    thread_ids: Vec<i64>,
    /// For each thread the places of its shown frames in the report, and the id of the first of them.
    frames: Vec<(i64, Vec<usize>)>,
}

enum Opened {
    Dump(Inspection),
    #[cfg(all(feature = "live", target_os = "linux"))]
    Live(crate::engine::Held),
}

/// A frame of the report: thread and place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameAt {
    pub thread: usize,
    pub frame: usize,
}

impl Debuggee {
    /// Opens what the client asked for.
    pub fn open(arguments: &OpenArguments) -> Result<Debuggee, Refusal> {
        let opened = open(arguments)?;
        let options = Options { native: arguments.native != NativeFrames::None, ..Options::default() };
        let report = opened.inspection().report(&options);
        let thread_ids = thread_ids(&report.threads);
        let mut next = 1i64;
        let of_thread = |thread: &Thread| {
            let shown: Vec<usize> =
                (0..thread.frames.len()).filter(|at| is_shown(thread, *at, arguments.native)).collect();
            let first = next;
            next = next.saturating_add(i64::try_from(shown.len()).unwrap_or(i64::MAX));
            (first, shown)
        };
        let frames = report.threads.iter().map(of_thread).collect();
        Ok(Debuggee { opened, report, thread_ids, frames })
    }

    pub fn inspection(&self) -> &Inspection {
        self.opened.inspection()
    }

    /// Threads with their ids.
    pub fn threads(&self) -> impl Iterator<Item = (i64, &Thread)> {
        self.thread_ids.iter().copied().zip(&self.report.threads)
    }

    /// The thread that the session stops at: the crashed one, else the main one of Python, else any.
    pub fn stopped_thread(&self) -> Option<i64> {
        let crashed = self.threads().find(|(_, thread)| thread.crashed);
        let found = crashed.or_else(|| self.threads().find(|(_, thread)| thread.is_main()));
        found.or_else(|| self.threads().next()).map(|(id, _)| id)
    }

    /// The place of a thread in the report.
    pub fn thread(&self, id: i64) -> Result<usize, Refusal> {
        let found = self.thread_ids.iter().position(|known| *known == id);
        found.ok_or_else(|| Refusal::new(format!("there is no thread {id}")))
    }

    /// Shown frames of a thread, innermost first: id and place.
    pub fn frames_of(&self, thread: usize) -> impl Iterator<Item = (i64, FrameAt)> {
        let (first, shown) = self.frames.get(thread).map_or((1, &[][..]), |(first, shown)| (*first, shown));
        shown.iter().zip(first..).map(move |(frame, id)| (id, FrameAt { thread, frame: *frame }))
    }

    /// The frame of an id.
    pub fn frame_at(&self, id: i64) -> Result<FrameAt, Refusal> {
        let thread = self.frames.partition_point(|(first, _)| *first <= id).checked_sub(1);
        // Threads without frames have the same first id as the next one.
        let found = thread.and_then(|thread| {
            let (first, shown) = self.frames.get(thread)?;
            let at = usize::try_from(id.checked_sub(*first)?).ok()?;
            Some(FrameAt { thread, frame: *shown.get(at)? })
        });
        found.ok_or_else(|| Refusal::new(format!("there is no frame {id}")))
    }

    pub fn frame(&self, at: FrameAt) -> Option<&Frame> {
        self.report.threads.get(at.thread)?.frames.get(at.frame)
    }

    /// Where the engine looks up names: the Python frame, or for a native one that which called it.
    pub fn place(&self, at: FrameAt) -> Place {
        let Some(thread) = self.report.threads.get(at.thread) else { return Place::default() };
        let before = thread.frames.iter().take(at.frame).filter(|f| f.kind == FrameKind::Python).count();
        Place { thread: thread.tid, frame: before }
    }

    /// The Python frame of a frame of the report, with the index of its interpreter.
    pub fn python_frame(&self, at: FrameAt) -> Option<(usize, PyFrame)> {
        let (thread, frame) = (self.report.threads.get(at.thread)?, self.frame(at)?);
        let addr = frame.addr.filter(|_| frame.kind == FrameKind::Python)?;
        let state = self.inspection().python()?;
        let is_of = |found: &crate::engine::PythonThread<'_>| thread.states().any(|p| p.tstate == found.state.addr);
        state.threads().iter().filter(|found| is_of(found)).find_map(|found| {
            let frame = state.stack(found).frames.into_iter().find(|f| f.addr == addr)?;
            Some((found.interpreter, frame))
        })
    }

    /// The interpreter of a frame.
    pub fn interpreter(&self, at: Option<FrameAt>) -> usize {
        let id = at.and_then(|at| {
            let thread = self.report.threads.get(at.thread)?;
            // A native frame belongs to the Python frame that called it.
            let python = thread.frames.get(at.frame..)?.iter().find(|f| f.kind == FrameKind::Python);
            python.map_or(thread.python.as_ref().map(|p| p.interpreter), |frame| thread.interpreter_of(frame))
        });
        let state = self.inspection().python();
        let place = |id| state?.interpreters().iter().position(|interpreter| interpreter.id == id);
        id.and_then(place).unwrap_or(0)
    }
}

impl Opened {
    fn inspection(&self) -> &Inspection {
        match self {
            Opened::Dump(inspection) => inspection,
            #[cfg(all(feature = "live", target_os = "linux"))]
            Opened::Live(held) => &held.inspection,
        }
    }
}

fn open(arguments: &OpenArguments) -> Result<Opened, Refusal> {
    let paths = |list: &super::protocol::Many| list.list().into_iter().map(PathBuf::from).collect();
    let search = SearchOptions {
        executable: arguments.program.as_ref().filter(|p| !p.is_empty()).map(PathBuf::from),
        sysroots: paths(&arguments.sysroot),
        debug_dirs: paths(&arguments.debug_dir),
        path_maps: arguments.source_map.pairs(),
        debuginfod: arguments.debuginfod,
        no_files: arguments.no_files,
        host_sources: arguments.host_sources,
        ..SearchOptions::default()
    };
    match (&arguments.core_file, process(arguments)?) {
        (Some(_), Some(_)) => Err(Refusal::shown("a dump and a process are named: give coreFile or pid")),
        (None, None) => Err(Refusal::shown("nothing to look at: give coreFile (a core or minidump) or pid")),
        (Some(core), None) => {
            let inspection = Inspection::open(Source::Path(PathBuf::from(core)), &search);
            inspection.map(Opened::Dump).map_err(|e| refused(&e))
        }
        (None, Some(pid)) => open_process(pid, &search),
    }
}

fn process(arguments: &OpenArguments) -> Result<Option<i32>, Refusal> {
    match &arguments.pid {
        None => Ok(None),
        Some(ProcessNumber::Number(pid)) => Ok(Some(*pid)),
        Some(ProcessNumber::Text(text)) if text.is_empty() => Ok(None),
        Some(ProcessNumber::Text(text)) => {
            text.trim().parse().map(Some).map_err(|_| Refusal::shown(format!("{text:?} is not a process id")))
        }
    }
}

#[cfg(all(feature = "live", target_os = "linux"))]
fn open_process(pid: i32, search: &SearchOptions) -> Result<Opened, Refusal> {
    let held = crate::engine::hold(pid, crate::debuggee::live::LiveOptions::default(), search);
    held.map(Opened::Live).map_err(|e| refused(&e))
}

#[cfg(not(all(feature = "live", target_os = "linux")))]
fn open_process(_: i32, _: &SearchOptions) -> Result<Opened, Refusal> {
    Err(Refusal::shown("this build of pyinquest cannot look at running processes"))
}

fn refused(error: &crate::debuggee::TargetError) -> Refusal {
    match error.help() {
        Some(help) => Refusal::shown(format!("{error} ({help})")),
        None => Refusal::shown(error),
    }
}

/// The system's ids where they are numbers that the protocol can carry and no two threads share, else others.
fn thread_ids(threads: &[Thread]) -> Vec<i64> {
    let mut used: HashMap<i64, ()> = HashMap::new();
    let mut spare = i64::try_from(LARGEST_TID).unwrap_or(i64::MAX);
    let id = |thread: &Thread| {
        let own = thread.tid.filter(|tid| (1..=LARGEST_TID).contains(tid)).and_then(|tid| i64::try_from(tid).ok());
        match own.filter(|own| used.insert(*own, ()).is_none()) {
            Some(own) => own,
            None => {
                spare = spare.saturating_add(1);
                spare
            }
        }
    };
    threads.iter().map(id).collect()
}

/// Whether a frame is in the client's stack. The innermost one always is.
fn is_shown(thread: &Thread, at: usize, native: NativeFrames) -> bool {
    let plumbing = |f: &Frame| f.native.as_ref().is_some_and(|native| native.plumbing);
    match thread.frames.get(at) {
        None => false,
        Some(frame) => native == NativeFrames::All || at == 0 || !plumbing(frame),
    }
}

/// An address as the protocol carries it.
pub fn reference(addr: Addr) -> String {
    addr.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_an_id_of_its_own() {
        let thread = |tid| Thread { tid, ..Thread::default() };
        let threads = [Some(7), Some(7), None, Some(1 << 40), Some(8)].map(thread);
        let ids = thread_ids(&threads);
        assert_eq!((ids[0], ids[4]), (7, 8));
        let distinct: std::collections::HashSet<i64> = ids.iter().copied().collect();
        assert_eq!(distinct.len(), 5);
        assert!(ids.iter().all(|id| (1..1 << 31).contains(id)), "{ids:?}");
    }
}
