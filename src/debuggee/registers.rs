//! [`Registers`]: general-purpose registers of a stopped thread.

use crate::base::{Addr, Arch};

/// General-purpose registers of a stopped thread, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Instruction set they belong to.
    pub arch: Arch,
    /// Name (DWARF/psABI spelling: `rax`, `rip`, `x0`, `sp`, `pc`) and value, in the architecture's usual order.
    pub values: Vec<(&'static str, u64)>,
}

impl Registers {
    /// Value by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.values.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    fn addr(&self, names: [&str; 4]) -> Option<Addr> {
        let index = match self.arch {
            Arch::X86_64 => 0,
            Arch::Aarch64 => 1,
            Arch::X86 => 2,
            Arch::Arm => 3,
        };
        names.get(index).and_then(|n| self.get(n)).map(Addr)
    }

    /// Instruction pointer.
    #[must_use]
    pub fn ip(&self) -> Option<Addr> {
        self.addr(["rip", "pc", "eip", "pc"])
    }

    /// Stack pointer.
    #[must_use]
    pub fn sp(&self) -> Option<Addr> {
        self.addr(["rsp", "sp", "esp", "sp"])
    }

    /// Frame pointer.
    #[must_use]
    pub fn fp(&self) -> Option<Addr> {
        self.addr(["rbp", "x29", "ebp", "r11"])
    }

    /// Return address register, where the architecture has one.
    #[must_use]
    pub fn link(&self) -> Option<Addr> {
        self.addr(["", "x30", "", "lr"])
    }
}
