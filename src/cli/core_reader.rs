//! The part of `pyinquest collect` that reads the dump: in a process of its own where that has fewer rights than the one that keeps
//! the crashes. It writes to files that are open, and asks for all else.

use super::args::CollectArgs;
use super::{CliError, exit, sandbox, slim};
use crate::debuggee::Target;
use crate::engine::{Inspection, Options, Source, record, record_without_text, without_text};
use crate::image::SearchOptions;
use crate::model::Report;
use crate::render::redact::{self, Privacy};
use crate::render::text::TextOptions;
use crate::render::{json, text};
use crate::slim::{SlimError, SlimOptions};
use crate::sys::child;
use crate::sys::sandbox::Needs;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Seek as _, Write as _, pipe};
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

/// What the reader of a dump wishes of the one who keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub enum Wish {
    /// Room for the crash of this process.
    Room { name: String, pid: i64 },
    /// The disk is full: the oldest crash is to go.
    Space,
}

/// What the reader says, a line each.
#[derive(Serialize, Deserialize)]
enum Said {
    Wish(Wish),
    Done(u8),
    Failed { message: String, help: Option<String>, code: u8 },
}

/// Longest line of the reader.
const LINE: u64 = 1 << 16;

/// A reader in a process of its own.
pub struct Child {
    wishes: BufReader<PipeReader>,
    answers: PipeWriter,
}

/// Starts one as another user; it writes to `files`.
///
/// # Errors
/// The system's.
pub fn start(
    args: &CollectArgs,
    root: Option<&File>,
    mut files: [&mut File; 3],
    (user, group): (u32, u32),
) -> io::Result<Child> {
    // Pipes: reading and writing are all that is left to both sides.
    let (wishes, mut said) = pipe()?;
    let (mut heard, answers) = pipe()?;
    child::in_child(|| {
        let done = child::become_user(user, group)
            .map_err(|errno| {
                let what = format!("the dump cannot be read as user {user} in place of root: {errno}");
                CliError::new(exit::INPUT, what).help("--no-sandbox reads it as root")
            })
            .and_then(|()| {
                let _ = sandbox::give_up(Some(Needs::default()));
                read(args, root, &mut files, &mut |wish| ask((&mut said, &mut heard), wish))
            });
        let end = match done {
            Ok(code) => Said::Done(code),
            Err(CliError { message, help, code }) => Said::Failed { message, help, code },
        };
        // Where nobody listens any more nobody is to be told.
        let _ = say(&mut said, &end);
    })?;
    Ok(Child { wishes: BufReader::new(wishes), answers })
}

fn say(to: &mut PipeWriter, said: &Said) -> io::Result<()> {
    let mut text = serde_json::to_vec(said)?;
    text.push(b'\n');
    to.write_all(&text)
}

fn ask((said, heard): (&mut PipeWriter, &mut PipeReader), wish: Wish) -> Result<bool, CliError> {
    let mut answer = [0];
    let asked = say(said, &Said::Wish(wish)).and_then(|()| heard.read_exact(&mut answer));
    asked.map_err(|error| CliError::new(exit::INTERNAL, format!("nobody keeps the crash: {error}")))?;
    Ok(answer == [1])
}

impl Child {
    /// Does what the reader wishes until it is done; the exit code.
    ///
    /// # Errors
    /// What it says, or that it has died.
    pub fn serve(&mut self, fulfil: &mut dyn FnMut(Wish) -> Result<bool, CliError>) -> Result<u8, CliError> {
        let died = |why: &str| CliError::new(exit::INPUT, format!("the process that read the dump {why}"));
        loop {
            let mut line = String::new();
            let read = self.wishes.by_ref().take(LINE).read_line(&mut line);
            if !read.is_ok_and(|count| count > 0) {
                return Err(died("has died"));
            }
            match serde_json::from_str(&line).map_err(|_| died("says what is not understood"))? {
                Said::Wish(wish) => {
                    let done = fulfil(wish)?;
                    let _ = self.answers.write_all(&[u8::from(done)]);
                }
                Said::Done(code) => return Ok(code),
                Said::Failed { message, help, code } => return Err(CliError { message, help, code }),
            }
        }
    }
}

/// Reads the dump from standard input and writes text, JSON and slim dump to `files`; the exit code.
///
/// # Errors
/// When it cannot be read, or not be written.
pub fn read(
    args: &CollectArgs,
    root: Option<&File>,
    files: &mut [&mut File; 3],
    wish: &mut dyn FnMut(Wish) -> Result<bool, CliError>,
) -> Result<u8, CliError> {
    let running = args.limits.start();
    let target = Source::Stdin.target_within(&running.limits).map_err(|e| CliError::from(&e))?;
    let mut search = SearchOptions { sysroots: args.sysroot.clone(), ..SearchOptions::default() };
    search.sysroots.extend(root.map(|root| PathBuf::from(format!("/proc/self/fd/{}", root.as_raw_fd()))));
    let (report, inspection) = examined(target, &search, args);
    let target = inspection.target();
    if report.python.is_none() && !args.all {
        return Ok(exit::NO_PYTHON);
    }
    let pid = args.pid.map(i64::from).or(target.process.pid.and_then(|p| p.try_into().ok())).unwrap_or(0);
    let name = target.process.command.as_deref().or(args.name.as_deref()).unwrap_or("process");
    let name = name.chars().take(64).collect();
    wish(Wish::Room { name, pid })?;
    let options = SlimOptions { redact: args.redact, ..SlimOptions::default() };
    while let Err(error) = write(target, &report, options, files) {
        let full = matches!(&error, SlimError::Write(e) if e.kind() == io::ErrorKind::StorageFull);
        if !full || !wish(Wish::Space)? {
            return Err(CliError::new(exit::INPUT, format!("{}: {error}", args.dir.display())));
        }
    }
    Ok(exit::OK)
}

/// The report of a crash, with all memory recorded that any report reads.
fn examined(mut target: Target, search: &SearchOptions, args: &CollectArgs) -> (Report, Inspection) {
    let mut options = Options { locals: true, ..Options::default() };
    match args.redact {
        true => {
            redact::redact_process(&mut target.process);
            record_without_text(&mut target, search);
            options = without_text(options);
        }
        false => record(&mut target, search),
    }
    let inspection = Inspection::from_target(target, search);
    let mut report = inspection.report(&options);
    if args.redact {
        redact::redact(&mut report, Privacy::NoText);
    }
    (report, inspection)
}

fn write(target: &Target, report: &Report, options: SlimOptions, files: &mut [&mut File; 3]) -> Result<(), SlimError> {
    let [in_text, in_json, dump] = files;
    for file in [&mut **in_text, &mut **in_json, &mut **dump] {
        file.set_len(0)?;
        file.rewind()?;
    }
    in_text.write_all(text::render(report, &TextOptions::default()).as_bytes())?;
    in_json.write_all(json::render(report).map_err(io::Error::other)?.as_bytes())?;
    slim::packed(target, options, dump)?;
    Ok(())
}
