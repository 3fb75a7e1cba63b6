//! Steps without call frame information: by frame pointer, and by scanning the stack. What they find is marked so.

use super::regfile::RegFile;
use crate::base::{Addr, Arch};
use crate::debuggee::{MemoryExt as _, Protection, Target};

/// Words a scan looks at before it gives up.
const SCAN_WORDS: u64 = 1024;
/// Words looked at for the very next return address, where no frame pointer helps.
const WORD: u64 = 8;
/// A frame above this size is not believed from a frame pointer alone.
const MAX_FRAME: u64 = 16 << 20;

/// Whether `addr` lies in memory that may be executed, or, when rights are not known, in a module.
#[must_use]
pub fn is_code(target: &Target, addr: Addr) -> bool {
    let rights = target.memory.segment_at(addr).map(|s| s.protection);
    match rights.filter(|rights| *rights != Protection::default()) {
        Some(rights) => rights.execute,
        // gdb's cores do not tell the rights of what they leave out.
        None => target.module_at(addr).is_some(),
    }
}

/// Whether `addr` can be a return address: in code, and behind a call instruction when the code is readable.
#[must_use]
pub fn is_return_address(target: &Target, addr: Addr) -> bool {
    if !is_code(target, addr) {
        return false;
    }
    match target.abi.arch {
        Arch::X86_64 => {
            let before = addr.checked_sub(7).and_then(|a| target.memory.read_array::<7>(a).ok());
            before.is_none_or(|code| follows_call_x86_64(&code))
        }
        Arch::Aarch64 => {
            let before = addr.checked_sub(4).and_then(|a| target.memory.read_uint(&target.abi, a, 4).ok());
            before.is_none_or(is_call_aarch64)
        }
        Arch::X86 | Arch::Arm => false,
    }
}

/// `call rel32` (E8), or `call r/m64` (FF /2) with any addressing form of 2 to 7 bytes, REX prefix or not.
fn follows_call_x86_64(code: &[u8; 7]) -> bool {
    let back = |n: usize| code.len().checked_sub(n).and_then(|at| code.get(at)).copied();
    if back(5) == Some(0xe8) {
        return true;
    }
    // Length of FF /2 behind the opcode, from ModRM: register 1, [reg] 1 or SIB 2, disp8 2/3, disp32 5/6.
    (2..=7).any(|len| {
        let (Some(0xff), Some(modrm)) = (back(len), len.checked_sub(1).and_then(back)) else { return false };
        let (mode, reg, rm) = (modrm >> 6, (modrm >> 3) & 7, modrm & 7);
        let sib = mode != 3 && rm == 4;
        let displacement = match mode {
            0 if rm == 5 => 4,
            0 if sib && len.checked_sub(2).and_then(back).is_some_and(|s| s & 7 == 5) => 4,
            1 => 1,
            2 => 4,
            _ => 0,
        };
        reg == 2 && len == 2 + usize::from(sib) + displacement
    })
}

/// `BL`, `BLR` and the authenticating `BLRA*` (Arm ARM, C4.1.66).
fn is_call_aarch64(code: u64) -> bool {
    code & 0xfc00_0000 == 0x9400_0000 || code & 0xffff_fc1f == 0xd63f_0000 || code & 0xfeff_f800 == 0xd63f_0800
}

/// What a fallback found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Registers of the caller.
    pub caller: RegFile,
    /// First address behind this frame.
    pub cfa: Addr,
}

/// The caller by the frame pointer: saved pointer and return address, in this order, at it.
#[must_use]
pub fn by_frame_pointer(target: &Target, regs: &RegFile) -> Option<Found> {
    let (fp, sp) = (regs.fp()?, regs.sp()?);
    let distance = fp.distance_from(sp)?;
    if !fp.is_aligned(WORD) || distance > MAX_FRAME {
        return None;
    }
    let saved = target.memory.read_ptr(&target.abi, fp).ok()?;
    let raw = target.memory.read_ptr(&target.abi, fp.checked_add(WORD)?).ok()?;
    let return_address = Addr(regs.info().strip(raw.0));
    if !is_return_address(target, return_address) {
        return None;
    }
    Some(caller(regs, return_address, fp.checked_add(WORD.wrapping_mul(2))?, Some(saved)))
}

/// The caller of code that was never entered (a call through a bad pointer): on x86-64 the return address is on top
/// of the stack, on aarch64 in the link register; every other register is the caller's still.
#[must_use]
pub fn by_failed_call(target: &Target, regs: &RegFile) -> Option<Found> {
    let sp = regs.sp()?;
    let (return_address, cfa) = match target.abi.arch {
        Arch::X86_64 => (target.memory.read_ptr(&target.abi, sp).ok()?, sp.checked_add(WORD)?),
        _ => (Addr(regs.info().strip(regs.get(30)?)), sp),
    };
    if !is_return_address(target, return_address) {
        return None;
    }
    let mut caller = *regs;
    caller.set(regs.info().ip, return_address.0);
    caller.set(regs.info().sp, cfa.0);
    Some(Found { caller, cfa })
}

/// The caller by the first word on the stack that can be a return address.
#[must_use]
pub fn by_scan(target: &Target, regs: &RegFile) -> Option<Found> {
    let sp = regs.sp().filter(|sp| sp.is_aligned(WORD))?;
    for n in 0..SCAN_WORDS {
        let at = sp.checked_add(n.wrapping_mul(WORD))?;
        // The end of the stack, or of what the dump has of it.
        let word = target.memory.read_ptr(&target.abi, at).ok()?;
        let word = Addr(regs.info().strip(word.0));
        // A word that may be data is believed only where the code before it can be checked.
        let readable = word.checked_sub(4).is_some_and(|a| target.memory.read_array::<4>(a).is_ok());
        if readable && is_return_address(target, word) {
            // The frame pointer still in its register is the best guess for the caller's.
            let cfa = at.checked_add(WORD)?;
            let fp = regs.fp().filter(|fp| *fp >= cfa);
            return Some(caller(regs, word, cfa, fp));
        }
    }
    None
}

fn caller(regs: &RegFile, return_address: Addr, cfa: Addr, fp: Option<Addr>) -> Found {
    let info = regs.info();
    let mut caller = RegFile::empty(info);
    caller.set(info.ip, return_address.0);
    caller.set(info.sp, cfa.0);
    if let Some(fp) = fp {
        caller.set(info.fp, fp.0);
    }
    Found { caller, cfa }
}

#[cfg(test)]
mod tests {
    use super::{follows_call_x86_64, is_call_aarch64};

    fn padded(code: &[u8]) -> [u8; 7] {
        let mut out = [0x90; 7];
        out[7 - code.len()..].copy_from_slice(code);
        out
    }

    #[test]
    fn every_form_of_call_is_known_and_a_jump_is_not() {
        for call in [
            &[0xe8, 1, 2, 3, 4][..],         // call rel32
            &[0xff, 0xd0],                   // call *%rax
            &[0x41, 0xff, 0xd4],             // call *%r12
            &[0xff, 0x10],                   // call *(%rax)
            &[0xff, 0x50, 0x18],             // call *0x18(%rax)
            &[0xff, 0x15, 1, 2, 3, 4],       // call *x(%rip)
            &[0xff, 0x90, 1, 2, 3, 4],       // call *0x..(%rax)
            &[0xff, 0x14, 0xc8],             // call *(%rax,%rcx,8)
            &[0xff, 0x54, 0x24, 0x08],       // call *8(%rsp)
            &[0xff, 0x94, 0x24, 1, 2, 3, 4], // call *0x..(%rsp)
            &[0xff, 0x14, 0xc5, 1, 2, 3, 4], // call *0x..(,%rax,8)
        ] {
            assert!(follows_call_x86_64(&padded(call)), "{call:x?}");
        }
        for other in [&[0xff, 0xe0][..], &[0xeb, 0x10], &[0xe9, 1, 2, 3, 4], &[0xff, 0x20]] {
            assert!(!follows_call_x86_64(&padded(other)), "{other:x?}");
        }
        assert!(is_call_aarch64(0x9400_0010) && is_call_aarch64(0xd63f_0100) && is_call_aarch64(0xd63f_0acd));
        assert!(!is_call_aarch64(0x1400_0010) && !is_call_aarch64(0xd61f_0100));
    }
}
