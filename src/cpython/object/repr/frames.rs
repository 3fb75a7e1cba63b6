//! Frames and what runs in them: generators, code objects, the proxy of a frame's locals.

use super::limits::Fidelity;
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{ProxyEntries, frame_of_object, proxy_entries};
use crate::cpython::object::kind::Kind;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_str;
use crate::field;

/// Longest name read.
const MAX_NAME: u64 = 10_000;

/// `<generator object name at 0x..>` (Objects/genobject.c).
pub(in crate::cpython::object) fn generator(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let ctx = w.ctx();
    let name = match ctx.dialect.is_two() {
        // `gen_repr` there: the name of its code.
        true => ctx.ptr(field!(ctx, code.name), ctx.ptr(field!(ctx, generator.code), addr)?)?,
        false => ctx.ptr(field!(ctx, generator.qualname), addr)?,
    };
    let name = read_str(ctx, name, MAX_NAME)?;
    w.push("<");
    w.push(match info.kind {
        Kind::Coroutine => "coroutine",
        Kind::AsyncGenerator => "async_generator",
        _ => "generator",
    });
    w.push(" object ");
    w.name(&name);
    w.put(format_args!(" at {}>", w.pointer(addr)));
    Ok(())
}

/// `<code object f at 0x.., file "x.py", line 1>` (Objects/codeobject.c `code_repr`).
pub(in crate::cpython::object) fn code(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let ctx = w.ctx();
    let name = read_str(ctx, ctx.ptr(field!(ctx, code.name), addr)?, MAX_NAME)?;
    let line = ctx.int(field!(ctx, code.firstlineno), addr, 4)?;
    let file = read_str(ctx, ctx.ptr(field!(ctx, code.filename), addr)?, MAX_NAME)?;
    w.push("<code object ");
    w.name(&name);
    w.put(format_args!(" at {}, file \"", w.pointer(addr)));
    w.name(&file);
    w.put(format_args!("\", line {}>", if line == 0 { -1 } else { line }));
    Ok(())
}

/// `<frame at 0x.., file 'x.py', line 12, code f>` (Objects/frameobject.c `frame_repr`).
pub(in crate::cpython::object) fn frame(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let codes = CodeCache::default();
    let frame = frame_of_object(w.ctx(), &codes, addr)?;
    let code = frame.code?;
    let ctx = *w.ctx();
    let file = ctx.ptr(field!(ctx, code.filename), code.addr)?;
    let name = read_str(&ctx, ctx.ptr(field!(ctx, code.name), code.addr)?, MAX_NAME)?;
    let line = match frame.position {
        Ok(position) => position.line.map_or_else(|| "None".to_owned(), |line| line.to_string()),
        Err(error) => return Err(error),
    };
    w.put(format_args!("<frame at {}, file ", w.pointer(addr)));
    w.object(file);
    w.put(format_args!(", line {line}, code "));
    w.name(&name);
    w.fixed(">")
}

/// `{'name': value}`: `PyFrameLocalsProxyObject {head, frame}` (Objects/frameobject.c `framelocalsproxy_repr`: the repr of a
/// dict of it).
pub(in crate::cpython::object) fn frame_locals_proxy(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let frame = w.head_word(addr, 0)?;
    let ProxyEntries { entries, doubtful } = proxy_entries(w.heap, frame)?;
    if doubtful {
        w.lower(Fidelity::Structural);
    }
    w.push("{");
    super::containers::pairs(w, entries.len() as u64, entries.into_iter());
    w.fixed("}")
}
