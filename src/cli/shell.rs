//! `pyinquest shell`: a prompt on a dump or a running process, or commands from arguments and files.

use super::args::ShellArgs;
use super::error::io_text;
use super::{CliError, exit, live, output, report, sandbox};
use crate::engine::{Inspection, Options};
use crate::plugins::Plugins;
use crate::render::answers::Manner;
use crate::render::text::TextOptions;
use crate::shell::{Pager, Said, Shell, ShellOptions, read_commands};
use crate::sys::sandbox::Needs;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

pub fn run(args: &ShellArgs) -> Result<u8, CliError> {
    if args.input.watch.is_some() {
        return Err(CliError::new(exit::USAGE, "a shell does not watch").help("give --pid without --watch"));
    }
    let plugins = Plugins::start();
    let _ = sandbox::give_up(needs(args));
    let mut limits = args.input.limits.clone();
    if is_prompt(args) {
        // Nobody types against the clock.
        limits.timeout = 0.0;
    }
    let running = limits.start();
    let Some(pid) = args.input.pid else { return at(report::open(&args.input, &running.limits)?, args, plugins) };
    live::held(pid, &args.input, &running.limits, |inspection| at(inspection, args, plugins))
}

/// Where `export` of given commands writes, that directory is open, and that where we are started; at a prompt lines are remembered, and a pager is started.
fn needs(args: &ShellArgs) -> Option<Needs> {
    let mut needs = sandbox::of_input(&args.input, None)?;
    // `source` reads what it is told to.
    needs.read = None;
    needs.write.push(PathBuf::from("."));
    let files = args.file.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    for commands in args.eval.iter().cloned().chain(files) {
        let exported =
            commands.lines().filter_map(|line| line.trim().strip_prefix("export ")?.split_whitespace().last());
        needs.write.extend(exported.map(|file| sandbox::directory_of(Path::new(file))));
    }
    if is_prompt(args) {
        (needs.terminal, needs.programs) = (true, !args.no_pager);
        needs.write.push(PathBuf::from("/dev/null"));
        needs.write.push(PathBuf::from("/dev/tty"));
        if let Some(directory) = history().map(|file| sandbox::directory_of(&file))
            && std::fs::create_dir_all(&directory).is_ok()
        {
            needs.write.push(directory);
        }
    }
    Some(needs)
}

/// Whether somebody types the commands.
fn is_prompt(args: &ShellArgs) -> bool {
    args.eval.is_empty() && args.file.is_empty() && std::io::stdin().is_terminal()
}

/// A shell at a process.
fn at(inspection: Inspection, args: &ShellArgs, plugins: Plugins) -> Result<u8, CliError> {
    let manner = Manner {
        text: TextOptions { palette: output::palette_of(args.color), ..TextOptions::default() },
        ..Manner::default()
    };
    let values = Options { source_lines: true, ..report::value_options(&args.values) };
    let shell = Shell::new(inspection, ShellOptions { manner, json: args.json, values, plugins });
    if !is_prompt(args) {
        return commands(shell, args);
    }
    output::write_stdout(shell.greeting().as_bytes())?;
    if args.input.pid.is_some() && !args.input.no_stop {
        output::write_stdout(b"The process stands still until the shell ends.\n")?;
    }
    let pager = Pager::of_user(!args.no_pager);
    let done = read_commands(shell, &pager, history().as_deref());
    done.map_err(|error| CliError::new(exit::INTERNAL, format!("the terminal cannot be used: {}", io_text(&error))))?;
    Ok(exit::OK)
}

/// Commands of `--eval`, then those of files, then those of standard input where there is nothing else. All are carried
/// out; where one has failed the exit code says so.
fn commands(mut shell: Shell, args: &ShellArgs) -> Result<u8, CliError> {
    let files = args.file.iter().map(|path| format!("source {}", path.display()));
    let given: Vec<String> = args.eval.iter().cloned().chain(files).collect();
    let mut failed = false;
    if given.is_empty() {
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|error| {
                CliError::new(exit::INPUT, format!("standard input cannot be read: {}", io_text(&error)))
            })?;
            if show(&shell.line(&line), &mut failed)? {
                break;
            }
        }
    }
    for line in &given {
        if show(&shell.line(line), &mut failed)? {
            break;
        }
    }
    Ok(if failed { exit::USAGE } else { exit::OK })
}

/// Writes what a line gave; whether it was the last.
fn show(said: &Said, failed: &mut bool) -> Result<bool, CliError> {
    output::write_stdout(said.text.as_bytes())?;
    if let Some(error) = &said.error {
        *failed = true;
        output::write_stderr(&format!("pyinquest: error: {}\n", crate::base::escape_terminal(error)));
    }
    Ok(said.quit)
}

/// Where lines are remembered: the state directory of the user (XDG Base Directory Specification).
fn history() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = of("XDG_STATE_HOME").or_else(|| of("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("pyinquest/history"))
}
