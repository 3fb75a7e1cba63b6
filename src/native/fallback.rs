//! Steps without call frame information: by frame pointer, and by scanning the stack. What they find is marked so.

use super::regfile::RegFile;
use crate::arch::{self, UnwindInfo};
use crate::base::Addr;
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

/// Whether what is at `addr` ends its thread: a function that returns there is the first of the thread, and nothing called
/// it. (`clone` has no call frame information in some libraries.)
#[must_use]
pub fn ends_thread(target: &Target, addr: Addr) -> bool {
    let code = target.memory.read_vec(addr, UnwindInfo::EXIT_SIZE as u64);
    code.is_ok_and(|code| (arch::cpu(target.abi.arch).unwind.exits)(&code))
}

/// Whether `addr` can be a return address: in code, and after a call instruction when the code is readable.
#[must_use]
pub fn is_return_address(target: &Target, addr: Addr) -> bool {
    if !is_code(target, addr) {
        return false;
    }
    let info = &arch::cpu(target.abi.arch).unwind;
    let size = info.call_size as u64;
    let before = addr.checked_sub(size).and_then(|at| target.memory.read_vec(at, size).ok());
    before.is_none_or(|code| (info.follows_call)(&code))
}

/// What a fallback found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Registers of the caller.
    pub caller: RegFile,
    /// First address after this frame.
    pub cfa: Addr,
}

/// The caller by the frame pointer: saved pointer and return address are where the processor's calling convention has them.
#[must_use]
pub fn by_frame_pointer(target: &Target, regs: &RegFile) -> Option<Found> {
    let (fp, sp) = (regs.fp()?, regs.sp()?);
    let distance = fp.distance_from(sp)?;
    if !fp.is_aligned(WORD) || distance > MAX_FRAME {
        return None;
    }
    let record = &regs.info().frame_record;
    let word = |offset: i64| target.memory.read_ptr(&target.abi, fp.wrapping_offset(offset)).ok();
    let (saved, raw) = (word(record.saved)?, word(record.return_address)?);
    let return_address = Addr(regs.info().strip(raw.0));
    if !is_return_address(target, return_address) {
        return None;
    }
    Some(caller(regs, return_address, fp.wrapping_offset(record.end), Some(saved)))
}

/// The caller of code that was never entered (a call through a bad pointer): the return address is where a call leaves it,
/// on top of the stack or in the link register; every other register is the caller's still.
#[must_use]
pub fn by_failed_call(target: &Target, regs: &RegFile) -> Option<Found> {
    let sp = regs.sp()?;
    let (return_address, cfa) = match regs.info().link {
        None => (target.memory.read_ptr(&target.abi, sp).ok()?, sp.checked_add(WORD)?),
        Some(link) => (Addr(regs.info().strip(regs.get(link)?)), sp),
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
