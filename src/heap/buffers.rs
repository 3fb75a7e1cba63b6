//! Memory outside of an object that it owns: items of a list, keys of a dict, characters.

use super::dicts::KeyTable;
use super::types::{Shape, flags};
use super::{Found, HeapState};
use crate::base::Addr;
use crate::cpython::layout::InstanceDict;
use crate::cpython::object::{Kind, Tensor, TensorStorage};
use crate::model::address::BufferKind;

/// Most blocks of a deque that are followed.
const MAX_BLOCKS: u64 = 1 << 24;
/// Items and links of a deque's block (Modules/_collectionsmodule.c).
const DEQUE_BLOCK: u64 = 66 * 8;

/// A range of memory that an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// What it holds.
    pub holds: BufferKind,
    /// First address.
    pub start: u64,
    /// Bytes.
    pub bytes: u64,
}

impl HeapState<'_> {
    /// First address and size of an object's own memory, with what is before the object.
    #[must_use]
    pub fn own_range(&self, found: Found) -> (u64, u64) {
        let Some(shape) = self.shape(found.type_id) else { return (found.addr, 0) };
        let sizes = self.sizes();
        let before = sizes.before(found.addr, shape);
        let outside = matches!(
            shape.kind,
            Kind::List
                | Kind::Dict
                | Kind::DefaultDict
                | Kind::FrozenDict
                | Kind::OrderedDict
                | Kind::Set
                | Kind::FrozenSet
                | Kind::Deque
                | Kind::ByteArray
                | Kind::Array
                | Kind::NumpyArray
        );
        let own = match shape.kind {
            _ if outside => shape.basicsize,
            Kind::Type if sizes.is_heap_type(found.addr) => self.offsets.ht_size,
            Kind::Type => self.offsets.tp_size,
            _ => sizes.of(found.addr, shape).wrapping_sub(before),
        };
        (found.addr.wrapping_sub(before), own.wrapping_add(before).wrapping_add(self.inline_values(found.addr, shape)))
    }

    /// Bytes of values that are a part of the instance (3.13+).
    fn inline_values(&self, at: u64, shape: &Shape) -> u64 {
        if !shape.has(flags::INLINE_VALUES) || !matches!(self.offsets.instance_dict, InstanceDict::Inline { .. }) {
            return 0;
        }
        let capacity = u64::from(self.view.u8(at.wrapping_add(shape.basicsize)).unwrap_or(0));
        // Include/internal/pycore_dict.h, `_PyDictValues`: the values, then the order in which they were set.
        self.offsets.values_at.wrapping_add(capacity.wrapping_mul(8)).wrapping_add(capacity.wrapping_add(7) & !7)
    }

    /// What an object owns besides.
    #[must_use]
    pub fn buffers(&self, found: Found) -> Vec<Buffer> {
        let mut list = Vec::new();
        if let Some(shape) = self.shape(found.type_id) {
            self.collect_buffers(found.addr, shape, &mut list);
        }
        list.retain(|buffer| buffer.start != 0 && buffer.bytes > 0 && buffer.bytes < 1 << 46);
        list
    }

    fn collect_buffers(&self, at: u64, shape: &Shape, list: &mut Vec<Buffer>) {
        let (o, l) = (&self.offsets, self.heap.ctx.layouts);
        let word = |field: u64| self.view.word(at.wrapping_add(field)).unwrap_or(0);
        let mut add = |holds, start, bytes| list.push(Buffer { holds, start, bytes });
        let keys = |keys: u64| KeyTable::read(&self.view, o, keys).map(|table| table.bytes(o));
        match shape.kind {
            Kind::List => add(BufferKind::Items, word(o.list_items), word(o.list_allocated).wrapping_mul(8)),
            Kind::Dict | Kind::DefaultDict | Kind::FrozenDict | Kind::OrderedDict => {
                let (table, values) = (word(o.dict_keys), word(o.dict_values));
                // With values of its own the keys are those that instances of a class share.
                match keys(table) {
                    Some(bytes) if values == 0 => add(BufferKind::Keys, table, bytes),
                    _ => {}
                }
            }
            Kind::Set | Kind::FrozenSet => {
                let table = word(o.set_table);
                let inside = table >= at && table < at.wrapping_add(shape.basicsize);
                if !inside {
                    add(BufferKind::Table, table, word(o.set_mask).wrapping_add(1).wrapping_mul(16));
                }
            }
            Kind::Deque => {
                let (Some(left), Some(right)) = (l.deque.leftblock.offset(), l.deque.rightblock.offset()) else {
                    return;
                };
                let Some(link) = l.deque_block.rightlink.offset() else { return };
                let (mut block, last) = (word(left), word(right));
                for _ in 0..(word(o.ob_size) / 64).saturating_add(2).min(MAX_BLOCKS) {
                    if block == 0 {
                        break;
                    }
                    add(BufferKind::Items, block, DEQUE_BLOCK);
                    if block == last {
                        break;
                    }
                    block = self.view.word(block.wrapping_add(link)).unwrap_or(0);
                }
            }
            Kind::ByteArray => {
                if let (Some(alloc), Some(start)) = (l.bytearray.alloc.offset(), l.bytearray.start.offset()) {
                    add(BufferKind::Text, word(start), word(alloc));
                }
            }
            Kind::Array => {
                let own = self.sizes().of(at, shape).wrapping_sub(self.sizes().before(at, shape));
                if let Some(items) = l.array.items.offset() {
                    add(BufferKind::Items, word(items), own.saturating_sub(shape.basicsize));
                }
            }
            Kind::NumpyArray => {
                if let Some(array) = super::numpy::array(&self.view, o, at)
                    && let Some(data) = array.owned
                {
                    add(BufferKind::Items, data, array.bytes);
                }
            }
            Kind::Tensor => {
                // What NumPy has lent is the array's.
                let tensor = Tensor::read(&self.heap.ctx, Addr(at));
                let storage = tensor.and_then(|tensor| tensor.storage(&self.heap.ctx));
                if let Some(TensorStorage { data, bytes, is_allocated: true }) = storage {
                    add(BufferKind::Items, data.0, bytes);
                }
            }
            Kind::Str => {
                if let Some((start, bytes)) = self.sizes().text(at)
                    && !(at..at.wrapping_add(o.unicode.object_size.max(shape.basicsize))).contains(&start)
                {
                    add(BufferKind::Text, start, bytes);
                }
            }
            Kind::Type if self.sizes().is_heap_type(at) => {
                let table = word(o.ht_cached_keys);
                if let Some(bytes) = keys(table) {
                    add(BufferKind::SharedKeys, table, bytes);
                }
            }
            _ => {}
        }
        if shape.managed_dict(o) {
            let before = |offset: i64| self.view.word(at.wrapping_add_signed(offset)).unwrap_or(0);
            let values = match o.instance_dict {
                InstanceDict::Managed311 => before(-32),
                InstanceDict::Managed312 => Some(before(-24)).filter(|w| w & 1 == 1).map_or(0, |w| w.wrapping_add(1)),
                InstanceDict::DictOffset | InstanceDict::Inline { .. } => 0,
            };
            if values != 0 {
                let count = self.edges().shared_keys(shape).map_or(0, |keys| keys.usable());
                add(BufferKind::Values, values, count.wrapping_mul(8));
            }
        }
    }
}
