//! Code without call frame information, in cores that `gcore` writes of a process that lives on.

use super::skip;
use pyinquest::debuggee::elf_core;
use pyinquest::engine::Inspection;
use pyinquest::image::SearchOptions;
use pyinquest::native::ModuleTables;
use pyinquest::native::symbolize::{Lines, Symbolized, Symbolizer};
use pyinquest::native::unwind::{StackEnd, Trust};
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

/// How the program is built without call frame information.
const WITHOUT: [&str; 2] = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"];

/// A core of the program, built with `flags`; or why there is none.
fn core_of_program(flags: &[&str]) -> Result<PathBuf, String> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("steps{}", flags.concat()));
    std::fs::create_dir_all(&directory).expect("a directory for builds");
    let exe = directory.join("steps");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/unwind/steps.c");
    let built = Command::new("gcc")
        .args(["-O1", "-fno-optimize-sibling-calls"])
        .args(flags)
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

/// Every frame of the stack of one thread: its function, and how it was found; and why it ends.
fn frames(core: &Path, thread: usize) -> (Vec<(String, Trust)>, StackEnd) {
    let target = elf_core::open(core).expect("a core");
    let inspection = Inspection::from_target(target, &SearchOptions::default());
    let (target, images) = (inspection.target(), inspection.images());
    let tables = ModuleTables::new(target);
    let symbolizer = Symbolizer::new(target, &tables, images, Lines::All);
    let stacks = pyinquest::stack::native_stacks(target, &tables, &symbolizer, None);
    let name = |c: &Symbolized| c.symbol.as_ref().map(|s| s.name.clone()).unwrap_or_default();
    // gdb writes the newest thread first.
    let mut stacks: Vec<_> = stacks.iter().collect();
    stacks.sort_by_key(|stack| stack.tid);
    let stack = stacks.get(thread).expect("a thread");
    let frames = stack.unwound.frames.iter().zip(&stack.symbols).map(|(f, c)| (name(c), f.trust)).collect();
    (frames, stack.unwound.end.clone())
}

/// Those frames that are the program's own, after checking that they are the calls in their order.
fn calls(flag: &str) -> Option<Vec<(String, Trust)>> {
    let core = match core_of_program(&[&WITHOUT[..], &[flag]].concat()) {
        Ok(core) => core,
        Err(reason) => {
            crate::common::part_skipped(reason);
            return None;
        }
    };
    let (all, _) = frames(&core, 0);
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

/// Its linker writes no `PT_GNU_EH_FRAME`.
#[test]
fn static_programs_are_unwound_by_their_own_tables() {
    let core = match core_of_program(&["-static", "-no-pie", "-fomit-frame-pointer", "-pthread", "-DIN_A_THREAD"]) {
        Ok(core) => core,
        Err(reason) => skip!("{reason}"),
    };
    let (main, main_end) = frames(&core, 0);
    let (thread, thread_end) = frames(&core, 1);
    let _ = std::fs::remove_file(&core);
    for (all, end) in [(&main, main_end), (&thread, thread_end)] {
        assert!(all.iter().skip(1).all(|(_, trust)| *trust == Trust::Cfi), "{all:?}");
        assert_eq!(end, StackEnd::Complete, "{all:?}");
    }
    let names: Vec<&str> = thread.iter().map(|(name, _)| name.as_str()).collect();
    let own = names.iter().position(|name| *name == "deepest").expect("the program's own frames");
    assert_eq!(names.get(own..own + 4).unwrap(), ["deepest", "middle", "outer", "in_a_thread"]);
    assert!(names.len() <= own + 6, "nothing called the thread: {names:?}");
    assert!(main.iter().any(|(name, _)| name == "main"), "{main:?}");
}
