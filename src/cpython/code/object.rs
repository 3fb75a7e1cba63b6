//! [`Code`]: one code object, and a cache of them (thousands of frames share a few).

use super::{Position, Span};
use crate::base::{Addr, Text};
use crate::cpython::object::read_text;
use crate::cpython::{Context, DecodeError};
use crate::field;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Longest name or path that is read, in code points.
const NAME_LIMIT: u64 = 64 << 10;
/// Largest line table that is read, in bytes.
const TABLE_LIMIT: u64 = 16 << 20;

/// `CO_OPTIMIZED`: locals live in slots, not in a dictionary (Include/cpython/code.h).
const CO_OPTIMIZED: u32 = 0x1;
/// `CO_VARARGS`.
const CO_VARARGS: u32 = 0x4;
/// `CO_VARKEYWORDS`.
const CO_VARKEYWORDS: u32 = 0x8;

/// One code object. Parts that cannot be read say why and leave the rest usable.
#[derive(Debug)]
pub struct Code {
    /// Address of the object.
    pub addr: Addr,
    /// `co_filename`; `None` when the field is NULL.
    pub filename: Result<Text, DecodeError>,
    /// `co_name`.
    pub name: Result<Text, DecodeError>,
    /// `co_qualname` (3.11+).
    pub qualname: Option<Result<Text, DecodeError>>,
    /// `co_firstlineno`.
    pub first_line: i64,
    /// `co_flags`.
    pub flags: u32,
    /// Arguments, `*args` and `**kwargs` included: so many of the first slots are parameters.
    pub argument_slots: usize,
    table: OnceLock<Result<Vec<u8>, DecodeError>>,
}

impl Code {
    /// Reads the code object at `addr`.
    ///
    /// # Errors
    /// [`DecodeError`] when the object itself is unreadable; unreadable names are parts of the result.
    pub fn read(ctx: &Context<'_>, addr: Addr) -> Result<Code, DecodeError> {
        let count = |field| ctx.int(field, addr, 4);
        let flags = ctx.uint(field!(ctx, code.flags), addr, 4)?;
        let flags = u32::try_from(flags).unwrap_or(0);
        let positional = count(field!(ctx, code.argcount))?;
        // Python 2 has none.
        let keyword_only = match ctx.layouts.code.kwonlyargcount.is_some() {
            true => count(field!(ctx, code.kwonlyargcount))?,
            false => 0,
        };
        let stars = i64::from(flags & CO_VARARGS != 0).saturating_add(i64::from(flags & CO_VARKEYWORDS != 0));
        let argument_slots = positional.saturating_add(keyword_only).saturating_add(stars);
        let text = |field| {
            let at = ctx.ptr(field, addr)?;
            read_text(ctx, at, NAME_LIMIT).map(|part| part.text)
        };
        Ok(Code {
            addr,
            filename: text(field!(ctx, code.filename)),
            name: text(field!(ctx, code.name)),
            qualname: ctx.layouts.code.qualname.is_some().then(|| text(field!(ctx, code.qualname))),
            first_line: count(field!(ctx, code.firstlineno))?,
            flags,
            argument_slots: usize::try_from(argument_slots).unwrap_or(0),
            table: OnceLock::new(),
        })
    }

    /// Whether locals live in slots (functions), not in a dictionary (module and class bodies, most exec'd code).
    #[must_use]
    pub fn is_optimized(&self) -> bool {
        self.flags & CO_OPTIMIZED != 0
    }

    /// Place of the instruction at byte offset `lasti`.
    ///
    /// # Errors
    /// [`DecodeError`] when the line table is unreadable or has no entry for the instruction.
    pub fn position(&self, ctx: &Context<'_>, lasti: i64) -> Result<Position, DecodeError> {
        let table = self.table.get_or_init(|| self.read_table(ctx)).as_ref().map_err(Clone::clone)?;
        super::position(ctx.dialect.line_table, table, self.first_line, lasti)
            .ok_or_else(|| DecodeError::corrupt("code.linetable", self.addr, format!("no entry for offset {lasti}")))
    }

    /// Its instructions by lines.
    ///
    /// # Errors
    /// [`DecodeError`] when the line table is unreadable.
    pub fn spans(&self, ctx: &Context<'_>) -> Result<Vec<Span>, DecodeError> {
        let table = self.table.get_or_init(|| self.read_table(ctx)).as_ref().map_err(Clone::clone)?;
        Ok(super::spans(ctx.dialect.line_table, table, self.first_line))
    }

    fn read_table(&self, ctx: &Context<'_>) -> Result<Vec<u8>, DecodeError> {
        let bytes = ctx.ptr(field!(ctx, code.linetable), self.addr)?;
        if bytes.is_null() {
            return Err(DecodeError::Null { what: "code.linetable" });
        }
        let len = ctx.uint(field!(ctx, var_object.ob_size), bytes, ctx.abi.pointer_size())?;
        if len > TABLE_LIMIT {
            return Err(DecodeError::corrupt("code.linetable", bytes, format!("length {len}")));
        }
        ctx.bytes_at("code.linetable", ctx.addr(field!(ctx, bytes.sval), bytes)?, len)
    }
}

/// Code objects by address.
#[derive(Debug, Default)]
pub struct CodeCache {
    codes: Mutex<HashMap<Addr, Result<Arc<Code>, DecodeError>>>,
}

impl CodeCache {
    /// The code object at `addr`, read once.
    ///
    /// # Errors
    /// As [`Code::read`].
    pub fn get(&self, ctx: &Context<'_>, addr: Addr) -> Result<Arc<Code>, DecodeError> {
        let codes = || self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = codes().get(&addr) {
            return known.clone();
        }
        let code = Code::read(ctx, addr).map(Arc::new);
        codes().insert(addr, code.clone());
        code
    }
}
