mod modules;

use super::synth_core::*;
use super::*;
use crate::base::Addr;
use crate::base::Arch;
use crate::debuggee::{Memory as _, MissingPart, ReadErrorKind};

fn open(bytes: Vec<u8>) -> Result<Target, TargetError> {
    from_source(Path::new("core"), Arc::new(bytes))
}

fn error(bytes: &[u8]) -> String {
    open(bytes.to_vec()).unwrap_err().to_string()
}

fn codes(target: &Target) -> Vec<String> {
    target.diagnostics.to_vec().into_iter().map(|d| d.code.to_string()).collect()
}

/// A crash of thread 10 of two, with a stack.
fn simple() -> SynthCore {
    SynthCore::new(EM_X86_64)
        .thread(10, 11, &[(10, 42), (16, 0x40_1000), (19, 0x7000_0800), (21, 0x7000_0100)])
        .siginfo(11, 1, [0x1234, 0])
        .auxv(&[(6, 4096), (3, 0x40_0040)])
        .thread(11, 11, &[(19, 0x7000_0900)])
        .load(0x7000_0000, 0x1000, READ_WRITE, &[7; 0x1000])
}

#[test]
fn what_is_no_core_is_named() {
    assert_eq!(error(b""), "core is empty");
    assert_eq!(error(b"hello\nworld"), "core is not a core or minidump: a text file");
    assert_eq!(error(&[0; 4096]), "core is not a core or minidump: it begins with zero bytes only");
    assert_eq!(error(b"\x1f\x8b\x08\0\0"), "core is not a core or minidump: gzip-compressed data");
    assert_eq!(error(b"\xff\xd8\xff\xe0"), "core is not a core or minidump: not an ELF file");
    assert_eq!(error(&simple().build()[..40]), "core: cut off inside the ELF header (40 of 64 bytes)");
    assert_eq!(error(&elf_header(2, EM_X86_64, 1)), "core is not a core or minidump: an ELF executable");
    assert_eq!(
        error(&elf_header(3, EM_X86_64, 1)),
        "core is not a core or minidump: an ELF executable or shared library"
    );
    assert_eq!(error(&elf_header(4, 258, 1)), "core: unsupported architecture: 64-bit LoongArch");
    let mut class32 = elf_header(4, 3, 1);
    class32[4] = 1;
    assert_eq!(error(&class32), "core: unsupported architecture: 32-bit x86");
    let mut big = elf_header(4, 22u16.swap_bytes(), 1);
    big[5] = 2;
    assert_eq!(error(&big), "core: unsupported architecture: 64-bit s390, big-endian");
}

#[test]
fn damaged_headers_are_named() {
    let whole = simple().build();
    assert_eq!(error(&elf_header(4, EM_X86_64, 0)), "core: a core without program headers");
    assert_eq!(error(&whole[..100]), "core: cut off inside its program headers (0 of 2 present)");
    assert_eq!(error(&whole[..130]), "core: cut off inside its program headers (1 of 2 present)");
    assert_eq!(
        error(&whole[..176]),
        "core: cut off behind its headers: neither memory nor notes are left of 2 segments"
    );
    let mut entry_size = whole.clone();
    entry_size[54] = 32;
    assert_eq!(error(&entry_size), "core: program headers of 32 bytes each instead of 56");
    let mut nothing = elf_header(4, EM_X86_64, 1);
    nothing.extend(program_header(6, 4, 0, 0, 64, 64));
    assert_eq!(error(&nothing), "core: a core without memory (PT_LOAD) and notes (PT_NOTE)");
}

#[test]
fn the_thread_with_the_siginfo_crashed() {
    let target = open(simple().build()).unwrap();
    let info = SignalInfo { number: 11, code: Some(1), fault_addr: Some(Addr(0x1234)), ..SignalInfo::default() };
    assert_eq!(target.crash, Some(Crash::Signal { tid: 10, info: info.clone() }));
    let [first, second] = target.threads.as_slice() else { panic!("{:?}", target.threads) };
    assert_eq!((first.tid, first.signal.as_ref(), first.tls_base), (10, Some(&info), Some(Addr(0x7000_0100))));
    assert_eq!((second.tid, &second.signal, second.tls_base), (11, &None, None));
    let registers = first.registers.as_ref().unwrap();
    assert_eq!((registers.ip(), registers.sp()), (Some(Addr(0x40_1000)), Some(Addr(0x7000_0800))));
    assert_eq!(registers.values[0], ("rax", 42));
    assert_eq!(target.process.ppid, Some(7));
    assert_eq!((target.process.phdr, target.process.page_size), (Some(Addr(0x40_0040)), Some(4096)));
    assert_eq!(codes(&target), ["core-no-file-list"]);
}

#[test]
fn gcore_gives_every_thread_a_siginfo_and_the_right_one_is_taken() {
    let core = SynthCore::new(EM_X86_64)
        .thread(10, 6, &[])
        .siginfo(19, 0x80, [0, 0])
        .thread(11, 6, &[])
        .siginfo(6, -6, [10, 1000])
        .load(0, 16, READ, &[1; 16]);
    let info = SignalInfo { number: 6, code: Some(-6), fault_addr: None, sender_pid: Some(10), sender_uid: Some(1000) };
    assert_eq!(open(core.build()).unwrap().crash, Some(Crash::Signal { tid: 11, info }));
}

#[test]
fn a_stop_by_a_debugger_is_no_crash() {
    for signal in [0, 2, 19] {
        let core = SynthCore::new(EM_X86_64).thread(10, signal, &[]).siginfo(19, 0x80, [0, 0]);
        assert_eq!(open(core.load(0, 1, READ, &[0]).build()).unwrap().crash, None, "signal {signal}");
    }
    // qemu-user writes no siginfo.
    let core = SynthCore::new(EM_X86_64).thread(10, 8, &[]).load(0, 1, READ, &[0]);
    let info = SignalInfo { number: 8, ..SignalInfo::default() };
    assert_eq!(open(core.build()).unwrap().crash, Some(Crash::Signal { tid: 10, info }));
}

#[test]
fn aarch64_registers_and_tls() {
    let core = SynthCore::new(EM_AARCH64)
        .note("CORE", 1, &prstatus(10, 11, 34, &[(0, 5), (29, 0x10), (30, 0x20), (31, 0x30), (32, 0x40), (33, 0x50)]))
        .note("LINUX", 0x401, &words(&[0xabc0, 0]))
        .load(0, 1, READ, &[0]);
    let target = open(core.build()).unwrap();
    assert_eq!(target.abi.arch, Arch::Aarch64);
    let thread = &target.threads[0];
    let registers = thread.registers.as_ref().unwrap();
    assert_eq!(thread.tls_base, Some(Addr(0xabc0)));
    assert_eq!(
        [registers.fp(), registers.get("x30").map(Addr), registers.sp(), registers.ip()],
        [0x10, 0x20, 0x30, 0x40].map(|a| Some(Addr(a)))
    );
    assert_eq!((registers.get("x0"), registers.get("pstate")), (Some(5), Some(0x50)));
}

#[test]
fn process_info_is_read() {
    let mut desc = vec![0u8; 136];
    desc[24..28].copy_from_slice(&77u32.to_le_bytes());
    desc[28..32].copy_from_slice(&76u32.to_le_bytes());
    desc[40..46].copy_from_slice(b"python");
    desc[56..72].copy_from_slice(b"python -c crash ");
    let process = open(simple().note("CORE", 3, &desc).build()).unwrap().process;
    assert_eq!((process.pid, process.ppid), (Some(77), Some(76)));
    assert_eq!((process.command.as_deref(), process.arguments.as_deref()), (Some("python"), Some("python -c crash")));
}

#[test]
fn what_the_core_leaves_out_is_not_zero() {
    let core = simple().load(0x8000_0000, 0x3000, READ_WRITE, &[1; 0x1000]).load(0x9000_0000, 0x1000, READ, &[]);
    let target = open(core.build()).unwrap();
    let at = |addr| target.memory.read(Addr(addr), &mut [0; 8]).map_err(|e| (e.addr.0, e.kind));
    assert_eq!(at(0x8000_0ff8), Ok(()));
    assert_eq!(at(0x8000_0ffc), Err((0x8000_1000, ReadErrorKind::NotInDump)));
    assert_eq!(at(0x9000_0000), Err((0x9000_0000, ReadErrorKind::NotInDump)));
    assert_eq!(at(0xa000_0000), Err((0xa000_0000, ReadErrorKind::Unmapped)));
    let why = "left out of the dump (coredump_filter or MADV_DONTDUMP)".to_owned();
    assert_eq!(target.missing, [MissingPart { start: Addr(0x8000_1000), size: 0x2000, why }]);
}

#[test]
fn a_cut_core_says_by_how_much() {
    let whole = simple().build();
    let target = open(whole[..whole.len() - 0x300].to_vec()).unwrap();
    let texts: Vec<String> = target.diagnostics.to_vec().into_iter().map(|d| d.message).collect();
    let (have, want) = (whole.len() - 0x300, whole.len());
    let text =
        format!("the core file is cut short: {have} of {want} bytes are there, 768 are missing (768 bytes of memory)");
    assert!(texts.contains(&text), "{texts:?}");
    let why = "cut off with the end of the core file".to_owned();
    assert_eq!(target.missing, [MissingPart { start: Addr(0x7000_0d00), size: 0x300, why }]);
    let error = target.memory.read(Addr(0x7000_0cf8), &mut [0; 16]).unwrap_err();
    assert_eq!((error.addr, error.kind), (Addr(0x7000_0d00), ReadErrorKind::Truncated));
}

#[test]
fn cut_at_every_length_it_is_an_error_or_a_target_that_says_so() {
    let whole = simple().files(4096, &[(0x7000_0000, 0x7000_1000, 0, "/lib/x.so")]).build();
    for len in 0..whole.len() {
        if let Ok(target) = open(whole[..len].to_vec()) {
            assert!(codes(&target).iter().any(|c| c == "core-truncated"), "{len}");
        }
    }
}

#[test]
fn absurd_values_are_bounded() {
    let far = u64::MAX - 0xfff;
    let core = simple()
        .load(far, u64::MAX, READ_WRITE, &[1; 32])
        .load(0, u64::MAX, READ_WRITE, &[1; 32])
        .files(u64::MAX, &[(0, u64::MAX, u64::MAX, "/a"), (5, 4, 0, "/b"), (1, 2, 3, "")])
        .auxv(&[(3, u64::MAX), (33, far), (31, u64::MAX), (6, 3)]);
    let target = open(core.build()).unwrap();
    assert_eq!(target.process.page_size, None);
    assert!(target.memory.read(Addr(u64::MAX), &mut [0; 8]).is_err());
    // A count in NT_FILE that the note has no room for.
    let short = simple().note("CORE", 0x4649_4c45, &words(&[u64::MAX, 4096, 0x1000, 0x2000, 0]));
    assert_eq!(open(short.build()).unwrap().modules, []);
}

#[test]
fn damaged_notes_are_reported_and_the_good_ones_kept() {
    let mut core = simple();
    core.notes.extend([5, 0, 0, 0, 255, 255, 255, 127, 1, 0, 0, 0]);
    let target = open(core.build()).unwrap();
    assert_eq!(target.threads.len(), 2);
    assert!(codes(&target).contains(&"core-notes-damaged".to_owned()));
    let target = open(SynthCore::new(EM_X86_64).load(0, 1, READ, &[0]).build()).unwrap();
    assert!(codes(&target).contains(&"core-no-threads".to_owned()));
}

/// More than 65534 segments: the count is in section header 0 at the end, or has to be worked out when that is gone.
#[test]
fn more_segments_than_the_header_can_count() {
    let mut core = simple();
    core.loads.extend((0..70_000u64).map(|i| Load { vaddr: i << 12, memsz: 0x1000, flags: READ, data: Vec::new() }));
    let mut bytes = core.build();
    let end = bytes.len();
    bytes[56..58].copy_from_slice(&0xffffu16.to_le_bytes());
    assert_eq!(open(bytes.clone()).unwrap().memory.segments().len(), 70_001, "without section header");
    bytes[40..48].copy_from_slice(&(end as u64).to_le_bytes());
    let mut section = vec![0; 64];
    section[44..48].copy_from_slice(&(70_001u32 + 1).to_le_bytes());
    bytes.extend(section);
    assert_eq!(open(bytes).unwrap().memory.segments().len(), 70_001, "with section header");
}

/// Cores of other systems are named, not taken for cores of Linux in which nothing happened.
#[test]
fn other_systems_are_named() {
    for (owner, system) in [("NetBSD-CORE", "NetBSD"), ("OpenBSD", "OpenBSD"), ("FreeBSD", "FreeBSD")] {
        let core = SynthCore::new(EM_X86_64).note(owner, 1, &[0; 64]).load(0x1000, 0x1000, READ, &[1; 16]).build();
        assert_eq!(error(&core), format!("core: a core of {system}, which is not supported"));
    }
}

/// As many threads as a dump can have: time and memory grow with their number, not with its square.
#[test]
fn twenty_thousand_threads() {
    let mut core = SynthCore::new(EM_X86_64).load(0x1000, 0x1000, READ, &[1; 16]);
    for tid in 1..=20_000 {
        core = core.thread(tid, if tid == 1 { 11 } else { 0 }, &[]);
    }
    let target = from_source(Path::new("core"), Arc::new(core.build())).unwrap();
    let start = std::time::Instant::now();
    assert!((1..=20_000).all(|tid| target.thread(tid).is_some_and(|t| t.tid == tid)));
    assert!(target.thread(20_001).is_none());
    // A watchdog: with 10^6 threads a search took minutes.
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
}

/// Of very many threads the first ones are read, and the one that crashed, wherever it is, with its registers.
#[test]
fn threads_beyond_the_limit() {
    let mut core = SynthCore::new(EM_X86_64).load(0x1000, 0x1000, READ, &[1; 16]);
    for tid in 1..=50 {
        core = core.thread(tid, 11, &[(16, u64::from(tid) * 0x10)]);
        if matches!(tid, 40 | 45) {
            core = core.siginfo(11, 1, [tid, 0]);
        }
    }
    let limits = Limits { threads: 5, ..Limits::default() };
    let target = from_source_within(Path::new("core"), Arc::new(core.build()), &limits).unwrap();
    let ids: Vec<u64> = target.threads.iter().map(|t| t.tid).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 40]);
    assert_eq!(target.threads[5].registers.as_ref().unwrap().ip(), Some(Addr(0x280)));
    let Some(Crash::Signal { tid: 40, info }) = &target.crash else { panic!("{:?}", target.crash) };
    assert_eq!(info.fault_addr, Some(Addr(40)));
    let said: Vec<String> = target.diagnostics.to_vec().into_iter().map(|d| d.message).collect();
    assert!(said.contains(&"6 of 50 threads are read, the others are left out".to_owned()), "{said:?}");
}
