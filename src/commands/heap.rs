//! `heap`, `objects`, `strings`, `refs`, `why`, `top`, `audit`, `check`, `memory`, `what`: questions about all objects of a process.

use super::Args;
use super::host::Host;
use super::lookup::{look_up, not_an_object};
use super::run::{CommandError, Reply};
use super::words::{GENERATION, LIMIT, MIN, SORT, TYPE, WHERE};
use crate::base::Addr;
use crate::engine::collections::last_collections;
use crate::engine::heap::HeapLookError;
use crate::engine::heap_answers::{self as answers, CensusOrder, Condition};
use crate::engine::heap_graph::{self as graph, Ways};
use crate::engine::{Inspection, address as addresses, heap_audit, heap_check, heap_top, memory as owners};
use crate::heap::Filter;
use crate::model::answers::Answer;
use crate::model::heap::{HeapAnswer, HeapCensus};

/// Rows that are shown unless it is said otherwise.
pub const DEFAULT_LIMIT: usize = 30;

/// What is asked of a heap.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Question {
    /// Objects and bytes by type.
    Census(Choice, CensusOrder),
    /// The largest objects.
    Objects(Choice),
    /// Texts and bytes that cost the most; only those that are there more than once.
    Strings(bool),
    /// Who refers to an object, or to what it refers.
    References(Addr, bool),
    /// Ways to an object from roots.
    Why(Addr),
    /// Ways to the largest objects of a type.
    WhyType(String),
    /// The objects that keep most alive.
    Top,
    /// Counts that do not agree with references.
    Audit,
    /// Whether the heap is whole.
    Check,
}

/// Which objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Choice {
    /// By type, size, generation.
    filter: Filter,
    /// By an attribute.
    condition: Option<Condition>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeapAskError {
    /// There is no heap to look at.
    #[error(transparent)]
    Look(#[from] HeapLookError),
    /// No object is there.
    #[error("there is no object at {0}")]
    NoObject(Addr),
}

/// Answers a question with at most `limit` rows.
fn ask(inspection: &Inspection, question: &Question, limit: usize) -> Result<Answer, HeapAskError> {
    let diagnostics = &inspection.target().diagnostics;
    inspection.heap(|state, missing| {
        let answer: HeapAnswer = match question {
            Question::Census(Choice { filter, condition }, order) => {
                let shown = (*order, limit);
                let answer = answers::census(state, missing, filter, condition.as_ref(), shown, diagnostics);
                HeapCensus { collections: last_collections(inspection), ..answer }.into()
            }
            Question::Objects(Choice { filter, condition }) => {
                let answer = answers::objects(state, missing, filter, condition.as_ref(), limit, diagnostics);
                answer.into()
            }
            Question::Strings(duplicates) => {
                answers::text_values(state, missing, *duplicates, limit, diagnostics).into()
            }
            Question::References(addr, outgoing) => {
                let found = graph::references(inspection, state, missing, *addr, (*outgoing, limit));
                found.ok_or(HeapAskError::NoObject(*addr))?.into()
            }
            Question::Why(addr) => {
                let found = graph::why(inspection, (state, &Ways::new(inspection, state)), missing, *addr, limit);
                found.ok_or(HeapAskError::NoObject(*addr))?.into()
            }
            Question::WhyType(name) => {
                let filter = Filter { type_name: Some(name.clone()), ..Filter::default() };
                let ways = Ways::new(inspection, state);
                graph::why_type(inspection, (state, &ways), missing, &filter, limit).into()
            }
            Question::Audit => heap_audit::audit(inspection, state, missing, limit).into(),
            Question::Check => heap_check::check(inspection, state, missing, limit).into(),
            Question::Top => heap_top::top(inspection, state, Ways::new(inspection, state), missing, limit).into(),
        };
        Ok(Answer::Heap(Box::new(answer)))
    })?
}

/// Asks the heap of the host's process.
fn reply(host: &mut dyn Host, args: &Args<'_>, question: &Question) -> Result<Reply, CommandError> {
    let limit = args.count(LIMIT).map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let inspection = host.whole()?;
    Ok(Reply::answer(ask(inspection, question, limit)?))
}

fn choice(args: &Args<'_>) -> Choice {
    let filter = Filter {
        type_name: args.value(TYPE).map(str::to_owned),
        min: args.count(MIN).unwrap_or(0),
        generation: args.count(GENERATION).and_then(|number| u8::try_from(number).ok()),
    };
    let condition = args.value(WHERE).and_then(|text| text.split_once('='));
    let condition = condition.map(|(name, value)| Condition { name: name.to_owned(), value: value.to_owned() });
    Choice { filter, condition }
}

/// The address that an argument names: itself, or that of the object that a path leads to.
fn address(host: &mut dyn Host, args: &Args<'_>) -> Result<Addr, CommandError> {
    match args.address() {
        Some(at) => Ok(at),
        None => look_up(host, args.path, |_, found| found.value.object().ok_or_else(|| not_an_object(args.path))),
    }
}

/// `heap [--type TYPE] [--min BYTES] [--gen N] [--where ATTR=VALUE] [--sort bytes|count] [--limit N]`.
pub(super) fn heap(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let order = if args.value(SORT) == Some("count") { CensusOrder::Count } else { CensusOrder::Bytes };
    reply(host, args, &Question::Census(choice(args), order))
}

/// `objects [--type TYPE] [--min BYTES] [--gen N] [--where ATTR=VALUE] [--limit N]`.
pub(super) fn objects(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    reply(host, args, &Question::Objects(choice(args)))
}

/// `strings [--duplicates] [--limit N]`.
pub(super) fn strings(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    reply(host, args, &Question::Strings(args.has("--duplicates")))
}

/// `refs [--out] [--limit N] PATH|ADDRESS`.
pub(super) fn refs(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let addr = address(host, args)?;
    reply(host, args, &Question::References(addr, args.has("--out")))
}

/// `why [--limit N] PATH|ADDRESS`, `why --type TYPE`.
pub(super) fn why(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let question = match args.value(TYPE) {
        Some(name) => Question::WhyType(name.to_owned()),
        None => Question::Why(address(host, args)?),
    };
    reply(host, args, &question)
}

/// `top [--limit N]`.
pub(super) fn top(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    reply(host, args, &Question::Top)
}

/// `audit [--limit N]`.
pub(super) fn audit(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    reply(host, args, &Question::Audit)
}

/// `check [--limit N]`.
pub(super) fn check(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    reply(host, args, &Question::Check)
}

/// `memory`.
pub(super) fn memory(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    let inspection = host.whole()?;
    // Memory has owners without objects too.
    let answer = inspection.heap_if_any(|state, missing| owners::memory(inspection, state, missing));
    Ok(Reply::answer(Answer::Memory(Box::new(answer.map_err(HeapAskError::from)?))))
}

/// `what PATH|ADDRESS`.
pub(super) fn what(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let addr = address(host, args)?;
    Ok(Reply::answer(Answer::Address(addresses::what(host.whole()?, addr))))
}
