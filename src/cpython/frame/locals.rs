//! Variables of a frame: arguments, locals, cells and free variables, or the namespace of a module or class body.

use super::PyFrame;
use crate::base::{Addr, Text};
use crate::cpython::code::Code;
use crate::cpython::layout::{LocalsPlus, StackRefs};
use crate::cpython::object::{DictEntries, Heap, Kind, read_text, tuple_items};
use crate::cpython::{Context, DecodeError};
use crate::field;

/// Most slots that are read of one frame. CPython's compiler has no limit of its own; code objects of generated
/// functions with some thousand names exist.
pub(super) const SLOT_LIMIT: u64 = 100_000;
/// Longest name, in code points.
const NAME_LIMIT: u64 = 4096;
/// `Py_TPFLAGS_DICT_SUBCLASS` (Include/object.h).
const DICT_SUBCLASS: u64 = 1 << 29;

/// Bits of `co_localspluskinds` (Include/internal/pycore_code.h; the same from 3.11 on).
mod kind_bits {
    /// `CO_FAST_HIDDEN` (3.12+): variable of an inlined comprehension, unbound outside of it.
    pub const HIDDEN: u8 = 0x10;
    /// `CO_FAST_CELL`.
    pub const CELL: u8 = 0x40;
    /// `CO_FAST_FREE`.
    pub const FREE: u8 = 0x80;
}

/// What kind of variable a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// Parameter.
    Argument,
    /// Local variable.
    Local,
    /// Local variable or parameter that inner functions use.
    Cell,
    /// Variable of an outer function.
    Free,
    /// Entry of a module's or class body's namespace.
    Name,
}

/// What a variable holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotValue {
    /// An object.
    Object(Addr),
    /// An integer that the interpreter keeps in the slot itself (3.14+ tagged ints).
    TaggedInt(i64),
    /// Nothing: not assigned yet, or deleted.
    Unbound,
    /// Not readable.
    Unreadable(DecodeError),
}

/// One variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalVar {
    /// Name.
    pub name: Text,
    /// Kind.
    pub kind: SlotKind,
    /// Value.
    pub value: SlotValue,
}

/// Variables of `frame`, in CPython's order: parameters, locals, cells, free variables; for a module or class body
/// the names of its namespace, at most `limit` of them.
///
/// # Errors
/// [`DecodeError`] when the names or slots cannot be read at all.
pub fn locals(heap: &Heap<'_>, frame: &PyFrame, limit: usize) -> Result<(Vec<LocalVar>, bool), DecodeError> {
    let ctx = &heap.ctx;
    let code = frame.code.as_ref().map_err(Clone::clone)?;
    if !code.is_optimized() {
        let namespace = match ctx.dialect.locals_plus {
            LocalsPlus::ThreeTuples => ctx.ptr(field!(ctx, frame_object.f_locals), frame.addr)?,
            LocalsPlus::NamesAndKinds => ctx.ptr(field!(ctx, frame.locals), frame.addr)?,
        };
        if !namespace.is_null() {
            return namespace_of(heap, namespace, limit);
        }
    }
    if let Some(compiled) = frame.compiled {
        return Err(compiled.not_kept("what is local"));
    }
    let list = match ctx.dialect.locals_plus {
        LocalsPlus::ThreeTuples => three_tuples(heap, code, frame)?,
        LocalsPlus::NamesAndKinds => names_and_kinds(heap, code, frame)?,
    };
    Ok((list, false))
}

/// Where a variable is in all frames of one code object: for reading one variable of many frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariablePlace {
    /// Number of its slot.
    index: u64,
    /// Whether the slot holds a cell.
    cell: bool,
}

impl VariablePlace {
    /// The place of the variable `name` in frames of the code object at `code`; `None` where there is no such variable.
    ///
    /// # Errors
    /// [`DecodeError`] when the names cannot be read.
    pub fn find(heap: &Heap<'_>, code: Addr, name: &str) -> Result<Option<VariablePlace>, DecodeError> {
        let ctx = &heap.ctx;
        let position = |names: &[Text]| names.iter().position(|n| *n == name);
        match ctx.dialect.locals_plus {
            LocalsPlus::ThreeTuples => {
                let plain = names(heap, ctx.ptr(field!(ctx, code.varnames), code)?)?;
                let mut cells = names(heap, ctx.ptr(field!(ctx, code.cellvars), code)?)?;
                cells.extend(names(heap, ctx.ptr(field!(ctx, code.freevars), code)?)?);
                // A parameter that inner functions use is in its cell.
                let in_cell = position(&cells)
                    .map(|at| VariablePlace { index: (plain.len() as u64).saturating_add(at as u64), cell: true });
                Ok(in_cell.or_else(|| position(&plain).map(|at| VariablePlace { index: at as u64, cell: false })))
            }
            LocalsPlus::NamesAndKinds => {
                let names = names(heap, ctx.ptr(field!(ctx, code.localsplusnames), code)?)?;
                let Some(at) = position(&names) else { return Ok(None) };
                let kinds = ctx.ptr(field!(ctx, code.localspluskinds), code)?;
                let kind = ctx.addr(field!(ctx, bytes.sval), kinds)?.wrapping_add(at as u64);
                let bits = ctx.uint_at("code.localspluskinds", kind, 1)?;
                let cell = bits & u64::from(kind_bits::CELL | kind_bits::FREE) != 0;
                Ok(Some(VariablePlace { index: at as u64, cell }))
            }
        }
    }

    /// Where its slot is in a frame.
    fn slot(&self, ctx: &Context<'_>, frame: Addr) -> Result<Addr, DecodeError> {
        let base = match ctx.dialect.locals_plus {
            LocalsPlus::ThreeTuples => ctx.addr(field!(ctx, frame_object.f_localsplus), frame),
            LocalsPlus::NamesAndKinds => ctx.addr(field!(ctx, frame.localsplus), frame),
        };
        let width = u64::from(ctx.abi.pointer_size());
        Ok(base?.wrapping_add(self.index.wrapping_mul(width)))
    }

    /// The word that holds its value in a frame: its slot, or that of its cell.
    ///
    /// # Errors
    /// [`DecodeError`] when the slot cannot be read.
    pub fn word(&self, heap: &Heap<'_>, frame: Addr) -> Result<Addr, DecodeError> {
        let ctx = &heap.ctx;
        let slot = self.slot(ctx, frame)?;
        if !self.cell {
            return Ok(slot);
        }
        let cell = ctx.dialect.untag(ctx.ptr_at("variable", slot)?.0);
        if is_cell(heap, cell, SlotKind::Cell) { ctx.addr(field!(ctx, cell.contents), cell) } else { Ok(slot) }
    }

    /// What it holds in the frame at `frame`.
    #[must_use]
    pub fn read(&self, heap: &Heap<'_>, frame: Addr) -> SlotValue {
        let ctx = &heap.ctx;
        let slot = self.slot(ctx, frame).and_then(|slot| ctx.ptr_at("variable", slot));
        match slot.map(|slot| tagged(ctx, slot.0)) {
            Ok(SlotValue::Object(at)) if self.cell && is_cell(heap, at, SlotKind::Cell) => in_cell(ctx, at),
            Ok(value) => value,
            Err(e) => SlotValue::Unreadable(e),
        }
    }
}

/// The dictionaries that a frame looks up names in after its locals: globals, then builtins.
///
/// # Errors
/// [`DecodeError`] when the frame is unreadable.
pub fn namespaces(ctx: &Context<'_>, frame: &PyFrame) -> Result<[Addr; 2], DecodeError> {
    Ok(match ctx.dialect.locals_plus {
        LocalsPlus::ThreeTuples => [
            ctx.ptr(field!(ctx, frame_object.f_globals), frame.addr)?,
            ctx.ptr(field!(ctx, frame_object.f_builtins), frame.addr)?,
        ],
        LocalsPlus::NamesAndKinds => {
            [ctx.ptr(field!(ctx, frame.globals), frame.addr)?, ctx.ptr(field!(ctx, frame.builtins), frame.addr)?]
        }
    })
}

/// The names of a dictionary with string keys; whether `limit` cut it.
fn namespace_of(heap: &Heap<'_>, namespace: Addr, limit: usize) -> Result<(Vec<LocalVar>, bool), DecodeError> {
    let ctx = &heap.ctx;
    let info = heap.type_of(namespace)?;
    if !info.has(DICT_SUBCLASS) {
        let (what, addr) = ("namespace", namespace);
        return Err(DecodeError::WrongType { what, addr, expected: "dict", found: info.name.clone() });
    }
    let entries = DictEntries::new(ctx, namespace)?;
    let cut = entries.total() > limit as u64;
    let mut list = Vec::new();
    for entry in entries.take(limit) {
        let (key, value) = entry?;
        // Keys may be any objects; only strings can be names.
        if heap.type_of(key).is_ok_and(|t| t.kind == Kind::Str)
            && let Ok(name) = read_text(ctx, key, NAME_LIMIT)
        {
            list.push(LocalVar { name: name.text, kind: SlotKind::Name, value: SlotValue::Object(value) });
        }
    }
    Ok((list, cut))
}

/// 3.8 to 3.10: `co_varnames`, `co_cellvars`, `co_freevars`, one slot each; cells and free variables in cells.
fn three_tuples(heap: &Heap<'_>, code: &Code, frame: &PyFrame) -> Result<Vec<LocalVar>, DecodeError> {
    let ctx = &heap.ctx;
    let varnames = names(heap, ctx.ptr(field!(ctx, code.varnames), code.addr)?)?;
    let cells = names(heap, ctx.ptr(field!(ctx, code.cellvars), code.addr)?)?;
    let frees = names(heap, ctx.ptr(field!(ctx, code.freevars), code.addr)?)?;
    let base = ctx.addr(field!(ctx, frame_object.f_localsplus), frame.addr)?;
    let count = varnames.len().saturating_add(cells.len()).saturating_add(frees.len());
    let mut slots = read_slots(ctx, base, count as u64)?.into_iter();
    let mut list = Vec::with_capacity(count);
    for (index, name) in varnames.into_iter().enumerate() {
        let slot = slots.next().unwrap_or(0);
        // A parameter that inner functions use moves to its cell when the call starts; its own slot stays empty, in Python 2
        // as it was then.
        if (slot == 0 || ctx.dialect.is_two()) && cells.contains(&name) {
            continue;
        }
        let kind = if index < code.argument_slots { SlotKind::Argument } else { SlotKind::Local };
        list.push(LocalVar { name, kind, value: plain(slot) });
    }
    for (names, kind) in [(cells, SlotKind::Cell), (frees, SlotKind::Free)] {
        for name in names {
            let slot = slots.next().unwrap_or(0);
            list.push(LocalVar { name, kind, value: in_cell(ctx, Addr(slot)) });
        }
    }
    Ok(list)
}

/// 3.11+: `co_localsplusnames` with a byte of kind bits each.
fn names_and_kinds(heap: &Heap<'_>, code: &Code, frame: &PyFrame) -> Result<Vec<LocalVar>, DecodeError> {
    let slots = localsplus(heap, code, frame)?;
    let free_count = slots.iter().filter(|slot| slot.kind == SlotKind::Free).count();
    let first_free = slots.len().saturating_sub(free_count);
    let mut list = Vec::with_capacity(slots.len());
    for (index, Slot { name, kind, hidden, mut value }) in slots.into_iter().enumerate() {
        // Free variables reach their slots with the first instruction; until then they are in the closure.
        if kind == SlotKind::Free && value == SlotValue::Unbound {
            value = match closure_item(heap, frame, index.saturating_sub(first_free)) {
                SlotValue::Object(cell) => in_cell(&heap.ctx, cell),
                other => other,
            };
        }
        if hidden && value == SlotValue::Unbound {
            continue;
        }
        list.push(LocalVar { name: read_text(&heap.ctx, name, NAME_LIMIT)?.text, kind, value });
    }
    Ok(list)
}

/// One of `localsplus` (3.11+), with what is in its cell.
pub(super) struct Slot {
    /// The `str` object.
    pub(super) name: Addr,
    kind: SlotKind,
    hidden: bool,
    pub(super) value: SlotValue,
}

/// All of `localsplus` that have names.
pub(super) fn localsplus(heap: &Heap<'_>, code: &Code, frame: &PyFrame) -> Result<Vec<Slot>, DecodeError> {
    let ctx = &heap.ctx;
    let names = name_objects(heap, ctx.ptr(field!(ctx, code.localsplusnames), code.addr)?)?;
    let kinds = ctx.ptr(field!(ctx, code.localspluskinds), code.addr)?;
    let kinds_start = ctx.addr(field!(ctx, bytes.sval), kinds)?;
    let kinds = ctx.bytes_at("code.localspluskinds", kinds_start, names.len() as u64)?;
    let base = ctx.addr(field!(ctx, frame.localsplus), frame.addr)?;
    let slots = read_slots(ctx, base, names.len() as u64)?;
    let slot = |(index, ((name, bits), slot)): (usize, ((Addr, u8), u64))| {
        let kind = if bits & kind_bits::FREE != 0 {
            SlotKind::Free
        } else if bits & kind_bits::CELL != 0 {
            SlotKind::Cell
        } else if index < code.argument_slots {
            SlotKind::Argument
        } else {
            SlotKind::Local
        };
        let value = match tagged(ctx, slot) {
            SlotValue::Object(at) if matches!(kind, SlotKind::Cell | SlotKind::Free) && is_cell(heap, at, kind) => {
                in_cell(ctx, at)
            }
            other => other,
        };
        Slot { name, kind, hidden: bits & kind_bits::HIDDEN != 0, value }
    };
    Ok(names.into_iter().zip(kinds).zip(slots).enumerate().map(slot).collect())
}

/// A cell variable's slot holds the bare argument until MAKE_CELL ran; a free variable's always a cell.
fn is_cell(heap: &Heap<'_>, at: Addr, kind: SlotKind) -> bool {
    match heap.type_of(at) {
        Ok(info) => info.kind == Kind::Cell,
        Err(_) => kind == SlotKind::Free,
    }
}

fn closure_item(heap: &Heap<'_>, frame: &PyFrame, index: usize) -> SlotValue {
    let ctx = &heap.ctx;
    let find = || {
        let function = ctx.dialect.untag(ctx.ptr(field!(ctx, frame.funcobj), frame.addr)?.0);
        let closure = ctx.ptr(field!(ctx, function.closure), function)?;
        if closure.is_null() {
            return Ok(None);
        }
        tuple_items(ctx, closure)?.item(index as u64).transpose()
    };
    match find() {
        Ok(Some(cell)) => SlotValue::Object(cell),
        Ok(None) => SlotValue::Unbound,
        Err(e) => SlotValue::Unreadable(e),
    }
}

fn in_cell(ctx: &Context<'_>, cell: Addr) -> SlotValue {
    if cell.is_null() {
        return SlotValue::Unbound;
    }
    match ctx.ptr(field!(ctx, cell.contents), cell) {
        Ok(contents) => plain(contents.0),
        Err(e) => SlotValue::Unreadable(e),
    }
}

fn plain(slot: u64) -> SlotValue {
    if slot == 0 { SlotValue::Unbound } else { SlotValue::Object(Addr(slot)) }
}

fn tagged(ctx: &Context<'_>, slot: u64) -> SlotValue {
    if let StackRefs::Tagged { mask, int_tag, invalid_tag } = ctx.dialect.stack_refs {
        let tag = Some(slot & mask);
        if tag == int_tag {
            return SlotValue::TaggedInt(slot.cast_signed().wrapping_shr(2));
        }
        if tag == invalid_tag {
            return SlotValue::Unreadable(DecodeError::NoValue { what: "frame.localsplus", bits: slot });
        }
    }
    plain(ctx.dialect.untag(slot).0)
}

fn names(heap: &Heap<'_>, tuple: Addr) -> Result<Vec<Text>, DecodeError> {
    let names = name_objects(heap, tuple)?;
    names.into_iter().map(|name| read_text(&heap.ctx, name, NAME_LIMIT).map(|part| part.text)).collect()
}

fn name_objects(heap: &Heap<'_>, tuple: Addr) -> Result<Vec<Addr>, DecodeError> {
    let items = tuple_items(&heap.ctx, tuple)?;
    if items.total() > SLOT_LIMIT {
        return Err(DecodeError::corrupt("code names", tuple, format!("{} names", items.total())));
    }
    items.collect()
}

fn read_slots(ctx: &Context<'_>, base: Addr, count: u64) -> Result<Vec<u64>, DecodeError> {
    if count > SLOT_LIMIT {
        return Err(DecodeError::corrupt("frame.localsplus", base, format!("{count} slots")));
    }
    let width = ctx.abi.pointer_size();
    let bytes = ctx.bytes_at("frame.localsplus", base, count.saturating_mul(u64::from(width)))?;
    Ok(bytes.chunks(usize::from(width)).map(|slot| ctx.abi.uint(slot)).collect())
}
