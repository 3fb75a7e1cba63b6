//! Names and lines from a PDB: a DLL and its PDB made by clang and lld (`fixtures/windows/crashing.c`), in a process that
//! is put together as the DLL's own code would have left it.

use pyinquest::analyze::{Options, analyze, record};
use pyinquest::base::{Abi, Addr, Arch};
use pyinquest::image::pe::PeImage;
use pyinquest::image::{Images, SearchOptions};
use pyinquest::report::model::Report;
use pyinquest::target::{
    self, AddressSpace, Mapping, Module, NativeThread, Protection, Registers, Segment, SourceKind, Target, slim,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BASE: u64 = 0x1_8000_0000;
const STACK: u64 = 0x7f_0000;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/windows").join(name)).unwrap()
}

/// The process that stopped where `write_there` writes: called by `crash_here` at offset 0x1013 or 0x1020.
fn process() -> Target {
    let file = fixture("crashing.dll");
    let image = PeImage::from_file(&file, Addr(BASE)).unwrap();
    let size = image.size as usize;
    let mut bytes = vec![0u8; size + 0x100];
    bytes[..0x400].copy_from_slice(&file[..0x400]);
    for s in &image.sections {
        let (from, len) = (s.file_offset as usize, s.file_size.min(s.size) as usize);
        bytes[s.rva as usize..][..len].copy_from_slice(&file[from..][..len]);
    }
    // From the top: no caller; rbp and rsi pushed and 0x28 bytes taken by crash_here; its return address, and rbp.
    let top = 0xf8;
    let sp = top - 16 - 0x28 - 16;
    bytes[size + sp..][..8].copy_from_slice(&(STACK + sp as u64 + 16 + 0x20).to_le_bytes());
    bytes[size + sp + 8..][..8].copy_from_slice(&(BASE + 0x1025).to_le_bytes());
    let values = vec![("rip", BASE + 0x1034), ("rsp", STACK + sp as u64), ("rbp", STACK + sp as u64), ("rcx", 0)];
    let (code, data) = (
        Protection { read: true, execute: true, write: false },
        Protection { read: true, write: true, execute: false },
    );
    let segment = |start, size: usize, offset: usize, protection| {
        let (size, offset) = (size as u64, offset as u64);
        Segment { start: Addr(start), size, offset, available: size, dumped: size, protection }
    };
    let segments = vec![segment(STACK, 0x100, size, data), segment(BASE, size, 0, code)];
    let memory = AddressSpace::from_dump(Arc::new(bytes), segments);
    let build_id = image.build_ids(&memory).into_iter().next();
    let end = Addr(BASE + size as u64);
    let mappings = vec![Mapping { start: Addr(BASE), end, file_offset: 0 }];
    let path = r"C:\app\crashing.dll".to_owned();
    let modules = vec![Module { path, base: Addr(BASE), end, build_id, mappings, version: None, is_main: false }];
    let registers = Some(Registers { arch: Arch::X86_64, values });
    let threads = vec![NativeThread { tid: 1, registers, tls_base: None, name: None, signal: None }];
    Target {
        source: SourceKind::Minidump,
        path: None,
        abi: Abi::WINDOWS_X86_64,
        process: Default::default(),
        memory,
        modules,
        threads,
        crash: None,
        missing: Vec::new(),
        code_names: Default::default(),
        diagnostics: Arc::default(),
    }
}

/// A folder with the PDB, as a symbol server lays it out or flat.
fn symbols(store: bool, pdb: &[u8]) -> (tempfile::TempDir, SearchOptions) {
    let dir = tempfile::tempdir().unwrap();
    let mut folder = dir.path().to_owned();
    if store {
        let target = process();
        let image = PeImage::read(&target.memory, Addr(BASE)).unwrap();
        let key: String = image.pdb(&target.memory).unwrap().id.0.iter().map(|b| format!("{b:02X}")).collect();
        folder = folder.join("crashing.pdb").join(key[..32].to_owned() + "1");
        std::fs::create_dir_all(&folder).unwrap();
    }
    std::fs::write(folder.join("crashing.pdb"), pdb).unwrap();
    let debug_dirs = vec![PathBuf::from(dir.path())];
    (dir, SearchOptions { debug_dirs, ..SearchOptions::default() })
}

fn report(target: &mut Target, search: &SearchOptions) -> Report {
    let images = Images::attach(target, search);
    analyze(target, &images, &Options { native: true, ..Options::default() })
}

/// Function and line of each native frame.
fn frames(report: &Report) -> Vec<(String, Option<u32>)> {
    let frames = report.threads[0].frames.iter();
    frames.map(|f| (f.function.as_ref().map(ToString::to_string).unwrap_or_default(), f.line)).collect()
}

#[test]
fn functions_and_lines_come_from_the_pdb() {
    let pdb = zstd::decode_all(&*fixture("crashing.pdb.zst")).unwrap();
    let told = [("write_there", 2), ("twice", 6), ("crash_here", 10)];
    let told: Vec<_> = told.iter().map(|(name, line)| ((*name).to_owned(), Some(*line))).collect();
    for store in [false, true] {
        let (_dir, search) = symbols(store, &pdb);
        let mut target = process();
        let report = report(&mut target, &search);
        assert_eq!(frames(&report), told, "{report:#?}");
        let file = report.threads[0].frames[0].file.as_ref().unwrap().to_string();
        assert!(file.ends_with("crashing.c"), "{file}");
    }
    // Without the PDB only the export has a name.
    let mut target = process();
    let nothing = SearchOptions { no_files: true, ..SearchOptions::default() };
    assert_eq!(frames(&report(&mut target, &nothing)), [(String::new(), None), ("crash_here".to_owned(), None)]);
    // One of another build is not taken.
    let (_dir, search) = symbols(false, &{
        let mut other = pdb.clone();
        let guid = PeImage::read(&process().memory, Addr(BASE)).unwrap().pdb(&process().memory).unwrap().id.0;
        let at = other.windows(8).position(|w| w == &guid[8..16]).unwrap();
        other[at] ^= 1;
        other
    });
    assert_eq!(frames(&report(&mut process(), &search)).len(), 2);
}

#[test]
fn a_slim_dump_keeps_what_the_pdb_told() {
    let pdb = zstd::decode_all(&*fixture("crashing.pdb.zst")).unwrap();
    let (_dir, search) = symbols(false, &pdb);
    let mut target = process();
    let whole = report(&mut target, &search);
    record(&mut target, &search);
    let small = tempfile::NamedTempFile::with_suffix(".dmp").unwrap();
    let options = slim::SlimOptions { minidump: true, ..slim::SlimOptions::default() };
    slim::write(&target, target.memory.recorded(), options, &mut small.as_file()).unwrap();
    let mut slim = target::open(small.path()).unwrap();
    let again = report(&mut slim, &SearchOptions { no_files: true, ..SearchOptions::default() });
    assert_eq!(frames(&again), frames(&whole));
    assert!(again.diagnostics.iter().any(|d| d.code == "slim-code-names" && d.message.contains("crashing.pdb")));
}

#[test]
fn a_damaged_pdb_costs_names_only() {
    let pdb = zstd::decode_all(&*fixture("crashing.pdb.zst")).unwrap();
    let mut target = process();
    let images = Images::attach(&mut target, &SearchOptions { no_files: true, ..SearchOptions::default() });
    assert_eq!(images.iter().count(), 1);
    let offsets = [0x1034, 0x1024, 0x1000];
    let whole = pyinquest::native::pdb::functions_at(&pdb, &offsets).unwrap();
    assert_eq!(whole[0].functions[0].function.as_deref(), Some("write_there"));
    // Whatever a bit says: an answer or an error, in bounded time.
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..4000 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut damaged = pdb.clone();
        let at = usize::try_from(seed >> 8).unwrap() % damaged.len();
        damaged[at] ^= 1 << (seed & 7);
        if seed & 0x80 != 0 {
            damaged.truncate(usize::try_from(seed >> 20).unwrap() % pdb.len());
        }
        pyinquest::fuzzing::pdb(&damaged);
    }
}

/// The seed of the fuzz target, the same PDB in smaller pages: what cannot be read would be a poor start.
#[test]
fn the_size_of_pages_changes_nothing() {
    let pdb = zstd::decode_all(&*fixture("crashing.pdb.zst")).unwrap();
    let seed = fixture("../../fuzz/seeds/pdb/lld");
    let told = |pdb: &[u8]| pyinquest::native::pdb::functions_at(pdb, &[0x1034, 0x1024, 0x1000]).unwrap();
    assert_eq!(told(&seed), told(&pdb));
}
