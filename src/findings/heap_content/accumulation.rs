//! `accumulation-point`: an object that keeps much alive, in many small parts.

use super::{HeapScene, Noticed, percent};
use crate::base::{size, thousands};
use crate::heap::ObjectId;
use crate::model::heap::HeapFindingId;
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// It keeps at least this part of all bytes.
const PART: f64 = 0.2;
/// None of what it keeps is more than this part of it: else that is where to look.
const LARGEST_CHILD: f64 = 0.25;
/// It keeps at least so many objects alive itself.
const LEAST_CHILDREN: u64 = 10;
/// Types named of what it keeps.
const TYPES: usize = 3;

/// What an object keeps alive itself: the objects whose owner it is.
#[derive(Default)]
struct Children {
    count: u64,
    largest: u64,
    /// Objects and bytes by type.
    types: HashMap<u32, (u64, u64), RandomState>,
}

pub(super) fn run(scene: &HeapScene<'_>) -> Vec<Noticed> {
    let retained = scene.retained;
    let large = |(id, bytes): &(ObjectId, u64)| scene.counts(*bytes, PART) && !(scene.is_namespace)(*id);
    let candidates: HashMap<ObjectId, u64, RandomState> = retained.iter().filter(large).collect();
    if candidates.is_empty() {
        return Vec::new();
    }
    let mut children: HashMap<ObjectId, Children, RandomState> = HashMap::default();
    for (id, bytes) in retained.iter() {
        let Some(owner) = retained.owner(id).filter(|owner| candidates.contains_key(owner)) else { continue };
        let of_owner = children.entry(owner).or_default();
        of_owner.count = of_owner.count.wrapping_add(1);
        of_owner.largest = of_owner.largest.max(bytes);
        let type_id = scene.state.objects().type_id(id).unwrap_or(u32::MAX);
        let (objects, sum) = of_owner.types.entry(type_id).or_default();
        *objects = objects.wrapping_add(1);
        *sum = sum.saturating_add(bytes);
    }
    let mut found = Vec::new();
    for (id, bytes) in candidates {
        let Some(kept) = children.get(&id) else { continue };
        let splits = kept.largest as f64 <= bytes as f64 * LARGEST_CHILD && kept.count >= LEAST_CHILDREN;
        if splits {
            found.push(noticed(scene, id, bytes, kept));
        }
    }
    found.sort_by_key(|noticed| (std::cmp::Reverse(noticed.bytes), noticed.object));
    found
}

fn noticed(scene: &HeapScene<'_>, id: ObjectId, bytes: u64, kept: &Children) -> Noticed {
    let state = scene.state;
    let object = state.objects().get(id);
    let name = (scene.path)(id).unwrap_or_else(|| format!("a {}", scene.type_name(id)));
    let mut types: Vec<(&u32, &(u64, u64))> = kept.types.iter().collect();
    types.sort_by_key(|(type_id, (_, sum))| (std::cmp::Reverse(*sum), **type_id));
    let mut evidence = Vec::new();
    if let Some(items) = object.and_then(|found| state.items(found)) {
        evidence.push(format!("it is a {} of {} items", scene.type_name(id), thousands(items)));
    }
    for (type_id, (objects, sum)) in types.iter().take(TYPES) {
        let of = state.shape(**type_id).map_or("?", |shape| shape.name.as_str());
        let each = size(sum.checked_div(*objects).unwrap_or(0));
        let (objects, sum) = (thousands(*objects), size(*sum));
        evidence.push(format!("it alone keeps {objects} objects of {of}: {sum} with all that they keep, {each} each"));
    }
    let addr = object.map_or(0, |found| found.addr);
    Noticed {
        id: HeapFindingId::AccumulationPoint,
        title: format!("{name} keeps {} alive, {} of all bytes", size(bytes), percent(scene.share(bytes))),
        object: Some(id),
        objects: kept.count,
        bytes,
        evidence,
        next: format!("pyinquest heap refs CORE {addr:#x} --out"),
    }
}
