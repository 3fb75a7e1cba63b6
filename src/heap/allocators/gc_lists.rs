//! The garbage collector's lists: a ring of `PyGC_Head`s for each generation (Modules/gcmodule.c, 3.13+ Python/gc.c).

mod check;
mod tracked;

pub(in crate::heap) use check::check;
pub use tracked::{Tracked, tracked};

use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::cpython::layout::RefcountForm;
use crate::cpython::runtime::gc_state;
use crate::cpython::{Context, DecodeError};
use crate::field;
use crate::heap::objects::{Found, Objects, Origin};
use crate::heap::offsets::Offsets;
use crate::heap::types::TypeTable;
use crate::heap::view::View;

/// Flags in the low bits of `_gc_next` and `_gc_prev` (Include/internal/pycore_gc.h).
const FLAGS: u64 = 3;
/// Bytes of `PyGC_Head`.
const HEAD: u64 = 16;

/// Where the collector of an interpreter keeps its lists. `None` where there are none (free-threaded builds).
pub(in crate::heap) fn state(ctx: &Context<'_>, runtime: Option<Addr>, interpreter: Addr) -> Option<Addr> {
    if let RefcountForm::Biased { .. } = ctx.dialect.refcount {
        return None;
    }
    gc_state(ctx, runtime, interpreter)
}

/// Heads of the lists of one collector.
fn heads(ctx: &Context<'_>, state: Addr) -> Result<Vec<(Addr, Origin)>, DecodeError> {
    let stated = ctx.addr(field!(ctx, gc.generations), state);
    let first = match stated {
        Ok(first) => first,
        // Builds of one version differ in where the lists begin; this points to them.
        Err(_) => ctx.ptr(field!(ctx, gc.generation0), state)?,
    };
    let size = field!(ctx, gc_generation.size).1?;
    let permanent = ctx.addr(field!(ctx, gc.permanent), state)?;
    Ok(vec![
        (first, Origin::Young),
        (first.wrapping_add(size), Origin::Middle),
        (first.wrapping_add(size.wrapping_mul(2)), Origin::Old),
        (permanent, Origin::Permanent),
    ])
}

/// Objects that lists of the collector are compared with.
pub(in crate::heap) struct Listed<'l> {
    /// Those of the allocator.
    pub known: &'l mut Objects,
    /// All others.
    pub others: &'l mut Vec<Found>,
}

/// Adds the objects of all lists of the collector at `state`; whether all lists were whole.
pub(in crate::heap) fn walk(
    ctx: &Context<'_>,
    view: &View<'_>,
    types: &mut TypeTable<'_>,
    (state, collecting): (Addr, bool),
    diagnostics: &Diagnostics,
    listed: &mut Listed<'_>,
) -> bool {
    let o = match (Offsets::new(ctx), heads(ctx, state)) {
        (Ok(o), Ok(heads)) => (o, heads),
        (Err(e), _) => return broken(diagnostics, state, &e.to_string()),
        (_, Err(e)) => return broken(diagnostics, state, &e.to_string()),
    };
    let (o, heads) = o;
    let mut whole = true;
    for (head, origin) in heads {
        if let Err((at, why)) = list(view, &o, types, head.0, origin, collecting, listed) {
            whole = broken(diagnostics, Addr(at), &format!("the list of generation {}: {why}", origin as u8));
        }
    }
    whole
}

fn broken(diagnostics: &Diagnostics, at: Addr, why: &str) -> bool {
    let text = format!("the collector's objects cannot all be listed: {why}");
    diagnostics.push(Diagnostic::warning(DiagnosticCode::GcListBroken, text).at(at));
    false
}

/// One list, from its head to where it leads back to it. A ring that does not close is noticed by a mark that is set
/// again after each doubling of the way (Brent).
fn list(
    view: &View<'_>,
    o: &Offsets,
    types: &mut TypeTable<'_>,
    head: u64,
    origin: Origin,
    collecting: bool,
    listed: &mut Listed<'_>,
) -> Result<(), (u64, &'static str)> {
    let links = |at: u64| {
        let [next, back] = view.pair(at).ok_or((at, "it is not readable"))?;
        Ok((next & !FLAGS, back & !FLAGS))
    };
    let ((mut at, _), mut before) = (links(head)?, head);
    let (mut mark, mut steps, mut turn) = (head, 0u64, 1u64);
    while at != head {
        if at == mark {
            return Err((at, "it loops"));
        }
        if view.is_over() {
            return Err((at, "the time is over"));
        }
        let object = at.wrapping_add(HEAD);
        let (next, back) = links(at)?;
        // While the collector runs it counts references in `_gc_prev`.
        if !collecting && back != before {
            return Err((at, "a link back does not lead where it came from"));
        }
        if let Some(id) = listed.known.at(object) {
            listed.known.set_origin(id, origin);
        } else {
            let type_id = view.word(object.wrapping_add(o.ob_type)).and_then(|t| types.prove(view, t));
            let type_id = type_id.ok_or((at, "it leads to what is not an object"))?;
            listed.others.push(Found { addr: object, type_id, origin });
        }
        steps = steps.wrapping_add(1);
        if steps == turn {
            (mark, turn) = (at, turn.saturating_mul(2));
        }
        (before, at) = (at, next);
    }
    Ok(())
}
