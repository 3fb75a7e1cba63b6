//! [`RegFile`]: the registers of one frame by DWARF number, each known or not.

use crate::base::{Addr, Arch};
use crate::debuggee::Registers;

/// Highest DWARF register number kept, plus one (aarch64: `x0`..`x30`, `sp`, `pc`).
const SLOTS: usize = 33;

/// x86-64 registers in DWARF order (System V psABI x86-64, figure 3.36).
const X86_64: &[&str] = &[
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip",
];

/// aarch64 registers in DWARF order ("DWARF for the Arm 64-bit Architecture"); number 32 is used for `pc` as gimli does.
const AARCH64: &[&str] = &[
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
    "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp", "pc",
];

/// What the unwinder must know of an instruction set.
#[derive(Debug, PartialEq, Eq)]
pub struct ArchInfo {
    /// The instruction set.
    pub arch: Arch,
    /// Register names in DWARF order.
    pub names: &'static [&'static str],
    /// DWARF number of the instruction pointer's slot.
    pub ip: u16,
    /// DWARF number of the stack pointer.
    pub sp: u16,
    /// DWARF number of the frame pointer.
    pub fp: u16,
    /// Registers a callee preserves.
    pub callee_saved: &'static [u16],
    /// The first six integer argument registers.
    pub arguments: &'static [u16],
    /// Bits of a code address; bits above may be a pointer signature (aarch64 PAC).
    pub code_bits: u32,
}

static X86_64_INFO: ArchInfo = ArchInfo {
    arch: Arch::X86_64,
    names: X86_64,
    ip: 16,
    sp: 7,
    fp: 6,
    callee_saved: &[3, 6, 12, 13, 14, 15],
    arguments: &[5, 4, 1, 2, 8, 9],
    code_bits: 64,
};

static AARCH64_INFO: ArchInfo = ArchInfo {
    arch: Arch::Aarch64,
    names: AARCH64,
    ip: 32,
    sp: 31,
    fp: 29,
    callee_saved: &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    arguments: &[0, 1, 2, 3, 4, 5],
    code_bits: 48,
};

impl ArchInfo {
    /// What is known of `arch`; `None` where stacks are not unwound.
    #[must_use]
    pub fn of(arch: Arch) -> Option<&'static ArchInfo> {
        match arch {
            Arch::X86_64 => Some(&X86_64_INFO),
            Arch::Aarch64 => Some(&AARCH64_INFO),
            Arch::X86 | Arch::Arm => None,
        }
    }

    /// A code address without pointer signature.
    #[must_use]
    pub fn strip(&self, value: u64) -> u64 {
        if self.code_bits >= 64 { value } else { value & (1u64.wrapping_shl(self.code_bits)).wrapping_sub(1) }
    }
}

/// The registers of one frame by DWARF number, each known or not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RegFile {
    info: &'static ArchInfo,
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
    pub fn empty(info: &'static ArchInfo) -> Self {
        RegFile { info, values: [0; SLOTS], known: 0 }
    }

    /// From a thread's registers; `None` for an instruction set that is not unwound.
    #[must_use]
    pub fn from_registers(registers: &Registers) -> Option<Self> {
        let info = ArchInfo::of(registers.arch)?;
        let mut out = RegFile::empty(info);
        for (number, name) in (0u16..).zip(info.names) {
            if let Some(value) = registers.get(name) {
                out.set(number, value);
            }
        }
        Some(out)
    }

    /// The known registers, named, in the architecture's usual order.
    #[must_use]
    pub fn to_registers(&self) -> Registers {
        const X86_64_USUAL: &[u16] = &[0, 3, 2, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        let named = |n: u16| Some((*self.info.names.get(usize::from(n))?, self.get(n)?));
        let values = match self.info.arch {
            Arch::X86_64 => X86_64_USUAL.iter().filter_map(|n| named(*n)).collect(),
            _ => (0u16..).take(SLOTS).filter_map(named).collect(),
        };
        Registers { arch: self.info.arch, values }
    }

    /// The instruction set's facts.
    #[must_use]
    pub fn info(&self) -> &'static ArchInfo {
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
