//! What the kernel pushes on the stack when it delivers a signal, as far as processors differ in it.

use crate::base::Addr;

/// Reads an unsigned integer of at most 8 bytes; `None` where memory is not readable.
pub type ReadUint<'a> = dyn Fn(Addr, usize) -> Option<u64> + 'a;

/// What an instruction does to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// Load.
    Read,
    /// Store, or load and store.
    Write,
    /// Instruction fetch.
    Execute,
}

impl AccessKind {
    /// "read", "write", "execute".
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            AccessKind::Read => "read",
            AccessKind::Write => "write",
            AccessKind::Execute => "execute",
        }
    }
}

/// A fault that a signal was delivered for while the frames below it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredFault {
    /// Signal number that the kernel gives for it.
    pub number: i32,
    /// `si_code` likewise.
    pub code: i32,
    /// Address of a memory access, or of the instruction.
    pub addr: Addr,
    /// What the access was, where the processor told.
    pub access: Option<AccessKind>,
}

/// A memory operand: a register and what is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// Load or store.
    pub kind: AccessKind,
    /// Register, by its DWARF number.
    pub base: u16,
    /// Added to it.
    pub offset: i64,
    /// A register that is added too.
    pub index: Option<Index>,
    /// Bytes that are loaded or stored.
    pub size: u64,
}

/// A register that is added to a base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// By its DWARF number.
    pub register: u16,
    /// Its low bits that count, 32 or 64.
    pub bits: u32,
    /// Whether the highest of them is a sign.
    pub signed: bool,
    /// By how many bits it is shifted to the left.
    pub shift: u32,
}

impl Index {
    /// What a register with this value adds.
    #[must_use]
    pub const fn added(&self, value: u64) -> u64 {
        let low = if self.bits >= 64 { value } else { value & 0xffff_ffff };
        let wide = if self.signed && self.bits < 64 { (low.cast_signed() << 32 >> 32).cast_unsigned() } else { low };
        wide.wrapping_shl(self.shift)
    }
}

/// An instruction that cannot but end in a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// One that is there for debuggers, and what compilers make of `__builtin_trap`: SIGTRAP.
    Breakpoint,
    /// One that is undefined for ever: SIGILL.
    Undefined,
}

/// The frame of a signal.
#[derive(Debug)]
pub struct SignalFrame {
    /// Code of the trampolines that a handler returns to, of any libc and of the vDSO.
    pub trampolines: &'static [&'static [u8]],
    /// Offset of the interrupted registers from the stack pointer at the trampoline.
    pub registers: u64,
    /// Their order: DWARF numbers, or the slot of the instruction pointer.
    pub order: &'static [u16],
    /// The fault that the signal was delivered for, by the stack pointer at the trampoline; `None` for a signal that was
    /// sent, and where the frame is not readable.
    pub fault: fn(Addr, &ReadUint<'_>) -> Option<DeliveredFault>,
    /// The memory operand of the instruction in these bytes, on processors that are plain enough to do without a decoder.
    pub operand: fn(&[u8]) -> Option<Operand>,
    /// Whether the instruction in these bytes is a trap, likewise.
    pub trap: fn(&[u8]) -> Option<Trap>,
}
