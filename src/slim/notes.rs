//! Notes of a slim core: copied from an ELF core, or made from the model.
//!
//! Layouts: Linux `include/uapi/linux/elfcore.h` (`elf_prstatus`, `elf_prpsinfo`), `asm/user_64.h` and `asm/ptrace.h`
//! (`user_regs_struct`, `user_pt_regs`), `fs/binfmt_elf.c` (`NT_FILE`).

use super::elf::Encoder;
use super::{SlimError, SlimOptions};
use crate::arch;
use crate::base::{Abi, Addr};
use crate::debuggee::recorder::PageMask;
use crate::debuggee::slim_record::{
    SlimInfo, SlimMissing, VENDOR_NAME, VENDOR_READ, VENDOR_SLIM, each_note, is_of_the_file, list_of_read,
};
use crate::debuggee::{Crash, NativeThread, SourceKind, Target};
use crate::os::linux::auxv::{AT_BASE, AT_ENTRY, AT_PAGESZ, AT_PHDR, Auxv};
use crate::os::linux::notes::{
    CORE, LINUX, NT_AUXV, NT_FILE, NT_PRPSINFO, NT_PRSTATUS, NT_SIGINFO, PRPSINFO_ARGUMENTS_SIZE, PRPSINFO_NAME,
    PRPSINFO_NAME_SIZE, PRPSINFO_PID, PRSTATUS_PID, PRSTATUS_REGISTERS,
};

/// All notes, one after the other. `pages`: what was read.
pub fn notes(target: &Target, options: SlimOptions, pages: &[(Addr, PageMask)]) -> Result<Vec<u8>, SlimError> {
    let mut out = match target.memory.dump_bytes().filter(|_| target.source == SourceKind::ElfCore) {
        Some(core) => copied(core, options.redact.then_some(target)),
        None => made(target),
    };
    let json = info_json(target, options)?;
    out.extend(note(target.abi, VENDOR_NAME, VENDOR_SLIM, &json));
    if options.redact {
        out.extend(note(target.abi, VENDOR_NAME, VENDOR_READ, &list_of_read(pages)));
    }
    Ok(out)
}

/// What a slim dump says of itself.
pub fn info_json(target: &Target, options: SlimOptions) -> Result<Vec<u8>, SlimError> {
    let info = SlimInfo {
        format: 1,
        tool: concat!("pyinquest ", env!("CARGO_PKG_VERSION")).to_owned(),
        source: target.source,
        redacted: options.redact,
        arguments: target.process.arguments.clone(),
        thread_names: target.threads.iter().filter_map(|t| Some((t.tid, t.name.clone()?))).collect(),
        annotations: target.process.annotations.clone(),
        code_names: target.code_names.recorded(),
        missing: target
            .missing
            .iter()
            .map(|m| SlimMissing { start: m.start, size: m.size, why: m.why.clone() })
            .collect(),
        diagnostics: target.diagnostics.to_vec().into_iter().filter(is_of_the_file).collect(),
        heap: options.heap,
    };
    Ok(serde_json::to_vec(&info).map_err(std::io::Error::other)?)
}

/// Notes of a redacted dump: no floating point and vector registers, which hold pieces of strings.
const KEPT_WHEN_REDACTED: [u32; 5] = [NT_PRSTATUS, NT_PRPSINFO, NT_SIGINFO, NT_AUXV, NT_FILE];

/// The contents of every `PT_NOTE` but for an older note of ours. The command line is that of `redacted`, if given: there
/// it has been cleaned.
fn copied(core: &[u8], redacted: Option<&Target>) -> Vec<u8> {
    let mut size = 0usize;
    each_note(core, |_, owner, _, desc| {
        size = size.saturating_add(owner.len()).saturating_add(desc.len()).saturating_add(NOTE_HEAD);
    });
    // Their notes tell how many threads there were: no more than the dump's own size.
    let mut out = Vec::with_capacity(size.min(core.len()));
    each_note(core, |abi, owner, kind, desc| {
        if let (b"CORE", NT_PRPSINFO, Some(target)) = (owner, kind, redacted) {
            out.extend(note(abi, CORE, NT_PRPSINFO, &prpsinfo(target)));
        } else if redacted.is_some() && !KEPT_WHEN_REDACTED.contains(&kind) {
            // Vector registers hold what was copied last.
        } else if owner != VENDOR_NAME.as_bytes() {
            out.extend(note(abi, &String::from_utf8_lossy(owner), kind, desc));
        }
    });
    out
}

/// Sizes and type of a note, and what its name and content may be padded by, in bytes.
const NOTE_HEAD: usize = 20;

/// One note: sizes, type, NUL-ended owner, content; both padded to 4 bytes.
fn note(abi: Abi, owner: &str, kind: u32, desc: &[u8]) -> Vec<u8> {
    let mut e = Encoder::new(abi);
    let name_len = owner.len().saturating_add(1);
    e.uint(name_len as u64, 4).uint(desc.len() as u64, 4).uint(u64::from(kind), 4);
    e.field(owner.as_bytes(), name_len.next_multiple_of(4));
    e.field(desc, desc.len().next_multiple_of(4));
    e.finish()
}

fn made(target: &Target) -> Vec<u8> {
    let abi = target.abi;
    let mut out = Vec::new();
    let crashed = target.crash.as_ref().map(Crash::tid);
    let mut threads: Vec<&NativeThread> = target.threads.iter().collect();
    // A core's first thread is the one that crashed.
    threads.sort_by_key(|t| Some(t.tid) != crashed);
    for (index, thread) in threads.into_iter().enumerate() {
        let Some(status) = prstatus(target, thread) else { continue };
        out.extend(note(abi, CORE, NT_PRSTATUS, &status));
        if let (Some(kind), Some(tls)) = (arch::cpu(abi.arch).thread_pointer.note, thread.tls_base) {
            let mut e = Encoder::new(abi);
            e.word(tls.0);
            out.extend(note(abi, LINUX, kind, &e.finish()));
        }
        if index == 0 {
            out.extend(note(abi, CORE, NT_PRPSINFO, &prpsinfo(target)));
            if let Some(info) = siginfo(target) {
                out.extend(note(abi, CORE, NT_SIGINFO, &info));
            }
            out.extend(note(abi, CORE, NT_AUXV, &auxv(target)));
            out.extend(note(abi, CORE, NT_FILE, &files(target)));
        }
    }
    out
}

/// `struct elf_prstatus` (64-bit); none for a thread without registers.
fn prstatus(target: &Target, thread: &NativeThread) -> Option<Vec<u8>> {
    let cpu = arch::cpu(target.abi.arch);
    let registers = thread.registers.as_ref()?;
    let signal = match (&target.crash, &thread.signal) {
        (_, Some(info)) => info.number,
        (Some(Crash::Signal { tid, info }), None) if *tid == thread.tid => info.number,
        _ => 0,
    };
    let mut e = Encoder::new(target.abi);
    let signal = u64::from(signal.cast_unsigned());
    e.uint(signal, 4).uint(0, 8).uint(signal, 2).pad_to(PRSTATUS_PID);
    e.uint(thread.tid, 4).uint(target.process.ppid.unwrap_or(0), 4).pad_to(PRSTATUS_REGISTERS);
    for name in cpu.prstatus {
        let thread_pointer = thread.tls_base.filter(|_| cpu.thread_pointer.register == Some(*name)).map(|a| a.0);
        let unknown = || cpu.unknown_in_prstatus.iter().find(|(n, _)| n == name).map_or(0, |(_, value)| *value);
        e.uint(registers.get(name).or(thread_pointer).unwrap_or_else(unknown), 8);
    }
    e.uint(0, 8);
    Some(e.finish())
}

/// `struct elf_prpsinfo` (64-bit).
fn prpsinfo(target: &Target) -> Vec<u8> {
    let p = &target.process;
    let mut e = Encoder::new(target.abi);
    e.bytes(&[0, b'R', 0, 0]).pad_to(PRPSINFO_PID);
    e.uint(p.pid.unwrap_or(0), 4).uint(p.ppid.unwrap_or(0), 4).pad_to(PRPSINFO_NAME);
    e.field(p.command.as_deref().unwrap_or("").as_bytes(), PRPSINFO_NAME_SIZE);
    let arguments = p.arguments.as_deref().unwrap_or("").as_bytes();
    // Ended by a zero.
    let room = PRPSINFO_ARGUMENTS_SIZE.saturating_sub(1);
    e.field(arguments.get(..room).unwrap_or(arguments), PRPSINFO_ARGUMENTS_SIZE);
    e.finish()
}

/// `siginfo_t` of the crash.
fn siginfo(target: &Target) -> Option<Vec<u8>> {
    let Some(Crash::Signal { info, .. }) = &target.crash else { return None };
    let mut e = Encoder::new(target.abi);
    e.uint(u64::from(info.number.cast_unsigned()), 4).uint(0, 4);
    e.uint(u64::from(info.code?.cast_unsigned()), 4).pad_to(16);
    match (info.fault_addr, info.sender_pid, info.sender_uid) {
        (Some(addr), _, _) => e.word(addr.0),
        (None, pid, uid) => e.uint(u64::from(pid.unwrap_or(0).cast_unsigned()), 4).uint(u64::from(uid.unwrap_or(0)), 4),
    };
    e.pad_to(128);
    Some(e.finish())
}

/// The auxiliary vector, as far as the model knows it.
pub fn auxv(target: &Target) -> Vec<u8> {
    let p = &target.process;
    let addresses = [(AT_PHDR, p.phdr), (AT_ENTRY, p.entry), (AT_BASE, p.interp_base)];
    let known = addresses.into_iter().filter_map(|(kind, value)| Some((kind, value?.0)));
    Auxv::from_pairs(known.chain(p.page_size.map(|size| (AT_PAGESZ, size)))).encode(&target.abi)
}

/// `NT_FILE`: count, page size, (start, end, offset in pages), then the paths.
fn files(target: &Target) -> Vec<u8> {
    let page_size = target.process.page_size.filter(|s| *s > 0).unwrap_or(4096);
    let mut list: Vec<_> = target.modules.iter().flat_map(|m| m.mappings.iter().map(move |p| (p, &m.path))).collect();
    list.sort_by_key(|(mapping, _)| mapping.start);
    let mut e = Encoder::new(target.abi);
    e.word(list.len() as u64).word(page_size);
    for (mapping, _) in &list {
        e.word(mapping.start.0).word(mapping.end.0).word(mapping.file_offset / page_size);
    }
    for (_, path) in &list {
        e.bytes(path.replace('\0', "?").as_bytes()).bytes(&[0]);
    }
    e.finish()
}
