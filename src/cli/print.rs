//! `print` and `object`: one object of a process.

use super::args::{ObjectArgs, PrintArgs, SelectArgs};
use super::{CliError, answer, live, report};
use crate::commands::{Args, words};

/// `pyinquest print CORE EXPR`.
pub fn print(args: &PrintArgs) -> Result<u8, CliError> {
    live::repeat(&args.input, || {
        let asked = Args::of_path(&args.expression).with_json(args.json);
        let place = place(&args.select)?;
        answer::give(&args.input, place, &report::value_options(&args.values), "print", &asked)
    })
}

/// `pyinquest object CORE 0xADDR`.
pub fn object(args: &ObjectArgs) -> Result<u8, CliError> {
    live::repeat(&args.input, || {
        let asked = Args::of_path(&args.object).flag(words::WORDS, args.words).with_json(args.json);
        let place = place(&args.select)?;
        answer::give(&args.input, place, &report::value_options(&args.values), "object", &asked)
    })
}

fn place(select: &SelectArgs) -> Result<answer::Place, CliError> {
    let thread = match select.thread.as_deref() {
        None => None,
        Some(text) => {
            let wrong = || CliError::new(super::exit::USAGE, format!("{text} is not a thread id"));
            Some(text.parse().map_err(|_| wrong())?)
        }
    };
    Ok(answer::Place { thread, frame: select.frame.unwrap_or(0) })
}
