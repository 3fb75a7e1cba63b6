//! Which thread of the operating system a thread state of CPython belongs to.

use crate::base::Abi;
use crate::cpython::runtime::ThreadState;
use crate::target::{MemoryExt as _, Target};
use std::collections::HashSet;

/// Bytes of the C library's thread structure that are looked at (glibc keeps the id at 0x2d0 on x86-64).
const THREAD_STRUCT: u64 = 0x400;

/// The operating system's ids of Python threads.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadIds<'a> {
    target: &'a Target,
    /// Where the C library keeps the id, from the `pthread_t` on; `None` when that is not needed or not known.
    offset: Option<u64>,
}

impl<'a> ThreadIds<'a> {
    /// For these thread states of one process.
    pub fn new(target: &'a Target, threads: &[ThreadState]) -> Self {
        let known = ThreadIds { target, offset: None };
        let idents: Vec<u64> = threads.iter().filter(|t| known.of(t).is_none()).map(|t| t.ident).collect();
        ThreadIds { target, offset: offset_of_id(target, &idents) }
    }

    /// CPython's own record (3.11+); else the thread whose TLS base is the `pthread_t` (glibc: `pthread_self()` is the
    /// TLS base on x86-64); else, where a dump has no TLS base (minidumps), what the C library's structure says.
    pub fn of(&self, thread: &ThreadState) -> Option<u64> {
        let target = self.target;
        let recorded = thread.native_id.filter(|id| target.threads.is_empty() || target.thread(*id).is_some());
        let by_tls = || {
            let found = target.threads.iter().find(|t| t.tls_base.is_some_and(|base| base.0 == thread.ident));
            found.map(|t| t.tid)
        };
        let by_ident = || target.thread(thread.ident).map(|t| t.tid);
        let by_struct = || {
            let at = thread.ident.checked_add(self.offset?)?;
            let id = target.memory.read_uint(&target.abi, at.into(), 4).ok()?;
            target.thread(id).map(|t| t.tid)
        };
        recorded.or_else(by_tls).or_else(by_ident).or_else(by_struct)
    }
}

/// The offset at which every thread structure holds the id of another thread of the process.
fn offset_of_id(target: &Target, idents: &[u64]) -> Option<u64> {
    let abi: &Abi = &target.abi;
    let structs: Vec<Vec<u8>> =
        idents.iter().filter_map(|at| target.memory.read_vec((*at).into(), THREAD_STRUCT).ok()).collect();
    if structs.is_empty() {
        return None;
    }
    (0..THREAD_STRUCT).step_by(4).find(|offset| {
        let mut ids = HashSet::new();
        let from = usize::try_from(*offset).unwrap_or(usize::MAX);
        structs.iter().all(|bytes| {
            let id = bytes.get(from..from.saturating_add(4)).map(|b| abi.uint(b));
            id.is_some_and(|id| target.thread(id).is_some() && ids.insert(id))
        })
    })
}
