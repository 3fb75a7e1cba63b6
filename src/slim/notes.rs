//! Notes of a slim core: copied from an ELF core, or made from the model.
//!
//! Layouts: Linux `include/uapi/linux/elfcore.h` (`elf_prstatus`, `elf_prpsinfo`), `asm/user_64.h` and `asm/ptrace.h`
//! (`user_regs_struct`, `user_pt_regs`), `fs/binfmt_elf.c` (`NT_FILE`).

use super::elf::Encoder;
use super::{SlimError, SlimOptions};
use crate::base::{Abi, Addr, Arch, Diagnostic, Diagnostics, Endian};
use crate::debuggee::recorded_symbols::{CodeName, CodeNames};
use crate::debuggee::recorder::PageMask;
use crate::debuggee::{Crash, MissingPart, NativeThread, SourceKind, Target};
use object::read::elf::{FileHeader, ProgramHeader as _};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const NT_PRSTATUS: u64 = 1;
const NT_PRPSINFO: u64 = 3;
const NT_AUXV: u64 = 6;
const NT_SIGINFO: u64 = 0x5349_4749;
const NT_FILE: u64 = 0x4649_4c45;
const NT_ARM_TLS: u64 = 0x401;
/// Bytes of the command line in `NT_PRPSINFO`.
const ARGUMENTS: usize = 79;

/// Owner of our notes.
pub const VENDOR_NAME: &str = "pyinquest";
/// Type of the note that says what was slimmed ("SLIM").
pub const VENDOR_SLIM: u32 = 0x534c_494d;

/// Type of the note that says which bytes a redacted dump holds ("READ").
pub const VENDOR_READ: u32 = 0x5245_4144;

/// What a slim dump says of itself: JSON in a note that other tools skip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlimInfo {
    /// Version of this structure: 1.
    pub format: u32,
    /// Who wrote it.
    pub tool: String,
    /// What was slimmed.
    pub source: SourceKind,
    /// Whether bytes that the analysis did not read are zero.
    pub redacted: bool,
    /// The command line, of which ELF cores have room for 79 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// Thread names by thread id, which ELF cores have no place for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub thread_names: BTreeMap<u64, String>,
    /// Names and values that the program stored for its crash reporter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<(String, String)>,
    /// What files told about code when this was written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub code_names: BTreeMap<Addr, CodeName>,
    /// What the original did not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<SlimMissing>,
    /// What was found wrong with the original when it was opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
}

/// A [`MissingPart`] of the original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlimMissing {
    start: Addr,
    size: u64,
    why: String,
}

/// Codes of the diagnostics that speak of a dump file as a file: a slim dump has those of its original.
const OF_THE_FILE: [&str; 8] = [
    "core-truncated",
    "core-stacks-lost",
    "core-headers-cut",
    "packed-dump-damaged",
    "minidump-truncated",
    "minidump-memory-list-cut",
    "minidump-partial-memory",
    "minidump-stream-damaged",
];

fn is_of_the_file(diagnostic: &Diagnostic) -> bool {
    OF_THE_FILE.contains(&diagnostic.code.as_str())
}

/// Gives a target that was opened from a slim core what its original knew. Other targets stay as they are.
pub fn restore(target: &mut Target) {
    let dump = target.memory.dump_bytes();
    let Some(info) = dump.and_then(slim_info).filter(|info| info.format == 1) else { return };
    for thread in &mut target.threads {
        if thread.name.is_none() {
            thread.name = info.thread_names.get(&thread.tid).cloned();
        }
    }
    if info.arguments.is_some() {
        target.process.arguments = info.arguments;
    }
    target.process.annotations = info.annotations;
    target.code_names = CodeNames::new(info.code_names);
    let missing = info.missing.into_iter().map(|m| MissingPart { start: m.start, size: m.size, why: m.why });
    target.missing = missing.collect();
    let diagnostics = Diagnostics::default();
    let own = target.diagnostics.to_vec().into_iter().filter(|d| !is_of_the_file(d));
    own.chain(info.diagnostics.into_iter().filter(is_of_the_file)).for_each(|d| diagnostics.push(d));
    if let Some(said) = of_files(&target.code_names) {
        diagnostics.push(Diagnostic::note("slim-code-names", said));
    }
    if info.redacted {
        let text = match kept_bytes(target.memory.dump_bytes().unwrap_or_default()) {
            Some(_) => "a redacted slim dump: bytes that its report did not need are not in it",
            None => "a redacted slim dump: bytes that its report did not need are zero, and it does not say which",
        };
        diagnostics.push(Diagnostic::note("slim-redacted", text));
    }
    target.diagnostics = Arc::new(diagnostics);
}

/// Where names of code come from that a slim dump brings along.
fn of_files(names: &CodeNames) -> Option<String> {
    const MOST: usize = 4;
    let files: BTreeSet<&str> = names.known().map(|n| n.from.as_str()).collect();
    let more = files.len().saturating_sub(MOST);
    let mut said: Vec<String> = files.iter().take(MOST).map(|f| (*f).to_owned()).collect();
    if more > 0 {
        said.push(format!("{more} more"));
    }
    let said = said.join(", ");
    (!files.is_empty()).then(|| format!("names and lines of native code are those of {said} when this was made slim"))
}

/// The note of a slim core, or the stream of a slim minidump.
#[must_use]
pub fn slim_info(core: &[u8]) -> Option<SlimInfo> {
    if core.starts_with(b"MDMP") {
        return serde_json::from_slice(super::minidump::vendor_stream(core)?).ok();
    }
    let mut found = None;
    each_note(core, |_, owner, kind, desc| {
        if owner == VENDOR_NAME.as_bytes() && kind == VENDOR_SLIM {
            found = serde_json::from_slice(desc).ok();
        }
    });
    found
}

/// Which bytes of its pages a redacted slim dump holds; `None` for any other dump, and for those of versions that did
/// not write it down.
#[must_use]
pub fn kept_bytes(dump: &[u8]) -> Option<Vec<(Addr, PageMask)>> {
    if dump.starts_with(b"MDMP") {
        return super::minidump::own_stream(dump, super::minidump::READ_STREAM).map(read_list);
    }
    let mut found = None;
    each_note(dump, |_, owner, kind, desc| {
        if owner == VENDOR_NAME.as_bytes() && kind == VENDOR_READ {
            found = Some(read_list(desc));
        }
    });
    found
}

/// A page's address (64 bits) and its mask, for each page; little-endian whatever the target is.
pub fn list_of_read(pages: &[(Addr, PageMask)]) -> Vec<u8> {
    pages.iter().flat_map(|(page, mask)| page.0.to_le_bytes().into_iter().chain(mask.to_bytes())).collect()
}

fn read_list(bytes: &[u8]) -> Vec<(Addr, PageMask)> {
    let one = |record: &[u8; 72]| {
        let (page, mask) = record.split_first_chunk::<8>()?;
        Some((Addr(u64::from_le_bytes(*page)), PageMask::from_bytes(mask.first_chunk()?)))
    };
    let mut pages: Vec<(Addr, PageMask)> = bytes.as_chunks::<72>().0.iter().filter_map(one).collect();
    // Sorted as written; damage must not break the search.
    pages.sort_by_key(|(page, _)| *page);
    pages
}

/// All notes, one after the other. `pages`: what was read.
pub fn notes(target: &Target, options: SlimOptions, pages: &[(Addr, PageMask)]) -> Result<Vec<u8>, SlimError> {
    let mut out = match target.memory.dump_bytes().filter(|_| target.source == SourceKind::ElfCore) {
        Some(core) => copied(core),
        None => made(target),
    };
    let json = info_json(target, options)?;
    out.extend(note(target.abi, VENDOR_NAME, u64::from(VENDOR_SLIM), &json));
    if options.redact {
        out.extend(note(target.abi, VENDOR_NAME, u64::from(VENDOR_READ), &list_of_read(pages)));
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
        arguments: target.process.arguments.clone().filter(|a| a.len() > ARGUMENTS),
        thread_names: target.threads.iter().filter_map(|t| Some((t.tid, t.name.clone()?))).collect(),
        annotations: target.process.annotations.clone(),
        code_names: target.code_names.recorded(),
        missing: target
            .missing
            .iter()
            .map(|m| SlimMissing { start: m.start, size: m.size, why: m.why.clone() })
            .collect(),
        diagnostics: target.diagnostics.to_vec().into_iter().filter(is_of_the_file).collect(),
    };
    Ok(serde_json::to_vec(&info).map_err(std::io::Error::other)?)
}

/// The contents of every `PT_NOTE` but for an older note of ours.
fn copied(core: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    each_note(core, |abi, owner, kind, desc| {
        if owner != VENDOR_NAME.as_bytes() {
            out.extend(note(abi, &String::from_utf8_lossy(owner), u64::from(kind), desc));
        }
    });
    out
}

/// Calls `seen` with byte order, owner, type and content of every note.
fn each_note(core: &[u8], mut seen: impl FnMut(Abi, &[u8], u32, &[u8])) {
    use object::elf::{FileHeader32, FileHeader64};
    if each_note_as::<FileHeader64<object::Endianness>>(core, &mut seen).is_none() {
        each_note_as::<FileHeader32<object::Endianness>>(core, &mut seen);
    }
}

fn each_note_as<E: FileHeader<Endian = object::Endianness>>(
    core: &[u8],
    seen: &mut impl FnMut(Abi, &[u8], u32, &[u8]),
) -> Option<()> {
    let header = E::parse(core).ok()?;
    let endian = header.endian().ok()?;
    let big = endian == object::Endianness::Big;
    let abi = Abi { endian: if big { Endian::Big } else { Endian::Little }, ..Abi::LINUX_X86_64 };
    for ph in header.program_headers(endian, core).ok()? {
        let Ok(Some(mut list)) = ph.notes(endian, core) else { continue };
        while let Ok(Some(item)) = list.next() {
            seen(abi, item.name(), item.n_type(endian).0, item.desc());
        }
    }
    Some(())
}

/// One note: sizes, type, NUL-ended owner, content; both padded to 4 bytes.
fn note(abi: Abi, owner: &str, kind: u64, desc: &[u8]) -> Vec<u8> {
    let mut e = Encoder::new(abi);
    let name_len = owner.len().saturating_add(1);
    e.uint(name_len as u64, 4).uint(desc.len() as u64, 4).uint(kind, 4);
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
        out.extend(note(abi, "CORE", NT_PRSTATUS, &status));
        if let (Arch::Aarch64, Some(tls)) = (abi.arch, thread.tls_base) {
            let mut e = Encoder::new(abi);
            e.word(tls.0);
            out.extend(note(abi, "LINUX", NT_ARM_TLS, &e.finish()));
        }
        if index == 0 {
            out.extend(note(abi, "CORE", NT_PRPSINFO, &prpsinfo(target)));
            if let Some(info) = siginfo(target) {
                out.extend(note(abi, "CORE", NT_SIGINFO, &info));
            }
            out.extend(note(abi, "CORE", NT_AUXV, &auxv(target)));
            out.extend(note(abi, "CORE", NT_FILE, &files(target)));
        }
    }
    out
}

/// Order of the registers in `elf_prstatus.pr_reg`. Names that a thread does not have are zero.
fn register_order(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &[
            "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
            "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
        ],
        Arch::Aarch64 => &[
            "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
            "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30",
            "sp", "pc", "pstate",
        ],
        Arch::X86 | Arch::Arm => &[],
    }
}

/// `struct elf_prstatus` (64-bit); none for a thread without registers.
fn prstatus(target: &Target, thread: &NativeThread) -> Option<Vec<u8>> {
    let order = register_order(target.abi.arch);
    let registers = thread.registers.as_ref().filter(|_| !order.is_empty())?;
    let signal = match (&target.crash, &thread.signal) {
        (_, Some(info)) => info.number,
        (Some(Crash::Signal { tid, info }), None) if *tid == thread.tid => info.number,
        _ => 0,
    };
    let mut e = Encoder::new(target.abi);
    let signal = u64::from(signal.cast_unsigned());
    e.uint(signal, 4).uint(0, 8).uint(signal, 2).pad_to(32);
    e.uint(thread.tid, 4).uint(target.process.ppid.unwrap_or(0), 4).pad_to(112);
    for name in order {
        let value = match *name {
            "fs_base" => registers.get(name).or(thread.tls_base.map(|a| a.0)),
            // -1: not in a system call, so a debugger restarts none.
            "orig_rax" => registers.get(name).or(Some(u64::MAX)),
            _ => registers.get(name),
        };
        e.uint(value.unwrap_or(0), 8);
    }
    e.uint(0, 8);
    Some(e.finish())
}

/// `struct elf_prpsinfo` (64-bit).
fn prpsinfo(target: &Target) -> Vec<u8> {
    let p = &target.process;
    let mut e = Encoder::new(target.abi);
    e.bytes(&[0, b'R', 0, 0]).pad_to(24);
    e.uint(p.pid.unwrap_or(0), 4).uint(p.ppid.unwrap_or(0), 4).pad_to(40);
    e.field(p.command.as_deref().unwrap_or("").as_bytes(), 16);
    let arguments = p.arguments.as_deref().unwrap_or("").as_bytes();
    e.field(arguments.get(..ARGUMENTS).unwrap_or(arguments), ARGUMENTS.saturating_add(1));
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
    let known = [(3, p.phdr), (9, p.entry), (7, p.interp_base)];
    let mut e = Encoder::new(target.abi);
    for (kind, value) in known.into_iter().filter_map(|(k, v)| Some((k, v?))) {
        e.word(kind).word(value.0);
    }
    if let Some(size) = p.page_size {
        e.word(6).word(size);
    }
    e.word(0).word(0);
    e.finish()
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
