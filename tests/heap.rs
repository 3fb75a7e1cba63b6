//! The heap of dead processes, compared with what Python itself listed in its last moment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "values/packages.rs"]
mod packages;
#[path = "heap/report.rs"]
mod report;

use common::{Crash, CrashedProcess, Interpreter, interpreters, skip};
use pyinquest::base::{Addr, DiagnosticCode};
use pyinquest::engine::collections::last_collections;
use pyinquest::engine::heap::Missing;
use pyinquest::engine::heap_graph::{self, Ways};
use pyinquest::engine::{Inspection, Options, heap_answers, heap_top, memory};
use pyinquest::heap::{Found, HeapState, Origin, Via};
use pyinquest::image::SearchOptions;
use pyinquest::model::GcCollection;
use pyinquest::render::{info, text::TextOptions};
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

/// Objects of other interpreters, whose lists and arenas are their own.
#[test]
fn the_heaps_of_all_interpreters_are_found() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for interpreter in common::one_per_minor() {
        let dead = match Crash::new(interpreter, "heap_interpreters.py").run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let said: Value = serde_json::from_slice(&std::fs::read(dead.dir.join("interpreters.json")).unwrap()).unwrap();
        let said = said.as_object().unwrap();
        assert_eq!(said.len(), 3, "{}", interpreter.name);
        let found = open(&dead, interpreter, false).heap(|state, _| {
            let mut wrong = Vec::new();
            for (name, objects) in said {
                let rows = objects.as_array().unwrap();
                for row in rows {
                    let (id, size) = (row[0].as_u64().unwrap(), row[1].as_u64().unwrap());
                    let found =
                        state.at(Addr(id)).map(|f| (state.shape(f.type_id).unwrap().name.clone(), state.size(f)));
                    let type_name = row[2].as_str().unwrap();
                    if !found.as_ref().is_some_and(|(t, s)| t.ends_with(type_name) && *s == size) {
                        wrong.push(format!("{name}: {found:?} instead of {row}"));
                    }
                }
                compared += rows.len();
            }
            wrong.truncate(10);
            wrong
        });
        wrong.extend(found.unwrap().into_iter().map(|w| format!("{}: {w}", interpreter.name)));
    }
    eprintln!("{compared} objects");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of another processor, run by an emulator; slow, so only where it is asked for (`PYINQUEST_EMULATED_HEAP`).
#[test]
fn every_object_of_another_processor_is_found() {
    if std::env::var_os("PYINQUEST_EMULATED_HEAP").is_none() {
        common::not_asked_for("the heap of an emulated processor (PYINQUEST_EMULATED_HEAP)");
        return;
    }
    let mut wrong = Vec::new();
    for interpreter in interpreters().iter().filter(|i| i.arch == "aarch64" && i.minor >= 11) {
        let dead = match run(interpreter, &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        wrong.extend(check(&interpreter.name, &dead, interpreter, false));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `gc.callbacks` was told of each collection that is kept, in `info` and `heap`; nothing where none are kept.
#[test]
fn the_last_collections_are_those_that_python_told_of() {
    let mut compared = 0;
    for interpreter in common::one_per_column().into_iter().filter(|i| i.minor >= 14) {
        let dead = match Crash::new(interpreter, "collected.py").run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let inspection = open(&dead, interpreter, false);
        let found = last_collections(&inspection);
        let report = inspection.report(&Options::default());
        assert_eq!(report.interpreters[0].collections, found);
        let shown = info::render(&report, &TextOptions::default());
        assert_eq!(shown.contains("Collection    generation 1, number 3: "), interpreter.minor >= 15, "{shown}");
        if interpreter.minor < 15 {
            assert_eq!(found, []);
            continue;
        }
        let said: Value = serde_json::from_slice(&std::fs::read(dead.dir.join("collections.json")).unwrap()).unwrap();
        // Free-threaded builds keep the last one of each generation.
        let kept = if interpreter.free_threaded { 1 } else { 3 };
        for generation in 0..3 {
            let told = said.as_array().unwrap().iter().filter(|info| info["generation"] == generation);
            let told: Vec<(u64, u64, f64)> = told
                .map(|info| {
                    let number = |name: &str| info[name].as_u64().unwrap();
                    (number("collected"), number("candidates"), info["duration"].as_f64().unwrap())
                })
                .collect();
            let of_generation: Vec<&GcCollection> =
                found.iter().filter(|c| u64::from(c.generation) == generation).collect();
            let newest = told.iter().rev().take(kept).zip(&of_generation);
            assert!(of_generation.len() >= kept, "{of_generation:?}");
            for ((collected, candidates, duration), one) in newest {
                // The sum before the oldest one is not kept.
                if one.collected.is_some() {
                    assert_eq!((one.collected, one.candidates), (Some(*collected), Some(*candidates)), "{one:?}");
                }
                assert!((one.duration_ns as f64 / 1e9 - duration).abs() < 1e-6, "{one:?} {duration}");
                compared += usize::from(one.collected.is_some());
            }
        }
    }
    eprintln!("{compared} collections");
    assert!(compared >= 6 || compared == 0);
    if compared == 0 {
        skip!("no interpreter that keeps its collections");
    }
}

/// Buffers belong to their arrays: sizes as `sys.getsizeof` gives them, what is at an address in one, objects in arrays.
#[test]
fn arrays_of_numpy_own_their_buffers() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for interpreter in interpreters().iter().filter(|i| i.is_native()) {
        let Some(environment) = packages::environment(interpreter) else { continue };
        let with_pandas = interpreter.minor >= 13;
        let args: &[&str] = if with_pandas { &["pandas"] } else { &[] };
        let environment: Vec<(&str, &str)> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let crash = Crash::new(interpreter, "heap_numpy.py").args(args);
        let dead = match environment.iter().fold(crash, |crash, (k, v)| crash.env(k, v)).run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let said: Value = serde_json::from_slice(&std::fs::read(dead.dir.join("numpy.json")).unwrap()).unwrap();
        let inspection = open(&dead, interpreter, false);
        let found = inspection.heap(|state, _| {
            let mut wrong = Vec::new();
            for (id, row) in said.as_object().unwrap() {
                let number = |name: &str| row[name].as_u64().unwrap();
                let Some(found) = state.at(Addr(id.parse().unwrap())) else {
                    wrong.push(format!("{row} was not found"));
                    continue;
                };
                if state.size(found) != number("size") {
                    wrong.push(format!("{}: {} instead of {}", row["name"], state.size(found), number("size")));
                }
                let data = number("data");
                if data != 0 && number("nbytes") > 0 {
                    let last = state.buffer_around(data + number("nbytes") - 1).map(|(owner, b)| (owner.addr, b.bytes));
                    if last != Some((found.addr, number("nbytes"))) {
                        wrong.push(format!("{}: its last byte is in {last:x?}", row["name"]));
                    }
                }
                let references = state.references(found);
                let named = |via| state.edge(found, via, false);
                let base = references.iter().find(|(via, _)| named(*via) == ".base").map_or(0, |(_, to)| to.addr);
                if base != number("base") {
                    wrong.push(format!("{}: base {base:#x} instead of {:#x}", row["name"], number("base")));
                }
                let items = references.iter().filter(|(via, _)| matches!(via, Via::Item(_))).map(|(_, to)| to.addr);
                let objects: Vec<u64> =
                    row["objects"].as_array().unwrap().iter().map(|o| o.as_u64().unwrap()).collect();
                if items.collect::<Vec<u64>>() != objects {
                    wrong.push(format!("{}: other objects than its {}", row["name"], objects.len()));
                }
                compared += 1;
            }
            wrong
        });
        wrong.extend(found.unwrap().into_iter().map(|w| format!("{}: {w}", interpreter.name)));
        let memory = inspection.heap(|state, missing| memory::memory(&inspection, state, missing)).unwrap();
        // One array of this class has data of its own; of others NumPy and pandas have some too.
        let data = |name: &str| memory.buffers.iter().find(|row| row.name == name).map(|row| (row.buffers, row.bytes));
        let planted = |row: &&Value| row["data"].as_u64().unwrap() != 0 && row["name"] != "own_image";
        let bytes: u64 =
            said.as_object().unwrap().values().filter(planted).map(|r| r["nbytes"].as_u64().unwrap()).sum();
        if data("__main__.Image") != Some((1, 40 * 40 * 2)) || data("numpy.ndarray").is_none_or(|(_, all)| all < bytes)
        {
            wrong.push(format!("{}: {bytes} bytes are in {:?}", interpreter.name, memory.buffers));
        }
        let share = memory.explained_written as f64 / memory.written as f64;
        eprintln!("{}: {:.2}% of {} bytes", interpreter.name, share * 100.0, memory.written);
        if share < 0.97 {
            wrong.push(format!("{}: {:.2}% explained: {:?}", interpreter.name, share * 100.0, memory.owners));
        }
    }
    if compared == 0 {
        skip!("no interpreter with NumPy");
    }
    eprintln!("{compared} arrays");
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
            let top = heap_top::top(&inspection, state, Ways::new(&inspection, state), missing, 20);
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
    let top = heap_top::top(inspection, state, ways, Missing::default(), 500);
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
