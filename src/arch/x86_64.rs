//! x86-64. (Its instructions are decoded in `native/x86_64`.)

use super::{
    AccessKind, ContextLayout, Cpu, DeliveredFault, Field, FrameRecord, MinidumpCpu, ReadUint, SignalFrame,
    SystemCalls, ThreadPointer, UnwindInfo,
};
use crate::base::{Addr, Arch};
use crate::os::linux::signals::{SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, codes};
use object::elf;

/// The table.
pub static CPU: Cpu = Cpu {
    arch: Arch::X86_64,
    name: "x86-64",
    // Without 5-level paging, which programs must ask for.
    address_bits: 47,
    elf_machine: elf::EM_X86_64.0,
    host_arch: "amd64",
    tool_names: &["x86_64", "amd64", "i386:x86-64", "i386:x86-64:intel"],
    shown: &[
        "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
        "rip", "eflags", "cs", "ss", "ds", "es", "fs", "gs", "fs_base", "gs_base", "orig_rax",
    ],
    // Linux arch/x86/include/asm/user_64.h, `struct user_regs_struct`.
    prstatus: &[
        "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
        "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
    ],
    // -1: not in a system call, so a debugger restarts none.
    unknown_in_prstatus: &[("orig_rax", u64::MAX)],
    debugger: &[
        "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
        "rip", "eflags", "fs_base", "gs_base",
    ],
    // LLDB.
    aliases: &[("eflags", "rflags")],
    thread_pointer: ThreadPointer {
        register: Some("fs_base"),
        note: None,
        debugger: "fs_base",
        // glibc nptl/allocatestack.c (`struct pthread`, 2304 bytes and more), musl src/thread/pthread_create.c (its own, then
        // 128 pointers): each the last of its mapping and less than a page.
        descriptor: Some(1024),
    },
    system_call: &[0x0f, 0x05],
    system_calls: SystemCalls {
        number: "orig_rax",
        number_again: "rax",
        arguments: ["rdi", "rsi", "rdx", "r10"],
        futex: 202,
        restart: 219,
        // `mov $NUMBER, %eax`.
        number_code: Some(&[0xb8]),
        sleeping: super::system_calls::X86_64_SLEEPING,
    },
    fd_calls: super::fd_calls::X86_64,
    unwind: UnwindInfo {
        arch: Arch::X86_64,
        // System V psABI x86-64, figure 3.36.
        names: &[
            "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
            "r15", "rip",
        ],
        ip: 16,
        sp: 7,
        fp: 6,
        link: None,
        callee_saved: &[3, 6, 12, 13, 14, 15],
        arguments: &[5, 4, 1, 2, 8, 9],
        code_bits: 64,
        signs_return_addresses: false,
        frame_record: FrameRecord { saved: 0, return_address: 8, end: 16 },
        call_size: 7,
        follows_call,
        exits,
    },
    signal_frame: SignalFrame {
        // `mov $15, %rax; syscall` (`__restore_rt` of glibc and musl, also with 32-bit `mov $15, %eax`).
        trampolines: &[&[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05], &[0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05]],
        registers: MCONTEXT,
        // Linux arch/x86/include/uapi/asm/sigcontext.h `struct sigcontext_64`.
        order: &[8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16],
        fault,
        operand: |_| None,
        trap: |_| None,
    },
    minidump: Some(MinidumpCpu { ids: &[9], contexts: &[CONTEXT] }),
    mutex_size: 40,
    // src/native/x86_64/effect.rs
    effect: None,
};

/// `CONTEXT` of winnt.h.
const CONTEXT: ContextLayout = ContextLayout {
    size: 1232,
    flags: (48, 4),
    mark: 0x0010_0000,
    complete: 0x0010_0007,
    row: (
        120,
        &[
            "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
            "r15", "rip",
        ],
    ),
    others: &[
        Field { name: "cs", offset: 56, size: 2 },
        Field { name: "ds", offset: 58, size: 2 },
        Field { name: "es", offset: 60, size: 2 },
        Field { name: "fs", offset: 62, size: 2 },
        Field { name: "gs", offset: 64, size: 2 },
        Field { name: "ss", offset: 66, size: 2 },
        Field { name: "eflags", offset: 68, size: 4 },
    ],
};

/// `uc_mcontext` in `struct ucontext` (flags 8, link 8, stack 24).
const MCONTEXT: u64 = 40;
const RIP: u64 = MCONTEXT + 16 * 8;
/// `err`, `trapno`, `oldmask`, `cr2` after the 17 registers, `eflags` and four 16-bit selectors.
const ERR: u64 = MCONTEXT + 19 * 8;
const TRAPNO: u64 = ERR + 8;
const CR2: u64 = TRAPNO + 16;
/// `siginfo_t` behind `struct ucontext`, whose last fields are 8 reserved words and the signal mask (arch/x86/include/asm/sigframe.h).
const SIGINFO: u64 = CR2 + 8 + 9 * 8;
/// x86 page-fault error code (Intel SDM vol. 3, 4.7).
const PF_PRESENT: u64 = 1;
const PF_WRITE: u64 = 1 << 1;
const PF_FETCH: u64 = 1 << 4;

/// Trap numbers (Intel SDM vol. 3, table 6-1) and what arch/x86/kernel/traps.c makes of them. (`siginfo_t` is in the frame
/// only for handlers that ask for it; faulthandler's did not.)
fn fault(sp: Addr, read: &ReadUint<'_>) -> Option<DeliveredFault> {
    let word = |offset: u64| read(sp.wrapping_add(offset), 8);
    let (error, trap) = (word(ERR)?, word(TRAPNO)?);
    let ip = Addr(word(RIP)?);
    // The trap of an earlier fault stays there when a signal is sent later: then a system call was interrupted.
    let before = ip.checked_sub(2).and_then(|at| read(at, 2));
    if before == Some(0x050f) {
        return None;
    }
    let at_ip = |number, code| Some(DeliveredFault { number, code, addr: ip, access: None });
    match trap {
        // Zero is also what a thread starts with.
        0 if is_division(ip, read) => at_ip(SIGFPE, codes::FPE_INTDIV),
        3 => at_ip(SIGTRAP, codes::TRAP_BRKPT),
        6 => at_ip(SIGILL, codes::ILL_ILLOPN),
        12 => Some(DeliveredFault { number: SIGBUS, code: codes::SI_KERNEL, addr: Addr::NULL, access: None }),
        13 => Some(DeliveredFault { number: SIGSEGV, code: codes::SI_KERNEL, addr: Addr::NULL, access: None }),
        14 => {
            let access = match error {
                e if e & PF_FETCH != 0 => AccessKind::Execute,
                e if e & PF_WRITE != 0 => AccessKind::Write,
                _ => AccessKind::Read,
            };
            let code = if error & PF_PRESENT == 0 { codes::SEGV_MAPERR } else { codes::SEGV_ACCERR };
            let addr = word(CR2)?;
            // A page that a mapped file has no more data for faults the same way.
            let (number, code) = told(sp, read, addr).unwrap_or((SIGSEGV, code));
            Some(DeliveredFault { number, code, addr: Addr(addr), access: Some(access) })
        }
        16 | 19 => at_ip(SIGFPE, codes::FPE_FLTDIV),
        17 => at_ip(SIGBUS, codes::BUS_ADRALN),
        _ => None,
    }
}

/// Signal and code of the `siginfo_t` in the frame, where the handler asked for one: then it tells of the same address.
fn told(sp: Addr, read: &ReadUint<'_>, addr: u64) -> Option<(i32, i32)> {
    let (info, word) = (sp.wrapping_add(SIGINFO), |at: u64| read(sp.wrapping_add(SIGINFO + at), 4));
    let number = word(0).and_then(|n| i32::try_from(n).ok()).filter(|n| [SIGSEGV, SIGBUS].contains(n))?;
    let code = word(8).and_then(|code| i32::try_from(code).ok()).filter(|code| (1..128).contains(code))?;
    (read(info.wrapping_add(16), 8)? == addr).then_some((number, code))
}

/// Whether the instruction at `ip` is `div` or `idiv`: opcode F6 or F7 with 6 or 7 in ModRM, after any prefixes.
fn is_division(ip: Addr, read: &ReadUint<'_>) -> bool {
    const PREFIXES: [u64; 11] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3];
    /// Longest x86 instruction.
    const MAX: u64 = 15;
    let byte = |n: u64| read(ip.wrapping_add(n), 1);
    let is_prefix = |b: u64| PREFIXES.contains(&b) || (0x40..=0x4f).contains(&b);
    let Some(opcode) = (0..MAX).find(|n| !byte(*n).is_some_and(is_prefix)) else { return false };
    matches!(byte(opcode), Some(0xf6 | 0xf7)) && matches!(byte(opcode.wrapping_add(1)), Some(m) if m >> 3 & 6 == 6)
}

/// `call rel32` (E8), or `call r/m64` (FF /2) with any addressing form of 2 to 7 bytes, REX prefix or not.
fn follows_call(code: &[u8]) -> bool {
    let back = |n: usize| code.len().checked_sub(n).and_then(|at| code.get(at)).copied();
    if back(5) == Some(0xe8) {
        return true;
    }
    // Length of FF /2 after the opcode, from ModRM: register 1, [reg] 1 or SIB 2, disp8 2/3, disp32 5/6.
    (2..=7).any(|len| {
        let (Some(0xff), Some(modrm)) = (back(len), len.checked_sub(1).and_then(back)) else { return false };
        let (mode, reg, rm) = (modrm >> 6, (modrm >> 3) & 7, modrm & 7);
        let sib = mode != 3 && rm == 4;
        let displacement = match mode {
            0 if rm == 5 => 4,
            0 if sib && len.checked_sub(2).and_then(back).is_some_and(|s| s & 7 == 5) => 4,
            1 => 1,
            2 => 4,
            _ => 0,
        };
        reg == 2 && len == 2 + usize::from(sib) + displacement
    })
}

/// `mov $60, %eax; syscall` (glibc's `clone`, where the function that a thread runs returns to), with `mov $60, %al` (musl's)
/// or `mov $60, %rax`.
fn exits(code: &[u8]) -> bool {
    const FORMS: [&[u8]; 3] =
        [&[0xb8, 60, 0, 0, 0, 0x0f, 0x05], &[0xb0, 60, 0x0f, 0x05], &[0x48, 0xc7, 0xc0, 60, 0, 0, 0, 0x0f, 0x05]];
    FORMS.iter().any(|form| code.windows(form.len()).any(|window| window == *form))
}
