//! Running processes, on a host where this program cannot look at them: the same functions as of Linux, which say so.

use super::args::{HangArgs, InputArgs};
use super::{CliError, exit};
use crate::debuggee::{Limits, Target};
use crate::engine::Inspection;
use crate::model::Report;
use crate::model::hang::Hang;
use std::path::Path;

/// There are none.
#[derive(Clone, Copy, Debug)]
pub enum Channels {}

/// There are none.
#[derive(Clone, Copy, Debug)]
pub enum Open {}

/// There are none.
#[derive(Clone, Copy, Debug)]
pub enum UnixSockets {}

impl UnixSockets {
    pub fn open() -> Option<UnixSockets> {
        None
    }
}

fn not_here<T>() -> Result<T, CliError> {
    Err(CliError::new(exit::USAGE, "running processes can be looked at on Linux only").help("give a core or minidump"))
}

pub fn report(_: i32, _: &InputArgs, _: &Limits, _: impl Fn(&Inspection) -> Report) -> Result<Report, CliError> {
    not_here()
}

pub fn result<T>(_: i32, _: &InputArgs, _: &Limits, _: impl Fn(&Inspection) -> T) -> Result<T, CliError> {
    not_here()
}

pub fn target<T>(_: i32, _: &InputArgs, _: &Limits, _: impl Fn(Target, Option<&Path>) -> T) -> Result<T, CliError> {
    not_here()
}

pub fn held<T>(
    _: i32,
    _: &InputArgs,
    _: &Limits,
    _: impl FnOnce(Inspection) -> Result<T, CliError>,
) -> Result<T, CliError> {
    not_here()
}

pub fn processes(args: &HangArgs) -> Result<Vec<i32>, CliError> {
    if args.pid.is_empty() && args.regex.is_none() { Ok(Vec::new()) } else { not_here() }
}

/// Nobody asks: there are no processes.
pub fn channels(_: i32) -> Option<Channels> {
    None
}

pub fn open(_: usize, channels: Channels, _: &Report) -> Open {
    match channels {}
}

pub fn add_waits(_: &mut Hang, _: &[Open], _: Option<UnixSockets>) {}

pub fn repeat(input: &InputArgs, run: impl Fn() -> Result<u8, CliError>) -> Result<u8, CliError> {
    if input.watch.is_some() { not_here() } else { run() }
}
