//! Builds the extension modules whose crashes the tests look at.

use super::common::{Interpreter, Unavailable, interpreters};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The oldest stable ABI that the interpreters at hand share.
const STABLE_ABI: &str = "-DPy_LIMITED_API=0x03080000";

/// How a module is built.
#[allow(dead_code, reason = "not every test binary uses both")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Debug {
    /// With DWARF.
    Full,
    /// Without any symbols but the exported one.
    Stripped,
}

/// A compiled `defects` module that the interpreter can import.
#[allow(dead_code, reason = "not every test binary uses it")]
pub fn defects(interpreter: &Interpreter, debug: Debug) -> Result<PathBuf, Unavailable> {
    module(interpreter, debug, "defects.c")
}

/// A compiled module that the interpreter can import, of a file of `tests/programs/defects` (`.c` or `.cpp`).
pub fn module(interpreter: &Interpreter, debug: Debug, source: &str) -> Result<PathBuf, Unavailable> {
    module_with(interpreter, debug, source, &[])
}

/// The same with further arguments of the compiler: libraries, sanitizers.
#[allow(dead_code, reason = "not every test binary uses it")]
pub fn module_with(
    interpreter: &Interpreter,
    debug: Debug,
    source: &str,
    arguments: &[&str],
) -> Result<PathBuf, Unavailable> {
    let (include, stable) = match headers(interpreter) {
        Some(include) => (include, false),
        // Headers of another version serve through the stable ABI, which free-threaded builds before 3.15 do not have.
        None if interpreter.free_threaded => return Err(Unavailable(format!("{}: no headers", interpreter.name))),
        None => {
            let any = interpreters().iter().filter(|i| !i.free_threaded).find_map(headers);
            (any.ok_or_else(|| Unavailable("no interpreter with headers".to_owned()))?, true)
        }
    };
    build(&include, stable, debug, (source, arguments), interpreter)
}

/// Directory of the interpreter's headers on this machine, if they are there.
pub fn headers(interpreter: &Interpreter) -> Option<PathBuf> {
    let exe = Path::new(&interpreter.exe);
    let prefix = interpreter.sysroot.join(exe.parent()?.parent()?.strip_prefix("/").ok()?);
    let flag = match (interpreter.free_threaded, interpreter.debug) {
        (true, true) => "td",
        (true, false) => "t",
        (false, true) => "d",
        (false, false) => "",
    };
    let directory = prefix.join(format!("include/python3.{}{flag}", interpreter.minor));
    directory.join("Python.h").exists().then_some(directory)
}

fn build(
    include: &Path,
    stable: bool,
    debug: Debug,
    (source, arguments): (&str, &[&str]),
    interpreter: &Interpreter,
) -> Result<PathBuf, Unavailable> {
    let elsewhere = interpreter.root.is_some();
    // One build at a time, and each only once: they are shared by all tests of this file.
    static LOCK: Mutex<()> = Mutex::new(());
    let _guard = LOCK.lock();
    let key: String = include.to_string_lossy().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let (name, language) = source.split_once('.').expect("a file name with a suffix");
    let directory =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}{key}-{}-{stable}-{debug:?}", interpreter.arch));
    // `.so` alone is a suffix that every interpreter takes.
    let module = directory.join(format!("{name}.so"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/defects").join(source);
    let newer = |a: &Path, b: &Path| Some(a.metadata().ok()?.modified().ok()? > b.metadata().ok()?.modified().ok()?);
    if newer(&module, &source) == Some(true) {
        return Ok(module);
    }
    std::fs::create_dir_all(&directory).expect("a directory for builds");
    // Debian's cross compilers for other processors.
    let tools = if interpreter.is_native() { String::new() } else { format!("{}-linux-gnu-", interpreter.arch) };
    let mut gcc = Command::new(format!("{tools}{}", if language == "cpp" { "g++" } else { "gcc" }));
    gcc.args(["-shared", "-fPIC", "-g", "-O2", "-fstack-protector-strong", "-w", "-pthread"]).arg("-I").arg(include);
    // For riscv64 gcc writes no tables of its own accord before 13.
    gcc.arg("-fasynchronous-unwind-tables");
    if stable {
        gcc.arg(STABLE_ABI);
    }
    if language == "cpp" && elsewhere {
        // Another system's root directory may have no C++ library.
        gcc.args(["-static-libstdc++", "-static-libgcc"]);
    }
    if debug == Debug::Stripped {
        gcc.arg("-s");
    }
    let output = gcc.arg(&source).args(arguments).arg("-o").arg(&module).output();
    match output {
        Ok(output) if output.status.success() => Ok(module),
        Ok(output) => panic!("gcc fails:\n{}", String::from_utf8_lossy(&output.stderr)),
        Err(e) => Err(Unavailable(format!("no compiler: {e}"))),
    }
}
