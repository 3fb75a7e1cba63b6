//! C++ exceptions that nobody caught.

use super::blame::{Blame, Party, native_place, party};
use super::facts::{Scene, SceneFrame};
use super::fault::signals;
use super::finding;
use super::segv::signal_evidence;
use crate::base::Addr;
use crate::native::names::demangle;
use crate::report::model::{Confidence, Finding};
use crate::target::MemoryExt as _;

/// `_Unwind_Exception.exception_class` of GNU C++ (libsupc++ unwind-cxx.h), also of dependent exceptions.
const GNU_CXX: [u64; 2] = [0x474e_5543_432b_2b00, 0x474e_5543_432b_2b01];
/// Distance from `exceptionType` to the unwind header inside `__cxa_exception` (LP64), and the header's size.
const TYPE_BEFORE_HEADER: u64 = 80;
const HEADER_SIZE: u64 = 32;
const MAX_TEXT: usize = 1000;

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
    let exception = thrown.and_then(|f| exception(scene, f));
    let mut evidence = signal_evidence(scene);
    evidence.push("std::terminate was called".to_owned());
    let blame = Blame::of(scene);
    // The frame that threw says more than the one outside of the run time.
    let thrower = thrown.and_then(|t| blame_frame(scene, t.index.checked_add(1)?));
    let thrower = thrower.filter(|f| f.native.as_ref().is_some_and(|n| party(scene, n) == Party::Other));
    evidence.extend(thrower.map(|f| format!("thrown in {}", native_place(f))).or_else(|| blame.evidence()));
    let what = match &exception {
        Some((name, Some(text))) => format!("C++ exception {name} ({text:?}) was not caught"),
        Some((name, None)) => format!("C++ exception {name} was not caught"),
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
        ..finding("cpp-terminate", title, Confidence::High, evidence, scene.tid)
    })
}

fn blame_frame<'a>(scene: &Scene<'a>, index: usize) -> Option<&'a crate::report::model::Frame> {
    let ip = scene.stack?.unwound.frames.get(index)?.ip;
    let physical = |f: &&crate::report::model::Frame| f.native.as_ref().is_some_and(|n| n.ip == ip && !n.inlined);
    scene.thread?.frames.iter().find(physical)
}

/// Type and `what()` of the exception that `__cxa_throw` still holds in a register it must preserve.
fn exception(scene: &Scene<'_>, throw: &SceneFrame<'_>) -> Option<(String, Option<String>)> {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let regs = throw.frame.registers.as_deref()?;
    let is_header = |at: &Addr| memory.read_uint(abi, *at, 8).is_ok_and(|class| GNU_CXX.contains(&class));
    let values = regs.info().callee_saved.iter().filter_map(|n| regs.get(*n)).map(Addr);
    let header = values
        .flat_map(|v| [v, v.wrapping_offset(-(HEADER_SIZE.cast_signed()))])
        .filter(|v| v.is_aligned(8) && !v.is_null())
        .find(is_header)?;
    // `std::type_info`: vtable, name.
    let info = memory.read_ptr(abi, header.checked_sub(TYPE_BEFORE_HEADER)?).ok()?;
    let text = |at: Addr| String::from_utf8(memory.read_cstr(at, MAX_TEXT).ok()?).ok();
    let mangled = text(memory.read_ptr(abi, info.checked_add(8)?).ok()?)?;
    let mangled = mangled.trim_start_matches('*');
    let name = demangle(&format!("_ZTS{mangled}"));
    let name = name.strip_prefix("typeinfo name for ").map_or_else(|| mangled.to_owned(), str::to_owned);
    // std::logic_error and std::runtime_error: vtable, pointer to the text. Classes derived from them likewise.
    let standard = name.starts_with("std::") && name.ends_with("error") || derives_from_standard(scene, info);
    let object = header.checked_add(HEADER_SIZE)?;
    let what = standard
        .then(|| text(memory.read_ptr(abi, object.checked_add(8)?).ok()?))
        .flatten()
        .filter(|t| !t.is_empty() && t.chars().all(|c| !c.is_control() || c == '\n'));
    Some((name, what))
}

/// `__si_class_type_info`: the single base class follows the name.
fn derives_from_standard(scene: &Scene<'_>, info: Addr) -> bool {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let mut at = info;
    for _ in 0..8 {
        let Some(base) = at.checked_add(16).and_then(|a| memory.read_ptr(abi, a).ok()) else { return false };
        let Some(name) = base.checked_add(8).and_then(|a| memory.read_ptr(abi, a).ok()) else { return false };
        match memory.read_cstr(name, MAX_TEXT) {
            Ok(name) if matches!(name.as_slice(), b"St13runtime_error" | b"St11logic_error") => return true,
            Ok(name)
                if name.starts_with(b"St")
                    || name.first().is_some_and(u8::is_ascii_digit)
                    || name.starts_with(b"N") =>
            {
                at = base
            }
            _ => return false,
        }
    }
    false
}
