//! A core with its heap, ready to be read.

use crate::common::Interpreter;
use crate::harness::{files_of, inspect};
use pyinquest::base::Addr;
use pyinquest::cpython::Context;
use pyinquest::cpython::object::{Heap, TypeCache};
use pyinquest::debuggee::{Memory, ReadError};
use pyinquest::image::SearchOptions;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Opens the core and hands its main interpreter's heap to `check`; `None` when no CPython is found.
pub fn with_heap<R>(core: &Path, search: &SearchOptions, check: impl FnOnce(&Heap<'_>) -> R) -> Option<R> {
    let inspection = inspect(core, search);
    let heap = inspection.python()?.heap(0)?;
    Some(check(&heap))
}

/// Memory that counts the bytes read.
struct Counting<'a> {
    inner: &'a dyn Memory,
    bytes: &'a AtomicU64,
}

impl Memory for Counting<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        self.bytes.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.inner.read(addr, buf)
    }
}

/// The same, with a count of the bytes read.
pub fn with_counted_heap<R>(
    interpreter: &Interpreter,
    core: &Path,
    check: impl FnOnce(&Heap<'_>, &AtomicU64) -> R,
) -> Option<R> {
    let bytes = AtomicU64::new(0);
    with_heap(core, &files_of(interpreter), |heap| {
        let counting = Counting { inner: heap.ctx.memory, bytes: &bytes };
        let ctx = Context { memory: &counting, ..heap.ctx };
        let counted = Heap::new(ctx, Arc::new(TypeCache::new(heap.interpreter())), None);
        check(&counted, &bytes)
    })
}
