//! `heap report`, `heap diff`, `heap top` by type and name, slim dumps with a heap: compared with what Python says.

use super::common::{self, Blocked, Crash, CrashedProcess, Interpreter, Unavailable, block, skip};
use super::{open, words};
use pyinquest::base::Addr;
use pyinquest::cpython::object::refcount;
use pyinquest::engine::heap_diff::{Snapshot, diff};
use pyinquest::engine::heap_graph::Ways;
use pyinquest::engine::{Inspection, heap_report, heap_top};
use pyinquest::heap::{Graph, Origin, Reference, garbage, roots};
use pyinquest::image::SearchOptions;
use pyinquest::model::heap::{HeapAnswer, HeapFinding, HeapFindingId, HeapReport, HeapTop, HeapTree};
use pyinquest::render::heap as render;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn program(interpreter: &Interpreter, args: &[&str]) -> Result<CrashedProcess, Unavailable> {
    Crash::new(interpreter, "heap_report.py").args(args).run()
}

fn facts(dead: &CrashedProcess) -> Value {
    serde_json::from_str(&std::fs::read_to_string(dead.dir.join("heap.json")).unwrap()).unwrap()
}

fn report_of(dead: &CrashedProcess, interpreter: &Interpreter) -> HeapReport {
    let inspection = open(dead, interpreter, false);
    let report = inspection.heap(|state, missing| {
        let ways = Ways::new(&inspection, state);
        heap_report::report(&inspection, state, &ways, missing, 30)
    });
    report.unwrap()
}

fn top_of(dead: &CrashedProcess, interpreter: &Interpreter) -> HeapTop {
    let inspection = open(dead, interpreter, false);
    let top = inspection.heap(|state, missing| {
        let ways = Ways::new(&inspection, state);
        heap_top::top(&inspection, state, ways, missing, 50)
    });
    top.unwrap()
}

fn number(facts: &Value, name: &str) -> u64 {
    facts[name].as_u64().unwrap_or_else(|| panic!("{name} in {facts}"))
}

fn found(report: &HeapReport, id: HeapFindingId) -> &HeapFinding {
    let titles: Vec<&str> = report.findings.iter().map(|f| f.title.as_str()).collect();
    report.findings.iter().find(|f| f.id == id).unwrap_or_else(|| panic!("{id:?} is not in {titles:#?}"))
}

/// Each rule tells of what was planted for it, with the bytes that Python counts.
#[test]
fn the_report_tells_of_what_was_planted() {
    for interpreter in common::one_per_minor() {
        let dead = match program(interpreter, &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let (report, said) = (report_of(&dead, interpreter), facts(&dead));
        let name = &interpreter.name;
        eprintln!("{name}\n{}", render::render(&HeapAnswer::from(report.clone())));
        let of = |id| found(&report, id);

        let accumulation = of(HeapFindingId::AccumulationPoint);
        assert_eq!(accumulation.path.as_deref(), Some("__main__.cache"), "{name}");
        assert_eq!(accumulation.object.as_ref().map(|o| o.type_name.as_str()), Some("dict"), "{name}");
        assert!(accumulation.bytes > number(&said, "bodies"), "{name}: {accumulation:#?}");
        assert!(accumulation.evidence[0].contains("20,000 items"), "{name}: {accumulation:#?}");

        let dominant = of(HeapFindingId::DominantType);
        assert!(dominant.title.starts_with("20,000 objects of __main__.Session keep"), "{name}: {}", dominant.title);
        assert_eq!(dominant.objects, number(&said, "sessions"), "{name}");

        let duplicates = of(HeapFindingId::DuplicateStrings);
        // Names of the interpreter are there twice too.
        let extra = duplicates.bytes.checked_sub(number(&said, "duplicates"));
        assert!(extra.is_some_and(|extra| extra < 200_000), "{name}: {duplicates:#?}");
        assert!(duplicates.evidence[0].starts_with("60,000 times the value"), "{name}: {duplicates:#?}");
        assert!(duplicates.evidence[0].contains("one is __main__.names["), "{name}: {duplicates:#?}");

        let sparse = of(HeapFindingId::SparseDict);
        assert_eq!(sparse.path.as_deref(), Some("__main__.sparse"), "{name}");
        let table = number(&said, "table");
        assert!(sparse.bytes > table / 10 * 9 && sparse.bytes < table + 50_000, "{name}: {} of {table}", sparse.bytes);
        assert!(sparse.evidence[0].contains("of 3 items"), "{name}: {sparse:#?}");

        if interpreter.free_threaded {
            assert!(report.findings.iter().all(|f| f.id != HeapFindingId::CycleGarbage));
            continue;
        }
        let unreachable = words(&dead, "garbage.bin").len() as u64;
        let cycles = of(HeapFindingId::CycleGarbage);
        let missed = unreachable.checked_sub(cycles.objects);
        assert!(
            missed.is_some_and(|missed| missed * 1000 < unreachable),
            "{name}: {} of {unreachable}",
            cycles.objects
        );
        assert_eq!(cycles.path, None, "{name}");
        assert!(cycles.bytes > 24_000 * 320, "{name}: {cycles:#?}");
        assert!(cycles.evidence.iter().any(|e| e.contains("gc.disable()")), "{name}: {cycles:#?}");
        assert_eq!(of(HeapFindingId::FinalizerBacklog).objects, 600, "{name}");
        assert_eq!(of(HeapFindingId::Uncollectable).objects, 150, "{name}");
    }
}

/// What a forked child's `gc.collect()` finds is what we find, object by object: none invented, at least 99.9 % told.
#[test]
fn garbage_is_what_the_collector_would_find() {
    for interpreter in common::interpreters().iter().filter(|i| i.is_ordinary() && !i.free_threaded) {
        let dead = match program(interpreter, &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let said: BTreeSet<u64> = words(&dead, "garbage.bin").into_iter().collect();
        let inspection = open(&dead, interpreter, false);
        let interpreters = inspection.python().unwrap().interpreters();
        let (ours, wrong) = inspection
            .heap(|state, _| {
                let graph = Graph::new(state, roots(state, interpreters, &inspection.target().diagnostics));
                let list = garbage(state, &graph).unwrap();
                let objects: Vec<_> = list.iter().filter_map(|id| state.objects().get(*id)).collect();
                assert!(objects.iter().all(|found| found.origin <= Origin::Old));
                let ours: BTreeSet<u64> = objects.iter().map(|found| found.addr).collect();
                let name = |at: &u64| {
                    let Some(found) = state.at(Addr(*at)) else { return format!("{at:#x} is no object") };
                    let name = |type_id| state.shape(type_id).map_or("?", |s| s.name.as_str());
                    let from = |r: &Reference| {
                        let exact = if state.is_exact(r.from, r.via) { "" } else { "?" };
                        format!("{:#x} {} {:?}{exact}", r.from.addr, name(r.from.type_id), r.via)
                    };
                    let mut from: Vec<String> = state.referrers(Addr(*at)).iter().map(from).collect();
                    from.truncate(12);
                    let sign = if ours.contains(at) { '+' } else { '-' };
                    let count = refcount(&state.heap().ctx, Addr(*at)).ok().and_then(|c| c.count);
                    format!("{sign} {at:#x} {} of {count:?} from {from:?}", name(found.type_id))
                };
                let wrong: Vec<String> = ours.symmetric_difference(&said).map(name).collect();
                (ours, wrong)
            })
            .unwrap();
        assert!(said.len() > 24_600, "{}", said.len());
        let (invented, missed) = (ours.difference(&said).count(), said.difference(&ours).count());
        let wrong = &wrong[..wrong.len().min(20)];
        eprintln!("{}: {} unreachable, {missed} not told: {wrong:#?}", interpreter.name, said.len());
        assert_eq!(invented, 0, "{}", interpreter.name);
        assert!(missed * 1000 < said.len(), "{}: {missed} of {}", interpreter.name, said.len());
    }
}

/// A program without any of that: nothing is told.
#[test]
fn nothing_stands_out_of_a_tidy_heap() {
    for interpreter in common::one_per_minor() {
        let dead = match program(interpreter, &["tidy"]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let report = report_of(&dead, interpreter);
        assert!(report.findings.is_empty(), "{}: {:#?}", interpreter.name, report.findings);
    }
}

/// What types and names keep alive, to the byte.
#[test]
fn types_and_names_keep_what_python_counts() {
    for interpreter in common::interpreters().iter().filter(|i| i.is_ordinary()) {
        let dead = match program(interpreter, &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let (top, said, name) = (top_of(&dead, interpreter), facts(&dead), &interpreter.name);
        let outer = top.by_type.iter().find(|row| row.name == "__main__.Outer");
        let outer = outer.unwrap_or_else(|| panic!("{name}: {:#?}", top.by_type));
        assert_eq!((outer.objects, outer.retained), (number(&said, "outers"), number(&said, "of_outers")), "{name}");
        let pairs = top.by_name.iter().find(|row| row.path == "__main__.pairs");
        let pairs = pairs.unwrap_or_else(|| panic!("{name}: {:#?}", top.by_name));
        assert_eq!(pairs.retained, number(&said, "of_outers") + number(&said, "pairs"), "{name}");
        let cache = top.by_name.iter().find(|row| row.path == "__main__.cache").unwrap();
        assert!(cache.retained > number(&said, "bodies"), "{name}");
    }
}

/// Interned strings have a table, which is named and keeps those that are immortal; members of states are named, and nothing
/// large is blamed on an offset.
#[test]
fn interned_strings_and_members_of_states_are_named() {
    let mut counted = 0;
    for interpreter in common::interpreters().iter().filter(|i| i.is_ordinary() || i.free_threaded) {
        let dead = match Crash::new(interpreter, "interned.py").run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let name = &interpreter.name;
        let said: Value = serde_json::from_slice(&std::fs::read(dead.dir.join("interned.json")).unwrap()).unwrap();
        for no_files in [false, true] {
            let inspection = open(&dead, interpreter, no_files);
            let (top, table, in_table, of_runtime, ways) = inspection
                .heap(|state, missing| {
                    let tables = state.interned_tables();
                    assert_eq!(tables.len(), 1, "{name}: {no_files}");
                    let table = state.objects().get(tables[0]).unwrap();
                    let in_table: BTreeSet<u64> = state.references(table).iter().map(|(_, to)| to.addr).collect();
                    let ways = Ways::new(&inspection, state);
                    let way = |id: u64| ways.path_to(state, state.objects().at(id).unwrap());
                    let planted = said["planted"].as_object().unwrap().iter();
                    let found: Vec<_> = planted.map(|(k, id)| (k.clone(), way(id.as_u64().unwrap()))).collect();
                    let of_runtime = state.static_strings().len() as u64;
                    let top = heap_top::top(&inspection, state, ways, missing, 2000);
                    (top, table, in_table, of_runtime, found)
                })
                .unwrap();
            let is_immortal = said["immortal"].as_bool().unwrap();
            let ids: Vec<u64> = said["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
            assert!(ids.iter().all(|id| in_table.contains(id)), "{name}");
            let count: u64 = dead.stdout.trim().parse().unwrap();
            if count > 0 {
                // What the free-threaded builds make of static strings is in the table too.
                assert_eq!(in_table.len() as u64 + of_runtime, count, "{name}: {} {of_runtime}", in_table.len());
                counted += 1;
            }
            let row = top.top.iter().find(|row| row.object.addr.0 == table.addr).unwrap();
            assert_eq!((row.path.as_str(), row.root_certain), ("interned strings", true), "{name}");
            let kept = top.by_name.iter().find(|row| row.path == "__main__.kept").unwrap();
            let (list, texts) = (number(&said, "list"), number(&said, "texts"));
            // What is immortal would not go with the list.
            assert_eq!(kept.retained, if is_immortal { list } else { list + texts }, "{name}: {is_immortal}");
            assert!((row.object.bytes..row.object.bytes + texts).contains(&row.retained), "{name}: {row:?}");
            for (planted, way) in ways {
                let expected = format!("interpreter state, {planted}");
                assert!(way.as_deref().is_some_and(|way| way.starts_with(&expected)), "{name}: {planted}: {way:?}");
            }
            let is_nameless = |path: &str| path.contains("interpreter state +") || path.contains(": state +");
            let nameless = top.top.iter().filter(|row| is_nameless(&row.path));
            let nameless: Vec<_> = nameless.map(|row| (row.path.as_str(), row.retained)).collect();
            eprintln!("{name} {no_files}: interned strings keep {}; nameless: {nameless:?}", row.retained);
            assert!(nameless.iter().all(|(_, bytes)| *bytes < 16 << 10), "{name}: {nameless:?}");
        }
    }
    assert!(counted > 0 || common::interpreters().iter().all(|i| i.minor < 12));
}

fn check_tree(tree: &HeapTree, whole: u64) {
    assert_eq!(tree.nodes[0].parent, None);
    assert_eq!(tree.nodes[0].bytes, whole);
    let mut below = vec![0u64; tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate().skip(1) {
        let parent = node.parent.unwrap() as usize;
        assert!(parent < at);
        below[parent] += node.bytes;
    }
    for (node, below) in tree.nodes.iter().zip(below) {
        assert!(below <= node.bytes, "{node:?} has {below} below it");
    }
}

/// JSON of every answer fits the schema; pictures add up; the page is inert.
#[test]
fn answers_fit_the_schema_and_pages_run_nothing() {
    let Some(interpreter) = common::one_per_minor().into_iter().next_back() else { skip!("no interpreters") };
    let dead = match program(interpreter, &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let report = report_of(&dead, interpreter);
    check_tree(&report.owned, report.reached_bytes);
    check_tree(&report.references, report.reached_bytes);
    assert!(report.owned.nodes.iter().any(|node| node.name == "__main__.cache"));
    let session = report.references.nodes.iter().find(|node| node.name == "__main__.Session").unwrap();
    assert!(session.example.as_deref().is_some_and(|path| path.starts_with("__main__.cache['s")), "{session:?}");

    let schema: Value = serde_json::from_str(&render::json::schema().unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let core = dead.core.to_str().unwrap();
    let session = format!("{}", report.top[0].object.addr);
    let asked: [&[&str]; 8] = [
        &[core],
        &["objects", core, "--type", "Session"],
        &["strings", core],
        &["refs", core, &session],
        &["why", core, "--type", "Session"],
        &["top", core],
        &["report", core],
        &["diff", core, core],
    ];
    let mut kinds = BTreeSet::new();
    for args in asked {
        let run = Command::new(env!("CARGO_BIN_EXE_pyinquest"))
            .arg("heap")
            .args(args)
            .args(["--format", "json", "--sysroot"])
            .arg(&interpreter.sysroot)
            .output()
            .unwrap();
        assert!(run.status.success(), "{args:?}: {}", String::from_utf8_lossy(&run.stderr));
        let value: Value = serde_json::from_slice(&run.stdout).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{args:?}: {errors:#?}");
        let answer: HeapAnswer = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&answer).unwrap(), value, "{args:?}: fields are lost on the way");
        kinds.insert(value["answer"].as_str().unwrap().to_owned());
    }
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    assert!(!validator.is_valid(&serde_json::json!({"answer": "census", "types": 3})));

    let page = render::html::render(&report);
    for active in ["<script", "http:", "https:", "url(", "@import", " on", "javascript"] {
        let active = if active == " on" { "onload=" } else { active };
        assert!(!page.contains(active), "{active}");
    }
    assert!(page.contains("__main__.cache") && page.contains("class=\"treemap\"") && page.contains("class=\"flame\""));
    assert!(render::markdown::render(&report).contains("**accumulation-point**"));
    if let Some(directory) = std::env::var_os("PYINQUEST_KEEP_PAGES") {
        std::fs::write(Path::new(&directory).join("heap.html"), page).unwrap();
    }
}

#[test]
fn the_committed_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/heap.schema.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let current = render::json::schema().unwrap();
    assert!(committed == current, "write it anew: pyinquest schema heap > docs/heap.schema.json");
}

/// Text of the dump that would be markup is escaped in every format.
#[test]
fn names_of_the_dump_are_escaped() {
    let evil = "<b onload=x>\u{1b}[31m\u{202e}|`_";
    let node = pyinquest::model::heap::HeapTreeNode { name: evil.to_owned(), bytes: 10, ..Default::default() };
    let child =
        pyinquest::model::heap::HeapTreeNode { parent: Some(0), example: Some(evil.to_owned()), ..node.clone() };
    let tree = HeapTree { nodes: vec![node, child] };
    let object = pyinquest::model::heap::HeapObject { type_name: evil.to_owned(), ..Default::default() };
    let row =
        pyinquest::model::heap::HeapRetained { path: evil.to_owned(), object: object.clone(), ..Default::default() };
    let finding = HeapFinding {
        id: HeapFindingId::AccumulationPoint,
        title: evil.to_owned(),
        path: Some(evil.to_owned()),
        object: Some(object),
        objects: 1,
        bytes: 10,
        share: 1.0,
        evidence: vec![evil.to_owned()],
        next: evil.to_owned(),
    };
    let report = HeapReport {
        source: evil.to_owned(),
        findings: vec![finding],
        top: vec![row.clone()],
        by_name: vec![row],
        owned: tree.clone(),
        references: tree,
        ..HeapReport::default()
    };
    let texts =
        [render::html::render(&report), render::markdown::render(&report), render::render(&HeapAnswer::from(report))];
    for (text, is_html) in texts.iter().zip([true, true, false]) {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
        assert!(!is_html || !text.contains("<b onload"), "{text}");
    }
}

/// Sends SIGUSR1 and waits until the program has grown.
fn grow(blocked: &Blocked, round: u32) {
    let killed = Command::new("kill").args(["-USR1", &blocked.pid.to_string()]).status().unwrap();
    assert!(killed.success());
    let start = Instant::now();
    while !blocked.dir.join(format!("grown.{round}")).exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "the program does not grow");
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(100));
}

/// Three cores of one process by gdb's gcore: what was left behind is named, and what stayed as it was is not.
#[test]
fn what_grew_between_dumps_is_named() {
    for interpreter in common::one_per_minor() {
        let blocked = match block(interpreter, "heap_report.py", &["grow"]) {
            Ok(blocked) => blocked,
            Err(reason) => skip!("{reason}"),
        };
        let mut snapshots: Vec<Snapshot> = Vec::new();
        for round in 0..3 {
            grow(&blocked, round);
            let core = match blocked.gcore() {
                Ok(core) => core,
                Err(reason) => skip!("{reason}"),
            };
            let search = SearchOptions { sysroots: vec![interpreter.sysroot.clone()], ..SearchOptions::default() };
            let inspection = Inspection::open(&core, &search).unwrap();
            let snapshot = Snapshot::read(&inspection, &snapshots).unwrap();
            snapshots.push(snapshot);
        }
        let (name, answer) = (&interpreter.name, diff(&snapshots, 20));
        eprintln!("{name}\n{}", render::render(&HeapAnswer::from(answer.clone())));
        assert!(answer.same_process, "{name}");
        let grown = |path: &str| answer.containers.iter().find(|c| c.path == path).map(|c| c.items.clone());
        for path in ["__main__.queue", "__main__.leak.rows"] {
            assert_eq!(grown(path), Some(vec![1000, 2000, 3000]), "{name}: {path}: {:#?}", answer.containers);
            assert!(answer.findings.iter().any(|f| f.path.as_deref() == Some(path)), "{name}: {:#?}", answer.findings);
        }
        assert_eq!(answer.findings.len(), 2, "{name}: {:#?}", answer.findings);
        assert!(answer.findings.iter().all(|f| f.id == HeapFindingId::GrowingContainer));
        assert_eq!(grown("__main__.steady"), None, "{name}");
        let node = answer.types.iter().find(|row| row.name == "__main__.Node").unwrap();
        assert_eq!(node.objects, [1000, 2000, 3000], "{name}");
        // The second thousand came after the first dump and is in both others.
        let born = answer.born.iter().find(|row| row.name == "__main__.Node").unwrap();
        assert_eq!(born.objects, 1000, "{name}: {:#?}", answer.born);
        assert!(born.path.as_deref().is_some_and(|path| path.starts_with("__main__.queue[1")), "{name}: {born:?}");
    }
}

/// The same answers from a slim dump with the heap as from its original, and from a slim minidump.
#[test]
fn a_slim_dump_with_the_heap_gives_the_same_answers() {
    for interpreter in common::one_per_minor() {
        let dead = match program(interpreter, &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let sysroot = interpreter.sysroot.to_str().unwrap();
        let run = |args: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_pyinquest"));
            let run = command.args(args).args(["--sysroot", sysroot]).output().unwrap();
            assert!(run.status.success(), "{args:?}: {}", String::from_utf8_lossy(&run.stderr));
            run.stdout
        };
        for minidump in [false, true] {
            let slim = dead.dir.join(if minidump { "slim.dmp" } else { "slim.core" });
            let (core, slim_path) = (dead.core.to_str().unwrap(), slim.to_str().unwrap());
            let mut args = vec!["slim", core, "--heap", "-o", slim_path];
            args.extend(minidump.then_some("--minidump"));
            run(&args);
            let answers = |core: &str| {
                let asked: [&[&str]; 7] = [
                    &["heap", core],
                    &["heap", "objects", core, "--limit", "300"],
                    &["heap", "objects", core, "--type", "Session", "--where", "number=77"],
                    &["heap", "strings", core, "--duplicates"],
                    &["heap", "strings", core],
                    &["heap", "why", core, "--type", "Outer"],
                    &["heap", "top", core],
                ];
                let answer = |args: &&[&str]| {
                    let text = run(&[args, &["--format", "json"][..]].concat());
                    let mut value: Value = serde_json::from_slice(&text).unwrap();
                    value.as_object_mut().unwrap().remove("diagnostics");
                    value
                };
                asked.iter().map(answer).collect::<Vec<Value>>()
            };
            let (whole, kept) = (answers(core), answers(slim_path));
            for (whole, kept) in whole.iter().zip(&kept) {
                assert!(whole == kept, "{} {minidump}:\n{whole:#}\n{kept:#}", interpreter.name);
            }
            let bytes = |path: &Path| std::fs::metadata(path).unwrap().len();
            let (before, after) = (bytes(&dead.core), bytes(&slim));
            eprintln!("{}: {} KiB of {} KiB", interpreter.name, after >> 10, before >> 10);
            // The content of a large buffer is in no answer.
            assert!(after + (6 << 20) < before, "{}: {after} of {before}", interpreter.name);
        }
    }
}
