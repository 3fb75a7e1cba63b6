//! A process of our own with fewer rights, for work on what others have made.

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Gid, Uid, fork, setgroups, setresgid, setresuid};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work` in a process of its own, which goes when we do, and comes back at once. Nobody waits for it: what it has to say goes
/// through files that were open before.
///
/// # Errors
/// The system's; [`io::ErrorKind::Unsupported`] where other threads of ours are under way, of which there would be none there.
pub fn in_child(work: impl FnOnce()) -> io::Result<()> {
    /// How a process ends whose work has failed in a way that it could not say.
    const FAILED: i32 = 101;
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: this is the only thread, so that no lock is held by one that the new process lacks.
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => Ok(()),
        ForkResult::Child => {
            let done = catch_unwind(AssertUnwindSafe(work));
            // SAFETY: the call only ends the process; what our parent has yet to write is not written twice.
            unsafe { libc::_exit(if done.is_ok() { 0 } else { FAILED }) }
        }
    }
}

/// Becomes another user for good, without groups besides and without any capability of root. A child of ours goes with its parent
/// from then on, and no process of that user may look into it (prctl(2), `PR_SET_DUMPABLE`).
///
/// # Errors
/// `EPERM` where we are not root, or a container keeps that from us.
pub fn become_user(user: u32, group: u32) -> Result<(), Errno> {
    setgroups(&[])?;
    let group = Gid::from_raw(group);
    setresgid(group, group, group)?;
    let user = Uid::from_raw(user);
    setresuid(user, user, user)?;
    // SAFETY: both calls take numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) })?;
    // SAFETY: as above.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) })?;
    Ok(())
}
