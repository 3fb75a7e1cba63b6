//! Functions that a type object refers to: without any symbol, code still is `tp_dealloc` of somebody's type.

use super::facts::{Scene, SceneFrame};
use crate::base::Addr;
use crate::cpython::object::Heap;
use crate::field;
use crate::stack::hidden_frames::CodePlace;

/// Types along `tp_base` whose slots are examined.
const MAX_BASES: usize = 16;
/// Frames outwards whose registers may still hold the object.
const REGISTERS_OF: usize = 3;

/// What a function is to a type.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    /// `tp_dealloc`, `tp_traverse` or `tp_clear`.
    pub slot: &'static str,
    /// Name of the type that has it.
    pub type_name: String,
    /// The object that it was called for.
    pub object: Addr,
}

impl Hook {
    /// "tp_dealloc of defects.Owner"
    pub fn describe(&self) -> String {
        format!("{} of {}", self.slot, self.type_name)
    }
}

/// What the function of an extension module's frame is to the type of an object at hand.
pub(super) fn of(scene: &Scene<'_>, frame: &SceneFrame<'_>) -> Option<Hook> {
    let heap = scene.facts.heap?;
    if frame.place != CodePlace::Module {
        return None;
    }
    let start = scene.function(frame.frame, frame.code)?.start;
    let first = scene.argument(frame, 0);
    let stack = scene.stack?;
    let near = stack.unwound.frames.iter().skip(frame.index).take(REGISTERS_OF);
    let kept = near.filter_map(|f| f.registers.as_deref()).flat_map(|regs| regs.callee_saved());
    let mut objects: Vec<u64> = first.into_iter().chain(kept).collect();
    objects.dedup();
    objects.into_iter().find_map(|object| {
        let (slot, type_name) = slot(heap, Addr(object), start)?;
        Some(Hook { slot, type_name, object: Addr(object) })
    })
}

/// The slot of the object's type, or of a base, that holds exactly this function.
fn slot(heap: &Heap<'_>, object: Addr, function: Addr) -> Option<(&'static str, String)> {
    let mut info = heap.type_of(object).ok()?;
    for _ in 0..MAX_BASES {
        let slots = [
            ("tp_dealloc", field!(heap.ctx, type_object.dealloc)),
            ("tp_traverse", field!(heap.ctx, type_object.traverse)),
            ("tp_clear", field!(heap.ctx, type_object.clear)),
        ];
        let found = slots.into_iter().find(|(_, place)| heap.ctx.ptr(*place, info.addr).is_ok_and(|p| p == function));
        if let Some((name, _)) = found {
            return info.named.then(|| (name, info.name.clone()));
        }
        info = heap.type_info(info.base)?;
    }
    None
}
