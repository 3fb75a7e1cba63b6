//! What of the heap cannot be as it is ([`crate::model::integrity`]), beside a crash that this explains.

use super::finding;
use crate::base::{Addr, counted};
use crate::model::address::BlockState;
use crate::model::integrity::{DamagePlace, HeapCheck, HeapDamage};
use crate::model::{Confidence, Finding, FindingId};

/// Places that are named.
const MOST: usize = 5;

/// Where the heap of a process is damaged whose thread `tid` crashed. `near` are addresses that the crashed code had at hand.
#[must_use]
pub fn heap_damage(check: &HeapCheck, near: &[Addr], tid: u64) -> Option<Finding> {
    let at_hand = |damage: &HeapDamage| near.iter().any(|addr| holds(damage, *addr));
    let mut damages: Vec<&HeapDamage> = check.damages.iter().collect();
    damages.sort_by_key(|damage| !at_hand(damage));
    let first = *damages.first()?;
    let origin = match (before(first), &first.place) {
        (Some(before), _) => owner(before).map(|name| format!("; before it is {name}")),
        (None, Some(place)) => owner(place).map(|name| format!("; it is {name}")),
        (None, None) => None,
    };
    let origin = origin.unwrap_or_default();
    let title = match check.total {
        1 => format!("the heap is damaged at {}: {}{origin}", first.at, first.kind.phrase()),
        total => format!(
            "the heap is damaged in {}, first at {}: {}{origin}",
            counted(total, "place"),
            first.at,
            first.kind.phrase()
        ),
    };
    let mut evidence: Vec<String> = damages.iter().take(MOST).map(|damage| line(damage)).collect();
    if at_hand(first) {
        evidence.push(format!("the code that crashed had {}, or its block, in a register or argument", first.at));
    }
    let advice = "what is before a damaged place in memory was probably written beyond its end; `pyinquest heap check` lists all \
                  with the bytes, `pyinquest what ADDRESS` tells of one";
    Some(Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::HeapDamage, title, Confidence::Medium, evidence, tid)
    })
}

/// Whether an address is in the block that is damaged.
fn holds(damage: &HeapDamage, addr: Addr) -> bool {
    let inside = |place: &DamagePlace| addr.distance_from(place.start).is_some_and(|at| at < place.bytes);
    addr == damage.at || damage.place.as_ref().is_some_and(inside)
}

/// What is before a damaged place, where that is another block: marks are a part of theirs.
fn before(damage: &HeapDamage) -> Option<&DamagePlace> {
    let start = damage.place.as_ref().map(|place| place.start);
    damage.before.as_ref().filter(|before| Some(before.start) != start)
}

/// One place, without any value of the program.
fn line(damage: &HeapDamage) -> String {
    let mut text = format!("{}: {}", damage.at, damage.kind.phrase());
    if let Some(at) = &damage.place {
        text += &format!("; it is in {}", place(at));
    }
    if let Some(before) = before(damage) {
        text += &format!("; before it is {}", place(before));
    }
    text
}

fn place(at: &DamagePlace) -> String {
    let allocator = at.allocator.map_or(String::new(), |of| format!(" of {}", of.phrase()));
    let what = match at.state {
        Some(BlockState::InUse) => "a block in use",
        Some(BlockState::Free) => "a free block",
        Some(BlockState::NeverUsed) => "a block that was never used",
        Some(BlockState::Header) => "the head of a pool",
        None => "memory",
    };
    let held = owner(at).map_or(String::new(), |name| format!(", {name}"));
    format!("{what}{allocator} at {} of {}{held}", at.start, counted(at.bytes, "byte"))
}

/// "a bytes object", "items of a list object", "a freed app.Session object (likely)".
fn owner(at: &DamagePlace) -> Option<String> {
    match (&at.object, at.holds, &at.was) {
        (Some(object), Some(part), _) => Some(format!("{} of a {} object", part.phrase(), object.type_name)),
        (Some(object), None, _) => Some(format!("a {} object", object.type_name)),
        (None, _, Some(was)) => Some(format!("a freed {was} object (likely)")),
        (None, ..) => None,
    }
}
