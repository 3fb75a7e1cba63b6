//! [`Offsets`]: the fields that walks over a whole heap read, as plain numbers.

use super::HeapError;
use crate::cpython::Context;
use crate::cpython::layout::{
    Dialect, GcHead, InlineValues, InstanceDict, IntRepr, RefcountForm, SizeForms, Slot, UnicodeState,
};
use crate::cpython::object::{Heap, NumpyArrays, numpy_arrays};
use crate::need;

/// Offsets in bytes of one build. What a version does not have is `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offsets {
    pub ob_type: u64,
    pub ob_size: u64,
    /// Size of the head of every object.
    pub head: u64,
    pub tp_basicsize: u64,
    pub tp_flags: u64,
    pub tp_members: u64,
    pub tp_size: u64,
    pub tp_weaklist: Option<u64>,
    pub ht_size: u64,
    pub ht_cached_keys: u64,
    pub tuple_items: u64,
    pub list_items: u64,
    pub list_allocated: u64,
    pub set_mask: u64,
    pub set_table: u64,
    pub dict_size: u64,
    pub dict_used: u64,
    pub dict_keys: u64,
    pub dict_values: u64,
    pub keys: Keys,
    pub values_at: u64,
    pub values_embedded: Option<u64>,
    pub values_valid: Option<u64>,
    pub sizes: SizeForms,
    pub int_digits: u64,
    pub int_tag: Option<u64>,
    pub unicode: Unicode,
    pub member: Member,
    pub instance_dict: InstanceDict,
    pub inline_values: InlineValues,
    pub int_repr: IntRepr,
    pub refcount: RefcountForm,
    pub refcount_at: u64,
    /// `ob_gc_bits` of free-threaded builds.
    pub gc_bits: u64,
    /// Bytes of the collector's head before an object that takes part in collection.
    pub gc_head: u64,
    /// Arrays of the NumPy that the process has loaded.
    pub numpy: Option<NumpyArrays>,
}

/// `PyDictKeysObject`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    pub refcnt: Option<u64>,
    pub log2_size: Option<u64>,
    pub log2_index_bytes: Option<u64>,
    pub kind: Option<u64>,
    pub dk_size: Option<u64>,
    pub usable: Option<u64>,
    pub nentries: u64,
    pub indices: u64,
}

/// `PyASCIIObject` and the structs that begin with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unicode {
    pub length: u64,
    pub state: u64,
    pub bits: UnicodeState,
    pub ascii_size: u64,
    pub compact_size: u64,
    pub object_size: u64,
    pub wstr: Option<u64>,
    pub wstr_length: Option<u64>,
    pub utf8: u64,
    pub utf8_length: u64,
    pub data: u64,
}

/// `PyMemberDef`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub size: u64,
    pub name: u64,
    pub kind: u64,
    pub offset: u64,
}

impl Offsets {
    /// The same with what the process has loaded.
    pub(super) fn of(heap: &Heap<'_>) -> Result<Offsets, HeapError> {
        Ok(Offsets { numpy: numpy_arrays(heap), ..Offsets::new(&heap.ctx)? })
    }

    pub(super) fn new(ctx: &Context<'_>) -> Result<Offsets, HeapError> {
        if ctx.dialect.gc_head != GcHead::Links {
            return Err(HeapError::GcHead);
        }
        let l = ctx.layouts;
        let d: &Dialect = ctx.dialect;
        let or_zero = |slot: Slot| slot.offset().unwrap_or(0);
        let free_threaded = matches!(d.refcount, RefcountForm::Biased { .. });
        Ok(Offsets {
            ob_type: need!(l, object.ob_type)?,
            ob_size: need!(l, var_object.ob_size)?,
            head: need!(l, object.size)?,
            tp_basicsize: need!(l, type_object.basicsize)?,
            tp_flags: need!(l, type_object.flags)?,
            tp_members: need!(l, type_object.members)?,
            tp_size: need!(l, type_object.size)?,
            tp_weaklist: l.type_object.weaklist.offset(),
            ht_size: need!(l, heap_type.size)?,
            ht_cached_keys: need!(l, heap_type.cached_keys)?,
            tuple_items: need!(l, tuple.items)?,
            list_items: need!(l, list.items)?,
            list_allocated: need!(l, list.allocated)?,
            set_mask: need!(l, set.mask)?,
            set_table: need!(l, set.table)?,
            dict_size: need!(l, dict.size)?,
            dict_used: need!(l, dict.used)?,
            dict_keys: need!(l, dict.keys)?,
            dict_values: need!(l, dict.values)?,
            keys: Keys {
                refcnt: l.dict_keys.refcnt.offset(),
                log2_size: l.dict_keys.log2_size.offset(),
                log2_index_bytes: l.dict_keys.log2_index_bytes.offset(),
                kind: l.dict_keys.kind.offset(),
                dk_size: l.dict_keys.dk_size.offset(),
                usable: l.dict_keys.usable.offset(),
                nentries: need!(l, dict_keys.nentries)?,
                indices: need!(l, dict_keys.indices)?,
            },
            values_at: or_zero(l.dict_values.values),
            values_embedded: l.dict_values.embedded.offset(),
            values_valid: l.dict_values.valid.offset(),
            sizes: d.sizes,
            int_digits: need!(l, long.digits)?,
            int_tag: l.long.tag.offset(),
            unicode: Unicode {
                length: need!(l, unicode.length)?,
                state: need!(l, unicode.state)?,
                bits: d.unicode_state,
                ascii_size: need!(l, unicode.ascii_size)?,
                compact_size: need!(l, unicode_compact.size)?,
                object_size: need!(l, unicode_object.size)?,
                wstr: l.unicode.wstr.offset(),
                wstr_length: l.unicode_compact.wstr_length.offset(),
                utf8: need!(l, unicode_compact.utf8)?,
                utf8_length: need!(l, unicode_compact.utf8_length)?,
                data: need!(l, unicode_object.data)?,
            },
            member: Member {
                size: need!(l, member_def.size)?,
                name: need!(l, member_def.name)?,
                kind: need!(l, member_def.kind)?,
                offset: need!(l, member_def.offset)?,
            },
            instance_dict: d.instance_dict,
            inline_values: d.inline_values,
            int_repr: d.int_repr,
            refcount: d.refcount,
            refcount_at: l.object.ob_refcnt.offset().or(l.object.ob_ref_local.offset()).unwrap_or(0),
            gc_bits: or_zero(l.object.ob_gc_bits),
            // Free-threaded builds have none (Include/internal/pycore_gc.h).
            gc_head: if free_threaded { 0 } else { 16 },
            numpy: None,
        })
    }
}
