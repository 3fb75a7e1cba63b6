//! Names under which Python calls native functions, from the method tables of their modules.
//!
//! A `PyMethodDef` (Include/methodobject.h; part of the stable ABI) is a name, a function, flags and a docstring. Its
//! function is the first byte of a function, which unwind tables tell without any symbol; so a stripped extension
//! module still says that the code at hand is what Python knows as `scan`.

use crate::base::{Abi, Addr};
use crate::debuggee::{Memory as _, Module, Target};
use crate::native::ModuleTables;
use crate::native::demangle::without_fused_types;
use memchr::memmem;
use std::collections::BTreeMap;

/// Modules with more data than this are not searched.
const MAX_DATA: u64 = 16 << 20;
/// Longest name.
const MAX_NAME: usize = 128;
/// All `METH_*` flags that there are (Include/methodobject.h, Include/cpython/methodobject.h).
const FLAGS: u64 = 0x3ff;
/// Size of a page; unreadable ones are passed over.
const PAGE: usize = 4096;

/// A place in a function: where a thread is, or where a call returns to.
#[derive(Clone, Copy, Debug)]
pub struct CodePoint {
    /// Its address.
    pub ip: Addr,
    /// Whether it is where a call returns to, which may be past the end of the function.
    pub return_address: bool,
}

/// `ml_name` of the function that each of the places lies in. The data of a module is read once for all of them.
#[must_use]
pub fn method_names(target: &Target, tables: &ModuleTables<'_>, places: &[CodePoint]) -> Vec<Option<String>> {
    let functions: Vec<_> = places.iter().map(|place| function(target, tables, *place)).collect();
    let mut names: BTreeMap<usize, BTreeMap<Addr, Option<String>>> = BTreeMap::new();
    for (module, start) in functions.iter().flatten() {
        names.entry(*module).or_default().insert(*start, None);
    }
    for (index, names) in &mut names {
        if let Some(module) = target.modules.get(*index) {
            find_definitions(target, module, names);
        }
    }
    let name_of =
        |(module, start): (usize, Addr)| Some(without_fused_types(names.get(&module)?.get(&start)?.as_ref()?));
    functions.into_iter().map(|function| function.and_then(name_of)).collect()
}

/// The module (by its index) and the first byte of the function around a place.
fn function(target: &Target, tables: &ModuleTables<'_>, place: CodePoint) -> Option<(usize, Addr)> {
    let lookup = if place.return_address { place.ip.checked_sub(1)? } else { place.ip };
    let module = target.modules.iter().position(|m| m.contains(lookup))?;
    Some((module, tables.at(lookup)?.function(target, lookup)?.start))
}

/// Fills in what the method definitions in the module's data call the functions that begin at these addresses; of several
/// names of one function the first in alphabetical order.
fn find_definitions(target: &Target, module: &Module, names: &mut BTreeMap<Addr, Option<String>>) {
    let abi = &target.abi;
    let width = usize::from(abi.pointer_size());
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
            if target.memory.stored().read(at, &mut page).is_ok() {
                for (start, name) in names.iter_mut() {
                    for found in places_of(&page, &abi.bytes(start.0, width)) {
                        let defined = definition(target, module, abi, at.wrapping_add(found as u64));
                        *name = name.take().into_iter().chain(defined).min();
                    }
                }
            }
            let Some(next) = at.checked_add(PAGE as u64) else { break };
            at = next;
        }
    }
}

/// Offsets of all words of the page that are `word`. Hardly any page has it, and a search for its bytes is many times as
/// fast as a look at each word.
fn places_of<'a>(page: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    memmem::find_iter(page, word).filter(|at| at.is_multiple_of(word.len().max(1)))
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
