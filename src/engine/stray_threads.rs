//! Thread states that an interpreter's list does not lead to, as it breaks off: in dumps that lack memory of the heap.
//!
//! A thread that runs Python has the address of its thread state on its stack. What such a word leads to is taken for a
//! thread state when it belongs to the interpreter, has the id of a thread of the process, and its neighbours in the
//! list link back to it.

use super::thread_ids::ThreadIds;
use crate::base::{Addr, Budget, Diagnostic, DiagnosticCode};
use crate::cpython::Context;
use crate::cpython::runtime::{ThreadState, thread_state_at};
use crate::debuggee::{Memory as _, NativeThread, Target};
use crate::field;
use std::collections::HashSet;

/// Most bytes of one stack that are searched, from its innermost frame on: the default size on Linux.
const STACK_LIMIT: u64 = 8 << 20;
/// Most bytes of all stacks.
const TOTAL_LIMIT: u64 = 256 << 20;
/// Bytes read at a time.
const CHUNK: u64 = 4096;

/// Thread states of the interpreter at `interpreter` besides those of `listed`.
pub(super) fn find(
    target: &Target,
    ctx: &Context<'_>,
    runtime: Option<Addr>,
    interpreter: Addr,
    listed: &[ThreadState],
) -> Vec<ThreadState> {
    // A live process or a debugger's can be asked again, which a search through all its stacks would outlast.
    if target.memory.dump_bytes().is_none() && target.path.is_none() {
        return Vec::new();
    }
    let ids = ThreadIds::default();
    let mut search = Search { target, ctx, ids: &ids, interpreter, found: Vec::new(), seen: HashSet::new() };
    for state in listed {
        search.seen.insert(state.addr);
        search.follow([state.next, state.prev]);
    }
    // Until 3.11: the holder of the GIL.
    if let Some(holder) = runtime.and_then(|r| ctx.ptr(field!(ctx, runtime.gilstate_tstate_current), r).ok()) {
        search.consider(holder);
    }
    let has_state: HashSet<u64> = listed.iter().filter_map(|state| ids.told(target, state)).collect();
    let budget = Budget::new("bytes of stacks to search", TOTAL_LIMIT);
    for native in target.threads.iter().filter(|t| !has_state.contains(&t.tid)) {
        search.stack(native, &budget);
    }
    let Search { mut found, .. } = search;
    found.retain(|(tid, _)| !has_state.contains(tid));
    one_each(target, found)
}

struct Search<'a> {
    target: &'a Target,
    ctx: &'a Context<'a>,
    ids: &'a ThreadIds,
    interpreter: Addr,
    /// With the threads they belong to.
    found: Vec<(u64, ThreadState)>,
    seen: HashSet<Addr>,
}

impl Search<'_> {
    /// Every word from the stack pointer on.
    fn stack(&mut self, native: &NativeThread, budget: &Budget) {
        let memory = &self.target.memory;
        let Some(sp) = native.registers.as_ref().and_then(|r| r.sp()) else { return };
        let Some(left) = memory.segment_at(sp).and_then(|s| s.end().distance_from(sp)) else { return };
        let end = sp.wrapping_add(left.min(STACK_LIMIT));
        let mut at = Addr(sp.0.next_multiple_of(8));
        let mut chunk = vec![0u8; usize::try_from(CHUNK).unwrap_or(0)];
        while at < end && budget.spend(CHUNK).is_ok() {
            let len = usize::try_from(end.0.saturating_sub(at.0).min(CHUNK)).unwrap_or(0);
            let bytes = chunk.get_mut(..len).unwrap_or_default();
            // A slim dump holds what was found, not all that was searched.
            if memory.stored().read(at, bytes).is_ok() {
                for (index, word) in (0u64..).zip(bytes.chunks_exact(8)) {
                    if self.consider(Addr(self.target.abi.uint(word))) {
                        let _ = memory.read(at.wrapping_add(index.saturating_mul(8)), &mut [0; 8]);
                    }
                }
            }
            at = at.wrapping_add(CHUNK);
        }
    }

    /// Takes what is at `at` for a thread state, if it is one that is not known yet, and what its neighbours lead to.
    fn consider(&mut self, at: Addr) -> bool {
        let Some(near) = self.take(at) else { return false };
        self.follow(near);
        true
    }

    /// The neighbours of the thread state at `at`, which is then known; `None` if it is none, or was known before.
    fn take(&mut self, at: Addr) -> Option<[Option<Addr>; 2]> {
        if !self.may_be_one(at) || !self.seen.insert(at) {
            return None;
        }
        let state = thread_state_at(self.ctx, at, self.interpreter)?;
        let tid = self.ids.told(self.target, &state)?;
        let near = [state.next, state.prev];
        self.found.push((tid, state));
        Some(near)
    }

    fn follow(&mut self, near: [Option<Addr>; 2]) {
        let mut open: Vec<Addr> = near.into_iter().flatten().collect();
        while let Some(at) = open.pop() {
            open.extend(self.take(at).into_iter().flatten().flatten());
        }
    }

    /// Whether it belongs to the interpreter: a look that leaves no trace, as most words lead elsewhere.
    fn may_be_one(&self, at: Addr) -> bool {
        if at.is_null() || !at.is_aligned(8) {
            return false;
        }
        let mut owner = [0u8; 8];
        let field = self.ctx.addr(field!(self.ctx, thread.interp), at);
        field.is_ok_and(|field| self.target.memory.stored().read(field, &mut owner).is_ok())
            && Addr(self.target.abi.uint(&owner)) == self.interpreter
    }
}

/// A thread has one state in an interpreter. What an ended thread of the same id left behind is not distinguished from it.
fn one_each(target: &Target, found: Vec<(u64, ThreadState)>) -> Vec<ThreadState> {
    let mut out = Vec::new();
    for (index, (tid, state)) in found.iter().enumerate() {
        let mut same = found.iter().enumerate().filter(|(_, (other, _))| other == tid);
        if same.clone().count() == 1 {
            out.push(state.clone());
        } else if same.next().is_some_and(|(first, _)| first == index) {
            let text = format!("thread {tid}: several thread states fit it; none is shown");
            target.diagnostics.push(Diagnostic::warning(DiagnosticCode::ThreadStateAmbiguous, text));
        }
    }
    out
}
