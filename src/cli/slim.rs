//! `pyinquest slim`: a dump with just the memory that reports read.

use super::args::SlimArgs;
use super::error::{input_name, io_text};
use super::{CliError, exit, live, output, report};
use crate::base::Os;
use crate::debuggee::Target;
use crate::debuggee::live::{LiveOptions, attach};
use crate::engine::{record, record_without_text};
use crate::image::SearchOptions;
use crate::render::redact::redact_process;
use crate::slim::{SlimError, SlimOptions, SlimStats, write};
use std::io::{self, Write};
use std::path::Path;

/// Of zstd. Twice as much takes twenty times as long as all the rest, for an eighth of the size.
const LEVEL: i32 = 9;

/// Beginning of the names of files that are being written; our process id follows.
pub(super) const PART: &str = ".pyinquest-part-";

pub fn run(args: &SlimArgs) -> Result<u8, CliError> {
    let mut search = args.input.files.search();
    let (stats, name) = match args.input.pid {
        Some(pid) => {
            let options = LiveOptions { stop: !args.input.no_stop, ..LiveOptions::default() };
            let mut live = attach(pid, options).map_err(|e| live::refused(&e))?;
            search.sysroots.extend(live.sysroot.clone());
            let stats = slim(&mut live.target, &search, args)?;
            live.resume();
            (stats, format!("process {pid}"))
        }
        None => {
            let mut target = report::open_dump(&args.input)?;
            let name = target.path.as_deref().map(input_name).unwrap_or_default();
            (slim(&mut target, &search, args)?, name)
        }
    };
    let (stored, mapped) = (kilobytes(stats.stored_bytes), kilobytes(stats.mapped_bytes));
    output::write_stderr(&format!("{name}: {stored} of {mapped} kept\n"));
    Ok(exit::OK)
}

fn slim(target: &mut Target, search: &SearchOptions, args: &SlimArgs) -> Result<SlimStats, CliError> {
    match args.redact {
        true => {
            redact_process(&mut target.process);
            record_without_text(target, search);
        }
        false => record(target, search),
    }
    // What is not a Linux process has no core format.
    let minidump = args.minidump || target.abi.os != Os::Linux;
    store(target, SlimOptions { redact: args.redact, minidump }, &args.output).map_err(|e| match e {
        SlimError::Write(e) => {
            CliError::new(exit::USAGE, format!("cannot write {}: {}", args.output.display(), io_text(&e)))
        }
        other => CliError::new(exit::INPUT, other.to_string()),
    })
}

/// Writes the slim dump under a name of its own first: readers find all of it or nothing. Only we may read it, for
/// dumps hold secrets. A name that ends in `.zst` is compressed.
pub(super) fn store(target: &Target, options: SlimOptions, path: &Path) -> Result<SlimStats, SlimError> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = part_in(directory)?;
    let stats = if path.extension().is_some_and(|e| e == "zst") {
        let mut packed = zstd::stream::write::Encoder::new(&mut file, LEVEL)?;
        let stats = write(target, target.memory.recorded(), options, &mut packed)?;
        packed.finish()?;
        stats
    } else {
        let mut buffered = io::BufWriter::new(&mut file);
        let stats = write(target, target.memory.recorded(), options, &mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        stats
    };
    file.persist(path).map_err(|e| e.error)?;
    Ok(stats)
}

/// A file that will be another's whole content; its name tells whose it is, so that a later run can remove what a killed one
/// left. Only we may read it.
pub(super) fn part_in(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    let prefix = format!("{PART}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempfile_in(directory)
}

fn kilobytes(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
