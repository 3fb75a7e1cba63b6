//! `object`: all that is known of one object.

use super::arguments::words;
use super::current::with_view;
use super::host::{Host, Style};
use super::lookup::look_up;
use super::run::{CommandError, Reply};
use super::view::View;
use super::{Args, refcount};
use crate::base::Addr;
use crate::cpython::object::{self, AttributeSource, Details, Heap, Repr, ReprLimits, Value, header, inspect};
use crate::engine::{self, Options};
use crate::model;
use crate::model::answers::{
    Answer, AttributePlace, CollectorState, MemoryWord, ObjectAnswer, ObjectAttribute, ObjectItem,
};

/// Most attributes and items of an object in a debugger.
const MAX_CHILDREN: u64 = 1000;

/// `object [--words] PATH|ADDRESS`.
pub(super) fn object(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let in_debugger = host.style() != Style::Own;
    let described = |view: &View<'_>, value: &Value| -> Result<ObjectAnswer, CommandError> {
        if !in_debugger {
            return Ok(describe(&view.heap, value, &view.options));
        }
        // What is no object has nothing that a debugger's short form could show.
        if let Some(at) = value.object() {
            let _ = header(&view.heap, at)?;
        }
        Ok(describe(&view.heap, value, &few(&view.options)))
    };
    let about = |view: &View<'_>, value: &Value| -> Result<ObjectAnswer, CommandError> {
        let mut answer = described(view, value)?;
        if let Some(at) = value.object().filter(|_| args.has(words::WORDS)) {
            add_words(&view.heap, at, &view.options.limits.repr, &mut answer);
        }
        Ok(answer)
    };
    let answer = match args.address() {
        Some(at) => with_view(host, |view| about(view, &Value::Object(at)))?,
        None => look_up(host, args.path, |view, found| {
            Ok(ObjectAnswer { path: Some(args.path.to_owned()), ..about(view, &found.value)? })
        })?,
    };
    Ok(Reply::answer(Answer::Object(Box::new(answer))))
}

fn few(options: &Options) -> Options {
    let mut options = options.clone();
    options.limits.repr.items = options.limits.repr.items.min(MAX_CHILDREN);
    options
}

/// Adds the words that the object has in memory, as many as items are shown at most.
fn add_words(heap: &Heap<'_>, at: Addr, limits: &ReprLimits, answer: &mut ObjectAnswer) {
    match object::words(heap, at, limits.items.min(MAX_CHILDREN)) {
        Ok((words, more)) => {
            let object = |word: &object::ObjectWord| {
                let at = Addr(word.value);
                word.is_object.then(|| shown(Some(at), object::repr(heap, at, limits)))
            };
            answer.words = words
                .into_iter()
                .map(|word| MemoryWord {
                    object: object(&word),
                    offset: word.offset,
                    value: Addr(word.value),
                    fields: word.fields,
                })
                .collect();
            answer.more_words = more;
        }
        Err(error) => answer.problems.push(error.to_string()),
    }
}

/// All that is known of an object, or of what Python would make one of.
fn describe(heap: &Heap<'_>, value: &Value, options: &Options) -> ObjectAnswer {
    let limits = &options.limits.repr;
    let details = match value {
        Value::Object(addr) => inspect(heap, *addr, limits),
        made => Details::made(made.show(heap, limits)),
    };
    let (references, references_problem) = match &details.refcount {
        None => (None, None),
        Some(Ok(count)) => (Some(refcount::of(count)), None),
        Some(Err(error)) => (None, Some(error.to_string())),
    };
    let attributes = details.attributes.into_iter().map(|field| ObjectAttribute {
        name: field.name,
        place: match field.source {
            AttributeSource::Dict => AttributePlace::Dict,
            AttributeSource::Slot => AttributePlace::Slot,
            AttributeSource::Field => AttributePlace::Field,
        },
        value: shown(Some(field.addr), field.value),
    });
    let items = details.items.into_iter().map(|item| ObjectItem {
        key: item.key.map(|(addr, key)| shown(Some(addr), key)),
        value: shown(item.addr, item.value),
    });
    ObjectAnswer {
        path: None,
        addr: details.addr,
        type_name: details.type_name,
        type_addr: details.type_addr,
        mro: details.mro,
        value: shown(details.addr, details.repr),
        size: details.size,
        references,
        references_problem,
        gc: details.gc.map(|gc| CollectorState {
            tracked: gc.tracked,
            finalized: gc.finalized,
            collecting: gc.collecting,
        }),
        length: details.length,
        facts: details.facts,
        attributes: attributes.collect(),
        more_attributes: details.more_attributes,
        items: items.collect(),
        problems: details.problems,
        words: Vec::new(),
        more_words: false,
    }
}

fn shown(addr: Option<Addr>, repr: Repr) -> model::Value {
    model::Value { addr: addr.unwrap_or(Addr::NULL), ..engine::made(repr) }
}
