//! Slim dumps of made-up processes; real ones are in `tests/slim.rs`.

use super::*;
use crate::base::{Abi, Diagnostics};
use crate::debuggee::Recording;
use crate::debuggee::slim_record::{SlimInfo, VENDOR_SLIM, kept_bytes};
use crate::debuggee::{
    AddressSpace, Backing, ByteSource, Crash, Mapping, Memory, Module, NativeThread, ProcessInfo, Protection,
    ReadErrorKind, Registers, Segment, SignalInfo, SourceKind,
};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{Endianness, elf::FileHeader64};
use std::sync::Arc;

const RW: Protection = Protection { read: true, write: true, execute: false };

fn target(memory: AddressSpace) -> Target {
    let memory = Recording::new(memory);
    let registers =
        Registers { arch: crate::base::Arch::X86_64, values: vec![("rip", 0x1234), ("rsp", 0x10_0800), ("rbx", 7)] };
    let thread = |tid| NativeThread {
        tid,
        registers: Some(registers.clone()),
        tls_base: Some(Addr(0x7000)),
        name: Some(format!("t{tid}")),
        signal: None,
    };
    let info = SignalInfo { number: 11, code: Some(1), fault_addr: Some(Addr(8)), ..SignalInfo::default() };
    Target {
        source: SourceKind::Live,
        path: None,
        abi: Abi::LINUX_X86_64,
        process: ProcessInfo { pid: Some(41), command: Some("python3".into()), ..ProcessInfo::default() },
        memory,
        modules: vec![Module {
            path: "/usr/bin/python3".into(),
            base: Addr(0x40_0000),
            end: Addr(0x40_2000),
            build_id: None,
            mappings: vec![Mapping { start: Addr(0x40_0000), end: Addr(0x40_2000), file_offset: 0x1000 }],
            version: None,
            is_main: true,
        }],
        threads: vec![thread(41), thread(42)],
        crash: Some(Crash::Signal { tid: 42, info }),
        missing: Vec::new(),
        mapped_files: Vec::new(),
        code_names: Default::default(),
        thread_index: Default::default(),
        limits: Default::default(),
        diagnostics: Arc::new(Diagnostics::default()),
    }
}

fn segment(start: u64, size: u64, offset: u64, available: u64, dumped: u64) -> Segment {
    Segment { start: Addr(start), size, offset, available, dumped, protection: RW }
}

fn sample() -> Target {
    let dump: Vec<u8> = (0u32..0x8000).map(|i| (i / 7) as u8 | 1).collect();
    let mut memory = AddressSpace::from_dump(
        Arc::new(dump),
        vec![
            segment(0x10_0000, 0x5000, 0, 0x5000, 0x5000),
            segment(0x10_5000, 0x1000, 0x5000, 0x1000, 0x1000),
            segment(0x20_0000, 0x4000, 0x6000, 0x2000, 0x3000),
            segment(0x40_0000, 0x2000, 0, 0, 0),
        ],
    );
    let file: Arc<dyn ByteSource> = Arc::new(vec![9u8; 0x1800]);
    memory.add_backing(Backing { start: Addr(0x40_0000), size: 0x1800, source: file, offset: 0 });
    target(memory)
}

fn slim(target: &Target, options: SlimOptions) -> (Vec<u8>, SlimStats) {
    let mut out = Vec::new();
    let stats = write(target, target.memory.recorded(), options, &mut out).unwrap();
    assert_eq!(out.len() as u64, stats.file_bytes);
    (out, stats)
}

/// The memory of a slim core, by its program headers.
fn reopen(core: Vec<u8>) -> AddressSpace {
    let header = FileHeader64::<Endianness>::parse(&*core).unwrap();
    assert_eq!(header.e_type(Endianness::Little), object::elf::ET_CORE);
    let e = Endianness::Little;
    let loads = header.program_headers(e, &*core).unwrap().iter().filter(|p| p.p_type(e) == object::elf::PT_LOAD);
    let segments = loads
        .map(|p| {
            let dumped = p.p_filesz(e);
            let available = dumped.min((core.len() as u64).saturating_sub(p.p_offset(e)));
            segment(p.p_vaddr(e), p.p_memsz(e), p.p_offset(e), available, dumped)
        })
        .collect();
    let kept = kept_bytes(&core);
    let mut memory = AddressSpace::from_dump(Arc::new(core), segments);
    memory.set_kept(kept);
    memory
}

#[test]
fn reads_of_a_slim_core_give_what_the_original_gave_and_fail_alike() {
    let original = sample();
    let reads = [
        (0x10_0ff8u64, 0x10usize),
        (0x10_4ff0, 0x20),
        (0x20_1ff8, 8),
        (0x20_1ff8, 16),
        (0x20_3800, 4),
        (0x40_0800, 0x100),
        (0x40_17f8, 16),
        (0x30_0000, 8),
    ];
    let read = |memory: &dyn Memory, (addr, len): (u64, usize)| {
        let mut buf = vec![0; len];
        memory.read(Addr(addr), &mut buf).map(|()| buf)
    };
    let truth: Vec<_> = reads.iter().map(|r| read(&original.memory, *r)).collect();
    assert_eq!(truth.iter().filter(|r| r.is_ok()).count(), 4);
    for redact in [false, true] {
        let (core, stats) = slim(&original, SlimOptions { redact, ..Default::default() });
        assert_eq!(stats.stored_bytes, 0x6800, "{stats:?}");
        let slim = reopen(core);
        for (r, want) in reads.iter().zip(&truth) {
            assert_eq!(&read(&slim, *r), want, "{r:x?}");
        }
        let elsewhere = slim.read_u8(Addr(0x10_3000)).unwrap_err();
        assert_eq!((elsewhere.addr, elsewhere.kind), (Addr(0x10_3000), ReadErrorKind::NotInDump));
        // An unread byte of a stored page: there, or told to be missing, but never taken for a zero.
        let near = slim.read_u8(Addr(0x10_0100)).map_err(|e| (e.addr, e.kind));
        match redact {
            true => assert_eq!(near, Err((Addr(0x10_0100), ReadErrorKind::NotInDump))),
            false => assert_ne!(near.unwrap(), 0),
        }
    }
}

#[test]
fn the_bytes_of_a_slim_core_depend_on_what_was_read_only() {
    let a = sample();
    let _ = a.memory.read_vec(Addr(0x10_0000), 0x3000);
    let first = slim(&a, SlimOptions::default()).0;
    assert_eq!(first, slim(&a, SlimOptions::default()).0);
    assert_eq!(a.memory.recorded().page_count(), 3, "writing a dump is not reading");
}

#[test]
fn notes_are_made_for_a_source_that_has_none() {
    let t = sample();
    let (core, _) = slim(&t, SlimOptions::default());
    let header = FileHeader64::<Endianness>::parse(&*core).unwrap();
    let e = Endianness::Little;
    let ph = header.program_headers(e, &*core).unwrap();
    let mut notes = ph[0].notes(e, &*core).unwrap().unwrap();
    let mut seen = Vec::new();
    while let Some(n) = notes.next().unwrap() {
        seen.push((n.n_type(e).0, n.desc().to_vec()));
    }
    let kinds: Vec<u32> = seen.iter().map(|(k, _)| *k).collect();
    assert_eq!(kinds, [1, 3, 0x5349_4749, 6, 0x4649_4c45, 1, VENDOR_SLIM]);
    let status = &seen[0].1;
    assert_eq!(status.len(), 336);
    assert_eq!((status[12], status[32]), (11, 42), "the thread that crashed comes first");
    assert_eq!(status[112 + 8 * 16..][..2], [0x34, 0x12]);
    assert_eq!(seen[1].1.len(), 136);
    assert_eq!(&seen[1].1[40..47], b"python3");
    assert_eq!(seen[2].1[16], 8);
    let info: SlimInfo = serde_json::from_slice(&seen[6].1).unwrap();
    assert_eq!(info.thread_names[&42], "t42");
}
