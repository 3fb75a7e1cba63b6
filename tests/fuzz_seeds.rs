//! The seeds of the fuzz targets, and what fuzzing has found, as ordinary tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use pyinquest::fuzzing::{ENTRIES, PatchedDumps};
use std::path::{Path, PathBuf};

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// Names and contents of the seeds of a target.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(directory("seeds").join(target)).unwrap_or_else(|e| panic!("{target}: {e}"));
    let files = files.map(|entry| entry.unwrap().path());
    files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn every_parser_takes_its_seeds_whole_and_damaged() {
    for (target, run) in ENTRIES {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for (name, seed) in seeds {
            eprintln!("{name}");
            run(&seed);
            let step = (seed.len() / 16).max(1);
            for at in (0..seed.len()).step_by(step) {
                run(&seed[..at]);
                let mut changed = seed.clone();
                changed[at] ^= 0x80;
                run(&changed);
            }
        }
    }
}

#[test]
fn a_whole_dump_takes_its_seeds() {
    // The dumps of the target, in its order.
    let target = std::fs::read_to_string(directory("fuzz_targets/whole_dump.rs")).unwrap();
    let names = target.lines().filter_map(|l| l.split("fixtures/").nth(1)?.strip_suffix("\"),"));
    let read = |name: &str| std::fs::File::open(directory("../fixtures").join(name)).unwrap();
    let dumps: Vec<Vec<u8>> = names.map(|name| zstd::decode_all(read(name)).unwrap()).collect();
    let (count, seeds) = (dumps.len(), seeds("whole_dump"));
    assert!(
        count > 4 && (0..count).all(|n| seeds.iter().any(|(_, s)| usize::from(s[0]) == n)),
        "a seed for each of {count}"
    );
    let dumps = PatchedDumps::new(dumps);
    for (name, seed) in seeds {
        eprintln!("{name}");
        dumps.run(&seed);
    }
}

/// A parser without a fuzz target would be forgotten.
#[test]
fn every_entry_has_a_target_and_every_target_an_entry() {
    let files = std::fs::read_dir(directory("fuzz_targets")).unwrap();
    let mut targets: Vec<String> =
        files.map(|f| f.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    targets.sort();
    let mut entries: Vec<&str> = ENTRIES.iter().map(|(name, _)| *name).chain(["whole_dump"]).collect();
    entries.sort_unstable();
    assert_eq!(targets, entries);
    let manifest = std::fs::read_to_string(directory("Cargo.toml")).unwrap();
    for target in targets {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
    }
}

/// `major.minor.patch`, as far as it goes.
fn version(text: &str) -> Vec<u64> {
    text.split('.').map(|part| part.parse().unwrap_or_else(|e| panic!("{text}: {e}"))).collect()
}

/// What Cargo takes for a requirement without operator: the first number that is not zero and those before it stay.
fn fits(locked: &[u64], wanted: &[u64]) -> bool {
    let fixed = wanted.iter().position(|n| *n != 0).map_or(wanted.len(), |at| at + 1);
    locked[..fixed] == wanted[..fixed] && locked >= wanted
}

/// The fuzz targets are a workspace of their own, whose lock file nothing else looks at.
#[test]
fn the_lock_file_of_the_fuzz_targets_knows_all_dependencies() {
    let read = |path: PathBuf| -> toml::Table { std::fs::read_to_string(path).unwrap().parse().unwrap() };
    let (manifest, lock) = (read(directory("../Cargo.toml")), read(directory("Cargo.lock")));
    let packages = lock["package"].as_array().unwrap();
    let named = |name: &str| packages.iter().filter(|p| p["name"].as_str() == Some(name)).collect::<Vec<_>>();
    let [own] = named("pyinquest")[..] else { panic!("the lock file does not have pyinquest once") };
    assert_eq!(own["version"], manifest["package"]["version"]);
    // A name alone, or with a version where there are several.
    let locked: Vec<(&str, Option<&str>)> = own["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d.as_str().unwrap())
        .map(|d| d.split_once(' ').map_or((d, None), |(name, version)| (name, Some(version))))
        .collect();
    // Those of some systems alone are in tables of their own.
    let mut wanted = manifest["dependencies"].as_table().unwrap().clone();
    for of_a_system in manifest["target"].as_table().unwrap().values() {
        wanted.extend(of_a_system["dependencies"].as_table().unwrap().clone());
    }
    // Of features that the targets leave out.
    let left_out = ["postgres", "rmcp", "rusqlite", "rustyline", "tokio"];
    let mut names: Vec<&str> = wanted.keys().map(String::as_str).filter(|n| !left_out.contains(n)).collect();
    names.sort_unstable();
    assert_eq!(locked.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names, "run cargo update in fuzz/");
    for (name, locked) in locked {
        let locked = locked.unwrap_or_else(|| named(name)[0]["version"].as_str().unwrap());
        let wanted = wanted[name].get("version").unwrap_or(&wanted[name]).as_str().unwrap();
        let locked = locked.split(['+', '-']).next().unwrap();
        assert!(fits(&version(locked), &version(wanted)), "{name} {locked} is not {wanted}: run cargo update in fuzz/");
    }
}
