//! `Py_FatalError`: its text, and what the known texts stand for.

use super::blame::python_place;
use super::destruction::type_name;
use super::facts::{Scene, SceneFrame};
use super::fatal_text;
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::model::{Confidence, Finding, FindingId};

/// Longest text read.
const MAX_TEXT: usize = 2000;

/// Functions that end the interpreter (Python/pylifecycle.c, Objects/object.c), the most telling first.
const FATAL: &[&str] = &[
    ASSERTION,
    "_Py_NegativeRefcount",
    "_Py_FatalErrorFunc",
    "_Py_FatalRefcountErrorFunc",
    "_Py_FatalErrorFormat",
    "Py_FatalError",
    "fatal_error",
];

/// Their arguments that are messages or formats of them; inner functions come first, those that compilers rewrite last.
const MESSAGES: &[(&str, usize)] = &[
    ("_Py_FatalErrorFunc", 1),
    ("_Py_FatalRefcountErrorFunc", 1),
    ("_Py_FatalErrorFormat", 1),
    ("Py_FatalError", 0),
    ("fatal_error", 3),
];

/// `_PyObject_AssertFailed(obj, expr, msg, ...)`: the message may be NULL.
const ASSERTION: &str = "_PyObject_AssertFailed";

/// What a text stands for: part of it, rule, headline, advice. First match counts.
const TEXTS: &[(&str, FindingId, &str, &str)] = &[
    ("the GIL is released", FindingId::ApiWithoutGil, WITHOUT_GIL, GIL_ADVICE),
    ("must be called with the GIL held", FindingId::ApiWithoutGil, WITHOUT_GIL, GIL_ADVICE),
    ("must be called with an active thread state", FindingId::ApiWithoutGil, WITHOUT_GIL, GIL_ADVICE),
    ("no current thread", FindingId::ApiWithoutGil, WITHOUT_GIL, GIL_ADVICE),
    ("thread state is NULL", FindingId::ApiWithoutGil, WITHOUT_GIL, GIL_ADVICE),
    ("PyEval_SaveThread: NULL tstate", FindingId::ApiWithoutGil, WITHOUT_GIL, GIL_ADVICE),
    ("deallocating None", FindingId::BadRefcount, "the reference count of None fell to zero", REF_ADVICE),
    ("deallocating True", FindingId::BadRefcount, "the reference count of True or False fell to zero", REF_ADVICE),
    (
        "caused by a refcount error",
        FindingId::BadRefcount,
        "the reference count of a lasting object fell to zero",
        REF_ADVICE,
    ),
    ("negative ref count", FindingId::BadRefcount, BELOW_ZERO, REF_ADVICE),
    ("has negative ref", FindingId::BadRefcount, BELOW_ZERO, REF_ADVICE),
    (
        "result with an",
        FindingId::ExceptionLeftSet,
        "a C function returned a result although an exception was set",
        "after a call that sets an exception return NULL (or -1), or clear it with PyErr_Clear",
    ),
    (
        "NULL without setting an",
        FindingId::NullWithoutException,
        "a C function returned NULL without setting an exception",
        "set an exception before NULL is returned",
    ),
    (
        "recover from",
        FindingId::PythonRecursion,
        "Python code recursed too deep, again while handling that",
        "end the recursion",
    ),
    ("Python memory allocator called without", FindingId::ApiWithoutGil, WITHOUT_GIL, GIL_ADVICE),
    ("bad leading pad byte", FindingId::HeapCorruption, "a block of Python memory was overrun", HEAP_ADVICE),
    ("bad trailing pad byte", FindingId::HeapCorruption, "a block of Python memory was overrun", HEAP_ADVICE),
    ("bad ID:", FindingId::HeapCorruption, "a block was freed with another function than it was got with", HEAP_ADVICE),
];

const BELOW_ZERO: &str = "the reference count of an object fell below zero";
const WITHOUT_GIL: &str = "the Python API was called without the GIL";
const GIL_ADVICE: &str =
    "take the GIL (PyGILState_Ensure, or leave the Py_BEGIN_ALLOW_THREADS block) before calling the API";
const REF_ADVICE: &str = "one Py_DECREF too many, or a borrowed reference that was given away";
const HEAP_ADVICE: &str = "something wrote outside of its block";

/// The text of a fatal error.
#[derive(Clone, Debug, Default)]
struct Text {
    function: Option<String>,
    message: Option<String>,
}

/// Explains an abort by `Py_FatalError`.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).into_iter().collect()
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    if scene.signal() != signals::SIGABRT {
        return None;
    }
    let frames: Vec<SceneFrame<'_>> = scene.frames(24).collect();
    let (at, _) = FATAL.iter().find_map(|name| frames.iter().enumerate().find(|(_, f)| f.runs(name)))?;
    let text = text(scene, &frames);
    let blame = scene.blame();
    let mut evidence = signal_evidence(scene);
    let called = frames.get(at).and_then(SceneFrame::name).unwrap_or("Py_FatalError");
    evidence.push(format!("{called} was called"));
    evidence.extend(blame.evidence());
    let whole = match (&text.function, &text.message) {
        (Some(function), Some(message)) => Some(format!("{function}: {message}")),
        (None, Some(message)) => Some(message.clone()),
        (Some(function), None) => Some(format!("in {function}")),
        (None, None) => None,
    };
    let place = match blame.owner {
        Some(_) => blame.origin(),
        None => blame.python.map_or(String::new(), |p| format!(", while running {}", python_place(p))),
    };
    let message = text.message.as_deref().unwrap_or("");
    let known = TEXTS.iter().find(|(part, ..)| message.contains(part));
    if let Some(whole) = &whole {
        evidence.push(format!("Fatal Python error: {whole}"));
    }
    let over = scene.facts.analysis.python.is_some() && scene.facts.analysis.interpreters.is_empty();
    let (id, title, advice) = match (known, whole) {
        (Some((_, FindingId::ApiWithoutGil, ..)), _) if over => {
            evidence.push("the runtime has no interpreter any more".to_owned());
            let advice = "callbacks that outlive the interpreter must not call the API".to_owned();
            (FindingId::UseAfterFinalize, format!("the Python API was used after Py_Finalize{place}"), Some(advice))
        }
        (Some((_, id, BELOW_ZERO, advice)), _) => {
            let object = frames.iter().find(|f| f.name() == Some(ASSERTION)).and_then(|f| scene.argument(f, 0));
            let name =
                object.and_then(|o| type_name(scene, Addr(o))).map_or_else(|| "an".to_owned(), |n| format!("a {n}"));
            let title = format!("the reference count of {name} object fell below zero{place}");
            (id.clone(), title, Some((*advice).to_owned()))
        }
        (Some((_, id, what, advice)), _) => (id.clone(), format!("{what}{place}"), Some((*advice).to_owned())),
        (None, Some(whole)) => (FindingId::FatalError, format!("Fatal Python error: {whole}{place}"), None),
        (None, None) => (FindingId::FatalError, format!("Fatal Python error (its text is not at hand){place}"), None),
    };
    Some(Finding { advice, ..finding(id, title, Confidence::High, evidence, scene.tid) })
}

fn text(scene: &Scene<'_>, frames: &[SceneFrame<'_>]) -> Text {
    let mut out = Text::default();
    // An assertion's own words tell more than those of the function that it calls to abort.
    if let Some(frame) = frames.iter().find(|f| f.name() == Some(ASSERTION)) {
        let read = |index| readable_text(scene, frame, index);
        out.function = read(5).filter(|t| is_identifier(t));
        out.message = read(2).or_else(|| read(1).map(|expression| format!("assertion \"{expression}\" failed")));
    }
    let printed = fatal_text::fatal_error(scene).unwrap_or_default();
    let words = |text: crate::base::Text| Some(text.to_string().trim().to_owned()).filter(|t| !t.is_empty());
    out.function = out.function.or_else(|| printed.function.and_then(words).filter(|t| is_identifier(t)));
    out.message = out.message.or_else(|| printed.message.and_then(words));
    // Where the whole text is not known, what was to be put together says which message it is.
    for (name, index) in MESSAGES {
        let Some(frame) = frames.iter().find(|f| f.name() == Some(name)) else { continue };
        out.message = out.message.or_else(|| readable_text(scene, frame, *index));
    }
    out
}

fn readable_text(scene: &Scene<'_>, frame: &SceneFrame<'_>, argument: usize) -> Option<String> {
    let at = Addr(scene.argument(frame, argument)?);
    let bytes = scene.facts.target.memory.read_cstr(at, MAX_TEXT).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    // An argument that was guessed wrong is rarely text.
    let printable = text.len() >= 2 && text.chars().all(|c| !c.is_control() || c == '\n');
    printable.then(|| text.trim().to_owned())
}

fn is_identifier(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == '_')
}
