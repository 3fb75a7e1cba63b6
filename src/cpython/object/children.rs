//! What containers hold: one iterator over the items of every kind that has some, for listings, paths and debuggers.

use super::dict::DictEntries;
use super::fields::{head_word, var_word};
use super::int::Int;
use super::kind::{Holds, Kind};
use super::python2::Own;
use super::repr::{array_length, array_part};
use super::sequence::{Sequence, list_items, tuple_items, var_len};
use super::set::{set_items, set_len};
use super::types::{Heap, TypeInfo};
use super::unicode::read_text;
use super::value::{ArrayStep, Value};
use crate::base::{Addr, Text};
use crate::cpython::frame::proxy_entries;
use crate::cpython::layout::SimpleQueueForm;
use crate::cpython::{Context, DecodeError};
use crate::field;
use std::collections::HashMap;

/// Entries of an `OrderedDict` looked at to bring them into their order.
const MAX_ORDERED: usize = 1_000_000;

/// Pointers in one block of a deque (Modules/_collectionsmodule.c `BLOCKLEN`).
const DEQUE_BLOCK: u64 = 64;

/// Longest string of which single characters are read, in code points.
const MAX_TEXT: u64 = 10_000_000;

/// One item of a container.
#[derive(Clone, Debug)]
pub struct Item {
    /// The key, of mappings.
    pub key: Option<Addr>,
    /// The item.
    pub value: Value,
}

impl Item {
    fn object(addr: Addr) -> Item {
        Item { key: None, value: Value::Object(addr) }
    }

    fn pair((key, value): (Addr, Addr)) -> Item {
        Item { key: Some(key), value: Value::Object(value) }
    }
}

/// The items of a container, in the order in which Python iterates.
pub struct Items<'a> {
    total: u64,
    next: u64,
    form: Form<'a>,
}

impl std::fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Items").field("total", &self.total).finish_non_exhaustive()
    }
}

enum Form<'a> {
    Pointers(Sequence<'a>),
    /// Whatever can only be walked.
    Walk(Box<dyn Iterator<Item = Result<Item, DecodeError>> + 'a>),
    /// What is made of the data at an index.
    Made(Box<dyn Fn(u64) -> Result<Value, DecodeError> + 'a>),
}

/// Finds the items of one kind: of the object at an address, whose type is this, at most so many.
pub(super) type ItemsOf = for<'h> fn(&'h Heap<'_>, Addr, &TypeInfo, u64) -> Result<Items<'h>, DecodeError>;

impl<'a> Items<'a> {
    fn walk(total: u64, items: impl Iterator<Item = Result<Item, DecodeError>> + 'a) -> Self {
        Items { total, next: 0, form: Form::Walk(Box::new(items)) }
    }

    fn made(total: u64, make: impl Fn(u64) -> Result<Value, DecodeError> + 'a) -> Self {
        Items { total, next: 0, form: Form::Made(Box::new(make)) }
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The item at `index`, for containers that are indexed by position. `None` after the end.
    #[must_use]
    pub fn at(mut self, index: u64) -> Option<Result<Value, DecodeError>> {
        if index >= self.total {
            return None;
        }
        match &mut self.form {
            Form::Pointers(list) => list.item(index).map(|found| found.map(Value::Object)),
            Form::Walk(items) => items.nth(usize::try_from(index).ok()?).map(|found| found.map(|item| item.value)),
            Form::Made(make) => Some(make(index)),
        }
    }
}

impl Iterator for Items<'_> {
    type Item = Result<Item, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.form {
            Form::Pointers(list) => list.next().map(|found| found.map(Item::object)),
            Form::Walk(items) => items.next(),
            Form::Made(make) => {
                let index = Some(self.next).filter(|index| *index < self.total)?;
                self.next = index.saturating_add(1);
                Some(make(index).map(|value| Item { key: None, value }))
            }
        }
    }
}

/// The items of the object at `addr`, of which at most `limit` will be asked for. `None` for what holds none that are
/// listed: strings are shown by their repr.
///
/// # Errors
/// [`DecodeError`] when the container is unreadable or corrupt.
pub fn items<'h>(
    heap: &'h Heap<'_>,
    addr: Addr,
    info: &TypeInfo,
    limit: u64,
) -> Result<Option<Items<'h>>, DecodeError> {
    match info.kind.row().holds {
        Holds::Sequence(items) | Holds::Members(items) | Holds::Mapping(items) => {
            items(heap, addr, info, limit).map(Some)
        }
        Holds::Text(_) | Holds::Nothing => Ok(None),
    }
}

/// What `len()` of the object at `addr` is, where no code of the user's says so; `None` for what has none.
///
/// # Errors
/// [`DecodeError`] when the container is unreadable or corrupt.
pub fn length(heap: &Heap<'_>, addr: Addr, info: &TypeInfo) -> Result<Option<u64>, DecodeError> {
    match info.kind.row().holds {
        Holds::Sequence(items) | Holds::Members(items) | Holds::Mapping(items) | Holds::Text(items) => {
            items(heap, addr, info, 0).map(|items| Some(items.total()))
        }
        Holds::Nothing => Ok(None),
    }
}

/// The dict that the keys of this object are looked up in.
///
/// # Errors
/// [`DecodeError`] when a mappingproxy cannot be followed.
pub(super) fn dict_of(heap: &Heap<'_>, addr: Addr, info: &TypeInfo) -> Result<Option<Addr>, DecodeError> {
    match info.kind {
        Kind::MappingProxy => proxied(heap, addr).map(|(dict, _)| Some(dict)),
        kind if kind.refines(Kind::Dict) => Ok(Some(addr)),
        _ => Ok(None),
    }
}

fn of_pointers(list: Sequence<'_>) -> Items<'_> {
    Items { total: list.total(), next: 0, form: Form::Pointers(list) }
}

pub(super) fn tuple<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    tuple_items(&heap.ctx, addr).map(of_pointers)
}

pub(super) fn list<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    list_items(&heap.ctx, addr).map(of_pointers)
}

pub(super) fn set<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, limit: u64) -> Result<Items<'h>, DecodeError> {
    let found = set_items(&heap.ctx, addr, limit)?;
    Ok(Items::walk(set_len(&heap.ctx, addr)?, found.into_iter().map(|item| Ok(Item::object(item)))))
}

pub(super) fn dict<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let entries = DictEntries::new(&heap.ctx, addr)?;
    Ok(Items::walk(entries.total(), entries.map(|entry| entry.map(Item::pair))))
}

pub(super) fn ordered<'h>(
    heap: &'h Heap<'_>,
    addr: Addr,
    info: &TypeInfo,
    limit: u64,
) -> Result<Items<'h>, DecodeError> {
    let (total, entries) = entries_of(&heap.ctx, addr, info, limit)?;
    Ok(Items::walk(total, entries.map(|entry| entry.map(Item::pair))))
}

/// Keys and values of a dict, and how many there are.
pub(super) type Entries<'a> = (u64, Box<dyn Iterator<Item = Result<(Addr, Addr), DecodeError>> + 'a>);

/// The entries of a dict in the order Python iterates, of which at most `limit` will be asked for.
pub(super) fn entries_of<'a>(
    ctx: &Context<'a>,
    dict: Addr,
    info: &TypeInfo,
    limit: u64,
) -> Result<Entries<'a>, DecodeError> {
    let entries = DictEntries::new(ctx, dict)?;
    let total = entries.total();
    if info.kind == Kind::OrderedDict {
        return Ok((total, Box::new(linked(ctx, dict, total, limit)?.into_iter().map(Ok))));
    }
    Ok((total, Box::new(entries)))
}

/// The entries of an `OrderedDict` in the order of its linked list: `PyODictObject {od_dict, od_first, ...}`, nodes
/// `{key, hash, next, prev}` (Objects/odictobject.c).
fn linked(ctx: &Context<'_>, dict: Addr, total: u64, limit: u64) -> Result<Vec<(Addr, Addr)>, DecodeError> {
    let word = u64::from(ctx.abi.pointer_size());
    let dict_size = field!(ctx, dict.size).1?;
    let mut node = ctx.ptr_at("odict.od_first", dict.wrapping_add(dict_size))?;
    let mut entries = DictEntries::new(ctx, dict)?;
    let mut table: Option<HashMap<Addr, Addr>> = None;
    let mut out = Vec::new();
    let want = total.min(limit.saturating_add(1));
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

/// The dict that a mappingproxy shows: `mappingproxyobject {head, mapping}` (Objects/descrobject.c).
fn proxied(heap: &Heap<'_>, addr: Addr) -> Result<(Addr, std::sync::Arc<TypeInfo>), DecodeError> {
    let mapping = head_word(&heap.ctx, addr, 0)?;
    let info = heap.type_of(mapping)?;
    if !info.kind.refines(Kind::Dict) {
        let found = info.name.clone();
        return Err(DecodeError::WrongType { what: "mappingproxy", addr: mapping, expected: "dict", found });
    }
    Ok((mapping, info))
}

pub(super) fn proxy<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, limit: u64) -> Result<Items<'h>, DecodeError> {
    let (dict, info) = proxied(heap, addr)?;
    ordered(heap, dict, &info, limit)
}

/// The dict of a view: `_PyDictViewObject {head, dv_dict}` (Objects/dictobject.c).
fn viewed<'h>(heap: &'h Heap<'_>, addr: Addr, limit: u64) -> Result<Entries<'h>, DecodeError> {
    let dict = head_word(&heap.ctx, addr, 0)?;
    entries_of(&heap.ctx, dict, &*heap.type_of(dict)?, limit)
}

pub(super) fn keys<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, limit: u64) -> Result<Items<'h>, DecodeError> {
    let (total, entries) = viewed(heap, addr, limit)?;
    Ok(Items::walk(total, entries.map(|entry| entry.map(|(key, _)| Item::object(key)))))
}

pub(super) fn values<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, limit: u64) -> Result<Items<'h>, DecodeError> {
    let (total, entries) = viewed(heap, addr, limit)?;
    Ok(Items::walk(total, entries.map(|entry| entry.map(|(_, value)| Item::object(value)))))
}

pub(super) fn pairs<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, limit: u64) -> Result<Items<'h>, DecodeError> {
    let (total, entries) = viewed(heap, addr, limit)?;
    Ok(Items::walk(total, entries.map(|entry| entry.map(Item::pair))))
}

pub(super) fn frame_locals<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let entries = proxy_entries(heap, head_word(&heap.ctx, addr, 0)?)?.entries;
    Ok(Items::walk(entries.len() as u64, entries.into_iter().map(|entry| entry.map(Item::pair))))
}

pub(super) fn deque<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let (total, elements) = deque_items(&heap.ctx, addr)?;
    Ok(Items::walk(total, elements.map(|element| element.map(Item::object))))
}

/// Length and elements of a deque: `dequeobject {var_head, leftblock, rightblock, leftindex, rightindex, state, maxlen,
/// ...}`, blocks `{leftlink, data[64], rightlink}` (Modules/_collectionsmodule.c).
pub(super) fn deque_items<'a>(
    ctx: &Context<'a>,
    addr: Addr,
) -> Result<(u64, impl Iterator<Item = Result<Addr, DecodeError>> + use<'a>), DecodeError> {
    let len = var_len(ctx, "deque.ob_size", addr)?;
    let mut block = var_word(ctx, addr, 0)?;
    let mut index = var_word(ctx, addr, 2)?.0;
    let word = u64::from(ctx.abi.pointer_size());
    let ctx = *ctx;
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

/// What waits in a `_queue.SimpleQueue`, the next one first.
pub(super) fn simple_queue<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let ctx = heap.ctx;
    let corrupt = |what: &str| DecodeError::corrupt("SimpleQueue", addr, what);
    match ctx.dialect.simple_queue {
        SimpleQueueForm::List => {
            let mut list = list_items(&ctx, head_word(&ctx, addr, 2)?)?;
            let first = head_word(&ctx, addr, 3)?.0;
            let total = list.total().checked_sub(first).ok_or_else(|| corrupt("begins after the end of its list"))?;
            let item = move |n: u64| list.item(first.saturating_add(n));
            Ok(Items::walk(total, (0..total).map_while(item).map(|found| found.map(Item::object))))
        }
        SimpleQueueForm::Ring => {
            let word = |n: u64| head_word(&ctx, addr, n);
            let (first, items, room, total) = (word(2)?.0, word(3)?, word(4)?.0, word(5)?.0);
            if total > room {
                return Err(corrupt("has more items than room for them"));
            }
            let width = u64::from(ctx.abi.pointer_size());
            Ok(Items::made(total, move |n| {
                let place = first.wrapping_add(n).checked_rem(room).unwrap_or(0);
                ctx.ptr_at("SimpleQueue item", items.wrapping_add(place.wrapping_mul(width))).map(Value::Object)
            }))
        }
    }
}

/// Where the elements of an `array.array` are: `arrayobject {var_head, ob_item, allocated, ob_descr, ...}`, descr
/// `{char typecode, int itemsize, ...}` (Modules/arraymodule.c).
#[derive(Clone, Copy, Debug)]
pub(super) struct CArray {
    pub len: u64,
    pub data: Addr,
    /// Type code of the `array` module.
    pub code: char,
    /// Bytes of an element, 1 to 8.
    pub width: u64,
}

impl CArray {
    pub(super) fn read(ctx: &Context<'_>, addr: Addr) -> Result<CArray, DecodeError> {
        let len = var_len(ctx, "array.ob_size", addr)?;
        let data = var_word(ctx, addr, 0)?;
        let descr = var_word(ctx, addr, 2)?;
        let head = ctx.bytes_at("array descr", descr, 8)?;
        let code = head.first().copied().map_or('?', char::from);
        let width = ctx.abi.uint(head.get(4..8).unwrap_or_default());
        if !(1..=8).contains(&width) || !code.is_ascii_alphabetic() {
            return Err(DecodeError::corrupt("array descr", descr, format!("type {code:?}, {width} bytes")));
        }
        Ok(CArray { len, data, code, width })
    }

    /// Whether the elements are characters.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.code, 'u' | 'w')
    }
}

/// An element of an array of C numbers, by the codes of `struct`.
pub(super) fn c_number(ctx: &Context<'_>, code: char, bytes: &[u8]) -> Value {
    let raw = ctx.abi.uint(bytes);
    let bits = u32::try_from(bytes.len()).unwrap_or(8).saturating_mul(8);
    match code {
        'f' if bytes.len() == 4 => Value::Float(f64::from(f32::from_bits(raw as u32))),
        'f' | 'd' => Value::Float(f64::from_bits(raw)),
        _ if code.is_ascii_uppercase() => Value::from(raw),
        _ => {
            let shift = 64u32.saturating_sub(bits);
            Value::Int(raw.wrapping_shl(shift).cast_signed().wrapping_shr(shift))
        }
    }
}

pub(super) fn array<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let ctx = heap.ctx;
    let array = CArray::read(&ctx, addr)?;
    Ok(Items::made(array.len, move |index| {
        let at = array.data.wrapping_add(index.wrapping_mul(array.width));
        let raw = ctx.bytes_at("array items", at, array.width)?;
        Ok(match array.is_text() {
            true => Value::Text(Text::from_code_points([ctx.abi.uint(&raw) as u32])),
            false => c_number(&ctx, array.code, &raw),
        })
    }))
}

/// `rangeobject {head, start, stop, step, length}` (Objects/rangeobject.c).
pub(super) fn range<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let ctx = &heap.ctx;
    let number = |word: u64| -> Result<i64, DecodeError> {
        let at = head_word(ctx, addr, word)?;
        let value = Int::read(ctx, at)?.to_i64();
        value.ok_or_else(|| DecodeError::corrupt("range", at, "numbers of more than 64 bits are not counted here"))
    };
    let (start, step, length) = (number(0)?, number(2)?, number(3)?);
    let length = u64::try_from(length).map_err(|_| DecodeError::corrupt("range.length", addr, length.to_string()))?;
    Ok(Items::made(length, move |index| {
        let value = i64::try_from(index).ok().and_then(|index| index.checked_mul(step)?.checked_add(start));
        value.map(Value::Int).ok_or_else(|| DecodeError::corrupt("range", addr, "an item of more than 64 bits"))
    }))
}

pub(super) fn str<'h>(heap: &'h Heap<'_>, addr: Addr, info: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let ctx = heap.ctx;
    if ctx.dialect.is_two() {
        return str_of_two(heap, addr, info);
    }
    Ok(Items::made(read_text(&ctx, addr, 0)?.length, move |index| {
        let part = read_text(&ctx, addr, index.saturating_add(1).min(MAX_TEXT))?;
        let point = usize::try_from(index).ok().and_then(|index| part.text.code_points().get(index).copied());
        let point = point.ok_or_else(|| DecodeError::corrupt("str", addr, "too long to count its characters"))?;
        Ok(Value::Text(Text::from_code_points([point])))
    }))
}

/// The characters of a `str` of Python 2, which are bytes. Those of a `unicode` are not made.
fn str_of_two<'h>(heap: &'h Heap<'_>, addr: Addr, info: &TypeInfo) -> Result<Items<'h>, DecodeError> {
    let ctx = heap.ctx;
    if Own::of_flags(info.flags) != Some(Own::Str) {
        return Err(DecodeError::WrongType { what: "index", addr, expected: "str", found: info.name.clone() });
    }
    let data = ctx.addr(field!(ctx, bytes.sval), addr)?;
    Ok(Items::made(var_len(&ctx, "str.ob_size", addr)?, move |index| {
        ctx.bytes_at("str data", data.wrapping_add(index), 1).map(Value::Bytes)
    }))
}

fn of_bytes<'h>(heap: &'h Heap<'_>, len: u64, data: Addr) -> Items<'h> {
    let ctx = heap.ctx;
    Items::made(len, move |index| ctx.uint_at("bytes data", data.wrapping_add(index), 1).map(Value::from))
}

pub(super) fn bytes<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let len = var_len(&heap.ctx, "bytes.ob_size", addr)?;
    Ok(of_bytes(heap, len, heap.ctx.addr(field!(heap.ctx, bytes.sval), addr)?))
}

pub(super) fn bytearray<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let len = var_len(&heap.ctx, "bytearray.ob_size", addr)?;
    let data = if len == 0 { Addr::NULL } else { heap.ctx.ptr(field!(heap.ctx, bytearray.start), addr)? };
    Ok(of_bytes(heap, len, data))
}

pub(super) fn ndarray<'h>(heap: &'h Heap<'_>, addr: Addr, _: &TypeInfo, _: u64) -> Result<Items<'h>, DecodeError> {
    let len = array_length(heap, addr, &[])?.unwrap_or_default();
    Ok(Items::made(len, move |index| array_part(heap, addr, vec![ArrayStep::Item(index)])))
}
