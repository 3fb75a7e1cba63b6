//! Why a process cannot be looked at, in words that help.

use crate::debuggee::TargetError;
use crate::debuggee::procfs::{dir, read, status_field};
use nix::errno::Errno;

const SCOPE: &str = "/proc/sys/kernel/yama/ptrace_scope";

/// The error for `pid` of which a file in `/proc` could not be read.
pub fn refused_io(pid: i32, error: &std::io::Error) -> TargetError {
    refused(pid, Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}

/// The error for `pid`, with the reason that the system shows.
pub fn refused(pid: i32, errno: Errno) -> TargetError {
    let error = |what: String, help| TargetError::Process { pid, what, help };
    let Ok(status) = read(&dir(pid).join("status")) else {
        let help = "pids are of the namespace that pyinquest runs in; `ps -e` lists them";
        return error("there is no such process".to_owned(), Some(help));
    };
    let status = String::from_utf8_lossy(&status).into_owned();
    let state = status_field(&status, "State").unwrap_or_default();
    if state.starts_with(['Z', 'X']) {
        return error("the process has ended and only waits for its parent".to_owned(), None);
    }
    if status_field(&status, "VmSize").is_none() {
        return error("a kernel thread has no memory of its own".to_owned(), None);
    }
    if let Some(tracer) = status_field(&status, "TracerPid").filter(|t| *t != "0") {
        let name = tracer.parse().ok().and_then(|t: i32| read(&dir(t).join("comm")).ok()).unwrap_or_default();
        let name = String::from_utf8_lossy(&name).trim().to_owned();
        let help = "a process has one tracer at a time: end that one, or use --no-stop";
        return error(format!("pid {tracer} ({name}) traces it already"), Some(help));
    }
    if !matches!(errno, Errno::EPERM | Errno::EACCES) {
        return error(errno.desc().to_owned(), None);
    }
    let owner = status_field(&status, "Uid").and_then(|f| f.split_whitespace().next()).unwrap_or("?").to_owned();
    let own = nix::unistd::geteuid();
    if !own.is_root() && owner != own.to_string() {
        let help = "run pyinquest as that user or as root (sudo)";
        return error(format!("not permitted: it belongs to uid {owner}, you are uid {own}"), Some(help));
    }
    let (what, help) = forbidden(std::fs::read_to_string(SCOPE).unwrap_or_default().trim());
    error(what, Some(help))
}

/// Why a process of our own user, or any one for root, may not be traced, and what helps; `scope` is what the Yama
/// security module says, empty without it.
fn forbidden(scope: &str) -> (String, &'static str) {
    let set = |why: &str| format!("not permitted: {SCOPE} is {scope}, so {why}");
    match scope {
        "1" => (
            set("only its parent may trace it"),
            "run as root (sudo), give pyinquest CAP_SYS_PTRACE, or set kernel.yama.ptrace_scope to 0",
        ),
        "2" => (set("tracing takes CAP_SYS_PTRACE"), "run as root (sudo) or give pyinquest CAP_SYS_PTRACE"),
        "3" => (
            set("nobody may trace"),
            "take a core instead; the setting can only be changed by a restart of the machine",
        ),
        _ => (
            "not permitted".to_owned(),
            "it may have changed its user, be set-uid or non-dumpable; in a container give it CAP_SYS_PTRACE \
             (docker run --cap-add=SYS_PTRACE) or run pyinquest on the host",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_of_yama_has_its_own_way_out() {
        let said = ["", "0", "1", "2", "3"].map(forbidden);
        for ((what, help), (setting, way)) in said.iter().zip([
            ("", "container"),
            ("", "container"),
            ("is 1", "to 0"),
            ("is 2", "CAP_"),
            ("is 3", "core"),
        ]) {
            assert!(
                what.starts_with("not permitted") && what.contains(setting) && help.contains(way),
                "{what}: {help}"
            );
        }
    }
}
