//! Local variables under a frame.

use super::Out;
use crate::model::{Fidelity, Local, LocalKind, Refcount, Value};
use crate::render::palette::paint;
use crate::render::wording::{count, safe};

pub(super) fn write(out: &mut Out<'_>, indent: usize, locals: &[Local]) {
    let palette = out.palette();
    if locals.is_empty() {
        out.line(indent, &paint(palette.dim, "(no locals)"));
        return;
    }
    let mut hidden = 0usize;
    for local in locals {
        if !out.options.verbose && is_module_dunder(local) {
            hidden = hidden.saturating_add(1);
            continue;
        }
        let name = paint(palette.variable, &safe(&local.name));
        let kind = match local.kind {
            LocalKind::Free => paint(palette.dim, " (of an outer function)"),
            LocalKind::Argument => paint(palette.dim, " (argument)"),
            _ => String::new(),
        };
        let value = match (&local.value, &local.problem) {
            (Some(v), Some(problem)) => format!("= {} {}", value(out, v), paint(palette.warning, &note(problem))),
            (Some(v), None) => format!("= {}", value(out, v)),
            (None, Some(problem)) => paint(palette.warning, &note(problem)),
            (None, None) => paint(palette.dim, "is unbound"),
        };
        out.line(indent, &format!("{name}{kind} {value}"));
    }
    if hidden > 0 {
        out.line(indent, &paint(palette.dim, &format!("and {} like __name__", count(hidden, "name"))));
    }
}

fn note(problem: &str) -> String {
    format!("<{}>", safe(problem))
}

/// `__name__` and its like in a module's namespace: of no help, and many.
fn is_module_dunder(local: &Local) -> bool {
    let name = local.name.to_string();
    local.kind == LocalKind::Name && name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// A value with what has to be known about it.
fn value(out: &Out<'_>, value: &Value) -> String {
    let palette = out.palette();
    let mut text = safe(&value.repr);
    if value.fidelity == Fidelity::Damaged {
        text.push_str(&paint(palette.warning, " <damaged>"));
    }
    if let Some(count) = &value.refcount {
        text.push_str(&paint(palette.dim, &format!("  [{}]", refcount(count))));
    }
    text
}

/// A reference count in words.
fn refcount(refs: &Refcount) -> String {
    if refs.immortal {
        return "immortal".to_owned();
    }
    let at_least = if refs.deferred { "at least " } else { "" };
    let total = match refs.count {
        Some(1) => "1 reference".to_owned(),
        Some(n) => format!("{at_least}{n} references"),
        None => "reference count unknown".to_owned(),
    };
    match (refs.local, refs.shared) {
        (Some(local), Some(shared)) => format!("{total}: {local} of its thread, {shared} of others"),
        _ => total,
    }
}
