//! `str`, `bytes` and `bytearray` with Python's quotes and escapes (Objects/unicodeobject.c `unicode_repr`,
//! Objects/bytesobject.c `PyBytes_Repr`, Objects/bytearrayobject.c `bytearray_repr`).

use super::printable::is_printable;
use super::python2;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::layout::UnicodeVersion;
use crate::cpython::object::sequence::var_len;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::{read_narrow, read_text};
use crate::field;
use std::fmt::Write as _;

/// Most strings are shorter than this, in bytes.
const SHORT: usize = 256;

pub(in crate::cpython::object) fn str(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    if w.ctx().dialect.is_two() {
        return python2::text(w, addr, info);
    }
    let mut room = [0; SHORT];
    if let Some(narrow) = read_narrow(w.ctx(), addr, w.limits.characters, &mut room)?
        && let Some(plain) = plain_ascii(narrow)
    {
        w.push_all(&["'", plain, "'"]);
        return Ok(());
    }
    let part = read_text(w.ctx(), addr, w.limits.characters)?;
    let text = quote_str(part.text.code_points(), w.ctx().dialect.repr.unicode);
    w.push(&text);
    if part.is_cut() && w.limits.characters > 0 {
        let width =
            part.text.code_points().iter().max().map_or(1, |p| if *p > 0xffff { 4 } else { 1 + u64::from(*p > 0xff) });
        plausible(w, addr, part.length.saturating_mul(width))?;
    }
    if part.is_cut() {
        w.more(part.length.saturating_sub(part.text.len() as u64));
    }
    Ok(())
}

/// The text, if `str.__repr__` changes nothing of it but adds apostrophes.
fn plain_ascii(bytes: &[u8]) -> Option<&str> {
    let plain = bytes.iter().all(|byte| (0x20..0x7f).contains(byte) && !matches!(byte, b'\'' | b'\\'));
    if plain { std::str::from_utf8(bytes).ok() } else { None }
}

/// `str.__repr__` of these code points.
pub(super) fn quote_str(points: &[u32], unicode: UnicodeVersion) -> String {
    let quote = quote_for(points.iter().copied());
    let mut out = String::with_capacity(points.len().saturating_add(2));
    out.push(quote);
    for point in points.iter().copied() {
        match (char::from_u32(point), is_printable(point, unicode)) {
            (Some(c), _) if c == quote || c == '\\' => out.extend(['\\', c]),
            (Some(c), true) => out.push(c),
            _ => escape(&mut out, point),
        }
    }
    out.push(quote);
    out
}

fn quote_for(points: impl Iterator<Item = u32> + Clone) -> char {
    let has = |c: char| points.clone().any(|p| p == u32::from(c));
    if has('\'') && !has('"') { '"' } else { '\'' }
}

fn escape(out: &mut String, point: u32) {
    // Writing to a String cannot fail.
    let _ = match point {
        0x09 => out.write_str("\\t"),
        0x0a => out.write_str("\\n"),
        0x0d => out.write_str("\\r"),
        0..=0xff => write!(out, "\\x{point:02x}"),
        0x100..=0xffff => write!(out, "\\u{point:04x}"),
        _ => write!(out, "\\U{point:08x}"),
    };
}

/// `bytes.__repr__`. `always` escapes the apostrophe whatever the quote is, as `bytearray` does.
pub(super) fn quote_bytes(bytes: &[u8], always: bool) -> String {
    let quote = quote_for(bytes.iter().map(|b| u32::from(*b)));
    let mut out = String::with_capacity(bytes.len().saturating_add(3));
    out.push('b');
    out.push(quote);
    for byte in bytes {
        let c = char::from(*byte);
        match c {
            _ if c == quote || c == '\\' || always && c == '\'' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => escape(&mut out, u32::from(*byte)),
        }
    }
    out.push(quote);
    out
}

pub(in crate::cpython::object) fn bytes(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let len = var_len(w.ctx(), "bytes.ob_size", addr)?;
    let at = w.ctx().addr(field!(w.ctx(), bytes.sval), addr)?;
    let shown = len.min(w.limits.characters);
    let data = w.ctx().bytes_at("bytes data", at, shown)?;
    w.push(&if w.ctx().dialect.is_two() { python2::quote_str(&data) } else { quote_bytes(&data, false) });
    // Where no text is wanted, not even its last byte is examined.
    if shown < len && shown > 0 {
        plausible(w, addr, len)?;
    }
    if shown < len {
        w.more(len.saturating_sub(shown));
    }
    Ok(())
}

/// Whether an object of at least so many bytes is there to its end; else its length is not a length.
fn plausible(w: &Writer<'_, '_>, addr: Addr, len: u64) -> Result<(), DecodeError> {
    w.ctx().bytes_at("end of the data", addr.wrapping_add(len), 1).map(|_| ())
}

pub(in crate::cpython::object) fn bytearray(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let len = var_len(w.ctx(), "bytearray.ob_size", addr)?;
    let shown = len.min(w.limits.characters);
    let data = if shown == 0 {
        Vec::new()
    } else {
        let start = w.ctx().ptr(field!(w.ctx(), bytearray.start), addr)?;
        w.ctx().bytes_at("bytearray data", start, shown)?
    };
    w.own_or_fixed_name(info, "bytearray");
    w.push("(");
    w.push(&quote_bytes(&data, w.ctx().dialect.repr.bytearray_escapes_apostrophe));
    if shown < len {
        w.more(len.saturating_sub(shown));
    }
    w.push(")");
    Ok(())
}
