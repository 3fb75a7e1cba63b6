//! From the frames of a report to the tokens that keys are made of, with a record of every decision.

use super::normalize;
use super::rules::{NativeAction, PythonAction, Rules};
use crate::base::escape_terminal;
use crate::model::{Frame, FrameKind, Report, Thread, Trust};
use serde::{Deserialize, Serialize};

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A Python function.
    Python,
    /// A package of the standard library.
    Stdlib,
    /// A function of a native module.
    Native,
    /// A function of CPython itself.
    Interpreter,
}

/// A frame that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it stands for.
    pub kind: TokenKind,
    /// Text in the coarse key.
    pub coarse: String,
    /// Text in the exact key.
    pub exact: String,
    /// Native: module. Python: module.
    pub module: String,
    /// Native: normalised function, when known. Python: qualified name, when known.
    pub detail: Option<String>,
    /// Whether it is of an installed package, which fails because of what it was given as often as by itself.
    pub installed: bool,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Decision {
    /// It is in the keys.
    Kept,
    /// Left out.
    Skipped,
    /// The package of the standard library stands for it.
    #[serde(rename = "standard library")]
    StandardLibrary,
    /// CPython's own code.
    Interpreter,
    /// The frame that called it stands for it.
    #[serde(rename = "merged into its caller")]
    MergedIntoCaller,
}

/// The same words as in JSON.
impl std::fmt::Display for Decision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// One line of `triage explain`: a frame and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The frame as a person would write it.
    pub frame: String,
    /// What became of it.
    pub decision: Decision,
    /// Rule that decided, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Token, for a frame that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// The first native code above the innermost Python frame that is neither a system library nor CPython.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Site {
    /// Normalised module; `cpython` when only CPython's own code is there.
    pub module: Option<String>,
    /// Its functions on the stack, inlined ones too; the first is the innermost, the last the outermost, the others
    /// are named once. None when it has no symbols.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// Name under which Python called into the module (`_speedups.scan`), from the module's method tables: it does not
    /// depend on symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Build-id and offset of the innermost frame in the module: the same place in every run of one build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Path of the module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Site {
    /// The wheel that brought the module along (`numpy.libs`, as auditwheel names it): what such a library is called differs
    /// from one version of the wheel to the next.
    #[must_use]
    pub fn wheel(&self) -> Option<&str> {
        let (directory, _) = self.path.as_deref()?.rsplit_once('/')?;
        directory.rsplit('/').next().filter(|name| name.ends_with(".libs"))
    }

    /// The build that it crashed in.
    #[must_use]
    pub fn build(&self) -> Option<&str> {
        self.place.as_deref()?.split_once('+').map(|(build, _)| build)
    }
}

/// Frames of a thread as tokens.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// What became of each frame, innermost first.
    pub steps: Vec<Step>,
    /// Frames that count, innermost first.
    pub tokens: Vec<Token>,
    /// Where native code crashed.
    pub site: Site,
    /// Whether ctypes or cffi called the code that crashed.
    pub foreign_call: bool,
}

/// Module of [`Site`] and prefix in the exact key for CPython's own code.
pub const CPYTHON: &str = "cpython";

/// Directories of installed packages.
const INSTALLED: &[&str] = &["/site-packages/", "/dist-packages/"];
/// More frames than this are not examined; recursion has been folded long before.
const FRAME_LIMIT: usize = 200_000;
/// Most lines that `explain` keeps.
const STEP_LIMIT: usize = 300;

/// The thread that a signature is made of: the one that crashed, else the first.
#[must_use]
pub fn subject(report: &Report) -> Option<&Thread> {
    report.threads.iter().find(|t| t.crashed).or_else(|| report.threads.first())
}

/// Tokens of the crashed thread's frames.
#[must_use]
pub fn stack(report: &Report, rules: &Rules) -> Stack {
    let mut stack = Stack::default();
    let Some(thread) = subject(report) else { return stack };
    let mut before_python = true;
    let mut nowhere = false;
    for frame in thread.frames.iter().take(FRAME_LIMIT) {
        let (step, token) = match frame.kind {
            FrameKind::Python => python(frame, rules),
            _ => native(frame, report, rules, nowhere),
        };
        nowhere = frame.native.as_ref().is_some_and(|n| n.module.is_none());
        stack.foreign_call |= before_python && calls_foreign_code(frame);
        if let Some(token) = token {
            match token.kind {
                TokenKind::Python | TokenKind::Stdlib => before_python = false,
                TokenKind::Native | TokenKind::Interpreter if before_python => {
                    add_to_site(&mut stack.site, &token, frame, report);
                }
                _ => {}
            }
            stack.tokens.push(token);
        }
        // A Python frame that is left out still ends the native run: what called it is another matter.
        before_python &= frame.kind == FrameKind::Native;
        if stack.steps.len() < STEP_LIMIT {
            stack.steps.push(step);
        }
    }
    stack
}

/// The frames of the subject that say something: what [`stack`] skips is left out.
#[must_use]
pub fn telling<'r>(report: &'r Report, rules: &Rules) -> Vec<&'r Frame> {
    let Some(thread) = subject(report) else { return Vec::new() };
    let steps = stack(report, rules).steps;
    thread
        .frames
        .iter()
        .zip(&steps)
        .filter(|(_, step)| step.decision != Decision::Skipped)
        .map(|(frame, _)| frame)
        .collect()
}

/// A frame of ctypes or of cffi.
fn calls_foreign_code(frame: &Frame) -> bool {
    let module = frame.native.as_ref().and_then(|n| n.module.as_deref()).map(crate::base::file_name);
    let native = module.is_some_and(|m| m.starts_with("_ctypes") || m.starts_with("_cffi_backend"));
    native
        || frame.kind == FrameKind::Python
            && frame.file.as_ref().is_some_and(|f| f.to_string().ends_with("/ctypes/__init__.py"))
}

fn add_to_site(site: &mut Site, token: &Token, frame: &Frame, report: &Report) {
    if token.kind == TokenKind::Interpreter {
        site.module.get_or_insert_with(|| CPYTHON.to_owned());
        return;
    }
    let first = site.module.is_none() || site.module.as_deref() == Some(CPYTHON);
    if first {
        let native = frame.native.as_ref();
        let path = native.and_then(|n| n.module.clone());
        let build = native.and_then(|n| report.module_of(n)).and_then(|m| m.build_id.as_ref());
        let offset = native.and_then(|n| n.module_offset);
        site.place = build.zip(offset).map(|(build, offset)| format!("{build}+{offset}"));
        site.module = Some(token.module.clone());
        site.path = path;
    }
    if site.module.as_deref() == Some(token.module.as_str()) {
        if let Some(function) = &token.detail {
            enter(&mut site.functions, function);
        }
        // The outermost: Python called that one, whichever of its siblings it calls in turn.
        let method = frame.native.as_ref().and_then(|n| n.method.as_ref());
        if let Some(method) = method {
            site.method = Some(format!("{}.{method}()", token.module));
        }
    }
}

/// Adds the caller of those in the list. A recursion fills a stack with few names: one that is there already is moved
/// to the end, except the innermost, which stays where it is.
fn enter(functions: &mut Vec<String>, caller: &str) {
    if functions.last().is_some_and(|last| last == caller) {
        return;
    }
    if let Some(at) = functions.iter().skip(1).position(|f| f == caller) {
        functions.remove(at.saturating_add(1));
    }
    functions.push(caller.to_owned());
    functions.dedup();
}

fn python(frame: &Frame, rules: &Rules) -> (Step, Option<Token>) {
    // Tokens go to keys, files and terminals: what they have of the dump is harmless from here on.
    let file = frame.file.as_ref().map(|file| escape_terminal(&file.to_string()));
    let qualname = frame.qualname.as_ref().map(|q| escape_terminal(&normalize::qualname(&q.to_string())));
    let name = frame.function.as_ref().map(|name| escape_terminal(&name.to_string()));
    let name = name.or_else(|| qualname.as_ref().map(|q| q.rsplit('.').next().unwrap_or(q).to_owned()));
    let (Some(name), Some(file)) = (name, file) else {
        let step =
            Step { frame: "(unreadable Python frame)".into(), decision: Decision::Skipped, rule: None, token: None };
        return (step, None);
    };
    let module = normalize::python_module(&file);
    let shown = match frame.line {
        Some(line) => format!("{module}.{} ({file}:{line})", qualname.as_ref().unwrap_or(&name)),
        None => format!("{module}.{} ({file})", qualname.as_ref().unwrap_or(&name)),
    };
    let installed = INSTALLED.iter().any(|directory| file.replace('\\', "/").contains(directory));
    // Packages make modules private from one version to the next (`numpy.core`, `numpy._core`).
    let of_key = if installed { normalize::public(&module) } else { module.clone() };
    let rule = rules.for_python(&file, &name);
    let action = rule.map_or(PythonAction::Keep, |r| r.action);
    let exact = format!("{module}.{}", qualname.as_ref().unwrap_or(&name));
    let (decision, token) = match action {
        PythonAction::Skip => (Decision::Skipped, None),
        // The exact key keeps it by its qualified name: it need not be the same in two versions.
        PythonAction::MergeIntoCaller => (Decision::MergedIntoCaller, None),
        PythonAction::Stdlib => {
            let package = module.split('.').next().unwrap_or(&module).to_owned();
            (Decision::StandardLibrary, Some((TokenKind::Stdlib, package)))
        }
        PythonAction::Keep => (Decision::Kept, Some((TokenKind::Python, format!("{of_key}.{name}")))),
    };
    let token = token.map(|(kind, coarse)| Token { kind, coarse, exact, module, detail: qualname, installed });
    let rule = rule.map(|r| explain(&r.name, &r.why));
    (Step { frame: shown, decision, rule, token: token.as_ref().map(|t| t.coarse.clone()) }, token)
}

/// `after_jump`: the frame called (or jumped to) an address where no module is.
fn native(frame: &Frame, report: &Report, rules: &Rules, after_jump: bool) -> (Step, Option<Token>) {
    let native = frame.native.as_ref();
    let path = native.and_then(|n| n.module.clone()).unwrap_or_default();
    let module = escape_terminal(&normalize::native_module(&path));
    // A scanned frame may be a leftover of an earlier call: it must not make a difference.
    // Not so the caller of a bad pointer: its return address is where the call has just put it.
    let guessed = !after_jump && native.is_some_and(|n| n.trust == Some(Trust::Scan));
    let symbol = frame.function.as_ref().map(ToString::to_string);
    let symbol = symbol.or_else(|| native.and_then(|n| n.symbol.clone()));
    let function = symbol.map(|s| escape_terminal(&normalize::native_function(&s))).filter(|f| !f.is_empty());
    let shown = match (&function, native) {
        (Some(function), _) => format!("{module}!{function}"),
        (None, Some(native)) => match native.module_offset {
            Some(offset) => format!("{module}+{offset}"),
            None => format!("{module} {}", native.ip),
        },
        (None, None) => module.clone(),
    };
    let rule = rules.for_native(function.as_deref(), &module, &path);
    let of_python =
        report.python.as_ref().zip(native).is_some_and(|(python, native)| match (python.module_id, native.module_id) {
            (Some(runtime), Some(own)) => runtime == own,
            _ => native.module.is_some() && python.module == native.module,
        });
    let plumbing = native.is_some_and(|n| n.plumbing);
    let (decision, why, kind) = match rule.map(|r| (r.action, explain(&r.name, &r.why))) {
        Some((NativeAction::Skip, why)) => (Decision::Skipped, Some(why), None),
        Some((NativeAction::Keep, why)) => (Decision::Kept, Some(why), Some(TokenKind::Native)),
        _ if plumbing => {
            (Decision::Skipped, Some("plumbing: how the interpreter calls and evaluates".to_owned()), None)
        }
        _ if guessed => (Decision::Skipped, Some("found by scanning the stack: may be left over".to_owned()), None),
        Some((NativeAction::Interpreter, why)) => (Decision::Interpreter, Some(why), Some(TokenKind::Interpreter)),
        None if of_python => {
            (Decision::Interpreter, Some("the module that holds CPython".to_owned()), Some(TokenKind::Interpreter))
        }
        None if path.is_empty() => (Decision::Skipped, Some("belongs to no module".to_owned()), None),
        None => (Decision::Kept, None, Some(TokenKind::Native)),
    };
    let token = kind.map(|kind| {
        let owner = if kind == TokenKind::Interpreter { CPYTHON.to_owned() } else { module.clone() };
        let exact = format!("{owner}!{}", function.as_deref().unwrap_or("?"));
        let coarse = match (&function, kind) {
            (Some(function), TokenKind::Native) => format!("{owner}!{function}"),
            _ => owner.clone(),
        };
        Token { kind, coarse, exact, module: owner, detail: function, installed: false }
    });
    (Step { frame: shown, decision, rule: why, token: token.as_ref().map(|t| t.coarse.clone()) }, token)
}

fn explain(name: &str, why: &str) -> String {
    match why.is_empty() {
        true => name.to_owned(),
        false => format!("{name}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::enter;

    #[test]
    fn a_recursion_names_each_function_once() {
        let entered = |text: &str| {
            let mut list = Vec::new();
            text.split(' ').for_each(|name| enter(&mut list, name));
            list.join(" ")
        };
        assert_eq!(entered("f f f f entry"), "f entry");
        assert_eq!(entered("a b a b a entry"), "a b a entry");
        assert_eq!(entered("top a b a b a b"), "top a b");
    }
}
