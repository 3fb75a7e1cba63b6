//! What tests of dumps share: the committed dumps, opening, reporting.

// Each test file compiles its own copy and uses a part of it.
#![allow(dead_code)]
// A helper of tests has one way to report that its own machinery broke.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::common::Interpreter;
use pyinquest::engine::{Inspection, Options};
use pyinquest::image::SearchOptions;
use pyinquest::model::Report;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// No file but the dump.
pub fn alone() -> SearchOptions {
    SearchOptions { no_files: true, ..SearchOptions::default() }
}

/// The files of an interpreter, where it has a root directory of its own.
pub fn files_of(interpreter: &Interpreter) -> SearchOptions {
    SearchOptions { sysroots: vec![interpreter.sysroot.clone()], ..SearchOptions::default() }
}

/// The report on a core of an interpreter, with its files.
pub fn report_of(interpreter: &Interpreter, core: &Path, options: &Options) -> Report {
    inspect(core, &files_of(interpreter)).report(options)
}

/// The process of a dump, with the files that `search` finds.
pub fn inspect(dump: &Path, search: &SearchOptions) -> Inspection {
    Inspection::open(dump, search).unwrap_or_else(|e| panic!("{e}"))
}

/// The process of a dump, without any file of it.
pub fn inspect_alone(dump: &Path) -> Inspection {
    inspect(dump, &alone())
}

/// The report on a dump, without any file of its process.
pub fn report_alone(dump: &Path, options: &Options) -> Report {
    inspect_alone(dump).report(options)
}

/// Ends the test program with `what` it was at when `work` has no end: only a walk without limit takes so long, on however
/// busy a machine.
pub fn watched<T>(what: &str, work: impl FnOnce() -> T) -> T {
    const PATIENCE: Duration = Duration::from_secs(600);
    let (done, waiting) = mpsc::channel::<()>();
    let what = what.to_owned();
    let dog = std::thread::spawn(move || {
        if waiting.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{what}: no end after {PATIENCE:?}");
            std::process::abort();
        }
    });
    let made = work();
    drop(done);
    dog.join().unwrap();
    made
}

/// A committed dump.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fixture {
    /// `3.13t-threads`: build and program.
    pub name: String,
    pub path: PathBuf,
}

impl Fixture {
    /// `3.13t`, `3.9-aarch64`, `3.14-windows`.
    pub fn build(&self) -> &str {
        self.name.rsplit_once('-').unwrap().0
    }

    /// `threads`.
    pub fn program(&self) -> &str {
        self.name.rsplit_once('-').unwrap().1
    }

    /// What Python said of itself just before it died.
    pub fn truth(&self) -> Value {
        let path = self.path.with_file_name(format!("{}.truth.json", self.name));
        let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_slice(&text).unwrap()
    }

    /// The dump as it was before it was compressed.
    pub fn bytes(&self) -> Vec<u8> {
        zstd::decode_all(std::fs::File::open(&self.path).unwrap()).unwrap()
    }
}

/// Cores of Linux.
pub fn cores() -> Vec<Fixture> {
    of_directory("cores", ".core.zst")
}

/// Minidumps of Windows.
pub fn minidumps() -> Vec<Fixture> {
    of_directory("minidumps", ".dmp.zst")
}

/// Cores and minidumps.
pub fn all() -> Vec<Fixture> {
    cores().into_iter().chain(minidumps()).collect()
}

/// The committed dump of that name.
pub fn fixture(name: &str) -> Fixture {
    all().into_iter().find(|f| f.name == name).unwrap_or_else(|| panic!("no committed dump {name}"))
}

fn of_directory(name: &str, ending: &str) -> Vec<Fixture> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<Fixture> = paths
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
            Some(Fixture { name, path })
        })
        .collect();
    found.sort();
    found
}
