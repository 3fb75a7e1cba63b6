//! Sizes of objects as `sys.getsizeof` gives them (the `__sizeof__` of each type, and what is before the object).

use super::dicts::{KeyTable, values_bytes};
use super::offsets::Offsets;
use super::types::{Shape, flags};
use super::view::View;
use super::{HeapState, ObjectId};
use crate::cpython::layout::{IntRepr, Layouts};
use crate::cpython::object::Kind;

/// More than this no object has: a size above is that of a damaged head, and only the fixed part counts.
const MAX_SIZE: u64 = 1 << 46;

/// What sizes are read with.
#[derive(Clone, Copy)]
pub(super) struct Sizes<'a> {
    pub view: &'a View<'a>,
    pub o: &'a Offsets,
    pub l: &'a Layouts,
}

/// Sizes of all objects, for walks that ask for them in no order: four bytes each.
#[derive(Debug)]
pub struct AllSizes<'s, 'a> {
    state: &'s HeapState<'a>,
    sizes: Vec<u32>,
}

impl<'s, 'a> AllSizes<'s, 'a> {
    /// Of the objects of a heap.
    #[must_use]
    pub fn new(state: &'s HeapState<'a>) -> AllSizes<'s, 'a> {
        let sizes = state.objects().iter().map(|found| u32::try_from(state.size(found)).unwrap_or(u32::MAX));
        AllSizes { state, sizes: sizes.collect() }
    }

    /// Bytes of one object.
    #[must_use]
    pub fn of(&self, object: ObjectId) -> u64 {
        match self.sizes.get(object as usize) {
            Some(size) if *size < u32::MAX => u64::from(*size),
            _ => self.state.objects().get(object).map_or(0, |found| self.state.size(found)),
        }
    }
}

impl Sizes<'_> {
    /// Bytes of the object at `at`.
    #[inline]
    pub(super) fn of(&self, at: u64, shape: &Shape) -> u64 {
        let own = self.own(at, shape).filter(|size| *size < MAX_SIZE).unwrap_or(shape.basicsize);
        own.wrapping_add(self.before(at, shape))
    }

    /// Bytes before the object: static types are objects of a collected type without a head.
    pub(super) fn before(&self, at: u64, shape: &Shape) -> u64 {
        let headless = shape.is_metatype() && !self.o.sizes.static_type_has_head && !self.is_heap_type(at);
        if headless { 0 } else { shape.presize }
    }

    pub(super) fn is_heap_type(&self, at: u64) -> bool {
        self.view.word(at.wrapping_add(self.o.tp_flags)).is_some_and(|f| f & flags::HEAPTYPE != 0)
    }

    fn word(&self, at: u64, field: u64) -> Option<u64> {
        self.view.word(at.wrapping_add(field))
    }

    fn count(&self, at: u64) -> Option<u64> {
        self.word(at, self.o.ob_size)
    }

    fn own(&self, at: u64, shape: &Shape) -> Option<u64> {
        let o = self.o;
        match shape.kind {
            Kind::Int | Kind::Bool => self.int(at),
            Kind::Str => self.str(at),
            Kind::List => Some(shape.basicsize.wrapping_add(self.word(at, o.list_allocated)?.wrapping_mul(8))),
            Kind::Dict | Kind::DefaultDict | Kind::FrozenDict => self.dict(at, shape),
            Kind::OrderedDict => self.ordered_dict(at, shape),
            Kind::Set | Kind::FrozenSet => {
                let table = self.word(at, o.set_table)?;
                let inside = table >= at && table < at.wrapping_add(shape.basicsize);
                let slots = self.word(at, o.set_mask)?.wrapping_add(1);
                Some(if inside { shape.basicsize } else { shape.basicsize.wrapping_add(slots.wrapping_mul(16)) })
            }
            Kind::Deque => self.deque(at, shape),
            Kind::Type => self.type_object(at),
            Kind::ByteArray => {
                let bytes = self.word(at, self.l.bytearray.alloc.offset()?)?;
                let head = if bytes > 0 { o.sizes.bytearray_head } else { 0 };
                Some(shape.basicsize.wrapping_add(bytes).wrapping_add(head))
            }
            Kind::Array => self.array(at, shape),
            Kind::NumpyArray => self.numpy_array(at, shape),
            Kind::Generator | Kind::Coroutine | Kind::AsyncGenerator if self.l.generator.iframe.is_some() => {
                let iframe = self.l.generator.iframe.offset()?;
                let frame = at.wrapping_add(iframe);
                let slots = self.frame_slots(self.word(frame, self.l.frame.executable.offset()?)? & !3)?;
                let head = iframe.wrapping_add(self.l.frame.localsplus.offset()?);
                Some(head.wrapping_add(slots.wrapping_mul(8)))
            }
            Kind::Frame => self.frame(at, shape),
            Kind::Code => self.code(at, shape),
            _ => Some(self.plain(at, shape)),
        }
    }

    /// `object.__sizeof__`.
    fn plain(&self, at: u64, shape: &Shape) -> u64 {
        let items = match shape.itemsize {
            0 => 0,
            size => self.count(at).map_or(0, |n| n.cast_signed().unsigned_abs().wrapping_mul(size)),
        };
        shape.basicsize.wrapping_add(items)
    }

    fn int(&self, at: u64) -> Option<u64> {
        let digits = match self.o.int_repr {
            IntRepr::ObSize => self.count(at)?.cast_signed().unsigned_abs(),
            IntRepr::LvTag => self.word(at, self.o.int_tag?)? >> 3,
        };
        let digits = digits.max(u64::from(self.o.sizes.zero_has_digit));
        Some(self.o.int_digits.wrapping_add(digits.wrapping_mul(4)))
    }

    fn str(&self, at: u64) -> Option<u64> {
        let u = &self.o.unicode;
        let length = self.word(at, u.length)?;
        let state = match u.bits.size {
            8 => self.word(at, u.state)?,
            _ => u64::from(self.view.u32(at.wrapping_add(u.state))?),
        };
        let bit = |n: u8| state >> n & 1 == 1;
        let kind = state >> u.bits.kind_shift & 7;
        let (compact, ascii) = (bit(u.bits.compact_bit), bit(u.bits.ascii_bit));
        let text = length.wrapping_add(1).wrapping_mul(kind);
        // A subclass keeps the text in a block of its own; its instances are larger by `__dict__` and such.
        let mut size = match (compact, ascii) {
            (true, true) => u.ascii_size.wrapping_add(length).wrapping_add(1),
            (true, false) => u.compact_size.wrapping_add(text),
            _ => {
                let data = self.word(at, u.data)?;
                u.object_size.wrapping_add(if data == 0 { 0 } else { text })
            }
        };
        let data = match compact {
            true => at.wrapping_add(if ascii { u.ascii_size } else { u.compact_size }),
            false => self.word(at, u.data)?,
        };
        // Until 3.11 `wchar_t` characters, where they are not the text itself.
        if u.wstr.and_then(|w| self.word(at, w)).is_some_and(|w| w != 0 && w != data) {
            let own = u.wstr_length.filter(|_| !(compact && ascii)).and_then(|w| self.word(at, w));
            size = size.wrapping_add(own.unwrap_or(length).wrapping_add(1).wrapping_mul(4));
        }
        if !(compact && ascii) {
            let utf8 = self.word(at, u.utf8)?;
            if utf8 != 0 && utf8 != data {
                size = size.wrapping_add(self.word(at, u.utf8_length)?).wrapping_add(1);
            }
        }
        Some(size)
    }

    /// Bytes of a `str` that are in its own block.
    pub(super) fn own_text(&self, at: u64) -> Option<u64> {
        let u = &self.o.unicode;
        let (start, bytes) = self.text(at)?;
        let inside = [u.ascii_size, u.compact_size].contains(&start.wrapping_sub(at));
        Some(if inside { start.wrapping_sub(at).saturating_add(bytes) } else { u.object_size })
    }

    /// Address and bytes of the characters of a `str`.
    pub(super) fn text(&self, at: u64) -> Option<(u64, u64)> {
        let u = &self.o.unicode;
        let state = u64::from(self.view.u32(at.wrapping_add(u.state))?);
        let state = if u.bits.size == 8 { self.word(at, u.state)? } else { state };
        let bit = |n: u8| state >> n & 1 == 1;
        let kind = state >> u.bits.kind_shift & 7;
        let start = match (bit(u.bits.compact_bit), bit(u.bits.ascii_bit)) {
            (true, true) => at.wrapping_add(u.ascii_size),
            (true, false) => at.wrapping_add(u.compact_size),
            _ => self.word(at, u.data)?,
        };
        Some((start, self.word(at, u.length)?.wrapping_mul(kind)))
    }

    fn dict(&self, at: u64, shape: &Shape) -> Option<u64> {
        let o = self.o;
        let keys = KeyTable::read(self.view, o, self.word(at, o.dict_keys)?)?;
        let values = self.word(at, o.dict_values)?;
        let mut size = shape.basicsize;
        if values != 0 {
            size = size.wrapping_add(values_bytes(o, &keys));
        }
        // Shared keys belong to the type.
        if keys.refcnt == 1 {
            size = size.wrapping_add(keys.bytes(o));
        }
        Some(size)
    }

    fn ordered_dict(&self, at: u64, shape: &Shape) -> Option<u64> {
        let node = self.l.odict_node.size.offset().unwrap_or(0);
        let fast = self.l.odict.fast_nodes_size.offset().and_then(|f| self.word(at, f)).unwrap_or(0);
        let used = self.word(at, self.o.dict_used)?;
        Some(self.dict(at, shape)?.wrapping_add(fast.wrapping_mul(8)).wrapping_add(used.wrapping_mul(node)))
    }

    /// `deque.__sizeof__`: blocks of 64 items and two links.
    fn deque(&self, at: u64, shape: &Shape) -> Option<u64> {
        let left = self.word(at, self.l.deque.leftindex.offset()?)?;
        let blocks = left.wrapping_add(self.count(at)?).wrapping_add(63) / 64;
        Some(shape.basicsize.wrapping_add(blocks.wrapping_mul(66 * 8)))
    }

    fn type_object(&self, at: u64) -> Option<u64> {
        if !self.is_heap_type(at) {
            return Some(self.o.tp_size);
        }
        let keys = self.word(at, self.o.ht_cached_keys)?;
        let keys = KeyTable::read(self.view, self.o, keys).map_or(0, |keys| keys.bytes(self.o));
        Some(self.o.ht_size.wrapping_add(keys))
    }

    fn array(&self, at: u64, shape: &Shape) -> Option<u64> {
        let descr = self.word(at, self.l.array.descr.offset()?)?;
        let itemsize = u64::from(self.view.u32(descr.wrapping_add(self.l.array_descr.itemsize.offset()?))?);
        // `allocated` is the word after `ob_item` (Modules/arraymodule.c, arrayobject).
        let allocated = self.word(at, self.l.array.items.offset()?.wrapping_add(8))?;
        Some(shape.basicsize.wrapping_add(allocated.wrapping_mul(itemsize)))
    }

    /// `array_sizeof` (numpy/core/src/multiarray/methods.c): shape and strides, and the data where it owns them.
    fn numpy_array(&self, at: u64, shape: &Shape) -> Option<u64> {
        let array = super::numpy::array(self.view, self.o, at)?;
        let own = if array.owned.is_some() { array.bytes } else { 0 };
        Some(shape.basicsize.wrapping_add(array.dimensions.wrapping_mul(16)).wrapping_add(own))
    }

    fn frame(&self, at: u64, shape: &Shape) -> Option<u64> {
        let l = self.l;
        match l.frame_object.frame_data.offset() {
            Some(data) => {
                let frame = self.word(at, l.frame_object.f_frame.offset()?)?;
                let code = self.word(frame, l.frame.executable.offset()?)? & !3;
                let head = data.wrapping_add(l.frame.localsplus.offset()?);
                Some(head.wrapping_add(self.frame_slots(code)?.wrapping_mul(8)))
            }
            None => {
                // One slot is part of the fixed size (Objects/frameobject.c, frame_sizeof).
                let code = self.word(at, l.frame_object.f_code.offset()?)?;
                let of = |slot: u64| self.view.u32(code.wrapping_add(slot)).map(u64::from);
                let fixed = of(l.code.nlocals.offset()?)?.wrapping_add(of(l.code.stacksize.offset()?)?);
                let cells = self.tuple_len(code, l.code.cellvars.offset())?;
                let frees = self.tuple_len(code, l.code.freevars.offset())?;
                let slots = fixed.wrapping_add(cells).wrapping_add(frees).saturating_sub(1);
                Some(shape.basicsize.wrapping_add(slots.wrapping_mul(8)))
            }
        }
    }

    fn tuple_len(&self, at: u64, field: Option<u64>) -> Option<u64> {
        let tuple = self.word(at, field?)?;
        if tuple == 0 { Some(0) } else { self.count(tuple) }
    }

    /// `code_sizeof`, without the caches of 3.8 and what `co_extra` holds.
    fn code(&self, at: u64, shape: &Shape) -> Option<u64> {
        let cell2arg = self.l.code.cell2arg.offset().and_then(|field| self.word(at, field)).unwrap_or(0);
        let cells = if cell2arg == 0 { 0 } else { self.tuple_len(at, self.l.code.cellvars.offset())? };
        // `_PyObject_VAR_SIZE` rounds up.
        let whole = self.plain(at, shape).wrapping_add(7) & !7;
        Some(whole.wrapping_add(cells.wrapping_mul(8)))
    }

    /// Slots of a frame of the code object: `co_nlocalsplus` and `co_stacksize`.
    fn frame_slots(&self, code: u64) -> Option<u64> {
        let l = &self.l.code;
        let of = |slot: u64| self.view.u32(code.wrapping_add(slot));
        Some(u64::from(of(l.nlocalsplus.offset()?)?).wrapping_add(u64::from(of(l.stacksize.offset()?)?)))
    }
}
