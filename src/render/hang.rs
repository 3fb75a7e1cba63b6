//! Threads of many processes side by side, as text.

use super::palette::{Palette, paint};
use super::wording::{count, frame_line, safe, safe_short};
use crate::base::{counted_as, thousands};
use crate::model::hang::{Hang, HangStack, HangTasks, HangThread};
use crate::model::{ChannelKind, Frame, TaskState};
use std::fmt::Write as _;

/// Processes or threads that are named one by one.
const MAX_NAMED: usize = 8;
/// Longest name of a task.
const MAX_NAME: usize = 80;
/// Frames of one stack that are shown.
const MAX_FRAMES: usize = 40;
/// Threads that wait for pipes and sockets, one line each.
const MAX_WAITS: usize = 50;
/// Findings that are shown of one process.
const MAX_FINDINGS: usize = 3;

/// The whole answer; of the stacks at most `limit`.
#[must_use]
pub fn text(hang: &Hang, palette: &Palette, limit: usize) -> String {
    let mut out = String::new();
    let threads: usize = hang.stacks.iter().map(|s| s.threads.len()).sum();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "{}, {} with Python frames, {}",
        counted_as(hang.processes.len(), "process", "processes"),
        count(threads, "thread"),
        count(hang.stacks.len(), "different stack")
    );
    for odd in &hang.odd {
        let numbers: Vec<usize> = odd.processes.iter().filter_map(|n| usize::try_from(*n).ok()).collect();
        let names = named(hang, numbers.iter().copied());
        let at = |stack: Option<u32>| {
            let stack = stack.and_then(|n| hang.stacks.get(usize::try_from(n).ok()?))?;
            stack.frames.first().map(frame_line)
        };
        let text = format!("Odd: {names} ({})", safe_short(&odd.role, 60));
        let _ = writeln!(out, "\n{}", paint(palette.bad, &text));
        if let Some(own) = at(odd.stack) {
            let _ = writeln!(out, "    is at  {own}");
        }
        if let Some(others) = at(odd.others_stack) {
            let _ =
                writeln!(out, "    while {} are at  {others}", counted_as(odd.others as usize, "process", "processes"));
        }
    }
    for cycle in hang.cycles.iter().take(MAX_NAMED) {
        let numbers = cycle.iter().filter_map(|n| usize::try_from(*n).ok());
        let text =
            format!("Deadlock of processes: {}: each waits for the next, the last for the first", named(hang, numbers));
        let _ = writeln!(out, "\n{}", paint(palette.bad, &text));
    }
    write_waits(&mut out, hang);
    for process in hang.processes.iter().filter(|p| !p.findings.is_empty()).take(MAX_NAMED) {
        let _ = writeln!(out, "\n{}", paint(palette.heading, &safe_short(&process.name, 200)));
        for finding in process.findings.iter().take(MAX_FINDINGS) {
            let _ = writeln!(out, "    {}", safe(finding));
        }
    }
    for stack in hang.stacks.iter().take(limit) {
        write_stack(&mut out, hang, stack, palette);
    }
    let rest = hang.stacks.len().saturating_sub(limit);
    if rest > 0 {
        let _ = writeln!(out, "\n... {} that more threads have in common (--limit)", count(rest, "stack"));
    }
    for tasks in hang.tasks.iter().take(limit) {
        write_tasks(&mut out, hang, tasks, palette);
    }
    let rest = hang.tasks.len().saturating_sub(limit);
    if rest > 0 {
        let _ = writeln!(out, "\n... {} of more tasks (--limit)", count(rest, "place"));
    }
    for one in hang.unreadable.iter().take(MAX_NAMED) {
        let _ =
            writeln!(out, "\n{}: {}", paint(palette.warning, "not read"), safe(format!("{}: {}", one.name, one.why)));
    }
    let more = hang.unreadable.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        let _ = writeln!(out, "and {more} more that could not be read");
    }
    out
}

/// Who waits for whom by pipes and sockets, and for the end of which child.
fn write_waits(out: &mut String, hang: &Hang) {
    let all = hang.processes.iter().flat_map(|process| process.waits.iter().map(move |wait| (process, wait)));
    // Of a socket whose other end is elsewhere nothing is known, and of most servers there are many.
    let all: Vec<_> = all.filter(|(_, wait)| !wait.peers.is_empty() || wait.kind != ChannelKind::Socket).collect();
    if all.is_empty() {
        return;
    }
    out.push('\n');
    for (process, wait) in all.iter().take(MAX_WAITS) {
        let verb = if wait.writes { "to write to" } else { "to read from" };
        let what = match wait.kind {
            ChannelKind::Pipe => "pipe",
            ChannelKind::UnixSocket => "Unix socket",
            _ => "socket",
        };
        let peers = wait.peers.iter().filter_map(|n| usize::try_from(*n).ok());
        let names = named(hang, peers);
        let who = match (wait.peers.is_empty(), wait.itself) {
            (true, true) => "which it has the other end of itself".to_owned(),
            (true, false) => "whose other end none of these processes has".to_owned(),
            (false, true) => format!("whose other end {names} and it itself have"),
            (false, false) => format!("whose other end {names} has"),
        };
        let (name, inode) = (safe_short(&process.name, 100), wait.inode);
        let waiter = match &wait.task {
            Some(task) => format!("task '{}'", safe_short(task, MAX_NAME)),
            None => format!("thread {}", wait.tid),
        };
        let _ = match (wait.kind, wait.children.as_slice()) {
            (ChannelKind::Child, [child]) => {
                let unknown = if wait.peers.is_empty() { ", which is none of these" } else { "" };
                writeln!(out, "{name}: {waiter} waits for the end of its child process {child}{unknown}")
            }
            (ChannelKind::Child, many) => {
                writeln!(out, "{name}: {waiter} waits for the end of one of its {} child processes", many.len())
            }
            _ => writeln!(out, "{name}: {waiter} waits {verb} {what} {inode} (fd {}), {who}", wait.fd),
        };
    }
    let more = all.len().saturating_sub(MAX_WAITS);
    if more > 0 {
        let _ = writeln!(out, "and {more} more that wait for another process");
    }
}

fn write_stack(out: &mut String, hang: &Hang, stack: &HangStack, palette: &Palette) {
    let mut processes: Vec<usize> = stack.threads.iter().filter_map(|t| usize::try_from(t.process).ok()).collect();
    processes.dedup();
    let who = match stack.threads.as_slice() {
        [one] => format!("{} of {}", label(one), named(hang, processes.iter().copied())),
        many => format!("{} of {}", count(many.len(), "thread"), named(hang, processes.iter().copied())),
    };
    let owner = match stack.threads.as_slice() {
        [HangThread { owner: Some(owner), .. }] => format!(", which thread {owner} has"),
        _ => String::new(),
    };
    let wait = stack.waits_for.as_ref().map(|what| format!(": waits for {}{owner}", safe(what))).unwrap_or_default();
    let _ = writeln!(out, "\n{}{wait}", paint(palette.heading, &who));
    write_frames(out, &stack.frames, palette);
}

fn write_tasks(out: &mut String, hang: &Hang, tasks: &HangTasks, palette: &Palette) {
    let processes = tasks.processes.iter().filter_map(|n| usize::try_from(*n).ok());
    let name = safe_short(&tasks.name, MAX_NAME);
    let (many, example) = match (tasks.count, tasks.greenlets) {
        (1, false) => (false, format!("Task '{name}'")),
        (n, false) => (true, format!("{} tasks ('{name}', ...)", thousands(n))),
        (1, true) => (false, format!("Greenlet ({name})")),
        (n, true) => (true, format!("{} greenlets ({name})", thousands(n))),
    };
    let doing = match (tasks.state, &tasks.waits_for) {
        (TaskState::Running, _) => ": runs".to_owned(),
        (TaskState::Runnable, _) => ": ready to run".to_owned(),
        (TaskState::NotStarted, _) => ": not begun".to_owned(),
        (_, Some(what)) if many => format!(": wait, the first for {}", safe(what)),
        (_, Some(what)) => format!(": waits for {}", safe(what)),
        _ => String::new(),
    };
    let who = format!("{example} of {}", named(hang, processes));
    let _ = writeln!(out, "\n{}{doing}", paint(palette.heading, &who));
    write_frames(out, &tasks.frames, palette);
}

fn write_frames(out: &mut String, frames: &[Frame], palette: &Palette) {
    for frame in frames.iter().take(MAX_FRAMES) {
        let _ = writeln!(out, "    {}", frame_line(frame));
    }
    let hidden = frames.len().saturating_sub(MAX_FRAMES);
    if hidden > 0 {
        let _ = writeln!(out, "    {}", paint(palette.dim, &format!("and {}", count(hidden, "frame"))));
    }
}

fn label(thread: &HangThread) -> String {
    let id = thread.tid.map_or_else(|| "?".to_owned(), |tid| tid.to_string());
    match &thread.name {
        Some(name) => format!("Thread {id} \"{}\"", safe_short(name, 60)),
        None => format!("Thread {id}"),
    }
}

/// The first names of processes, or how many there are.
fn named(hang: &Hang, processes: impl Iterator<Item = usize>) -> String {
    let names: Vec<String> =
        processes.filter_map(|n| hang.processes.get(n)).map(|p| safe_short(&p.name, 100)).collect();
    match names.len() {
        n if n <= MAX_NAMED => names.join(", "),
        n => {
            let first: Vec<&str> = names.iter().take(MAX_NAMED).map(String::as_str).collect();
            format!("{}: {}, ...", counted_as(n, "process", "processes"), first.join(", "))
        }
    }
}
