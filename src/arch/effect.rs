//! What an instruction does to registers and memory, as far as a value can be followed through code.

use crate::base::Addr;

/// Decodes the instruction in bytes that are at an address.
pub type Decode = fn(&[u8], Addr) -> Option<Effect>;

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// Its bytes.
    pub size: u64,
    /// Where control goes then.
    pub flow: Flow,
    /// What it does, one thing after the other.
    pub steps: Vec<Step>,
}

/// Where control goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// To the next instruction.
    Next,
    /// There or to the next one.
    Branch(Addr),
    /// There.
    Jump(Addr),
    /// To a place that a register or memory names: a case of a switch, say.
    Indirect,
    /// To a function, and back to the next instruction.
    Call,
    /// Nowhere in this function: a return, a trap.
    Leaves,
}

/// One thing that an instruction does. Registers are DWARF numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A register gets a value.
    Set {
        /// Which.
        register: u16,
        /// What it is.
        value: Value,
    },
    /// Memory is written.
    Store {
        /// The register that it is found by; `None` where more than that one counts.
        base: Option<u16>,
        /// Added to it.
        offset: i64,
        /// Bytes.
        size: u64,
        /// The register whose whole content it is.
        from: Option<u16>,
    },
}

/// What a register gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing that is followed.
    Unknown,
    /// That number.
    Constant(u64),
    /// What a register holds, and this added to it.
    Sum(u16, i64),
}

impl Effect {
    /// An instruction that the next one follows.
    #[must_use]
    pub const fn of(size: u64, steps: Vec<Step>) -> Effect {
        Effect { size, flow: Flow::Next, steps }
    }

    /// One that changes no register and no memory.
    #[must_use]
    pub const fn going(size: u64, flow: Flow) -> Effect {
        Effect { size, flow, steps: Vec::new() }
    }

    /// Whether it may change the register.
    #[must_use]
    pub fn sets(&self, wanted: u16) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Set { register, .. } if *register == wanted))
    }
}

impl Step {
    /// A register gets what is not followed.
    #[must_use]
    pub const fn forget(register: u16) -> Step {
        Step::Set { register, value: Value::Unknown }
    }
}
