//! Python's names of native functions that objects made at run time bind: pybind11, PyO3 and nanobind, of whose modules no table
//! of methods tells them.
//!
//! Who calls such a function has the object at hand. A built-in function and a method of a type refer to a `PyMethodDef` with name
//! and function; nanobind's `nb_func` has both itself: `func_data` (src/nb_internals.h) is some words, `impl`, and among the
//! words behind that `name`, between texts that are no names.

use crate::base::Addr;
use crate::cpython::object::Heap;
use crate::debuggee::{Memory, MemoryExt as _, Target};
use crate::field;
use crate::model::{Frame, FrameKind};
use crate::native::ModuleTables;
use crate::native::unwind::UnwoundFrame;
use crate::stack::report_frames::Interpreter;
use crate::stack::{NativeStack, frame_words};
use std::collections::BTreeSet;

/// Native frames that are named.
const FRAMES: usize = 64;
/// How far out who calls a function is looked for: `cfunction_call`, `_PyObject_MakeTpCall` and what they are wrapped in.
const CALLERS: usize = 3;
/// Bytes of a native frame that are searched.
const MAX_FRAME: u64 = 1 << 10;
/// Words of an object that are looked at.
const OBJECT: u64 = 24;
/// Words behind `impl` among which `name` is.
const NEAR: u64 = 8;
/// Longest name.
const MAX_NAME: usize = 256;
/// Types of nanobind's functions.
const NANOBIND: [&str; 2] = ["nb_func", "nb_method"];

/// Names functions of modules among the innermost native frames of a thread that have no name in Python yet; of those without
/// any name, unless `all`.
pub(super) fn add(
    target: &Target,
    tables: &ModuleTables<'_>,
    heap: &Heap<'_>,
    (stack, interpreter): (&NativeStack, &Interpreter),
    all: bool,
    frames: &mut [Frame],
) {
    let native = frames.iter_mut().take_while(|f| f.kind == FrameKind::Native).take(FRAMES);
    for frame in native.filter(|f| all || f.function.is_none()) {
        let (place, Some(own)) = (frame.addr, &mut frame.native) else { continue };
        let foreign = own.module_id.is_some_and(|module| !interpreter.holds(module.index()));
        if !foreign || own.inlined || own.method.is_some() {
            continue;
        }
        let at = stack.unwound.frames.iter().position(|f| f.ip == own.ip && f.cfa == place);
        let lookup = at.and_then(|at| stack.unwound.frames.get(at)).map(UnwoundFrame::lookup);
        let start = lookup.and_then(|lookup| tables.at(lookup)?.function(target, lookup)).map(|range| range.start);
        own.method = at.zip(start).and_then(|(at, start)| name(target, heap, stack, at, start));
    }
}

/// The name of the function that begins at `start` and runs as native frame `at`; `None` where none or more than one is found.
fn name(target: &Target, heap: &Heap<'_>, stack: &NativeStack, at: usize, start: Addr) -> Option<String> {
    let near = || stack.unwound.frames.iter().skip(at).take(CALLERS + 1);
    let saved = |frame: &UnwoundFrame| -> Vec<Addr> {
        frame.registers.iter().flat_map(|registers| registers.callee_saved().map(Addr)).collect()
    };
    // What registers hold is in use; on the stack may be what is left of other calls.
    let in_use: BTreeSet<Addr> = near().skip(1).flat_map(saved).collect();
    let left: BTreeSet<Addr> = near().flat_map(|frame| frame_words(target, frame, MAX_FRAME)).collect();
    let mut found = [in_use, left].iter().find_map(|words| {
        let names: BTreeSet<String> = words.iter().filter_map(|word| bound(target, heap, *word, start)).collect();
        (!names.is_empty()).then_some(names)
    })?;
    found.pop_first().filter(|_| found.is_empty())
}

/// The name that the object at `addr` binds the function at `start` to.
fn bound(target: &Target, heap: &Heap<'_>, addr: Addr, start: Addr) -> Option<String> {
    let width = u64::from(target.abi.pointer_size());
    if addr.is_null() || !addr.0.is_multiple_of(width) {
        return None;
    }
    // Most words are no objects: a slim dump is to hold those that are.
    let stored = target.memory.stored();
    let inside: Vec<Addr> = (0..OBJECT).map_while(|at| word(target, &stored, addr, at)).collect();
    let method = |def: &Addr| {
        let meth = heap.ctx.layouts.method_def.meth.offset()?;
        (target.memory.stored().read_ptr(&target.abi, def.wrapping_add(meth)).ok()? == start).then_some(*def)
    };
    // What is used is read as others read, so that it is remembered.
    let used = || (0..).take(inside.len()).all(|at| word(target, &target.memory, addr, at).is_some());
    if let Some(def) = inside.iter().filter(|word| !word.is_null() && word.0.is_multiple_of(width)).find_map(method) {
        heap.type_of(addr).ok().filter(|_| used())?;
        heap.ctx.ptr(field!(heap.ctx, method_def.meth), def).ok()?;
        let name = heap.ctx.ptr(field!(heap.ctx, method_def.name), def).ok()?;
        return identifier(target, name);
    }
    let at = inside.iter().position(|word| *word == start)?;
    let class = heap.type_of(addr).ok().filter(|_| used())?;
    let name = heap.qualname(&class);
    if !NANOBIND.iter().any(|own| name == *own) {
        return None;
    }
    let first = u64::try_from(at).ok()?.checked_add(1)?;
    (first..first.checked_add(NEAR)?).find_map(|at| identifier(target, word(target, &target.memory, addr, at)?))
}

fn word(target: &Target, memory: &dyn Memory, from: Addr, at: u64) -> Option<Addr> {
    let place = from.wrapping_add(at.checked_mul(u64::from(target.abi.pointer_size()))?);
    memory.read_ptr(&target.abi, place).ok()
}

/// A C string that is a name of Python.
fn identifier(target: &Target, at: Addr) -> Option<String> {
    let text = String::from_utf8(target.memory.read_cstr(at, MAX_NAME).ok()?.to_vec()).ok()?;
    let first = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    (first && text.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(text)
}
