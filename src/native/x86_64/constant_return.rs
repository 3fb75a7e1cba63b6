//! What a function returns that has no branches and no effects, read off its x86-64 code: a getter, a constant.
//!
//! The code is read as data, instruction by instruction, with memory as the dump has it. It may call functions of the same
//! kind. Its own stack is kept aside.

use super::instruction::Code;
use crate::base::{Abi, Addr};
use crate::debuggee::{Memory, MemoryExt as _};
use iced_x86::{Instruction, Mnemonic, OpKind, Register};
use std::collections::HashMap;

/// Instructions that are followed.
const MAX_STEPS: usize = 100;
/// Above the function's stack frame, which grows downwards from here: no address that a process can have.
const STACK: u64 = 0x4000_0000_0000_0000;
/// Bytes of that stack.
const STACK_SIZE: u64 = 4096;
/// Where the function returns to.
const CALLER: u64 = STACK;

/// What the function at `function` returns when its first argument is `argument`, as a register has it; `None` where that
/// takes more than loads, moves, additions, calls and jumps without condition, and for other machines.
#[must_use]
pub fn returned(memory: &dyn Memory, abi: &Abi, function: Addr, argument: u64) -> Option<u64> {
    if !super::is_of(abi) {
        return None;
    }
    let mut state = State { memory, abi, registers: HashMap::new(), stack: HashMap::new() };
    state.set(Register::RDI, argument)?;
    state.registers.insert(Register::RSP, STACK);
    state.push(Some(CALLER))?;
    let mut at = function;
    for _ in 0..MAX_STEPS {
        let code = Code::at(memory, at)?;
        match state.step(code.instruction())? {
            Next::Following => at = code.end(),
            Next::At(CALLER) => return state.get(Register::RAX),
            Next::At(target) => at = Addr(target),
        }
    }
    None
}

enum Next {
    Following,
    At(u64),
}

struct State<'m> {
    memory: &'m dyn Memory,
    abi: &'m Abi,
    /// By the 64-bit names; those that are not here are not known.
    registers: HashMap<Register, u64>,
    stack: HashMap<u64, u64>,
}

impl State<'_> {
    fn step(&mut self, instruction: &Instruction) -> Option<Next> {
        let following = |done: Option<()>| done.map(|()| Next::Following);
        match instruction.mnemonic() {
            Mnemonic::Endbr64 | Mnemonic::Nop => Some(Next::Following),
            Mnemonic::Mov => {
                let value = self.operand(instruction, 1)?;
                following(self.store(instruction, value))
            }
            Mnemonic::Lea => {
                let value = self.address(instruction)?;
                following(self.set(instruction.op0_register(), value))
            }
            Mnemonic::Add | Mnemonic::Sub => {
                let (left, right) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
                let sum = if instruction.mnemonic() == Mnemonic::Add {
                    left.wrapping_add(right)
                } else {
                    left.wrapping_sub(right)
                };
                following(self.store(instruction, sum))
            }
            Mnemonic::Xor if instruction.op0_register() == instruction.op1_register() => {
                following(self.set(instruction.op0_register(), 0))
            }
            // A function keeps its callers' registers, whatever is in them.
            Mnemonic::Push => {
                let value = self.operand(instruction, 0);
                following(self.push(value))
            }
            Mnemonic::Pop => following(self.restore(instruction.op0_register())),
            Mnemonic::Leave => {
                let frame = self.get(Register::RBP)?;
                self.registers.insert(Register::RSP, frame);
                following(self.restore(Register::RBP))
            }
            Mnemonic::Jmp => self.operand(instruction, 0).map(Next::At),
            Mnemonic::Call => {
                let target = self.operand(instruction, 0)?;
                self.push(Some(instruction.next_ip()))?;
                Some(Next::At(target))
            }
            Mnemonic::Ret if instruction.op_count() == 0 => self.pop()?.map(Next::At),
            _ => None,
        }
    }

    /// A known value of 64 bits, or of 32 that the upper half is zero for.
    fn operand(&self, instruction: &Instruction, index: u32) -> Option<u64> {
        match instruction.op_kind(index) {
            OpKind::Register => self.get(instruction.op_register(index)),
            OpKind::NearBranch64 => Some(instruction.near_branch64()),
            OpKind::Immediate8to64 | OpKind::Immediate32to64 | OpKind::Immediate64 => {
                Some(instruction.immediate(index))
            }
            OpKind::Immediate32 if instruction.op0_register().is_gpr32() => Some(instruction.immediate(index)),
            OpKind::Memory => {
                let size = instruction.memory_size().size();
                self.load(self.address(instruction)?, u8::try_from(size).ok().filter(|s| matches!(s, 4 | 8))?)
            }
            _ => None,
        }
    }

    fn address(&self, instruction: &Instruction) -> Option<u64> {
        if instruction.segment_prefix() != Register::None {
            return None;
        }
        if instruction.is_ip_rel_memory_operand() {
            return Some(instruction.ip_rel_memory_address());
        }
        let part = |register: Register| if register == Register::None { Some(0) } else { self.get(register) };
        let index = part(instruction.memory_index())?.wrapping_mul(u64::from(instruction.memory_index_scale()));
        let base = part(instruction.memory_base())?;
        Some(base.wrapping_add(index).wrapping_add(instruction.memory_displacement64()))
    }

    fn get(&self, register: Register) -> Option<u64> {
        let value = *self.registers.get(&register.full_register())?;
        match register.size() {
            8 => Some(value),
            4 => Some(value & 0xffff_ffff),
            _ => None,
        }
    }

    /// Writing 32 bits clears the others.
    fn set(&mut self, register: Register, value: u64) -> Option<()> {
        let value = match register.size() {
            8 => value,
            4 => value & 0xffff_ffff,
            _ => return None,
        };
        self.registers.insert(register.full_register(), value);
        Some(())
    }

    fn store(&mut self, instruction: &Instruction, value: u64) -> Option<()> {
        match instruction.op0_kind() {
            OpKind::Register => self.set(instruction.op0_register(), value),
            OpKind::Memory if instruction.memory_size().size() == 8 => {
                let at = self.address(instruction)?;
                self.is_stack(at).then(|| self.stack.insert(at, value))?;
                Some(())
            }
            _ => None,
        }
    }

    fn load(&self, at: u64, size: u8) -> Option<u64> {
        match self.is_stack(at) {
            true => self.stack.get(&at).copied().filter(|_| size == 8),
            false => self.memory.read_uint(self.abi, Addr(at), size).ok(),
        }
    }

    fn is_stack(&self, at: u64) -> bool {
        (STACK.saturating_sub(STACK_SIZE)..STACK).contains(&at) && at.is_multiple_of(8)
    }

    fn push(&mut self, value: Option<u64>) -> Option<()> {
        let top = self.get(Register::RSP)?.wrapping_sub(8);
        if !self.is_stack(top) {
            return None;
        }
        match value {
            Some(value) => self.stack.insert(top, value),
            None => self.stack.remove(&top),
        };
        self.registers.insert(Register::RSP, top);
        Some(())
    }

    /// The word at the top of the stack, which may be unknown.
    fn pop(&mut self) -> Option<Option<u64>> {
        let top = self.get(Register::RSP).filter(|top| self.is_stack(*top))?;
        self.registers.insert(Register::RSP, top.wrapping_add(8));
        Some(self.stack.get(&top).copied())
    }

    fn restore(&mut self, register: Register) -> Option<()> {
        match self.pop()? {
            Some(value) => self.set(register, value),
            None => {
                self.registers.remove(&register.full_register());
                Some(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Arch;
    use crate::base::{DataModel, Endian, Os};
    use crate::debuggee::{ReadError, ReadErrorKind};

    const ABI: Abi = Abi { arch: Arch::X86_64, os: Os::Linux, endian: Endian::Little, data_model: DataModel::Lp64 };
    const OBJECT: u64 = 0x2000;

    /// Code at 0x1000; an object at 0x2000 whose words hold their own number.
    struct Process(Vec<u8>);

    impl Memory for Process {
        fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
            let words: Vec<u8> = (0..32u64).flat_map(u64::to_le_bytes).collect();
            let error = ReadError { addr, kind: ReadErrorKind::Unmapped };
            let (bytes, start) = if addr.0 < OBJECT { (&self.0, 0x1000) } else { (&words, OBJECT) };
            let at = usize::try_from(addr.0.checked_sub(start).ok_or(error)?).unwrap();
            let bytes = bytes.get(at..).and_then(|b| b.get(..buf.len())).ok_or(error)?;
            buf.copy_from_slice(bytes);
            Ok(())
        }
    }

    fn run(code: &[u8]) -> Option<u64> {
        returned(&Process(code.to_vec()), &ABI, Addr(0x1000), OBJECT)
    }

    #[test]
    fn constants_and_members() {
        // endbr64; lea 0x10(%rip),%rax; ret
        assert_eq!(run(&[0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8d, 0x05, 0x10, 0, 0, 0, 0xc3]), Some(0x101b));
        // mov $0x12345678,%eax; ret
        assert_eq!(run(&[0xb8, 0x78, 0x56, 0x34, 0x12, 0xc3]), Some(0x1234_5678));
        // mov 0x18(%rdi),%rax; ret
        assert_eq!(run(&[0x48, 0x8b, 0x47, 0x18, 0xc3]), Some(3));
        // As compiled without optimisation: push %rbp; mov %rsp,%rbp; mov %rdi,-8(%rbp); mov -8(%rbp),%rax; add $8,%rax;
        // mov (%rax),%rax; pop %rbp; ret
        let plain = [
            0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0x7d, 0xf8, 0x48, 0x8b, 0x45, 0xf8, 0x48, 0x83, 0xc0, 8, 0x48, 0x8b, 0,
            0x5d, 0xc3,
        ];
        assert_eq!(run(&plain), Some(1));
        // sub $8,%rsp; call 0x100e; add $8,%rsp; ret; 0x100e: mov 0x20(%rdi),%rax; ret
        let calls = [0x48, 0x83, 0xec, 8, 0xe8, 5, 0, 0, 0, 0x48, 0x83, 0xc4, 8, 0xc3, 0x48, 0x8b, 0x47, 0x20, 0xc3];
        assert_eq!(run(&calls), Some(4));
        let aarch64 = Abi { arch: Arch::Aarch64, ..ABI };
        assert_eq!(returned(&Process(vec![0xc3]), &aarch64, Addr(0x1000), OBJECT), None);
    }

    #[test]
    fn what_is_not_straight_is_not_followed() {
        // A branch: test %rdi,%rdi; je +1; nop; mov %rdi,%rax; ret
        assert_eq!(run(&[0x48, 0x85, 0xff, 0x74, 1, 0x90, 0x48, 0x89, 0xf8, 0xc3]), None);
        // A store that stays: mov %rdi,(%rdi); mov %rdi,%rax; ret
        assert_eq!(run(&[0x48, 0x89, 0x3f, 0x48, 0x89, 0xf8, 0xc3]), None);
        // A register that the caller does not define, thread-local storage, no result.
        assert_eq!(run(&[0x48, 0x89, 0xd0, 0xc3]), None);
        assert_eq!(run(&[0x64, 0x48, 0x8b, 4, 0x25, 0x28, 0, 0, 0, 0xc3]), None);
        assert_eq!(run(&[0xc3]), None);
        // An endless loop, endless pushes, code that is not there.
        assert_eq!(run(&[0xeb, 0xfe]), None);
        assert_eq!(run(&[0x57, 0xeb, 0xfd]), None);
        assert_eq!(run(&[0x90]), None);
    }
}
