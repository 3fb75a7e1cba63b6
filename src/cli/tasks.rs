//! `tasks`: suspended work of a process.

use super::args::{TasksArgs, TasksFormat};
use super::{CliError, exit, live, output, progress, report};
use crate::engine::TaskOptions;
use crate::model::tasks::Tasks;
use crate::render::tasks::{self as render, TasksText};

pub fn run(args: &TasksArgs) -> Result<u8, CliError> {
    live::repeat(&args.input, || once(args))
}

fn once(args: &TasksArgs) -> Result<u8, CliError> {
    let mut options = TaskOptions { all: args.all, ..TaskOptions::default() };
    options.options = report::value_options(&args.values);
    options.options.locals = args.locals;
    options.options.source_lines = args.format() != TasksFormat::Text;
    let tasks = {
        let _progress = progress::after_a_while("reading the tasks");
        report::look(&args.input, |inspection| inspection.tasks(&options))?
    };
    let Some(tasks) = tasks else {
        return Err(CliError::new(exit::NO_PYTHON, "no CPython was found in the process"));
    };
    let to = args.where_to();
    output::write(&to, shown(&tasks, args, &to)?.as_bytes())?;
    Ok(exit::OK)
}

fn shown(tasks: &Tasks, args: &TasksArgs, to: &super::args::OutputArgs) -> Result<String, CliError> {
    Ok(match args.format() {
        TasksFormat::Text => {
            let palette = output::palette(to);
            let options = TasksText {
                palette,
                flat: args.flat,
                limit: Some(args.limit),
                more: " (--limit)",
                verbose: to.verbose,
            };
            render::text(tasks, &options)
        }
        TasksFormat::Html => render::html(tasks, Some(args.limit)),
        TasksFormat::Json => {
            let json = serde_json::to_string_pretty(tasks);
            json.map_err(|e| CliError::new(exit::INTERNAL, e.to_string()))? + "\n"
        }
    })
}
