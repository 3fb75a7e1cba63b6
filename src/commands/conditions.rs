//! `$py_int`, `$py_len` and `$py_eq`: numbers for conditions of breakpoints.
//!
//! The text is a list in JSON of what the debugger gave: `{"path": "n"}`, `{"address": 140}`, `{"text": "Ada"}`,
//! `{"number": 3}`.

use super::current::with_view;
use super::host::Host;
use super::lookup::look_up;
use super::run::{CommandError, Reply};
use super::view::View;
use crate::base::{Addr, escape_terminal};
use crate::cpython::DecodeError;
use crate::cpython::object::{Int, Kind, Path, Value, read_text};
use serde::Deserialize;
use std::cmp::Ordering;

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
    host: &mut dyn Host,
    given: &Given,
    with: impl FnOnce(&View<'_>, &Value) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    match given {
        Given::Address(at) => with_view(host, |view| with(view, &Value::Object(Addr(*at)))),
        Given::Path(path) => look_up(host, path, |view, found| with(view, &found.value)),
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
pub(super) fn int(host: &mut dyn Host, args: &str) -> Result<Reply, CommandError> {
    let [what] = given(args, "$py_int(\"NAME\") or $py_int(ADDRESS)")?;
    on(host, &what, |view, value| match number(view, value)? {
        Some(number) => Ok(Reply::value(number)),
        None => {
            let kind = type_name(view, value);
            Err(CommandError::message(format!("$py_int: an int of 64 bits is expected, not {kind}")))
        }
    })
}

/// `$py_len`.
pub(super) fn len(host: &mut dyn Host, args: &str) -> Result<Reply, CommandError> {
    let [what] = given(args, "$py_len(\"NAME\") or $py_len(ADDRESS)")?;
    on(host, &what, |view, value| {
        let path = Path::parse("len(it)").map_err(|error| CommandError::message(error.to_string()))?;
        let counted = path.evaluate(&view.heap, &|_| Some(value.clone()));
        let counted = counted.map_err(|error| CommandError::message(escape_terminal(&error.to_string())))?;
        Ok(Reply::value(number(view, &counted)?))
    })
}

/// `$py_eq`.
pub(super) fn eq(host: &mut dyn Host, args: &str) -> Result<Reply, CommandError> {
    let [what, other] = given(args, "$py_eq(\"NAME\", VALUE) or $py_eq(ADDRESS, VALUE)")?;
    on(host, &what, |view, value| {
        let equal = match &other {
            Given::Text(text) | Given::Path(text) => is_text(view, value, text)?,
            Given::Number(wanted) => number(view, value)? == Some(*wanted),
            Given::Address(at) => value.object() == Some(Addr(*at)),
        };
        Ok(Reply::value(i64::from(equal)))
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

/// The condition of a Python breakpoint: `PATH == 3`, `len(items) > 100`, `name != 'Ada'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// As it was given.
    pub text: String,
    path: String,
    operator: Operator,
    wanted: Wanted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Other,
    AtMost,
    AtLeast,
    Less,
    More,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Number(i64),
    Text(String),
}

const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Other),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::More),
];

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`CommandError`] for what is none.
    pub fn parse(text: &str) -> Result<Self, CommandError> {
        let usage = || {
            CommandError::message("a condition is NAME[.ATTRIBUTE|[KEY]]... ==, !=, <, >, <= or >= a number or 'text'")
        };
        // The path may have quotes; the operator is outside of them.
        let mut quote = None;
        let outside = |(at, c): (usize, char)| {
            match quote {
                Some(open) if open == c => quote = None,
                None if ['"', '\''].contains(&c) => quote = Some(c),
                None => return Some(at),
                Some(_) => {}
            }
            None
        };
        let starts: Vec<usize> = text.char_indices().filter_map(outside).collect();
        let at = |start: usize| {
            let rest = text.get(start..)?;
            OPERATORS.iter().find_map(|(word, operator)| Some((start, rest.strip_prefix(word)?, *operator)))
        };
        let (start, rest, operator) = starts.into_iter().find_map(at).ok_or_else(usage)?;
        let path = text.get(..start).unwrap_or_default().trim().to_owned();
        let rest = rest.trim();
        let quoted = |quote: char| rest.strip_prefix(quote)?.strip_suffix(quote);
        let wanted = match (rest.parse(), quoted('"').or_else(|| quoted('\''))) {
            (Ok(number), _) => Wanted::Number(number),
            (_, Some(wanted)) => Wanted::Text(wanted.to_owned()),
            _ => return Err(usage()),
        };
        let ordered = !matches!(operator, Operator::Equal | Operator::Other);
        if ordered && matches!(wanted, Wanted::Text(_)) {
            return Err(usage());
        }
        Path::parse(&path).map_err(|error| CommandError::message(escape_terminal(&error.to_string())))?;
        Ok(Condition { text: text.to_owned(), path, operator, wanted })
    }

    /// Whether it holds in the selected frame.
    ///
    /// # Errors
    /// [`CommandError`] where its path leads nowhere.
    pub(super) fn holds(&self, host: &mut dyn Host) -> Result<bool, CommandError> {
        look_up(host, &self.path, |view, found| {
            let order = match &self.wanted {
                Wanted::Text(wanted) => {
                    let equal = is_text(view, &found.value, wanted)?;
                    return Ok(equal == (self.operator == Operator::Equal));
                }
                Wanted::Number(wanted) => number(view, &found.value)?.map(|number| number.cmp(wanted)),
            };
            Ok(match (self.operator, order) {
                (Operator::Equal, order) => order == Some(Ordering::Equal),
                (Operator::Other, order) => order != Some(Ordering::Equal),
                (_, None) => false,
                (Operator::AtMost, Some(order)) => order.is_le(),
                (Operator::AtLeast, Some(order)) => order.is_ge(),
                (Operator::Less, Some(order)) => order.is_lt(),
                (Operator::More, Some(order)) => order.is_gt(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_path_an_operator_and_a_literal() {
        let parse = |text: &str| Condition::parse(text).map(|c| (c.path, c.operator, c.wanted));
        assert_eq!(parse("n == 3").unwrap(), ("n".to_owned(), Operator::Equal, Wanted::Number(3)));
        let text = ("a['<=']".to_owned(), Operator::Other, Wanted::Text("x y".to_owned()));
        assert_eq!(parse("a['<='] != 'x y'").unwrap(), text);
        assert_eq!(parse("len(items)>=-1").unwrap(), ("len(items)".to_owned(), Operator::AtLeast, Wanted::Number(-1)));
        for wrong in ["n", "n == m", "n < 'a'", "== 3", "f() == 3"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
