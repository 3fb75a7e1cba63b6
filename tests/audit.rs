//! The reference audit, native roots and `what`: on extension modules with planted mistakes, and on programs without any.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "native/extension.rs"]
#[allow(dead_code)]
mod extension;
#[path = "audit/mappings.rs"]
mod mappings;
#[path = "audit/tensors.rs"]
mod tensors;

use common::{Crash, CrashedProcess, Interpreter, Unavailable, one_per_column, skip};
use extension::{Debug, module};
use pyinquest::base::{Addr, DiagnosticCode};
use pyinquest::debuggee;
use pyinquest::engine::heap_graph::{self, Ways};
use pyinquest::engine::{Inspection, Options, address, heap_audit, heap_check, memory, record};
use pyinquest::heap::{Filter, Origin};
use pyinquest::image::SearchOptions;
use pyinquest::model::address::{AddressFact, Allocator, BlockState, BufferKind, UnmappedKind};
use pyinquest::model::audit::{AuditGroup, AuditModule, BlameReason, HeapAudit};
use pyinquest::model::heap::HeapAnswer;
use pyinquest::model::integrity::HeapCheck;
use pyinquest::model::memory::{MallocArena, MemoryAnswer, MemoryOwner};
use pyinquest::model::{Finding, FindingId, Report};
use pyinquest::slim;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

fn open(dead: &CrashedProcess, interpreter: &Interpreter) -> Inspection {
    let search = SearchOptions { sysroots: vec![interpreter.sysroot.clone()], ..SearchOptions::default() };
    Inspection::open(&dead.core, &search).unwrap()
}

fn seeded(interpreter: &Interpreter, args: &[&str]) -> Result<CrashedProcess, Unavailable> {
    let seeds = module(interpreter, Debug::Full, "seeds.c")?;
    Crash::new(interpreter, "audit.py").args(args).file(&seeds).run()
}

fn audit(inspection: &Inspection) -> HeapAudit {
    inspection.heap(|state, missing| heap_audit::audit(inspection, state, missing, usize::MAX)).unwrap()
}

/// Type and verdict of each group, with its first suspect.
fn told(audit: &HeapAudit) -> BTreeMap<String, (String, String)> {
    let row = |group: &AuditGroup| {
        let name = group.type_name.clone().unwrap_or_default();
        let verdict = serde_json::to_value(group.verdict).unwrap().as_str().unwrap().to_owned();
        let suspect = group.modules.first().map(|m| m.module.clone()).unwrap_or_default();
        (name.rsplit('.').next().unwrap().to_owned(), (verdict, suspect))
    };
    audit.groups.iter().map(row).collect()
}

#[test]
fn planted_mistakes_are_found_with_type_and_module() {
    let (mut wrong, mut compared, mut unwritten) = (Vec::new(), 0, 0);
    for interpreter in one_per_column() {
        let dead = match seeded(interpreter, &[]) {
            Ok(dead) => dead,
            Err(reason) => {
                common::part_skipped(reason);
                continue;
            }
        };
        let planted: Value = serde_json::from_slice(&std::fs::read(dead.dir.join("audit.json")).unwrap()).unwrap();
        let planted = planted.as_object().unwrap();
        assert!(planted.len() >= 40, "{}", planted.len());
        let answer = audit(&open(&dead, interpreter));
        // The kernel may have joined it with memory that was written to.
        assert!(answer.coverage.left_out < 1 << 20, "{}: {:?}", interpreter.name, answer.coverage);
        unwritten = unwritten.max(answer.coverage.unwritten);
        let told = told(&answer);
        let mut missed = Vec::new();
        for (name, verdict) in planted {
            let verdict = verdict.as_str().unwrap();
            let right = (verdict.to_owned(), "seeds.so".to_owned());
            if told.get(name) != Some(&right) {
                let line = format!("{}: {name} {verdict}: {:?}", interpreter.name, told.get(name));
                // Old copies of pointers hide leaks.
                if verdict == "leaked" { missed.push(line) } else { wrong.push(line) }
            }
        }
        eprintln!("{}: {} planted, missed {missed:?}", interpreter.name, planted.len());
        if missed.len() * 10 > planted.len() {
            wrong.extend(missed);
        }
        let others = told.iter().filter(|(name, _)| !planted.contains_key(*name));
        wrong.extend(others.map(|(name, found)| format!("{}: {name}: {found:?} was not planted", interpreter.name)));
        compared += 1;
    }
    if compared == 0 {
        skip!("no interpreter for which the module could be built");
    }
    assert!(unwritten >= 64 << 20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Programs of which none has a mistake; all interpreters and programs with `PYINQUEST_AUDIT_ALL`.
#[test]
fn nobody_is_accused_without_a_mistake() {
    const PROGRAMS: [&str; 13] = [
        "threads.py",
        "asyncio_prog.py",
        "values.py",
        "generators.py",
        "basic.py",
        "multiline.py",
        "manythreads.py",
        "recursion.py",
        "subinterp.py",
        "extmods.py",
        "native_thread.py",
        "zipcode.py",
        "heap_objects.py",
    ];
    let all = std::env::var_os("PYINQUEST_AUDIT_ALL").is_some();
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (turn, interpreter) in one_per_column().into_iter().enumerate() {
        let chosen = PROGRAMS.iter().enumerate().filter(|(at, _)| all || (at + turn) % 5 == 0);
        for (_, program) in chosen {
            let args: &[&str] = if *program == "heap_objects.py" { &["9000"] } else { &[] };
            let dead = match Crash::new(interpreter, program).args(args).run() {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let inspection = open(&dead, interpreter);
            let told = told(&audit(&inspection));
            wrong.extend(told.iter().map(|found| format!("{} {program}: {found:?}", interpreter.name)));
            let damages = check(&inspection).damages;
            wrong.extend(damages.iter().map(|found| format!("{} {program}: {found:?}", interpreter.name)));
            compared += 1;
        }
    }
    if !all {
        common::not_asked_for("the audit of every program on every interpreter (PYINQUEST_AUDIT_ALL)");
    }
    eprintln!("{compared} healthy dumps");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Text in blocks of freed objects that cannot be told from an `object()` is said to be such perhaps.
#[test]
fn what_may_be_text_is_said() {
    let mut compared = 0;
    for interpreter in one_per_column().into_iter().filter(|i| !i.free_threaded && [8, 12, 15].contains(&i.minor)) {
        let Ok(dead) = seeded(interpreter, &["healthy"]) else { continue };
        let blocks: Vec<u64> =
            serde_json::from_slice(&std::fs::read(dead.dir.join("imitations.json")).unwrap()).unwrap();
        let inspection = open(&dead, interpreter);
        let (imitations, others, perhaps) = inspection
            .heap(|state, _| {
                let is_bare =
                    |at: u64| state.at(Addr(at)).is_some_and(|f| state.shape(f.type_id).unwrap().basicsize == 16);
                let imitations = blocks.iter().filter(|at| is_bare(**at)).count() as u64;
                let all = state.objects().iter().filter(|f| f.origin == Origin::Allocated && is_bare(f.addr));
                let others = all.filter(|f| !blocks.contains(&f.addr) && state.referrers(Addr(f.addr)).is_empty());
                (imitations, others.count() as u64, state.collected.coverage.perhaps_text)
            })
            .unwrap();
        eprintln!("{}: {imitations} imitations, {others} others without a referrer", interpreter.name);
        assert!(imitations > 0, "{}", interpreter.name);
        // Words of an interpreter's state are referrers too.
        assert!((imitations..=imitations + others).contains(&perhaps), "{}: {perhaps}", interpreter.name);
        compared += 1;
    }
    if compared == 0 {
        skip!("no interpreter for which the module could be built");
    }
}

fn findings_of(inspection: &Inspection) -> Vec<Finding> {
    // Builds of tests are slow.
    let mut options = Options::default();
    options.limits.audit = Duration::from_secs(600);
    inspection.report(&options).findings
}

const BY_COUNTS: [FindingId; 2] = [FindingId::OverReleased, FindingId::LeakedReferences];

/// Programs without a mistake that were killed at work, each by each interpreter, as often as `PYINQUEST_AUDIT_HEALTHY` says;
/// `PYINQUEST_TEST_INTERPRETER` chooses one of these.
#[test]
fn nobody_is_accused_under_load() {
    const LIBRARY: [&str; 10] =
        ["sqlite", "tasks", "foreign", "functional", "threads", "codecs", "numbers", "trees", "cycles", "text"];
    const WHEELS: [&str; 5] = ["numpy", "pandas", "flask", "django", "wheels"];
    let Some(rounds) = std::env::var("PYINQUEST_AUDIT_HEALTHY").ok().and_then(|n| n.parse::<u32>().ok()) else {
        common::not_asked_for("the audit of programs at work (PYINQUEST_AUDIT_HEALTHY=1)");
        return;
    };
    let (mut wrong, mut compared, mut objects) = (Vec::new(), 0, 0);
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    for interpreter in one_per_column().into_iter().filter(|i| only.as_ref().is_none_or(|only| i.name == *only)) {
        // What all of the wheels exist for.
        let wheels = (11..=13).contains(&interpreter.minor) && !interpreter.free_threaded;
        let environment =
            wheels.then(|| common::packages(interpreter, &format!("load-3.{}", interpreter.minor), LOADED));
        let environment = environment.flatten().unwrap_or_default();
        let more = if environment.is_empty() { &WHEELS[..0] } else { &WHEELS[..] };
        for (load, seed) in LIBRARY.iter().chain(more).flat_map(|load| (0..rounds).map(move |seed| (*load, seed))) {
            let crash = Crash::new(interpreter, "healthy.py").args(&[load, &seed.to_string()]);
            let dead = match environment.iter().fold(crash, |crash, (key, value)| crash.env(key, value)).run() {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let inspection = open(&dead, interpreter);
            let (answer, whole) = (audit(&inspection), check(&inspection));
            let name = format!("{} {load} {seed}", interpreter.name);
            let collecting = if answer.coverage.collecting { ", collecting" } else { "" };
            eprintln!("{name}: {} objects{collecting}", answer.judged);
            let mut accused: Vec<String> = told(&answer).iter().map(|found| format!("{name}: {found:?}")).collect();
            accused.extend(whole.damages.iter().map(|found| format!("{name}: {found:?}")));
            accused.iter().for_each(|line| eprintln!("{line}"));
            wrong.extend(accused);
            compared += 1;
            objects += answer.judged;
        }
    }
    eprintln!("{compared} healthy dumps, {objects} objects");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An item that is twice in a list is one too many for its count, but for a list that C code is changing.
#[test]
fn a_list_that_c_code_changes_is_not_judged() {
    for interpreter in one_per_column().into_iter().filter(|i| !i.free_threaded && i.minor % 4 == 0) {
        for (way, accused) in [("stopped", false), ("abort", true)] {
            let dead = match Crash::new(interpreter, "in_flux.py").args(&[way]).run() {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let told = told(&audit(&open(&dead, interpreter)));
            let expected = ("over-released".to_owned(), String::new());
            let found = told.get("Thing");
            assert_eq!(found, accused.then_some(&expected), "{} {way}: {told:?}", interpreter.name);
        }
    }
}

/// An object whose type is overwritten is damaged, and not freed: its count agrees with what leads to it.
#[test]
fn an_overwritten_type_is_no_release() {
    for interpreter in one_per_column().into_iter().filter(|i| !i.free_threaded && i.minor % 2 == 0) {
        let dead = match Crash::new(interpreter, "smashed.py").run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let report = open(&dead, interpreter).report(&Options::default());
        let ids: Vec<String> = report.findings.iter().map(|finding| finding.id.to_string()).collect();
        let (damaged, released) = ("corrupt-object".to_owned(), "over-released".to_owned());
        assert!(ids.contains(&damaged) && !ids.contains(&released), "{}: {ids:?}", interpreter.name);
    }
}

/// What the loads of `healthy.py` import.
const LOADED: &[&str] = &[
    "annotated-types==0.8.0",
    "asgiref==3.13.0",
    "blinker==1.9.0",
    "cffi==2.1.1",
    "click==8.5.1",
    "django==5.2.1",
    "flask==3.1.3",
    "greenlet==3.5.6",
    "itsdangerous==2.2.0",
    "jinja2==3.1.6",
    "lxml==6.1.3",
    "markupsafe==3.0.4",
    "msgpack==1.2.4",
    "numpy==2.4.6",
    "pandas==3.1.1",
    "pycparser==3.12",
    "pydantic==2.14.4",
    "pydantic-core==2.50.5",
    "python-dateutil==2.9.0.post0",
    "pyyaml==6.0.4",
    "six==1.17.0",
    "sqlparse==0.6.1",
    "typing-extensions==4.16.0",
    "typing-inspection==0.4.5",
    "tzdata==2026.6",
    "werkzeug==3.1.9",
];

/// Ways to die of it, with the findings of which one comes first; every way on every interpreter with `PYINQUEST_AUDIT_ALL`.
#[test]
fn a_crash_that_wrong_counts_explain_names_type_and_module() {
    const WAYS: [(&str, &str); 3] = [("collector", "pymalloc"), ("attribute", "pymalloc"), ("freed", "pymalloc_debug")];
    // What is left in freed memory is met in one way or another.
    const FIRST: [FindingId; 7] = [
        FindingId::CrashInGc,
        FindingId::CorruptObject,
        FindingId::UseOfFreedMemory,
        FindingId::UnmappedAddress,
        FindingId::NonCanonicalAddress,
        FindingId::SmallIntegerAsPointer,
        FindingId::BadJump,
    ];
    let all = std::env::var_os("PYINQUEST_AUDIT_ALL").is_some();
    let (mut wrong, mut compared, mut met) = (Vec::new(), 0, Vec::new());
    for (turn, interpreter) in one_per_column().into_iter().filter(|i| !i.free_threaded).enumerate() {
        let Ok(seeds) = module(interpreter, Debug::Full, "seeds.c") else { continue };
        for (_, (way, malloc)) in WAYS.iter().enumerate().filter(|(at, _)| all || at % 3 == turn % 3) {
            let crash = Crash::new(interpreter, "released.py").args(&[way]).env("PYTHONMALLOC", malloc).file(&seeds);
            let dead = match crash.run() {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let findings = findings_of(&open(&dead, interpreter));
            let at = findings.iter().position(|f| FIRST.contains(&f.id));
            met.extend(at.and_then(|at| findings.get(at)).map(|f| f.id.clone()));
            let told = |of: &str| {
                let named = findings.iter().filter(|f| f.id == FindingId::OverReleased && f.title.contains(of));
                named.flat_map(|f| &f.evidence).any(|line| line.starts_with("suspect: seeds.so"))
            };
            let next = at.and_then(|at| Some(findings.get(at + 1)?.id == FindingId::OverReleased));
            let accused = findings.iter().filter(|f| BY_COUNTS.contains(&f.id));
            let others =
                accused.filter(|f| !["Session", "seeds.Box", "unknown type"].iter().any(|t| f.title.contains(t)));
            if at != Some(0) || next != Some(true) || !told("Session") || !told("seeds.Box") || others.count() > 0 {
                let shown: Vec<String> =
                    findings.iter().map(|f| format!("[{}] {} {:#?}", f.id, f.title, f.evidence)).collect();
                wrong.push(format!("{} {way} {malloc}:\n{}", interpreter.name, shown.join("\n")));
            }
            compared += 1;
        }
    }
    if compared == 0 {
        skip!("no interpreter for which the module could be built");
    }
    if !all {
        common::not_asked_for("every way to die of a wrong count on every interpreter (PYINQUEST_AUDIT_ALL)");
    }
    eprintln!("{compared} crashes: {}", met.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    assert!(compared < 6 || met.contains(&FindingId::CrashInGc) && met.contains(&FindingId::UseOfFreedMemory));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A wrong count that has nothing to do with the crash is not told of, nor one that is not there; a dump without heap says
/// what was not examined.
#[test]
fn the_heap_is_audited_only_where_counts_explain_the_crash() {
    let Some(interpreter) = one_per_column().into_iter().rfind(|i| !i.free_threaded) else { skip!("no interpreters") };
    let seeds = match module(interpreter, Debug::Full, "seeds.c") {
        Ok(seeds) => seeds,
        Err(reason) => skip!("{reason}"),
    };
    let accused = |findings: &[Finding]| findings.iter().filter(|f| BY_COUNTS.contains(&f.id)).count();
    let run = |program, way: &[&str]| Crash::new(interpreter, program).args(way).file(&seeds).run();
    let (aborted, healthy, freed) =
        match (run("released.py", &["abort"]), run("gc_crash.py", &["direct"]), run("released.py", &["collector"])) {
            (Ok(aborted), Ok(healthy), Ok(freed)) => (aborted, healthy, freed),
            (Err(reason), ..) | (_, Err(reason), _) | (.., Err(reason)) => skip!("{reason}"),
        };
    assert_eq!(accused(&findings_of(&open(&aborted, interpreter))), 0, "the process aborted itself");
    let findings = findings_of(&open(&healthy, interpreter));
    assert_eq!(findings[0].id, FindingId::CrashInGc);
    assert_eq!(accused(&findings), 0, "{findings:?}");
    assert!(findings.iter().all(|f| f.id != FindingId::HeapDamage), "{findings:?}");
    // No time is too little.
    let whole = open(&freed, interpreter);
    let mut options = Options::default();
    options.limits.audit = Duration::ZERO;
    let unexamined = |report: &Report| report.diagnostics.iter().any(|d| d.code == DiagnosticCode::HeapNotAudited);
    let report = whole.report(&options);
    assert!(unexamined(&report) && accused(&report.findings) == 0, "{:?}", report.diagnostics);
    let mut target = debuggee::open(&freed.core).unwrap();
    record(&mut target, &SearchOptions { sysroots: vec![interpreter.sysroot.clone()], ..SearchOptions::default() });
    let small = freed.dir.join("small.core");
    let mut file = std::fs::File::create(&small).unwrap();
    slim::write(&target, target.memory.recorded(), slim::SlimOptions::default(), &mut file).unwrap();
    let report = Inspection::open(&small, &SearchOptions::default()).unwrap().report(&Options::default());
    assert_eq!(report.findings[0].id, FindingId::CrashInGc);
    assert!(unexamined(&report) && accused(&report.findings) == 0, "{:?}", report.diagnostics);
}

fn check(inspection: &Inspection) -> HeapCheck {
    inspection.heap(|state, missing| heap_check::check(inspection, state, missing, usize::MAX)).unwrap()
}

/// Kind and first wrong byte of each damage, and nothing else; what is before it, where the program says.
#[test]
fn damage_is_found_where_it_begins() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    let all = std::env::var_os("PYINQUEST_AUDIT_ALL").is_some();
    for (turn, interpreter) in one_per_column().into_iter().enumerate() {
        let ways: &[(&str, &str)] = match interpreter.free_threaded {
            true => &[("pages", "mimalloc")],
            false => &[("plain", "pymalloc"), ("links", "pymalloc"), ("marks", "pymalloc_debug")],
        };
        for (_, (way, malloc)) in ways.iter().enumerate().filter(|(at, _)| all || *at == 0 || at % 2 == turn % 2) {
            let dead = match Crash::new(interpreter, "damaged_heap.py").args(&[way]).env("PYTHONMALLOC", malloc).run() {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            let said: Value = serde_json::from_slice(&std::fs::read(dead.dir.join("damaged.json")).unwrap()).unwrap();
            let answer = check(&open(&dead, interpreter));
            let mut found: Vec<(String, u64)> = Vec::new();
            for damage in &answer.damages {
                found.push((serde_json::to_value(damage.kind).unwrap().as_str().unwrap().to_owned(), damage.at.0));
            }
            let mut expected: Vec<(String, u64)> = Vec::new();
            for row in said.as_array().unwrap() {
                let at = row["at"].as_u64().unwrap();
                expected.push((row["kind"].as_str().unwrap().to_owned(), at));
                let before = answer.damages.iter().find(|d| d.at.0 == at).and_then(|d| d.before.as_ref());
                let object = before.and_then(|b| b.object.as_ref()).map(|object| object.addr.0);
                if row["before"].as_u64().is_some_and(|before| object != Some(before)) {
                    wrong.push(format!("{} {way}: before {at:#x}: {before:?}", interpreter.name));
                }
            }
            expected.sort_by_key(|(_, at)| *at);
            if found != expected {
                let shown = |list: &[(String, u64)]| -> String {
                    list.iter().map(|(kind, at)| format!(" {kind} {at:#x}")).collect()
                };
                wrong.push(format!("{} {way}:{} instead of{}", interpreter.name, shown(&found), shown(&expected)));
            }
            compared += expected.len();
        }
    }
    eprintln!("{compared} damages");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 0 || one_per_column().is_empty());
}

/// The report of a crash that a damaged heap explains says where it is damaged, next to the crash itself.
#[test]
fn a_crash_of_a_damaged_heap_says_where_it_is_damaged() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for interpreter in one_per_column().into_iter().filter(|i| !i.free_threaded && i.minor % 3 == 0) {
        let crash = Crash::new(interpreter, "damaged_heap.py").args(&["marks", "use"]);
        let dead = match crash.env("PYTHONMALLOC", "pymalloc_debug").run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let said: Value = serde_json::from_slice(&std::fs::read(dead.dir.join("damaged.json")).unwrap()).unwrap();
        let findings = findings_of(&open(&dead, interpreter));
        let told = findings.get(1).filter(|f| f.id == FindingId::HeapDamage);
        let names = |row: &Value| {
            let at = Addr(row["at"].as_u64().unwrap()).to_string();
            told.is_some_and(|f| f.evidence.iter().any(|line| line.starts_with(&at)))
        };
        let is_cause = findings.first().is_some_and(|f| f.id == FindingId::HeapCorruption);
        let mut rows = said.as_array().unwrap().iter().filter(|row| row["used"] == false);
        if !is_cause || !rows.all(names) {
            wrong.push(format!("{}: {said}: {findings:#?}", interpreter.name));
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 0 || one_per_column().is_empty());
}

/// The evidence tells what a freed block was that the crashed code had in hand.
#[test]
fn freed_memory_in_hand_is_named() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for interpreter in one_per_column().into_iter().filter(|i| !i.free_threaded && i.minor % 2 == 0) {
        let Ok(defects) = extension::defects(interpreter, Debug::Full) else { continue };
        let dead = match Crash::new(interpreter, "defects.py").args(&["released_argument"]).file(&defects).run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let findings = findings_of(&open(&dead, interpreter));
        let ghost = |line: &String| line.contains("is in a freed block of ") && line.ends_with("Thing (likely)");
        if !findings.first().is_some_and(|first| first.evidence.iter().any(ghost)) {
            wrong.push(format!("{}: {findings:?}", interpreter.name));
        }
        compared += 1;
    }
    if compared == 0 {
        skip!("no interpreter for which the module could be built");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_native_code_holds_has_a_root_that_is_marked() {
    let mut compared = 0;
    for interpreter in one_per_column().into_iter().filter(|i| i.minor == 8 || i.minor == 12 || i.free_threaded) {
        let Ok(dead) = seeded(interpreter, &["healthy"]) else { continue };
        let inspection = open(&dead, interpreter);
        let why = |name: &str| {
            let filter = Filter { type_name: Some(name.to_owned()), ..Filter::default() };
            let ask = inspection.heap(|state, missing| {
                heap_graph::why_type(&inspection, (state, &Ways::new(&inspection, state)), missing, &filter, 1)
            });
            ask.unwrap().paths.into_iter().next().unwrap()
        };
        let held = why("HeldStatic");
        assert_eq!(held.path.as_deref(), Some("C variable in_static of seeds.so"), "{}", interpreter.name);
        assert!(!held.root_certain);
        let held = why("HeldStack");
        let path = held.path.unwrap();
        assert!(path.contains("C stack +0x") || path.contains(": register "), "{}: {path}", interpreter.name);
        assert!(!held.root_certain);
        assert!(why("HeldState").root_certain, "{}", interpreter.name);
        compared += 1;
    }
    if compared == 0 {
        skip!("no interpreter for which the module could be built");
    }
}

fn facts(inspection: &Inspection, addr: u64) -> Vec<AddressFact> {
    address::what(inspection, Addr(addr)).facts
}

/// The first fact of an address, in the words of its JSON.
fn first(inspection: &Inspection, addr: u64) -> Value {
    serde_json::to_value(facts(inspection, addr).first().unwrap()).unwrap()
}

#[test]
fn addresses_are_what_python_says() {
    let mut wrong = Vec::new();
    for interpreter in one_per_column() {
        let dead = match Crash::new(interpreter, "addresses.py").run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let said: Value = serde_json::from_slice(&std::fs::read(dead.dir.join("addresses.json")).unwrap()).unwrap();
        let at = |name: &str| said[name].as_u64().unwrap_or_else(|| panic!("{name}"));
        let inspection = open(&dead, interpreter);
        let mut expect = |name: &str, right: bool, found: String| {
            if !right {
                wrong.push(format!("{}: {name}: {found}", interpreter.name));
            }
        };
        for (name, kind) in [("list", "list"), ("session", "Session"), ("text", "str"), ("bytes", "bytes")] {
            let found = first(&inspection, at(name));
            let named = found["object"]["type"].as_str().is_some_and(|t| t.ends_with(kind));
            expect(name, found["kind"] == "object" && found["offset"] == 0 && named, found.to_string());
            let found = first(&inspection, at(name) + 9);
            expect(
                name,
                found["offset"] == 9 && found["object"]["addr"] == Addr(at(name)).to_string(),
                found.to_string(),
            );
        }
        let found = first(&inspection, at("in_bytearray"));
        let owner = found["object"]["addr"] == Addr(at("bytearray")).to_string();
        let holds = serde_json::to_value(BufferKind::Text).unwrap();
        // Since 3.15 the content is an object (Objects/bytearrayobject.c), which mimalloc leads to.
        let content = interpreter.minor >= 15 && interpreter.free_threaded && found["object"]["type"] == "bytes";
        let buffer = found["kind"] == "buffer" && found["holds"] == holds && owner;
        expect("bytearray", buffer || content, found.to_string());
        let found = first(&inspection, at("in_array"));
        let owner = found["object"]["addr"] == Addr(at("array")).to_string();
        expect("array", found["kind"] == "buffer" && owner, found.to_string());
        // The block of an instance that was freed.
        let found = facts(&inspection, at("freed"));
        let ghost = found.iter().any(|fact| match fact {
            AddressFact::Block { state: BlockState::Free, was: Some(was), .. } => was.ends_with("Ghost"),
            _ => false,
        });
        expect("freed", ghost, format!("{found:?}"));
        // What malloc gave, and what it took back.
        if said["glibc"] == true {
            for (name, state) in
                [("malloc", BlockState::InUse), ("large", BlockState::InUse), ("released", BlockState::Free)]
            {
                let found = facts(&inspection, at(name) + 20);
                let right = found.iter().any(|fact| match fact {
                    AddressFact::Block { allocator: Allocator::GlibcMalloc, state: s, start, bytes, .. } => {
                        *s == state
                            && (state == BlockState::Free
                                || start.0 == at(name) && *bytes >= at("size_of_malloc").min(*bytes))
                    }
                    _ => false,
                });
                expect(name, right, format!("{found:?}"));
            }
        }
        let found = facts(&inspection, at("environ"));
        let right =
            found.iter().any(|fact| matches!(fact, AddressFact::Symbol { name, .. } if name.contains("environ")));
        expect("environ", right, format!("{found:?}"));
        let sp = inspection.target().threads[0].registers.as_ref().unwrap().sp().unwrap();
        let found = facts(&inspection, sp.0 + 8);
        let right = found
            .iter()
            .any(|f| matches!(f, AddressFact::Stack { offset: 8, frame: Some(frame), .. } if frame.index == 0));
        expect("stack", right, format!("{found:?}"));
        for (addr, why) in [
            (0, UnmappedKind::Null),
            (24, UnmappedKind::NearNull),
            (1 << 62, UnmappedKind::NotCanonical),
            (0xdddd_dddd_dddd_dddd, UnmappedKind::DebugBytes),
        ] {
            let found = facts(&inspection, addr);
            let right = matches!(found.last(), Some(AddressFact::Unmapped { why: w, .. }) if *w == why);
            expect("unmapped", right, format!("{found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The number after the last `=` of the line that begins so, or contains it.
fn stated(text: &str, what: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains(what))?;
    line.rsplit('=').next()?.trim().replace(',', "").parse().ok()
}

#[test]
fn memory_is_what_the_allocators_say() {
    let (mut wrong, mut compared, mut with_malloc, mut free_objects) = (Vec::new(), 0, 0, 0);
    for interpreter in one_per_column() {
        let seeds = match module(interpreter, Debug::Full, "seeds.c") {
            Ok(seeds) => seeds,
            Err(reason) => {
                common::part_skipped(reason);
                continue;
            }
        };
        let dead = match Crash::new(interpreter, "memory.py").file(&seeds).run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let inspection = open(&dead, interpreter);
        let found = inspection.heap(|state, missing| memory::memory(&inspection, state, missing)).unwrap();
        let mut expect = |what: &str, said: Option<u64>, found: u64| {
            if said != Some(found) {
                wrong.push(format!("{}: {what}: {found} instead of {said:?}", interpreter.name));
            }
        };
        if let Some(p) = found.pymalloc {
            for (what, number) in [
                ("arenas allocated current", p.arenas),
                ("bytes in allocated blocks", p.used),
                ("bytes in available blocks", p.free),
                (" unused pools * ", p.empty_pool_bytes),
                ("bytes lost to pool headers", p.pool_heads),
                ("bytes lost to quantization", p.quantization),
                ("bytes lost to arena alignment", p.alignment),
            ] {
                expect(what, stated(&dead.stderr, what), number);
            }
        } else {
            assert!(interpreter.free_threaded, "{}: pymalloc was not found", interpreter.name);
            // The number itself is a block, freed or kept on a list.
            // 3.15 has the blocks of `PyMem_RawMalloc` there too: those of the thread that speaks.
            let raw = dead.stderr.lines().find_map(|line| line.trim().strip_prefix("Allocated Blocks: ")?.parse().ok());
            let said = stated(&dead.stdout, "blocks").unwrap() + raw.unwrap_or(0);
            let blocks = found.mimalloc.unwrap().blocks;
            eprintln!("{}: {blocks} blocks, {said} said, {raw:?} of them raw", interpreter.name);
            // Other threads have a few of these too.
            let most = if raw == Some(0) { 1 } else { 64 };
            expect("blocks of mimalloc", Some(0), blocks.abs_diff(said).saturating_sub(most));
        }
        let unknown = found.diagnostics.iter().any(|d| d.code == DiagnosticCode::FreeListsUnknown);
        // Until 3.9 the lists are static variables, and Debian's programs are stripped.
        let stripped = interpreter.minor < 10 && !interpreter.name.starts_with("pyenv");
        assert_eq!((unknown, found.free_lists.is_empty()), (stripped, stripped), "{}", interpreter.name);
        for (type_name, kind) in FREE_LISTS.iter().filter(|_| !unknown) {
            let Some(said) = free_said(&dead.stderr, type_name) else { continue };
            let kept = free_kept(&found, kind);
            // Python tells of one thread's.
            let kept = if interpreter.free_threaded { kept.min(said) } else { kept };
            expect(type_name, Some(said), kept);
            free_objects += kept;
        }
        let said: Vec<u64> = dead.stdout.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        if let [arena, blocks, bytes, used, free, top] = said[..] {
            let sum = |of: fn(&MallocArena) -> u64| found.malloc.iter().map(of).sum::<u64>();
            let mapped = found.malloc_mapped.unwrap_or_default();
            expect("arena", Some(arena), sum(|a| a.system));
            expect("hblks", Some(blocks), mapped.blocks);
            expect("hblkhd", Some(bytes), mapped.bytes);
            expect("uordblks", Some(used), sum(|a| a.used));
            expect("fordblks", Some(free), sum(|a| a.free));
            expect("keepcost", Some(top), found.malloc.iter().find(|a| a.main).map_or(0, |a| a.top));
            with_malloc += 1;
        }
        let share = found.explained_written as f64 / found.written as f64;
        eprintln!("{}: {:.2}% of {} bytes", interpreter.name, share * 100.0, found.written);
        if share < 0.97 {
            wrong.push(format!("{}: {:.2}% explained: {:?}", interpreter.name, share * 100.0, found.owners));
        }
        assert_eq!(found.owners.iter().map(|row| row.bytes).sum::<u64>(), found.bytes, "{}", interpreter.name);
        assert_eq!(found.owners.iter().map(|row| row.written).sum::<u64>(), found.written, "{}", interpreter.name);
        assert!(found.owners.iter().all(|row| row.written <= row.bytes), "{}: {:?}", interpreter.name, found.owners);
        compared += 1;
    }
    if compared == 0 || with_malloc == 0 {
        skip!("no interpreter for which the module could be built");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(free_objects > 100, "{free_objects} objects on free lists");
}

/// Free lists by the names that `sys._debugmallocstats()` has for them, and by ours.
const FREE_LISTS: &[(&str, &str)] = &[
    ("PyCFunctionObject", "builtin_function_or_method"),
    ("PyDictObject", "dict"),
    ("PyDictKeysObject", "keys of a dict"),
    ("PyFloatObject", "float"),
    ("PyFrameObject", "frame"),
    ("PyListObject", "list"),
    ("PyMethodObject", "method"),
    ("PyTupleObject", "tuple"),
];

/// How many objects of a type Python said that it keeps, whatever their length; `None` where it said nothing of them.
fn free_said(text: &str, type_name: &str) -> Option<u64> {
    let lines = text.lines().filter(|line| line.contains(" free ") && line.contains(&format!("{type_name}s *")));
    let numbers: Vec<u64> = lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
    (!numbers.is_empty()).then(|| numbers.iter().sum())
}

fn free_kept(found: &MemoryAnswer, kind: &str) -> u64 {
    found.free_lists.iter().filter(|list| list.kind == kind).map(|list| list.objects).sum()
}

/// Memory of allocators that are not read: what is in it of Python, and whose it is. musl's; others that are loaded before
/// the C library where `PYINQUEST_OTHER_MALLOCS` names their files.
#[test]
fn other_allocators_are_named() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    let files = std::env::var("PYINQUEST_OTHER_MALLOCS").unwrap_or_default();
    let ordinary = || one_per_column().into_iter().filter(|i| i.is_ordinary() && i.root.is_none());
    let loaded = files.split(':').filter(|file| !file.is_empty()).flat_map(|file| ordinary().map(move |i| (i, file)));
    let musl = common::interpreters().iter().filter(|i| i.musl && i.is_native()).map(|i| (i, ""));
    for (interpreter, file) in musl.chain(loaded) {
        let crash = Crash::new(interpreter, "other_malloc.py").env("LD_PRELOAD", file);
        let dead = match crash.run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let inspection = open(&dead, interpreter);
        let found = inspection.heap(|state, missing| memory::memory(&inspection, state, missing)).unwrap();
        let name = found.other_malloc.as_deref().unwrap_or_default();
        let share = found.explained_written as f64 / found.written as f64;
        eprintln!("{} {file}: {name}, {:.2}% of {} bytes", interpreter.name, share * 100.0, found.written);
        let elsewhere = found.owners.iter().find(|row| row.owner == MemoryOwner::ObjectsElsewhere);
        // The texts that the program wrote.
        let enough = elsewhere.is_some_and(|row| row.written >= 8 << 20);
        if name != "musl" && (file.is_empty() || !file.contains(name) || name.is_empty()) || share < 0.97 || !enough {
            wrong.push(format!("{} {file}: {name}, {:.2}%: {:?}", interpreter.name, share * 100.0, found.owners));
        }
        compared += 1;
    }
    if files.is_empty() {
        common::not_asked_for("memory of jemalloc and its like (PYINQUEST_OTHER_MALLOCS=FILE:FILE)");
    }
    if compared == 0 {
        skip!("no interpreter with another allocator");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A program with NumPy and pandas has sixty extension modules.
#[test]
fn modules_without_a_proof_are_one_line() {
    let module = |name: String, reasons: &[BlameReason]| AuditModule { module: name, reasons: reasons.to_vec() };
    let mut modules = vec![module("holder.so".to_owned(), &[BlameReason::DefinesHolder])];
    modules.extend((0..20).map(|n| module(format!("other{n}.so"), &[BlameReason::Loaded])));
    let group = AuditGroup { modules, ..AuditGroup::default() };
    let answer = HeapAudit { groups: vec![group], ..HeapAudit::default() };
    let text = pyinquest::render::heap::render(&HeapAnswer::Audit(answer));
    let suspects: Vec<&str> = text.lines().filter(|line| line.contains("suspect")).collect();
    assert_eq!(suspects.len(), 2, "{text}");
    assert!(suspects[0].contains("holder.so") && suspects[1].contains("other2.so and 17 more"), "{text}");
}

/// The heap of a process that is looked at while it lives: the objects that its core has, and nobody is accused for memory that
/// nothing holds.
#[test]
fn the_heap_of_a_living_process_is_that_of_its_core() {
    let mut compared = 0;
    for interpreter in
        one_per_column().into_iter().filter(|i| i.root.is_none() && (i.free_threaded && i.minor == 14 || i.minor == 12))
    {
        let process = match common::block(interpreter, "basic.py", &[]) {
            Ok(process) => process,
            Err(reason) => skip!("{reason}"),
        };
        let core = match process.gcore() {
            Ok(core) => core,
            Err(reason) => skip!("{reason}"),
        };
        let answer = |command: &[&str], from: &[&str]| -> Value {
            let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_pyinquest"));
            let output = run.args(command).args(from).args(["--format", "json"]).output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{}: {e}: {text}", interpreter.name))
        };
        let pid = process.pid.to_string();
        let (living, dead) = (["--pid", pid.as_str()], [core.to_str().unwrap()]);
        let (now, then) = (answer(&["heap"], &living), answer(&["heap"], &dead));
        assert!(now["objects"].as_u64().unwrap() > 10_000, "{}: {now}", interpreter.name);
        assert_eq!(now["objects"], then["objects"], "{}", interpreter.name);
        assert_eq!(now["bytes"], then["bytes"], "{}", interpreter.name);
        // Where it runs on meanwhile, nothing is of one moment.
        let audit = answer(&["heap", "audit"], &[&living[..], &["--no-stop"]].concat());
        assert_eq!((&audit["groups"], &audit["leaks_judged"]), (&serde_json::json!([]), &Value::Bool(false)));
        compared += 1;
    }
    if compared == 0 {
        skip!("no interpreter without a root of its own");
    }
}

/// Leaks of a process that lives, where its memory could be copied while it stood still. Free-threaded builds reserve a GiB, of which
/// they use little.
#[test]
fn leaks_of_a_living_process_are_found() {
    let mut compared = 0;
    let chosen = |i: &&Interpreter| i.root.is_none() && (i.free_threaded || [8, 12].contains(&i.minor));
    for interpreter in one_per_column().into_iter().filter(chosen) {
        let Ok(seeds) = module(interpreter, Debug::Full, "seeds.c") else { continue };
        for way in [&[][..], &["healthy"]] {
            let process = match common::waits(Crash::new(interpreter, "leaking.py").args(way).file(&seeds)) {
                Ok(process) => process,
                Err(reason) => skip!("{reason}"),
            };
            let pid = process.pid.to_string();
            let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_pyinquest"));
            let args = ["heap", "audit", "--pid", &pid, "--max-stop", "10000", "--format", "json"];
            let output = run.args(args).output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            let found: HeapAudit =
                serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{}: {e}: {text}", interpreter.name));
            assert!(found.leaks_judged, "{} {way:?}: {:?} {text}", interpreter.name, found.diagnostics);
            let expected = |name: &str| (name.to_owned(), ("leaked".to_owned(), "seeds.so".to_owned()));
            let expected: BTreeMap<_, _> =
                if way.is_empty() { ["Counted", "Lost"].map(expected).into() } else { BTreeMap::new() };
            assert_eq!(told(&found), expected, "{} {way:?}", interpreter.name);
        }
        compared += 1;
    }
    if compared == 0 {
        skip!("no interpreter without a root of its own for which the module could be built");
    }
}

/// Arenas, and pages of free-threaded builds, that a few objects keep from the system: how many, and which objects.
#[test]
fn objects_that_keep_empty_arenas_are_named() {
    let mut compared = 0;
    for interpreter in one_per_column().into_iter().filter(|i| i.free_threaded || [9, 12, 14, 15].contains(&i.minor)) {
        let dead = match Crash::new(interpreter, "pinned.py").run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let inspection = open(&dead, interpreter);
        let found = inspection.heap(|state, missing| memory::memory(&inspection, state, missing)).unwrap();
        let pins = found.pinned_by.iter().find(|pin| pin.name == "__main__.Session");
        let pins = pins.unwrap_or_else(|| panic!("{}: {:?}", interpreter.name, found.pinned_by));
        // The first ones are where what lives on is too.
        assert!((90..=100).contains(&pins.objects), "{}: {pins:?}", interpreter.name);
        let (number, used, bytes) = match (found.pymalloc, found.mimalloc) {
            (Some(p), _) => (p.sparse_arenas, p.sparse_used, p.sparse_arenas * p.arena_bytes),
            (None, m) => m.map(|m| (m.sparse_pages, m.sparse_used, m.sparse_page_bytes)).unwrap(),
        };
        assert!(number >= 20 && pins.arenas >= number / 2, "{}: {pins:?} {number}", interpreter.name);
        assert!(used * 10 < bytes, "{}: {used} of {bytes}", interpreter.name);
        compared += 1;
    }
    if compared == 0 {
        skip!("no interpreters");
    }
}
