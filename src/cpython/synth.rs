//! [`SynthPython`]: objects of any CPython version put into memory field by field, for tests of decoders.
//!
//! Offsets are the built-in tables', values are written as that version's C code would; so one test runs on all of them.

use super::layout::{Dialect, IntRepr, Layouts, dialect, known_minors, lookup};
use super::object::{Heap, Repr, ReprLimits, TypeCache, repr};
use super::{BuildFlags, Context, PyVersion};
use crate::base::{Abi, Addr};
use crate::debuggee::synth_memory::SynthMemory;
use std::sync::Arc;

/// `Py_TPFLAGS_*` (Include/object.h).
const READY: u64 = 1 << 12;
const LONG_SUBCLASS: u64 = 1 << 24;
const LIST_SUBCLASS: u64 = 1 << 25;
const TUPLE_SUBCLASS: u64 = 1 << 26;
const UNICODE_SUBCLASS: u64 = 1 << 28;
const TYPE_SUBCLASS: u64 = 1 << 31;

/// Room of an object: more than any needs here.
const ROOM: u64 = 0x400;
/// Where objects begin.
const FIRST: u64 = 0x7f00_0000_0000;

/// An interpreter's memory in the making.
#[derive(Debug)]
pub(crate) struct SynthPython {
    /// For messages: `3.13t`.
    pub name: String,
    pub memory: SynthMemory,
    layouts: &'static Layouts,
    dialect: Dialect,
    next: u64,
    /// The types that [`SynthPython::new`] makes.
    pub type_type: Addr,
    pub object: Addr,
    pub int: Addr,
    pub str: Addr,
    pub tuple: Addr,
    pub list: Addr,
}

impl SynthPython {
    /// Every version that has a table, with and without the GIL.
    pub fn all() -> Vec<SynthPython> {
        let flags = [BuildFlags::RELEASE, BuildFlags { debug: false, free_threaded: true }];
        let builds = known_minors().flat_map(|version| flags.map(|flags| (version, flags)));
        let all: Vec<SynthPython> = builds.filter_map(|(version, flags)| SynthPython::new(version, flags)).collect();
        assert!(all.len() >= 8 + 3, "3.8 to 3.15, and 3.13t to 3.15t");
        all
    }

    fn new(version: PyVersion, flags: BuildFlags) -> Option<Self> {
        let abi = Abi::LINUX_X86_64;
        let (layouts, _) = lookup(version, flags, &abi)?;
        // The objects made here are those of Python 3.
        let dialect = dialect(version, flags, &abi).filter(|dialect| !dialect.is_two())?;
        let mut python = SynthPython {
            name: format!("{version}{}", flags.abiflags()),
            memory: SynthMemory::new(),
            layouts,
            dialect,
            next: FIRST,
            type_type: Addr::NULL,
            object: Addr::NULL,
            int: Addr::NULL,
            str: Addr::NULL,
            tuple: Addr::NULL,
            list: Addr::NULL,
        };
        python.type_type = python.room();
        python.object = python.class("object", Addr::NULL, 0);
        python.set("object", "ob_type", python.object, python.type_type.0);
        python.fill_class(python.type_type, "type", python.object, TYPE_SUBCLASS);
        python.int = python.class("int", python.object, LONG_SUBCLASS);
        python.str = python.class("str", python.object, UNICODE_SUBCLASS);
        python.tuple = python.class("tuple", python.object, TUPLE_SUBCLASS);
        python.list = python.class("list", python.object, LIST_SUBCLASS);
        Some(python)
    }

    pub fn context(&self) -> Context<'_> {
        Context { memory: &self.memory, abi: Abi::LINUX_X86_64, layouts: self.layouts, dialect: &self.dialect }
    }

    /// Its objects, without an interpreter state.
    pub fn heap(&self) -> Heap<'_> {
        Heap::new(self.context(), Arc::new(TypeCache::new(None)), None)
    }

    /// What `repr()` of an object would have been.
    pub fn repr(&self, addr: Addr) -> Repr {
        repr(&self.heap(), addr, &ReprLimits::default())
    }

    /// Zeroed memory of its own.
    pub fn room(&mut self) -> Addr {
        let at = self.next;
        self.memory.put(at, &[0; ROOM as usize]);
        // A gap, so that what reads beyond an object's room finds nothing.
        self.next = at + 2 * ROOM;
        Addr(at)
    }

    /// Writes a field of eight bytes; one that this version lacks is not a field to write.
    pub fn set(&mut self, strukt: &str, field: &str, base: Addr, value: u64) {
        if let Some(offset) = self.layouts.slot(strukt, field).and_then(|slot| slot.offset()) {
            self.memory.put(base.0.wrapping_add(offset), &value.to_le_bytes());
        }
    }

    fn offset(&self, strukt: &str, field: &str) -> u64 {
        let slot = self.layouts.slot(strukt, field).unwrap_or_else(|| panic!("no field {strukt}.{field}"));
        slot.offset().unwrap_or_else(|| panic!("{}: {strukt}.{field} is not known", self.name))
    }

    /// A static type.
    pub fn class(&mut self, name: &str, base: Addr, flags: u64) -> Addr {
        let at = self.room();
        self.fill_class(at, name, base, flags);
        at
    }

    fn fill_class(&mut self, at: Addr, name: &str, base: Addr, flags: u64) {
        let text = self.room();
        self.memory.put(text.0, name.as_bytes());
        let metatype = self.type_type.0;
        self.set("object", "ob_type", at, metatype);
        self.set("type_object", "name", at, text.0);
        self.set("type_object", "base", at, base.0);
        self.set("type_object", "basicsize", at, 64);
        self.set("type_object", "flags", at, flags | READY);
        // Each type has a `__repr__` of its own.
        self.set("type_object", "repr", at, text.0 | 1);
    }

    /// An object of a type with one reference, its other fields zero.
    pub fn instance(&mut self, class: Addr) -> Addr {
        let at = self.room();
        self.set("object", "ob_refcnt", at, 1);
        self.set("object", "ob_ref_local", at, 1);
        self.set("object", "ob_type", at, class.0);
        at
    }

    pub fn new_int(&mut self, value: i64) -> Addr {
        let mut digits = Vec::new();
        let mut rest = value.unsigned_abs();
        while rest != 0 {
            digits.push((rest & 0x3fff_ffff) as u32);
            rest >>= 30;
        }
        let at = self.int_of(digits.len() as u64, value.signum());
        let raw: Vec<u8> = digits.iter().flat_map(|d| d.to_le_bytes()).collect();
        let place = at.0 + self.offset("long", "digits");
        self.memory.put(place, &raw);
        at
    }

    /// An int whose head says that it has so many digits, none of which is written.
    pub fn int_of(&mut self, count: u64, sign: i64) -> Addr {
        let at = self.instance(self.int);
        match self.dialect.int_repr {
            IntRepr::ObSize => self.set("var_object", "ob_size", at, (count.cast_signed() * sign).cast_unsigned()),
            IntRepr::LvTag => self.set("long", "tag", at, count << 3 | (1 - sign).cast_unsigned()),
        }
        at
    }

    /// A compact string; `width` is 1, 2 or 4.
    pub fn new_str(&mut self, text: &str) -> Addr {
        let widest = text.chars().map(u32::from).max().unwrap_or(0);
        let width: usize = if widest < 0x100 {
            1
        } else if widest < 0x1_0000 {
            2
        } else {
            4
        };
        let units: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()[..width].to_vec()).collect();
        let at = self.str_of(text.chars().count() as u64, width as u64, widest < 0x80);
        let head =
            if widest < 0x80 { self.offset("unicode", "ascii_size") } else { self.offset("unicode_compact", "size") };
        self.memory.put(at.0 + head, &units);
        at
    }

    /// A compact string whose head says so; its data is zeros.
    pub fn str_of(&mut self, length: u64, kind: u64, ascii: bool) -> Addr {
        let at = self.instance(self.str);
        self.set("unicode", "length", at, length);
        let bits = self.dialect.unicode_state;
        let mut state = kind << bits.kind_shift | 1 << bits.compact_bit | u64::from(ascii) << bits.ascii_bit;
        if let Some(ready) = bits.ready_bit {
            state |= 1 << ready;
        }
        let place = at.0 + self.offset("unicode", "state");
        self.memory.put(place, &state.to_le_bytes()[..usize::from(bits.size)]);
        at
    }

    pub fn new_tuple(&mut self, items: &[Addr]) -> Addr {
        let at = self.instance(self.tuple);
        self.set("var_object", "ob_size", at, items.len() as u64);
        let place = at.0 + self.offset("tuple", "items");
        self.put_all(place, items);
        at
    }

    pub fn new_list(&mut self, items: &[Addr]) -> Addr {
        let at = self.instance(self.list);
        let array = self.room();
        self.put_all(array.0, items);
        self.set("var_object", "ob_size", at, items.len() as u64);
        self.set("list", "allocated", at, items.len() as u64);
        self.set("list", "items", at, array.0);
        at
    }

    fn put_all(&mut self, at: u64, items: &[Addr]) {
        let raw: Vec<u8> = items.iter().flat_map(|a| a.0.to_le_bytes()).collect();
        self.memory.put(at, &raw);
    }
}
