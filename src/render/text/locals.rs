//! Local variables under a frame.

use super::Out;
use crate::model::{Fidelity, Local, LocalKind, Refcount, Value};
use crate::render::palette::paint;
use crate::render::shorten::{Shown, shorten};
use crate::render::wording::{count, safe};
use unicode_width::UnicodeWidthStr as _;

pub(super) fn write<'a>(out: &mut Out<'_>, indent: usize, frame: usize, locals: &'a [Local], shown: &mut Shown<'a>) {
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
        let name = safe(&local.name);
        let kind = match local.kind {
            LocalKind::Free => " (of an outer function)",
            LocalKind::Argument => " (argument)",
            _ => "",
        };
        // Columns before the value.
        let start = indent.saturating_add(name.width()).saturating_add(kind.len()).saturating_add(3);
        let (name, kind) =
            (paint(palette.variable, &name), if kind.is_empty() { String::new() } else { paint(palette.dim, kind) });
        let value_once = local.value.as_ref().filter(|_| !out.options.verbose);
        let before = value_once.and_then(|value| shown.before(frame, &local.name.to_string(), value));
        if let Some(before) = before {
            out.line(indent, &format!("{name}{kind} = {}", paint(palette.dim, &format!("({before})"))));
            continue;
        }
        let value = match (&local.value, &local.problem) {
            (Some(v), Some(problem)) => {
                format!("= {} {}", value(out, v, start), paint(palette.warning, &note(problem)))
            }
            (Some(v), None) => format!("= {}", value(out, v, start)),
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
fn value(out: &mut Out<'_>, value: &Value, start: usize) -> String {
    let whole = safe(&value.repr);
    let mut text = match out.options.width {
        Some(width) => shorten(&whole, width.saturating_sub(start), value.fidelity == Fidelity::Cut),
        None => whole.clone(),
    };
    out.shortened |= text.len() < whole.len();
    let palette = out.palette();
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
