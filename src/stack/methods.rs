//! Names under which Python calls native functions, from the method tables of their modules.
//!
//! A `PyMethodDef` (Include/methodobject.h; part of the stable ABI) is a name, a function, flags and a docstring. Its
//! function is the first byte of a function, which unwind tables tell without any symbol; so a stripped extension
//! module still says that the code at hand is what Python knows as `scan`.

use crate::base::{Abi, Addr};
use crate::native::ModuleTables;
use crate::target::{Memory as _, Module, Target};
use memchr::memmem;

/// Modules with more data than this are not searched.
const MAX_DATA: u64 = 16 << 20;
/// Longest name.
const MAX_NAME: usize = 128;
/// All `METH_*` flags that there are (Include/methodobject.h, Include/cpython/methodobject.h).
const FLAGS: u64 = 0x3ff;
/// Size of a page; unreadable ones are passed over.
const PAGE: usize = 4096;

/// `ml_name` of the function that the code at `ip` lies in. `return_address`: `ip` is where a call returns to.
#[must_use]
pub fn method_name(target: &Target, tables: &ModuleTables<'_>, ip: Addr, return_address: bool) -> Option<String> {
    let lookup = if return_address { ip.checked_sub(1)? } else { ip };
    let module = target.modules.iter().find(|m| m.contains(lookup))?;
    let start = tables.at(lookup)?.function(target, lookup)?.start;
    let mut names: Vec<String> = definitions(target, module, start);
    names.sort();
    names.into_iter().next()
}

/// Names of all method definitions in the module's data whose function begins at `start`.
fn definitions(target: &Target, module: &Module, start: Addr) -> Vec<String> {
    let abi = &target.abi;
    let width = usize::from(abi.pointer_size());
    let needle = abi.bytes(start.0, width);
    let mut out = Vec::new();
    let mut left = MAX_DATA;
    for mapping in &module.mappings {
        let executable = target.memory.segment_at(mapping.start).is_some_and(|s| s.protection.execute);
        let size = mapping.end.0.saturating_sub(mapping.start.0);
        let Some(rest) = left.checked_sub(size).filter(|_| !executable) else { continue };
        left = rest;
        let mut page = vec![0_u8; PAGE];
        let mut at = mapping.start;
        while at < mapping.end {
            // A slim dump holds what was found, not all that was searched.
            let read = target.memory.read_unrecorded(at, &mut page);
            // Hardly any page has it, and this look is many times as fast as one at each word.
            if read.is_ok() && memmem::find(&page, &needle).is_some() {
                for (index, word) in page.chunks_exact(width).enumerate() {
                    if word == needle {
                        let place = at.wrapping_add(index.saturating_mul(width) as u64);
                        out.extend(definition(target, module, abi, place));
                    }
                }
            }
            let Some(next) = at.checked_add(PAGE as u64) else { break };
            at = next;
        }
    }
    out
}

/// The name of the definition whose `ml_meth` is at `place`.
fn definition(target: &Target, module: &Module, abi: &Abi, place: Addr) -> Option<String> {
    let width = usize::from(abi.pointer_size());
    let mut words = [0_u8; 24];
    let words = words.get_mut(..width.checked_mul(3)?)?;
    target.memory.read(place.checked_sub(width as u64)?, words).ok()?;
    let name = Addr(abi.uint(words.get(..width)?));
    // `ml_flags` is an int.
    let flags = abi.uint(words.get(width.checked_mul(2)?..)?.get(..4)?);
    if flags == 0 || flags & !FLAGS != 0 || !module.contains(name) {
        return None;
    }
    let mut text = Vec::new();
    let mut byte = [0_u8];
    let mut at = name;
    loop {
        target.memory.read(at, &mut byte).ok()?;
        let [c] = byte;
        match c {
            0 => break,
            c if c.is_ascii_alphanumeric() || c == b'_' => text.push(c),
            _ => return None,
        }
        if text.len() > MAX_NAME {
            return None;
        }
        at = at.checked_add(1)?;
    }
    String::from_utf8(text).ok().filter(|name| !name.is_empty())
}
