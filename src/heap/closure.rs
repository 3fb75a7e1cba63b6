//! [`Closure`]: follows references to what no list shows: large objects, static ones, those of other allocators.

use super::allocators::is_alive;
use super::arenas::Arenas;
use super::collect::Sources;
use super::edges::Edges;
use super::objects::{Found, Objects, Origin};
use super::types::{TypeId, TypeTable};
use crate::cpython::Context;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

/// No interpreter state is larger.
const MAX_STATE: u64 = 4 << 20;
/// Targets that are remembered so as not to be looked at again, the last in each place.
const SEEN: usize = 1 << 12;
/// Fewer objects than this are not worth a thread.
const LEAST_PER_THREAD: usize = 1 << 16;
/// More threads than this gain nothing: memory is what is waited for.
const MAX_THREADS: usize = 8;

/// What is found so far.
pub(super) struct Closure<'c, 'v, 'h> {
    pub edges: &'c Edges<'v>,
    pub types: &'c mut TypeTable<'h>,
    pub known: &'c Objects,
    pub arenas: &'c Arenas,
    /// Known ones without a field, to which no reference was seen yet.
    pub bare: HashSet<u64, RandomState>,
    pub more: HashMap<u64, (TypeId, Origin), RandomState>,
}

impl Closure<'_, '_, '_> {
    /// All objects besides the known ones: `others`, and what is referred to.
    pub(super) fn run(mut self, ctx: &Context<'_>, sources: &Sources<'_>, others: Vec<Found>) -> Closed {
        let mut queue: Vec<(u64, TypeId)> = Vec::new();
        for found in others {
            let (_, origin) = self.more.entry(found.addr).or_insert((found.type_id, found.origin));
            *origin = found.origin.min(*origin);
            queue.push((found.addr, found.type_id));
        }
        let mut targets = Vec::new();
        for interpreter in sources.interpreters {
            let size = ctx.layouts.interpreter.size.offset().unwrap_or(0).min(MAX_STATE);
            self.edges.view.words(interpreter.addr.0, size / 8, |_, word| targets.push(word));
        }
        let mut whole = self.of_known(&mut targets);
        let mut types_done = 0;
        loop {
            while let Some(shape) = self.types.get(types_done) {
                targets.push(shape.addr.0);
                types_done = types_done.wrapping_add(1);
            }
            self.take(&mut targets, &mut queue);
            if self.edges.view.is_over() {
                break;
            }
            let Some((addr, type_id)) = queue.pop() else {
                if (types_done as usize) < self.types.len() {
                    continue;
                }
                break;
            };
            self.references(addr, type_id, &mut targets);
        }
        whole &= self.edges.left.load(Ordering::Relaxed) > 0;
        let found = |(addr, (type_id, origin))| Found { addr, type_id, origin };
        Closed { unreferenced: self.bare.len() as u64, more: self.more.into_iter().map(found).collect(), whole }
    }

    /// Adds what the known objects refer to outside of them, by several threads.
    fn of_known(&mut self, targets: &mut Vec<u64>) -> bool {
        let count = self.known.len();
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let threads = threads.min(count / LEAST_PER_THREAD).max(1);
        let share = count.div_ceil(threads);
        let this = &*self;
        let mut parts: Vec<Part> = Vec::new();
        let part = |index: usize| {
            let start = index.saturating_mul(share);
            this.part(start, start.saturating_add(share).min(count))
        };
        let part = &part;
        std::thread::scope(|scope| {
            let spawned: Vec<_> = (1..threads)
                .map(|index| (index, std::thread::Builder::new().spawn_scoped(scope, move || part(index))))
                .collect();
            parts.push(part(0));
            for (index, handle) in spawned {
                // Where no thread is to be had this one does its work.
                let done = handle.ok().and_then(|handle| handle.join().ok());
                parts.push(done.unwrap_or_else(|| part(index)));
            }
        });
        let mut whole = true;
        for part in parts {
            targets.extend(part.targets);
            whole &= part.whole;
            for addr in part.types {
                self.dict_of_type(addr, targets);
            }
        }
        whole
    }

    /// What a range of the known objects refers to outside of them.
    fn part(&self, start: usize, end: usize) -> Part {
        let (edges, view) = (self.edges.again(), self.edges.view);
        let mut part = Part { targets: Vec::new(), types: Vec::new(), whole: true };
        let mut seen = vec![0u64; SEEN];
        for found in self.known.range(start, end) {
            if view.is_over() {
                break;
            }
            let Some(shape) = self.types.get(found.type_id) else { continue };
            if shape.is_metatype() {
                part.types.push(found.addr);
            }
            let (known, arenas, bare) = (self.known, self.arenas, &self.bare);
            edges.each(found.addr, shape, &mut |_, to| {
                if arenas.certainly_holds(to) {
                    return;
                }
                let place = seen.get_mut((to >> 4 ^ to >> 16) as usize & SEEN.wrapping_sub(1));
                if let Some(place) = place.filter(|place| **place != to) {
                    *place = to;
                    if known.at(to).is_none() || bare.contains(&to) {
                        part.targets.push(to);
                    }
                }
            });
        }
        part.whole = edges.left.load(Ordering::Relaxed) > 0;
        part
    }

    fn references(&mut self, addr: u64, type_id: TypeId, targets: &mut Vec<u64>) {
        let Some(shape) = self.types.get(type_id) else { return };
        let (known, arenas, bare) = (self.known, self.arenas, &self.bare);
        self.edges.each(addr, shape, &mut |_, to| {
            if !arenas.certainly_holds(to) && (known.at(to).is_none() || bare.contains(&to)) {
                targets.push(to);
            }
        });
        if shape.is_metatype() {
            self.dict_of_type(addr, targets);
        }
    }

    /// The dict of a static type is not in the type object (3.12+).
    fn dict_of_type(&mut self, addr: u64, targets: &mut Vec<u64>) {
        let dict = self.types.prove(self.edges.view, addr).and_then(|t| self.types.get(t)?.dict_elsewhere);
        targets.extend(dict);
    }

    fn take(&mut self, targets: &mut Vec<u64>, queue: &mut Vec<(u64, TypeId)>) {
        for to in targets.drain(..) {
            self.bare.remove(&to);
            if to & 7 != 0 || to < 4096 || self.more.contains_key(&to) || self.known.at(to).is_some() {
                continue;
            }
            let view = self.edges.view;
            let Some(type_addr) = view.word(to.wrapping_add(self.edges.o.ob_type)) else { continue };
            let Some(type_id) = self.types.prove(view, type_addr) else { continue };
            if is_alive(view, self.edges.o, self.types, to) && !self.arenas.holds(to) {
                self.more.insert(to, (type_id, Origin::Referenced));
                queue.push((to, type_id));
            }
        }
    }
}

/// What references led to.
pub(super) struct Closed {
    /// All objects besides those that were known.
    pub more: Vec<Found>,
    /// Whether all references were followed.
    pub whole: bool,
    /// Known objects without a field that no object refers to.
    pub unreferenced: u64,
}

/// What one thread found.
struct Part {
    /// Addresses that may be objects.
    targets: Vec<u64>,
    /// Type objects.
    types: Vec<u64>,
    /// Whether all references were followed.
    whole: bool,
}
