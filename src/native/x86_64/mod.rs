//! What needs x86-64 instructions decoded: operands of a fault, values that getters return, what an instruction does.
//!
//! Of other processors `arch` knows loads, stores, traps and what instructions do to registers.

pub mod constant_return;
pub(super) mod effect;
pub mod instruction;

use crate::base::{Abi, Arch};

/// Whether code of this target is decoded here.
#[must_use]
pub fn is_of(abi: &Abi) -> bool {
    abi.arch == Arch::X86_64
}
