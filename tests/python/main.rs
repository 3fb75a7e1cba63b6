//! The wheel: built as a user would, installed and used by real interpreters.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod fleets;

use common::{Crash, Interpreter, Unavailable, block, cache, interpreters, not_asked_for, part_skipped, skip};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn python_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

fn run(command: &mut Command) -> Result<Output, String> {
    let out = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    match out.status.success() {
        true => Ok(out),
        false => Err(format!(
            "{command:?}:\n{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        )),
    }
}

/// The programs of a virtual environment of this host's Python in the cache, with these packages.
fn environment(name: &str, packages: &[&str]) -> Result<PathBuf, Unavailable> {
    let directory = cache().join(name);
    let (bin, made) = (directory.join("bin"), directory.join("packages"));
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&made).ok().as_ref() != Some(&wanted) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory)).map_err(Unavailable)?;
        run(Command::new(bin.join("pip")).args(["install", "-q", "--disable-pip-version-check"]).args(packages))
            .map_err(Unavailable)?;
        std::fs::write(made, wanted).map_err(|error| Unavailable(error.to_string()))?;
    }
    Ok(bin)
}

/// What builds and checks wheels.
fn tools() -> Result<PathBuf, Unavailable> {
    static MADE: OnceLock<Result<PathBuf, Unavailable>> = OnceLock::new();
    let wanted = ["maturin==1.16.0", "mypy==2.4.1", "pyright==1.1.414", "pytest==9.2.0"];
    MADE.get_or_init(|| environment("wheel-tools", &wanted)).clone()
}

/// The wheel, built once; with the program that these tests are of.
fn wheel() -> Result<PathBuf, Unavailable> {
    static BUILT: OnceLock<Result<PathBuf, Unavailable>> = OnceLock::new();
    let build = || {
        let tools = tools()?;
        let program = Path::new(env!("CARGO_BIN_EXE_pyinquest"));
        let out = program.parent().unwrap().join("wheels");
        let _ = std::fs::remove_dir_all(&out);
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
        let made = run(Command::new(tools.join("pip"))
            .args(["wheel", "-q", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-w"])
            .arg(&out)
            .arg(python_directory())
            .env("PATH", path)
            .env("CARGO_TARGET_DIR", program.parent().unwrap().join("python"))
            .env("PYINQUEST_WHEEL_PROFILE", "dev")
            .env("PYINQUEST_WHEEL_PROGRAM", program)
            .env_remove("RUSTFLAGS"));
        // What cannot be built is a fault of ours: everything that it needs is there.
        made.unwrap_or_else(|e| panic!("{e}"));
        let found = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).next();
        Ok(found.expect("a wheel"))
    };
    BUILT.get_or_init(build).clone()
}

/// The wheel's module, unpacked where each interpreter may import it.
fn unpacked() -> Result<PathBuf, Unavailable> {
    static DONE: OnceLock<Result<PathBuf, Unavailable>> = OnceLock::new();
    let unpack = || {
        let (wheel, tools) = (wheel()?, tools()?);
        let directory = wheel.with_file_name("unpacked");
        run(Command::new(tools.join("python")).args(["-m", "zipfile", "-e"]).arg(wheel).arg(&directory)).unwrap();
        Ok(directory)
    };
    DONE.get_or_init(unpack).clone()
}

#[test]
fn the_module_says_what_python_said() {
    let directory = match unpacked() {
        Ok(directory) => directory,
        Err(reason) => skip!("{reason}"),
    };
    let check = || {
        let mut command = Command::new("python3");
        command.arg(python_directory().join("tests/check_api.py"));
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"));
        command.env("PYTHONPATH", &directory).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PYINQUEST_PROGRAM", env!("CARGO_BIN_EXE_pyinquest"));
        command
    };
    // This host's own, whatever it is.
    run(&mut check()).unwrap_or_else(|e| panic!("{e}"));
    // Those of other roots have a C library and a directory tree of their own.
    let mut threaded: Option<PathBuf> = None;
    for interpreter in interpreters().iter().filter(|i| i.is_native() && i.root.is_none()) {
        let mut command = Command::new(&interpreter.exe);
        command.args(check().get_args()).envs(check().get_envs().filter_map(|(key, value)| Some((key, value?))));
        // The stable interface of ordinary builds is none of free-threaded ones, which need a module for each version.
        if interpreter.free_threaded {
            if interpreter.name.starts_with("wheel-") {
                part_skipped(format!("{}: no settings to build modules by", interpreter.name));
                continue;
            }
            command.env("PYTHONPATH", threaded.insert(free_threaded(interpreter).unwrap()));
        }
        let blocked = block(interpreter, "editor.py", &[]).unwrap_or_else(|e| panic!("{e}"));
        let truth = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(truth.path(), blocked.truth.to_string()).unwrap();
        let dead = Crash::new(interpreter, "editor.py").run().unwrap_or_else(|e| panic!("{e}"));
        let tasks = Crash::new(interpreter, "tasks.py").run().unwrap_or_else(|e| panic!("{e}"));
        command.arg(blocked.pid.to_string()).arg(truth.path()).arg(&dead.core).arg(&tasks.core);
        let out = run(&mut command).unwrap_or_else(|e| panic!("{}: {e}", interpreter.name));
        assert!(String::from_utf8_lossy(&out.stdout).contains("compared"), "{}", interpreter.name);
    }
    if threaded.is_none() {
        part_skipped("no free-threaded interpreter that builds modules");
    }
}

/// The module for one free-threaded interpreter, unpacked; it does not bring back the GIL.
fn free_threaded(interpreter: &Interpreter) -> Result<PathBuf, Unavailable> {
    let (tools, wheel) = (tools()?, wheel()?);
    let out = wheel.with_file_name(&interpreter.name);
    run(Command::new(tools.join("maturin"))
        .args(["build", "--quiet", "--locked", "--profile", "dev", "--compatibility", "linux", "--interpreter"])
        .arg(&interpreter.exe)
        .arg("--manifest-path")
        .arg(python_directory().join("Cargo.toml"))
        .arg("--out")
        .arg(&out)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_BIN_EXE_pyinquest")).with_file_name("python"))
        .env_remove("RUSTFLAGS"))
    .unwrap_or_else(|e| panic!("{e}"));
    let built = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
    let tag = format!("-cp3{0}-cp3{0}t-", interpreter.minor);
    let built = built.into_iter().find(|file| file.to_string_lossy().contains(&tag)).expect(&tag);
    let directory = out.join("unpacked");
    run(Command::new(tools.join("python")).args(["-m", "zipfile", "-e"]).arg(built).arg(&directory)).unwrap();
    let script = "import pyinquest, sys; print(sys._is_gil_enabled())";
    let said = run(Command::new(&interpreter.exe).args(["-c", script]).env("PYTHONPATH", &directory)).unwrap();
    assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), "False");
    Ok(directory)
}

#[test]
fn the_wheel_installs_the_program_and_its_documents() {
    let wheel = match wheel() {
        Ok(wheel) => wheel,
        Err(reason) => skip!("{reason}"),
    };
    let directory = tempfile::tempdir().unwrap();
    let environment = directory.path().join("venv");
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment)).unwrap();
    let bin = environment.join("bin");
    run(Command::new(bin.join("pip")).args(["install", "-q", "--no-index", "--disable-pip-version-check"]).arg(&wheel))
        .unwrap();
    let core = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/cores/3.12-basic.core.zst");
    let own = run(Command::new(env!("CARGO_BIN_EXE_pyinquest")).args(["report", core])).unwrap().stdout;
    let installed = run(Command::new(bin.join("pyinquest")).args(["report", core])).unwrap().stdout;
    let by_module = run(Command::new(bin.join("python")).args(["-m", "pyinquest", "report", core])).unwrap().stdout;
    assert!(own == installed && own == by_module);
    // An exit code comes through.
    let missing =
        Command::new(bin.join("python")).args(["-m", "pyinquest", "report", "/nonexistent"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(3));
    for file in ["share/man/man1/pyinquest.1", "share/bash-completion/completions/pyinquest"] {
        assert!(environment.join(file).exists(), "{file}");
    }
    // Scripts of the debuggers are copied out of the environment, which may go.
    let home = directory.path().join("home");
    std::fs::create_dir(&home).unwrap();
    let init = |debugger| {
        run(Command::new(bin.join("pyinquest")).args(["init", debugger]).env_clear().env("HOME", &home)).unwrap();
    };
    init("gdb");
    init("lldb");
    let line = std::fs::read_to_string(home.join(".gdbinit"))
        .or_else(|_| std::fs::read_to_string(home.join(".config/gdb/gdbinit")));
    let line = line.unwrap();
    let script = line.trim().strip_prefix("source ").unwrap().trim_matches('"');
    assert!(Path::new(script).exists() && !Path::new(script).starts_with(&environment), "{line}");
}

/// Built for the oldest glibc that Rust supports by PyPI's linker; every name of glibc that it asks for is as old.
#[test]
fn a_wheel_for_old_c_libraries() {
    if std::env::var_os("PYINQUEST_MANYLINUX").is_none() {
        return not_asked_for("a release build for glibc 2.17: PYINQUEST_MANYLINUX=1");
    }
    let tools = match environment("zig-tools", &["maturin==1.16.0", "cargo-zigbuild==0.24.1", "ziglang==0.17.1"]) {
        Ok(tools) => tools,
        Err(reason) => skip!("{reason}"),
    };
    let work = tempfile::tempdir().unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    run(Command::new(tools.join("pip"))
        .args(["wheel", "-q", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "-w"])
        .arg(work.path())
        .arg(python_directory())
        .env("PATH", path)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_BIN_EXE_pyinquest")).with_file_name("manylinux"))
        .env("PYINQUEST_WHEEL_GLIBC", "2.17")
        .env_remove("RUSTFLAGS"))
    .unwrap_or_else(|e| panic!("{e}"));
    let wheel = std::fs::read_dir(work.path()).unwrap().map(|entry| entry.unwrap().path()).next().unwrap();
    let name = wheel.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.contains("-cp38-abi3-") && name.contains("manylinux_2_17_"), "{name}");
    let size = std::fs::metadata(&wheel).unwrap().len();
    eprintln!("{name}: {size} bytes");
    assert!(size < 15_000_000, "{name}: {size} bytes");
    run(Command::new(tools.join("python")).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(work.path())).unwrap();
    let found = |directory: &str, starts: &str| {
        let files = std::fs::read_dir(work.path().join(directory)).unwrap().map(|entry| entry.unwrap().path());
        let named = |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(starts));
        files.into_iter().find(named).unwrap()
    };
    let data = found("", "pyinquest-").file_name().unwrap().to_string_lossy().into_owned();
    let data = format!("{}.data/scripts", data.rsplit_once('.').unwrap().0);
    for file in [found(&data, "pyinquest"), found("pyinquest", "_pyinquest.")] {
        let out = run(Command::new("objdump").arg("-T").arg(&file)).unwrap();
        let out = String::from_utf8_lossy(&out.stdout).into_owned();
        let versions = out.split("GLIBC_").skip(1).filter_map(|rest| {
            let text: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            let (major, minor) = text.split_once('.')?;
            Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
        });
        let newest: (u32, u32) = versions.max().unwrap();
        assert!(newest <= (2, 17), "{}: {newest:?}", file.display());
    }
    let venv = work.path().join("venv");
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv)).unwrap();
    let pip = venv.join("bin/pip");
    run(Command::new(pip).args(["install", "-q", "--no-index", "--disable-pip-version-check"]).arg(&wheel)).unwrap();
    let core = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/cores/3.12-basic.core.zst");
    let own = run(Command::new(env!("CARGO_BIN_EXE_pyinquest")).args(["report", core])).unwrap().stdout;
    assert!(own == run(Command::new(venv.join("bin/pyinquest")).args(["report", core])).unwrap().stdout);
    let script = format!("import pyinquest; print(pyinquest.open({core:?}).report())");
    let said = run(Command::new(venv.join("bin/python")).args(["-c", &script])).unwrap().stdout;
    assert!(String::from_utf8_lossy(&said).contains("SIGSEGV"), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn the_stubs_are_what_type_checkers_take() {
    let (tools, directory) = match (tools(), unpacked()) {
        (Ok(tools), Ok(directory)) => (tools, directory),
        (Err(reason), _) | (_, Err(reason)) => skip!("{reason}"),
    };
    let work = tempfile::tempdir().unwrap();
    let program = work.path().join("uses.py");
    std::fs::write(&program, USES).unwrap();
    let path = [("MYPYPATH", &directory), ("PYTHONPATH", &directory)];
    let own = directory.join("pyinquest/__init__.py");
    run(Command::new(tools.join("mypy")).args(["--strict", "--no-incremental"]).args([&program, &own]).envs(path))
        .unwrap_or_else(|e| panic!("{e}"));
    let config =
        serde_json::json!({ "extraPaths": [directory], "typeCheckingMode": "standard", "pythonVersion": "3.13" });
    std::fs::write(work.path().join("pyrightconfig.json"), config.to_string()).unwrap();
    run(Command::new(tools.join("pyright")).arg(&program).current_dir(work.path())).unwrap_or_else(|e| panic!("{e}"));
    // What is wrong is found, so that the others were not right by chance.
    for wrong in
        ["wrong: int = dump.evaluate('x')", "pyinquest.open('core', sysroots=[])", "pyinquest.row('core', no_files=3)"]
    {
        std::fs::write(&program, format!("{USES}\n{wrong}\n")).unwrap();
        assert!(run(Command::new(tools.join("mypy")).arg("--strict").arg(&program).envs(path)).is_err(), "{wrong}");
        assert!(run(Command::new(tools.join("pyright")).arg(&program).current_dir(work.path())).is_err(), "{wrong}");
    }
}

const USES: &str = r#"import pyinquest

dump = pyinquest.open("core", sysroot=["/image"], no_files=True)
for thread in dump.threads:
    for frame in thread.frames:
        for name, value in frame.locals.items():
            text: str = name + value.repr + (value.type or "") + value.fidelity
            count: int = (value.refcount or 0) + (value.addr or 0) + len(value)
crash = dump.crash
summary: str = "" if crash is None else crash.summary
text = pyinquest.row("core", name="node:core", with_sources=True)["dump"]
first: pyinquest.Value = dump.evaluate("self.items[0]", frame=2)["key"]
total: int = dump.heap.objects
waiting = [task.name for task in dump.tasks.tasks]
options: pyinquest.FileOptions = {"sysroot": ["/image"], "no_files": True}
same: pyinquest.Dump = pyinquest.open(pid=1, **options)
"#;

#[test]
fn pytest_says_what_a_subprocess_died_of() {
    let (tools, directory) = match (tools(), unpacked()) {
        (Ok(tools), Ok(directory)) => (tools, directory),
        (Err(reason), _) | (_, Err(reason)) => skip!("{reason}"),
    };
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if pattern.trim() != "core" {
        skip!("core_pattern is {pattern}");
    }
    let work = tempfile::tempdir().unwrap();
    let tests = "import subprocess, sys\n\
                 def test_good():\n    assert True\n\
                 def test_crash():\n    subprocess.call([sys.executable, '-c', 'import ctypes; ctypes.string_at(0)'])\n";
    std::fs::write(work.path().join("test_it.py"), tests).unwrap();
    let pytest = |arguments: &[&str]| {
        Command::new(tools.join("python"))
            .args(["-m", "pytest", "-q"])
            .args(arguments)
            .env("PYTHONPATH", &directory)
            .current_dir(work.path())
            .output()
            .unwrap()
    };
    // Without its switch it does nothing.
    assert_eq!(pytest(&[]).status.code(), Some(0));
    let _ = std::fs::remove_file(work.path().join("core"));
    let out = pytest(&["--pyinquest"]);
    let said = String::from_utf8_lossy(&out.stdout);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("1 failed, 1 passed") && said.contains("a process of this test dumped core"), "{said}");
    assert!(said.contains("SIGSEGV") && said.contains("string_at"), "{said}");
}
