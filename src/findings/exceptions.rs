//! Exceptions that were set when the process died.

use super::facts::{Facts, Scene};
use super::finding;
use crate::model::{Confidence, ExceptionInfo, Finding, FindingId};
use crate::stack::analysis::AnalyzedThread;

/// Texts of exceptions that tell of a defect in C code: type, part of the text, rule, headline, advice
/// (Objects/call.c `_Py_CheckFunctionResult`).
const TELLING: &[(&str, &str, FindingId, &str, &str)] = &[
    (
        "SystemError",
        "with an exception set",
        FindingId::ExceptionLeftSet,
        "a C function returned a result although an exception was set",
        "after a call that sets an exception return NULL (or -1), or clear it with PyErr_Clear",
    ),
    (
        "SystemError",
        "with an error set",
        FindingId::ExceptionLeftSet,
        "a C function returned a result although an exception was set",
        "after a call that sets an exception return NULL (or -1), or clear it with PyErr_Clear",
    ),
    (
        "SystemError",
        "NULL without setting an",
        FindingId::NullWithoutException,
        "a C function returned NULL without setting an exception",
        "set an exception before NULL is returned",
    ),
    ("RecursionError", "", FindingId::PythonRecursion, "Python code recursed too deep", "end the recursion"),
    (
        "MemoryError",
        "",
        FindingId::OutOfMemory,
        "Python was out of memory",
        "see what holds the memory with `pyinquest heap report`, or raise the limit",
    ),
];

/// Exceptions of the crashed thread that tell of a defect, wherever in the chain of causes.
pub(super) fn telling(facts: &Facts<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for thread in facts.analysis.threads.iter().filter(|t| t.crashed) {
        for exception in thread.states().flat_map(|python| python.raising.iter().chain(&python.handling)) {
            for link in chain(exception) {
                let kind = link.value.type_name.as_deref().unwrap_or_default();
                let known = TELLING.iter().find(|(t, part, ..)| kind == *t && link.summary.contains(part));
                if let Some((_, _, id, what, advice)) = known {
                    let title = format!("{what}: {}{}", link.summary, place(link));
                    let evidence = vec![format!("exception of this thread: {}", link.summary)];
                    let tid = thread.tid.unwrap_or_default();
                    let made = finding(id.clone(), title, Confidence::High, evidence, tid);
                    out.push(Finding { advice: Some((*advice).to_owned()), ..made });
                }
            }
        }
    }
    out
}

/// What was printed before the process gave up, as evidence of why, where no exception is in flight in the crashed thread.
pub(super) fn printed(facts: &Facts<'_>, scene: &Scene<'_>, findings: &mut [Finding]) {
    let Some(printed) = &facts.analysis.printed else { return };
    let in_flight = scene.thread.is_some_and(|thread| context(thread, true).is_some());
    let first = findings.first_mut().filter(|f| !in_flight && f.tid == Some(scene.tid));
    if let Some(first) = first {
        let text = format!("the last exception that was printed: {}{}", printed.summary, place(printed));
        first.evidence.push(text);
    }
}

/// The exception being raised or handled in each thread, as context.
pub(super) fn in_flight(facts: &Facts<'_>) -> Vec<Finding> {
    const THREADS: usize = 8;
    let threads = &facts.analysis.threads;
    let any_crashed = threads.iter().any(|thread| thread.crashed);
    threads.iter().filter_map(|thread| context(thread, any_crashed)).take(THREADS).collect()
}

fn context(thread: &AnalyzedThread, any_crashed: bool) -> Option<Finding> {
    let real = |e: &&ExceptionInfo| e.value.type_name.as_deref() != Some("NoneType");
    let raising = thread.states().find_map(|python| python.raising.as_ref().filter(real));
    let handling = || thread.states().find_map(|python| python.handling.iter().find(real));
    let (verb, exception) = match raising {
        Some(raising) => ("was set", raising),
        None => ("was being handled", handling()?),
    };
    let who = match (thread.crashed, any_crashed, thread.tid) {
        (true, ..) => "in the crashed thread".to_owned(),
        (false, false, Some(tid)) => format!("in thread {tid}"),
        (false, ..) => "in another thread".to_owned(),
    };
    let title = format!("an exception {verb} {who}: {}{}", exception.summary, place(exception));
    let evidence = exception
        .traceback
        .iter()
        .map(|e| {
            let text = |t: &Option<crate::base::Text>| t.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{}:{} in {}", text(&e.file), e.line.unwrap_or(0), text(&e.function))
        })
        .collect();
    let id = if verb == "was set" { FindingId::ExceptionSet } else { FindingId::ExceptionHandled };
    Some(finding(id.clone(), title, Confidence::Low, evidence, thread.tid.unwrap_or_default()))
}

/// The exception and its causes.
fn chain(exception: &ExceptionInfo) -> impl Iterator<Item = &ExceptionInfo> {
    const LIMIT: usize = 32;
    std::iter::successors(Some(exception), |e| Some(&e.caused_by.as_deref()?.exception)).take(LIMIT)
}

/// ", raised at app.py:31 in load"
fn place(exception: &ExceptionInfo) -> String {
    exception.traceback.last().map_or(String::new(), |e| {
        let file = e.file.as_ref().map(ToString::to_string).unwrap_or_default();
        let function = e.function.as_ref().map(ToString::to_string).unwrap_or_default();
        format!(", raised at {}:{} in {function}", crate::base::file_name(&file), e.line.unwrap_or(0))
    })
}
