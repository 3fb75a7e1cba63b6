//! The last garbage collections of interpreters.

use super::Inspection;
use crate::base::Addr;
use crate::cpython::Context;
use crate::cpython::runtime::{self, Collection};
use crate::model::GcCollection;

/// Those of one interpreter, the latest first.
pub(super) fn of_interpreter(ctx: &Context<'_>, runtime: Option<Addr>, interpreter: Addr) -> Vec<GcCollection> {
    let row = |found: Collection| GcCollection {
        generation: found.generation,
        number: found.number,
        ended_ns: found.ended,
        duration_ns: found.ended.saturating_sub(found.started).unsigned_abs(),
        collected: found.counts.map(|counts| counts.collected),
        uncollectable: found.counts.map(|counts| counts.uncollectable),
        candidates: found.counts.map(|counts| counts.candidates),
    };
    runtime::last_collections(ctx, runtime, interpreter).into_iter().map(row).collect()
}

/// Those of all interpreters, the latest first.
#[must_use]
pub fn last_collections(inspection: &Inspection) -> Vec<GcCollection> {
    let Some(python) = inspection.python() else { return Vec::new() };
    let (ctx, runtime) = (python.context(), python.located.runtime);
    let mut found: Vec<GcCollection> =
        python.interpreters().iter().flat_map(|one| of_interpreter(&ctx, runtime, one.addr)).collect();
    found.sort_by_key(|collection| std::cmp::Reverse(collection.ended_ns));
    found
}
