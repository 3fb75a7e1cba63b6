//! Frames of code that a compiler made C of (Nuitka): frame objects of its own type, with the line written into them.
//!
//! `struct Nuitka_FrameObject` (nuitka/build/include/nuitka/compiled_frame.h) begins with a `PyFrameObject`, and from 3.11 on the
//! `_PyInterpreterFrame` that threads link lies in it as well. CPython's own frame objects never hold one in their fixed
//! part. The instruction is that of a placeholder; the line is `f_lineno`, which the compiled code keeps up to date.

use crate::base::Addr;
use crate::cpython::layout::FrameLink;
use crate::cpython::{Context, DecodeError};
use crate::debuggee::MemoryExt as _;
use crate::field;

/// `tp_name` of Nuitka's frames.
const NUITKA: &[u8] = b"compiled_frame";
/// Longer names are not compared.
const NAME_LIMIT: usize = 64;

/// What is known of a frame that runs compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The frame object.
    pub object: Addr,
    /// Its type, which is a variable of the module with the compiled code.
    pub type_addr: Addr,
    /// `f_lineno`.
    pub line: Option<u32>,
    /// Whether the type bears Nuitka's name; its text may be in a file that is not available.
    pub nuitka: bool,
    /// How other objects of the same module are looked at.
    pub heads: Heads,
}

/// Where words of any object and of its type are, in bytes from the start of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// `ob_type`.
    pub ob_type: u64,
    /// `tp_basicsize`.
    pub basicsize: u64,
    /// `tp_vectorcall_offset`.
    pub vectorcall_offset: u64,
}

impl Heads {
    fn of(ctx: &Context<'_>) -> Result<Heads, DecodeError> {
        // What calls objects is the word behind `tp_dealloc` (Include/cpython/object.h; up to 3.7 `tp_print` is there).
        let dealloc = ctx.addr(field!(ctx, type_object.dealloc), Addr::NULL)?;
        Ok(Heads {
            ob_type: ctx.addr(field!(ctx, object.ob_type), Addr::NULL)?.0,
            basicsize: ctx.addr(field!(ctx, type_object.basicsize), Addr::NULL)?.0,
            vectorcall_offset: dealloc.0.saturating_add(u64::from(ctx.abi.pointer_size())),
        })
    }
}

impl Compiled {
    /// That something of the frame is not where CPython keeps it.
    pub(super) fn not_kept(self, what: &'static str) -> DecodeError {
        DecodeError::NotKept { what, by: if self.nuitka { "Nuitka" } else { "another compiler than CPython's" } }
    }
}

/// Whether the frame at `frame` is one of compiled code.
pub(super) fn compiled(ctx: &Context<'_>, frame: Addr) -> Option<Compiled> {
    let object = match ctx.dialect.frame_link {
        FrameLink::FrameObjects => frame,
        FrameLink::ViaCFrame | FrameLink::Direct => ctx.ptr(field!(ctx, frame.frame_obj), frame).ok()?,
    };
    if object.is_null() {
        return None;
    }
    of_object(ctx, frame, object).ok().flatten()
}

fn of_object(ctx: &Context<'_>, frame: Addr, object: Addr) -> Result<Option<Compiled>, DecodeError> {
    let type_addr = ctx.ptr(field!(ctx, object.ob_type), object)?;
    let size = ctx.uint(field!(ctx, type_object.basicsize), type_addr, ctx.abi.pointer_size())?;
    // What the fixed part of CPython's own frames ends with.
    let own = match ctx.dialect.frame_link {
        FrameLink::FrameObjects => {
            let slots = ctx.addr(field!(ctx, frame_object.f_localsplus), Addr::NULL)?.0;
            size <= slots.saturating_add(u64::from(ctx.abi.pointer_size()))
        }
        FrameLink::ViaCFrame | FrameLink::Direct => frame.distance_from(object).is_none_or(|inside| inside >= size),
    };
    if own {
        return Ok(None);
    }
    let name = ctx.ptr(field!(ctx, type_object.name), type_addr)?;
    let name = ctx.memory.read_cstr(name, NAME_LIMIT).ok();
    let line = ctx.int(field!(ctx, frame_object.f_lineno), object, 4)?;
    let heads = Heads::of(ctx)?;
    Ok(match name {
        Some(other) if other != NUITKA => None,
        name => Some(Compiled {
            object,
            type_addr,
            line: u32::try_from(line).ok().filter(|line| *line > 0),
            nuitka: name.is_some(),
            heads,
        }),
    })
}
