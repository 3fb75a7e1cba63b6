//! `repr()` without Python: the text that Python would have printed wherever data determines it, a truthful structural form
//! elsewhere.
//!
//! Which code would have run is found first: the nearest class along the MRO that defines `__repr__`. A native one is
//! re-enacted by the function for its kind; a Python one only when it is a known function of the standard library.

mod containers;
mod default;
mod limits;
mod number;
mod printable;
mod text;
mod writer;

pub use limits::{Fidelity, Repr, ReprLimits};
pub(in crate::cpython::object) use writer::Writer;

use super::kind::Kind;
use super::types::{Heap, TypeInfo};
use crate::base::Addr;
use crate::cpython::DecodeError;
use limits::Meter;

/// What `repr()` of the object at `addr` would have been.
#[must_use]
pub fn repr(heap: &Heap<'_>, addr: Addr, limits: &ReprLimits) -> Repr {
    let meter = Meter::new(heap.ctx.memory, limits.reads);
    let heap = heap.through(&meter);
    let type_name = heap.type_of(addr).ok().filter(|t| t.named).map(|t| t.short_name().to_owned());
    let mut writer = Writer::new(&heap, limits);
    writer.object(addr);
    let (text, fidelity) = writer.finish();
    Repr { text, fidelity, type_name }
}

/// Renders an object of a native type as the C code of that type does.
type Render = fn(&mut Writer<'_, '_>, Addr, &TypeInfo) -> Result<(), DecodeError>;

/// The function that renders what the native `__repr__` of a type of this kind prints.
fn native(kind: Kind) -> Option<Render> {
    Some(match kind {
        Kind::Object => default::object,
        Kind::Type => default::class,
        Kind::None => |w, _, _| w.fixed("None"),
        Kind::Ellipsis => |w, _, _| w.fixed("Ellipsis"),
        Kind::NotImplemented => |w, _, _| w.fixed("NotImplemented"),
        Kind::Int => number::int,
        Kind::Bool => number::bool,
        Kind::Float => number::float,
        Kind::Complex => number::complex,
        Kind::Str => text::str,
        Kind::Bytes => text::bytes,
        Kind::ByteArray => text::bytearray,
        Kind::Tuple => containers::tuple,
        Kind::List => containers::list,
        Kind::Dict => containers::dict,
        Kind::Set | Kind::FrozenSet => containers::set,
        _ => return None,
    })
}
