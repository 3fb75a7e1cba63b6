//! What this process may use of the host.

/// At most so many bytes of data from now on, and no core of ours: it would be taken for one of those that are read. Where
/// the host has no such limits, none.
#[cfg(unix)]
pub fn limit_memory(bytes: u64) {
    use nix::sys::resource::{Resource, setrlimit};
    // A limit that cannot be set is no reason not to work.
    let _ = setrlimit(Resource::RLIMIT_DATA, bytes, bytes);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}

/// Of this host none is set.
#[cfg(not(unix))]
pub fn limit_memory(_: u64) {}
