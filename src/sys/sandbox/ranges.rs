//! The first part of a filter: system calls that are there whatever their arguments, and those that are said not to exist.
//!
//! The kernel runs a new filter for every number that there is, to note which it always allows (`seccomp_cache_prepare` in
//! kernel/seccomp.c). seccompiler asks for one number after the other, which for a hundred of them takes 0.3 ms: a tenth of what
//! `bt` takes. Here they are looked for by halves.

use nix::libc;
use seccompiler::{BpfProgram, TargetArch, sock_filter};

/// Instructions of classic BPF (linux/bpf_common.h): load a word of `struct seccomp_data`, jump, return a constant.
const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_GREATER: u16 = 0x25;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
/// Where the number and the processor are in `struct seccomp_data` (linux/seccomp.h).
const NUMBER: u32 = 0;
const PROCESSOR: u32 = 4;
/// Processors as auditing numbers them (linux/audit.h).
const AUDIT_X86_64: u32 = 0xc000_003e;
const AUDIT_AARCH64: u32 = 0xc000_00b7;
const AUDIT_RISCV64: u32 = 0xc000_00f3;

/// Allows the numbers of `allowed`, fails those of `absent` as a kernel does that does not have them, and lets `rest` decide
/// about all others; `None` where that makes no program.
pub(super) fn decide_first(allowed: &[i64], absent: &[i64], arch: TargetArch, rest: BpfProgram) -> Option<BpfProgram> {
    let processor = match arch {
        TargetArch::x86_64 => AUDIT_X86_64,
        TargetArch::aarch64 => AUDIT_AARCH64,
        TargetArch::riscv64 => AUDIT_RISCV64,
    };
    let mut program = vec![step(LOAD, PROCESSOR), branch(JUMP_IF_EQUAL, processor, 1, 0), step(JUMP, 0)];
    program.push(step(LOAD, NUMBER));
    program.extend(search(&ranges(allowed)?)?);
    let end = program.len();
    // What is not found goes on behind all of this.
    for (at, jump) in program.iter_mut().enumerate().filter(|(_, step)| step.code == JUMP) {
        jump.k = u32::try_from(end.checked_sub(at)?.checked_sub(1)?).ok()?;
    }
    for number in absent {
        program.push(branch(JUMP_IF_EQUAL, u32::try_from(*number).ok()?, 0, 1));
        program.push(step(RETURN, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()));
    }
    program.extend(rest);
    Some(program)
}

/// First and last of numbers that follow each other, in order.
fn ranges(numbers: &[i64]) -> Option<Vec<(u32, u32)>> {
    let mut sorted = numbers.iter().map(|number| u32::try_from(*number)).collect::<Result<Vec<_>, _>>().ok()?;
    sorted.sort_unstable();
    let mut out: Vec<(u32, u32)> = Vec::new();
    for number in sorted {
        match out.last_mut() {
            Some((_, last)) if last.saturating_add(1) >= number => *last = number,
            _ => out.push((number, number)),
        }
    }
    Some(out)
}

/// Looks for the loaded number by halves.
fn search(ranges: &[(u32, u32)]) -> Option<BpfProgram> {
    let middle = ranges.len() / 2;
    let Some((first, last)) = ranges.get(middle) else { return Some(vec![step(JUMP, 0)]) };
    let below = search(ranges.get(..middle)?)?;
    let above = search(ranges.get(middle.checked_add(1)?..)?)?;
    let mut out = vec![branch(JUMP_IF_AT_LEAST, *first, u8::try_from(below.len()).ok()?, 0)];
    out.extend(below);
    out.push(branch(JUMP_IF_GREATER, *last, 1, 0));
    out.push(step(RETURN, libc::SECCOMP_RET_ALLOW));
    out.extend(above);
    Some(out)
}

fn step(code: u16, k: u32) -> sock_filter {
    branch(code, k, 0, 0)
}

/// Goes `yes` or `no` steps further than to the next one.
fn branch(code: u16, k: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { code, jt: yes, jf: no, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `rest` returns here.
    const REST: u32 = 7;

    /// Runs a program as the kernel does: its result, and how many steps that took.
    fn run(program: &[sock_filter], number: u32, processor: u32) -> (u32, usize) {
        let (mut at, mut word) = (0usize, 0u32);
        for steps in 1..=program.len() {
            let step = program.get(at).unwrap();
            let holds = match step.code {
                LOAD => {
                    word = if step.k == NUMBER { number } else { processor };
                    false
                }
                JUMP => {
                    at += step.k as usize;
                    false
                }
                JUMP_IF_EQUAL => word == step.k,
                JUMP_IF_GREATER => word > step.k,
                JUMP_IF_AT_LEAST => word >= step.k,
                RETURN => return (step.k, steps),
                other => panic!("{other:#x}"),
            };
            at += 1 + usize::from(if holds { step.jt } else { step.jf });
        }
        panic!("no result for {number}")
    }

    #[test]
    fn just_these_numbers_are_allowed() {
        let all = [0, 1, 2, 3, 5, 8, 9, 10, 60, 231, 257, 262, 334, 439];
        let absent = [435, 437];
        for count in 0..=all.len() {
            let numbers = all.get(..count).unwrap();
            let program = decide_first(numbers, &absent, TargetArch::x86_64, vec![step(RETURN, REST)]).unwrap();
            for number in (0..500).chain([0x4000_0000, 0x4000_0001, u32::MAX]) {
                let wanted = match i64::from(number) {
                    number if numbers.contains(&number) => libc::SECCOMP_RET_ALLOW,
                    number if absent.contains(&number) => libc::SECCOMP_RET_ERRNO | 38,
                    _ => REST,
                };
                let (result, steps) = run(&program, number, AUDIT_X86_64);
                assert_eq!(result, wanted, "{number} of {numbers:?}");
                assert!(steps < 22, "{steps} steps for {number} of {numbers:?}");
                // Of another processor the numbers mean something else.
                assert_eq!(run(&program, number, AUDIT_AARCH64).0, REST);
            }
        }
    }
}
