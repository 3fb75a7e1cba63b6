//! Greenlets (the package `greenlet`, 1.x to 3.x): each with state, parent, thread and frames.
//!
//! A greenlet that was switched away from keeps its frames, and of its part of the C stack what others have overwritten is
//! in a copy on the heap (`stack_copy`, src/greenlet/TStackState.cpp). Frames that are linked by way of the C stack (shims of
//! evaluation loops, 3.12+) are read through that copy.
//!
//! greenlet states no version of its structures. What is read is fixed by order: 1.x has everything in `PyGreenlet`
//! (src/greenlet/greenlet.h); from 2.0 on that has `pimpl`, a C++ object (src/greenlet/TGreenlet.hpp) that begins with its virtual
//! table, from 3.1 on `_self`, then `exception_state`, `switch_args`, `stack_state` and `python_state`. What comes after is of a
//! size that changes with both versions: the parent, and a thread's state, are found by what they must be in all greenlets.

use crate::base::{Addr, Diagnostic, DiagnosticCode, Diagnostics};
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{PyFrame, Stack, StackEnd, place_of_object, walk_from};
use crate::cpython::layout::FrameLink;
use crate::cpython::object::{Heap, Kind, dict_get_str};
use crate::cpython::{Context, DecodeError};
use crate::debuggee::{Memory, ReadError};
use crate::field;
use crate::model::GreenletState;
use foldhash::{HashMap, HashSet};

/// `tp_basicsize` of 2.0 and later in words: head, list of weak references, `__dict__`, `pimpl`.
const CPP_WORDS: u64 = 5;
/// Where 1.x has its fields, in words after the head.
const START_1: u64 = 0;
const PARENT_1: u64 = 5;
const RUN_1: u64 = 6;
const TOP_FRAME_1: u64 = 7;
/// Where 2.0 and later has `_top_frame`, in words after `_stack_start`: stop, copy, saved, previous, context.
const TOP_FRAME: u64 = 6;
/// Words after `_top_frame` in which the parent may be (`python_state` has 4 to 14).
const SEARCHED: std::ops::Range<u64> = 2..20;
/// Where `_parent` is when `_prev_frame` is there as well (CPython 3.12 with greenlet 3.0.0 and 3.0.1), and where that is, in
/// words after `_top_frame`.
const PARENT_WITH_LINK: u64 = 12;
const KEPT_LINK: u64 = 8;
/// `stack_stop` of the greenlet that a thread begins with.
const WHOLE_STACK: u64 = u64::MAX;
/// Most frames of one greenlet.
const MAX_FRAMES: u64 = 100_000;

/// The class of greenlets; `None` where the program does not use them.
#[must_use]
pub fn type_greenlet(heap: &Heap<'_>, interpreter: Addr) -> Option<Addr> {
    let module = super::reader::module(heap, interpreter, "greenlet").ok()??;
    let ctx = &heap.ctx;
    let found = dict_get_str(ctx, ctx.ptr(field!(ctx, module.dict), module).ok()?, "greenlet").ok()??;
    (heap.type_of(found).ok()?.kind == Kind::Type).then_some(found)
}

/// One greenlet.
#[derive(Clone, Debug)]
pub struct Greenlet {
    /// Its address.
    pub addr: Addr,
    /// State.
    pub state: GreenletState,
    /// Whether a thread began with it.
    pub is_main: bool,
    /// The one that a thread began with, of its thread.
    pub main: Option<Addr>,
    /// The one that runs when it ends.
    pub parent: Option<Addr>,
    /// What it is to run, until it has begun.
    pub run: Option<Addr>,
    /// Where its part of the C stack is, innermost address first.
    pub c_stack: Option<(Addr, Addr)>,
    /// Its frames, innermost first, while it is suspended.
    pub frames: Vec<PyFrame>,
    /// Why there are no more.
    pub end: Option<StackEnd>,
}

/// What of a greenlet is read first.
struct Raw {
    addr: Addr,
    /// `_stack_start`, `stack_stop`, `stack_copy`, `_stack_saved`.
    stack: [u64; 4],
    top_frame: Addr,
    /// Where `_top_frame` is.
    at: Addr,
}

/// Whether objects of a type that `greenlet.greenlet` is are made as 1.x does.
fn is_old(ctx: &Context<'_>, basicsize: u64) -> bool {
    basicsize > CPP_WORDS.saturating_mul(u64::from(ctx.abi.pointer_size()))
}

/// Reads the greenlets at `all`; `basicsize` is that of the type `greenlet.greenlet`.
#[must_use]
pub fn greenlets(
    heap: &Heap<'_>,
    codes: &CodeCache,
    all: &[Addr],
    basicsize: u64,
    diagnostics: &Diagnostics,
) -> Vec<Greenlet> {
    let ctx = &heap.ctx;
    let old = is_old(ctx, basicsize);
    let mut raw = Vec::with_capacity(all.len());
    let mut unreadable = 0usize;
    for at in all {
        match read(ctx, *at, old) {
            Ok(one) => raw.push(one),
            Err(_) => unreadable = unreadable.saturating_add(1),
        }
    }
    if unreadable > 0 {
        let text = format!("{unreadable} greenlets cannot be read");
        diagnostics.push(Diagnostic::warning(DiagnosticCode::TasksUnreadable, text));
    }
    let family = Family::new(ctx, &raw, old);
    if !old && family.parent.is_none() && raw.iter().any(|one| !one.is_main()) {
        let text = "this version of greenlet keeps the parents of greenlets where they are not known";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::TasksUnreadable, text));
    }
    raw.iter().map(|one| greenlet(heap, codes, one, &family)).collect()
}

fn read(ctx: &Context<'_>, at: Addr, old: bool) -> Result<Raw, DecodeError> {
    let width = u64::from(ctx.abi.pointer_size());
    let words = |n: u64| n.saturating_mul(width);
    let head = ctx.addr(field!(ctx, object.size), at)?;
    let (start, top) = match old {
        true => (head.wrapping_add(words(START_1)), head.wrapping_add(words(TOP_FRAME_1))),
        false => {
            let pimpl = ctx.ptr_at("greenlet.pimpl", head.wrapping_add(words(2)))?;
            // `_self` of 3.1 and later; before, that is a pointer to an exception's place.
            let own = ctx.ptr_at("greenlet._self", pimpl.wrapping_add(width))? == at;
            // Type, value, traceback and link until 3.10, then value and link; two more for the arguments of a switch.
            let exception = if ctx.layouts.exc_stack.exc_type.is_some() { 4 } else { 2 };
            let start = pimpl.wrapping_add(words(2 + u64::from(own) + exception + 2));
            (start, start.wrapping_add(words(TOP_FRAME)))
        }
    };
    let mut stack = [0u64; 4];
    let mut at_word = start;
    for word in &mut stack {
        *word = ctx.ptr_at("greenlet.stack_state", at_word)?.0;
        at_word = at_word.wrapping_add(width);
    }
    Ok(Raw { addr: at, stack, top_frame: ctx.ptr_at("greenlet._top_frame", top)?, at: top })
}

impl Raw {
    fn is_main(&self) -> bool {
        self.stack[1] == WHOLE_STACK
    }

    fn is_active(&self) -> bool {
        self.stack[0] != 0
    }

    fn is_started(&self) -> bool {
        self.stack[1] != 0
    }
}

/// What is known of all greenlets together.
struct Family {
    old: bool,
    /// Where the parent is, in words after `_top_frame`; the one that the thread began with is two words before.
    parent: Option<u64>,
    mains: HashMap<Addr, Option<Addr>>,
}

impl Family {
    fn new(ctx: &Context<'_>, all: &[Raw], old: bool) -> Family {
        let known: HashSet<Addr> = all.iter().map(|one| one.addr).collect();
        let mains: HashSet<Addr> = all.iter().filter(|one| one.is_main()).map(|one| one.addr).collect();
        let parent = if old { None } else { parent_place(ctx, all, &known, &mains) };
        let current = |one: &Raw| if old { None } else { current(ctx, one, &known) };
        let mains = all.iter().filter(|one| one.is_main()).map(|one| (one.addr, current(one))).collect();
        Family { old, parent, mains }
    }
}

fn word(ctx: &Context<'_>, at: Addr, index: u64) -> Option<Addr> {
    ctx.ptr_at("greenlet", at.wrapping_add(index.saturating_mul(u64::from(ctx.abi.pointer_size())))).ok()
}

/// `UserGreenlet` ends with `_main_greenlet`, `_run_callable`, `_parent`: the one place where this holds for all of them.
fn parent_place(ctx: &Context<'_>, all: &[Raw], known: &HashSet<Addr>, mains: &HashSet<Addr>) -> Option<u64> {
    let holds = |one: &Raw, place: u64| -> Option<bool> {
        let main = word(ctx, one.at, place.checked_sub(2)?)?;
        let parent = word(ctx, one.at, place)?;
        let fits = |at: Addr, set: &HashSet<Addr>| at.is_null() || set.contains(&at);
        if !fits(main, mains) || !fits(parent, known) || (one.is_active() && (main.is_null() || parent.is_null())) {
            return None;
        }
        Some(!parent.is_null())
    };
    let users: Vec<&Raw> = all.iter().filter(|one| !one.is_main()).collect();
    let mut found = SEARCHED.filter(|place| {
        let each: Option<Vec<bool>> = users.iter().map(|one| holds(one, *place)).collect();
        each.is_some_and(|each| each.contains(&true))
    });
    found.next().filter(|_| found.next().is_none())
}

/// The greenlet that the thread runs: `_thread_state` of the one that it began with leads to `main_greenlet`,
/// `current_greenlet` (src/greenlet/TThreadState.hpp).
fn current(ctx: &Context<'_>, main: &Raw, known: &HashSet<Addr>) -> Option<Addr> {
    SEARCHED.filter_map(|index| word(ctx, main.at, index).filter(|at| !at.is_null())).find_map(|state| {
        let current = word(ctx, state, 1)?;
        (word(ctx, state, 0)? == main.addr && known.contains(&current)).then_some(current)
    })
}

fn greenlet(heap: &Heap<'_>, codes: &CodeCache, one: &Raw, family: &Family) -> Greenlet {
    let ctx = &heap.ctx;
    let set = |at: Option<Addr>| at.filter(|at| !at.is_null() && heap.type_of(*at).is_ok());
    let head = ctx.addr(field!(ctx, object.size), one.addr).unwrap_or(one.addr);
    let (main, parent, run) = match (family.old, family.parent) {
        (true, _) => (None, word(ctx, head, PARENT_1), word(ctx, head, RUN_1)),
        (_, Some(place)) if !one.is_main() => {
            let at = |before: u64| word(ctx, one.at, place.saturating_sub(before));
            (at(2), at(0), at(1))
        }
        _ => (None, None, None),
    };
    let is_main = one.is_main();
    let main = if is_main { Some(one.addr) } else { set(main) };
    let runs = match main.and_then(|main| family.mains.get(&main).copied().flatten()) {
        Some(current) => current == one.addr,
        // 1.x, and where the state of the thread is gone: the frames of the one that runs are its thread's.
        None => one.top_frame.is_null(),
    };
    let state = match () {
        () if !one.is_started() => GreenletState::NotStarted,
        () if !one.is_active() => GreenletState::Finished,
        () if runs => GreenletState::Running,
        () => GreenletState::Suspended,
    };
    let mut out = Greenlet {
        addr: one.addr,
        state,
        is_main,
        main,
        parent: if is_main { None } else { set(parent) },
        run: set(run).filter(|_| state == GreenletState::NotStarted),
        c_stack: (one.is_active() && !is_main).then_some((Addr(one.stack[0]), Addr(one.stack[1]))),
        frames: Vec::new(),
        end: None,
    };
    if state == GreenletState::Suspended && !one.top_frame.is_null() {
        let [start, _, copy, saved] = one.stack;
        let memory = Restored { memory: ctx.memory, start, copy, saved };
        let stack = stack(&Context { memory: &memory, ..*ctx }, codes, one, family);
        (out.frames, out.end) = (stack.frames, stack.end);
    }
    out
}

/// The frames of a suspended greenlet.
fn stack(ctx: &Context<'_>, codes: &CodeCache, one: &Raw, family: &Family) -> Stack {
    let first = match place_of_object(ctx, one.top_frame) {
        Ok(first) => first,
        Err(e) => return Stack { end: Some(e.into()), ..Stack::default() },
    };
    let mut stack = walk_from(ctx, codes, first, MAX_FRAMES);
    // 3.0.0 and 3.0.1 cut the link and keep it, so that nobody follows it to where it does not lead now.
    let kept =
        (family.parent == Some(PARENT_WITH_LINK) && is_3_12(ctx)).then(|| word(ctx, one.at, KEPT_LINK)).flatten();
    if let Some(kept) = kept.filter(|at| !at.is_null() && stack.end.is_none()) {
        let rest = walk_from(ctx, codes, kept, MAX_FRAMES);
        stack.frames.extend(rest.frames);
        stack.end = rest.end;
    }
    stack
}

/// Whether frames are linked by way of shims, and a thread keeps its frame in a `_PyCFrame`: one version of CPython, and
/// the only one for which greenlet kept a link apart.
fn is_3_12(ctx: &Context<'_>) -> bool {
    ctx.dialect.frame_link == FrameLink::ViaCFrame && !ctx.layouts.frame.is_entry.is_some()
}

/// Memory as it is when a greenlet runs: what was saved of its C stack stands where it was.
struct Restored<'a> {
    memory: &'a dyn Memory,
    start: u64,
    copy: u64,
    saved: u64,
}

impl Memory for Restored<'_> {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        let len = buf.len() as u64;
        let end = self.start.saturating_add(self.saved);
        let last = addr.0.saturating_add(len);
        if last <= self.start || addr.0 >= end {
            return self.memory.read(addr, buf);
        }
        // Before, in and after what was saved.
        let before = self.start.saturating_sub(addr.0).min(len);
        let inside = end.min(last).saturating_sub(addr.0.max(self.start));
        let (first, rest) = buf.split_at_mut(usize::try_from(before).unwrap_or(usize::MAX).min(buf.len()));
        let (second, third) = rest.split_at_mut(usize::try_from(inside).unwrap_or(usize::MAX).min(rest.len()));
        if !first.is_empty() {
            self.memory.read(addr, first)?;
        }
        let skipped = addr.0.saturating_sub(self.start);
        self.memory.read(Addr(self.copy.wrapping_add(skipped)), second)?;
        if !third.is_empty() {
            self.memory.read(Addr(end), third)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debuggee::synth_memory::SynthMemory;

    #[test]
    fn what_was_saved_is_read_from_its_copy() {
        let mut memory = SynthMemory::new();
        memory.put(0x1000u64, &[1; 16]);
        memory.put(0x9000u64, &[2; 8]);
        let restored = Restored { memory: &memory, start: 0x1004, copy: 0x9000, saved: 8 };
        let mut buf = [0; 16];
        restored.read(Addr(0x1000), &mut buf).unwrap();
        assert_eq!(buf, [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1]);
        let mut buf = [0; 4];
        restored.read(Addr(0x1002), &mut buf).unwrap();
        assert_eq!(buf, [1, 1, 2, 2]);
        restored.read(Addr(0x100a), &mut buf).unwrap();
        assert_eq!(buf, [2, 2, 1, 1]);
        assert!(restored.read(Addr(0x100e), &mut buf).is_err());
    }
}
