//! The heap of a dead Python: every object, what it refers to, who keeps it alive.
//!
//! [`collect`](collect::collect) finds the objects (the collector's lists, the allocators, references), [`Census`] counts
//! them by type, [`Graph`] holds who refers to whom, with paths from roots and dominators. Walks are over arrays and
//! with queues of their own: nothing here recurses over what a dump says, and each walk is bounded by the memory there is.

mod allocators;
mod arenas;
mod around;
mod audit;
mod buffers;
mod census;
mod closure;
mod collect;
mod containers;
mod dicts;
mod dominators;
mod edges;
mod freelists;
mod garbage;
mod graph;
mod integrity;
mod interned;
mod memory;
mod names;
mod needed;
mod numpy;
mod objects;
mod offsets;
mod paths;
mod retained;
mod roots;
mod sizes;
mod state_names;
mod strings;
mod tree;
mod types;
mod view;

pub use allocators::Block;
pub use allocators::gc_lists::{Tracked, tracked};
pub use allocators::pymalloc::{PoolCounts, PoolsBy, Statics};
pub use audit::{Audit, Judged, Suspect};
pub use buffers::Buffer;
pub use census::{Census, CensusRow, Filter};
pub use collect::{Collected, Coverage, Sources, collect};
pub use edges::Via;
pub use freelists::FreeList;
pub use garbage::{NoGarbage, garbage};
pub use graph::{Csr, Graph, Paths};
pub use integrity::{Damage, Integrity};
pub use memory::{OwnedRange, PythonMemory};
pub use objects::{Found, ObjectId, Objects, Origin};
pub use paths::Reference;
pub use retained::Retained;
pub use roots::{NativeMemory, Root, native_root, native_roots, roots};
pub use sizes::AllSizes;
pub use strings::{StringGroup, Strings, strings};
pub use tree::{Label, Node, Tree};
pub use types::{Shape, TypeId};
pub use view::View;

use crate::base::{Addr, Diagnostics};
use crate::cpython::layout::LayoutError;
use crate::cpython::object::{Heap, Kind};
use edges::Edges;
use foldhash::fast::RandomState;
use sizes::Sizes;
use std::collections::{HashMap, HashSet};

/// Why there is no heap to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeapError {
    /// Fast reads are for 64-bit little-endian processes.
    #[error("heaps of 32-bit and big-endian processes cannot be read")]
    Abi,
    /// The collector's lists are of a kind that only old versions have.
    #[error("heaps of CPython before 3.8 cannot be read")]
    GcHead,
    /// A field that is needed has no known offset.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Nothing was found.
    #[error("the dump holds no objects: memory of the heap is not in it")]
    NoObjects,
    /// There was no time.
    #[error("the time was over before an object of the heap was found")]
    TimeOver,
}

/// All objects of a process, ready for questions.
pub struct HeapState<'a> {
    heap: &'a Heap<'a>,
    view: View<'a>,
    offsets: offsets::Offsets,
    static_dicts: HashMap<u64, u64>,
    debug: bool,
    at_hand: HashSet<u64, RandomState>,
    interned: Vec<u64>,
    static_strings: Vec<u64>,
    diagnostics: &'a Diagnostics,
    /// What was found.
    pub collected: Collected,
}

impl std::fmt::Debug for HeapState<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeapState").field("objects", &self.collected.objects.len()).finish_non_exhaustive()
    }
}

impl<'a> HeapState<'a> {
    /// Finds all objects in the memory that `view` shows.
    ///
    /// # Errors
    /// [`HeapError`] when the build is not known well enough.
    pub fn read(heap: &'a Heap<'a>, view: View<'a>, sources: &Sources<'a>) -> Result<HeapState<'a>, HeapError> {
        let offsets = offsets::Offsets::of(heap)?;
        let collected = collect(heap, &view, sources)?;
        let dict = |shape: &Shape| Some((shape.addr.0, shape.dict_elsewhere?));
        let static_dicts = collected.shapes.iter().filter_map(dict).collect();
        let (debug, diagnostics) = (sources.debug, sources.diagnostics);
        let at_hand = sources.at_hand.iter().copied().collect();
        let (interned, static_strings) = (Vec::new(), Vec::new());
        let mut state = HeapState {
            heap,
            view,
            offsets,
            static_dicts,
            debug,
            at_hand,
            interned,
            static_strings,
            diagnostics,
            collected,
        };
        let edges = state.edges();
        let tables = interned::tables(&heap.ctx, &edges, sources, &state.collected);
        let of_runtime = interned::of_runtime(&heap.ctx, &edges, sources);
        (state.interned, state.static_strings) = (tables, of_runtime);
        Ok(state)
    }

    /// The dicts of interned strings: they keep those of their strings alive that are immortal.
    #[must_use]
    pub fn interned_tables(&self) -> Vec<ObjectId> {
        self.interned.iter().filter_map(|at| self.objects().at(*at)).collect()
    }

    /// Addresses of static strings that are interned, in no table of an interpreter (3.12+).
    #[must_use]
    pub fn static_strings(&self) -> &[u64] {
        &self.static_strings
    }

    /// Whether the time was over before all objects and all their references were read, so that what is not there says nothing.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.collected.coverage.time_over || self.view.is_over()
    }

    /// Whether all memory can be searched for references.
    #[must_use]
    pub fn can_search_all(&self) -> bool {
        self.view.can_search_all()
    }

    /// Whether all that was read so far is of one moment: of a process that runs it is where all was copied while it stood still.
    #[must_use]
    pub fn is_of_one_moment(&self) -> bool {
        self.view.is_of_one_moment()
    }

    /// Whether the dump holds the heap: a dump without it may still show the objects that threads refer to.
    ///
    /// # Errors
    /// [`HeapError::NoObjects`] when it does not.
    pub fn must_be_there(&self) -> Result<(), HeapError> {
        if self.collected.is_there { Ok(()) } else { Err(HeapError::NoObjects) }
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

    /// Bytes of memory.
    #[must_use]
    pub fn bytes(&self, at: u64, len: u64) -> Option<std::borrow::Cow<'_, [u8]>> {
        self.view.bytes(at, len)
    }

    /// Words of memory, up to the first that is not readable.
    pub fn words(&self, at: u64, count: u64, mut found: impl FnMut(u64)) {
        self.view.words(at, count, |_, word| found(word));
    }

    /// Whether objects of a type have a `__del__`.
    #[must_use]
    pub fn has_finalizer(&self, type_id: TypeId) -> bool {
        let info = self.shape(type_id).filter(|shape| !shape.is_native).and_then(|s| self.heap.type_info(s.addr));
        info.is_some_and(|info| self.heap.lookup(&info, "__del__").is_some())
    }

    /// Whether the finalizer of an object that the collector tracks has run (`_PyGC_PREV_MASK_FINALIZED`).
    #[must_use]
    pub fn is_finalized(&self, found: Found) -> bool {
        self.view.word(found.addr.wrapping_sub(8)).is_some_and(|prev| prev & 1 != 0)
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
            interned: &self.interned,
            left: edges::budget(&self.view),
            owned: false,
        }
    }

    /// References that are counted.
    fn owned_edges(&self) -> Edges<'_> {
        Edges { owned: true, ..self.edges() }
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
