//! [`Unwinder`]: native stacks by call frame information, with every frame's trust and every stack's end.

use super::fallback::{self, Found};
use super::modules::ModuleTables;
use super::regfile::RegFile;
use super::signal_frame;
use super::unwind_row::{Row, RowError};
use crate::arch::DeliveredFault;
use crate::base::Addr;
use crate::debuggee::{ReadError, Registers, Target};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Frames of one stack that are kept.
pub const MAX_FRAMES: usize = 200_000;
/// Frames (from the innermost, and from each signal frame) that keep all their registers.
const FULL_FRAMES: usize = 512;
/// Rows kept; a stack visits few distinct addresses, however deep it is.
const MAX_CACHED_ROWS: usize = 1 << 16;

pub use crate::model::Trust;

/// One physical frame. (Inlined functions are found by symbolising it.)
#[derive(Clone, Debug)]
pub struct UnwoundFrame {
    /// Instruction pointer (innermost or interrupted frame) or return address.
    pub ip: Addr,
    /// Whether `ip` is the instruction being run rather than the one after a call.
    pub exact: bool,
    /// Stack pointer in this frame: its part of the stack is `sp..cfa`.
    pub sp: Addr,
    /// First address after this frame; `None` when its caller was not found.
    pub cfa: Option<Addr>,
    /// How it was found.
    pub trust: Trust,
    /// Whether this is a signal trampoline: the frame after it was interrupted.
    pub trampoline: bool,
    /// All registers known here, kept for the frames near the top.
    pub registers: Option<Box<RegFile>>,
}

impl UnwoundFrame {
    /// An address inside the instruction being run: for a return address one byte before it, so that the last call
    /// of a function is not taken for the first instruction of the next.
    #[must_use]
    pub fn lookup(&self) -> Addr {
        if self.exact { self.ip } else { Addr(self.ip.0.saturating_sub(1)) }
    }
}

/// Why a stack ends where it does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackEnd {
    /// The outermost frame was reached.
    #[error("outermost frame")]
    Complete,
    /// The thread's registers are not in the dump.
    #[error("registers are not in the dump")]
    NoRegisters,
    /// Stack memory is missing.
    #[error("stack is unreadable: {0}")]
    Unreadable(ReadError),
    /// Neither unwind information nor anything that looks like a caller.
    #[error("no unwind information for {0}, and no caller found on the stack")]
    NoCaller(Addr),
    /// The caller would lie at or below its callee: the stack or its tables are damaged.
    #[error("stack pointer {sp} of the caller does not lie above {callee}")]
    NotAdvancing {
        /// Stack pointer found for the caller.
        sp: Addr,
        /// Stack pointer of the callee.
        callee: Addr,
    },
    /// More frames than are kept.
    #[error("more than {0} native frames")]
    Limit(usize),
}

/// A signal frame on the stack: what was interrupted, and by what.
#[derive(Clone, Debug)]
pub struct SignalContext {
    /// Index of the interrupted frame in [`Unwound::frames`].
    pub frame: usize,
    /// Registers when the signal came.
    pub registers: Registers,
    /// The fault it was delivered for; `None` for a signal that was sent.
    pub fault: Option<DeliveredFault>,
}

/// One thread's native stack.
#[derive(Clone, Debug)]
pub struct Unwound {
    /// Frames, innermost first.
    pub frames: Vec<UnwoundFrame>,
    /// Why there are no more.
    pub end: StackEnd,
    /// Signal frames crossed, innermost first.
    pub signals: Vec<SignalContext>,
}

impl Unwound {
    /// The fault behind a re-raised signal: faulthandler and other handlers end with `raise()`, so the dump's registers
    /// are those of `raise()`, and the original ones stand in the signal frame of a synchronous fault below it. The
    /// innermost such frame counts.
    #[must_use]
    pub fn signal_context(&self) -> Option<&SignalContext> {
        self.signals.iter().find(|s| s.fault.is_some())
    }
}

/// Unwinds the threads of one target. Cheap to make; tables are loaded for the modules that stacks run through.
pub struct Unwinder<'a> {
    target: &'a Target,
    tables: &'a ModuleTables<'a>,
    rows: Mutex<HashMap<Addr, Option<Arc<Row>>>>,
}

impl std::fmt::Debug for Unwinder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unwinder").finish_non_exhaustive()
    }
}

/// One step outwards.
struct Caller {
    found: Found,
    trust: Trust,
    exact: bool,
}

impl<'a> Unwinder<'a> {
    /// An unwinder with the tables of `tables`.
    #[must_use]
    pub fn new(target: &'a Target, tables: &'a ModuleTables<'a>) -> Self {
        Unwinder { target, tables, rows: Mutex::default() }
    }

    /// The stack that starts at `registers`.
    #[must_use]
    pub fn unwind(&self, registers: Option<&Registers>) -> Unwound {
        let mut out = Unwound { frames: Vec::new(), end: StackEnd::NoRegisters, signals: Vec::new() };
        let Some(registers) = registers else { return out };
        let mut regs = RegFile::from_registers(registers);
        let (mut trust, mut exact, mut full_from) = (Trust::Context, true, 0usize);
        loop {
            let (Some(ip), Some(sp)) = (regs.ip(), regs.sp()) else {
                out.end = StackEnd::NoRegisters;
                return out;
            };
            let index = out.frames.len();
            if index >= MAX_FRAMES {
                out.end = StackEnd::Limit(MAX_FRAMES);
                return out;
            }
            let keep = index.saturating_sub(full_from) < FULL_FRAMES;
            let registers = keep.then(|| Box::new(regs));
            out.frames.push(UnwoundFrame { ip, exact, sp, cfa: None, trust, trampoline: false, registers });
            let step = self.step(&regs, exact, index == 0);
            let Some(frame) = out.frames.last_mut() else { return out };
            match step {
                Err(end) => {
                    out.end = end;
                    return out;
                }
                Ok(Caller { found, trust: t, exact: e }) => {
                    frame.cfa = Some(found.cfa);
                    if t == Trust::Signal {
                        frame.trampoline = true;
                        let fault = signal_frame::fault(&regs, &self.target.memory, &self.target.abi);
                        let registers = found.caller.to_registers();
                        full_from = index.saturating_add(1);
                        out.signals.push(SignalContext { frame: full_from, registers, fault });
                    }
                    (regs, trust, exact) = (found.caller, t, e);
                }
            }
        }
    }

    fn step(&self, regs: &RegFile, exact: bool, innermost: bool) -> Result<Caller, StackEnd> {
        let (memory, abi) = (&self.target.memory, &self.target.abi);
        let (Some(ip), Some(sp)) = (regs.ip(), regs.sp()) else { return Err(StackEnd::NoRegisters) };
        // The kernel's frame layout is fixed and complete; the trampoline's CFI is neither everywhere. A return
        // address at the trampoline is the handler's.
        if signal_frame::is_trampoline(memory, abi.arch, ip) {
            return match signal_frame::interrupted(regs, memory, abi) {
                // The interrupted stack may be another one (sigaltstack): no order to check.
                Ok(caller) => Ok(Caller { found: Found { caller, cfa: sp }, trust: Trust::Signal, exact: true }),
                Err(e) => Err(StackEnd::Unreadable(e)),
            };
        }
        let lookup = if exact { ip } else { Addr(ip.0.saturating_sub(1)) };
        let in_epilogue = || self.tables.at(ip)?.epilogue(self.target, ip).map(Arc::new);
        let row = (if exact { in_epilogue() } else { None })
            .or_else(|| self.row(lookup))
            .or_else(|| self.row(ip).filter(|row| row.signal));
        let mut failure = StackEnd::NoCaller(ip);
        if let Some(row) = row {
            match row.apply(regs, memory, abi) {
                Ok(applied) if row.signal => {
                    let found = Found { caller: applied.caller, cfa: applied.cfa };
                    return Ok(Caller { found, trust: Trust::Signal, exact: true });
                }
                Ok(applied) => {
                    let caller_sp = applied.caller.sp().unwrap_or_default();
                    // A leaf that has pushed nothing shares its caller's stack pointer on aarch64.
                    let leaf = innermost || exact;
                    if caller_sp < sp || (caller_sp == sp && !leaf) {
                        return Err(StackEnd::NotAdvancing { sp: caller_sp, callee: sp });
                    }
                    match applied.caller.ip() {
                        // Thread entry points of libcs without end marks push a zero return address.
                        Some(Addr::NULL) | None => return Err(StackEnd::Complete),
                        Some(ra) if fallback::is_code(self.target, ra) => {
                            let found = Found { caller: applied.caller, cfa: applied.cfa };
                            return Ok(Caller { found, trust: Trust::Cfi, exact: false });
                        }
                        // Smashed stack: the frame is known, its return address is not one.
                        Some(ra) => failure = StackEnd::NoCaller(ra),
                    }
                }
                Err(RowError::Outermost) => return Err(StackEnd::Complete),
                Err(RowError::Memory(e)) => return Err(StackEnd::Unreadable(e)),
                Err(RowError::Register(_) | RowError::Expression) => {}
            }
        }
        if self.is_entry(ip) || !exact && fallback::ends_thread(self.target, ip) {
            return Err(StackEnd::Complete);
        }
        let guess = |found: Option<Found>, trust| found.map(|found| Ok(Caller { found, trust, exact: false }));
        let entered = fallback::is_code(self.target, ip);
        (if exact && !entered { guess(fallback::by_failed_call(self.target, regs), Trust::Scan) } else { None })
            .or_else(|| guess(fallback::by_frame_pointer(self.target, regs), Trust::FramePointer))
            .or_else(|| guess(fallback::by_scan(self.target, regs), Trust::Scan))
            .unwrap_or_else(|| {
                use crate::debuggee::Memory as _;
                match memory.read(sp, &mut [0]) {
                    Err(e) => Err(StackEnd::Unreadable(e)),
                    Ok(()) => Err(failure),
                }
            })
    }

    /// Whether `ip` lies in the code that the kernel enters a program at (`AT_ENTRY`), which nothing called: `_start` has
    /// no unwind information in some builds (seen: Debian's arm64 interpreters).
    fn is_entry(&self, ip: Addr) -> bool {
        /// `_start` sets up a handful of registers and calls `__libc_start_main`.
        const START_CODE: u64 = 0x40;
        let behind = self.target.process.entry.and_then(|entry| ip.distance_from(entry));
        behind.is_some_and(|n| n > 0 && n < START_CODE)
    }

    fn row(&self, addr: Addr) -> Option<Arc<Row>> {
        if let Some(row) = self.rows.lock().unwrap_or_else(PoisonError::into_inner).get(&addr) {
            return row.clone();
        }
        let row = self.tables.at(addr).and_then(|t| t.row(self.target, addr)).map(Arc::new);
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() < MAX_CACHED_ROWS {
            rows.insert(addr, row.clone());
        }
        row
    }
}
