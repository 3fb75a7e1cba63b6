//! Unwind information of PE images (`.pdata`, `.xdata`) as rows like those of DWARF.
//!
//! Facts: Microsoft, "x64 exception handling" (`UNWIND_INFO`, "Unwind procedure"). `goblin` decodes the codes; what they
//! undo is written down as one [`Row`], so that all registers that a function saved come back.

use super::unwind_row::Row;
use crate::base::Addr;
use crate::debuggee::{Memory, MemoryExt as _};
use crate::image::pe::{PeFunction, PeImage};
use goblin::pe::exception::{Register, StackFrameOffset, UnwindInfo, UnwindOperation};

/// Parts of one function that are chained.
const MAX_CHAIN: usize = 32;
/// DWARF numbers of the registers in the order in which x86-64 instructions and unwind codes count them (System V psABI,
/// figure 3.36).
pub(super) const DWARF: [u16; 16] = [0, 2, 1, 3, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
const RSP: u16 = 7;
const RIP: u16 = 16;

/// The row for the code at `addr` of an image; `None` when its tables cannot be read or understood.
#[must_use]
pub fn row(memory: &dyn Memory, image: &PeImage, addr: Addr) -> Option<Row> {
    let Some(function) = image.function_at(memory, addr) else {
        // A function that neither saves registers nor moves the stack pointer has no entry.
        return image.function_table_is_readable(memory).then(|| Undo::new().row());
    };
    let mut undo = Undo::new();
    let mut part = function;
    // What of the prolog has not run yet is not undone; chained parts come after theirs.
    let mut done = addr.distance_from(function.start)?;
    for _ in 0..MAX_CHAIN {
        match undo.part(memory, image, part, done)? {
            Some(next) => (part, done) = (next, u64::MAX),
            None => return Some(undo.row()),
        }
    }
    None
}

/// A place on the stack: a register and an offset in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    register: u16,
    offset: i64,
}

impl Place {
    fn plus(self, bytes: i64) -> Place {
        Place { offset: self.offset.saturating_add(bytes), ..self }
    }
}

/// What undoing a prolog has found so far.
#[derive(Clone, Debug)]
struct Undo {
    /// The stack pointer, with what was undone.
    sp: Place,
    /// Registers and where they were saved.
    saved: Vec<(u16, Place)>,
    /// Where the return address and the interrupted stack pointer are, for the frame of a trap.
    trap: Option<(Place, Place)>,
}

impl Undo {
    fn new() -> Undo {
        Undo { sp: Place { register: RSP, offset: 0 }, saved: Vec::new(), trap: None }
    }

    /// Undoes one part of a function; the part it is chained to. `None` when it cannot be read.
    fn part(
        &mut self,
        memory: &dyn Memory,
        image: &PeImage,
        part: PeFunction,
        done: u64,
    ) -> Option<Option<PeFunction>> {
        let [_, _, count, _] = memory.read_array::<4>(part.unwind).ok()?;
        let codes = u64::from(count).next_multiple_of(2).checked_mul(2)?;
        // Behind the codes: the chained entry, or a handler.
        let bytes =
            [16, 4, 0].iter().find_map(|rest| memory.read_vec(part.unwind, codes.checked_add(4 + rest)?).ok())?;
        let info = UnwindInfo::parse(&bytes, 0).ok()?;
        let frame = dwarf(info.frame_register).filter(|_| info.frame_register.0 != 0);
        let sets_frame = |op: &UnwindOperation| matches!(op, UnwindOperation::SetFPRegister);
        let mut operations = Vec::new();
        // A chained part that does not set it has it from the part before.
        let mut inherits_frame = info.chained_info.is_some();
        for code in info.unwind_codes() {
            let code = code.ok()?;
            inherits_frame &= !sets_frame(&code.operation);
            if u64::from(code.code_offset) <= done {
                operations.push(code.operation);
            }
        }
        // The frame register holds the base once it has been set.
        let base = match frame {
            Some(register) if operations.iter().any(sets_frame) || inherits_frame || done == u64::MAX => {
                Place { register, offset: i64::from(info.frame_register_offset).saturating_neg() }
            }
            _ => self.sp,
        };
        for operation in operations {
            self.undo(&operation, base)?;
        }
        Some(info.chained_info.map(|next| PeFunction {
            start: image.address(next.begin_address),
            end: image.address(next.end_address),
            unwind: image.address(next.unwind_info_address),
        }))
    }

    fn undo(&mut self, operation: &UnwindOperation, base: Place) -> Option<()> {
        match operation {
            UnwindOperation::PushNonVolatile(register) => {
                self.saved.push((dwarf(*register)?, self.sp));
                self.sp = self.sp.plus(8);
            }
            UnwindOperation::Alloc(size) => self.sp = self.sp.plus(i64::from(*size)),
            UnwindOperation::SetFPRegister => self.sp = base,
            UnwindOperation::SaveNonVolatile(register, offset) => {
                let (StackFrameOffset::RSP(offset) | StackFrameOffset::FP(offset)) = offset;
                self.saved.push((dwarf(*register)?, base.plus(i64::from(*offset))));
            }
            // An interrupt or exception pushed: (error code), rip, cs, rflags, rsp, ss.
            UnwindOperation::PushMachineFrame(error_code) => {
                let at = if *error_code { self.sp.plus(8) } else { self.sp };
                self.trap = Some((at, at.plus(24)));
            }
            // Vector registers are not followed.
            UnwindOperation::SaveXMM(..) | UnwindOperation::SaveXMM128(..) => {}
            UnwindOperation::Epilog { .. } | UnwindOperation::Noop => {}
            // A code of a later format: what it moves is not known.
            _ => return None,
        }
        Some(())
    }

    /// All places are counted from the canonical frame address, the caller's stack pointer. A register that was saved
    /// from another base than the last one cannot be told this way and is left out.
    fn row(self) -> Row {
        let (return_at, caller_sp) = match self.trap {
            Some((rip, rsp)) => (rip, Some(rsp)),
            None => (self.sp, None),
        };
        let cfa = return_at.plus(8);
        let mut saved: Vec<(u16, i64)> = Vec::new();
        let from_cfa = |place: Place| (place.register == cfa.register).then(|| place.offset.saturating_sub(cfa.offset));
        // The first save that is undone was the last to be made: the one made first holds the caller's value.
        for (register, place) in self.saved.into_iter().rev() {
            if let Some(at) = from_cfa(place).filter(|_| !saved.iter().any(|(known, _)| *known == register)) {
                saved.push((register, at));
            }
        }
        saved.extend(caller_sp.and_then(from_cfa).map(|at| (RSP, at)));
        saved.push((RIP, -8));
        Row::saved_at_cfa(cfa.register, cfa.offset, saved, RIP)
    }
}

fn dwarf(register: Register) -> Option<u16> {
    DWARF.get(usize::from(register.0)).copied()
}

#[cfg(test)]
mod tests;
