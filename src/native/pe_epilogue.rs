//! Epilogues of PE code: unwind codes tell how a prolog ran, so a thread that stopped in an epilogue is unwound by the
//! instructions that are left of it.
//!
//! Facts: Microsoft, "x64 exception handling" ("Unwind procedure", "Epilog code"): `add rsp` or `lea rsp, [frame
//! register]`, then pops of 8 bytes, then `ret` or a jump to another function, and nothing else.

use super::unwind_row::Row;
use crate::base::Addr;
use crate::debuggee::{Memory, MemoryExt as _};
use crate::image::pe::{PeFunction, PeImage};
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, OpKind, Register};

/// Longest epilogue: two instructions and a pop of each register that a function must preserve.
const MAX_INSTRUCTIONS: usize = 16;
/// Longest x86 instruction, in bytes.
const MAX_LENGTH: u64 = 15;
const RIP: u16 = 16;
const RSP: u16 = 7;

/// The row for a thread that stopped at `ip`, when that is in an epilogue.
#[must_use]
pub fn row(memory: &dyn Memory, image: &PeImage, ip: Addr) -> Option<Row> {
    // A function without an entry saves nothing: its epilogue is its `ret`.
    let function = image.function_at(memory, ip)?;
    let head = Head::read(memory, function)?;
    if !head.chained && ip.distance_from(function.start)? < u64::from(head.prolog) {
        return None;
    }
    // Where the caller's registers are, counted from the register that the stack pointer will be made of.
    let (mut base, mut sp) = (RSP, 0i64);
    let mut saved: Vec<(u16, i64)> = Vec::new();
    let mut at = ip;
    for index in 0..MAX_INSTRUCTIONS {
        let instruction = decode(memory, at)?;
        match instruction.code() {
            Code::Add_rm64_imm8 | Code::Add_rm64_imm32 if index == 0 && instruction.op0_register() == Register::RSP => {
                sp = i64::from(instruction.immediate32().cast_signed());
            }
            Code::Lea_r64_m if index == 0 && instruction.op0_register() == Register::RSP => {
                base = head.frame.filter(|_| frame_only(&instruction, head.frame))?;
                sp = instruction.memory_displacement64().cast_signed();
            }
            Code::Pop_r64 => {
                saved.push((dwarf(instruction.op0_register())?, sp));
                sp = sp.checked_add(8)?;
            }
            Code::Retnq => break,
            _ if leaves(memory, image, function, &instruction) => break,
            _ => return None,
        }
        at = at.wrapping_add(instruction.len() as u64);
        if index == MAX_INSTRUCTIONS.saturating_sub(1) {
            return None;
        }
    }
    let cfa = sp.checked_add(8)?;
    // The last pop into a register is what its caller sees.
    let mut from_cfa: Vec<(u16, i64)> = vec![(RIP, -8)];
    for (register, place) in saved.into_iter().rev() {
        if register != RSP && !from_cfa.iter().any(|(known, _)| *known == register) {
            from_cfa.push((register, place.saturating_sub(cfa)));
        }
    }
    Some(Row::saved_at_cfa(base, cfa, from_cfa, RIP))
}

/// The first bytes of `UNWIND_INFO`.
struct Head {
    chained: bool,
    /// Size of the prolog in bytes.
    prolog: u8,
    codes: u8,
    /// DWARF number of the frame register.
    frame: Option<u16>,
}

impl Head {
    fn read(memory: &dyn Memory, function: PeFunction) -> Option<Head> {
        const UNW_FLAG_CHAININFO: u8 = 4;
        let [flags, prolog, codes, frame] = memory.read_array::<4>(function.unwind).ok()?;
        let number = usize::from(frame & 0xf);
        let frame = if number == 0 { None } else { super::pe::DWARF.get(number).copied() };
        Some(Head { chained: (flags >> 3) & UNW_FLAG_CHAININFO != 0, prolog, codes, frame })
    }
}

fn decode(memory: &dyn Memory, at: Addr) -> Option<Instruction> {
    // Code may end where its section does.
    let bytes = (1..=MAX_LENGTH).rev().find_map(|len| memory.read_vec(at, len).ok())?;
    let instruction = Decoder::with_ip(64, &bytes, at.0, DecoderOptions::NONE).decode();
    (!instruction.is_invalid()).then_some(instruction)
}

/// `lea rsp, [frame register + constant]`.
fn frame_only(instruction: &Instruction, frame: Option<u16>) -> bool {
    instruction.memory_index() == Register::None && frame.is_some() && dwarf(instruction.memory_base()) == frame
}

/// A jump that leaves the function for another one. Parts of a function that lie elsewhere are not another one: their
/// entry is chained, or has codes for a prolog that is not there.
fn leaves(memory: &dyn Memory, image: &PeImage, function: PeFunction, instruction: &Instruction) -> bool {
    match instruction.code() {
        Code::Jmp_rel8_64 | Code::Jmp_rel32_64 if instruction.op0_kind() == OpKind::NearBranch64 => {
            let to = Addr(instruction.near_branch_target());
            if to >= function.start && to < function.end {
                return to == function.start && Head::read(memory, function).is_some_and(|h| !h.chained);
            }
            let Some(other) = image.function_at(memory, to) else { return true };
            let head = Head::read(memory, other);
            to == other.start && head.is_some_and(|h| !h.chained && (h.prolog > 0 || h.codes == 0))
        }
        // To an import: `jmp [rip + x]`. A jump through a register or a table may be a `switch`.
        Code::Jmp_rm64 => instruction.op0_kind() == OpKind::Memory && instruction.is_ip_rel_memory_operand(),
        _ => false,
    }
}

fn dwarf(register: Register) -> Option<u16> {
    (register.is_gpr64()).then(|| super::pe::DWARF.get(register.number()).copied())?
}

#[cfg(test)]
mod tests;
