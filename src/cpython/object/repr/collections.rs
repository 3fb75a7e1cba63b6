//! Containers of `collections`, `types`, `array`, `itertools` and the views of dicts.

use super::containers::pairs;
use super::text::quote_str;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::children::{CArray, c_number, deque_items, entries_of};
use crate::cpython::object::dict::DictEntries;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::sequence::{tuple_items, var_len};
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_text;
use crate::debuggee::MemoryExt as _;
use crate::field;

/// `dict_keys([...])`: `_PyDictViewObject {head, dv_dict}` (Objects/dictobject.c `dictview_repr`).
pub(in crate::cpython::object) fn dict_view(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let dict = w.head_word(addr, 0)?;
    let of = w.heap.type_of(dict)?;
    w.tp_name(info);
    w.push("([");
    let entries = entries_of(w.ctx(), dict, &of, w.limits.items)?;
    match info.kind {
        Kind::DictItems | Kind::OdictItems => {
            w.sequence(entries.0, entries.1, |w, (key, value)| {
                w.push("(");
                w.object(key);
                w.push(", ");
                w.object(value);
                w.push(")");
            });
        }
        Kind::DictValues | Kind::OdictValues => w.sequence(entries.0, entries.1, |w, (_, value)| w.object(value)),
        _ => w.sequence(entries.0, entries.1, |w, (key, _)| w.object(key)),
    }
    w.push("])");
    Ok(())
}

/// `OrderedDict({...})`, before 3.12 `OrderedDict([(...), ...])`.
pub(in crate::cpython::object) fn ordered_dict(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let (total, entries) = entries_of(w.ctx(), addr, info, w.limits.items)?;
    w.type_name(info);
    if total == 0 {
        return w.fixed("()");
    }
    if w.ctx().dialect.repr.ordered_dict_as_dict {
        w.push("({");
        pairs(w, total, entries);
        return w.fixed("})");
    }
    w.push("([");
    w.sequence(total, entries, |w, (key, value)| {
        w.push("(");
        w.object(key);
        w.push(", ");
        w.object(value);
        w.push(")");
    });
    w.fixed("])")
}

/// `defaultdict(<factory>, {...})`: `defdictobject {dict, default_factory}` (Modules/_collectionsmodule.c).
pub(in crate::cpython::object) fn default_dict(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let size = field!(w.ctx(), dict.size).1?;
    let factory = w.ctx().ptr_at("defaultdict.default_factory", addr.wrapping_add(size))?;
    w.own_or_fixed_name(info, "defaultdict");
    w.push("(");
    match () {
        () if factory.is_null() => w.push("None"),
        () if w.is_active(factory) => w.push("..."),
        () => w.object(factory),
    }
    w.push(", ");
    if w.is_again() {
        w.push("{...}");
    } else {
        super::containers::dict(w, addr, info)?;
    }
    w.fixed(")")
}

/// `frozendict({...})` (3.15).
pub(in crate::cpython::object) fn frozen_dict(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    w.type_name(info);
    if DictEntries::new(w.ctx(), addr)?.total() == 0 {
        return w.fixed("()");
    }
    w.push("(");
    super::containers::dict(w, addr, info)?;
    w.fixed(")")
}

/// `mappingproxy({...})`: `mappingproxyobject {head, mapping}` (Objects/descrobject.c).
pub(in crate::cpython::object) fn mapping_proxy(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    w.push("mappingproxy(");
    let mapping = w.head_word(addr, 0)?;
    w.object(mapping);
    w.fixed(")")
}

/// `rangeobject {head, start, stop, step, length}` (Objects/rangeobject.c).
pub(in crate::cpython::object) fn range(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let [start, stop, step] = [w.head_word(addr, 0)?, w.head_word(addr, 1)?, w.head_word(addr, 2)?];
    w.push("range(");
    w.object(start);
    w.push(", ");
    w.object(stop);
    if crate::cpython::object::int::Int::read(w.ctx(), step)?.to_i64() != Some(1) {
        w.push(", ");
        w.object(step);
    }
    w.fixed(")")
}

/// `PySliceObject {head, start, stop, step}` (Include/sliceobject.h).
pub(in crate::cpython::object) fn slice(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let mut separator = "slice(";
    for part in 0..3 {
        w.push(separator);
        let value = w.head_word(addr, part)?;
        w.object(value);
        separator = ", ";
    }
    w.fixed(")")
}

/// `deque([...], maxlen=n)` (Modules/_collectionsmodule.c `deque_repr`).
pub(in crate::cpython::object) fn deque(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let maxlen = w.var_word(addr, 5)?.0.cast_signed();
    w.own_or_fixed_name(info, "deque");
    w.push("([");
    let (len, elements) = deque_items(w.ctx(), addr)?;
    w.sequence(len, elements, |w, item| w.object(item));
    w.push("]");
    if maxlen >= 0 {
        w.put(format_args!(", maxlen={maxlen}"));
    }
    w.fixed(")")
}

/// `module.name(field=value, ...)`: a tuple whose type has the field names in `tp_members` (Objects/structseq.c).
pub(in crate::cpython::object) fn struct_sequence(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let list = tuple_items(w.ctx(), addr)?;
    let members = w.ctx().ptr(field!(w.ctx(), type_object.members), info.addr)?;
    let size = field!(w.ctx(), member_def.size).1?;
    w.tp_name(info);
    w.push("(");
    let ctx = *w.ctx();
    let named = (0u64..).zip(list).map(move |(index, item)| {
        let member = members.wrapping_add(index.saturating_mul(size));
        let name = ctx.ptr(field!(ctx, member_def.name), member)?;
        let name =
            ctx.memory.read_cstr(name, 100).map_err(|source| DecodeError::Read { what: "member name", source })?;
        Ok((String::from_utf8_lossy(&name).into_owned(), item?))
    });
    let total = var_len(w.ctx(), "structseq.ob_size", addr)?;
    w.sequence(total, named, |w, (name, item)| {
        w.name(&name);
        w.push("=");
        w.object(item);
    });
    w.fixed(")")
}

/// `namespace(a=1)`: `_PyNamespaceObject {head, ns_dict}` (Objects/namespaceobject.c).
pub(in crate::cpython::object) fn namespace(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let dict = w.head_word(addr, 0)?;
    let name = if info.is_native { "namespace" } else { &info.name };
    w.name(name);
    w.push("(");
    let entries = DictEntries::new(w.ctx(), dict)?;
    let total = entries.total();
    let mut named = Vec::new();
    for entry in entries.take(usize::try_from(w.limits.items).unwrap_or(usize::MAX).saturating_add(1)) {
        let (key, value) = entry?;
        named.push((read_text(w.ctx(), key, w.limits.characters)?.text, value));
    }
    if !w.ctx().dialect.repr.namespace_in_order {
        named.sort_by(|a, b| a.0.cmp(&b.0));
    }
    w.sequence(total, named.into_iter().map(Ok), |w, (key, value)| {
        w.name(&key.to_string());
        w.push("=");
        w.object(value);
    });
    w.fixed(")")
}

/// `array('i', [1, 2])` (Modules/arraymodule.c `array_repr`).
pub(in crate::cpython::object) fn array(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let array = CArray::read(w.ctx(), addr)?;
    let CArray { len, data, code, width } = array;
    w.own_or_fixed_name(info, "array");
    w.put(format_args!("('{code}'"));
    if len == 0 {
        return w.fixed(")");
    }
    w.push(", ");
    let shown = len.min(if array.is_text() { w.limits.characters } else { w.limits.items });
    let raw = w.ctx().bytes_at("array items", data, shown.saturating_mul(width))?;
    let chunk = usize::try_from(width).unwrap_or(1);
    if array.is_text() {
        let points: Vec<u32> = raw.chunks_exact(chunk).map(|c| w.ctx().abi.uint(c) as u32).collect();
        w.push(&quote_str(&points, w.ctx().dialect.repr.unicode));
    } else {
        w.push("[");
        for (index, item) in raw.chunks_exact(chunk).enumerate() {
            if index > 0 {
                w.push(", ");
            }
            let text = number(w, code, item);
            w.push(&text);
        }
    }
    if shown < len {
        w.push(", ");
        w.more(len.saturating_sub(shown));
    }
    w.push(if array.is_text() { ")" } else { "])" });
    Ok(())
}

/// An element of an array of C numbers: `struct` codes.
pub(super) fn number(w: &Writer<'_, '_>, code: char, bytes: &[u8]) -> String {
    c_number(w.ctx(), code, bytes).number_text().unwrap_or_default()
}

/// `count(start, step)`: `countobject {head, cnt, long_cnt, long_step}` (Modules/itertoolsmodule.c).
pub(in crate::cpython::object) fn count(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let fast = w.head_word(addr, 0)?.0.cast_signed();
    let [long, step] = [w.head_word(addr, 1)?, w.head_word(addr, 2)?];
    w.type_name(info);
    // `cnt` is PY_SSIZE_T_MAX in slow mode.
    let slow = fast == i64::MAX || w.ctx().abi.pointer_size() == 4 && fast == i64::from(i32::MAX);
    if !slow {
        w.put(format_args!("({fast})"));
        return Ok(());
    }
    w.push("(");
    w.object(long);
    let one = w.heap.type_of(step).is_ok_and(|t| t.kind == Kind::Int)
        && crate::cpython::object::int::Int::read(w.ctx(), step)?.to_i64() == Some(1);
    if !one {
        w.push(", ");
        w.object(step);
    }
    w.fixed(")")
}

/// `repeat(element, times)`: `repeatobject {head, element, cnt}` (Modules/itertoolsmodule.c).
pub(in crate::cpython::object) fn repeat(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let element = w.head_word(addr, 0)?;
    let left = w.head_word(addr, 1)?.0.cast_signed();
    w.type_name(info);
    w.push("(");
    w.object(element);
    if left >= 0 {
        w.put(format_args!(", {left}"));
    }
    w.fixed(")")
}
