//! Minidumps of real processes: Linux ones by the crate minidump-writer (as Firefox and others write them).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "truth/compare.rs"]
mod compare;
mod harness;

use common::{Blocked, Interpreter, block, one_per_column, one_per_minor, skip, sources_table};
use harness::{alone, files_of, fixture, inspect, report_alone};
use minidump_writer::app_memory::AppMemory;
use minidump_writer::minidump_writer::MinidumpWriterConfig;
use pyinquest::base::DiagnosticCode;
use pyinquest::debuggee::{self, SourceKind};
use pyinquest::engine::{Options, record};
use pyinquest::image::SearchOptions;
use pyinquest::model::{Frame, FrameKind, Report, Thread};
use pyinquest::slim;
use std::collections::BTreeSet;
use std::io::Cursor;
use std::os::unix::fs::FileExt as _;

/// A minidump of the process: stacks, and this memory besides.
fn write(process: &Blocked, memory: Vec<AppMemory>) -> Vec<u8> {
    let pid = i32::try_from(process.pid).unwrap();
    let mut config = MinidumpWriterConfig::new(pid, pid);
    config.set_app_memory(memory);
    config.write(&mut Cursor::new(Vec::new())).expect("minidump-writer writes")
}

/// Every page that can be read, which is what Windows calls full memory. Guard pages inside readable mappings (glibc
/// 2.42 makes them in stacks) are left out: minidump-writer gives up at the first.
fn all_memory(process: &Blocked) -> Vec<AppMemory> {
    const PAGE: usize = 4096;
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", process.pid)).unwrap();
    let memory = std::fs::File::open(format!("/proc/{}/mem", process.pid)).unwrap();
    let lines = maps.lines().filter(|l| l.split(' ').nth(1).is_some_and(|rights| rights.starts_with('r')));
    let ranges = lines.filter(|l| !l.contains("[v")).map(|l| l.split(' ').next().unwrap().split_once('-').unwrap());
    let mut list: Vec<AppMemory> = Vec::new();
    for (start, end) in ranges {
        let (start, end) = (usize::from_str_radix(start, 16).unwrap(), usize::from_str_radix(end, 16).unwrap());
        for page in (start..end).step_by(PAGE).filter(|page| memory.read_at(&mut [0], *page as u64).is_ok()) {
            match list.last_mut().filter(|last| last.ptr + last.length == page) {
                Some(last) => last.length += PAGE,
                None => list.push(AppMemory { ptr: page, length: PAGE }),
            }
        }
    }
    list
}

fn report(dump: &[u8], interpreter: &Interpreter, name: &str, files: bool) -> Report {
    let path = std::env::temp_dir().join(format!("pyinquest-{}-{name}-{}.dmp", std::process::id(), interpreter.name));
    std::fs::write(&path, dump).unwrap();
    let inspection = inspect(&path, &if files { files_of(interpreter) } else { alone() });
    assert_eq!(inspection.target().source, SourceKind::Minidump);
    let report = inspection.report(&Options { locals: true, native: true, ..Options::default() });
    std::fs::remove_file(&path).unwrap();
    report
}

/// Interpreters and a process of each that stands still in `program`.
fn processes(program: &str) -> Vec<(&'static Interpreter, Blocked)> {
    let found = one_per_column().into_iter();
    found.filter_map(|i| block(i, program, &[]).map(|p| (i, p)).map_err(common::part_skipped).ok()).collect()
}

#[test]
fn linux_with_all_memory() {
    for program in ["threads.py", "values.py"] {
        let found = processes(program);
        if found.is_empty() {
            skip!("no interpreters: run tests/interpreters/fetch.py");
        }
        let ran: BTreeSet<String> = found.iter().map(|(i, _)| sources_table::label(i)).collect();
        for (interpreter, process) in found {
            let dump = write(&process, all_memory(&process));
            for files in [true, false] {
                let report = report(&dump, interpreter, program, files);
                let differences = compare::report(&report, &process.living_truth());
                assert!(differences.is_empty(), "{}, files: {files}:\n{}", interpreter.name, differences.join("\n"));
            }
        }
        sources_table::check("Minidump of Linux, all memory", &ran, &ran);
    }
}

#[test]
fn linux_with_stacks_alone() {
    let found = processes("threads.py");
    if found.is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    for (interpreter, process) in found {
        let name = &interpreter.name;
        let report = report(&write(&process, Vec::new()), interpreter, "stacks", true);
        assert!(report.python.is_none(), "{name}: {:?}", report.python);
        let code = |code: &str| report.diagnostics.iter().find(|d| d.code.to_string() == code);
        assert!(code("runtime-unreadable").is_some(), "{name}: {:?}", report.diagnostics);
        let hint = code("no-python").and_then(|d| d.hint.clone()).unwrap_or_default();
        assert!(hint.contains("application memory"), "{name}: {hint}");
        assert!(code("module-files-missing").is_none(), "{name}: {:?}", report.diagnostics);
        // Every thread that Python knew, with the loop that runs its code.
        for thread in process.truth["threads"].as_array().unwrap() {
            let id = thread["native_id"].as_u64();
            let Some(native) = report.threads.iter().find(|t| id.is_none() || t.tid == id) else {
                panic!("{name}: no thread {id:?}");
            };
            let loops = |f: &Frame| f.function.as_ref().is_some_and(|f| f.to_string().contains("_PyEval_EvalFrame"));
            let visible = native.frames.iter().filter(|f| f.native.as_ref().is_some_and(|n| !n.plumbing));
            assert!(visible.clone().any(loops), "{name}: {:#?}", native.frames);
        }
    }
}

/// Data of the interpreter, and what is near to where the stacks point: what a crash handler could record at little cost.
fn indirect_memory(process: &Blocked) -> Vec<AppMemory> {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", process.pid)).unwrap();
    let memory = std::fs::File::open(format!("/proc/{}/mem", process.pid)).unwrap();
    let mut regions = Vec::new();
    for line in maps.lines().filter(|l| l.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw"))) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let of_python = line.contains("python");
        regions.push((u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap(), of_python));
    }
    // A library's `.bss` follows its data.
    for at in 1..regions.len() {
        regions[at].2 |= regions[at - 1].2 && regions[at - 1].1 == regions[at].0;
    }
    let region = |at: u64| regions.iter().find(|(start, end, _)| (*start..*end).contains(&at));
    let mut kept: Vec<(u64, u64)> = regions.iter().filter(|r| r.2).map(|(start, end, _)| (*start, *end)).collect();
    for task in std::fs::read_dir(format!("/proc/{}/task", process.pid)).unwrap() {
        let call = std::fs::read_to_string(task.unwrap().path().join("syscall")).unwrap();
        let sp = call.split_whitespace().rev().nth(1).unwrap().trim_start_matches("0x");
        let sp = u64::from_str_radix(sp, 16).unwrap();
        // To the end of the mapping, or to the guard page of the next stack in it.
        let words = (sp..region(sp).unwrap().1).step_by(8).map_while(|at| {
            let mut word = [0; 8];
            memory.read_exact_at(&mut word, at).ok().map(|()| u64::from_le_bytes(word))
        });
        for word in words {
            if let Some((start, end, false)) = region(word) {
                kept.push((word.saturating_sub(256).max(*start), (word + 768).min(*end)));
            }
        }
    }
    // Guard pages inside readable mappings, see `all_memory`.
    kept.retain(|(start, end)| [*start, *end - 1].iter().all(|at| memory.read_at(&mut [0], *at).is_ok()));
    kept.sort_unstable();
    let mut list: Vec<AppMemory> = Vec::new();
    for (start, end) in kept.into_iter().map(|(s, e)| (usize::try_from(s).unwrap(), usize::try_from(e).unwrap())) {
        match list.last_mut().filter(|last| start <= last.ptr + last.length) {
            Some(last) => last.length = last.length.max(end - last.ptr),
            None => list.push(AppMemory { ptr: start, length: end - start }),
        }
    }
    list
}

/// Without most of the heap: threads and frames that can be proven, and nothing that Python does not know of.
#[test]
fn linux_with_memory_that_the_stacks_point_to() {
    for (interpreter, process) in processes("threads.py") {
        let mut told = 0;
        let name = &interpreter.name;
        let dump = write(&process, indirect_memory(&process));
        let (report, whole) = (
            report(&dump, interpreter, "indirect", true),
            report(&write(&process, all_memory(&process)), interpreter, "indirect-whole", true),
        );
        let Some(python) = &report.python else {
            // Nothing in such a minidump tells which thread has a thread state.
            assert!(interpreter.minor < 11, "{name}: {:#?}", report.diagnostics);
            continue;
        };
        // The name of the file tells no more than the minor version.
        let version = &whole.python.as_ref().unwrap().version;
        let short = python.version_hex.is_none() && version.starts_with(&format!("{}.", python.version));
        assert!(python.version == *version || short, "{name}: {}", python.version);
        for thread in report.threads.iter().filter(|t| t.python.is_some()) {
            let tstate = |t: &Thread| t.python.as_ref().map(|p| (p.tstate, p.ident));
            let of = whole.threads.iter().find(|t| tstate(t) == tstate(thread));
            let of = of.unwrap_or_else(|| panic!("{name}: no such thread: {thread:#?}"));
            assert!(thread.tid.is_none() || thread.tid == of.tid, "{name}: {thread:#?}");
            let mut left = of.frames.iter().filter(|f| f.kind == FrameKind::Python);
            for frame in thread.frames.iter().filter(|f| f.kind == FrameKind::Python) {
                let place = left.find(|f| f.addr == frame.addr).unwrap_or_else(|| panic!("{name}: {frame:#?}"));
                assert!(frame.function.is_none() || frame.function == place.function, "{name}: {frame:#?}");
                assert!(frame.line.is_none() || frame.line == place.line, "{name}: {frame:#?}");
                told += 1;
            }
        }
        assert!(python.threads_missing || report.threads.len() == whole.threads.len(), "{name}");
        assert!(told > 0, "{name}: no frame at all");
    }
}

/// An ELF core made of a minidump says the same, native frames included, without any file.
#[test]
fn a_slim_core_of_a_linux_minidump_gives_the_same_report() {
    let newest = one_per_minor().into_iter().next_back();
    let Some(interpreter) = newest else { skip!("no interpreters: run tests/interpreters/fetch.py") };
    let process = match block(interpreter, "threads.py", &[]) {
        Ok(process) => process,
        Err(reason) => skip!("{reason}"),
    };
    let (dump, small) = (process.dir.join("whole.dmp"), process.dir.join("small.core"));
    std::fs::write(&dump, write(&process, all_memory(&process))).unwrap();
    let search = files_of(interpreter);
    let told = |path: &std::path::Path, search: &SearchOptions| {
        let inspection = inspect(path, search);
        let options = Options { locals: true, native: true, refcounts: true, ..Options::default() };
        let json = serde_json::to_value(inspection.report(&options)).unwrap();
        (
            inspection.into_target(),
            ["process", "python", "interpreters", "threads", "crash", "findings"].map(|part| json[part].clone()),
        )
    };
    let (mut target, whole) = told(&dump, &search);
    record(&mut target, &search);
    let mut file = std::fs::File::create(&small).unwrap();
    slim::write(&target, target.memory.recorded(), slim::SlimOptions::default(), &mut file).unwrap();
    let (target, slim) = told(&small, &alone());
    assert_eq!(target.source, SourceKind::ElfCore);
    for (slim, whole) in slim.into_iter().zip(whole) {
        assert_eq!(slim, whole, "{}", interpreter.name);
    }
}

/// A slim minidump says the same as what it was made from, a core or a minidump.
#[test]
fn a_slim_minidump_gives_the_same_report() {
    let cores = ["3.8-threads", "3.12-threads", "3.15-generators", "3.15-aarch64-threads"];
    let minidumps = ["3.8-windows-threads", "3.14t-windows-values"];
    let told = |path: &std::path::Path| {
        let report = report_alone(path, &Options { locals: true, refcounts: true, ..Options::default() });
        let json = serde_json::to_value(&report).unwrap();
        // The fixtures are redacted, and so must be what is made of them.
        assert!(report.diagnostics.iter().any(|d| d.code == DiagnosticCode::SlimRedacted), "{}", path.display());
        ["python", "interpreters", "threads", "crash", "findings"].map(|part| (part, json[part].clone()))
    };
    for name in cores.into_iter().chain(minidumps) {
        let path = fixture(name).path;
        let whole = told(&path);
        let mut target = debuggee::open(&path).unwrap();
        record(&mut target, &alone());
        let small = tempfile::NamedTempFile::with_suffix(".dmp").unwrap();
        let options = slim::SlimOptions { minidump: true, ..slim::SlimOptions::default() };
        slim::write(&target, target.memory.recorded(), options, &mut small.as_file()).unwrap();
        let bytes = std::fs::read(small.path()).unwrap();
        let read = minidump::Minidump::read(bytes).expect("the crate minidump reads it");
        read.get_stream::<minidump::MinidumpThreadList<'_>>().expect("a thread list");
        for ((part, slim), (_, whole)) in told(small.path()).into_iter().zip(whole) {
            assert_eq!(slim, whole, "{name}: {part}");
        }
    }
}
