//! `str` objects in every storage form (PEP 393, Include/cpython/unicodeobject.h 3.8 to 3.15).

use super::python2::Own;
use super::sequence::var_len;
use crate::base::{Addr, Cursor, Text};
use crate::cpython::layout::Language;
use crate::cpython::{Context, DecodeError};
use crate::field;

/// The last code point there is.
const MAX_CODE_POINT: u32 = 0x10_ffff;

/// The first code points of a `str`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPart {
    /// What was read.
    pub text: Text,
    /// Length of the whole string in code points.
    pub length: u64,
}

impl TextPart {
    /// Whether the string goes on after what was read.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        (self.text.len() as u64) < self.length
    }
}

/// Where the code units of a string lie.
struct Units {
    at: Addr,
    length: u64,
    width: u8,
    /// They are bytes of an unknown encoding (`str` of Python 2), and not code points.
    bytes: bool,
}

/// Bytes as text: UTF-8 where they are that, else each byte that is not ASCII as Python 3 keeps those of file names
/// (`surrogateescape`).
fn of_bytes(bytes: &[u8]) -> Text {
    match std::str::from_utf8(bytes) {
        Ok(text) => Text::from(text),
        Err(_) => Text::from_code_points(bytes.iter().map(|byte| match byte {
            0..0x80 => u32::from(*byte),
            _ => u32::from(*byte).saturating_add(0xdc00),
        })),
    }
}

/// The `str` at `addr`, at most `limit` code points of it. The caller has checked the type.
///
/// # Errors
/// [`DecodeError`] when the header or the data is unreadable or no string has such a header.
pub fn read_text(ctx: &Context<'_>, addr: Addr, limit: u64) -> Result<TextPart, DecodeError> {
    let units = locate(ctx, addr)?;
    let take = units.length.min(limit);
    let data = ctx.bytes_at("str data", units.at, take.saturating_mul(u64::from(units.width)))?;
    if units.bytes {
        let text = of_bytes(&data);
        let length = if take < units.length { units.length } else { text.len() as u64 };
        return Ok(TextPart { text, length });
    }
    let text = match units.width {
        1 => Text::from_code_points(data.iter().map(|b| u32::from(*b))),
        // Only `wchar_t` strings of Windows hold pairs; a canonical string has none that belong together.
        width => {
            let point = |unit: &[u8]| u32::try_from(ctx.abi.uint(unit)).unwrap_or(u32::MAX);
            let points = || data.chunks_exact(usize::from(width)).map(point);
            if let Some(wrong) = points().find(|point| *point > MAX_CODE_POINT) {
                return Err(DecodeError::corrupt("str data", addr, format!("{wrong:#x} is no code point")));
            }
            Text::from_code_points(points())
        }
    };
    Ok(TextPart { text, length: units.length })
}

/// The whole `str` at `addr` if it is stored as Latin-1 or ASCII and has at most `limit` characters and room in `room`.
///
/// # Errors
/// As [`read_text`].
pub(super) fn read_narrow<'r>(
    ctx: &Context<'_>,
    addr: Addr,
    limit: u64,
    room: &'r mut [u8],
) -> Result<Option<&'r [u8]>, DecodeError> {
    let units = locate(ctx, addr)?;
    let fits = units.width == 1 && !units.bytes && units.length <= limit;
    let length = usize::try_from(units.length).ok().filter(|_| fits);
    let Some(room) = length.and_then(|length| room.get_mut(..length)) else { return Ok(None) };
    ctx.memory.read(units.at, room).map_err(|source| DecodeError::Read { what: "str data", source })?;
    Ok(Some(room))
}

/// The `str` at `addr` as a Rust string with lone surrogates escaped, for names. Longer than `limit` is an error, so
/// that a cut name is never taken for a whole one.
///
/// # Errors
/// As [`read_text`]; [`DecodeError::Corrupt`] when it is longer than `limit`.
pub fn read_str(ctx: &Context<'_>, addr: Addr, limit: u64) -> Result<String, DecodeError> {
    let part = read_text(ctx, addr, limit)?;
    if part.is_cut() {
        return Err(DecodeError::corrupt("str.length", addr, format!("a name of {} code points", part.length)));
    }
    Ok(part.text.to_string())
}

/// Whether the `str` at `addr` equals `text` (ASCII): one read where the answer is no.
pub(super) fn str_is(ctx: &Context<'_>, addr: Addr, text: &str) -> Result<bool, DecodeError> {
    let units = locate(ctx, addr)?;
    if units.length != text.len() as u64 {
        return Ok(false);
    }
    let data = ctx.bytes_at("str data", units.at, units.length.saturating_mul(u64::from(units.width)))?;
    Ok(units.width == 1 && data == text.as_bytes())
}

fn locate(ctx: &Context<'_>, addr: Addr) -> Result<Units, DecodeError> {
    if let Language::Two { unit } = ctx.dialect.language {
        return locate_in_two(ctx, addr, unit);
    }
    let layout = &ctx.layouts.unicode;
    let word = usize::from(ctx.abi.pointer_size());
    let ascii_size = field!(ctx, unicode.ascii_size).1?;
    let length_at = field!(ctx, unicode.length).1?;
    let state_at = field!(ctx, unicode.state).1?;
    let mut header = [0; 64];
    let header = usize::try_from(ascii_size).ok().and_then(|size| header.get_mut(..size));
    let header = header.ok_or_else(|| DecodeError::corrupt("str header", addr, "no header is that long"))?;
    ctx.memory.read(addr, header).map_err(|source| DecodeError::Read { what: "str header", source })?;
    let field = |at: u64, width: usize| {
        let mut cursor = Cursor::new(header, ctx.abi);
        let skipped = cursor.take(usize::try_from(at).unwrap_or(usize::MAX));
        skipped.and_then(|_| cursor.uint(width)).map_err(|e| DecodeError::corrupt("str header", addr, e.to_string()))
    };
    let length = field(length_at, word)?;
    if length > i64::MAX.unsigned_abs() {
        return Err(DecodeError::corrupt("str.length", addr, format!("negative ({:#x})", length)));
    }
    let bits = ctx.dialect.unicode_state;
    let state = field(state_at, usize::from(bits.size))?;
    let bit = |n: u8| state.wrapping_shr(u32::from(n)) & 1 == 1;
    let kind = state.wrapping_shr(u32::from(bits.kind_shift)) & 7;
    let ready = bits.ready_bit.is_none_or(bit);
    if !ready || kind == 0 {
        return legacy(ctx, addr, layout.wstr.is_some() && !ready && kind == 0);
    }
    let width = match kind {
        1 | 2 | 4 => kind as u8,
        other => return Err(DecodeError::corrupt("str.state", addr, format!("kind {other}"))),
    };
    let at = match (bit(bits.compact_bit), bit(bits.ascii_bit)) {
        (true, true) if width == 1 => addr.wrapping_add(ascii_size),
        (_, true) if width != 1 => return Err(DecodeError::corrupt("str.state", addr, "ASCII of wide characters")),
        (true, _) => ctx.addr(field!(ctx, unicode_compact.size), addr)?,
        (false, _) => ctx.ptr(field!(ctx, unicode_object.data), addr)?,
    };
    Ok(Units { at, length, width, bytes: false })
}

/// `str` or `unicode` of Python 2 (Include/stringobject.h, unicodeobject.h).
fn locate_in_two(ctx: &Context<'_>, addr: Addr, unit: Option<u8>) -> Result<Units, DecodeError> {
    match Own::of_object(ctx, addr)? {
        Own::Str => {
            let (length, at) = (var_len(ctx, "str.ob_size", addr)?, ctx.addr(field!(ctx, bytes.sval), addr)?);
            Ok(Units { at, length, width: 1, bytes: true })
        }
        Own::Unicode => {
            let length = ctx.ssize(field!(ctx, unicode_object.length), addr)?;
            let length = u64::try_from(length)
                .map_err(|_| DecodeError::corrupt("unicode.length", addr, format!("negative ({length})")))?;
            let at = ctx.ptr(field!(ctx, unicode_object.units), addr)?;
            let width = unit.ok_or_else(|| DecodeError::corrupt("unicode", addr, "sys.maxunicode is not known"))?;
            Ok(Units { at, length, width, bytes: false })
        }
        Own::Int | Own::Long => Err(DecodeError::corrupt("str", addr, "a number")),
    }
}

/// A string made by the old `wchar_t` API and not yet converted (`PyUnicode_WCHAR_KIND`, until 3.11).
fn legacy(ctx: &Context<'_>, addr: Addr, known: bool) -> Result<Units, DecodeError> {
    if !known {
        return Err(DecodeError::corrupt("str.state", addr, "no kind"));
    }
    let at = ctx.ptr(field!(ctx, unicode.wstr), addr)?;
    let length = ctx.ptr(field!(ctx, unicode_compact.wstr_length), addr)?.0;
    let width = if ctx.abi.os == crate::base::Os::Windows { 2 } else { 4 };
    Ok(Units { at, length, width, bytes: false })
}
