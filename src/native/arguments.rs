//! [`Arguments`]: what a function on the stack was called with, without debug information.
//!
//! A function that still needs an argument after a call keeps it in a callee-saved register or in its own stack
//! frame; both can be read when the stack is unwound with all registers. Where it keeps it is told by its own code
//! (`argument_tracking`). And where nothing was kept, the caller may have passed a constant, which its code before
//! the call shows.

use super::argument_tracking::{self, Place};
use super::effects::{Decoded, listing};
use crate::arch::{Flow, Step, Value};
use crate::base::{Abi, Addr};
use crate::debuggee::{Memory, MemoryExt as _};
use crate::native::regfile::RegFile;
use crate::native::unwind::UnwoundFrame;
use std::collections::HashMap;
use std::ops::Range;

/// Instructions of the callee that are followed.
const MAX_FOLLOWED: usize = 2000;
/// Bytes of the caller's code before the call that are examined, where it runs straight and where not.
const MAX_STRAIGHT: u64 = 4096;
const MAX_CALLER: u64 = 256 << 10;

/// Reads arguments of functions on the stack by the calling convention of Linux.
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

    /// Integer argument `index`, as long as these are passed in registers, of `function`, which has `frame` and was called by
    /// `caller`, whose own function starts at the address beside it.
    #[must_use]
    pub fn get(
        &self,
        frame: &UnwoundFrame,
        function: &Range<Addr>,
        caller: Option<(&UnwoundFrame, Addr)>,
        index: usize,
    ) -> Option<u64> {
        self.kept(frame, function, index)
            .or_else(|| caller.and_then(|(caller, start)| self.constant(caller, start, index)))
    }

    /// The argument from where the function keeps it.
    fn kept(&self, frame: &UnwoundFrame, function: &Range<Addr>, index: usize) -> Option<u64> {
        let regs = frame.registers.as_deref()?;
        let entry_sp = frame.cfa?.wrapping_offset(regs.info().pushed_by_call().wrapping_neg());
        let argument = *regs.info().arguments.get(index)?;
        // Symbols may have no size.
        let end = function.end.max(frame.ip);
        let code = listing(self.memory, &self.abi, function.start, end, MAX_FOLLOWED);
        let places = argument_tracking::places(&code, regs.info(), argument, frame.ip, frame.exact);
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

    /// Whether the caller, whose own function starts at `start`, passes its own argument `index` on as it got it: its code runs
    /// straight from its start to the call and does not write the register.
    #[must_use]
    pub fn passed_on(&self, caller: &UnwoundFrame, start: Addr, index: usize) -> bool {
        let Some(argument) = caller.registers.as_deref().and_then(|r| r.info().arguments.get(index)) else {
            return false;
        };
        let end = caller.ip;
        if caller.exact || end.distance_from(start).is_none_or(|n| n > MAX_STRAIGHT) {
            return false;
        }
        let code = listing(self.memory, &self.abi, start, end, usize::MAX);
        let Some((call, before)) = code.split_last().filter(|(call, _)| call.end() == end) else { return false };
        let is_straight = |code: &Decoded| code.effect.flow == Flow::Next && !code.effect.sets(*argument);
        call.effect.flow == Flow::Call && before.iter().all(is_straight)
    }

    /// The constant that the caller loads for the argument just before its call.
    fn constant(&self, caller: &UnwoundFrame, start: Addr, index: usize) -> Option<u64> {
        let regs = caller.registers.as_deref()?;
        let argument = *regs.info().arguments.get(index)?;
        let end = caller.ip;
        if caller.exact || end.distance_from(start)? > MAX_CALLER {
            return None;
        }
        let mut loaded = Loaded { regs, known: HashMap::new() };
        let (mut at, mut last) = (start, start);
        let mut targets = Vec::new();
        while at < end {
            let code = Decoded::at(self.memory, &self.abi, at)?;
            (last, at) = (at, code.end());
            if let Flow::Branch(target) | Flow::Jump(target) = code.effect.flow {
                targets.push(target);
            }
            // A branch ends what is known.
            match code.effect.flow {
                Flow::Next => code.effect.steps.iter().for_each(|step| loaded.step(last, *step)),
                _ if at != end => loaded.known.clear(),
                _ => {}
            }
        }
        let (since, value) = loaded.known.get(&argument).filter(|_| at == end)?;
        // Who jumps to between these instructions and the call has another argument.
        let other_ways = targets.iter().any(|target| *since < *target && *target <= last);
        if other_ways { None } else { loaded.value(*value) }
    }
}

/// What a stretch of code has put into registers.
struct Loaded<'r> {
    /// At the call that ends it.
    regs: &'r RegFile,
    /// By register: the first instruction that had a part in it, and the value.
    known: HashMap<u16, (Addr, Value)>,
}

impl Loaded<'_> {
    fn step(&mut self, at: Addr, step: Step) {
        let Step::Set { register, value } = step else { return };
        let value = match value {
            Value::Unknown => None,
            Value::Constant(_) => Some((at, value)),
            Value::Sum(from, added) => match self.known.get(&from) {
                Some((since, Value::Constant(n))) => Some((*since, Value::Constant(n.wrapping_add_signed(added)))),
                Some((since, Value::Sum(of, n))) => Some((*since, Value::Sum(*of, n.wrapping_add(added)))),
                // A register that callees preserve still has what it had.
                _ if self.is_kept(from) => Some((at, Value::Sum(from, added))),
                _ => None,
            },
        };
        // What was made of its old content is not any more.
        self.known.retain(|_, (_, value)| !matches!(value, Value::Sum(of, _) if *of == register));
        match value.filter(|(_, value)| !matches!(value, Value::Sum(of, _) if *of == register)) {
            Some(value) => self.known.insert(register, value),
            None => self.known.remove(&register),
        };
    }

    fn is_kept(&self, register: u16) -> bool {
        let info = self.regs.info();
        register == info.sp || info.callee_saved.contains(&register)
    }

    fn value(&self, value: Value) -> Option<u64> {
        match value {
            Value::Constant(number) => Some(number),
            Value::Sum(of, added) => Some(self.regs.get(of)?.wrapping_add_signed(added)),
            Value::Unknown => None,
        }
    }
}
