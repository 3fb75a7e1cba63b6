use super::super::*;
use super::made::{BASE, Dumped, core, library, run};
use crate::base::Addr;
use crate::debuggee::{BuildId, MemoryExt as _, ReadErrorKind, Target};

fn codes(target: &Target) -> Vec<String> {
    target.diagnostics.to_vec().into_iter().map(|d| d.code.to_string()).collect()
}

/// Attaches and tells the one module's status, how it was verified, and the codes of the diagnostics.
fn attach(target: &mut Target, options: &SearchOptions) -> (FileStatus, Option<Verification>, Vec<String>) {
    let images = Images::attach(target, options);
    let image = images.get(0).unwrap();
    (image.status, image.verified, codes(target))
}

fn address_of(target: &Target, images: &Images, name: &str) -> Addr {
    let hits = images.find_symbol(target, name);
    let [hit] = hits.as_slice() else { panic!("{name}: {hits:?}") };
    hit.addr
}

#[test]
fn a_file_with_the_right_build_id_fills_the_holes_of_the_dump() {
    let dir = tempfile::tempdir().unwrap();
    let lib = library(dir.path(), "lib.so", &["-Wl,--build-id"]);
    let mut target = core(&lib, lib.to_str().unwrap(), Dumped::Kernel);
    assert_eq!(attach(&mut target, &SearchOptions::default()), (FileStatus::Ok, Some(Verification::BuildId), vec![]));
    let images = Images::attach(&mut target, &SearchOptions::default());
    let text = address_of(&target, &images, "exported_text");
    assert_eq!(target.memory.read_cstr(text, 64).unwrap(), b"read-only text of the library");
    let data = address_of(&target, &images, "exported_data");
    assert_eq!(target.memory.read_uint(&target.abi, data, 4), Ok(42));

    let mut target = core(&lib, lib.to_str().unwrap(), Dumped::Kernel);
    let none = SearchOptions { no_files: true, ..SearchOptions::default() };
    assert_eq!(attach(&mut target, &none), (FileStatus::Missing, None, vec![]));
    assert_eq!(target.memory.read_u8(text).unwrap_err().kind, ReadErrorKind::FileMissing);
}

#[test]
fn a_writable_segment_left_out_for_the_filter_is_not_taken_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let lib = library(dir.path(), "lib.so", &["-Wl,--build-id"]);
    let mut target = core(&lib, lib.to_str().unwrap(), Dumped::HeaderOnly);
    let images = Images::attach(&mut target, &SearchOptions::default());
    let text = address_of(&target, &images, "exported_text");
    assert_eq!(target.memory.read_cstr(text, 9).unwrap(), b"read-only");
    let data = address_of(&target, &images, "exported_data");
    assert_eq!(target.memory.read_u8(data).unwrap_err().kind, ReadErrorKind::NotInDump);
}

#[test]
fn a_file_of_another_build_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lib = library(dir.path(), "lib.so", &["-Wl,--build-id=0x0102"]);
    let path = lib.to_str().unwrap();
    let mut target = core(&lib, path, Dumped::Kernel);
    library(dir.path(), "lib.so", &["-Wl,--build-id=0x0304"]);
    let images = Images::attach(&mut target, &SearchOptions::default());
    let image = images.get(0).unwrap();
    assert_eq!((image.status, image.path()), (FileStatus::BuildIdMismatch, None));
    let message = &target.diagnostics.to_vec()[0].message;
    assert_eq!(*message, format!("{path} is not used: its build-id is 0304, the dump has 0102"));
    assert_eq!(target.memory.read_u8(Addr(BASE + 0x1000)).unwrap_err().kind, ReadErrorKind::FileMissing);
    // Nor is one without any.
    library(dir.path(), "lib.so", &["-Wl,--build-id=none"]);
    let mut target = core(&lib, path, Dumped::Kernel);
    target.modules[0].build_id = Some(BuildId(vec![1, 2]));
    assert_eq!(attach(&mut target, &SearchOptions::default()).0, FileStatus::BuildIdMismatch);
}

#[test]
fn without_build_id_the_first_page_or_the_dynamic_section_decides() {
    let dir = tempfile::tempdir().unwrap();
    let lib = library(dir.path(), "lib.so", &["-Wl,--build-id=none"]);
    let path = lib.to_str().unwrap();
    let options = SearchOptions::default();
    let status = |dumped| attach(&mut core(&lib, path, dumped), &options);
    assert_eq!(status(Dumped::Kernel), (FileStatus::Ok, Some(Verification::HeaderPage), vec![]));
    assert_eq!(status(Dumped::NoHeader), (FileStatus::Ok, Some(Verification::DynamicSection), vec![]));
    let unverified = vec!["module-file-unverified".to_owned()];
    assert_eq!(status(Dumped::Nothing), (FileStatus::Unverified, None, unverified));

    let mut target = core(&lib, path, Dumped::Nothing);
    let images = Images::attach(&mut target, &options);
    let first = address_of(&target, &images, "first");
    assert_eq!(target.memory.read_u8(first).unwrap_err().kind, ReadErrorKind::FileMissing);

    for dumped in [Dumped::Kernel, Dumped::NoHeader] {
        let mut target = core(&lib, path, dumped);
        library(dir.path(), "lib.so", &["-Wl,--build-id=none", "-Dthird=another_name", "-DX"]);
        assert_eq!(attach(&mut target, &options).0, FileStatus::BuildIdMismatch);
        library(dir.path(), "lib.so", &["-Wl,--build-id=none"]);
    }
}

#[test]
fn files_are_found_in_every_place_that_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let lib = library(dir.path(), "lib.so", &["-Wl,--build-id=0xabcdef"]);
    let put = |path: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(&lib, path).unwrap();
    };
    put("root/usr/lib/demo.so");
    std::os::unix::fs::symlink("/usr/lib", dir.path().join("root/lib")).unwrap();
    put("debug/.build-id/ab/cdef");
    put("flat/demo.so");
    let gone = "/lib/demo.so (deleted)";
    let here = |options: SearchOptions| {
        let mut target = core(&lib, gone, Dumped::Kernel);
        target.modules[0].is_main = true;
        let images = Images::attach(&mut target, &options);
        let path = images.get(0).unwrap().path();
        (path, codes(&target))
    };
    let expect = |path: &str| (Some(dir.path().join(path)), vec![]);
    let none = SearchOptions::default();
    assert_eq!(here(none.clone()), (None, vec!["module-files-missing".to_owned()]));
    let root = SearchOptions { sysroots: vec![dir.path().join("root")], ..none.clone() };
    assert_eq!(here(root), expect("root/usr/lib/demo.so"));
    let debug = SearchOptions { debug_dirs: vec![dir.path().join("debug")], ..none.clone() };
    assert_eq!(here(debug), expect("debug/.build-id/ab/cdef"));
    let flat = SearchOptions { debug_dirs: vec![dir.path().join("flat")], ..none.clone() };
    assert_eq!(here(flat.clone()), expect("flat/demo.so"));
    let to = dir.path().join("flat").to_str().unwrap().to_owned();
    let map = SearchOptions { path_maps: vec![("/lib".to_owned(), to)], ..none.clone() };
    assert_eq!(here(map), expect("flat/demo.so"));
    assert_eq!(here(SearchOptions { executable: Some(lib.clone()), ..none }), expect("lib.so"));
    // A wrong --executable is spoken of even though the right file turns up.
    let wrong = library(dir.path(), "wrong.so", &["-Wl,--build-id=0x99"]);
    let (path, codes) = here(SearchOptions { executable: Some(wrong), ..flat });
    assert_eq!((path, codes), (Some(dir.path().join("flat/demo.so")), vec!["build-id-mismatch".to_owned()]));
}

#[test]
fn what_lies_there_but_is_no_elf_file_is_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let lib = library(dir.path(), "lib.so", &["-Wl,--build-id"]);
    let mut target = core(&lib, lib.to_str().unwrap(), Dumped::Kernel);
    std::fs::write(&lib, "text").unwrap();
    let codes = vec!["module-file-unreadable".to_owned()];
    assert_eq!(attach(&mut target, &SearchOptions::default()), (FileStatus::Unreadable, None, codes));
}

#[test]
fn symbols_come_from_the_memory_image_the_file_and_the_debug_file() {
    let dir = tempfile::tempdir().unwrap();
    let lib = library(dir.path(), "lib.so", &["-Wl,--build-id=0xabcdef"]);
    let path = lib.to_str().unwrap();
    let options = SearchOptions { debug_dirs: vec![dir.path().join("debug")], ..SearchOptions::default() };
    let mut target = core(&lib, path, Dumped::Kernel);
    let images = Images::attach(&mut target, &options);
    let how = |images: &Images, target: &Target, name: &str| -> Vec<SymbolSource> {
        images.find_symbol(target, name).iter().map(|h| h.how).collect()
    };
    assert_eq!(how(&images, &target, "second"), [SymbolSource::Dynsym]);
    assert_eq!(how(&images, &target, "internal"), [SymbolSource::Symtab]);
    assert_eq!(how(&images, &target, "absent"), []);
    let internal = images.find_symbol(&target, "internal").remove(0);
    let inside = internal.addr.wrapping_add(3);
    let at = images.symbol_at(&target, inside).unwrap();
    assert_eq!((at.name.as_str(), at.offset, at.size, at.module), ("internal", 3, internal.size, 0));
    assert_eq!(images.symbol_at(&target, Addr(BASE + 8)), None);
    let (start, size) = images.section(0, ".text").unwrap();
    assert!(start <= inside && inside < start.wrapping_add(size));
    assert_eq!(images.section(0, ".symtab"), None);
    assert_eq!(images.get(0).unwrap().debug_data().map(|d| d.len()), None);

    std::fs::create_dir_all(dir.path().join("debug/.build-id/ab")).unwrap();
    let debug = dir.path().join("debug/.build-id/ab/cdef.debug");
    run("objcopy", &["--only-keep-debug", path, debug.to_str().unwrap()]);
    run("strip", &[path]);
    let mut target = core(&lib, path, Dumped::Kernel);
    let images = Images::attach(&mut target, &options);
    let image = images.get(0).unwrap();
    assert_eq!(how(&images, &target, "internal"), [SymbolSource::DebugFile]);
    assert_eq!(images.symbol_at(&target, inside).unwrap().name, "internal");
    assert_eq!((image.debug_origin(), image.debug_path()), (Some(DebugOrigin::BuildId), Some(debug.clone())));
    assert_eq!(
        &image.section_data(".text").unwrap()[..],
        &image.object_data().unwrap()[start.0 as usize - BASE as usize..][..size as usize]
    );
}
