//! The reference audit: the count that each object has, compared with the references to it that there are.
//!
//! Two comparisons, each a proof by itself. References that certainly own a count (items, keys, attributes, local
//! variables) are counted: an object with a smaller count was released too often. And every word of memory that leads to
//! an object is counted, whatever it is: an object with a larger count is kept by references that are nowhere. What is
//! between the two is held by native code, or left over in memory; nothing is said of it.

use super::allocators::{Block, is_alive};
use super::edges::Edges;
use super::graph::Bits;
use super::objects::{Finds, Found, ObjectId, Objects, Origin};
use super::roots::Root;
use super::types::{Shape, TypeId, TypeTable, Walk};
use super::{HeapState, Via};
use crate::base::{Addr, Diagnostics};
use crate::cpython::code::CodeCache;
use crate::cpython::frame::walk_some;
use crate::cpython::layout::{InlineValues, InstanceDict, RefcountForm};
use crate::cpython::object::Kind;
use crate::cpython::runtime::{Interpreter, threads};
use crate::debuggee::ReadErrorKind;
use crate::model::address::{Allocator, BlockState};
use crate::model::audit::AuditVerdict;
use foldhash::fast::RandomState;
use std::collections::{HashMap, HashSet};

/// Most frames of a thread whose local variables are counted.
const MAX_FRAMES: u64 = 10_000;
/// References to freed memory that are kept.
const MAX_DANGLING: usize = 10_000;
/// Holders of one object that are kept.
const MAX_HOLDERS: usize = 8;
/// Larger objects are not static.
pub(super) const STATIC_SIZE: u64 = 512;
/// Bytes of a page.
const PAGE: u64 = 4096;
/// `_PyGC_BITS_DEFERRED` (Include/internal/pycore_gc.h, free-threaded builds).
const DEFERRED: u8 = 1 << 6;
/// No text begins further into its object.
const TEXT_OFFSET: u64 = 128;
/// Low bits of a word that may be tags (`_PyStackRef`).
const TAGS: u64 = 7;

/// An object whose count and references do not agree.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// What is wrong.
    pub verdict: AuditVerdict,
    /// Its address.
    pub addr: u64,
    /// Its type; of freed memory the type that its type word still names.
    pub type_id: Option<TypeId>,
    /// Its count; absent for freed memory.
    pub count: Option<i64>,
    /// References that certainly own a count.
    pub owned: u32,
    /// Words of memory that lead to it.
    pub words: u32,
    /// Who refers to it, as many as are kept.
    pub holders: Vec<(Found, Via)>,
}

impl Suspect {
    /// References too many or too few.
    #[must_use]
    pub fn difference(&self) -> u64 {
        match (self.verdict, self.count) {
            (AuditVerdict::Leaked, Some(count)) => count.saturating_sub(i64::from(self.words)).unsigned_abs(),
            (_, Some(count)) => i64::from(self.owned).saturating_sub(count).unsigned_abs(),
            (_, None) => u64::from(self.owned),
        }
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Objects whose count was compared.
    pub objects: u64,
    /// Immortal ones, which have no count.
    pub immortal: u64,
    /// Free-threaded: those whose references are not all counted in them.
    pub deferred: u64,
    /// Interned strings: the table of interned strings holds them without a count.
    pub interned: u64,
}

/// The audit of a heap.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// What does not agree.
    pub suspects: Vec<Suspect>,
    /// What was compared.
    pub judged: Judged,
}

/// How an object's count is to be read.
#[derive(PartialEq)]
pub(super) enum Count {
    /// So many references.
    Plain(i64),
    /// Never freed, whatever its count says.
    Immortal,
    /// References of stacks are not in it (free-threaded).
    Deferred,
}

impl<'a> HeapState<'a> {
    /// Compares counts and references. `roots` are those that are certain; `registers` of all threads are words too. Where
    /// memory is `incomplete`, references that are nowhere may be in what is missing.
    #[must_use]
    pub fn audit(
        &self,
        roots: &[Root],
        interpreters: &[Interpreter],
        registers: &[u64],
        incomplete: bool,
        diagnostics: &Diagnostics,
    ) -> Audit {
        // Of an object whose references were not all seen nothing can be said.
        if self.is_cut() {
            return Audit::default();
        }
        let owned = self.owned(roots, interpreters, diagnostics);
        let (judged, unlike) = self.unlike(&owned.tally.counts);
        let words = self.words_to(&unlike, registers);
        if self.is_cut() {
            return Audit::default();
        }
        let mut audit = Audit { suspects: Vec::new(), judged };
        for (position, id) in (0u32..).zip(&unlike) {
            let Some(found) = self.objects().get(*id) else { continue };
            let references = (owned.tally.counts.get(*id), words.get(position));
            audit.suspects.extend(self.suspect(found, references, incomplete));
        }
        // Pages may have been read when the process ran again.
        if !self.is_of_one_moment() {
            audit.suspects.retain(|suspect| suspect.verdict != AuditVerdict::Leaked);
        }
        audit.suspects.extend(self.freed(&owned.tally.dangling).into_iter().filter(|s| !self.is_overwritten(s)));
        self.find_holders(&mut audit.suspects, &owned.tally.certain);
        audit
    }

    /// The objects whose count is not the number of references that own one, and what was looked at. Of all others each count is
    /// explained.
    fn unlike(&self, owned: &Counts) -> (Judged, Vec<ObjectId>) {
        let (mut judged, mut unlike) = (Judged::default(), Vec::new());
        for (id, found) in (0u32..).zip(self.objects().iter()) {
            let Some(shape) = self.shape(found.type_id) else { continue };
            let of = match self.count(found.addr) {
                Some(Count::Deferred) => &mut judged.deferred,
                // A static type is never freed, whatever its count says.
                Some(Count::Immortal) => &mut judged.immortal,
                Some(_) if shape.is_metatype() && !self.sizes().is_heap_type(found.addr) => &mut judged.immortal,
                Some(_) if shape.kind == Kind::Str && self.is_interned(found.addr) => &mut judged.interned,
                Some(Count::Plain(count)) => {
                    if count != i64::from(owned.get(id)) {
                        unlike.push(id);
                    }
                    &mut judged.objects
                }
                None => continue,
            };
            *of = of.wrapping_add(1);
        }
        (judged, unlike)
    }

    /// What is wrong with an object of which there are so many references that own a count, and so many words that lead to it.
    fn suspect(&self, found: Found, (owned, words): (u32, u32), incomplete: bool) -> Option<Suspect> {
        let shape = self.shape(found.type_id)?;
        let Some(Count::Plain(count)) = self.count(found.addr) else { return None };
        // Free-threaded builds have no lists: a mark in the object says that it is tracked.
        let is_biased = matches!(self.offsets.refcount, RefcountForm::Biased { .. });
        let listed = if is_biased { Origin::TrackedElsewhere } else { Origin::Permanent };
        // A static object has a count that no pointer stands for.
        let is_static = found.origin == Origin::Referenced && self.size(found) <= STATIC_SIZE;
        // Weak references that are about to be called are counted by the collector, and on a list of its own, whose links lead
        // to what is before the object (`handle_weakrefs`).
        let by_collector = self.collected.coverage.collecting && shape.walk == Walk::WeakRef;
        let held = i64::from(words).saturating_add(i64::from(is_static)).saturating_add(i64::from(by_collector));
        // The collector tracks every instance of a class of Python code: one that is on no list and that nothing leads to is
        // a block with old words.
        let is_none = !shape.is_native && shape.is_gc() && found.origin > listed && words == 0;
        // Text of a few characters in a block that was an `object()` leaves its type word as it was, and looks like a count.
        let is_bare = owned == 0 && !shape.is_gc() && shape.basicsize <= self.offsets.head;
        let verdict = match () {
            // Old words of a free-threaded block may look like a count below zero.
            () if owned > 0 && i64::from(owned) > count => AuditVerdict::OverReleased,
            () if !incomplete && held < count && !is_none && !is_bare => AuditVerdict::Leaked,
            () => return None,
        };
        let type_id = Some(found.type_id);
        Some(Suspect { verdict, addr: found.addr, type_id, count: Some(count), owned, words, holders: Vec::new() })
    }

    /// References that certainly own a count, counted by where they lead. What only looks like an object is on no list and
    /// nothing leads to it: those that are on one are looked at, and all that these and roots lead to.
    fn owned(&self, roots: &[Root], interpreters: &[Interpreter], diagnostics: &Diagnostics) -> Owned<'_, 'a> {
        let mut owned = Owned::new(self);
        let is_listed = |found: &Found| found.origin <= Origin::Permanent;
        for (id, origin) in (0u32..).zip(self.objects().origins()) {
            if origin <= Origin::Permanent {
                owned.tally.certain.insert(id);
            }
        }
        for found in self.objects().iter().filter(is_listed) {
            if self.view.is_over() {
                break;
            }
            owned.object(found);
            owned.follow();
        }
        for root in roots {
            if let Some(found) = self.objects().get(root.object) {
                owned.tally.mark(root.object, found.addr);
                owned.follow();
            }
        }
        for interpreter in interpreters {
            for thread in threads(&self.heap.ctx, interpreter.addr, usize::MAX, |_| true, diagnostics).threads {
                owned.frames(thread.addr);
            }
        }
        owned
    }

    /// Freed memory, and what is no object any more, that owning references lead to; how many objects refer to something.
    pub(super) fn dangling(
        &self,
        roots: &[Root],
        interpreters: &[Interpreter],
        diagnostics: &Diagnostics,
    ) -> (Vec<Suspect>, u64) {
        let owned = self.owned(roots, interpreters, diagnostics);
        (self.freed(&owned.tally.dangling), owned.referring)
    }

    /// How many words of all memory lead to each of some objects, which are sorted.
    fn words_to(&self, asked: &[ObjectId], registers: &[u64]) -> Counts {
        let (mut words, all) = (Counts::new(asked.len()), self.objects());
        let mut found = Finds::default();
        let mut near = NearBits::new();
        for object in asked.iter().filter_map(|id| all.get(*id)) {
            near.insert(object.addr);
            near.insert(object.addr.wrapping_add(TEXT_OFFSET));
            found.push(object);
        }
        let asked = found.finish();
        // C code may keep the characters instead of the object (`tp_doc`).
        let texts = self.text_offsets();
        let is_text = |id: &ObjectId| {
            let shape = asked.type_id(*id).and_then(|type_id| self.shape(type_id));
            matches!(shape.map(|shape| shape.kind), Some(Kind::Str | Kind::Bytes))
        };
        let of_text = |at: u64| {
            let starts = asked.starts_before(at);
            let begins =
                |offset: &&u64| starts.is_none_or(|bits| bits >> (64u64.wrapping_sub(**offset / 8) & 63) & 1 == 1);
            let text =
                texts.iter().filter(begins).find_map(|offset| asked.at(at.wrapping_sub(*offset)).filter(is_text));
            text.filter(|_| all.at(at).is_none())
        };
        let mut add = |word: u64| {
            let at = word & !TAGS;
            if near.has(at)
                && let Some(id) = asked.at(at).or_else(|| of_text(at))
            {
                words.add(id);
            }
        };
        registers.iter().copied().for_each(&mut add);
        for (start, bytes) in self.view.all_ranges() {
            if self.view.is_over() || !self.view.can_search_all() {
                break;
            }
            let first = start.wrapping_add(7) & !7;
            self.touched(first, bytes.saturating_sub(first.wrapping_sub(start)), |at, bytes| {
                self.view.words(at, bytes / 8, |_, word| add(word));
            });
        }
        words
    }

    /// Where the characters of a `str` or `bytes` begin.
    fn text_offsets(&self) -> [u64; 3] {
        let sval = self.heap.ctx.layouts.bytes.sval.offset().unwrap_or(self.offsets.head);
        [self.offsets.unicode.ascii_size, self.offsets.unicode.compact_size, sval]
    }

    /// Pages of a range that are not all zero: an allocator reserves much more than it uses.
    pub(super) fn touched(&self, start: u64, bytes: u64, mut found: impl FnMut(u64, u64)) {
        static ZERO: [u8; PAGE as usize] = [0; PAGE as usize];
        let mut done = 0u64;
        while done < bytes {
            let (at, size) = (start.wrapping_add(done), bytes.wrapping_sub(done).min(PAGE));
            let is_zero = self.view.bytes(at, size).is_some_and(|page| Some(&*page) == ZERO.get(..page.len()));
            if !is_zero {
                found(at, size);
            }
            done = done.wrapping_add(size);
        }
    }

    /// Reference count of the object at `at`.
    pub(super) fn count(&self, at: u64) -> Option<Count> {
        let o = &self.offsets;
        let word = self.view.word(at)?;
        Some(match o.refcount {
            RefcountForm::Static { start } if word.cast_signed() > start / 2 => Count::Immortal,
            RefcountForm::Plain | RefcountForm::Static { .. } => Count::Plain(word.cast_signed()),
            // Include/object.h, 3.12: immortal when the low half is negative.
            RefcountForm::Immortal32 if (word as u32).cast_signed() < 0 => Count::Immortal,
            RefcountForm::Immortal32 => Count::Plain(word.cast_signed()),
            RefcountForm::Split32 if (word as u32).cast_signed() < 0 => Count::Immortal,
            RefcountForm::Split32 => Count::Plain((word & 0xffff_ffff).cast_signed()),
            RefcountForm::Biased { deferred_bias } => {
                let local = self.view.u32(at.wrapping_add(o.refcount_at))?;
                let shared = self.view.word(at.wrapping_add(o.refcount_at).wrapping_add(4))?.cast_signed() >> 2;
                match () {
                    () if local == u32::MAX => Count::Immortal,
                    () if self.view.u8(at.wrapping_add(o.gc_bits)).is_some_and(|b| b & DEFERRED != 0) => {
                        Count::Deferred
                    }
                    () if deferred_bias > 0 && shared > deferred_bias / 2 => Count::Deferred,
                    () => Count::Plain(i64::from(local).saturating_add(shared)),
                }
            }
        })
    }

    /// `interned` is the lowest part of a string's state in all versions (Include/cpython/unicodeobject.h).
    fn is_interned(&self, at: u64) -> bool {
        self.view.u8(at.wrapping_add(self.offsets.unicode.state)).is_some_and(|state| state & 3 != 0)
    }

    /// Freed memory that owning references lead to: free blocks, and what has a type and no references.
    fn freed(&self, dangling: &HashMap<u64, u32, RandomState>) -> Vec<Suspect> {
        let mut types = TypeTable::new(self.heap, self.offsets);
        let mut found = Vec::new();
        for (addr, references) in dangling {
            let block = self.block_around(*addr, std::iter::empty(), None);
            let type_addr = self.view.word(addr.wrapping_add(self.offsets.ob_type));
            let known = type_addr.and_then(|t| self.collected.shapes.iter().position(|shape| shape.addr.0 == t));
            let is_free = block.is_some_and(|block| block.state == BlockState::Free);
            let without_count = known.is_some() && !is_alive(&self.view, &self.offsets, &mut types, *addr);
            let in_use = |block: Block| (block.allocator, block.state) == (Allocator::Pymalloc, BlockState::InUse);
            let is_other =
                known.is_none() && block.is_some_and(in_use) && type_addr.is_some_and(|t| self.is_no_type(t));
            if is_free || without_count || is_other {
                found.push(Suspect {
                    verdict: AuditVerdict::FreedWhileReferenced,
                    addr: *addr,
                    type_id: known.map(|at| at as TypeId),
                    count: None,
                    owned: *references,
                    words: 0,
                    holders: Vec::new(),
                });
            }
        }
        found.sort_by_key(|suspect| suspect.addr);
        found
    }

    /// Whether something of no known type is an object whose type was overwritten: its block is in use, and its count is that of
    /// the references to it.
    fn is_overwritten(&self, suspect: &Suspect) -> bool {
        let block = self.block_around(suspect.addr, std::iter::empty(), None);
        let in_use = block.is_some_and(|block| block.state == BlockState::InUse);
        let count = || self.count(suspect.addr) == Some(Count::Plain(i64::from(suspect.owned)));
        suspect.type_id.is_none() && in_use && count()
    }

    /// Whether a word certainly leads to no type: to nothing, to another object, or to a block that is too small for one.
    /// Static types that were never made ready are types all the same.
    pub(super) fn is_no_type(&self, word: u64) -> bool {
        let other = |found: Found| self.shape(found.type_id).is_some_and(|shape| !shape.is_metatype());
        let read = self.heap.ctx.memory.read(Addr(word), &mut [0; 8]);
        word & 7 != 0
            || read.is_err_and(|error| error.kind == ReadErrorKind::Unmapped)
            || self.at(Addr(word)).is_some_and(other)
            || self.in_arena(word)
    }

    fn find_holders(&self, suspects: &mut [Suspect], certain: &Bits) {
        let index: HashMap<u64, usize, RandomState> = suspects
            .iter()
            .enumerate()
            .filter(|(_, s)| s.verdict != AuditVerdict::Leaked)
            .map(|(i, s)| (s.addr, i))
            .collect();
        if index.is_empty() {
            return;
        }
        let edges = self.edges();
        for from in self.objects().iter() {
            let Some(shape) = self.shape(from.type_id) else { continue };
            edges.each(from.addr, shape, &mut |via, to| {
                if via != Via::Weak
                    && let Some(suspect) = index.get(&to).and_then(|at| suspects.get_mut(*at))
                    && suspect.holders.len() < MAX_HOLDERS
                {
                    suspect.holders.push((from, via));
                }
            });
        }
        // Those that are objects for certain say most.
        let reached = |found: &Found| self.objects().at(found.addr).is_some_and(|id: ObjectId| certain.has(id));
        for suspect in suspects {
            suspect.holders.sort_by_key(|(found, _)| !reached(found));
        }
    }
}

/// Containers that C code moves items in, or makes longer before it fills them (Objects/listobject.c: `ins1`, `app1`,
/// `list_ass_slice`).
fn is_changed_in_steps(walk: Walk) -> bool {
    matches!(walk, Walk::List | Walk::Dict | Walk::Set | Walk::Deque)
}

/// Pages of some addresses, so that most others can be told from them at once.
struct NearBits(Vec<u64>);

impl NearBits {
    const BITS: usize = 1 << 18;

    fn new() -> NearBits {
        NearBits(vec![0; Self::BITS / 64])
    }

    #[inline]
    fn place(addr: u64) -> (usize, u32) {
        let page = (addr / PAGE) as usize & Self::BITS.wrapping_sub(1);
        (page / 64, (page % 64) as u32)
    }

    fn insert(&mut self, addr: u64) {
        let (word, bit) = Self::place(addr);
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= 1 << bit;
        }
    }

    /// Whether one of them may be in the same page; `false` is certain.
    #[inline]
    fn has(&self, addr: u64) -> bool {
        let (word, bit) = Self::place(addr);
        self.0.get(word).is_some_and(|bits| bits >> bit & 1 == 1)
    }
}

/// Numbers, nearly all of which are small: two bytes each.
struct Counts {
    small: Vec<u16>,
    large: HashMap<ObjectId, u32, RandomState>,
}

impl Counts {
    fn new(len: usize) -> Counts {
        Counts { small: vec![0; len], large: HashMap::default() }
    }

    #[inline]
    fn add(&mut self, id: ObjectId) {
        match self.small.get_mut(id as usize) {
            Some(&mut u16::MAX) => {
                let count = self.large.entry(id).or_insert(u32::from(u16::MAX));
                *count = count.saturating_add(1);
            }
            Some(count) => *count = count.wrapping_add(1),
            None => {}
        }
    }

    #[inline]
    fn get(&self, id: ObjectId) -> u32 {
        match self.small.get(id as usize) {
            Some(&u16::MAX) => self.large.get(&id).copied().unwrap_or(u32::from(u16::MAX)),
            Some(count) => u32::from(*count),
            None => 0,
        }
    }
}

/// References by where they lead.
struct Tally<'s> {
    objects: &'s Objects,
    counts: Counts,
    /// Where references lead that is no object, and how many do.
    dangling: HashMap<u64, u32, RandomState>,
    /// What is an object for certain.
    certain: Bits,
    /// Of these, those whose references are to be followed yet.
    todo: Vec<Found>,
    /// Which types have instances that refer to something.
    referring: Vec<bool>,
}

impl Tally<'_> {
    /// A reference that owns a count.
    #[inline]
    fn add(&mut self, to: u64) {
        match self.objects.at(to) {
            Some(id) => {
                self.counts.add(id);
                self.mark(id, to);
            }
            None if self.dangling.len() < MAX_DANGLING => {
                let count = self.dangling.entry(to).or_insert(0);
                *count = count.saturating_add(1);
            }
            None => {}
        }
    }

    /// A reference that may own none.
    #[inline]
    fn see(&mut self, to: u64) {
        if let Some(id) = self.objects.at(to) {
            self.mark(id, to);
        }
    }

    #[inline]
    fn mark(&mut self, id: ObjectId, addr: u64) {
        if !self.certain.insert(id)
            && let Some(type_id) = self.objects.type_id(id)
            && self.referring.get(type_id as usize) == Some(&true)
        {
            self.todo.push(Found { addr, type_id, origin: Origin::Allocated });
        }
    }
}

/// Counts references that certainly own one.
struct Owned<'s, 'a> {
    state: &'s HeapState<'a>,
    edges: Edges<'s>,
    tally: Tally<'s>,
    /// Frames that are a part of a generator.
    generators: HashSet<u64, RandomState>,
    /// Fields of the object at hand, and what they refer to.
    fields: Vec<(u64, u64)>,
    /// Objects whose references were counted.
    referring: u64,
}

impl<'s, 'a> Owned<'s, 'a> {
    fn new(state: &'s HeapState<'a>) -> Owned<'s, 'a> {
        Owned {
            state,
            edges: state.edges(),
            tally: Tally {
                objects: state.objects(),
                counts: Counts::new(state.objects().len()),
                dangling: HashMap::default(),
                certain: Bits::new(state.objects().len()),
                todo: Vec::new(),
                referring: state.collected.shapes.iter().map(|shape| shape.refers).collect(),
            },
            generators: HashSet::default(),
            fields: Vec::new(),
            referring: 0,
        }
    }

    /// Looks at all that is certain to be an object since the last time.
    fn follow(&mut self) {
        while let Some(found) = self.tally.todo.pop() {
            if self.state.view.is_over() {
                return;
            }
            self.object(found);
        }
    }

    fn object(&mut self, found: Found) {
        let state = self.state;
        let Some(shape) = state.shape(found.type_id) else { return };
        // Static objects of 3.11 refer to others without owning them (Python/deepfreeze).
        if matches!(state.offsets.refcount, RefcountForm::Static { .. })
            && matches!(state.count(found.addr), Some(Count::Immortal))
        {
            let Owned { edges, tally, .. } = self;
            edges.each(found.addr, shape, &mut |via, to| {
                if via != Via::Weak {
                    tally.see(to);
                }
            });
            return;
        }
        self.referring = self.referring.saturating_add(1);
        let values_are_elsewhere = self.is_embedded(found.addr, shape);
        let in_flux = is_changed_in_steps(shape.walk) && state.at_hand.contains(&found.addr);
        // C code names the base of a static type without owning it.
        let is_static_type = shape.is_metatype() && !state.sizes().is_heap_type(found.addr);
        let base = state.heap.ctx.layouts.type_object.base.offset().filter(|_| is_static_type);
        let Owned { edges, tally, fields, .. } = self;
        edges.each(found.addr, shape, &mut |via, to| match via {
            Via::Field(offset) if Some(offset) != base && shape.owns_field(offset) => fields.push((offset, to)),
            // The `__dict__` of a type is a field of it.
            Via::Dict if !shape.is_metatype() => fields.push((u64::MAX, to)),
            // While it is changed an item may be there twice, or a place that is not filled yet.
            Via::Item(_) | Via::Element | Via::Key | Via::Value(_) if in_flux => tally.see(to),
            Via::Item(_) | Via::Element | Via::Key | Via::Attribute(_) => tally.add(to),
            // Instances of other types have none of it; types themselves are counted in ways of their own.
            Via::Type if !shape.is_metatype() => tally.add(to),
            Via::Value(_) if !values_are_elsewhere => tally.add(to),
            Via::Weak => {}
            _ => tally.see(to),
        });
        // Some fields are named twice.
        if fields.len() > 1 {
            fields.sort_by_key(|(offset, _)| *offset);
            fields.dedup_by_key(|(offset, _)| *offset);
        }
        fields.drain(..).for_each(|(_, to)| tally.add(to));
        match shape.walk {
            Walk::Generator => {
                if let Some(frame) = self.edges.suspended_frame(found.addr) {
                    self.generators.insert(frame);
                    self.slots(frame);
                }
            }
            Walk::Frame => {
                for to in self.edges.frame_object_locals(found.addr) {
                    self.tally.add(to);
                }
            }
            _ => {}
        }
    }

    /// Whether the values of a dict are a part of the instance whose dict it is, which owns them (3.13+:
    /// `_PyDictValues.embedded`).
    fn is_embedded(&self, at: u64, shape: &Shape) -> bool {
        let (view, o) = (&self.state.view, &self.state.offsets);
        let inline = matches!(o.instance_dict, InstanceDict::Inline { .. }) && o.inline_values == InlineValues::Header;
        if shape.walk != Walk::Dict || !inline {
            return false;
        }
        let values = view.word(at.wrapping_add(o.dict_values)).unwrap_or(0);
        values != 0 && view.u8(values.wrapping_add(2)) == Some(1)
    }

    /// The local variables of a thread's frames.
    fn frames(&mut self, tstate: Addr) {
        let heap = self.state.heap;
        // Until 3.10 frames are objects.
        if heap.ctx.layouts.frame.localsplus.offset().is_none() {
            return;
        }
        let codes = CodeCache::default();
        for frame in walk_some(&heap.ctx, &codes, tstate, MAX_FRAMES).frames {
            if !self.generators.contains(&frame.addr.0) {
                self.slots(frame.addr.0);
            }
        }
    }

    fn slots(&mut self, frame: u64) {
        for to in self.edges.owned_locals(frame) {
            self.tally.add(to);
        }
    }
}
