//! [`record`]: reads everything that any report of a target reads, so that a slim dump can hold it.

use super::python::PythonParts;
use super::{Options, PythonState, report};
use crate::debuggee::Target;
use crate::image::{Images, SearchOptions};
use crate::model::Report;
use crate::slim;
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

/// A report of a target with one of its sets of images.
fn analyze(target: &Target, images: &Images, options: &Options) -> Report {
    let parts = PythonParts::find(target, images);
    let python = parts.as_ref().map(|parts| PythonState::new(target, images, parts));
    report::make(target, images, python, options)
}
