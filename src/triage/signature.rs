//! The signature of a crash: an exact key, a coarse key, and what both rest on.
//!
//! The coarse key is made of the class of the crash, the name under which Python called the native code that crashed
//! (from the module's method table, which needs no symbols), and Python functions; other native names join it only
//! when there is no Python frame, since builds differ in which of them can be told. What is known of native code and of qualified
//! names is kept beside the key ([`Signature::site`], [`Signature::qualnames`]) and tells crashes apart whose coarse
//! keys are equal: see [`Signature::contradicts`].

use super::cause::{self, Cause};
use super::recursion::fold;
use super::rules::{KeyFrames, Rules};
use super::tokens::{self, CPYTHON, Site, Stack, Step, Token, TokenKind};
use crate::model::Report;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Signature of a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signature {
    /// Hash of `exact_text`.
    pub exact: String,
    /// Hash of `coarse_text`.
    pub coarse: String,
    /// Class, signal, kind of fault address, all frames that count.
    pub exact_text: String,
    /// Class and the innermost frames that count.
    pub coarse_text: String,
    /// Text of the finding, where the coarse key has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Class of the crash in the coarse key.
    pub class: String,
    /// Signal or exception.
    pub signal: String,
    /// "NULL dereference".
    pub phrase: String,
    /// Severity class of the rule.
    pub severity: String,
    /// "SIGSEGV: NULL dereference in _speedups.scan_key <- app.load".
    pub title: String,
    /// All tokens of the coarse kind, innermost first, folded.
    pub stack: Vec<String>,
    /// Those of them that are no part of CPython, its standard library or the C run time: the innermost must agree where
    /// crashes are taken for one defect because their stacks are alike. Without the outermost ones that only start a program.
    pub user: Vec<String>,
    /// The innermost of them that is of no installed package, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
    /// Where native code crashed.
    pub site: Site,
    /// Qualified names of the functions in the coarse key, where known (3.11+).
    pub qualnames: BTreeMap<String, BTreeSet<String>>,
    /// Module that seems to own the defect, and how that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// How a signature came about.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Explanation {
    /// Frames and what became of them.
    pub frames: Vec<Step>,
    /// Why the class is what it is.
    pub class: String,
    /// What was done with the frames that are left.
    pub notes: Vec<String>,
}

/// Most tokens that are kept for measuring similarity.
const STACK_LIMIT: usize = 64;
/// Digits of a hash: 80 bits.
const HASH_DIGITS: usize = 20;

/// First digits of the SHA-256 of `text`, in hex.
#[must_use]
pub fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.truncate(HASH_DIGITS);
    hex
}

/// Makes the signature of a report.
#[must_use]
pub fn signature(report: &Report, rules: &Rules) -> (Signature, Explanation) {
    let stack = tokens::stack(report, rules);
    let mut explanation = Explanation { frames: stack.steps.clone(), ..Explanation::default() };
    let Some(cause) = cause::cause(report, rules) else { return (Signature::default(), explanation) };
    explanation.class = class_reason(&cause);

    let is_python = |t: &&Token| matches!(t.kind, TokenKind::Python | TokenKind::Stdlib);
    let has_python = stack.tokens.iter().any(|t| is_python(&t));
    let counted: Vec<&Token> = match has_python {
        true => stack.tokens.iter().filter(is_python).collect(),
        false => stack.tokens.iter().collect(),
    };
    explanation.notes.push(match has_python {
        true => "the coarse key has Python frames only: their names do not depend on debug information".to_owned(),
        false => "no Python frame counts: the coarse key has native frames".to_owned(),
    });

    let coarse = fold(counted.iter().map(|t| t.coarse.clone()).collect());
    let exact = fold(stack.tokens.iter().map(|t| t.exact.clone()).collect());
    if let Some((_, length, turns)) = coarse.cycle {
        explanation.notes.push(format!("recursion folded: {length} frame(s), {turns} times"));
    }
    let (coarse_items, exact_items) = match cause.rule.frames {
        KeyFrames::Stack => (coarse.items.as_slice(), exact.items.as_slice()),
        KeyFrames::Cycle => (coarse.from_cycle(), exact.from_cycle()),
        KeyFrames::Subject => (Default::default(), exact.items.as_slice()),
    };
    let message = cause.message();
    let in_coarse = cause.rule.message || cause.rule.frames == KeyFrames::Subject;
    let mut coarse_parts = vec![cause.coarse().to_owned()];
    let coarse_message = message.clone().filter(|_| in_coarse);
    coarse_parts.extend(coarse_message.clone());
    if cause.rule.frames == KeyFrames::Stack {
        coarse_parts.extend(stack.site.method.clone());
    }
    let user = user_tokens(&counted, coarse_items);
    let installed = |token: &String| counted.iter().any(|t| t.installed && t.coarse == *token);
    let own = user.iter().find(|token| !installed(token)).cloned();
    let mut keyed: Vec<String> = coarse_items.iter().take(rules.limits.coarse_frames).cloned().collect();
    // Four frames of the standard library would leave out whose crash it is.
    keyed.extend(user.first().filter(|first| !keyed.contains(first) && coarse_items.contains(first)).cloned());
    let is_generic = user.is_empty() && coarse_message.is_none() && stack.site.method.is_none();
    coarse_parts.extend(keyed);
    if is_generic {
        explanation
            .notes
            .push("nothing in the key is of anybody's own code: it has all that is known of the place".to_owned());
        coarse_parts.extend(place_of_generic(report, &stack));
    }
    let mut exact_parts = vec![cause.rule.class.clone(), cause.signal.clone(), cause.fault.word().to_owned()];
    exact_parts.extend(message);
    exact_parts.extend(exact_items.iter().take(rules.limits.exact_frames).cloned());
    if coarse_items.len() > rules.limits.coarse_frames {
        explanation.notes.push(format!("the coarse key has the innermost {}", rules.limits.coarse_frames));
    }

    let (coarse_text, exact_text) = (coarse_parts.join(" | "), exact_parts.join(" | "));
    let signature = Signature {
        exact: hash(&exact_text),
        coarse: hash(&coarse_text),
        title: title(&cause, &stack, &coarse_parts),
        exact_text,
        message: coarse_message,
        class: cause.coarse().to_owned(),
        signal: cause.signal.clone(),
        phrase: cause.rule.phrase.clone(),
        severity: cause.rule.severity.clone(),
        stack: coarse_items.iter().take(STACK_LIMIT).cloned().collect(),
        user,
        own,
        qualnames: qualnames(&counted, &coarse_parts),
        owner: owner(&stack),
        // Where such a crash shows is chance: it tells nothing apart.
        site: if cause.rule.frames == KeyFrames::Subject { Site::default() } else { stack.site },
        coarse_text,
    };
    (signature, explanation)
}

fn class_reason(cause: &Cause<'_>) -> String {
    let coarse = cause.coarse();
    match cause.finding {
        Some(finding) => format!("{coarse}: finding {} ({})", finding.id, finding.title),
        None => format!("{coarse}: {} with a fault address of kind {}", cause.signal, cause.fault.word()),
    }
}

/// Tokens of code that is neither CPython's nor the standard library's, in the order of the stack.
fn user_tokens(counted: &[&Token], folded: &[String]) -> Vec<String> {
    let own = |t: &&&Token| matches!(t.kind, TokenKind::Python | TokenKind::Native);
    let own: BTreeSet<&str> = counted.iter().filter(own).map(|t| t.coarse.as_str()).collect();
    let mut user: Vec<String> = folded.iter().filter(|t| own.contains(t.as_str())).take(STACK_LIMIT).cloned().collect();
    // How a program begins says nothing: the same code may run in a thread.
    let begins = |token: &String| token.ends_with(".<module>") || token.ends_with(".main");
    while user.len() > 1 && user.last().is_some_and(begins) {
        user.pop();
    }
    user
}

/// What distinguishes crashes of which only frames of CPython, the standard library and the C run time are known: all
/// names, else the places in the modules' builds, else the dump itself. Such crashes have nothing in common but where they
/// show.
fn place_of_generic(report: &Report, stack: &Stack) -> Vec<String> {
    let names: Vec<String> = stack.tokens.iter().map(|t| t.exact.clone()).collect();
    let mut out: Vec<String> = stack.site.module.iter().filter(|m| *m != CPYTHON).cloned().collect();
    if names.iter().any(|name| !name.ends_with("!?")) {
        out.extend(fold(names).items.into_iter().take(STACK_LIMIT));
        return out;
    }
    let build = |path: &str| report.modules.iter().find(|m| m.path == path).and_then(|m| m.build_id.clone());
    let frames = tokens::subject(report).map_or(&[][..], |thread| &thread.frames);
    let places = frames.iter().filter_map(|frame| {
        let native = frame.native.as_ref()?;
        Some(format!("{}+{}", build(native.module.as_deref()?)?, native.module_offset?))
    });
    out.extend(places.take(GENERIC_PLACES));
    if out.is_empty() {
        out.push(format!("{:?}", (&report.source.path, report.source.size, report.process.pid)));
    }
    out
}

/// Innermost native frames that tell two nameless crashes apart.
const GENERIC_PLACES: usize = 8;

fn qualnames(counted: &[&Token], parts: &[String]) -> BTreeMap<String, BTreeSet<String>> {
    let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let inside = counted.iter().filter(|t| t.kind == TokenKind::Python && parts.contains(&t.coarse));
    for token in inside.take(STACK_LIMIT) {
        if let Some(name) = &token.detail {
            map.entry(token.coarse.clone()).or_default().insert(name.clone());
        }
    }
    map
}

/// "SIGSEGV: NULL dereference in _speedups.scan_key <- app.load".
fn title(cause: &Cause<'_>, stack: &Stack, parts: &[String]) -> String {
    let python = |t: &&Token| t.kind == TokenKind::Python;
    let first = stack.tokens.iter().find(python);
    let first = first.or_else(|| stack.tokens.iter().find(|t| t.kind == TokenKind::Stdlib)).map(|t| t.exact.clone());
    let site = match (&stack.site.module, stack.site.functions.first()) {
        (Some(module), Some(function)) => Some(format!("{module}.{function}")),
        (Some(module), None) if module == CPYTHON => {
            let token = stack.tokens.iter().find(|t| t.kind == TokenKind::Interpreter);
            Some(token.and_then(|t| t.detail.clone()).unwrap_or_else(|| "CPython".to_owned()))
        }
        (Some(module), None) => Some(stack.site.method.clone().unwrap_or_else(|| module.clone())),
        (None, _) => None,
    };
    // Where a stack ended, and where the collector was, is chance. A call of foreign code that died in the C library died of
    // what it was given: no fault of the module that made it.
    let only_called = stack.foreign_call && stack.site.module.as_deref() == Some(CPYTHON);
    let site = site.filter(|_| cause.rule.frames == KeyFrames::Stack && !only_called);
    let phrase = &cause.rule.phrase;
    let text = match (cause.subject(), cause.rule.frames) {
        (Some(object), KeyFrames::Subject) => format!("{phrase} at an object of type {object}"),
        (Some(subject), _) => format!("{phrase}: {subject}"),
        (None, _) => phrase.clone(),
    };
    let head = match cause.signal.as_str() {
        "none" => text,
        signal => format!("{signal}: {text}"),
    };
    let first = match cause.rule.frames {
        KeyFrames::Cycle => parts.get(1).cloned().or(first),
        _ => first,
    };
    let title = match (site, first) {
        (Some(site), Some(first)) => format!("{head} in {site} <- {first}"),
        (Some(only), None) | (None, Some(only)) => format!("{head} in {only}"),
        (None, None) => head,
    };
    crate::base::escape_terminal(&title)
}

/// The native module that crashed, else the module of the innermost Python function.
fn owner(stack: &Stack) -> Option<String> {
    match stack.site.module.as_deref() {
        Some(module) if module != CPYTHON => return Some(module.to_owned()),
        _ => {}
    }
    let own = stack.tokens.iter().find(|t| t.kind == TokenKind::Python);
    own.map(|t| t.module.split('.').next().unwrap_or(&t.module).to_owned()).or_else(|| stack.site.module.clone())
}

impl Signature {
    /// Whether what is known of both rules out one defect, although their coarse keys are equal: other native
    /// modules, other native functions, other qualified names. What only one of them knows says nothing.
    #[must_use]
    pub fn contradicts(&self, other: &Signature) -> bool {
        let (a, b) = (&self.site, &other.site);
        let same_wheel = a.wheel().is_some() && a.wheel() == b.wheel();
        if a.module.is_some() && b.module.is_some() && a.module != b.module && !same_wheel {
            return true;
        }
        if a.method.is_some() && b.method.is_some() && a.method != b.method {
            return true;
        }
        // The same instruction of the same build is the same place, whatever names can be told for it.
        let same_place = a.place.is_some() && a.place == b.place;
        let other_build = a.build().zip(b.build()).is_some_and(|(a, b)| a != b);
        if !same_place && other_functions(&a.functions, &b.functions, other_build) {
            return true;
        }
        self.qualnames
            .iter()
            .any(|(token, names)| other.qualnames.get(token).is_some_and(|others| names.is_disjoint(others)))
    }
}

/// The function that Python called is never inlined away; the one that crashed may be, but then its caller has the
/// other's name on its list. In another build it may have another name (what is chosen for the processor, say): then the
/// function that called it is the same.
fn other_functions(a: &[String], b: &[String], other_build: bool) -> bool {
    match (a.first(), a.last(), b.first(), b.last()) {
        (Some(a_top), Some(a_entry), Some(b_top), Some(b_entry)) => {
            let shared = |caller: Option<&String>, entry: &String, of: &[String]| {
                caller.is_some_and(|caller| caller != entry && of.contains(caller))
            };
            let renamed = other_build && (shared(a.get(1), a_entry, b) || shared(b.get(1), b_entry, a));
            a_entry != b_entry || !(b.contains(a_top) || a.contains(b_top) || renamed)
        }
        _ => false,
    }
}

/// `Report.signature` from a signature.
impl From<&Signature> for crate::model::Signature {
    fn from(own: &Signature) -> Self {
        Self { exact: own.exact_text.clone(), coarse: own.coarse_text.clone(), title: own.title.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Signature, Site};

    fn crash(path: &str, build: &str, functions: &[&str]) -> Signature {
        let module = super::super::normalize::native_module(path);
        let functions: Vec<String> = functions.iter().map(|f| (*f).to_owned()).collect();
        let place = Some(format!("{build}+{}", functions.join(".")));
        let site = Site { module: Some(module), functions, place, path: Some(path.to_owned()), ..Site::default() };
        Signature { site, ..Signature::default() }
    }

    #[test]
    fn what_another_build_calls_the_same_contradicts_nothing() {
        let sort = |build: &str, top: &str| crash("/p/_umath.so", build, &[top, "quicksort", "array_sort"]);
        assert!(!sort("a", "avx512_qsort").contradicts(&sort("b", "QSort_X86_V4")));
        // One of them has inlined what the other calls.
        let inlined = crash("/p/_umath.so", "b", &["pick", "median", "quicksort", "array_sort"]);
        assert!(!sort("a", "avx512_qsort").contradicts(&inlined));
        assert!(sort("a", "avx512_qsort").contradicts(&sort("a", "QSort_X86_V4")));
        let entry = |build: &str, top: &str| crash("/p/_umath.so", build, &[top, "array_sort"]);
        assert!(entry("a", "scan").contradicts(&entry("b", "store")));
    }

    #[test]
    fn libraries_of_a_wheel_have_other_names_in_its_next_version() {
        let old = crash("/s/site-packages/numpy.libs/libopenblas64_p-r0-0cf96a72.so", "a", &["dot_compute"]);
        let new = crash("/s/site-packages/numpy.libs/libscipy_openblas64_-32a4b2a6.so", "b", &["dot_compute"]);
        let other = crash("/s/site-packages/scipy.libs/libscipy_openblas-68440149.so", "b", &["dot_compute"]);
        assert!(!old.contradicts(&new));
        assert!(new.contradicts(&other));
    }
}
