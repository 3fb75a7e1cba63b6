//! What `triage`, `triage reduce` and `run` have in common: the memory of crashes, outputs, exit code.

use super::{palette, row_line};
use crate::cli::args::{Color, parse_pair};
use crate::cli::error::io_text;
use crate::cli::{CliError, exit, output};
use crate::render::palette::Palette;
use crate::sys::files;
use crate::triage::baseline::Baseline;
use crate::triage::input::expand;
use crate::triage::model::{State, Triage};
use crate::triage::outputs;
use crate::triage::record::{Outcome, Row};
use crate::triage::signature::hash;
use crate::triage::store::{self, Sighting};
use clap::{Args, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What comes out.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Results")]
pub struct ResultArgs {
    /// What standard output shows
    #[arg(long, short, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: TriageFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Directory for all formats: triage.json, rows.ndjson, summary.txt, summary.md, triage.sarif, junit.xml, index.html
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Remember crashes here and say which are new: a file, or a postgresql:// URL
    #[arg(long, value_name = "FILE|URL", env = "PYINQUEST_TRIAGE_DB", hide_env_values = true)]
    pub db: Option<String>,
    /// Text file with known crashes: others are new
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Add what is new to the baseline
    #[arg(long, requires = "baseline")]
    pub update_baseline: bool,
    /// Label of this run in the database (branch=main, build=1234); may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub label: Vec<(String, String)>,
    /// Exit with code 7 when there are such crashes (new: also those that are back; without --db and --baseline all
    /// are new)
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    pub fail_on: FailOn,
    /// Exit with code 5 when a dump, or a row of `triage reduce`, could not be read
    #[arg(long)]
    pub strict: bool,
    /// Colour the summary
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
}

impl ResultArgs {
    /// The format asked for in either way.
    #[must_use]
    pub fn format(&self) -> TriageFormat {
        if self.json { TriageFormat::Json } else { self.format }
    }
}

/// Formats of standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TriageFormat {
    /// For people
    #[default]
    Text,
    /// Everything, for programs
    Json,
    /// One row for each dump
    Ndjson,
    /// For pull requests
    Markdown,
    /// For code scanning
    Sarif,
    /// For CI systems that show tests
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// A self-contained page
    Html,
}

/// Which crashes make the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Crashes that are new or back
    New,
    /// Any crash that is not ignored
    Any,
    /// None
    #[default]
    None,
}

/// Compares with what is known, writes the outputs, tells the exit code. Whatever fails on the way, the results are
/// written and shown, and what failed is in them. `named`: what the command line names, of which all must be readable.
pub(super) fn finish(mut triage: Triage, rows: &[Row], named: &[PathBuf], args: &ResultArgs) -> Result<u8, CliError> {
    triage.labels = args.label.iter().cloned().collect();
    let mut failures = remember(&mut triage, rows, args);
    triage.problems = failures.iter().map(|error| error.message.clone()).collect();
    if let Some(dir) = &args.out
        && let Err(error) = write_all(&triage, rows, dir)
    {
        triage.problems.push(error.message.clone());
        failures.push(error);
    }
    let shown = render(&triage, rows, args.format(), &palette(args.color))?;
    output::write_stdout(&shown)?;
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|p| !p.is_empty())
        && let Err(error) = append(Path::new(&path), outputs::markdown(&triage).as_bytes())
    {
        failures.push(error);
    }
    failures.iter().for_each(|error| output::write_stderr(&error.render()));
    let not_read = unreadable(rows, named);
    if let Some(first) = not_read.first() {
        let more = not_read.len().saturating_sub(1);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        output::write_stderr(&CliError::new(exit::INPUT, format!("not read: {first}{more}")).render());
    }
    Ok(match exit_code(&triage, args.fail_on) {
        _ if !failures.is_empty() => exit::NOT_KEPT,
        exit::OK if !not_read.is_empty() => exit::INPUT,
        exit::OK if args.strict && !triage.broken.is_empty() => exit::INCOMPLETE,
        code => code,
    })
}

/// What the command line names and what could not be read; dumps inside of directories and archives are rows like others,
/// unless it was a limit of ours that ended the reading: nothing is known of those.
pub(super) fn unreadable<'r>(rows: &'r [Row], named: &[PathBuf]) -> Vec<&'r str> {
    let names: BTreeSet<String> = expand(named).iter().map(|path| path.display().to_string()).collect();
    let ours = |row: &Row| matches!(row.outcome, Outcome::TimedOut | Outcome::Failed);
    let broken = rows.iter().filter(|row| ours(row) || row.outcome == Outcome::Unreadable && names.contains(&row.dump));
    broken.map(|row| row.dump.as_str()).collect()
}

fn exit_code(triage: &Triage, fail_on: FailOn) -> u8 {
    let counts = |state: Option<State>| match fail_on {
        FailOn::None => false,
        FailOn::Any => state != Some(State::Ignored),
        FailOn::New => !matches!(state, Some(State::Known | State::Ignored)),
    };
    let real = triage.groups.iter().filter(|g| g.class != "no-crash");
    match real.into_iter().any(|g| counts(g.state)) {
        true => exit::CRASHES,
        false => exit::OK,
    }
}

/// What could not be remembered; of a store that failed, the groups know nothing.
fn remember(triage: &mut Triage, rows: &[Row], args: &ResultArgs) -> Vec<CliError> {
    let before = triage.groups.clone();
    let stored = record(triage, rows, args);
    if stored.is_err() {
        triage.groups = before;
    }
    [stored, judge(triage, args)].into_iter().filter_map(Result::err).collect()
}

fn record(triage: &mut Triage, rows: &[Row], args: &ResultArgs) -> Result<(), CliError> {
    if let Some(place) = &args.db {
        let failed = |e: store::StoreError| CliError::new(exit::NOT_KEPT, e.to_string());
        let by_name: BTreeMap<&str, Vec<&Row>> = rows.iter().fold(BTreeMap::new(), |mut map, row| {
            map.entry(row.dump.as_str()).or_insert_with(Vec::new).push(row);
            map
        });
        let sightings: Vec<Vec<Sighting>> = triage
            .groups
            .iter()
            .map(|g| {
                let names: std::collections::BTreeSet<&str> = g.dumps.iter().map(String::as_str).collect();
                names.into_iter().filter_map(|n| by_name.get(n)).flatten().map(|row| sighting(row)).collect()
            })
            .collect();
        let labels = triage.labels.clone();
        let mut store = store::open(place).map_err(failed)?;
        store.record(&mut triage.groups, &sightings, &labels).map_err(failed)?;
    }
    Ok(())
}

fn judge(triage: &mut Triage, args: &ResultArgs) -> Result<(), CliError> {
    if let Some(path) = &args.baseline {
        let failed = |e: crate::triage::baseline::BaselineError| CliError::new(exit::NOT_KEPT, e.to_string());
        let mut baseline = Baseline::load(path).map_err(failed)?;
        baseline.judge(&mut triage.groups);
        if args.update_baseline {
            baseline.update(&triage.groups);
            baseline.save(path).map_err(failed)?;
        }
    }
    Ok(())
}

/// The same file read again is the same dump; another one of the same name is not.
fn sighting(row: &Row) -> Sighting {
    let exact = row.signature.as_ref().map(|s| s.exact.as_str());
    Sighting { fingerprint: hash(&format!("{:?}", (&row.dump, row.size, &row.seen, exact))), seen: row.seen.clone() }
}

fn render(triage: &Triage, rows: &[Row], format: TriageFormat, palette: &Palette) -> Result<Vec<u8>, CliError> {
    let json = |text: serde_json::Result<String>| {
        text.map(String::into_bytes).map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write JSON: {e}")))
    };
    Ok(match format {
        TriageFormat::Text => outputs::text(triage, palette).into_bytes(),
        TriageFormat::Json => json(outputs::json(triage))?,
        TriageFormat::Ndjson => {
            let lines: Result<Vec<Vec<u8>>, CliError> = rows.iter().map(row_line).collect();
            lines?.concat()
        }
        TriageFormat::Markdown => outputs::markdown(triage).into_bytes(),
        TriageFormat::Sarif => json(outputs::sarif(triage))?,
        TriageFormat::Junit => outputs::junit(triage).into_bytes(),
        TriageFormat::Github => outputs::github(triage).into_bytes(),
        TriageFormat::Html => outputs::html(triage).into_bytes(),
    })
}

const FILES: [(&str, TriageFormat); 7] = [
    ("triage.json", TriageFormat::Json),
    ("rows.ndjson", TriageFormat::Ndjson),
    ("summary.txt", TriageFormat::Text),
    ("summary.md", TriageFormat::Markdown),
    ("triage.sarif", TriageFormat::Sarif),
    ("junit.xml", TriageFormat::Junit),
    ("index.html", TriageFormat::Html),
];

/// All files or none: they are written beside their places first.
fn write_all(triage: &Triage, rows: &[Row], dir: &Path) -> Result<(), CliError> {
    let failed = |path: &Path, e: &std::io::Error| {
        CliError::new(exit::NOT_KEPT, format!("cannot write {}: {}", path.display(), io_text(e)))
    };
    std::fs::create_dir_all(dir).map_err(|e| failed(dir, &e))?;
    let mut written = Vec::new();
    for (name, format) in FILES {
        let bytes = render(triage, rows, format, &Palette::plain())?;
        let file = beside(dir, &bytes).map_err(|e| failed(&dir.join(name), &e))?;
        written.push((file, dir.join(name)));
    }
    for (file, path) in written {
        file.persist(&path).map_err(|e| failed(&path, &e.error))?;
    }
    Ok(())
}

/// A file in the directory that is removed unless it is kept, with the rights of a new file.
fn beside(dir: &Path, bytes: &[u8]) -> std::io::Result<NamedTempFile> {
    let mut file = files::as_any_new(tempfile::Builder::new().prefix(".pyinquest-")).tempfile_in(dir)?;
    file.write_all(bytes)?;
    Ok(file)
}

fn append(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let open = std::fs::OpenOptions::new().create(true).append(true).open(path);
    open.and_then(|mut file| file.write_all(bytes))
        .map_err(|e| CliError::new(exit::NOT_KEPT, format!("cannot write {}: {}", path.display(), io_text(&e))))
}
