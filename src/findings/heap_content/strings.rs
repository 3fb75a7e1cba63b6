//! `duplicate-strings`: equal texts that are there many times.

use super::{HeapScene, Noticed, percent};
use crate::base::{size, thousands};
use crate::model::heap::HeapFindingId;

/// The repeats take at least this part of all bytes.
const PART: f64 = 0.05;
/// Values named.
const VALUES: usize = 3;

pub(super) fn run(scene: &HeapScene<'_>) -> Option<Noticed> {
    let strings = scene.strings;
    let bytes = strings.duplicate_bytes;
    if !scene.counts(bytes, PART) {
        return None;
    }
    let text = |group: &crate::heap::StringGroup| {
        let (count, all) = (thousands(group.count), size(group.bytes));
        let object = scene.state.objects().at(group.first.addr);
        let at = object.and_then(|id| (scene.path)(id)).map(|path| format!(", one is {path}")).unwrap_or_default();
        format!("{count} times the value at {:#x}: {all}{at}", group.first.addr)
    };
    let first = strings.groups.first();
    Some(Noticed {
        id: HeapFindingId::DuplicateStrings,
        title: format!("equal texts take {} beyond the first of each, {}", size(bytes), percent(scene.share(bytes))),
        object: first.and_then(|group| scene.state.objects().at(group.first.addr)),
        objects: strings.groups.iter().map(|group| group.count.saturating_sub(1)).fold(0, u64::saturating_add),
        bytes,
        evidence: strings.groups.iter().take(VALUES).map(text).collect(),
        next: "pyinquest heap strings CORE --duplicates".to_owned(),
    })
}
