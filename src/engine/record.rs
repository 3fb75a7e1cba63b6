//! [`record`]: reads everything that any report of a target reads, so that a slim dump can hold it.

use super::heap::{self, HeapLookError, Missing};
use super::python::{Known, PythonParts};
use super::{Options, PythonState, report};
use crate::debuggee::Target;
use crate::debuggee::recorded_symbols::{CodeName, NamedSymbol};
use crate::image::{Images, SearchOptions};
use crate::model::Report;
use crate::slim;
use crate::stack::NativeStack;
use std::thread;

/// Analyses `target` in every way that a report may be asked for; what is read meanwhile is remembered in
/// [`Recording::recorded`](crate::debuggee::Recording::recorded).
///
/// Once without the modules' files, and once with them: what comes from a file where it is available must come from memory
/// where it is not. The two go on at the same time. With files, native code gets more names, and so findings more to go
/// by; values are in memory, and read once where both see the same Python.
pub fn record(target: &mut Target, search: &SearchOptions) {
    let options = Options { locals: true, native: true, machine: true, refcounts: true, ..Options::default() };
    record_as(target, search, options);
}

/// The same without the text of any variable: of strings and bytes only types and lengths are read, so that a redacted dump
/// holds no more of them.
pub fn record_without_text(target: &mut Target, search: &SearchOptions) {
    let options = Options { locals: true, native: true, machine: true, refcounts: true, ..Options::default() };
    record_as(target, search, without_text(options));
}

/// Adds all that answers about the heap read, with the memory recorded so far; what the dump lacks of it.
///
/// # Errors
/// [`HeapLookError`] when there is no CPython, or no heap that can be read.
pub fn record_heap(target: &mut Target, search: &SearchOptions) -> Result<Missing, HeapLookError> {
    let images = Images::attach(target, search);
    let target = &*target;
    let parts = PythonParts::find(target, &images, &Known::default()).ok_or(HeapLookError::NoPython)?;
    let result = heap::record(target, &images, PythonState::new(target, &images, &parts));
    target.memory.stop_recording();
    result
}

/// Options under which no text of a variable is read.
#[must_use]
pub fn without_text(mut options: Options) -> Options {
    options.limits.repr.characters = 0;
    options
}

fn record_as(target: &mut Target, search: &SearchOptions, everything: Options) {
    target.memory.start_recording();
    let native = Options { locals: false, ..everything.clone() };
    let no_files = SearchOptions { no_files: true, ..search.clone() };
    let with_files = Images::attach(target, search);
    let without = Images::attach(target, &no_files);
    let (named, alone) = thread::scope(|scope| {
        let (target, everything) = (&*target, &everything);
        let other = thread::Builder::new().spawn_scoped(scope, move || analyze(target, &without, everything));
        let named = analyze(target, &with_files, &native);
        (named, other.ok().and_then(|other| other.join().ok()))
    });
    match alone {
        // No thread was to be had: one after the other.
        None => {
            let without = Images::attach(target, &no_files);
            let _ = analyze(target, &without, &everything);
        }
        Some(alone) if alone.python != named.python => {
            let _ = analyze(target, &with_files, &everything);
        }
        Some(_) => {}
    }
    slim::record_essentials(target);
    target.memory.stop_recording();
}

/// Remembers the names and lines of code on stacks that the process's memory alone does not tell.
pub(super) fn code_names(target: &Target, images: &Images, stacks: &[NativeStack]) {
    let code = stacks.iter().flat_map(|s| s.unwound.frames.iter().map(|f| f.lookup()).zip(&s.symbols));
    for (addr, code) in code {
        let image = code.module.and_then(|module| images.get(module));
        if code.module.is_some() && image.is_none() {
            continue;
        }
        let symbol = code.symbol.as_ref().filter(|s| !s.in_memory || image.is_none()).map(|s| NamedSymbol {
            name: s.name.clone(),
            start: s.start,
            size: s.size,
        });
        if symbol.is_none() && code.functions.is_empty() {
            continue;
        }
        // A slim dump that is made slim again hands on what it was given.
        let from = match target.code_names.at(addr) {
            Some(known) => known.from.clone(),
            None => {
                let path = image.and_then(|image| image.debug_path().or_else(|| image.path()));
                path.map(|path| path.display().to_string()).unwrap_or_default()
            }
        };
        target.code_names.record(addr, CodeName { symbol, functions: code.functions.clone(), from });
    }
}

/// A report of a target with one of its sets of images.
fn analyze(target: &Target, images: &Images, options: &Options) -> Report {
    let parts = PythonParts::find(target, images, &Known::default());
    let python = parts.as_ref().map(|parts| PythonState::new(target, images, parts));
    report::make(target, images, python, options)
}
