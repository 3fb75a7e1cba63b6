//! [`collect`]: every object of a heap, from all places that list objects and by following references.

use super::HeapError;
use super::allocators::gc_lists::{self, Listed};
use super::allocators::mimalloc;
use super::allocators::pymalloc::{PoolCounts, Pools, PoolsBy, Statics};
use super::arenas::Arenas;
use super::closure::{Closed, Closure};
use super::edges::{Edges, budget};
use super::objects::{Finds, Objects, Origin};
use super::offsets::Offsets;
use super::types::{Shape, TypeTable};
use super::view::View;
use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::cpython::Context;
use crate::cpython::layout::ObmallocPlace;
use crate::cpython::object::Heap;
use crate::cpython::runtime::Interpreter;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};

/// Where the parts of a process are that a heap is read from.
#[derive(Debug)]
pub struct Sources<'a> {
    /// `_PyRuntime`.
    pub runtime: Option<Addr>,
    /// All interpreters.
    pub interpreters: &'a [Interpreter],
    /// Whether it is a debug build (`--with-pydebug`).
    pub debug: bool,
    /// The allocator's variables of 3.8 to 3.11.
    pub statics: Statics,
    /// Words that native code had at hand where the process was stopped at work: containers among them may be between two steps of a
    /// change.
    pub at_hand: Vec<u64>,
    /// What is missing or uncertain is told here.
    pub diagnostics: &'a Diagnostics,
}

/// How complete the objects are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Lists of the collector that were read.
    pub gc_lists: usize,
    /// Whether all of them were whole.
    pub gc_lists_whole: bool,
    /// Whether a collection was under way.
    pub collecting: bool,
    /// How pools were found; `None` where there are none.
    pub pools_by: Option<PoolsBy>,
    /// What is in them.
    pub pools: PoolCounts,
    /// Pages of mimalloc.
    pub pages: u64,
    /// Blocks of the smallest size that look like an `object()` to which no object refers: they may be text in the block of one
    /// that was freed.
    pub perhaps_text: u64,
    /// The time was over before all objects were found.
    pub time_over: bool,
}

/// The objects of a process and their types.
#[derive(Debug)]
pub struct Collected {
    /// The objects.
    pub objects: Objects,
    /// The types, by `TypeId`.
    pub shapes: Vec<Shape>,
    /// pymalloc's arenas: first address, and end of the pools that were carved.
    pub arenas: Vec<(u64, u64)>,
    /// How complete they are.
    pub coverage: Coverage,
    /// Whether any list of objects or any pool of them is in the dump. What is found without them, by what threads and static
    /// memory refer to, is not the heap.
    pub is_there: bool,
}

/// What is to be said where a walk over the heap was given up.
pub(super) fn time_over(text: impl Into<String>) -> Diagnostic {
    let hint = "--timeout SECONDS allows more, --timeout 0 any";
    Diagnostic::warning(DiagnosticCode::TimeOver, text).hint(hint)
}

/// Finds every object. Where the time of `view` is over before, what was found until then.
///
/// # Errors
/// [`HeapError`] when the build's layout is not known well enough, or nothing was found in the time that there was.
pub fn collect(heap: &Heap<'_>, view: &View<'_>, sources: &Sources<'_>) -> Result<Collected, HeapError> {
    let ctx = &heap.ctx;
    let o = Offsets::of(heap)?;
    let mut types = TypeTable::new(heap, o);
    let mut found = Finds::default();
    let mut coverage = Coverage { gc_lists_whole: true, ..Coverage::default() };
    let (arenas, smallest) = match ctx.dialect.obmalloc.place {
        ObmallocPlace::Mimalloc => {
            let collecting = sources.interpreters.iter().any(|interpreter| interpreter.gc_collecting == Some(true));
            coverage.pages = mimalloc::walk(view, (sources.debug, collecting), &o, &mut types, &mut found);
            (Vec::new(), Vec::new())
        }
        _ => pool_objects(ctx, view, &o, &mut types, sources, &mut coverage, &mut found),
    };
    let mut objects = found.finish();
    let mut others = Vec::new();
    let mut listed = Listed { known: &mut objects, others: &mut others };
    gc_objects(ctx, view, &mut types, sources, &mut coverage, &mut listed);
    // Where all lists are whole and no collection runs, what is in none of them is not tracked, whatever its links say:
    // such a block only looks like an object.
    let certain = coverage.gc_lists > 0 && coverage.gc_lists_whole && !coverage.collecting;
    if certain {
        objects = objects.without(Origin::TrackedElsewhere);
    }
    // The few that threads and static memory lead to are not the heap.
    let is_there = !(objects.is_empty() && others.is_empty());
    let none = HashMap::new();
    let edges = Edges {
        view,
        o: &o,
        l: ctx.layouts,
        dialect: ctx.dialect,
        static_dicts: &none,
        interned: &[],
        left: budget(view),
        owned: false,
    };
    let walked = Arenas::new(arenas.clone(), &smallest);
    let bare = bare(&objects, &smallest);
    let closure =
        Closure { edges: &edges, types: &mut types, known: &objects, arenas: &walked, bare, more: HashMap::default() };
    let Closed { more, whole, unreferenced } = closure.run(ctx, sources, others);
    coverage.perhaps_text = unreferenced;
    if !whole {
        let text = "containers claim more memory than there is: not all references were followed";
        sources.diagnostics.push(Diagnostic::warning(DiagnosticCode::HeapLimit, text));
    }
    let objects = objects.with(more);
    coverage.time_over = view.is_over();
    if coverage.time_over {
        if !is_there {
            return Err(HeapError::TimeOver);
        }
        let text = format!(
            "the time was over while objects were looked for: {} are known, others are missing, and so are their references",
            objects.len()
        );
        sources.diagnostics.push(time_over(text));
    }
    Ok(Collected { objects, shapes: types.into_shapes(), arenas, coverage, is_there })
}

fn gc_objects(
    ctx: &Context<'_>,
    view: &View<'_>,
    types: &mut TypeTable<'_>,
    sources: &Sources<'_>,
    coverage: &mut Coverage,
    listed: &mut Listed<'_>,
) {
    let mut seen = Vec::new();
    for interpreter in sources.interpreters {
        let Some(state) = gc_lists::state(ctx, sources.runtime, interpreter.addr) else { continue };
        // 3.8 has one collector for all interpreters.
        if seen.contains(&state) {
            continue;
        }
        seen.push(state);
        let collecting = interpreter.gc_collecting.unwrap_or(false);
        coverage.collecting |= collecting;
        coverage.gc_lists = coverage.gc_lists.saturating_add(4);
        let whole = gc_lists::walk(ctx, view, types, (state, collecting), sources.diagnostics, listed);
        coverage.gc_lists_whole &= whole;
    }
}

/// The objects in pools of the smallest blocks: they have no field.
fn bare(objects: &Objects, pools: &[(u64, u64)]) -> HashSet<u64, RandomState> {
    let in_pool = |(start, end): &(u64, u64)| {
        let (first, after) = (objects.first_after(start.saturating_sub(1)), objects.first_after(end.saturating_sub(1)));
        objects.range(first as usize, after as usize).map(|found| found.addr)
    };
    pools.iter().flat_map(in_pool).collect()
}

/// First addresses and ends.
type Ranges = Vec<(u64, u64)>;

/// Objects in pymalloc's pools; the ranges of addresses that pools were walked in, and the pools of the smallest blocks.
fn pool_objects(
    ctx: &Context<'_>,
    view: &View<'_>,
    o: &Offsets,
    types: &mut TypeTable<'_>,
    sources: &Sources<'_>,
    coverage: &mut Coverage,
    found: &mut Finds,
) -> (Ranges, Ranges) {
    let Some(mut pools) = Pools::new(ctx, view, o) else {
        let text = "the layout of the allocator's pools is not known for this build: objects that the collector does \
                    not track are found by references alone";
        sources.diagnostics.push(Diagnostic::warning(DiagnosticCode::HeapPoolsUnknown, text));
        return (Vec::new(), Vec::new());
    };
    let mut ranges = Vec::new();
    for interpreter in sources.interpreters {
        let Some(arenas) = pools.arenas(ctx, sources.statics, interpreter.addr) else { continue };
        coverage.pools_by = Some(PoolsBy::Table);
        ranges.extend(arenas);
    }
    // In the order of addresses, as the objects are to be.
    ranges.sort_unstable();
    ranges.dedup();
    types.set_small_blocks(pools.small_blocks(ranges.clone()));
    for arena in &ranges {
        pools.arena(types, *arena, found);
    }
    if coverage.pools_by.is_none() {
        coverage.pools_by = Some(PoolsBy::Structure);
        pools.by_structure(types, found);
    }
    coverage.pools = pools.counts;
    (ranges, pools.smallest)
}
