//! Processes that stand still: who waits for whom, and no deadlock where there is none.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "native/extension.rs"]
mod extension;
mod harness;

use common::{Crash, Interpreter, block, interpreters, one_per_minor, skip};
use pyinquest::base::DiagnosticCode;
use pyinquest::debuggee::live::LiveOptions;
use pyinquest::engine::{Options, examine};
use pyinquest::model::{Confidence, Finding, FrameKind, Report, Thread, WaitKind};
use rayon::prelude::*;

fn report(interpreter: &Interpreter, core: &std::path::Path) -> Report {
    harness::report_of(interpreter, core, &Options::default())
}

/// The interpreters of a run: one of each version, and the builds whose locks differ from those.
fn chosen() -> Vec<&'static Interpreter> {
    match std::env::var("PYINQUEST_TEST_INTERPRETER") {
        Ok(name) => interpreters().iter().filter(|i| i.is_native() && i.name.contains(name.as_str())).collect(),
        Err(_) => {
            let free_threaded = interpreters().iter().filter(|i| i.is_native() && i.free_threaded);
            // 3.13.0 has other locks than the later 3.13.
            let early = interpreters().iter().filter(|i| i.is_ordinary() && (i.hexversion >> 8) == 0x03_0d_00);
            let mut all = one_per_minor();
            all.extend(free_threaded);
            all.extend(early.filter(|i| !one_per_minor().iter().any(|k| k.name == i.name)));
            all
        }
    }
}

fn everywhere(ways: &[&str], check: impl Fn(&Interpreter, &Report) -> Result<(), String> + Sync) {
    everywhere_in("deadlock.py", None, ways, check);
}

/// `module`: a source of an extension module that the program imports.
fn everywhere_in(
    program: &str,
    module: Option<&str>,
    ways: &[&str],
    check: impl Fn(&Interpreter, &Report) -> Result<(), String> + Sync,
) {
    let chosen = chosen();
    if chosen.is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    let results: Vec<Result<Option<String>, String>> = chosen
        .par_iter()
        .map(|interpreter| {
            let mut dead = Crash::new(interpreter, program).args(ways);
            if let Some(source) = module {
                // What is built here needs a C library as new as that of this system.
                let old = interpreter.name.contains("bullseye");
                match extension::module(interpreter, extension::Debug::Full, source) {
                    Ok(module) if !old => dead = dead.file(&module),
                    _ => return Ok(None),
                }
            }
            let dead = dead.run().map_err(|e| e.to_string())?;
            let report = report(interpreter, &dead.core);
            let wrong = check(interpreter, &report).err();
            Ok(wrong.map(|w| format!("{} {ways:?}: {w}\n{}", interpreter.name, summary(&report))))
        })
        .collect();
    let mut wrong = Vec::new();
    for result in results {
        match result {
            Ok(found) => wrong.extend(found),
            Err(reason) => skip!("{reason}"),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn summary(report: &Report) -> String {
    let findings =
        report.findings.iter().map(|f| format!("  [{}] {:?} {}\n    {:?}", f.id, f.confidence, f.title, f.evidence));
    let threads = report.threads.iter().map(|t| format!("  {:?} {}: {:?}", t.tid, name(t), t.waits_for));
    findings.chain(threads).collect::<Vec<_>>().join("\n")
}

fn name(thread: &Thread) -> String {
    thread.name.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn thread<'r>(report: &'r Report, wanted: &str) -> Result<&'r Thread, String> {
    report.threads.iter().find(|t| name(t) == wanted).ok_or_else(|| format!("no thread {wanted}"))
}

/// Thread `who` waits for something of kind `kind` that `owner` has.
fn waits(report: &Report, who: &str, kind: WaitKind, owner: &str) -> Result<(), String> {
    let wait = thread(report, who)?.waits_for.as_ref().ok_or_else(|| format!("{who} waits for nothing"))?;
    let owner = thread(report, owner)?.tid;
    if wait.kind == kind && wait.owner == owner { Ok(()) } else { Err(format!("{who} waits for {wait:?}")) }
}

/// The deadlock whose title has these parts.
fn deadlock<'r>(report: &'r Report, confidence: Confidence, parts: &[&str]) -> Result<&'r Finding, String> {
    let fits = |f: &&Finding| f.id == "deadlock" && parts.iter().all(|p| f.title.contains(p));
    let found = report.findings.iter().find(fits).ok_or_else(|| format!("no deadlock of {parts:?}"))?;
    if found.confidence == confidence { Ok(found) } else { Err(format!("{}: {:?}", found.title, found.confidence)) }
}

/// Two threads of the way `name` wait for each other.
fn cycle<'r>(report: &'r Report, name: &str, kind: WaitKind, confidence: Confidence) -> Result<&'r Finding, String> {
    let (alpha, beta) = (format!("{name}-alpha"), format!("{name}-beta"));
    waits(report, &alpha, kind, &beta)?;
    waits(report, &beta, kind, &alpha)?;
    deadlock(report, confidence, &[&format!("\"{alpha}\" waits for"), &format!("\"{beta}\" waits for")])
}

/// All that is seen in one process: each way is a test of its own, a core each would take long.
const IN_PYTHON: &[&str] = &["rlocks", "locks", "conditions", "three", "again", "joins", "imports", "idle"];

fn in_python(report: &Report) -> Result<(), String> {
    cycle(report, "rlocks", WaitKind::RLock, Confidence::High)?;
    // A Condition has an RLock.
    cycle(report, "conditions", WaitKind::RLock, Confidence::High)?;
    cycle(report, "joins", WaitKind::Thread, Confidence::High)?;
    plain_locks(report)?;
    waits(report, "three-alpha", WaitKind::RLock, "three-beta")?;
    waits(report, "three-gamma", WaitKind::RLock, "three-alpha")?;
    let names = ["deadlock of 3 threads", "\"three-alpha\"", "\"three-beta\"", "\"three-gamma\""];
    deadlock(report, Confidence::High, &names)?;
    waits(report, "imports-alpha", WaitKind::Thread, "imports-beta")?;
    waits(report, "imports-beta", WaitKind::ModuleLock, "imports-alpha")?;
    deadlock(report, Confidence::High, &["the import of module stuck_module", "the end of thread"])?;
    let ways = report.findings.iter().take_while(|f| f.id == "deadlock").count();
    let all = report.findings.iter().filter(|f| f.id == "deadlock").count();
    // Those that wait for work make none; all others do, and come first.
    if (ways, all) == (7, 7) { waiting_for_work(report) } else { Err(format!("{ways} deadlocks first, {all} in all")) }
}

/// A plain lock records no owner, but a `with` block shows who may have it.
fn plain_locks(report: &Report) -> Result<(), String> {
    let found = cycle(report, "locks", WaitKind::Lock, Confidence::Medium)?;
    let hint = |e: &String| e.contains("records no owner") && e.contains("(deadlock.py:") && e.contains("take)");
    if !found.evidence.iter().all(hint) {
        return Err(format!("the evidence does not say where it comes from: {:?}", found.evidence));
    }
    waits(report, "again-alpha", WaitKind::Lock, "again-alpha")?;
    let parts = ["\"again-alpha\" waits for the threading.Lock", "seems to hold itself"];
    deadlock(report, Confidence::Medium, &parts).map(|_| ())
}

fn waiting_for_work(report: &Report) -> Result<(), String> {
    waits(report, "joiner", WaitKind::Thread, "sleeper")?;
    waits(report, "waiter", WaitKind::RLock, "owner")?;
    for (who, call) in [
        ("condition", "Condition.wait"),
        ("shared", "Condition.wait"),
        ("event", "Event.wait"),
        ("queue", "Queue.get"),
        ("simple", "SimpleQueue.get"),
        ("semaphore", "Semaphore.acquire"),
        ("pool_0", ""),
    ] {
        let wait = thread(report, who)?.waits_for.as_ref().ok_or_else(|| format!("{who} waits for nothing"))?;
        if wait.kind != WaitKind::Notification || !wait.what.contains(call) || wait.owner.is_some() {
            return Err(format!("{who} waits for {wait:?}"));
        }
    }
    Ok(())
}

#[test]
fn threads_that_wait_for_each_other_are_told_from_those_that_wait_for_work() {
    everywhere(IN_PYTHON, |_, report| in_python(report));
}

#[test]
fn a_mutex_of_c_code_locked_twice_with_the_gil() {
    everywhere(&["relock"], |interpreter, report| {
        waits(report, "relock-alpha", WaitKind::Mutex, "relock-alpha")?;
        // The main thread wants to come back from C.
        if !interpreter.free_threaded && report.interpreters[0].gil_locked != Some(true) {
            return Err("the GIL is free".to_owned());
        }
        first(report, &["\"relock-alpha\" waits for the mutex", "holds itself"])
    });
}

#[test]
fn the_gil_against_a_mutex() {
    everywhere(&["inversion"], |interpreter, report| {
        if interpreter.free_threaded {
            // Without a GIL alpha ends, and a mutex is left behind whose owner is no more.
            let found = report.findings.iter().any(|f| f.id == "deadlock");
            return if found { Err("a deadlock without a GIL".to_owned()) } else { Ok(()) };
        }
        waits(report, "inversion-alpha", WaitKind::Gil, "inversion-beta")?;
        waits(report, "inversion-beta", WaitKind::Mutex, "inversion-alpha")?;
        first(report, &["waits for the GIL", "waits for the mutex"])
    });
}

/// A wait for the GIL and one for something of C code: a deadlock in a build with a GIL, none in one without.
fn crossed(
    way: &str,
    kind: WaitKind,
    confidence: Confidence,
    interpreter: &Interpreter,
    report: &Report,
) -> Result<(), String> {
    // A module that does not say that it can do without turns the GIL on.
    if interpreter.free_threaded && kind != WaitKind::StaticGuard {
        let found = report.findings.iter().find(|f| f.id == "deadlock" || f.id == "gil-held-asleep");
        return found.map_or(Ok(()), |f| Err(format!("{} without a GIL", f.id)));
    }
    let (alpha, beta) = (format!("{way}-alpha"), format!("{way}-beta"));
    waits(report, &alpha, WaitKind::Gil, &beta)?;
    waits(report, &beta, kind, &alpha)?;
    let found = deadlock(report, confidence, &[&alpha, &beta, "waits for the GIL"])?;
    if std::ptr::eq(found, &raw const report.findings[0]) { Ok(()) } else { Err("it is not the first".to_owned()) }
}

#[test]
fn the_gil_against_a_read_write_lock() {
    everywhere(&["rwlock"], |i, report| crossed("rwlock", WaitKind::RwLock, Confidence::High, i, report));
}

#[test]
fn the_gil_against_what_is_done_once() {
    everywhere(&["once"], |i, report| crossed("once", WaitKind::Once, Confidence::High, i, report));
}

#[test]
fn the_gil_against_a_static_variable_of_cpp() {
    // That the function is on the other thread's stack is not a proof that it is where the variable is made.
    everywhere_in("deadlock.py", Some("waits.cpp"), &["guard"], |i, report| {
        crossed("guard", WaitKind::StaticGuard, Confidence::Medium, i, report)
    });
}

#[test]
fn a_thread_that_sleeps_with_the_gil() {
    for (way, function) in [("condition", "pthread_cond_wait"), ("poll", "poll")] {
        everywhere(&[way], |interpreter, report| {
            let found = report.findings.iter().find(|f| f.id == "gil-held-asleep");
            let found = match (found, interpreter.free_threaded) {
                (None, true) => return Ok(()),
                (Some(_), true) => return Err("without a GIL".to_owned()),
                (found, false) => found.ok_or("it is not told")?,
            };
            let parts =
                [&format!("\"{way}-beta\" holds the GIL while it sleeps in"), function, "deadlock.py:", "the GIL"];
            let missing = parts.iter().find(|part| !found.title.contains(**part));
            let first = std::ptr::eq(found, &raw const report.findings[0]) && found.confidence == Confidence::Medium;
            missing.map_or(if first { Ok(()) } else { Err("it is not the first, or certain".to_owned()) }, |m| {
                Err(format!("no {m}"))
            })
        });
    }
}

#[test]
fn a_result_whose_maker_waits_for_the_one_who_asks() {
    everywhere(&["futures"], |_, report| {
        waits(report, "futures-alpha", WaitKind::Result, "futures-pool_0")?;
        waits(report, "futures-pool_0", WaitKind::RLock, "futures-alpha")?;
        first(report, &["waits for the result of the Future", "Future.result", "futures-pool_0"])
    });
}

#[test]
fn a_result_of_a_pool_whose_maker_waits_for_the_one_who_asks() {
    everywhere(&["results"], |_, report| {
        waits(report, "results-alpha", WaitKind::Result, "results-beta")?;
        waits(report, "results-beta", WaitKind::RLock, "results-alpha")?;
        first(report, &["waits for the result of the ApplyResult", "ApplyResult.get", "results-beta"])
    });
}

#[test]
fn what_a_thread_had_that_did_not_survive_a_fork() {
    for (kind, confidence, what) in [
        ("rlock", Confidence::High, "waits for the threading.RLock"),
        ("lock", Confidence::Medium, "the only one of the process, waits for the threading.Lock"),
        ("mutex", Confidence::High, "waits for the mutex"),
        ("semaphore", Confidence::Medium, "and no other thread is there to end that"),
    ] {
        everywhere_in("forked_lock.py", None, &[kind], |_, report| {
            let found = report.findings.first().filter(|f| f.id == "lock-orphaned").ok_or("it is not told first")?;
            let told = found.confidence == confidence && found.title.contains(what) && found.title.contains("in want");
            if told { Ok(()) } else { Err(found.title.clone()) }
        });
    }
}

#[test]
fn a_process_that_does_not_end_because_of_a_thread() {
    everywhere_in("exit_hang.py", None, &[], |_, report| {
        let main = report
            .threads
            .iter()
            .find(|t| t.python.as_ref().is_some_and(|p| p.main == Some(true)))
            .ok_or("no main thread")?;
        let wait = main.waits_for.as_ref().ok_or("the main thread waits for nothing")?;
        let consumer = thread(report, "consumer").ok().and_then(|t| t.tid);
        // The thread's name is in an object that 3.8 to 3.10 do not keep for the end.
        let consumer = consumer.or_else(|| report.threads.iter().find(|t| t.tid != main.tid).and_then(|t| t.tid));
        if wait.kind == WaitKind::Thread && wait.owner == consumer { Ok(()) } else { Err(format!("{wait:?}")) }
    });
}

/// By `PyGILState_Ensure`, which is free of the GIL and not of the interpreter: it crashes until 3.13, and sleeps for ever
/// since, while the main thread waits for the end of the thread.
#[test]
fn a_thread_that_calls_python_when_it_has_ended() {
    for how in ["0", "1"] {
        everywhere_in("late.py", Some("late.cpp"), &[how], |interpreter, report| {
            let first = report.findings.first().ok_or("no finding")?;
            let own = report.process.pid.and_then(|pid| i32::try_from(pid).ok());
            let sender = report.crash.as_ref().and_then(|c| c.sender_pid).filter(|pid| Some(*pid) != own);
            let (id, parts) = match sender {
                None => ("use-after-finalize", ["after Py_Finalize: PyGILState_Ensure, called by", "late.so"]),
                Some(_) if interpreter.minor < 14 => return Err("it hangs".to_owned()),
                Some(_) => ("deadlock", ["waits for the end of thread", "the interpreter has come to its end"]),
            };
            let told = first.id == id && parts.iter().all(|part| first.title.contains(part));
            if told && first.confidence == Confidence::High {
                Ok(())
            } else {
                Err(format!("[{}] {}", first.id, first.title))
            }
        });
    }
}

#[test]
fn a_lock_that_is_held_by_a_thread_at_work() {
    everywhere(&["idle"], |_, report| {
        if report.findings.iter().any(|f| f.id == "deadlock") {
            return Err("a deadlock is seen".to_owned());
        }
        let held = report.findings.iter().find(|f| f.id == "lock-held").ok_or("the held lock is not told")?;
        let told = held.title.contains("\"waiter\" waits for the threading.RLock") && held.title.contains("own");
        if told { Ok(()) } else { Err(held.title.clone()) }
    });
}

/// The same is seen from outside: in a process that lives on, and in a core that `gcore` writes of it.
#[test]
fn threads_of_a_living_process_that_wait_for_each_other() {
    let all = one_per_minor();
    let own = all.iter().rfind(|i| i.root.is_none());
    // One in a root directory of its own has another C library than the machine.
    let other = all.iter().rfind(|i| i.root.is_some());
    if own.or(other).is_none() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    for interpreter in own.into_iter().chain(other) {
        let blocked = match block(interpreter, "deadlock.py", &["rlocks", "joins"]) {
            Ok(blocked) => blocked,
            Err(reason) => skip!("{reason}"),
        };
        let search = harness::files_of(interpreter);
        let seen = examine(i32::try_from(blocked.pid).unwrap(), LiveOptions::default(), &search, |inspection| {
            inspection.report(&Options::default())
        });
        let live = seen.unwrap().result;
        both_cycles(&live).unwrap_or_else(|e| panic!("{} live: {e}\n{}", interpreter.name, summary(&live)));
        let core = match blocked.gcore() {
            Ok(core) => report(interpreter, &core),
            Err(reason) => skip!("{reason}"),
        };
        let seen = match core.diagnostics.iter().any(|d| d.code == DiagnosticCode::CoreStacksLost) {
            true => without_stacks(&core, &live),
            false => both_cycles(&core),
        };
        seen.unwrap_or_else(|e| panic!("{} gcore: {e}\n{}", interpreter.name, summary(&core)));
    }
}

fn both_cycles(report: &Report) -> Result<(), String> {
    cycle(report, "rlocks", WaitKind::RLock, Confidence::High)?;
    cycle(report, "joins", WaitKind::Thread, Confidence::High)?;
    let leads = report.findings.first().map(|f| f.id.to_string());
    if leads.as_deref() == Some("deadlock") { Ok(()) } else { Err(format!("{leads:?} leads")) }
}

/// gdb has left zeros in place of the threads' stacks: nothing is made of them, and Python's own frames are all there.
fn without_stacks(core: &Report, live: &Report) -> Result<(), String> {
    let python = |t: &Thread| -> Vec<String> {
        let frames = t.frames.iter().filter(|f| f.kind == FrameKind::Python);
        frames.map(|f| format!("{:?} {:?} {:?}", f.function, f.file, f.line)).collect()
    };
    if let Some(found) = core.findings.iter().find(|f| f.id == "deadlock") {
        return Err(format!("a deadlock: {}", found.title));
    }
    for thread in &live.threads {
        let same = core.threads.iter().find(|t| t.tid == thread.tid).ok_or("a thread is missing")?;
        if python(same) != python(thread) || python(thread).is_empty() {
            return Err(format!("{}: {:#?}, not {:#?}", name(thread), python(same), python(thread)));
        }
        if same.waits_for.is_some() && name(thread).contains("alpha") {
            return Err(format!("{} waits for {:?}", name(thread), same.waits_for));
        }
    }
    Ok(())
}

fn first(report: &Report, parts: &[&str]) -> Result<(), String> {
    let found = deadlock(report, Confidence::High, parts)?;
    if std::ptr::eq(found, &raw const report.findings[0]) { Ok(()) } else { Err("it is not the first".to_owned()) }
}
