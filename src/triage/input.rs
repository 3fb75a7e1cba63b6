//! Which dumps to read: files, directories, patterns, and the members of tar archives, packed or not.

use super::read_dump;
use super::record::Label;
use crate::debuggee::compressed::Packing;
use crate::os::windows::streams;
use crate::sys::files;
use std::cell::Cell;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempPath;

/// A dump to read.
#[derive(Debug)]
pub struct Dump {
    /// The file.
    pub path: PathBuf,
    /// What it is called.
    pub label: Label,
    /// Keeps the file of an archive's member until the dump is read.
    pub unpacked: Option<TempPath>,
}

/// What was found instead of a dump.
#[derive(Debug)]
pub enum Found {
    /// A dump (or a file that was named outright).
    Dump(Dump),
    /// Something that cannot be read.
    Broken(Label, String),
    /// A part of an archive that was not unpacked in the time for one dump; what follows it there is not read either.
    Late(Label, String),
    /// A file in a directory or archive that is not a dump.
    Other,
}

/// Directories inside directories.
const DEPTH_LIMIT: usize = 32;
/// A member of an archive beyond this is not unpacked; a bomb would fill the disk.
const MEMBER_LIMIT: u64 = 64 << 30;
/// Bytes that tell what a file is.
const HEAD: usize = 512;

/// Expands patterns; a name that exists is taken as it is. A pattern without a match stays, to be reported as missing.
#[must_use]
pub fn expand(arguments: &[PathBuf]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for argument in arguments {
        let text = argument.to_string_lossy();
        let found: Vec<PathBuf> = match argument.exists() || !text.contains(['*', '?', '[']) {
            true => Vec::new(),
            false => glob::glob(&text).map(|paths| paths.filter_map(Result::ok).collect()).unwrap_or_default(),
        };
        match found.is_empty() {
            true => out.push(argument.clone()),
            false => out.extend(found),
        }
    }
    out.sort();
    out.dedup();
    out
}

/// Calls `each` for everything that the arguments name, archives unpacked member by member. Ends early when `each`
/// says so by returning false. `time` is how long one member of an archive may take. Links inside directories are followed to files, and not to directories, which could lead
/// round in circles; a file that has been read under its own name is not read again through a link.
pub fn visit(arguments: &[PathBuf], time: Duration, each: &mut dyn FnMut(Found) -> bool) -> bool {
    let mut walk = Walk { each, time, seen: HashSet::new(), links: Vec::new() };
    if !expand(arguments).iter().all(|path| walk.path(path, Reached::Named, 0)) {
        return false;
    }
    std::mem::take(&mut walk.links).iter().all(|link| walk.path(link, Reached::Link, 0))
}

/// How a path was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    Named,
    Inside,
    Link,
}

struct Walk<'e> {
    each: &'e mut dyn FnMut(Found) -> bool,
    /// For one member of an archive.
    time: Duration,
    /// Device and inode of files that were read.
    seen: HashSet<(u64, u64)>,
    /// Links inside of directories.
    links: Vec<PathBuf>,
}

impl Walk<'_> {
    fn path(&mut self, path: &Path, reached: Reached, depth: usize) -> bool {
        let named = reached == Reached::Named;
        let data = match if reached == Reached::Inside { fs::symlink_metadata(path) } else { fs::metadata(path) } {
            Ok(data) => data,
            Err(_) if reached == Reached::Link => return (self.each)(Found::Other),
            Err(error) => return (self.each)(Found::Broken(read_dump::label(path), error.to_string())),
        };
        if data.is_symlink() {
            self.links.push(path.to_owned());
            return true;
        }
        if data.is_dir() && reached == Reached::Link {
            return (self.each)(Found::Other);
        }
        if data.is_dir() {
            return self.directory(path, depth);
        }
        let seen = files::identity(&data).is_some_and(|file| data.is_file() && !self.seen.insert(file));
        if seen && reached == Reached::Link {
            return true;
        }
        match data.is_file() || named {
            true => visit_file(path, &data, named, self.time, self.each),
            false => (self.each)(Found::Other),
        }
    }

    fn directory(&mut self, path: &Path, depth: usize) -> bool {
        if depth >= DEPTH_LIMIT {
            return (self.each)(Found::Broken(read_dump::label(path), "directories are nested too deeply".to_owned()));
        }
        let mut inside: Vec<PathBuf> = match fs::read_dir(path) {
            Ok(entries) => entries.filter_map(Result::ok).map(|entry| entry.path()).collect(),
            Err(error) => return (self.each)(Found::Broken(read_dump::label(path), error.to_string())),
        };
        inside.sort();
        inside.iter().all(|path| self.path(path, Reached::Inside, depth.saturating_add(1)))
    }
}

fn visit_file(
    path: &Path,
    data: &fs::Metadata,
    named: bool,
    time: Duration,
    each: &mut dyn FnMut(Found) -> bool,
) -> bool {
    if !data.is_file() {
        return each(Found::Dump(plain(path)));
    }
    let head = match head(path) {
        Ok(head) => head,
        Err(error) => return each(Found::Broken(read_dump::label(path), error.to_string())),
    };
    match kind(&head, path) {
        Kind::Tar => archive(path, File::open(path), time, each),
        Kind::Packed => match unpack(path).and_then(|mut inside| read_head(&mut inside)) {
            Ok(head) if is_tar(&head) => archive(path, unpack(path), time, each),
            Ok(head) if named || is_dump(&head) => each(Found::Dump(plain(path))),
            Ok(_) => each(Found::Other),
            Err(error) if named || looks_like_dump(path) => {
                each(Found::Broken(read_dump::label(path), error.to_string()))
            }
            Err(_) => each(Found::Other),
        },
        Kind::Dump => each(Found::Dump(plain(path))),
        // A core that a full disk left empty is worth a word.
        Kind::Other if named || (data.len() == 0 && looks_like_dump(path)) => each(Found::Dump(plain(path))),
        Kind::Other => each(Found::Other),
    }
}

fn plain(path: &Path) -> Dump {
    Dump { path: path.to_owned(), label: read_dump::label(path), unpacked: None }
}

enum Kind {
    Dump,
    Tar,
    Packed,
    Other,
}

fn kind(head: &[u8], path: &Path) -> Kind {
    match () {
        () if is_tar(head) => Kind::Tar,
        () if Packing::is_compressed(head) => Kind::Packed,
        () if is_dump(head) || (looks_like_dump(path) && head.starts_with(b"\x7fELF")) => Kind::Dump,
        () => Kind::Other,
    }
}

/// An ELF core (`e_type` 4 in either byte order), a minidump, an apport report.
fn is_dump(head: &[u8]) -> bool {
    let elf_core = head.starts_with(b"\x7fELF") && matches!(head.get(16..18), Some([4, 0] | [0, 4]));
    elf_core || head.starts_with(streams::MAGIC) || Packing::detect(head) == Packing::Apport
}

/// Whether the file begins as a dump does.
#[must_use]
pub fn is_dump_file(path: &Path) -> bool {
    head(path).is_ok_and(|head| is_dump(&head))
}

/// `ustar` at offset 257 (POSIX.1-2001 pax, "ustar Interchange Format").
fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

fn looks_like_dump(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    name == "core" || name.starts_with("core.") || name.contains(".core") || name.contains(".dmp")
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    read_head(&mut File::open(path)?)
}

fn read_head(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    from.take(u64::try_from(HEAD).unwrap_or(0)).read_to_end(&mut head)?;
    Ok(head)
}

/// A stream of what a packed file holds.
fn unpack(path: &Path) -> io::Result<Box<dyn Read>> {
    let head = head(path)?;
    let file = io::BufReader::new(File::open(path)?);
    Ok(match head.first() {
        Some(0x1f) => Box::new(flate2::read::MultiGzDecoder::new(file)),
        Some(0x28) => Box::new(zstd::Decoder::new(file)?),
        Some(0xfd) => Box::new(lzma_rust2::XzReader::new(file, true)),
        _ => Box::new(lz4_flex::frame::FrameDecoder::new(file)),
    })
}

/// A stream that fails when the time is over.
struct Timed<R> {
    stream: R,
    until: Rc<Cell<Option<Instant>>>,
}

impl<R: Read> Read for Timed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.until.get() {
            Some(until) if Instant::now() >= until => Err(io::ErrorKind::TimedOut.into()),
            _ => self.stream.read(buf),
        }
    }
}

/// Everything in a tar archive. Each member (unpacked, or passed over) has so much time.
pub(crate) fn archive(
    path: &Path,
    stream: io::Result<impl Read>,
    time: Duration,
    each: &mut dyn FnMut(Found) -> bool,
) -> bool {
    let broken = |error: &io::Error| {
        let label = read_dump::label(path);
        match error.kind() {
            io::ErrorKind::TimedOut => {
                let seconds = time.as_secs_f32();
                let text =
                    format!("archive: a member was not unpacked after {seconds} s (--timeout); the rest is not read");
                Found::Late(label, text)
            }
            _ => Found::Broken(label, format!("archive: {error}")),
        }
    };
    let until = Rc::new(Cell::new(None));
    let wind = || until.set(Instant::now().checked_add(time));
    let mut tar = match stream {
        Ok(stream) => tar::Archive::new(Timed { stream, until: Rc::clone(&until) }),
        Err(error) => return each(broken(&error)),
    };
    let mut entries = match tar.entries() {
        Ok(entries) => entries,
        Err(error) => return each(broken(&error)),
    };
    loop {
        wind();
        let Some(entry) = entries.next() else { break };
        let found = match entry {
            Ok(mut entry) if entry.header().entry_type().is_file() => member(path, &mut entry),
            Ok(_) => Ok(Found::Other),
            Err(error) => {
                // What follows damage in an archive cannot be found any more.
                each(broken(&error));
                return true;
            }
        };
        let found = found.unwrap_or_else(|error| broken(&error));
        let late = matches!(found, Found::Late(..));
        if !each(found) {
            return false;
        }
        if late {
            break;
        }
    }
    true
}

fn member<R: Read>(archive: &Path, entry: &mut tar::Entry<'_, R>) -> io::Result<Found> {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let size = entry.size();
    let seconds = entry.header().mtime().unwrap_or(0);
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH);
    let seen = (seconds > 0).then(|| read_dump::time_text(time));
    let label = Label { dump: format!("{}::{name}", archive.display()), size: Some(size), seen };
    let start = read_head(entry)?;
    let own = Path::new(&name);
    match kind(&start, own) {
        Kind::Dump => {}
        Kind::Packed if looks_like_dump(own) => {}
        Kind::Other if start.is_empty() && looks_like_dump(own) => {}
        _ => return Ok(Found::Other),
    }
    if size > MEMBER_LIMIT {
        return Ok(Found::Broken(label, "too large to be unpacked".to_owned()));
    }
    let mut file = tempfile::Builder::new().prefix("pyinquest-").tempfile()?;
    file.write_all(&start)?;
    io::copy(entry, &mut file)?;
    file.as_file().set_modified(time)?;
    let unpacked = file.into_temp_path();
    Ok(Found::Dump(Dump { path: unpacked.to_path_buf(), label, unpacked: Some(unpacked) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[PathBuf]) -> Vec<String> {
        let mut out = Vec::new();
        visit(arguments, Duration::MAX, &mut |found| {
            out.push(match found {
                Found::Dump(dump) => {
                    assert!(dump.path.exists());
                    format!("dump {}", dump.label.dump.rsplit('/').next().unwrap())
                }
                Found::Broken(label, _) => format!("broken {}", label.dump.rsplit('/').next().unwrap()),
                Found::Late(label, _) => format!("late {}", label.dump.rsplit('/').next().unwrap()),
                Found::Other => "other".to_owned(),
            });
            true
        });
        out
    }

    fn core() -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0\x3e\0".to_vec();
        bytes.resize(2000, 7);
        bytes
    }

    fn tar_of(names: &[&str]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for name in names {
            let body = if name.ends_with("txt") { b"hello".to_vec() } else { core() };
            let mut header = tar::Header::new_ustar();
            header.set_size(body.len() as u64);
            header.set_mtime(1_700_000_000);
            header.set_mode(0o600);
            builder.append_data(&mut header, name, body.as_slice()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn directories_patterns_and_archives() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("sub/core.1"), core()).unwrap();
        fs::write(at("core.2"), core()).unwrap();
        fs::write(at("notes.txt"), "x").unwrap();
        fs::write(at("core"), "").unwrap();
        fs::write(at("x.tar"), tar_of(&["a/core", "b/readme.txt"])).unwrap();
        fs::write(at("y.tar.zst"), zstd::encode_all(tar_of(&["core.9"]).as_slice(), 1).unwrap()).unwrap();
        fs::write(at("z.core.zst"), zstd::encode_all(core().as_slice(), 1).unwrap()).unwrap();
        std::os::unix::fs::symlink(dir.path(), at("loop")).unwrap();
        // One to a file that is read anyway, one to a file elsewhere, one to nothing.
        std::os::unix::fs::symlink(at("core.2"), at("again")).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("x"), core()).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join("x"), at("linked")).unwrap();
        std::os::unix::fs::symlink("nothing", at("dangling")).unwrap();
        assert_eq!(
            names(&[dir.path().to_owned()]),
            [
                "dump core",
                "dump core.2",
                "other",
                "dump core.1",
                "dump core",
                "other",
                "dump y.tar.zst::core.9",
                "dump z.core.zst",
                "other",
                "dump linked",
                "other"
            ]
        );
        assert_eq!(names(&[at("core.*"), at("none*")]), ["dump core.2", "broken none*"]);
        assert_eq!(names(&[at("notes.txt")]), ["dump notes.txt"]);
    }

    /// An endless member, and one that is passed over, take the time of one dump.
    #[test]
    fn a_member_has_the_time_of_a_dump() {
        for name in ["core.1", "data.bin"] {
            let mut header = tar::Header::new_ustar();
            header.set_path(name).unwrap();
            header.set_size(1 << 40);
            header.set_mode(0o600);
            header.set_cksum();
            let start = if name == "core.1" { core() } else { vec![1; 512] };
            // Zeros take time and, in a file that is not sparse, room: little by little.
            let slow = SlowZeros;
            let stream = Ok(io::Cursor::new([header.as_bytes().to_vec(), start].concat()).chain(slow));
            let mut found = Vec::new();
            let start = Instant::now();
            archive(Path::new("x.tar"), stream, Duration::from_millis(200), &mut |one| {
                found.push(one);
                true
            });
            assert!(start.elapsed() < Duration::from_secs(5));
            let last = found.pop();
            assert!(matches!(&last, Some(Found::Late(label, _)) if label.dump == "x.tar"), "{name}: {last:?}");
        }
    }

    struct SlowZeros;

    impl Read for SlowZeros {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(1));
            buf.fill(0);
            Ok(buf.len())
        }
    }

    #[test]
    fn a_damaged_archive_gives_what_comes_before_the_damage() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = tar_of(&["core.1", "core.2"]);
        bytes.truncate(512 + 2048 + 700);
        fs::write(dir.path().join("x.tar"), &bytes).unwrap();
        let found = names(&[dir.path().join("x.tar")]);
        assert_eq!(found.first().map(String::as_str), Some("dump x.tar::core.1"));
        assert!(found.iter().any(|f| f == "broken x.tar"), "{found:?}");
    }
}
