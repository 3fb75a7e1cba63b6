//! The heap of dead processes, compared with what Python itself listed in its last moment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Crash, CrashedProcess, Interpreter, interpreters, skip};
use pyinquest::base::{Addr, DiagnosticCode};
use pyinquest::engine::heap::Missing;
use pyinquest::engine::heap_graph::{self, Ways};
use pyinquest::engine::{Inspection, heap_answers};
use pyinquest::heap::{Found, HeapState, Origin};
use pyinquest::image::SearchOptions;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What Python said.
struct Said {
    facts: Value,
    /// Ids of `gc.get_objects()`.
    tracked: HashSet<u64>,
    /// The list itself and the array of ids, which came after.
    later: [u64; 2],
    /// Id, type, size and referents of all that can be reached.
    all: HashMap<u64, (u64, u64, Vec<u64>)>,
}

fn words(dead: &CrashedProcess, name: &str) -> Vec<u64> {
    let bytes = std::fs::read(dead.dir.join(name)).unwrap();
    bytes.chunks_exact(8).map(|b| u64::from_le_bytes(b.try_into().unwrap())).collect()
}

fn said(dead: &CrashedProcess) -> Said {
    let facts = std::fs::read_to_string(dead.dir.join("heap.json")).unwrap();
    let mut edges = words(dead, "edges.bin").into_iter();
    let all = words(dead, "all.bin");
    let all = all.chunks_exact(4).map(|w| (w[0], (w[1], w[2], edges.by_ref().take(w[3] as usize).collect())));
    let mut later = dead.stderr.trim().rsplit(' ').map(|word| word.parse().unwrap());
    let later = [later.next().unwrap(), later.next().unwrap()];
    Said {
        facts: serde_json::from_str(&facts).unwrap(),
        tracked: words(dead, "tracked.bin").into_iter().collect(),
        later,
        all: all.collect(),
    }
}

fn open(dead: &CrashedProcess, interpreter: &Interpreter, no_files: bool) -> Inspection {
    let search = SearchOptions { sysroots: vec![interpreter.sysroot.clone()], no_files, ..SearchOptions::default() };
    Inspection::open(&dead.core, &search).unwrap()
}

/// Counts by type name, the most frequent first.
fn by_type<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counts.iter().take(25).map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
}

fn name_of<'s>(said: &'s Said, id: &u64) -> &'s str {
    let type_id = said.all.get(id).map_or(0, |(t, ..)| *t);
    said.facts["names"][type_id.to_string()].as_str().unwrap_or("?")
}

/// What is wrong with the objects of one process; the last line says how much was compared.
fn compare(state: &HeapState<'_>, said: &Said, no_files: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let found: HashMap<u64, Found> = state.objects().iter().map(|f| (f.addr, f)).collect();
    let shown = |f: &Found| state.shape(f.type_id).map_or("?", |s| s.name.as_str());
    // Tracked objects: each one, and no other.
    let listed = |f: &Found| f.origin <= Origin::Old || f.origin == Origin::TrackedElsewhere;
    let missing: Vec<&u64> = said.tracked.iter().filter(|id| !found.get(id).is_some_and(listed)).collect();
    if !missing.is_empty() {
        wrong.push(format!(
            "{} tracked not found: {}",
            missing.len(),
            by_type(missing.iter().map(|id| name_of(said, id)))
        ));
    }
    let invented: Vec<&Found> = found
        .values()
        .filter(|f| listed(f) && !said.tracked.contains(&f.addr) && !said.later.contains(&f.addr))
        .collect();
    if !invented.is_empty() {
        wrong.push(format!("{} tracked invented: {}", invented.len(), by_type(invented.iter().map(|f| shown(f)))));
    }
    // All that can be reached, with type and size.
    let lost: Vec<&u64> = said.all.keys().filter(|id| !found.contains_key(id)).collect();
    if !lost.is_empty() {
        wrong.push(format!(
            "{} of {} not found: {}",
            lost.len(),
            said.all.len(),
            by_type(lost.iter().map(|id| name_of(said, id)))
        ));
    }
    let types: Vec<&u64> = said
        .all
        .iter()
        .filter(|(id, (type_id, ..))| found.get(id).is_some_and(|f| state.shape(f.type_id).unwrap().addr.0 != *type_id))
        .map(|(id, _)| id)
        .collect();
    if !types.is_empty() {
        wrong.push(format!("{} of another type: {}", types.len(), by_type(types.iter().map(|id| name_of(said, id)))));
    }
    let mut sizes: BTreeMap<&str, (u32, u64, u64)> = BTreeMap::new();
    for (id, (_, size, _)) in &said.all {
        if let Some(f) = found.get(id) {
            let ours = state.size(*f);
            if ours != *size && *size != 0 {
                let entry = sizes.entry(name_of(said, id)).or_insert((0, ours, *size));
                entry.0 += 1;
            }
        }
    }
    for (name, (n, ours, theirs)) in sizes.into_iter().filter(|(name, _)| !SIZES_NOT_READ.contains(name)) {
        // The size of an item is in the extension module's file.
        if no_files && name == "array.array" {
            continue;
        }
        wrong.push(format!("size of {n} {name}: {ours} instead of {theirs}"));
    }
    // Nothing beyond what Python can reach but what came after, and what only C code holds.
    let beyond: Vec<&Found> = found.values().filter(|f| !said.all.contains_key(&f.addr)).collect();
    eprintln!(
        "  {} objects, {} said, {} beyond: {}",
        found.len(),
        said.all.len(),
        beyond.len(),
        by_type(beyond.iter().map(|f| shown(f)))
    );
    eprintln!("  {:?}", state.collected.coverage);
    // What looks like an instance of a class, and is a block that was never cleared.
    let classes = beyond.iter().filter(|f| state.shape(f.type_id).is_some_and(|s| !s.is_native)).count();
    if classes * 1000 > found.len() {
        wrong.push(format!("{classes} instances of classes that nothing refers to"));
    }
    wrong
}

/// Types whose `__sizeof__` counts a buffer that is not read here: those of files, formats, and caches of bytecode that
/// 3.8 to 3.10 make for functions that run often.
const SIZES_NOT_READ: &[&str] = &["_io.BufferedReader", "_io.BufferedWriter", "_struct.Struct", "builtins.code"];

fn check(name: &str, dead: &CrashedProcess, interpreter: &Interpreter, no_files: bool) -> Vec<String> {
    let said = said(dead);
    let inspection = open(dead, interpreter, no_files);
    eprintln!("{name}");
    let wrong = inspection.heap(|state, missing| {
        let mut wrong = compare(state, &said, no_files);
        if missing.cut > 0 {
            wrong.push(format!("{missing:?}"));
        }
        wrong
    });
    let wrong = wrong.unwrap_or_else(|e| vec![e.to_string()]);
    for diagnostic in inspection.target().diagnostics.to_vec() {
        if [DiagnosticCode::GcListBroken, DiagnosticCode::HeapPoolsUnknown].contains(&diagnostic.code) {
            eprintln!("  {}", diagnostic.message);
        }
    }
    wrong.into_iter().map(|w| format!("{name}: {w}")).collect()
}

fn run(interpreter: &Interpreter, args: &[&str], env: &[(&str, &str)]) -> Result<CrashedProcess, common::Unavailable> {
    let run = Crash::new(interpreter, "heap_objects.py").args(args);
    env.iter().fold(run, |run, (key, value)| run.env(key, value)).run()
}

#[test]
fn every_object_of_every_interpreter_is_found_with_type_and_size() {
    let mut wrong = Vec::new();
    for interpreter in interpreters().iter().filter(|i| i.is_native()) {
        let dead = match run(interpreter, &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        wrong.extend(check(&interpreter.name, &dead, interpreter, false));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With nothing that leads to the allocator's table of arenas, and with other allocators.
#[test]
fn objects_are_found_whatever_the_allocator() {
    let mut wrong = Vec::new();
    for interpreter in common::one_per_minor() {
        for malloc in ["pymalloc", "pymalloc_debug", "malloc"] {
            let dead = match run(interpreter, &[], &[("PYTHONMALLOC", malloc)]) {
                Ok(dead) => dead,
                Err(reason) => skip!("{reason}"),
            };
            wrong.extend(check(&format!("{} {malloc}", interpreter.name), &dead, interpreter, malloc == "pymalloc"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Cut dumps, bits that flipped, words that became pointers to anything or absurd sizes: an answer or an error each
/// time, and in bounded time.
#[test]
fn damaged_heaps_are_answered() {
    let Some(interpreter) = common::one_per_minor().into_iter().next_back() else { skip!("no interpreters") };
    let dead = match run(interpreter, &["planted"], &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let whole = std::fs::read(&dead.core).unwrap();
    let mut random = 1u64;
    let mut below = |n: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % n
    };
    let mut answered = 0;
    for round in 0..12 {
        let mut bytes = whole.clone();
        // Headers and notes stay whole: what is examined here is the heap.
        let mut word = || 0x8000 + below((whole.len() - 0x8010) / 8) * 8;
        for _ in 0..1000 {
            let (to, from) = (word(), word());
            match round % 4 {
                0 => bytes.copy_within(from..from + 8, to),
                1 => bytes[to] ^= 1 << (from % 8),
                2 => bytes[to..to + 8].copy_from_slice(&(1u64 << (from / 8 % 64)).to_le_bytes()),
                _ => bytes.truncate(to.max(0x8000)),
            }
            if round % 4 == 3 {
                break;
            }
        }
        let search = SearchOptions { sysroots: vec![interpreter.sysroot.clone()], ..SearchOptions::default() };
        let Ok(inspection) = Inspection::open(bytes, &search) else { continue };
        let started = std::time::Instant::now();
        let result = inspection.heap(|state, missing| {
            let top = heap_graph::top(&inspection, (state, &Ways::new(&inspection, state)), missing, 20);
            let texts = heap_answers::text_values(state, missing, true, 20, &inspection.target().diagnostics);
            top.reached + texts.objects
        });
        answered += usize::from(result.is_ok());
        assert!(started.elapsed().as_secs() < 300, "round {round}");
    }
    assert!(answered >= 6, "{answered}");
}

#[test]
fn frozen_objects_are_those_of_the_permanent_generation() {
    for interpreter in common::one_per_minor() {
        let dead = match run(interpreter, &["frozen"], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let inspection = open(&dead, interpreter, false);
        let frozen =
            inspection.heap(|state, _| state.objects().iter().filter(|f| f.origin == Origin::Permanent).count() as u64);
        assert_eq!(frozen.ok(), said(&dead).facts["frozen"].as_u64(), "{}", interpreter.name);
    }
}

/// References as Python's own traversal gives them; what is only ours is a field that it does not visit.
fn compare_references(state: &HeapState<'_>, said: &Said) -> Vec<String> {
    let (mut lost, mut total) = (BTreeMap::<String, u32>::new(), 0);
    for (id, (_, _, referents)) in &said.all {
        let Some(found) = state.at(Addr(*id)) else { continue };
        let ours: HashSet<u64> = state.references(found).iter().map(|(_, to)| to.addr).collect();
        for to in referents {
            total += 1;
            if !ours.contains(to) {
                let name = format!("{} -> {}", name_of(said, id), name_of(said, to));
                *lost.entry(name).or_insert(0) += 1;
            }
        }
    }
    eprintln!("  {total} references, {} kinds not found", lost.len());
    assert!(total > 50_000);
    let known = |name: &&String| !BY_OTHER_WAYS.iter().any(|from| name.starts_with(from));
    let lost: Vec<(&String, &u32)> = lost.iter().filter(|(name, _)| known(name)).collect();
    lost.into_iter().map(|(name, n)| format!("{n} references {name} not found")).collect()
}

/// Whose traversal reaches over other objects: links of a cache (which are the values of its dict here), and state of C
/// code that only the module knows.
const BY_OTHER_WAYS: &[&str] = &["functools._lru_cache_wrapper -> ", "builtins.module -> ", "builtins.PyCapsule -> "];

/// Ways to what was planted, and what an island keeps alive.
fn compare_planted(inspection: &Inspection, state: &HeapState<'_>, planted: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let ways = Ways::new(inspection, state);
    let mut expected: Vec<(String, u64)> =
        planted["paths"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_u64().unwrap())).collect();
    expected.push(("frame leave, local only['of']".to_owned(), planted["local"].as_u64().unwrap()));
    for (path, id) in expected {
        let why = heap_graph::why(inspection, (state, &ways), Missing::default(), Addr(id), 5);
        let paths: Vec<String> = why.map_or_else(Vec::new, |w| w.paths.into_iter().filter_map(|p| p.path).collect());
        // The thread's id is not known to Python before 3.11; generators had frame objects until 3.10.
        let plain = |first: &String| first.replace(".gi_frame.", ".");
        let is_it = |first: &String| plain(first) == path || path.starts_with("frame") && first.ends_with(&path);
        if !paths.first().is_some_and(is_it) {
            wrong.push(format!("{path}: {paths:?}"));
        }
    }
    let top = heap_graph::top(inspection, (state, &ways), Missing::default(), 500);
    let island = top.top.iter().find(|row| row.object.addr.0 == planted["island"].as_u64().unwrap());
    if island.map(|row| row.retained) != planted["retained"].as_u64() {
        wrong.push(format!("island: {:?} instead of {}", island.map(|row| row.retained), planted["retained"]));
    }
    eprintln!("  reached {}, not reached {}", top.reached, top.unreached);
    wrong
}

#[test]
fn every_reference_that_python_visits_is_found() {
    let mut wrong = Vec::new();
    for interpreter in interpreters().iter().filter(|i| i.is_ordinary() || i.free_threaded) {
        let dead = match run(interpreter, &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let (said, inspection) = (said(&dead), open(&dead, interpreter, false));
        eprintln!("{}", interpreter.name);
        let found = inspection.heap(|state, _| compare_references(state, &said)).unwrap();
        wrong.extend(found.into_iter().map(|w| format!("{}: {w}", interpreter.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_and_retained_sizes_are_the_planted_ones() {
    let mut wrong = Vec::new();
    for interpreter in interpreters().iter().filter(|i| i.is_ordinary() || i.free_threaded) {
        let dead = match run(interpreter, &["planted"], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let facts = std::fs::read_to_string(dead.dir.join("heap.json")).unwrap();
        let facts: Value = serde_json::from_str(&facts).unwrap();
        let inspection = open(&dead, interpreter, false);
        eprintln!("{}", interpreter.name);
        let found = inspection.heap(|state, _| compare_planted(&inspection, state, &facts["planted"])).unwrap();
        wrong.extend(found.into_iter().map(|w| format!("{}: {w}", interpreter.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
