//! C++ exceptions that nobody caught.

mod thrown;
mod what;

use super::blame::{Party, native_place, party};
use super::facts::{Scene, SceneFrame};
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use crate::model::{Confidence, Finding, FindingId};
use thrown::Thrown;

/// Functions that end a process by `std::terminate` (libsupc++).
const TERMINATE: &[&str] = &[
    "_ZSt9terminatev",
    "_ZN10__cxxabiv111__terminateEPFvvE",
    "_ZN9__gnu_cxx27__verbose_terminate_handlerEv",
    "__cxa_call_terminate",
    "__gxx_personality_v0",
];
const THROW: &[&str] = &["__cxa_throw", "__cxa_rethrow", "_ZSt17rethrow_exceptionNSt15__exception_ptr13exception_ptrE"];
/// What the virtual table of an abstract class holds.
const PURE_VIRTUAL: &[&str] = &["__cxa_pure_virtual", "__cxa_deleted_virtual"];

/// Explains `std::terminate`.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).into_iter().collect()
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    if scene.signal() != signals::SIGABRT {
        return None;
    }
    let frames: Vec<SceneFrame<'_>> = scene.frames(60).collect();
    let named = |f: &&SceneFrame<'_>, names: &[&str]| f.name().is_some_and(|n| names.contains(&n));
    let thrown = frames.iter().find(|f| named(f, THROW));
    let pure = frames.iter().take(16).any(|f| named(&f, PURE_VIRTUAL));
    // Where the library is stripped only its exported functions have names. Cleanups do not run below `__cxa_throw`:
    // what aborts there is the search for a handler that failed.
    if thrown.is_none() && !pure && !frames.iter().take(16).any(|f| named(&f, TERMINATE)) {
        return None;
    }
    let exception = thrown.and_then(|f| Thrown::held_by(scene, f));
    let mut evidence = signal_evidence(scene);
    evidence.push("std::terminate was called".to_owned());
    let blame = scene.blame();
    // The frame that threw says more than the one outside of the run time.
    let thrower = thrown.and_then(|t| blame_frame(scene, t.index.checked_add(1)?));
    let thrower = thrower.filter(|f| f.native.as_ref().is_some_and(|n| party(&scene.facts, n) == Party::Other));
    evidence.extend(thrower.map(|f| format!("thrown in {}", native_place(f))).or_else(|| blame.evidence()));
    let what = match &exception {
        Some(Thrown { name, what: Some(text) }) => format!("C++ exception {name} ({text:?}) was not caught"),
        Some(Thrown { name, what: None }) => format!("C++ exception {name} was not caught"),
        None if thrown.is_some() => "a C++ exception was not caught".to_owned(),
        None if pure => "a pure virtual function was called".to_owned(),
        None => "std::terminate was called".to_owned(),
    };
    let title = format!("{what}{}", blame.origin());
    let advice = match (thrown, pure) {
        (Some(_), _) => "catch it before it reaches the C API: Python's C code cannot pass exceptions on",
        (None, true) => {
            "a constructor or destructor of the base class made the call, or the object is destroyed already"
        }
        (None, false) => "a std::thread was destroyed before join() or detach(), or a destructor threw while unwinding",
    };
    Some(Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::CppTerminate, title, Confidence::High, evidence, scene.tid)
    })
}

fn blame_frame<'a>(scene: &Scene<'a>, index: usize) -> Option<&'a crate::model::Frame> {
    let ip = scene.stack?.unwound.frames.get(index)?.ip;
    let physical = |f: &&crate::model::Frame| f.native.as_ref().is_some_and(|n| n.ip == ip && !n.inlined);
    scene.thread?.frames.iter().find(physical)
}
