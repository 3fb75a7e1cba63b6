//! Greenlets and tasks of trio in dead processes, compared with what each said of itself and with what the packages
//! say of them. Wheels are PyPI's.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use common::{Crash, CrashedProcess, Interpreter, skip};
use pyinquest::base::Addr;
use pyinquest::engine::{Inspection, Options, TaskOptions};
use pyinquest::model::tasks::{Greenlet, Tasks};
use pyinquest::model::{Frame, GreenletState};
use pyinquest::render::tasks::{self as render, TasksText};
use serde_json::Value;

/// Versions of greenlet by minor version of CPython: the first and last that have a wheel, and those between that differ in
/// their structures. All of them are tried when `PYINQUEST_ALL_GREENLETS` is set, the last otherwise and those marked.
const VERSIONS: &[(u8, &[&str])] = &[
    (8, &["1.0.0", "1.1.3", "2.0.2*", "3.1.1"]),
    (9, &["1.1.3", "2.0.2", "3.2.4"]),
    (10, &["1.1.3*", "2.0.2", "3.5.6"]),
    (11, &["1.1.3", "2.0.2", "3.0.3", "3.5.6"]),
    (12, &["3.0.0*", "3.0.3", "3.2.4", "3.5.6"]),
    (13, &["3.1.1", "3.2.4", "3.5.6"]),
    (14, &["3.2.4", "3.3.0", "3.5.6"]),
    (15, &["3.5.6"]),
];

fn tasks_of(dead: &CrashedProcess, interpreter: &Interpreter) -> Tasks {
    let inspection = Inspection::open(&dead.core, &harness::files_of(interpreter)).unwrap();
    inspection.tasks(&TaskOptions::default()).expect("a CPython")
}

fn addr(value: &Value) -> Option<Addr> {
    Some(Addr(u64::from_str_radix(value.as_str()?.trim_start_matches("0x"), 16).unwrap()))
}

/// What is wrong with the greenlets of one process.
fn compare(tasks: &Tasks, dead: &CrashedProcess) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differ = |what: &str, at: &Value, ours: String, theirs: String| {
        if ours != theirs {
            wrong.push(format!("{what} of {at}: {ours} instead of {theirs}"));
        }
    };
    let said = dead.truth["extra"]["greenlets"].as_array().unwrap();
    differ("number", &Value::Null, tasks.greenlets.len().to_string(), said.len().to_string());
    for one in said {
        let at = &one["id"];
        let Some(own) = tasks.greenlets.iter().find(|own| Some(own.addr) == addr(at)) else {
            differ("presence", at, "missing".to_owned(), "there".to_owned());
            continue;
        };
        differ("type", at, own.type_name.clone(), one["type"].as_str().unwrap().to_owned());
        differ("state", at, own.state.to_string(), one["state"].as_str().unwrap().to_owned());
        differ("parent", at, format!("{:?}", own.parent), format!("{:?}", addr(&one["parent"])));
        differ("begins a thread", at, own.is_main.to_string(), one["parent"].is_null().to_string());
        if one["thread"].is_u64() {
            differ("thread", at, format!("{:?}", own.thread), format!("{:?}", one["thread"].as_u64()));
        }
        differ("problem", at, format!("{:?}", own.problem), "None".to_owned());
        for key in ["frames", "gr_frame"] {
            if let Some(frames) = one[key].as_array() {
                let theirs: Vec<String> = frames
                    .iter()
                    .map(|f| format!("{} {}:{}", f[0].as_str().unwrap(), f[2].as_str().unwrap(), f[1]))
                    .collect();
                differ(key, at, format!("{:?}", stack(tasks, own)), format!("{theirs:?}"));
            }
        }
    }
    wrong
}

fn stack(tasks: &Tasks, greenlet: &Greenlet) -> Vec<String> {
    let place =
        |f: &Frame| format!("{} {}:{}", f.function.as_ref().unwrap(), f.file.as_ref().unwrap(), f.line.unwrap_or(0));
    greenlet.stack.map_or(Vec::new(), |n| tasks.stacks[n as usize].frames.iter().map(place).collect())
}

/// Runs the program with a package on each chosen version, and looks at what is left.
fn everywhere(
    mode: &[&str],
    package: impl Fn(&Interpreter, &str) -> Vec<String>,
    look: impl Fn(&Interpreter, &str, &CrashedProcess),
) {
    let all = std::env::var_os("PYINQUEST_ALL_GREENLETS").is_some();
    let found = common::one_per_minor();
    if found.is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    for interpreter in found.into_iter().filter(|i| only.as_ref().is_none_or(|name| i.name.contains(name.as_str()))) {
        let versions = VERSIONS.iter().find(|(minor, _)| *minor == interpreter.minor).map_or(&[][..], |(_, list)| list);
        for (index, version) in versions.iter().enumerate() {
            if !all && !version.ends_with('*') && index + 1 < versions.len() {
                continue;
            }
            let version = version.trim_end_matches('*');
            let packages = package(interpreter, version);
            if packages.is_empty() {
                continue;
            }
            let names: Vec<&str> = packages.iter().map(String::as_str).collect();
            let directory = format!("{}-{}", names[0].replace("==", "-"), interpreter.name);
            let Some(environment) = common::packages(interpreter, &directory, &names) else { continue };
            let run = Crash::new(interpreter, "greenlets.py").args(mode);
            let run = environment.iter().fold(run, |run, (key, value)| run.env(key, value));
            match run.run() {
                Ok(dead) => look(interpreter, version, &dead),
                Err(reason) => common::part_skipped(reason),
            }
        }
    }
}

#[test]
fn greenlets_are_as_they_say() {
    let package = |_: &Interpreter, version: &str| vec![format!("greenlet=={version}")];
    everywhere(&[], package, |interpreter, version, dead| {
        assert!(!dead.truth.is_null(), "{} {version}: {}", interpreter.name, dead.stderr);
        let tasks = tasks_of(dead, interpreter);
        let wrong = compare(&tasks, dead);
        assert!(wrong.is_empty(), "{} greenlet {version}:\n{}", interpreter.name, wrong.join("\n"));
        let text = render::text(&tasks, &TasksText::default());
        assert!(text.contains("15 greenlets: 2 running, 11 suspended, 1 not begun, 1 ended"), "{text}");
        assert!(text.contains("has not begun <function ends at 0x"), "{text}");
    });
}

/// gevent and eventlet, each with what it needs.
const SERVERS: &[(&str, &[&str], &str)] = &[
    (
        "gevent",
        &["gevent==25.9.1", "greenlet==3.2.4", "zope.event==6.2", "zope.interface==8.7"],
        "gevent.hub.Hub at 0x",
    ),
    ("eventlet", &["eventlet==0.41.3", "greenlet==3.2.4", "dnspython==2.9.2"], "greenlet.greenlet at 0x"),
];

#[test]
fn greenlets_of_servers_have_their_hub() {
    let Some(interpreter) = common::interpreter("debian-trixie-3.13") else {
        skip!("no interpreter: run tests/interpreters/fetch.py");
    };
    for (mode, packages, hub) in SERVERS {
        let Some(environment) = common::packages(interpreter, &format!("{mode}-3.13"), packages) else { continue };
        let run = Crash::new(interpreter, "greenlets.py").args(&[mode]);
        let run = environment.iter().fold(run, |run, (key, value)| run.env(key, value));
        match run.run() {
            Ok(dead) => {
                assert!(!dead.truth.is_null(), "{mode}: {}", dead.stderr);
                let tasks = tasks_of(&dead, interpreter);
                let wrong = compare(&tasks, &dead);
                assert!(wrong.is_empty(), "{mode}:\n{}", wrong.join("\n"));
                let hubs: Vec<Addr> = tasks.greenlets.iter().filter(|one| one.is_hub).map(|one| one.addr).collect();
                assert_eq!(hubs, [addr(&dead.truth["extra"]["hub"]).unwrap()], "{mode}");
                let text = render::text(&tasks, &TasksText::default());
                assert!(text.lines().any(|line| line.starts_with(hub) && line.contains(", the hub")), "{text}");
                in_the_report(&dead, interpreter, &tasks);
            }
            Err(reason) => common::part_skipped(reason),
        }
    }
}

/// A report finds the same greenlets without all objects of the heap, and says which of them a thread runs.
fn in_the_report(dead: &CrashedProcess, interpreter: &Interpreter, tasks: &Tasks) {
    let inspection = Inspection::open(&dead.core, &harness::files_of(interpreter)).unwrap();
    let report = inspection.report(&Options::default());
    let found = report.tasks.as_ref().expect("greenlets");
    let sorted = |tasks: &Tasks| {
        let mut all: Vec<(Addr, String, Vec<String>)> =
            tasks.greenlets.iter().map(|one| (one.addr, one.state.to_string(), stack(tasks, one))).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(sorted(found), sorted(tasks), "{}", interpreter.name);
    let text = pyinquest::render::text::render(&report, &pyinquest::render::text::TextOptions::default());
    let running = found.greenlets.iter().find(|one| one.state == GreenletState::Running).unwrap();
    let title = text.lines().find(|line| line.starts_with("Thread ") && line.contains("main thread")).unwrap();
    assert!(title.contains(&format!("runs greenlet {}", running.addr)), "{text}");
    assert!(title.contains(" others suspended"), "{text}");
    let native = inspection.report(&Options { native: true, ..Options::default() });
    let thread = native.threads.iter().find(|thread| thread.is_main()).unwrap();
    let last = thread.frames.last().and_then(|frame| frame.function.as_ref()).unwrap().to_string();
    assert!(last.contains("g_initialstub"), "{last}");
    assert!(thread.frames_end.as_ref().is_some_and(|end| end.contains("a greenlet began here")), "{thread:#?}");
}

/// trio and what it needs, the newest version and the oldest that has `trio.lowlevel`, each on an interpreter that it supports;
/// anyio besides, where the last word says so.
const TRIO: &[(&str, &[&str], bool)] = &[
    ("pyenv-3.8", &["trio==0.15.0", "async_generator==1.10", "attrs==23.2.0"], false),
    ("pyenv-3.8", &["trio==0.19.0", "async_generator==1.10", "attrs==23.2.0"], false),
    ("pyenv-3.11", &["trio==0.33.0", "attrs==26.1.0", "anyio==4.16.0", "typing_extensions==4.16.0"], true),
    ("debian-trixie-3.13", &["trio==0.33.0", "attrs==26.1.0", "anyio==4.16.0", "typing_extensions==4.16.0"], true),
    ("debian-trixie-3.13", &["trio==0.35.0", "attrs==26.1.0"], false),
];
const TRIO_NEEDS: &[&str] = &["idna==3.15", "outcome==1.3.0.post0", "sniffio==1.3.1", "sortedcontainers==2.4.0"];

/// What is wrong with the tasks of trio in one process.
fn compare_nurseries(tasks: &Tasks, dead: &CrashedProcess) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differ = |what: &str, name: &str, ours: String, theirs: String| {
        if ours != theirs {
            wrong.push(format!("{what} of {name}: {ours} instead of {theirs}"));
        }
    };
    let said = dead.truth["extra"]["tasks"].as_array().unwrap();
    differ("number", "tasks", tasks.tasks.len().to_string(), said.len().to_string());
    for one in said {
        let name = one["name"].as_str().unwrap();
        let Some(own) = tasks.tasks.iter().find(|own| Some(own.addr) == addr(&one["id"])) else {
            differ("presence", name, "missing".to_owned(), "there".to_owned());
            continue;
        };
        differ("name", name, own.name.to_string(), name.to_owned());
        differ("parent", name, format!("{:?}", own.parent), format!("{:?}", addr(&one["parent"])));
        differ("cancelled", name, own.cancelling.to_string(), one["cancelled"].to_string());
        let mut at_end: Vec<Addr> = one["at_end"].as_array().unwrap().iter().filter_map(addr).collect();
        at_end.sort_unstable();
        let mut on = own.waits_for.as_ref().map(|w| w.tasks.clone()).unwrap_or_default();
        on.sort_unstable();
        differ("tasks waited for", name, format!("{on:?}"), format!("{at_end:?}"));
        if let Some(kind) = one["kind"].as_str() {
            let ours = own.waits_for.as_ref().map(|w| w.kind.to_string()).unwrap_or_default();
            differ("wait", name, ours, kind.to_owned());
        }
        let state = match name {
            "doomed" | "__main__.with_anyio" => "running",
            "not-started" => "not-started",
            _ if one["waits"] == true => "waiting",
            _ => "runnable",
        };
        differ("state", name, own.state.to_string(), state.to_owned());
        let theirs: Vec<String> = one["chain"].as_array().unwrap().iter().map(line).collect();
        let skipped = usize::try_from(own.called).unwrap();
        let stack = own.stack.map_or(&[][..], |n| &tasks.stacks[n as usize].frames);
        let name_of = |f: &Frame| f.qualname.as_ref().or(f.function.as_ref()).unwrap().to_string();
        let ours: Vec<String> = stack
            .iter()
            .skip(skipped)
            .map(|f| format!("{} {}:{}", name_of(f), f.file.as_ref().unwrap(), f.line.unwrap_or(0)))
            .collect();
        // While it runs its frames are those of its thread.
        if state != "running" {
            differ("stack", name, format!("{ours:?}"), format!("{theirs:?}"));
        }
    }
    if let Some(due) = dead.truth["extra"]["due"].as_f64() {
        let sleeper = tasks.tasks.iter().find(|task| task.name == "sleeper").and_then(|t| t.waits_for.as_ref()?.due);
        differ("due", "sleeper", sleeper.is_some_and(|at| at < due && at > due - 60.0).to_string(), "true".to_owned());
    }
    let runner = &tasks.loops[0];
    differ("type", "the runner", runner.type_name.clone(), "trio._core._run.Runner".to_owned());
    differ("pending", "the runner", runner.pending.to_string(), tasks.tasks.len().to_string());
    wrong
}

fn line(f: &Value) -> String {
    format!("{} {}:{}", f[0].as_str().unwrap(), f[2].as_str().unwrap(), f[1])
}

#[test]
fn tasks_of_trio_stand_in_their_nurseries() {
    for (name, wanted, anyio) in TRIO {
        let Some(interpreter) = common::interpreter(name) else { continue };
        let directory = format!("{}-3.{}", wanted[0].replace("==", "-"), interpreter.minor);
        let wanted = [*wanted, TRIO_NEEDS].concat();
        let Some(environment) = common::packages(interpreter, &directory, &wanted) else { continue };
        let modes = [&[][..], &["anyio"]];
        for mode in modes.iter().take(if *anyio { 2 } else { 1 }) {
            let run = Crash::new(interpreter, "nurseries.py").args(mode);
            let run = environment.iter().fold(run, |run, (key, value)| run.env(key, value));
            match run.run() {
                Ok(dead) => {
                    assert!(!dead.truth.is_null(), "{}: {}", interpreter.name, dead.stderr);
                    let tasks = tasks_of(&dead, interpreter);
                    let wrong = compare_nurseries(&tasks, &dead);
                    assert!(wrong.is_empty(), "{} {mode:?}:\n{}", interpreter.name, wrong.join("\n"));
                }
                Err(reason) => common::part_skipped(reason),
            }
        }
    }
}

/// curio, which needs nothing, does not run on CPython 3.12 and later.
#[test]
fn tasks_of_curio_are_as_they_say() {
    let Some(interpreter) = common::interpreter("pyenv-3.11") else {
        skip!("no interpreter: run tests/interpreters/fetch.py");
    };
    let Some(environment) = common::packages(interpreter, "curio-1.6-3.11", &["curio==1.6"]) else { return };
    let run =
        environment.iter().fold(Crash::new(interpreter, "curio_tasks.py"), |run, (key, value)| run.env(key, value));
    let dead = match run.run() {
        Ok(dead) => dead,
        Err(reason) => return common::part_skipped(reason),
    };
    assert!(!dead.truth.is_null(), "{}", dead.stderr);
    let tasks = tasks_of(&dead, interpreter);
    let said = dead.truth["extra"]["tasks"].as_array().unwrap();
    assert_eq!(tasks.tasks.len(), said.len(), "{:#?}", tasks.tasks);
    for one in said {
        let own =
            tasks.tasks.iter().find(|own| Some(own.addr) == addr(&one["id"])).unwrap_or_else(|| panic!("no {one}"));
        assert_eq!(
            (own.name.to_string(), own.parent),
            (one["name"].as_str().unwrap().to_owned(), addr(&one["parent"]))
        );
        let word = one["word"].as_str().unwrap();
        let state = match (word, own.name.to_string().as_str()) {
            ("RUNNING", _) => "running",
            (_, "not_started") => "not-started",
            ("READY", _) => "runnable",
            _ => "waiting",
        };
        assert_eq!(own.state.to_string(), state, "{one}");
        if let Some(kind) = one["kind"].as_str() {
            assert_eq!(own.waits_for.as_ref().map(|w| w.kind.to_string()).as_deref(), Some(kind), "{one}");
        }
        let sorted = |mut list: Vec<Addr>| {
            list.sort_unstable();
            list
        };
        let on = own.waits_for.as_ref().map(|w| w.tasks.clone()).unwrap_or_default();
        let theirs = one["on"].as_array().unwrap().iter().filter_map(addr).collect();
        assert_eq!(sorted(on), sorted(theirs), "{one}");
        if state != "running" {
            let theirs: Vec<String> = one["chain"].as_array().unwrap().iter().map(line).collect();
            let stack = own.stack.map_or(&[][..], |n| &tasks.stacks[n as usize].frames);
            let name = |f: &Frame| f.qualname.as_ref().or(f.function.as_ref()).unwrap().to_string();
            let ours: Vec<String> = stack
                .iter()
                .map(|f| format!("{} {}:{}", name(f), f.file.as_ref().unwrap(), f.line.unwrap_or(0)))
                .collect();
            assert_eq!(ours, theirs, "{one}");
        }
    }
    let text = render::text(&tasks, &TasksText::default());
    assert!(text.contains("in_group waits for 2 tasks of a TaskGroup"), "{text}");
}

/// Twisted, the newest and one in which callbacks are kept under another name, with what both need.
const TWISTED: &[&str] = &["twisted==26.10.0", "twisted==22.10.0"];
const TWISTED_NEEDS: &[&str] = &[
    "attrs==26.1.0",
    "automat==25.4.16",
    "constantly==23.10.4",
    "hyperlink==21.0.0",
    "idna==3.20",
    "incremental==24.11.0",
    "packaging==26.4",
    "typing_extensions==4.16.0",
    "zope.interface==8.7",
];

#[test]
fn deferreds_have_the_callbacks_that_they_say() {
    let Some(interpreter) = common::interpreter("pyenv-3.11") else {
        skip!("no interpreter: run tests/interpreters/fetch.py");
    };
    for version in TWISTED {
        let wanted = [&[*version], TWISTED_NEEDS].concat();
        let directory = format!("{}-3.11", version.replace("==", "-"));
        let Some(environment) = common::packages(interpreter, &directory, &wanted) else { continue };
        let program = Crash::new(interpreter, "deferreds.py");
        let dead = match environment.iter().fold(program, |run, (key, value)| run.env(key, value)).run() {
            Ok(dead) => dead,
            Err(reason) => return common::part_skipped(reason),
        };
        assert!(!dead.truth.is_null(), "{version}: {}", dead.stderr);
        let tasks = tasks_of(&dead, interpreter);
        let said = dead.truth["extra"]["deferreds"].as_array().unwrap();
        assert_eq!(tasks.deferreds.len(), said.len(), "{version}: {:#?}", tasks.deferreds);
        let name = |value: &Value| value.as_str().map(str::to_owned);
        for one in said {
            let own = tasks.deferreds.iter().find(|own| Some(own.addr) == addr(&one["id"]));
            let own = own.unwrap_or_else(|| panic!("{version}: no {one}"));
            assert_eq!(own.chained_to, addr(&one["chained_to"]), "{version}: {one}");
            assert_eq!((own.called, own.paused), (one["called"] == true, one["paused"] == true), "{version}: {one}");
            let callbacks = one["callbacks"].as_array().unwrap();
            assert_eq!(own.callbacks.len(), callbacks.len(), "{version}: {one}");
            for (own, theirs) in own.callbacks.iter().zip(callbacks) {
                assert_eq!((&own.callback, &own.errback), (&name(&theirs[0]), &name(&theirs[1])), "{version}: {one}");
                let frames = theirs[2].as_array().map(Vec::as_slice).unwrap_or_default();
                let theirs: Vec<String> = frames.iter().map(line).collect();
                let stack = own.stack.map_or(&[][..], |n| &tasks.stacks[n as usize].frames);
                let name = |f: &Frame| f.qualname.as_ref().or(f.function.as_ref()).unwrap().to_string();
                let place = |f: &Frame| format!("{} {}:{}", name(f), f.file.as_ref().unwrap(), f.line.unwrap_or(0));
                assert_eq!(stack.iter().map(place).collect::<Vec<_>>(), theirs, "{version}: {one}");
            }
        }
        let text = render::text(&tasks, &TasksText::default());
        assert!(text.contains("then got, of a failure failed") && text.contains("then Handler.done"), "{text}");
        assert!(text.contains(" waits for the Deferred at 0x"), "{text}");
    }
}
