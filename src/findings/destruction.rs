//! Crashes inside the garbage collector, a deallocator or a finalizer: whose object was it?

use super::blame::native_place;
use super::facts::{Scene, SceneFrame};
use super::finding;
use super::hooks;
use super::memory_access::{Access, signals};
use super::segv::signal_evidence;
use crate::arch::AccessKind;
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::model::{Confidence, Finding, FindingId, Frame, FrameKind, RuntimeState};
use crate::stack::hidden_frames::CodePlace;

/// Functions of the collector itself (Modules/gcmodule.c, Python/gc.c, Python/gc_free_threading.c).
const COLLECTOR: &[&str] = &[
    "PyGC_Collect",
    "_PyGC_Collect",
    "_PyGC_CollectNoFail",
    "_Py_RunGC",
    "clear_unreachable",
    "collect",
    "collect_generations",
    "collect_main",
    "collect_with_callback",
    "deduce_unreachable",
    "deduce_unreachable_heap",
    "delete_garbage",
    "expand_region_transitively_reachable",
    "finalize_garbage",
    "gc_collect",
    "gc_collect_full",
    "gc_collect_generations",
    "gc_collect_impl",
    "gc_collect_increment",
    "gc_collect_internal",
    "gc_collect_main",
    "gc_collect_region",
    "gc_collect_with_callback",
    "gc_collect_young",
    "gc_visit_heaps",
    "handle_legacy_finalizers",
    "handle_resurrected_objects",
    "handle_weakrefs",
    "mark_heap_visitor",
    "mark_reachable",
    "move_legacy_finalizer_reachable",
    "move_unreachable",
    "scan_heap_visitor",
    "subtract_refs",
    "update_refs",
    "untrack_tuples",
];
/// What traverse functions call back (the same files).
const VISITORS: &[&str] = &[
    "gc_refs_add",
    "mark_reachable_visitproc",
    "referrersvisit",
    "validate_gc_objects",
    "validate_refcounts",
    "visit_add_to_container",
    "visit_clear_unreachable",
    "visit_decref",
    "visit_decref_unreachable",
    "visit_move",
    "visit_reachable",
];
/// Functions that end an object's life (Objects/object.c, Objects/typeobject.c).
const DEALLOCATION: &[&str] =
    &["_Py_Dealloc", "_Py_MergeZeroLocalRefcount", "_PyTrash_thread_destroy_chain", "subtype_dealloc"];
const FINALIZATION: &[&str] = &["PyObject_CallFinalizer", "PyObject_CallFinalizerFromDealloc", "slot_tp_finalize"];

/// A crash of the garbage collector: the damaged object is a member of the one that is visited.
pub(super) fn collector(scene: &Scene<'_>) -> Option<Finding> {
    let frames: Vec<SceneFrame<'_>> = native_until_python(scene);
    let runs_one =
        |f: &SceneFrame<'_>, list: &[&str]| f.place == CodePlace::Interpreter && list.iter().any(|name| f.runs(name));
    let by_name = frames.iter().position(|f| runs_one(f, COLLECTOR));
    let told = is_collecting(scene);
    if by_name.is_none() && told && runs_python_inside(scene) {
        return None;
    }
    // The assertions of debug builds check members too; any other abort is somebody's own.
    let checked = frames.iter().take(16).any(|f| f.runs("_PyObject_AssertFailed"));
    let sent = scene.fault.signal.sender_pid.is_some() || scene.signal() == signals::SIGABRT;
    if by_name.is_none() && !told || sent && !(checked && by_name.is_some()) {
        return None;
    }
    let mut evidence = signal_evidence(scene);
    if told {
        evidence.push("the interpreter is marked as collecting garbage".to_owned());
    }
    // What the instruction did is no news where a check ended the process.
    let access = if sent { &Access::default() } else { scene.access() };
    evidence.extend(access.evidence());
    let foreign = scene.blame().owner;
    let bad = match access.operand.as_ref().and_then(|o| o.base.as_ref()) {
        None if sent => checked_member(scene, &frames),
        base => base.map(|b| b.value),
    };
    evidence.extend(bad.filter(|_| sent).map(|b| format!("the member {b:#x} failed a check")));
    let (hook, object) = visited(scene, &frames, by_name, bad);
    let type_name = object.and_then(|o| type_name(scene, o));
    let slot = hook.and_then(|f| hooks::of(scene, &f));
    evidence.extend(slot.map(|h| format!("the function that the collector called is {}", h.describe())));
    let whose = match (&type_name, object) {
        (Some(name), Some(object)) => {
            evidence.push(format!("the object is a {name} at {object}"));
            format!(" of a {name} object")
        }
        _ => String::new(),
    };
    let function = foreign.map(native_place).or_else(|| hook.and_then(|f| f.code.display_name()));
    let what = access.kind.map_or("access", AccessKind::word);
    let at = access.addr.map_or(String::new(), |a| format!(", {what} of {a}"));
    let title = match function {
        Some(function) => format!("crash inside garbage collection: {function}{whose}{at}"),
        None if type_name.is_some() => format!("crash inside garbage collection, in the members{whose}{at}"),
        None => format!("crash inside garbage collection{whose}{at}"),
    };
    let finalizes = hook.is_some_and(|f| FINALIZATION.iter().any(|name| f.runs(name)));
    let (advice, confidence) = match foreign.is_some() || type_name.is_some() {
        true if finalizes => ("what the object's finalizer called has failed", Confidence::High),
        true => (
            "tp_traverse or tp_clear met a pointer that is no object: initialise members before tracking",
            Confidence::High,
        ),
        false => (
            "an object was damaged before: a wrong reference count, an overrun buffer, or a missing Py_VISIT",
            Confidence::Medium,
        ),
    };
    Some(Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::CrashInGc, title, confidence, evidence, scene.tid)
    })
}

/// Whether the thread's interpreter says that it collects garbage.
fn is_collecting(scene: &Scene<'_>) -> bool {
    scene.thread.and_then(|t| t.python.as_ref()).is_some_and(|p| p.collecting == Some(true))
}

/// Whether the collector runs Python code, a finalizer or a weak reference's callback, in which it crashed: then it is not the
/// collector that met a damaged object. Told by a function of the collector outside of that code, or, where these have no
/// names, by the finalizer's.
fn runs_python_inside(scene: &Scene<'_>) -> bool {
    const LIMIT: usize = 1000;
    let collects = |f: SceneFrame<'_>| f.place == CodePlace::Interpreter && COLLECTOR.iter().any(|name| f.runs(name));
    python_frames(scene).any(is_finalizer) || scene.frames(LIMIT).any(collects)
}

fn python_frames<'a>(scene: &Scene<'a>) -> impl Iterator<Item = &'a Frame> {
    let frames: &[Frame] = scene.thread.map_or(&[], |t| &t.frames);
    frames.iter().filter(|f| f.kind == FrameKind::Python)
}

fn is_finalizer(frame: &Frame) -> bool {
    frame.function.as_ref().is_some_and(|name| *name == "__del__")
}

/// What has to be known of Python code that runs while objects go away, for a fault of what it called.
pub(super) fn circumstances(scene: &Scene<'_>) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(del) = python_frames(scene).find(|frame| is_finalizer(frame)) {
        let by = if is_collecting(scene) { ", which the garbage collector called" } else { "" };
        out.push(format!("it happened in a finalizer, {}{by}", super::blame::python_place(del)));
    }
    let runtime = scene.facts.analysis.python.as_ref();
    let ends = runtime.is_some_and(|python| python.state == Some(RuntimeState::Finalizing));
    out.extend(ends.then(|| "the interpreter was being shut down: modules and their state may be gone".to_owned()));
    out
}

/// The function that the collector called for an object, and the object. Compilers turn the last call of a traverse
/// function into a jump, so there may be no frame of it: then the visitor's second argument (`visit_decref(op,
/// parent)`) or a register of the collector's own frame still holds the object.
fn visited<'a>(
    scene: &Scene<'a>,
    frames: &[SceneFrame<'a>],
    collector: Option<usize>,
    bad: Option<u64>,
) -> (Option<SceneFrame<'a>>, Option<Addr>) {
    let Some(at) = collector else { return (None, None) };
    let is_visitor = |f: &&SceneFrame<'_>| VISITORS.iter().any(|name| f.runs(name));
    let inner = frames.get(..at).unwrap_or_default();
    let hook = inner.last().filter(|f| !is_visitor(f)).copied();
    let is_object = |addr: &Addr| type_name(scene, *addr).is_some();
    // Only what holds the very pointer that was no object may be named. NULL is in nearly every object.
    let bad = bad.filter(|bad| *bad != 0);
    let guilty = |addr: &Addr| is_object(addr) && bad.is_some_and(|bad| has_word(scene, *addr, bad));
    let of_hook = hook.and_then(|f| scene.argument(&f, 0)).map(Addr).filter(is_object);
    let of_visitor = || {
        let visitor = inner.iter().find(is_visitor)?;
        scene.argument(visitor, 1).map(Addr).filter(guilty)
    };
    let of_collector = || {
        let near = frames.iter().take(at.saturating_add(3));
        let regs = near.filter_map(|f| f.frame.registers.as_deref());
        let values = regs.flat_map(|r| r.callee_saved());
        // A pointer to the object, or to the two words of the collector before it.
        values.flat_map(|v| [Addr(v), Addr(v).wrapping_add(16)]).find(guilty)
    };
    (hook, of_hook.or_else(of_visitor).or_else(of_collector))
}

/// The member that the checks of a debug build refused: a visitor's first argument.
fn checked_member(scene: &Scene<'_>, frames: &[SceneFrame<'_>]) -> Option<u64> {
    let visitor = frames.iter().find(|f| VISITORS.iter().any(|name| f.runs(name)))?;
    scene.argument(visitor, 0)
}

/// Whether one of the object's own words is `word`.
fn has_word(scene: &Scene<'_>, object: Addr, word: u64) -> bool {
    const MAX_SIZE: u64 = 1 << 12;
    let Some(heap) = scene.facts.heap else { return false };
    let size = heap.type_of(object).map_or(0, |t| u64::try_from(t.basicsize).unwrap_or(0)).min(MAX_SIZE);
    let Ok(bytes) = heap.ctx.memory.read_vec(object, size) else { return false };
    bytes.chunks_exact(8).any(|b| heap.ctx.abi.uint(b) == word)
}

/// A crash in a finalizer or deallocator.
pub(super) fn finalizer(scene: &Scene<'_>) -> Option<Finding> {
    if scene.fault.signal.sender_pid.is_some() || scene.signal() == signals::SIGABRT {
        return None;
    }
    let frames = native_until_python(scene);
    let named = |list: &[&str]| {
        frames.iter().position(|f| f.place == CodePlace::Interpreter && list.iter().any(|name| f.runs(name)))
    };
    let blame = scene.blame();
    let del = blame.python.filter(|frame| is_finalizer(frame));
    // `_Py_Dealloc` jumps to the deallocator in optimised builds: then only its name tells.
    let by_name = |f: &SceneFrame<'_>| f.name().is_some_and(|n| n.ends_with("dealloc") || n.ends_with("finalize"));
    let ending = named(DEALLOCATION).or_else(|| named(FINALIZATION));
    let ending = ending.or_else(|| frames.iter().position(by_name).map(|at| at.saturating_add(1)));
    let slot = match ending {
        Some(_) => None,
        None => deallocator(scene, &frames),
    };
    let ending = ending.or(slot.as_ref().map(|(at, _)| at.saturating_add(1)));
    if del.is_some() && ending.is_none() && blame.owner.is_none() {
        // The finalizer's own code called what failed, as any other might.
        return None;
    }
    let what = match (del, ending) {
        (Some(del), _) => format!("in __del__ ({})", super::blame::python_place(del)),
        (None, Some(at)) => {
            // The deallocator is what `_Py_Dealloc` called; without any function inside of it, it is itself at fault.
            let hook = at.checked_sub(1).and_then(|i| frames.get(i))?;
            let owner = blame.owner.map(native_place).or_else(|| hook.code.display_name())?;
            let object = slot.as_ref().map(|(_, h)| h.object).or_else(|| scene.argument(hook, 0).map(Addr));
            let whose = object.and_then(|o| type_name(scene, o)).map_or(String::new(), |n| format!(" of a {n} object"));
            format!("in a deallocator{whose}: {owner}")
        }
        (None, None) => return None,
    };
    let mut evidence = signal_evidence(scene);
    let access = scene.access();
    evidence.extend(access.evidence());
    evidence.extend(blame.evidence());
    evidence.extend(slot.map(|(_, h)| format!("a function on the way there is {}", h.describe())));
    let kind = access.kind.map_or("access", AccessKind::word);
    let at = access.addr.map_or(String::new(), |a| format!(", {kind} of {a}"));
    let called = match (del, blame.python) {
        (None, Some(python)) => format!(", from {}", super::blame::python_place(python)),
        _ => String::new(),
    };
    let by = match (del, blame.owner) {
        (Some(_), Some(owner)) => format!(", in {}", native_place(owner)),
        _ => String::new(),
    };
    let title = format!("crash while an object was destroyed, {what}{by}{at}{called}");
    let advice = "the object was half-initialised, already destroyed, or freed by another owner";
    Some(Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::CrashInFinalizer, title, Confidence::Medium, evidence, scene.tid)
    })
}

/// The frame of a function that a type has for a deallocator, where neither it nor its caller has a telling name.
fn deallocator(scene: &Scene<'_>, frames: &[SceneFrame<'_>]) -> Option<(usize, hooks::Hook)> {
    const NEAR: usize = 16;
    let hooks = frames.iter().take(NEAR).enumerate().filter_map(|(at, f)| Some((at, hooks::of(scene, f)?)));
    hooks.into_iter().find(|(_, hook)| hook.slot == "tp_dealloc")
}

/// Native frames between the crash and the innermost Python frame.
fn native_until_python<'a>(scene: &Scene<'a>) -> Vec<SceneFrame<'a>> {
    const LIMIT: usize = 200;
    let frames: &[Frame] = scene.thread.map_or(&[], |t| &t.frames);
    let is_loop = |at: &usize| scene.thread.is_some_and(|t| t.loops.contains(at));
    // The last native frame before Python's is the first native frame after it minus one: compare by stack address.
    let python = frames.iter().position(|f| f.kind == FrameKind::Python);
    let inner: Option<Vec<_>> = python
        .and_then(|at| frames.get(..at))
        .map(|f| f.iter().enumerate().filter(|(at, _)| !is_loop(at)))
        .map(|f| f.filter_map(|(_, f)| f.native.as_ref().filter(|n| !n.inlined).map(|n| (n.ip, f.addr))).collect());
    let belongs = |f: &SceneFrame<'_>| inner.as_ref().is_none_or(|list| list.contains(&(f.frame.ip, f.frame.cfa)));
    scene.frames(LIMIT).take_while(belongs).collect()
}

/// Name of the type of the object at `addr`, if that is an object.
pub(super) fn type_name(scene: &Scene<'_>, addr: Addr) -> Option<String> {
    let info = scene.facts.heap?.type_of(addr).ok()?;
    info.named.then(|| info.name.clone())
}
