//! What Python 2 (2.7) writes otherwise than Python 3, and what it alone has: classes and instances of the old style, `xrange`.

use super::limits::Fidelity;
use super::text::quote_bytes;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::layout::Language;
use crate::cpython::object::dict::dict_get_str;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::python2::Own;
use crate::cpython::object::sequence::tuple_items;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::{read_str, read_text};
use crate::field;
use std::collections::HashSet;
use std::fmt::Write as _;

/// Longest name read.
const MAX_NAME: u64 = 10_000;
/// Classes of the old style that are gone through in search of an attribute.
const MAX_CLASSES: usize = 1000;

/// `'text'` of a `str`, `u'text'` of a `unicode` (Objects/stringobject.c `PyString_Repr`, Objects/unicodeobject.c
/// `unicodeescape_string`).
pub(super) fn text(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    if Own::of_flags(info.flags) == Some(Own::Str) {
        return super::text::bytes(w, addr, info);
    }
    let part = read_text(w.ctx(), addr, w.limits.characters)?;
    let joined = match w.ctx().dialect.language {
        Language::Two { unit: Some(2) } => join_pairs(part.text.code_points()),
        _ => part.text.code_points().to_vec(),
    };
    let text = quote_unicode(&joined);
    w.push(&text);
    if part.is_cut() {
        w.more(part.length.saturating_sub(part.text.len() as u64));
    }
    Ok(())
}

/// Where characters have two bytes, those that two of them stand for are written as one (`unicodeescape_string`, without
/// `Py_UNICODE_WIDE`).
fn join_pairs(units: &[u32]) -> Vec<u32> {
    let mut points: Vec<u32> = Vec::with_capacity(units.len());
    let mut high = None;
    for unit in units.iter().copied() {
        match high.take() {
            Some(first @ 0xd800..0xdc00) if (0xdc00..=0xdfff).contains(&unit) => {
                points.pop();
                points.push(((first & 0x3ff) << 10 | unit & 0x3ff).saturating_add(0x1_0000));
            }
            _ => {
                points.push(unit);
                high = Some(unit);
            }
        }
    }
    points
}

/// `unicode.__repr__`: all but ASCII is escaped.
fn quote_unicode(points: &[u32]) -> String {
    let has = |c: char| points.iter().any(|p| *p == u32::from(c));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    let mut out = String::from("u");
    out.push(quote);
    for point in points {
        // Writing to a String cannot fail.
        let _ = match (*point, char::from_u32(*point)) {
            (_, Some(c)) if c == quote || c == '\\' => write!(out, "\\{c}"),
            (0x09, _) => out.write_str("\\t"),
            (0x0a, _) => out.write_str("\\n"),
            (0x0d, _) => out.write_str("\\r"),
            (0x20..=0x7e, Some(c)) => out.write_char(c),
            (0..=0xff, _) => write!(out, "\\x{point:02x}"),
            (0x100..=0xffff, _) => write!(out, "\\u{point:04x}"),
            _ => write!(out, "\\U{point:08x}"),
        };
    }
    out.push(quote);
    out
}

/// `'bytes'`: as `bytes` of Python 3, without its `b`.
pub(super) fn quote_str(bytes: &[u8]) -> String {
    quote_bytes(bytes, false).split_off(1)
}

/// `5`, `5L` (Objects/longobject.c `long_repr`).
pub(super) fn long_mark(w: &mut Writer<'_, '_>, info: &TypeInfo) {
    if Own::of_flags(info.flags) == Some(Own::Long) {
        w.push("L");
    }
}

/// `xrange(1, 10, 2)`: `rangeobject {head, start, step, len}` of C longs (Objects/rangeobject.c `range_repr`).
pub(in crate::cpython::object) fn xrange(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let [start, step, len] =
        [w.head_word(addr, 0)?, w.head_word(addr, 1)?, w.head_word(addr, 2)?].map(|word| word.0.cast_signed());
    let stop = start.wrapping_add(len.wrapping_mul(step));
    match (start, step) {
        (0, 1) => w.put(format_args!("xrange({stop})")),
        (_, 1) => w.put(format_args!("xrange({start}, {stop})")),
        _ => w.put(format_args!("xrange({start}, {stop}, {step})")),
    }
    Ok(())
}

/// `module.Name` of a class of the old style, `?.Name` where it has no module (Objects/classobject.c `class_repr`).
fn name_of_old_class(w: &Writer<'_, '_>, class: Addr) -> Result<String, DecodeError> {
    let ctx = w.ctx();
    let name = read_str(ctx, ctx.ptr(field!(ctx, old_class.name), class)?, MAX_NAME)?;
    let dict = ctx.ptr(field!(ctx, old_class.dict), class)?;
    let module = match dict_get_str(ctx, dict, "__module__")? {
        Some(module) if w.heap.type_of(module)?.kind == Kind::Str => read_str(ctx, module, MAX_NAME)?,
        _ => "?".to_owned(),
    };
    Ok(format!("{module}.{name}"))
}

/// `<class module.Name at 0x..>`.
pub(in crate::cpython::object) fn old_class(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let name = name_of_old_class(w, addr)?;
    w.push("<class ");
    w.name(&name);
    w.put(format_args!(" at {}>", w.pointer(addr)));
    Ok(())
}

/// `<module.Name instance at 0x..>`, unless it or its class defines `__repr__`, or `__getattr__`, which is asked for it.
pub(in crate::cpython::object) fn old_instance(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let ctx = *w.ctx();
    let class = ctx.ptr(field!(ctx, old_instance.class), addr)?;
    let own = ctx.ptr(field!(ctx, old_instance.dict), addr)?;
    let asks = dict_get_str(&ctx, own, "__repr__")?.is_some()
        || old_class_has(w, class, "__repr__")?
        || !ctx.ptr(field!(ctx, old_class.getattr), class)?.is_null();
    let name = name_of_old_class(w, class)?;
    w.push("<");
    w.name(&name);
    w.put(format_args!(" instance at {}", w.pointer(addr)));
    if asks || w.limits.attributes {
        w.lower(Fidelity::Structural);
        super::default::attributes_of(w, addr);
    }
    w.fixed(">")
}

/// Whether a class of the old style or one that it is derived from has an attribute of this name.
fn old_class_has(w: &Writer<'_, '_>, class: Addr, name: &str) -> Result<bool, DecodeError> {
    let ctx = w.ctx();
    let (mut open, mut seen) = (vec![class], HashSet::new());
    while let Some(class) = open.pop() {
        if !seen.insert(class) || seen.len() > MAX_CLASSES {
            continue;
        }
        if w.heap.type_of(class)?.kind != Kind::OldClass {
            // Of the new style: what it has is not searched for.
            return Ok(true);
        }
        if dict_get_str(ctx, ctx.ptr(field!(ctx, old_class.dict), class)?, name)?.is_some() {
            return Ok(true);
        }
        for base in tuple_items(ctx, ctx.ptr(field!(ctx, old_class.bases), class)?)? {
            open.push(base?);
        }
    }
    Ok(false)
}

/// `<module 'name' from 'file'>` (Objects/moduleobject.c `module_repr`): texts as they are.
pub(super) fn module(w: &mut Writer<'_, '_>, addr: Addr) -> Result<(), DecodeError> {
    let ctx = *w.ctx();
    let dict = ctx.ptr(field!(ctx, module.dict), addr)?;
    let text = |w: &Writer<'_, '_>, name: &str| -> Result<Option<String>, DecodeError> {
        let Some(value) = (if dict.is_null() { None } else { dict_get_str(&ctx, dict, name)? }) else {
            return Ok(None);
        };
        let is_str = Own::of_flags(w.heap.type_of(value)?.flags) == Some(Own::Str);
        is_str.then(|| read_str(&ctx, value, MAX_NAME)).transpose()
    };
    let (name, file) = (text(w, "__name__")?, text(w, "__file__")?);
    w.push("<module '");
    w.name(name.as_deref().unwrap_or("?"));
    match file {
        Some(file) => {
            w.push("' from '");
            w.name(&file);
            w.fixed("'>")
        }
        None => w.fixed("' (built-in)>"),
    }
}

/// `<bound method Class.name of self>`, `<unbound method Class.name>` (Objects/classobject.c `instancemethod_repr`).
pub(super) fn method(w: &mut Writer<'_, '_>, addr: Addr) -> Result<(), DecodeError> {
    let ctx = *w.ctx();
    let function = ctx.ptr(field!(ctx, method.func), addr)?;
    let object = ctx.ptr(field!(ctx, method.self_obj), addr)?;
    let class = ctx.ptr(field!(ctx, method.class), addr)?;
    let class_name = match class.is_null() {
        true => Some("?".to_owned()),
        false => match w.heap.type_of(class)?.kind {
            Kind::OldClass => Some(read_str(&ctx, ctx.ptr(field!(ctx, old_class.name), class)?, MAX_NAME)?),
            Kind::Type => w.heap.type_info(class).map(|class| class.dunder_name().to_owned()),
            _ => None,
        },
    };
    let name = super::callables::callable_name(w, function);
    if name.is_none() || class_name.is_none() {
        w.lower(Fidelity::Structural);
    }
    w.push(if object.is_null() { "<unbound method " } else { "<bound method " });
    w.name(class_name.as_deref().unwrap_or("?"));
    w.push(".");
    w.name(name.as_deref().unwrap_or("?"));
    if !object.is_null() {
        w.push(" of ");
        w.object(object);
    }
    w.fixed(">")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_halves_are_one_character_and_lone_ones_stay() {
        assert_eq!(join_pairs(&[0x61, 0xd83d, 0xde00, 0xd83d, 0x62, 0xde00]), [0x61, 0x1f600, 0xd83d, 0x62, 0xde00]);
        assert_eq!(quote_unicode(&[0x61, 0x1f600, 0xd83d, 0xe9, 0x27, 0x0a]), r#"u"a\U0001f600\ud83d\xe9'\n""#);
    }
}
