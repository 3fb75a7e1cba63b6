//! Why a process cannot be looked at, in words that help.

use super::procfs::{dir, read, status_field};
use crate::target::TargetError;
use nix::errno::Errno;

const SCOPE: &str = "/proc/sys/kernel/yama/ptrace_scope";

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
    let scope = std::fs::read_to_string(SCOPE).unwrap_or_default();
    match scope.trim() {
        "1" => {
            let help = "run as root (sudo), give pyinquest CAP_SYS_PTRACE, or set kernel.yama.ptrace_scope to 0";
            error(format!("not permitted: {SCOPE} is 1, so only its parent may trace it"), Some(help))
        }
        "2" => {
            let help = "run as root (sudo) or give pyinquest CAP_SYS_PTRACE";
            error(format!("not permitted: {SCOPE} is 2, so tracing takes CAP_SYS_PTRACE"), Some(help))
        }
        "3" => {
            let help = "take a core instead; the setting can only be changed by a restart of the machine";
            error(format!("not permitted: {SCOPE} is 3, so nobody may trace"), Some(help))
        }
        _ => {
            let help = "it may have changed its user, be set-uid or non-dumpable; in a container give it \
                        CAP_SYS_PTRACE (docker run --cap-add=SYS_PTRACE) or run pyinquest on the host";
            error("not permitted".to_owned(), Some(help))
        }
    }
}
