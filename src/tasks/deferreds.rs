//! Deferreds of Twisted that still have callbacks to call (`Deferred` of twisted/internet/defer.py): which, and what function of
//! the program goes on then. Twisted lists them nowhere: they are looked for among all objects.

use super::chain::{Link, follow, is_coroutine_kind};
use super::reader::Reader;
use super::{Sources, Stacks};
use crate::base::Addr;
use crate::cpython::frame::FramePlace;
use crate::cpython::object::Kind;
use crate::model::tasks::{Deferred, DeferredCallback};

/// The class of Deferreds.
pub const DEFERRED: &str = "twisted.internet.defer.Deferred";

/// Callbacks of one Deferred, and arguments of one of them.
const MAX_CALLBACKS: usize = 1_000;
const MAX_ARGUMENTS: usize = 16;
/// What stands in place of a callback or errback that was not given.
const NONE_GIVEN: [&str; 2] = ["passthru", "_failthru"];
/// Types of what stands there where another Deferred is to go on (`_CONTINUE`; before 22 a plain object).
const CONTINUES: [&str; 2] = ["_Sentinel", "object"];

/// Those of the Deferreds at `all` in the main interpreter that have callbacks.
#[must_use]
pub fn deferreds(sources: &Sources<'_>, all: &[Addr], stacks: &mut Stacks) -> Vec<Deferred> {
    let Some((_, heap)) = sources.interpreters.first() else { return Vec::new() };
    let reader = Reader::new(heap, sources.codes);
    all.iter().filter_map(|at| deferred(&reader, *at, stacks)).collect()
}

fn deferred(reader: &Reader<'_, '_>, at: Addr, stacks: &mut Stacks) -> Option<Deferred> {
    let list = reader.attribute(at, "_callbacks").or_else(|| reader.attribute(at, "callbacks"))?;
    let entries = reader.items(list, MAX_CALLBACKS);
    if entries.is_empty() {
        return None;
    }
    let info = reader.heap.type_of(at).ok()?;
    Some(Deferred {
        addr: at,
        type_name: reader.heap.full_name(&info),
        called: reader.int_attribute(at, "called").unwrap_or(0) != 0,
        paused: reader.int_attribute(at, "paused").unwrap_or(0) > 0,
        chained_to: reader.attribute(at, "_chainedTo"),
        callbacks: entries.into_iter().map(|entry| callback(reader, entry, stacks)).collect(),
    })
}

/// `((callback, args, kwargs), (errback, args, kwargs))`.
fn callback(reader: &Reader<'_, '_>, entry: Addr, stacks: &mut Stacks) -> DeferredCallback {
    let pair = reader.items(entry, 2);
    let part = |index: usize| pair.get(index).map(|part| reader.items(*part, 3)).unwrap_or_default();
    let (success, failure) = (part(0), part(1));
    let name = |part: &[Addr]| part.first().and_then(|at| callable(reader, *at));
    let arguments = success.get(1).map(|tuple| reader.items(*tuple, MAX_ARGUMENTS)).unwrap_or_default();
    // `inlineCallbacks` and coroutines: what is to go on is an argument.
    let generator = arguments.into_iter().find(|at| reader.kind(*at).is_some_and(is_coroutine_kind));
    let stack = generator.and_then(|generator| {
        let own = |link: &Link| Some((link.place?, Some(link.generator)));
        let frames: Vec<(FramePlace, Option<Addr>)> =
            follow(reader, generator).links.iter().rev().filter_map(own).collect();
        stacks.number(reader, 0, &frames)
    });
    DeferredCallback { callback: name(&success), errback: name(&failure), stack }
}

/// Name of a function or method; `None` for what Twisted puts in place of one, and where another Deferred is to go on.
fn callable(reader: &Reader<'_, '_>, at: Addr) -> Option<String> {
    let function = if reader.kind(at)? == Kind::Method { reader.method_function(at)? } else { at };
    match reader.qualname(function) {
        Some(name) => (!NONE_GIVEN.contains(&name.as_str())).then_some(name),
        None if CONTINUES.contains(&reader.type_name(at).as_str()) => None,
        None => Some(format!("the {} at {at}", reader.type_name(at))),
    }
}
