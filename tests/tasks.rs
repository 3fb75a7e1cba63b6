//! Tasks of asyncio in dead processes, compared with what Python itself said of them in its last moment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use common::{Crash, CrashedProcess, Interpreter, interpreters, skip};
use pyinquest::base::{Addr, DiagnosticCode};
use pyinquest::engine::{Inspection, Options, TaskOptions};
use pyinquest::image::SearchOptions;
use pyinquest::model::tasks::{Suspended, Task, Tasks};
use pyinquest::model::{Confidence, Frame, SuspendedState, TaskState};
use pyinquest::render::tasks::{self as render, TasksText};
use rayon::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn open(dead: &CrashedProcess, interpreter: &Interpreter, no_files: bool) -> Inspection {
    let search = SearchOptions { sysroots: vec![interpreter.sysroot.clone()], no_files, ..SearchOptions::default() };
    Inspection::open(&dead.core, &search).unwrap()
}

fn tasks_of(inspection: &Inspection) -> Tasks {
    inspection.tasks(&TaskOptions::default()).expect("a CPython")
}

fn addr(value: &Value) -> Addr {
    let text = value.as_str().unwrap();
    Addr(u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap())
}

fn frames<'a>(tasks: &'a Tasks, task: &Task) -> &'a [Frame] {
    task.stack.map_or(&[], |n| &tasks.stacks[n as usize].frames)
}

/// `name file:line` of each frame, innermost first.
fn stack(tasks: &Tasks, task: &Task) -> Vec<String> {
    let name = |f: &Frame| f.qualname.as_ref().or(f.function.as_ref()).unwrap().to_string();
    let place = |f: &Frame| format!("{} {}:{}", name(f), f.file.as_ref().unwrap(), f.line.unwrap_or(0));
    frames(tasks, task).iter().map(place).collect()
}

fn names(tasks: &Tasks, addrs: &[Addr]) -> Vec<String> {
    let name =
        |at: &Addr| tasks.tasks.iter().find(|t| t.addr == *at).map_or_else(|| at.to_string(), |t| t.name.to_string());
    let mut found: Vec<String> = addrs.iter().map(name).collect();
    found.sort();
    found
}

/// A task in the tree of `python -m asyncio pstree`: its coroutines, outermost first, and a task below them or nothing.
type Below = BTreeSet<(Vec<String>, String)>;

/// That tree by the names of tasks.
fn pstree(lines: &Value) -> BTreeMap<String, Below> {
    let mut found: BTreeMap<String, Below> = BTreeMap::new();
    let mut path: Vec<String> = Vec::new();
    let lines: Vec<(usize, String)> =
        lines.as_array().unwrap().iter().map(|line| depth(line.as_str().unwrap())).collect();
    for (index, (depth, label)) in lines.iter().enumerate() {
        path.truncate(*depth);
        let above = path.iter().rposition(|label| label.starts_with("(T) "));
        path.push(label.clone());
        let is_task = label.starts_with("(T) ");
        let is_last = lines.get(index + 1).is_none_or(|(next, _)| next <= depth);
        if let Some(above) = above.filter(|_| is_task || is_last) {
            let stack = &path[above + 1..];
            let (stack, child) = if is_task { (&stack[..stack.len() - 1], &label[4..]) } else { (stack, "") };
            let name = path[above][4..].to_owned();
            found.entry(name).or_default().insert((stack.to_vec(), child.to_owned()));
        }
        if is_task {
            found.entry(label[4..].to_owned()).or_default();
        }
    }
    found
}

/// How deep a line of that tree is, and its text.
fn depth(line: &str) -> (usize, String) {
    let (lead, text) = line.split_once("── ").unwrap();
    (lead.chars().count() / 4, text.trim_start().to_owned())
}

/// What `python -m asyncio pstree` (3.14+) says otherwise of the process while it lived, but for what it gets wrong: each
/// such difference has to be there, so that this list stays true.
fn compare_with_pstree(tasks: &Tasks, pending: &BTreeMap<Addr, &Task>, told: &Value, minor: u8) -> Vec<String> {
    // It stops where an object of another type than the one before is awaited (`parse_coro_chain`,
    // Modules/_remote_debugging/asyncio.c), and
    const CUT: [&str; 3] = ["wrapped", "plain-await", "old-style"];
    // does not follow `wrap_future` and `run_coroutine_threadsafe`.
    const NOT_FOLLOWED: &str = "crosses";
    // It does not know tasks that are written in Python; that of 3.14.10 knows the tasks of one thread.
    let unknown = |name: &str| {
        name == "python-task" || (minor == 14 && ["other-main", "other-leaf", "over-there"].contains(&name))
    };
    let theirs = pstree(&told["lines"]);
    let mut wrong = Vec::new();
    for task in pending.values() {
        let name = task.name.to_string();
        let Some(said) = theirs.get(&name) else {
            if !unknown(&name) {
                wrong.push(format!("pstree has no {name}"));
            }
            continue;
        };
        // Of a running task it shows the coroutines alone.
        let called = usize::try_from(task.called).unwrap();
        let stack: Vec<String> = stack(tasks, task).into_iter().skip(called).rev().collect();
        let below = task.waits_for.as_ref().map(|w| names(tasks, &w.tasks)).unwrap_or_default();
        let below = if below.is_empty() { vec![String::new()] } else { below };
        let ours: Below = below.into_iter().map(|child| (stack.clone(), child)).collect();
        let cut = || {
            said.iter()
                .all(|(theirs, child)| child.is_empty() && theirs.len() < stack.len() && stack.starts_with(theirs))
        };
        let alone = || *said == Below::from([(stack.clone(), String::new())]) && ours != *said;
        let same = match name.as_str() {
            name if unknown(name) => false,
            name if CUT.contains(&name) => cut(),
            NOT_FOLLOWED => alone(),
            _ => ours == *said,
        };
        if !same {
            wrong.push(format!("pstree of {name}: {ours:?} instead of {said:?}"));
        }
    }
    let known: BTreeSet<String> = pending.values().map(|task| task.name.to_string()).collect();
    wrong.extend(theirs.keys().filter(|name| !known.contains(*name)).map(|name| format!("{name} is in pstree alone")));
    wrong
}

/// What is wrong with the tasks of one process.
fn compare(tasks: &Tasks, dead: &CrashedProcess, interpreter: &Interpreter) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differ = |what: &str, name: &str, ours: String, theirs: String| {
        if ours != theirs {
            wrong.push(format!("{what} of {name}: {ours} instead of {theirs}"));
        }
    };
    let said = dead.truth["extra"]["tasks"].as_array().unwrap();
    let pending: BTreeMap<Addr, &Task> = tasks
        .tasks
        .iter()
        .filter(|t| !matches!(t.state, TaskState::Finished | TaskState::Failed | TaskState::Cancelled))
        .map(|t| (t.addr, t))
        .collect();
    // Since 3.14 `asyncio.all_tasks` leaves out tasks of Python's own class, and what they wait for does not know of them.
    let unlisted = |name: &str| interpreter.minor >= 14 && name == "python-task";
    let theirs: BTreeSet<Addr> = said.iter().map(|t| addr(&t["id"])).collect();
    differ(
        "tasks",
        "all",
        format!(
            "{:?}",
            pending
                .values()
                .filter(|t| !theirs.contains(&t.addr) && !unlisted(&t.name.to_string()))
                .map(|t| &t.name)
                .collect::<Vec<_>>()
        ),
        "[]".to_owned(),
    );
    for one in said {
        let name = one["name"].as_str().unwrap();
        let Some(task) = pending.get(&addr(&one["id"])) else {
            differ("presence", name, "missing".to_owned(), "there".to_owned());
            continue;
        };
        differ("name", name, task.name.to_string(), name.to_owned());
        differ("loop", name, format!("{:?}", task.event_loop), format!("{:?}", Some(addr(&one["loop"]))));
        let chain: Vec<String> = one["chain"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| format!("{} {}:{}", f[0].as_str().unwrap(), f[2].as_str().unwrap(), f[1]))
            .collect();
        match task.state {
            TaskState::Running => {
                differ("state", name, "running".to_owned(), if name == "doomed" { "running" } else { "?" }.to_owned());
                let ours = stack(tasks, task);
                let inner = ["dies", "doomed"].map(|f| ours.iter().any(|line| line.starts_with(f)));
                differ("running stack", name, format!("{inner:?} {}", ours.len()), "[true, true] 2".to_owned());
            }
            _ => differ("stack", name, format!("{:?}", stack(tasks, task)), format!("{chain:?}")),
        }
        let kind = task.waits_for.as_ref().map(|w| w.kind.to_string()).unwrap_or_default();
        if let Some(expected) = one["expected"][0].as_str() {
            differ("wait", name, kind, expected.to_owned());
            let on = task.waits_for.as_ref().map(|w| w.tasks.as_slice()).unwrap_or_default();
            differ(
                "tasks waited for",
                name,
                format!("{:?}", names(tasks, on)),
                one["expected"][1].to_string().replace(',', ", "),
            );
        }
        // Python does not follow a task into another loop.
        if interpreter.minor >= 14 && name != "over-there" {
            let mut by = names(tasks, &task.awaited_by);
            by.retain(|name| !unlisted(name));
            let ours = format!("{by:?}");
            differ("awaited by", name, ours, one["awaited_by"].to_string().replace(',', ", "));
        }
        // `asyncio.capture_call_graph` (3.14+) ends at the first object that is no coroutine.
        if let Some(graph) = one["call_graph"].as_object().filter(|_| task.state != TaskState::Running) {
            let place = |f: &Value| format!("{} {}:{}", f[0].as_str().unwrap(), f[2].as_str().unwrap(), f[1]);
            let theirs: Vec<String> = graph["stack"].as_array().unwrap().iter().map(place).collect();
            let ours = stack(tasks, task);
            let outer = ours.len().saturating_sub(theirs.len());
            differ("call graph", name, format!("{:?}", &ours[outer..]), format!("{theirs:?}"));
            differ(
                "awaited by in the call graph",
                name,
                graph["awaited_by"].to_string(),
                one["awaited_by"].to_string(),
            );
        }
        differ("problems", name, format!("{:?}", task.problems), "[]".to_owned());
    }
    let by_name = |name: &str| tasks.tasks.iter().find(|t| t.name == name).cloned().unwrap_or_default();
    let wait = |name: &str| by_name(name).waits_for.unwrap_or_default();
    differ("state", "not-started", by_name("not-started").state.to_string(), "not-started".to_owned());
    // Since 3.14 a task that has ended is in no list.
    if interpreter.minor < 14 {
        differ("state", "failed", by_name("failed").state.to_string(), "failed".to_owned());
        let summary = by_name("failed").exception.as_ref().map(|e| e.summary.clone()).unwrap_or_default();
        differ("exception", "failed", summary, "LookupError: nobody looks".to_owned());
    }
    differ(
        "holders",
        "lock-waiter",
        format!("{:?}", names(tasks, &wait("lock-waiter").holders)),
        "[\"lock-holder\"]".to_owned(),
    );
    let holders = format!("{:?}", names(tasks, &wait("semaphore-waiter").holders));
    differ("holders", "semaphore-waiter", holders, "[\"semaphore-holder\"]".to_owned());
    differ("fd", "socket-reader", wait("socket-reader").fd.is_some_and(|fd| fd > 2).to_string(), "true".to_owned());
    differ("fd", "stream-reader", wait("stream-reader").fd.is_some_and(|fd| fd > 2).to_string(), "true".to_owned());
    let threads = dead.truth["threads"].as_array().unwrap();
    let native = |name: &str| {
        threads.iter().find(|t| t["name"].as_str().is_some_and(|n| n.starts_with(name))).unwrap()["native_id"].as_u64()
    };
    differ("thread", "job-running", format!("{:?}", wait("job-running").thread), format!("{:?}", native("pool")));
    differ("thread", "job-queued", format!("{:?}", wait("job-queued").thread), "None".to_owned());
    for (loop_id, clock) in dead.truth["extra"]["loops"].as_object().unwrap() {
        let at = addr(&Value::from(loop_id.as_str()));
        let Some(found) = tasks.loops.iter().find(|l| l.addr == at) else {
            differ("loop", loop_id, "missing".to_owned(), "there".to_owned());
            continue;
        };
        let of = by_name("over-there").event_loop == Some(at);
        let main = by_name("main").event_loop == Some(at);
        let thread = if of {
            native("other-loop")
        } else if main {
            native("MainThread")
        } else {
            None
        };
        differ(
            "thread",
            "loop",
            format!("{:?} {:?}", found.thread, found.running),
            format!("{thread:?} {:?}", Some(of || main)),
        );
        differ("closed", "loop", format!("{:?}", found.closed), format!("{:?}", Some(!of && !main)));
        // The clock stands where the loop last looked: some tenths of a second ago, in the other thread since it sleeps.
        let behind = found.time.map(|time| clock.as_f64().unwrap() - time);
        let sane = if of || main { behind.is_some_and(|s| (-0.001..30.0).contains(&s)) } else { behind.is_none() };
        differ("clock", "loop", format!("{sane} ({behind:?})"), format!("true ({behind:?})"));
    }
    for (name, seconds) in [("sleeper", 700.0), ("over-there", 900.0)] {
        let left = wait(name).due_in;
        differ("due", name, left.is_some_and(|s| s <= seconds && s > seconds - 60.0).to_string(), "true".to_owned());
    }
    let limits: &[(&str, f64)] = &[("limited", 300.0), ("wait-first", 400.0), ("timed", 500.0)];
    for (name, seconds) in limits.iter().filter(|(name, _)| *name != "timed" || interpreter.minor >= 11) {
        let left = wait(name).timeout_in;
        differ(
            "timeout",
            name,
            left.is_some_and(|s| s <= *seconds && s > seconds - 60.0).to_string(),
            "true".to_owned(),
        );
    }
    match dead.truth["extra"]["pstree"].as_object() {
        Some(told) if told["error"].is_null() => {
            wrong.extend(compare_with_pstree(tasks, &pending, &dead.truth["extra"]["pstree"], interpreter.minor));
        }
        Some(told) => common::part_skipped(format!("pstree of {}: {}", interpreter.name, told["error"])),
        None => {}
    }
    wrong
}

/// What is wrong with what no task runs, and with what asyncio does not list.
fn compare_suspended(inspection: &Inspection, dead: &CrashedProcess) -> Vec<String> {
    let tasks = inspection.tasks(&TaskOptions { all: true, ..TaskOptions::default() }).expect("a CPython");
    let said = &dead.truth["extra"]["suspended"];
    let mut wrong = Vec::new();
    let mut differ = |what: &str, name: &str, ours: String, theirs: String| {
        if ours != theirs {
            wrong.push(format!("{what} of {name}: {ours} instead of {theirs}"));
        }
    };
    let ours: BTreeMap<Addr, &Suspended> = tasks.suspended.iter().map(|one| (one.addr, one)).collect();
    let theirs = said["objects"].as_array().unwrap();
    let place = |f: &Frame| {
        let name = f.qualname.as_ref().or(f.function.as_ref()).unwrap();
        format!("{name} {}:{}", f.file.as_ref().unwrap(), f.line.unwrap_or(0))
    };
    for one in theirs {
        let name = format!("{} {}", one["name"].as_str().unwrap(), one["held"]);
        let Some(own) = ours.get(&addr(&one["id"])) else {
            differ("presence", &name, "missing".to_owned(), "there".to_owned());
            continue;
        };
        differ("name", &name, own.name.as_ref().unwrap().to_string(), one["name"].as_str().unwrap().to_owned());
        differ("kind", &name, own.kind.to_string(), one["kind"].as_str().unwrap().replace('_', "-"));
        let stack = own.stack.map_or(Vec::new(), |n| tasks.stacks[n as usize].frames.iter().map(place).collect());
        let chain = one["stack"].as_array().unwrap().iter();
        let chain = chain.map(|f| format!("{} {}:{}", f[0].as_str().unwrap(), f[2].as_str().unwrap(), f[1]));
        differ("stack", &name, format!("{stack:?}"), format!("{:?}", chain.collect::<Vec<_>>()));
        let inner: Vec<Addr> = one["inner"].as_array().unwrap().iter().map(addr).collect();
        differ("generators waited for", &name, format!("{:?}", own.inner), format!("{inner:?}"));
        let last = one["last"].as_str().map(|_| addr(&one["last"]));
        differ(
            "object waited for",
            &name,
            format!("{:?}", own.waits_for.as_ref().map(|o| o.addr)),
            format!("{last:?}"),
        );
        if let Some(new) = one["new"].as_bool() {
            differ("not begun", &name, (own.state == SuspendedState::NotStarted).to_string(), new.to_string());
        }
        let referrers: Vec<Addr> = one["referrers"].as_array().unwrap().iter().map(addr).collect();
        let holder = own.holder.as_ref().map(|object| object.addr);
        differ("holder", &name, holder.is_none_or(|at| referrers.contains(&at)).to_string(), "true".to_owned());
        if let Some(key) = one["held"][0].as_str() {
            let path = own.path.clone().unwrap_or_default();
            let known = path.ends_with(&format!("HELD['{key}']")) || own.name.as_ref().is_some_and(|n| *n == "stands");
            differ("path", &name, format!("{known} {path}"), format!("true {path}"));
            differ("holder", &name, holder.is_some().to_string(), "true".to_owned());
        }
    }
    let known: BTreeSet<Addr> = theirs.iter().map(|one| addr(&one["id"])).collect();
    for one in tasks.suspended.iter().filter(|one| !known.contains(&one.addr)) {
        differ("presence", &one.name.as_ref().unwrap().to_string(), "there".to_owned(), "missing".to_owned());
    }
    let set = |list: &Value| list.as_array().unwrap().iter().map(addr).collect::<BTreeSet<Addr>>();
    let all: BTreeSet<Addr> = tasks.tasks.iter().map(|task| task.addr).collect();
    differ("tasks", "the heap", format!("{all:?}"), format!("{:?}", set(&said["tasks"])));
    let failed = tasks.tasks.iter().filter(|task| task.unretrieved).map(|task| task.addr);
    let failed: BTreeSet<Addr> = failed.chain(tasks.unretrieved.iter().map(|future| future.addr)).collect();
    differ("exceptions not retrieved", "the heap", format!("{failed:?}"), format!("{:?}", set(&said["unretrieved"])));
    let finding = |id: &str| tasks.findings.iter().find(|f| f.id == id).map_or("", |f| f.title.as_str()).to_owned();
    let not_awaited = "1 coroutine was never awaited so far".to_owned();
    differ("finding", "not awaited", finding("coroutines-not-awaited"), not_awaited);
    let not_retrieved = "3 tasks or futures ended with exceptions that nobody has asked for".to_owned();
    differ("finding", "not retrieved", finding("exceptions-not-retrieved"), not_retrieved);
    let text = render::text(&tasks, &TasksText::default());
    differ("text", "suspended", text.contains("generator counts, at a yield").to_string(), "true".to_owned());
    wrong
}

#[test]
fn tasks_stacks_and_waits_are_those_that_python_names() {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let chosen: Vec<&Interpreter> = interpreters()
        .iter()
        .filter(|i| i.is_native() && only.as_ref().is_none_or(|name| i.name.contains(name.as_str())))
        .collect();
    if chosen.is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    let results: Vec<Result<Vec<String>, String>> = chosen
        .par_iter()
        .map(|interpreter| {
            let dead = Crash::new(interpreter, "tasks.py").proc().run().map_err(|e| e.to_string())?;
            if dead.truth.is_null() {
                return Ok(vec![format!("{}: no truth: {}", interpreter.name, dead.stderr)]);
            }
            let mut found = Vec::new();
            for no_files in [false, true] {
                let inspection = open(&dead, interpreter, no_files);
                let how = if no_files { " without files" } else { "" };
                let mut wrong = compare(&tasks_of(&inspection), &dead, interpreter);
                if !no_files {
                    wrong.extend(compare_suspended(&inspection, &dead));
                }
                found.extend(wrong.into_iter().map(|w| format!("{}{how}: {w}", interpreter.name)));
            }
            Ok(found)
        })
        .collect();
    let mut all = Vec::new();
    for result in results {
        match result {
            Ok(found) => all.extend(found),
            Err(reason) => common::part_skipped(reason),
        }
    }
    assert!(all.is_empty(), "{} differences\n{}", all.len(), all.join("\n"));
}

/// The report on a core of the first interpreter of each minor version that runs a mode of the program.
fn reports(mode: &[&str], look: impl Fn(&Interpreter, &Inspection, &CrashedProcess)) {
    let found = common::one_per_minor();
    if found.is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    for interpreter in found.into_iter().filter(|i| only.as_ref().is_none_or(|name| i.name.contains(name.as_str()))) {
        match Crash::new(interpreter, "tasks.py").args(mode).death("kill").run() {
            Ok(dead) => look(interpreter, &open(&dead, interpreter, false), &dead),
            Err(reason) => common::part_skipped(reason),
        }
    }
}

#[test]
fn tasks_that_wait_for_each_other_are_a_deadlock() {
    reports(&["cycle"], |interpreter, inspection, _| {
        let report = inspection.report(&Options::default());
        let deadlocks: Vec<_> = report.findings.iter().filter(|f| f.id == "task-deadlock").collect();
        let told = |start: &str| {
            let found = deadlocks.iter().find(|f| f.title.starts_with(start));
            found.unwrap_or_else(|| panic!("{}: no {start}: {:#?}", interpreter.name, report.findings))
        };
        let tasks = told("deadlock of 3 tasks");
        assert_eq!(tasks.confidence, Confidence::High, "{tasks:#?}");
        let locks = told("deadlock: task 'x' waits for the Lock");
        assert!(locks.title.contains("which 'y' has"), "{locks:#?}");
        assert_eq!(locks.confidence, Confidence::Medium);
        assert!(locks.evidence.iter().any(|line| line.starts_with("1 more task waits behind")), "{locks:#?}");
        let tree = render::text(report.tasks.as_ref().unwrap(), &TasksText::default());
        assert!(tree.contains("wait for each other"), "{tree}");
    });
}

#[test]
fn a_semaphore_whose_tasks_wait_for_those_that_want_it_is_a_deadlock() {
    reports(&["semaphores"], |interpreter, inspection, _| {
        let report = inspection.report(&Options::default());
        let found: Vec<_> = report.findings.iter().filter(|f| f.id == "task-deadlock").collect();
        let [only] = found.as_slice() else { panic!("{}: {found:#?}", interpreter.name) };
        assert_eq!(only.confidence, Confidence::Medium);
        assert!(only.title.starts_with("deadlock: 3 tasks wait for the Semaphore at"), "{only:#?}");
        assert!(
            only.title.ends_with("and the 2 tasks that have it cannot go on before one of these gets it"),
            "{only:#?}"
        );
        let holder = |line: &String| line.starts_with("task 'crawler' has it and waits for all of 2, at tasks.py:");
        assert!(only.evidence.iter().any(holder), "{only:#?}");
    });
}

#[test]
fn a_loop_that_a_task_blocks_is_told() {
    reports(&["blocked"], |interpreter, inspection, _| {
        let report = inspection.report(&Options::default());
        let found = report.findings.iter().find(|f| f.id == "event-loop-blocked");
        let found = found.unwrap_or_else(|| panic!("{}: {:#?}", interpreter.name, report.findings));
        assert!(found.title.contains("task 'blocker'") && found.title.contains("sleeps;"), "{found:#?}");
        assert!(found.evidence[0].ends_with("blocks"), "{found:#?}");
        let left = report.findings.iter().find(|f| f.id == "tasks-left-behind").expect("a closed loop");
        assert!(left.title.contains("was closed"), "{left:#?}");
    });
}

#[test]
fn a_pool_whose_workers_wait_for_its_own_jobs_is_told() {
    reports(&["starved"], |interpreter, inspection, _| {
        let report = inspection.report(&Options::default());
        let found = report.findings.iter().find(|f| f.id == "starved-executor");
        let found = found.unwrap_or_else(|| panic!("{}: {:#?}", interpreter.name, report.findings));
        assert!(found.title.starts_with("all 2 workers"), "{found:#?}");
    });
}

#[test]
fn equal_tasks_are_folded() {
    reports(&["many", "300"], |interpreter, inspection, dead| {
        let tasks = tasks_of(inspection);
        let said = dead.truth["extra"]["count"].as_u64().unwrap();
        assert_eq!(tasks.loops.iter().map(|l| l.pending).sum::<u64>(), said, "{}", interpreter.name);
        let text = render::text(&tasks, &TasksText::default());
        assert!(text.contains("200 x Task-") && text.contains("100 x Task-"), "{text}");
        assert!(text.lines().count() < 60, "{text}");
    });
}

#[test]
fn a_dump_without_the_tasks_does_not_say_that_there_are_none() {
    // What a report reads of the threads alone: what asyncio lists is not in it.
    let fixture = harness::cores().into_iter().find(|f| f.program() == "asyncio_prog").expect("a committed dump");
    let tasks = tasks_of(&harness::inspect_alone(&fixture.path));
    assert!(tasks.diagnostics.iter().any(|d| d.code == DiagnosticCode::TasksUnreadable), "{:?}", tasks.diagnostics);
    let text = render::text(&tasks, &TasksText::default());
    assert!(text.contains("is not known") && text.contains("tasks may be missing"), "{text}");
}

/// What differs from run to run, or with the patch version, made equal.
fn without_numbers(line: &str) -> String {
    let mut out = line.to_owned();
    for (pattern, instead) in
        [("0x[0-9a-f.]+", "0x"), ("thread(s?) [0-9]+", "thread$1 N"), (r"in [0-9.]+ s$", "in N s")]
    {
        out = regex::Regex::new(pattern).unwrap().replace_all(&out, instead).into_owned();
    }
    out
}

#[test]
fn the_example_of_the_documents_is_as_they_show_it() {
    let host = |i: &&Interpreter| i.root.is_none() && i.is_ordinary() && i.minor >= 11;
    let Some(interpreter) = interpreters().iter().rfind(host) else { skip!("no interpreter of this host's own") };
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("docs/examples/stuck.py");
    let mut process = std::process::Command::new(&interpreter.exe).arg(program).spawn().unwrap();
    let pid = process.id().to_string();
    let tasks = |more: &[&str]| {
        let arguments = [&["tasks", "--pid", &pid], more].concat();
        std::process::Command::new(env!("CARGO_BIN_EXE_pyinquest")).args(arguments).output().unwrap().stdout
    };
    let start = std::time::Instant::now();
    let stands = || {
        let found: Tasks = serde_json::from_slice(&tasks(&["--json"])).unwrap_or_default();
        found.tasks.len() == 6 && found.tasks.iter().all(|t| t.state == TaskState::Waiting) && found.pools.len() == 1
    };
    while !stands() {
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "the example does not come to a stand");
    }
    let text = String::from_utf8(tasks(&[])).unwrap();
    let _ = process.kill();
    let _ = process.wait();
    let page = std::fs::read_to_string(root.join("docs/tasks.md")).unwrap();
    let (_, shown) = page.split_once("\n`pyinquest tasks`:\n\n").unwrap();
    let (shown, _) = shown.split_once("\n| | pyinquest").unwrap();
    // Where asyncio's own lines are differs with each patch version.
    let own = |line: &&str| !line.trim().is_empty() && !line.contains(" asyncio/");
    let shown: Vec<String> =
        shown.lines().filter(own).map(|l| without_numbers(l.strip_prefix("    ").unwrap())).collect();
    let ours: Vec<String> = text.lines().filter(own).map(without_numbers).collect();
    assert_eq!(ours, shown, "{}", interpreter.name);
}
