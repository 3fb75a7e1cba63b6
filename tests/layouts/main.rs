//! The built-in layout tables against the DWARF of real interpreters.
//!
//! `fixtures/layouts/*.json` are extracts of DWARF; the table files are printed from them. Regenerate both with
//! `tests/tools/regenerate-layouts`, which runs these tests with `PYINQUEST_UPDATE_LAYOUTS=1`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test states facts; a panic is the message"
)]

#[path = "../common/mod.rs"]
mod common;
mod sources;
mod tables;

use common::{Interpreter, interpreters, skip};
use pyinquest::base::Abi;
use pyinquest::cpython::layout::check::{Difference, Inputs, check, compare};
use pyinquest::cpython::layout::{Extract, Provider, lookup};
use rayon::prelude::*;
use std::path::PathBuf;
use tables::{FILES, notes, print_file, squeeze};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn cache() -> PathBuf {
    let set = std::env::var_os("PYINQUEST_CACHE").filter(|directory| !directory.is_empty()).map(PathBuf::from);
    set.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/pyinquest"))
}

/// `1`: extracts and tables are written anew; `tables`: only the tables.
fn updating() -> Option<String> {
    std::env::var("PYINQUEST_UPDATE_LAYOUTS").ok().filter(|value| !value.is_empty())
}

fn extract_path(name: &str) -> PathBuf {
    root().join("fixtures/layouts").join(format!("{name}.json"))
}

fn extract(name: &str) -> Extract {
    let path = extract_path(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What a new version moved is told by the table of the one before, and what else differs by its headers.
#[test]
fn a_new_version_is_compared_with_another() {
    let (Some(old), Some(new)) = (common::interpreter("source-3.13t"), common::interpreter("wheel-3.15t")) else {
        skip!("no source-3.13t or wheel-3.15t");
    };
    let inputs = Inputs { file: old.libpython.clone(), debug_file: old.debug_file.clone(), extensions: Vec::new() };
    let differences = |version: Option<&str>| {
        let version = version.map(|version| version.parse().unwrap());
        check(&inputs, &Abi::LINUX_X86_64, version).unwrap().differences
    };
    assert_eq!(differences(None), []);
    let moved: Vec<&str> = differences(Some("3.14.10")).iter().map(|d| d.field).collect();
    assert!(moved.contains(&"threads_main") && moved.contains(&"tlbc_index") && moved.len() < 200, "{moved:?}");
    let headers = |interpreter: &Interpreter| {
        let prefix = PathBuf::from(&interpreter.exe).parent().unwrap().parent().unwrap().join("include");
        prefix.join(format!("python3.{}t", interpreter.minor))
    };
    let mut tool = std::process::Command::new("python3");
    let said =
        tool.arg(root().join("tests/tools/next_cpython.py")).arg(headers(old)).arg(headers(new)).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    for line in [
        "differs: FRAME_EXECUTING in Include/internal/pycore_frame.h (src/cpython/",
        "gone: FRAME_SPECIALS_SIZE in Include/internal/pycore_frame.h (src/cpython/",
        "LOAD_SMALL_INT",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

/// Differences between a table and real builds that are known, and why they are so.
/// By start of the table's name.
const KNOWN: &[(&str, &str, &str)] = &[
    ("3.9", "interpreter.size", "grew at its end between 3.9.2 and 3.9.18"),
    ("3.13", "gc.generations", "not stated for GIL builds: Debian's differ from others"),
];

/// What riscv64 has elsewhere: the runtime state is shorter, as CPython makes perf trampolines for x86-64 and aarch64 alone
/// (`PY_HAVE_PERF_TRAMPOLINE` in Include/internal/pycore_ceval_state.h). Nothing reads the second one; the third is believed
/// where what it leads to is what it has to be.
const KNOWN_OF_RISCV64: [&str; 3] = ["runtime.size", "runtime.gilstate_auto_interpreter", "runtime.interned_strings"];
/// The table of 3.14.5 has the mimalloc of 3.14.10; that of Debian's riscv64 package, 3.14.9, is older.
const KNOWN_OF_3_14_9: [&str; 2] = ["mi_segment.", "mi_page."];

#[test]
fn tables_are_what_the_extracts_say() {
    if updating().is_some_and(|what| what != "tables") {
        sources::update_all();
    }
    let mut used = Vec::new();
    for file in FILES {
        let path = root().join("src/cpython/layout/tables").join(format!("{}.rs", file.0));
        let wanted = print_file(file, &mut used);
        if updating().is_some() {
            std::fs::write(&path, &wanted).unwrap();
            continue;
        }
        let have = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(squeeze(&have), squeeze(&wanted), "{} is out of date: run tests/tools/regenerate-layouts", file.0);
    }
    let unused: Vec<_> = notes().into_keys().filter(|key| !used.contains(key)).collect();
    assert!(unused.is_empty(), "notes.txt: no table states {unused:?}");
}

#[test]
fn every_extract_is_the_table_of_its_build() {
    for spec in sources::EXTRACTS {
        let extract = extract(spec.0);
        let abi = if spec.0.ends_with("windows") { Abi::WINDOWS_X86_64 } else { Abi::LINUX_X86_64 };
        let (table, name) = lookup(extract.version, extract.flags, &abi).expect(spec.0);
        let (compared, missing, differences) = compare(table, &tables::layouts(spec.0));
        // Of 2.7 fewer structs have the form that they have now.
        let enough = if extract.version.major == 2 { 120 } else { 180 };
        assert!(compared > enough && missing.is_empty(), "{name}: {compared} {missing:?}");
        assert_eq!(differences, [], "{name}");
    }
}

/// The states that hold locks, from the DWARF of Debian's arm64 debug builds.
#[test]
fn aarch64_tables_agree_with_the_dwarf_of_arm64_builds() {
    for name in ["3.9d", "3.11d", "3.13d", "3.14d", "3.15d"] {
        let extract = extract(&format!("{name}-aarch64"));
        let (table, table_name) = lookup(extract.version, extract.flags, &Abi::LINUX_AARCH64).expect(name);
        let (compared, _, mut differences) = compare(table, &extract.layouts(Provider::Dwarf));
        differences
            .retain(|d| !KNOWN.iter().any(|k| name.starts_with(k.0) && k.1 == format!("{}.{}", d.strukt, d.field)));
        // These extracts were made before the fields were read; release builds of arm64 are compared with them below.
        let later: &[(&str, &[&str])] = &[
            ("interpreter", &["obmalloc", "eval_frame", "freelists"]),
            ("runtime", &["interned_strings"]),
            ("thread", &["profile_object", "trace_object", "dict", "context"]),
            ("thread_impl", &["freelists"]),
        ];
        let is_later = |strukt, field| later.iter().any(|(of, fields)| *of == strukt && fields.contains(&field));
        differences.retain(|d| !is_later(d.strukt, d.field) || d.dwarf.is_some());
        assert!(compared > 60, "{table_name}: {compared}");
        assert_eq!(differences, [], "{table_name}");
    }
}

#[test]
fn tables_agree_with_the_dwarf_of_every_interpreter() {
    let with_dwarf: Vec<&Interpreter> = interpreters().iter().filter(|i| i.has_dwarf).collect();
    if with_dwarf.is_empty() {
        skip!("no interpreter with DWARF: run tests/interpreters/fetch.py");
    }
    let wrong: Vec<String> = with_dwarf.par_iter().flat_map(|interpreter| differences(interpreter)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with the table of one interpreter.
fn differences(interpreter: &Interpreter) -> Vec<String> {
    let inputs = Inputs {
        file: interpreter.libpython.clone(),
        debug_file: interpreter.debug_file.clone(),
        extensions: sources::extension_files(interpreter),
    };
    let abi = Abi::linux(pyinquest::arch::by_tool_name(&interpreter.arch).expect(&interpreter.arch).arch);
    let outcome = check(&inputs, &abi, None).unwrap_or_else(|e| panic!("{}: {e}", interpreter.name));
    assert_eq!(outcome.identity.version.to_hex(), interpreter.hexversion, "{}", interpreter.name);
    assert_eq!(outcome.identity.flags.debug, interpreter.debug, "{}", interpreter.name);
    assert_eq!(outcome.identity.flags.free_threaded, interpreter.free_threaded, "{}", interpreter.name);
    println!("{}: {} fields, not in DWARF: {:?}", interpreter.name, outcome.compared, outcome.not_in_dwarf);
    let of_riscv = |place: &str| interpreter.arch == "riscv64" && KNOWN_OF_RISCV64.contains(&place);
    let of_mimalloc =
        |place: &str| interpreter.version == "3.14.9" && KNOWN_OF_3_14_9.iter().any(|start| place.starts_with(start));
    let known = |place: &str| {
        let of_table = KNOWN.iter().any(|(name, known, _)| outcome.table.starts_with(name) && *known == place);
        of_table || of_riscv(place) || of_mimalloc(place)
    };
    let wrong = outcome.differences.iter().filter(|d| !known(&format!("{}.{}", d.strukt, d.field)));
    wrong
        .map(|Difference { strukt, field, table, dwarf }| {
            format!("{} {strukt}.{field}: table {table:?}, DWARF {dwarf:?}", interpreter.name)
        })
        .collect()
}

/// Differences between versions are data. Code outside the layout tables that looked at a version number would have to
/// be found and changed for each new CPython.
#[test]
fn nothing_outside_the_layouts_compares_versions() {
    let mut found = Vec::new();
    let mut directories = vec![root().join("src")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let exempt = path.ends_with("src/cpython/layout") || path.ends_with("src/cpython/version.rs");
            if exempt {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate() {
                let line_code = line.split("//").next().unwrap_or_default();
                if VERSION_NUMBERS.iter().any(|mark| line_code.contains(mark)) {
                    found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "versions are looked at outside src/cpython/layout:\n{}", found.join("\n"));
}

/// What code that compares versions would have to write.
const VERSION_NUMBERS: &[&str] = &[
    ".minor",
    ".micro",
    ".major",
    "PyVersion::new",
    "PyVersion {",
    "0x0308",
    "0x0309",
    "0x030a",
    "0x030b",
    "0x030c",
    "0x030d",
    "0x030e",
    "0x030f",
    "0x0310",
];
