//! `refcount`: how many references an object has.

use super::Args;
use super::current::with_view;
use super::host::Host;
use super::lookup::{look_up, not_an_object};
use super::run::{CommandError, Reply};
use super::view::View;
use crate::base::Addr;
use crate::cpython::object::{self, header};
use crate::model::answers::{Answer, ReferenceCount, References};

/// `refcount PATH|ADDRESS`.
pub(super) fn refcount(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let (path, addr, count) = match args.address() {
        Some(at) => with_view(host, |view| Ok((None, at, count(view, at)?)))?,
        None => look_up(host, args.path, |view, found| {
            let at = found.value.object().ok_or_else(|| not_an_object(args.path))?;
            Ok((Some(args.path.to_owned()), at, count(view, at)?))
        })?,
    };
    Ok(Reply::answer(Answer::References(References { path, addr, count })))
}

/// The count of what is an object for sure.
fn count(view: &View<'_>, at: Addr) -> Result<ReferenceCount, CommandError> {
    let _ = header(&view.heap, at)?;
    Ok(of(&object::refcount(view.ctx(), at)?))
}

/// A reference count as an answer has it.
pub(super) fn of(count: &object::Refcount) -> ReferenceCount {
    let refcount = crate::model::Refcount {
        count: count.count,
        immortal: count.immortal,
        local: count.local,
        shared: count.shared,
        deferred: count.deferred,
    };
    ReferenceCount { refcount, raw: count.raw, absurd: count.is_absurd() }
}
