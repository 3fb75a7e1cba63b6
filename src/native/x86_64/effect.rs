//! What an x86-64 instruction does to registers and memory, in the terms of all processors.

use super::instruction::dwarf_number;
use crate::arch::{Effect, Flow, Step, Value};
use crate::base::Addr;
use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

/// Numbers in DWARF of the stack and frame pointer (x86-64 psABI).
const RSP: u16 = 7;
const RBP: u16 = 6;

/// What a decoded instruction does.
pub(in crate::native) fn effect(i: &Instruction) -> Effect {
    Effect { size: i.len() as u64, flow: flow(i), steps: steps(i) }
}

fn flow(i: &Instruction) -> Flow {
    match i.flow_control() {
        FlowControl::ConditionalBranch => Flow::Branch(Addr(i.near_branch_target())),
        FlowControl::UnconditionalBranch => Flow::Jump(Addr(i.near_branch_target())),
        FlowControl::IndirectBranch => Flow::Indirect,
        FlowControl::Call | FlowControl::IndirectCall => Flow::Call,
        FlowControl::Return | FlowControl::Exception => Flow::Leaves,
        _ => Flow::Next,
    }
}

fn steps(i: &Instruction) -> Vec<Step> {
    // A call returns with the stack pointer as it was.
    if matches!(i.flow_control(), FlowControl::Call | FlowControl::IndirectCall) {
        return Vec::new();
    }
    let moved = Step::Set { register: RSP, value: Value::Sum(RSP, i64::from(i.stack_pointer_increment())) };
    match i.mnemonic() {
        Mnemonic::Push => {
            let from = whole_register(i, 0);
            vec![moved, Step::Store { base: Some(RSP), offset: 0, size: 8, from }]
        }
        Mnemonic::Pop => written(i).filter(|r| *r != RSP).map(Step::forget).chain([moved]).collect(),
        Mnemonic::Leave => {
            vec![Step::Set { register: RSP, value: Value::Sum(RBP, 8) }, Step::forget(RBP)]
        }
        _ => {
            let mut factory = InstructionInfoFactory::new();
            let value = value(i);
            let sets = written(i).map(|register| match value {
                Some((to, value)) if to == register => Step::Set { register, value },
                _ => Step::forget(register),
            });
            let writes = |access| {
                matches!(access, OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite)
            };
            let from = whole_register(i, 1).filter(|_| i.mnemonic() == Mnemonic::Mov);
            let memory = factory.info(i).used_memory().iter().filter(|m| writes(m.access()));
            let stores = memory.map(|m| Step::Store {
                base: dwarf_number(m.base()).filter(|_| m.index() == Register::None),
                offset: m.displacement().cast_signed(),
                size: m.memory_size().size() as u64,
                from,
            });
            stores.collect::<Vec<_>>().into_iter().chain(sets).collect()
        }
    }
}

/// The general registers that an instruction writes, in whole or in part.
fn written(i: &Instruction) -> impl Iterator<Item = u16> {
    let mut factory = InstructionInfoFactory::new();
    let used = factory.info(i).used_registers().to_vec();
    let reads = |access| matches!(access, OpAccess::Read | OpAccess::CondRead);
    used.into_iter().filter(move |r| !reads(r.access())).filter_map(|r| dwarf_number(r.register()))
}

/// An operand that is a whole register.
fn whole_register(i: &Instruction, operand: u32) -> Option<u16> {
    let is_register = operand < i.op_count() && i.op_kind(operand) == OpKind::Register;
    let register = if is_register { i.op_register(operand) } else { Register::None };
    dwarf_number(register).filter(|_| register.size() == 8)
}

/// The register that gets a value which can be told, and that value.
fn value(i: &Instruction) -> Option<(u16, Value)> {
    let to = if i.op_count() > 0 && i.op0_kind() == OpKind::Register {
        dwarf_number(i.op0_register())?
    } else {
        return None;
    };
    let constant = match i.op1_kind() {
        OpKind::Immediate8to64 | OpKind::Immediate32to64 => Some(i.immediate(1).cast_signed()),
        _ => None,
    };
    let value = match (i.mnemonic(), i.op1_kind()) {
        (Mnemonic::Xor, OpKind::Register) if i.op0_register() == i.op1_register() => Value::Constant(0),
        (Mnemonic::Mov, OpKind::Immediate32 | OpKind::Immediate64 | OpKind::Immediate32to64) => {
            Value::Constant(i.immediate(1))
        }
        (Mnemonic::Lea, _) if i.memory_base() == Register::RIP => Value::Constant(i.ip_rel_memory_address()),
        _ if i.op0_register().size() != 8 => return None,
        (Mnemonic::Mov, OpKind::Register) => Value::Sum(whole_register(i, 1)?, 0),
        (Mnemonic::Lea, _) if i.memory_index() == Register::None && i.memory_base().size() == 8 => {
            Value::Sum(dwarf_number(i.memory_base())?, i.memory_displacement64().cast_signed())
        }
        (Mnemonic::Add, _) => Value::Sum(to, constant?),
        (Mnemonic::Sub, _) => Value::Sum(to, constant?.wrapping_neg()),
        _ => return None,
    };
    Some((to, value))
}
