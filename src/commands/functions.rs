//! Functions in expressions of debuggers: `$py_repr` and its like, and what the pretty-printers ask.

use super::bt::variables;
use super::current::with_view;
use super::host::Host;
use super::lookup::{look_up, not_an_object};
use super::run::{CommandError, Reply};
use crate::base::Addr;
use crate::cpython::object::{Kind, ReprStyle, header, refcount};
use crate::model::Frame;
use crate::model::answers::Answer;

/// The address that a function is given.
pub(super) fn address_of(args: &str, usage: &str) -> Result<Addr, CommandError> {
    super::address(args).ok_or_else(|| CommandError::message(format!("usage: {usage}")))
}

/// `$py_repr`, and the pretty-printers.
pub(super) fn repr(host: &mut dyn Host, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "$py_repr(ADDRESS), or $py_repr($py_local(\"NAME\")) for a Python variable")?;
    with_view(host, |view| {
        let is_frame = view.heap.type_of(at).is_ok_and(|t| t.kind == Kind::Frame);
        // As CPython's script for gdb: a frame is worth more than its address.
        if is_frame
            && view.options.limits.repr.style == ReprStyle::GdbScript
            && let Ok(frame) = view.frame_of(at)
        {
            let shown = Frame { locals: Some(variables(view, &frame, false)), ..view.frame(&frame) };
            return Ok(Reply::answer(Answer::Frame(Box::new(shown))));
        }
        Ok(Reply::answer(Answer::Value(view.object(at))))
    })
}

/// `$py_type`.
pub(super) fn type_name(host: &mut dyn Host, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "$py_type(ADDRESS)")?;
    with_view(host, |view| {
        let info = header(&view.heap, at)?.type_info;
        Ok(Reply::answer(Answer::TypeName(view.heap.full_name(&info))))
    })
}

/// `$py_refcnt`. Immortal objects have the number that stands in memory.
pub(super) fn refcnt(host: &mut dyn Host, args: &str) -> Result<Reply, CommandError> {
    let at = address_of(args, "$py_refcnt(ADDRESS)")?;
    with_view(host, |view| {
        let _ = header(&view.heap, at)?;
        let found = refcount(view.ctx(), at)?;
        Ok(Reply::value(found.count.unwrap_or_else(|| found.raw.cast_signed())))
    })
}

/// `$py_local`.
pub(super) fn local(host: &mut dyn Host, args: &str) -> Result<Reply, CommandError> {
    look_up(host, args, |_, found| match found.value.object() {
        Some(at) => Ok(Reply::value(at.0)),
        None => Err(not_an_object(args)),
    })
}
