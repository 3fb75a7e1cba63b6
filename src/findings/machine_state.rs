//! Registers and machine code around the crash, for `--verbose`.

use super::facts::Scene;
use crate::base::Addr;
use crate::model::Instruction;
use crate::native::x86_64;
use crate::native::x86_64::instruction::{Code, around};

/// Instructions shown before and after the one that failed.
const AROUND: usize = 8;

/// Registers and machine code at the crash.
#[derive(Clone, Debug, Default)]
pub struct MachineState {
    /// Crashed thread.
    pub tid: u64,
    /// Registers by name; those of the crash itself where a signal handler ran.
    pub registers: Vec<(String, Addr)>,
    /// Instructions around the one that failed.
    pub code: Vec<Instruction>,
}

/// Registers and machine code at the crash; `None` when the dump does not have the registers.
#[must_use]
pub fn machine_state(scene: &Scene<'_>) -> Option<MachineState> {
    let facts = &scene.facts;
    let regs = scene.registers?;
    let ip = regs.ip()?;
    let function = scene.stack.and_then(|s| s.symbols.get(scene.first)?.symbol.as_ref()).map(|s| s.start);
    let is_decoded = x86_64::is_of(&facts.target.abi);
    let code = if is_decoded { around(&facts.target.memory, function, ip, AROUND, AROUND) } else { Vec::new() };
    let line = |c: Code| Instruction {
        addr: c.addr,
        bytes: c.bytes.iter().map(|b| format!("{b:02x}")).collect(),
        text: c.text,
        current: c.addr == ip,
    };
    let values = regs.to_registers().values;
    Some(MachineState {
        tid: scene.tid,
        registers: values.into_iter().map(|(name, value)| (name.to_owned(), Addr(value))).collect(),
        code: code.into_iter().map(line).collect(),
    })
}
