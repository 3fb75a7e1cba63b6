//! Facts of processors: one file or directory each, whatever format or tool a fact is needed for.
//!
//! [`cpu`] gives the table of one. No other room asks which processor it is (a test searches): it reads the table. A
//! new processor is a variant of [`Arch`], a file here and its line in [`ALL`].

mod aarch64;
mod effect;
mod fd_calls;
mod minidump_context;
mod riscv64;
mod signal_frame;
mod system_calls;
mod x86_64;

pub use effect::{Decode, Effect, Flow, Step, Value};
pub use fd_calls::{FdCall, FdUse, awaited_child};
pub use minidump_context::{ContextLayout, Field, MinidumpCpu};
pub use signal_frame::{AccessKind, DeliveredFault, Index, Operand, ReadUint, SignalFrame, Trap};
pub use system_calls::SystemCalls;

use crate::base::Arch;

/// The processors, in the order of [`Arch`].
pub static ALL: [&Cpu; 3] = [&x86_64::CPU, &aarch64::CPU, &riscv64::CPU];

/// What has to be known of a processor. Registers have one name each, that of its DWARF and psABI documents.
#[derive(Debug)]
pub struct Cpu {
    /// Which it is.
    pub arch: Arch,
    /// Its name in reports.
    pub name: &'static str,
    /// Bits of an address that programs can have; all others are equal to each other.
    pub address_bits: u32,
    /// `e_machine` of its ELF files.
    pub elf_machine: u16,
    /// Its name in OpenTelemetry's semantic conventions (`host.arch`).
    pub host_arch: &'static str,
    /// Names that Rust, gdb and LLVM (the first part of a triple) have for it.
    pub tool_names: &'static [&'static str],
    /// General-purpose registers in the order in which they are shown.
    pub shown: &'static [&'static str],
    /// Registers in the order of `elf_gregset_t`: `pr_reg` of `NT_PRSTATUS`, `PTRACE_GETREGSET`.
    pub prstatus: &'static [&'static str],
    /// Registers whose value in a core made here is not 0 when it is not known.
    pub unknown_in_prstatus: &'static [(&'static str, u64)],
    /// The registers that are asked of a debugger, in the order in which they are shown.
    pub debugger: &'static [&'static str],
    /// Other names that debuggers have: ours, theirs.
    pub aliases: &'static [(&'static str, &'static str)],
    /// Where the base of thread-local storage is.
    pub thread_pointer: ThreadPointer,
    /// The instruction of a system call.
    pub system_call: &'static [u8],
    /// Where a thread in a system call has its number and arguments, and which calls may sleep for long (Linux).
    pub system_calls: SystemCalls,
    /// System calls that sleep until a file descriptor is ready or a child process has ended (Linux).
    pub fd_calls: &'static [FdCall],
    /// What the unwinder must know.
    pub unwind: UnwindInfo,
    /// Frames of signals (Linux).
    pub signal_frame: SignalFrame,
    /// Its part of a minidump; `None` where none are written.
    pub minidump: Option<MinidumpCpu>,
    /// Size of glibc's `pthread_mutex_t` in bytes.
    pub mutex_size: u32,
    /// What the instruction in these bytes at this address does, on processors that are plain enough to do without a decoder.
    pub effect: Option<Decode>,
}

/// Where the base of thread-local storage is.
#[derive(Debug)]
pub struct ThreadPointer {
    /// The register of `pr_reg` that holds it.
    pub register: Option<&'static str>,
    /// The note (owner `LINUX`), and with it the register set of ptrace, that holds it.
    pub note: Option<u32>,
    /// The register that a debugger shows it in.
    pub debugger: &'static str,
    /// Where thread-local storage is before it and a descriptor of the thread after it: bytes that this has at least. The
    /// mapping that was made for the thread, stack first, ends with the page of the last of them.
    pub descriptor: Option<u64>,
}

/// What the unwinder must know of a processor. Registers are DWARF numbers.
#[derive(Debug)]
pub struct UnwindInfo {
    /// The processor.
    pub arch: Arch,
    /// Register names by DWARF number; the instruction pointer has the slot [`UnwindInfo::ip`], which on some is not a DWARF
    /// number.
    pub names: &'static [&'static str],
    /// Slot of the instruction pointer.
    pub ip: u16,
    /// The stack pointer.
    pub sp: u16,
    /// The frame pointer.
    pub fp: u16,
    /// The register that a call leaves the return address in; `None`: it is pushed.
    pub link: Option<u16>,
    /// Registers a callee preserves.
    pub callee_saved: &'static [u16],
    /// The integer argument registers.
    pub arguments: &'static [u16],
    /// Bits of a code address; bits above may be a pointer signature.
    pub code_bits: u32,
    /// Whether return addresses may be signed (a vendor's opcode of call frame information says so).
    pub signs_return_addresses: bool,
    /// Frame records of functions that keep a frame pointer.
    pub frame_record: FrameRecord,
    /// Bytes of code before a return address that [`UnwindInfo::follows_call`] looks at.
    pub call_size: usize,
    /// Whether code ends with a call.
    pub follows_call: fn(&[u8]) -> bool,
    /// Whether code goes straight to the system call `exit` (Linux), which ends its thread.
    pub exits: fn(&[u8]) -> bool,
}

impl UnwindInfo {
    /// Bytes of code that [`UnwindInfo::exits`] looks at.
    pub const EXIT_SIZE: usize = 24;
}

/// Where a function with a frame pointer keeps what it needs to return, in bytes from where that points.
#[derive(Debug)]
pub struct FrameRecord {
    /// The caller's frame pointer.
    pub saved: i64,
    /// The return address.
    pub return_address: i64,
    /// The end of the frame, where the caller's begins.
    pub end: i64,
}

impl UnwindInfo {
    /// A code address without pointer signature.
    #[must_use]
    pub fn strip(&self, value: u64) -> u64 {
        if self.code_bits >= 64 { value } else { value & (1u64.wrapping_shl(self.code_bits)).wrapping_sub(1) }
    }

    /// Bytes that a call pushes on the stack.
    #[must_use]
    pub fn pushed_by_call(&self) -> i64 {
        if self.link.is_none() { 8 } else { 0 }
    }

    /// Name of a register by its DWARF number.
    #[must_use]
    pub fn name(&self, number: u16) -> Option<&'static str> {
        self.names.get(usize::from(number)).copied()
    }
}

impl Cpu {
    /// The name that a debugger may have for a register besides ours.
    #[must_use]
    pub fn alias<'n>(&self, name: &'n str) -> &'n str {
        self.aliases.iter().find(|(ours, _)| *ours == name).map_or(name, |(_, theirs)| theirs)
    }
}

/// The facts of a processor.
#[must_use]
pub fn cpu(arch: Arch) -> &'static Cpu {
    match arch {
        Arch::X86_64 => &x86_64::CPU,
        Arch::Aarch64 => &aarch64::CPU,
        Arch::Riscv64 => &riscv64::CPU,
    }
}

/// The processor of ELF files with this `e_machine`.
#[must_use]
pub fn by_elf_machine(machine: u16) -> Option<&'static Cpu> {
    ALL.into_iter().find(|cpu| cpu.elf_machine == machine)
}

/// The processor by a name of Rust, gdb or LLVM; of a triple, its first part counts.
#[must_use]
pub fn by_tool_name(name: &str) -> Option<&'static Cpu> {
    let first = name.split('-').next().unwrap_or_default();
    let find = |wanted: &str| ALL.into_iter().find(|cpu| cpu.tool_names.contains(&wanted));
    find(name).or_else(|| find(first))
}

/// The processor by the `ProcessorArchitecture` of a minidump.
#[must_use]
pub fn by_minidump_id(id: u16) -> Option<&'static Cpu> {
    ALL.into_iter().find(|cpu| cpu.minidump.as_ref().is_some_and(|m| m.ids.contains(&id)))
}

/// `x0` to `x30`, for tables that go on differently.
macro_rules! with_x0_to_x30 {
    ($($more:literal),*) => {
        &[
            "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
            "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30",
            $($more),*
        ]
    };
}
use with_x0_to_x30;

#[cfg(test)]
mod tests;
