//! System calls of Linux that a thread sleeps in, by its registers.

use super::futex::FutexWait;
use crate::arch::{self, Cpu};
use crate::base::{Abi, Addr, Os};
use crate::debuggee::{Memory, MemoryExt as _, Registers};

/// Commands of `futex(2)` that wait (include/uapi/linux/futex.h): `FUTEX_WAIT`, `FUTEX_LOCK_PI`, `FUTEX_WAIT_BITSET`,
/// `FUTEX_LOCK_PI2`.
const WAITS: [u64; 4] = [0, 6, 9, 13];
/// `FUTEX_CMD_MASK`: without the private and clock flags.
const COMMAND: u64 = 0x7f;
/// `FUTEX_PRIVATE_FLAG`.
const PRIVATE: u64 = 128;

/// The number of the system call that a thread with these registers is in.
fn inside(registers: &Registers, memory: &dyn Memory, cpu: &Cpu) -> Option<u64> {
    let calls = &cpu.system_calls;
    let ip = registers.ip()?;
    let code = |at: Option<Addr>, wanted: &[u8]| {
        at.and_then(|at| memory.read_vec(at, wanted.len() as u64).ok()).is_some_and(|code| code == wanted)
    };
    let behind = code(ip.checked_sub(cpu.system_call.len() as u64), cpu.system_call);
    let number = registers.get(calls.number);
    // What was interrupted and goes on is told by its code, too.
    if number.is_some_and(|number| number != calls.restart) && behind {
        return number;
    }
    // Interrupted by a signal handler: the frame of x86-64 does not keep the number. A call that is to be made anew stands at its
    // instruction again.
    if number.is_some() && calls.number != calls.number_again && !behind {
        return None;
    }
    let again = || registers.get(calls.number_again).filter(|_| !behind && code(Some(ip), cpu.system_call));
    again().or_else(|| loaded(ip, memory, cpu).filter(|_| behind))
}

/// The number that the instruction before that of the call loads; `ip` is behind the call.
fn loaded(ip: Addr, memory: &dyn Memory, cpu: &Cpu) -> Option<u64> {
    let start = cpu.system_calls.number_code?;
    let at = ip.checked_sub((start.len() as u64).checked_add(4)?.checked_add(cpu.system_call.len() as u64)?)?;
    memory.read_vec(at, start.len() as u64).ok().filter(|code| code == start)?;
    let number = memory.read_array::<4>(at.checked_add(start.len() as u64)?).ok()?;
    Some(u64::from(u32::from_le_bytes(number)))
}

/// The system call that a thread with these registers is in, if it is one that may sleep for long.
#[must_use]
pub fn sleeping_call(registers: &Registers, memory: &dyn Memory, abi: &Abi) -> Option<&'static str> {
    let cpu = arch::cpu(abi.arch);
    let number = inside(registers, memory, cpu).filter(|_| abi.os == Os::Linux)?;
    let name = cpu.system_calls.sleeping.iter().find(|(n, _)| *n == number).map(|(_, name)| *name)?;
    // How `pause()` is made where the kernel has no such call (glibc sysdeps/unix/sysv/linux/pause.c): no descriptors, no time.
    let nothing = || cpu.system_calls.arguments.iter().take(3).all(|name| registers.get(name) == Some(0));
    Some(if name == "ppoll" && nothing() { "pause" } else { name })
}

/// The child process for whose end a thread with these registers waits; `Some(None)`: any of them.
#[must_use]
pub fn awaited_child(registers: &Registers, memory: &dyn Memory, abi: &Abi) -> Option<Option<u64>> {
    let cpu = arch::cpu(abi.arch);
    let number = inside(registers, memory, cpu).filter(|_| abi.os == Os::Linux)?;
    let (_, _, usage) = *cpu.fd_calls.iter().find(|(n, _, _)| *n == number)?;
    let [first, second, ..] = cpu.system_calls.arguments.map(|name| registers.get(name));
    arch::awaited_child(usage, first?, second?)
}

/// The futex that a thread with these registers waits on; `None` when it does something else.
#[must_use]
pub fn futex_wait(registers: &Registers, memory: &dyn Memory, abi: &Abi) -> Option<FutexWait> {
    let cpu = arch::cpu(abi.arch);
    let number = inside(registers, memory, cpu).filter(|_| abi.os == Os::Linux)?;
    let [word, op, expected, timeout] = cpu.system_calls.arguments.map(|name| registers.get(name));
    let op = op?;
    if number != cpu.system_calls.futex || !WAITS.contains(&(op & COMMAND)) {
        return None;
    }
    let word = Addr(word?);
    // The word itself has four bytes wherever it is. (Behind a call that has returned the register has the result, which is no
    // address.)
    memory.read_array::<4>(word).ok()?;
    let expected = u32::try_from(expected? & 0xffff_ffff).ok()?;
    Some(FutexWait { word, expected, timed: timeout? != 0, private: op & PRIVATE != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Arch, DataModel, Endian};
    use crate::debuggee::synth_memory::SynthMemory;
    use crate::native::futex::{Mutex, glibc_mutex};

    const ABI: Abi = Abi { arch: Arch::X86_64, os: Os::Linux, endian: Endian::Little, data_model: DataModel::Lp64 };

    fn registers(arch: Arch, values: &[(&'static str, u64)]) -> Registers {
        Registers { arch, values: values.to_vec() }
    }

    /// Code that makes the call at 0x1000, and a mutex at 0x1020: locked with waiters, owner 77, one user, recursive.
    fn memory(code: &[u8]) -> SynthMemory {
        let mut bytes = vec![0u8; 64];
        bytes[..code.len()].copy_from_slice(code);
        for (at, value) in [(0x20, 2u32), (0x28, 77), (0x2c, 1), (0x30, 1)] {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        SynthMemory::new().with(0x1000u64, &bytes)
    }

    /// `mov $202, %eax; syscall`.
    const FUTEX_CALL: [u8; 7] = [0xb8, 0xca, 0, 0, 0, 0x0f, 0x05];

    #[test]
    fn a_wait_is_seen_by_its_system_call() {
        let at = [("rip", 0x1007), ("rdi", 0x1020), ("rsi", 128), ("rdx", 2), ("r10", 0)];
        let wait = |more: &[(&'static str, u64)]| {
            let all: Vec<_> = more.iter().chain(&at).copied().collect();
            futex_wait(&registers(Arch::X86_64, &all), &memory(&FUTEX_CALL), &ABI)
        };
        let expected = Some(FutexWait { word: Addr(0x1020), expected: 2, timed: false, private: true });
        assert_eq!(wait(&[("orig_rax", 202)]), expected);
        assert_eq!(wait(&[]), expected, "interrupted by a handler");
        assert_eq!(wait(&[("orig_rax", 219)]), expected, "it goes on after a stop");
        assert_eq!(wait(&[("orig_rax", 7)]), None, "poll");
        // FUTEX_WAKE, and a word that is nowhere.
        assert_eq!(wait(&[("orig_rax", 202), ("rsi", 129)]), None);
        assert_eq!(wait(&[("orig_rax", 202), ("rdi", 8)]), None);
        let again = [("rip", 0x1005), ("rax", 202), ("rdi", 0x1020), ("rsi", 0), ("rdx", 2), ("r10", 1)];
        assert!(futex_wait(&registers(Arch::X86_64, &again), &memory(&FUTEX_CALL), &ABI).unwrap().timed);
    }

    /// At the instruction, where the kernel puts a thread that it interrupts, and behind it, where qemu has it.
    #[test]
    fn processors_with_the_general_table() {
        // `svc #0`, `ecall`; each with the number of its register and of the first arguments.
        let processors = [
            (Arch::Aarch64, [1, 0, 0, 0xd4], "pc", "x8", ["x0", "x1", "x2", "x3"]),
            (Arch::Riscv64, [0x73, 0, 0, 0], "pc", "a7", ["a0", "a1", "a2", "a3"]),
        ];
        for (arch, call, pc, number, arguments) in processors {
            let abi = Abi { arch, ..ABI };
            let thread = |at: u64, which: u64, values: [u64; 4]| {
                let own = arguments.iter().copied().zip(values);
                registers(arch, &own.chain([(pc, at), (number, which)]).collect::<Vec<_>>())
            };
            let wait = |at, which, values| futex_wait(&thread(at, which, values), &memory(&call), &abi);
            let expected = Some(FutexWait { word: Addr(0x1020), expected: 2, timed: true, private: true });
            for at in [0x1000, 0x1004] {
                assert_eq!(wait(at, 98, [0x1020, 128, 2, 0x9000]), expected, "{arch:?}");
            }
            assert_eq!(wait(0x1008, 98, [0x1020, 128, 2, 0]), None, "somewhere else");
            assert_eq!(wait(0x1004, 98, [0, 128, 2, 0]), None, "it has returned");
            assert_eq!(wait(0x1004, 73, [0x1020, 128, 2, 0]), None, "another call");
            let call = |which, values| sleeping_call(&thread(0x1000, which, values), &memory(&call), &abi);
            assert_eq!(call(98, [0x1020, 128, 2, 0]), Some("futex"));
            assert_eq!(call(73, [0x1020, 1, 0, 0]), Some("ppoll"));
            assert_eq!(call(73, [0, 0, 0, 0]), Some("pause"));
            assert_eq!(call(172, [0, 0, 0, 0]), None, "getpid");
        }
    }

    #[test]
    fn a_child_process_is_waited_for() {
        // `mov $61, %eax; syscall`: wait4.
        let memory = memory(&[0xb8, 61, 0, 0, 0, 0x0f, 0x05]);
        let wait = |number: u64, pid: u64| {
            let values = [("rip", 0x1007), ("orig_rax", number), ("rdi", pid), ("rsi", 0x1020)];
            awaited_child(&registers(Arch::X86_64, &values), &memory, &ABI)
        };
        assert_eq!(wait(61, 77), Some(Some(77)));
        assert_eq!(wait(61, u64::MAX), Some(None));
        assert_eq!(wait(0, 77), None, "read");
    }

    #[test]
    fn the_owner_of_a_mutex() {
        let memory = memory(&FUTEX_CALL);
        let found = glibc_mutex(Addr(0x1020), &memory, &ABI);
        assert_eq!(found, Some(Mutex { addr: Addr(0x1020), owner: 77 }));
        // Free, and no mutex at all.
        assert_eq!(glibc_mutex(Addr(0x1010), &memory, &ABI), None);
        assert_eq!(glibc_mutex(Addr(0x1000), &memory, &ABI), None);
    }
}
