//! `repr()` without Python: the text that Python would have printed wherever data determines it, a truthful structural form
//! elsewhere.
//!
//! Which code would have run is found first: the nearest class along the MRO that defines `__repr__`. A native one is
//! re-enacted by the function for its kind; a Python one only when it is a known function of the standard library.

pub(super) mod callables;
pub(super) mod collections;
pub(super) mod containers;
pub(super) mod ctypes;
pub(super) mod datetime;
pub(super) mod decimal;
pub(super) mod default;
pub(super) mod extensions;
pub(super) mod frames;
mod gdb_script;
pub(super) mod io;
mod limits;
pub(super) mod locks;
mod made;
pub(super) mod number;
pub(super) mod numpy;
mod pointer;
mod printable;
pub(super) mod python;
pub(super) mod python2;
pub(super) mod runtime;
mod strided;
pub(super) mod text;
pub(super) mod torch;
pub(super) mod typing;
mod writer;

pub(in crate::cpython::object) use limits::Meter;
pub use limits::{Fidelity, Repr, ReprLimits, ReprStyle};
pub(in crate::cpython::object) use made::repr_of;
pub use numpy::{NumpyArrays, array_extent, numpy_arrays};
pub(in crate::cpython::object) use numpy::{
    attribute as array_attribute, has_field as array_has_field, length as array_length, part_of as array_part,
};
pub(in crate::cpython::object) use writer::Writer;

use super::kind::Kind;
use super::types::{Heap, TypeInfo};
use crate::base::Addr;
use crate::cpython::DecodeError;

/// What `repr()` of the object at `addr` would have been.
#[must_use]
pub fn repr(heap: &Heap<'_>, addr: Addr, limits: &ReprLimits) -> Repr {
    let meter = Meter::new(heap.ctx.memory, limits.reads);
    let heap = heap.through(&meter);
    let mut writer = Writer::new(&heap, limits);
    let type_name = heap.type_of(addr).ok().filter(|t| t.named).map(|t| t.dunder_name().to_owned());
    writer.object(addr);
    let (text, fidelity) = writer.finish();
    Repr { text, fidelity, type_name }
}

/// Renders an object of a native type as the C code of that type does.
pub(super) type Render = fn(&mut Writer<'_, '_>, Addr, &TypeInfo) -> Result<(), DecodeError>;

/// Writes what an object holds as its native base type shows it, for one whose own `__repr__` is code that is not run.
/// False, and nothing written, where no more can be told of it than its type.
fn content(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    match info.kind {
        // One with a `__repr__` of its own (`StringDType`) has fields of its own too.
        Kind::Object | Kind::Type | Kind::NumpyDtype => Ok(false),
        // Their repr came with 3.10; before, `object.__repr__` alone is theirs.
        Kind::StaticMethod | Kind::ClassMethod if !w.ctx().dialect.repr.wrapped_methods => Ok(false),
        Kind::NumpyScalar => numpy::scalar_value(w, addr, info),
        kind => kind.row().repr.map_or(Ok(false), |render| render(w, addr, info).map(|()| true)),
    }
}
