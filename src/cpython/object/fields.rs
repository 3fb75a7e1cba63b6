//! Attributes that native types keep in fields of the object (`getset` and `member` descriptors in Python).

use super::kind::{Kind, Place};
use super::types::{Heap, TypeInfo};
use crate::base::Addr;
use crate::cpython::{Context, DecodeError};
use crate::field;

/// Word `n` of the fields that follow the object head.
pub(super) fn head_word(ctx: &Context<'_>, addr: Addr, n: u64) -> Result<Addr, DecodeError> {
    let offset = n.saturating_mul(u64::from(ctx.abi.pointer_size()));
    let at = ctx.addr(field!(ctx, object.size), addr)?.wrapping_add(offset);
    ctx.ptr_at("field behind the object head", at)
}

/// Word `n` of the fields that follow the head of a variable-size object.
pub(super) fn var_word(ctx: &Context<'_>, addr: Addr, n: u64) -> Result<Addr, DecodeError> {
    let offset = n.saturating_mul(u64::from(ctx.abi.pointer_size()));
    let at = ctx.addr(field!(ctx, var_object.size), addr)?.wrapping_add(offset);
    ctx.ptr_at("field behind the object head", at)
}

/// The object in a field of a native type that Python shows as attribute `name`; `None` where there is no such field or
/// it is NULL.
///
/// # Errors
/// [`DecodeError`] when the field is unreadable.
pub(super) fn stored_attribute(
    heap: &Heap<'_>,
    addr: Addr,
    info: &TypeInfo,
    name: &str,
) -> Result<Option<Addr>, DecodeError> {
    let ctx = &heap.ctx;
    if name == "__class__" {
        return Ok(Some(info.addr));
    }
    if info.kind == Kind::Module {
        let dict = ctx.ptr(field!(ctx, module.dict), addr)?;
        if name == "__dict__" || dict.is_null() {
            return Ok(Some(dict).filter(|d| !d.is_null()));
        }
        return super::dict::dict_get_str(ctx, dict, name);
    }
    let row = info.kind.row();
    let Some(field) = row.attributes.iter().chain(row.more).find(|field| field.name == name) else { return Ok(None) };
    let found = match field.place {
        Place::Word(word) => head_word(ctx, addr, word)?,
        Place::Layout(field) => match field(ctx) {
            // A field that this version does not have is not an attribute.
            (_, Err(_)) => return Ok(None),
            field => ctx.ptr(field, addr)?,
        },
    };
    Ok(Some(found).filter(|a| !a.is_null()))
}
