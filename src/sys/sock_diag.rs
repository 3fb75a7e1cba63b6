//! The kernel's table of sockets.

use nix::errno::Errno;
use nix::libc;
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

/// A connection to the part of the kernel that tells about sockets (sock_diag(7)): what is written to it is a question, what is
/// read from it the answer.
///
/// # Errors
/// The system's, where containers keep it from us.
pub fn sock_diag() -> io::Result<File> {
    // SAFETY: the call takes numbers only.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_SOCK_DIAG) };
    let fd = Errno::result(fd)?;
    // SAFETY: it was opened above, and nobody else knows it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(fd) }))
}
