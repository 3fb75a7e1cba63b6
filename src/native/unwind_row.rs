//! [`Row`]: one row of call frame information, ready to be applied many times.

use super::regfile::RegFile;
use crate::arch;
use crate::base::{Abi, Addr, Arch};
use crate::debuggee::{Memory, MemoryExt as _};
use gimli::{CfaRule, EndianSlice, Evaluation, EvaluationResult, RegisterRule, RunTimeEndian, UnwindSection, Value};

type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

/// Operations one DWARF expression may run.
const MAX_OPERATIONS: u32 = 1000;

/// A DWARF expression with the encoding it was written in.
#[derive(Clone, Debug)]
struct Expression {
    code: Box<[u8]>,
    encoding: gimli::Encoding,
}

/// How the canonical frame address is computed (DWARF 5, 6.4.1).
#[derive(Clone, Debug)]
enum Cfa {
    Register { number: u16, offset: i64 },
    Expression(Expression),
}

/// How a register of the caller is found (DWARF 5, 6.4.1).
#[derive(Clone, Debug)]
enum Rule {
    Undefined,
    Same,
    AtCfa(i64),
    CfaPlus(i64),
    Register(u16),
    AtExpression(Expression),
    Expression(Expression),
    Constant(u64),
}

/// One row of call frame information.
#[derive(Clone, Debug)]
pub struct Row {
    cfa: Cfa,
    rules: Vec<(u16, Rule)>,
    return_register: u16,
    /// Whether the function is a signal trampoline (augmentation `S`): its caller was interrupted, not calling.
    pub signal: bool,
}

/// Why a row could not be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// The return address is undefined: the outermost frame.
    #[error("outermost frame")]
    Outermost,
    /// Stack memory is missing.
    #[error(transparent)]
    Memory(#[from] crate::debuggee::ReadError),
    /// A register the row needs is not known in this frame.
    #[error("register {0} is not known")]
    Register(u16),
    /// A DWARF expression failed.
    #[error("unwind expression failed")]
    Expression,
}

/// The caller's registers, and where this frame ends.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// Registers of the caller.
    pub caller: RegFile,
    /// Canonical frame address of this frame.
    pub cfa: Addr,
}

impl Row {
    /// Copies a row out of gimli's table, expressions included.
    ///
    /// # Errors
    /// gimli's, when an expression lies outside the section.
    pub fn compile<'a, S: UnwindSection<Slice<'a>>>(
        section: &S,
        row: &gimli::UnwindTableRow<usize>,
        encoding: gimli::Encoding,
        return_register: gimli::Register,
        signal: bool,
    ) -> Result<Row, gimli::Error> {
        let expression = |e: &gimli::UnwindExpression<usize>| -> Result<Expression, gimli::Error> {
            Ok(Expression { code: e.get::<Slice<'a>, S>(section)?.0.slice().into(), encoding })
        };
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => Cfa::Register { number: register.0, offset: *offset },
            CfaRule::Expression(e) => Cfa::Expression(expression(e)?),
        };
        let mut rules = Vec::new();
        for (register, rule) in row.registers() {
            let rule = match rule {
                RegisterRule::Undefined => Rule::Undefined,
                RegisterRule::SameValue => Rule::Same,
                RegisterRule::Offset(n) => Rule::AtCfa(*n),
                RegisterRule::ValOffset(n) => Rule::CfaPlus(*n),
                RegisterRule::Register(r) => Rule::Register(r.0),
                RegisterRule::Expression(e) => Rule::AtExpression(expression(e)?),
                RegisterRule::ValExpression(e) => Rule::Expression(expression(e)?),
                RegisterRule::Constant(n) => Rule::Constant(*n),
                // aarch64 RA_SIGN_STATE and the like: no register of ours.
                _ => continue,
            };
            rules.push((register.0, rule));
        }
        Ok(Row { cfa, rules, return_register: return_register.0, signal })
    }

    /// A row that finds the caller's stack pointer at `register + offset`, and registers at offsets from there.
    #[must_use]
    pub fn saved_at_cfa(register: u16, offset: i64, saved: Vec<(u16, i64)>, return_register: u16) -> Row {
        let rules = saved.into_iter().map(|(number, at)| (number, Rule::AtCfa(at))).collect();
        Row { cfa: Cfa::Register { number: register, offset }, rules, return_register, signal: false }
    }

    /// Whether the stack is as a call leaves it: this is where a function begins, not a part of one.
    #[must_use]
    pub fn is_entry(&self, arch: Arch) -> bool {
        let info = &arch::cpu(arch).unwind;
        match &self.cfa {
            Cfa::Register { number, offset } => *number == info.sp && *offset == info.pushed_by_call(),
            Cfa::Expression(_) => false,
        }
    }

    /// The caller's registers.
    ///
    /// # Errors
    /// [`RowError`]; [`RowError::Outermost`] is the regular end of a stack.
    pub fn apply(&self, regs: &RegFile, memory: &dyn Memory, abi: &Abi) -> Result<Applied, RowError> {
        let info = regs.info();
        let need = |number: u16| regs.get(number).ok_or(RowError::Register(number));
        let cfa = match &self.cfa {
            Cfa::Register { number, offset } => need(*number)?.wrapping_add_signed(*offset),
            Cfa::Expression(e) => e.evaluate(regs, memory, abi, None)?,
        };
        // A signal trampoline restores what its rules say; a call preserves what the ABI says.
        let mut caller = regs.preserved();
        caller.set(info.sp, cfa);
        let mut return_address = None;
        for (number, rule) in &self.rules {
            let value = match rule {
                Rule::Undefined => None,
                Rule::Same => regs.get(*number),
                Rule::AtCfa(n) => Some(memory.read_ptr(abi, Addr(cfa).wrapping_offset(*n))?.0),
                Rule::CfaPlus(n) => Some(cfa.wrapping_add_signed(*n)),
                Rule::Register(r) => regs.get(*r),
                Rule::AtExpression(e) => Some(memory.read_ptr(abi, Addr(e.evaluate(regs, memory, abi, Some(cfa))?))?.0),
                Rule::Expression(e) => Some(e.evaluate(regs, memory, abi, Some(cfa))?),
                Rule::Constant(n) => Some(*n),
            };
            if *number == self.return_register {
                return_address = Some(value);
            }
            match value {
                Some(value) => caller.set(*number, value),
                None => caller.forget(*number),
            }
        }
        let return_address = match return_address {
            Some(None) => return Err(RowError::Outermost),
            Some(Some(value)) => value,
            // aarch64 leaf: the return address is still in the link register. x86-64 has none to fall back on.
            None if self.return_register == info.ip => return Err(RowError::Outermost),
            None => need(self.return_register)?,
        };
        caller.set(info.ip, info.strip(return_address));
        Ok(Applied { caller, cfa: Addr(cfa) })
    }
}

impl Expression {
    fn evaluate(&self, regs: &RegFile, memory: &dyn Memory, abi: &Abi, initial: Option<u64>) -> Result<u64, RowError> {
        let endian = endian_of(abi);
        let mut evaluation = Evaluation::new(EndianSlice::new(&self.code, endian), self.encoding);
        evaluation.set_max_iterations(MAX_OPERATIONS);
        if let Some(value) = initial {
            evaluation.set_initial_value(value);
        }
        let mut state = evaluation.evaluate();
        loop {
            state = match state.map_err(|_| RowError::Expression)? {
                EvaluationResult::Complete => {
                    let value = evaluation.value_result().ok_or(RowError::Expression)?;
                    return value.to_u64(u64::MAX).map_err(|_| RowError::Expression);
                }
                EvaluationResult::RequiresMemory { address, size, .. } => {
                    let value = memory.read_uint(abi, Addr(address), size)?;
                    evaluation.resume_with_memory(Value::Generic(value))
                }
                EvaluationResult::RequiresRegister { register, .. } => {
                    let value = regs.get(register.0).ok_or(RowError::Register(register.0))?;
                    evaluation.resume_with_register(Value::Generic(value))
                }
                EvaluationResult::RequiresCallFrameCfa => {
                    evaluation.resume_with_call_frame_cfa(initial.ok_or(RowError::Expression)?)
                }
                _ => return Err(RowError::Expression),
            };
        }
    }
}

/// gimli's name for the target's byte order.
#[must_use]
pub fn endian_of(abi: &Abi) -> RunTimeEndian {
    match abi.endian {
        crate::base::Endian::Little => RunTimeEndian::Little,
        crate::base::Endian::Big => RunTimeEndian::Big,
    }
}
