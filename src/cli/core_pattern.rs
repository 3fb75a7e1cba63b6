//! `pyinquest collect`: takes crashes from the kernel (`core_pattern`) and keeps a slim dump and a report of each.
//!
//! Runs as root with input that an unprivileged user controls (a process may crash at will and be called anything):
//! names are made here, files are made anew and never followed, what is kept is bounded. Root itself reads nothing of the dump:
//! a process of another user does (`core_reader.rs`) and writes to files that are open already; root names them.

use super::args::CollectArgs;
use super::core_reader::{self, Wish};
use super::error::io_text;
use super::slim;
use super::{CliError, exit, output, sandbox};
use crate::debuggee::live::{owner, sysroot};
use crate::sys::sandbox::Needs;
use nix::unistd::geteuid;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::NamedTempFile;

/// Beginning of the names of all our files; nothing else is ever removed.
const PREFIX: &str = "pyinquest-";

pub fn run(args: &CollectArgs) -> Result<u8, CliError> {
    let outcome = store(args);
    // A process whose core nobody reads to its end is killed by SIGPIPE in the kernel's log only; be polite.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    outcome
}

fn store(args: &CollectArgs) -> Result<u8, CliError> {
    let directory = &args.dir;
    let failed = |e: io::Error| CliError::new(exit::INPUT, format!("{}: {}", directory.display(), io_text(&e)));
    prepare(directory).map_err(failed)?;
    // The process is gone once the kernel has written its core: hold on to its root directory, and to whose it was.
    let root = args.pid.and_then(sysroot).and_then(|root| fs::File::open(root).ok());
    let reader = (!args.no_sandbox && geteuid().is_root()).then(|| reader_of(args.pid.and_then(owner)));
    let mut parts = parts_in(directory).map_err(failed)?;
    let mut keeper = Keeper { args, stem: String::new() };
    let needs = || Needs { write: vec![directory.clone()], ..Needs::default() };
    let code = match reader {
        None => {
            let _ = sandbox::give_up((!args.no_sandbox).then(needs));
            let mut files = parts.each_mut().map(NamedTempFile::as_file_mut);
            core_reader::read(args, root.as_ref(), &mut files, &mut |wish| keeper.answer(&wish).map_err(failed))?
        }
        Some(user) => {
            let files = parts.each_mut().map(NamedTempFile::as_file_mut);
            let mut child = core_reader::start(args, root.as_ref(), files, user).map_err(|e| {
                CliError::new(exit::INTERNAL, format!("no process can be started to read the dump: {}", io_text(&e)))
            })?;
            let _ = sandbox::enter_with(needs());
            child.serve(&mut |wish| keeper.answer(&wish).map_err(failed))?
        }
    };
    if code != exit::OK {
        return Ok(code);
    }
    keep(parts, directory, &keeper.stem).map_err(failed)?;
    make_room(directory, &keeper.stem, keeper.limits()).map_err(failed)?;
    output::write_stdout(format!("{}\n", directory.join(format!("{}.txt", keeper.stem)).display()).as_bytes())?;
    Ok(exit::OK)
}

/// User and group that read the dump in place of root: those of the process, whose files they may read, and nobody's
/// (`overflowuid` of the kernel) where that is root or not known.
fn reader_of(owner: Option<(u32, u32)>) -> (u32, u32) {
    const NOBODY: u32 = 65534;
    owner.filter(|(user, _)| *user != 0).unwrap_or((NOBODY, NOBODY))
}

/// Endings of the files of a crash, in the order in which they appear: a reader finds the dump last.
const KINDS: [&str; 3] = ["txt", "json", "core.zst"];

/// Files that are to become those of a crash.
fn parts_in(directory: &Path) -> io::Result<[NamedTempFile; 3]> {
    loop {
        let made = || Ok([slim::part_in(directory)?, slim::part_in(directory)?, slim::part_in(directory)?]);
        match made() {
            Err(error) if is_full(&error) && drop_oldest(directory, "")? => {}
            made => return made,
        }
    }
}

/// All or nothing.
fn keep(parts: [NamedTempFile; 3], directory: &Path, stem: &str) -> io::Result<()> {
    let mut kept = Vec::new();
    for (part, kind) in parts.into_iter().zip(KINDS) {
        let path = directory.join(format!("{stem}.{kind}"));
        if let Err(error) = part.persist(&path) {
            let _ = remove(&kept);
            return Err(error.error);
        }
        kept.push(path);
    }
    Ok(())
}

fn is_full(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::StorageFull
}

/// Does in the store what the reader of the dump wishes.
struct Keeper<'a> {
    args: &'a CollectArgs,
    stem: String,
}

impl Keeper<'_> {
    fn limits(&self) -> Limits {
        Limits { count: self.args.max_count, bytes: self.args.max_size.saturating_mul(1 << 20) }
    }

    /// Whether it was done.
    fn answer(&mut self, wish: &Wish) -> io::Result<bool> {
        let directory = &self.args.dir;
        match wish {
            Wish::Room { name, pid } => {
                self.stem = stem(self.args.time.unwrap_or_else(now), name, *pid);
                // Room for one more first: a store that is full of old crashes takes the new one.
                let limits = self.limits();
                make_room(directory, &self.stem, Limits { count: limits.count.saturating_sub(1), ..limits })?;
                Ok(true)
            }
            Wish::Space => drop_oldest(directory, &self.stem),
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Makes the directory (0700), or checks that it is a real directory of ours that others cannot write to, below
/// directories that others cannot exchange. What killed runs have left in it goes.
fn prepare(directory: &Path) -> io::Result<()> {
    if let Err(e) = fs::DirBuilder::new().mode(0o700).recursive(true).create(directory)
        && e.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(e);
    }
    let meta = fs::symlink_metadata(directory)?;
    if !meta.is_dir() {
        return refuse("is not a directory".to_owned());
    }
    if meta.uid() != nix::unistd::geteuid().as_raw() {
        return refuse("belongs to another user".to_owned());
    }
    if meta.mode() & 0o022 != 0 {
        return refuse("may be written to by other users".to_owned());
    }
    for parent in fs::canonicalize(directory)?.ancestors().skip(1) {
        let meta = fs::symlink_metadata(parent)?;
        let own = meta.uid() == 0 || meta.uid() == nix::unistd::geteuid().as_raw();
        // In a directory with the sticky bit others cannot rename what is ours.
        let exchangeable = meta.mode() & 0o022 != 0 && meta.mode() & 0o1000 == 0;
        if !own || exchangeable {
            return refuse(format!("is in {}, which other users may change", parent.display()));
        }
    }
    remove_leftovers(directory)
}

fn refuse(what: String) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::PermissionDenied, what))
}

/// Removes what runs that were killed were writing: files with the id of a process that is no more.
fn remove_leftovers(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)?.filter_map(Result::ok) {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(slim::PART)?.split('-').next()?.parse::<u32>().ok());
        if let Some(pid) = pid
            && (pid == std::process::id() || !Path::new("/proc").join(pid.to_string()).exists())
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file name of harmless characters.
fn stem(time: u64, name: &str, pid: i64) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let name: String = name.chars().take(32).map(harmless).collect();
    format!("{PREFIX}{time:010}-{name}-{pid}")
}

#[derive(Clone, Copy)]
struct Limits {
    count: usize,
    bytes: u64,
}

/// Removes the oldest crashes until the limits hold. The one just stored stays.
fn make_room(directory: &Path, newest: &str, limits: Limits) -> io::Result<()> {
    let crashes = crashes(directory)?;
    let mut count = crashes.len();
    let mut bytes = crashes.values().fold(0u64, |sum, (size, _)| sum.saturating_add(*size));
    for (stem, (size, paths)) in crashes {
        if count <= limits.count && bytes <= limits.bytes {
            break;
        }
        if stem != newest {
            remove(&paths)?;
            count = count.saturating_sub(1);
            bytes = bytes.saturating_sub(size);
        }
    }
    Ok(())
}

/// Removes the oldest crash other than the one that is being stored; whether there was one.
fn drop_oldest(directory: &Path, newest: &str) -> io::Result<bool> {
    match crashes(directory)?.into_iter().find(|(stem, _)| stem != newest) {
        Some((_, (_, paths))) => remove(&paths).map(|()| true),
        None => Ok(false),
    }
}

fn remove(paths: &[PathBuf]) -> io::Result<()> {
    paths.iter().try_for_each(fs::remove_file)
}

/// Size and files of each crash that is stored, the oldest first: names begin with the time, of ten digits.
fn crashes(directory: &Path) -> io::Result<BTreeMap<String, (u64, Vec<PathBuf>)>> {
    let mut crashes: BTreeMap<String, (u64, Vec<PathBuf>)> = BTreeMap::new();
    for entry in fs::read_dir(directory)?.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|n| n.starts_with(PREFIX)) else { continue };
        let known = [".core.zst", ".json", ".txt"].iter().find_map(|s| name.strip_suffix(s));
        if let (Some(stem), Ok(meta)) = (known, fs::symlink_metadata(entry.path()))
            && meta.is_file()
        {
            let crash = crashes.entry(stem.to_owned()).or_default();
            crash.0 = crash.0.saturating_add(meta.len());
            crash.1.push(entry.path());
        }
    }
    Ok(crashes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn the_oldest_go_first_and_nothing_else_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<String> = (1..=4).map(|t| stem(t, "py/../thon 3", 7)).collect();
        assert_eq!(names[0], "pyinquest-0000000001-py_.._thon_3-7");
        for name in &names {
            fs::write(dir.path().join(format!("{name}.core.zst")), [0; 1000]).unwrap();
            fs::write(dir.path().join(format!("{name}.txt")), [0; 10]).unwrap();
        }
        fs::write(dir.path().join("notes.txt"), b"mine").unwrap();
        make_room(dir.path(), &names[3], Limits { count: 3, bytes: 2500 }).unwrap();
        let mut left: Vec<String> =
            fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let want: Vec<String> = std::iter::once("notes.txt".to_owned())
            .chain(names[2..].iter().flat_map(|n| [format!("{n}.core.zst"), format!("{n}.txt")]))
            .collect();
        assert_eq!(left, want);
        // A full disk takes one crash after the other, the newest excepted.
        let dropped = [(), ()].map(|()| drop_oldest(dir.path(), &names[3]).unwrap());
        assert_eq!(dropped, [true, false]);
        assert!(dir.path().join(format!("{}.txt", names[3])).exists());
    }

    #[test]
    fn links_and_open_directories_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        prepare(&real).unwrap();
        assert_eq!(fs::metadata(&real).unwrap().mode() & 0o777, 0o700);
        let link = dir.path().join("link");
        symlink(&real, &link).unwrap();
        assert!(prepare(&link).unwrap_err().to_string().contains("not a directory"));
        fs::set_permissions(&real, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(prepare(&real).unwrap_err().to_string().contains("other users"));
        let victim = dir.path().join("victim");
        fs::write(&victim, b"keep").unwrap();
        let trap = dir.path().join("trap.txt");
        symlink(&victim, &trap).unwrap();
        slim::part_in(dir.path()).unwrap().persist(&trap).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"keep");
        assert_eq!(fs::symlink_metadata(&trap).unwrap().mode() & 0o777, 0o600);
    }
}
