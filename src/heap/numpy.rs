//! Arrays of NumPy: the buffer that an array owns, and the objects in it.

use super::offsets::Offsets;
use super::view::View;

/// `NPY_ARRAY_C_CONTIGUOUS`, `NPY_ARRAY_OWNDATA` (numpy/core/include/numpy/ndarraytypes.h).
const C_CONTIGUOUS: u32 = 1;
const OWN_DATA: u32 = 4;
/// `NPY_MAXDIMS` of NumPy 2.
const MAX_DIMENSIONS: u32 = 64;

/// What an array says of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Array {
    /// First byte of its data, where it owns them.
    pub owned: Option<u64>,
    /// Bytes of all elements: `nbytes`.
    pub bytes: u64,
    /// Number of dimensions.
    pub dimensions: u64,
    /// How many objects it owns as elements (`dtype=object`).
    pub objects: u64,
    /// Whether the elements are in the order of C.
    pub is_c_order: bool,
}

/// The array at `at`; `None` where NumPy's layout is not known or the array is damaged.
pub(super) fn array(view: &View<'_>, o: &Offsets, at: u64) -> Option<Array> {
    let n = o.numpy?;
    let count = view.u32(at.wrapping_add(n.dimension_count)).filter(|count| *count <= MAX_DIMENSIONS)?;
    let shape = view.word(at.wrapping_add(n.dimensions))?;
    let mut elements = 1u64;
    for index in 0..u64::from(count) {
        elements = elements.checked_mul(view.word(shape.wrapping_add(index.wrapping_mul(8)))?)?;
    }
    let descr = view.word(at.wrapping_add(n.descr))?;
    let element = descr.wrapping_add(n.elsize);
    let size = if n.elsize_bytes == 4 { u64::from(view.u32(element)?) } else { view.word(element)? };
    let flags = view.u32(at.wrapping_add(n.array_flags))?;
    let data = view.word(at.wrapping_add(n.data))?;
    let owned = (flags & OWN_DATA != 0).then_some(data);
    let holds_objects = view.u8(descr.wrapping_add(n.kind)) == Some(b'O') && size == 8;
    Some(Array {
        owned,
        bytes: elements.checked_mul(size)?,
        dimensions: u64::from(count),
        objects: if holds_objects && owned.is_some() { elements } else { 0 },
        is_c_order: flags & C_CONTIGUOUS != 0,
    })
}
