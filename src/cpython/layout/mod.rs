//! Where each field of each CPython struct lies ([`Layouts`]) and how it is to be understood ([`Dialect`]).
//!
//! After construction no code compares version numbers: a new CPython touches one table file, one registry line
//! and fixtures. Version numbers are compared in this folder and in `cpython/version.rs` only.

mod dialect;
mod fields;
mod slot;
mod styles;

pub use dialect::{
    Dialect, FrameLink, FrameOwners, GeneratorStates, GilPlace, InlineValues, InstanceDict, InstructionPointer,
    IntRepr, LineTable, LocalsPlus, RefcountForm, StackRefs, TypeDicts, UnicodeState,
};
pub use fields::*;
pub use slot::{LayoutError, Provider, Slot, at};
pub use styles::{EnumStyle, ReprStyles, UnicodeVersion};
