//! What cannot be in pymalloc's pools: heads that are none, free lists that lead astray, marks of the debug hooks that
//! something overwrote.

use super::{DEBUG_HEAD, FORBIDDEN, Head, Pools, aligned};
use crate::heap::integrity::Damage;
use crate::model::integrity::DamageKind;

/// `PYMEM_DEADBYTE`: what the debug hooks fill freed memory with.
const DEAD: u8 = 0xdd;
/// Bytes at the start of a block that `realloc` fills when it moves what is in it.
const ERASED: u64 = 64;
/// Marks after a block.
const TAIL: u64 = 8;

impl Pools<'_, '_> {
    /// Examines the pools of an arena; `debug`: blocks have the marks of debug hooks. How many blocks are in use.
    pub fn check(&mut self, (start, end): (u64, u64), debug: bool, found: &mut Vec<Damage>) -> u64 {
        let mut blocks = 0u64;
        let mut at = aligned(start, self.obmalloc.pool_size);
        while at < end && !self.view.is_over() {
            if let Some(count) = self.view.u32(at.wrapping_add(self.pool.count)).filter(|count| *count > 0) {
                match self.head(at) {
                    Some(head) => {
                        self.check_pool(at, &head, debug, found);
                        blocks = blocks.saturating_add(u64::from(count));
                    }
                    None => found.push(Damage { kind: DamageKind::PoolHeader, at, from: at, bytes: self.pool.header }),
                }
            }
            at = at.wrapping_add(self.obmalloc.pool_size);
        }
        blocks
    }

    fn check_pool(&mut self, pool: u64, head: &Head, debug: bool, found: &mut Vec<Damage>) {
        let first = pool.wrapping_add(self.pool.header);
        let blocks = head.next.wrapping_sub(self.pool.header) / head.size;
        let free = blocks.wrapping_sub(head.count);
        self.collect_free(pool, first, head, free);
        let listed: u64 = self.free.iter().map(|word| u64::from(word.count_ones())).fold(0, u64::saturating_add);
        let (at, next) = self.last_link(pool, first, head);
        if listed < free || next != 0 {
            let bytes = if at < first { 8 } else { head.size };
            found.push(Damage { kind: DamageKind::FreeList, at, from: at, bytes });
        }
        // Which blocks are free is not known any more.
        if !debug || listed < free {
            return;
        }
        for index in 0..blocks {
            let block = first.wrapping_add(index.wrapping_mul(head.size));
            let damage = match self.is_free(index) {
                false => self.marks(block, head.size),
                // The last one was perhaps not handed out yet, and has what another pool left there.
                true if index.wrapping_add(1) == blocks => None,
                true => self.freed(block, head.size),
            };
            found.extend(damage);
        }
    }

    /// The last link of the free list that can be followed, and where it leads: nowhere in a sound pool.
    fn last_link(&self, pool: u64, first: u64, head: &Head) -> (u64, u64) {
        let end = pool.wrapping_add(self.obmalloc.pool_size);
        let (mut link, mut next) = (pool.wrapping_add(self.pool.freeblock), head.freeblock);
        for _ in 0..self.obmalloc.pool_size / super::ALIGNMENT {
            let inside = next >= first && next < end && next.wrapping_sub(first).is_multiple_of(head.size);
            if !inside {
                break;
            }
            (link, next) = (next, self.view.word(next).unwrap_or(0));
        }
        (link, next)
    }

    /// A block in use, between the marks of the debug hooks.
    fn marks(&self, block: u64, room: u64) -> Option<Damage> {
        marks(self.view, block.wrapping_add(DEBUG_HEAD), Some(room.checked_sub(DEBUG_HEAD)?))
    }

    /// A freed block was filled: all of it but for what rounding up to its size class added, and where `realloc` moved what was
    /// in it, 64 bytes after its head (Objects/obmalloc.c, `ERASED_SIZE`). The first word is a link.
    fn freed(&self, block: u64, size: u64) -> Option<Damage> {
        let filled = size.saturating_sub(super::ALIGNMENT).min(DEBUG_HEAD.wrapping_add(ERASED));
        let bytes = self.view.bytes(block.wrapping_add(8), filled.checked_sub(8)?)?;
        let at = block.wrapping_add(8).wrapping_add(bytes.iter().position(|byte| *byte != DEAD)? as u64);
        Some(Damage { kind: DamageKind::WrittenAfterFree, at, from: block, bytes: size })
    }
}

/// The marks of debug hooks around the memory at `data`; `room` is what its block has from there on, where that is known.
/// `None` too where there are no marks at all.
pub(in crate::heap) fn marks(view: &crate::heap::View<'_>, data: u64, room: Option<u64>) -> Option<Damage> {
    let head = data.wrapping_sub(DEBUG_HEAD);
    let size = view.array(head).map(u64::from_be_bytes)?;
    let before = view.array::<8>(head.wrapping_add(8))?;
    let (api, fence) = before.split_first()?;
    let known_api = matches!(api, b'o' | b'm' | b'r');
    let whole = fence.iter().all(|byte| *byte == FORBIDDEN);
    if room.is_none() && !whole && !(known_api && fence.contains(&FORBIDDEN)) {
        return None;
    }
    let fits = match room {
        Some(room) => size.checked_add(TAIL).is_some_and(|all| all <= room),
        None => size < 1 << 46,
    };
    if !known_api || !whole || !fits {
        let at = match (fits, known_api) {
            (false, _) => head,
            (_, false) => head.wrapping_add(8),
            _ => head.wrapping_add(9).wrapping_add(fence.iter().position(|byte| *byte != FORBIDDEN)? as u64),
        };
        return Some(Damage { kind: DamageKind::FenceBefore, at, from: head, bytes: DEBUG_HEAD });
    }
    let tail = data.wrapping_add(size);
    let after = view.array::<{ TAIL as usize }>(tail)?;
    let wrong = after.iter().position(|byte| *byte != FORBIDDEN)?;
    let at = tail.wrapping_add(wrong as u64);
    Some(Damage { kind: DamageKind::FenceAfter, at, from: data, bytes: size })
}
