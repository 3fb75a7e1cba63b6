//! `pyinquest init gdb|lldb`: puts the debugger's scripts in place and has its start-up file load them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Sets up a debugger: unpacks its script and adds a line that loads it to the debugger's start-up file
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// Debugger to set up
    #[arg(value_enum)]
    pub debugger: Debugger,
    /// Only show the line, change nothing
    #[arg(long)]
    pub print: bool,
    /// Folder for the scripts
    #[arg(long, value_name = "DIR", env = "PYINQUEST_SCRIPTS")]
    pub scripts: Option<PathBuf>,
}

/// A debugger that has a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Debugger {
    /// GNU gdb, 10 or newer, built with Python
    Gdb,
    /// LLDB, 14 or newer, built with Python
    Lldb,
}

/// Why a debugger could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// Neither HOME nor a folder was given.
    #[error("HOME is not set; give a folder with --scripts and add the line to the start-up file yourself")]
    NoHome,
    /// A path that cannot stand in a start-up file.
    #[error("{0:?} cannot be written in a debugger's start-up file")]
    Path(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The scripts, as built into the program: path below the folder, text.
const SCRIPTS: [(&str, &str); 3] = [
    ("gdb-scripts/pyinquest_bridge.py", include_str!("../../gdb-scripts/pyinquest_bridge.py")),
    ("gdb-scripts/pyinquest_gdb.py", include_str!("../../gdb-scripts/pyinquest_gdb.py")),
    ("lldb-scripts/pyinquest_lldb.py", include_str!("../../lldb-scripts/pyinquest_lldb.py")),
];

/// Where the scripts look for the program that unpacked them (`find_engine` in `pyinquest_bridge.py`).
const ENGINE_NOTE: &str = "engine-path";

/// Runs the command; what to print.
///
/// # Errors
/// [`InitError`].
pub fn run(args: &InitArgs) -> Result<String, InitError> {
    let home = std::env::var_os("HOME").filter(|h| !h.is_empty()).map(PathBuf::from);
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(home.as_ref()?.join(".local/share")));
    let scripts = match &args.scripts {
        Some(given) => std::path::absolute(given).unwrap_or_else(|_| given.clone()),
        None => data.ok_or(InitError::NoHome)?.join("pyinquest"),
    };
    let line = load_line(args.debugger, &scripts)?;
    if args.print {
        return Ok(format!("{line}\n"));
    }
    let home = home.ok_or(InitError::NoHome)?;
    let config = absolute("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    unpack(&scripts)?;
    let file = start_up_file(args.debugger, &home, &config);
    let added = add_line(&file, &line)?;
    let verb = if added { "added to" } else { "is already in" };
    Ok(format!("scripts are in {}\n`{line}` {verb} {}\n", scripts.display(), file.display()))
}

fn absolute(variable: &str) -> Option<PathBuf> {
    // The XDG base directory specification has relative paths ignored.
    std::env::var_os(variable).map(PathBuf::from).filter(|p| p.is_absolute())
}

fn load_line(debugger: Debugger, scripts: &Path) -> Result<String, InitError> {
    let text = |path: PathBuf| match path.to_str() {
        Some(text) if !text.contains(['\n', '\r']) => Ok(text.to_owned()),
        _ => Err(InitError::Path(path)),
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

/// gdb 11 and newer read `gdb/gdbinit` of the configuration folder and, only where there is none, `~/.gdbinit`.
fn start_up_file(debugger: Debugger, home: &Path, config: &Path) -> PathBuf {
    match debugger {
        Debugger::Gdb => {
            let modern = config.join("gdb/gdbinit");
            if modern.is_file() { modern } else { home.join(".gdbinit") }
        }
        Debugger::Lldb => home.join(".lldbinit"),
    }
}

fn unpack(scripts: &Path) -> Result<(), InitError> {
    for (name, text) in SCRIPTS {
        replace(&scripts.join(name), text.as_bytes())?;
    }
    if let Ok(program) = std::env::current_exe() {
        replace(&scripts.join(ENGINE_NOTE), program.as_os_str().as_encoded_bytes())?;
    }
    Ok(())
}

/// Writes a file in one step, so that a debugger that starts meanwhile sees the old or the new one.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), InitError> {
    let failed = |source| InitError::Write { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(failed)?;
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&fresh, bytes).and_then(|()| fs::rename(&fresh, path)).map_err(failed)
}

/// Adds the line at the end, unless the file has it. Whether it was added.
fn add_line(file: &Path, line: &str) -> Result<bool, InitError> {
    let failed = |source| InitError::Write { path: file.to_owned(), source };
    let before = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(error)),
    };
    if before.split(|b| *b == b'\n').any(|l| l.trim_ascii() == line.as_bytes()) {
        return Ok(false);
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
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
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".gdbinit");
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
