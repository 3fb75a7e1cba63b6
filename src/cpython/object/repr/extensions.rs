//! Types of the standard library's extension modules whose repr is a field or two.

use super::text::quote_str;
use super::writer::Writer;
use crate::base::{Addr, Cursor};
use crate::cpython::DecodeError;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::sequence::var_len;
use crate::cpython::object::types::TypeInfo;
use crate::field;

/// `<socket object, fd=3, family=2, type=1, proto=0>`: `PySocketSockObject {head, SOCKET_T sock_fd, int sock_family, sock_type,
/// sock_proto, ...}` (Modules/socketmodule.c `sock_repr`).
pub(in crate::cpython::object) fn socket(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let ctx = *w.ctx();
    // `SOCKET_T` is an `int`, on Windows a `UINT_PTR`.
    let width = match ctx.abi.os {
        crate::base::Os::Windows => ctx.abi.pointer_size(),
        _ => 4,
    };
    let raw = ctx.bytes_at("socket", w.head(addr)?, u64::from(width).saturating_add(12))?;
    let mut cursor = Cursor::new(&raw, ctx.abi);
    let mut next =
        |width: u8| cursor.uint(width.into()).map_err(|e| DecodeError::corrupt("socket", addr, e.to_string()));
    let fd = next(width)?;
    let fd = if width == 4 { i64::from(fd as u32 as i32) } else { fd.cast_signed() };
    let [family, kind, protocol] = [next(4)? as u32 as i32, next(4)? as u32 as i32, next(4)? as u32 as i32];
    w.put(format_args!("<socket object, fd={fd}, family={family}, type={kind}, proto={protocol}>"));
    Ok(())
}

/// `<Element 'tag' at 0x..>`: `ElementObject {head, tag, ...}` (Modules/_elementtree.c `element_repr`).
pub(in crate::cpython::object) fn element(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let tag = w.head_word(addr, 0)?;
    w.push("<Element ");
    w.object(tag);
    w.put(format_args!(" at {}>", w.pointer(addr)));
    Ok(())
}

/// `<DirEntry 'name'>`: `DirEntry {head, name, ...}` (Modules/posixmodule.c `DirEntry_repr`).
pub(in crate::cpython::object) fn dir_entry(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    _: &TypeInfo,
) -> Result<(), DecodeError> {
    let name = w.head_word(addr, 0)?;
    w.push("<DirEntry ");
    w.object(name);
    w.fixed(">")
}

/// `Struct('<i')`: `PyStructObject {head, s_size, s_len, s_codes, s_format, ...}` (Modules/_struct.c `s_repr`, 3.13), the last
/// a `bytes` object, since 3.15 a `str`.
pub(in crate::cpython::object) fn compiled_format(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let format = w.head_word(addr, 3)?;
    let ctx = *w.ctx();
    w.type_name(info);
    w.push("(");
    match w.heap.type_of(format)?.kind {
        Kind::Str => w.object(format),
        Kind::Bytes => {
            let length = var_len(&ctx, "Struct.s_format", format)?;
            let bytes = ctx.bytes_at("Struct.s_format", ctx.addr(field!(ctx, bytes.sval), format)?, length)?;
            let points: Vec<u32> = bytes.iter().map(|byte| u32::from(*byte)).collect();
            w.push(&quote_str(&points, ctx.dialect.repr.unicode));
        }
        _ => return Err(DecodeError::corrupt("Struct.s_format", format, "neither bytes nor str")),
    }
    w.fixed(")")
}
