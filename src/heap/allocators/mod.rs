//! Where objects are: the collector's lists, pymalloc's pools, mimalloc's pages, glibc's chunks.

pub(super) mod gc_lists;
pub(super) mod glibc;
pub(super) mod mimalloc;
pub(super) mod pymalloc;

use super::offsets::Offsets;
use super::types::{Shape, TypeId, TypeTable};
use super::view::{Near, View};
use crate::cpython::layout::RefcountForm;
use crate::cpython::object::Kind;
use crate::model::address::{Allocator, BlockState};

/// A block of an allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which allocator's.
    pub allocator: Allocator,
    /// First address.
    pub start: u64,
    /// Bytes.
    pub bytes: u64,
    /// Whether it is used.
    pub state: BlockState,
}

/// More references than any object has.
const MAX_REFCOUNT: u64 = 1 << 40;

/// A count above this is examined twice: programs without position-independent code have their static objects at small
/// addresses.
const LARGE_REFCOUNT: u64 = 1 << 20;

/// Whether the first word of an object can be the reference count of a living one. Objects on free lists have none, or
/// (3.14+) a pointer to the next one in its place; words of what is not an object are mostly pointers.
pub(super) fn is_alive(view: &View<'_>, o: &Offsets, types: &mut TypeTable<'_>, at: u64) -> bool {
    view.word(at).is_some_and(|word| is_count(view, o, types, at, word))
}

/// The same of the word that an object begins with.
#[inline]
fn is_count(view: &View<'_>, o: &Offsets, types: &mut TypeTable<'_>, at: u64, word: u64) -> bool {
    let plausible = match o.refcount {
        // Include/object.h, 3.12: immortal when the low half is negative.
        RefcountForm::Plain | RefcountForm::Static { .. } | RefcountForm::Immortal32 => {
            word != 0 && word < MAX_REFCOUNT
        }
        // Include/refcount.h, 3.14: count of 32 bits, overflow of 16 bits that stays 0, flags.
        RefcountForm::Split32 => word & 0xffff_ffff != 0 && word >> 32 & 0xffff == 0,
        RefcountForm::Biased { .. } => return is_alive_biased(view, o, at, word),
    };
    // A pointer to an object is not a count.
    let is_object = |types: &mut TypeTable<'_>| {
        let type_addr = view.word(word.wrapping_add(o.ob_type));
        type_addr.is_some_and(|t| types.prove(view, t).is_some())
    };
    plausible && (word < LARGE_REFCOUNT || word & 7 != 0 || !is_object(types))
}

/// Free-threaded builds (Include/object.h): owner's thread pointer, 16 bits of flags, lock, the collector's bits, local
/// and shared count. A freed block has the link to the next one in place of the owner, and no counts.
fn is_alive_biased(view: &View<'_>, o: &Offsets, at: u64, owner: u64) -> bool {
    let head = view.word(at.wrapping_add(8)).unwrap_or(u64::MAX);
    let (flags, lock, local) = (head & 0xffff, head >> 16 & 0xff, head >> 32);
    let shared = view.word(at.wrapping_add(o.refcount_at).wrapping_add(4)).unwrap_or(0);
    // What no thread owns has no local count, unless it is immortal (`_Py_ExplicitMergeRefcount`): a block that was moved elsewhere
    // and freed keeps it.
    let is_stale = owner == 0 && local != 0 && local != u64::from(u32::MAX);
    !is_stale && flags < 0x100 && lock < 4 && owner & 7 == 0 && (local != 0 || shared >> 2 != 0)
}

/// Bytes that may come before an object in its block: the collector's head, and from 3.11 on two words for dict and weak
/// references.
const BEFORE: [u64; 3] = [0, 16, 32];

/// The object whose memory block (without debug hooks) begins at `block` and has `size` bytes.
#[inline]
pub(super) fn object_in(
    near: &Near<'_, '_>,
    view: &View<'_>,
    o: &Offsets,
    types: &mut TypeTable<'_>,
    block: u64,
    size: u64,
) -> Option<(u64, TypeId)> {
    // Of nearly all blocks with an object the type is known: whether other words are types need not be looked into.
    let mut unknown = [0u64; BEFORE.len()];
    for (before, unknown) in BEFORE.into_iter().zip(&mut unknown) {
        if before.wrapping_add(o.head) > size {
            break;
        }
        let at = block.wrapping_add(before);
        let type_addr = near.word(at.wrapping_add(o.ob_type))?;
        match types.known(type_addr) {
            Some(id) if is_instance(near, view, o, types, (id, before, size), at) => return Some((at, id)),
            Some(_) => {}
            None => *unknown = type_addr,
        }
    }
    for (before, type_addr) in BEFORE.into_iter().zip(unknown) {
        let at = block.wrapping_add(before);
        if let Some(id) = types.prove(view, type_addr)
            && is_instance(near, view, o, types, (id, before, size), at)
        {
            return Some((at, id));
        }
    }
    None
}

/// Whether an instance of a type can begin at `at`, so far into a block of so many bytes.
#[inline]
fn is_instance(
    near: &Near<'_, '_>,
    view: &View<'_>,
    o: &Offsets,
    types: &mut TypeTable<'_>,
    (id, before, size): (TypeId, u64, u64),
    at: u64,
) -> bool {
    let Some(shape) = types.get(id).filter(|shape| shape.presize == before && fits(shape, size)) else { return false };
    let is_gc = o.gc_head != 0 && shape.is_gc();
    near.word(at).is_some_and(|word| is_count(view, o, types, at, word)) && (!is_gc || is_tracked_or_not(near, at))
}

/// An object that the collector does not track has no links (`_PyObject_GC_UNTRACK`: `_gc_prev` keeps one flag); links
/// of one that it tracks are aligned but for flags.
fn is_tracked_or_not(near: &Near<'_, '_>, at: u64) -> bool {
    let link = |before: u64| near.word(at.wrapping_sub(before)).unwrap_or(0);
    let (next, prev) = (link(16), link(8));
    if next == 0 { prev & !1 == 0 } else { next & !3 & 7 == 0 }
}

/// Whether an instance can be what a block of `size` bytes was allocated for.
fn fits(shape: &Shape, size: u64) -> bool {
    let least = shape.presize.wrapping_add(shape.basicsize);
    // `int` and `str` allocate less than `tp_basicsize` says where there is no digit or text is compact.
    let whole = match shape.kind {
        Kind::Int | Kind::Str => least.saturating_sub(32),
        // Without a time zone (Include/datetime.h, _PyDateTime_BaseTime).
        Kind::Time | Kind::DateTime => least.saturating_sub(8),
        _ => least,
    };
    whole <= size
}
