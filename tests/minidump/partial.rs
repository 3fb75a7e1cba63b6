//! Partial minidumps of Windows: the committed dumps cut down to what other MiniDump flags would have kept. wine's
//! dbghelp knows full memory only, so what is kept follows Microsoft's description of the flags, not its code.

use crate::compare;
use pyinquest::base::{Addr, Diagnostic};
use pyinquest::debuggee::{self, MemoryExt as _, PageSet, Target};
use pyinquest::engine::Options;
use pyinquest::image::pe::PeImage;
use pyinquest::model::{Fidelity, Frame, FrameKind, Local, Report, Thread};
use pyinquest::slim;
use std::path::{Path, PathBuf};

/// Where each thread's stack is: from its stack pointer to where the dump's memory ends.
fn stacks(target: &Target) -> Vec<(Addr, u64)> {
    let sp = |t: &debuggee::NativeThread| t.registers.as_ref().and_then(|r| r.sp());
    let room = |sp: Addr| Some((sp, target.memory.segment_at(sp)?.end().distance_from(sp)?));
    target.threads.iter().filter_map(sp).filter_map(room).collect()
}

/// `MiniDumpNormal`: stacks and headers of modules.
fn normal(target: &Target, keep: &PageSet) {
    stacks(target).into_iter().for_each(|(at, size)| keep.mark(at, size));
    target.modules.iter().for_each(|m| keep.mark(m.base, 0x400));
}

/// `MiniDumpWithDataSegs`: sections that modules write to, besides; and the others, for which the DLLs stand when they
/// are available.
fn data_segments(target: &Target, keep: &PageSet) {
    normal(target, keep);
    // Of the interpreter: the others' make no difference here.
    let python = target.modules.iter().filter(|m| m.file_name().starts_with("python3"));
    for image in python.filter_map(|m| PeImage::read(&target.memory, m.base)) {
        for section in &image.sections {
            keep.mark(image.address(section.rva), u64::from(section.size));
        }
    }
}

/// `MiniDumpWithIndirectlyReferencedMemory`: around whatever a stack points to, besides.
fn indirect(target: &Target, keep: &PageSet) {
    data_segments(target, keep);
    for (at, size) in stacks(target) {
        for offset in (0..size).step_by(8) {
            let word = target.memory.read_uint(&target.abi, at.wrapping_add(offset), 8).unwrap_or(0);
            if let Some(segment) = target.memory.segment_at(Addr(word)).filter(|s| !s.protection.execute) {
                let from = word.saturating_sub(256).max(segment.start.0);
                keep.mark(Addr(from), word.saturating_add(768).min(segment.end().0) - from);
            }
        }
    }
}

/// The report on a dump, from it alone.
fn report(path: &Path) -> (Target, Report) {
    let inspection = crate::harness::inspect_alone(path);
    let report = inspection.report(&Options { locals: true, native: true, ..Options::default() });
    (inspection.into_target(), report)
}

/// What a dump would be of which this much was kept.
fn cut(whole: &Target, policy: fn(&Target, &PageSet), mut to: impl std::io::Write + std::io::Seek) {
    let keep = PageSet::default();
    policy(whole, &keep);
    slim::write(whole, &keep, slim::SlimOptions { minidump: true, redact: true, heap: None }, &mut to).unwrap();
}

/// The report on what is left of a dump when this much is kept.
fn report_on_part(path: &Path, policy: fn(&Target, &PageSet)) -> Report {
    let file = tempfile::NamedTempFile::with_suffix(".dmp").unwrap();
    cut(&report(path).0, policy, file.as_file());
    report(file.path()).1
}

/// For `fixtures/make_windows.py`: cuts a full dump down to stacks, data segments and what the stacks point to. (The
/// committed whole dumps hold what their reports read, no more: cut down, they would not hold what such dumps do.)
#[test]
#[ignore = "makes a fixture"]
fn cut_a_full_dump() {
    let (Some(from), Some(to)) = (std::env::var_os("PYINQUEST_CUT_FROM"), std::env::var_os("PYINQUEST_CUT_TO")) else {
        panic!("PYINQUEST_CUT_FROM and PYINQUEST_CUT_TO are paths of dumps");
    };
    cut(&debuggee::open(Path::new(&from)).unwrap(), indirect, std::fs::File::create(to).unwrap());
}

/// The whole dump of a build, what was left of it by `cut_a_full_dump`, and the truth of the process.
fn dumps(tag: &str) -> (PathBuf, PathBuf, serde_json::Value) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let truth = std::fs::read(directory.join(format!("minidumps/{tag}-windows-threads.truth.json"))).unwrap();
    let dump = |kind| directory.join(kind).join(format!("{tag}-windows-threads.dmp.zst"));
    (dump("minidumps"), dump("partial"), serde_json::from_slice(&truth).unwrap())
}

fn code<'r>(report: &'r Report, code: &str) -> Option<&'r Diagnostic> {
    report.diagnostics.iter().find(|d| d.code.to_string() == code)
}

#[test]
fn stacks_alone_show_native_frames_and_say_what_to_record() {
    for tag in ["3.8", "3.12", "3.14t"] {
        let (path, _, truth) = dumps(tag);
        let report = report_on_part(&path, normal);
        assert!(report.python.is_none(), "{tag}: {:?}", report.python);
        let hint = code(&report, "no-python").and_then(|d| d.hint.clone()).unwrap_or_default();
        assert!(hint.contains("MiniDumpWithFullMemory"), "{tag}: {hint}");
        let version = truth["version"].as_str().unwrap().split(' ').next().unwrap().to_owned();
        assert!(code(&report, "no-python").unwrap().message.contains(&format!("CPython {version} (python3")), "{tag}");
        for thread in &report.threads {
            let native = thread.frames.iter().filter(|f| f.native.as_ref().is_some_and(|n| n.module.is_some()));
            assert!(native.count() > 0, "{tag}: {thread:#?}");
        }
    }
}

/// Frames, those with a name, and those with a line that are in the committed partial dumps.
const LEAST: [(&str, [usize; 3]); 4] =
    [("3.8", [32, 26, 10]), ("3.11", [32, 15, 5]), ("3.12", [32, 10, 1]), ("3.13", [31, 8, 1])];

/// A normal dump as wine writes it, not cut from another.
#[test]
fn a_normal_dump_names_the_python_and_the_cause() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/partial/3.12-windows-normal.dmp.zst");
    let (target, report) = report(&path);
    assert!(report.python.is_none());
    assert!(code(&report, "no-python").unwrap().message.contains("CPython 3.12.9 (python312.dll)"));
    assert!(says_what_to_record(&report));
    let finding = report.findings.first().unwrap();
    assert_eq!(finding.id, "null-pointer");
    assert!(finding.title.contains("(python312.dll)"), "{}", finding.title);
    // The DLL is the interpreter, not a module that is to blame.
    assert!(!finding.evidence.iter().any(|e| e.contains("outside of libc and CPython")), "{:#?}", finding.evidence);
    assert_eq!(report.threads.len(), target.threads.len());
    for thread in &report.threads {
        assert!(thread.frames.first().is_some_and(|f| f.native.as_ref().is_some_and(|n| n.module.is_some())));
        assert!(thread.frames_end.is_some(), "{thread:#?}");
    }
}

/// Python frames of a thread.
fn python_frames(thread: &Thread) -> impl Iterator<Item = &Frame> {
    thread.frames.iter().filter(|f| f.kind == FrameKind::Python)
}

/// Every frame of the partial report is one of the whole report, in its order, with nothing told that differs and a
/// reason for whatever is not told. Counts of frames, of those with a name, and of those with a line.
fn check(tag: &str, whole: &Report, partial: &Report) -> [usize; 3] {
    let mut counts = [0; 3];
    for thread in partial.threads.iter().filter(|t| t.python.is_some()) {
        let python = thread.python.as_ref().unwrap();
        let same = |t: &&Thread| t.python.as_ref().is_some_and(|p| p.tstate == python.tstate);
        let of = whole.threads.iter().find(same).unwrap_or_else(|| panic!("{tag}: no such thread: {thread:#?}"));
        let known = of.python.as_ref().unwrap();
        assert_eq!((thread.tid, python.ident, python.interpreter), (of.tid, known.ident, known.interpreter), "{tag}");
        assert!(python.main.is_none() || python.main == known.main, "{tag}: {thread:#?}");
        let mut left = python_frames(of);
        for frame in python_frames(thread) {
            let place = left.find(|f| f.addr == frame.addr).unwrap_or_else(|| panic!("{tag}: {frame:#?}"));
            assert!(frame.lasti.is_none() || frame.lasti == place.lasti, "{tag}: {frame:#?}\n{place:#?}");
            assert!(frame.code.is_none() || frame.code == place.code, "{tag}: {frame:#?}\n{place:#?}");
            assert!(frame.file.is_none() || frame.file == place.file, "{tag}: {frame:#?}\n{place:#?}");
            assert!(frame.function.is_none() || frame.function == place.function, "{tag}: {frame:#?}\n{place:#?}");
            assert!(frame.line.is_none() || frame.line == place.line, "{tag}: {frame:#?}\n{place:#?}");
            let missing = frame.function.is_none() || frame.file.is_none() || frame.line.is_none();
            assert!(!missing || !frame.problems.is_empty(), "{tag}: no reason is given: {frame:#?}");
            for local in frame.locals.iter().flatten() {
                let Some(value) = local.value.as_ref().filter(|v| v.fidelity == Fidelity::Exact) else { continue };
                let same = |l: &&Local| l.name == local.name && l.value.as_ref().is_some_and(|v| v.repr == value.repr);
                assert!(place.locals.iter().flatten().any(|l| same(&l)), "{tag}: {local:#?}\n{place:#?}");
            }
            let told = [true, frame.function.is_some(), frame.line.is_some()];
            counts.iter_mut().zip(told).for_each(|(count, told)| *count += usize::from(told));
        }
        let lost = python_frames(thread).count() < python_frames(of).count();
        assert!(!lost || thread.frames_end.is_some(), "{tag}: nobody says that frames are missing: {thread:#?}");
    }
    counts
}

/// Whether a report says that much is missing, and how to record more.
fn says_what_to_record(report: &Report) -> bool {
    let said = code(report, "no-python").or_else(|| code(report, "python-partial"));
    said.is_some_and(|d| d.hint.as_ref().is_some_and(|h| h.contains("MiniDumpWithFullMemory")))
}

fn python_threads(report: &Report) -> usize {
    report.threads.iter().filter(|t| t.python.is_some()).count()
}

/// Data segments alone: since 3.11 the main thread's state is there, but no frame is.
#[test]
fn data_segments_tell_nothing_wrong() {
    for (tag, threads) in [("3.8", 0), ("3.11", 1), ("3.12", 1), ("3.13", 1)] {
        let (whole, partial, truth) = dumps(tag);
        let (whole, partial) = (report(&whole).1, report_on_part(&partial, data_segments));
        assert_eq!(check(tag, &whole, &partial), [0, 0, 0], "{tag}");
        assert!(says_what_to_record(&partial), "{tag}: {:#?}", partial.diagnostics);
        assert_eq!(python_threads(&partial), threads, "{tag}: {:#?}", partial.diagnostics);
        if let Some(python) = &partial.python {
            assert_eq!(python.version_hex.map(u64::from), truth["hexversion"].as_u64(), "{tag}");
            assert!(python.threads_missing && python.debug_build.is_none(), "{tag}: {python:#?}");
        }
    }
}

/// Memory that stacks point to: most frames are there, some of their names and lines are, and all that is told is true.
#[test]
fn indirectly_referenced_memory_tells_what_it_holds() {
    // Frames, those with a name, and those with a line.
    for (tag, least) in LEAST {
        let (whole, partial, truth) = dumps(tag);
        let (whole, partial) = (report(&whole).1, report(&partial).1);
        assert!(compare::report(&whole, &truth).is_empty(), "{tag}");
        let counts = check(tag, &whole, &partial);
        assert!(counts.iter().zip(least).all(|(count, least)| *count >= least), "{tag}: {counts:?}");
        assert!(says_what_to_record(&partial), "{tag}: {:#?}", partial.diagnostics);
        let python = partial.python.as_ref().unwrap();
        assert_eq!(python.version_hex.map(u64::from), truth["hexversion"].as_u64(), "{tag}");
        assert!(python.threads_missing || python_threads(&partial) == python_threads(&whole), "{tag}");
        // Without the memory nobody can know that a thread has no Python state.
        assert!(partial.findings.iter().all(|f| f.id != "api-without-gil"), "{tag}: {:#?}", partial.findings);
    }
}
