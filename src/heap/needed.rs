//! What answers about a heap read, for a slim dump to hold it.

use super::HeapState;
use super::dicts::KeyTable;
use super::types::Walk;
use crate::cpython::object::Kind;

/// Of a buffer so many bytes are kept: more of its content no answer shows.
const BUFFER: u64 = 4096;
/// Longest text that is kept whole: its value is compared with others.
const TEXT: u64 = 1 << 30;

impl HeapState<'_> {
    /// Reads all that any answer about the objects reads: with a view that marks, it is then marked. What lists and
    /// references lead to was read when they were walked.
    pub fn read_needed(&self) {
        if !self.view.is_marking() {
            return;
        }
        let sizes = self.sizes();
        for found in self.objects().iter() {
            let Some(shape) = self.shape(found.type_id) else { continue };
            let at = found.addr;
            let size = sizes.of(at, shape);
            let own = size.saturating_sub(shape.presize).min(shape.basicsize.wrapping_add(BUFFER));
            self.view.touch(at.wrapping_sub(shape.presize), shape.presize.wrapping_add(own));
            let word = |field: u64| self.view.word(at.wrapping_add(field)).unwrap_or(0);
            match (shape.kind, shape.walk) {
                (Kind::Str | Kind::Bytes, _) => {
                    let _ = self.content(found, shape.kind, TEXT);
                }
                (_, Walk::Dict) => {
                    if let Some(keys) = KeyTable::read(&self.view, &self.offsets, word(self.offsets.dict_keys)) {
                        self.view.touch(word(self.offsets.dict_keys), keys.bytes(&self.offsets).min(size.max(BUFFER)));
                    }
                }
                _ => {}
            }
        }
    }
}
