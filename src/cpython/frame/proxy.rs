//! What a `FrameLocalsProxy` (3.13+, PEP 667) shows: `frame.f_locals` of a function's frame, or of another whose inlined
//! comprehension runs.

use super::frame_of_object;
use super::locals::{SLOT_LIMIT, SlotValue, localsplus};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::code::CodeCache;
use crate::cpython::object::{DictEntries, Heap, Kind, read_text};
use crate::field;
use std::collections::HashSet;

/// Longest name that is compared, in code points.
const NAME_LIMIT: u64 = 100_000;

/// Keys and values of a proxy.
#[derive(Clone, Debug, Default)]
pub struct ProxyEntries {
    /// In the order of the proxy's own `keys()`, each key once. A value may be unreadable by itself.
    pub entries: Vec<Result<(Addr, Addr), DecodeError>>,
    /// A key is of a class whose `__eq__` may be code that is not run: it might equal another one.
    pub doubtful: bool,
}

/// The entries of the `FrameLocalsProxy` of a frame object: the variables that have a value, then what was added by
/// hand (`f_extra_locals`). Of equal keys the first stays (Objects/frameobject.c `framelocalsproxy_keys`,
/// `framelocalsproxy_getitem`).
///
/// # Errors
/// [`DecodeError`] when the frame is unreadable.
pub fn proxy_entries(heap: &Heap<'_>, frame_object: Addr) -> Result<ProxyEntries, DecodeError> {
    let ctx = &heap.ctx;
    let frame = frame_of_object(ctx, &CodeCache::default(), frame_object)?;
    let code = frame.code.as_ref().map_err(Clone::clone)?;
    let mut found = ProxyEntries::default();
    let mut names = Vec::new();
    for slot in localsplus(heap, code, &frame)? {
        found.entries.push(match slot.value {
            SlotValue::Unbound => continue,
            SlotValue::Object(value) => Ok((slot.name, value)),
            SlotValue::Unreadable(error) => Err(error),
            SlotValue::TaggedInt(_) => Err(DecodeError::corrupt("frame.localsplus", frame.addr, "a tagged int")),
        });
        names.push(slot.name);
    }
    let extra = ctx.ptr(field!(ctx, frame_object.extra_locals), frame_object)?;
    if extra.is_null() {
        return Ok(found);
    }
    let extra_entries = DictEntries::new(ctx, extra)?;
    if extra_entries.total() > SLOT_LIMIT {
        let why = format!("{} entries", extra_entries.total());
        return Err(DecodeError::corrupt("frame_object.f_extra_locals", extra, why));
    }
    let names: HashSet<Vec<u32>> = names.into_iter().map(|name| text(heap, name)).collect::<Result<_, _>>()?;
    for entry in extra_entries {
        if let Ok((key, _)) = entry {
            let class = heap.type_of(key)?;
            found.doubtful |= !class.is_native;
            if class.kind == Kind::Str && names.contains(&text(heap, key)?) {
                continue;
            }
        }
        found.entries.push(entry);
    }
    Ok(found)
}

fn text(heap: &Heap<'_>, name: Addr) -> Result<Vec<u32>, DecodeError> {
    let part = read_text(&heap.ctx, name, NAME_LIMIT)?;
    if part.is_cut() {
        return Err(DecodeError::corrupt("name of a variable", name, format!("{} code points", part.length)));
    }
    Ok(part.text.code_points().to_vec())
}
