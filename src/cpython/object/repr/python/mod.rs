//! Reprs written in Python: functions of the standard library that are known by module and qualified name, and the functions
//! that `dataclasses`, `collections.namedtuple` and `attrs` generate. All others are user code, which is not run.
//!
//! A function counts as the known one when its `__module__` and `__qualname__` say so; what generated code looks like is told
//! by the file name of its code object.

mod argparse;
mod asyncio;
mod collections;
mod concurrent;
mod ctypes;
mod enums;
mod fractions;
mod generated;
mod http;
mod ipaddress;
mod logging;
mod pandas;
mod pathlib;
mod reprlib;
mod statistics;
mod subprocess;
mod tempfile;
mod threads;
mod traceback;
mod types;
mod uuid;
mod weakref;

pub(in crate::cpython::object) use asyncio::{future as asyncio_future, task as asyncio_task};

use super::default;
use super::limits::Fidelity;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::instance::find_attribute;
use crate::cpython::object::int::Int;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_str;
use crate::field;

/// Longest string attribute that a repr is made of.
const MAX_TEXT: u64 = 10_000;

/// Renders an object as a known Python function would. `Ok(false)`: what it needs is not there after all.
type Known = fn(&mut Writer<'_, '_>, Addr, &TypeInfo) -> Result<bool, DecodeError>;

fn known(module: &str, qualname: &str) -> Option<Known> {
    Some(match (module, qualname) {
        ("collections", "Counter.__repr__") => collections::counter,
        ("collections", "ChainMap.__repr__") => collections::chain_map,
        ("collections", "UserDict.__repr__" | "UserList.__repr__" | "UserString.__repr__") => collections::data,
        ("_weakrefset", "WeakSet.__repr__") => collections::data,
        ("weakref", "WeakValueDictionary.__repr__" | "WeakKeyDictionary.__repr__") => weakref::name_and_address,
        ("enum", "Enum.__repr__") => enums::member,
        ("enum", "Flag.__repr__") => enums::flag,
        ("enum", "global_enum_repr") => enums::global_member,
        ("enum", "global_flag_repr") => enums::global_flag,
        ("re", "RegexFlag.__repr__") => enums::regex_flag,
        ("enum", "EnumMeta.__repr__" | "EnumType.__repr__") => enums::class,
        ("fractions", "Fraction.__repr__") => fractions::fraction,
        ("uuid", "UUID.__repr__") => uuid::uuid,
        ("pathlib" | "pathlib._local", "PurePath.__repr__") => pathlib::path,
        ("asyncio.locks", "Lock.__repr__") => asyncio::lock,
        ("asyncio.locks", "Event.__repr__") => asyncio::event,
        ("asyncio.locks", "Condition.__repr__") => asyncio::condition,
        ("asyncio.locks", "Semaphore.__repr__") => asyncio::semaphore,
        ("asyncio.queues", "Queue.__repr__") => asyncio::queue,
        ("asyncio.events", "Handle.__repr__") => asyncio::handle,
        ("asyncio.base_events", "BaseEventLoop.__repr__") => asyncio::event_loop,
        ("asyncio.base_events", "Server.__repr__") => asyncio::server,
        ("asyncio.taskgroups", "TaskGroup.__repr__") => asyncio::task_group,
        ("asyncio.timeouts", "Timeout.__repr__") => asyncio::timeout,
        ("asyncio.futures", "Future.__repr__") | ("asyncio.base_futures", "_future_repr") => asyncio::python_future,
        ("asyncio.tasks", "Task.__repr__") | ("asyncio.base_tasks", "_task_repr") => asyncio::python_task,
        ("pandas.core.frame", "DataFrame.__repr__") | ("pandas.core.series", "Series.__repr__") => pandas::table,
        ("pandas.core.indexes.base", "Index.__repr__") => pandas::index,
        ("ctypes", "c_char_p.__repr__" | "c_wchar_p.__repr__") => ctypes::char_pointer,
        ("argparse", "_AttributeHolder.__repr__") => argparse::arguments,
        ("concurrent.futures._base", "Future.__repr__") => concurrent::future,
        ("http", "HTTPMethod.__repr__") => http::method,
        ("ipaddress", "_BaseAddress.__repr__") => ipaddress::address,
        ("ipaddress", "_BaseNetwork.__repr__") => ipaddress::network,
        // Until 3.7 `__repr__` was another name of it.
        ("logging", "LogRecord.__repr__" | "LogRecord.__str__") => logging::log_record,
        ("statistics", "NormalDist.__repr__") => statistics::normal_distribution,
        ("subprocess", "CompletedProcess.__repr__") => subprocess::completed_process,
        ("tempfile", "TemporaryDirectory.__repr__") => tempfile::temporary_directory,
        ("traceback", "FrameSummary.__repr__") => traceback::frame_summary,
        ("ctypes", "py_object.__repr__") => ctypes::python_object,
        ("logging", "Logger.__repr__") => logging::logger,
        ("subprocess", "Popen.__repr__") => subprocess::popen,
        ("threading", "Thread.__repr__") => threads::thread,
        ("threading", "Event.__repr__") => threads::event,
        ("threading", "Condition.__repr__") => threads::condition,
        ("threading", "Semaphore.__repr__" | "BoundedSemaphore.__repr__") => threads::semaphore,
        ("threading", "Barrier.__repr__") => threads::barrier,
        ("typing", "_AnyMeta.__repr__") => types::any,
        ("typing", "NewType.__repr__") => types::new_type,
        ("typing", "_LiteralGenericAlias.__repr__") => types::generic_alias,
        ("typing", "_SpecialForm.__repr__" | "_SpecialGenericAlias.__repr__") => types::special_form,
        ("typing", "_GenericAlias.__repr__" | "_CallableGenericAlias.__repr__") => types::generic_alias,
        ("collections.abc" | "_collections_abc", "_CallableGenericAlias.__repr__") => types::abstract_callable,
        ("annotationlib", "ForwardRef.__repr__") => types::annotation,
        ("typing", "_AnnotatedAlias.__repr__") => types::annotated,
        ("typing", "ForwardRef.__repr__") => types::forward_reference,
        ("typing", "ParamSpecArgs.__repr__" | "ParamSpecKwargs.__repr__") => types::parameter_args,
        ("typing", "_UnionGenericAlias.__repr__") => types::union_alias,
        ("typing", "TypeVarTuple.__repr__") => types::type_variable_tuple,
        ("typing", "TypeVar.__repr__" | "_TypeVarLike.__repr__" | "_BoundVarianceMixin.__repr__") => {
            types::type_variable
        }
        _ => return None,
    })
}

/// Renders an object whose class defines `__repr__` in Python as `function`.
pub(super) fn render(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
    class: &TypeInfo,
    function: Addr,
) -> Result<(), DecodeError> {
    let found = names(w, function).and_then(|(module, qualname)| {
        known(&module, &qualname).or_else(|| generated::known(w, class, function, &module, &qualname))
    });
    let start = w.mark();
    // Of objects further out.
    let earlier = w.take_unread();
    let rendered = found.map(|render| render(w, addr, info)).transpose()?;
    let unread = w.take_unread();
    if earlier {
        w.note_unread();
    }
    match rendered {
        Some(true) if !unread => Ok(()),
        Some(_) => {
            w.rewind(start);
            default::structural(w, addr, info)
        }
        None => default::structural(w, addr, info),
    }
}

/// What a known Python function writes for an object inside its own repr (`reprlib.recursive_repr`), and whether it is that.
pub(super) fn recursion(w: &Writer<'_, '_>, class: &TypeInfo, function: Addr) -> (String, bool) {
    let guarded = names(w, function).is_some_and(|(module, qualname)| {
        matches!((&*module, &*qualname), ("collections", "ChainMap.__repr__"))
            // `namedtuple` has no guard: there Python ends in a `RecursionError`.
            || !(module == "collections" || module.starts_with("namedtuple_")) && generated::known(w, class, function, &module, &qualname).is_some()
    });
    match guarded {
        true => ("...".to_owned(), true),
        false => (format!("<{} again>", class.short_name()), false),
    }
}

/// `__module__` and `__qualname__` of a function.
fn names(w: &Writer<'_, '_>, function: Addr) -> Option<(String, String)> {
    let ctx = w.ctx();
    if w.heap.type_of(function).ok()?.kind != Kind::Function {
        return None;
    }
    let module = ctx.ptr(field!(ctx, function.module), function).ok()?;
    let module = string(w, module)?;
    let qualname = ctx.ptr(field!(ctx, function.qualname), function).ok()?;
    Some((module, read_str(ctx, qualname, 1000).ok()?))
}

/// The attribute `name` of an instance: its own, else that of its class.
fn attribute(w: &Writer<'_, '_>, addr: Addr, name: &str) -> Option<Addr> {
    match find_attribute(w.heap, addr, name) {
        Ok(Some(own)) => return Some(own),
        Ok(None) => {}
        Err(_) => {
            w.note_unread();
            return None;
        }
    }
    let info = w.heap.type_of(addr).ok()?;
    let (_, value) = w.heap.lookup(&info, name)?;
    // A property or another descriptor computes what we do not.
    let kind = w.heap.type_of(value).ok()?.kind;
    (!matches!(kind, Kind::Property | Kind::MemberDescriptor | Kind::GetSetDescriptor)).then_some(value)
}

/// The text of a `str` object.
fn string(w: &Writer<'_, '_>, addr: Addr) -> Option<String> {
    (w.heap.type_of(addr).ok()?.kind == Kind::Str).then(|| read_str(w.ctx(), addr, MAX_TEXT).ok())?
}

/// A `str` attribute.
fn string_attribute(w: &Writer<'_, '_>, addr: Addr, name: &str) -> Option<String> {
    string(w, attribute(w, addr, name)?)
}

/// An `int` (or `bool`) attribute.
fn int_attribute(w: &Writer<'_, '_>, addr: Addr, name: &str) -> Option<Int> {
    let value = attribute(w, addr, name)?;
    matches!(w.heap.type_of(value).ok()?.kind, Kind::Int | Kind::Bool).then(|| Int::read(w.ctx(), value).ok())?
}

/// Whether an attribute is there and is a true bool or a non-zero int.
fn is_true(w: &Writer<'_, '_>, addr: Addr, name: &str) -> bool {
    int_attribute(w, addr, name).is_some_and(|value| value.to_i64() != Some(0))
}

/// Whether an object is `None`.
fn is_none(w: &Writer<'_, '_>, addr: Addr) -> bool {
    w.heap.type_of(addr).is_ok_and(|info| info.kind == Kind::None)
}

/// `Name(a=1, b=2)` of the attributes with these names; false when one of them is missing.
fn fields(w: &mut Writer<'_, '_>, addr: Addr, name: &str, fields: &[String]) -> bool {
    w.name(name);
    w.push("(");
    let total = fields.len() as u64;
    let mut missing = false;
    w.sequence(total, fields.iter().map(Ok), |w, field| {
        w.name(field);
        w.push("=");
        match attribute(w, addr, field) {
            Some(value) => w.object(value),
            None => missing = true,
        }
    });
    w.push(")");
    if missing {
        w.lower(Fidelity::Structural);
    }
    !missing
}
