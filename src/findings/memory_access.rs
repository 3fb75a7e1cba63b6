//! What the faulting instruction did: which access, to what address, by which operand.

use super::facts::Scene;
use crate::arch::{self, AccessKind};
use crate::base::Addr;
use crate::debuggee::{MemoryExt as _, Target};
use crate::native::regfile::RegFile;
use crate::native::x86_64;
use crate::native::x86_64::instruction::{AddressPart, Code, MemoryAccess};
pub(super) use crate::os::linux::signals::{self, codes};

/// What the faulting instruction did.
#[derive(Clone, Debug, Default)]
pub(super) struct Access {
    /// Read, write or execute, when that can be told.
    pub kind: Option<AccessKind>,
    /// The address; for a non-canonical one not the kernel's (it gives none) but the operand's.
    pub addr: Option<Addr>,
    /// The operand that had this address.
    pub operand: Option<MemoryAccess>,
    /// The instruction.
    pub code: Option<Code>,
    /// Whether the address is one that no x86-64 process can have.
    pub non_canonical: bool,
}

impl Access {
    /// Looks at the instruction of a SIGSEGV or SIGBUS.
    pub fn of(scene: &Scene<'_>) -> Access {
        let Some(regs) = scene.registers else { return Access::default() };
        let ip = regs.ip().unwrap_or_default();
        let reported = scene.fault.signal.fault_addr;
        let kernel = scene.fault.signal.code == Some(codes::SI_KERNEL);
        let executable = scene.facts.segment(ip).is_some_and(|s| s.protection.execute);
        if !executable && scene.facts.target.module_at(ip).is_none() {
            // Nothing can run there: the jump itself failed. A non-canonical target faults at the jump.
            return Access { kind: Some(AccessKind::Execute), addr: Some(ip), ..Access::default() };
        }
        if !executable && reported == Some(ip) {
            return Access { kind: Some(AccessKind::Execute), addr: Some(ip), ..Access::default() };
        }
        let (code, accesses) = operands(scene.facts.target, ip, regs, scene.tls_base());
        let operand = if kernel {
            accesses.iter().find(|a| !is_canonical(a.addr))
        } else {
            reported.and_then(|fault| accesses.iter().find(|a| touches(a, fault)))
        };
        // The processor finds a bad target of a call, jump or return before it goes there.
        let target = scene.facts.target;
        let goes_to = code.as_ref().filter(|_| kernel && operand.is_none());
        let goes_to = goes_to.and_then(|code| code.goes_to(regs, &accesses, &target.memory, &target.abi));
        if let Some(goes_to) = goes_to.filter(|at| !is_canonical(*at)) {
            let pointer = accesses.iter().find(|a| a.kind == AccessKind::Read).cloned();
            return Access {
                kind: Some(AccessKind::Execute),
                addr: Some(goes_to),
                operand: pointer,
                code,
                non_canonical: false,
            };
        }
        let non_canonical = kernel && operand.is_some();
        Access {
            kind: scene.fault.access.or(operand.map(|a| a.kind)),
            addr: if kernel { operand.map(|a| a.addr) } else { reported },
            operand: operand.cloned(),
            code,
            non_canonical,
        }
    }

    /// The instruction and what its operand was made of, as lines of evidence.
    pub fn evidence(&self) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(code) = &self.code {
            out.push(format!("instruction at {}: {}", code.addr, code.text));
        }
        if let Some(operand) = &self.operand {
            let mut parts = Vec::new();
            if let Some(base) = &operand.base {
                parts.push(format!("{} = {:#x}", base.register, base.value));
            }
            if let Some((index, scale)) = &operand.index {
                parts.push(format!("{} = {:#x} (times {scale})", index.register, index.value));
            }
            if operand.displacement != 0 && !parts.is_empty() {
                parts.push(format!("offset {:#x}", operand.displacement));
            }
            if !parts.is_empty() {
                out.push(format!(
                    "{} of {} byte(s) at {}: {}",
                    operand.kind.word(),
                    operand.size,
                    operand.addr,
                    parts.join(", ")
                ));
            }
        }
        out
    }
}

/// Whether an operand's bytes hold the address the kernel gives. Vector and string instructions may fault anywhere in
/// theirs; the kernel may give the first address of the page that was missing.
fn touches(access: &MemoryAccess, fault: Addr) -> bool {
    let size = access.size.max(1);
    fault.0.wrapping_sub(access.addr.0) < size
}

/// The instruction at `ip`, where instructions of the processor are decoded, and its memory operands.
pub(super) fn operands(
    target: &Target,
    ip: Addr,
    regs: &RegFile,
    tls: Option<Addr>,
) -> (Option<Code>, Vec<MemoryAccess>) {
    if x86_64::is_of(&target.abi) {
        let code = Code::at(&target.memory, ip);
        let accesses = code.as_ref().map(|code| code.accesses(regs, tls)).unwrap_or_default();
        return (code, accesses);
    }
    (None, plain_operand(target, ip, regs).into_iter().collect())
}

fn plain_operand(target: &Target, ip: Addr, regs: &RegFile) -> Option<MemoryAccess> {
    // The last instruction before memory that is not readable may have two bytes.
    let code = target.memory.read_vec(ip, 4).or_else(|_| target.memory.read_vec(ip, 2)).ok()?;
    let operand = (arch::cpu(target.abi.arch).signal_frame.operand)(&code)?;
    let value = regs.get(operand.base)?;
    let register = regs.info().name(operand.base)?;
    let index = match operand.index {
        None => None,
        Some(index) => Some((index, regs.get(index.register)?, regs.info().name(index.register)?)),
    };
    let added = index.map_or(0, |(index, value, _)| index.added(value));
    Some(MemoryAccess {
        kind: operand.kind,
        addr: Addr(value).wrapping_offset(operand.offset).wrapping_add(added),
        size: operand.size,
        base: Some(AddressPart { register: register.into(), value }),
        index: index
            .map(|(index, value, name)| (AddressPart { register: name.into(), value }, 1u32.wrapping_shl(index.shift))),
        displacement: operand.offset,
    })
}

/// Whether an x86-64 address can be used at all: bits 63 to 47 are equal. (With 5-level paging bits 63 to 56; then no
/// such address faults this way.)
pub(super) fn is_canonical(addr: Addr) -> bool {
    let top = addr.0.cast_signed() >> 47;
    top == 0 || top == -1
}
