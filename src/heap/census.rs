//! [`Census`]: objects and bytes by type.

use super::objects::Found;
use super::types::TypeId;
use super::{HeapState, Shape};
use crate::base::Addr;

/// The objects of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CensusRow {
    /// The type.
    pub type_id: TypeId,
    /// How many objects.
    pub objects: u64,
    /// Their bytes, as `sys.getsizeof` counts them.
    pub bytes: u64,
    /// Bytes of the largest.
    pub largest: u64,
    /// Its address.
    pub largest_at: Addr,
}

/// Which objects are counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Objects of the type of this name, with module or without.
    pub type_name: Option<String>,
    /// Objects of at least so many bytes.
    pub min: u64,
    /// Objects in this generation of the collector.
    pub generation: Option<u8>,
}

impl Filter {
    /// Whether objects of a type are counted.
    #[must_use]
    pub fn takes_type(&self, shape: &Shape) -> bool {
        self.type_name.as_deref().is_none_or(|name| is_named(&shape.name, name))
    }

    /// Whether an object of a counted type is counted itself.
    #[must_use]
    pub fn takes(&self, found: Found, size: u64) -> bool {
        size >= self.min && self.generation.is_none_or(|g| found.origin.generation() == Some(g))
    }
}

/// `app.Session` is meant by its whole name, and by `Session`.
fn is_named(full: &str, name: &str) -> bool {
    full == name || full.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
}

/// Objects and bytes by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// One row for each type that has objects, by falling bytes.
    pub rows: Vec<CensusRow>,
    /// All objects.
    pub objects: u64,
    /// All bytes.
    pub bytes: u64,
    /// Objects that the collector tracks.
    pub tracked: u64,
}

impl Census {
    /// Counts the objects that a filter takes and of which `holds` is true.
    #[must_use]
    pub fn new(state: &HeapState<'_>, filter: &Filter, holds: &dyn Fn(Found) -> bool) -> Census {
        let shapes = &state.collected.shapes;
        let taken: Vec<bool> = shapes.iter().map(|shape| filter.takes_type(shape)).collect();
        let empty = |index| CensusRow { type_id: index, objects: 0, bytes: 0, largest: 0, largest_at: Addr::NULL };
        let mut rows: Vec<CensusRow> = (0..shapes.len() as u32).map(empty).collect();
        let sizes = state.sizes();
        let mut census = Census::default();
        for found in state.objects().iter() {
            let at = found.type_id as usize;
            let (Some(shape), Some(row), Some(true)) = (shapes.get(at), rows.get_mut(at), taken.get(at)) else {
                continue;
            };
            let size = sizes.of(found.addr, shape);
            if !filter.takes(found, size) || !holds(found) {
                continue;
            }
            row.objects = row.objects.wrapping_add(1);
            row.bytes = row.bytes.saturating_add(size);
            if size > row.largest {
                (row.largest, row.largest_at) = (size, Addr(found.addr));
            }
            census.tracked = census.tracked.wrapping_add(u64::from(found.origin.is_tracked()));
        }
        rows.retain(|row| row.objects > 0);
        rows.sort_by_key(|row| (std::cmp::Reverse(row.bytes), row.type_id));
        census.objects = rows.iter().map(|r| r.objects).fold(0, u64::saturating_add);
        census.bytes = rows.iter().map(|r| r.bytes).fold(0, u64::saturating_add);
        census.rows = rows;
        census
    }
}
