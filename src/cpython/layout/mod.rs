//! Where each field of each CPython struct lies ([`Layouts`]) and how it is to be understood ([`Dialect`]).
//!
//! After construction no code compares version numbers: a new CPython touches one table file, one registry line
//! and fixtures. Version numbers are compared in this directory and in `cpython/version.rs` only.

pub mod check;
mod codegen;
mod debug_offsets;
mod dialect;
mod dialect_versions;
mod extract;
mod fields;
mod from_dwarf;
mod identify;
mod repr_styles;
mod select;
mod slot;
mod structs;
mod tables;

pub use codegen::{Base, Note, print_layouts};
pub use debug_offsets::{COOKIE, DebugOffsets, PREFIX_SIZE, parse_prefix};
pub use dialect::{
    BackJumps, DelegationMark, Dialect, FrameLink, FrameOwners, GcHead, GcHistory, GeneratorStates, GilPlace,
    InlineValues, InstanceDict, InstructionPointer, IntRepr, JumpForm, Language, LineEvents, LineTable, LocalsPlus,
    Obmalloc, ObmallocPlace, RefcountForm, SimpleQueueForm, SizeForms, StackRefs, ThreadStatusBits, TypeDicts,
    UnicodeState,
};
pub use dialect_versions::dialect;
pub use extract::{EXTRACT_FORMAT, Extract};
pub use fields::{FieldInfo, need};
pub use from_dwarf::{DwarfError, DwarfFile, from_dwarf};
pub use identify::{Identity, identify};
pub use repr_styles::{EnumStyle, ReprStyles, UnicodeVersion};
pub use select::{SelectError, Selected, select};
pub use slot::{LayoutError, Provider, Slot, at};
pub(in crate::cpython) use slot::{disputed_uses, note_disputed_use};
pub use structs::*;
pub use tables::{is_supported, known_minors, lookup, mimalloc_forms, supported_range};
