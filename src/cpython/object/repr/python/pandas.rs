//! pandas: tables, columns and indexes, told by their blocks (how they print depends on options and on the terminal).
//!
//! What Python cannot see as attributes lies in structs that Cython makes of `pandas/_libs/internals.pyx` and
//! `arrays.pyx`: which word is which was read from 2.2 and 3.1, and each is taken only if it holds an object of the
//! type it must have.

use super::attribute;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::default::head;
use crate::cpython::object::repr::limits::Fidelity;
use crate::cpython::object::repr::numpy;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::{list_items, tuple_items};
use crate::cpython::object::types::TypeInfo;

/// Blocks of one table that are shown.
const MAX_BLOCKS: usize = 100;

/// `<pandas.DataFrame object at 0x.. index=range(0, 3) columns=['a'] blocks=[<numpy.ndarray ...>]>`, a series without columns.
pub(super) fn table(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let Some(manager) = attribute(w, addr, "_mgr") else { return Ok(false) };
    let Some((blocks, axes)) = manager_parts(w, manager) else { return Ok(false) };
    w.lower(Fidelity::Structural);
    head(w, addr, info);
    if let Some(name) = attribute(w, addr, "_name") {
        w.push(" name=");
        w.object(name);
    }
    // The axes of a table are its columns, then its rows.
    let names: &[&str] = if axes.len() == 1 { &[" index="] } else { &[" index=", " columns="] };
    for (name, axis) in names.iter().zip(axes.iter().rev()) {
        w.push(name);
        labels(w, *axis)?;
    }
    w.push(" blocks=[");
    let total = blocks.len() as u64;
    w.sequence(total, blocks.into_iter().map(Ok), |w, block| match block_values(w, block) {
        Some(values) => array_or_object(w, values),
        None => w.object(block),
    });
    w.push("]>");
    Ok(true)
}

/// `<pandas.Index object at 0x.. name=None labels=['a', 'b']>`.
pub(super) fn index(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    if attribute(w, addr, "_range").is_none() && attribute(w, addr, "_data").is_none() {
        return Ok(false);
    }
    w.lower(Fidelity::Structural);
    head(w, addr, info);
    if let Some(name) = attribute(w, addr, "_name") {
        w.push(" name=");
        w.object(name);
    }
    w.push(" labels=");
    labels(w, addr)?;
    w.push(">");
    Ok(true)
}

/// The labels of an index: a `range`, or the items of an array.
fn labels(w: &mut Writer<'_, '_>, index: Addr) -> Result<(), DecodeError> {
    if let Some(range) = attribute(w, index, "_range") {
        w.object(range);
        return Ok(());
    }
    let Some(data) = attribute(w, index, "_data") else {
        w.object(index);
        return Ok(());
    };
    match array_of(w, data) {
        Some(array) => numpy::items(w, array),
        None => {
            w.object(data);
            Ok(())
        }
    }
}

fn array_or_object(w: &mut Writer<'_, '_>, values: Addr) {
    match array_of(w, values) {
        Some(array) => w.object(array),
        None => w.object(values),
    }
}

/// The NumPy array itself, or that behind an extension array (`NDArrayBacked {_ndarray, _dtype}`, with or without a table of
/// methods before them).
fn array_of(w: &Writer<'_, '_>, values: Addr) -> Option<Addr> {
    let is_array = |at: &Addr| w.heap.type_of(*at).is_ok_and(|info| info.kind == Kind::NumpyArray);
    if is_array(&values) {
        return Some(values);
    }
    let own = attribute(w, values, "_ndarray").filter(is_array);
    let backed = w.heap.mro(&*w.heap.type_of(values).ok()?).iter().any(|class| {
        w.heap.type_info(*class).is_some_and(|class| class.is_native && class.short_name() == "NDArrayBacked")
    });
    own.or_else(|| (0..2).filter(|_| backed).find_map(|word| w.head_word(values, word).ok().filter(is_array)))
}

/// Blocks and axes of a manager: attributes of that of a series, `{vtable, blocks, axes, ...}` of that of a table.
fn manager_parts(w: &Writer<'_, '_>, manager: Addr) -> Option<(Vec<Addr>, Vec<Addr>)> {
    let stored = |name: &str, word: u64| attribute(w, manager, name).or_else(|| w.head_word(manager, word).ok());
    let (blocks, axes) = (stored("blocks", 1)?, stored("axes", 2)?);
    let kind = |at: Addr| w.heap.type_of(at).ok().map(|info| info.kind);
    if kind(blocks)? != Kind::Tuple || kind(axes)? != Kind::List {
        return None;
    }
    let axes = list_items(w.ctx(), axes).ok().filter(|axes| matches!(axes.total(), 1 | 2))?;
    let axes: Vec<Addr> = axes.collect::<Result<_, _>>().ok()?;
    let is_index = |at: &Addr| {
        attribute(w, *at, "_range").is_some()
            || attribute(w, *at, "_data").is_some()
            || attribute(w, *at, "_levels").is_some()
    };
    if !axes.iter().all(is_index) {
        return None;
    }
    let blocks = tuple_items(w.ctx(), blocks).ok()?.take(MAX_BLOCKS).collect::<Result<_, _>>().ok()?;
    Some((blocks, axes))
}

/// Values of a block: `{vtable, _mgr_locs, refs, int ndim, values}`.
fn block_values(w: &Writer<'_, '_>, block: Addr) -> Option<Addr> {
    let dimensions = w.head_word(block, 3).ok()?.0 as u32;
    let values = w.head_word(block, 4).ok()?;
    let found = w.heap.type_of(values).ok()?;
    let fits = found.kind == Kind::NumpyArray || w.heap.module(&found)?.starts_with("pandas");
    (matches!(dimensions, 1 | 2) && fits).then_some(values)
}
