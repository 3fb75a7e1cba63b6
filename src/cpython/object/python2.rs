//! Python 2 (2.7): what its own types are. `str` and `unicode` are both texts to those who read names, `int` and `long` both
//! numbers; which of them an object is its type's flags tell (Include/object.h, `Py_TPFLAGS_*_SUBCLASS`).

use super::kind::Kind;
use crate::base::Addr;
use crate::cpython::{Context, DecodeError};
use crate::field;

/// `Py_TPFLAGS_INT_SUBCLASS`, `LONG`, `STRING`, `UNICODE`.
const INT: u64 = 1 << 23;
const LONG: u64 = 1 << 24;
const STRING: u64 = 1 << 27;
const UNICODE: u64 = 1 << 28;

/// A type of Python 2 that Python 3 has in another form, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// `int`: a C long.
    Int,
    /// `long`: digits.
    Long,
    /// `str`: bytes.
    Str,
    /// `unicode`: an array of `Py_UNICODE`.
    Unicode,
}

impl Own {
    /// Which of them a type with these flags is, or is derived from.
    pub(super) fn of_flags(flags: u64) -> Option<Own> {
        [(INT, Own::Int), (LONG, Own::Long), (STRING, Own::Str), (UNICODE, Own::Unicode)]
            .into_iter()
            .find_map(|(bit, own)| (flags & bit != 0).then_some(own))
    }

    /// Which of them the object at `addr` is.
    ///
    /// # Errors
    /// [`DecodeError`] when it or its type cannot be read, or it is none of them.
    pub(super) fn of_object(ctx: &Context<'_>, addr: Addr) -> Result<Own, DecodeError> {
        let class = ctx.ptr(field!(ctx, object.ob_type), addr)?;
        let flags = ctx.uint(field!(ctx, type_object.flags), class, ctx.abi.long_size())?;
        Own::of_flags(flags).ok_or_else(|| DecodeError::corrupt("object", addr, "neither a text nor a number"))
    }

    fn kind(self) -> Kind {
        match self {
            Own::Int | Own::Long => Kind::Int,
            Own::Str | Own::Unicode => Kind::Str,
        }
    }
}

/// The kind that the subclass bits of `tp_flags` tell: as in Python 3, and `int`.
pub(super) fn kind_of_flags(flags: u64) -> Option<Kind> {
    Own::of_flags(flags).map(Own::kind).or_else(|| Kind::of_flags(flags))
}

/// The kind of the native type with this `tp_name`. Only those whose structs and texts were compared with what 2.7 says: of
/// others no more is told than their type and attributes.
pub(super) fn kind_of_name(tp_name: &str) -> Option<Kind> {
    const SAME: [&str; 31] = [
        "object",
        "type",
        "NoneType",
        "ellipsis",
        "NotImplementedType",
        "int",
        "bool",
        "float",
        "complex",
        "str",
        "tuple",
        "list",
        "dict",
        "set",
        "frozenset",
        "slice",
        "collections.defaultdict",
        "function",
        "builtin_function_or_method",
        "method_descriptor",
        "classmethod_descriptor",
        "wrapper_descriptor",
        "method-wrapper",
        "getset_descriptor",
        "member_descriptor",
        "module",
        "generator",
        "code",
        "traceback",
        "cell",
        "frame",
    ];
    match tp_name {
        "unicode" => Some(Kind::Str),
        "long" => Some(Kind::Int),
        "instancemethod" => Some(Kind::Method),
        "exceptions.BaseException" => Some(Kind::Exception),
        "classobj" => Some(Kind::OldClass),
        "instance" => Some(Kind::OldInstance),
        "xrange" => Some(Kind::XRange),
        same => SAME.contains(&same).then(|| Kind::of_name(same)).flatten(),
    }
}
