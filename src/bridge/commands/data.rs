//! Variables and objects: `py-locals`, `py-print`, `py-object`, `py-refcount`, and the functions behind `$py_repr` and
//! the pretty-printers.

use super::show::{self, MAX_LOCALS, Style};
use super::stack::{Current, Natives, current, for_selection};
use super::{CommandError, Reply};
use crate::base::{Addr, escape_terminal};
use crate::bridge::protocol::RegistersOf;
use crate::bridge::python::{Scope, View};
use crate::bridge::session::Session;
use crate::bridge::values;
use crate::commands::{self, Args};
use crate::cpython::frame::{LocalVar, PyFrame, SlotKind, SlotValue, namespaces};
use crate::cpython::object::{
    DictEntries, Item, Kind, Path, PathError, ReprStyle, Root, Value, attributes, header, items, read_text,
    refcount as count,
};

/// Most frames of one evaluation loop whose variables are shown.
const MAX_FRAMES: usize = 50;

/// Longest name that is completed, in code points.
const MAX_NAME: u64 = 100;

/// Most children of an object.
const MAX_CHILDREN: usize = 1000;

fn selected_frame<'c>(current: &'c Current<'_>) -> Result<&'c PyFrame, CommandError> {
    current.stack.frame_from(current.entry).ok_or_else(|| CommandError::message("Unable to locate python frame"))
}

/// `py-locals [-v]`.
pub(super) fn locals(session: &mut Session, args: &Args<'_>) -> Result<Reply, CommandError> {
    let verbose = args.has("-v");
    let natives = for_selection(session, Natives::None);
    let current = current(session, natives)?;
    let first = current.stack.index_from(current.entry).unwrap_or_default();
    let mut out = String::new();
    for (shown, frame) in current.stack.frames.iter().skip(first).enumerate() {
        if shown >= MAX_FRAMES {
            out.push_str("(more frames follow: py-up goes to them)\n");
            break;
        }
        if current.style == Style::Gdb {
            out.push_str(&format!("Locals for {}\n", show::function(frame)));
        }
        match current.view.locals(frame, MAX_LOCALS) {
            Ok(list) => list.iter().for_each(|var| out.push_str(&local_line(&current.view, var, verbose))),
            Err(error) => out.push_str(&format!("(unreadable: {error})\n")),
        }
        // As CPython's script: the frames that one call of the C evaluation loop runs.
        if frame.entry || current.style == Style::Lldb {
            break;
        }
    }
    Ok(Reply::text(out))
}

fn local_line(view: &View<'_>, var: &LocalVar, verbose: bool) -> String {
    let name = escape_terminal(&var.name.to_string());
    // What every module has is not what the user looks for.
    if var.kind == SlotKind::Name && name.starts_with("__") && !verbose {
        return String::new();
    }
    let about = match &var.value {
        SlotValue::Object(addr) if verbose => {
            let kind = view.heap.type_of(*addr).map_or_else(|_| "?".to_owned(), |t| t.name.clone());
            format!(" ({} at {addr})", escape_terminal(&kind))
        }
        _ => String::new(),
    };
    match values::slot(view, &var.value) {
        Some(value) => format!("{name}{about} = {value}\n"),
        None if verbose => format!("{name} (not bound)\n"),
        None => String::new(),
    }
}

/// What a path leads to.
pub(super) struct Found {
    /// Where its first name was found; an address is in none.
    scope: Option<Scope>,
    pub value: Value,
}

/// Follows a path, from a name of the selected frame or from an address, and runs `with` on what it leads to.
pub(super) fn look_up<T>(
    session: &mut Session,
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
            return with_view(session, |view| with(view, &Found { scope: None, value: follow(view, None)? }));
        }
    };
    let natives = for_selection(session, Natives::None);
    let current = current(session, natives)?;
    let found = by_name(&current, name)?;
    let value = follow(&current.view, Some(found.value))?;
    with(&current.view, &Found { scope: found.scope, value })
}

/// A local, global or builtin of the selected frame.
fn by_name(current: &Current<'_>, name: &str) -> Result<Found, CommandError> {
    let frame = selected_frame(current)?;
    let view = &current.view;
    let list = view.locals(frame, usize::MAX)?;
    let local = list.into_iter().find(|v| v.name == *name && v.value != SlotValue::Unbound);
    match local {
        Some(LocalVar { value: SlotValue::Unreadable(error), .. }) => Err(error.into()),
        Some(var) => {
            let value = Value::of_slot(&var.value).ok_or_else(|| not_an_object(name))?;
            // The namespace of a module body is its globals.
            let global = var.kind == SlotKind::Name
                && matches!(view.global(frame, name), Ok(Some((Scope::Global, at))) if value.object() == Some(at));
            Ok(Found { scope: Some(if global { Scope::Global } else { Scope::Local }), value })
        }
        None => match view.global(frame, name)? {
            Some((scope, addr)) => Ok(Found { scope: Some(scope), value: Value::Object(addr) }),
            None => Err(CommandError::message(format!("{} not found", quoted(name)))),
        },
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

fn not_an_object(text: &str) -> CommandError {
    CommandError::message(format!("{} is not an object in memory", quoted(text)))
}

/// Text in Python's quotes, for messages.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", escape_terminal(text))
}

/// `py-print PATH`, or an address.
pub(super) fn print(session: &mut Session, args: &Args<'_>) -> Result<Reply, CommandError> {
    if let Some(at) = args.address() {
        return with_view(session, |view| Ok(Reply::text(format!("{}\n", values::object(view, at).text))));
    }
    look_up(session, args.path, |view, found| {
        let value = values::made(view, &found.value).text;
        let prefix = found.scope.map(|scope| format!("{} {} = ", scope.name(), quoted(args.path))).unwrap_or_default();
        Ok(Reply::text(format!("{prefix}{value}\n")))
    })
}

/// Runs `with` on the CPython of the process.
pub(super) fn with_view<T>(
    session: &mut Session,
    with: impl FnOnce(&View<'_>) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let process = session.process(RegistersOf::Selected)?;
    let view = process.view().ok_or_else(|| CommandError::message("no CPython was found in this process"))?;
    with(&view)
}

fn address_of(args: &str, usage: &str) -> Result<Addr, CommandError> {
    commands::address(args).ok_or_else(|| CommandError::message(format!("usage: {usage}")))
}

/// `py-object PATH|ADDRESS`.
pub(super) fn object(session: &mut Session, args: &Args<'_>) -> Result<Reply, CommandError> {
    if let Some(at) = args.address() {
        return with_view(session, |view| about(view, at).map(Reply::text));
    }
    look_up(session, args.path, |view, found| match found.value.object() {
        Some(at) => about(view, at).map(Reply::text),
        None => Ok(Reply::text(format!("{}: {}\n", quoted(args.path), values::made(view, &found.value).text))),
    })
}

/// Type, references, value, attributes and items of an object.
fn about(view: &View<'_>, at: Addr) -> Result<String, CommandError> {
    let info = header(&view.heap, at)?.type_info;
    let name = escape_terminal(&view.heap.full_name(&info));
    let mut out = format!("{at}: {name}, {}\n{}\n", refcount_text(view, at)?, values::object(view, at).text);
    if let Ok((list, more)) = attributes(&view.heap, at, MAX_CHILDREN) {
        for attribute in list {
            let value = values::object(view, attribute.value).text;
            out.push_str(&format!("  .{} = {value}\n", escape_terminal(&attribute.name.to_string())));
        }
        out.push_str(if more { "  ...\n" } else { "" });
    }
    let Ok(Some(found)) = items(&view.heap, at, &info, MAX_CHILDREN as u64) else { return Ok(out) };
    let total = found.total();
    for (index, item) in found.take(MAX_CHILDREN).enumerate() {
        let Item { key, value } = item?;
        let name = key.map_or_else(|| index.to_string(), |key| values::object(view, key).text);
        out.push_str(&format!("  [{name}] = {}\n", values::made(view, &value).text));
    }
    out.push_str(if total > MAX_CHILDREN as u64 { "  ...\n" } else { "" });
    Ok(out)
}

fn refcount_text(view: &View<'_>, at: Addr) -> Result<String, CommandError> {
    let found = count(view.ctx(), at)?;
    let mut text = match found.count {
        None => "immortal".to_owned(),
        Some(1) => "1 reference".to_owned(),
        Some(n) => format!("{n} references"),
    };
    if let (Some(local), Some(shared)) = (found.local, found.shared)
        && !found.immortal
    {
        text.push_str(&format!(" ({local} of its own thread, {shared} shared)"));
    }
    if found.deferred {
        text.push_str(", not counting those on stacks");
    }
    if found.is_absurd() {
        text.push_str(" (no living object has that)");
    }
    Ok(text)
}

/// `py-refcount PATH|ADDRESS`.
pub(super) fn refcount(session: &mut Session, args: &Args<'_>) -> Result<Reply, CommandError> {
    if let Some(at) = args.address() {
        return with_view(session, |view| {
            let _ = header(&view.heap, at)?;
            Ok(Reply::text(format!("{}\n", refcount_text(view, at)?)))
        });
    }
    look_up(session, args.path, |view, found| match found.value.object() {
        Some(at) => Ok(Reply::text(format!("{}: {}\n", quoted(args.path), refcount_text(view, at)?))),
        None => Err(not_an_object(args.path)),
    })
}

/// `$py_repr`, and the pretty-printers.
pub(super) fn repr(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "$py_repr(ADDRESS), or $py_repr($py_local(\"NAME\")) for a Python variable")?;
    with_view(session, |view| {
        let is_frame = view.heap.type_of(at).is_ok_and(|t| t.kind == Kind::Frame);
        // As CPython's script for gdb: a frame is worth more than its address.
        if is_frame
            && view.style == ReprStyle::GdbScript
            && let Ok(frame) = view.frame_of(at)
        {
            return Ok(Reply::text(show::whole_frame(view, &frame)));
        }
        Ok(Reply::text(values::object(view, at).text))
    })
}

/// `$py_type`.
pub(super) fn type_name(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "$py_type(ADDRESS)")?;
    with_view(session, |view| {
        let info = header(&view.heap, at)?.type_info;
        Ok(Reply::text(escape_terminal(&view.heap.full_name(&info))))
    })
}

/// `$py_refcnt`. Immortal objects have the number that stands in memory.
pub(super) fn refcnt(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "$py_refcnt(ADDRESS)")?;
    with_view(session, |view| {
        let _ = header(&view.heap, at)?;
        let found = count(view.ctx(), at)?;
        Ok(Reply::text("").value(found.count.unwrap_or_else(|| found.raw.cast_signed())))
    })
}

/// `$py_local`.
pub(super) fn local(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    look_up(session, args, |_, found| match found.value.object() {
        Some(at) => Ok(Reply::text("").value(at.0)),
        None => Err(not_an_object(args)),
    })
}

/// Items and attributes of an object, for the children that debuggers show: name and address, or name, 0 and what is
/// no object in memory (`{"int": 1}`, `{"float": 1.5}`, `{"text": "'a'"}`).
pub(super) fn children(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "ADDRESS")?;
    with_view(session, |view| {
        let mut list: Vec<serde_json::Value> = Vec::new();
        let info = header(&view.heap, at)?.type_info;
        let found = items(&view.heap, at, &info, MAX_CHILDREN as u64)?;
        for (index, item) in found.into_iter().flatten().take(MAX_CHILDREN).enumerate() {
            // A list that is damaged in the middle is shown up to there.
            let Ok(Item { key, value }) = item else { break };
            let name = key.map_or_else(|| index.to_string(), |key| values::object(view, key).text);
            list.push(child(view, &format!("[{name}]"), &value));
        }
        if let Ok((attributes, _)) = attributes(&view.heap, at, MAX_CHILDREN) {
            let named = attributes.into_iter().map(|a| (escape_terminal(&a.name.to_string()), a.value.0));
            list.extend(named.map(|child| serde_json::json!(child)));
        }
        Ok(Reply::text("").value(list))
    })
}

fn child(view: &View<'_>, name: &str, value: &Value) -> serde_json::Value {
    match value {
        Value::Object(addr) => serde_json::json!([name, addr.0]),
        Value::Int(number) => serde_json::json!([name, 0, { "int": number }]),
        Value::Float(number) if number.is_finite() => serde_json::json!([name, 0, { "float": number }]),
        made => serde_json::json!([name, 0, { "text": values::made(view, made).text }]),
    }
}

/// What may complete a path: its whole texts.
pub(super) fn complete(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let cut = args.rfind('.').map_or(0, |dot| dot.saturating_add(1));
    let (before, begun) = args.split_at_checked(cut).unwrap_or(("", args));
    let mut names = match before.strip_suffix('.') {
        Some(path) => look_up(session, path, |view, found| Ok(attribute_names(view, &found.value)))?,
        None => names_of_frame(session)?,
    };
    names.retain(|name| name.starts_with(begun) && (begun.starts_with('_') || !name.starts_with('_')));
    names.sort();
    names.dedup();
    let list: Vec<String> = names.into_iter().map(|name| format!("{before}{name}")).collect();
    Ok(Reply::text("").value(list))
}

fn attribute_names(view: &View<'_>, value: &Value) -> Vec<String> {
    let list = value.object().and_then(|at| attributes(&view.heap, at, MAX_CHILDREN).ok());
    let names = list.into_iter().flat_map(|(list, _)| list).map(|attribute| attribute.name.to_string());
    names.filter(|name| is_name(name)).collect()
}

fn names_of_frame(session: &mut Session) -> Result<Vec<String>, CommandError> {
    let natives = for_selection(session, Natives::None);
    let current = current(session, natives)?;
    let frame = selected_frame(&current)?;
    let locals = current.view.locals(frame, MAX_CHILDREN)?.into_iter();
    let locals = locals.filter(|var| var.value != SlotValue::Unbound).map(|var| var.name.to_string());
    let [globals, _] = namespaces(current.view.ctx(), frame)?;
    let entries = DictEntries::new(current.view.ctx(), globals)?.take(MAX_CHILDREN).map_while(Result::ok);
    let globals =
        entries.filter_map(|(key, _)| Some(read_text(current.view.ctx(), key, MAX_NAME).ok()?.text.to_string()));
    Ok(locals.chain(globals).filter(|name| is_name(name)).collect())
}

/// Whether a path may name it; nothing else goes to the debugger's prompt.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}
