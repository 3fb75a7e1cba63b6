//! Whether a heap is whole, for people.

use super::heap::{head, one};
use crate::base::escape_terminal;
use crate::base::thousands as count;
use crate::model::address::BlockState;
use crate::model::integrity::{DamagePlace, HeapCheck, HeapDamage};
use std::fmt::Write as _;

/// What was examined, then each damage with its place and what is before it.
#[must_use]
pub fn text(answer: &HeapCheck) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let examined = answer.examined;
    let marks = if examined.marks { " with the marks of the debug hooks" } else { "" };
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "examined: {} blocks of Python's allocator{marks}, links and types of {} objects on the collector's lists, sizes of {} objects, \
         references of {}, {} chunks of malloc",
        count(examined.blocks),
        count(examined.tracked),
        count(examined.sizes),
        count(examined.referring),
        count(examined.chunks)
    );
    if answer.total == 0 {
        out += "\nno damage was found\n";
    }
    for damage in &answer.damages {
        out.push('\n');
        one_damage(&mut out, damage);
    }
    super::heap::more(&mut out, answer.total, answer.damages.len(), "places");
    out
}

fn one_damage(out: &mut String, damage: &HeapDamage) {
    let _ = writeln!(out, "{}: {}", damage.at, damage.kind.phrase());
    let text = damage.text.as_deref().map_or(String::new(), |text| format!("  \"{}\"", escape_terminal(text)));
    let _ = writeln!(out, "    bytes   {}{text}", damage.bytes);
    if let Some(at) = &damage.place {
        let _ = writeln!(out, "    place   {}", place(at));
    }
    if let Some(before) = &damage.before {
        let _ = writeln!(out, "    before  {}", place(before));
    }
}

fn place(at: &DamagePlace) -> String {
    let mut text = match (at.allocator, at.state) {
        (Some(of), Some(BlockState::InUse)) => format!("block in use of {}", of.phrase()),
        (Some(of), Some(BlockState::Free)) => format!("free block of {}", of.phrase()),
        (Some(of), Some(BlockState::NeverUsed)) => format!("block of {} that was never used", of.phrase()),
        (Some(of), Some(BlockState::Header)) => format!("head of a pool of {}", of.phrase()),
        _ => "memory".to_owned(),
    };
    let _ = write!(text, " at {}, {} bytes", at.start, count(at.bytes));
    match (&at.object, at.holds) {
        (Some(object), Some(kind)) => {
            let _ = write!(text, ": {} of {}", kind.phrase(), one(object));
        }
        (Some(object), None) => {
            let _ = write!(text, ": {}", one(object));
        }
        _ => {}
    }
    if let Some(was) = &at.was {
        let _ = write!(text, ": was a {} (likely)", escape_terminal(was));
    }
    text
}
