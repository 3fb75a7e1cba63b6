//! `fractions`, `uuid`, `pathlib`, `logging`, `subprocess`, `ctypes`, `weakref`, `argparse`, `tempfile`, `statistics`, `http`.

use super::{attribute, fields, int_attribute, is_none, string_attribute};
use crate::base::{Addr, Text};
use crate::cpython::DecodeError;
use crate::cpython::object::instance::attributes;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::text::quote_str;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::{list_items, tuple_items};
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_text;

/// `<WeakKeyDictionary at 0x..>`.
pub(super) fn name_and_address(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    w.push("<");
    w.name(info.dunder_name());
    w.put(format_args!(" at {addr}>"));
    Ok(true)
}

/// `Fraction(1, 3)`.
pub(super) fn fraction(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let parts = (attribute(w, addr, "_numerator"), attribute(w, addr, "_denominator"));
    let (Some(numerator), Some(denominator)) = parts else { return Ok(false) };
    w.name(info.dunder_name());
    w.push("(");
    w.object(numerator);
    w.push(", ");
    w.object(denominator);
    w.push(")");
    Ok(true)
}

/// `UUID('12345678-1234-5678-1234-567812345678')`.
pub(super) fn uuid(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(value) = int_attribute(w, addr, "int") else { return Ok(false) };
    let hex = format!("{:032x}", value.big());
    let cut = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    w.name(info.dunder_name());
    let parts = [cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)];
    w.put(format_args!("('{}')", parts.join("-")));
    Ok(true)
}

/// `c_char_p(140...)`: the pointer as a number.
pub(super) fn char_pointer(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let at = w.head_word(addr, 0)?;
    let pointer = w.ctx().ptr_at("ctypes value", at)?;
    w.name(info.dunder_name());
    match pointer.is_null() {
        true => w.push("(None)"),
        false => w.put(format_args!("({})", pointer.0)),
    }
    Ok(true)
}

/// `py_object([1])`: the function asks the native one.
pub(super) fn python_object(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    w.base(addr, info)?;
    Ok(true)
}

/// `PosixPath('/a/b')`: the text that `as_posix` gives.
pub(super) fn path(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let windows = w.heap.mro(info).iter().filter_map(|t| w.heap.type_info(*t)).any(|t| t.name == "PureWindowsPath");
    let Some(points) = path_text(w, addr, windows) else { return Ok(false) };
    let backslash = u32::from('\\');
    let slashes: Vec<u32> =
        points.iter().map(|p| if windows && *p == backslash { u32::from('/') } else { *p }).collect();
    w.name(info.dunder_name());
    w.push("(");
    let text = quote_str(&slashes, w.ctx().dialect.repr.unicode);
    w.push(&text);
    w.push(")");
    Ok(true)
}

/// `str(path)`: cached in `_str`, else put together from its parts (until 3.11 `_drv`, `_root`, `_parts`; then `_drv`, `_root`,
/// `_tail_cached`, or `_raw_paths` that nobody has parsed yet).
fn path_text(w: &Writer<'_, '_>, addr: Addr, windows: bool) -> Option<Vec<u32>> {
    let text = |at: Addr| -> Option<Text> {
        (w.heap.type_of(at).ok()?.kind == Kind::Str)
            .then(|| read_text(w.ctx(), at, super::MAX_TEXT).ok())?
            .map(|p| p.text)
    };
    if let Some(known) = attribute(w, addr, "_str").and_then(text) {
        return Some(known.code_points().to_vec());
    }
    let list = |at: Addr| -> Option<Vec<Text>> {
        let items = match w.heap.type_of(at).ok()?.kind {
            Kind::List => list_items(w.ctx(), at).ok()?,
            Kind::Tuple => tuple_items(w.ctx(), at).ok()?,
            _ => return None,
        };
        items.take(1000).map(|item| text(item.ok()?)).collect()
    };
    let separator = u32::from(if windows { '\\' } else { '/' });
    let join =
        |parts: &[Text]| -> Vec<u32> { parts.iter().map(Text::code_points).collect::<Vec<_>>().join(&separator) };
    let drive = attribute(w, addr, "_drv").and_then(text);
    let root = attribute(w, addr, "_root").and_then(text);
    let mut out = Vec::new();
    if let (Some(drive), Some(root)) = (&drive, &root) {
        out.extend_from_slice(drive.code_points());
        out.extend_from_slice(root.code_points());
        let anchored = !out.is_empty();
        if let Some(parts) = attribute(w, addr, "_parts").and_then(list) {
            // The first part is the anchor itself.
            out.extend(join(parts.get(usize::from(anchored)..).unwrap_or_default()));
        } else {
            out.extend(join(&attribute(w, addr, "_tail_cached").and_then(list)?));
        }
    } else {
        let raw = attribute(w, addr, "_raw_paths")
            .and_then(list)
            .or_else(|| Some(vec![text(attribute(w, addr, "_raw_path")?)?]))?;
        if windows {
            return None;
        }
        out = parse_posix(&raw);
    }
    if out.is_empty() {
        out.push(u32::from('.'));
    }
    Some(out)
}

/// What `PurePosixPath` makes of the paths it was given: joined, without empty parts and `.`.
fn parse_posix(raw: &[Text]) -> Vec<u32> {
    let (slash, dot) = (u32::from('/'), u32::from('.'));
    let mut joined: Vec<u32> = Vec::new();
    for part in raw {
        let part = part.code_points();
        if part.first() == Some(&slash) {
            joined.clear();
        } else if !joined.is_empty() && joined.last() != Some(&slash) {
            joined.push(slash);
        }
        joined.extend_from_slice(part);
    }
    let slashes = joined.iter().take_while(|p| **p == slash).count();
    // Two leading slashes, and only two, are kept (POSIX).
    let root = match slashes {
        0 => 0,
        2 => 2,
        _ => 1,
    };
    let kept = joined.split(|p| *p == slash).filter(|part| !part.is_empty() && **part != [dot]);
    let mut out = vec![slash; root];
    out.extend(kept.collect::<Vec<_>>().join(&slash));
    out
}

/// `<Logger name (LEVEL)>`.
pub(super) fn logger(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = string_attribute(w, addr, "name") else { return Ok(false) };
    let mut at = addr;
    let mut level = 0;
    for _ in 0..100 {
        level = int_attribute(w, at, "level").and_then(|l| l.to_i64()).unwrap_or(0);
        let parent = attribute(w, at, "parent").filter(|p| !is_none(w, *p));
        match parent {
            Some(parent) if level == 0 => at = parent,
            _ => break,
        }
    }
    let level = match level {
        0 => "NOTSET",
        10 => "DEBUG",
        20 => "INFO",
        30 => "WARNING",
        40 => "ERROR",
        50 => "CRITICAL",
        // A level with a name of its own is in a table of the `logging` module.
        _ => return Ok(false),
    };
    w.push("<");
    w.name(info.dunder_name());
    w.push(" ");
    w.name(&name);
    w.put(format_args!(" ({level})>"));
    Ok(true)
}

/// `<Popen: returncode: None args: ['ls']>`, cut at 80 characters.
pub(super) fn popen(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(code), Some(args)) = (attribute(w, addr, "returncode"), attribute(w, addr, "args")) else {
        return Ok(false);
    };
    let start = w.mark();
    w.push("<");
    w.name(info.dunder_name());
    w.push(": returncode: ");
    w.object(code);
    w.push(" args: ");
    w.object(args);
    w.push(">");
    w.shorten(start, 80, 76, "...>");
    Ok(true)
}

/// `CompletedProcess(args=['ls'], returncode=0, stdout=b'')`: the outputs where there are any.
pub(super) fn completed_process(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let mut names = vec!["args".to_owned(), "returncode".to_owned()];
    for output in ["stdout", "stderr"] {
        let Some(value) = attribute(w, addr, output) else { return Ok(false) };
        if !is_none(w, value) {
            names.push(output.to_owned());
        }
    }
    Ok(fields(w, addr, info.dunder_name(), &names))
}

/// `Namespace(a=1, b='x')` of `argparse`.
pub(super) fn arguments(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    // Parsers and actions choose what they show.
    let chosen = w.heap.lookup(info, "_get_kwargs").is_some_and(|(class, _)| class.name != "_AttributeHolder");
    let limit = usize::try_from(w.limits.items).unwrap_or(usize::MAX);
    let (mut list, more) = attributes(w.heap, addr, limit)?;
    let is_name = |text: &Text| is_identifier(&text.to_string());
    if chosen || !list.iter().all(|attribute| is_name(&attribute.name)) {
        return Ok(false);
    }
    if !w.ctx().dialect.repr.argparse_in_order {
        list.sort_by(|a, b| a.name.cmp(&b.name));
        if more {
            return Ok(false);
        }
    }
    w.name(info.dunder_name());
    w.push("(");
    w.attributes(list, more);
    w.push(")");
    Ok(true)
}

/// Whether `str.isidentifier` says so, of ASCII.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `<TemporaryDirectory '/tmp/x'>`.
pub(super) fn temporary_directory(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = attribute(w, addr, "name") else { return Ok(false) };
    w.push("<");
    w.name(info.dunder_name());
    w.push(" ");
    w.object(name);
    w.push(">");
    Ok(true)
}

/// `NormalDist(mu=1.0, sigma=2.0)`.
pub(super) fn normal_distribution(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let (Some(mu), Some(sigma)) = (attribute(w, addr, "_mu"), attribute(w, addr, "_sigma")) else { return Ok(false) };
    w.name(info.dunder_name());
    w.push("(mu=");
    w.object(mu);
    w.push(", sigma=");
    w.object(sigma);
    w.push(")");
    Ok(true)
}

/// `<HTTPMethod.GET>`.
pub(super) fn http_method(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(name) = string_attribute(w, addr, "_name_") else { return Ok(false) };
    w.push("<");
    w.name(info.dunder_name());
    w.push(".");
    w.name(&name);
    w.push(">");
    Ok(true)
}

/// `<FrameSummary file x.py, line 3 in f>` of `traceback`.
pub(super) fn frame_summary(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let (file, name) = (string_attribute(w, addr, "filename"), string_attribute(w, addr, "name"));
    let line = int_attribute(w, addr, "lineno");
    let (Some(file), Some(name), Some(line)) = (file, name, line) else { return Ok(false) };
    w.push("<FrameSummary file ");
    w.name(&file);
    w.put(format_args!(", line {} in ", line.big()));
    w.name(&name);
    w.push(">");
    Ok(true)
}

/// `<LogRecord: name, 20, x.py, 3, "message">`.
pub(super) fn log_record(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<bool, DecodeError> {
    let mut texts = Vec::new();
    for name in ["name", "levelno", "pathname", "lineno", "msg"] {
        let Some(value) = attribute(w, addr, name) else { return Ok(false) };
        // `str()` of others may be code.
        let text = match w.heap.type_of(value)?.kind {
            Kind::Str => string_attribute(w, addr, name),
            Kind::Int => int_attribute(w, addr, name).map(|number| number.big().to_string()),
            Kind::None => Some("None".to_owned()),
            _ => None,
        };
        let Some(text) = text else { return Ok(false) };
        texts.push(text);
    }
    let Some((message, place)) = texts.split_last() else { return Ok(false) };
    w.name(&format!("<LogRecord: {}, \"{message}\">", place.join(", ")));
    Ok(true)
}

/// `<Future at 0x.. state=finished returned int>` of `concurrent.futures`.
pub(super) fn concurrent_future(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(state) = string_attribute(w, addr, "_state") else { return Ok(false) };
    let state = match &*state {
        "PENDING" => "pending",
        "RUNNING" => "running",
        "CANCELLED" | "CANCELLED_AND_NOTIFIED" => "cancelled",
        "FINISHED" => "finished",
        _ => return Ok(false),
    };
    w.push("<");
    w.name(info.dunder_name());
    w.put(format_args!(" at {addr} state={state}"));
    if state == "finished" {
        let (Some(exception), Some(result)) = (attribute(w, addr, "_exception"), attribute(w, addr, "_result")) else {
            return Ok(false);
        };
        let (word, outcome) = if is_none(w, exception) { ("returned", result) } else { ("raised", exception) };
        let class = w.heap.type_of(outcome)?;
        w.put(format_args!(" {word} "));
        w.name(class.dunder_name());
    }
    w.push(">");
    Ok(true)
}
