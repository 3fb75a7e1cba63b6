//! Greenlets of a process: which thread each belongs to, and where it is suspended.

use super::{PythonState, TaskOptions, values};
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::cpython::Context;
use crate::cpython::frame::PyFrame;
use crate::cpython::object::{Heap, ReprLimits, repr};
use crate::debuggee::{SourceKind, Target};
use crate::heap::tracked;
use crate::model::tasks::Greenlet;
use crate::tasks::{self, Stacks};
use std::collections::HashMap;

/// The greenlets among what the collector tracks, for answers that do without all objects of the heap.
pub(super) fn tracked_ones(
    target: &Target,
    state: PythonState<'_>,
    stacks: &mut Stacks,
    options: &TaskOptions,
) -> Vec<Greenlet> {
    let first = state.heaps().next();
    let class = first.as_ref().and_then(|(main, heap)| tasks::type_greenlet(heap, main.addr));
    let (Some((main, heap)), Some(class)) = (first, class) else { return Vec::new() };
    // Debuggers read memory slowly.
    if target.source == SourceKind::Debugger {
        return Vec::new();
    }
    let all = state.greenlets().get_or_init(|| {
        let is = |at: Addr| heap.type_info(at).is_some_and(|info| heap.mro(&info).contains(&class));
        // Most of what is read on the way is not needed again: a slim dump and a copy of a running process do without.
        let ctx = Context { memory: &*target.memory, ..heap.ctx };
        let found = tracked(&ctx, state.located.runtime, main.addr, &target.limits.deadline, is);
        if let Some(why) = found.broken {
            let text = format!("greenlets may be missing, as the collector's lists cannot be followed: {why}");
            target.diagnostics.push(Diagnostic::warning(DiagnosticCode::TasksUnreadable, text));
        }
        found.objects
    });
    let most = all.get(..options.limit).unwrap_or(all);
    if most.len() < all.len() {
        let text = format!("only the first {} greenlets were read", most.len());
        target.diagnostics.push(Diagnostic::warning(DiagnosticCode::TasksCut, text));
    }
    read(target, state, &heap, (class, most), stacks, options)
}

/// Reads greenlets at addresses; `class` is that of all of them.
pub(super) fn read(
    target: &Target,
    state: PythonState<'_>,
    heap: &Heap<'_>,
    (class, all): (Addr, &[Addr]),
    stacks: &mut Stacks,
    options: &TaskOptions,
) -> Vec<Greenlet> {
    let Some(class) = heap.type_info(class) else { return Vec::new() };
    let found = tasks::greenlets(heap, state.codes, all, class.basicsize.unsigned_abs(), &target.diagnostics);
    shown(target, heap, found, stacks, options)
}

fn shown(
    target: &Target,
    heap: &Heap<'_>,
    found: Vec<tasks::Greenlet>,
    stacks: &mut Stacks,
    options: &TaskOptions,
) -> Vec<Greenlet> {
    // The mapping that a thread's stack is in, by where it starts.
    let stack_of = |at: Addr| target.memory.segment_at(at).map(|segment| segment.start);
    let threads = target.threads.iter().filter_map(|t| Some((stack_of(t.registers.as_ref()?.sp()?)?, t.tid)));
    let threads: HashMap<Addr, u64> = threads.collect();
    // Its outer end is the first address that is no part of it.
    let own = |one: &tasks::Greenlet| threads.get(&stack_of(Addr(one.c_stack?.1.0.wrapping_sub(1)))?).copied();
    // Those of one thread have the same that it began with.
    let mains: HashMap<Addr, u64> = found.iter().filter_map(|one| Some((one.main?, own(one)?))).collect();
    let limits = &options.options.limits;
    let one = |one: tasks::Greenlet| {
        let hub = one.frames.iter().any(is_hub_frame) || is_hub(heap, one.addr);
        let locals = |frame| values::locals(heap, frame, &options.options, &mut Vec::new()).unwrap_or_default();
        let shown = if options.options.locals { limits.frames_with_locals } else { 0 };
        Greenlet {
            addr: one.addr,
            type_name: tasks::full_name(heap, one.addr),
            state: one.state,
            is_main: one.is_main,
            is_hub: hub,
            thread: own(&one).or_else(|| mains.get(&one.main?).copied()),
            parent: one.parent,
            run: one.run.map(|at| repr(heap, at, &ReprLimits { characters: 200, ..limits.repr }).text),
            stack: stacks.of_frames(0, &one.frames),
            locals: one.frames.iter().take(shown).map(locals).collect(),
            problem: one.end.map(|why| why.to_string()),
        }
    };
    found.into_iter().map(one).collect()
}

/// `gevent.hub.Hub`, or a class derived from it.
fn is_hub(heap: &Heap<'_>, at: Addr) -> bool {
    let Ok(info) = heap.type_of(at) else { return false };
    let is = |at: &Addr| heap.type_info(*at).is_some_and(|class| heap.full_name(&class) == "gevent.hub.Hub");
    heap.mro(&info).iter().any(is)
}

/// eventlet's hub is a plain greenlet that runs `BaseHub.run`.
fn is_hub_frame(frame: &PyFrame) -> bool {
    let Ok(code) = &frame.code else { return false };
    let file = code.filename.as_ref().map(|path| path.to_string().replace('\\', "/")).unwrap_or_default();
    file.ends_with("/eventlet/hubs/hub.py") && code.name.as_ref().is_ok_and(|name| *name == "run")
}
