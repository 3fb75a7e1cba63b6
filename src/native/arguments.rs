//! [`Arguments`]: what a function on the stack was called with, without debug information.
//!
//! A function that still needs an argument after a call keeps it in a callee-saved register or in its own stack
//! frame; both can be read when the stack is unwound with all registers. Where it keeps it is told by its own code:
//! the straight line from its first instruction on copies the argument there. And where nothing was kept, the caller
//! may have passed a constant, which its code before the call shows.

use super::code::{Code, dwarf_number, listing};
use super::regfile::RegFile;
use super::unwind::UnwoundFrame;
use crate::base::{Abi, Addr, Arch};
use crate::target::{Memory, MemoryExt as _};
use iced_x86::{InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

/// Instructions of the callee that are followed.
const MAX_PROLOGUE: usize = 200;
/// Bytes of the caller's code before the call that are looked at.
const MAX_CALL_SITE: u64 = 4096;

/// Reads arguments of functions on the stack (x86-64 System V; elsewhere nothing is found).
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    memory: &'a dyn Memory,
    abi: Abi,
}

impl std::fmt::Debug for Arguments<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arguments").finish_non_exhaustive()
    }
}

/// Where a copy of the argument lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Register(u16),
    /// Offset from the stack pointer at function entry.
    Stack(i64),
}

impl<'a> Arguments<'a> {
    /// A reader of arguments.
    #[must_use]
    pub fn new(memory: &'a dyn Memory, abi: Abi) -> Self {
        Arguments { memory, abi }
    }

    /// Integer argument `index` (0 to 5) of the function of `frame`, which starts at `start` and was called by
    /// `caller`, in whose code the call is at most a few hundred instructions behind `caller_start`.
    #[must_use]
    pub fn get(
        &self,
        frame: &UnwoundFrame,
        start: Addr,
        caller: Option<(&UnwoundFrame, Addr)>,
        index: usize,
    ) -> Option<u64> {
        if self.abi.arch != Arch::X86_64 {
            return None;
        }
        self.kept(frame, start, index)
            .or_else(|| caller.and_then(|(caller, start)| self.constant(caller, start, index)))
    }

    /// The argument from where the function keeps it.
    fn kept(&self, frame: &UnwoundFrame, start: Addr, index: usize) -> Option<u64> {
        let regs = frame.registers.as_deref()?;
        let entry_sp = frame.cfa?.checked_sub(8)?;
        let argument = *regs.info().arguments.get(index)?;
        let places = self.places(start, frame.ip, argument);
        places.into_iter().find_map(|place| match place {
            Place::Register(number) => self.register(frame, regs, number),
            Place::Stack(offset) => self.memory.read_ptr(&self.abi, entry_sp.wrapping_offset(offset)).ok().map(|a| a.0),
        })
    }

    /// A register of a frame that has made a call still holds what it held only if callees preserve it.
    fn register(&self, frame: &UnwoundFrame, regs: &RegFile, number: u16) -> Option<u64> {
        let preserved = regs.info().callee_saved.contains(&number);
        if frame.exact || preserved { regs.get(number) } else { None }
    }

    /// Where the straight line of code from `start` to `ip` leaves copies of the argument.
    fn places(&self, start: Addr, ip: Addr, argument: u16) -> Vec<Place> {
        let mut places = vec![Place::Register(argument)];
        // Bytes the function has pushed or reserved so far: the stack pointer relative to function entry.
        let mut depth = Some(0i64);
        let mut frame_pointer = None;
        let mut factory = InstructionInfoFactory::new();
        for code in listing(self.memory, start, ip, MAX_PROLOGUE) {
            let i = code.instruction();
            let source = (i.op_count() == 2 && i.op1_kind() == OpKind::Register)
                .then(|| dwarf_number(i.op1_register()))
                .flatten()
                .filter(|n| places.contains(&Place::Register(*n)));
            let whole = i.mnemonic() == Mnemonic::Mov && i.op1_register().size() == 8;
            let stack_slot = |base: Register, displacement: u64| match base {
                Register::RSP => depth.map(|d| d.wrapping_add(displacement.cast_signed())),
                Register::RBP => frame_pointer.map(|f: i64| f.wrapping_add(displacement.cast_signed())),
                _ => None,
            };
            let slot = (0..i.op_count())
                .any(|n| i.op_kind(n) == OpKind::Memory)
                .then(|| stack_slot(i.memory_base(), i.memory_displacement64()))
                .flatten()
                .filter(|_| i.memory_index() == Register::None);
            let copy = match (source.filter(|_| whole), i.op0_kind()) {
                (Some(_), OpKind::Register) => dwarf_number(i.op0_register()).map(Place::Register),
                (Some(_), OpKind::Memory) => slot.map(Place::Stack),
                _ => None,
            };
            let spilled = (i.mnemonic() == Mnemonic::Push && i.op0_kind() == OpKind::Register)
                .then(|| dwarf_number(i.op0_register()))
                .flatten()
                .filter(|n| places.contains(&Place::Register(*n)))
                .and_then(|_| depth.map(|d| Place::Stack(d.wrapping_sub(8))));
            // What the instruction overwrites is no copy any more.
            let info = factory.info(i);
            for written in info.used_registers().iter().filter(|r| {
                matches!(
                    r.access(),
                    OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
                )
            }) {
                if let Some(number) = dwarf_number(written.register()) {
                    places.retain(|p| *p != Place::Register(number));
                }
            }
            if let Some(slot) = slot
                && i.op0_kind() == OpKind::Memory
                && copy.is_none()
                && !matches!(i.mnemonic(), Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push | Mnemonic::Call)
            {
                places.retain(|p| *p != Place::Stack(slot));
            }
            if code.is_call() {
                places.retain(|p| match p {
                    Place::Register(n) => matches!(n, 3 | 6 | 12..=15),
                    Place::Stack(_) => true,
                });
            }
            places.extend(copy.into_iter().chain(spilled).filter(|p| *p != Place::Register(7)));
            places.dedup();
            let moved = i64::from(i.stack_pointer_increment());
            depth = match (i.mnemonic(), i.op0_kind()) {
                (Mnemonic::Sub, OpKind::Register) if i.op0_register() == Register::RSP => depth
                    .filter(|_| i.op1_kind() != OpKind::Register)
                    .map(|d| d.wrapping_sub(i.immediate(1).cast_signed())),
                (Mnemonic::Add, OpKind::Register) if i.op0_register() == Register::RSP => depth
                    .filter(|_| i.op1_kind() != OpKind::Register)
                    .map(|d| d.wrapping_add(i.immediate(1).cast_signed())),
                (Mnemonic::And | Mnemonic::Lea | Mnemonic::Mov, OpKind::Register)
                    if i.op0_register() == Register::RSP =>
                {
                    None
                }
                // A call returns with the stack pointer as it was.
                (Mnemonic::Call, _) => depth,
                _ => depth.map(|d| d.wrapping_add(moved)),
            };
            if i.mnemonic() == Mnemonic::Mov && i.op0_kind() == OpKind::Register && i.op0_register() == Register::RBP {
                frame_pointer =
                    if i.op1_kind() == OpKind::Register && i.op1_register() == Register::RSP { depth } else { None };
            }
            // Behind a return the line goes on in another path: the stack pointer there is not known.
            if matches!(i.mnemonic(), Mnemonic::Ret) {
                depth = None;
            }
        }
        places
    }

    /// The constant that the caller loads for the argument just before its call.
    fn constant(&self, caller: &UnwoundFrame, start: Addr, index: usize) -> Option<u64> {
        let regs = caller.registers.as_deref()?;
        let argument = *regs.info().arguments.get(index)?;
        let end = caller.ip;
        if caller.exact || end.distance_from(start)? > MAX_CALL_SITE.wrapping_mul(64) {
            return None;
        }
        let mut value = None;
        let mut factory = InstructionInfoFactory::new();
        let mut at = start;
        while at < end {
            let code = Code::at(self.memory, at)?;
            at = code.end();
            let i = code.instruction();
            // A branch ends what is known; a target in between cannot be told, so only the last stretch counts.
            let jumps = !matches!(i.flow_control(), iced_x86::FlowControl::Next) && at != end;
            let writes = factory.info(i).used_registers().iter().any(|r| {
                dwarf_number(r.register()) == Some(argument)
                    && !matches!(r.access(), OpAccess::Read | OpAccess::CondRead)
            });
            if jumps {
                value = None;
            } else if writes && at != end {
                value = match (i.mnemonic(), i.op1_kind()) {
                    (Mnemonic::Lea, _) if i.memory_base() == Register::RIP => Some(i.ip_rel_memory_address()),
                    (Mnemonic::Mov, OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64) => {
                        Some(i.immediate(1))
                    }
                    // `mov %rbx, %rdi`: rbx is the caller's still.
                    (Mnemonic::Mov, OpKind::Register) if i.op1_register().size() == 8 => dwarf_number(i.op1_register())
                        .filter(|n| regs.info().callee_saved.contains(n))
                        .and_then(|n| regs.get(n)),
                    (Mnemonic::Xor, OpKind::Register) if i.op0_register() == i.op1_register() => Some(0),
                    _ => None,
                };
            }
        }
        (at == end).then_some(value).flatten()
    }
}
