//! Containers of `collections`, `types`, `array`, `itertools` and the views of dicts.

use super::containers::pairs;
use super::number::float_at;
use super::text::quote_str;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::dict::DictEntries;
use crate::cpython::object::float::float_repr;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::sequence::{tuple_items, var_len};
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_text;
use crate::debuggee::MemoryExt as _;
use crate::field;
use std::collections::HashMap;

/// Entries of an `OrderedDict` looked at to bring them into their order.
const MAX_ORDERED: usize = 1_000_000;

/// Pointers in one block of a deque (Modules/_collectionsmodule.c `BLOCKLEN`).
const DEQUE_BLOCK: u64 = 64;

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
    let entries = entries_of(w, dict, &of)?;
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

type Entries<'a> = (u64, Box<dyn Iterator<Item = Result<(Addr, Addr), DecodeError>> + 'a>);

/// The entries of a dict in the order Python iterates, and how many there are.
pub(super) fn entries_of<'a>(w: &Writer<'_, 'a>, dict: Addr, info: &TypeInfo) -> Result<Entries<'a>, DecodeError> {
    let entries = DictEntries::new(w.ctx(), dict)?;
    let total = entries.total();
    if info.kind == Kind::OrderedDict {
        return Ok((total, Box::new(ordered(w, dict, total)?.into_iter().map(Ok))));
    }
    Ok((total, Box::new(entries)))
}

/// The entries of an `OrderedDict` in the order of its linked list: `PyODictObject {od_dict, od_first, ...}`, nodes `{key, hash, next, prev}`
/// (Objects/odictobject.c).
fn ordered(w: &Writer<'_, '_>, dict: Addr, total: u64) -> Result<Vec<(Addr, Addr)>, DecodeError> {
    let ctx = w.ctx();
    let word = u64::from(ctx.abi.pointer_size());
    let dict_size = field!(ctx, dict.size).1?;
    let mut node = ctx.ptr_at("odict.od_first", dict.wrapping_add(dict_size))?;
    let mut entries = DictEntries::new(ctx, dict)?;
    let mut table: Option<HashMap<Addr, Addr>> = None;
    let mut out = Vec::new();
    let want = total.min(w.limits.items.saturating_add(1));
    while !node.is_null() && (out.len() as u64) < want {
        let key = ctx.ptr_at("odict node key", node)?;
        node = ctx.ptr_at("odict node next", node.wrapping_add(word.saturating_mul(2)))?;
        // As long as nothing was moved, both orders are the same.
        if table.is_none() {
            match entries.next() {
                Some(Ok((k, value))) if k == key => {
                    out.push((key, value));
                    continue;
                }
                _ => {
                    let all = DictEntries::new(ctx, dict)?;
                    table = Some(all.take(MAX_ORDERED).collect::<Result<_, _>>()?);
                }
            }
        }
        let value = table.as_ref().and_then(|t| t.get(&key)).copied();
        out.push((key, value.ok_or_else(|| DecodeError::corrupt("odict node key", key, "not a key of the dict"))?));
    }
    if (out.len() as u64) < want {
        return Err(DecodeError::corrupt("odict.od_first", dict, format!("{total} entries, {} linked", out.len())));
    }
    Ok(out)
}

/// `OrderedDict({...})`, before 3.12 `OrderedDict([(...), ...])`.
pub(in crate::cpython::object) fn ordered_dict(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let (total, entries) = entries_of(w, addr, info)?;
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
    w.type_name(info);
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

/// `deque([...], maxlen=n)`: `dequeobject {var_head, leftblock, rightblock, leftindex, rightindex, state, maxlen, ...}`,
/// blocks `{leftlink, data[64], rightlink}` (Modules/_collectionsmodule.c).
pub(in crate::cpython::object) fn deque(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let maxlen = w.var_word(addr, 5)?.0.cast_signed();
    w.type_name(info);
    w.push("([");
    let (len, elements) = deque_items(w, addr)?;
    w.sequence(len, elements, |w, item| w.object(item));
    w.push("]");
    if maxlen >= 0 {
        w.put(format_args!(", maxlen={maxlen}"));
    }
    w.fixed(")")
}

/// Length and elements of a deque.
pub(super) fn deque_items<'a>(
    w: &Writer<'_, 'a>,
    addr: Addr,
) -> Result<(u64, impl Iterator<Item = Result<Addr, DecodeError>> + use<'a>), DecodeError> {
    let len = var_len(w.ctx(), "deque.ob_size", addr)?;
    let mut block = w.var_word(addr, 0)?;
    let mut index = w.var_word(addr, 2)?.0;
    let word = u64::from(w.ctx().abi.pointer_size());
    let ctx = *w.ctx();
    let elements = (0..len).map(move |_| {
        if index >= DEQUE_BLOCK {
            let right = block.wrapping_add(word.saturating_mul(DEQUE_BLOCK.saturating_add(1)));
            block = ctx.ptr_at("deque block.rightlink", right)?;
            index = 0;
        }
        let at = block.wrapping_add(word.saturating_mul(index.saturating_add(1)));
        index = index.saturating_add(1);
        ctx.ptr_at("deque block.data", at)
    });
    Ok((len, elements))
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

/// `array('i', [1, 2])`: `arrayobject {var_head, ob_item, allocated, ob_descr, ...}`, descr `{char typecode, int itemsize,
/// ...}` (Modules/arraymodule.c).
pub(in crate::cpython::object) fn array(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let len = var_len(w.ctx(), "array.ob_size", addr)?;
    let data = w.var_word(addr, 0)?;
    let descr = w.var_word(addr, 2)?;
    let head = w.ctx().bytes_at("array descr", descr, 8)?;
    let code = head.first().copied().map_or('?', char::from);
    let width = w.ctx().abi.uint(head.get(4..8).unwrap_or_default());
    if !(1..=8).contains(&width) || !code.is_ascii_alphabetic() {
        return Err(DecodeError::corrupt("array descr", descr, format!("type {code:?}, {width} bytes")));
    }
    w.type_name(info);
    w.put(format_args!("('{code}'"));
    if len == 0 {
        return w.fixed(")");
    }
    w.push(", ");
    let shown = len.min(if matches!(code, 'u' | 'w') { w.limits.characters } else { w.limits.items });
    let raw = w.ctx().bytes_at("array items", data, shown.saturating_mul(width))?;
    let chunk = usize::try_from(width).unwrap_or(1);
    if matches!(code, 'u' | 'w') {
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
    w.push(if matches!(code, 'u' | 'w') { ")" } else { "])" });
    Ok(())
}

/// An element of an array of C numbers: `struct` codes.
pub(super) fn number(w: &Writer<'_, '_>, code: char, bytes: &[u8]) -> String {
    let raw = w.ctx().abi.uint(bytes);
    let bits = u32::try_from(bytes.len()).unwrap_or(8).saturating_mul(8);
    match code {
        'f' | 'd' => float_repr(float_at(w.ctx(), bytes)),
        _ if code.is_ascii_uppercase() => raw.to_string(),
        _ => {
            let shift = 64u32.saturating_sub(bits);
            raw.wrapping_shl(shift).cast_signed().wrapping_shr(shift).to_string()
        }
    }
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
