use super::made::{Loaded, library, run};
use crate::base::Abi;
use crate::image::FileCache;
use crate::image::debug_file::{DebugOrigin, alternate, locate};
use crate::image::dynsym::DynamicSymbols;
use crate::image::find::SearchOptions;
use crate::image::host_file::HostFile;
use crate::image::symtab::SymbolTable;
use crate::sys::Place;
use object::elf;
use std::path::Path;

const NAMES: [&str; 5] = ["first", "second", "third", "exported_data", "exported_text"];

#[test]
fn dynamic_symbols_in_memory_are_those_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    for style in ["gnu", "sysv", "both"] {
        let lib = library(dir.path(), "lib.so", &[&format!("-Wl,--hash-style={style}")]);
        let memory = Loaded::new(&lib);
        let symbols = DynamicSymbols::locate(&memory, &memory.headers).unwrap();
        let of_file = SymbolTable::of_file(&HostFile::open(&Place::named(&lib)).unwrap(), elf::SHT_DYNSYM).unwrap();
        let table = symbols.table(&memory, &Abi::LINUX_X86_64).unwrap();
        for name in NAMES {
            let expected = of_file.find(name.as_bytes()).next();
            assert!(expected.is_some(), "{name}");
            assert_eq!(symbols.find(&memory, &Abi::LINUX_X86_64, name.as_bytes()), Ok(expected), "{style}: {name}");
            assert_eq!(table.find(name.as_bytes()).next(), expected, "{style}: {name}");
            let at = table.at(expected.unwrap().value).unwrap();
            assert_eq!(table.name(&at), Some(name.as_bytes()));
        }
        for absent in ["internal", "hidden", "firs", "first_", ""] {
            assert_eq!(symbols.find(&memory, &Abi::LINUX_X86_64, absent.as_bytes()), Ok(None), "{style}: {absent}");
        }
    }
}

#[test]
fn a_debug_link_counts_when_the_crc_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let lib = library(dir.path(), "lib.so", &["-g", "-Wl,--build-id=none"]);
    let own = HostFile::open(&Place::named(&lib)).unwrap();
    assert_eq!(locate("/x/lib.so", None, Some(&own), &SearchOptions::default()).unwrap().origin, DebugOrigin::Own);
    assert_eq!(own.build_id(), None);
    std::fs::create_dir(dir.path().join(".debug")).unwrap();
    run("objcopy", &["--only-keep-debug", &path("lib.so"), &path(".debug/lib.so.dbg")]);
    run("strip", &[&path("lib.so")]);
    run("objcopy", &[&format!("--add-gnu-debuglink={}", path(".debug/lib.so.dbg")), &path("lib.so")]);
    let own = HostFile::open(&Place::named(&lib)).unwrap();
    let found = locate("/x/lib.so", None, Some(&own), &SearchOptions::default()).unwrap();
    assert_eq!((found.origin, found.file.path()), (DebugOrigin::DebugLink, Some(path(".debug/lib.so.dbg").into())));
    let none = SearchOptions { no_files: true, ..SearchOptions::default() };
    assert!(locate("/x/lib.so", None, Some(&own), &none).is_none());

    let mut debug = std::fs::read(path(".debug/lib.so.dbg")).unwrap();
    *debug.last_mut().unwrap() ^= 1;
    std::fs::write(path(".debug/lib.so.dbg"), debug).unwrap();
    assert!(locate("/x/lib.so", None, Some(&own), &SearchOptions::default()).is_none());
}

#[test]
fn mini_debug_information_is_unpacked() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let lib = library(dir.path(), "lib.so", &["-Wl,--build-id=none"]);
    run("objcopy", &["--only-keep-debug", &path("lib.so"), &path("mini")]);
    run("strip", &[&path("lib.so")]);
    if std::process::Command::new("xz").arg("--version").output().is_err() {
        eprintln!("skipped: no xz program");
        return;
    }
    run("xz", &[&path("mini")]);
    run("objcopy", &[&format!("--add-section=.gnu_debugdata={}", path("mini.xz")), &path("lib.so")]);
    let own = HostFile::open(&Place::named(&lib)).unwrap();
    let found = locate("/x/lib.so", None, Some(&own), &SearchOptions::default()).unwrap();
    assert_eq!(found.origin, DebugOrigin::MiniDebugInfo);
    let symbols = SymbolTable::of_file(&found.file, elf::SHT_SYMTAB).unwrap();
    assert_eq!(symbols.find(b"internal").count(), 1);
    assert!(alternate(&found.file, &SearchOptions::default()).is_none());
}

#[test]
fn compressed_sections_are_unpacked() {
    let dir = tempfile::tempdir().unwrap();
    let plain = library(dir.path(), "plain.so", &["-g"]);
    let packed = dir.path().join("packed.so");
    let (from, to) = (plain.to_str().unwrap(), packed.to_str().unwrap());
    run("objcopy", &["--compress-debug-sections=zlib", from, to]);
    let section = |path: &Path| {
        HostFile::open(&Place::named(path))
            .unwrap()
            .section_data(".debug_info", &FileCache::default())
            .unwrap()
            .to_vec()
    };
    assert_eq!(section(&packed), section(&plain));
    assert!(HostFile::open(&Place::named(&plain)).unwrap().section_data(".absent", &FileCache::default()).is_none());
}

#[test]
fn a_library_damaged_anywhere_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let lib = library(dir.path(), "lib.so", &["-g"]);
    let whole = std::fs::read(&lib).unwrap();
    let damaged = dir.path().join("damaged.so");
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % below
    };
    for round in 0..400 {
        let mut bytes = whole.clone();
        if round % 2 == 0 {
            bytes.truncate(4 + random(whole.len() - 4));
        } else {
            for _ in 0..32 {
                let at = 4 + random(if round % 4 == 1 { 1024 } else { whole.len() } - 4);
                bytes[at] = random(256) as u8;
            }
        }
        std::fs::write(&damaged, bytes).unwrap();
        let (file, cache) = (HostFile::open(&Place::named(&damaged)).unwrap(), FileCache::default());
        let _ = (file.build_id(), file.debug_link(), file.debug_alt_link(), file.section(".text"));
        let _ = (file.section_data(".debug_info", &cache), file.section_data(".dynsym", &cache));
        for kind in [elf::SHT_SYMTAB, elf::SHT_DYNSYM] {
            if let Some(table) = SymbolTable::of_file(&file, kind) {
                let _ = (table.find(b"first").count(), table.at(0x1000).and_then(|s| table.name(&s).map(<[u8]>::len)));
            }
        }
    }
}
