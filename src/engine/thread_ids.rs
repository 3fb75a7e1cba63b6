//! Which thread of the operating system a thread state of CPython belongs to.

use crate::base::Abi;
use crate::cpython::runtime::ThreadState;
use crate::debuggee::{MemoryExt as _, Target};
use std::cell::OnceCell;
use std::collections::HashSet;

/// Bytes of the C library's thread structure that are looked at (glibc keeps the id at 0x2d0 on x86-64).
const THREAD_STRUCT: u64 = 0x400;

/// The operating system's ids of Python threads.
#[derive(Clone, Debug)]
pub struct ThreadIds<'a> {
    target: &'a Target,
    /// Of the threads whose ids neither CPython nor the target tells, without repetitions: a thread has a state in each
    /// interpreter that it has entered.
    idents: HashSet<u64>,
    /// Where the C library keeps the id, from the `pthread_t` on, once it was looked for; `None` when it is not known.
    offset: OnceCell<Option<u64>>,
}

impl<'a> ThreadIds<'a> {
    /// For these thread states of one process.
    pub fn new<'t>(target: &'a Target, threads: impl IntoIterator<Item = &'t ThreadState>) -> Self {
        let mut known = ThreadIds { target, idents: HashSet::new(), offset: OnceCell::new() };
        known.idents = threads.into_iter().filter(|t| known.told(t).is_none()).map(|t| t.ident).collect();
        known
    }

    /// What CPython or the target tells; else, where a target has no TLS base (minidumps, some lldb), what the C
    /// library's structure says.
    #[must_use]
    pub fn of(&self, thread: &ThreadState) -> Option<u64> {
        self.told(thread).or_else(|| {
            let at = thread.ident.checked_add((*self.offset.get_or_init(|| self.look_for_offset()))?)?;
            let id = self.target.memory.read_uint(&self.target.abi, at.into(), 4).ok()?;
            self.target.thread(id).map(|t| t.tid)
        })
    }

    /// CPython's own record (3.11+); else the thread whose TLS base is the `pthread_t` (glibc: `pthread_self()` is the
    /// TLS base on x86-64). Costs no reads.
    #[must_use]
    pub fn told(&self, thread: &ThreadState) -> Option<u64> {
        let target = self.target;
        let recorded = thread.native_id.filter(|id| target.threads.is_empty() || target.thread(*id).is_some());
        let by_tls = || {
            let found = target.threads.iter().find(|t| t.tls_base.is_some_and(|base| base.0 == thread.ident));
            found.map(|t| t.tid)
        };
        let by_ident = || target.thread(thread.ident).map(|t| t.tid);
        recorded.or_else(by_tls).or_else(by_ident)
    }

    /// The offset at which every thread structure holds the id of another thread of the process.
    fn look_for_offset(&self) -> Option<u64> {
        let target = self.target;
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
