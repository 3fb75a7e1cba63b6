//! Containers: how many items they have, and how much room their tables have for more.

use super::HeapState;
use super::dicts::KeyTable;
use super::objects::Found;
use super::types::Walk;

/// A table is nearly empty when one for just its entries would be at least this much smaller. Tables that were only filled
/// are less than five times as large (`GROWTH_RATE` of Objects/dictobject.c, `set_add_entry` of Objects/setobject.c).
const SPARSE: u64 = 8;
/// Least slots of a table (`PyDict_MINSIZE`, `PySet_MINSIZE`).
const LEAST_SLOTS: u64 = 8;
/// Bytes of a set's entry: key and hash.
const SET_ENTRY: u64 = 16;

impl HeapState<'_> {
    /// Number of items of a dict, list, set or deque; `None` for everything else.
    #[must_use]
    pub fn items(&self, found: Found) -> Option<u64> {
        let at = |field: u64| self.view.word(found.addr.wrapping_add(field));
        match self.shape(found.type_id)?.walk {
            Walk::Dict => at(self.offsets.dict_used),
            Walk::List | Walk::Deque => at(self.offsets.ob_size),
            Walk::Set => at(self.heap.ctx.layouts.set.used.offset()?),
            _ => None,
        }
    }

    /// Bytes that the table of a dict or set takes beyond one of the size that its entries need, where it is nearly empty; 0
    /// for every other object.
    #[must_use]
    pub fn sparse_bytes(&self, found: Found) -> u64 {
        self.sparse(found).unwrap_or(0)
    }

    fn sparse(&self, found: Found) -> Option<u64> {
        let o = &self.offsets;
        let at = |field: u64| self.view.word(found.addr.wrapping_add(field));
        match self.shape(found.type_id)?.walk {
            Walk::Dict if at(o.dict_values)? == 0 => {
                let keys = KeyTable::read(&self.view, o, at(o.dict_keys)?)?;
                let slots = least_slots(at(o.dict_used)?);
                let entries = slots.wrapping_mul(2) / 3;
                let needed = slots.wrapping_add(entries.wrapping_mul(keys.words).wrapping_mul(8));
                let sparse = keys.refcnt == 1 && keys.slots >= slots.saturating_mul(SPARSE);
                sparse.then(|| keys.bytes(o).saturating_sub(o.keys.indices.wrapping_add(needed)))
            }
            Walk::Set => {
                let slots = at(o.set_mask)?.checked_add(1)?;
                let least = least_slots(at(self.heap.ctx.layouts.set.used.offset()?)?);
                let sparse = slots >= least.saturating_mul(SPARSE);
                sparse.then(|| slots.saturating_sub(least).saturating_mul(SET_ENTRY))
            }
            _ => None,
        }
    }
}

/// Slots of the smallest table with room for so many entries: two thirds of them are used.
fn least_slots(entries: u64) -> u64 {
    (entries.saturating_mul(3).saturating_add(1) / 2).max(LEAST_SLOTS).checked_next_power_of_two().unwrap_or(u64::MAX)
}
