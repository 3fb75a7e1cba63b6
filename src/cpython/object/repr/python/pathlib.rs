//! `pathlib`.

use super::attribute;
use crate::base::{Addr, Text};
use crate::cpython::DecodeError;
use crate::cpython::object::kind::Kind;
use crate::cpython::object::repr::text::quote_str;
use crate::cpython::object::repr::writer::Writer;
use crate::cpython::object::sequence::{list_items, tuple_items};
use crate::cpython::object::types::TypeInfo;
use crate::cpython::object::unicode::read_text;

/// `PosixPath('/a/b')`: the text that `as_posix` gives.
pub(super) fn path(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    let windows = w.heap.mro(info).iter().filter_map(|t| w.heap.type_info(*t)).any(|t| t.name == "PureWindowsPath");
    let Some(points) = path_text(w, addr, windows) else { return Ok(false) };
    let backslash = u32::from('\\');
    let slashes: Vec<u32> =
        points.iter().map(|p| if windows && *p == backslash { u32::from('/') } else { *p }).collect();
    w.name(info.dunder_name());
    w.push("(");
    let text = quote_str(&slashes, w.ctx().dialect.repr.unicode);
    w.push(&text);
    w.push(")");
    Ok(true)
}

/// `str(path)`: cached in `_str`, else put together from its parts (until 3.11 `_drv`, `_root`, `_parts`; then `_drv`, `_root`,
/// `_tail_cached`, or `_raw_paths` that nobody has parsed yet).
fn path_text(w: &Writer<'_, '_>, addr: Addr, windows: bool) -> Option<Vec<u32>> {
    let text = |at: Addr| -> Option<Text> {
        (w.heap.type_of(at).ok()?.kind == Kind::Str)
            .then(|| read_text(w.ctx(), at, super::MAX_TEXT).ok())?
            .map(|p| p.text)
    };
    if let Some(known) = attribute(w, addr, "_str").and_then(text) {
        return Some(known.code_points().to_vec());
    }
    let list = |at: Addr| -> Option<Vec<Text>> {
        let items = match w.heap.type_of(at).ok()?.kind {
            Kind::List => list_items(w.ctx(), at).ok()?,
            Kind::Tuple => tuple_items(w.ctx(), at).ok()?,
            _ => return None,
        };
        items.take(1000).map(|item| text(item.ok()?)).collect()
    };
    let separator = u32::from(if windows { '\\' } else { '/' });
    let join =
        |parts: &[Text]| -> Vec<u32> { parts.iter().map(Text::code_points).collect::<Vec<_>>().join(&separator) };
    let drive = attribute(w, addr, "_drv").and_then(text);
    let root = attribute(w, addr, "_root").and_then(text);
    let mut out = Vec::new();
    if let (Some(drive), Some(root)) = (&drive, &root) {
        out.extend_from_slice(drive.code_points());
        out.extend_from_slice(root.code_points());
        let anchored = !out.is_empty();
        if let Some(parts) = attribute(w, addr, "_parts").and_then(list) {
            // The first part is the anchor itself.
            out.extend(join(parts.get(usize::from(anchored)..).unwrap_or_default()));
        } else {
            out.extend(join(&attribute(w, addr, "_tail_cached").and_then(list)?));
        }
    } else {
        let raw = attribute(w, addr, "_raw_paths")
            .and_then(list)
            .or_else(|| Some(vec![text(attribute(w, addr, "_raw_path")?)?]))?;
        if windows {
            return None;
        }
        out = parse_posix(&raw);
    }
    if out.is_empty() {
        out.push(u32::from('.'));
    }
    Some(out)
}

/// What `PurePosixPath` makes of the paths it was given: joined, without empty parts and `.`.
fn parse_posix(raw: &[Text]) -> Vec<u32> {
    let (slash, dot) = (u32::from('/'), u32::from('.'));
    let mut joined: Vec<u32> = Vec::new();
    for part in raw {
        let part = part.code_points();
        if part.first() == Some(&slash) {
            joined.clear();
        } else if !joined.is_empty() && joined.last() != Some(&slash) {
            joined.push(slash);
        }
        joined.extend_from_slice(part);
    }
    let slashes = joined.iter().take_while(|p| **p == slash).count();
    // Two leading slashes, and only two, are kept (POSIX).
    let root = match slashes {
        0 => 0,
        2 => 2,
        _ => 1,
    };
    let kept = joined.split(|p| *p == slash).filter(|part| !part.is_empty() && **part != [dot]);
    let mut out = vec![slash; root];
    out.extend(kept.collect::<Vec<_>>().join(&slash));
    out
}
