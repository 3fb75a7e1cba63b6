//! The heap of a dead Python: every object, what it refers to, who keeps it alive.
//!
//! [`collect`](collect::collect) finds the objects (the collector's lists, the allocators, references), [`Census`] counts
//! them by type, [`Graph`] holds who refers to whom, with paths from roots and dominators. Walks are over arrays and
//! with queues of their own: nothing here recurses over what a dump says, and each walk is bounded by the memory there is.

mod allocators;
mod census;
mod collect;
mod dicts;
mod dominators;
mod edges;
mod graph;
mod names;
mod objects;
mod offsets;
mod paths;
mod roots;
mod sizes;
mod strings;
mod types;
mod view;

pub use allocators::pymalloc::{PoolCounts, PoolsBy, Statics};
pub use census::{Census, CensusRow, Filter};
pub use collect::{Collected, Coverage, Sources, collect};
pub use dominators::{Dominators, dominators};
pub use edges::Via;
pub use graph::{Csr, Graph, Paths};
pub use objects::{Found, ObjectId, Objects, Origin};
pub use paths::Reference;
pub use roots::{Root, roots};
pub use strings::{StringGroup, Strings, strings};
pub use types::{Shape, TypeId};
pub use view::View;

use crate::base::Addr;
use crate::cpython::layout::LayoutError;
use crate::cpython::object::{Heap, Kind};
use edges::Edges;
use sizes::Sizes;

/// Why there is no heap to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeapError {
    /// Fast reads are for 64-bit little-endian processes.
    #[error("heaps of 32-bit and big-endian processes cannot be read")]
    Abi,
    /// A field that is needed has no known offset.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Nothing was found.
    #[error("the dump holds no objects: memory of the heap is not in it")]
    NoObjects,
}

/// All objects of a process, ready for questions.
pub struct HeapState<'a> {
    heap: &'a Heap<'a>,
    view: View<'a>,
    offsets: offsets::Offsets,
    static_dicts: std::collections::HashMap<u64, u64>,
    /// What was found.
    pub collected: Collected,
}

impl std::fmt::Debug for HeapState<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeapState").field("objects", &self.collected.objects.len()).finish_non_exhaustive()
    }
}

impl<'a> HeapState<'a> {
    /// Finds all objects.
    ///
    /// # Errors
    /// [`HeapError`] when there are none, or the build is not known well enough.
    pub fn read(heap: &'a Heap<'a>, sources: &Sources<'_>) -> Result<HeapState<'a>, HeapError> {
        let view = View::new(heap.ctx.memory, &heap.ctx.abi).ok_or(HeapError::Abi)?;
        let offsets = offsets::Offsets::new(&heap.ctx)?;
        let collected = collect(heap, &view, sources)?;
        let dict = |shape: &Shape| Some((shape.addr.0, shape.dict_elsewhere?));
        let static_dicts = collected.shapes.iter().filter_map(dict).collect();
        Ok(HeapState { heap, view, offsets, static_dicts, collected })
    }

    /// The reader of single objects that this was made with.
    #[must_use]
    pub fn heap(&self) -> &'a Heap<'a> {
        self.heap
    }

    /// All objects.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.collected.objects
    }

    /// The type of an object.
    #[must_use]
    pub fn shape(&self, type_id: TypeId) -> Option<&Shape> {
        self.collected.shapes.get(type_id as usize)
    }

    /// Size of an object in bytes, as `sys.getsizeof` gives it.
    #[must_use]
    pub fn size(&self, found: Found) -> u64 {
        self.shape(found.type_id).map_or(0, |shape| self.sizes().of(found.addr, shape))
    }

    fn sizes(&self) -> Sizes<'_> {
        Sizes { view: &self.view, o: &self.offsets, l: self.heap.ctx.layouts }
    }

    fn edges(&self) -> Edges<'_> {
        let ctx = &self.heap.ctx;
        Edges {
            view: &self.view,
            o: &self.offsets,
            l: ctx.layouts,
            dialect: ctx.dialect,
            static_dicts: &self.static_dicts,
            left: edges::budget(&self.view),
        }
    }

    /// The object at an address.
    #[must_use]
    pub fn at(&self, addr: Addr) -> Option<Found> {
        self.objects().get(self.objects().at(addr.0)?)
    }

    /// The characters of a `str` or the bytes of a `bytes`, as they are stored; `None` for more than `most` bytes.
    fn content(&self, found: Found, kind: Kind, most: u64) -> Option<std::borrow::Cow<'_, [u8]>> {
        let (at, len) = match kind {
            Kind::Bytes => {
                let sval = self.heap.ctx.layouts.bytes.sval.offset()?;
                (found.addr.wrapping_add(sval), self.view.word(found.addr.wrapping_add(self.offsets.ob_size))?)
            }
            _ => self.sizes().text(found.addr)?,
        };
        if len > most { None } else { self.view.bytes(at, len) }
    }
}
