//! What a slim dump states of itself: the notes and streams of ours in it, and what a target gets back from them.
//!
//! `crate::slim` writes these; reading them belongs to opening a dump, so their format is here.

use super::recorded_symbols::{CodeName, CodeNames};
use super::recorder::PageMask;
use super::{MissingPart, SourceKind, Target};
use crate::base::{Abi, Addr, Cursor, Diagnostic, DiagnosticCode, Diagnostics, Endian};
use object::read::elf::{FileHeader, ProgramHeader as _};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Owner of our notes.
pub const VENDOR_NAME: &str = "pyinquest";
/// Type of the note that says what was slimmed ("SLIM").
pub const VENDOR_SLIM: u32 = 0x534c_494d;

/// Type of the note that says which bytes a redacted dump holds ("READ").
pub const VENDOR_READ: u32 = 0x5245_4144;

/// Our own stream, in the range for such: the JSON of [`SlimInfo`].
pub const VENDOR_STREAM: u32 = 0x5059_0001;

/// Our own too: which bytes a redacted dump holds.
pub const READ_STREAM: u32 = 0x5059_0002;

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
    /// The whole heap is in it: what the original lacked of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<SlimHeap>,
}

/// What the original of a slim dump with a heap lacked of its writable memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlimHeap {
    /// Left out on purpose.
    pub left_out: u64,
    /// Lost because the file was cut.
    pub cut: u64,
    /// In mappings that were never written to, as it seems.
    #[serde(default)]
    pub unwritten: u64,
}

/// A [`MissingPart`] of the original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlimMissing {
    /// First address.
    pub start: Addr,
    /// Length in bytes.
    pub size: u64,
    /// Why.
    pub why: String,
}

/// Codes of the diagnostics that speak of a dump file as a file: a slim dump has those of its original.
const OF_THE_FILE: [DiagnosticCode; 8] = [
    DiagnosticCode::CoreTruncated,
    DiagnosticCode::CoreStacksLost,
    DiagnosticCode::CoreHeadersCut,
    DiagnosticCode::PackedDumpDamaged,
    DiagnosticCode::MinidumpTruncated,
    DiagnosticCode::MinidumpMemoryListCut,
    DiagnosticCode::MinidumpPartialMemory,
    DiagnosticCode::MinidumpStreamDamaged,
];

/// Those of them that a slim dump can have of its own: when it was cut itself. It has no list or stream that is damaged, and where
/// it ends early its writer says so.
const OF_A_CUT: [DiagnosticCode; 4] = [
    DiagnosticCode::CoreHeadersCut,
    DiagnosticCode::MinidumpTruncated,
    DiagnosticCode::MinidumpMemoryListCut,
    DiagnosticCode::MinidumpStreamDamaged,
];

/// Whether a diagnostic speaks of a dump file as a file.
#[must_use]
pub fn is_of_the_file(diagnostic: &Diagnostic) -> bool {
    OF_THE_FILE.contains(&diagnostic.code)
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
    let knows_arguments = info.arguments.is_some();
    if knows_arguments {
        target.process.arguments = info.arguments;
    }
    target.process.annotations = info.annotations;
    target.code_names = CodeNames::new(info.code_names);
    let was_cut = info.diagnostics.iter().any(|d| d.code == DiagnosticCode::CoreTruncated);
    let cut = target.dump_bytes_lost(was_cut);
    let missing = info.missing.into_iter().map(|m| MissingPart { start: m.start, size: m.size, why: m.why });
    // What is missing of a dump that was cut itself holds what its original lacked.
    if cut.is_none() {
        target.missing = missing.collect();
    }
    let diagnostics = Diagnostics::default();
    let own = target.diagnostics.to_vec().into_iter().filter(|d| !is_of_the_file(d) || OF_A_CUT.contains(&d.code));
    let own = own.filter(|d| !knows_arguments || d.code != DiagnosticCode::CommandLineCut);
    own.chain(cut).chain(info.diagnostics.into_iter().filter(is_of_the_file)).for_each(|d| diagnostics.push(d));
    if let Some(said) = of_files(&target.code_names) {
        diagnostics.push(Diagnostic::note(DiagnosticCode::SlimCodeNames, said));
    }
    if info.redacted {
        let text = match kept_bytes(target.memory.dump_bytes().unwrap_or_default()) {
            Some(_) => "a redacted slim dump: bytes that its report did not need are not in it",
            None => "a redacted slim dump: bytes that its report did not need are zero, and it does not say which",
        };
        diagnostics.push(Diagnostic::note(DiagnosticCode::SlimRedacted, text));
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
        return serde_json::from_slice(vendor_stream(core)?).ok();
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
        return own_stream(dump, READ_STREAM).map(read_list);
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
#[must_use]
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

/// The content of our stream in a minidump.
#[must_use]
pub fn vendor_stream(dump: &[u8]) -> Option<&[u8]> {
    own_stream(dump, VENDOR_STREAM)
}

/// The content of a stream of ours.
#[must_use]
pub fn own_stream(dump: &[u8], wanted: u32) -> Option<&[u8]> {
    let abi = Abi::WINDOWS_X86_64;
    let at = |offset: usize| dump.get(offset..).map(|rest| Cursor::new(rest, abi));
    let mut head = at(8)?;
    let (count, directory) = (head.u32().ok()?, head.u32().ok()?);
    let mut entries = at(usize::try_from(directory).ok()?)?;
    for _ in 0..count.min(1000) {
        let (kind, size, rva) = (entries.u32().ok()?, entries.u32().ok()?, entries.u32().ok()?);
        if kind == wanted {
            let start = usize::try_from(rva).ok()?;
            return dump.get(start..start.checked_add(usize::try_from(size).ok()?)?);
        }
    }
    None
}

/// Calls `seen` with byte order, owner, type and content of every note.
pub fn each_note(core: &[u8], mut seen: impl FnMut(Abi, &[u8], u32, &[u8])) {
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
