//! `heap` and its commands: questions about all objects of a process.

use super::args::{
    HeapArgs, HeapCensusArgs, HeapCommand, HeapFilterArgs, HeapFormat, HeapInputArgs, HeapObjectsArgs, HeapRefsArgs,
    HeapSort, HeapStringsArgs, HeapTopArgs, HeapWhyArgs,
};
use super::{CliError, exit, live, output, progress, report};
use crate::base::Addr;
use crate::cpython::object::Value;
use crate::engine::heap::{HeapLookError, Missing};
use crate::engine::heap_answers::{self as answers, CensusOrder, Condition};
use crate::engine::heap_graph::{self as graph, Ways};
use crate::engine::{Inspection, Place};
use crate::heap::{Filter, HeapError, HeapState};
use crate::render::heap as render;
use serde::Serialize;

pub fn run(args: &HeapArgs) -> Result<u8, CliError> {
    match &args.command {
        None => live::repeat(&args.census.common.input, || census(&args.census)),
        Some(HeapCommand::Objects(args)) => live::repeat(&args.common.input, || objects(args)),
        Some(HeapCommand::Strings(args)) => live::repeat(&args.common.input, || strings(args)),
        Some(HeapCommand::Refs(args)) => live::repeat(&args.common.input, || refs(args)),
        Some(HeapCommand::Why(args)) => live::repeat(&args.common.input, || why(args)),
        Some(HeapCommand::Top(args)) => live::repeat(&args.common.input, || top(args)),
    }
}

fn census(args: &HeapCensusArgs) -> Result<u8, CliError> {
    let (filter, condition) = filter(&args.filter);
    let order = match args.sort {
        HeapSort::Bytes => CensusOrder::Bytes,
        HeapSort::Count => CensusOrder::Count,
    };
    let answer = ask(&args.common, |inspection, state, missing| {
        let shown = (order, args.common.limit);
        answers::census(state, missing, &filter, condition.as_ref(), shown, &inspection.target().diagnostics)
    })?;
    show(&args.common, &answer, render::census)
}

fn objects(args: &HeapObjectsArgs) -> Result<u8, CliError> {
    let (filter, condition) = filter(&args.filter);
    let limit = args.common.limit;
    let answer = ask(&args.common, |inspection, state, missing| {
        answers::objects(state, missing, &filter, condition.as_ref(), limit, &inspection.target().diagnostics)
    })?;
    show(&args.common, &answer, render::objects)
}

fn strings(args: &HeapStringsArgs) -> Result<u8, CliError> {
    let limit = args.common.limit;
    let answer = ask(&args.common, |inspection, state, missing| {
        answers::text_values(state, missing, args.duplicates, limit, &inspection.target().diagnostics)
    })?;
    show(&args.common, &answer, render::strings)
}

fn refs(args: &HeapRefsArgs) -> Result<u8, CliError> {
    let asked = (args.out, args.common.limit);
    let answer = ask(&args.common, |inspection, state, missing| {
        let addr = address(inspection, &args.object)?;
        graph::references(inspection, state, missing, addr, asked).ok_or_else(|| no_object(addr))
    })?;
    show(&args.common, &answer?, render::references)
}

fn why(args: &HeapWhyArgs) -> Result<u8, CliError> {
    let limit = args.common.limit;
    let answer = ask(&args.common, |inspection, state, missing| match &args.object {
        Some(object) => {
            let addr = address(inspection, object)?;
            graph::why(inspection, (state, &Ways::new(inspection, state)), missing, addr, limit)
                .ok_or_else(|| no_object(addr))
        }
        None => {
            let filter = Filter { type_name: args.type_name.clone(), ..Filter::default() };
            Ok(graph::why_type(inspection, (state, &Ways::new(inspection, state)), missing, &filter, limit))
        }
    })?;
    show(&args.common, &answer?, render::why)
}

fn top(args: &HeapTopArgs) -> Result<u8, CliError> {
    let limit = args.common.limit;
    let answer = ask(&args.common, |inspection, state, missing| {
        graph::top(inspection, (state, &Ways::new(inspection, state)), missing, limit)
    })?;
    show(&args.common, &answer, render::top)
}

/// The address that an argument names: itself, or that of the object that a path leads to.
fn address(inspection: &Inspection, text: &str) -> Result<Addr, CliError> {
    let path = if text.starts_with("0x") { format!("@{text}") } else { text.to_owned() };
    let found = inspection.evaluate(&path, Place::default());
    match found.map_err(|e| CliError::new(exit::USAGE, e.to_string()))?.value {
        Value::Object(addr) => Ok(addr),
        _ => Err(CliError::new(exit::USAGE, format!("{text} is not an object of the process"))),
    }
}

fn no_object(addr: Addr) -> CliError {
    CliError::new(exit::USAGE, format!("there is no object at {addr}"))
}

fn filter(args: &HeapFilterArgs) -> (Filter, Option<Condition>) {
    let filter = Filter { type_name: args.type_name.clone(), min: args.min, generation: args.generation };
    let condition = args.condition.clone().map(|(name, value)| Condition { name, value });
    (filter, condition)
}

/// Opens the dump, finds all objects and asks.
fn ask<T>(args: &HeapInputArgs, ask: impl Fn(&Inspection, &HeapState<'_>, Missing) -> T) -> Result<T, CliError> {
    let _progress = progress::after_a_while("reading the heap");
    let look = |inspection: &Inspection| inspection.heap(|state, missing| ask(inspection, state, missing));
    report::look(&args.input, look)?.map_err(|e| failed(&e))
}

fn failed(error: &HeapLookError) -> CliError {
    let code = match error {
        HeapLookError::NoPython => exit::NO_PYTHON,
        HeapLookError::Heap(HeapError::NoObjects) => exit::INCOMPLETE,
        HeapLookError::Heap(_) => exit::INPUT,
    };
    CliError::new(code, error.to_string())
}

fn show<T: Serialize>(args: &HeapInputArgs, answer: &T, text: impl Fn(&T) -> String) -> Result<u8, CliError> {
    let shown = match args.format {
        HeapFormat::Text => text(answer),
        HeapFormat::Json => {
            let json = serde_json::to_string_pretty(answer);
            json.map_err(|e| CliError::new(exit::INTERNAL, e.to_string()))? + "\n"
        }
    };
    output::write_stdout(shown.as_bytes())?;
    Ok(exit::OK)
}
