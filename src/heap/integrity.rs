//! What of a heap cannot be as it is: something was written where it does not belong.

use super::allocators::pymalloc::{Pools, marks};
use super::allocators::{gc_lists, glibc, mimalloc};
use super::objects::Origin;
use super::roots::Root;
use super::types::TypeTable;
use super::{Found, HeapState};
use crate::base::Diagnostics;
use crate::cpython::layout::ObmallocPlace;
use crate::cpython::object::Kind;
use crate::cpython::runtime::Interpreter;
use crate::model::integrity::{DamageKind, Examined};

/// Damages that are kept; what comes after them is not looked for.
const MOST: usize = 10_000;

/// One place that is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is wrong.
    pub kind: DamageKind,
    /// The first byte that cannot be as it is.
    pub at: u64,
    /// Start of what it is a part of: a block, or the head of one.
    pub from: u64,
    /// Bytes of that.
    pub bytes: u64,
}

/// A heap that was examined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// What was looked at.
    pub examined: Examined,
    /// By address.
    pub damages: Vec<Damage>,
}

impl<'a> HeapState<'a> {
    /// Examines what can be: pools, marks of debug hooks, the collector's lists, sizes, references, chunks of glibc's malloc.
    /// `data` are static variables of modules (start, bytes), `roots` are those that are certain; without them references are not
    /// followed.
    #[must_use]
    pub fn check(
        &self,
        roots: Option<&[Root]>,
        (runtime, interpreters): (Option<crate::base::Addr>, &[Interpreter]),
        data: impl Iterator<Item = (u64, u64)>,
        diagnostics: &Diagnostics,
    ) -> Integrity {
        let mut found = Vec::new();
        let mut examined = Examined::default();
        self.check_pools(&mut examined, &mut found);
        self.check_lists((runtime, interpreters), &mut examined, &mut found);
        self.check_sizes(&mut examined, &mut found);
        if let Some(roots) = roots {
            self.check_references(roots, interpreters, diagnostics, &mut examined, &mut found);
        }
        self.check_chunks(data, &mut examined, &mut found);
        found.sort_by_key(|damage| (damage.at, damage.kind));
        found.dedup_by_key(|damage| damage.at);
        found.truncate(MOST);
        Integrity { examined, damages: found }
    }

    fn pools(&self) -> Option<Pools<'_, 'a>> {
        match self.heap.ctx.dialect.obmalloc.place {
            ObmallocPlace::Mimalloc => None,
            _ => Pools::new(&self.heap.ctx, &self.view, &self.offsets),
        }
    }

    fn check_pools(&self, examined: &mut Examined, found: &mut Vec<Damage>) {
        let Some(mut pools) = self.pools() else {
            if self.heap.ctx.dialect.obmalloc.place == ObmallocPlace::Mimalloc {
                examined.blocks = mimalloc::check(&self.view, self.debug, &self.offsets, found);
            }
            return;
        };
        let debug = self.collected.coverage.pools.debug;
        examined.marks = debug;
        for arena in &self.collected.arenas {
            examined.blocks = examined.blocks.saturating_add(pools.check(*arena, debug, found));
            if found.len() >= MOST {
                return;
            }
        }
        if !debug {
            return;
        }
        // Blocks outside of pools, by the objects that they hold or belong to.
        let outside = |addr: u64| !self.in_arena(addr);
        for object in self.objects().iter() {
            if self.view.is_over() || found.len() >= MOST {
                return;
            }
            let (start, bytes) = self.own_range(object);
            let is_heap = object.origin != Origin::Referenced || bytes > super::audit::STATIC_SIZE;
            let own = is_heap && outside(start);
            let starts = own.then_some(start).into_iter();
            let buffers = self.buffers(object).into_iter().map(|buffer| buffer.start).filter(|start| outside(*start));
            found.extend(starts.chain(buffers).filter_map(|start| marks(&self.view, start, None)));
        }
    }

    /// Whether an address is in an arena of pymalloc.
    pub(super) fn in_arena(&self, addr: u64) -> bool {
        let arenas = &self.collected.arenas;
        let at = arenas.partition_point(|(start, _)| *start <= addr);
        at.checked_sub(1).and_then(|at| arenas.get(at)).is_some_and(|(_, end)| addr < *end)
    }

    fn check_lists(
        &self,
        (runtime, interpreters): (Option<crate::base::Addr>, &[Interpreter]),
        examined: &mut Examined,
        found: &mut Vec<Damage>,
    ) {
        let mut types = TypeTable::new(self.heap, self.offsets);
        let mut seen = Vec::new();
        for interpreter in interpreters {
            let Some(state) = gc_lists::state(&self.heap.ctx, runtime, interpreter.addr) else { continue };
            // While it runs it counts references in the links.
            if seen.contains(&state) || interpreter.gc_collecting != Some(false) {
                continue;
            }
            seen.push(state);
            let listed = gc_lists::check(&self.heap.ctx, &self.view, &mut types, state, found);
            examined.tracked = examined.tracked.saturating_add(listed);
        }
        // Static types that were never made ready are not proven, and are types all the same (3.9: iterators of `array`).
        found.retain(|damage| {
            damage.kind != DamageKind::TypePointer || self.view.word(damage.at).is_none_or(|word| self.is_no_type(word))
        });
    }

    fn check_sizes(&self, examined: &mut Examined, found: &mut Vec<Damage>) {
        let Some(pools) = self.pools() else { return };
        let debug = self.collected.coverage.pools.debug;
        for object in self.objects().iter() {
            if self.view.is_over() || found.len() >= MOST {
                return;
            }
            // A block that only looks like an object is on no list.
            if object.origin == Origin::TrackedElsewhere || !self.in_arena(object.addr) {
                continue;
            }
            let Some((bytes, at)) = self.stated_size(object) else { continue };
            let start = object.addr;
            let Some((block, room)) = pools.room_at(start, debug) else { continue };
            examined.sizes = examined.sizes.saturating_add(1);
            if start.wrapping_sub(block).saturating_add(bytes) > room {
                found.push(Damage { kind: DamageKind::Size, at, from: block, bytes: room });
            }
        }
    }

    /// Bytes that an object says it has from its address on, and where it says so; of kinds that have all of it in one block.
    fn stated_size(&self, object: Found) -> Option<(u64, u64)> {
        let shape = self.shape(object.type_id)?;
        let (field, bytes) = match shape.kind {
            Kind::Str => (self.offsets.unicode.length, self.sizes().own_text(object.addr)?),
            Kind::Bytes | Kind::Tuple => {
                let count = self.view.word(object.addr.wrapping_add(self.offsets.ob_size))?;
                (self.offsets.ob_size, shape.basicsize.saturating_add(count.saturating_mul(shape.itemsize)))
            }
            _ => return None,
        };
        Some((bytes, object.addr.wrapping_add(field)))
    }

    fn check_references(
        &self,
        roots: &[Root],
        interpreters: &[Interpreter],
        diagnostics: &Diagnostics,
        examined: &mut Examined,
        found: &mut Vec<Damage>,
    ) {
        if self.is_cut() {
            return;
        }
        let (dangling, referring) = self.dangling(roots, interpreters, diagnostics);
        examined.referring = referring;
        let pools = self.pools();
        for suspect in dangling.iter().filter(|suspect| suspect.type_id.is_none()) {
            let at = suspect.addr.wrapping_add(self.offsets.ob_type);
            let debug = self.collected.coverage.pools.debug;
            let block = pools.as_ref().and_then(|pools| pools.room_at(suspect.addr, debug));
            let (from, bytes) = block.unwrap_or((suspect.addr, self.offsets.head));
            found.push(Damage { kind: DamageKind::Reference, at, from, bytes });
        }
    }

    fn check_chunks(&self, data: impl Iterator<Item = (u64, u64)>, examined: &mut Examined, found: &mut Vec<Damage>) {
        for arena in glibc::arenas(&self.view, data) {
            for region in &arena.regions {
                let (chunks, damage) = glibc::check(&self.view, *region, arena.top);
                examined.chunks = examined.chunks.saturating_add(chunks);
                found.extend(damage);
            }
        }
    }
}
