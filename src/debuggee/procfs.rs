//! What `/proc/PID` tells (Linux `proc(5)`).

use crate::base::Addr;
use crate::debuggee::Protection;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// One line of `/proc/PID/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapLine {
    /// First address.
    pub start: Addr,
    /// First address after it.
    pub end: Addr,
    /// Access rights.
    pub protection: Protection,
    /// Whether others see what is written there (`s`).
    pub shared: bool,
    /// Offset in the file, in bytes.
    pub file_offset: u64,
    /// Inode of the file; 0 for none.
    pub inode: u64,
    /// Path or a name in brackets; empty for anonymous memory. `" (deleted)"` is taken off.
    pub path: String,
    /// The file has been removed or replaced since it was mapped.
    pub deleted: bool,
}

/// The mapping that holds an address; `maps` are sorted.
pub fn map_at(maps: &[MapLine], addr: Addr) -> Option<&MapLine> {
    let before = maps.partition_point(|map| map.start <= addr);
    before.checked_sub(1).and_then(|at| maps.get(at)).filter(|map| addr < map.end)
}

/// `/proc/PID`.
pub fn dir(pid: i32) -> PathBuf {
    Path::new("/proc").join(pid.to_string())
}

/// The mappings of a process. Lines that make no sense are left out.
pub fn parse_maps(text: &[u8]) -> Vec<MapLine> {
    String::from_utf8_lossy(text).lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<MapLine> {
    let mut rest = line;
    let mut word = || {
        rest = rest.trim_start_matches(' ');
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = after;
        word
    };
    let (range, rights, offset, _device, inode) = (word(), word(), word(), word(), word());
    let (start, end) = range.split_once('-')?;
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    // Leading spaces only fill the column; a path may hold any others.
    let path = unescape(rest.trim_start_matches(' '));
    let (path, deleted) = match path.strip_suffix(" (deleted)") {
        Some(path) => (path.to_owned(), true),
        None => (path, false),
    };
    Some(MapLine {
        start: Addr(hex(start)?),
        end: Addr(hex(end)?),
        protection: Protection {
            read: rights.contains('r'),
            write: rights.contains('w'),
            execute: rights.contains('x'),
        },
        shared: rights.contains('s'),
        file_offset: hex(offset)?,
        inode: inode.parse().ok()?,
        path,
        deleted,
    })
}

/// The kernel writes a newline in a path as `\012`.
fn unescape(path: &str) -> String {
    path.replace("\\012", "\n")
}

/// A field of `/proc/PID/status`, without its name.
pub fn status_field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The id of a thread or process in its own (innermost) pid namespace: what the process itself knows it by, and what
/// a core says.
pub fn innermost_id(status: &str) -> Option<u64> {
    status_field(status, "NSpid")?.split_whitespace().next_back()?.parse().ok()
}

/// How many pid namespaces deep a process is, from here.
pub fn depth(status: &str) -> usize {
    status_field(status, "NSpid").map_or(0, |ids| ids.split_whitespace().count())
}

/// Instruction and stack pointer of a thread that waits in the kernel (`/proc/PID/task/TID/syscall`); `None` for a
/// running one.
pub fn blocked_at(task: &Path) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(task.join("syscall")).ok()?;
    let mut words = text.split_whitespace().rev().map(|w| u64::from_str_radix(w.strip_prefix("0x")?, 16).ok());
    let (ip, sp) = (words.next()??, words.next()??);
    (ip != 0 && sp != 0).then_some((ip, sp))
}

/// Where files of the process are found from here: `/proc/PID/root` for another mount namespace or root directory.
pub fn sysroot(pid: i32) -> Option<PathBuf> {
    let own = std::fs::read_link("/proc/self/ns/mnt").ok();
    let theirs = std::fs::read_link(dir(pid).join("ns/mnt")).ok();
    let root = std::fs::read_link(dir(pid).join("root")).ok();
    let elsewhere = root.is_some_and(|r| r != Path::new("/"));
    let other_namespace = own.is_some() && theirs.is_some() && own != theirs;
    (elsewhere || other_namespace).then(|| dir(pid).join("root"))
}

/// The directory that the process works in, as a path that leads there from here.
#[must_use]
pub fn working_directory(pid: i32) -> PathBuf {
    dir(pid).join("cwd")
}

/// When the process was started, by this host's clock.
#[must_use]
pub fn started(pid: i32) -> Option<SystemTime> {
    let ticks = start_ticks(pid)?;
    // `btime` of /proc/stat has whole seconds, in which a file may well be written and run.
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let up = Duration::try_from_secs_f64(uptime.split(' ').next()?.parse().ok()?).ok()?;
    // The unit of times in /proc is 1/100 s on all that Linux runs on (USER_HZ, time(7)); they are rounded down.
    let since_boot = Duration::from_millis(ticks.checked_add(1)?.checked_mul(10)?);
    SystemTime::now().checked_sub(up)?.checked_add(since_boot)
}

/// When the process was started, in clock ticks since boot: what distinguishes it from another one with its pid
/// (`/proc/PID/stat`, field 22; proc(5)).
#[must_use]
pub fn start_ticks(pid: i32) -> Option<u64> {
    let stat = read(&dir(pid).join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name of the command, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19)?.parse().ok()
}

/// User and group that started the process (real ids, proc_pid_status(5)).
#[must_use]
pub fn owner(pid: i32) -> Option<(u32, u32)> {
    let status = read(&dir(pid).join("status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let real = |name: &str| status_field(&status, name)?.split_whitespace().next()?.parse().ok();
    Some((real("Uid")?, real("Gid")?))
}

/// How many threads the process has now.
pub fn thread_count(pid: i32) -> usize {
    let status = read(&dir(pid).join("status")).unwrap_or_default();
    status_field(&String::from_utf8_lossy(&status), "Threads").and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// A mapping of more pages than this (16 GiB) is reserved rather than used: which of its pages are there is not asked.
#[cfg(all(feature = "live", target_os = "linux"))]
pub const MAX_PAGE_MAP: u64 = 1 << 22;
/// "page present", "page swapped" (proc_pid_pagemap(5)).
#[cfg(all(feature = "live", target_os = "linux"))]
pub const PAGE_IS_THERE: u64 = 3 << 62;

/// What the kernel says of `count` pages from page number `first` on, a word each (proc_pid_pagemap(5)).
///
/// # Errors
/// When it may not be read.
#[cfg(all(feature = "live", target_os = "linux"))]
pub fn page_map(pid: i32, first: u64, count: u64) -> io::Result<Vec<u64>> {
    use std::os::unix::fs::FileExt as _;
    const ENTRY: u64 = 8;
    let mut bytes = vec![0; usize::try_from(count.saturating_mul(ENTRY)).map_err(io::Error::other)?];
    std::fs::File::open(dir(pid).join("pagemap"))?.read_exact_at(&mut bytes, first.saturating_mul(ENTRY))?;
    Ok(bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).collect())
}

/// Whether a thread waits for a child that it made with `vfork` (`posix_spawn` and Python's `subprocess` do) to run a program
/// or to end: until then the kernel lets nobody stop it (`/proc/PID/task/TID/syscall`: number, arguments).
#[cfg(all(feature = "live", target_os = "linux"))]
pub fn waits_for_vfork(task: &Path) -> bool {
    use nix::libc;
    let Ok(text) = std::fs::read_to_string(task.join("syscall")) else { return false };
    let mut words = text.split_whitespace();
    let number: Option<i64> = words.next().and_then(|word| word.parse().ok());
    let flags = words.next().and_then(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    let vfork = u64::from(libc::CLONE_VFORK.cast_unsigned());
    #[cfg(target_arch = "x86_64")]
    if number == Some(libc::SYS_vfork) {
        return true;
    }
    // The flags of clone3 are in memory; but for its child nothing keeps it waiting.
    number == Some(libc::SYS_clone3) || number == Some(libc::SYS_clone) && flags.is_some_and(|f| f & vfork != 0)
}

/// A small file of `/proc/PID`, at most 64 MiB.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut out = Vec::new();
    std::fs::File::open(path)?.take(64 << 20).read_to_end(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_lines_keep_odd_paths() {
        let text = b"00400000-00401000 r-xp 00001000 08:01 42                         /a b/py  (x) (deleted)\n\
            7ffd0-7ffe0 rw-p 00000000 00:00 0   [stack]\n7f00-7f10 ---p 00000000 00:00 0 \nnonsense\n\
            1-2 r--p 0 0:0 7 /new\\012line\n";
        let maps = parse_maps(text);
        let paths: Vec<_> = maps.iter().map(|m| (m.path.as_str(), m.deleted, m.inode)).collect();
        assert_eq!(
            paths,
            [("/a b/py  (x)", true, 42), ("[stack]", false, 0), ("", false, 0), ("/new\nline", false, 7)]
        );
        assert_eq!(maps[0].file_offset, 0x1000);
        assert!(maps[0].protection.execute && !maps[0].protection.write && !maps[2].protection.read);
    }

    #[test]
    fn the_innermost_namespace_names_a_thread() {
        let status = "Name:\tpython\nNSpid:\t4711\t12\t1\nTracerPid:\t0\n";
        assert_eq!((innermost_id(status), depth(status)), (Some(1), 3));
        assert_eq!(status_field(status, "TracerPid"), Some("0"));
    }
}
