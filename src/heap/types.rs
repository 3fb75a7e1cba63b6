//! `TypeTable`: every type of the heap with what walks need of it. A word is a type only when that is proven.

use super::arenas::Arenas;
use super::offsets::Offsets;
use super::view::View;
use crate::base::Addr;
use crate::cpython::layout::InstanceDict;
use crate::cpython::object::{Heap, Kind, TypeInfo};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;

/// Most entries of `tp_members` that are read.
const MAX_MEMBERS: u64 = 200;
/// Most types; a dump with more is hostile.
const MAX_TYPES: usize = 1 << 18;
/// Longest chain of base types that is followed.
const MAX_BASES: usize = 200;
/// Words that are no types are remembered in so many places, the last in each.
const REFUSED: usize = 1 << 14;
/// Bits that tell of nearly all words that are no known types that they are none.
const KNOWN_BITS: usize = 1 << 16;

/// `Py_TPFLAGS_*` (Include/object.h).
pub(super) mod flags {
    pub const INLINE_VALUES: u64 = 1 << 2;
    /// `Py_TPFLAGS_PREHEADER`: `MANAGED_WEAKREF` and `MANAGED_DICT`.
    pub const PREHEADER: u64 = 3 << 3;
    pub const MANAGED_DICT: u64 = 1 << 4;
    pub const HEAPTYPE: u64 = 1 << 9;
    pub const READY: u64 = 1 << 12;
    pub const HAVE_GC: u64 = 1 << 14;
    pub const TYPE_SUBCLASS: u64 = 1 << 31;
}

/// Index of a type in the `TypeTable`.
pub type TypeId = u32;

/// Which walk finds the references of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// Named fields alone.
    Fields,
    /// Named fields, and every word of the native part that leads to an object.
    Words,
    Tuple,
    List,
    Dict,
    Set,
    Deque,
    Type,
    Module,
    Generator,
    Frame,
    WeakRef,
}

/// A field that holds an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Offset in bytes.
    pub offset: u64,
    /// Name of the attribute.
    pub name: Box<str>,
    /// Whether the reference certainly owns a count: slots of classes that Python code made, and fields of types whose code is
    /// known. C code may show a field that only borrows (`sqlite3.Connection.Warning` until 3.10).
    pub owned: bool,
}

/// What is known of a type.
#[derive(Debug)]
pub struct Shape {
    /// Address of the type object.
    pub addr: Addr,
    /// Name with module, as `repr()` of the class has it.
    pub name: String,
    /// Layout family.
    pub kind: Kind,
    /// `tp_basicsize` in bytes.
    pub basicsize: u64,
    /// `tp_itemsize` in bytes.
    pub itemsize: u64,
    /// `tp_flags`.
    pub flags: u64,
    /// Whether C code defines it.
    pub is_native: bool,
    /// Bytes of an instance's memory block before the object: the collector's head, and 3.11+ the words for dict and
    /// weak references.
    pub(super) presize: u64,
    pub(super) walk: Walk,
    /// Fields with names, by offset.
    pub(super) members: Vec<Member>,
    /// The part of an instance in which each word may be a reference.
    pub(super) words: std::ops::Range<u64>,
    /// Where the list of weak references begins, which is not a reference.
    pub(super) weaklist: Option<u64>,
    pub(super) dictoffset: i64,
    /// `tp_dict` where it is not in the type object itself (static types, 3.12+).
    pub(super) dict_elsewhere: Option<u64>,
    /// Whether an instance may refer to anything.
    pub(super) refers: bool,
}

impl Shape {
    pub(super) fn has(&self, flag: u64) -> bool {
        self.flags & flag != 0
    }

    /// The field of an instance at an offset.
    #[inline]
    pub(super) fn field(&self, offset: u64) -> Option<&Member> {
        let at = self.members.binary_search_by_key(&offset, |m| m.offset).ok()?;
        self.members.get(at)
    }

    /// Whether a field certainly owns what it refers to.
    #[inline]
    pub(super) fn owns_field(&self, offset: u64) -> bool {
        self.field(offset).is_some_and(|member| member.owned)
    }

    /// Whether its instances take part in garbage collection.
    #[must_use]
    pub fn is_gc(&self) -> bool {
        self.has(flags::HAVE_GC)
    }

    /// Whether its instances are types.
    #[must_use]
    pub fn is_metatype(&self) -> bool {
        self.has(flags::TYPE_SUBCLASS)
    }

    /// Whether an instance's `__dict__` is none of its own words (3.11+).
    pub(super) fn managed_dict(&self, o: &Offsets) -> bool {
        self.has(flags::MANAGED_DICT) && o.instance_dict != InstanceDict::DictOffset
    }
}

/// The types seen so far.
pub struct TypeTable<'h> {
    heap: &'h Heap<'h>,
    offsets: Offsets,
    known: HashMap<u64, TypeId, RandomState>,
    /// One bit for each of them, by a part of the address.
    known_bits: Vec<u64>,
    refused: Vec<u64>,
    shapes: Vec<Shape>,
    small: SmallBlocks,
}

/// Word and bit of a type's address among the bits of all known ones.
#[inline]
fn known_bit(addr: u64) -> (usize, u32) {
    let at = (addr >> 4 ^ addr >> 19) as usize & KNOWN_BITS.wrapping_sub(1);
    (at / 64, (at % 64) as u32)
}

/// Memory in blocks that are too small for a type: nearly all of pymalloc's.
#[derive(Debug, Default)]
pub(super) struct SmallBlocks {
    /// Arenas.
    pub arenas: Arenas,
    /// Bytes of a pool.
    pub pool_size: u64,
    /// Where a pool states the size of its blocks, in units of 16 bytes less one.
    pub szidx: u64,
}

impl std::fmt::Debug for TypeTable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TypeTable").field("types", &self.shapes.len()).finish_non_exhaustive()
    }
}

impl<'h> TypeTable<'h> {
    pub(super) fn new(heap: &'h Heap<'h>, offsets: Offsets) -> TypeTable<'h> {
        TypeTable {
            heap,
            offsets,
            known: HashMap::default(),
            known_bits: vec![0; KNOWN_BITS / 64],
            refused: vec![0; REFUSED],
            shapes: Vec::new(),
            small: SmallBlocks::default(),
        }
    }

    /// The type at `addr`, where it is known already.
    #[inline]
    pub(super) fn known(&self, addr: u64) -> Option<TypeId> {
        let (word, bit) = known_bit(addr);
        let may_be = self.known_bits.get(word).is_some_and(|bits| bits >> bit & 1 == 1);
        if may_be { self.known.get(&addr).copied() } else { None }
    }

    /// The type at `addr`; `None` when there is none.
    #[inline]
    pub(super) fn prove(&mut self, view: &View<'_>, addr: u64) -> Option<TypeId> {
        if addr & 7 != 0 || addr < 4096 {
            return None;
        }
        match self.known(addr) {
            Some(id) => Some(id),
            None => self.prove_new(view, addr),
        }
    }

    #[inline(never)]
    fn prove_new(&mut self, view: &View<'_>, addr: u64) -> Option<TypeId> {
        let place = ((addr >> 4) ^ (addr >> 18)) as usize & REFUSED.wrapping_sub(1);
        if self.refused.get(place) == Some(&addr) || self.shapes.len() >= MAX_TYPES {
            return None;
        }
        let Some(shape) = (if self.is_in_small_block(view, addr) { None } else { self.read(view, addr) }) else {
            if let Some(place) = self.refused.get_mut(place) {
                *place = addr;
            }
            return None;
        };
        let id = TypeId::try_from(self.shapes.len()).ok()?;
        self.shapes.push(shape);
        self.known.insert(addr, id);
        let (word, bit) = known_bit(addr);
        if let Some(bits) = self.known_bits.get_mut(word) {
            *bits |= 1 << bit;
        }
        Some(id)
    }

    /// From now on words that lead into such memory need not be looked at.
    pub(super) fn set_small_blocks(&mut self, small: SmallBlocks) {
        self.small = small;
    }

    fn is_in_small_block(&self, view: &View<'_>, addr: u64) -> bool {
        let SmallBlocks { arenas, pool_size, szidx } = &self.small;
        let units = || view.u32((addr & !pool_size.wrapping_sub(1)).wrapping_add(*szidx)).map(u64::from);
        arenas.holds(addr)
            && units().is_some_and(|units| units.saturating_add(1).saturating_mul(16) < self.offsets.tp_size)
    }

    /// How many are known.
    pub(super) fn len(&self) -> usize {
        self.shapes.len()
    }

    fn read(&self, view: &View<'_>, addr: u64) -> Option<Shape> {
        // Cheap questions first: nearly all words are no types.
        let word = view.word(addr.wrapping_add(self.offsets.tp_flags))?;
        let basicsize = view.word(addr.wrapping_add(self.offsets.tp_basicsize))?;
        if word & flags::READY == 0 || !(8..1 << 24).contains(&basicsize) {
            return None;
        }
        let info = self.heap.type_info(Addr(addr))?;
        Some(self.shape(view, &info))
    }

    fn shape(&self, view: &View<'_>, info: &Arc<TypeInfo>) -> Shape {
        let o = &self.offsets;
        let chain = self.chain(info);
        let native = chain.iter().find(|c| c.is_native).unwrap_or(info);
        let preheader = info.flags & flags::PREHEADER != 0 && o.instance_dict != InstanceDict::DictOffset;
        let gc_head = if info.flags & flags::HAVE_GC != 0 { o.gc_head } else { 0 };
        let mut members: Vec<Member> = chain.iter().flat_map(|c| self.members(view, c)).collect();
        members.extend(super::names::fields(&self.heap.ctx, info.kind));
        if let (Kind::NumpyArray, Some(numpy)) = (info.kind, o.numpy) {
            let named = |(offset, name): (u64, &str)| Member { offset, name: name.into(), owned: true };
            members.extend([(numpy.base, "base"), (numpy.descr, "dtype")].map(named));
        }
        members.retain(|m| m.offset >= o.head);
        members.sort_by_key(|m| m.offset);
        members.dedup_by(|again, first| {
            let same = first.offset == again.offset;
            first.owned |= same && again.owned;
            same
        });
        let walk = walk_of(info.kind);
        let native_size = native.basicsize.unsigned_abs();
        let words = match (info.kind, walk) {
            (Kind::Dict | Kind::DefaultDict | Kind::OrderedDict | Kind::FrozenDict, _) => o.dict_size..native_size,
            (_, Walk::Words | Walk::Module) => o.head..native_size,
            (_, Walk::Generator) => {
                let frame = self.heap.ctx.layouts.generator.iframe.offset();
                o.head..frame.unwrap_or(native_size).min(native_size)
            }
            _ => 0..0,
        };
        let has_dict = info.dictoffset != 0 || info.flags & (flags::MANAGED_DICT | flags::INLINE_VALUES) != 0;
        let refers = walk != Walk::Fields || !members.is_empty() || has_dict || info.flags & flags::HEAPTYPE != 0;
        Shape {
            addr: info.addr,
            name: self.heap.full_name(info),
            kind: info.kind,
            basicsize: info.basicsize.unsigned_abs(),
            itemsize: info.itemsize.unsigned_abs(),
            flags: info.flags,
            is_native: info.is_native,
            presize: if preheader { gc_head.wrapping_add(16) } else { gc_head },
            walk,
            members,
            words,
            weaklist: u64::try_from(info.weaklistoffset).ok().filter(|at| *at > 0),
            dictoffset: info.dictoffset,
            refers,
            dict_elsewhere: (!info.is_heap).then(|| self.heap.type_dict(info).ok()).flatten().map(|d| d.0),
        }
    }

    /// The type and those it is derived from along `tp_base`.
    fn chain(&self, info: &Arc<TypeInfo>) -> Vec<Arc<TypeInfo>> {
        let mut chain = vec![Arc::clone(info)];
        while let Some(base) = chain.last().map(|c| c.base).filter(|b| !b.is_null())
            && chain.len() < MAX_BASES
            && !chain.iter().any(|c| c.addr == base)
            && let Some(next) = self.heap.type_info(base)
        {
            chain.push(next);
        }
        chain
    }

    /// What `tp_members` states to be an object: slots of `__slots__`, and fields of native types.
    fn members(&self, view: &View<'_>, info: &TypeInfo) -> Vec<Member> {
        let o = &self.offsets.member;
        let mut found = Vec::new();
        let Some(list) = view.word(info.addr.0.wrapping_add(self.offsets.tp_members)).filter(|a| *a != 0) else {
            return found;
        };
        // Those of structseq types are items (Objects/structseq.c).
        let limit = match info.itemsize {
            0 => info.basicsize.unsigned_abs(),
            size => info.basicsize.unsigned_abs().wrapping_add(size.unsigned_abs().wrapping_mul(MAX_MEMBERS)),
        };
        for index in 0..MAX_MEMBERS {
            let at = list.wrapping_add(index.wrapping_mul(o.size));
            let name = view.word(at.wrapping_add(o.name)).filter(|n| *n != 0);
            let kind = view.u32(at.wrapping_add(o.kind));
            let offset = view.word(at.wrapping_add(o.offset));
            let (Some(name), Some(kind), Some(offset)) = (name, kind, offset) else { break };
            // `_Py_T_OBJECT` and `Py_T_OBJECT_EX` (Include/descrobject.h).
            if (kind == 6 || kind == 16) && offset < limit && offset & 7 == 0 {
                let text = crate::debuggee::MemoryExt::read_cstr(self.heap.ctx.memory, Addr(name), 200);
                let name = text.map_or_else(|_| "?".to_owned(), |t| String::from_utf8_lossy(&t).into_owned());
                found.push(Member { offset, name: name.into_boxed_str(), owned: !info.is_native });
            }
        }
        found
    }

    /// What is known of a type.
    #[inline]
    #[must_use]
    pub fn get(&self, id: TypeId) -> Option<&Shape> {
        self.shapes.get(id as usize)
    }

    /// The shapes alone, for work that meets no new types.
    pub(super) fn into_shapes(self) -> Vec<Shape> {
        self.shapes
    }
}

fn walk_of(kind: Kind) -> Walk {
    match kind {
        Kind::Tuple | Kind::StructSeq => Walk::Tuple,
        Kind::List => Walk::List,
        Kind::Dict | Kind::DefaultDict | Kind::OrderedDict | Kind::FrozenDict => Walk::Dict,
        Kind::Set | Kind::FrozenSet => Walk::Set,
        Kind::Deque => Walk::Deque,
        Kind::Type => Walk::Type,
        Kind::Module => Walk::Module,
        Kind::Generator | Kind::Coroutine | Kind::AsyncGenerator => Walk::Generator,
        Kind::Frame => Walk::Frame,
        Kind::WeakRef | Kind::WeakProxy => Walk::WeakRef,
        Kind::Object
        | Kind::None
        | Kind::Ellipsis
        | Kind::NotImplemented
        | Kind::Int
        | Kind::Bool
        | Kind::Float
        | Kind::Complex
        | Kind::Str
        | Kind::Bytes
        | Kind::ByteArray
        | Kind::Date
        | Kind::TimeDelta
        | Kind::Decimal
        | Kind::Array
        | Kind::NumpyScalar => Walk::Fields,
        _ => Walk::Words,
    }
}
