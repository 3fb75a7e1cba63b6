//! Runs a command and finds the cores that it and its children leave.

use super::input;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Where the kernel puts cores: `/proc/sys/kernel/core_pattern` and `core_uses_pid` (core(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorePattern {
    /// Into the working directory of the process that died: a name with `%` specifiers.
    Beside(String),
    /// Into a directory: that, and a name with specifiers.
    Directory(PathBuf, String),
    /// To a program.
    Piped(String),
    /// No core is written.
    Off,
}

impl CorePattern {
    /// What this machine does.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let read = |name: &str| fs::read_to_string(Path::new("/proc/sys/kernel").join(name)).unwrap_or_default();
        Self::parse(read("core_pattern").trim_end_matches('\n'), read("core_uses_pid").trim() == "1")
    }

    /// From the texts of the two files.
    #[must_use]
    pub fn parse(pattern: &str, uses_pid: bool) -> Self {
        if let Some(program) = pattern.strip_prefix('|') {
            return CorePattern::Piped(program.to_owned());
        }
        // The kernel appends the pid only where the pattern does not have it.
        let name = match (pattern.is_empty(), uses_pid && !pattern.contains("%p")) {
            (true, false) => return CorePattern::Off,
            (_, true) => format!("{pattern}.%p"),
            (_, false) => pattern.to_owned(),
        };
        match name.rsplit_once('/') {
            Some((directory, name)) if directory.starts_with('/') || directory.is_empty() => {
                CorePattern::Directory(PathBuf::from(format!("{directory}/")), name.to_owned())
            }
            Some((_, name)) => CorePattern::Beside(name.to_owned()),
            None => CorePattern::Beside(name),
        }
    }

    /// What the user should know before the command runs.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let set = "as root: sysctl -w kernel.core_pattern=core.%p (for the whole machine; in a container, on its host)";
        match self {
            CorePattern::Off => Some(format!("kernel.core_pattern is empty, so no core will be written; {set}")),
            CorePattern::Piped(program) => {
                let first = program.split_whitespace().next().unwrap_or(program);
                let where_to = match first.rsplit('/').next() {
                    Some("systemd-coredump") => "; its dumps are in coredumpctl",
                    Some("apport") => "; its reports are in /var/crash",
                    _ => "",
                };
                Some(format!("kernel.core_pattern hands cores to {first}, so none will be found here{where_to}; {set}"))
            }
            CorePattern::Beside(name) if !name.contains("%p") && !name.contains("%t") => Some(format!(
                "kernel.core_pattern is {name:?}: of several cores in one directory only the last stays; {set}"
            )),
            CorePattern::Beside(_) | CorePattern::Directory(..) => None,
        }
    }

    /// Whether a file may be a core by its name.
    fn fits(&self, name: &str) -> bool {
        let (CorePattern::Beside(pattern) | CorePattern::Directory(_, pattern)) = self else { return false };
        let mut glob = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => match chars.next() {
                    Some('%') => glob.push('%'),
                    _ => glob.push('*'),
                },
                '*' | '?' | '[' => glob.push_str(&format!("[{c}]")),
                _ => glob.push(c),
            }
        }
        glob::Pattern::new(&glob).is_ok_and(|p| p.matches(name))
    }
}

/// How the command ended, and what it left.
#[derive(Debug)]
pub struct Ran {
    /// Exit status of the command.
    pub status: ExitStatus,
    /// Cores, sorted by name.
    pub cores: Vec<PathBuf>,
    /// What to tell the user.
    pub notes: Vec<String>,
}

/// Most files that are examined when cores are searched.
const FILES_LIMIT: usize = 500_000;
const DEPTH_LIMIT: usize = 24;
/// File systems keep times as coarse as this.
const CLOCK_GRAIN: Duration = Duration::from_secs(2);

/// Runs the command with core dumps allowed, and collects cores from its working directory and the directories below, from
/// the directory for temporary files, from that of the core pattern, and from `directories`.
///
/// # Errors
/// When the command cannot be started.
pub fn run(command: &[OsString], directories: &[PathBuf]) -> io::Result<Ran> {
    let Some((program, arguments)) = command.split_first() else { return Err(io::Error::other("no command")) };
    let mut notes = allow_cores();
    let pattern = CorePattern::of_this_machine();
    let begin = SystemTime::now().checked_sub(CLOCK_GRAIN).unwrap_or(SystemTime::UNIX_EPOCH);
    let roots = roots(&pattern, directories);
    let before = find(&pattern, &roots, SystemTime::UNIX_EPOCH);

    let status = run_as_a_shell(Command::new(program).args(arguments))?;

    let mut cores = find(&pattern, &roots, begin);
    // One that was there is new only if it was written again.
    cores.retain(|core| !before.contains(core) || modified(core).is_some_and(|time| time >= begin));
    if let Some(advice) = pattern.advice() {
        notes.push(advice);
    }
    Ok(Ran { status, cores, notes })
}

/// Raises the soft limit of core files to the hard limit.
fn allow_cores() -> Vec<String> {
    let limits = getrlimit(Resource::RLIMIT_CORE);
    let raised = limits.and_then(|(_, hard)| setrlimit(Resource::RLIMIT_CORE, hard, hard).map(|()| hard));
    match raised {
        Ok(0) => vec!["the hard limit of core files is 0 (ulimit -Hc): no core will be written".to_owned()],
        Ok(_) => Vec::new(),
        Err(error) => vec![format!("core files could not be allowed: {error}")],
    }
}

/// What is passed on to the command: signals that ask to end, and the two that programs give a meaning of their own.
const PASSED_ON: [Signal; 6] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1, Signal::SIGUSR2];

/// Runs a command to its end as a shell would: it has our signal mask, dispositions, process group and terminal, and what
/// a terminal sends reaches it directly, once. Signals that are sent to us alone are passed on.
fn run_as_a_shell(command: &mut Command) -> io::Result<ExitStatus> {
    // First, so that the command has the mask that we were given.
    let mut child = command.spawn()?;
    let signals: SigSet = PASSED_ON.into_iter().collect();
    let before = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let over = Arc::new(Mutex::new(false));
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    pass_on(SignalFd::new(&signals)?, pid, &over);
    // As long as it is not waited for, its number is its own.
    while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
    *over.lock().unwrap_or_else(PoisonError::into_inner) = true;
    let status = child.wait();
    // From here on signals are for us, and for the workers of the triage.
    before.thread_set_mask()?;
    status
}

/// Passes on what is sent to us. A terminal sends to the whole process group: the command has that already.
fn pass_on(signals: SignalFd, child: Pid, over: &Arc<Mutex<bool>>) {
    let over = Arc::clone(over);
    std::thread::spawn(move || {
        while let Ok(Some(info)) = signals.read_signal() {
            let Some(signal) = i32::try_from(info.ssi_signo).ok().and_then(|n| Signal::try_from(n).ok()) else {
                continue;
            };
            let over = over.lock().unwrap_or_else(PoisonError::into_inner);
            if *over {
                std::process::exit(128_i32.saturating_add(signal as i32));
            }
            if info.ssi_code != SI_KERNEL {
                // A child that has just ended needs no signal.
                let _ = kill(child, signal);
            }
        }
    });
}

/// `si_code` of signals that the kernel itself sends, as for a key at a terminal (sigaction(2)).
const SI_KERNEL: i32 = 0x80;

fn roots(pattern: &CorePattern, directories: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots = match pattern {
        CorePattern::Directory(directory, _) => vec![directory.clone()],
        CorePattern::Beside(_) => {
            [std::env::current_dir().ok(), Some(std::env::temp_dir())].into_iter().flatten().collect()
        }
        CorePattern::Piped(_) | CorePattern::Off => Vec::new(),
    };
    roots.extend(directories.iter().cloned());
    let all = roots.clone();
    roots.retain(|root| !all.iter().any(|other| other != root && root.starts_with(other)));
    roots.sort();
    roots.dedup();
    roots
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// Cores by name, by time, and by what they are.
fn find(pattern: &CorePattern, roots: &[PathBuf], since: SystemTime) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut left = FILES_LIMIT;
    let mut directories: Vec<(PathBuf, usize)> = roots.iter().map(|r| (r.clone(), 0)).collect();
    while let Some((directory, depth)) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let Some(rest) = left.checked_sub(1) else { return sorted(out) };
            left = rest;
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if kind.is_dir() && depth < DEPTH_LIMIT && !matches!(&*name, ".git" | "node_modules" | "__pycache__") {
                directories.push((entry.path(), depth.saturating_add(1)));
            } else if kind.is_file()
                && pattern.fits(&name)
                && modified(&entry.path()).is_some_and(|time| time >= since)
                && input::is_dump_file(&entry.path())
            {
                out.push(entry.path());
            }
        }
    }
    sorted(out)
}

fn sorted(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths.dedup();
    paths
}

/// The status as a shell gives it: the code, or 128 and the signal.
#[must_use]
pub fn shell_status(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|s| s.saturating_add(128)));
    code.and_then(|c| u8::try_from(c).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_the_kernel() {
        assert_eq!(CorePattern::parse("core", false), CorePattern::Beside("core".into()));
        assert_eq!(CorePattern::parse("core", true), CorePattern::Beside("core.%p".into()));
        assert_eq!(CorePattern::parse("core.%p", true), CorePattern::Beside("core.%p".into()));
        assert_eq!(CorePattern::parse("", false), CorePattern::Off);
        assert_eq!(
            CorePattern::parse("/var/crash/%e.%p", false),
            CorePattern::Directory("/var/crash/".into(), "%e.%p".into())
        );
        let piped = CorePattern::parse("|/usr/lib/systemd/systemd-coredump %P", false);
        assert!(piped.advice().unwrap().contains("coredumpctl"));
        assert!(CorePattern::parse("core", false).advice().unwrap().contains("only the last"));
        assert_eq!(CorePattern::parse("core.%p", false).advice(), None);
    }

    #[test]
    fn names_of_cores() {
        let pattern = CorePattern::parse("core.%e.%p", false);
        assert!(pattern.fits("core.python3.17"));
        assert!(!pattern.fits("core"));
        assert!(!pattern.fits("score.a.b"));
    }
}
