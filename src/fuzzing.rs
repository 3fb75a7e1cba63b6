//! What fuzzers call: one function for each parser of untrusted bytes, and one for a whole dump.
//!
//! `fuzz/` has a target for each of [`ENTRIES`], and `tests/fuzz_seeds.rs` replays their seeds as ordinary tests. An
//! entry takes any bytes, ends in bounded time, and asserts what must hold whatever they are.

use crate::base::{Abi, Addr, Os};
use crate::bridge;
use crate::cpython::code;
use crate::cpython::layout::{self, DebugOffsets, DwarfFile, Extract, LineTable, Provider};
use crate::cpython::object::Path as ObjectPath;
use crate::cpython::sync::depth_at;
use crate::debuggee::Recording;
use crate::debuggee::compressed::{Limits, Packing, expand};
use crate::debuggee::procfs;
use crate::debuggee::slim_record::restore;
use crate::debuggee::{
    AddressSpace, ByteSource, Module, Protection, Registers, Segment, SourceKind, Target, from_bytes,
};
use crate::engine::{Inspection, Options};
use crate::image::{FileBytes, SearchOptions, SymbolSource, debug_file, pdb_file};
use crate::native::symbolize::{Lines, Symbolizer};
use crate::native::unwind::Unwinder;
use crate::native::{ModuleTables, dwarf, pdb as native_pdb};
use crate::render::{faulthandler, html, info, json, markdown, text};
use crate::slim;
use crate::triage::{baseline::Baseline, input, normalize, record::Row, rules::Rules};
use object::{Object as _, ObjectSection as _};
use std::io::{Cursor, sink};
use std::path::Path;
use std::sync::Arc;

/// A parser under test: its name and what feeds it.
pub type Entry = (&'static str, fn(&[u8]));

/// All parsers, by the name of their fuzz target. A whole dump ([`PatchedDump`]) is not among them: it needs one.
pub const ENTRIES: [Entry; 15] = [
    ("archive", archive),
    ("bridge", bridge),
    ("code_tables", code_tables),
    ("compressed", compressed),
    ("debug_links", debug_links),
    ("dwarf", dwarf),
    ("elf_core", elf_core),
    ("elf_image", elf_image),
    ("layouts", layouts),
    ("minidump", minidump),
    ("object_path", object_path),
    ("pdb", pdb),
    ("pe_image", pe_image),
    ("procfs", procfs),
    ("triage_files", triage_files),
];

fn nothing() -> SearchOptions {
    SearchOptions { no_files: true, ..SearchOptions::default() }
}

/// A tar archive of dumps.
pub fn archive(data: &[u8]) {
    let mut members = 0usize;
    input::archive(Path::new("in.tar"), Ok(data), std::time::Duration::MAX, &mut |_| {
        members = members.saturating_add(1);
        members < 1000
    });
}

/// What an ELF file says of its debug information: links, build-id, mini debug information.
pub fn debug_links(data: &[u8]) {
    let _ = debug_file::read_all(FileBytes::whole(Arc::new(data.to_vec())));
}

/// What the debugger's script says to the engine.
pub fn bridge(data: &[u8]) {
    let _ = bridge::serve(Box::new(Cursor::new(data.to_vec())), Box::new(sink()), &Default::default());
}

/// Line tables of all formats, exception tables: two bytes say which instruction.
pub fn code_tables(data: &[u8]) {
    let Some((&[low, high], table)) = data.split_first_chunk::<2>() else { return };
    let lasti = i64::from(i16::from_le_bytes([low, high]));
    // The instruction before, too, and one beyond every table.
    for at in [lasti, lasti.saturating_sub(1), i64::MAX] {
        for format in [LineTable::LnotabUnsigned, LineTable::Lnotab, LineTable::Ranges, LineTable::Locations] {
            let found = code::position(format, table, 1, at);
            assert_eq!(found, code::position(format, table, 1, at), "{format:?} at {at}");
        }
        let _ = depth_at(table, at.unsigned_abs());
    }
}

/// Packed dumps. A stream that grows beyond the limit is cut there.
pub fn compressed(data: &[u8]) {
    const MOST: u64 = 1 << 20;
    let packing = Packing::detect(data.get(..Packing::HEAD).unwrap_or(data));
    if let Ok(out) = expand(data, packing, &Limits { size: MOST, ..Limits::default() }) {
        assert!(out.size <= 2 * MOST, "{packing}: {} bytes", out.size);
    }
}

/// DWARF of a file: layouts, functions and lines of its first addresses.
pub fn dwarf(data: &[u8]) {
    let _ = layout::from_dwarf(&[DwarfFile::from(data)]);
    let _ = layout::identify(data);
    let source = FileDwarf(data);
    let _ = dwarf::functions_at(&source, &Abi::LINUX_X86_64, &[0, 0x1000, 0x1139, 0x40_1000]);
}

struct FileDwarf<'a>(&'a [u8]);

impl dwarf::DwarfSource for FileDwarf<'_> {
    fn section(&self, name: &str) -> dwarf::SectionData {
        let file = object::File::parse(self.0).ok();
        let bytes = file.and_then(|f| Some(f.section_by_name(name)?.data().ok()?.to_vec()));
        Arc::new(bytes.unwrap_or_default())
    }

    fn supplementary(&self, _: &str) -> Option<dwarf::SectionData> {
        None
    }

    fn split(&self, _: &Path, _: &str) -> Option<dwarf::SectionData> {
        None
    }

    fn package(&self, _: &str) -> Option<dwarf::SectionData> {
        None
    }
}

/// ELF cores and their notes.
pub fn elf_core(data: &[u8]) {
    if !data.starts_with(b"MDMP") {
        dump(data.to_vec());
    }
}

/// Minidumps and their streams.
pub fn minidump(data: &[u8]) {
    if data.starts_with(b"MDMP") || data.starts_with(b"PMDM") {
        dump(data.to_vec());
    }
}

/// Opens a dump, tells what it says, and makes a slim one of it, which must open.
fn dump(data: Vec<u8>) {
    let Ok(mut target) = from_bytes(Path::new("fuzzed"), Arc::new(data)) else { return };
    restore(&mut target);
    let inspection = Inspection::from_target(target, &nothing());
    render(&inspection);
    let target = inspection.target();
    slim::record_essentials(target);
    for minidump in [false, true] {
        let options = slim::SlimOptions { minidump, redact: true, heap: None };
        let mut out = Vec::new();
        if slim::write(target, target.memory.recorded(), options, &mut out).is_ok() {
            let again = from_bytes(Path::new("slim"), Arc::new(out));
            assert!(again.is_ok(), "a slim dump (minidump: {minidump}) does not open: {:?}", again.err());
        }
    }
}

fn render(inspection: &Inspection) {
    let options = Options { locals: true, native: true, machine: true, refcounts: true, ..Options::default() };
    let report = inspection.report(&options);
    let _ = faulthandler::render(&report);
    let _ = html::render(&report);
    let _ = markdown::render(&report);
    let look = text::TextOptions { verbose: true, plumbing: true, ..text::TextOptions::default() };
    let shown = [text::render(&report, &look), info::render(&report, &look)];
    let clean = |c: char| !c.is_control() || c == '\n' || c == '\t';
    assert!(shown.iter().all(|s| s.chars().all(clean)), "control characters reach the terminal");
    let json = json::render(&report);
    assert!(json.is_ok(), "{:?}", json.err());
}

/// An ELF file as it lies in memory: headers, notes, symbols, unwind tables.
pub fn elf_image(data: &[u8]) {
    image(data, Abi::LINUX_X86_64);
}

/// A PDB: its id, functions and lines at the start of the code and at the offset that the last bytes give.
pub fn pdb(data: &[u8]) {
    let Some((_, tail)) = data.split_last_chunk::<4>() else { return };
    let stopped = u64::from(u32::from_le_bytes(*tail));
    let _ = pdb_file::id(data);
    let offsets = [0x1000, 0x1024, 0x1034, stopped];
    if let Ok(told) = native_pdb::functions_at(data, &offsets) {
        assert_eq!(told.len(), offsets.len(), "an answer for each address");
    }
}

/// A PE image as it lies in memory: headers, exports, function table, unwind codes.
pub fn pe_image(data: &[u8]) {
    image(data, Abi::WINDOWS_X86_64);
}

/// A process of one module, whose memory is `data`, stopped at the offset that its last bytes give.
fn image(data: &[u8], abi: Abi) {
    const BASE: u64 = 0x1_8000_0000;
    const STACK: u64 = 0x7fff_0000_0000;
    let Some((_, tail)) = data.split_last_chunk::<4>() else { return };
    let size = data.len() as u64;
    let stopped = Addr(BASE.wrapping_add(u64::from(u32::from_le_bytes(*tail)) % size));
    let module = Module {
        path: "fuzzed.dll".into(),
        base: Addr(BASE),
        end: Addr(BASE.wrapping_add(size)),
        build_id: None,
        mappings: Vec::new(),
        version: None,
        is_main: true,
    };
    let segment = |start: u64, execute: bool| Segment {
        start: Addr(start),
        size,
        offset: 0,
        available: size,
        dumped: size,
        protection: Protection { read: true, write: !execute, execute },
    };
    // The stack holds the same bytes.
    let source: Arc<dyn ByteSource> = Arc::new(data.to_vec());
    let target = Target {
        source: SourceKind::Minidump,
        path: None,
        abi,
        process: Default::default(),
        memory: Recording::new(AddressSpace::from_dump(source, vec![segment(BASE, true), segment(STACK, false)])),
        modules: vec![module],
        threads: Vec::new(),
        crash: None,
        missing: Vec::new(),
        mapped_files: Vec::new(),
        code_names: Default::default(),
        thread_index: Default::default(),
        limits: Default::default(),
        diagnostics: Arc::default(),
    };
    let inspection = Inspection::from_target(target, &nothing());
    let (target, images) = (inspection.target(), inspection.images());
    for image in images.iter() {
        for name in ["_PyRuntime", "Py_Main", ""] {
            let _ = image.find_symbol(target, name, SymbolSource::Dynsym);
        }
        let _ = (image.symbol_at(target, stopped), image.section(".PyRuntime"));
    }
    let values = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r12"].map(|name| (name, STACK));
    let values = values.into_iter().chain([("rip", stopped.0)]).collect();
    let registers = Registers { arch: abi.arch, values };
    let tables = ModuleTables::new(target);
    let unwound = Unwinder::new(target, &tables).unwind(Some(&registers));
    let symbols = Symbolizer::new(target, &tables, images, Lines::All);
    symbols.load(unwound.frames.iter().map(|f| f.lookup()));
}

/// Layouts: the JSON of `layouts dump`, and the table that a runtime states of itself.
pub fn layouts(data: &[u8]) {
    if let Ok(extract) = serde_json::from_slice::<Extract>(data) {
        let taken = extract.layouts(Provider::Table);
        let again = Extract::new(extract.version, extract.flags, "fuzzed", &taken);
        assert!(again.layouts(Provider::Table) == taken, "layouts do not survive their JSON form");
    }
    for os in [Os::Linux, Os::Windows] {
        let abi = if os == Os::Linux { Abi::LINUX_X86_64 } else { Abi::WINDOWS_X86_64 };
        let _ = DebugOffsets::from_bytes(data, &abi);
    }
}

/// Paths to objects, as typed by people.
pub fn object_path(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Err(error) = ObjectPath::parse(&text) {
        assert!(!error.to_string().is_empty());
    }
}

/// What `/proc` says of a process.
pub fn procfs(data: &[u8]) {
    let _ = procfs::parse_maps(data);
    let _ = crate::os::linux::auxv::Auxv::parse(data, &Abi::LINUX_X86_64);
    let _ = procfs::innermost_id(&String::from_utf8_lossy(data));
}

/// Files that people give the triager (rules, baseline), rows that workers give it, and the names it shortens.
pub fn triage_files(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = Rules::built_in().map(|rules| rules.with(&text, "fuzzed").map(drop));
    let _ = toml::from_str::<Baseline>(&text);
    let _ = serde_json::from_slice::<Row>(data);
    for line in text.lines().take(20) {
        let _ = (normalize::native_function(line), normalize::native_module(line), normalize::python_module(line));
        let _ = (normalize::qualname(line), normalize::message(line), crate::base::file_name(line));
    }
}

/// A whole dump with some of its words changed, opened, analysed and shown.
///
/// `patches` is a list of six bytes each: which word that is not zero (32 bits, little-endian), which byte of it, its
/// new value. Zeros are left alone: most of a dump is, and nobody reads those.
#[derive(Debug)]
pub struct PatchedDump {
    whole: Vec<u8>,
    words: Vec<usize>,
}

impl PatchedDump {
    /// The dump that is to be damaged.
    #[must_use]
    pub fn new(whole: Vec<u8>) -> Self {
        let words = whole.chunks_exact(8).enumerate().filter(|(_, word)| word.iter().any(|b| *b != 0));
        let words = words.map(|(index, _)| index.saturating_mul(8)).collect();
        PatchedDump { whole, words }
    }

    /// Damages a copy as `patches` say and reports on it.
    pub fn run(&self, patches: &[u8]) {
        let mut bytes = self.whole.clone();
        for patch in patches.chunks_exact(6).take(64) {
            let [a, b, c, d, byte, value] = *patch else { continue };
            let count = self.words.len().max(1);
            let index = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(0) % count;
            let at = self.words.get(index).map(|word| word.saturating_add(usize::from(byte % 8)));
            if let Some(byte) = at.and_then(|at| bytes.get_mut(at)) {
                *byte = value;
            }
        }
        dump(bytes);
    }
}

/// Several whole dumps: the first byte of the data says which one is damaged, the rest how.
#[derive(Debug)]
pub struct PatchedDumps(Vec<PatchedDump>);

impl PatchedDumps {
    /// The dumps, whole and not compressed.
    #[must_use]
    pub fn new(dumps: Vec<Vec<u8>>) -> Self {
        PatchedDumps(dumps.into_iter().map(PatchedDump::new).collect())
    }

    /// Damages one of them and reports on it.
    pub fn run(&self, data: &[u8]) {
        let Some((which, patches)) = data.split_first() else { return };
        let index = usize::from(*which) % self.0.len().max(1);
        if let Some(dump) = self.0.get(index) {
            dump.run(patches);
        }
    }
}
