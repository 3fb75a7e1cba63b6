//! [`record`]: reads everything that any report of a target reads, so that a slim dump can hold it.

use super::{Options, analyze};
use crate::image::{Images, SearchOptions};
use crate::target::{Target, slim};

/// Analyses `target` in every way that a report may be asked for; what is read meanwhile is remembered in
/// [`AddressSpace::recorded`](crate::target::AddressSpace::recorded).
///
/// Once with the modules' files, and once without: what comes from a file where it is at hand must come from memory
/// where it is not.
pub fn record(target: &mut Target, search: &SearchOptions) {
    target.memory.start_recording();
    let everything = Options { locals: true, native: true, machine: true, refcounts: true, ..Options::default() };
    let with_files = Images::attach(target, search);
    let _ = analyze(target, &with_files, &everything);
    let without = Images::attach(target, &SearchOptions { no_files: true, ..search.clone() });
    let _ = analyze(target, &without, &everything);
    slim::record_essentials(target);
    target.memory.stop_recording();
}
