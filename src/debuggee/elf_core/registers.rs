//! General-purpose registers as `struct elf_prstatus` holds them (`pr_reg`: Linux `arch/x86/include/asm/user_64.h`
//! `struct user_regs_struct`; `arch/arm64/include/uapi/asm/ptrace.h` `struct user_pt_regs`).

use crate::base::{Abi, Arch, Cursor};
use crate::debuggee::Registers;

/// `struct user_regs_struct`, in its order.
const X86_64: [&str; 27] = [
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi", "orig_rax",
    "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
];

/// The same in the order people read them in.
const X86_64_SHOWN: [&str; 27] = [
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    "rip", "eflags", "cs", "ss", "ds", "es", "fs", "gs", "fs_base", "gs_base", "orig_rax",
];

/// `struct user_pt_regs`.
const AARCH64: [&str; 34] = [
    "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
    "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp", "pc", "pstate",
];

/// The registers in `pr_reg` bytes; `None` when the note is cut or the architecture has none here.
pub(super) fn parse(data: &[u8], abi: Abi) -> Option<Registers> {
    let (stored, shown): (&[&'static str], &[&'static str]) = match abi.arch {
        Arch::X86_64 => (&X86_64, &X86_64_SHOWN),
        Arch::Aarch64 => (&AARCH64, &AARCH64),
        Arch::X86 | Arch::Arm => return None,
    };
    let mut cursor = Cursor::new(data, abi);
    let mut values = Vec::with_capacity(stored.len());
    for name in stored {
        values.push((*name, cursor.u64().ok()?));
    }
    values.sort_by_key(|(name, _)| shown.iter().position(|s| s == name));
    Some(Registers { arch: abi.arch, values })
}
