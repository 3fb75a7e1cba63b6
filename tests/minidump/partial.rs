//! Partial minidumps of Windows: the committed dumps cut down to what other MiniDump flags would have kept. wine's
//! dbghelp knows full memory only, so what is kept follows Microsoft's description of the flags, not its code.

use crate::compare;
use pyinquest::analyze::{Options, analyze};
use pyinquest::base::Addr;
use pyinquest::image::pe::PeImage;
use pyinquest::image::{Images, SearchOptions};
use pyinquest::report::model::{FrameKind, Report};
use pyinquest::target::{self, MemoryExt as _, PageSet, Target, slim};
use std::path::{Path, PathBuf};

/// Where each thread's stack is: from its stack pointer to where the dump's memory ends.
fn stacks(target: &Target) -> Vec<(Addr, u64)> {
    let sp = |t: &target::NativeThread| t.registers.as_ref().and_then(|r| r.sp());
    let room = |sp: Addr| Some((sp, target.memory.segment_at(sp)?.end().distance_from(sp)?));
    target.threads.iter().filter_map(sp).filter_map(room).collect()
}

/// `MiniDumpNormal`: stacks and headers of modules.
fn normal(target: &Target, keep: &PageSet) {
    stacks(target).into_iter().for_each(|(at, size)| keep.mark(at, size));
    target.modules.iter().for_each(|m| keep.mark(m.base, 0x400));
}

/// `MiniDumpWithDataSegs`: sections that modules write to, besides; and the others, for which the DLLs stand when they
/// are at hand.
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

/// The report on a dump of which this much was kept.
fn report(path: &Path, policy: fn(&Target, &PageSet)) -> Report {
    let whole = target::open(path).unwrap();
    let keep = PageSet::default();
    policy(&whole, &keep);
    let file = tempfile::NamedTempFile::with_suffix(".dmp").unwrap();
    let options = slim::SlimOptions { minidump: true, redact: true };
    slim::write(&whole, &keep, options, &mut file.as_file()).unwrap();
    let mut target = target::open(file.path()).unwrap();
    let images = Images::attach(&mut target, &SearchOptions { no_files: true, ..SearchOptions::default() });
    analyze(&target, &images, &Options { locals: true, native: true, ..Options::default() })
}

fn dumps() -> Vec<(PathBuf, serde_json::Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/minidumps");
    let tags = ["3.8", "3.12", "3.14t"];
    let dump = |tag| {
        let truth = std::fs::read(folder.join(format!("{tag}-windows-threads.truth.json"))).unwrap();
        (folder.join(format!("{tag}-windows-threads.dmp.zst")), serde_json::from_slice(&truth).unwrap())
    };
    tags.map(dump).to_vec()
}

fn code<'r>(report: &'r Report, code: &str) -> Option<&'r pyinquest::base::Diagnostic> {
    report.diagnostics.iter().find(|d| d.code == code)
}

#[test]
fn stacks_alone_show_native_frames_and_say_what_to_record() {
    for (path, _) in dumps() {
        let report = report(&path, normal);
        assert!(report.python.is_none(), "{path:?}: {:?}", report.python);
        let hint = code(&report, "no-python").and_then(|d| d.hint.clone()).unwrap_or_default();
        assert!(hint.contains("MiniDumpWithFullMemory"), "{path:?}: {hint}");
        for thread in &report.threads {
            let native = thread.frames.iter().filter(|f| f.native.as_ref().is_some_and(|n| n.module.is_some()));
            assert!(native.count() > 0, "{path:?}: {thread:#?}");
        }
    }
}

/// What part of Python's state is told is true, and what is not told is said to be missing. (Today such dumps are told
/// to hold too little: the interpreter's state is in the heap.)
#[test]
fn more_memory_tells_more_and_nothing_wrong() {
    for (path, truth) in dumps() {
        for policy in [data_segments, indirect] {
            let report = report(&path, policy);
            let Some(python) = &report.python else {
                let hint = code(&report, "no-python").and_then(|d| d.hint.clone()).unwrap_or_default();
                assert!(hint.contains("MiniDumpWithFullMemory"), "{path:?}: {hint}");
                continue;
            };
            assert_eq!(python.version_hex.map(u64::from), truth["hexversion"].as_u64(), "{path:?}");
            let mut complete = true;
            for wanted in truth["threads"].as_array().unwrap() {
                let ident = wanted["ident"].as_u64();
                let same = report.threads.iter().find(|t| t.python.as_ref().is_some_and(|p| p.ident == ident));
                let Some(thread) = same else {
                    complete = false;
                    continue;
                };
                let frames = thread.frames.iter().filter(|f| f.kind == FrameKind::Python);
                let wanted = wanted["frames"].as_array().unwrap();
                let mut left = wanted.iter();
                for frame in frames.clone() {
                    let Some(name) = &frame.function else { continue };
                    let is = |w: &&serde_json::Value| w["function"] == name.to_string().as_str();
                    let place = left.by_ref().find(is);
                    let place = place.unwrap_or_else(|| panic!("{path:?}: {name} is no frame here:\n{thread:#?}"));
                    let line = frame.line.map(u64::from);
                    assert!(line.is_none() || line == place["line"].as_u64(), "{path:?}: {name}: {line:?}, {place}");
                }
                if frames.count() < wanted.len() {
                    complete = false;
                    assert!(
                        thread.frames_end.is_some(),
                        "{path:?}: frames are missing and nobody says so: {thread:#?}"
                    );
                }
            }
            assert!(complete || !report.missing.is_empty() || !report.diagnostics.is_empty(), "{path:?}");
            assert!(!complete || compare::report(&report, &truth).is_empty());
        }
    }
}
