//! Where a function keeps copies of an argument: what its code from the first instruction on does with it.
//!
//! Code is followed over its jumps: what holds at a place is what holds on every way seen that leads there.

use super::effects::Decoded;
use crate::arch::{Flow, Step, UnwindInfo, Value};
use crate::base::Addr;
use std::collections::HashMap;

/// Where a copy of the argument lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A register, by its number in DWARF.
    Register(u16),
    /// Offset from the stack pointer at function entry.
    Stack(i64),
}

/// Bytes of a copy on the stack.
const WORD: i64 = 8;

/// How often the code is gone through; each time can only find that less is known.
const MAX_PASSES: usize = 8;

/// Places of the argument that `register` holds at entry, when the function `code` is at `ip`. `exact`: control is at
/// `ip`, and has not yet to come back there from a call.
pub(super) fn places(code: &[Decoded], info: &'static UnwindInfo, register: u16, ip: Addr, exact: bool) -> Vec<Place> {
    let mut joins: HashMap<Addr, State> = HashMap::new();
    let mut found = Vec::new();
    for _ in 0..MAX_PASSES {
        let before = joins.clone();
        let mut state = Some(State::at_entry(info, register));
        // What holds where a jump's targets are not known: at the cases of a switch.
        let mut cases: Option<State> = None;
        for code in code {
            let at_ip = code.addr == ip;
            if at_ip && !exact {
                found = state.as_ref().map(|s| s.places.clone()).unwrap_or_default();
            }
            let joined = joins.get(&code.addr).cloned();
            let Some(mut here) = State::meet(state.take(), joined).or_else(|| cases.clone()) else { continue };
            if at_ip && exact {
                found.clone_from(&here.places);
            }
            code.effect.steps.iter().for_each(|step| here.step(*step));
            if let Flow::Branch(target) | Flow::Jump(target) = code.effect.flow {
                let joined = State::meet(joins.remove(&target), Some(here.clone()));
                joins.extend(joined.map(|s| (target, s)));
            }
            match code.effect.flow {
                Flow::Indirect => cases = State::meet(cases.take(), Some(here)),
                Flow::Jump(_) | Flow::Leaves => {}
                Flow::Call => state = Some(here.after_call()),
                Flow::Next | Flow::Branch(_) => state = Some(here),
            }
        }
        // Where the code ends with the call.
        if code.last().is_some_and(|c| c.end() == ip) && !exact {
            found = state.map(|s| s.places).unwrap_or_default();
        }
        if joins == before {
            return found;
        }
    }
    Vec::new()
}

/// What is known at one place of the code.
#[derive(Clone, Debug)]
struct State {
    info: &'static UnwindInfo,
    places: Vec<Place>,
    /// Stack pointer relative to its value at entry.
    depth: Option<i64>,
    /// The frame pointer in the same terms.
    frame_pointer: Option<i64>,
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        (&self.places, self.depth, self.frame_pointer) == (&other.places, other.depth, other.frame_pointer)
    }
}

impl State {
    fn at_entry(info: &'static UnwindInfo, register: u16) -> State {
        State { info, places: vec![Place::Register(register)], depth: Some(0), frame_pointer: None }
    }

    /// What holds whichever of two ways was taken; one that is `None` was not.
    fn meet(a: Option<State>, b: Option<State>) -> Option<State> {
        match (a, b) {
            (Some(mut a), Some(b)) => {
                a.places.retain(|p| b.places.contains(p));
                a.depth = a.depth.filter(|d| b.depth == Some(*d));
                a.frame_pointer = a.frame_pointer.filter(|f| b.frame_pointer == Some(*f));
                Some(a)
            }
            (a, b) => a.or(b),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Set { register, value } => self.set(register, value),
            Step::Store { base, offset, size, from } => {
                let Some(slot) = base.and_then(|base| self.stack(base)).map(|at| at.wrapping_add(offset)) else {
                    return;
                };
                let end = slot.saturating_add_unsigned(size);
                self.places.retain(|p| match p {
                    Place::Stack(at) => at.saturating_add(WORD) <= slot || end <= *at,
                    Place::Register(_) => true,
                });
                if from.is_some_and(|from| self.places.contains(&Place::Register(from))) {
                    self.places.push(Place::Stack(slot));
                }
            }
        }
    }

    /// Where on the stack a register points.
    fn stack(&self, register: u16) -> Option<i64> {
        match register {
            _ if register == self.info.sp => self.depth,
            _ if register == self.info.fp => self.frame_pointer,
            _ => None,
        }
    }

    fn set(&mut self, register: u16, value: Value) {
        let (at, is_copy) = match value {
            Value::Sum(from, added) => (
                self.stack(from).map(|at| at.wrapping_add(added)),
                added == 0 && self.places.contains(&Place::Register(from)),
            ),
            Value::Unknown | Value::Constant(_) => (None, false),
        };
        self.places.retain(|p| *p != Place::Register(register));
        if register == self.info.sp {
            self.depth = at;
            return;
        }
        if register == self.info.fp {
            self.frame_pointer = at;
        }
        if is_copy {
            self.places.push(Place::Register(register));
        }
    }

    /// What still holds when a function that it calls has come back.
    fn after_call(mut self) -> State {
        let preserved = self.info.callee_saved;
        self.places.retain(|p| match p {
            Place::Register(number) => preserved.contains(number),
            Place::Stack(_) => true,
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::cpu;
    use crate::base::{Abi, Arch};
    use crate::debuggee::{Memory, ReadError, ReadErrorKind};
    use crate::native::effects::listing;

    const START: u64 = 0x1000;

    struct Bytes(Vec<u8>);

    impl Memory for Bytes {
        fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
            let error = ReadError { addr, kind: ReadErrorKind::Unmapped };
            let at = usize::try_from(addr.0.checked_sub(START).ok_or(error)?).map_err(|_| error)?;
            buf.copy_from_slice(self.0.get(at..at.checked_add(buf.len()).ok_or(error)?).ok_or(error)?);
            Ok(())
        }
    }

    /// Places of the first argument at the return address that is at this offset of the code.
    fn places_of(arch: Arch, bytes: Vec<u8>, offset: u64) -> Vec<Place> {
        let (end, info) = (Addr(START + bytes.len() as u64), &cpu(arch).unwind);
        let code = listing(&Bytes(bytes), &Abi::linux(arch), Addr(START), end, 100);
        places(&code, info, info.arguments[0], Addr(START + offset), false)
    }

    fn places_at(bytes: &'static [u8], offset: u64) -> Vec<Place> {
        places_of(Arch::X86_64, bytes.to_vec(), offset)
    }

    const RBX: u16 = 3;

    #[test]
    fn what_one_way_undoes_still_holds_on_the_other() {
        // push rbx; mov rdi, rbx; call; test eax, eax; jne +2; pop rbx; ret; call
        const CODE: &[u8] = b"\x53\x48\x89\xfb\xe8\0\0\0\0\x85\xc0\x75\x02\x5b\xc3\xe8\0\0\0\0";
        assert_eq!(places_at(CODE, 0x09), [Place::Register(RBX)]);
        assert_eq!(places_at(CODE, 0x14), [Place::Register(RBX)]);
    }

    #[test]
    fn what_a_loop_overwrites_is_no_copy() {
        // mov rdi, rbx; call; xor ebx, ebx; jne -9 (to the call); ret
        const CODE: &[u8] = b"\x48\x89\xfb\xe8\0\0\0\0\x31\xdb\x75\xf7\xc3";
        assert_eq!(places_at(CODE, 0x08), []);
        // The same without the jump back.
        const STRAIGHT: &[u8] = b"\x48\x89\xfb\xe8\0\0\0\0\x31\xdb\x75\x00\xc3";
        assert_eq!(places_at(STRAIGHT, 0x08), [Place::Register(RBX)]);
    }

    #[test]
    fn code_without_optimisation_keeps_arguments_on_the_stack() {
        // push rbp; mov rsp, rbp; sub $16, rsp; mov rdi, -8(rbp); call; leave; ret
        const CODE: &[u8] = b"\x55\x48\x89\xe5\x48\x83\xec\x10\x48\x89\x7d\xf8\xe8\0\0\0\0\xc9\xc3";
        assert_eq!(places_at(CODE, 0x11), [Place::Stack(-16)]);
    }

    fn words(code: &[u32]) -> Vec<u8> {
        code.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn arm64() {
        // stp x29, x30, [sp, #-48]!; mov x29, sp; str x19, [sp, #16]; mov x19, x0; str x0, [x29, #40]; bl; ldr x19, [sp, #16]; bl
        let code = words(&[
            0xa9bd_7bfd,
            0x9100_03fd,
            0xf900_0bf3,
            0xaa00_03f3,
            0xf900_17a0,
            0x9400_0000,
            0xf940_0bf3,
            0x9400_0000,
        ]);
        assert_eq!(places_of(Arch::Aarch64, code.clone(), 24), [Place::Register(19), Place::Stack(-8)]);
        assert_eq!(places_of(Arch::Aarch64, code, 32), [Place::Stack(-8)]);
        // stp x0, x1, [sp, #-16]!; cbz x1, 12; str q0, [sp]; bl; the vector covers it on one of the ways.
        let code = words(&[0xa9bf_07e0, 0xb400_0041, 0x3d80_03e0, 0x9400_0000]);
        assert_eq!(places_of(Arch::Aarch64, code, 16), []);
    }

    #[test]
    fn riscv64() {
        // c.addi16sp sp, -32; c.sdsp ra, 24(sp); c.sdsp s0, 16(sp); c.mv s0, a0; sd a0, 8(sp); jal ra
        let short = [0x1101u16, 0xec06, 0xe822, 0x842a].iter().flat_map(|half| half.to_le_bytes());
        let code: Vec<u8> = short.chain(words(&[0x00a1_3423, 0x0000_00ef])).collect();
        assert_eq!(places_of(Arch::Riscv64, code, 16), [Place::Register(8), Place::Stack(-24)]);
    }
}
