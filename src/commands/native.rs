//! [`Native`]: the C frames between Python frames, as the debugger tells of them or as we unwind them ourselves.
//!
//! A debugger that unwinds reads the debug information of every function on the way. Where its numbers of frames are not
//! needed, our own unwinder does without.

use super::host::FrameAnswer;
use super::view::View;
use crate::base::Addr;
use crate::cpython::object::Kind;
use crate::engine::Inspection;
use crate::native::ModuleTables;
use crate::native::arguments::Arguments;
use crate::native::unwind::{StackEnd, Trust, Unwinder, UnwoundFrame};
use crate::stack::hidden_frames::{CodePlace, base_name, role};
use crate::stack::merge::{NativeFrame, NativeRole};
use crate::stack::report_frames::Interpreter;
use std::ops::Range;

/// Functions of CPython that call the C function object that is their first argument: name, the argument's name, the
/// object's kind (Objects/methodobject.c, Objects/descrobject.c).
const CALLERS: &[(&str, &str, Kind)] = &[
    ("wrapper_call", "wp", Kind::MethodWrapper),
    ("cfunction_call", "func", Kind::BuiltinFunction),
    ("cfunction_call_varargs", "func", Kind::BuiltinFunction),
    ("cfunction_vectorcall_NOARGS", "func", Kind::BuiltinFunction),
    ("cfunction_vectorcall_O", "func", Kind::BuiltinFunction),
    ("cfunction_vectorcall_FASTCALL", "func", Kind::BuiltinFunction),
    ("cfunction_vectorcall_FASTCALL_KEYWORDS", "func", Kind::BuiltinFunction),
    ("cfunction_vectorcall_FASTCALL_KEYWORDS_METHOD", "func", Kind::BuiltinFunction),
];

/// What a C frame stands for among Python frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It calls the object that this variable of it holds.
    Calls(&'static str),
    /// The thread waits for the GIL.
    WaitsForGil,
    /// The thread collects garbage.
    Collects,
}

/// A native frame with what we know of its code.
#[derive(Clone, Debug)]
pub struct Native {
    /// The debugger's number for it; `None` where it was not asked.
    pub level: Option<u32>,
    /// Name of its function.
    pub name: Option<String>,
    /// The object that it calls, where we have found that out ourselves.
    pub callable: Option<Addr>,
    sp: Addr,
    cfa: Option<Addr>,
    inlined: bool,
    place: CodePlace,
}

impl Native {
    /// The debugger's frames, named from symbol tables: where a function is stripped, debuggers give the name of
    /// whatever comes before it.
    #[must_use]
    pub fn told(view: &View<'_>, mut frames: Vec<FrameAnswer>) -> Vec<Native> {
        // lldb may leave out the function around inlined ones. The outermost of those frames that share a stack pointer then
        // stands for it. (A function at level 0 may use no stack.)
        let outer: Vec<Option<u64>> = frames.iter().skip(1).map(|f| Some(f.sp)).chain([None]).collect();
        for (frame, outer) in frames.iter_mut().zip(outer) {
            let same = Some(frame.sp) == outer;
            frame.inlined = if frame.level == 0 { frame.inlined && same } else { same };
        }
        // The caller's stack pointer after the call is where a frame's part of the stack ends.
        let outer = |at: usize| frames.get(at.saturating_add(1)..)?.iter().find(|f| !f.inlined);
        let ends: Vec<Option<Addr>> = frames.iter().enumerate().map(|(at, _)| Some(Addr(outer(at)?.sp))).collect();
        let places = Places::new(view);
        frames.into_iter().zip(ends).map(|(frame, end)| Native::one(&places, frame, end)).collect()
    }

    fn one(places: &Places<'_>, frame: FrameAnswer, end: Option<Addr>) -> Native {
        let (images, target) = (places.inspection.images(), places.inspection.target());
        // A return address may be the first of the next function.
        let code = Addr(if frame.level == 0 { frame.pc } else { frame.pc.saturating_sub(1) });
        let name = match frame.inlined {
            true => frame.name,
            false => match images.symbol_at(target, code) {
                Some(symbol) => Some(symbol.name),
                // Without a file of the module the debugger may know more than we do.
                None if images.at(code).is_none_or(|i| i.path().is_none()) => frame.name,
                None => None,
            },
        };
        Native {
            level: Some(frame.level),
            name,
            callable: None,
            sp: Addr(frame.sp),
            cfa: end.filter(|_| !frame.inlined),
            inlined: frame.inlined,
            place: places.of(code),
        }
    }

    /// The frames of a thread by our own unwinder. `None` where that gives up or guesses, or where a C function is
    /// called and it does not tell which: the debugger may know.
    #[must_use]
    pub fn unwound(view: &View<'_>, tid: u64) -> Option<Vec<Native>> {
        let (images, target) = (view.inspection.images(), view.inspection.target());
        let registers = target.thread(tid)?.registers.as_ref();
        let stack = Unwinder::new(target, &ModuleTables::new(target)).unwind(registers);
        let sure = |f: &UnwoundFrame| matches!(f.trust, Trust::Context | Trust::Cfi | Trust::Signal);
        if stack.end != StackEnd::Complete || !stack.frames.iter().all(sure) {
            return None;
        }
        let symbols: Vec<Option<(String, Range<Addr>)>> = stack
            .frames
            .iter()
            .map(|f| {
                let symbol = images.symbol_at(target, f.lookup())?;
                let start = Addr(f.lookup().0.saturating_sub(symbol.offset));
                Some((symbol.name, start..start.wrapping_add(symbol.size)))
            })
            .collect();
        let places = Places::new(view);
        let mut out = Vec::with_capacity(stack.frames.len());
        for (at, frame) in stack.frames.iter().enumerate() {
            let outer = at.saturating_add(1);
            let symbol = symbols.get(at).and_then(Option::as_ref);
            let mut native = Native {
                level: None,
                name: symbol.map(|(name, _)| name.clone()),
                callable: None,
                sp: frame.sp,
                cfa: frame.cfa,
                inlined: false,
                place: places.of(frame.lookup()),
            };
            if let (Some(Meaning::Calls(_)), Some((_, function))) = (native.meaning(), symbol) {
                let caller = stack.frames.get(outer).zip(symbols.get(outer)?.as_ref()).map(|(f, (_, s))| (f, s.start));
                let found = Arguments::new(&target.memory, target.abi).get(frame, function, caller, 0).map(Addr)?;
                native.callable = Some(found).filter(|at| native.can_call(view, *at));
                native.callable?;
            }
            out.push(native);
        }
        Some(out)
    }

    /// What the frame stands for, if anything.
    #[must_use]
    pub fn meaning(&self) -> Option<Meaning> {
        match self.function()? {
            // Python/ceval_gil.c (before 3.9 ceval_gil.h)
            "take_gil" => Some(Meaning::WaitsForGil),
            // Modules/gcmodule.c, from 3.13 on Python/gc.c and Python/gc_free_threading.c
            "collect" | "gc_collect_main" => Some(Meaning::Collects),
            name => CALLERS.iter().find(|(n, ..)| *n == name).map(|(_, argument, _)| Meaning::Calls(argument)),
        }
    }

    /// Name of its function, when that is one of the interpreter's.
    fn function(&self) -> Option<&str> {
        self.name.as_deref().map(base_name).filter(|_| self.place == CodePlace::Interpreter)
    }

    /// Whether the object is one that this frame's function calls.
    fn can_call(&self, view: &View<'_>, object: Addr) -> bool {
        let kind = CALLERS.iter().find(|(n, ..)| Some(*n) == self.function()).map(|(.., kind)| *kind);
        view.heap.type_of(object).is_ok_and(|t| Some(t.kind) == kind)
    }

    /// Whether it has this part of the stack.
    #[must_use]
    pub fn is_at(&self, sp: Addr, cfa: Option<Addr>) -> bool {
        !self.inlined && self.sp == sp && self.cfa.is_none_or(|own| Some(own) == cfa)
    }

    /// What the merge is to know of it.
    #[must_use]
    pub fn for_merge(&self) -> NativeFrame {
        let role = if self.inlined { NativeRole::Other } else { role(self.name.as_deref(), self.place) };
        NativeFrame { sp: self.sp, cfa: self.cfa, role, doubtful: false }
    }
}

/// Where code of a process lies.
struct Places<'a> {
    inspection: &'a Inspection,
    interpreter: Interpreter,
}

impl<'a> Places<'a> {
    fn new(view: &View<'a>) -> Self {
        let interpreter = Interpreter::new(view.inspection.target(), view.located().module);
        Places { inspection: view.inspection, interpreter }
    }

    fn of(&self, code: Addr) -> CodePlace {
        self.interpreter.place_in(self.inspection.target().modules.iter().position(|m| m.contains(code)))
    }
}
