//! Reference counts in every form (Include/object.h, Include/refcount.h, 3.13+ Include/internal/pycore_object.h).

use crate::base::Addr;
use crate::cpython::layout::RefcountForm;
use crate::cpython::{Context, DecodeError};
use crate::field;

/// A reference count with its raw parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refcount {
    /// References held; absent for immortal objects. With `deferred` a lower bound.
    pub count: Option<i64>,
    /// Immortal (3.12+), or in static storage with a number to start with (3.11).
    pub immortal: bool,
    /// The count field as it stands in memory (the shared one in free-threaded builds).
    pub raw: u64,
    /// Free-threaded: identity of the owning thread, 0 for none.
    pub owner: Option<u64>,
    /// Free-threaded: references of the owning thread.
    pub local: Option<u32>,
    /// Free-threaded: references of other threads, without the bias of deferred counting. May be negative.
    pub shared: Option<i64>,
    /// Free-threaded: low bits of the shared field: 0 plain, 1 may have weak references, 2 queued, 3 merged.
    pub shared_flags: Option<u8>,
    /// Free-threaded: deferred counting is in use: stack references are not counted.
    pub deferred: bool,
    /// `ob_flags` (3.14+).
    pub flags: Option<u16>,
}

/// The reference count of the object at `addr`.
///
/// # Errors
/// [`DecodeError`] when the header is unreadable.
pub fn refcount(ctx: &Context<'_>, addr: Addr) -> Result<Refcount, DecodeError> {
    let flags = match ctx.layouts.object.ob_flags.is_some() {
        true => Some(ctx.uint(field!(ctx, object.ob_flags), addr, 2)? as u16),
        false => None,
    };
    match ctx.dialect.refcount {
        RefcountForm::Plain => {
            let count = ctx.ssize(field!(ctx, object.ob_refcnt), addr)?;
            Ok(Refcount { count: Some(count), raw: count.cast_unsigned(), flags, ..Refcount::default() })
        }
        RefcountForm::Static { start } => {
            let raw = ctx.ssize(field!(ctx, object.ob_refcnt), addr)?;
            // More references than memory has room for beside those that are counted without being there.
            let immortal = raw > start / 2 && raw < start.saturating_mul(2);
            let count = (!immortal).then_some(raw);
            Ok(Refcount { count, immortal, raw: raw.cast_unsigned(), flags, ..Refcount::default() })
        }
        RefcountForm::Immortal32 => {
            let raw = ctx.ssize(field!(ctx, object.ob_refcnt), addr)?;
            // 64-bit: the low half is negative; 32-bit: the value itself is `UINT_MAX >> 2`.
            let immortal = if ctx.abi.pointer_size() == 8 { (raw as i32) < 0 } else { raw == 0x3fff_ffff };
            let count = (!immortal).then_some(raw);
            Ok(Refcount { count, immortal, raw: raw.cast_unsigned(), flags, ..Refcount::default() })
        }
        RefcountForm::Split32 => {
            let raw = ctx.uint(field!(ctx, object.ob_refcnt), addr, 4)?;
            let immortal = if ctx.abi.pointer_size() == 8 { (raw as i32) < 0 } else { raw >= 1 << 30 };
            let count = (!immortal).then_some(raw.cast_signed());
            Ok(Refcount { count, immortal, raw, flags, ..Refcount::default() })
        }
        RefcountForm::Biased { deferred_bias } => {
            let local = ctx.uint(field!(ctx, object.ob_ref_local), addr, 4)? as u32;
            let raw = ctx.ssize(field!(ctx, object.ob_ref_shared), addr)?;
            let owner = ctx.ptr(field!(ctx, object.ob_tid), addr)?.0;
            let immortal = local == u32::MAX;
            let biased = raw >> 2;
            // Deferred objects carry a bias far above any real count; half of it tells them apart.
            let deferred = deferred_bias > 0 && biased > deferred_bias / 2;
            let shared = if deferred { biased.saturating_sub(deferred_bias) } else { biased };
            let count = (!immortal).then_some(shared.saturating_add(i64::from(local)));
            Ok(Refcount {
                count,
                immortal,
                raw: raw.cast_unsigned(),
                owner: Some(owner),
                local: Some(local),
                shared: Some(shared),
                shared_flags: Some((raw & 3) as u8),
                deferred,
                flags,
            })
        }
    }
}

impl Refcount {
    /// Whether no living object has such a count: 0 or less, or more than memory has room for references.
    #[must_use]
    pub fn is_absurd(&self) -> bool {
        self.count.is_some_and(|count| count <= 0 || count > 1 << 40)
    }
}
