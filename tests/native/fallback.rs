//! Code without call frame information, in cores that `gcore` writes of a process that lives on.

use super::skip;
use pyinquest::debuggee::elf_core;
use pyinquest::engine::Inspection;
use pyinquest::image::SearchOptions;
use pyinquest::native::ModuleTables;
use pyinquest::native::symbolize::{Lines, Symbolized, Symbolizer};
use pyinquest::native::unwind::Trust;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The functions of the program in the order of a stack.
const CALLS: [&str; 4] = ["deepest", "middle", "outer", "main"];

/// Ends the process with the test.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A core of the program, built with `flag` and without call frame information; or why there is none.
fn core_of_program(flag: &str) -> Result<PathBuf, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("steps{flag}"));
    std::fs::create_dir_all(&directory).expect("a directory for builds");
    let exe = directory.join("steps");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/unwind/steps.c");
    let built = Command::new("gcc")
        .args(["-O1", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-optimize-sibling-calls", flag])
        .arg(source)
        .arg("-o")
        .arg(&exe)
        .output()
        .map_err(|error| format!("no gcc: {error}"))?;
    assert!(built.status.success(), "gcc fails:\n{}", String::from_utf8_lossy(&built.stderr));
    let child = Command::new(&exe).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut waiting = Waiting(child);
    waiting.0.stdout.as_mut().expect("a pipe").read_exact(&mut [0]).expect("the program says that it waits");
    let pid = waiting.0.id();
    let gcore = Command::new("gcore")
        .arg("-o")
        .arg(directory.join("core"))
        .arg(pid.to_string())
        .env_remove("DEBUGINFOD_URLS")
        .output()
        .map_err(|error| format!("gcore (of gdb) does not run: {error}"))?;
    let core = directory.join(format!("core.{pid}"));
    if core.exists() { Ok(core) } else { Err(String::from_utf8_lossy(&gcore.stderr).into_owned()) }
}

/// Every frame of the stack: its function, and how it was found.
fn frames(core: &Path) -> Vec<(String, Trust)> {
    let target = elf_core::open(core).expect("a core");
    let inspection = Inspection::from_target(target, &SearchOptions::default());
    let (target, images) = (inspection.target(), inspection.images());
    let symbolizer = Symbolizer::new(target, images, Lines::All);
    let stacks = pyinquest::stack::native_stacks(target, &ModuleTables::new(target), &symbolizer, None);
    let name = |c: &Symbolized| c.symbol.as_ref().map(|s| s.name.clone()).unwrap_or_default();
    let stack = stacks.first().expect("a thread");
    stack.unwound.frames.iter().zip(&stack.symbols).map(|(f, c)| (name(c), f.trust)).collect()
}

/// Those frames that are the program's own, after checking that they are the calls in their order.
fn calls(flag: &str) -> Option<Vec<(String, Trust)>> {
    let core = match core_of_program(flag) {
        Ok(core) => core,
        Err(reason) => {
            crate::common::part_skipped(reason);
            return None;
        }
    };
    let all = frames(&core);
    let _ = std::fs::remove_file(&core);
    let own: Vec<_> = all.iter().filter(|(name, _)| CALLS.contains(&name.as_str())).cloned().collect();
    assert_eq!(own.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), CALLS, "{all:?}");
    Some(own)
}

#[test]
fn callers_are_found_by_frame_pointer_and_marked() {
    let Some(own) = calls("-fno-omit-frame-pointer") else { skip!("no core by gcore") };
    // The innermost of them comes out of libc's own tables.
    assert!(own.iter().skip(1).all(|(_, trust)| *trust == Trust::FramePointer), "{own:?}");
}

#[test]
fn callers_without_a_frame_pointer_are_found_by_scanning_and_marked() {
    let Some(own) = calls("-fomit-frame-pointer") else { skip!("no core by gcore") };
    assert!(own.iter().skip(1).all(|(_, trust)| *trust == Trust::Scan), "{own:?}");
}
