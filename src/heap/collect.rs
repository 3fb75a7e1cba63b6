//! [`collect`]: every object of a heap, from all places that list objects and by following references.

use super::HeapError;
use super::allocators::pymalloc::{PoolCounts, Pools, PoolsBy, Statics};
use super::allocators::{gc_lists, is_alive, mimalloc};
use super::edges::{Edges, budget};
use super::objects::{Found, Objects, Origin};
use super::offsets::Offsets;
use super::types::{Shape, TypeId, TypeTable};
use super::view::View;
use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::cpython::Context;
use crate::cpython::layout::ObmallocPlace;
use crate::cpython::object::Heap;
use crate::cpython::runtime::Interpreter;
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// No interpreter state is larger.
const MAX_STATE: u64 = 4 << 20;

/// Where the parts of a process are that a heap is read from.
#[derive(Debug)]
pub struct Sources<'a> {
    /// `_PyRuntime`.
    pub runtime: Option<Addr>,
    /// All interpreters.
    pub interpreters: &'a [Interpreter],
    /// The allocator's variables of 3.8 to 3.11.
    pub statics: Statics,
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
}

/// The objects of a process and their types.
#[derive(Debug)]
pub struct Collected {
    /// The objects.
    pub objects: Objects,
    /// The types, by [`TypeId`].
    pub shapes: Vec<Shape>,
    /// How complete they are.
    pub coverage: Coverage,
}

/// Finds every object.
///
/// # Errors
/// [`HeapError`] when the build's layout is not known well enough, or nothing at all is found.
pub fn collect(heap: &Heap<'_>, view: &View<'_>, sources: &Sources<'_>) -> Result<Collected, HeapError> {
    let ctx = &heap.ctx;
    let o = Offsets::new(ctx)?;
    let mut types = TypeTable::new(heap, o);
    let mut found = Vec::new();
    let mut coverage = Coverage { gc_lists_whole: true, ..Coverage::default() };
    gc_objects(ctx, view, &mut types, sources, &mut coverage, &mut found);
    let arenas = match ctx.dialect.obmalloc.place {
        ObmallocPlace::Mimalloc => {
            coverage.pages = mimalloc::walk(ctx, view, &o, &mut types, &mut found);
            Vec::new()
        }
        _ => pool_objects(ctx, view, &o, &mut types, sources, &mut coverage, &mut found),
    };
    // Where all lists are whole and no collection runs, what is in none of them is not tracked, whatever its links say:
    // such a block only looks like an object.
    let certain = coverage.gc_lists > 0 && coverage.gc_lists_whole && !coverage.collecting;
    let mut objects = Objects::new(found);
    if certain {
        objects.retain(|found| found.origin != Origin::TrackedElsewhere);
    }
    let none = HashMap::new();
    let edges = Edges { view, o: &o, l: ctx.layouts, dialect: ctx.dialect, static_dicts: &none, left: budget(view) };
    let more = Closure { edges: &edges, types: &mut types, known: &objects, arenas, more: HashMap::default() };
    let more = more.run(ctx, sources);
    if edges.left.get() == 0 {
        let text = "containers claim more memory than there is: not all references were followed";
        sources.diagnostics.push(Diagnostic::warning(DiagnosticCode::HeapLimit, text));
    }
    if objects.is_empty() && more.is_empty() {
        return Err(HeapError::NoObjects);
    }
    let objects = if more.is_empty() {
        objects
    } else {
        let mut all = objects.into_found();
        all.extend(more);
        Objects::new(all)
    };
    Ok(Collected { objects, shapes: types.into_shapes(), coverage })
}

fn gc_objects(
    ctx: &Context<'_>,
    view: &View<'_>,
    types: &mut TypeTable<'_>,
    sources: &Sources<'_>,
    coverage: &mut Coverage,
    found: &mut Vec<Found>,
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
        let whole = gc_lists::walk(ctx, view, types, (state, collecting), sources.diagnostics, found);
        coverage.gc_lists_whole &= whole;
    }
}

/// Objects in pymalloc's pools; the ranges of addresses that pools were walked in.
fn pool_objects(
    ctx: &Context<'_>,
    view: &View<'_>,
    o: &Offsets,
    types: &mut TypeTable<'_>,
    sources: &Sources<'_>,
    coverage: &mut Coverage,
    found: &mut Vec<Found>,
) -> Vec<(u64, u64)> {
    let Some(mut pools) = Pools::new(ctx, view, o) else {
        let text = "the layout of the allocator's pools is not known for this build: objects that the collector does \
                    not track are found by references alone";
        sources.diagnostics.push(Diagnostic::warning(DiagnosticCode::HeapPoolsUnknown, text));
        return Vec::new();
    };
    let mut ranges = Vec::new();
    for interpreter in sources.interpreters {
        let Some(arenas) = pools.arenas(ctx, sources.statics, interpreter.addr) else { continue };
        coverage.pools_by = Some(PoolsBy::Table);
        for arena in arenas {
            pools.arena(types, arena, found);
            ranges.push(arena);
        }
    }
    if coverage.pools_by.is_none() {
        coverage.pools_by = Some(PoolsBy::Structure);
        pools.by_structure(types, found);
    }
    coverage.pools = pools.counts;
    ranges.sort_unstable();
    ranges.dedup();
    ranges
}

/// Follows references to what no list shows: large objects, static ones, those of other allocators.
struct Closure<'c, 'v, 'h> {
    edges: &'c Edges<'v>,
    types: &'c mut TypeTable<'h>,
    known: &'c Objects,
    arenas: Vec<(u64, u64)>,
    more: HashMap<u64, TypeId, RandomState>,
}

impl Closure<'_, '_, '_> {
    fn run(mut self, ctx: &Context<'_>, sources: &Sources<'_>) -> Vec<Found> {
        let mut queue = Vec::new();
        let mut targets = Vec::new();
        for interpreter in sources.interpreters {
            let size = ctx.layouts.interpreter.size.offset().unwrap_or(0).min(MAX_STATE);
            self.edges.view.words(interpreter.addr.0, size / 8, |_, word| targets.push(word));
        }
        self.take(&mut targets, &mut queue);
        for found in self.known.iter() {
            self.references(found.addr, found.type_id, &mut targets);
            self.take(&mut targets, &mut queue);
        }
        while let Some((addr, type_id)) = queue.pop() {
            self.references(addr, type_id, &mut targets);
            self.take(&mut targets, &mut queue);
        }
        let found = |(addr, type_id)| Found { addr, type_id, origin: Origin::Referenced };
        self.more.into_iter().map(found).collect()
    }

    #[inline]
    fn references(&mut self, addr: u64, type_id: TypeId, targets: &mut Vec<u64>) {
        let Some(shape) = self.types.get(type_id) else { return };
        let known = self.known;
        self.edges.each(addr, shape, &mut |_, to| {
            if known.at(to).is_none() {
                targets.push(to);
            }
        });
        if known.at(shape.addr.0).is_none() {
            targets.push(shape.addr.0);
        }
        if shape.is_metatype()
            && let Some(dict) = self.types.prove(self.edges.view, addr).and_then(|t| self.types.get(t)?.dict_elsewhere)
        {
            targets.push(dict);
        }
    }

    fn take(&mut self, targets: &mut Vec<u64>, queue: &mut Vec<(u64, TypeId)>) {
        for to in targets.drain(..) {
            if to & 7 != 0 || to < 4096 || self.more.contains_key(&to) || self.known.at(to).is_some() {
                continue;
            }
            let view = self.edges.view;
            let Some(type_addr) = view.word(to.wrapping_add(self.edges.o.ob_type)) else { continue };
            let Some(type_id) = self.types.prove(view, type_addr) else { continue };
            // What the pools do not show as an object is freed, or was never one.
            if is_alive(view, self.edges.o, self.types, to) && !self.in_arena(to) {
                self.more.insert(to, type_id);
                queue.push((to, type_id));
            }
        }
    }

    fn in_arena(&self, addr: u64) -> bool {
        let at = self.arenas.partition_point(|(start, _)| *start <= addr);
        at.checked_sub(1).and_then(|at| self.arenas.get(at)).is_some_and(|(_, end)| addr < *end)
    }
}
