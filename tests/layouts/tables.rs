//! Which constants the table files hold, and how they are printed from extracts.

use super::{extract, root};
use pyinquest::cpython::layout::{Base, Layouts, Provider, Slot, print_layouts};
use std::collections::BTreeMap;

/// One constant of a table file: name, extract it is printed from, base (another constant) and its documentation.
pub struct Table {
    name: &'static str,
    pub extract: &'static str,
    base: Option<(&'static str, &'static str)>,
    doc: &'static str,
}

const fn table(
    name: &'static str,
    extract: &'static str,
    base: Option<(&'static str, &'static str)>,
    doc: &'static str,
) -> Table {
    Table { name, extract, base, doc }
}

/// Table file, its module documentation, its constants.
pub type TableFile = (&'static str, &'static str, &'static [Table]);

pub const FILES: &[TableFile] = &[
    (
        "v2_07",
        "CPython 2.7. There is no `_PyRuntime`. Debug builds link all objects (`Py_TRACE_REFS`) and have another layout.",
        &[table("RELEASE", "2.7", Some(("v3_06::RELEASE", "3.6")), "")],
    ),
    (
        "v3_06",
        "CPython 3.6. There is no `_PyRuntime`. Debug builds link all objects (`Py_TRACE_REFS`) and have another layout.",
        &[table("RELEASE", "3.6", Some(("v3_07::RELEASE", "3.7")), "")],
    ),
    (
        "v3_07",
        "CPython 3.7. Debug builds link all objects (`Py_TRACE_REFS`) and have another layout.",
        &[table("RELEASE", "3.7", Some(("v3_08::RELEASE", "3.8")), "")],
    ),
    (
        "v3_08",
        "CPython 3.8. Debug builds have the same layout.",
        &[
            table("RELEASE", "3.8", None, ""),
            table("WINDOWS", "3.8-windows", Some(("RELEASE", "3.8")), "x86-64 Windows."),
        ],
    ),
    (
        "v3_09",
        "CPython 3.9. Debug builds have the same layout.",
        &[
            table("RELEASE", "3.9", Some(("v3_08::RELEASE", "3.8")), ""),
            table("WINDOWS", "3.9-windows", Some(("RELEASE", "3.9")), "x86-64 Windows."),
        ],
    ),
    (
        "v3_10",
        "CPython 3.10. Debug builds have the same layout.",
        &[
            table("RELEASE", "3.10", Some(("v3_09::RELEASE", "3.9")), ""),
            table("WINDOWS", "3.10-windows", Some(("RELEASE", "3.10")), "x86-64 Windows."),
        ],
    ),
    (
        "v3_11",
        "CPython 3.11. Debug builds have the same layout.",
        &[
            table("RELEASE", "3.11", Some(("v3_10::RELEASE", "3.10")), ""),
            table("WINDOWS", "3.11-windows", Some(("RELEASE", "3.11")), "x86-64 Windows."),
        ],
    ),
    (
        "v3_12",
        "CPython 3.12.",
        &[
            table("RELEASE", "3.12", Some(("v3_11::RELEASE", "3.11")), ""),
            table("DEBUG", "3.12d", Some(("RELEASE", "3.12")), "`--with-pydebug`."),
            table("WINDOWS", "3.12-windows", Some(("RELEASE", "3.12")), "x86-64 Windows."),
        ],
    ),
    (
        "v3_13",
        "CPython 3.13.",
        &[
            table("RELEASE", "3.13", Some(("v3_12::RELEASE", "3.12")), ""),
            table("RELEASE_0", "3.13.0", Some(("RELEASE", "3.13")), "As first released."),
            table("RELEASE_18", "3.13.18", Some(("RELEASE", "3.13")), "As later released."),
            table("DEBUG", "3.13d", Some(("RELEASE", "3.13")), "`--with-pydebug`."),
            table("DEBUG_18", "3.13.18d", Some(("DEBUG", "3.13d")), "`--with-pydebug`, as later released."),
            table("FREE_THREADED", "3.13t", Some(("RELEASE", "3.13")), "`--disable-gil`."),
            table("FREE_THREADED_DEBUG", "3.13td", Some(("FREE_THREADED", "3.13t")), "`--disable-gil --with-pydebug`."),
            table("WINDOWS", "3.13-windows", Some(("RELEASE_0", "3.13.0")), "x86-64 Windows."),
            table(
                "WINDOWS_FREE_THREADED",
                "3.13t-windows",
                Some(("FREE_THREADED", "3.13t")),
                "x86-64 Windows, `--disable-gil`.",
            ),
        ],
    ),
    (
        "v3_14",
        "CPython 3.14.",
        &[
            table("RELEASE", "3.14", Some(("v3_13::RELEASE", "3.13")), "From 3.14.5 on."),
            table("RELEASE_0", "3.14.0", Some(("RELEASE", "3.14")), "Until 3.14.4."),
            table("DEBUG", "3.14d", Some(("RELEASE", "3.14")), "`--with-pydebug`, from 3.14.5 on."),
            table(
                "FREE_THREADED",
                "3.14t",
                Some(("v3_13::FREE_THREADED", "3.13t")),
                "`--disable-gil`, from 3.14.10 on.",
            ),
            table("FREE_THREADED_9", "3.14.9t", Some(("FREE_THREADED", "3.14t")), "`--disable-gil`, until 3.14.9."),
            table(
                "FREE_THREADED_DEBUG",
                "3.14td",
                Some(("FREE_THREADED", "3.14t")),
                "`--disable-gil --with-pydebug`, from 3.14.10 on.",
            ),
            table(
                "FREE_THREADED_DEBUG_9",
                "3.14.9td",
                Some(("FREE_THREADED_DEBUG", "3.14td")),
                "`--disable-gil --with-pydebug`, until 3.14.9.",
            ),
            table("WINDOWS", "3.14-windows", Some(("RELEASE", "3.14")), "x86-64 Windows."),
            table(
                "WINDOWS_FREE_THREADED",
                "3.14t-windows",
                Some(("FREE_THREADED", "3.14t")),
                "x86-64 Windows, `--disable-gil`.",
            ),
        ],
    ),
    (
        "v3_15",
        "CPython 3.15.",
        &[
            table("RELEASE", "3.15", Some(("v3_14::RELEASE", "3.14")), ""),
            table("DEBUG", "3.15d", Some(("RELEASE", "3.15")), "`--with-pydebug`."),
            table(
                "FREE_THREADED",
                "3.15t",
                Some(("v3_14::FREE_THREADED", "3.14t")),
                "`--disable-gil`, from 3.15.2 on.",
            ),
            table("FREE_THREADED_1", "3.15.1t", Some(("FREE_THREADED", "3.15t")), "`--disable-gil`, until 3.15.1."),
            table(
                "FREE_THREADED_DEBUG",
                "3.15td",
                Some(("FREE_THREADED", "3.15t")),
                "`--disable-gil --with-pydebug`, from 3.15.2 on.",
            ),
            table(
                "FREE_THREADED_DEBUG_1",
                "3.15.1td",
                Some(("FREE_THREADED_DEBUG", "3.15td")),
                "`--disable-gil --with-pydebug`, until 3.15.1.",
            ),
            table("WINDOWS", "3.15-windows", Some(("RELEASE", "3.15")), "x86-64 Windows."),
            table(
                "WINDOWS_FREE_THREADED",
                "3.15t-windows",
                Some(("FREE_THREADED", "3.15t")),
                "x86-64 Windows, `--disable-gil`.",
            ),
        ],
    ),
];

/// Fields that tables must not state, because builds of one and the same version differ in them.
/// `PyGC_Head` has the alignment of `PyObject`, which Debian's 3.13 lowers to 4: `generations` is at 20 there and at
/// 24 elsewhere. `gc.generation0` points to it in both.
const UNSURE: &[(&str, &str, &str)] = &[("3.13", "gc", "generations")];

/// The layouts that a table is printed from.
pub fn layouts(name: &str) -> Layouts {
    let mut layouts = extract(name).layouts(Provider::Table);
    for (minor, strukt, field) in UNSURE {
        let gil = !name.ends_with('t') && !name.ends_with("td") && !name.ends_with("windows");
        if name.starts_with(minor) && gil {
            *layouts.slot_mut(strukt, field).unwrap() = Slot::ABSENT;
        }
    }
    layouts
}

/// Comments of the tables: lines `table struct[.field]: text` in `fixtures/layouts/notes.txt`.
pub fn notes() -> BTreeMap<(String, String), String> {
    let text = std::fs::read_to_string(root().join("fixtures/layouts/notes.txt")).unwrap();
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (place, text) = line.split_once(": ").unwrap_or_else(|| panic!("notes.txt: {line}"));
            let (table, field) = place.split_once(' ').unwrap_or_else(|| panic!("notes.txt: {line}"));
            ((table.to_owned(), field.to_owned()), text.to_owned())
        })
        .collect()
}

pub fn print_file((_, doc, tables): &TableFile, used: &mut Vec<(String, String)>) -> String {
    let notes = notes();
    let mut body = String::new();
    for table in *tables {
        let extract_ = extract(table.extract);
        let base_layouts = table.base.map(|(_, name)| layouts(name));
        let base = table.base.zip(base_layouts.as_ref()).map(|((path, _), layouts)| Base { path, layouts });
        let hits = std::cell::RefCell::new(Vec::new());
        let note = |strukt: &str, field: &str| {
            let place = if field.is_empty() { strukt.to_owned() } else { format!("{strukt}.{field}") };
            let key = (table.extract.to_owned(), place);
            let text = notes.get(&key).cloned();
            if text.is_some() {
                hits.borrow_mut().push(key);
            }
            text
        };
        let expression = print_layouts(&layouts(table.extract), base, &note);
        used.extend(hits.into_inner());
        let doc = if table.doc.is_empty() { "Release build.".to_owned() } else { table.doc.to_owned() };
        body += &format!(
            "\n/// {doc} Offsets of {} ({}).\npub const {}: Layouts = {expression};\n",
            extract_.version, extract_.origin, table.name
        );
    }
    let modules: Vec<&str> =
        FILES.iter().map(|(module, ..)| *module).filter(|module| body.contains(&format!("{module}::"))).collect();
    let mut head = format!(
        "//! {doc} Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.\n\n"
    );
    for module in modules {
        head += &format!("use super::{module};\n");
    }
    head += "use crate::cpython::layout::*;\n";
    head + &body
}

/// Without what rustfmt changes: white space, trailing commas, order of imports.
pub fn squeeze(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| !line.starts_with("use "));
    let start = lines.iter().position(|line| line.starts_with("///")).unwrap_or(0);
    let body = lines[start..].join("\n").replace(|c: char| c.is_whitespace(), "");
    body.replace(",}", "}").replace(",..", "..")
}
