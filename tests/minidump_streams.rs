//! Streams of minidumps that no writer at hand writes: put together byte by byte.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "truth/compare.rs"]
mod compare;
mod harness;
#[path = "minidump/partial.rs"]
mod partial;
#[path = "minidump/pdb.rs"]
mod pdb;

use pyinquest::base::Addr;
use pyinquest::debuggee::slim_record::restore;
use pyinquest::debuggee::{Crash, Target, from_bytes};
use pyinquest::engine::{Inspection, Options};
use pyinquest::image::SearchOptions;
use pyinquest::model::Report;
use pyinquest::render::redact::{Privacy, redact};
use pyinquest::render::{html, info, json, markdown, text};
use pyinquest::slim;
use std::path::Path;
use std::sync::Arc;

const WINDOWS: u32 = 2;
const LINUX: u32 = 0x8201;
const MACOS: u32 = 0x8101;

/// A minidump in the making: the directory has room for eight streams.
struct Dump {
    bytes: Vec<u8>,
    streams: Vec<[u32; 3]>,
}

impl Dump {
    /// One with a `SystemInfo` of x86-64.
    fn new(platform: u32) -> Dump {
        let mut dump = Dump { bytes: vec![0; 32 + 8 * 12], streams: Vec::new() };
        let mut system = vec![0u8; 56];
        system[0] = 9;
        system[20..24].copy_from_slice(&platform.to_le_bytes());
        dump.stream(7, &system);
        dump
    }

    /// Where the next bytes go.
    fn put(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        at
    }

    fn words(&mut self, words: &[u32]) -> [u32; 2] {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        [bytes.len() as u32, self.put(&bytes)]
    }

    fn stream(&mut self, kind: u32, bytes: &[u8]) {
        let at = self.put(bytes);
        self.streams.push([kind, bytes.len() as u32, at]);
    }

    /// `MinidumpUTF8String`, which a `MinidumpByteArray` looks like too.
    fn utf8(&mut self, text: &str) -> u32 {
        let length = (text.len() as u32).to_le_bytes();
        self.put(&[&length[..], text.as_bytes(), &[0]].concat())
    }

    /// `MinidumpSimpleStringDictionary`.
    fn dictionary(&mut self, pairs: &[(&str, &str)]) -> [u32; 2] {
        let mut words = vec![pairs.len() as u32];
        for (name, value) in pairs {
            words.extend([self.utf8(name), self.utf8(value)]);
        }
        self.words(&words)
    }

    /// `MINIDUMP_EXCEPTION_STREAM` of thread 7.
    fn exception(&mut self, code: u32, parameters: &[u64]) {
        let mut stream = vec![0u8; 168];
        stream[0] = 7;
        stream[8..12].copy_from_slice(&code.to_le_bytes());
        stream[24..32].copy_from_slice(&0x1400_1000u64.to_le_bytes());
        stream[32] = parameters.len() as u8;
        for (to, from) in stream[40..].chunks_exact_mut(8).zip(parameters) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        self.stream(6, &stream);
    }

    fn finish(mut self) -> Vec<u8> {
        let count = self.streams.len() as u32;
        let head = [u32::from_le_bytes(*b"MDMP"), 0xa793, count, 32, 0, 0, 0, 0];
        let words: Vec<u32> = head.into_iter().chain(self.streams.iter().flatten().copied()).collect();
        for (to, from) in self.bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&from.to_le_bytes());
        }
        self.bytes
    }
}

/// `MinidumpCrashpadInfo` (Crashpad, `minidump/minidump_extensions.h`) with two simple annotations and one module,
/// which has a message, a simple annotation and an annotation object.
fn crashpad() -> Vec<u8> {
    let mut dump = Dump::new(LINUX);
    let simple = dump.dictionary(&[("channel", "beta\u{1b}[31m"), ("api_token", "hunter2")]);
    let message = dump.utf8("assertion failed: x > 0");
    let messages = dump.words(&[1, message]);
    let of_module = dump.dictionary(&[("plugin", "mesh")]);
    let (name, value) = (dump.utf8("gpu"), dump.utf8("llvmpipe"));
    let objects = dump.words(&[1, name, 1, value]);
    let module: Vec<u32> = [1].into_iter().chain(messages).chain(of_module).chain(objects).collect();
    let module = dump.words(&module);
    let modules = dump.words(&[1, 3, module[0], module[1]]);
    let info: Vec<u32> = [1].into_iter().chain([0; 8]).chain(simple).chain(modules).collect();
    let bytes: Vec<u8> = info.iter().flat_map(|w| w.to_le_bytes()).collect();
    dump.stream(0x4350_0001, &bytes);
    dump.finish()
}

fn open(bytes: Vec<u8>) -> Target {
    let mut target = from_bytes(Path::new("made-up.dmp"), Arc::new(bytes)).unwrap();
    restore(&mut target);
    target
}

fn report(target: Target) -> Report {
    let search = SearchOptions { no_files: true, ..SearchOptions::default() };
    Inspection::from_target(target, &search).report(&Options::default())
}

#[test]
fn annotations_for_crashpad_are_shown_escaped_and_redacted() {
    let target = open(crashpad());
    let mut report = report(open(crashpad()));
    let told: Vec<_> = report.process.annotations.iter().map(|a| (a.name.as_str(), a.value.as_str())).collect();
    let mut sorted = told.clone();
    sorted.sort_unstable();
    let expected = [
        ("api_token", "hunter2"),
        ("channel", "beta\u{1b}[31m"),
        ("module 3: gpu", "llvmpipe"),
        ("module 3: message", "assertion failed: x > 0"),
        ("module 3: plugin", "mesh"),
    ];
    assert_eq!(sorted, expected);
    let shown = |report: &Report| {
        let plain = text::TextOptions::default();
        [
            text::render(report, &plain),
            info::render(report, &plain),
            html::render(report),
            markdown::render(report),
            json::render(report).unwrap(),
        ]
    };
    for text in shown(&report) {
        assert!(text.contains("llvmpipe") && text.contains("hunter2"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    redact(&mut report, Privacy::Redacted);
    for text in shown(&report) {
        assert!(text.contains("llvmpipe") && !text.contains("hunter2"), "{text}");
    }
    // They stay in what is made of the dump.
    for minidump in [true, false] {
        let mut out = Vec::new();
        let options = slim::SlimOptions { minidump, ..slim::SlimOptions::default() };
        slim::write(&target, target.memory.recorded(), options, &mut out).unwrap();
        assert_eq!(open(out).process.annotations, target.process.annotations);
    }
}

#[test]
fn a_dump_that_was_asked_for_is_no_crash() {
    let crash = |platform, code| {
        let mut dump = Dump::new(platform);
        dump.exception(code, &[]);
        open(dump.finish()).crash
    };
    assert_eq!(crash(LINUX, 0xffff_ffff), None);
    assert_eq!(crash(LINUX, 0x0517_a7ed), None);
    assert_eq!(crash(WINDOWS, 0x0517_a7ed), None);
    assert!(matches!(crash(LINUX, 11), Some(Crash::Signal { tid: 7, info }) if info.number == 11));
    // There a program may have raised just that.
    assert!(matches!(crash(WINDOWS, 0xffff_ffff), Some(Crash::Exception { tid: 7, code: 0xffff_ffff, .. })));
}

#[test]
fn the_address_of_a_linux_fault_is_kept_where_its_code_is_not_known() {
    let mut dump = Dump::new(LINUX);
    dump.exception(11, &[]);
    let crash = open(dump.finish()).crash;
    let Some(Crash::Signal { info, .. }) = crash else { panic!("{crash:?}") };
    assert_eq!((info.code, info.fault_addr, info.sender_pid), (None, Some(Addr(0x1400_1000)), None));
}

#[test]
fn the_address_of_an_exception_of_macos_is_what_was_accessed() {
    let crash = |code| {
        let mut dump = Dump::new(MACOS);
        dump.exception(code, &[]);
        report(open(dump.finish())).crash.unwrap()
    };
    let access = crash(1);
    assert_eq!((access.fault_addr, access.instruction), (Some(Addr(0x1400_1000)), None));
    assert_eq!(access.summary, "EXC_BAD_ACCESS: access to address 0x14001000");
    let other = crash(6);
    assert_eq!((other.fault_addr, other.summary.as_str()), (None, "EXC_BREAKPOINT"));
}

#[test]
fn exceptions_of_windows_are_told_in_words() {
    let summary = |code, parameters: &[u64]| {
        let mut dump = Dump::new(WINDOWS);
        dump.exception(code, parameters);
        report(open(dump.finish())).crash.unwrap().summary
    };
    let at = "at instruction 0x14001000";
    assert_eq!(
        summary(0xc000_0005, &[1, 0x10]),
        format!("EXCEPTION_ACCESS_VIOLATION (0xc0000005): write of address 0x10 {at}")
    );
    // Since Windows 8 `abort()` of the C run time ends so, which has nothing to do with buffers.
    let text = summary(0xc000_0409, &[7]);
    assert!(
        text.starts_with("STATUS_STACK_BUFFER_OVERRUN (0xc0000409): fast fail 7 (FAST_FAIL_FATAL_APP_EXIT"),
        "{text}"
    );
    assert!(text.contains("no buffer overran"), "{text}");
    assert!(summary(0xc000_0409, &[2]).contains("FAST_FAIL_STACK_COOKIE_CHECK_FAILURE, a stack buffer overran"));
    assert!(summary(0xc000_0409, &[77]).contains(": fast fail 77, at"));
    assert_eq!(summary(0xc000_0409, &[]), format!("STATUS_STACK_BUFFER_OVERRUN (0xc0000409) {at}"));
    assert_eq!(summary(0xc000_00fd, &[]), format!("EXCEPTION_STACK_OVERFLOW (0xc00000fd) {at}"));
    assert_eq!(summary(0x1234_5678, &[]), format!("exception 0x12345678 {at}"));
}
