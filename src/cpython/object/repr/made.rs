//! The repr of what is not an object in memory, but what Python would make one of.

use super::containers::pairs;
use super::limits::{Fidelity, Meter, Repr, ReprLimits};
use super::numpy;
use super::python2;
use super::text::{quote_bytes, quote_str};
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::frame::{PyFrame, SlotValue, locals};
use crate::cpython::object::float::float_repr;
use crate::cpython::object::instance::dict_entries;
use crate::cpython::object::types::Heap;
use crate::cpython::object::value::Value;

/// What `repr()` of the value would have been.
pub(in crate::cpython::object) fn repr_of(heap: &Heap<'_>, value: &Value, limits: &ReprLimits) -> Repr {
    let meter = Meter::new(heap.ctx.memory, limits.reads);
    let heap = heap.through(&meter);
    // Before the reads are used up.
    let type_name = type_name(&heap, value);
    let mut writer = Writer::new(&heap, limits);
    write(&mut writer, value);
    let (text, fidelity) = writer.finish();
    Repr { text, fidelity, type_name }
}

fn type_name(heap: &Heap<'_>, value: &Value) -> Option<String> {
    let name = match value {
        Value::Object(addr) => return heap.type_of(*addr).ok().map(|info| info.dunder_name().to_owned()),
        Value::ArrayPart { array, steps } => return numpy::part_type(heap, *array, steps).ok().flatten(),
        Value::None => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Unsigned(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "str",
        Value::Bytes(_) if heap.ctx.dialect.is_two() => "str",
        Value::Bytes(_) => "bytes",
        Value::Tuple(_) => "tuple",
        Value::List(_) => "list",
        Value::Frame(_) => "frame",
        Value::Attributes(_) | Value::Locals(_) => "dict",
    };
    Some(name.to_owned())
}

fn write(w: &mut Writer<'_, '_>, value: &Value) {
    let written = match value {
        Value::Object(addr) => {
            w.object(*addr);
            return;
        }
        Value::None => w.fixed("None"),
        Value::Bool(value) => w.fixed(if *value { "True" } else { "False" }),
        Value::Int(value) => w.fixed(&value.to_string()),
        Value::Unsigned(value) => w.fixed(&value.to_string()),
        Value::Float(value) => w.fixed(&float_repr(*value)),
        // Names, which are `str`.
        Value::Text(text) if w.ctx().dialect.is_two() => w.fixed(&python2::quote_str(text.to_string().as_bytes())),
        Value::Bytes(bytes) if w.ctx().dialect.is_two() => w.fixed(&python2::quote_str(bytes)),
        Value::Text(text) => {
            let text = quote_str(text.code_points(), w.ctx().dialect.repr.unicode);
            w.fixed(&text)
        }
        Value::Bytes(bytes) => w.fixed(&quote_bytes(bytes, false)),
        Value::Tuple(items) => {
            w.push("(");
            list(w, items);
            w.push(if items.len() == 1 { ",)" } else { ")" });
            return;
        }
        Value::List(items) => {
            w.push("[");
            list(w, items);
            w.push("]");
            return;
        }
        Value::Attributes(addr) => attributes(w, *addr),
        Value::Frame(frame) => {
            one_frame(w, frame);
            return;
        }
        Value::Locals(frame) => frame_locals(w, frame),
        Value::ArrayPart { array, steps } => numpy::part(w, *array, steps),
    };
    if let Err(error) = written {
        w.problem(&error);
    }
}

fn list(w: &mut Writer<'_, '_>, items: &[Value]) {
    // What is made of C data holds numbers, what is cut out of a sequence objects: one level.
    w.sequence(items.len() as u64, items.iter().map(Ok), |w, item| match item {
        Value::Tuple(_) | Value::List(_) => w.push("..."),
        item => write(w, item),
    });
}

fn attributes(w: &mut Writer<'_, '_>, addr: Addr) -> Result<(), DecodeError> {
    let info = w.heap.type_of(addr)?;
    w.push("{");
    if let Some(entries) = dict_entries(w.heap, addr, &info)? {
        pairs(w, entries.total(), entries);
    }
    w.fixed("}")
}

fn one_frame(w: &mut Writer<'_, '_>, frame: &PyFrame) {
    // Python would make the frame object now: its address is not known.
    w.lower(Fidelity::Structural);
    w.push("<frame");
    if let Ok(code) = &frame.code {
        if let Ok(file) = &code.filename {
            let quoted = quote_str(file.code_points(), w.ctx().dialect.repr.unicode);
            w.put(format_args!(", file {quoted}"));
        }
        let line = frame.position.as_ref().ok().and_then(|position| position.line);
        w.put(format_args!(", line {}", line.map_or_else(|| "None".to_owned(), |line| line.to_string())));
        if let Ok(name) = &code.name {
            w.push(", code ");
            w.name(&name.to_string());
        }
    }
    w.push(">");
}

fn frame_locals(w: &mut Writer<'_, '_>, frame: &PyFrame) -> Result<(), DecodeError> {
    let limit = usize::try_from(w.limits.items).unwrap_or(usize::MAX);
    let (list, more) = locals(w.heap, frame, limit)?;
    w.push("{");
    let mut separator = "";
    for variable in list {
        let name = quote_str(variable.name.code_points(), w.ctx().dialect.repr.unicode);
        if variable.value == SlotValue::Unbound {
            continue;
        }
        w.put(format_args!("{separator}{name}: "));
        separator = ", ";
        match variable.value {
            SlotValue::Object(addr) => w.object(addr),
            SlotValue::TaggedInt(number) => w.put(number),
            SlotValue::Unreadable(error) => w.problem(&error),
            SlotValue::Unbound => {}
        }
    }
    if more {
        w.push(", ...");
        w.lower(Fidelity::Cut);
    }
    w.fixed("}")
}
