//! Words every layer speaks: target addresses, the target's ABI, bounded byte access, budgets, diagnostics.
//!
//! Knows nothing of files, processes or Python.

mod abi;
mod addr;
mod budget;
mod bytes;
mod diagnostic_codes;
mod diagnostics;
mod escape;
mod listing;
mod numbers;
mod path;
mod text;

pub use abi::{Abi, Arch, DataModel, Endian, Os};
pub use addr::Addr;
pub use budget::{Budget, Exhausted};
pub use bytes::{Cursor, ShortRead};
pub use diagnostic_codes::DiagnosticCode;
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use escape::{escape_markup, escape_terminal, escape_terminal_into};
pub use listing::first_of;
pub use numbers::{counted, counted_as, size, thousands};
pub use path::file_name;
pub use text::{Text, natural_key};
