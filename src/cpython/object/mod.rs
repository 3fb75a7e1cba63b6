//! Python objects in dead memory: types, values, attributes, reference counts and `repr()`.
//!
//! Primitives ([`read_text`], [`Int`], [`DictEntries`], ...) take a [`Context`](super::Context); what needs to know types takes a
//! [`Heap`]. Nothing here runs Python code or trusts what it reads: every walk has a limit.

mod attribute;
mod children;
mod dict;
mod fields;
mod float;
mod future;
mod head;
mod inspect;
mod instance;
mod int;
mod kind;
mod kinds;
mod numpy_scalar;
mod path;
mod python2;
mod refcount;
mod repr;
mod sequence;
mod set;
mod static_types;
mod tensor;
#[cfg(test)]
mod tests;
mod types;
mod unicode;
mod value;
mod words;

pub use children::{Item, Items, items, length};
pub use dict::{DictEntries, dict_get_str, dict_len};
pub use float::{complex_repr, float_repr};
pub use future::{Future, FutureState, Task, TaskName};
pub use inspect::{Details, Field, GcState, ListedItem, NamedValue, NamedValues, inspect, inspect_shown, named_values};
pub use instance::{Attribute, AttributeSource, attributes, find_attribute, slot_of_type};
pub use int::Int;
pub use kind::Kind;
pub use path::{Key, Path, PathError, Root, Slice, Step};
pub use refcount::{Refcount, refcount};
pub use repr::{Fidelity, NumpyArrays, Repr, ReprLimits, ReprStyle, array_extent, numpy_arrays, repr};
pub use sequence::{Sequence, list_items, tuple_items};
pub use set::{set_items, set_len};
pub use tensor::{Tensor, TensorStorage};
pub use types::{Header, Heap, SymbolNames, TypeCache, TypeInfo, header};
pub use unicode::{TextPart, read_str, read_text};
pub use value::{ArrayStep, Value};
pub use words::{ObjectWord, words};
