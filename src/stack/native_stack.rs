//! [`NativeStack`]: the native stack of each thread, unwound and symbolised.

use crate::base::Addr;
use crate::debuggee::{Memory as _, NativeThread, Target};
use crate::native::ModuleTables;
use crate::native::symbolize::{Symbolized, Symbolizer};
use crate::native::unwind::{Unwinder, Unwound, UnwoundFrame};
use rayon::prelude::*;
use std::sync::Arc;

/// The native stack of one thread.
#[derive(Clone, Debug)]
pub struct NativeStack {
    /// Operating system's thread id.
    pub tid: u64,
    /// Frames and why they end.
    pub unwound: Unwound,
    /// What is known of each frame's code, in the order of the frames.
    pub symbols: Vec<Arc<Symbolized>>,
}

impl NativeStack {
    /// The native stack of a thread, of whose code nothing is looked up but the modules.
    #[must_use]
    pub fn of_modules(target: &Target, tables: &ModuleTables<'_>, thread: &NativeThread) -> NativeStack {
        let unwound = Unwinder::new(target, tables).unwind(thread.registers.as_ref());
        let module = |frame: &UnwoundFrame| target.modules.iter().position(|m| m.contains(frame.lookup()));
        let code = |frame| Arc::new(Symbolized { module: module(frame), ..Symbolized::default() });
        let symbols = unwound.frames.iter().map(code).collect();
        NativeStack { tid: thread.tid, unwound, symbols }
    }

    /// Index of the frame that the crash happened in: the innermost, or the one that a signal interrupted whose handler
    /// then raised the signal that made the dump.
    #[must_use]
    pub fn fault_frame(&self) -> usize {
        self.unwound.signal_context().map_or(0, |s| s.frame)
    }

    /// Name of a frame's function, without what compilers append.
    #[must_use]
    pub fn name(&self, frame: usize) -> Option<&str> {
        self.symbols.get(frame)?.name().map(super::hidden_frames::base_name)
    }
}

/// Unwinds (by `tables`) and symbolises all threads, or only `tid`'s.
#[must_use]
pub fn native_stacks(
    target: &Target,
    tables: &ModuleTables<'_>,
    symbolizer: &Symbolizer<'_>,
    tid: Option<u64>,
) -> Vec<NativeStack> {
    let unwinder = Unwinder::new(target, tables);
    let threads: Vec<_> = target.threads.iter().filter(|t| tid.is_none_or(|tid| tid == t.tid)).collect();
    let unwound: Vec<(u64, Unwound)> =
        threads.par_iter().map(|t| (t.tid, unwinder.unwind(t.registers.as_ref()))).collect();
    symbolizer.load(unwound.iter().flat_map(|(_, u)| u.frames.iter().map(|f| f.lookup())));
    unwound
        .into_iter()
        .map(|(tid, unwound)| {
            let symbols = symbolizer.known(unwound.frames.iter().map(|f| f.lookup()));
            NativeStack { tid, unwound, symbols }
        })
        .collect()
}

/// Bytes of a native frame's part of the stack, at most `limit`.
#[must_use]
pub fn frame_size(frame: &UnwoundFrame, limit: u64) -> u64 {
    frame.cfa.and_then(|cfa| cfa.distance_from(frame.sp)).unwrap_or(0).min(limit)
}

/// The words of a native frame's part of the stack, of at most `limit` bytes; none where that cannot be read.
#[must_use]
pub fn frame_words(target: &Target, frame: &UnwoundFrame, limit: u64) -> Vec<Addr> {
    let mut bytes = vec![0u8; usize::try_from(frame_size(frame, limit)).unwrap_or(0)];
    if target.memory.read(frame.sp, &mut bytes).is_err() {
        return Vec::new();
    }
    let width = usize::from(target.abi.pointer_size()).max(1);
    bytes.chunks_exact(width).map(|word| Addr(target.abi.uint(word))).collect()
}
