//! [`Arguments`]: what a function on the stack was called with, without debug information.
//!
//! A function that still needs an argument after a call keeps it in a callee-saved register or in its own stack
//! frame; both can be read when the stack is unwound with all registers. Where it keeps it is told by its own code
//! (`copies`). And where nothing was kept, the caller may have passed a constant, which its code before the
//! call shows.

use super::argument_tracking::{self, Place};
use super::instruction::{Code, dwarf_number, listing};
use crate::base::{Abi, Addr};
use crate::debuggee::{Memory, MemoryExt as _};
use crate::native::regfile::RegFile;
use crate::native::unwind::UnwoundFrame;
use iced_x86::{InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};
use std::ops::Range;

/// Instructions of the callee that are followed.
const MAX_FOLLOWED: usize = 2000;
/// Bytes of the caller's code before the call that are examined.
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

impl<'a> Arguments<'a> {
    /// A reader of arguments.
    #[must_use]
    pub fn new(memory: &'a dyn Memory, abi: Abi) -> Self {
        Arguments { memory, abi }
    }

    /// Integer argument `index` (0 to 5) of `function`, which has `frame` and was called by `caller`, whose own function
    /// starts at the address beside it.
    #[must_use]
    pub fn get(
        &self,
        frame: &UnwoundFrame,
        function: &Range<Addr>,
        caller: Option<(&UnwoundFrame, Addr)>,
        index: usize,
    ) -> Option<u64> {
        if !super::is_of(&self.abi) {
            return None;
        }
        self.kept(frame, function, index)
            .or_else(|| caller.and_then(|(caller, start)| self.constant(caller, start, index)))
    }

    /// The argument from where the function keeps it.
    fn kept(&self, frame: &UnwoundFrame, function: &Range<Addr>, index: usize) -> Option<u64> {
        let regs = frame.registers.as_deref()?;
        let entry_sp = frame.cfa?.checked_sub(8)?;
        let argument = *regs.info().arguments.get(index)?;
        // Symbols may have no size.
        let end = function.end.max(frame.ip);
        let code = listing(self.memory, function.start, end, MAX_FOLLOWED);
        argument_tracking::places(&code, argument, frame.ip, frame.exact).into_iter().find_map(|place| match place {
            Place::Register(number) => self.register(frame, regs, number),
            Place::Stack(offset) => self.memory.read_ptr(&self.abi, entry_sp.wrapping_offset(offset)).ok().map(|a| a.0),
        })
    }

    /// A register of a frame that has made a call still holds what it held only if callees preserve it.
    fn register(&self, frame: &UnwoundFrame, regs: &RegFile, number: u16) -> Option<u64> {
        let preserved = regs.info().callee_saved.contains(&number);
        if frame.exact || preserved { regs.get(number) } else { None }
    }

    /// Whether the caller, whose own function starts at `start`, passes its own argument `index` on as it got it: its code runs
    /// straight from its start to the call and does not write the register.
    #[must_use]
    pub fn passed_on(&self, caller: &UnwoundFrame, start: Addr, index: usize) -> bool {
        let Some(argument) = caller.registers.as_deref().and_then(|r| r.info().arguments.get(index)) else {
            return false;
        };
        let end = caller.ip;
        if !super::is_of(&self.abi) || caller.exact || end.distance_from(start).is_none_or(|n| n > MAX_CALL_SITE) {
            return false;
        }
        let mut factory = InstructionInfoFactory::new();
        let mut at = start;
        while at < end {
            let Some(code) = Code::at(self.memory, at) else { return false };
            at = code.end();
            if at == end {
                return true;
            }
            let i = code.instruction();
            let writes = factory.info(i).used_registers().iter().any(|r| {
                dwarf_number(r.register()) == Some(*argument)
                    && !matches!(r.access(), OpAccess::Read | OpAccess::CondRead)
            });
            if writes || !matches!(i.flow_control(), iced_x86::FlowControl::Next) {
                return false;
            }
        }
        false
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
