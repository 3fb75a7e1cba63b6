//! What a path leads to: from a name of the selected frame, or from an address.

use super::current::{Current, Natives, current, for_selection, with_view};
use super::host::{Host, Style};
use super::run::CommandError;
use super::view::View;
use crate::base::escape_terminal;
use crate::cpython::frame::{LocalVar, SlotKind, SlotValue};
use crate::cpython::object::{Path, PathError, Root, Value};
use crate::model::answers::Scope;

/// What a path leads to.
pub(super) struct Found {
    /// Where its first name was found; an address is in none.
    pub scope: Option<Scope>,
    pub value: Value,
}

/// Follows a path and runs `with` on what it leads to.
pub(super) fn look_up<T>(
    host: &mut dyn Host,
    text: &str,
    with: impl FnOnce(&View<'_>, &Found) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let path = Path::parse(text).map_err(|error| wrong(text, &error))?;
    let follow = |view: &View<'_>, start: Option<Value>| {
        path.evaluate(&view.heap, &|_| start.clone()).map_err(|error| wrong(text, &error))
    };
    let name = match &path.root {
        Root::Name(name) => name,
        // An address needs no frame, and may be asked for where there is none.
        Root::Address(_) => {
            return with_view(host, |view| with(view, &Found { scope: None, value: follow(view, None)? }));
        }
    };
    let natives = for_selection(host, Natives::None);
    let current = current(host, natives)?;
    let found = match by_name(&current, name)? {
        Some(found) => found,
        None if current.style == Style::Own => {
            return Err(wrong(text, &PathError::NoName { name: name.clone() }));
        }
        None => return Err(CommandError::message(format!("{} not found", quoted(name)))),
    };
    let view = current.view_of_frame();
    let value = follow(&view, Some(found.value))?;
    with(&view, &Found { scope: found.scope, value })
}

/// A local, global or builtin of the selected frame.
fn by_name(current: &Current<'_>, name: &str) -> Result<Option<Found>, CommandError> {
    let frame = current.frame()?;
    let view = current.view_of_frame();
    let list = view.locals(frame, usize::MAX)?;
    let local = list.into_iter().find(|v| v.name == *name && v.value != SlotValue::Unbound);
    match local {
        Some(LocalVar { value: SlotValue::Unreadable(error), .. }) => Err(error.into()),
        Some(var) => {
            let value = Value::of_slot(&var.value).ok_or_else(|| not_an_object(name))?;
            // The namespace of a module body is its globals.
            let global = var.kind == SlotKind::Name
                && matches!(view.global(frame, name), Ok(Some((Scope::Global, at))) if value.object() == Some(at));
            Ok(Some(Found { scope: Some(if global { Scope::Global } else { Scope::Local }), value }))
        }
        None => {
            let found = view.global(frame, name).map_err(|error| {
                let name = quoted(name);
                CommandError::message(format!("{name} is no local, and the globals cannot be read: {error}"))
            })?;
            Ok(found.map(|(scope, addr)| Found { scope: Some(scope), value: Value::Object(addr) }))
        }
    }
}

/// A path that leads nowhere.
fn wrong(text: &str, error: &PathError) -> CommandError {
    let why = escape_terminal(&error.to_string());
    match error {
        PathError::Syntax { .. } => CommandError::message(format!("{} is not a path: {why}", quoted(text))),
        _ => CommandError::message(why),
    }
}

/// A path that leads to what has no address.
pub(super) fn not_an_object(text: &str) -> CommandError {
    CommandError::message(format!("{} is not an object in memory", quoted(text)))
}

/// Text in Python's quotes, for messages.
fn quoted(text: &str) -> String {
    format!("'{}'", escape_terminal(text))
}
