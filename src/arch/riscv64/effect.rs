//! What an instruction does to registers and memory ("RISC-V Instruction Set Manual, volume I": RV64GC).
//!
//! What is not known may change the register that its field for the result names.

use super::{AMO, JAL, JALR, LOAD_FP, SP, STORE, STORE_FP, bits, operand};
use crate::arch::{AccessKind, Effect, Flow, Step, Value};
use crate::base::Addr;

/// Low 7 bits of further instructions.
const OP_IMM: u32 = 0x13;
const AUIPC: u32 = 0x17;
const LUI: u32 = 0x37;
const BRANCH: u32 = 0x63;
const SYSTEM: u32 = 0x73;
/// Where calls leave the return address; a result; the register that is zero.
const RA: u16 = 1;
const A0: u16 = 10;
const ZERO: u16 = 0;

/// The instruction in these bytes, which are at `at`.
pub(super) fn effect(code: &[u8], at: Addr) -> Option<Effect> {
    let half = u32::from(u16::from_le_bytes(*code.first_chunk()?));
    if half & 3 != 3 { Some(short(half, at)) } else { Some(long(u32::from_le_bytes(*code.first_chunk()?), at)) }
}

/// The number of a register in five bits.
fn five(word: u32, low: u32) -> u16 {
    u16::try_from(bits(word, low, 5, 0)).unwrap_or_default()
}

/// In three bits: `x8` to `x15`.
fn three(half: u32, low: u32) -> u16 {
    u16::try_from(bits(half, low, 3, 0)).unwrap_or_default().saturating_add(8)
}

fn set(register: u16, value: Value) -> Vec<Step> {
    let value = match value {
        Value::Sum(ZERO, constant) => Value::Constant(constant.cast_unsigned()),
        other => other,
    };
    if register == ZERO { Vec::new() } else { vec![Step::Set { register, value }] }
}

/// A number whose sign is bit `sign`.
fn signed(value: u32, sign: u32) -> i64 {
    let left = 31u32.saturating_sub(sign);
    i64::from((value << left).cast_signed() >> left)
}

fn store(code: &[u8], from: Option<u16>) -> Option<Step> {
    let operand = operand(code).filter(|operand| operand.kind == AccessKind::Write)?;
    let from = from.filter(|register| operand.size == 8 && *register != ZERO);
    Some(Step::Store { base: Some(operand.base), offset: operand.offset, size: operand.size, from })
}

/// Of 32 bits.
fn long(word: u32, at: Addr) -> Effect {
    let (rd, rs1, rs2) = (five(word, 7), five(word, 15), five(word, 20));
    let bytes = word.to_le_bytes();
    let of = |steps| Effect::of(4, steps);
    match word & 0x7f {
        OP_IMM if bits(word, 12, 3, 0) == 0 => of(set(rd, Value::Sum(rs1, signed(word >> 20, 11)))),
        LUI => of(set(rd, Value::Constant(upper(word).cast_unsigned()))),
        AUIPC => of(set(rd, Value::Constant(at.wrapping_offset(upper(word)).0))),
        LOAD_FP => of(Vec::new()),
        STORE => of(store(&bytes, Some(rs2)).into_iter().collect()),
        STORE_FP => of(vec![store(&bytes, None).unwrap_or(vector_store(rs1))]),
        AMO => of(store(&bytes, None).into_iter().chain(set(rd, Value::Unknown)).collect()),
        JAL => Effect::going(4, to(rd, Flow::Jump(at.wrapping_offset(jal(word))))),
        JALR => Effect::going(4, to(rd, if rs1 == RA { Flow::Leaves } else { Flow::Indirect })),
        BRANCH => {
            let offset = bits(word, 31, 1, 12) | bits(word, 7, 1, 11) | bits(word, 25, 6, 5) | bits(word, 8, 4, 1);
            Effect::going(4, Flow::Branch(at.wrapping_offset(signed(offset, 12))))
        }
        SYSTEM if word == 0x0000_0073 => of(set(A0, Value::Unknown)),
        SYSTEM if word == 0x0010_0073 => Effect::going(4, Flow::Leaves),
        _ => of(set(rd, Value::Unknown)),
    }
}

/// Where a jump goes by where it leaves the return address: nowhere, or it is a call; others are helpers that move the stack.
fn to(link: u16, jump: Flow) -> Flow {
    match link {
        ZERO => jump,
        RA => Flow::Call,
        _ => Flow::Leaves,
    }
}

/// A vector at an address in a register, of unknown length.
const fn vector_store(base: u16) -> Step {
    Step::Store { base: Some(base), offset: 0, size: u32::MAX as u64, from: None }
}

fn upper(word: u32) -> i64 {
    i64::from((word & 0xffff_f000).cast_signed())
}

fn jal(word: u32) -> i64 {
    let offset = bits(word, 31, 1, 20) | bits(word, 12, 8, 12) | bits(word, 20, 1, 11) | bits(word, 21, 10, 1);
    signed(offset, 20)
}

/// Of 16 bits.
fn short(half: u32, at: Addr) -> Effect {
    let of = |steps| Effect::of(2, steps);
    let (rd, rs2) = (five(half, 7), five(half, 2));
    let bytes = u16::try_from(half).unwrap_or_default().to_le_bytes();
    let constant = signed(bits(half, 12, 1, 5) | bits(half, 2, 5, 0), 5);
    match (half & 3, half >> 13) {
        _ if half == 0 || half == 0x9002 => Effect::going(2, Flow::Leaves),
        // c.addi4spn; loads; stores, of which `c.sd` and `c.sw` have an integer.
        (0, 0) => {
            let offset = bits(half, 7, 4, 6) | bits(half, 11, 2, 4) | bits(half, 5, 1, 3) | bits(half, 6, 1, 2);
            of(set(three(half, 2), Value::Sum(SP, i64::from(offset))))
        }
        (0, 5) => of(store(&bytes, None).into_iter().collect()),
        (0, 6 | 7) => of(store(&bytes, Some(three(half, 2))).into_iter().collect()),
        (0, 1) | (2, 1) => of(Vec::new()),
        (0, _) => of(set(three(half, 2), Value::Unknown)),
        (1, 0) => of(set(rd, Value::Sum(rd, constant))),
        (1, 2) => of(set(rd, Value::Sum(ZERO, constant))),
        (1, 3) if rd == SP => {
            let offset = bits(half, 12, 1, 9)
                | bits(half, 3, 2, 7)
                | bits(half, 5, 1, 6)
                | bits(half, 2, 1, 5)
                | bits(half, 6, 1, 4);
            of(set(SP, Value::Sum(SP, signed(offset, 9))))
        }
        (1, 3) => of(set(rd, Value::Constant((constant << 12).cast_unsigned()))),
        (1, 4) => of(set(three(half, 7), Value::Unknown)),
        (1, 5) => Effect::going(2, Flow::Jump(at.wrapping_offset(short_jump(half)))),
        (1, 6 | 7) => {
            let offset = bits(half, 12, 1, 8)
                | bits(half, 5, 2, 6)
                | bits(half, 2, 1, 5)
                | bits(half, 10, 2, 3)
                | bits(half, 3, 2, 1);
            Effect::going(2, Flow::Branch(at.wrapping_offset(signed(offset, 8))))
        }
        // c.jr, c.jalr, c.mv, c.add.
        (2, 4) if rs2 == ZERO => {
            let jump = if rd == RA { Flow::Leaves } else { Flow::Indirect };
            Effect::going(2, if bits(half, 12, 1, 0) == 1 { Flow::Call } else { jump })
        }
        (2, 4) if bits(half, 12, 1, 0) == 0 => of(set(rd, Value::Sum(rs2, 0))),
        (2, 5) => of(store(&bytes, None).into_iter().collect()),
        (2, 6 | 7) => of(store(&bytes, Some(rs2)).into_iter().collect()),
        _ => of(set(rd, Value::Unknown)),
    }
}

fn short_jump(half: u32) -> i64 {
    let offset = bits(half, 12, 1, 11)
        | bits(half, 8, 1, 10)
        | bits(half, 9, 2, 8)
        | bits(half, 6, 1, 7)
        | bits(half, 7, 1, 6)
        | bits(half, 2, 1, 5)
        | bits(half, 11, 1, 4)
        | bits(half, 3, 3, 1);
    signed(offset, 11)
}
