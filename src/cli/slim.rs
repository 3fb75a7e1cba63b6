//! `pyinquest slim`: a dump with just the memory that reports read.

use super::args::SlimArgs;
use super::error::{input_name, io_text};
use super::{CliError, exit, live, output, progress, report};
use crate::base::{Diagnostic, DiagnosticCode, Os};
use crate::debuggee::Target;
use crate::debuggee::slim_record::SlimHeap;
use crate::engine::{record, record_heap, record_without_text};
use crate::image::SearchOptions;
use crate::render::redact::redact_process;
use crate::slim::{SlimError, SlimOptions, SlimStats, write};
use std::io::{self, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Of zstd. Twice as much takes twenty times as long as all the rest, for an eighth of the size.
const LEVEL: i32 = 9;

/// Beginning of the names of files that are being written; our process id follows.
pub(super) const PART: &str = ".pyinquest-part-";

pub fn run(args: &SlimArgs) -> Result<u8, CliError> {
    let search = args.input.files.search();
    let running = args.input.limits.start();
    let failed = |error: SlimError| failed(args, error);
    let (made, name) = match args.input.pid {
        Some(pid) => {
            let look = |mut target: Target, root: Option<&Path>| {
                let mut search = search.clone();
                search.sysroots.extend(root.map(Path::to_path_buf));
                slim(&mut target, &search, args)
            };
            (live::target(pid, &args.input, &running.limits, look)?, format!("process {pid}"))
        }
        None => {
            let mut target = report::open_dump(&args.input, &running.limits)?;
            let name = target.path.as_deref().map(input_name).unwrap_or_default();
            (slim(&mut target, &search, args), name)
        }
    };
    let (file, stats) = made?;
    file.persist(&args.output).map_err(|e| failed(SlimError::Write(e.error)))?;
    if running.limits.deadline.is_over() {
        let text = "the time was over before all was read: the dump has less than a report may ask for";
        let hint = "--timeout SECONDS allows more, --timeout 0 any";
        output::tell(Some(Diagnostic::warning(DiagnosticCode::TimeOver, text).hint(hint)));
    }
    if args.json {
        return tell_json(args, &name, &stats);
    }
    let (stored, mapped) = (kilobytes(stats.stored_bytes), kilobytes(stats.mapped_bytes));
    output::write_stderr(&format!("{name}: {stored} of {mapped} kept\n"));
    Ok(exit::OK)
}

fn tell_json(args: &SlimArgs, source: &str, stats: &SlimStats) -> Result<u8, CliError> {
    let told = serde_json::json!({
        "source": source,
        "output": args.output.display().to_string(),
        "stored_bytes": stats.stored_bytes,
        "mapped_bytes": stats.mapped_bytes,
    });
    output::write_stdout(format!("{told:#}\n").as_bytes())?;
    Ok(exit::OK)
}

fn failed(args: &SlimArgs, error: SlimError) -> CliError {
    match error {
        SlimError::Write(e) => {
            CliError::new(exit::USAGE, format!("cannot write {}: {}", args.output.display(), io_text(&e)))
        }
        other => CliError::new(exit::INPUT, other.to_string()),
    }
}

fn slim(target: &mut Target, search: &SearchOptions, args: &SlimArgs) -> Result<(NamedTempFile, SlimStats), CliError> {
    match args.redact {
        true => {
            redact_process(&mut target.process);
            record_without_text(target, search);
        }
        false => record(target, search),
    }
    let heap = match args.heap {
        true => {
            let _progress = progress::after_a_while("reading the heap");
            let missing = record_heap(target, search).map_err(|e| super::answer::heap_failed(&e))?;
            Some(SlimHeap { left_out: missing.left_out, cut: missing.cut, unwritten: missing.unwritten })
        }
        false => None,
    };
    for cut in target.diagnostics.to_vec().into_iter().filter(|d| d.code == DiagnosticCode::LimitReached) {
        output::tell(Some(cut));
    }
    // What is not a Linux process has no core format.
    let minidump = args.minidump || target.abi.os != Os::Linux;
    let options = SlimOptions { redact: args.redact, minidump, heap };
    stored(target, options, &args.output).map_err(|error| failed(args, error))
}

/// What is to become `path`, under a name of its own first: readers find all of it or nothing. Only we may read it, for
/// dumps hold secrets. A name that ends in `.zst` is compressed.
fn stored(target: &Target, options: SlimOptions, path: &Path) -> Result<(NamedTempFile, SlimStats), SlimError> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = part_in(directory)?;
    let stats = if path.extension().is_some_and(|e| e == "zst") {
        packed(target, options, &mut file)?
    } else {
        let mut buffered = io::BufWriter::new(&mut file);
        let stats = write(target, target.memory.recorded(), options, &mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        stats
    };
    Ok((file, stats))
}

/// Writes the slim dump, compressed.
pub(super) fn packed(target: &Target, options: SlimOptions, file: &mut impl Write) -> Result<SlimStats, SlimError> {
    let mut packed = zstd::stream::write::Encoder::new(file, LEVEL)?;
    let stats = write(target, target.memory.recorded(), options, &mut packed)?;
    packed.finish()?;
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
