//! Processes of this host by their relations and command lines (`/proc`).

use crate::debuggee::procfs::read;
use std::collections::HashMap;
use std::path::Path;

/// Processes that are listed at most.
const MAX_PROCESSES: usize = 1 << 20;
/// Longest command line that is compared, in bytes.
const MAX_COMMAND: usize = 64 << 10;

fn pids() -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let names = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut pids: Vec<i32> = names.take(MAX_PROCESSES).collect();
    pids.sort_unstable();
    pids
}

/// Parent of a process (`/proc/PID/stat`, field 4; proc(5)).
fn parent(pid: i32) -> Option<i32> {
    let stat = read(&Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name of the command, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// A process and all that it started, straight or by way of others, parents first.
#[must_use]
pub fn with_descendants(pid: i32) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for one in pids() {
        if let Some(parent) = parent(one) {
            children.entry(parent).or_default().push(one);
        }
    }
    let mut found = vec![pid];
    let mut at = 0;
    // Taken out of the map, so that no process is found twice.
    while let Some(parent) = found.get(at).copied() {
        found.extend(children.remove(&parent).into_iter().flatten());
        at = at.saturating_add(1);
    }
    found
}

/// Processes but this one whose command line (its words with spaces between) `wanted` takes.
#[must_use]
pub fn by_command(wanted: impl Fn(&str) -> bool) -> Vec<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let matches = |pid: &i32| {
        let words = read(&Path::new("/proc").join(pid.to_string()).join("cmdline")).unwrap_or_default();
        let words = words.get(..words.len().min(MAX_COMMAND)).unwrap_or_default();
        let line = String::from_utf8_lossy(words).replace('\0', " ");
        !line.is_empty() && wanted(line.trim_end())
    };
    pids().into_iter().filter(|pid| *pid != own).filter(matches).collect()
}
