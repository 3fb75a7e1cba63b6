//! What an instruction does to registers and memory (Arm ARM, C4.1 "A64 instruction set encoding").
//!
//! What is not known may change every register that one of its fields can name.

use super::{bits, operand, signed};
use crate::arch::{AccessKind, Effect, Flow, Operand, Step, Value};
use crate::base::Addr;

/// Bytes of an instruction.
const SIZE: u64 = 4;
/// The stack pointer's number, which is zero's too.
const SP: u16 = 31;
/// Places of the fields that name registers.
const RD: u32 = 0;
const RN: u32 = 5;
const RT2: u32 = 10;
const RM: u32 = 16;

/// The instruction in these bytes, which are at `at`.
pub(super) fn effect(code: &[u8], at: Addr) -> Option<Effect> {
    let word = u32::from_le_bytes(*code.first_chunk()?);
    if word >> 16 == 0 {
        return Some(Effect::going(SIZE, Flow::Leaves));
    }
    Some(match bits(word, 25, 4) {
        0b1000 | 0b1001 => Effect::of(SIZE, immediate(word, at).into_iter().collect()),
        0b1010 | 0b1011 => branch(word, at),
        0b0100 | 0b0110 | 0b1100 | 0b1110 => Effect::of(SIZE, load_or_store(word)),
        0b0101 | 0b1101 => Effect::of(SIZE, register(word).into_iter().collect()),
        // Vectors, of which some have a general register for their result.
        _ => Effect::of(SIZE, vec![Step::forget(field(word, RD))]),
    })
}

fn field(word: u32, low: u32) -> u16 {
    // Five bits.
    u16::try_from(bits(word, low, 5)).unwrap_or_default()
}

/// A register as a result, where number 31 is zero and takes none.
fn result(word: u32, low: u32, value: Value) -> Option<Step> {
    let register = field(word, low);
    (register != SP).then_some(Step::Set { register, value })
}

/// Data processing with a constant.
fn immediate(word: u32, at: Addr) -> Option<Step> {
    let is_long = bits(word, 31, 1) == 1;
    match bits(word, 23, 3) {
        // ADR, ADRP.
        0b000 | 0b001 => {
            let offset = signed(word, 5, 19) << 2 | i64::from(bits(word, 29, 2));
            let target =
                if is_long { Addr(at.0 & !0xfff).wrapping_offset(offset << 12) } else { at.wrapping_offset(offset) };
            result(word, RD, Value::Constant(target.0))
        }
        // ADD, SUB; those that set flags have zero, the others the stack pointer.
        0b010 => {
            let value = i64::from(bits(word, 10, 12)) << if bits(word, 22, 1) == 1 { 12 } else { 0 };
            let added = if bits(word, 30, 1) == 1 { value.wrapping_neg() } else { value };
            let value = if is_long { Value::Sum(field(word, RN), added) } else { Value::Unknown };
            let sets_flags = bits(word, 29, 1) == 1;
            if sets_flags { result(word, RD, value) } else { Some(Step::Set { register: field(word, RD), value }) }
        }
        // ADDG and SUBG; AND, ORR and EOR, all but ANDS.
        0b011 => Some(Step::forget(field(word, RD))),
        0b100 if bits(word, 29, 2) != 3 => Some(Step::forget(field(word, RD))),
        // MOVN, MOVZ.
        0b101 if matches!(bits(word, 29, 2), 0 | 2) => {
            let shifted = u64::from(bits(word, 5, 16)) << (bits(word, 21, 2) << 4);
            let value = if bits(word, 29, 2) == 0 { !shifted } else { shifted };
            result(word, RD, Value::Constant(if is_long { value } else { value & 0xffff_ffff }))
        }
        _ => result(word, RD, Value::Unknown),
    }
}

/// Data processing with registers; `MOV` is `ORR` with zero.
fn register(word: u32) -> Option<Step> {
    let source = field(word, RM);
    match (word & 0xffe0_ffe0, word & 0x7fe0_ffe0) {
        (_, 0x2a00_03e0) if source == SP => result(word, RD, Value::Constant(0)),
        (0xaa00_03e0, _) => result(word, RD, Value::Sum(source, 0)),
        // CCMP and CCMN have flags there.
        _ if bits(word, 21, 8) == 0b1101_0010 => None,
        _ => result(word, RD, Value::Unknown),
    }
}

fn branch(word: u32, at: Addr) -> Effect {
    let to = |low, count| at.wrapping_offset(signed(word, low, count) << 2);
    let flow = match (bits(word, 26, 6), bits(word, 25, 6), bits(word, 25, 7), bits(word, 24, 8)) {
        (0b00_0101, ..) => Flow::Jump(to(0, 26)),
        (0b10_0101, ..) => Flow::Call,
        (_, 0b01_1010, ..) | (.., 0b0101_0100) => Flow::Branch(to(5, 19)),
        (_, 0b01_1011, ..) => Flow::Branch(to(5, 14)),
        (_, _, 0b110_1011, _) => match bits(word, 21, 4) {
            0b0000 | 0b1000 => Flow::Indirect,
            0b0001 | 0b1001 => Flow::Call,
            _ => Flow::Leaves,
        },
        // SVC gives its result in x0; BRK.
        (.., 0b1101_0100) => match (bits(word, 21, 3), bits(word, 0, 2)) {
            (0, 1) => return Effect::of(SIZE, vec![Step::forget(0)]),
            (1, _) => Flow::Leaves,
            _ => Flow::Next,
        },
        _ => return Effect::of(SIZE, result(word, RD, Value::Unknown).into_iter().collect()),
    };
    Effect::going(SIZE, flow)
}

fn load_or_store(word: u32) -> Vec<Step> {
    let is_vector = bits(word, 26, 1) == 1;
    match (bits(word, 27, 3), bits(word, 24, 2)) {
        (0b101, 0b00 | 0b01) => pair(word, is_vector),
        (0b111, 0b00 | 0b01) => single(word, is_vector),
        // Literals, vectors; these add to their base when bit 23 is set.
        (0b011, 0b00) if is_vector => Vec::new(),
        (0b011, 0b00) => result(word, RD, Value::Unknown).into_iter().collect(),
        (0b001, 0b00) if is_vector => {
            let moved = (bits(word, 23, 1) == 1).then_some(Step::forget(field(word, RN)));
            stored(word, None).into_iter().chain(moved).collect()
        }
        // LDXR, STXR, CAS and their kin.
        (0b001, 0b00) => {
            let second = Step::forget(field(word, RM).saturating_add(1));
            let results = [RD, RT2, RM].into_iter().filter_map(|low| result(word, low, Value::Unknown));
            stored(word, None).into_iter().chain(results).chain([second]).collect()
        }
        _ => [RD, RN, RM].map(|low| Step::forget(field(word, low))).to_vec(),
    }
}

/// The memory that is written, if any.
fn stored(word: u32, from: Option<u16>) -> Option<Step> {
    let Operand { kind, base, offset, index, size } = operand(&word.to_le_bytes())?;
    let base = Some(base).filter(|_| index.is_none());
    (kind == AccessKind::Write).then_some(Step::Store { base, offset, size, from })
}

/// A register whose content is stored; zero is nobody's.
fn source(word: u32, low: u32) -> Option<u16> {
    Some(field(word, low)).filter(|register| *register != SP)
}

/// What is added to the base of the address, and whether before the access.
fn moved(word: u32, mode: u32, offset: i64) -> (Option<Step>, Option<Step>) {
    let base = field(word, RN);
    let step = Some(Step::Set { register: base, value: Value::Sum(base, offset) });
    match mode {
        0b11 => (step, None),
        0b01 => (None, step),
        _ => (None, None),
    }
}

fn pair(word: u32, is_vector: bool) -> Vec<Step> {
    let Some(operand) = operand(&word.to_le_bytes()) else {
        return [RD, RN, RT2].map(|low| Step::forget(field(word, low))).to_vec();
    };
    let half = operand.size / 2;
    let (before, after) = moved(word, bits(word, 23, 2), signed(word, 15, 7).wrapping_mul(half.cast_signed()));
    // The operand of what moves its base first is where that was.
    let offset = if before.is_some() { 0 } else { operand.offset };
    let is_whole = !is_vector && half == 8;
    let store = |low, offset| Step::Store {
        base: Some(operand.base),
        offset,
        size: half,
        from: source(word, low).filter(|_| is_whole),
    };
    let steps = match operand.kind {
        AccessKind::Write => vec![store(RD, offset), store(RT2, offset.wrapping_add(half.cast_signed()))],
        _ if is_vector => Vec::new(),
        _ => [RD, RT2].into_iter().filter_map(|low| result(word, low, Value::Unknown)).collect(),
    };
    before.into_iter().chain(steps).chain(after).collect()
}

fn single(word: u32, is_vector: bool) -> Vec<Step> {
    let Some(operand) = operand(&word.to_le_bytes()) else {
        let is_prefetch = !is_vector && bits(word, 30, 2) == 3 && bits(word, 22, 2) == 2;
        return if is_prefetch { Vec::new() } else { [RD, RN].map(|low| Step::forget(field(word, low))).to_vec() };
    };
    let (is_scaled, by_register) = (bits(word, 24, 1) == 1, bits(word, 21, 1) == 1);
    let mode = if is_scaled || by_register { 0 } else { bits(word, 10, 2) };
    let (before, after) = moved(word, mode, signed(word, 12, 9));
    let is_atomic = !is_scaled && by_register && bits(word, 10, 2) == 0;
    let from = source(word, RD).filter(|_| !is_vector && !is_atomic && operand.size == 8);
    let store = (operand.kind == AccessKind::Write).then_some(Step::Store {
        base: Some(operand.base).filter(|_| operand.index.is_none()),
        offset: if before.is_some() { 0 } else { operand.offset },
        size: operand.size,
        from,
    });
    let loads = !is_vector && (operand.kind == AccessKind::Read || is_atomic);
    let load = result(word, RD, Value::Unknown).filter(|_| loads);
    before.into_iter().chain(store).chain(load).chain(after).collect()
}
