//! Turns the native stack of a thread and its Python frames into the frames of the report.

use super::compiled::{RunBy, mark_loops};
use super::hidden_frames::{self, CodePlace};
use super::merge::{self, Merged, NativeFrame as MergeNative, NativeRole, PythonFrame};
use super::native_stack::NativeStack;
use crate::base::Addr;
use crate::cpython::PyVersion;
use crate::debuggee::Target;
use crate::model::{Frame, FrameKind, ModuleId, NativeFrame};
use crate::native::demangle::demangle;
use crate::native::straight_to;
use crate::native::symbolize::Symbolized;
use crate::native::unwind::{StackEnd, Trust, UnwoundFrame};
use std::collections::{BTreeSet, HashSet};

/// A stretch of native frames longer than this is shown by its ends.
const LONG: usize = 1000;
/// Frames shown of each end of a long stretch.
const ENDS: usize = 200;
/// Instructions before the first branch of an evaluation loop, at most.
const PROLOGUE: usize = 64;

/// The modules that are the interpreter: the one that holds the runtime, and the program that only starts it.
#[derive(Clone, Debug, Default)]
pub struct Interpreter {
    modules: HashSet<usize>,
}

impl Interpreter {
    /// From the module that holds the CPython runtime. The main executable counts too when it is named like Python's.
    #[must_use]
    pub fn new(target: &Target, runtime: Option<usize>) -> Self {
        let mut modules: HashSet<usize> = runtime.into_iter().collect();
        let program = |name: &str| name.starts_with("python") || name.starts_with("pypy");
        let main = target.modules.iter().position(|m| m.is_main && program(m.file_name()));
        modules.extend(main);
        let library = |name: &str| name.starts_with("libpython") || is_python_dll(name);
        modules.extend(target.modules.iter().enumerate().filter(|(_, m)| library(m.file_name())).map(|(i, _)| i));
        Interpreter { modules }
    }

    /// Indexes of these modules.
    pub fn modules(&self) -> impl Iterator<Item = usize> + '_ {
        self.modules.iter().copied()
    }

    /// Whether a module (by its index) is the interpreter.
    #[must_use]
    pub fn holds(&self, module: usize) -> bool {
        self.modules.contains(&module)
    }

    /// Where a piece of code lies.
    #[must_use]
    pub fn place(&self, code: &Symbolized) -> CodePlace {
        self.place_in(code.module)
    }

    /// Where code of a module (by its index) lies, or of none.
    #[must_use]
    pub fn place_in(&self, module: Option<usize>) -> CodePlace {
        match module {
            Some(module) if self.modules.contains(&module) => CodePlace::Interpreter,
            Some(_) => CodePlace::Module,
            None => CodePlace::Anonymous,
        }
    }
}

/// `python312.dll`, `python313t.dll`. (`python3.dll` only leads to it.)
fn is_python_dll(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".dll") && PyVersion::from_file_name(&name).is_some()
}

/// Frames of one thread for the report.
#[derive(Clone, Debug, Default)]
pub struct ThreadFrames {
    /// Frames, innermost first.
    pub frames: Vec<Frame>,
    /// Why the native frames end early.
    pub end: Option<String>,
    /// Those of them (by index) that are evaluation loops for which Python frames stand: where the thread stands, or was
    /// interrupted.
    pub loops: HashSet<usize>,
    /// What is doubtful of their order.
    pub problems: Vec<String>,
}

/// Merges a thread's Python frames (innermost first) into its native stack. `empty_loops`: places in evaluation loops that
/// run none of them; `compiled`: what runs each Python frame.
#[must_use]
pub fn thread_frames(
    target: &Target,
    interpreter: &Interpreter,
    stack: &NativeStack,
    python: Vec<Frame>,
    empty_loops: &[Addr],
    compiled: &[RunBy],
) -> ThreadFrames {
    let begins = stack.symbols.iter().position(|code| greenlet_begins(target, code));
    let own = begins.map_or(usize::MAX, |at| at.saturating_add(1));
    let mut native: Vec<MergeNative> = stack
        .unwound
        .frames
        .iter()
        .zip(&stack.symbols)
        .take(own)
        .map(|(frame, code)| MergeNative {
            sp: frame.sp,
            cfa: frame.cfa,
            role: hidden_frames::role(code.name(), interpreter.place(code)),
            doubtful: matches!(frame.trust, Trust::FramePointer | Trust::Scan),
        })
        .map(|frame| frame.without_loops(empty_loops))
        .collect();
    mark_loops(&mut native, compiled);
    without_begun_loops(target, stack, &python, &mut native);
    let entries: Vec<PythonFrame> = python
        .iter()
        .enumerate()
        .map(|(at, f)| {
            let run = compiled.get(at).copied().unwrap_or_default();
            run.frame(PythonFrame { entry: f.entry, entry_sp: f.entry_sp }, &native)
        })
        .collect();
    let complete = stack.unwound.end == StackEnd::Complete && begins.is_none();
    let merged = merge::merge(&entries, &native, complete);
    let stops = stops(stack, native.len());
    let (entries, loops) = with_stops(merged.entries, &stops);
    let mut python: Vec<Option<Frame>> = python.into_iter().map(Some).collect();
    let end = match begins {
        Some(_) => "a greenlet began here, and further out is what was there then".to_owned(),
        None => stack.unwound.end.to_string(),
    };
    let mut out = ThreadFrames { end: (!complete).then_some(end), ..ThreadFrames::default() };
    for stretch in entries.chunk_by(|a, b| matches!((a, b), (Merged::Native(_), Merged::Native(_)))) {
        let hidden = ENDS..stretch.len().saturating_sub(ENDS);
        for (at, entry) in stretch.iter().enumerate() {
            match entry {
                Merged::Python(index) => out.frames.extend(python.get_mut(*index).and_then(Option::take)),
                Merged::Native(_) if stretch.len() > LONG && hidden.contains(&at) => {
                    if at == hidden.start {
                        out.frames.push(left_out(hidden.len()));
                    }
                }
                Merged::Native(index) => {
                    if let (Some(frame), Some(code)) = (stack.unwound.frames.get(*index), stack.symbols.get(*index)) {
                        let (first, stopped) = (out.frames.len(), stops.contains(index));
                        native_frames(target, interpreter, (frame, code), stopped, &mut out.frames);
                        if loops.contains(index) {
                            out.loops.extend(first..out.frames.len());
                        }
                    }
                }
            }
        }
    }
    out.problems = merged.problems.iter().map(ToString::to_string).collect();
    out
}

/// A loop that a fault or a signal met where it has only begun runs no frame yet; a stack overflows there more often than
/// elsewhere, as its frame is the largest. Up to 3.10 CPython makes a frame the thread's current one behind the first branch, that
/// of the check of the recursion's depth (Python/ceval.c); later ones have on the C stack what tells it.
fn without_begun_loops(target: &Target, stack: &NativeStack, python: &[Frame], native: &mut [MergeNative]) {
    if python.iter().any(|frame| frame.entry_sp.is_some()) {
        return;
    }
    for at in stops(stack, native.len()) {
        let (Some(frame), Some(code)) = (stack.unwound.frames.get(at), stack.symbols.get(at)) else { continue };
        let (Some(own), Some(symbol)) = (native.get_mut(at), code.symbol.as_ref()) else { continue };
        if own.role == NativeRole::Eval && straight_to(&target.memory, &target.abi, symbol.start, frame.ip, PROLOGUE) {
            own.role = NativeRole::Other;
        }
    }
}

/// Whether a frame is the first one of a greenlet (src/greenlet/TUserGreenlet.cpp). Further out is the stack of the one that
/// started it, of which others may have overwritten what they needed since.
fn greenlet_begins(target: &Target, code: &Symbolized) -> bool {
    let module = code.module.and_then(|at| target.modules.get(at));
    module.is_some_and(|module| module.file_name().starts_with("_greenlet."))
        && code.name().is_some_and(|name| name.contains("g_initialstub"))
}

/// The native frames that are never hidden: where the thread stands, and what signals interrupted. `own`: how many are its own.
fn stops(stack: &NativeStack, own: usize) -> BTreeSet<usize> {
    let interrupted = stack.unwound.signals.iter().map(|signal| signal.frame);
    std::iter::once(0).chain(interrupted).filter(|at| *at < own).collect()
}

/// The entries with those of the native frames that the merge took for Python frames, each inside of the frames that it ran; and
/// which these are.
fn with_stops(mut entries: Vec<Merged>, stops: &BTreeSet<usize>) -> (Vec<Merged>, BTreeSet<usize>) {
    let mut loops = BTreeSet::new();
    for stop in stops {
        let place = entries.iter().rposition(|entry| matches!(entry, Merged::Native(at) if at <= stop));
        if place.and_then(|at| entries.get(at)) != Some(&Merged::Native(*stop)) {
            entries.insert(place.map_or(0, |at| at.saturating_add(1)), Merged::Native(*stop));
            loops.insert(*stop);
        }
    }
    (entries, loops)
}

fn left_out(count: usize) -> Frame {
    let text = format!("{count} native frames are left out here");
    Frame { kind: FrameKind::Native, problems: vec![text], native: Some(NativeFrame::default()), ..Frame::default() }
}

/// One physical frame as frames of the report: the functions inlined into it first, innermost first. `stopped`: whether it
/// is one that is never hidden.
fn native_frames(
    target: &Target,
    interpreter: &Interpreter,
    (frame, code): (&UnwoundFrame, &Symbolized),
    stopped: bool,
    out: &mut Vec<Frame>,
) {
    let hidden = |name: Option<&str>, place| !stopped && hidden_frames::is_plumbing(name, place);
    let place = interpreter.place(code);
    let symbol = code.symbol.as_ref();
    let base = NativeFrame {
        ip: frame.ip,
        module: code.module.and_then(|m| target.modules.get(m)).map(|m| m.path.clone()),
        module_id: code.module.and_then(ModuleId::new),
        module_offset: code.module_offset.map(|offset| Addr(offset.wrapping_add(u64::from(!frame.exact)))),
        symbol: symbol.map(|s| s.name.clone()),
        symbol_offset: symbol.map(|s| frame.ip.0.wrapping_sub(s.start.0)),
        trust: Some(frame.trust),
        inlined: false,
        method: None,
        plumbing: hidden(code.name(), place) || frame.trampoline && !stopped,
    };
    let physical = code.functions.len().saturating_sub(1);
    for inlined in code.functions.get(..physical).unwrap_or_default() {
        let name = inlined.function.as_deref();
        out.push(Frame {
            kind: FrameKind::Native,
            function: name.map(Into::into),
            file: inlined.file.as_deref().map(Into::into),
            line: inlined.line,
            column: inlined.column.map(|c| c.saturating_sub(1)),
            addr: frame.cfa,
            native: Some(NativeFrame {
                trust: Some(Trust::Inline),
                inlined: true,
                plumbing: hidden(name, place),
                symbol: None,
                symbol_offset: None,
                ..base.clone()
            }),
            ..Frame::default()
        });
    }
    let source = code.functions.last();
    // DWARF names a C function as its author did; the symbol may carry a compiler's suffix.
    let by_dwarf = source.and_then(|s| s.function.clone());
    let function = by_dwarf.or_else(|| symbol.map(|s| demangle(&s.name)));
    out.push(Frame {
        kind: FrameKind::Native,
        function: function.as_deref().map(Into::into),
        file: source.and_then(|s| s.file.as_deref()).map(Into::into),
        line: source.and_then(|s| s.line),
        column: source.and_then(|s| s.column).map(|c| c.saturating_sub(1)),
        addr: frame.cfa,
        native: Some(base),
        ..Frame::default()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_hidden_stands_inside_of_what_it_ran() {
        use Merged::{Native, Python};
        let stops: BTreeSet<usize> = [0, 3].into();
        let taken = vec![Python(0), Native(1), Native(2), Python(1), Python(2), Native(4)];
        let expected = [Native(0), Python(0), Native(1), Native(2), Native(3), Python(1), Python(2), Native(4)];
        assert_eq!(with_stops(taken, &stops), (expected.to_vec(), stops.clone()));
        let whole = vec![Native(0), Native(1), Native(2), Native(3), Python(0)];
        assert_eq!(with_stops(whole.clone(), &stops), (whole, BTreeSet::new()));
        assert_eq!(with_stops(Vec::new(), &[0].into()), (vec![Native(0)], [0].into()));
    }
}
