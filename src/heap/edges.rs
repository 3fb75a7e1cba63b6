//! [`Edges`]: what an object refers to, by the layout of its type.

use super::dicts::{KeyTable, each_value};
use super::interned::is_mortal;
use super::offsets::Offsets;
use super::types::{Shape, Walk, flags};
use super::view::View;
use crate::cpython::layout::{Dialect, InlineValues, InstanceDict, Layouts, LocalsPlus, StackRefs};
use crate::cpython::object::Kind;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// More slots than a frame has, more items than fit into memory that is read.
const MAX_SLOTS: u64 = 100_000;
const MAX_ITEMS: u64 = 1 << 40;
/// Longest module state that is looked through, in bytes.
const MAX_STATE: u64 = 1 << 16;
/// Items of a deque's block.
const DEQUE_BLOCK: u64 = 64;

/// How one object refers to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// `ob_type`.
    Type,
    /// A word of the object at this offset in bytes: a field with a name, or one that only may be a reference.
    Field(u64),
    /// `[index]`.
    Item(u64),
    /// An element of a set.
    Element,
    /// A key of a dict.
    Key,
    /// The value at this key object.
    Value(u64),
    /// The attribute of this index among the shared keys of the type.
    Attribute(u64),
    /// `__dict__`.
    Dict,
    /// A name among the shared keys of a class.
    SharedKey,
    /// Slot of a frame: locals, cells and free variables, then the evaluation stack.
    Slot(u64),
    /// A field of a frame.
    Frame(&'static str),
    /// A word of a module's state in C.
    ModuleState(u64),
    /// Weakly: it does not keep the object alive.
    Weak,
}

/// References of objects.
pub(super) struct Edges<'a> {
    pub view: &'a View<'a>,
    pub o: &'a Offsets,
    pub l: &'a Layouts,
    pub dialect: &'a Dialect,
    /// `tp_dict` of static types that keep it in the interpreter (3.12+).
    pub static_dicts: &'a HashMap<u64, u64>,
    /// The dicts of interned strings.
    pub interned: &'a [u64],
    /// Words that may still be read as items of containers.
    pub left: AtomicU64,
    /// Only references that are counted: none that is borrowed, and each once.
    pub owned: bool,
}

/// Containers of an intact heap hold each word of memory once; a damaged one may have many that claim all of it.
pub(super) fn budget(view: &View<'_>) -> AtomicU64 {
    const LEAST: u64 = 1 << 28;
    AtomicU64::new((view.held_bytes() / 2).max(LEAST))
}

impl<'a> Edges<'a> {
    /// The same again, with what is left of the budget.
    pub(super) fn again(&self) -> Edges<'a> {
        let left = AtomicU64::new(self.left.load(Ordering::Relaxed));
        let Edges { view, o, l, dialect, static_dicts, interned, owned, .. } = *self;
        Edges { view, o, l, dialect, static_dicts, interned, left, owned }
    }

    /// As [`View::words`], as far as the budget goes.
    #[inline]
    pub(super) fn read(&self, at: u64, count: u64, found: impl FnMut(u64, u64)) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        let allowed = count.min(left);
        // What is not readable ends the walk and is not counted.
        let mut seen = 0u64;
        let mut found = found;
        let whole = self.view.words(at, allowed, |index, word| {
            seen = seen.wrapping_add(1);
            found(index, word);
        });
        self.left.store(left.saturating_sub(seen), Ordering::Relaxed);
        whole && allowed == count
    }

    /// Calls `found` with each reference of the object at `at`; NULL is left out.
    #[inline]
    pub(super) fn each(&self, at: u64, shape: &Shape, found: &mut impl FnMut(Via, u64)) {
        if !shape.refers {
            return;
        }
        let mut found = |via, to: u64| {
            if to & 7 == 0 && to > 4096 {
                found(via, to);
            }
        };
        let found = &mut found;
        if shape.has(flags::HEAPTYPE) {
            found(Via::Type, shape.addr.0);
        }
        match shape.walk {
            Walk::Fields => {}
            Walk::Words => {
                self.words(at, shape, found);
                if shape.kind == Kind::NumpyArray {
                    self.array_of_objects(at, found);
                }
            }
            Walk::Tuple => self.items(at, at.wrapping_add(self.o.tuple_items), found),
            Walk::List => {
                let items = self.view.word(at.wrapping_add(self.o.list_items)).unwrap_or(0);
                if items != 0 {
                    self.items(at, items, found);
                }
            }
            Walk::Dict => {
                self.dict(at, found);
                self.words(at, shape, found);
            }
            Walk::Set => self.set(at, found),
            Walk::Deque => self.deque(at, found),
            Walk::Type => self.type_object(at, shape, found),
            Walk::Module => {
                self.words(at, shape, found);
                self.module_state(at, found);
            }
            Walk::Generator => {
                self.words(at, shape, found);
                self.generator(at, found);
            }
            Walk::Frame => self.frame_object(at, found),
            Walk::WeakRef => {
                if let Some(field) = self.l.weakref.object.offset() {
                    found(Via::Weak, self.view.word(at.wrapping_add(field)).unwrap_or(0));
                }
                if let Some(field) = self.l.weakref.callback.offset() {
                    found(Via::Field(field), self.view.word(at.wrapping_add(field)).unwrap_or(0));
                }
            }
        }
        // What the walk above has not seen.
        let seen_items = match shape.walk {
            Walk::Tuple => {
                let count = self.view.word(at.wrapping_add(self.o.ob_size)).unwrap_or(0).min(MAX_ITEMS);
                self.o.tuple_items..self.o.tuple_items.wrapping_add(count.wrapping_mul(8))
            }
            _ => 0..0,
        };
        for member in &shape.members {
            let seen = shape.words.contains(&member.offset) || seen_items.contains(&member.offset);
            if !seen && shape.walk != Walk::Type {
                found(Via::Field(member.offset), self.view.word(at.wrapping_add(member.offset)).unwrap_or(0));
            }
        }
        // A type's dict is one of its own words.
        if !(self.owned && shape.walk == Walk::Type) {
            self.instance_dict(at, shape, found);
        }
    }

    fn words(&self, at: u64, shape: &Shape, found: &mut impl FnMut(Via, u64)) {
        let range = &shape.words;
        let dict = u64::try_from(shape.dictoffset).unwrap_or(0);
        let count = range.end.saturating_sub(range.start) / 8;
        self.read(at.wrapping_add(range.start), count, |index, word| {
            let offset = range.start.wrapping_add(index.wrapping_mul(8));
            if Some(offset) != shape.weaklist && offset != dict {
                found(Via::Field(offset), word);
            }
        });
        // Items of a native type that is not known: they may be references too.
        if shape.itemsize == 8 && shape.walk == Walk::Words {
            let items = self.view.word(at.wrapping_add(self.o.ob_size)).unwrap_or(0).cast_signed().unsigned_abs();
            self.read(at.wrapping_add(shape.basicsize), items.min(MAX_SLOTS), |index, word| {
                found(Via::Field(shape.basicsize.wrapping_add(index.wrapping_mul(8))), word);
            });
        }
    }

    fn items(&self, at: u64, items: u64, found: &mut impl FnMut(Via, u64)) {
        let count = self.view.word(at.wrapping_add(self.o.ob_size)).unwrap_or(0);
        if count < MAX_ITEMS {
            self.read(items, count, |index, word| found(Via::Item(index), word));
        }
    }

    /// The objects that an array of NumPy owns, in the order of its memory.
    fn array_of_objects(&self, at: u64, found: &mut impl FnMut(Via, u64)) {
        if let Some(array) = super::numpy::array(self.view, self.o, at)
            && let Some(data) = array.owned
        {
            self.read(data, array.objects, |index, word| found(Via::Item(index), word));
        }
    }

    fn dict(&self, at: u64, found: &mut impl FnMut(Via, u64)) {
        let o = self.o;
        let word = |field: u64| self.view.word(at.wrapping_add(field)).unwrap_or(0);
        let Some(keys) = KeyTable::read(self.view, o, word(o.dict_keys)) else { return };
        let values = word(o.dict_values);
        if values == 0 {
            let is_interned = self.interned.contains(&at);
            keys.each(self, |_, key, value| {
                if is_interned && value != 0 && is_mortal(self, key) {
                    found(Via::Weak, key);
                } else if value != 0 {
                    found(Via::Key, key);
                    found(Via::Value(key), value);
                }
            });
            return;
        }
        // Values that are part of an instance are the instance's too; it owns the dict.
        if self.owned && o.values_embedded.and_then(|e| self.view.u8(values.wrapping_add(e))) == Some(1) {
            return;
        }
        each_value(self, values, keys.count, |index, value| {
            if let Some(key) = keys.key(self.view, index) {
                found(Via::Value(key), value);
            }
        });
    }

    fn set(&self, at: u64, found: &mut impl FnMut(Via, u64)) {
        let word = |field: u64| self.view.word(at.wrapping_add(field)).unwrap_or(0);
        let (mask, table) = (word(self.o.set_mask), word(self.o.set_table));
        if mask >= MAX_ITEMS || mask.wrapping_add(1) & mask != 0 || table == 0 {
            return;
        }
        let (mut key, mut odd) = (0u64, false);
        self.read(table, mask.wrapping_add(1).wrapping_mul(2), |_, word| {
            // A deleted element leaves `dummy` with hash -1, which no object has.
            if odd && key != 0 && word != u64::MAX {
                found(Via::Element, key);
            }
            (key, odd) = (word, !odd);
        });
    }

    fn deque(&self, at: u64, found: &mut impl FnMut(Via, u64)) {
        let (d, b) = (&self.l.deque, &self.l.deque_block);
        let word = |slot: Option<u64>| slot.and_then(|s| self.view.word(at.wrapping_add(s))).unwrap_or(0);
        let (mut block, mut index) = (word(d.leftblock.offset()), word(d.leftindex.offset()));
        let (Some(data), Some(right)) = (b.data.offset(), b.rightlink.offset()) else { return };
        let count = word(Some(self.o.ob_size)).min(MAX_ITEMS);
        let mut done = 0u64;
        while done < count && block != 0 && index < DEQUE_BLOCK {
            let n = DEQUE_BLOCK.wrapping_sub(index).min(count.wrapping_sub(done));
            let start = block.wrapping_add(data).wrapping_add(index.wrapping_mul(8));
            if !self.read(start, n, |i, word| found(Via::Item(done.wrapping_add(i)), word)) {
                return;
            }
            done = done.wrapping_add(n);
            index = 0;
            block = self.view.word(block.wrapping_add(right)).unwrap_or(0);
        }
    }

    /// A type object: every word that leads to an object, and the names that instances share.
    fn type_object(&self, at: u64, shape: &Shape, found: &mut impl FnMut(Via, u64)) {
        let o = self.o;
        let heap = self.view.word(at.wrapping_add(o.tp_flags)).is_some_and(|f| f & flags::HEAPTYPE != 0);
        let end = if heap { shape.basicsize.max(o.ht_size) } else { o.tp_size };
        let count = end.saturating_sub(o.head) / 8;
        self.read(at.wrapping_add(o.head), count, |index, word| {
            let offset = o.head.wrapping_add(index.wrapping_mul(8));
            if Some(offset) != o.tp_weaklist {
                found(Via::Field(offset), word);
            }
        });
        if heap {
            let keys = self.view.word(at.wrapping_add(o.ht_cached_keys)).unwrap_or(0);
            if let Some(keys) = KeyTable::read(self.view, o, keys) {
                keys.each(self, |_, key, _| found(Via::SharedKey, key));
            }
        } else if let Some(dict) = self.static_dicts.get(&at) {
            found(Via::Dict, *dict);
        }
    }

    fn module_state(&self, at: u64, found: &mut impl FnMut(Via, u64)) {
        let m = &self.l.module;
        let word = |slot: Option<u64>| slot.and_then(|s| self.view.word(at.wrapping_add(s))).unwrap_or(0);
        let def = match (m.def.offset(), m.token_is_def.offset()) {
            (Some(def), _) => word(Some(def)),
            (None, Some(is_def)) if self.view.u8(at.wrapping_add(is_def)) == Some(1) => word(m.token.offset()),
            _ => 0,
        };
        let state = word(m.state.offset());
        let size = self.l.module_def.size_field.offset().filter(|_| def != 0);
        let size = size.and_then(|s| self.view.word(def.wrapping_add(s))).unwrap_or(0);
        if state != 0 && state & 7 == 0 && size <= MAX_STATE {
            self.read(state, size / 8, |index, word| found(Via::ModuleState(index.wrapping_mul(8)), word));
        }
    }

    fn generator(&self, at: u64, found: &mut impl FnMut(Via, u64)) {
        let g = &self.l.generator;
        let (Some(states), Some(state), Some(iframe)) =
            (self.dialect.generator_states, g.frame_state.offset(), g.iframe.offset())
        else {
            return;
        };
        let state = self.view.u8(at.wrapping_add(state)).map(u8::cast_signed);
        if state.is_some_and(|s| !states.finished.contains(&s)) {
            self.frame(at.wrapping_add(iframe), found);
        }
    }

    /// The frame of a generator that can go on.
    pub(super) fn suspended_frame(&self, at: u64) -> Option<u64> {
        let g = &self.l.generator;
        let states = self.dialect.generator_states?;
        let state = self.view.u8(at.wrapping_add(g.frame_state.offset()?))?.cast_signed();
        (!states.finished.contains(&state)).then(|| g.iframe.offset().map(|iframe| at.wrapping_add(iframe)))?
    }

    /// Local variables, cells and free variables of a frame (3.11+) that own a reference. Values on the evaluation stack
    /// may have been taken off it.
    pub(super) fn owned_locals(&self, at: u64) -> Vec<u64> {
        let f = &self.l.frame;
        let (Some(localsplus), Some(executable)) = (f.localsplus.offset(), f.executable.offset()) else {
            return Vec::new();
        };
        let code = self.dialect.untag(self.view.word(at.wrapping_add(executable)).unwrap_or(0)).0;
        let count = self.l.code.nlocalsplus.offset().and_then(|field| self.view.u32(code.wrapping_add(field)));
        let mut found = Vec::new();
        let first = at.wrapping_add(localsplus);
        self.read(first, u64::from(count.unwrap_or(0)).min(MAX_SLOTS), |_, bits| {
            // A tag says that it is borrowed, or counted elsewhere (3.14+).
            let plain = self.dialect.untag(bits).0 == bits;
            if plain && bits & 7 == 0 && bits > 4096 {
                found.push(bits);
            }
        });
        found
    }

    /// Local variables, cells and free variables of a frame object that are its own.
    pub(super) fn frame_object_locals(&self, at: u64) -> Vec<u64> {
        let (f, c) = (&self.l.frame_object, &self.l.code);
        let word = |base: u64, slot: Option<u64>| slot.and_then(|s| self.view.word(base.wrapping_add(s))).unwrap_or(0);
        if self.dialect.locals_plus != LocalsPlus::ThreeTuples {
            let frame = word(at, f.f_frame.offset());
            let own = f.frame_data.offset().is_some_and(|data| frame == at.wrapping_add(data));
            return if own { self.owned_locals(frame) } else { Vec::new() };
        }
        let code = word(at, f.f_code.offset());
        let Some(localsplus) = f.f_localsplus.offset() else { return Vec::new() };
        let locals = c.nlocals.offset().and_then(|s| self.view.u32(code.wrapping_add(s))).unwrap_or(0);
        let len = |slot: Option<u64>| {
            let tuple = word(code, slot);
            if tuple == 0 { 0 } else { word(tuple, Some(self.o.ob_size)).min(MAX_SLOTS) }
        };
        let count = u64::from(locals).wrapping_add(len(c.cellvars.offset())).wrapping_add(len(c.freevars.offset()));
        let mut found = Vec::new();
        self.read(at.wrapping_add(localsplus), count.min(MAX_SLOTS), |_, word| {
            if word & 7 == 0 && word > 4096 {
                found.push(word);
            }
        });
        found
    }

    fn frame_object(&self, at: u64, found: &mut impl FnMut(Via, u64)) {
        let f = &self.l.frame_object;
        if self.dialect.locals_plus == LocalsPlus::ThreeTuples {
            self.old_frame(at, found);
            return;
        }
        // The frame is the object's own once the call has ended.
        let frame = f.f_frame.offset().and_then(|field| self.view.word(at.wrapping_add(field)));
        if let (Some(frame), Some(data)) = (frame, f.frame_data.offset())
            && frame == at.wrapping_add(data)
        {
            self.frame(frame, found);
        }
    }

    /// `_PyInterpreterFrame` (3.11+): what it owns.
    pub(super) fn frame(&self, at: u64, found: &mut impl FnMut(Via, u64)) {
        let f = &self.l.frame;
        let word = |field: Option<u64>| field.and_then(|field| self.view.word(at.wrapping_add(field))).unwrap_or(0);
        let code = self.dialect.untag(word(f.executable.offset())).0;
        let parts =
            [("code", f.executable), ("function", f.funcobj), ("namespace", f.locals), ("frame object", f.frame_obj)];
        for (name, field) in parts {
            self.stack_ref(Via::Frame(name), word(field.offset()), found);
        }
        let Some(localsplus) = f.localsplus.offset() else { return };
        let first = at.wrapping_add(localsplus);
        let of_code = |field: Option<u64>| {
            u64::from(field.and_then(|field| self.view.u32(code.wrapping_add(field))).unwrap_or(0)).min(MAX_SLOTS)
        };
        let locals = of_code(self.l.code.nlocalsplus.offset());
        let most = locals.wrapping_add(of_code(self.l.code.stacksize.offset()));
        // Not stored while the frame runs: then the locals alone are known to be good.
        let used = match (f.stackpointer.offset(), f.stacktop.offset()) {
            (Some(field), _) => {
                let top = self.view.word(at.wrapping_add(field)).unwrap_or(0);
                top.checked_sub(first).map_or(0, |bytes| bytes / 8)
            }
            (None, Some(field)) => {
                let top = self.view.u32(at.wrapping_add(field)).map_or(-1, u32::cast_signed);
                u64::try_from(top).unwrap_or(0)
            }
            _ => 0,
        };
        let count = if used > most { locals } else { used.max(locals) };
        self.read(first, count, |index, bits| self.slot(index, bits, found));
    }

    fn slot(&self, index: u64, bits: u64, found: &mut impl FnMut(Via, u64)) {
        if let StackRefs::Tagged { mask, int_tag, invalid_tag } = self.dialect.stack_refs {
            let tag = Some(bits & mask);
            if tag == int_tag || tag == invalid_tag {
                return;
            }
        }
        self.stack_ref(Via::Slot(index), bits, found);
    }

    /// A `_PyStackRef`: a tag says that it does not count (3.14+ Include/internal/pycore_stackref.h).
    fn stack_ref(&self, via: Via, bits: u64, found: &mut impl FnMut(Via, u64)) {
        let untagged = self.dialect.untag(bits).0;
        if !self.owned || untagged == bits {
            found(via, untagged);
        }
    }

    /// `PyFrameObject` until 3.10: locals, cells and free variables, then the evaluation stack while it is at rest.
    fn old_frame(&self, at: u64, found: &mut impl FnMut(Via, u64)) {
        let (f, c) = (&self.l.frame_object, &self.l.code);
        let word = |base: u64, slot: Option<u64>| slot.and_then(|s| self.view.word(base.wrapping_add(s))).unwrap_or(0);
        let code = word(at, f.f_code.offset());
        let Some(localsplus) = f.f_localsplus.offset() else { return };
        let first = at.wrapping_add(localsplus);
        let locals = c.nlocals.offset().and_then(|s| self.view.u32(code.wrapping_add(s))).unwrap_or(0);
        let len = |slot: Option<u64>| {
            let tuple = word(code, slot);
            if tuple == 0 { 0 } else { word(tuple, Some(self.o.ob_size)).min(MAX_SLOTS) }
        };
        let cells = len(c.cellvars.offset()).wrapping_add(len(c.freevars.offset()));
        let named = u64::from(locals).min(MAX_SLOTS).wrapping_add(cells);
        let stack = match (f.f_stacktop.offset(), f.f_stackdepth.offset()) {
            (Some(top), _) => word(at, Some(top)).checked_sub(first).map_or(0, |bytes| bytes / 8),
            (None, Some(depth)) => {
                let depth = self.view.u32(at.wrapping_add(depth)).map_or(-1, u32::cast_signed);
                u64::try_from(depth).map_or(0, |d| d.wrapping_add(named))
            }
            _ => 0,
        };
        let count = if stack > MAX_SLOTS { named } else { stack.max(named) };
        self.read(first, count, |index, word| found(Via::Slot(index), word));
    }

    fn instance_dict(&self, at: u64, shape: &Shape, found: &mut impl FnMut(Via, u64)) {
        let o = self.o;
        if !shape.managed_dict(o) {
            self.plain_dict(at, shape, found);
            return;
        }
        let word = |offset: i64| self.view.word(at.wrapping_add_signed(offset)).unwrap_or(0);
        match o.instance_dict {
            InstanceDict::DictOffset => {}
            InstanceDict::Managed311 => match word(-32) {
                0 => found(Via::Dict, word(-24)),
                values => self.attributes(shape, values, found),
            },
            InstanceDict::Managed312 => match word(-24) {
                tagged if tagged & 1 == 1 => self.attributes(shape, tagged.wrapping_add(1), found),
                dict => found(Via::Dict, dict),
            },
            InstanceDict::Inline { dict_at } => {
                found(Via::Dict, word(dict_at));
                if let Some(values) = self.values_inside(at, shape) {
                    self.attributes(shape, values, found);
                }
            }
        }
    }

    /// Where the values of attributes are inside of an instance (3.13+), while they are in use.
    pub(super) fn values_inside(&self, at: u64, shape: &Shape) -> Option<u64> {
        if !matches!(self.o.instance_dict, InstanceDict::Inline { .. }) || !shape.has(flags::INLINE_VALUES) {
            return None;
        }
        let values = at.wrapping_add(shape.basicsize);
        let valid = self.view.u8(values.wrapping_add(self.o.values_valid?))?;
        (valid == 1).then_some(values)
    }

    fn plain_dict(&self, at: u64, shape: &Shape, found: &mut impl FnMut(Via, u64)) {
        let offset = match shape.dictoffset {
            0 | -1 => return,
            offset if offset < 0 => {
                // From the end of a variable-size object, rounded up to a pointer (`_PyObject_GetDictPtr`).
                let count = self.view.word(at.wrapping_add(self.o.ob_size)).unwrap_or(0).cast_signed().unsigned_abs();
                let size = shape.basicsize.wrapping_add(count.wrapping_mul(shape.itemsize)).wrapping_add(7) & !7;
                size.wrapping_add_signed(offset)
            }
            offset => offset.unsigned_abs(),
        };
        found(Via::Dict, self.view.word(at.wrapping_add(offset)).unwrap_or(0));
    }

    /// Values beside the keys that instances of a class share.
    fn attributes(&self, shape: &Shape, values: u64, found: &mut impl FnMut(Via, u64)) {
        // 3.13+ states how many values there are; before, the keys do.
        let keys = match self.o.inline_values {
            InlineValues::Header => u64::MAX,
            _ => self.shared_keys(shape).map_or(0, |keys| keys.count),
        };
        each_value(self, values, keys, |index, value| found(Via::Attribute(index), value));
    }

    /// The keys that instances of a class share.
    pub(super) fn shared_keys(&self, shape: &Shape) -> Option<KeyTable> {
        let keys = self.view.word(shape.addr.0.wrapping_add(self.o.ht_cached_keys))?;
        KeyTable::read(self.view, self.o, keys)
    }
}
