//! The repository's own promises: files that its documents name exist, and dependencies fit the oldest Rust.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use regex::Regex;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// All Markdown files that are ours to keep true.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in ["", "docs", "tests", "fuzz", "fixtures/layouts", ".github"] {
        let entries = std::fs::read_dir(root().join(directory)).unwrap().map(|e| e.unwrap().path());
        found.extend(entries.filter(|p| p.extension().is_some_and(|e| e == "md")));
    }
    found.sort();
    assert!(found.len() > 12, "{found:?}");
    found
}

/// Words between backquotes that are paths from the top of the repository.
fn paths_of(text: &str) -> Vec<String> {
    let tops = "src|tests|fixtures|docs|fuzz|benches|gdb-scripts|lldb-scripts|editors|python|\\.ci|\\.github";
    let path = Regex::new(&format!("`((?:{tops})/[A-Za-z0-9_./-]+|[A-Z][A-Za-z]+\\.(?:md|toml|lock))")).unwrap();
    path.captures_iter(text).map(|c| c[1].to_owned()).collect()
}

#[test]
fn every_file_that_the_recipes_name_exists() {
    let paths = paths_of(&text("CONTRIBUTING.md"));
    assert!(paths.len() > 40, "{paths:?}");
    let missing: Vec<&String> = paths.iter().filter(|p| !root().join(p).exists()).collect();
    assert!(missing.is_empty(), "CONTRIBUTING.md names what is not there: {missing:#?}");
    for other in ["SECURITY.md", "docs/release.md"] {
        let missing: Vec<String> = paths_of(&text(other)).into_iter().filter(|p| !root().join(p).exists()).collect();
        assert!(missing.is_empty(), "{other} names what is not there: {missing:#?}");
    }
}

/// A file is named by its place from the top, or by the end of that.
#[test]
fn every_source_file_that_a_document_names_exists() {
    let mut todo: Vec<PathBuf> =
        ["src", "tests", "benches", "fuzz", "examples"].iter().map(|top| root().join(top)).collect();
    let mut there = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else {
            there.push(path);
        }
    }
    let named = Regex::new("`([A-Za-z0-9_/-]+\\.rs)`").unwrap();
    let (mut found, mut missing) = (0, Vec::new());
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for name in named.captures_iter(&text).map(|c| c[1].to_owned()).filter(|name| !name.starts_with("foo")) {
            found += 1;
            if !there.iter().any(|path| path.ends_with(&name)) {
                missing.push(format!("{}: {name}", document.display()));
            }
        }
    }
    assert!(found > 40 && missing.is_empty(), "{found} names, not there: {missing:#?}");
}

/// Tests of `foo.rs` are in it or in `foo/tests.rs`, those of a room in `tests.rs` and below.
#[test]
fn tests_in_the_source_are_where_they_are_looked_for() {
    let mut todo = vec![root().join("src")];
    let (mut found, mut wrong) = (0, Vec::new());
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        found += usize::from(name == "tests.rs");
        let elsewhere = name.ends_with("_tests.rs") || name.ends_with("_test.rs") || name.starts_with("test_");
        if elsewhere || name.ends_with(".rs") && std::fs::read_to_string(&path).unwrap().contains("#[path") {
            wrong.push(path);
        }
    }
    assert!(found > 8 && wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)#]+)(?:#[^)]*)?\)").unwrap();
    let mut dead = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for target in link.captures_iter(&text).map(|c| c[1].to_owned()).filter(|t| !t.contains("://")) {
            if !document.parent().unwrap().join(&target).exists() {
                dead.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

/// `rust-version` is said in several places, and no dependency may ask for a newer Rust.
#[test]
fn the_oldest_rust_is_the_same_everywhere() {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let oldest = manifest["package"]["rust-version"].as_str().unwrap().to_owned();
    assert!(text("CONTRIBUTING.md").contains(&format!("Rust {oldest} or newer")));
    assert!(text(".github/workflows/ci.yml").contains(&format!("toolchain: \"{oldest}\"")));
    assert!(text("docs/release.md").contains(&format!("cargo +{oldest} ")));

    let number = |text: &str| -> Vec<u32> { text.split('.').take(2).map(|n| n.parse().unwrap()).collect() };
    let platform = Command::new("rustc").arg("-vV").output().unwrap();
    let platform = String::from_utf8(platform.stdout).unwrap();
    let platform = platform.lines().find_map(|l| l.strip_prefix("host: ")).unwrap().to_owned();
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--filter-platform", &platform])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100);
    let newer: Vec<String> = packages
        .iter()
        .filter_map(|p| Some((&p["name"], p["rust_version"].as_str()?)))
        .filter(|(_, version)| number(version) > number(&oldest))
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    assert!(newer.is_empty(), "newer than {oldest}: {newer:?}");
}

/// The top level is fixed, so that a reader finds the same rooms each time.
#[test]
fn the_top_level_holds_what_it_should() {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    if !listed.status.success() {
        return; // Not a clone: a package has its own list (`include` in Cargo.toml).
    }
    let listed = String::from_utf8(listed.stdout).unwrap();
    let rooms =
        ["src", "gdb-scripts", "lldb-scripts", "tests", "fixtures", "docs", "benches", "fuzz", "python", "editors"];
    let files = ["Cargo.toml", "Cargo.lock", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "test.sh"];
    let demanded = ["LICENSE-APACHE", "LICENSE-MIT", "clippy.toml", "deny.toml", "ruff.toml", "rustfmt.toml"];
    let allowed =
        |top: &str| top.starts_with('.') || rooms.contains(&top) || files.contains(&top) || demanded.contains(&top);
    let odd: Vec<&str> = listed
        .split('\0')
        .filter(|p| !p.is_empty())
        .map(|p| p.split('/').next().unwrap())
        .filter(|t| !allowed(t))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
}
