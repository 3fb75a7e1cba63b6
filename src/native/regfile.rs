//! [`RegFile`]: the registers of one frame by DWARF number, each known or not.

use crate::arch::{self, UnwindInfo};
use crate::base::{Addr, Arch};
use crate::debuggee::Registers;

/// Most registers that a processor has in [`UnwindInfo::names`].
const SLOTS: usize = 33;

/// The registers of one frame by DWARF number, each known or not.
#[derive(Clone, Copy)]
pub struct RegFile {
    info: &'static UnwindInfo,
    values: [u64; SLOTS],
    known: u64,
}

impl std::fmt::Debug for RegFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = (0u16..).zip(self.info.names).filter_map(|(n, name)| Some((name, Addr(self.get(n)?))));
        f.debug_map().entries(known).finish()
    }
}

impl RegFile {
    /// No register known.
    #[must_use]
    pub fn empty(info: &'static UnwindInfo) -> Self {
        RegFile { info, values: [0; SLOTS], known: 0 }
    }

    /// No register of a processor known.
    #[must_use]
    pub fn of_arch(arch: Arch) -> Self {
        RegFile::empty(&arch::cpu(arch).unwind)
    }

    /// From a thread's registers.
    #[must_use]
    pub fn from_registers(registers: &Registers) -> Self {
        let mut out = RegFile::of_arch(registers.arch);
        for (number, name) in (0u16..).zip(out.info.names) {
            if let Some(value) = registers.get(name) {
                out.set(number, value);
            }
        }
        out
    }

    /// The known registers, named, in the architecture's usual order.
    #[must_use]
    pub fn to_registers(&self) -> Registers {
        let named = |(number, name): (u16, &&'static str)| Some((*name, self.get(number)?));
        Registers::sorted((0u16..).zip(self.info.names).filter_map(named).collect(), self.info.arch)
    }

    /// The instruction set's facts.
    #[must_use]
    pub fn info(&self) -> &'static UnwindInfo {
        self.info
    }

    /// Known values of the registers that a function keeps for its caller.
    pub fn callee_saved(&self) -> impl Iterator<Item = u64> {
        self.info.callee_saved.iter().filter_map(|number| self.get(*number))
    }

    /// A register by DWARF number.
    #[must_use]
    pub fn get(&self, number: u16) -> Option<u64> {
        let bit = 1u64.checked_shl(u32::from(number))?;
        if self.known & bit == 0 { None } else { self.values.get(usize::from(number)).copied() }
    }

    /// Sets a register; numbers that are not kept (vector registers) are dropped.
    pub fn set(&mut self, number: u16, value: u64) {
        if let Some(slot) = self.values.get_mut(usize::from(number)) {
            *slot = value;
            self.known |= 1u64.wrapping_shl(u32::from(number));
        }
    }

    /// Marks a register as not known.
    pub fn forget(&mut self, number: u16) {
        self.known &= !1u64.checked_shl(u32::from(number)).unwrap_or(0);
    }

    /// Instruction pointer.
    #[must_use]
    pub fn ip(&self) -> Option<Addr> {
        self.get(self.info.ip).map(Addr)
    }

    /// Stack pointer.
    #[must_use]
    pub fn sp(&self) -> Option<Addr> {
        self.get(self.info.sp).map(Addr)
    }

    /// Frame pointer.
    #[must_use]
    pub fn fp(&self) -> Option<Addr> {
        self.get(self.info.fp).map(Addr)
    }

    /// The caller's registers as far as the calling convention alone tells: callee-saved ones keep their value.
    #[must_use]
    pub fn preserved(&self) -> RegFile {
        let mut out = RegFile::empty(self.info);
        for number in self.info.callee_saved {
            if let Some(value) = self.get(*number) {
                out.set(*number, value);
            }
        }
        out
    }
}
