//! ELF and program headers of a core (gABI chapters "ELF Header" and "Program Header"), tolerant of a cut file.

use crate::arch;
use crate::base::{Abi, Diagnostic, DiagnosticCode, Diagnostics};
use crate::debuggee::TargetError;
use crate::debuggee::compressed::Packing;
use crate::os::windows::streams;
use object::LittleEndian as LE;
use object::elf::{self, FileHeader64, ProgramHeader64, SectionHeader64};
use std::path::Path;

const HEADER_SIZE: usize = size_of::<FileHeader64<LE>>();
const ENTRY_SIZE: usize = size_of::<ProgramHeader64<LE>>();
/// `vm.max_map_count` is 65530 by default and seldom above a million; more headers than this are not examined.
const MAX_HEADERS: usize = 1 << 21;

/// What the headers say.
pub(super) struct Headers<'a> {
    pub abi: Abi,
    pub segments: &'a [ProgramHeader64<LE>],
}

/// Checks the ELF header and finds the program headers.
pub(super) fn parse<'a>(path: &Path, data: &'a [u8], diagnostics: &Diagnostics) -> Result<Headers<'a>, TargetError> {
    let not_a_dump = |what: String| TargetError::NotADump { path: path.to_owned(), what };
    let malformed = |what: String| TargetError::Malformed { path: path.to_owned(), what };
    if data.is_empty() {
        return Err(TargetError::Empty { path: path.to_owned() });
    }
    if !data.starts_with(&elf::ELFMAG) {
        return Err(not_a_dump(describe(data)));
    }
    let Ok((header, _)) = object::pod::from_bytes::<FileHeader64<LE>>(data) else {
        return Err(malformed(format!("cut off inside the ELF header ({} of {HEADER_SIZE} bytes)", data.len())));
    };
    // Type and machine first: "a 32-bit executable" is more use than "unsupported class".
    let abi = abi(header).map_err(|what| TargetError::UnsupportedArch { path: path.to_owned(), what })?;
    match header.e_type.get(LE) {
        elf::ET_CORE => {}
        elf::ET_EXEC => return Err(not_a_dump("an ELF executable".to_owned())),
        elf::ET_DYN => return Err(not_a_dump("an ELF executable or shared library".to_owned())),
        elf::ET_REL => return Err(not_a_dump("an ELF object file".to_owned())),
        other => return Err(not_a_dump(format!("an ELF file of unknown type {}", other.0))),
    }
    if usize::from(header.e_phentsize.get(LE)) != ENTRY_SIZE {
        let size = header.e_phentsize.get(LE);
        return Err(malformed(format!("program headers of {size} bytes each instead of {ENTRY_SIZE}")));
    }
    let start = usize::try_from(header.e_phoff.get(LE)).unwrap_or(usize::MAX);
    let table = data.get(start..).unwrap_or_default();
    let count = count(header, data, table);
    if count == 0 {
        return Err(malformed("a core without program headers".to_owned()));
    }
    let present = count.min(table.len() / ENTRY_SIZE).min(MAX_HEADERS);
    let segments = object::pod::slice_from_bytes::<ProgramHeader64<LE>>(table, present).map_or(&[][..], |(s, _)| s);
    if !segments.iter().any(|s| has_bytes(s, data.len())) {
        let what = if present < count {
            format!("cut off inside its program headers ({present} of {count} present)")
        } else if segments.iter().any(|s| matches!(s.p_type.get(LE), elf::PT_LOAD | elf::PT_NOTE)) {
            format!("cut off behind its headers: neither memory nor notes are left of {count} segments")
        } else {
            "a core without memory (PT_LOAD) and notes (PT_NOTE)".to_owned()
        };
        return Err(malformed(what));
    }
    if present < count {
        let text = format!("only {present} of {count} program headers could be read");
        diagnostics.push(Diagnostic::warning(DiagnosticCode::CoreHeadersCut, text));
    }
    Ok(Headers { abi, segments })
}

/// Whether a segment of memory or notes has at least one byte in the file.
fn has_bytes(segment: &ProgramHeader64<LE>, len: usize) -> bool {
    matches!(segment.p_type.get(LE), elf::PT_LOAD | elf::PT_NOTE)
        && segment.p_filesz.get(LE) > 0
        && segment.p_offset.get(LE) < len as u64
}

/// The count of program headers. Above 65534 it is in section header 0 (`PN_XNUM`), which Linux writes at the very
/// end of a core; of a cut core the place of the notes tells it: Linux puts them right after the table.
fn count(header: &FileHeader64<LE>, data: &[u8], table: &[u8]) -> usize {
    let count = header.e_phnum.get(LE);
    if count != elf::PN_XNUM {
        return usize::from(count);
    }
    let section = usize::try_from(header.e_shoff.get(LE))
        .ok()
        .filter(|at| *at > 0)
        .and_then(|at| data.get(at..))
        .and_then(|bytes| object::pod::from_bytes::<SectionHeader64<LE>>(bytes).ok())
        .and_then(|(section, _)| usize::try_from(section.sh_info.get(LE)).ok());
    let from_notes = || {
        let (first, _) = object::pod::from_bytes::<ProgramHeader64<LE>>(table).ok()?;
        let bytes = first.p_offset.get(LE).checked_sub(header.e_phoff.get(LE))?;
        (first.p_type.get(LE) == elf::PT_NOTE).then_some(usize::try_from(bytes).ok()? / ENTRY_SIZE)
    };
    section.filter(|n| *n > 0).or_else(from_notes).unwrap_or(usize::from(count))
}

/// The ABI, or the name of what is not supported.
fn abi(header: &FileHeader64<LE>) -> Result<Abi, String> {
    let ident = header.e_ident;
    let big = ident.data == elf::ELFDATA2MSB;
    let raw = header.e_machine.get(LE).0;
    let machine = elf::Machine(if big { raw.swap_bytes() } else { raw });
    if ident.class == elf::ELFCLASS64 && ident.data == elf::ELFDATA2LSB {
        if ident.os_abi == elf::ELFOSABI_FREEBSD {
            return Err("FreeBSD core".to_owned());
        }
        if let Some(cpu) = arch::by_elf_machine(machine.0) {
            return Ok(Abi::linux(cpu.arch));
        }
    }
    let bits = match ident.class {
        elf::ELFCLASS32 => "32-bit",
        elf::ELFCLASS64 => "64-bit",
        _ => "ELF of unknown class,",
    };
    let name = match machine {
        elf::EM_386 => "x86".to_owned(),
        elf::EM_X86_64 => "x86-64".to_owned(),
        elf::EM_ARM => "ARM".to_owned(),
        elf::EM_AARCH64 => "aarch64".to_owned(),
        elf::EM_PPC | elf::EM_PPC64 => "PowerPC".to_owned(),
        elf::EM_S390 => "s390".to_owned(),
        elf::EM_RISCV => "RISC-V".to_owned(),
        elf::EM_MIPS => "MIPS".to_owned(),
        elf::EM_LOONGARCH => "LoongArch".to_owned(),
        elf::EM_SPARC | elf::EM_SPARCV9 => "SPARC".to_owned(),
        other => format!("machine {}", other.0),
    };
    Err(format!("{bits} {name}{}", if big { ", big-endian" } else { "" }))
}

/// What a file that is not ELF looks like.
fn describe(data: &[u8]) -> String {
    let known: [(&[u8], &str); 4] = [
        (streams::MAGIC, "a minidump"),
        (b"BZh", "bzip2-compressed data"),
        (b"PK\x03\x04", "a zip archive"),
        (b"MZ", "a Windows executable"),
    ];
    let start = data.get(..512.min(data.len())).unwrap_or_default();
    if let Some((_, what)) = known.iter().find(|(magic, _)| data.starts_with(magic)) {
        (*what).to_owned()
    } else if Packing::is_compressed(data) {
        format!("{}-compressed data", Packing::detect(data))
    } else if start.iter().all(|b| *b == 0) {
        "it begins with zero bytes only".to_owned()
    } else if start.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) {
        "a text file".to_owned()
    } else {
        "not an ELF file".to_owned()
    }
}
