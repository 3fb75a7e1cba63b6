//! What an address is, for people.

use super::heap::value;
use crate::base::{Addr, escape_terminal};
use crate::model::address::{AddressAnswer, AddressFact, BlockState, UnmappedKind};
use crate::model::heap::HeapObject;
use std::fmt::Write as _;

/// One line a fact, the most specific first.
#[must_use]
pub fn text(answer: &AddressAnswer) -> String {
    let mut out = format!("{}\n", answer.address);
    for fact in &answer.facts {
        let (what, text) = line(fact);
        let _ = writeln!(out, "  {what:<10} {text}");
    }
    if let Some(why) = &answer.no_heap {
        let _ = writeln!(out, "  {:<10} Python's objects are not known: {}", "heap", escape_terminal(why));
    }
    out
}

fn object(object: &HeapObject) -> String {
    format!("{} {}  {}", escape_terminal(&object.type_name), object.addr, value(object))
}

/// "byte 8 of 64 from 0x7f00".
fn part(offset: u64, bytes: u64, start: Addr) -> String {
    format!("byte {offset} of {bytes} from {start}")
}

fn line(fact: &AddressFact) -> (&'static str, String) {
    match fact {
        AddressFact::Object { object: of, offset: 0 } => ("object", object(of)),
        AddressFact::Object { object: of, offset } if *offset < 0 => {
            ("object", format!("{} bytes before {}", offset.unsigned_abs(), object(of)))
        }
        AddressFact::Object { object: of, offset } => ("object", format!("byte {offset} of {}", object(of))),
        AddressFact::Buffer { holds, start, bytes, offset, object: of } => {
            (holds.phrase(), format!("of {}: {}", object(of), part(*offset, *bytes, *start)))
        }
        AddressFact::Block { allocator, state, start, bytes, offset, was } => {
            let state = match state {
                BlockState::InUse => "in use",
                BlockState::Free => "free",
                BlockState::NeverUsed => "never used",
                BlockState::Header => "the allocator's own data",
            };
            let of = allocator.phrase();
            let mut text = format!("{of}, {state}: {}", part(*offset, *bytes, *start));
            if let Some(was) = was {
                let _ = write!(text, "; was an object of type {}, freed (likely)", escape_terminal(was));
            }
            ("block", text)
        }
        AddressFact::Registers { tid, names } => ("register", format!("{} of thread {tid}", names.join(", "))),
        AddressFact::Stack { tid, offset, frame } => {
            let place = match offset {
                0.. => format!("stack pointer +{offset:#x}"),
                _ => format!("{:#x} bytes below the stack pointer, not in use", offset.unsigned_abs()),
            };
            let frame = frame.as_ref().map_or_else(String::new, |frame| {
                let function = frame.function.as_deref().map_or("?", |name| name);
                format!(", in native frame {} {}", frame.index, escape_terminal(function))
            });
            ("stack", format!("of thread {tid}, {place}{frame}"))
        }
        AddressFact::ThreadState { tid, offset } => {
            let of = tid.map_or_else(String::new, |tid| format!(" {tid}"));
            ("state", format!("PyThreadState of thread{of}, byte {offset}"))
        }
        AddressFact::InterpreterState { id, offset } => {
            ("state", format!("PyInterpreterState of interpreter {id}, byte {offset}"))
        }
        AddressFact::Runtime { offset } => ("state", format!("_PyRuntime, byte {offset}")),
        AddressFact::Symbol { name, module, offset } => {
            let (name, module) = (escape_terminal(name), escape_terminal(module));
            let inside = if *offset == 0 { String::new() } else { format!("+{offset:#x}") };
            ("symbol", format!("{name}{inside} of {module}"))
        }
        AddressFact::Mapping { start, end, rights, path, readable } => {
            let path = path.as_ref().map_or_else(String::new, |path| format!(" {}", escape_terminal(path)));
            let missing = if *readable { "" } else { " (these bytes are not in the dump)" };
            ("mapping", format!("{start}-{end} {rights}{path}{missing}"))
        }
        AddressFact::Unmapped { why, after, before } => {
            let what = match why {
                UnmappedKind::Null => "NULL".to_owned(),
                UnmappedKind::NearNull => "not mapped: a field or item of what NULL points to".to_owned(),
                UnmappedKind::NotCanonical => {
                    "no address of this processor: a damaged pointer, or data taken for one".to_owned()
                }
                UnmappedKind::DebugBytes => {
                    "bytes of the debug hooks (0xcd new, 0xdd freed, 0xfd around a block): read from such memory"
                        .to_owned()
                }
                UnmappedKind::Nothing => {
                    let gap =
                        |what: &str, at: &Option<Addr>| at.map_or_else(String::new, |at| format!(", {what} {at}"));
                    format!(
                        "not mapped{}{}",
                        gap("after the mapping that ends at", after),
                        gap("before the one at", before)
                    )
                }
            };
            ("nothing", what)
        }
    }
}
