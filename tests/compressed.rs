//! Packed and piped dumps give the target that the plain file gives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{CrashedProcess, crash, skip};
use pyinquest::debuggee::{self, MemoryExt as _, Target};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn same(a: &Target, b: &Target, what: &str) {
    assert_eq!(a.threads, b.threads, "{what}");
    assert_eq!(a.modules, b.modules, "{what}");
    assert_eq!(a.memory.segments(), b.memory.segments(), "{what}");
    assert_eq!(a.missing, b.missing, "{what}");
    assert_eq!(a.diagnostics.to_vec(), b.diagnostics.to_vec(), "{what}");
    for segment in a.memory.segments().iter().filter(|s| s.available > 0) {
        let (x, y) = (a.memory.read_vec(segment.start, 64), b.memory.read_vec(segment.start, 64));
        assert_eq!(x, y, "{what}: {}", segment.start);
    }
}

fn dead() -> Result<CrashedProcess, String> {
    let interpreter = common::interpreters().first().ok_or("no interpreters")?;
    crash(interpreter, "threads.py", &[], &[]).map_err(|e| e.to_string())
}

/// Packs a file with a program of the machine, as systemd-coredump's and admins' are packed.
fn pack(tool: &[&str], core: &Path, suffix: &str) -> Option<PathBuf> {
    let out = core.with_extension(suffix);
    let to = std::fs::File::create(&out).unwrap();
    let from = std::fs::File::open(core).unwrap();
    let run = Command::new(tool[0]).args(&tool[1..]).stdin(from).stdout(to).status().ok()?;
    assert!(run.success(), "{tool:?}");
    Some(out)
}

#[test]
fn a_packed_core_is_the_core() {
    let dead = match dead() {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let plain = debuggee::open(&dead.core).unwrap();
    let tools: [(&[&str], &str); 4] = [
        (&["gzip", "-1c"], "gz"),
        (&["xz", "-0c"], "xz"),
        (&["zstd", "-1", "-q", "-c"], "zst"),
        (&["lz4", "-1", "-q", "-c"], "lz4"),
    ];
    let mut done = 0;
    for (tool, suffix) in tools {
        let Some(packed) = pack(tool, &dead.core, suffix) else {
            common::part_skipped(format_args!("{} is not installed", tool[0]));
            continue;
        };
        same(&debuggee::open(&packed).unwrap(), &plain, suffix);
        done += 1;
    }
    let zst = dead.dir.join("own.zst");
    zstd::stream::copy_encode(std::fs::File::open(&dead.core).unwrap(), std::fs::File::create(&zst).unwrap(), 1)
        .unwrap();
    same(&debuggee::open(&zst).unwrap(), &plain, "zst");
    assert!(done >= 2, "gzip and xz are on every machine");
}

#[test]
fn a_cut_packed_core_is_opened_as_far_as_it_goes() {
    let dead = match dead() {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let plain = debuggee::open(&dead.core).unwrap();
    let packed = zstd::encode_all(&*std::fs::read(&dead.core).unwrap(), 1).unwrap();
    let cut = dead.dir.join("cut.zst");
    std::fs::write(&cut, &packed[..packed.len() / 2]).unwrap();
    let cut = debuggee::open(&cut).unwrap();
    assert_eq!(cut.threads, plain.threads);
    let codes: Vec<_> = cut.diagnostics.to_vec().into_iter().map(|d| d.code.to_string()).collect();
    assert!(codes.contains(&"packed-dump-damaged".to_owned()), "{codes:?}");
    assert!(codes.contains(&"core-truncated".to_owned()), "{codes:?}");
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let dead = match dead() {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let plain = debuggee::open(&dead.core).unwrap();
    let fifo = dead.dir.join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).stdin(Stdio::null()).status().unwrap().success());
    let content = std::fs::read(&dead.core).unwrap();
    let feeder = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::OpenOptions::new().write(true).open(fifo).unwrap().write_all(&content).unwrap()
    });
    same(&debuggee::open(&fifo).unwrap(), &plain, "fifo");
    feeder.join().unwrap();
}
