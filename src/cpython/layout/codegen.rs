//! Prints [`Layouts`] as the Rust source of the table files, whole or as differences to another table.

use super::{FieldInfo, Layouts, Slot};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The table that a printed one is stated against.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// Its path in Rust ("v3_11::RELEASE").
    pub path: &'a str,
    /// Its content.
    pub layouts: &'a Layouts,
}

/// A comment for a field of a printed table, by struct and field.
pub type Note<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// `layouts` as a Rust expression of type `Layouts`, in rustfmt's form but for indentation and line breaks.
/// With a base only what differs from it is stated.
#[must_use]
pub fn print_layouts(layouts: &Layouts, base: Option<Base<'_>>, note: Note<'_>) -> String {
    let none = Base { path: "Layouts::NONE", layouts: &Layouts::NONE };
    let base = base.unwrap_or(none);
    let changed: Vec<&FieldInfo> =
        Layouts::FIELDS.iter().filter(|f| offset(layouts, f) != offset(base.layouts, f)).collect();
    if changed.is_empty() {
        return base.path.to_owned();
    }
    let mut out = String::from("Layouts {\n");
    let mut seen = BTreeSet::new();
    for strukt in changed.iter().filter(|f| seen.insert(f.strukt)) {
        print_struct(&mut out, layouts, &base, strukt, &changed, note);
    }
    // Always with a base, so that tables still compile when a field is added.
    let _ = write!(out, "    ..{}\n}}", base.path);
    out
}

fn print_struct(
    out: &mut String,
    layouts: &Layouts,
    base: &Base<'_>,
    strukt: &FieldInfo,
    changed: &[&FieldInfo],
    note: Note<'_>,
) {
    // Writing to a String cannot fail.
    let name = strukt.strukt;
    let fields = || Layouts::FIELDS.iter().filter(|f| f.strukt == name);
    if fields().all(|f| offset(layouts, f).is_none()) {
        note_line(out, note(name, ""));
        let _ = writeln!(out, "    {name}: {}::NONE,", strukt.rust_type);
        return;
    }
    let fresh = fields().all(|f| offset(base.layouts, f).is_none());
    note_line(out, note(name, ""));
    let _ = writeln!(out, "    {name}: {} {{", strukt.rust_type);
    for field in changed.iter().filter(|f| f.strukt == name) {
        if let Some(text) = note(name, field.field) {
            let _ = writeln!(out, "        // {text}");
        }
        let _ = match offset(layouts, field) {
            Some(value) => writeln!(out, "        {}: at({value}),", field.field),
            None => writeln!(out, "        {}: Slot::ABSENT,", field.field),
        };
    }
    let _ = match fresh {
        true => writeln!(out, "        ..{}::NONE", strukt.rust_type),
        false => writeln!(out, "        ..{}.{name}", base.path),
    };
    out.push_str("    },\n");
}

fn note_line(out: &mut String, text: Option<String>) {
    if let Some(text) = text {
        let _ = writeln!(out, "    // {text}");
    }
}

fn offset(layouts: &Layouts, field: &FieldInfo) -> Option<u64> {
    layouts.slot(field.strukt, field.field).and_then(Slot::offset)
}
