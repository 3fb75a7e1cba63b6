//! Where the extracts of `fixtures/layouts/` come from, and how they are made anew.

use super::common::{Interpreter, interpreter};
use super::{extract, extract_path};
use object::{Object as _, ObjectSection as _};
use pyinquest::cpython::layout::{DwarfFile, Extract, Layouts, Provider, Slot, from_dwarf};
use pyinquest::cpython::{BuildFlags, PyVersion};
use std::path::{Path, PathBuf};

/// A place to read offsets from.
#[derive(Clone, Copy)]
pub enum Source {
    /// DWARF of an interpreter of the manifest and of its extension modules.
    Interpreter(&'static str),
    /// DWARF of a library that `tests/tools/header-layouts` has compiled from CPython's headers.
    Headers(&'static str),
    /// Another extract, for structs that only `.c` files define: they are the same in that build.
    SameAs(&'static str),
    /// Another extract (GIL), for the same structs; what 3.13t shows to lie after its larger object header is moved.
    Moved(&'static str),
    /// Another extract (Linux), for the same structs but those that hold a `long`.
    WithoutLong(&'static str),
    /// 3.14.0 to 3.14.4 from 3.14.5+: see [`before_3_14_5`].
    Before3145(&'static str),
}

use Source::{Before3145, Headers, Interpreter as Run, Moved, SameAs, WithoutLong};

/// An extract: name, version, flags and sources; for each struct the first source that has it wins.
pub type Spec = (&'static str, &'static str, &'static str, &'static [Source]);

/// In an order in which `SameAs` and `Moved` find theirs made.
pub const EXTRACTS: &[Spec] = &[
    ("2.7", "2.7.18", "", &[Run("pyenv-2.7")]),
    ("3.6", "3.6.15", "", &[Run("pyenv-3.6")]),
    ("3.7", "3.7.16", "", &[Run("pyenv-3.7")]),
    ("3.8", "3.8.18", "", &[Run("pyenv-3.8")]),
    ("3.9", "3.9.18", "", &[Run("pyenv-3.9")]),
    ("3.10", "3.10.13", "", &[Run("pyenv-3.10")]),
    ("3.11", "3.11.7", "", &[Run("pyenv-3.11")]),
    ("3.12", "3.12.1", "", &[Run("pyenv-3.12")]),
    ("3.12d", "3.12.1", "d", &[Headers("3.12d"), SameAs("3.12")]),
    ("3.13.0", "3.13.0", "", &[Run("pyenv-3.13")]),
    ("3.13", "3.13.5", "", &[Run("debian-trixie-3.13")]),
    ("3.13d", "3.13.5", "d", &[Run("debian-trixie-3.13-dbg")]),
    ("3.13t", "3.13.5", "t", &[Run("source-3.13t")]),
    ("3.13td", "3.13.5", "td", &[Headers("3.13td"), SameAs("3.13t")]),
    ("3.13.18", "3.13.18", "", &[Run("debian-sid-3.13")]),
    ("3.13.18d", "3.13.18", "d", &[Run("debian-sid-3.13-dbg")]),
    ("3.14", "3.14.10", "", &[Run("debian-sid-3.14")]),
    ("3.14.0", "3.14.0", "", &[Before3145("3.14")]),
    ("3.14d", "3.14.10", "d", &[Run("debian-sid-3.14-dbg")]),
    ("3.14t", "3.14.10", "t", &[Headers("3.14t"), Moved("3.14")]),
    ("3.14td", "3.14.10", "td", &[Headers("3.14td"), SameAs("3.14t")]),
    ("3.14.9t", "3.14.9", "t", &[Headers("3.14.9t"), SameAs("3.14t")]),
    ("3.14.9td", "3.14.9", "td", &[Headers("3.14.9td"), SameAs("3.14t")]),
    ("3.15", "3.15.2", "", &[Run("debian-sid-3.15")]),
    ("3.15d", "3.15.2", "d", &[Run("debian-sid-3.15-dbg")]),
    ("3.15t", "3.15.2", "t", &[Headers("3.15t"), Moved("3.15")]),
    ("3.15td", "3.15.2", "td", &[Headers("3.15td"), SameAs("3.15t")]),
    ("3.15.1t", "3.15.1", "t", &[Headers("3.15.1t"), SameAs("3.15t")]),
    ("3.15.1td", "3.15.1", "td", &[Headers("3.15.1td"), SameAs("3.15t")]),
    ("3.8-windows", "3.8.18", "", &[Headers("3.8-windows"), WithoutLong("3.8")]),
    ("3.9-windows", "3.9.18", "", &[Headers("3.9-windows"), WithoutLong("3.9")]),
    ("3.10-windows", "3.10.13", "", &[Headers("3.10-windows"), WithoutLong("3.10")]),
    ("3.11-windows", "3.11.7", "", &[Headers("3.11-windows"), WithoutLong("3.11")]),
    ("3.12-windows", "3.12.1", "", &[Headers("3.12-windows"), WithoutLong("3.12")]),
    ("3.13-windows", "3.13.0", "", &[Headers("3.13-windows"), WithoutLong("3.13.0")]),
    ("3.14-windows", "3.14.10", "", &[Headers("3.14-windows"), WithoutLong("3.14")]),
    ("3.15-windows", "3.15.2", "", &[Headers("3.15-windows"), WithoutLong("3.15")]),
    ("3.13t-windows", "3.13.5", "t", &[Headers("3.13t-windows"), WithoutLong("3.13t")]),
    ("3.14t-windows", "3.14.10", "t", &[Headers("3.14t-windows"), WithoutLong("3.14t")]),
    ("3.15t-windows", "3.15.2", "t", &[Headers("3.15t-windows"), WithoutLong("3.15t")]),
];

/// Extension modules that define structs of their own.
const MODULES: &[&str] = &["_asyncio", "_collections", "_ctypes", "_datetime", "_decimal", "_functools", "array"];

/// Makes one extract from its sources, or says which source is missing.
pub fn make((_, version, flags, sources): &Spec) -> Result<Extract, String> {
    let mut layouts = Layouts::NONE;
    let mut origin = Vec::new();
    for source in *sources {
        let (more, text) = match source {
            Source::Interpreter(name) => {
                let interpreter = interpreter(name).ok_or_else(|| format!("no interpreter {name}"))?;
                (dwarf(&dwarf_files(interpreter))?, format!("DWARF of {name}"))
            }
            Source::Headers(name) => {
                let path = super::cache().join("headers").join(format!("{name}.so"));
                (dwarf(&[path])?, "headers".to_owned())
            }
            Source::SameAs(name) => (extract(name).layouts(Provider::Table), format!("the rest as in {name}")),
            Source::Before3145(name) => (before_3_14_5(name), format!("{name} without what 3.14.5 inserted")),
            Source::WithoutLong(name) => (without_long(name), format!("the rest as in {name}")),
            Source::Moved(name) => (moved(name), format!("the rest as in {name} behind the larger object header")),
        };
        merge(&mut layouts, &more);
        origin.push(text);
    }
    let version: PyVersion = version.parse().map_err(|e| format!("{e}"))?;
    let flags = BuildFlags { debug: flags.contains('d'), free_threaded: flags.contains('t') };
    Ok(Extract::new(version, flags, &origin.join(", "), &layouts))
}

/// Writes all extracts whose sources are available.
pub fn update_all() {
    for spec in EXTRACTS {
        match make(spec) {
            Ok(extract) => {
                let text = serde_json::to_string_pretty(&extract).unwrap() + "\n";
                std::fs::write(extract_path(spec.0), text).unwrap();
            }
            Err(why) => println!("{} left as it is: {why}", spec.0),
        }
    }
}

/// The files that hold an interpreter's DWARF: its own, then those of its extension modules.
pub fn dwarf_files(interpreter: &Interpreter) -> Vec<PathBuf> {
    let mut out = vec![interpreter.debug_file.clone().unwrap_or_else(|| interpreter.libpython.clone())];
    out.extend(extension_files(interpreter));
    out
}

/// Files with the DWARF of an interpreter's extension modules.
pub fn extension_files(interpreter: &Interpreter) -> Vec<PathBuf> {
    let exe = interpreter.sysroot.join(interpreter.exe.trim_start_matches('/'));
    let minor = interpreter.minor;
    let t = if interpreter.free_threaded { "t" } else { "" };
    let d = if interpreter.debug { "d" } else { "" };
    // Until 3.7 with pymalloc, which all builds had.
    let m = if minor <= 7 { "m" } else { "" };
    let Some(prefix) = exe.parent().and_then(Path::parent) else { return Vec::new() };
    let directory = prefix.join(format!("lib/python3.{minor}{t}/lib-dynload"));
    let files =
        MODULES.iter().map(|name| directory.join(format!("{name}.cpython-3{minor}{t}{d}{m}-x86_64-linux-gnu.so")));
    files.filter_map(|file| with_dwarf(file, &interpreter.sysroot)).collect()
}

/// The file itself when it has DWARF, else its separate debug file.
fn with_dwarf(file: PathBuf, sysroot: &Path) -> Option<PathBuf> {
    let data = std::fs::read(&file).ok()?;
    let object = object::File::parse(data.as_slice()).ok()?;
    if object.section_by_name(".debug_info").is_some_and(|s| s.size() > 0) {
        return Some(file);
    }
    let id: String = object.build_id().ok()??.iter().map(|b| format!("{b:02x}")).collect();
    let debug = sysroot.join(format!("usr/lib/debug/.build-id/{}/{}.debug", id.get(..2)?, id.get(2..)?));
    debug.exists().then_some(debug)
}

pub fn dwarf(paths: &[PathBuf]) -> Result<Layouts, String> {
    let read = |path: &PathBuf| std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let data = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let files: Vec<DwarfFile<'_>> = data.iter().map(|d| DwarfFile::from(d.as_slice())).collect();
    from_dwarf(&files).map_err(|e| e.to_string())
}

/// Takes over structs of which nothing is known yet.
fn merge(layouts: &mut Layouts, more: &Layouts) {
    let known = *layouts;
    for field in Layouts::FIELDS {
        let has = |l: &Layouts| Layouts::FIELDS.iter().any(|f| f.strukt == field.strukt && offset(l, f).is_some());
        if !has(&known)
            && let Some(slot) = more.slot(field.strukt, field.field)
        {
            *layouts.slot_mut(field.strukt, field.field).unwrap() = slot;
        }
    }
}

/// Structs of `.c` files with a `long` in them (Objects/rangeobject.c, Modules/_threadmodule.c), which has 4 bytes on
/// Windows. The other ones hold pointers, `Py_ssize_t`, `int` and `char`.
const HAVE_LONG: &[&str] = &["range_iter", "rlock"];

fn without_long(name: &str) -> Layouts {
    let mut out = extract(name).layouts(Provider::Table);
    for field in Layouts::FIELDS.iter().filter(|f| HAVE_LONG.contains(&f.strukt)) {
        *out.slot_mut(field.strukt, field.field).unwrap() = Slot::ABSENT;
    }
    out
}

/// Objects that came after 3.13, of a header and object pointers only (Objects/templateobject.c,
/// interpolationobject.c, lazyimportobject.c).
const NEW_OBJECTS: &[&str] = &["template", "interpolation", "lazy_import"];

/// The free-threaded form of structs of a GIL build, by what 3.13t shows: structs whose fields all moved by the 16
/// bytes that the object header grew, and structs of which no field moved. Others stay unknown.
fn moved(gil: &str) -> Layouts {
    let (before, after) = (extract("3.13").layouts(Provider::Table), extract("3.13t").layouts(Provider::Table));
    let layouts = extract(gil).layouts(Provider::Table);
    let mut out = Layouts::NONE;
    for field in Layouts::FIELDS {
        let distances: Vec<i64> = Layouts::FIELDS
            .iter()
            .filter(|f| f.strukt == field.strukt)
            .filter_map(|f| Some(offset(&after, f)? - offset(&before, f)?))
            .collect();
        let distances = if NEW_OBJECTS.contains(&field.strukt) { vec![16] } else { distances };
        let uniform = distances.first().filter(|d| distances.iter().all(|e| e == *d)).filter(|d| [0, 16].contains(*d));
        if let (Some(distance), Some(offset)) = (uniform, offset(&layouts, field)) {
            let moved = u32::try_from(offset + distance).unwrap();
            *out.slot_mut(field.strukt, field.field).unwrap() = Slot::new(moved, Provider::Table);
        }
    }
    out
}

/// 3.14.5 took back the incremental garbage collector. `struct _gc_runtime_state` (pycore_interp_structs.h) kept its
/// members' places by dummies and got three words at its end, so that all that follows in the interpreter state lies 24
/// bytes further. With 24 taken off again, `imports.modules`, `sysdict`, `builtins`, `_gil` and both sizes are as
/// measured on the headers of 3.14.4.
fn before_3_14_5(name: &str) -> Layouts {
    let mut out = extract(name).layouts(Provider::Table);
    let gc = out.interpreter.gc_collecting.offset().unwrap();
    for field in Layouts::FIELDS {
        let Some(old) = offset(&out, field) else { continue };
        let of_state = ["interpreter", "interpreter_objects"].contains(&field.strukt);
        let follows = of_state && u64::try_from(old).unwrap() > gc;
        if follows || (field.strukt, field.field) == ("runtime", "size") {
            let moved = u32::try_from(old - 24).unwrap();
            *out.slot_mut(field.strukt, field.field).unwrap() = Slot::new(moved, Provider::Table);
        }
    }
    // One of the three words.
    out.gc.generation0 = Slot::ABSENT;
    out
}

fn offset(layouts: &Layouts, field: &pyinquest::cpython::layout::FieldInfo) -> Option<i64> {
    layouts.slot(field.strukt, field.field)?.offset().map(|o| i64::try_from(o).unwrap())
}
