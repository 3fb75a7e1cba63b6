//! [`Value`]: what a path leads to and what a container holds: mostly an object in memory, else what Python would make
//! one of when asked.

use super::repr::{Repr, ReprLimits, repr, repr_of};
use super::types::Heap;
use crate::base::{Addr, Text};
use crate::cpython::frame::{PyFrame, SlotValue};

/// An object, or what one would be made of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// An object in memory.
    Object(Addr),
    /// `None`, where C code keeps a NULL for it.
    None,
    /// A `bool`.
    Bool(bool),
    /// An `int`.
    Int(i64),
    /// An `int` above the range of the other.
    Unsigned(u64),
    /// A `float`.
    Float(f64),
    /// A `str`.
    Text(Text),
    /// A `bytes`.
    Bytes(Vec<u8>),
    /// A `tuple`.
    Tuple(Vec<Value>),
    /// A `list`.
    List(Vec<Value>),
    /// The `__dict__` of the object at this address, which keeps its attributes without a dict object.
    Attributes(Addr),
    /// A frame that has no frame object.
    Frame(Box<PyFrame>),
    /// `f_locals` of a frame.
    Locals(Box<PyFrame>),
    /// An element, a sub-array or a field of the `numpy.ndarray` at this address.
    ArrayPart {
        /// The array.
        array: Addr,
        /// What leads from the array to it.
        steps: Vec<ArrayStep>,
    },
}

/// A step into a `numpy.ndarray`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArrayStep {
    /// `[1]`: in its first dimension.
    Item(u64),
    /// `['x']`: the field of this name of a structured array.
    Field(Text),
}

impl Value {
    /// Its address, where it is an object in memory.
    #[must_use]
    pub fn object(&self) -> Option<Addr> {
        match self {
            Value::Object(addr) => Some(*addr),
            _ => None,
        }
    }

    /// What a variable holds; `None` where it is unbound or unreadable.
    #[must_use]
    pub fn of_slot(slot: &SlotValue) -> Option<Value> {
        match slot {
            SlotValue::Object(addr) => Some(Value::Object(*addr)),
            SlotValue::TaggedInt(number) => Some(Value::Int(*number)),
            SlotValue::Unbound | SlotValue::Unreadable(_) => None,
        }
    }

    /// A number of C code as Python's: `float`s of 4 bytes are widened.
    pub(super) fn number_text(&self) -> Option<String> {
        match self {
            Value::Int(value) => Some(value.to_string()),
            Value::Unsigned(value) => Some(value.to_string()),
            Value::Float(value) => Some(super::float::float_repr(*value)),
            _ => None,
        }
    }

    /// What `repr()` of it would have been.
    #[must_use]
    pub fn show(&self, heap: &Heap<'_>, limits: &ReprLimits) -> Repr {
        match self {
            Value::Object(addr) => repr(heap, *addr, limits),
            made => repr_of(heap, made, limits),
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Value::Unsigned(number), Value::Int)
    }
}
