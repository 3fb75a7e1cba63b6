//! [`Objects`]: all objects of a heap by address, each with its type, and a fast way from an address to its object.

use super::types::TypeId;
use foldhash::fast::RandomState;
use std::collections::HashMap;

/// Index of an object in [`Objects`], in the order of addresses.
pub type ObjectId = u32;

/// How an object was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Origin {
    /// In the collector's list of generation 0.
    Young = 0,
    /// Generation 1.
    Middle = 1,
    /// Generation 2.
    Old = 2,
    /// `gc.freeze()`.
    Permanent = 3,
    /// In the allocator, with marks of a tracked object, and in no list of the collector.
    TrackedElsewhere = 4,
    /// In the allocator; the collector does not track it.
    Allocated = 5,
    /// By a reference alone: large, static, or from another allocator.
    Referenced = 6,
}

impl Origin {
    /// Whether the collector tracks such objects.
    #[must_use]
    pub fn is_tracked(self) -> bool {
        self <= Origin::TrackedElsewhere
    }

    /// The collector's generation (3 is the permanent one), for objects of its lists.
    #[must_use]
    pub fn generation(self) -> Option<u8> {
        (self <= Origin::Permanent).then_some(self as u8)
    }
}

/// One object that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its address.
    pub addr: u64,
    /// Its type.
    pub type_id: TypeId,
    /// How it was found.
    pub origin: Origin,
}

/// All objects of a heap, sorted by address.
#[derive(Debug, Default)]
pub struct Objects {
    addrs: Vec<u64>,
    types: Vec<TypeId>,
    origins: Vec<Origin>,
    index: Index,
}

impl Objects {
    /// Sorts what was found; of several finds of one object the first [`Origin`] counts.
    #[must_use]
    pub fn new(mut found: Vec<Found>) -> Objects {
        // The allocator's pools give them in order.
        if !found.is_sorted_by_key(|f| (f.addr, f.origin)) {
            found.sort_unstable_by_key(|f| (f.addr, f.origin));
        }
        found.dedup_by_key(|f| f.addr);
        found.truncate(u32::MAX as usize);
        let addrs: Vec<u64> = found.iter().map(|f| f.addr).collect();
        let index = Index::new(&addrs);
        Objects {
            addrs,
            types: found.iter().map(|f| f.type_id).collect(),
            origins: found.iter().map(|f| f.origin).collect(),
            index,
        }
    }

    /// Tells how an object was found, where that says more than what is known.
    #[inline]
    pub(super) fn set_origin(&mut self, id: ObjectId, origin: Origin) {
        if let Some(known) = self.origins.get_mut(id as usize) {
            *known = origin.min(*known);
        }
    }

    /// With more objects, none of which is among these.
    #[must_use]
    pub(super) fn with(self, mut more: Vec<Found>) -> Objects {
        more.sort_unstable_by_key(|f| f.addr);
        let Objects { addrs, types, origins, .. } = self;
        let whole = addrs.len().saturating_add(more.len());
        let (mut all, mut all_types, mut all_origins) =
            (Vec::with_capacity(whole), Vec::with_capacity(whole), Vec::with_capacity(whole));
        // There are few more: what is between them is copied as it is.
        let mut done = 0usize;
        let mut copy = |to: usize, all: &mut Vec<u64>, all_types: &mut Vec<TypeId>, all_origins: &mut Vec<Origin>| {
            all.extend_from_slice(addrs.get(done..to).unwrap_or_default());
            all_types.extend_from_slice(types.get(done..to).unwrap_or_default());
            all_origins.extend_from_slice(origins.get(done..to).unwrap_or_default());
            done = to;
        };
        let mut last = None;
        for found in more {
            if last.replace(found.addr) == Some(found.addr) || all.len() >= u32::MAX as usize {
                continue;
            }
            let at = addrs.partition_point(|addr| *addr < found.addr);
            copy(at, &mut all, &mut all_types, &mut all_origins);
            all.push(found.addr);
            all_types.push(found.type_id);
            all_origins.push(found.origin);
        }
        copy(addrs.len(), &mut all, &mut all_types, &mut all_origins);
        let most = u32::MAX as usize;
        all.truncate(most);
        all_types.truncate(most);
        all_origins.truncate(most);
        let index = Index::new(&all);
        Objects { addrs: all, types: all_types, origins: all_origins, index }
    }

    /// Leaves out what does not hold.
    pub(super) fn retain(&mut self, holds: impl Fn(&Found) -> bool) {
        if self.iter().any(|found| !holds(&found)) {
            *self = Objects::new(self.iter().filter(|found| holds(found)).collect());
        }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.addrs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addrs.is_empty()
    }

    /// The object at exactly this address.
    #[inline]
    #[must_use]
    pub fn at(&self, addr: u64) -> Option<ObjectId> {
        self.index.rank(addr)
    }

    /// The first object after `addr`; the number of objects when there is none.
    #[must_use]
    pub fn first_after(&self, addr: u64) -> ObjectId {
        self.addrs.partition_point(|at| *at <= addr) as ObjectId
    }

    /// One object.
    #[inline]
    #[must_use]
    pub fn get(&self, id: ObjectId) -> Option<Found> {
        let at = id as usize;
        Some(Found { addr: *self.addrs.get(at)?, type_id: *self.types.get(at)?, origin: *self.origins.get(at)? })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Found> + '_ {
        let rest = self.types.iter().zip(&self.origins);
        self.addrs.iter().zip(rest).map(|(addr, (type_id, origin))| Found {
            addr: *addr,
            type_id: *type_id,
            origin: *origin,
        })
    }

    /// Bytes that this table takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let lists = self.addrs.capacity().saturating_mul(8).saturating_add(self.types.capacity().saturating_mul(4));
        lists.saturating_add(self.origins.capacity()).saturating_add(self.index.bytes())
    }
}

/// Words of 64 bits in a [`Chunk`].
const CHUNK_WORDS: usize = 128;
/// Addresses of one chunk: 64 KiB.
const CHUNK_SHIFT: u32 = 16;

/// Which multiples of 8 in 512 bytes are objects, and how many objects come before them.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    bits: u64,
    before: u32,
}

/// 64 KiB of addresses.
type Chunk = [Word; CHUNK_WORDS];

/// Bit maps with counts, for addresses that have objects.
#[derive(Debug, Default)]
struct Index {
    chunks: Vec<Chunk>,
    by_address: HashMap<u64, u32, RandomState>,
}

impl Index {
    /// Of sorted addresses, all multiples of 8.
    fn new(addrs: &[u64]) -> Index {
        let mut index = Index::default();
        let mut current = None;
        for (position, addr) in addrs.iter().enumerate() {
            let key = addr >> CHUNK_SHIFT;
            if current != Some(key) {
                current = Some(key);
                index.by_address.insert(key, index.chunks.len() as u32);
                index.chunks.push([Word::default(); CHUNK_WORDS]);
            }
            let (word, bit) = place(*addr);
            if let Some(word) = index.chunks.last_mut().and_then(|chunk| chunk.get_mut(word)) {
                if word.bits == 0 {
                    word.before = position as u32;
                }
                word.bits |= 1 << bit;
            }
        }
        index
    }

    #[inline]
    fn rank(&self, addr: u64) -> Option<u32> {
        if addr & 7 != 0 {
            return None;
        }
        let chunk = self.chunks.get(*self.by_address.get(&(addr >> CHUNK_SHIFT))? as usize)?;
        let (word, bit) = place(addr);
        let word = chunk.get(word)?;
        if word.bits >> bit & 1 == 0 {
            return None;
        }
        let below = (word.bits & (1u64 << bit).wrapping_sub(1)).count_ones();
        Some(word.before.wrapping_add(below))
    }

    fn bytes(&self) -> usize {
        let chunks = self.chunks.capacity().saturating_mul(size_of::<Chunk>());
        chunks.saturating_add(self.by_address.capacity().saturating_mul(13))
    }
}

/// Word and bit of an address in its chunk.
#[inline]
fn place(addr: u64) -> (usize, u32) {
    let bit = (addr >> 3 & 0x1fff) as u32;
    ((bit >> 6) as usize, bit & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_found_by_its_address_and_nothing_else_is() {
        let addrs: Vec<u64> = (0..5000u64).map(|n| 0x7f00_0000_0000 + n * n * 8).collect();
        let found = addrs.iter().rev().map(|addr| Found { addr: *addr, type_id: 7, origin: Origin::Allocated });
        let twice = Found { addr: addrs[10], type_id: 7, origin: Origin::Old };
        let objects = Objects::new(found.chain([twice]).collect());
        assert_eq!(objects.len(), 5000);
        for (position, addr) in addrs.iter().enumerate() {
            assert_eq!(objects.at(*addr), Some(position as u32));
            assert_eq!(objects.at(addr + 4), None);
        }
        assert_eq!(objects.at(addrs[4] + 8), None);
        assert_eq!(objects.get(10).unwrap().origin, Origin::Old);
        assert_eq!(objects.get(11).unwrap().origin, Origin::Allocated);
        let more = [addrs[7] + 8, addrs[4999] + 8, addrs[0] - 8].map(|addr| Found { addr, ..twice });
        let all = objects.with(more.to_vec());
        assert_eq!((all.len(), all.at(addrs[0] - 8), all.at(addrs[7] + 8)), (5003, Some(0), Some(9)));
        assert!(
            addrs.iter().chain([&(addrs[4999] + 8)]).all(|addr| all.get(all.at(*addr).unwrap()).unwrap().addr == *addr)
        );
    }
}
