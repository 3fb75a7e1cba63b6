//! `print` and `object`: one object of a process.

use super::args::{ObjectArgs, PrintArgs, SelectArgs};
use super::{CliError, exit, live, output, report};
use crate::base::{Addr, escape_terminal};
use crate::cpython::object::Details;
use crate::engine::{LookupError, Place};
use std::fmt::Write as _;

/// `pyinquest print CORE EXPR`.
pub fn print(args: &PrintArgs) -> Result<u8, CliError> {
    live::repeat(&args.input, || print_once(args))
}

fn print_once(args: &PrintArgs) -> Result<u8, CliError> {
    let options = report::value_options(&args.values);
    let place = place(&args.select)?;
    let path = &args.expression;
    let text = if args.json {
        let found = report::look(&args.input, |i| i.evaluate(path, place).map(|found| found.contents(&options)));
        let tree = found?.map_err(|e| failed(&e))?;
        serde_json::to_string_pretty(&tree).map_err(|e| CliError::new(exit::INTERNAL, e.to_string()))?
    } else {
        let found = report::look(&args.input, |i| i.evaluate(path, place).map(|found| found.value(&options)));
        escape_terminal(&found?.map_err(|e| failed(&e))?.repr)
    };
    output::write_stdout(format!("{text}\n").as_bytes())?;
    Ok(exit::OK)
}

/// `pyinquest object CORE 0xADDR`.
pub fn object(args: &ObjectArgs) -> Result<u8, CliError> {
    live::repeat(&args.input, || object_once(args))
}

fn object_once(args: &ObjectArgs) -> Result<u8, CliError> {
    let options = report::value_options(&args.values);
    let path = if args.object.starts_with("0x") { format!("@{}", args.object) } else { args.object.clone() };
    let place = place(&args.select)?;
    let found = report::look(&args.input, |i| i.evaluate(&path, place).map(|found| found.details(&options)));
    let details = found?.map_err(|e| failed(&e))?;
    output::write_stdout(describe(&details).as_bytes())?;
    Ok(exit::OK)
}

fn failed(error: &LookupError) -> CliError {
    let code = if matches!(error, LookupError::NoPython) { exit::NO_PYTHON } else { exit::USAGE };
    CliError::new(code, error.to_string())
}

fn place(select: &SelectArgs) -> Result<Place, CliError> {
    let thread = match select.thread.as_deref() {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| CliError::new(exit::USAGE, format!("{text} is not a thread id")))?),
    };
    Ok(Place { thread, frame: select.frame.unwrap_or(0) })
}

fn describe(details: &Details) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:<12}{}", escape_terminal(&text));
    };
    let none = "none: Python makes the object when asked".to_owned();
    line("address", details.addr.map_or(none, |addr| addr.to_string()));
    let of_type = |addr: Option<Addr>| addr.map(|a| format!(" at {a}")).unwrap_or_default();
    line("type", details.type_name.clone().unwrap_or_else(|| "?".to_owned()) + &of_type(details.type_addr));
    if details.addr.is_some() {
        line("bases", details.mro.iter().skip(1).cloned().collect::<Vec<_>>().join(", "));
    }
    line("repr", details.repr.text.clone());
    if let Some(size) = details.size {
        line("size", format!("{size} bytes"));
    }
    match &details.refcount {
        None => {}
        Some(Ok(count)) if count.immortal => line("references", format!("immortal (raw {:#x})", count.raw)),
        Some(Ok(count)) => {
            let parts = count.local.zip(count.shared).map(|(l, s)| format!(" (own thread {l}, others {s})"));
            let deferred = if count.deferred { ", deferred: at least" } else { "" };
            let number = count.count.map_or_else(|| "?".to_owned(), |n| n.to_string());
            line("references", format!("{number}{}{deferred}", parts.unwrap_or_default()));
        }
        Some(Err(e)) => line("references", format!("unreadable: {e}")),
    }
    if let Some(gc) = &details.gc {
        let states = [(gc.tracked, "tracked"), (gc.finalized, "finalized"), (gc.collecting, "being collected")];
        let words: Vec<&str> = states.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
        line("gc", if words.is_empty() { "not tracked".to_owned() } else { words.join(", ") });
    }
    if let Some(length) = details.length {
        line("length", length.to_string());
    }
    for (name, text) in &details.facts {
        line(name, text.clone());
    }
    for field in &details.attributes {
        line("attribute", format!(".{} = {}  ({}, at {})", field.name, field.value.text, field.source, field.addr));
    }
    if details.more_attributes {
        line("attribute", "...".to_owned());
    }
    for item in &details.items {
        let key = item.key.as_ref().map(|(_, repr)| format!("{}: ", repr.text)).unwrap_or_default();
        let at = item.addr.map(|addr| format!("  (at {addr})")).unwrap_or_default();
        line("item", format!("{key}{}{at}", item.value.text));
    }
    for problem in &details.problems {
        line("problem", problem.clone());
    }
    out
}
