//! Cores of real interpreters, by the kernel and by gcore, whole and maimed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use common::{block, crash, interpreters, one_per_minor, skip};
use harness::{files_of, inspect};
use pyinquest::base::{Addr, DiagnosticCode};
use pyinquest::debuggee::{Crash, Memory as _, Target, elf_core};
use pyinquest::engine::{Inspection, Options};
use pyinquest::image::{FileStatus, SearchOptions, SymbolSource, Verification};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

fn codes(target: &Target) -> Vec<String> {
    target.diagnostics.to_vec().into_iter().map(|d| d.code.to_string()).collect()
}

fn in_memory(bytes: Vec<u8>) -> Result<Target, pyinquest::debuggee::TargetError> {
    elf_core::from_source(Path::new("core"), Arc::new(bytes))
}

/// Offset in a core of the `type` field of the first note of this type and owner CORE.
fn note(core: &[u8], kind: u32) -> usize {
    let mut wanted = kind.to_le_bytes().to_vec();
    wanted.extend(b"CORE\0\0\0\0");
    core.windows(wanted.len()).position(|w| w == wanted).expect("the note")
}

#[test]
fn a_core_of_the_kernel() {
    let Some(interpreter) = one_per_minor().into_iter().find(|i| i.is_native() && i.root.is_none()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let dead = match crash(interpreter, "threads.py", &[], &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let inspection = inspect(&dead.core, &SearchOptions::default());
    let (target, images) = (inspection.target(), inspection.images());
    assert_eq!(codes(target), Vec::<String>::new());
    let Some(Crash::Signal { tid, info }) = &target.crash else { panic!("{:?}", target.crash) };
    assert_eq!((Some(info.number), Some(*tid)), (dead.signal(), target.threads.first().map(|t| t.tid)));
    assert!(target.threads.len() > 1);
    assert!(target.process.pid.is_some() && target.process.arguments.as_ref().is_some_and(|a| a.contains("python")));
    assert_eq!(target.modules.iter().filter(|m| m.is_main).count(), 1);
    for (module, image) in target.modules.iter().zip(images.iter()) {
        assert_eq!(image.status, FileStatus::Ok, "{}", module.path);
        let how = if module.path == "[vdso]" { Verification::Memory } else { Verification::BuildId };
        assert!([Some(how), Some(Verification::HeaderPage)].contains(&image.verified), "{}", module.path);
    }
    let runtime = images.find_symbol(target, "_PyRuntime");
    assert_eq!(runtime.iter().map(|h| h.how).collect::<Vec<_>>(), [SymbolSource::Dynsym]);
    for thread in &target.threads {
        let registers = thread.registers.as_ref().unwrap();
        let ip = registers.ip().unwrap();
        assert!(images.symbol_at(target, ip).is_some(), "{ip}");
        // The code is not in the core.
        assert_eq!(target.memory.read(ip, &mut [0; 4]), Ok(()));
        assert_eq!(target.memory.read(registers.sp().unwrap(), &mut [0; 8]), Ok(()));
        assert!(thread.tls_base.is_some());
    }
}

#[test]
fn a_core_without_memory_of_python_says_which_python_and_what_to_record() {
    // A root of packages has no /proc.
    let startable: Vec<_> = interpreters().iter().filter(|i| i.root.is_none() && i.is_native()).collect();
    if startable.is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    for interpreter in startable {
        let dead = match crash(interpreter, "filtered.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        for no_files in [false, true] {
            let search = SearchOptions { no_files, ..files_of(interpreter) };
            let report = inspect(&dead.core, &search).report(&Options::default());
            assert!(report.python.is_none(), "{}: {:?}", interpreter.name, report.python);
            let told = report.diagnostics.iter().find(|d| d.code == DiagnosticCode::NoPython).unwrap();
            let hint = told.hint.as_deref().unwrap_or_default();
            assert!(told.message.contains("does not hold Python's state"), "{}: {told:?}", interpreter.name);
            assert!(
                told.message.contains(&format!("CPython 3.{}", interpreter.minor)),
                "{}: {told:?}",
                interpreter.name
            );
            assert!(hint.contains("coredump_filter"), "{}: {hint}", interpreter.name);
        }
    }
}

#[test]
fn a_core_of_gcore_is_of_no_crash_and_has_the_same_modules() {
    let Some(interpreter) = one_per_minor().into_iter().find(|i| i.is_native() && i.root.is_none()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let alive = match block(interpreter, "threads.py", &[]) {
        Ok(alive) => alive,
        Err(reason) => skip!("{reason}"),
    };
    let core = match alive.gcore() {
        Ok(core) => core,
        Err(reason) => skip!("{reason}"),
    };
    let inspection = inspect(&core, &SearchOptions::default());
    let (target, images) = (inspection.target(), inspection.images());
    assert_eq!(target.crash, None);
    assert_eq!(target.process.pid, Some(u64::from(alive.pid)));
    assert!(images.iter().all(|i| i.status == FileStatus::Ok));
    assert_eq!(images.find_symbol(target, "_PyRuntime").len(), 1);
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", alive.pid)).unwrap();
    let mut bases = BTreeMap::new();
    for line in maps.lines().filter(|l| l.contains("/lib") || l.contains("/bin/") || l.contains("[vdso]")) {
        let (start, rest) = line.split_once('-').unwrap();
        let path = rest.split_whitespace().nth(5).unwrap();
        bases.entry(path.to_owned()).or_insert(Addr(u64::from_str_radix(start, 16).unwrap()));
    }
    bases.retain(|path, _| path == "[vdso]" || path.contains(".so") || path.contains("/bin/"));
    let found: BTreeMap<String, Addr> = target.modules.iter().map(|m| (m.path.clone(), m.base)).collect();
    assert_eq!(found, bases);
    for thread in &target.threads {
        let ip = thread.registers.as_ref().unwrap().ip().unwrap();
        assert_eq!(target.memory.read(ip, &mut [0; 4]), Ok(()), "{ip}");
    }
}

/// qemu-user and other writers leave NT_FILE out.
#[test]
fn without_the_list_of_files_the_modules_are_the_same() {
    let Some(interpreter) = one_per_minor().into_iter().find(|i| i.is_native() && i.root.is_none()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let dead = match crash(interpreter, "basic.py", &[], &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let mut bytes = std::fs::read(&dead.core).unwrap();
    let whole = in_memory(bytes.clone()).unwrap();
    let file_list = note(&bytes, 0x4649_4c45);
    bytes[file_list] = 0;
    let target = in_memory(bytes.clone()).unwrap();
    assert!(codes(&target).contains(&"core-no-file-list".to_owned()));
    let identity =
        |t: &Target| -> Vec<_> { t.modules.iter().map(|m| (m.base, m.build_id.clone(), m.is_main)).collect() };
    assert_eq!(identity(&target), identity(&whole));
    let names = |t: &Target| -> Vec<String> { t.modules.iter().map(|m| m.file_name().to_owned()).collect() };
    // The linker knows libraries by the names it was asked for, the kernel by the files these led to.
    for (name, file) in names(&target).iter().zip(names(&whole)) {
        assert!(file.starts_with(name.trim_end_matches(".0")) || name.starts_with("python"), "{name} is {file}");
    }
    // Not even the auxiliary vector.
    let auxv = note(&bytes, 6);
    bytes[auxv] = 0;
    let target = in_memory(bytes).unwrap();
    assert_eq!(identity(&target), identity(&whole));
}

#[test]
fn a_sysroot_is_used_and_other_builds_are_refused() {
    let Some(interpreter) = interpreters().iter().find(|i| i.is_native() && i.root.is_some()) else {
        skip!("no Debian interpreters: run tests/interpreters/fetch.py");
    };
    let dead = match crash(interpreter, "basic.py", &[], &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let options = files_of(interpreter);
    let inspection = inspect(&dead.core, &options);
    let (target, images) = (inspection.target(), inspection.images());
    for (module, image) in target.modules.iter().zip(images.iter()) {
        assert_eq!(image.status, FileStatus::Ok, "{}", module.path);
        assert!(image.path().is_none_or(|p| p.starts_with(&interpreter.sysroot)), "{}", module.path);
    }
    assert_eq!(images.find_symbol(target, "_PyRuntime").len(), 1);
    if let Some(debug_file) = &interpreter.debug_file {
        let libpython = images.iter().find(|i| i.debug_path().as_ref() == Some(debug_file));
        assert!(libpython.is_some_and(|i| i.section_data(".debug_info").is_some()));
    }

    let wrong = SearchOptions { executable: Some("/proc/self/exe".into()), ..SearchOptions::default() };
    let inspection = inspect(&dead.core, &wrong);
    let (target, images) = (inspection.target(), inspection.images());
    assert!(codes(target).contains(&"build-id-mismatch".to_owned()));
    let main = target.modules.iter().position(|m| m.is_main).unwrap();
    assert!(images.get(main).unwrap().status != FileStatus::Ok || Path::new(&interpreter.exe).exists());
}

#[test]
fn a_real_core_cut_anywhere_is_an_error_or_a_target_that_says_so() {
    let Some(interpreter) = one_per_minor().into_iter().find(|i| i.is_native() && i.root.is_none()) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let dead = match crash(interpreter, "basic.py", &[], &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let whole = std::fs::read(&dead.core).unwrap();
    let early = (0..120).map(|i| i * 200);
    let anywhere = (1..80).map(|i| whole.len() / 80 * i);
    for len in early.chain(anywhere) {
        let Ok(target) = in_memory(whole[..len].to_vec()) else { continue };
        assert!(codes(&target).contains(&"core-truncated".to_owned()), "{len}");
        let inspection = Inspection::from_target(target, &SearchOptions::default());
        let (target, images) = (inspection.target(), inspection.images());
        let _ = images.find_symbol(target, "_PyRuntime");
        let ips: Vec<Addr> = target.threads.iter().filter_map(|t| t.registers.as_ref()?.ip()).collect();
        for ip in ips {
            let _ = images.symbol_at(target, ip);
        }
    }
}
