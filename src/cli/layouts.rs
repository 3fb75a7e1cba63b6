//! `pyinquest layouts dump` and `layouts check`.

use super::args::{LayoutsArgs, LayoutsCheckArgs, LayoutsCommand, LayoutsDumpArgs, LayoutsFileArgs};
use super::error::io_text;
use super::{CliError, exit, output};
use crate::arch;
use crate::base::Abi;
use crate::cpython::layout::check::{self, CheckOutcome, Dump, Inputs, ToolError};
use crate::cpython::layout::{Layouts, Slot};
use std::fmt::Write as _;
use std::io::Read as _;

pub fn run(args: &LayoutsArgs) -> Result<u8, CliError> {
    match &args.command {
        LayoutsCommand::Dump(args) => dump(args),
        LayoutsCommand::Check(args) => check(args),
    }
}

fn inputs(args: &LayoutsFileArgs) -> Inputs {
    Inputs { file: args.file.clone(), debug_file: args.debug_file.clone(), extensions: args.extension.clone() }
}

fn failed(error: &ToolError) -> CliError {
    let message = match error {
        ToolError::Read { path, source } => format!("cannot read {}: {}", path.display(), io_text(source)),
        other => other.to_string(),
    };
    CliError { message, help: error.help().map(str::to_owned), code: exit::INPUT }
}

fn dump(args: &LayoutsDumpArgs) -> Result<u8, CliError> {
    let dump = check::dump(&inputs(&args.file)).map_err(|e| failed(&e))?;
    let text = if args.json {
        let extract = dump.extract("layouts dump");
        serde_json::to_string_pretty(&extract)
            .map(|t| format!("{t}\n"))
            .map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write JSON: {e}")))?
    } else {
        listing(&dump)
    };
    output::write_stdout(text.as_bytes())?;
    Ok(exit::OK)
}

/// `struct.field  offset`, a line each.
fn listing(dump: &Dump) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# CPython {}{}", dump.identity.version, dump.identity.flags.abiflags());
    for field in Layouts::FIELDS {
        if let Some(offset) = dump.layouts.slot(field.strukt, field.field).and_then(Slot::offset) {
            let _ = writeln!(out, "{:<44} {offset}", format!("{}.{}", field.strukt, field.field));
        }
    }
    out
}

fn check(args: &LayoutsCheckArgs) -> Result<u8, CliError> {
    let outcome = check::check(&inputs(&args.file), &abi(&args.file.file), args.table).map_err(|e| failed(&e))?;
    let text = if args.json { verdict_json(&outcome) } else { verdict(&outcome) };
    output::write_stdout(text.as_bytes())?;
    if outcome.differences.is_empty() {
        return Ok(exit::OK);
    }
    let n = outcome.differences.len();
    Err(CliError::new(
        exit::INCOMPLETE,
        format!("{n} field(s) of the built-in table differ from the debug information"),
    ))
}

/// The ABI that an ELF header names (`e_machine`, ELF-64 header offset 18); what is unreadable fails later, and better.
fn abi(path: &std::path::Path) -> Abi {
    let mut header = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut f| f.read_exact(&mut header));
    let machine = read.ok().and_then(|()| header.last_chunk::<2>().map(|bytes| u16::from_le_bytes(*bytes)));
    machine.and_then(arch::by_elf_machine).map_or(Abi::LINUX_X86_64, |cpu| Abi::linux(cpu.arch))
}

fn verdict(outcome: &CheckOutcome) -> String {
    let mut out = String::new();
    let identity = &outcome.identity;
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "CPython {}{}: {} fields of table {} compared, {} differ",
        identity.version,
        identity.flags.abiflags(),
        outcome.compared,
        outcome.table,
        outcome.differences.len()
    );
    let shown = |offset: Option<u64>| offset.map_or_else(|| "absent".to_owned(), |o| o.to_string());
    for d in &outcome.differences {
        let name = format!("{}.{}", d.strukt, d.field);
        let _ = writeln!(out, "{name:<44} table {}, debug information {}", shown(d.table), shown(d.dwarf));
    }
    if !outcome.not_in_dwarf.is_empty() {
        let _ = writeln!(out, "not in the debug information: {}", outcome.not_in_dwarf.join(", "));
    }
    out
}

fn verdict_json(outcome: &CheckOutcome) -> String {
    let differences = outcome.differences.iter().map(|d| {
        let field = format!("{}.{}", d.strukt, d.field);
        serde_json::json!({"field": field, "table": d.table, "debug_information": d.dwarf})
    });
    let told = serde_json::json!({
        "version": outcome.identity.version.to_string(),
        "abiflags": outcome.identity.flags.abiflags(),
        "table": outcome.table,
        "compared": outcome.compared,
        "differences": differences.collect::<Vec<_>>(),
        "not_in_debug_information": outcome.not_in_dwarf,
    });
    format!("{told:#}\n")
}
