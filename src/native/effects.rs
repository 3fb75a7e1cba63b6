//! What the instructions of a process do, whatever its processor.

use super::x86_64::{self, effect::effect, instruction};
use crate::arch::{self, Effect, Flow};
use crate::base::{Abi, Addr};
use crate::debuggee::{Memory, MemoryExt as _};

/// The longest instruction of those that are told by their bytes, and the shortest.
const LONGEST: u64 = 4;
const SHORTEST: u64 = 2;

/// An instruction at its place.
#[derive(Clone, Debug)]
pub(super) struct Decoded {
    /// Where it is.
    pub addr: Addr,
    /// What it does.
    pub effect: Effect,
}

impl Decoded {
    /// The instruction at `addr`; `None` where there is none, or it cannot be read.
    pub fn at(memory: &dyn Memory, abi: &Abi, addr: Addr) -> Option<Decoded> {
        let effect = match arch::cpu(abi.arch).effect {
            Some(decode) => {
                // The last instruction before memory that is not readable may be a short one.
                let bytes = memory.read_vec(addr, LONGEST).or_else(|_| memory.read_vec(addr, SHORTEST)).ok()?;
                decode(&bytes, addr)?
            }
            None if x86_64::is_of(abi) => effect(&instruction::at(memory, addr)?),
            None => return None,
        };
        Some(Decoded { addr, effect })
    }

    /// First address after it.
    pub fn end(&self) -> Addr {
        self.addr.wrapping_add(self.effect.size)
    }
}

/// Whether nothing but the one way leads from `start` to `at`: no branch, no call. Of a function's code this is where it has
/// only begun. Not known, so not true, of code that cannot be read or decoded, and of more than `limit` instructions.
pub(crate) fn straight_to(memory: &dyn Memory, abi: &Abi, start: Addr, at: Addr, limit: usize) -> bool {
    let way = listing(memory, abi, start, at, limit);
    way.iter().all(|code| code.effect.flow == Flow::Next) && way.last().map_or(start, Decoded::end) == at
}

/// The instructions from `start` up to (not including) `end`, at most `limit`.
pub(super) fn listing(memory: &dyn Memory, abi: &Abi, start: Addr, end: Addr, limit: usize) -> Vec<Decoded> {
    let mut out = Vec::new();
    let mut at = start;
    while at < end && out.len() < limit {
        let Some(next) = Decoded::at(memory, abi, at) else { break };
        at = next.end();
        out.push(next);
    }
    out
}
