//! Which array of NumPy an access went through or past, among the variables of the Python functions that led to it.

use super::facts::Scene;
use crate::base::{Addr, counted};
use crate::cpython::frame::{PyFrame, SlotValue, locals};
use crate::cpython::object::{Heap, Kind, array_extent};
use std::cmp::Reverse;
use std::ops::Range;

/// Python frames whose variables are looked at, from the innermost.
const FRAMES: usize = 8;
/// Variables of one frame.
const VARIABLES: usize = 200;
/// How far from an array an access may be to be told of, where no register leads to the array.
const NEAR: u64 = 1 << 16;

/// An array that a variable holds.
struct Held {
    /// "local `a` of total".
    name: String,
    extent: Range<Addr>,
}

/// Says where a bad address is, seen from the array that has it or is next to it.
pub(super) fn evidence(scene: &Scene<'_>, at: Addr) -> Option<String> {
    let heap = scene.facts.heap?;
    let frames = &scene.thread?.python_frames;
    let held = frames.iter().take(FRAMES).flat_map(|read| arrays(heap, &read.frame));
    let near = |held: &Held| distance(&held.extent, at) <= NEAR || leads_to(scene, &held.extent);
    // Of variables for the same memory the outermost has the name that the user gave.
    let held = held.filter(near).max_by_key(|held| Reverse((distance(&held.extent, at), size(&held.extent))))?;
    let (start, size) = (held.extent.start, counted(size(&held.extent), "byte"));
    let place = match distance(&held.extent, at) {
        0 => "inside of".to_owned(),
        n if at < start => format!("{} in front of", counted(n, "byte")),
        n => format!("{} behind", counted(n.wrapping_sub(1), "byte")),
    };
    Some(format!("the address is {place} the data of {}, which as the array says are {size} at {start}", held.name))
}

/// Arrays that the variables of a frame hold.
fn arrays(heap: &Heap<'_>, frame: &PyFrame) -> Vec<Held> {
    let variables = locals(heap, frame, VARIABLES).map(|(list, _)| list).unwrap_or_default();
    let name = frame.code.as_ref().ok().and_then(|code| code.name.as_ref().ok());
    let function = name.map(ToString::to_string).unwrap_or_default();
    let array = |name: String, value: &SlotValue| {
        let SlotValue::Object(object) = value else { return None };
        heap.type_of(*object).ok().filter(|info| info.kind.refines(Kind::NumpyArray))?;
        let extent = array_extent(heap, *object).ok().filter(|extent| !extent.is_empty())?;
        Some(Held { name, extent })
    };
    let named = |name: &dyn std::fmt::Display| match function.as_str() {
        "<module>" => format!("global `{name}`"),
        _ => format!("local `{name}` of {function}"),
    };
    variables.iter().filter_map(|var| array(named(&var.name), &var.value)).collect()
}

fn size(extent: &Range<Addr>) -> u64 {
    extent.end.0.wrapping_sub(extent.start.0)
}

/// Bytes from an address to the nearest one in a range.
fn distance(extent: &Range<Addr>, at: Addr) -> u64 {
    match at {
        _ if extent.contains(&at) => 0,
        _ if at < extent.start => extent.start.0.wrapping_sub(at.0),
        _ => at.0.wrapping_sub(extent.end.0).saturating_add(1),
    }
}

/// Whether the instruction reached the address from a pointer into the range.
fn leads_to(scene: &Scene<'_>, extent: &Range<Addr>) -> bool {
    let Some(operand) = &scene.access().operand else { return false };
    let base = operand.base.as_ref().map(|register| register.value);
    let index = operand.index.as_ref().map(|(register, _)| register.value);
    [base, index].into_iter().flatten().any(|value| extent.contains(&Addr(value)))
}
