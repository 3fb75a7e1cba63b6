//! Which thread of the operating system a thread state of CPython belongs to.

use crate::base::Abi;
use crate::cpython::runtime::ThreadState;
use crate::debuggee::{MemoryExt as _, Target};
use std::collections::HashSet;
use std::sync::OnceLock;

/// Bytes of the C library's thread structure that are examined (glibc keeps the id at 0x2d0 on x86-64).
const THREAD_STRUCT: u64 = 0x400;

/// The operating system's ids of Python threads.
#[derive(Debug, Default)]
pub(super) struct ThreadIds {
    /// Of the threads whose ids neither CPython nor the target tells, without repetitions: a thread has a state in each
    /// interpreter that it has entered.
    idents: HashSet<u64>,
    /// Where the C library keeps the id, from the `pthread_t` on, once it was looked for; `None` when it is not known.
    offset: OnceLock<Option<u64>>,
}

impl ThreadIds {
    /// For these thread states of one process.
    pub fn new<'t>(target: &Target, threads: impl IntoIterator<Item = &'t ThreadState>) -> Self {
        let mut known = ThreadIds::default();
        known.idents = threads.into_iter().filter(|t| known.told(target, t).is_none()).map(|t| t.ident).collect();
        known
    }

    /// What CPython or the target tells; else, where a target has no TLS base (minidumps, some lldb), what the C
    /// library's structure says.
    #[must_use]
    pub fn of(&self, target: &Target, thread: &ThreadState) -> Option<u64> {
        self.told(target, thread).or_else(|| {
            let at = thread.ident.checked_add((*self.offset.get_or_init(|| self.look_for_offset(target)))?)?;
            let id = target.memory.read_uint(&target.abi, at.into(), 4).ok()?;
            target.thread(id).map(|t| t.tid)
        })
    }

    /// CPython's own record (3.11+); else the thread whose TLS base is the `pthread_t` (glibc: `pthread_self()` is the
    /// TLS base on x86-64). Costs no reads.
    #[must_use]
    pub fn told(&self, target: &Target, thread: &ThreadState) -> Option<u64> {
        let recorded = thread.native_id.filter(|id| target.threads.is_empty() || target.thread(*id).is_some());
        let by_tls = || target.thread_by_tls(thread.ident.into()).map(|t| t.tid);
        let by_ident = || target.thread(thread.ident).map(|t| t.tid);
        recorded.or_else(by_tls).or_else(by_ident)
    }

    /// The offset at which every thread structure holds the id of another thread of the process.
    fn look_for_offset(&self, target: &Target) -> Option<u64> {
        let abi: &Abi = &target.abi;
        let read = |at: &u64| target.memory.read_vec((*at).into(), THREAD_STRUCT).ok();
        let structs: Vec<Vec<u8>> = self.idents.iter().filter_map(read).collect();
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
}
