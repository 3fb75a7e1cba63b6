//! Questions about a heap and their answers.

use super::heap::Missing;
use crate::base::{Addr, Diagnostics};
use crate::cpython::object::{Kind, ReprLimits, find_attribute, repr};
use crate::heap::{Census, CensusRow, Filter, Found, HeapState, PoolsBy, Shape, strings};
use crate::model::heap::{
    AllocatorFound, HEAP_SCHEMA_VERSION, HeapCensus, HeapCoverage, HeapObject, HeapObjects, HeapString, HeapStrings,
    HeapType,
};

/// What the rows of a census are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CensusOrder {
    /// Bytes.
    #[default]
    Bytes,
    /// Number of objects.
    Count,
}

/// An attribute that objects must have, and the value it must have (`host=db1`: as text of a str, or as `repr()` gives it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Name of the attribute.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// How values are shown in lists: short.
fn limits() -> ReprLimits {
    ReprLimits { depth: 2, items: 4, characters: 60, ..ReprLimits::default() }
}

/// How complete the heap is.
#[must_use]
pub fn coverage(state: &HeapState<'_>, missing: Missing) -> HeapCoverage {
    let found = &state.collected.coverage;
    let allocator = match (found.pools_by, found.pages) {
        (Some(PoolsBy::Table), _) => AllocatorFound::PymallocTable,
        (Some(PoolsBy::Structure), _) if found.pools.pools > 0 => AllocatorFound::PymallocStructure,
        (_, pages) if pages > 0 => AllocatorFound::Mimalloc,
        _ => AllocatorFound::None,
    };
    HeapCoverage {
        gc_lists_whole: (found.gc_lists > 0).then_some(found.gc_lists_whole),
        collecting: found.collecting,
        allocator,
        blocks: found.pools.blocks,
        blocks_with_objects: found.pools.objects,
        unreadable_pools: found.pools.unreadable,
        perhaps_text: found.perhaps_text,
        left_out: missing.left_out,
        cut: missing.cut,
        unwritten: missing.unwritten,
    }
}

/// Objects and bytes by type.
#[must_use]
pub fn census(
    state: &HeapState<'_>,
    missing: Missing,
    filter: &Filter,
    condition: Option<&Condition>,
    (order, limit): (CensusOrder, usize),
    diagnostics: &Diagnostics,
) -> HeapCensus {
    let census = Census::new(state, filter, &|found| condition.is_none_or(|c| holds(state, found, c)));
    HeapCensus {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        objects: census.objects,
        bytes: census.bytes,
        tracked: census.tracked,
        types_total: census.rows.len() as u64,
        types: rows(state, &census, order, limit),
        collections: Vec::new(),
        diagnostics: diagnostics.to_vec(),
    }
}

/// The first rows of a census.
pub(super) fn rows(state: &HeapState<'_>, census: &Census, order: CensusOrder, limit: usize) -> Vec<HeapType> {
    let total = census.bytes.max(1) as f64;
    let mut list: Vec<&CensusRow> = census.rows.iter().collect();
    if order == CensusOrder::Count {
        list.sort_by_key(|row| (std::cmp::Reverse(row.objects), std::cmp::Reverse(row.bytes), row.type_id));
    }
    let types = list.iter().take(limit).filter_map(|row| {
        let shape = state.shape(row.type_id)?;
        Some(HeapType {
            name: shape.name.clone(),
            type_addr: shape.addr,
            objects: row.objects,
            bytes: row.bytes,
            share: row.bytes as f64 / total,
            largest: row.largest,
            largest_at: row.largest_at,
        })
    });
    types.collect()
}

/// Whether an object has the attribute, with this value.
fn holds(state: &HeapState<'_>, found: Found, condition: &Condition) -> bool {
    let heap = state.heap();
    let Ok(Some(value)) = find_attribute(heap, Addr(found.addr), &condition.name) else { return false };
    let text = repr(heap, value, &ReprLimits::default()).text;
    if text == condition.value {
        return true;
    }
    let is_str = heap.type_of(value).is_ok_and(|t| t.kind == Kind::Str);
    is_str && crate::cpython::object::read_str(&heap.ctx, value, 4096).is_ok_and(|text| text == condition.value)
}

/// The largest objects that a filter takes.
#[must_use]
pub fn objects(
    state: &HeapState<'_>,
    missing: Missing,
    filter: &Filter,
    condition: Option<&Condition>,
    limit: usize,
    diagnostics: &Diagnostics,
) -> HeapObjects {
    let mut list: Vec<(u64, Found)> = state
        .objects()
        .iter()
        .filter(|found| state.shape(found.type_id).is_some_and(|shape| filter.takes_type(shape)))
        .map(|found| (state.size(found), found))
        .filter(|(size, found)| filter.takes(*found, *size) && condition.is_none_or(|c| holds(state, *found, c)))
        .collect();
    list.sort_by_key(|(size, found)| (std::cmp::Reverse(*size), found.addr));
    let total = list.len() as u64;
    HeapObjects {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        total,
        objects: list.iter().take(limit).map(|(size, found)| object(state, *found, *size)).collect(),
        diagnostics: diagnostics.to_vec(),
    }
}

/// One object with a short form of its value.
#[must_use]
pub fn object(state: &HeapState<'_>, found: Found, bytes: u64) -> HeapObject {
    HeapObject {
        addr: Addr(found.addr),
        type_name: state.shape(found.type_id).map(|shape: &Shape| shape.name.clone()).unwrap_or_default(),
        bytes,
        generation: found.origin.generation(),
        value: repr(state.heap(), Addr(found.addr), &limits()).text,
    }
}

/// Texts and bytes that cost the most.
#[must_use]
pub fn text_values(
    state: &HeapState<'_>,
    missing: Missing,
    duplicates: bool,
    limit: usize,
    diagnostics: &Diagnostics,
) -> HeapStrings {
    let found = strings(state, duplicates, limit);
    let row = |group: &crate::heap::StringGroup| HeapString {
        addr: Addr(group.first.addr),
        count: group.count,
        bytes: group.bytes,
        value: repr(state.heap(), Addr(group.first.addr), &limits()).text,
    };
    HeapStrings {
        schema_version: HEAP_SCHEMA_VERSION.to_owned(),
        coverage: coverage(state, missing),
        objects: found.objects,
        bytes: found.bytes,
        duplicate_bytes: found.duplicate_bytes,
        strings: found.groups.iter().map(row).collect(),
        diagnostics: diagnostics.to_vec(),
    }
}
