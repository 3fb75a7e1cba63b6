//! [`Facts`]: all that the rules may look at, and [`Scene`]: the crash itself.

use super::blame::Blame;
use super::memory_access::Access;
use super::{reraised, windows};
use crate::arch::AccessKind;
use crate::base::Addr;
use crate::cpython::object::Heap;
use crate::debuggee::{Crash, Segment, SignalInfo, Target};
use crate::image::Images;
use crate::model::tasks::Tasks;
use crate::native::ModuleTables;
use crate::native::arguments::Arguments;
use crate::native::regfile::RegFile;
use crate::native::symbolize::Symbolized;
use crate::native::unwind::UnwoundFrame;
use crate::os::linux::signals as linux_signals;
use crate::stack::NativeStack;
use crate::stack::analysis::{Analysis, AnalyzedThread};
use crate::stack::hidden_frames::CodePlace;
use crate::stack::report_frames::Interpreter;
use std::ops::Range;
use std::sync::OnceLock;

/// Callers that may hand on an argument as they got it.
const MAX_PASSED_ON: usize = 4;

/// All that the rules may look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The process.
    pub target: &'a Target,
    /// Files of its modules.
    pub images: &'a Images,
    /// Native stacks, one for each native thread that was unwound.
    pub stacks: &'a [NativeStack],
    /// Unwind tables of the modules.
    pub tables: &'a ModuleTables<'a>,
    /// Which modules are the interpreter.
    pub interpreter: &'a Interpreter,
    /// Threads with merged frames, exceptions, interpreters.
    pub analysis: &'a Analysis,
    /// Python objects of the main interpreter, when CPython was found.
    pub heap: Option<&'a Heap<'a>>,
    /// Tasks of asyncio, when there are some.
    pub tasks: Option<&'a Tasks>,
}

impl<'a> Facts<'a> {
    /// The crash, when the process died of a signal (or of a Windows exception that is like one) and the dump tells in
    /// which thread.
    #[must_use]
    pub fn scene(&self) -> Option<Scene<'a>> {
        let (tid, info, told) = match self.target.crash.as_ref()? {
            Crash::Signal { tid, info } => (tid, info.clone(), None),
            Crash::Exception { tid, code, address, parameters } => {
                let (info, access) = windows::as_signal(*code, *address, parameters)?;
                (tid, info, access)
            }
        };
        let (mut tid, mut signal, mut access, mut passed_on) = (*tid, info, told, None);
        let mut stack = self.stacks.iter().find(|s| s.tid == tid);
        // A fault that another thread's handler told this one of, which then ended the process.
        let faulted = |s: &&NativeStack| s.unwound.signal_context().is_some();
        if !is_fault(&signal)
            && stack.is_none_or(|s| !faulted(&s))
            && let Some(other) = self.stacks.iter().find(faulted)
        {
            (tid, stack) = (other.tid, Some(other));
        }
        let context = stack.and_then(|s| s.unwound.signal_context());
        let first = stack.map_or(0, NativeStack::fault_frame);
        let registers = stack.and_then(|s| s.unwound.frames.get(first)?.registers.as_deref());
        // What the handler was called for tells the cause.
        if let Some(original) = context.and_then(|c| c.fault) {
            let last = signal.number;
            passed_on = Some(match is_fault(&signal) {
                true => PassedOn::HandlerFaulted(signal),
                false => PassedOn::ByHandler,
            });
            // Of a page fault the frame may not tell which signal it gave: handlers pass their own on.
            let (number, code) = match (last, original.number) {
                (linux_signals::SIGBUS, linux_signals::SIGSEGV)
                    if original.code == linux_signals::codes::SEGV_MAPERR =>
                {
                    (linux_signals::SIGBUS, linux_signals::codes::BUS_ADRERR)
                }
                _ => (original.number, original.code),
            };
            signal = SignalInfo {
                number,
                code: Some(code),
                fault_addr: Some(original.addr),
                sender_pid: None,
                sender_uid: None,
            };
            access = original.access;
        } else if !is_fault(&signal)
            && let Some(regs) = registers
            && let Some(derived) =
                reraised::at_instruction(self, regs, self.target.thread(tid).and_then(|t| t.tls_base))
        {
            passed_on = signal.code.map(|_| PassedOn::AfterHandler(signal));
            (signal, access) = (derived.signal, derived.access);
        }
        Some(Scene {
            facts: *self,
            tid,
            fault: Fault { signal, access, handled: context.is_some(), passed_on },
            registers,
            stack,
            first,
            thread: self.analysis.threads.iter().find(|t| t.tid == Some(tid)),
            blame: OnceLock::new(),
            access: OnceLock::new(),
        })
    }

    /// A reader of function arguments.
    #[must_use]
    pub fn arguments(&self) -> Arguments<'a> {
        Arguments::new(&self.target.memory, self.target.abi)
    }

    /// The mapping that holds `addr`.
    #[must_use]
    pub fn segment(&self, addr: Addr) -> Option<&'a Segment> {
        self.target.memory.segment_at(addr)
    }
}

/// The signal that ended the process.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The signal; the original one where a handler raised it again.
    pub signal: SignalInfo,
    /// What the access was, known where a signal handler ran.
    pub access: Option<AccessKind>,
    /// Whether a signal handler (faulthandler's, say) ran first and its frames are on the stack.
    pub handled: bool,
    /// How another signal came of this one.
    pub passed_on: Option<PassedOn>,
}

/// How the signal that ended the process came of the one that a thread got first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassedOn {
    /// A handler, whose frames are on the stack, sent it.
    ByHandler,
    /// A handler, whose frames are on the stack, faulted itself.
    HandlerFaulted(SignalInfo),
    /// A handler sent this one, and it came when the handler had returned.
    AfterHandler(SignalInfo),
}

/// Whether the kernel raised the signal for what an instruction did, and says so.
fn is_fault(signal: &SignalInfo) -> bool {
    linux_signals::is_fault(signal.number) && signal.code.is_some_and(|code| code > linux_signals::SI_USER)
}

/// The crashed thread at the moment of the crash.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    /// Everything else.
    pub facts: Facts<'a>,
    /// Crashed thread.
    pub tid: u64,
    /// The signal.
    pub fault: Fault,
    /// Registers at the crash.
    pub registers: Option<&'a RegFile>,
    /// Its native stack.
    pub stack: Option<&'a NativeStack>,
    /// Index in the stack of the frame that crashed.
    pub first: usize,
    /// The thread with its frames.
    pub thread: Option<&'a AnalyzedThread>,
    pub(super) blame: OnceLock<Blame<'a>>,
    pub(super) access: OnceLock<Access>,
}

/// A native frame of the crashed thread.
#[derive(Debug, Clone, Copy)]
pub struct SceneFrame<'a> {
    /// Index in the stack.
    pub index: usize,
    /// The frame.
    pub frame: &'a UnwoundFrame,
    /// What is known of its code.
    pub code: &'a Symbolized,
    /// Where its code lies.
    pub place: CodePlace,
}

impl<'a> SceneFrame<'a> {
    /// Name of the function, without compiler suffixes.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        self.code.name().map(crate::stack::hidden_frames::base_name)
    }

    /// Whether the function that has the frame, or one inlined into it, has this name.
    #[must_use]
    pub fn runs(&self, name: &str) -> bool {
        self.name() == Some(name) || self.code.functions.iter().any(|f| f.function.as_deref() == Some(name))
    }
}

impl<'a> Scene<'a> {
    /// Whose code crashed.
    pub(super) fn blame(&self) -> &Blame<'a> {
        self.blame.get_or_init(|| Blame::of(self))
    }

    /// What the faulting instruction did.
    pub(super) fn access(&self) -> &Access {
        self.access.get_or_init(|| Access::of(self))
    }

    /// Native frames from the one that crashed outwards, at most `limit`.
    pub fn frames(&self, limit: usize) -> impl Iterator<Item = SceneFrame<'a>> + use<'a> {
        let (facts, first) = (self.facts, self.first);
        let stack = self.stack;
        let frames = stack.map(|s| s.unwound.frames.iter().zip(&s.symbols)).into_iter().flatten();
        frames.enumerate().skip(first).take(limit).map(move |(index, (frame, code))| SceneFrame {
            index,
            frame,
            code,
            place: facts.interpreter.place(code),
        })
    }

    /// Argument `index` of the function of a frame, where it can still be told.
    #[must_use]
    pub fn argument(&self, frame: &SceneFrame<'_>, index: usize) -> Option<u64> {
        let stack = self.stack?;
        let (mut at, arguments) = (frame.index, self.facts.arguments());
        for _ in 0..MAX_PASSED_ON {
            let (frame, code) = stack.unwound.frames.get(at).zip(stack.symbols.get(at))?;
            let function = self.function(frame, code)?;
            at = at.checked_add(1)?;
            let caller = stack.unwound.frames.get(at).zip(stack.symbols.get(at));
            let (caller, code) = caller.unzip();
            let whole = caller.zip(code).and_then(|(caller, code)| self.function(caller, code)).map(|f| f.start);
            // Of a part that the compiler split off, too, the code before the call can be read.
            let start = whole.or_else(|| Some(code?.symbol.as_ref()?.start));
            if let Some(value) = arguments.get(frame, &function, caller.zip(start), index) {
                return Some(value);
            }
            if !arguments.passed_on(caller?, whole?, index) {
                return None;
            }
        }
        None
    }

    /// The code of the function that has the frame, by its symbol or else by the unwind tables, unless the frame is in a
    /// part that the compiler split off.
    #[must_use]
    pub fn function(&self, frame: &UnwoundFrame, code: &Symbolized) -> Option<Range<Addr>> {
        match &code.symbol {
            Some(symbol) if symbol.name.contains(".cold") || symbol.name.contains(".part") => None,
            Some(symbol) => Some(symbol.start..symbol.start.wrapping_add(symbol.size)),
            None => self.facts.tables.at(frame.lookup())?.called_function(self.facts.target, frame.lookup()),
        }
    }

    /// Base of the crashed thread's local storage.
    #[must_use]
    pub fn tls_base(&self) -> Option<Addr> {
        self.facts.target.thread(self.tid)?.tls_base
    }

    /// Signal number.
    #[must_use]
    pub fn signal(&self) -> i32 {
        self.fault.signal.number
    }
}
