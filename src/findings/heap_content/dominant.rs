//! `dominant-type`: objects of one type keep, or those of a built-in type take, a large part of all bytes.

use super::{HeapScene, Noticed, percent};
use crate::base::{size, thousands};
use crate::heap::ObjectId;
use crate::model::heap::HeapFindingId;
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Objects of a class keep at least this part of all bytes.
const KEPT_PART: f64 = 0.3;
/// Objects of a built-in type take at least this part of all bytes.
const OWN_PART: f64 = 0.4;
/// A single object with all that it keeps is no type that dominates.
const LEAST_OBJECTS: u64 = 100;
/// Most types told of.
const MOST: usize = 3;
/// Types named of those that keep them.
const OWNERS: usize = 3;

#[derive(Clone, Copy, Default)]
struct Own {
    objects: u64,
    bytes: u64,
    largest: u64,
    example: ObjectId,
}

pub(super) fn run(scene: &HeapScene<'_>) -> Vec<Noticed> {
    let (state, retained) = (scene.state, scene.retained);
    let kept = retained.by_type();
    let mut own = vec![Own::default(); kept.len()];
    for (id, bytes) in retained.iter() {
        let type_id = state.objects().type_id(id);
        let Some(of) = type_id.and_then(|type_id| own.get_mut(type_id as usize)) else { continue };
        of.objects = of.objects.wrapping_add(1);
        of.bytes = of.bytes.saturating_add(scene.sizes.of(id));
        if bytes > of.largest {
            (of.largest, of.example) = (bytes, id);
        }
    }
    let mut found = Vec::new();
    for (type_id, (own, kept)) in own.iter().zip(kept).enumerate() {
        let Some(shape) = state.shape(type_id as u32).filter(|_| own.objects >= LEAST_OBJECTS) else { continue };
        // Names of built-in types have no module.
        let builtin = !shape.name.contains('.');
        let (bytes, part) = if builtin { (own.bytes, OWN_PART) } else { (*kept, KEPT_PART) };
        if !scene.counts(bytes, part) {
            continue;
        }
        let (name, count) = (&shape.name, thousands(own.objects));
        let verb = if builtin { "take" } else { "keep" };
        let alive = if builtin { "" } else { " alive" };
        let mut evidence = Vec::new();
        if !builtin {
            let each = size(kept.checked_div(own.objects).unwrap_or(0));
            evidence.push(format!("{} of their own, {each} each with all that they keep", size(own.bytes)));
        }
        evidence.extend(owners(scene, type_id as u32));
        found.push(Noticed {
            id: HeapFindingId::DominantType,
            title: format!(
                "{count} objects of {name} {verb} {}{alive}, {} of all bytes",
                size(bytes),
                percent(scene.share(bytes))
            ),
            object: Some(own.example),
            objects: own.objects,
            bytes,
            evidence,
            next: format!("pyinquest heap why CORE --type {name}"),
        });
    }
    found.sort_by_key(|noticed| (std::cmp::Reverse(noticed.bytes), noticed.object));
    found.truncate(MOST);
    found
}

/// Whose the objects of a type are.
fn owners(scene: &HeapScene<'_>, type_id: u32) -> Vec<String> {
    let (state, retained) = (scene.state, scene.retained);
    let mut by: HashMap<Option<u32>, (u64, u64), RandomState> = HashMap::default();
    for (id, _) in retained.iter() {
        if state.objects().type_id(id) != Some(type_id) {
            continue;
        }
        let owner = retained.owner(id).and_then(|owner| state.objects().type_id(owner));
        let (objects, bytes) = by.entry(owner).or_default();
        *objects = objects.wrapping_add(1);
        *bytes = bytes.saturating_add(scene.sizes.of(id));
    }
    let mut list: Vec<(Option<u32>, (u64, u64))> = by.into_iter().collect();
    list.sort_by_key(|(owner, (_, bytes))| (std::cmp::Reverse(*bytes), *owner));
    let text = |(owner, (objects, bytes)): &(Option<u32>, (u64, u64))| {
        let (objects, bytes) = (thousands(*objects), size(*bytes));
        match owner.and_then(|owner| state.shape(owner)) {
            Some(shape) => format!("{objects} of {bytes} are kept by objects of {} alone", shape.name),
            None => format!("{objects} of {bytes} are kept by more than one way from roots"),
        }
    };
    list.iter().take(OWNERS).map(text).collect()
}
