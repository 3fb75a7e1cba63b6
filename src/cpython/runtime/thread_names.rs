//! Thread names as the `threading` module knows them.

use super::Interpreter;
use crate::base::Text;
use crate::cpython::DecodeError;
use crate::cpython::object::{DictEntries, Heap, Int, dict_get_str, find_attribute, read_text};
use crate::field;
use std::collections::HashMap;

/// Most threads whose names are read.
const THREAD_LIMIT: usize = 100_000;
/// Longest name, in code points.
const NAME_LIMIT: u64 = 1024;

/// Names by `threading.get_ident()`, from `threading._active`; empty when `threading` was never imported.
///
/// # Errors
/// [`DecodeError`] when the dictionaries on the way are unreadable.
pub fn thread_names(heap: &Heap<'_>, interpreter: &Interpreter) -> Result<HashMap<u64, Text>, DecodeError> {
    let mut names = HashMap::new();
    let ctx = &heap.ctx;
    let modules = interpreter.modules.clone()?;
    if modules.is_null() {
        return Ok(names);
    }
    let Some(threading) = dict_get_str(ctx, modules, "threading")? else { return Ok(names) };
    let globals = ctx.ptr(field!(ctx, module.dict), threading)?;
    let Some(active) = dict_get_str(ctx, globals, "_active")? else { return Ok(names) };
    for entry in DictEntries::new(ctx, active)?.take(THREAD_LIMIT) {
        let (ident, thread) = entry?;
        let name = || {
            let ident = Int::read(ctx, ident).ok()?.to_u64()?;
            // `__name` of the class in Python 2.
            let attribute = if ctx.dialect.is_two() { "_Thread__name" } else { "_name" };
            let name = find_attribute(heap, thread, attribute).ok()??;
            Some((ident, read_text(ctx, name, NAME_LIMIT).ok()?.text))
        };
        names.extend(name());
    }
    Ok(names)
}
