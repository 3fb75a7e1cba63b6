//! `pyinquest init gdb|lldb`: puts the debugger's scripts in place and has its start-up file load them.

use super::args::{Debugger, InitArgs, SetUp};
use super::error::io_text;
#[cfg(target_os = "linux")]
use super::init_collect;
use super::{CliError, exit, output};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The scripts, as built into the program: path below the directory, text.
const SCRIPTS: [(&str, &str); 3] = [
    ("gdb-scripts/pyinquest_bridge.py", include_str!("../../gdb-scripts/pyinquest_bridge.py")),
    ("gdb-scripts/pyinquest_gdb.py", include_str!("../../gdb-scripts/pyinquest_gdb.py")),
    ("lldb-scripts/pyinquest_lldb.py", include_str!("../../lldb-scripts/pyinquest_lldb.py")),
];

/// Where the scripts look for the program that unpacked them (`find_engine` in `pyinquest_bridge.py`).
const ENGINE_NOTE: &str = "engine-path";

pub fn run(args: &InitArgs) -> Result<u8, CliError> {
    let text = match args.what {
        SetUp::Gdb => set_up(args, Debugger::Gdb)?,
        SetUp::Lldb => set_up(args, Debugger::Lldb)?,
        #[cfg(target_os = "linux")]
        SetUp::Collect => init_collect::set_up(args)?,
    };
    output::write_stdout(text.as_bytes())?;
    Ok(exit::OK)
}

/// Does it; what to print.
fn set_up(args: &InitArgs, debugger: Debugger) -> Result<String, CliError> {
    let home = std::env::var_os("HOME").filter(|h| !h.is_empty()).map(PathBuf::from);
    let no_home = || {
        CliError::new(exit::USAGE, "HOME is not set")
            .help("give a directory with --scripts and --print, and add the line to the start-up file yourself")
    };
    let scripts = match &args.scripts {
        Some(given) => std::path::absolute(given).unwrap_or_else(|_| given.clone()),
        None => absolute("XDG_DATA_HOME")
            .or_else(|| Some(home.as_ref()?.join(".local/share")))
            .ok_or_else(no_home)?
            .join("pyinquest"),
    };
    let line = load_line(debugger, &scripts)?;
    if args.print {
        return Ok(format!("{line}\n"));
    }
    let home = home.ok_or_else(no_home)?;
    let config = absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    unpack(&scripts)?;
    let file = start_up_file(debugger, &home, &config);
    let added = add_line(&file, &line)?;
    let verb = if added { "added to" } else { "is already in" };
    Ok(format!("scripts are in {}\n`{line}` {verb} {}\n", scripts.display(), file.display()))
}

fn cannot_write(path: &Path, error: &io::Error) -> CliError {
    CliError::new(exit::USAGE, format!("cannot write {}: {}", path.display(), io_text(error)))
}

fn absolute(variable: &str) -> Option<PathBuf> {
    // The XDG base directory specification has relative paths ignored.
    std::env::var_os(variable).map(PathBuf::from).filter(|p| p.is_absolute())
}

fn load_line(debugger: Debugger, scripts: &Path) -> Result<String, CliError> {
    let text = |path: PathBuf| match path.to_str() {
        Some(text) if !text.contains(['\n', '\r']) => Ok(text.to_owned()),
        _ => Err(CliError::new(exit::USAGE, format!("{path:?} cannot be written in a debugger's start-up file"))),
    };
    Ok(match debugger {
        // gdb takes the rest of the line as it is.
        Debugger::Gdb => format!("source {}", text(scripts.join("gdb-scripts/pyinquest_gdb.py"))?),
        Debugger::Lldb => {
            let path = text(scripts.join("lldb-scripts/pyinquest_lldb.py"))?;
            format!("command script import \"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
        }
    })
}

/// gdb 11 and newer read `gdb/gdbinit` of the configuration directory and, only where there is none, `~/.gdbinit`.
fn start_up_file(debugger: Debugger, home: &Path, config: &Path) -> PathBuf {
    match debugger {
        Debugger::Gdb => {
            let modern = config.join("gdb/gdbinit");
            if modern.is_file() { modern } else { home.join(".gdbinit") }
        }
        Debugger::Lldb => home.join(".lldbinit"),
    }
}

fn unpack(scripts: &Path) -> Result<(), CliError> {
    for (name, text) in SCRIPTS {
        replace(&scripts.join(name), text.as_bytes())?;
    }
    if let Ok(program) = std::env::current_exe() {
        replace(&scripts.join(ENGINE_NOTE), program.as_os_str().as_encoded_bytes())?;
    }
    Ok(())
}

/// Writes a file in one step, so that a debugger that starts meanwhile sees the old or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed = |error: io::Error| cannot_write(path, &error);
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory).map_err(failed)?;
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&fresh, bytes).and_then(|()| fs::rename(&fresh, path)).map_err(failed)
}

/// Adds the line at the end, unless the file has it. Whether it was added.
fn add_line(file: &Path, line: &str) -> Result<bool, CliError> {
    let failed = |error: io::Error| cannot_write(file, &error);
    let before = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    if before.split(|b| *b == b'\n').any(|l| l.trim_ascii() == line.as_bytes()) {
        return Ok(false);
    }
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    let gap = if before.is_empty() || before.ends_with(b"\n") { "" } else { "\n" };
    // Appended and not replaced: the file may be a link into someone's collection of settings.
    let mut open = OpenOptions::new().append(true).create(true).open(file).map_err(failed)?;
    open.write_all(format!("{gap}{line}\n").as_bytes()).map_err(failed)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_added_once_and_what_was_there_stays() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(".gdbinit");
        fs::write(&file, "set pagination off").unwrap();
        assert!(add_line(&file, "source a b.py").unwrap());
        assert!(!add_line(&file, "source a b.py").unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "set pagination off\nsource a b.py\n");
    }

    #[test]
    fn lldbs_line_quotes_the_path() {
        let line = load_line(Debugger::Lldb, Path::new("/a \"b")).unwrap();
        assert_eq!(line, "command script import \"/a \\\"b/lldb-scripts/pyinquest_lldb.py\"");
        assert!(load_line(Debugger::Gdb, Path::new("/a\nshell rm")).is_err());
    }
}
