//! What may complete a path to a Python object.

use super::children::MAX_CHILDREN;
use super::current::{Natives, current, for_selection};
use super::host::Host;
use super::lookup::look_up;
use super::run::{CommandError, Reply};
use super::view::View;
use crate::cpython::frame::{SlotValue, namespaces};
use crate::cpython::object::{DictEntries, Value, attributes, read_text};

/// Longest name that is completed, in code points.
const MAX_NAME: u64 = 100;

/// The whole texts of the paths that begin with `args`.
pub(super) fn complete(host: &mut dyn Host, args: &str) -> Result<Reply, CommandError> {
    let cut = args.rfind('.').map_or(0, |dot| dot.saturating_add(1));
    let (before, begun) = args.split_at_checked(cut).unwrap_or(("", args));
    let mut names = match before.strip_suffix('.') {
        Some(path) => look_up(host, path, |view, found| Ok(attribute_names(view, &found.value)))?,
        None => names_of_frame(host)?,
    };
    names.retain(|name| name.starts_with(begun) && (begun.starts_with('_') || !name.starts_with('_')));
    names.sort();
    names.dedup();
    let list: Vec<String> = names.into_iter().map(|name| format!("{before}{name}")).collect();
    Ok(Reply::value(list))
}

fn attribute_names(view: &View<'_>, value: &Value) -> Vec<String> {
    let list = value.object().and_then(|at| attributes(&view.heap, at, MAX_CHILDREN).ok());
    let names = list.into_iter().flat_map(|(list, _)| list).map(|attribute| attribute.name.to_string());
    names.filter(|name| is_name(name)).collect()
}

fn names_of_frame(host: &mut dyn Host) -> Result<Vec<String>, CommandError> {
    let natives = for_selection(host, Natives::None);
    let current = current(host, natives)?;
    let frame = current.frame()?;
    let view = current.view_of_frame();
    let locals = view.locals(frame, MAX_CHILDREN)?.into_iter();
    let locals = locals.filter(|var| var.value != SlotValue::Unbound).map(|var| var.name.to_string());
    let ctx = view.ctx();
    // Where the globals are not in the dump the locals are still there.
    let globals = namespaces(ctx, frame).and_then(|[globals, _]| DictEntries::new(ctx, globals)).ok();
    let entries = globals.into_iter().flatten().take(MAX_CHILDREN).map_while(Result::ok);
    let globals = entries.filter_map(|(key, _)| Some(read_text(ctx, key, MAX_NAME).ok()?.text.to_string()));
    Ok(locals.chain(globals).filter(|name| is_name(name)).collect())
}

/// Whether a path may name it; nothing else goes to the debugger's prompt.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}
