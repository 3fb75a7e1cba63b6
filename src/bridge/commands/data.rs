//! Variables and objects: `py-locals`, `py-print`, `py-object`, `py-refcount`, and the functions behind `$py_repr` and
//! the pretty-printers.

use super::show::{self, MAX_LOCALS, Style};
use super::stack::{Current, FEW, current};
use super::{CommandError, Reply, arguments};
use crate::base::{Addr, escape_terminal};
use crate::bridge::protocol::RegistersOf;
use crate::bridge::python::{Scope, View};
use crate::bridge::session::Session;
use crate::bridge::values;
use crate::cpython::frame::{LocalVar, PyFrame, SlotKind, SlotValue};
use crate::cpython::object::{
    DictEntries, Kind, ReprStyle, Sequence, attributes, find_attribute, header, list_items, read_text,
    refcount as count, set_items, tuple_items,
};

/// Most children of an object.
const MAX_CHILDREN: usize = 1000;

/// Native frames to look at for the selected frame: none where that is the innermost.
fn native_frames(session: &Session) -> u32 {
    if session.scene().frame.unwrap_or(0) == 0 && session.selection.is_none() { 0 } else { FEW }
}

fn selected_frame<'c>(current: &'c Current<'_>) -> Result<&'c PyFrame, CommandError> {
    current.stack.frame_from(current.entry).ok_or_else(|| CommandError::message("Unable to locate python frame"))
}

/// `py-locals [-v]`.
pub(super) fn locals(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let [verbose] = arguments::flags(args, ["-v"], "py-locals [-v]")?;
    let native = native_frames(session);
    let current = current(session, native)?;
    let first = current.stack.index_from(current.entry).unwrap_or_default();
    let mut out = String::new();
    for frame in current.stack.frames.iter().skip(first) {
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
    match values::variable(view, var) {
        Some(value) => format!("{name}{about} = {value}\n"),
        None if verbose => format!("{name} (not bound)\n"),
        None => String::new(),
    }
}

/// An object that a path leads to.
struct Found {
    scope: Scope,
    value: SlotValue,
}

fn look_up(current: &Current<'_>, text: &str) -> Result<Option<Found>, CommandError> {
    let Some((name, steps)) = arguments::path(text) else {
        return Err(CommandError::message(format!("{} is not the name of a Python variable", quoted(text))));
    };
    let frame = selected_frame(current)?;
    let view = &current.view;
    let list = view.locals(frame, usize::MAX)?;
    let local = list.into_iter().find(|v| v.name == *name.as_str() && v.value != SlotValue::Unbound);
    let mut found = match local {
        // The namespace of a module body is its globals.
        Some(var) => match (&var.value, view.global(frame, &name)) {
            (SlotValue::Object(own), Ok(Some((Scope::Global, global))))
                if *own == global && var.kind == SlotKind::Name =>
            {
                Found { scope: Scope::Global, value: var.value }
            }
            _ => Found { scope: Scope::Local, value: var.value },
        },
        None => match view.global(frame, &name)? {
            Some((scope, addr)) => Found { scope, value: SlotValue::Object(addr) },
            None => return Ok(None),
        },
    };
    for step in &steps {
        let SlotValue::Object(at) = found.value else { return Ok(None) };
        match follow(view, at, step)? {
            Some(next) => found.value = SlotValue::Object(next),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

fn follow(view: &View<'_>, at: Addr, step: &arguments::Step) -> Result<Option<Addr>, CommandError> {
    let heap = &view.heap;
    let found = match step {
        arguments::Step::Attribute(name) => match find_attribute(heap, at, name)? {
            Some(own) => Some(own),
            None => match heap.lookup(&*heap.type_of(at)?, name) {
                Some((_, value)) if is_descriptor(view, value) => {
                    let text = format!("{} is made by code of its class, which is not run", quoted(name));
                    return Err(CommandError::message(text));
                }
                found => found.map(|(_, value)| value),
            },
        },
        arguments::Step::Key(key) => key_of(view, at, |text| text.to_string() == *key, None)?,
        arguments::Step::Index(index) => match heap.type_of(at)?.kind {
            Kind::Tuple => item(tuple_items(view.ctx(), at)?, *index)?,
            Kind::List => item(list_items(view.ctx(), at)?, *index)?,
            _ => key_of(view, at, |_| false, Some(*index))?,
        },
    };
    Ok(found)
}

/// Whether an attribute of a class is code that makes the attribute of an instance.
fn is_descriptor(view: &View<'_>, at: Addr) -> bool {
    let names = ["getset_descriptor", "member_descriptor", "property", "cached_property"];
    view.heap.type_of(at).is_ok_and(|t| names.contains(&t.short_name()))
}

fn item(mut items: Sequence<'_>, index: i64) -> Result<Option<Addr>, CommandError> {
    let total = items.total();
    let at = match u64::try_from(index) {
        Ok(at) => Some(at),
        Err(_) => total.checked_sub(index.unsigned_abs()),
    };
    Ok(at.filter(|at| *at < total).and_then(|at| items.item(at)).transpose()?)
}

fn key_of(
    view: &View<'_>,
    dict: Addr,
    is_it: impl Fn(&crate::base::Text) -> bool,
    number: Option<i64>,
) -> Result<Option<Addr>, CommandError> {
    if !matches!(view.heap.type_of(dict)?.kind, Kind::Dict) {
        return Err(CommandError::message("only dicts, lists and tuples have items that can be looked up"));
    }
    for entry in DictEntries::new(view.ctx(), dict)? {
        let (key, value) = entry?;
        let hit = match view.heap.type_of(key).map(|t| t.kind) {
            Ok(Kind::Str) => read_text(view.ctx(), key, 10_000).is_ok_and(|part| is_it(&part.text)),
            Ok(Kind::Int) => {
                number.is_some()
                    && crate::cpython::object::Int::read(view.ctx(), key).ok().and_then(|i| i.to_i64()) == number
            }
            _ => false,
        };
        if hit {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Text in Python's quotes, for messages.
fn quoted(text: &str) -> String {
    format!("'{}'", escape_terminal(text))
}

/// `py-print PATH`, or an address.
pub(super) fn print(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    if args.is_empty() {
        return Err(CommandError::message("usage: py-print NAME[.ATTRIBUTE|[KEY]]..."));
    }
    if let Some(at) = arguments::address(args) {
        return on_object(session, at, |view, at| Ok(Reply::text(format!("{}\n", values::object(view, at).text))));
    }
    let native = native_frames(session);
    let current = current(session, native)?;
    let Some(found) = look_up(&current, args)? else {
        return Err(CommandError::message(format!("{} not found", quoted(args))));
    };
    let var = LocalVar { name: args.into(), kind: SlotKind::Local, value: found.value };
    let value = values::variable(&current.view, &var).unwrap_or_default();
    Ok(Reply::text(format!("{} {} = {value}\n", found.scope.name(), quoted(args))))
}

/// Runs `with` on an object that an address leads to.
fn on_object(
    session: &mut Session,
    at: Addr,
    with: impl FnOnce(&View<'_>, Addr) -> Result<Reply, CommandError>,
) -> Result<Reply, CommandError> {
    let process = session.process(RegistersOf::Selected)?;
    let Some(view) = process.view() else {
        return Err(CommandError::message("no CPython was found in this process"));
    };
    with(&view, at)
}

fn address_of(args: &str, usage: &str) -> Result<Addr, CommandError> {
    arguments::address(args).ok_or_else(|| CommandError::message(format!("usage: {usage}")))
}

/// `py-object ADDRESS`.
pub(super) fn object(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "py-object ADDRESS")?;
    on_object(session, at, |view, at| {
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
        Ok(Reply::text(out))
    })
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
pub(super) fn refcount(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    if let Some(at) = arguments::address(args) {
        return on_object(session, at, |view, at| {
            let _ = header(&view.heap, at)?;
            Ok(Reply::text(format!("{}\n", refcount_text(view, at)?)))
        });
    }
    let native = native_frames(session);
    let current = current(session, native)?;
    match look_up(&current, args)? {
        Some(Found { value: SlotValue::Object(at), .. }) => {
            Ok(Reply::text(format!("{}: {}\n", quoted(args), refcount_text(&current.view, at)?)))
        }
        Some(_) => Err(CommandError::message(format!("{} is not an object in memory", quoted(args)))),
        None => Err(CommandError::message(format!("{} not found", quoted(args)))),
    }
}

/// `$py_repr`, and the pretty-printers.
pub(super) fn repr(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "$py_repr(ADDRESS)")?;
    on_object(session, at, |view, at| {
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
    on_object(session, at, |view, at| {
        let info = header(&view.heap, at)?.type_info;
        Ok(Reply::text(escape_terminal(&view.heap.full_name(&info))))
    })
}

/// `$py_refcnt`. Immortal objects have the number that stands in memory.
pub(super) fn refcnt(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "$py_refcnt(ADDRESS)")?;
    on_object(session, at, |view, at| {
        let _ = header(&view.heap, at)?;
        let found = count(view.ctx(), at)?;
        Ok(Reply::text("").value(found.count.unwrap_or_else(|| found.raw.cast_signed())))
    })
}

/// `$py_local`.
pub(super) fn local(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let native = native_frames(session);
    let current = current(session, native)?;
    match look_up(&current, args)? {
        Some(Found { value: SlotValue::Object(at), .. }) => Ok(Reply::text("").value(at.0)),
        _ => Err(CommandError::message(format!("{} not found", quoted(args)))),
    }
}

/// Items and attributes of an object, for lldb's synthetic children.
pub(super) fn children(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "ADDRESS")?;
    on_object(session, at, |view, at| {
        let mut list: Vec<(String, u64)> = Vec::new();
        let ctx = view.ctx();
        let limit = MAX_CHILDREN as u64;
        let numbered = |items: Vec<Addr>| items.into_iter().enumerate().map(|(i, a)| (format!("[{i}]"), a.0));
        let items = |mut s: Sequence<'_>| (0..s.total().min(limit)).map_while(|i| s.item(i)?.ok()).collect();
        match header(&view.heap, at)?.type_info.kind {
            Kind::Tuple => list.extend(numbered(items(tuple_items(ctx, at)?))),
            Kind::List => list.extend(numbered(items(list_items(ctx, at)?))),
            Kind::Set | Kind::FrozenSet => list.extend(numbered(set_items(ctx, at, limit)?)),
            Kind::Dict => {
                for entry in DictEntries::new(ctx, at)?.take(MAX_CHILDREN) {
                    let (key, value) = entry?;
                    list.push((format!("[{}]", values::object(view, key).text), value.0));
                }
            }
            _ => {}
        }
        if let Ok((attributes, _)) = attributes(&view.heap, at, MAX_CHILDREN) {
            list.extend(attributes.into_iter().map(|a| (escape_terminal(&a.name.to_string()), a.value.0)));
        }
        Ok(Reply::text("").value(serde_json::json!(list)))
    })
}
