//! Names and lines from a PDB: a process of CPython that died in a DLL made by clang and lld
//! (`fixtures/windows/crashing.c`). wine writes no CodeView record for modules: what tells the PDB is the debug directory
//! in the DLL's own memory.

use crate::harness::{self, alone};
use pyinquest::base::{Addr, DiagnosticCode};
use pyinquest::debuggee::{self, Target};
use pyinquest::engine::{Inspection, Options, record};
use pyinquest::image::SearchOptions;
use pyinquest::image::pe::PeImage;
use pyinquest::model::Report;
use pyinquest::slim;
use std::path::{Path, PathBuf};

/// Offsets in the DLL: where `store` writes, after its call in `fill`, and the start of that.
const OFFSETS: [u64; 3] = [0x1050, 0x101a, 0x1000];

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/windows").join(name)).unwrap()
}

fn process() -> Target {
    debuggee::open(&harness::fixture("3.12-windows-plugin").path).unwrap()
}

fn base(target: &Target) -> Addr {
    target.modules.iter().find(|m| m.file_name() == "crashing.dll").unwrap().base
}

/// Functions of the DLL on the crashed stack, with the lines in the source that hold these texts.
fn told() -> Vec<(String, Option<u32>)> {
    let source = String::from_utf8(fixture("crashing.c")).unwrap();
    let line = |text: &str| source.lines().position(|l| l.contains(text)).map(|at| u32::try_from(at).unwrap() + 1);
    let frames =
        [("store", "*place = value;"), ("store_twice", "store(place, value);"), ("fill", "store_twice(place);")];
    frames.map(|(name, text)| (name.to_owned(), line(text))).to_vec()
}

/// A directory with the PDB, as a symbol server lays it out or flat.
fn symbols(store: bool, pdb: &[u8]) -> (tempfile::TempDir, SearchOptions) {
    let dir = tempfile::tempdir().unwrap();
    let mut directory = dir.path().to_owned();
    if store {
        let target = process();
        let image = PeImage::read(&target.memory, base(&target)).unwrap();
        let key: String = image.pdb(&target.memory).unwrap().id.0.iter().map(|b| format!("{b:02X}")).collect();
        directory = directory.join("crashing.pdb").join(key[..32].to_owned() + "1");
        std::fs::create_dir_all(&directory).unwrap();
    }
    std::fs::write(directory.join("crashing.pdb"), pdb).unwrap();
    let debug_dirs = vec![PathBuf::from(dir.path())];
    (dir, SearchOptions { debug_dirs, ..SearchOptions::default() })
}

fn report(target: Target, search: &SearchOptions) -> Report {
    Inspection::from_target(target, search).report(&Options { native: true, ..Options::default() })
}

/// Function and line of each frame of the DLL, innermost first.
fn frames(report: &Report) -> Vec<(String, Option<u32>)> {
    let ours = |m: &Option<String>| m.as_ref().is_some_and(|m| m.ends_with("crashing.dll"));
    let frames = report.threads[0].frames.iter().filter(|f| f.native.as_ref().is_some_and(|n| ours(&n.module)));
    frames.map(|f| (f.function.as_ref().map(ToString::to_string).unwrap_or_default(), f.line)).collect()
}

#[test]
fn functions_and_lines_come_from_the_pdb() {
    let pdb = zstd::decode_all(&*fixture("crashing.pdb.zst")).unwrap();
    for store in [false, true] {
        let (_dir, search) = symbols(store, &pdb);
        let report = report(process(), &search);
        assert_eq!(frames(&report), told(), "{report:#?}");
        let title = &report.findings[0].title;
        assert!(title.contains("in store (crashing.dll, crashing.c:6), called from basic.py:45 in deepest"), "{title}");
        let file = report.threads[0].frames[0].file.as_ref().unwrap().to_string();
        assert!(file.ends_with("crashing.c"), "{file}");
    }
    // Without the PDB only the export has a name.
    let target = process();
    assert_eq!(frames(&report(process(), &alone())), [(String::new(), None), ("fill".to_owned(), None)]);
    // One of another build is not taken.
    let (_dir, search) = symbols(false, &{
        let mut other = pdb.clone();
        let guid = PeImage::read(&target.memory, base(&target)).unwrap().pdb(&target.memory).unwrap().id.0;
        let at = other.windows(8).position(|w| w == &guid[8..16]).unwrap();
        other[at] ^= 1;
        other
    });
    assert_eq!(frames(&report(process(), &search)).len(), 2);
}

#[test]
fn a_slim_dump_keeps_what_the_pdb_told() {
    let pdb = zstd::decode_all(&*fixture("crashing.pdb.zst")).unwrap();
    let (_dir, search) = symbols(false, &pdb);
    let mut target = process();
    let whole = report(process(), &search);
    record(&mut target, &search);
    let small = tempfile::NamedTempFile::with_suffix(".dmp").unwrap();
    let options = slim::SlimOptions { minidump: true, ..slim::SlimOptions::default() };
    slim::write(&target, target.memory.recorded(), options, &mut small.as_file()).unwrap();
    let slim = debuggee::open(small.path()).unwrap();
    let again = report(slim, &alone());
    assert_eq!(frames(&again), frames(&whole));
    assert!(
        again.diagnostics.iter().any(|d| d.code == DiagnosticCode::SlimCodeNames && d.message.contains("crashing.pdb"))
    );
}

#[test]
fn a_damaged_pdb_costs_names_only() {
    let pdb = zstd::decode_all(&*fixture("crashing.pdb.zst")).unwrap();
    let whole = pyinquest::native::pdb::functions_at(&pdb, &OFFSETS).unwrap();
    assert_eq!(whole[0].functions[0].function.as_deref(), Some("store"));
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
    let told = |pdb: &[u8]| pyinquest::native::pdb::functions_at(pdb, &OFFSETS).unwrap();
    assert_eq!(told(&seed), told(&pdb));
}
