//! The C implementation of `datetime` (Modules/_datetimemodule.c, Include/datetime.h) and `zoneinfo`.
//!
//! `{head, Py_hash_t hashcode, char hastzinfo, unsigned char data[4, 6 or 10], unsigned char fold, PyObject *tzinfo}`.

use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::object::fields::head_word;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::types::{Heap, TypeInfo};
use crate::cpython::object::value::Value;
use crate::cpython::{Context, DecodeError};
use crate::field;

/// `hastzinfo`, the packed fields and what follows, `N` bytes in all.
fn packed(ctx: &Context<'_>, addr: Addr, len: u64) -> Result<Vec<u8>, DecodeError> {
    let at = ctx.addr(field!(ctx, object.size), addr)?.wrapping_add(u64::from(ctx.abi.pointer_size()));
    ctx.bytes_at("datetime fields", at, len)
}

/// The big-endian number in these bytes.
fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |acc: u64, b| acc.wrapping_shl(8) | u64::from(*b))
}

fn year(bytes: &[u8]) -> [u64; 3] {
    let byte = |i: usize| bytes.get(i).copied().map_or(0, u64::from);
    [big_endian(bytes.get(..2).unwrap_or_default()), byte(2), byte(3)]
}

/// Writes `type.name(a, b, c`.
fn open(w: &mut Writer<'_, '_>, info: &TypeInfo, numbers: &[u64]) {
    w.tp_name(info);
    let text: Vec<String> = numbers.iter().map(u64::to_string).collect();
    w.put(format_args!("({}", text.join(", ")));
}

/// The time zone of an aware object: the pointer aligned after the fields and `fold`.
fn zone(ctx: &Context<'_>, addr: Addr, fields: u64, aware: bool) -> Result<Option<Addr>, DecodeError> {
    if !aware {
        return Ok(None);
    }
    let word = u64::from(ctx.abi.pointer_size());
    // hastzinfo, fields, fold; then up to the next word.
    let bytes = fields.saturating_add(2);
    head_word(ctx, addr, bytes.div_ceil(word).saturating_add(1)).map(Some)
}

/// `datetime.date(2024, 2, 29)`.
pub(in crate::cpython::object) fn date(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    let fields = packed(w.ctx(), addr, 5)?;
    open(w, info, &year(fields.get(1..).unwrap_or_default()));
    w.fixed(")")
}

/// Drops trailing zeros of microsecond and second.
fn significant(numbers: &[u64], keep: usize) -> &[u64] {
    let mut shown = numbers;
    while let [rest @ .., 0] = shown
        && shown.len() > keep
    {
        shown = rest;
    }
    shown
}

/// `datetime.datetime(2024, 1, 2, 3, 4, 5, 6, fold=1, tzinfo=...)`.
pub(in crate::cpython::object) fn date_time(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let fields = packed(w.ctx(), addr, 12)?;
    let byte = |i: usize| fields.get(i).copied().map_or(0, u64::from);
    let [year, month, day] = year(fields.get(1..).unwrap_or_default());
    let micro = big_endian(fields.get(8..11).unwrap_or_default());
    let numbers = [year, month, day, byte(5), byte(6), byte(7), micro];
    open(w, info, significant(&numbers, 5));
    if byte(11) != 0 {
        w.push(", fold=1");
    }
    if let Some(zone) = zone(w.ctx(), addr, 10, byte(0) != 0)? {
        w.push(", tzinfo=");
        w.object(zone);
    }
    w.fixed(")")
}

/// `datetime.time(1, 2, 3, 4, tzinfo=..., fold=1)`.
pub(in crate::cpython::object) fn time(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    let fields = packed(w.ctx(), addr, 8)?;
    let byte = |i: usize| fields.get(i).copied().map_or(0, u64::from);
    let micro = big_endian(fields.get(4..7).unwrap_or_default());
    let numbers = [byte(1), byte(2), byte(3), micro];
    open(w, info, significant(&numbers, 2));
    if let Some(zone) = zone(w.ctx(), addr, 6, byte(0) != 0)? {
        w.push(", tzinfo=");
        w.object(zone);
    }
    if byte(7) != 0 {
        w.push(", fold=1");
    }
    w.fixed(")")
}

/// `year`, `hour`, `tzinfo` and the like of a date, time or datetime.
pub(in crate::cpython::object) fn part(
    heap: &Heap<'_>,
    addr: Addr,
    info: &TypeInfo,
    name: &str,
) -> Result<Option<Value>, DecodeError> {
    let ctx = &heap.ctx;
    // Where the time of day begins, and how many bytes the packed fields have.
    let (time, fields) = match info.kind {
        Kind::Date => (None, 4),
        Kind::Time => (Some(1), 6),
        _ => (Some(5), 10),
    };
    let raw = packed(ctx, addr, if info.kind == Kind::Date { 5 } else { u64::saturating_add(fields, 2) })?;
    let byte = |at: usize| raw.get(at).copied().map(|byte| Value::Int(i64::from(byte)));
    let of_day = |n: usize| time.and_then(|time: usize| byte(time.saturating_add(n)));
    let big = |from: usize, to: usize| raw.get(from..to).map(|bytes| Value::from(big_endian(bytes)));
    Ok(match (name, time) {
        ("year", _) if info.kind != Kind::Time => big(1, 3),
        ("month", _) if info.kind != Kind::Time => byte(3),
        ("day", _) if info.kind != Kind::Time => byte(4),
        ("hour", _) => of_day(0),
        ("minute", _) => of_day(1),
        ("second", _) => of_day(2),
        ("microsecond", Some(time)) => big(time.saturating_add(3), time.saturating_add(6)),
        ("fold", Some(_)) => raw.last().map(|fold| Value::Int(i64::from(*fold))),
        ("tzinfo", Some(_)) => {
            let zone = zone(ctx, addr, fields, raw.first().is_some_and(|aware| *aware != 0))?;
            Some(zone.map_or(Value::None, Value::Object))
        }
        _ => None,
    })
}

/// The days, seconds and microseconds of a `timedelta {head, hashcode, int days, int seconds, int microseconds}`.
fn delta_parts(w: &Writer<'_, '_>, addr: Addr) -> Result<[i32; 3], DecodeError> {
    let raw = packed(w.ctx(), addr, 12)?;
    let part = |i: usize| w.ctx().abi.uint(raw.get(i..i.saturating_add(4)).unwrap_or_default()) as u32 as i32;
    Ok([part(0), part(4), part(8)])
}

/// `datetime.timedelta(days=-1, seconds=5)`.
pub(in crate::cpython::object) fn delta(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let parts = delta_parts(w, addr)?;
    let names = ["days", "seconds", "microseconds"];
    let shown: Vec<String> = match w.ctx().dialect.repr.named_timedelta_parts {
        true => {
            let set = names.iter().zip(parts).filter(|(_, part)| *part != 0);
            set.map(|(name, part)| format!("{name}={part}")).collect()
        }
        // The days always, and all up to the last that is not 0.
        false => {
            let count = parts.iter().rposition(|part| *part != 0).map_or(1, |last| last.saturating_add(1));
            parts.iter().take(count).map(i32::to_string).collect()
        }
    };
    w.tp_name(info);
    w.push("(");
    w.push(if shown.is_empty() { "0".to_owned() } else { shown.join(", ") }.as_str());
    w.fixed(")")
}

/// `datetime.timezone.utc`, `datetime.timezone(datetime.timedelta(...), 'name')`: `{head, offset, name}`.
pub(in crate::cpython::object) fn timezone(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let [offset, name] = [w.head_word(addr, 0)?, w.head_word(addr, 1)?];
    let is_delta = w.heap.type_of(offset)?.kind == Kind::TimeDelta;
    // There is only one without offset and name: `timezone.utc`.
    if name.is_null() && is_delta && delta_parts(w, offset)? == [0, 0, 0] {
        return w.fixed("datetime.timezone.utc");
    }
    w.tp_name(info);
    w.push("(");
    w.object(offset);
    if !name.is_null() {
        w.push(", ");
        w.object(name);
    }
    w.fixed(")")
}

/// `zoneinfo.ZoneInfo(key='Europe/Paris')`: `{head, key, file_repr, ...}` (Modules/_zoneinfo.c).
pub(in crate::cpython::object) fn zone_info(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let key = w.head_word(addr, 0)?;
    w.tp_name(info);
    if !key.is_null() && w.heap.type_of(key)?.kind != Kind::None {
        w.push("(key=");
        w.object(key);
    } else {
        w.push(".from_file(");
        let file = w.head_word(addr, 1)?;
        let text = crate::cpython::object::unicode::read_str(w.ctx(), file, 10_000)?;
        w.name(&text);
    }
    w.fixed(")")
}
