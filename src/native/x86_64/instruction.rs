//! x86-64 machine code: the instruction at a place, what memory it touches, and the listing around it.

use crate::arch::AccessKind;
use crate::base::{Abi, Addr};
use crate::debuggee::{Memory, MemoryExt as _};
use crate::native::regfile::RegFile;
use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Formatter as _, GasFormatter, Instruction, InstructionInfoFactory, Mnemonic,
    OpAccess, OpKind, Register,
};

/// Longest x86 instruction.
const MAX_INSTRUCTION: usize = 15;

/// A register's part in an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPart {
    /// Name of the register.
    pub register: String,
    /// Its value.
    pub value: u64,
}

/// One memory operand with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryAccess {
    /// Load or store.
    pub kind: AccessKind,
    /// First address touched.
    pub addr: Addr,
    /// Bytes touched.
    pub size: u64,
    /// Base register, if any.
    pub base: Option<AddressPart>,
    /// Index register, if any, and its scale.
    pub index: Option<(AddressPart, u32)>,
    /// Constant part.
    pub displacement: i64,
}

/// One decoded instruction.
#[derive(Clone, Debug)]
pub struct Code {
    /// Where it is.
    pub addr: Addr,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// AT&T syntax, as gdb and objdump print it.
    pub text: String,
    instruction: Instruction,
}

impl Code {
    /// The instruction at `addr`; `None` when its bytes are not readable or no instruction.
    #[must_use]
    pub fn at(memory: &dyn Memory, addr: Addr) -> Option<Code> {
        let bytes = readable(memory, addr);
        Code::from_instruction(decoded(&bytes, addr)?, &bytes)
    }

    fn from_instruction(instruction: Instruction, bytes: &[u8]) -> Option<Code> {
        let mut text = String::new();
        // Numbers as objdump writes them.
        let mut formatter = GasFormatter::new();
        formatter.options_mut().set_uppercase_hex(false);
        formatter.options_mut().set_branch_leading_zeros(false);
        formatter.format(&instruction, &mut text);
        let bytes = bytes.get(..instruction.len())?.to_vec();
        Some(Code { addr: Addr(instruction.ip()), bytes, text, instruction })
    }

    /// First address after it.
    #[must_use]
    pub fn end(&self) -> Addr {
        self.addr.wrapping_add(self.bytes.len() as u64)
    }

    /// The memory operands, pushes and calls included, with `regs` as they are before it runs. `fs_base`: base of the
    /// thread's local storage. Operands whose registers are not known are left out.
    #[must_use]
    pub fn accesses(&self, regs: &RegFile, fs_base: Option<Addr>) -> Vec<MemoryAccess> {
        let value = |register: Register| match register {
            Register::FS => fs_base.map(|a| a.0),
            Register::CS | Register::DS | Register::ES | Register::SS | Register::GS => Some(0),
            Register::RIP => Some(self.end().0),
            other => general(regs, other),
        };
        let mut factory = InstructionInfoFactory::new();
        let info = factory.info(&self.instruction);
        let part = |register: Register| {
            let named = register != Register::None && register != Register::RIP;
            let value = named.then(|| value(register)).flatten()?;
            Some(AddressPart { register: format!("{register:?}").to_lowercase(), value })
        };
        let access = |memory: &iced_x86::UsedMemory| {
            let kind = match memory.access() {
                OpAccess::Read | OpAccess::CondRead => AccessKind::Read,
                OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite => {
                    AccessKind::Write
                }
                _ => return None,
            };
            Some(MemoryAccess {
                kind,
                addr: Addr(memory.virtual_address(0, |register, _, _| value(register))?),
                size: memory.memory_size().size() as u64,
                base: part(memory.base()),
                index: part(memory.index()).map(|p| (p, memory.scale())),
                displacement: memory.displacement().cast_signed(),
            })
        };
        info.used_memory().iter().filter_map(access).collect()
    }

    /// The address of what it loads into a register from a place that it names by its own (`mov N(%rip), %r10`).
    #[must_use]
    pub fn loaded(&self) -> Option<Addr> {
        let i = &self.instruction;
        let loads = i.mnemonic() == Mnemonic::Mov && i.op0_kind() == OpKind::Register;
        (loads && i.is_ip_rel_memory_operand()).then(|| Addr(i.ip_rel_memory_address()))
    }

    /// The register whose content it divides by, for `div` and `idiv` with a register operand.
    #[must_use]
    pub fn divisor(&self, regs: &RegFile) -> Option<AddressPart> {
        if !self.is_division() {
            return None;
        }
        let register = self.instruction.op0_register();
        let value = general(regs, register)?;
        let bits = u32::try_from(register.size().saturating_mul(8)).unwrap_or(64);
        let mask = u64::MAX.checked_shr(64u32.saturating_sub(bits)).unwrap_or(u64::MAX);
        Some(AddressPart { register: format!("{register:?}").to_lowercase(), value: value & mask })
    }

    /// Whether it divides integers.
    #[must_use]
    pub fn is_division(&self) -> bool {
        matches!(self.instruction.mnemonic(), iced_x86::Mnemonic::Div | iced_x86::Mnemonic::Idiv)
    }

    /// Whether it is the trap that compilers put where code must not come (`ud2`).
    #[must_use]
    pub fn is_trap(&self) -> bool {
        self.instruction.mnemonic() == iced_x86::Mnemonic::Ud2
    }

    /// Whether it uses thread-local storage, whose base is not a general register.
    #[must_use]
    pub fn uses_local_storage(&self) -> bool {
        matches!(self.instruction.memory_segment(), Register::FS | Register::GS)
    }

    /// The pointer that it takes the processor to, with `regs` as they are before it runs and `accesses` its memory operands:
    /// of an indirect call or jump, or a return.
    #[must_use]
    pub fn goes_to(&self, regs: &RegFile, accesses: &[MemoryAccess], memory: &dyn Memory, abi: &Abi) -> Option<Addr> {
        let i = &self.instruction;
        if !matches!(i.flow_control(), FlowControl::Return | FlowControl::IndirectCall | FlowControl::IndirectBranch) {
            return None;
        }
        if i.op0_kind() == OpKind::Register && i.op_count() > 0 {
            return general(regs, i.op0_register()).map(Addr);
        }
        let pointer = accesses.iter().find(|access| access.kind == AccessKind::Read)?;
        memory.read_ptr(abi, pointer.addr).ok()
    }

    /// Whether it is a call.
    #[must_use]
    pub fn is_call(&self) -> bool {
        matches!(self.instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall)
    }

    /// The decoded instruction.
    #[must_use]
    pub(super) fn instruction(&self) -> &Instruction {
        &self.instruction
    }
}

/// The instruction at `addr` alone, without its text.
#[must_use]
pub(in crate::native) fn at(memory: &dyn Memory, addr: Addr) -> Option<Instruction> {
    decoded(&readable(memory, addr), addr)
}

fn decoded(bytes: &[u8], addr: Addr) -> Option<Instruction> {
    let instruction = Decoder::with_ip(64, bytes, addr.0, DecoderOptions::NONE).decode();
    (!instruction.is_invalid()).then_some(instruction)
}

/// The instructions from `start` up to (not including) `end`, at most `limit`.
#[must_use]
pub fn listing(memory: &dyn Memory, start: Addr, end: Addr, limit: usize) -> Vec<Code> {
    let mut out = Vec::new();
    let mut at = start;
    while at < end && out.len() < limit {
        let Some(code) = Code::at(memory, at) else { break };
        at = code.end();
        out.push(code);
    }
    out
}

/// Where the indirect call at the end of `code` went, by what is left in `regs` after it: registers that callees preserve, and
/// what the pointer was loaded from.
#[must_use]
pub fn call_target(code: &[Code], regs: &RegFile, memory: &dyn Memory, abi: &Abi) -> Option<Addr> {
    let (call, before) = code.split_last()?;
    if call.instruction.flow_control() != FlowControl::IndirectCall {
        return None;
    }
    let preserved = |register: Register| {
        let number = dwarf_number(register)?;
        let known = regs.info().callee_saved.contains(&number) || number == regs.info().sp;
        known.then(|| regs.get(number))?
    };
    let loaded = |code: &Code, operand: u32| {
        let at = code.instruction.virtual_address(operand, 0, |register, _, _| match register {
            Register::CS | Register::DS | Register::ES | Register::SS => Some(0),
            other => preserved(other),
        })?;
        memory.read_ptr(abi, Addr(at)).ok()
    };
    let register = match call.instruction.op0_kind() {
        OpKind::Register => call.instruction.op0_register(),
        _ => return loaded(call, 0),
    };
    preserved(register).map(Addr).or_else(|| {
        let writes = |i: &Instruction| i.op0_kind() == OpKind::Register && i.op0_register() == register;
        let last = before.iter().rfind(|code| writes(&code.instruction))?;
        let is_load = last.instruction.mnemonic() == Mnemonic::Mov && last.instruction.op1_kind() == OpKind::Memory;
        is_load.then(|| loaded(last, 1))?
    })
}

/// Where the value of a register came from: the last of `code`, which the processor has just run, that writes it is a plain
/// load, and this is the address that it loaded from, by registers that nothing has changed since. `register` is a name in lower
/// case. Jumps into the code are not followed: whether the value is there has to be seen.
#[must_use]
pub fn loaded_from(code: &[Code], register: &str, regs: &RegFile) -> Option<Addr> {
    let mut factory = InstructionInfoFactory::new();
    let is_write =
        |access| !matches!(access, OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess);
    let mut changed: Vec<Register> = Vec::new();
    for one in code.iter().rev() {
        let i = &one.instruction;
        let written: Vec<Register> = {
            let used = factory.info(i).used_registers().iter();
            used.filter(|used| is_write(used.access())).map(|used| used.register().full_register()).collect()
        };
        if written.iter().any(|written| format!("{written:?}").to_lowercase() == register) {
            let is_load = i.mnemonic() == Mnemonic::Mov && i.op1_kind() == OpKind::Memory;
            let plain = is_load && i.memory_index() == Register::None && i.memory_segment() == Register::DS;
            let base = i.memory_base();
            let kept = !changed.contains(&base.full_register()) && !written.contains(&base.full_register());
            let from = general(regs, base).filter(|_| plain && kept)?;
            return Some(Addr(from).wrapping_add(i.memory_displacement64()));
        }
        // What a called function leaves in the other registers is its own.
        if one.is_call() {
            return None;
        }
        changed.extend(written);
    }
    None
}

/// Instructions around `ip`: `before` and `after` of them, found by decoding from `function` on (instructions cannot
/// be decoded backwards). Without a function start only those from `ip` on.
#[must_use]
pub fn around(memory: &dyn Memory, function: Option<Addr>, ip: Addr, before: usize, after: usize) -> Vec<Code> {
    const MAX_FUNCTION: u64 = 256 << 10;
    let start = function.filter(|f| ip.distance_from(*f).is_some_and(|d| d <= MAX_FUNCTION));
    let mut out = Vec::new();
    let mut at = start.unwrap_or(ip);
    while at < ip {
        let Some(code) = Code::at(memory, at) else { break };
        at = code.end();
        out.push(code);
        if out.len() > before {
            out.remove(0);
        }
    }
    // The walk missed `ip`: data in the code, or a wrong start.
    if at != ip {
        out.clear();
    }
    out.extend(listing(memory, ip, Addr(u64::MAX), after.saturating_add(1)));
    out
}

/// Up to one instruction's worth of bytes; fewer at the end of readable memory.
fn readable(memory: &dyn Memory, addr: Addr) -> Vec<u8> {
    let mut bytes = [0u8; MAX_INSTRUCTION];
    if memory.read(addr, &mut bytes).is_ok() {
        return bytes.to_vec();
    }
    let mut out = Vec::new();
    while out.len() < MAX_INSTRUCTION {
        match memory.read_u8(addr.wrapping_add(out.len() as u64)) {
            Ok(byte) => out.push(byte),
            Err(_) => break,
        }
    }
    out
}

/// DWARF number of a general-purpose register of any width.
#[must_use]
pub(super) fn dwarf_number(register: Register) -> Option<u16> {
    Some(match register.full_register() {
        Register::RAX => 0,
        Register::RDX => 1,
        Register::RCX => 2,
        Register::RBX => 3,
        Register::RSI => 4,
        Register::RDI => 5,
        Register::RBP => 6,
        Register::RSP => 7,
        Register::R8 => 8,
        Register::R9 => 9,
        Register::R10 => 10,
        Register::R11 => 11,
        Register::R12 => 12,
        Register::R13 => 13,
        Register::R14 => 14,
        Register::R15 => 15,
        _ => return None,
    })
}

/// Value of a general-purpose register, cut to 32 bits for the 32-bit names that address computations may use.
fn general(regs: &RegFile, register: Register) -> Option<u64> {
    let value = regs.get(dwarf_number(register)?)?;
    Some(if register.size() == 4 { value & 0xffff_ffff } else { value })
}
