//! Every value right: `repr()`, type, reference count and attributes of hundreds of values, in a core of every interpreter,
//! against what Python itself wrote down just before it died.

// Tests state facts; there a panic is the message.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod common;
mod harness;
#[path = "values/opened.rs"]
mod opened;
#[path = "values/packages.rs"]
mod packages;

use common::{Crash, Interpreter, interpreters, old_interpreters, one_per_column, skip};
use opened::with_heap;
use pyinquest::base::Addr;
use pyinquest::cpython::layout::RefcountForm;
use pyinquest::cpython::object::{Fidelity, Heap, ReprLimits, ReprStyle, attributes, inspect, refcount, repr};
use serde_json::Value;
use std::sync::atomic::Ordering;

/// Nothing is cut.
const UNLIMITED: ReprLimits = ReprLimits {
    depth: 200,
    items: 1 << 40,
    characters: 1 << 40,
    total: 1 << 30,
    reads: 1 << 40,
    attributes: false,
    style: ReprStyle::Python,
};

/// Values whose repr is code that is not run (user code, or library code that is not known): they come out as a structure.
/// `docs/values.md` names them.
const STRUCTURAL: &[&str] = &[
    "callables.function_56", // functools.partialmethod
    "callables.class_8",     // __repr__ of a metaclass
    "instances.other_8",
    "instances.other_9",
    "instances.other_10",
    "instances.other_12",
    "instances.other_15",
    "stdlib.enum_15",
    "stdlib.data_8",
];

/// Types whose instances many others hold: their count goes on changing until the process is dead.
const SHARED: &[&str] =
    &["NoneType", "bool", "ellipsis", "NotImplementedType", "type", "module", "builtin_function_or_method"];

fn addr(value: &Value) -> Addr {
    Addr(u64::from_str_radix(&value["id"].as_str().unwrap()[2..], 16).unwrap())
}

fn cut(text: &str) -> String {
    text.chars().take(300).collect()
}

/// The difference between what was read and the truth about one value.
fn difference(heap: &Heap<'_>, value: &Value) -> Option<String> {
    let (name, at) = (value["name"].as_str().unwrap(), addr(value));
    let found = repr(heap, at, &UNLIMITED);
    if found.type_name.as_deref() != value["type"].as_str() {
        return Some(format!("{name}: type {:?}, not {}", found.type_name, value["type"]));
    }
    let allowed = STRUCTURAL.contains(&name);
    match (value["repr"].as_str(), found.fidelity) {
        (Some(want), Fidelity::Exact) if want == found.text => {}
        (Some(_), Fidelity::Structural) if value["structure"] == *found.text => {}
        (Some(_), Fidelity::Structural) if allowed => {}
        (None, Fidelity::Structural) => {}
        (want, fidelity) => {
            return Some(format!(
                "{name} ({fidelity:?}):\n  got  {}\n  want {}",
                cut(&found.text),
                want.map(cut).unwrap_or_else(|| value["repr_error"].to_string())
            ));
        }
    }
    if let Some(want) = value["attributes"].as_object() {
        let (list, _) = attributes(heap, at, 10_000).unwrap();
        let got: Vec<(String, String)> =
            list.iter().map(|a| (a.name.to_string(), repr(heap, a.value, &UNLIMITED).text)).collect();
        let want: Vec<(String, String)> =
            want.iter().map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned())).collect();
        if got != want {
            return Some(format!("{name}: attributes {got:?}, not {want:?}"));
        }
    }
    let count = refcount(&heap.ctx, at).unwrap();
    // What the interpreter has in static storage: Python counts from a number that no object reaches.
    let told = value["refcount"].as_i64().unwrap_or_default();
    if heap.ctx.dialect.refcount == (RefcountForm::Static { start: 999_999_999 })
        && count.immortal != (told > 900_000_000)
    {
        return Some(format!("{name}: {count:?}, not {told}"));
    }
    let small = value["type"] == "int" && value["repr"].as_str().is_some_and(|r| r.len() < 5)
        // One-character strings of Latin-1 exist once.
        || value["type"] == "str" && value["repr"].as_str().is_some_and(|r| r.chars().count() == 3);
    let empty = value["repr"].as_str().is_some_and(|r| matches!(r, "''" | "()" | "b''"));
    let shared = SHARED.contains(&value["type"].as_str().unwrap()) || small || empty;
    if !shared && count.count.is_some() && !count.deferred && count.count != value["refcount"].as_i64() {
        return Some(format!("{name}: {count:?}, not {}", value["refcount"]));
    }
    None
}

/// Crashes the program for these families in every interpreter and hands each core to `check`.
fn everywhere(families: &[&str], check: &dyn Fn(&Interpreter, &common::CrashedProcess) -> Vec<String>) {
    everywhere_with(&|_| Some(Vec::new()), families, check);
}

/// The environment variables that a program gets in an interpreter; `None`: it does not run there.
type Environment<'a> = dyn Fn(&Interpreter) -> Option<Vec<(String, String)>> + 'a;

/// As [`everywhere`], with an environment for each interpreter; without one it is passed over.
fn everywhere_with(
    environment: &Environment<'_>,
    families: &[&str],
    check: &dyn Fn(&Interpreter, &common::CrashedProcess) -> Vec<String>,
) {
    let only = std::env::var("PYINQUEST_TEST_INTERPRETER").ok();
    let mut differences = Vec::new();
    let mut ran = 0;
    let all = interpreters().iter().chain(old_interpreters()).filter(|i| i.is_native());
    for interpreter in all.filter(|i| only.as_ref().is_none_or(|name| i.name.contains(name.as_str()))) {
        let Some(environment) = environment(interpreter) else { continue };
        let start = Crash::new(interpreter, "values_repr.py").args(families);
        let start = environment.iter().fold(start, |start, (key, value)| start.env(key, value));
        let dead = match start.run() {
            Ok(dead) => dead,
            Err(reason) => {
                common::part_skipped(format_args!("{}: {reason}", interpreter.name));
                continue;
            }
        };
        assert!(!dead.truth.is_null(), "{}: the program failed:\n{}", interpreter.name, dead.stderr);
        ran += 1;
        differences.extend(check(interpreter, &dead).into_iter().map(|d| format!("{}: {d}", interpreter.name)));
    }
    if ran == 0 {
        skip!("no interpreter ran values_repr.py");
    }
    let shown = differences.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{families:?}: {} differences\n{shown}", differences.len());
}

/// Compares all values of these families.
fn compare(families: &[&str]) {
    compare_with(&|_| Some(Vec::new()), families);
}

fn compare_with(environment: &Environment<'_>, families: &[&str]) {
    everywhere_with(environment, families, &|interpreter, dead| {
        with_heap(&dead.core, &harness::files_of(interpreter), |heap| {
            dead.truth["values"].as_array().unwrap().iter().filter_map(|value| difference(heap, value)).collect()
        })
        .expect("CPython is found")
    });
}

#[test]
fn built_in_types() {
    compare(&["builtins"]);
}

#[test]
fn collections_and_arrays() {
    compare(&["collections"]);
}

#[test]
fn callables_classes_and_modules() {
    compare(&["callables"]);
}

#[test]
fn instances_and_their_attributes() {
    compare(&["instances"]);
}

#[test]
fn objects_of_the_interpreter() {
    compare(&["runtime"]);
}

#[test]
fn futures_tasks_and_what_else_asyncio_has() {
    compare(&["asyncio"]);
}

/// NumPy 1.x and 2.x, pandas 2 and 3, and attrs, from PyPI.
#[test]
fn numpy_pandas_and_attrs() {
    compare_with(&packages::environment, &["numpy", "pandas", "attrs"]);
}

/// What is larger than we read is our limit: it is neither called exact nor corrupt.
#[test]
fn numpy_types_beyond_our_limits() {
    everywhere_with(&packages::environment, &["numpy_limits"], &|interpreter, dead| {
        with_heap(&dead.core, &harness::files_of(interpreter), |heap| {
            let check = |value: &Value| {
                let (name, found) = (value["name"].as_str().unwrap(), repr(heap, addr(value), &ReprLimits::default()));
                let right = match found.fidelity {
                    Fidelity::Exact => value["repr"] == *found.text,
                    Fidelity::Damaged => false,
                    _ => name != "numpy_limits.small" || found.text.ends_with("data=[0, 1, 2]>"),
                };
                (!right).then(|| format!("{name} ({:?}): {}", found.fidelity, cut(&found.text)))
            };
            dead.truth["values"].as_array().unwrap().iter().filter_map(check).collect()
        })
        .expect("CPython is found")
    });
}

/// PyTorch is too large for every run: give the directory it is installed in (`PYINQUEST_TORCH=.../site-packages`) and the
/// interpreter that it was installed for (`PYINQUEST_TEST_INTERPRETER`).
#[test]
fn tensors() {
    let Ok(directory) = std::env::var("PYINQUEST_TORCH") else {
        common::not_asked_for("PYINQUEST_TORCH names no directory with PyTorch");
        return;
    };
    compare_with(&|_| Some(vec![("PYTHONPATH".to_owned(), directory.clone())]), &["torch"]);
}

#[test]
fn the_standard_library() {
    compare(&["stdlib"]);
}

#[test]
fn types_as_values() {
    compare(&["typing"]);
}

#[test]
fn random_nested_data() {
    compare(&["random"]);
}

/// Without any file of the process at hand, what is called exact must still be exact.
#[test]
fn nothing_wrong_is_called_exact_without_files() {
    everywhere(
        &["builtins", "collections", "callables", "instances", "runtime", "stdlib", "typing", "asyncio"],
        &|_, dead| {
            let wrong = with_heap(&dead.core, &harness::alone(), |heap| {
                let values = dead.truth["values"].as_array().unwrap().iter();
                let wrong = values.filter_map(|value| {
                    let found = repr(heap, addr(value), &UNLIMITED);
                    let want = value["repr"].as_str()?;
                    (found.fidelity == Fidelity::Exact && found.text != want)
                        .then(|| format!("{}:\n  got  {}\n  want {}", value["name"], cut(&found.text), cut(want)))
                });
                wrong.collect::<Vec<_>>()
            });
            wrong.expect("CPython is found")
        },
    );
}

/// Broken objects are shown as what they are.
#[test]
fn damaged_objects() {
    everywhere(&["damaged"], &|interpreter, dead| {
        with_heap(&dead.core, &harness::files_of(interpreter), |heap| {
            let check = |value: &Value| {
                let found = repr(heap, addr(value), &ReprLimits::default());
                // Looking at it from all sides must not trip either.
                let _ = inspect(heap, addr(value), &ReprLimits::default());
                let want = value["want"].as_str().unwrap();
                let good =
                    found.fidelity == Fidelity::Damaged && found.text.contains(want) && found.text.len() < 20_000;
                (!good).then(|| format!("{}: {:?} {}, not {want:?}", value["name"], found.fidelity, cut(&found.text)))
            };
            dead.truth["values"].as_array().unwrap().iter().filter_map(check).collect()
        })
        .expect("CPython is found")
    });
}

/// What the limit of reads cuts off is cut and not damaged, what is shown of it is right, and nothing of it is remembered:
/// the same values are whole when more may be read.
#[test]
fn values_above_the_limit_of_reads_are_cut() {
    let once: Vec<&str> = one_per_column().iter().map(|i| i.name.as_str()).collect();
    let environment = |interpreter: &Interpreter| once.contains(&interpreter.name.as_str()).then(Vec::new);
    let families = ["limits", "instances", "stdlib", "asyncio"];
    everywhere_with(&environment, &families, &|interpreter, dead| {
        let values = dead.truth["values"].as_array().unwrap();
        let check = |heap: &Heap<'_>| {
            let mut wrong = Vec::new();
            let mut cut_ones = 0;
            for (value, reads) in values.iter().flat_map(|v| [3, 10, 30, 100, 300, 1000, 5000].map(|reads| (v, reads)))
            {
                let found = repr(heap, addr(value), &ReprLimits { reads, ..UNLIMITED });
                let start = found.text.strip_suffix("...(read limit)");
                let whole = repr(heap, addr(value), &UNLIMITED);
                cut_ones += usize::from(found.fidelity == Fidelity::Cut);
                let good = match (found.fidelity, start) {
                    (Fidelity::Cut, Some(start)) => whole.text.starts_with(start),
                    (fidelity, _) => fidelity == whole.fidelity && found.text == whole.text,
                };
                if !good {
                    let (found_text, whole_text) = (cut(&found.text), cut(&whole.text));
                    wrong.push(format!(
                        "{} of {reads} reads ({:?}):\n  got  {found_text}\n  of   {whole_text}",
                        value["name"], found.fidelity
                    ));
                }
            }
            if cut_ones < 100 {
                wrong.push(format!("only {cut_ones} values were cut"));
            }
            wrong.extend(values.iter().filter_map(|value| difference(heap, value)));
            wrong
        };
        with_heap(&dead.core, &harness::files_of(interpreter), check).expect("CPython is found")
    });
}

/// A container of many elements costs what is shown. (Of each version once: the program makes millions of objects.)
#[test]
fn large_containers_cost_what_is_shown() {
    let once: Vec<&str> = one_per_column().iter().map(|i| i.name.as_str()).collect();
    let environment = |interpreter: &Interpreter| once.contains(&interpreter.name.as_str()).then(Vec::new);
    everywhere_with(&environment, &["large"], &|interpreter, dead| {
        opened::with_counted_heap(interpreter, &dead.core, |heap, bytes| {
            let check = |value: &Value| {
                // Types are read once, whatever is shown first.
                let _ = repr(heap, addr(value), &ReprLimits { items: 3, ..ReprLimits::default() });
                bytes.store(0, Ordering::Relaxed);
                let found = repr(heap, addr(value), &ReprLimits { items: 20, ..ReprLimits::default() });
                let read = bytes.load(Ordering::Relaxed);
                let good = found.fidelity == Fidelity::Cut && read < 40_000;
                (!good).then(|| format!("{}: {read} bytes read for {}", value["name"], cut(&found.text)))
            };
            dead.truth["values"].as_array().unwrap().iter().filter_map(check).collect()
        })
        .expect("CPython is found")
    });
}
