//! Extension modules as faulthandler lists them (`_Py_DumpExtensionModules`, Python/pylifecycle.c, 3.10+).

use super::Interpreter;
use crate::base::{Addr, Text};
use crate::cpython::DecodeError;
use crate::cpython::object::{DictEntries, Heap, Kind, dict_get_str, read_text, set_items};
use crate::field;
use std::collections::HashSet;

/// Most modules that are examined.
const MODULE_LIMIT: usize = 100_000;
/// Longest module name, in code points.
const NAME_LIMIT: u64 = 4096;

/// Names of loaded modules that have a method table and are not part of the standard library, in `sys.modules` order.
///
/// # Errors
/// [`DecodeError`] when `sys.modules` is unreadable.
pub fn extension_modules(heap: &Heap<'_>, interpreter: &Interpreter) -> Result<Vec<Text>, DecodeError> {
    let modules = interpreter.modules.clone()?;
    if modules.is_null() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    let mut standard = None;
    for entry in DictEntries::new(&heap.ctx, modules)?.take(MODULE_LIMIT) {
        let (key, module) = entry?;
        if !has_methods(heap, module).unwrap_or(false) {
            continue;
        }
        let Ok(name) = read_text(&heap.ctx, key, NAME_LIMIT).map(|part| part.text) else { continue };
        // Read late: most processes have few extension modules, and the set has hundreds of names.
        let standard = standard.get_or_insert_with(|| standard_names(heap, interpreter).unwrap_or_default());
        let judged = if heap.ctx.dialect.standard_submodules { package(&name) } else { name.clone() };
        if !standard.contains(&judged) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The part of a module's name before the first dot.
fn package(name: &Text) -> Text {
    Text::from_code_points(name.code_points().iter().copied().take_while(|p| *p != u32::from('.')))
}

fn has_methods(heap: &Heap<'_>, module: Addr) -> Result<bool, DecodeError> {
    let ctx = &heap.ctx;
    if heap.type_of(module)?.kind != Kind::Module {
        return Ok(false);
    }
    let def = if ctx.layouts.module.def.is_some() {
        ctx.ptr(field!(ctx, module.def), module)?
    } else if ctx.uint(field!(ctx, module.token_is_def), module, 1)? != 0 {
        ctx.ptr(field!(ctx, module.token), module)?
    } else {
        Addr::NULL
    };
    Ok(!def.is_null() && !ctx.ptr(field!(ctx, module_def.methods), def)?.is_null())
}

/// `sys.stdlib_module_names`; nothing is left out when it is missing.
fn standard_names(heap: &Heap<'_>, interpreter: &Interpreter) -> Result<HashSet<Text>, DecodeError> {
    let ctx = &heap.ctx;
    let Some(names) = dict_get_str(ctx, interpreter.sysdict.clone()?, "stdlib_module_names")? else {
        return Ok(HashSet::new());
    };
    let keys = set_items(ctx, names, MODULE_LIMIT as u64)?;
    Ok(keys.into_iter().filter_map(|key| Some(read_text(ctx, key, NAME_LIMIT).ok()?.text)).collect())
}
