//! Where a function keeps copies of an argument: what its code from the first instruction on does with it.
//!
//! Code is followed over its jumps: what holds at a place is what holds on every way seen that leads there.

use super::instruction::{Code, dwarf_number};
use crate::base::Addr;
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};
use std::collections::HashMap;

/// The stack pointer's number in DWARF (x86-64 psABI).
const RSP: u16 = 7;

/// Where a copy of the argument lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A register, by its number in DWARF.
    Register(u16),
    /// Offset from the stack pointer at function entry.
    Stack(i64),
}

/// How often the code is gone through; each time can only find that less is known.
const MAX_PASSES: usize = 8;

/// Places of the argument that `register` holds at entry, when the function `code` is at `ip`. `exact`: control is at
/// `ip`, and has not yet to come back there from a call.
pub(super) fn places(code: &[Code], register: u16, ip: Addr, exact: bool) -> Vec<Place> {
    let mut factory = InstructionInfoFactory::new();
    let mut joins: HashMap<u64, State> = HashMap::new();
    let mut found = Vec::new();
    for _ in 0..MAX_PASSES {
        let before = joins.clone();
        let mut state = Some(State::at_entry(register));
        // What holds where a jump's targets are not known: at the cases of a switch.
        let mut cases: Option<State> = None;
        for code in code {
            let at_ip = code.addr == ip;
            if at_ip && !exact {
                found = state.as_ref().map(|s| s.places.clone()).unwrap_or_default();
            }
            let joined = joins.get(&code.addr.0).cloned();
            let Some(mut here) = State::meet(state.take(), joined).or_else(|| cases.clone()) else { continue };
            if at_ip && exact {
                found.clone_from(&here.places);
            }
            let i = code.instruction();
            here.step(i, &mut factory);
            let branches =
                matches!(i.flow_control(), FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch);
            if branches {
                let target = i.near_branch_target();
                let joined = State::meet(joins.remove(&target), Some(here.clone()));
                joins.extend(joined.map(|s| (target, s)));
            }
            match i.flow_control() {
                FlowControl::IndirectBranch => cases = State::meet(cases.take(), Some(here)),
                FlowControl::UnconditionalBranch | FlowControl::Return | FlowControl::Exception => {}
                _ => state = Some(here),
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    places: Vec<Place>,
    /// Stack pointer relative to its value at entry.
    depth: Option<i64>,
    /// The frame pointer in the same terms.
    frame_pointer: Option<i64>,
}

impl State {
    fn at_entry(register: u16) -> State {
        State { places: vec![Place::Register(register)], depth: Some(0), frame_pointer: None }
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

    fn step(&mut self, i: &Instruction, factory: &mut InstructionInfoFactory) {
        let slot = self.slot(i);
        let held = |n: &u16| self.places.contains(&Place::Register(*n));
        let source = (i.op_count() == 2 && i.op1_kind() == OpKind::Register)
            .then(|| dwarf_number(i.op1_register()))
            .flatten()
            .filter(held);
        let whole = i.mnemonic() == Mnemonic::Mov && i.op1_register().size() == 8;
        let copy = match (source.filter(|_| whole), i.op0_kind()) {
            (Some(_), OpKind::Register) => dwarf_number(i.op0_register()).map(Place::Register),
            (Some(_), OpKind::Memory) => slot.map(Place::Stack),
            _ => None,
        };
        let spilled = (i.mnemonic() == Mnemonic::Push && i.op0_kind() == OpKind::Register)
            .then(|| dwarf_number(i.op0_register()))
            .flatten()
            .filter(held)
            .and_then(|_| self.depth.map(|d| Place::Stack(d.wrapping_sub(8))));
        self.forget(i, factory, slot.filter(|_| copy.is_none()));
        self.places.extend(copy.into_iter().chain(spilled).filter(|p| *p != Place::Register(RSP)));
        self.places.dedup();
        self.move_stack(i);
    }

    /// The stack slot of a memory operand.
    fn slot(&self, i: &Instruction) -> Option<i64> {
        let has_memory = (0..i.op_count()).any(|n| i.op_kind(n) == OpKind::Memory);
        if !has_memory || i.memory_index() != Register::None {
            return None;
        }
        let displacement = i.memory_displacement64().cast_signed();
        let base = match i.memory_base() {
            Register::RSP => self.depth,
            Register::RBP => self.frame_pointer,
            _ => None,
        };
        base.map(|b| b.wrapping_add(displacement))
    }

    /// What the instruction overwrites is not a copy any more.
    fn forget(&mut self, i: &Instruction, factory: &mut InstructionInfoFactory, slot: Option<i64>) {
        use OpAccess::{CondWrite, ReadCondWrite, ReadWrite, Write};
        let info = factory.info(i);
        let writes = |access| matches!(access, Write | CondWrite | ReadWrite | ReadCondWrite);
        for written in info.used_registers().iter().filter(|r| writes(r.access())) {
            if let Some(number) = dwarf_number(written.register()) {
                self.places.retain(|p| *p != Place::Register(number));
            }
        }
        let only_reads = matches!(i.mnemonic(), Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push | Mnemonic::Call);
        if let Some(slot) = slot.filter(|_| i.op0_kind() == OpKind::Memory && !only_reads) {
            self.places.retain(|p| *p != Place::Stack(slot));
        }
        if matches!(i.flow_control(), FlowControl::Call | FlowControl::IndirectCall) {
            self.places.retain(|p| match p {
                Place::Register(n) => matches!(n, 3 | 6 | 12..=15),
                Place::Stack(_) => true,
            });
        }
    }

    fn move_stack(&mut self, i: &Instruction) {
        let of_rsp = i.op0_kind() == OpKind::Register && i.op0_register() == Register::RSP;
        let constant = matches!(i.op1_kind(), OpKind::Immediate8to64 | OpKind::Immediate32to64)
            .then(|| i.immediate(1).cast_signed());
        let before = self.depth;
        self.depth = match i.mnemonic() {
            Mnemonic::Sub if of_rsp => before.zip(constant).map(|(d, n)| d.wrapping_sub(n)),
            Mnemonic::Add if of_rsp => before.zip(constant).map(|(d, n)| d.wrapping_add(n)),
            Mnemonic::And | Mnemonic::Lea | Mnemonic::Mov if of_rsp => None,
            // A call returns with the stack pointer as it was.
            Mnemonic::Call => before,
            _ => before.map(|d| d.wrapping_add(i64::from(i.stack_pointer_increment()))),
        };
        let of_rbp = i.op0_kind() == OpKind::Register && i.op0_register() == Register::RBP;
        if i.mnemonic() == Mnemonic::Mov && of_rbp {
            let from_rsp = i.op1_kind() == OpKind::Register && i.op1_register() == Register::RSP;
            self.frame_pointer = before.filter(|_| from_rsp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debuggee::{Memory, ReadError, ReadErrorKind};
    use crate::native::x86_64::instruction::listing;

    const RBX: u16 = 3;
    const RDI: u16 = 5;
    const START: u64 = 0x1000;

    struct Bytes(&'static [u8]);

    impl Memory for Bytes {
        fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
            let error = ReadError { addr, kind: ReadErrorKind::Unmapped };
            let at = usize::try_from(addr.0.checked_sub(START).ok_or(error)?).map_err(|_| error)?;
            buf.copy_from_slice(self.0.get(at..at.checked_add(buf.len()).ok_or(error)?).ok_or(error)?);
            Ok(())
        }
    }

    fn places_at(bytes: &'static [u8], offset: u64) -> Vec<Place> {
        let end = Addr(START + bytes.len() as u64);
        places(&listing(&Bytes(bytes), Addr(START), end, 100), RDI, Addr(START + offset), false)
    }

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
}
