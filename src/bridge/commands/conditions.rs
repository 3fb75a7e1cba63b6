//! `$py_int`, `$py_len` and `$py_eq`: numbers for conditions of breakpoints.
//!
//! The text is a list in JSON of what the debugger gave: `{"path": "n"}`, `{"address": 140}`, `{"text": "Ada"}`,
//! `{"number": 3}`.

use super::data::{look_up, with_view};
use super::{CommandError, Reply};
use crate::base::{Addr, escape_terminal};
use crate::bridge::python::View;
use crate::bridge::session::Session;
use crate::cpython::DecodeError;
use crate::cpython::object::{Int, Kind, Path, Value, read_text};
use serde::Deserialize;

/// Longest text that is compared, in code points.
const MAX_TEXT: u64 = 1 << 20;

/// What a debugger gave.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Given {
    Path(String),
    Address(u64),
    Text(String),
    Number(i64),
}

fn given<const N: usize>(text: &str, usage: &str) -> Result<[Given; N], CommandError> {
    let list: Vec<Given> = serde_json::from_str(text).map_err(|_| CommandError::message(format!("usage: {usage}")))?;
    list.try_into().map_err(|_| CommandError::message(format!("usage: {usage}")))
}

/// Runs `with` on the value of the first argument.
fn on<T>(
    session: &mut Session,
    given: &Given,
    with: impl FnOnce(&View<'_>, &Value) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    match given {
        Given::Address(at) => with_view(session, |view| with(view, &Value::Object(Addr(*at)))),
        Given::Path(path) => look_up(session, path, |view, found| with(view, &found.value)),
        Given::Text(_) | Given::Number(_) => Err(CommandError::message("a Python object is expected")),
    }
}

/// A Python `int`; `None` for what is not one of 64 bits.
fn number(view: &View<'_>, value: &Value) -> Result<Option<i64>, DecodeError> {
    Ok(match value {
        Value::Int(number) => Some(*number),
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Object(at) => match view.heap.type_of(*at)?.kind {
            Kind::Int | Kind::Bool => Int::read(view.ctx(), *at)?.to_i64(),
            _ => None,
        },
        _ => None,
    })
}

fn type_name(view: &View<'_>, value: &Value) -> String {
    let name = value.object().and_then(|at| view.heap.type_of(at).ok()).map(|info| escape_terminal(&info.name));
    name.unwrap_or_else(|| "another type".to_owned())
}

/// `$py_int`.
pub(super) fn int(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let [what] = given(args, "$py_int(\"NAME\") or $py_int(ADDRESS)")?;
    on(session, &what, |view, value| match number(view, value)? {
        Some(number) => Ok(Reply::text("").value(number)),
        None => {
            let kind = type_name(view, value);
            Err(CommandError::message(format!("$py_int: an int of 64 bits is expected, not {kind}")))
        }
    })
}

/// `$py_len`.
pub(super) fn len(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let [what] = given(args, "$py_len(\"NAME\") or $py_len(ADDRESS)")?;
    on(session, &what, |view, value| {
        let path = Path::parse("len(it)").map_err(|error| CommandError::message(error.to_string()))?;
        let counted = path.evaluate(&view.heap, &|_| Some(value.clone()));
        let counted = counted.map_err(|error| CommandError::message(escape_terminal(&error.to_string())))?;
        Ok(Reply::text("").value(number(view, &counted)?))
    })
}

/// `$py_eq`.
pub(super) fn eq(session: &mut Session, args: &str) -> Result<Reply, CommandError> {
    let [what, other] = given(args, "$py_eq(\"NAME\", VALUE) or $py_eq(ADDRESS, VALUE)")?;
    on(session, &what, |view, value| {
        let equal = match &other {
            Given::Text(text) | Given::Path(text) => is_text(view, value, text)?,
            Given::Number(wanted) => number(view, value)? == Some(*wanted),
            Given::Address(at) => value.object() == Some(Addr(*at)),
        };
        Ok(Reply::text("").value(i64::from(equal)))
    })
}

fn is_text(view: &View<'_>, value: &Value, wanted: &str) -> Result<bool, DecodeError> {
    Ok(match value {
        Value::Text(text) => *text == *wanted,
        Value::Object(at) if view.heap.type_of(*at)?.kind == Kind::Str => {
            let part = read_text(view.ctx(), *at, MAX_TEXT)?;
            !part.is_cut() && part.text == *wanted
        }
        _ => false,
    })
}
