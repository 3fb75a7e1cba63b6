//! `heap` and its commands: questions about all objects of a process.

use super::answer::{Place, give, heap_failed};
use super::args::{
    FileArgs, HeapArgs, HeapCommand, HeapDiffArgs, HeapFilterArgs, HeapFormat, HeapInputArgs, HeapReportArgs,
    HeapReportFormat, HeapSort, InputArgs, MemoryArgs, WhatArgs,
};
use super::error::{input_name, io_text};
use super::{CliError, exit, live, output, progress, report};
use crate::commands::{Args, words};
use crate::engine::heap_diff::{Snapshot, diff as compare};
use crate::engine::heap_graph::Ways;
use crate::engine::{Options, heap_report};
use crate::model::heap::HeapAnswer;
use crate::render::heap as render;
use std::path::Path;

/// What the command reads, and the file that it writes.
pub(super) enum Read<'a> {
    /// A dump or a process.
    One(&'a InputArgs, Option<&'a Path>),
    /// Several dumps with these files.
    Dumps(&'a FileArgs),
}

/// What the command reads.
pub(super) fn input(args: &HeapArgs) -> Read<'_> {
    let common = match &args.command {
        None => &args.census.common,
        Some(HeapCommand::Objects(args)) => &args.common,
        Some(HeapCommand::Strings(args)) => &args.common,
        Some(HeapCommand::Refs(args)) => &args.common,
        Some(HeapCommand::Why(args)) => &args.common,
        Some(HeapCommand::Top(args)) => &args.common,
        Some(HeapCommand::Audit(args)) => &args.common,
        Some(HeapCommand::Check(args)) => &args.common,
        Some(HeapCommand::Report(args)) => return Read::One(&args.input, args.output.as_deref()),
        Some(HeapCommand::Diff(args)) => return Read::Dumps(&args.files),
    };
    Read::One(&common.input, None)
}

pub fn run(args: &HeapArgs) -> Result<u8, CliError> {
    match &args.command {
        None => {
            let order = if args.census.sort == HeapSort::Count { "count" } else { "bytes" };
            let asked = filtered(&args.census.filter).option(words::SORT, Some(order));
            ask(&args.census.common, "heap", asked)
        }
        Some(HeapCommand::Objects(args)) => ask(&args.common, "objects", filtered(&args.filter)),
        Some(HeapCommand::Strings(args)) => {
            ask(&args.common, "strings", Args::default().flag("--duplicates", args.duplicates))
        }
        Some(HeapCommand::Refs(args)) => ask(&args.common, "refs", Args::of_path(&args.object).flag("--out", args.out)),
        Some(HeapCommand::Why(args)) => {
            let asked = Args::of_path(args.object.as_deref().unwrap_or_default());
            ask(&args.common, "why", asked.option(words::TYPE, args.type_name.as_deref()))
        }
        Some(HeapCommand::Top(args)) => ask(&args.common, "top", Args::default()),
        Some(HeapCommand::Audit(args)) => ask(&args.common, "audit", Args::default()),
        Some(HeapCommand::Check(args)) => ask(&args.common, "check", Args::default()),
        Some(HeapCommand::Report(args)) => live::repeat(&args.input, || whole(args)),
        Some(HeapCommand::Diff(args)) => diff(args),
    }
}

/// `what`: an address need not be one of an object.
pub fn what(args: &WhatArgs) -> Result<u8, CliError> {
    once(&args.input, args.format, "what", Args::of_path(&args.address))
}

/// `memory`.
pub fn memory(args: &MemoryArgs) -> Result<u8, CliError> {
    once(&args.input, args.format, "memory", Args::default())
}

fn filtered(args: &HeapFilterArgs) -> Args<'_> {
    Args::default()
        .option(words::TYPE, args.type_name.as_deref())
        .option(words::MIN, Some(args.min.to_string()))
        .option(words::GENERATION, args.generation.map(|generation| generation.to_string()))
        .option(words::WHERE, args.condition.as_ref().map(|(name, value)| format!("{name}={value}")))
}

fn ask(common: &HeapInputArgs, name: &str, args: Args<'_>) -> Result<u8, CliError> {
    let args = args.option(words::LIMIT, Some(common.limit.to_string()));
    once(&common.input, common.format, name, args)
}

fn once(input: &InputArgs, format: HeapFormat, name: &str, args: Args<'_>) -> Result<u8, CliError> {
    let args = args.with_json(format == HeapFormat::Json);
    live::repeat(input, || {
        let _progress = progress::after_a_while("reading the heap");
        give(input, Place::default(), &Options::default(), name, &args)
    })
}

fn whole(args: &HeapReportArgs) -> Result<u8, CliError> {
    let _progress = progress::after_a_while("reading the heap");
    let answer = report::look(&args.input, |inspection| {
        inspection.heap(|state, missing| {
            heap_report::report(inspection, state, &Ways::new(inspection, state), missing, args.limit)
        })
    })?;
    let answer = answer.map_err(|error| heap_failed(&error))?;
    let text = match args.format {
        HeapReportFormat::Text => render::render(&answer.into()),
        HeapReportFormat::Json => json(&answer.into())?,
        HeapReportFormat::Markdown => render::markdown::render(&answer),
        HeapReportFormat::Html => render::html::render(&answer),
    };
    match &args.output {
        Some(path) => std::fs::write(path, text)
            .map_err(|e| CliError::new(exit::USAGE, format!("cannot write {}: {}", path.display(), io_text(&e))))?,
        None => output::write_stdout(text.as_bytes())?,
    }
    Ok(exit::OK)
}

fn diff(args: &HeapDiffArgs) -> Result<u8, CliError> {
    let _progress = progress::after_a_while("reading the heaps");
    let mut snapshots: Vec<Snapshot> = Vec::new();
    for dump in &args.dumps {
        let input = InputArgs { core: dump.clone(), files: args.files.clone(), ..InputArgs::default() };
        let snapshot = report::look(&input, |inspection| Snapshot::read(inspection, &snapshots))?;
        snapshots.push(snapshot.map_err(|error| {
            let failed = heap_failed(&error);
            CliError { message: format!("{}: {}", input_name(dump), failed.message), ..failed }
        })?);
    }
    let answer = compare(&snapshots, args.limit).into();
    let text = match args.format {
        HeapFormat::Text => render::render(&answer),
        HeapFormat::Json => json(&answer)?,
    };
    output::write_stdout(text.as_bytes())?;
    Ok(exit::OK)
}

fn json(answer: &HeapAnswer) -> Result<String, CliError> {
    render::json::render(answer).map_err(|e| CliError::new(exit::INTERNAL, e.to_string()))
}
