//! [`Objects`]: all objects of a heap by address, each with its type, and a fast way from an address to its object.

use super::types::TypeId;

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

/// Types that fit into the part of a [`Kind`] that says which it is.
const TYPE_BITS: u32 = 28;

/// Type and [`Origin`] of an object.
#[derive(Clone, Copy, Debug)]
struct Kind(u32);

impl Kind {
    #[inline]
    fn new(type_id: TypeId, origin: Origin) -> Kind {
        Kind(type_id & Self::TYPE | (origin as u32) << TYPE_BITS)
    }

    const TYPE: u32 = (1 << TYPE_BITS) - 1;

    #[inline]
    fn type_id(self) -> TypeId {
        self.0 & Self::TYPE
    }

    #[inline]
    fn origin(self) -> Origin {
        match self.0 >> TYPE_BITS {
            0 => Origin::Young,
            1 => Origin::Middle,
            2 => Origin::Old,
            3 => Origin::Permanent,
            4 => Origin::TrackedElsewhere,
            5 => Origin::Allocated,
            _ => Origin::Referenced,
        }
    }
}

/// All objects of a heap, sorted by address. There may be many millions: of each there is a bit for its address, and a word for
/// what it is.
#[derive(Debug, Default)]
pub struct Objects {
    kinds: Vec<Kind>,
    chunks: Vec<Chunk>,
    /// Of each chunk the addresses that it has the bits for, and the number of objects before it.
    places: Vec<(u64, u32)>,
    /// Chunks by address, sorted.
    runs: Vec<Run>,
    /// The longest of them: most addresses that are asked for are in it.
    longest: usize,
    /// The last chunk that begins no later than each object whose number is a multiple of [`HINT`].
    hints: Vec<u32>,
}

/// Words of 64 bits in a [`Chunk`].
const CHUNK_WORDS: usize = 128;
/// Addresses of one chunk: 64 KiB.
const CHUNK_SHIFT: u32 = 16;
/// Objects for which there is one hint.
const HINT: usize = 1024;
/// Objects are counted with 31 bits.
const MOST: usize = (1 << 31) - 2;

/// Which multiples of 8 in 512 bytes are objects, and how many objects come before them.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    bits: u64,
    before: u32,
}

/// 64 KiB of addresses.
type Chunk = [Word; CHUNK_WORDS];

/// Chunks close to each other.
#[derive(Debug)]
struct Run {
    /// The key of the first.
    first: u64,
    /// Indexes of the chunks from there on, [`NO_CHUNK`] for those that are not there.
    chunks: Vec<u32>,
}

impl Run {
    /// Index of a chunk; `None` where its key is not in the run.
    #[inline]
    fn get(&self, key: u64) -> Option<u32> {
        self.chunks.get(key.wrapping_sub(self.first) as usize).copied()
    }
}

const NO_CHUNK: u32 = u32::MAX;
/// Chunks with a larger distance, in chunks, are in different runs.
const GAP: u64 = 256;

/// Word and bit of an address in its chunk.
#[inline]
fn place(addr: u64) -> (usize, u32) {
    let bit = (addr >> 3 & 0x1fff) as u32;
    ((bit >> 6) as usize, bit & 63)
}

/// Address of a bit of a word of the chunk that is for the addresses `key`.
#[inline]
fn address(key: u64, word: usize, bit: u32) -> u64 {
    key << CHUNK_SHIFT | (word as u64) << 9 | u64::from(bit) << 3
}

impl Objects {
    /// Tells how an object was found, where that says more than what is known.
    #[inline]
    pub(super) fn set_origin(&mut self, id: ObjectId, origin: Origin) {
        if let Some(known) = self.kinds.get_mut(id as usize) {
            *known = Kind::new(known.type_id(), origin.min(known.origin()));
        }
    }

    /// The same without those of one [`Origin`].
    #[must_use]
    pub(super) fn without(self, origin: Origin) -> Objects {
        if self.kinds.iter().all(|kind| kind.origin() != origin) { self } else { self.merged(Vec::new(), Some(origin)) }
    }

    /// The same and more. Of several finds of one object the first [`Origin`] counts.
    #[must_use]
    pub(super) fn with(self, mut more: Vec<Found>) -> Objects {
        if more.is_empty() {
            return self;
        }
        more.sort_unstable_by_key(|found| (found.addr, found.origin));
        more.dedup_by_key(|found| found.addr);
        self.merged(more, None)
    }

    /// With `more`, which is sorted, and without those of one origin. Chunks that stay as they are, which are nearly all, are not
    /// looked into.
    fn merged(self, more: Vec<Found>, left_out: Option<Origin>) -> Objects {
        let mut more = more.into_iter().peekable();
        let mut all = Finds::default();
        for (index, (key, first)) in self.places.iter().enumerate() {
            while let Some(one) = more.next_if(|one| one.addr >> CHUNK_SHIFT < *key) {
                all.push(one);
            }
            let after = self.places.get(index.wrapping_add(1)).map_or(self.len(), |(_, first)| *first as usize);
            let kinds = self.kinds.get(*first as usize..after).unwrap_or_default();
            let has_more = more.peek().is_some_and(|one| one.addr >> CHUNK_SHIFT == *key);
            let has_left_out = left_out.is_some_and(|origin| kinds.iter().any(|kind| kind.origin() == origin));
            if !has_more && !has_left_out {
                all.push_chunk(*key, self.chunks.get(index), kinds);
                continue;
            }
            for found in self.range(*first as usize, after).filter(|found| Some(found.origin) != left_out) {
                while let Some(one) = more.next_if(|one| one.addr < found.addr) {
                    all.push(one);
                }
                let again = more.next_if(|one| one.addr == found.addr);
                all.push(again.filter(|one| one.origin < found.origin).unwrap_or(found));
            }
        }
        more.for_each(|one| all.push(one));
        all.finish()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The object at exactly this address.
    #[inline]
    #[must_use]
    pub fn at(&self, addr: u64) -> Option<ObjectId> {
        if addr & 7 != 0 {
            return None;
        }
        let key = addr >> CHUNK_SHIFT;
        let index = match self.runs.get(self.longest)?.get(key) {
            Some(index) => index,
            None => self.runs.get(self.runs.partition_point(|run| run.first <= key).checked_sub(1)?)?.get(key)?,
        };
        let (word, bit) = place(addr);
        let word = self.chunks.get(index as usize)?.get(word)?;
        if word.bits >> bit & 1 == 0 {
            return None;
        }
        let below = (word.bits & (1u64 << bit).wrapping_sub(1)).count_ones();
        Some(word.before.wrapping_add(below))
    }

    /// The first object after `addr`; the number of objects when there is none.
    #[must_use]
    pub fn first_after(&self, addr: u64) -> ObjectId {
        let (key, (word, bit)) = (addr >> CHUNK_SHIFT, place(addr));
        let index = self.places.partition_point(|(known, _)| *known < key);
        let Some((known, first)) = self.places.get(index) else { return self.len() as ObjectId };
        match self.chunks.get(index).and_then(|chunk| chunk.get(word)) {
            Some(word) if *known == key => {
                let up_to = (word.bits & u64::MAX.wrapping_shr(63u32.wrapping_sub(bit))).count_ones();
                word.before.wrapping_add(up_to)
            }
            _ => *first,
        }
    }

    /// Where objects begin in the 512 bytes before an address: the bit `64 - n` is for `8 * n` bytes before it. `None` where that is
    /// not known at once.
    #[inline]
    pub(super) fn starts_before(&self, addr: u64) -> Option<u64> {
        let index = self.runs.get(self.longest)?.get(addr >> CHUNK_SHIFT)?;
        let (word, bit) = place(addr);
        let chunk = self.chunks.get(index as usize)?;
        let (here, before) = (chunk.get(word)?.bits, chunk.get(word.checked_sub(1)?)?.bits);
        Some(before.wrapping_shr(bit) | if bit == 0 { 0 } else { here.wrapping_shl(64u32.wrapping_sub(bit)) })
    }

    /// What an object is.
    #[inline]
    #[must_use]
    pub fn type_id(&self, id: ObjectId) -> Option<TypeId> {
        self.kinds.get(id as usize).map(|kind| kind.type_id())
    }

    /// One object.
    #[must_use]
    pub fn get(&self, id: ObjectId) -> Option<Found> {
        let kind = *self.kinds.get(id as usize)?;
        Some(Found { addr: self.addr(id)?, type_id: kind.type_id(), origin: kind.origin() })
    }

    fn addr(&self, id: ObjectId) -> Option<u64> {
        self.from(id)?.next()
    }

    /// The addresses of an object and of all after it.
    fn from(&self, id: ObjectId) -> Option<Addresses<'_>> {
        let hint = id as usize / HINT;
        let from = *self.hints.get(hint)? as usize;
        let to = self.hints.get(hint.wrapping_add(1)).map_or(self.places.len(), |to| (*to as usize).wrapping_add(1));
        let after = self.places.get(from..to)?.partition_point(|(_, first)| *first <= id);
        let index = from.wrapping_add(after).checked_sub(1)?;
        let chunk = self.chunks.get(index)?;
        let word = chunk.partition_point(|word| word.before <= id).checked_sub(1)?;
        let Word { mut bits, before } = *chunk.get(word)?;
        for _ in before..id {
            bits &= bits.wrapping_sub(1);
        }
        let base = address(self.places.get(index)?.0, word, 0);
        Some(Addresses { objects: self, chunk: index, word, bits, base })
    }

    /// How each was found, in their order.
    pub(super) fn origins(&self) -> impl Iterator<Item = Origin> + '_ {
        self.kinds.iter().map(|kind| kind.origin())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Found> + '_ {
        self.range(0, self.len())
    }

    /// Those from one index up to another.
    pub(super) fn range(&self, start: usize, end: usize) -> impl Iterator<Item = Found> + '_ {
        let kinds = self.kinds.get(start..end.min(self.len())).unwrap_or_default();
        let found = |(addr, kind): (u64, &Kind)| Found { addr, type_id: kind.type_id(), origin: kind.origin() };
        self.from(start as ObjectId).into_iter().flatten().zip(kinds).map(found)
    }

    /// Bytes that this table takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of_chunk = size_of::<Chunk>().saturating_add(size_of::<(u64, u32)>());
        let lists = self.kinds.capacity().saturating_mul(4).saturating_add(self.hints.capacity().saturating_mul(4));
        let chunks = self.chunks.capacity().saturating_mul(of_chunk);
        let runs = self.runs.iter().map(|run| run.chunks.capacity().saturating_mul(4));
        runs.fold(lists.saturating_add(chunks), usize::saturating_add)
    }
}

/// Addresses of all objects.
struct Addresses<'o> {
    objects: &'o Objects,
    chunk: usize,
    word: usize,
    /// Those of the word that are left.
    bits: u64,
    /// Address of its first bit.
    base: u64,
}

impl Addresses<'_> {
    /// Goes to the next word that has any; `None` at the end.
    fn step(&mut self) -> Option<()> {
        while self.bits == 0 {
            self.word = self.word.wrapping_add(1);
            if self.word == CHUNK_WORDS {
                (self.chunk, self.word) = (self.chunk.wrapping_add(1), 0);
            }
            self.bits = self.objects.chunks.get(self.chunk)?.get(self.word)?.bits;
        }
        self.base = address(self.objects.places.get(self.chunk)?.0, self.word, 0);
        Some(())
    }
}

impl Iterator for Addresses<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        if self.bits == 0 {
            self.step()?;
        }
        let bit = self.bits.trailing_zeros();
        self.bits &= self.bits.wrapping_sub(1);
        Some(self.base | u64::from(bit) << 3)
    }
}

/// Objects as they are found, nearly all in the order of their addresses.
#[derive(Debug, Default)]
pub(super) struct Finds {
    objects: Objects,
    /// The address that comes next must not be less.
    least: u64,
    /// Words of the last chunk whose `before` is known.
    counted: usize,
    others: Vec<Found>,
}

impl Finds {
    /// Adds one.
    #[inline]
    pub(super) fn push(&mut self, found: Found) {
        if found.addr < self.least {
            self.others.push(found);
            return;
        }
        // No object is elsewhere: such a one comes from damaged memory.
        if found.addr & 7 != 0 || self.objects.kinds.len() >= MOST {
            return;
        }
        self.least = found.addr.saturating_add(8);
        let key = found.addr >> CHUNK_SHIFT;
        if self.objects.places.last().is_none_or(|(last, _)| *last != key) {
            self.begin(key);
        }
        let objects = &mut self.objects;
        let position = objects.kinds.len();
        if position.is_multiple_of(HINT) {
            objects.hints.push(objects.chunks.len().saturating_sub(1) as u32);
        }
        objects.kinds.push(Kind::new(found.type_id, found.origin));
        let (word, bit) = place(found.addr);
        if let Some(chunk) = objects.chunks.last_mut() {
            if word >= self.counted {
                // Those in which nothing was found count what is before them too.
                for skipped in chunk.get_mut(self.counted..=word).unwrap_or_default() {
                    skipped.before = position as u32;
                }
                self.counted = word.wrapping_add(1);
            }
            if let Some(word) = chunk.get_mut(word) {
                word.bits |= 1 << bit;
            }
        }
    }

    /// Adds all of a chunk, whose addresses come after those of what was added before.
    fn push_chunk(&mut self, key: u64, chunk: Option<&Chunk>, kinds: &[Kind]) {
        let first = self.objects.kinds.len();
        let Some(chunk) = chunk.filter(|_| first.saturating_add(kinds.len()) <= MOST) else { return };
        self.begin(key);
        let objects = &mut self.objects;
        let Some(last) = objects.chunks.last_mut() else { return };
        // The first word has nothing before it in the chunk.
        let moved = (first as u32).wrapping_sub(chunk.first().map_or(0, |word| word.before));
        for (to, from) in last.iter_mut().zip(chunk) {
            *to = Word { bits: from.bits, before: from.before.wrapping_add(moved) };
        }
        objects.kinds.extend_from_slice(kinds);
        let hints = objects.kinds.len().div_ceil(HINT);
        objects.hints.resize(hints, objects.chunks.len().saturating_sub(1) as u32);
        self.counted = CHUNK_WORDS;
        self.least = key.saturating_add(1) << CHUNK_SHIFT;
    }

    /// Ends the last chunk and begins one.
    #[inline(never)]
    fn begin(&mut self, key: u64) {
        self.end();
        let objects = &mut self.objects;
        let last = objects.runs.last_mut().map(|run| (key.saturating_sub(run.first), &mut run.chunks));
        match last.filter(|(at, chunks)| at.saturating_sub(chunks.len() as u64) < GAP) {
            Some((at, chunks)) => {
                chunks.resize(at as usize, NO_CHUNK);
                chunks.push(objects.chunks.len() as u32);
            }
            None => objects.runs.push(Run { first: key, chunks: vec![objects.chunks.len() as u32] }),
        }
        objects.places.push((key, objects.kinds.len() as u32));
        objects.chunks.push([Word::default(); CHUNK_WORDS]);
        self.counted = 0;
    }

    fn end(&mut self) {
        let all = self.objects.kinds.len() as u32;
        for word in self.objects.chunks.last_mut().into_iter().flatten().skip(self.counted) {
            word.before = all;
        }
        self.counted = CHUNK_WORDS;
    }

    /// All that was found; of several finds of one object the first [`Origin`] counts.
    #[must_use]
    pub(super) fn finish(mut self) -> Objects {
        self.end();
        let runs = self.objects.runs.iter().enumerate();
        self.objects.longest = runs.max_by_key(|(_, run)| run.chunks.len()).map_or(0, |(index, _)| index);
        if self.others.is_empty() { self.objects } else { self.objects.with(self.others) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_found_by_its_address_and_nothing_else_is() {
        let addrs: Vec<u64> = (0..5000u64).map(|n| 0x7f00_0000_0000 + n * n * 8).collect();
        let found = addrs.iter().rev().map(|addr| Found { addr: *addr, type_id: 7, origin: Origin::Allocated });
        let twice = Found { addr: addrs[10], type_id: 7, origin: Origin::Old };
        let mut finds = Finds::default();
        found.chain([twice]).for_each(|found| finds.push(found));
        let objects = finds.finish();
        assert_eq!(objects.len(), 5000);
        for (position, addr) in addrs.iter().enumerate() {
            assert_eq!(objects.at(*addr), Some(position as u32));
            assert_eq!(objects.at(addr + 4), None);
        }
        assert_eq!(objects.at(addrs[4] + 8), None);
        assert_eq!(objects.get(10).unwrap().origin, Origin::Old);
        assert_eq!(objects.get(11).unwrap().origin, Origin::Allocated);
        let (dense, at) = (Found { addr: 0x7f00_0001_0000, ..twice }, 0x7f00_0001_0300u64);
        let mut finds = Finds::default();
        (0..256).for_each(|n| finds.push(Found { addr: dense.addr + n * 24, ..dense }));
        let dense = finds.finish();
        for (at, n) in (0..64).flat_map(|at_n| (1..64).map(move |n| (at + at_n * 8, n))) {
            let bits = dense.starts_before(at).unwrap();
            assert_eq!(bits >> (64 - n) & 1 == 1, dense.at(at - n * 8).is_some(), "{at:x} {n}");
        }
        let more = [addrs[7] + 8, addrs[4999] + 8, addrs[0] - 8].map(|addr| Found { addr, ..twice });
        let all = objects.with(more.to_vec());
        assert_eq!((all.len(), all.at(addrs[0] - 8), all.at(addrs[7] + 8)), (5003, Some(0), Some(9)));
        assert!(
            addrs.iter().chain([&(addrs[4999] + 8)]).all(|addr| all.get(all.at(*addr).unwrap()).unwrap().addr == *addr)
        );
    }

    fn listed(objects: &Objects) -> Vec<Found> {
        let all: Vec<Found> = objects.iter().collect();
        assert_eq!(all.len(), objects.len());
        for (id, found) in (0u32..).zip(&all) {
            assert_eq!((objects.at(found.addr), objects.get(id)), (Some(id), Some(*found)));
        }
        all
    }

    /// Of several chunks some stay as they are, and some are taken apart.
    #[test]
    fn what_is_added_and_left_out_is_so_in_each_chunk() {
        let origin =
            |n: u64| if n > 20_000 && n.is_multiple_of(5) { Origin::TrackedElsewhere } else { Origin::Allocated };
        let found = |n: u64| Found { addr: 0x7f00_0000_0100 + n * 48, type_id: n as u32, origin: origin(n) };
        let finds = |list: &[Found]| {
            let mut finds = Finds::default();
            list.iter().for_each(|found| finds.push(*found));
            finds.finish()
        };
        let all: Vec<Found> = (0..40_000).map(found).collect();
        let kept: Vec<Found> = all.iter().copied().filter(|f| f.origin != Origin::TrackedElsewhere).collect();
        assert_eq!(listed(&finds(&all).without(Origin::TrackedElsewhere)), kept);
        assert_eq!(listed(&finds(&all).without(Origin::Young)), all);
        let more = |addr: u64| Found { addr, type_id: 1, origin: Origin::Referenced };
        let (low, high) = (more(0x1000), more(0x7fff_0000_0000));
        let inside = [found(3_000), found(30_001)].map(|f| more(f.addr + 8));
        let again = Found { origin: Origin::Old, ..found(30_002) };
        let mut expected: Vec<Found> = kept.iter().map(|f| if f.addr == again.addr { again } else { *f }).collect();
        expected.extend([low, high].iter().chain(&inside));
        expected.sort_by_key(|f| f.addr);
        let added = vec![high, inside[1], again, low, inside[0]];
        assert_eq!(listed(&finds(&kept).with(added)), expected);
    }
}
