//! Locks and thread handles of `_thread` (Modules/_threadmodule.c).

use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::types::TypeInfo;
use crate::field;

/// Size in words of what follows the head of an object of this type: tells forms of a struct apart.
fn words(w: &Writer<'_, '_>, info: &TypeInfo) -> Result<u64, DecodeError> {
    let head = field!(w.ctx(), object.size).1?;
    Ok(info.basicsize.unsigned_abs().saturating_sub(head) / u64::from(w.ctx().abi.pointer_size()))
}

/// The first byte of word `n` after the head.
fn byte(w: &Writer<'_, '_>, addr: Addr, n: u64) -> Result<u8, DecodeError> {
    let ctx = w.ctx();
    let offset = n.saturating_mul(u64::from(ctx.abi.pointer_size()));
    let at = ctx.addr(field!(ctx, object.size), addr)?.wrapping_add(offset);
    Ok(ctx.bytes_at("lock", at, 1)?.first().copied().unwrap_or(0))
}

/// Whether a `_thread.lock` is held: `{lock_lock, in_weakreflist, char locked}`, since 3.14 `{PyMutex}` whose lowest bit tells.
pub(super) fn is_locked(w: &Writer<'_, '_>, addr: Addr) -> Result<bool, DecodeError> {
    let info = w.heap.type_of(addr)?;
    if info.kind != Kind::Lock {
        let found = info.name.clone();
        return Err(DecodeError::WrongType { what: "lock", addr, expected: "_thread.lock", found });
    }
    match words(w, &info)? >= 3 {
        true => byte(w, addr, 2).map(|locked| locked != 0),
        false => byte(w, addr, 0).map(|mutex| mutex & 1 != 0),
    }
}

/// `<locked _thread.lock object at 0x..>`.
pub(in crate::cpython::object) fn lock(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
    w.push(if is_locked(w, addr)? { "<locked " } else { "<unlocked " });
    w.tp_name(info);
    w.put(format_args!(" object at {}>", w.pointer(addr)));
    Ok(())
}

/// `<locked _thread.RLock object owner=1 count=2 at 0x..>`: `{lock, owner, count, in_weakreflist}`, since 3.14
/// `{PyMutex mutex, unsigned long long thread, size_t level}` where the level counts from 0.
pub(in crate::cpython::object) fn rlock(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let owner = w.head_word(addr, 1)?.0;
    let mut count = w.head_word(addr, 2)?.0;
    if words(w, info)? < 4 && byte(w, addr, 0)? & 1 != 0 {
        count = count.saturating_add(1);
    }
    w.push(if count > 0 { "<locked " } else { "<unlocked " });
    w.tp_name(info);
    w.put(format_args!(" object owner={owner} count={count} at {addr}>", addr = w.pointer(addr)));
    Ok(())
}

/// Whether the thread of a `_thread._ThreadHandle` is at its end; `None` for objects of another type.
///
/// `{handle}`, handle `{llist_node node, llist_node shutdown_node, ident, os_handle, int has_os_handle, int state, PyMutex mutex,
/// PyEvent thread_is_exiting, ...}` (3.13+).
pub(super) fn thread_is_done(w: &Writer<'_, '_>, addr: Addr) -> Result<Option<bool>, DecodeError> {
    if w.heap.type_of(addr)?.kind != Kind::ThreadHandle {
        return Ok(None);
    }
    let handle = w.head_word(addr, 0)?;
    let offset = u64::from(w.ctx().abi.pointer_size()).saturating_mul(6).saturating_add(9);
    let event = w.ctx().bytes_at("thread handle", handle.wrapping_add(offset), 1)?;
    Ok(Some(event.first() == Some(&1)))
}
