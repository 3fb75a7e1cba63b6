//! What may be left out on the command line: the word `report`, and where a dump is, the name of a dump (as a hint).

use super::args::Cli;
use crate::debuggee::compressed::Packing;
use clap::CommandFactory as _;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Entries of a directory that are examined for a dump.
const MAX_ENTRIES: usize = 2000;

/// `pyinquest CORE ...` means `pyinquest report CORE ...`, where the first argument is a file and no command. A command of
/// that name wins: `./report` is always a file.
pub fn expanded(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(is_dump_argument) {
        arguments.insert(1, "report".into());
    }
    arguments
}

fn is_dump_argument(argument: &OsString) -> bool {
    if argument.as_encoded_bytes().starts_with(b"-") {
        return argument == "-";
    }
    // A path that leads nowhere is better told as such than as an unknown command.
    let may_be_file = Path::new(argument).is_file() || argument.as_encoded_bytes().contains(&b'/');
    // Asked last: to set up the whole command line takes an eighth of the time of `bt`.
    let is_command =
        || argument == "help" || argument.to_str().is_some_and(|a| Cli::command().find_subcommand(a).is_some());
    may_be_file && !is_command()
}

/// The newest file of a directory that is a dump, judged by its name first and its content then.
pub fn newest_dump(directory: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(directory).ok()?.take(MAX_ENTRIES).filter_map(Result::ok);
    let dumps =
        entries.filter(|e| e.file_type().is_ok_and(|t| t.is_file()) && may_be_dump(&e.file_name().to_string_lossy()));
    let dumps = dumps.filter(|e| is_dump(&e.path()));
    let newest = dumps.max_by_key(|e| e.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH));
    newest.map(|e| PathBuf::from(e.file_name()))
}

/// `core`, `core.1234`, `python3.core`, `a.core.zst`, `b.dmp`.
fn may_be_dump(name: &str) -> bool {
    let has = |part: &str| name.split('.').any(|p| p.eq_ignore_ascii_case(part));
    has("core") || has("dmp") || has("mdmp") || name.starts_with("core-") || name.starts_with("core_")
}

/// Enough for `e_type` of an ELF file and for all packings.
const HEAD: u64 = 64;

fn is_dump(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|f| f.take(HEAD).read_to_end(&mut head));
    /// `e_type` of a core, in either byte order (gABI).
    const CORE: [u8; 2] = [4, 0];
    let elf_core = head.starts_with(b"\x7fELF") && head.get(16..18) == Some(&CORE);
    read.is_ok() && (elf_core || head.starts_with(b"MDMP") || Packing::detect(&head) != Packing::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(arguments: &[&str]) -> Vec<String> {
        expanded(arguments.iter().map(OsString::from)).into_iter().map(|a| a.into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_alone_is_reported_on() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(words(&["pyinquest", path, "--locals"]), ["pyinquest", "report", path, "--locals"]);
        assert_eq!(words(&["pyinquest", "-"]), ["pyinquest", "report", "-"]);
        assert_eq!(words(&["pyinquest", "/absent/core"]), ["pyinquest", "report", "/absent/core"]);
        for other in [&["pyinquest"][..], &["pyinquest", "--help"], &["pyinquest", "bt", path], &["pyinquest", "rendr"]]
        {
            assert_eq!(words(other), other);
        }
    }

    #[test]
    fn the_newest_dump_of_a_directory_is_found_by_name_and_content() {
        let directory = tempfile::tempdir().unwrap();
        let put = |name: &str, content: &[u8]| std::fs::write(directory.path().join(name), content).unwrap();
        put("core.py", b"print(1)\n");
        put("notes.txt", b"MDMP");
        assert_eq!(newest_dump(directory.path()), None);
        put("crash.DMP", b"MDMP....");
        assert_eq!(newest_dump(directory.path()), Some("crash.DMP".into()));
        put("core.77", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0");
        let old = SystemTime::now() - std::time::Duration::from_secs(60);
        File::open(directory.path().join("crash.DMP")).unwrap().set_modified(old).unwrap();
        assert_eq!(newest_dump(directory.path()), Some("core.77".into()));
    }
}
