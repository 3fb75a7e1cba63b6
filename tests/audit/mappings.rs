//! Mapped files and code that was made at run time, as `memory` tells of them, compared with the kernel and with Python.

use super::*;
use pyinquest::model::memory::{MemoryCode, MemoryFile, MemoryOwner, MemoryTrampolines};

const MIB: u64 = 1 << 20;
const PAGE: u64 = 4096;

#[derive(serde::Deserialize)]
struct Mapping {
    start: u64,
    end: u64,
    rights: String,
    inode: u64,
    path: String,
    rss: u64,
}

impl Mapping {
    fn bytes(&self) -> u64 {
        self.end - self.start
    }

    /// Code of no file; the kernel's own pages have names.
    fn is_made(&self) -> bool {
        self.rights.contains('x') && self.inode == 0 && !self.path.starts_with('[') && self.rss > 0
    }
}

/// Addresses of the trampolines, as Python wrote them for `perf`.
fn trampolines(dead: &CrashedProcess) -> Vec<u64> {
    let text = std::fs::read_to_string(dead.dir.join("perf.map")).unwrap_or_default();
    let of_python = text.lines().filter(|line| line.contains(" py::"));
    of_python.map(|line| u64::from_str_radix(line.split(' ').next().unwrap(), 16).unwrap()).collect()
}

#[test]
fn mapped_files_and_code_are_what_the_kernel_says() {
    let (mut compared, mut with_trampolines) = (0, 0);
    for interpreter in one_per_column() {
        let dead = match Crash::new(interpreter, "mappings.py").env("PYTHON_JIT", "1").proc().run() {
            Ok(dead) => dead,
            Err(reason) => skip!("{reason}"),
        };
        let text = std::fs::read(dead.dir.join("said.json")).unwrap_or_else(|_| panic!("{}", dead.stderr));
        let said: Vec<Mapping> = serde_json::from_slice(&text).unwrap();
        let trampolines = trampolines(&dead);
        let inspection = open(&dead, interpreter);
        let found = inspection.heap(|state, missing| memory::memory(&inspection, state, missing)).unwrap();
        let name = &interpreter.name;

        let mut files: BTreeMap<&str, u64> = BTreeMap::new();
        for mapping in said.iter().filter(|m| m.inode != 0 && m.path.starts_with('/')) {
            *files.entry(mapping.path.as_str()).or_default() += mapping.bytes();
        }
        let told = found.files.clone().unwrap();
        assert_eq!((told.files, told.bytes), (files.len() as u64, files.values().sum()), "{name}: {files:?}");
        let mut largest: Vec<MemoryFile> =
            files.iter().map(|(path, bytes)| MemoryFile { path: (*path).to_owned(), bytes: *bytes }).collect();
        largest.sort_by_key(|file| std::cmp::Reverse(file.bytes));
        largest.truncate(told.largest.len());
        assert_eq!(told.largest, largest, "{name}");
        let owner = |owner| found.owners.iter().find(|row| row.owner == owner).map_or((0, 0), |o| (o.bytes, o.written));
        // Beside the program's own files there is what pages of modules have before and after their variables.
        let of_modules = |m: &&Mapping| m.inode != 0 && m.rights.contains('w') && !m.path.ends_with(".data");
        let most = said.iter().filter(of_modules).count() as u64 * 2 * PAGE;
        let (bytes, written) = owner(MemoryOwner::MappedFiles);
        assert!((6 * MIB..6 * MIB + most).contains(&bytes), "{name}: {bytes} {:?}", found.owners);
        assert!((3 * MIB..3 * MIB + most).contains(&written), "{name}: {written} {:?}", found.owners);

        let made = || said.iter().filter(|mapping| mapping.is_made());
        let sum = |list: &[&Mapping]| list.iter().map(|mapping| mapping.bytes()).sum::<u64>();
        let all: Vec<&Mapping> = made().collect();
        let holds = |mapping: &&Mapping| trampolines.iter().any(|at| (mapping.start..mapping.end).contains(at));
        let of_perf: Vec<&Mapping> = made().filter(holds).collect();
        let perf_trampolines =
            MemoryTrampolines { mappings: of_perf.len() as u64, bytes: sum(&of_perf), count: trampolines.len() as u64 };
        let code = MemoryCode { mappings: all.len() as u64, bytes: sum(&all), perf_trampolines };
        assert_eq!(found.code, Some(code), "{name}");
        let writable: Vec<&Mapping> = made().filter(|mapping| mapping.rights.contains('w')).collect();
        assert_eq!(owner(MemoryOwner::Code), (sum(&writable), sum(&writable)), "{name}");
        assert!(sum(&writable) >= 256 << 10, "{name}");
        eprintln!("{name}: {} mappings of code, {} trampolines", all.len(), trampolines.len());
        compared += 1;
        with_trampolines += usize::from(trampolines.len() > 300);
    }
    if compared == 0 {
        skip!("no interpreter");
    }
    assert!(with_trampolines > 0, "no program had trampolines");
}
