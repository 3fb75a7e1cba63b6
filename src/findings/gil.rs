//! The Python API called without the GIL, or after the interpreter was torn down.

use super::blame::{Party, is_libffi, native_place, party, python_place};
use super::facts::Scene;
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use crate::model::{Confidence, Finding, FindingId, Frame, FrameKind, ThreadStatus};
use crate::stack::hidden_frames::base_name;

/// Functions that take or drop the GIL or make thread states: they may be called without it, but not without an
/// interpreter.
const TAKERS: &[&str] = &[
    "PyEval_AcquireThread",
    "PyEval_ReleaseThread",
    "PyEval_RestoreThread",
    "PyEval_SaveThread",
    "PyGILState_Ensure",
    "PyGILState_Release",
    "PyThreadState_New",
    "PyThreadState_Swap",
    "Py_EndInterpreter",
    "Py_NewInterpreter",
];
/// Functions that need neither the GIL nor an interpreter.
const FREE: &[&str] = &[
    "PyGILState_Check",
    "PyMutex_Lock",
    "PyMutex_Unlock",
    "Py_BytesMain",
    "Py_FatalError",
    "Py_Initialize",
    "Py_InitializeEx",
    "Py_InitializeFromConfig",
    "Py_IsInitialized",
    "Py_Main",
    "Py_RunMain",
];
/// The same by prefix.
const FREE_PREFIXES: &[&str] =
    &["PyMem_Raw", "PyThread_", "_PyMem_Raw", "_PyMutex_", "_PyRaw", "_PyThread_", "_PyTime_"];

/// Finds API calls that must not be made in this state.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).into_iter().collect()
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    if !matches!(scene.signal(), signals::SIGSEGV | signals::SIGBUS | signals::SIGABRT) {
        return None;
    }
    let ApiCall { call, caller, takes } = api_call(scene)?;
    let function = call.function.as_ref().map(|f| base_name(&f.to_string()).to_owned())?;
    let report = scene.facts.analysis;
    let mut evidence = signal_evidence(scene);
    let by = caller.map_or_else(
        || {
            let through = scene.blame().foreign_calls.unwrap_or("ctypes");
            let from = scene.blame().python.map_or(String::new(), |p| format!(" from {}", python_place(p)));
            format!("called through {through}{from}")
        },
        |caller| format!("called by {}", native_place(caller)),
    );
    evidence.push(format!("{} was {by}", native_place(call)));
    let python = scene.thread.and_then(|t| t.python.as_ref());
    let make = |id: FindingId, title: String, confidence, evidence: Vec<String>, advice: &str| {
        Some(Finding { advice: Some(advice.to_owned()), ..finding(id, title, confidence, evidence, scene.tid) })
    };
    let place = format!("{function}, {by}");
    let over = report.python.is_some() && report.interpreters.is_empty();
    if over {
        evidence.push("the runtime has no interpreter any more".to_owned());
        let title = format!("the Python API was used after Py_Finalize: {place}");
        let advice = "callbacks that outlive the interpreter (atexit, static destructors, threads) must not call it";
        return make(FindingId::UseAfterFinalize, title, Confidence::High, evidence, advice);
    }
    // These may be called without the GIL.
    if takes {
        return None;
    }
    let advice = match caller {
        Some(_) => "take the GIL (PyGILState_Ensure, or leave the Py_BEGIN_ALLOW_THREADS block) before calling the API",
        None => "functions of a CDLL run without the GIL: call the API by ctypes.pythonapi, or by a PyDLL",
    };
    let Some(python) = python else {
        if !report.knows_all_thread_states() {
            return None;
        }
        evidence.push(format!("thread {} has no Python thread state", scene.tid));
        let title = format!("the Python API was called from a thread that Python does not know: {place}");
        return make(FindingId::ApiWithoutGil, title, Confidence::High, evidence, advice);
    };
    let interpreter = report.interpreters.iter().find(|i| i.id == python.interpreter);
    // An extension module or an option turns the GIL of a free-threaded build on.
    let built = report.python.as_ref().and_then(|p| p.free_threaded).unwrap_or(false);
    let free_threaded = built && interpreter.and_then(|i| i.gil_enabled) != Some(true);
    let detached = matches!(python.status, Some(ThreadStatus::Detached | ThreadStatus::Suspended));
    if detached {
        evidence.push(format!("the thread state {} is detached", python.tstate));
    }
    let locked = interpreter.and_then(|i| i.gil_locked);
    let holder = interpreter.and_then(|i| i.gil_holder);
    let (what, confidence) = match (locked, holder) {
        _ if free_threaded && detached => ("with a detached thread state", Confidence::High),
        _ if free_threaded => return None,
        (Some(false), _) => {
            evidence.push("no thread holds the GIL".to_owned());
            ("without the GIL", Confidence::High)
        }
        (Some(true), Some(holder)) if holder != python.tstate => {
            evidence.push(format!("the GIL is held by thread state {holder}, not by this thread's {}", python.tstate));
            ("without the GIL", Confidence::High)
        }
        _ if detached => ("with a detached thread state", Confidence::High),
        _ => return None,
    };
    make(FindingId::ApiWithoutGil, format!("the Python API was called {what}: {place}"), confidence, evidence, advice)
}

/// A call of the Python API by foreign code.
struct ApiCall<'a> {
    /// The interpreter's function.
    call: &'a Frame,
    /// Who called it; `None`: Python code, through ctypes or cffi.
    caller: Option<&'a Frame>,
    /// Whether it may be called without the GIL, to take it.
    takes: bool,
}

/// The outermost interpreter function that foreign code called, between the crash and the innermost Python frame, and
/// its caller; `None` when the crash is not inside such a call.
fn api_call<'a>(scene: &Scene<'a>) -> Option<ApiCall<'a>> {
    let frames = &scene.thread?.frames;
    let owner = scene.blame().owner;
    let at = match owner {
        Some(owner) => frames.iter().position(|f| std::ptr::eq(f, owner))?,
        // ctypes belongs to CPython, and calls by libffi; so does cffi.
        None => {
            let fault = scene.registers.and_then(|r| r.ip());
            let first = frames.iter().position(|f| f.native.as_ref().is_some_and(|n| Some(n.ip) == fault))?;
            let native = frames.iter().enumerate().skip(first).take_while(|(_, f)| f.kind == FrameKind::Native);
            let mut libffi = native.filter(|(_, f)| is_libffi(f));
            libffi.next().filter(|_| scene.blame().foreign_calls.is_some())?.0
        }
    };
    // Physical or inlined, the frame just inside of the owner.
    let inner = at.checked_sub(1).and_then(|i| frames.get(i))?;
    let native = inner.native.as_ref()?;
    let name = inner.function.as_ref().map(ToString::to_string)?;
    let name = base_name(&name);
    let free = FREE.contains(&name) || FREE_PREFIXES.iter().any(|p| name.starts_with(p));
    let takes = TAKERS.contains(&name);
    (party(&scene.facts, native) == Party::CPython && !free).then_some(ApiCall { call: inner, caller: owner, takes })
}
