//! Whether a heap is whole, for people.

use super::address::{allocator, holds};
use super::heap::{head, one};
use crate::base::escape_terminal;
use crate::base::thousands as count;
use crate::model::address::BlockState;
use crate::model::integrity::{DamageKind, DamagePlace, HeapCheck, HeapDamage};
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
        "examined: {} blocks of pymalloc{marks}, links and types of {} objects on the collector's lists, sizes of {} objects, \
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
    let _ = writeln!(out, "{}: {}", damage.at, what(damage.kind));
    let text = damage.text.as_deref().map_or(String::new(), |text| format!("  \"{}\"", escape_terminal(text)));
    let _ = writeln!(out, "    bytes   {}{text}", damage.bytes);
    if let Some(at) = &damage.place {
        let _ = writeln!(out, "    place   {}", place(at));
    }
    if let Some(before) = &damage.before {
        let _ = writeln!(out, "    before  {}", place(before));
    }
}

fn what(kind: DamageKind) -> &'static str {
    match kind {
        DamageKind::PoolHeader => {
            "the head of a pool of pymalloc is none: overwritten, probably from the block before it"
        }
        DamageKind::FreeList => {
            "the link of a free block leads to what is not one: written to after it was freed, or beyond the block before it"
        }
        DamageKind::WrittenAfterFree => "a block was written to after it was freed",
        DamageKind::FenceBefore => {
            "the marks before a block are overwritten: beyond the block before it, or before its start"
        }
        DamageKind::FenceAfter => "the marks after a block are overwritten: it was written beyond its end",
        DamageKind::TypePointer => {
            "an object on the collector's list has no type: overwritten, or freed without leaving the list"
        }
        DamageKind::GcLinks => "a link of the collector's list does not lead back",
        DamageKind::Size => "an object says that it is larger than its block",
        DamageKind::Reference => "a reference leads to what is not an object: overwritten, or freed and in use again",
        DamageKind::MallocChunk => {
            "the size of a chunk of malloc leads nowhere: overwritten, probably from the chunk before it"
        }
    }
}

fn place(at: &DamagePlace) -> String {
    let mut text = match (at.allocator, at.state) {
        (Some(of), Some(BlockState::InUse)) => format!("block in use of {}", allocator(of)),
        (Some(of), Some(BlockState::Free)) => format!("free block of {}", allocator(of)),
        (Some(of), Some(BlockState::NeverUsed)) => format!("block of {} that was never used", allocator(of)),
        (Some(of), Some(BlockState::Header)) => format!("head of a pool of {}", allocator(of)),
        _ => "memory".to_owned(),
    };
    let _ = write!(text, " at {}, {} bytes", at.start, count(at.bytes));
    match (&at.object, at.holds) {
        (Some(object), Some(kind)) => {
            let _ = write!(text, ": {} of {}", holds(kind), one(object));
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
