//! Simple values of `ctypes`.

use super::collections::number;
use super::limits::Fidelity;
use super::text::{quote_bytes, quote_str};
use super::writer::Writer;
use crate::base::{Addr, Os};
use crate::cpython::DecodeError;
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_text;
use crate::debuggee::MemoryExt as _;

/// Size of `wchar_t` in bytes.
fn wchar_size(os: Os) -> usize {
    match os {
        Os::Windows => 2,
        Os::Linux | Os::MacOs => 4,
    }
}

/// `c_int(5)`: `CDataObject {head, b_ptr, ...}`; the class attribute `_type_` says what is there
/// (Modules/_ctypes/_ctypes.c `Simple_repr`).
pub(in crate::cpython::object) fn simple(
    w: &mut Writer<'_, '_>,
    addr: Addr,
    info: &TypeInfo,
) -> Result<(), DecodeError> {
    let direct = w.heap.type_info(info.base).is_some_and(|base| base.is_native);
    let code = w.heap.lookup(info, "_type_").and_then(|(_, v)| read_text(w.ctx(), v, 1).ok());
    let code = code.and_then(|part| part.text.code_points().first().copied()).and_then(char::from_u32);
    let (Some(code), true) = (code, direct) else {
        w.push("<");
        w.tp_name(info);
        w.put(format_args!(" object at {}>", w.pointer(addr)));
        return Ok(());
    };
    let at = w.head_word(addr, 0)?;
    let long = usize::from(w.ctx().abi.long_size());
    let pointer = usize::from(w.ctx().abi.pointer_size());
    let width = match code {
        'b' | 'B' | 'c' | '?' => 1,
        'h' | 'H' => 2,
        'i' | 'I' | 'f' => 4,
        'l' | 'L' => long,
        'q' | 'Q' | 'd' => 8,
        'P' | 'z' | 'Z' | 'O' => pointer,
        'u' => wchar_size(w.ctx().abi.os),
        _ => 0,
    };
    let raw = w.ctx().bytes_at("ctypes value", at, width as u64)?;
    let value = w.ctx().abi.uint(&raw);
    if code == 'O' {
        w.type_name(info);
        w.push("(");
        w.object(Addr(value));
        return w.fixed(")");
    }
    let text = match code {
        '?' => if value == 0 { "False" } else { "True" }.to_owned(),
        'c' => quote_bytes(&raw, false),
        'b' | 'B' | 'h' | 'H' | 'i' | 'I' | 'l' | 'L' | 'q' | 'Q' | 'f' | 'd' => number(w, code, &raw),
        'P' | 'z' | 'Z' if value == 0 => "None".to_owned(),
        'P' => value.to_string(),
        'u' => quote_str(&[value as u32], w.ctx().dialect.repr.unicode),
        'z' => {
            let limit = usize::try_from(w.limits.characters).unwrap_or(usize::MAX).min(1 << 20);
            let bytes = w.ctx().memory.read_cstr(Addr(value), limit);
            quote_bytes(&bytes.map_err(|source| DecodeError::Read { what: "char *", source })?, false)
        }
        _ => {
            w.lower(Fidelity::Structural);
            "...".to_owned()
        }
    };
    w.type_name(info);
    w.push("(");
    w.push(&text);
    w.fixed(")")
}
