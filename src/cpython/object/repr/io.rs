//! Files of `_io` and patterns of `re`.

use super::text::{quote_bytes, quote_str};
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::instance::find_attribute;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_text;
use crate::field;

/// Characters of a pattern that its repr shows (`%.200R`).
const PATTERN_LENGTH: usize = 200;

/// `<_io.FileIO name='x' mode='rb' closefd=True>`: `fileio {head, int fd, bit fields created, readable, writable, appending,
/// seekable:2, (3.15: truncate,) closefd, ...}` (Modules/_io/fileio.c).
pub(in crate::cpython::object) fn file(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    let ctx = *w.ctx();
    let raw = ctx.bytes_at("FileIO", ctx.addr(field!(ctx, object.size), addr)?, 8)?;
    let fd = ctx.abi.uint(raw.get(..4).unwrap_or_default()) as u32 as i32;
    let bits = raw.get(4).copied().unwrap_or(0);
    w.push("<");
    w.tp_name(info);
    if fd < 0 {
        return w.fixed(" [closed]>");
    }
    let bit = |n: u8| bits >> n & 1 == 1;
    let closefd = if ctx.dialect.repr.file_truncates { 7 } else { 6 };
    let mode = match (bit(0), bit(3), bit(1), bit(2)) {
        (true, _, true, _) => "xb+",
        (true, _, false, _) => "xb",
        (_, true, true, _) => "ab+",
        (_, true, false, _) => "ab",
        (_, _, true, true) => "rb+",
        (_, _, true, false) => "rb",
        _ => "wb",
    };
    match find_attribute(w.heap, addr, "name")? {
        Some(name) => {
            w.push(" name=");
            w.object(name);
        }
        None => w.put(format_args!(" fd={fd}")),
    }
    w.put(format_args!(" mode='{mode}' closefd={}>", if bit(closefd) { "True" } else { "False" }));
    Ok(())
}

/// The `name` of the raw file below a buffer or a text layer.
fn name_below(w: &Writer<'_, '_>, addr: Addr) -> Option<Addr> {
    let info = w.heap.type_of(addr).ok()?;
    match info.kind {
        Kind::BufferedReader | Kind::BufferedWriter | Kind::BufferedRandom => name_below(w, w.head_word(addr, 0).ok()?),
        _ => find_attribute(w.heap, addr, "name").ok()?,
    }
}

/// `<_io.BufferedReader name='x'>`: `buffered {head, raw, ...}` (Modules/_io/bufferedio.c).
pub(in crate::cpython::object) fn buffered(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let name = name_below(w, addr);
    w.push("<");
    w.tp_name(info);
    if let Some(name) = name {
        w.push(" name=");
        w.object(name);
    }
    w.fixed(">")
}

/// `<_io.TextIOWrapper name='x' mode='r' encoding='utf-8'>`: `textio {head, int ok, int detached, chunk_size, buffer, encoding,
/// ...}` (Modules/_io/textio.c).
pub(in crate::cpython::object) fn text(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    // Two ints and a Py_ssize_t before the buffer.
    let ints = 8 / u64::from(w.ctx().abi.pointer_size());
    let [buffer, encoding] = [w.head_word(addr, ints.saturating_add(1))?, w.head_word(addr, ints.saturating_add(2))?];
    w.push("<");
    w.tp_name(info);
    if let Some(name) = name_below(w, buffer) {
        w.push(" name=");
        w.object(name);
    }
    if let Some(mode) = find_attribute(w.heap, addr, "mode")? {
        w.push(" mode=");
        w.object(mode);
    }
    w.push(" encoding=");
    w.object(encoding);
    w.fixed(">")
}

/// `re.compile('x', re.IGNORECASE)`: `PatternObject {var_head, groups, groupindex, indexgroup, pattern, int flags, ...}`
/// (Modules/_sre/sre.c `pattern_repr`).
pub(in crate::cpython::object) fn pattern(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    const NAMES: [(u64, &str); 9] = [
        (1, "re.TEMPLATE"),
        (2, "re.IGNORECASE"),
        (4, "re.LOCALE"),
        (8, "re.MULTILINE"),
        (16, "re.DOTALL"),
        (32, "re.UNICODE"),
        (64, "re.VERBOSE"),
        (128, "re.DEBUG"),
        (256, "re.ASCII"),
    ];
    const UNICODE: u64 = 32;
    const CHARSET: u64 = 4 | 32 | 256;
    let pattern = w.var_word(addr, 3)?;
    let mut flags = w.var_word(addr, 4)?.0 & 0xffff_ffff;
    // The default of a str pattern is not shown.
    if flags & CHARSET == UNICODE && w.heap.type_of(pattern)?.kind == Kind::Str {
        flags &= !UNICODE;
    }
    w.push("re.compile(");
    let start = w.mark();
    w.object(pattern);
    w.shorten(start, PATTERN_LENGTH, PATTERN_LENGTH, "");
    let mut parts: Vec<String> = Vec::new();
    for (bit, name) in NAMES {
        if flags & bit != 0 {
            parts.push(name.to_owned());
            flags &= !bit;
        }
    }
    if flags != 0 {
        parts.push(format!("{flags:#x}"));
    }
    if !parts.is_empty() {
        w.put(format_args!(", {}", parts.join("|")));
    }
    w.fixed(")")
}

/// `<re.Match object; span=(0, 1), match='a'>`: `MatchObject {var_head, string, regs, pattern, pos, endpos, lastindex, groups,
/// mark[]}` (Modules/_sre/sre.c `match_repr`).
pub(in crate::cpython::object) fn matched(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let string = w.var_word(addr, 0)?;
    let [start, end] = [w.var_word(addr, 7)?.0, w.var_word(addr, 8)?.0];
    let len = end.checked_sub(start).filter(|len| *len < 1 << 40);
    let len = len.ok_or_else(|| DecodeError::corrupt("re.Match", addr, format!("a match from {start} to {end}")))?;
    w.push("<");
    w.tp_name(info);
    w.put(format_args!(" object; span=({start}, {end}), match="));
    let shown = len.min(w.limits.characters);
    let (from, to) =
        (usize::try_from(start).unwrap_or(usize::MAX), usize::try_from(start.saturating_add(shown)).unwrap_or(0));
    match w.heap.type_of(string)?.kind {
        Kind::Str => {
            let part = read_text(w.ctx(), string, start.saturating_add(shown))?;
            let text =
                quote_str(part.text.code_points().get(from..to).unwrap_or_default(), w.ctx().dialect.repr.unicode);
            w.push(&text);
        }
        Kind::Bytes => {
            let at = w.ctx().addr(field!(w.ctx(), bytes.sval), string)?;
            let data = w.ctx().bytes_at("bytes data", at.wrapping_add(start), shown)?;
            w.push(&quote_bytes(&data, false));
        }
        _ => {
            w.lower(super::limits::Fidelity::Structural);
            w.push("...");
        }
    }
    if shown < len {
        w.more(len.saturating_sub(shown));
    }
    w.fixed(">")
}
