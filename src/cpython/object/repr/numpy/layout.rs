//! Where NumPy keeps what is read here: structs of its C interface, which are part of its ABI
//! (numpy/core/include/numpy/ndarraytypes.h of 1.x, numpy/_core/include/numpy/ndarraytypes.h of 2.x, arrayscalars.h).

use crate::cpython::object::types::Heap;

/// Offsets in bytes after the object head, on targets with 8-byte pointers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// `PyArrayObject_fields`.
    pub data: u64,
    pub dimension_count: u64,
    pub dimensions: u64,
    pub strides: u64,
    pub base: u64,
    pub descr: u64,
    pub array_flags: u64,
    /// `PyArray_Descr`, 2.x: `_PyArray_LegacyDescr`.
    pub kind: u64,
    pub byteorder: u64,
    pub type_num: u64,
    pub flags: u64,
    pub elsize: u64,
    /// Width of `elsize`.
    pub elsize_bytes: u64,
    pub subarray: u64,
    pub fields: u64,
    pub names: u64,
    pub c_metadata: u64,
    /// `np.float64(1.5)` instead of `1.5` (2.0, NEP 51).
    pub typed_scalars: bool,
}

/// NumPy 1.7 to 1.26.
const V1: Layout = Layout {
    data: 0,
    dimension_count: 8,
    dimensions: 16,
    strides: 24,
    base: 32,
    descr: 40,
    array_flags: 48,
    kind: 8,
    byteorder: 10,
    type_num: 12,
    flags: 11,
    elsize: 16,
    elsize_bytes: 4,
    subarray: 24,
    fields: 32,
    names: 40,
    c_metadata: 64,
    typed_scalars: false,
};

/// NumPy 2: `elsize` is a `npy_intp` after 64 bits of flags, and what only legacy types have came to the end.
const V2: Layout = Layout {
    flags: 16,
    elsize: 24,
    elsize_bytes: 8,
    subarray: 72,
    fields: 80,
    names: 88,
    c_metadata: 96,
    typed_scalars: true,
    ..V1
};

/// `NPY_ALIGNED_STRUCT` in the lowest byte of the flags: fields lie where C would put them.
pub(super) const ALIGNED_STRUCT: u64 = 0x80;

/// Types with numbers above have no legacy descriptor (`NPY_NTYPES_LEGACY`: user types, `StringDType`).
pub(super) const LEGACY_TYPES: i64 = 24;

/// The layout of the NumPy that the process has loaded; `None` for one that is not known here.
pub(super) fn layout(heap: &Heap<'_>) -> Option<&'static Layout> {
    if heap.ctx.abi.pointer_size() != 8 {
        return None;
    }
    match heap.module_version("numpy")?.split('.').next()? {
        "1" => Some(&V1),
        "2" => Some(&V2),
        _ => None,
    }
}

/// Offsets in bytes from the address of an array (of its data type for `kind` and `elsize`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumpyArrays {
    /// `data`.
    pub data: u64,
    /// `nd`, 4 bytes.
    pub dimension_count: u64,
    /// `dimensions`.
    pub dimensions: u64,
    /// `base`.
    pub base: u64,
    /// `descr`.
    pub descr: u64,
    /// `flags`, 4 bytes.
    pub array_flags: u64,
    /// `kind` of the data type, a letter.
    pub kind: u64,
    /// `elsize` of the data type.
    pub elsize: u64,
    /// Its width in bytes.
    pub elsize_bytes: u64,
}

/// Where the arrays of the NumPy that the process has loaded keep what a walk over all of them reads; `None` where there is
/// none, or none that is known here.
#[must_use]
pub fn numpy_arrays(heap: &Heap<'_>) -> Option<NumpyArrays> {
    let layout = layout(heap)?;
    let head = heap.ctx.layouts.object.size.offset()?;
    let at = |offset: u64| offset.wrapping_add(head);
    Some(NumpyArrays {
        data: at(layout.data),
        dimension_count: at(layout.dimension_count),
        dimensions: at(layout.dimensions),
        base: at(layout.base),
        descr: at(layout.descr),
        array_flags: at(layout.array_flags),
        kind: at(layout.kind),
        elsize: at(layout.elsize),
        elsize_bytes: layout.elsize_bytes,
    })
}
