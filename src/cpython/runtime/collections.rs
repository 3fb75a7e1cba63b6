//! The last garbage collections of an interpreter, where CPython keeps them (3.15, Include/internal/pycore_interp_structs.h:
//! `struct gc_stats`, a ring for each generation).

use super::gc_state;
use crate::base::Addr;
use crate::cpython::Context;
use crate::debuggee::MemoryExt as _;

/// Bytes of `struct gc_generation_stats`, and of what follows the entries of a ring (`index`, with padding).
const ENTRY: u64 = 64;
const INDEX: u64 = 8;

/// One collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// Generation, 0 is the youngest.
    pub generation: u8,
    /// How many of this generation there were, with this one.
    pub number: u64,
    /// When it began, in nanoseconds of the system's monotonic clock.
    pub started: i64,
    /// When it ended.
    pub ended: i64,
    /// Objects that were freed, that could not be, and that were looked at; absent where the collection before it, from whose
    /// sum they are told, is not kept any more.
    pub counts: Option<Counts>,
}

/// Objects of a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Freed.
    pub collected: u64,
    /// Found to be garbage and not freed.
    pub uncollectable: u64,
    /// Looked at.
    pub candidates: u64,
}

/// An entry as it is kept: numbers are sums of all collections of the generation.
#[derive(Clone, Copy)]
struct Entry {
    started: i64,
    ended: i64,
    number: u64,
    sums: Counts,
}

/// The collections that the interpreter at `interpreter` keeps, the latest first; none where it keeps none, or where what it keeps
/// is damaged.
#[must_use]
pub fn last_collections(ctx: &Context<'_>, runtime: Option<Addr>, interpreter: Addr) -> Vec<Collection> {
    let mut found = read(ctx, runtime, interpreter).unwrap_or_default();
    found.sort_by_key(|collection| std::cmp::Reverse(collection.ended));
    found
}

fn read(ctx: &Context<'_>, runtime: Option<Addr>, interpreter: Addr) -> Option<Vec<Collection>> {
    let history = ctx.dialect.gc_history?;
    let collecting = ctx.layouts.gc.collecting.offset()?;
    let place = gc_state(ctx, runtime, interpreter)?.wrapping_add(collecting.checked_sub(history.before_collecting)?);
    let mut at = ctx.ptr_at("gc.generation_stats", place).ok()?;
    let mut found = Vec::new();
    for (generation, length) in history.rings.iter().enumerate() {
        let size = length.checked_mul(ENTRY)?;
        let whole = size.checked_add(INDEX)?;
        let bytes = ctx.memory.read_vec(at, whole).ok()?;
        let size = usize::try_from(size).ok()?;
        let index = bytes.get(size)?;
        let entries: Option<Vec<Entry>> =
            bytes.get(..size)?.chunks_exact(ENTRY as usize).map(|chunk| entry(ctx, chunk)).collect();
        let entries = entries?;
        let last = entries.get(usize::from(*index))?.number;
        for one in entries.iter().filter(|one| one.number > 0) {
            // What was being written when the process stopped, or is no ring.
            if one.number > last || one.ended < one.started {
                continue;
            }
            let before = entries.iter().find(|other| Some(other.number) == one.number.checked_sub(1));
            let none = Counts::default();
            let before = before.map(|other| other.sums).or((one.number == 1).then_some(none));
            found.push(Collection {
                generation: u8::try_from(generation).ok()?,
                number: one.number,
                started: one.started,
                ended: one.ended,
                counts: before.and_then(|before| {
                    Some(Counts {
                        collected: one.sums.collected.checked_sub(before.collected)?,
                        uncollectable: one.sums.uncollectable.checked_sub(before.uncollectable)?,
                        candidates: one.sums.candidates.checked_sub(before.candidates)?,
                    })
                }),
            });
        }
        at = at.wrapping_add(whole);
    }
    Some(found)
}

/// `ts_start`, `ts_stop`, `collections`, `collected`, `uncollectable`, `candidates`, `duration`, `heap_size`.
fn entry(ctx: &Context<'_>, bytes: &[u8]) -> Option<Entry> {
    let mut words = bytes.chunks_exact(8).map(|word| ctx.abi.uint(word));
    Some(Entry {
        started: words.next()?.cast_signed(),
        ended: words.next()?.cast_signed(),
        number: words.next()?,
        sums: Counts { collected: words.next()?, uncollectable: words.next()?, candidates: words.next()? },
    })
}
