//! `report`, `bt`, `locals`, `info`: a dump becomes a report, of which each shows its part.

use super::args::{BtArgs, Format, InfoArgs, InputArgs, LocalsArgs, Native, ReportArgs, SelectArgs, ValueArgs, View};
use super::error::{input_name, io_text};
use super::show::{self, Show};
use super::{CliError, exit, progress};
use crate::analyze::{Options, analyze};
use crate::image::{Images, SearchOptions};
use crate::report::model::Report;
use crate::report::select::Threads;
use crate::report::source_lines;
use crate::stack::source::{SourceOptions, Sources};
use crate::target::{self, Target, TargetError};
use std::path::PathBuf;

pub fn report(args: &ReportArgs) -> Result<u8, CliError> {
    let mut options = options(args.locals, args.native, &args.values);
    options.machine = args.output.verbose || args.output.format == Format::Json;
    let report = read(&args.input, &options)?;
    let show = Show { view: View::Report, threads: show::threads(&args.select, Threads::All), native: args.native };
    show::show(report, &show, &args.select, &args.output)
}

pub fn bt(args: &BtArgs) -> Result<u8, CliError> {
    let report = read(&args.input, &options(args.locals, args.native, &args.values))?;
    let show = Show { view: View::Stacks, threads: show::threads(&args.select, Threads::Crashed), native: args.native };
    show::show(report, &show, &args.select, &args.output)
}

pub fn locals(args: &LocalsArgs) -> Result<u8, CliError> {
    let report = read(&args.input, &options(true, Native::None, &args.values))?;
    let threads = show::threads(&args.select, Threads::Crashed);
    let show = Show { view: View::Stacks, threads, native: Native::None };
    show::show(report, &show, &args.select, &args.output)
}

pub fn info(args: &InfoArgs) -> Result<u8, CliError> {
    let report = read(&args.input, &Options::default())?;
    let show = Show { view: View::Info, threads: Threads::All, native: Native::None };
    show::show(report, &show, &SelectArgs::default(), &args.output)
}

fn options(locals: bool, native: Native, values: &ValueArgs) -> Options {
    let native = native != Native::None;
    let mut options = Options { locals, native, refcounts: values.refcounts, ..Options::default() };
    let repr = &mut options.limits.repr;
    repr.depth = values.max_depth.unwrap_or(repr.depth);
    repr.items = values.max_items.unwrap_or(repr.items);
    repr.characters = values.max_string.unwrap_or(repr.characters);
    repr.reads = values.max_reads.unwrap_or(repr.reads);
    options
}

/// Opens, analyses, adds source lines.
fn read(input: &InputArgs, options: &Options) -> Result<Report, CliError> {
    let _progress = progress::after_a_while("reading the dump");
    let (target, images) = open(input)?;
    let mut report = analyze(&target, &images, options);
    if !input.no_files {
        source_lines::add(&mut report, &sources(input));
    }
    Ok(report)
}

/// A dump and the files of its modules.
pub fn open(input: &InputArgs) -> Result<(Target, Images), CliError> {
    let mut target = target::open(&input.core).map_err(|e| failed(input, &e))?;
    let images = Images::attach(&mut target, &search(input));
    Ok((target, images))
}

fn failed(input: &InputArgs, error: &TargetError) -> CliError {
    let message = match error {
        TargetError::Open { source, .. } => format!("{}: {}", input_name(&input.core), io_text(source)),
        other => other.to_string(),
    };
    CliError { message, help: error.help().map(str::to_owned), code: exit::INPUT }
}

fn search(input: &InputArgs) -> SearchOptions {
    SearchOptions {
        executable: input.executable.clone(),
        sysroots: input.sysroot.clone(),
        debug_dirs: input.debug_dir.clone(),
        path_maps: input.map.clone(),
        no_files: input.no_files,
    }
}

/// Relative names (3.8 keeps `python prog.py` as it was typed) are looked up beside the dump, where a core is put
/// unless the system says otherwise.
fn sources(input: &InputArgs) -> Sources {
    let beside = input.core.parent().map(|p| if p.as_os_str().is_empty() { PathBuf::from(".") } else { p.to_owned() });
    Sources::new(SourceOptions {
        sysroots: input.sysroot.clone(),
        path_maps: input.map.clone(),
        relative_to: beside.into_iter().collect(),
        dumped: std::fs::metadata(&input.core).ok().and_then(|m| m.modified().ok()),
    })
}
