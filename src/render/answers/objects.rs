//! Variables, values and objects.

use super::stacks::text;
use super::{Manner, value_text};
use crate::base::escape_terminal;
use crate::commands::host::Style;
use crate::model::Local;
use crate::model::answers::{
    AttributePlace, CollectorState, FramesLocals, ObjectAnswer, Printed, ReferenceCount, References, Scope,
};
use std::fmt::Write as _;

/// Variables of frames.
pub(super) fn locals(answer: &FramesLocals, manner: &Manner) -> String {
    let mut out = String::new();
    for frame in &answer.frames {
        if manner.style == Style::Gdb {
            out.push_str(&format!("Locals for {}\n", text(frame.function.as_ref())));
        }
        for problem in &frame.problems {
            out.push_str(&format!("({})\n", escape_terminal(problem)));
        }
        frame.locals.iter().for_each(|local| out.push_str(&local_line(local, manner)));
    }
    if answer.more {
        let _ = writeln!(out, "(more frames follow: {}up goes to them)", manner.style.prefix());
    }
    out
}

fn local_line(local: &Local, manner: &Manner) -> String {
    let name = escape_terminal(&local.name.to_string());
    let about = match &local.value {
        Some(value) if manner.verbose && !value.addr.is_null() => {
            let kind = value.type_name.as_deref().unwrap_or("?");
            format!(" ({} at {})", escape_terminal(kind), value.addr)
        }
        _ => String::new(),
    };
    match (&local.value, &local.problem) {
        (Some(value), _) => format!("{name}{about} = {}\n", value_text(value, manner)),
        (None, Some(problem)) => format!("{name} = <unreadable: {}>\n", escape_terminal(problem)),
        (None, None) if manner.verbose => format!("{name} (not bound)\n"),
        (None, None) => String::new(),
    }
}

/// As CPython's script calls it.
fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Local => "local",
        Scope::Global => "global",
        Scope::Builtin => "builtin",
    }
}

/// Text in Python's quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", escape_terminal(text))
}

/// What a path leads to.
pub(super) fn printed(answer: &Printed, manner: &Manner) -> String {
    let value = value_text(&answer.tree.value, manner);
    let scope = answer.scope.filter(|_| manner.style != Style::Own);
    let prefix = scope.map(|scope| format!("{} {} = ", scope_name(scope), quoted(&answer.path)));
    format!("{}{value}\n", prefix.unwrap_or_default())
}

/// A reference count, for debuggers.
fn count_text(count: &ReferenceCount) -> String {
    let refcount = &count.refcount;
    let mut text = match refcount.count {
        None => "immortal".to_owned(),
        Some(1) => "1 reference".to_owned(),
        Some(n) => format!("{n} references"),
    };
    if let (Some(local), Some(shared)) = (refcount.local, refcount.shared)
        && !refcount.immortal
    {
        text.push_str(&format!(" ({local} of its own thread, {shared} shared)"));
    }
    if refcount.deferred {
        text.push_str(", not counting those on stacks");
    }
    if count.absurd {
        text.push_str(" (no living object has that)");
    }
    text
}

/// References to an object.
pub(super) fn references(answer: &References) -> String {
    let prefix = answer.path.as_ref().map(|path| format!("{}: ", quoted(path))).unwrap_or_default();
    format!("{prefix}{}\n", count_text(&answer.count))
}

/// All that is known of an object.
pub(super) fn object(answer: &ObjectAnswer, manner: &Manner) -> String {
    match (manner.style, answer.addr) {
        (Style::Own, _) => table(answer) + &words(answer, manner),
        (_, Some(_)) => short(answer, manner),
        (_, None) => {
            let path = answer.path.as_deref().unwrap_or_default();
            format!("{}: {}\n", quoted(path), value_text(&answer.value, manner))
        }
    }
}

/// Type, references, value, attributes and items.
fn short(answer: &ObjectAnswer, manner: &Manner) -> String {
    let name = escape_terminal(answer.type_name.as_deref().unwrap_or("?"));
    let count = answer.references.as_ref().map_or_else(|| "references unknown".to_owned(), count_text);
    let at = answer.addr.unwrap_or_default();
    let mut out = format!("{at}: {name}, {count}\n{}\n", value_text(&answer.value, manner));
    for attribute in answer.attributes.iter().filter(|attribute| attribute.place != AttributePlace::Field) {
        let value = value_text(&attribute.value, manner);
        out.push_str(&format!("  .{} = {value}\n", escape_terminal(&attribute.name)));
    }
    out.push_str(if answer.more_attributes { "  ...\n" } else { "" });
    for (index, item) in answer.items.iter().enumerate() {
        let name = item.key.as_ref().map_or_else(|| index.to_string(), |key| value_text(key, manner));
        out.push_str(&format!("  [{name}] = {}\n", value_text(&item.value, manner)));
    }
    let listed = answer.items.len() as u64;
    let more = listed > 0 && answer.length.is_some_and(|length| length > listed);
    out.push_str(if more { "  ...\n" } else { "" });
    out.push_str(&words(answer, manner));
    answer.problems.iter().for_each(|problem| out.push_str(&format!("  ({})\n", escape_terminal(problem))));
    out
}

/// Its memory, a line a word.
fn words(answer: &ObjectAnswer, manner: &Manner) -> String {
    let mut out = String::new();
    for word in &answer.words {
        let sign = if word.offset < 0 { '-' } else { '+' };
        let _ = write!(out, "  {sign}{:#04x}  {:#018x}", word.offset.unsigned_abs(), word.value.0);
        if !word.fields.is_empty() {
            let _ = write!(out, "  {}", escape_terminal(&word.fields.join(", ")));
        }
        if let Some(object) = &word.object {
            let _ = write!(out, "  -> {}", value_text(object, manner));
        }
        out.push('\n');
    }
    out.push_str(if answer.more_words { "  ...\n" } else { "" });
    out
}

/// Everything, a line a fact.
fn table(answer: &ObjectAnswer) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<12}{}", escape_terminal(&text));
    };
    let none = "none: Python makes the object when asked".to_owned();
    line("address", answer.addr.map_or(none, |addr| addr.to_string()));
    let of_type = answer.type_addr.map(|addr| format!(" at {addr}")).unwrap_or_default();
    line("type", answer.type_name.clone().unwrap_or_else(|| "?".to_owned()) + &of_type);
    if answer.addr.is_some() {
        line("bases", answer.mro.iter().skip(1).cloned().collect::<Vec<_>>().join(", "));
    }
    line("repr", answer.value.repr.clone());
    if let Some(size) = answer.size {
        line("size", format!("{size} bytes"));
    }
    match (&answer.references, &answer.references_problem) {
        (Some(count), _) => line("references", count_in_table(count)),
        (None, Some(problem)) => line("references", format!("unreadable: {problem}")),
        (None, None) => {}
    }
    if let Some(gc) = &answer.gc {
        line("gc", collector(gc));
    }
    if let Some(length) = answer.length {
        line("length", length.to_string());
    }
    for (name, text) in &answer.facts {
        line(name, text.clone());
    }
    for attribute in &answer.attributes {
        let place = match attribute.place {
            AttributePlace::Dict => "dict",
            AttributePlace::Slot => "slot",
            AttributePlace::Field => "field",
        };
        let (name, value) = (&attribute.name, &attribute.value);
        line("attribute", format!(".{name} = {}  ({place}, at {})", value.repr, value.addr));
    }
    if answer.more_attributes {
        line("attribute", "...".to_owned());
    }
    for item in &answer.items {
        let key = item.key.as_ref().map(|key| format!("{}: ", key.repr)).unwrap_or_default();
        let at = if item.value.addr.is_null() { String::new() } else { format!("  (at {})", item.value.addr) };
        line("item", format!("{key}{}{at}", item.value.repr));
    }
    for problem in &answer.problems {
        line("problem", problem.clone());
    }
    out
}

fn count_in_table(count: &ReferenceCount) -> String {
    let refcount = &count.refcount;
    if refcount.immortal {
        return format!("immortal (raw {:#x})", count.raw);
    }
    let parts = refcount.local.zip(refcount.shared).map(|(l, s)| format!(" (own thread {l}, others {s})"));
    let deferred = if refcount.deferred { ", deferred: at least" } else { "" };
    let number = refcount.count.map_or_else(|| "?".to_owned(), |n| n.to_string());
    format!("{number}{}{deferred}", parts.unwrap_or_default())
}

fn collector(gc: &CollectorState) -> String {
    let states = [(gc.tracked, "tracked"), (gc.finalized, "finalized"), (gc.collecting, "being collected")];
    let words: Vec<&str> = states.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    if words.is_empty() { "not tracked".to_owned() } else { words.join(", ") }
}
