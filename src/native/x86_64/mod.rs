//! What needs x86-64 instructions decoded: operands of a fault, arguments, values that getters return.
//!
//! Nothing here is found on other processors; unwinding and symbolising do without.

mod argument_tracking;
pub mod arguments;
pub mod constant_return;
pub mod instruction;

use crate::base::{Abi, Arch};

/// Whether code of this target is decoded here.
#[must_use]
pub fn is_of(abi: &Abi) -> bool {
    abi.arch == Arch::X86_64
}
