//! `sparse-dict`: dicts and sets whose tables are nearly empty.

use super::{HeapScene, Noticed, percent};
use crate::base::{size, thousands};
use crate::heap::ObjectId;
use crate::model::heap::HeapFindingId;

/// The empty room takes at least this part of all bytes.
const PART: f64 = 0.05;
/// Tables named.
const TABLES: usize = 3;

pub(super) fn run(scene: &HeapScene<'_>) -> Option<Noticed> {
    let state = scene.state;
    let mut list: Vec<(u64, ObjectId)> = Vec::new();
    for (id, found) in state.objects().iter().enumerate() {
        let wasted = state.sparse_bytes(found);
        if wasted > 0 {
            list.push((wasted, id as u32));
        }
    }
    let bytes = list.iter().map(|(wasted, _)| *wasted).fold(0, u64::saturating_add);
    if !scene.counts(bytes, PART) {
        return None;
    }
    list.sort_by_key(|(wasted, id)| (std::cmp::Reverse(*wasted), *id));
    let text = |(wasted, id): &(u64, ObjectId)| {
        let found = state.objects().get(*id);
        let items = thousands(found.and_then(|found| state.items(found)).unwrap_or(0));
        let name = (scene.path)(*id).unwrap_or_else(|| "no root leads to it".to_owned());
        format!("{} of {items} items, {} of empty table: {name}", scene.type_name(*id), size(*wasted))
    };
    let count = list.len() as u64;
    let (noun, verb) = if count == 1 { ("dict or set is", "takes") } else { ("dicts and sets are", "take") };
    Some(Noticed {
        id: HeapFindingId::SparseDict,
        title: format!(
            "{} {noun} nearly empty and {verb} {} for nothing, {}",
            thousands(count),
            size(bytes),
            percent(scene.share(bytes))
        ),
        object: list.first().map(|(_, id)| *id),
        objects: count,
        bytes,
        evidence: list.iter().take(TABLES).map(text).collect(),
        next: "tables do not shrink when entries are deleted: make the container anew".to_owned(),
    })
}
