//! One engine: nothing but `src/engine` attaches images to a target or looks for CPython in it, and the library keeps
//! nothing beyond the inspection that it was made for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use regex::Regex;
use std::path::{Path, PathBuf};

/// Rust files below a directory of the repository.
fn files(directory: &str) -> Vec<PathBuf> {
    fn walk(directory: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory), &mut out);
    out.sort();
    out
}

fn relative(path: &Path) -> String {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string()
}

/// Lines of code (not of comments) that match, as `file:line: text`, in files that `looked_at` wants.
fn matches(pattern: &str, directories: &[&str], looked_at: impl Fn(&str) -> bool) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    let mut out = Vec::new();
    for path in directories.iter().flat_map(|d| files(d)) {
        let name = relative(&path);
        if !looked_at(&name) || name == relative(Path::new(env!("CARGO_MANIFEST_DIR")).join(file!()).as_path()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        out.extend(lines.filter(|(_, l)| pattern.is_match(l)).map(|(n, l)| format!("{name}:{}: {}", n + 1, l.trim())));
    }
    out
}

#[test]
fn only_the_engine_attaches_images_and_looks_for_cpython() {
    // The units' own tests stand below the engine.
    let outside = |name: &str| {
        !name.starts_with("src/engine/")
            && !matches!(name, "src/image/attach.rs" | "src/image/tests/attach.rs" | "src/cpython/locate/mod.rs")
    };
    let all = ["src", "tests", "benches", "fuzz/fuzz_targets"].map(str::to_owned);
    let all: Vec<&str> =
        all.iter().map(String::as_str).filter(|d| Path::new(env!("CARGO_MANIFEST_DIR")).join(d).is_dir()).collect();
    let found = matches(r"Images::attach\(|locate::\{?[^;]*\blocate\b|locate::locate\(", &all, outside);
    assert!(found.is_empty(), "use engine::Inspection:\n{}", found.join("\n"));
    let engine = matches(r"Images::attach\(", &["src"], |name| name.starts_with("src/engine/"));
    assert!(!engine.is_empty(), "the pattern of this test finds nothing any more");
}

#[test]
fn the_library_has_no_state_of_its_own() {
    // Constants that are built when first used and depend on nothing; a count that one thread compares with itself.
    let constants = ["src/render/redact.rs", "src/triage/outputs/mod.rs", "src/cpython/layout/slot.rs"];
    let library = |name: &str| !name.starts_with("src/cli/") && !name.starts_with("src/sys/");
    let cells = r"static\s+(mut\s+)?\w+\s*:.*\b(Mutex|RwLock|Atomic\w+|RefCell|Cell|Once|OnceLock|OnceCell|LazyLock)\b|static\s+mut\b|thread_local!";
    let mut found = matches(cells, &["src"], library);
    found.retain(|hit| !constants.iter().any(|file| hit.starts_with(&format!("{file}:"))));
    found.extend(matches(r"set_hook\(|take_hook\(", &["src"], library));
    assert!(found.is_empty(), "belongs to engine::Inspection or to the program:\n{}", found.join("\n"));
    let constants_there = matches(cells, &["src"], |name| constants.contains(&name));
    assert_eq!(constants_there.len(), constants.len(), "{constants_there:?}");
}
