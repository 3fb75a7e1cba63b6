//! What cannot be in the collector's lists: links that do not lead back, objects without a type.

use super::{FLAGS, HEAD, heads};
use crate::base::Addr;
use crate::cpython::Context;
use crate::heap::integrity::Damage;
use crate::heap::offsets::Offsets;
use crate::heap::types::TypeTable;
use crate::heap::view::View;
use crate::model::integrity::DamageKind;

/// Damages of one list, after which it is left.
const MOST: usize = 100;

/// Examines the lists of the collector at `state`, none of which may be at work; how many objects are on them.
pub(in crate::heap) fn check(
    ctx: &Context<'_>,
    view: &View<'_>,
    types: &mut TypeTable<'_>,
    state: Addr,
    found: &mut Vec<Damage>,
) -> u64 {
    let (Ok(o), Ok(heads)) = (Offsets::new(ctx), heads(ctx, state)) else { return 0 };
    heads.into_iter().map(|(head, _)| list(view, &o, types, head.0, found)).fold(0, u64::saturating_add)
}

fn list(view: &View<'_>, o: &Offsets, types: &mut TypeTable<'_>, head: u64, found: &mut Vec<Damage>) -> u64 {
    let next_of = |at: u64| view.word(at).map(|word| word & !FLAGS);
    let back_of = |at: u64| view.word(at.wrapping_add(8)).map(|word| word & !FLAGS);
    let links = |at| Damage { kind: DamageKind::GcLinks, at, from: at & !15, bytes: HEAD };
    let (mut before, mut steps, mut turn, mut mark) = (head, 0u64, 1u64, head);
    let limit = found.len().saturating_add(MOST);
    while found.len() < limit && !view.is_over() {
        let Some(at) = next_of(before) else { break };
        let back = back_of(at).filter(|_| at & 15 == 0 || at == head);
        if back != Some(before) {
            // Either the link to this one is damaged, or this one's link back: one that is on the list otherwise is not.
            let on_the_list = back.is_some() && next_of(at).and_then(back_of) == Some(at);
            // A process may be stopped between the links of an object that is taken off the list, or put at its end.
            let leaves = |gone: u64| next_of(gone) == Some(at) && back_of(gone) == Some(before);
            let is_new = !on_the_list && back_of(head) == Some(before);
            if is_new {
                break;
            }
            match (on_the_list, back.is_some_and(leaves)) {
                (true, true) => {}
                (true, false) => found.push(links(at.wrapping_add(8))),
                (false, _) => {
                    found.push(links(before));
                    break;
                }
            }
        }
        if at == head || at == mark {
            break;
        }
        let object = at.wrapping_add(HEAD);
        let type_at = object.wrapping_add(o.ob_type);
        if view.word(type_at).and_then(|t| types.prove(view, t)).is_none() {
            found.push(Damage {
                kind: DamageKind::TypePointer,
                at: type_at,
                from: at,
                bytes: HEAD.saturating_add(o.head),
            });
        }
        steps = steps.saturating_add(1);
        if steps == turn {
            (mark, turn) = (at, turn.saturating_mul(2));
        }
        before = at;
    }
    steps
}
