//! Threads: the crashed one in full, threads with the same stack once, native ones in a line.

use super::{Out, frame, has_python};
use crate::model::{ExceptionInfo, ExceptionRelation, Report, Thread};
use crate::render::groups::{MAX_LABELS, labels, same_stacks};
use crate::render::palette::paint;
use crate::render::wording::{count, safe, safe_short, thread_label, thread_states, waits_for};

/// Exceptions shown of a chain.
const MAX_CHAIN: usize = 10;
/// Traceback entries shown of an exception, half of them from either end.
const MAX_TRACEBACK: usize = 40;

pub(super) fn write_all(out: &mut Out<'_>, report: &Report, fold: bool) {
    let (python, native): (Vec<&Thread>, Vec<&Thread>) =
        report.threads.iter().partition(|t| t.crashed || has_python(t));
    let groups = match fold && !out.options.verbose {
        true => same_stacks(&python),
        false => python.into_iter().map(|thread| vec![thread]).collect(),
    };
    for group in groups {
        write_group(out, report, &group);
    }
    if !native.is_empty() {
        out.blank();
        let (labels, count) = (labels(&native, most_labels(out)), count(native.len(), "other thread"));
        let text = match report.knows_all_thread_states() {
            true if native.len() == 1 => format!("{count} has no Python state: {labels}"),
            true => format!("{count} have no Python state: {labels}"),
            false => format!("no Python state was found for {count}: {labels}"),
        };
        out.line(0, &paint(out.palette().dim, &text));
    }
}

fn most_labels(out: &Out<'_>) -> usize {
    if out.options.verbose { usize::MAX } else { MAX_LABELS }
}

fn write_group(out: &mut Out<'_>, report: &Report, group: &[&Thread]) {
    let Some(first) = group.first() else { return };
    let palette = out.palette();
    out.blank();
    let mut states = thread_states(report, first);
    let title = if group.len() == 1 {
        thread_label(first)
    } else {
        states.retain(|s| s != "main thread");
        format!("{} threads with the same stack", group.len())
    };
    let states = if states.is_empty() { String::new() } else { format!(" ({})", states.join(", ")) };
    let style = if first.crashed { palette.bad } else { palette.heading };
    out.line(0, &format!("{}{states}, most recent call first:", paint(style, &title)));
    if group.len() > 1 {
        let labels = labels(group, most_labels(out));
        out.line(2, &paint(palette.dim, &labels));
    }
    if let Some(wait) = waits_for(report, first) {
        out.line(2, &paint(palette.dim, &wait));
    }
    let mark = if first.crashed { frame::Mark::Innermost } else { frame::Mark::None };
    frame::write_all(out, &first.frames, mark);
    match &first.frames_end {
        Some(why) if first.frames.is_empty() => {
            out.line(4, &paint(palette.warning, &format!("<no frames: {}>", safe(why))))
        }
        Some(why) => out.line(4, &paint(palette.warning, &format!("<the stack ends here: {}>", safe(why)))),
        None if first.frames.is_empty() => out.line(4, &paint(palette.dim, "no Python frame")),
        None => {}
    }
    for python in first.states() {
        if let Some(raising) = &python.raising {
            exception(out, "raising", raising);
        }
        for handled in &python.handling {
            exception(out, "handling", handled);
        }
    }
    if out.options.verbose {
        registers(out, first);
        code(out, first);
    }
}

/// An exception with its chain, outermost call first as Python prints it.
fn exception(out: &mut Out<'_>, verb: &str, first: &ExceptionInfo) {
    let palette = out.palette();
    let mut verb = verb.to_owned();
    let mut next = Some(first);
    for _ in 0..MAX_CHAIN {
        let Some(info) = next else { return };
        out.line(2, &format!("{verb} {}", paint(palette.bad, &safe_short(&info.summary, 500))));
        let entries = info.traceback.len();
        let half = MAX_TRACEBACK / 2;
        for (index, entry) in info.traceback.iter().enumerate() {
            if !out.options.verbose && entries > MAX_TRACEBACK && index >= half && index < entries.saturating_sub(half)
            {
                if index == half {
                    out.line(6, &format!("... {} entries more", entries.saturating_sub(MAX_TRACEBACK)));
                }
                continue;
            }
            let file = entry.file.as_ref().map_or_else(|| "???".to_owned(), |f| format!("\"{}\"", safe(f)));
            let line = entry.line.map_or_else(|| "???".to_owned(), |l| l.to_string());
            let name = entry.function.as_ref().map_or_else(|| "???".to_owned(), safe);
            out.line(6, &format!("File {file}, line {line}, in {}", paint(palette.function, &name)));
        }
        next = info.caused_by.as_ref().map(|link| {
            verb = if link.relation == ExceptionRelation::Cause { "caused by" } else { "raised while handling" }
                .to_owned();
            &link.exception
        });
    }
    if next.is_some() {
        out.line(2, "... and more exceptions in this chain");
    }
}

fn registers(out: &mut Out<'_>, thread: &Thread) {
    let Some(registers) = &thread.registers else { return };
    out.line(2, "registers");
    for row in registers.chunks(4) {
        let cells: Vec<String> = row.iter().map(|(name, value)| format!("{:>7} {value:#}", safe(name))).collect();
        out.line(2, &cells.join(" "));
    }
}

/// Instructions around the crash, the one at the instruction pointer marked.
fn code(out: &mut Out<'_>, thread: &Thread) {
    let Some(code) = thread.code.as_ref().filter(|c| !c.is_empty()) else { return };
    let palette = out.palette();
    let width = code.iter().map(|i| i.bytes.len()).max().unwrap_or(0).min(30);
    out.line(2, "machine code");
    for instruction in code {
        let marker = if instruction.current { paint(palette.mark, "=>") } else { "  ".to_owned() };
        let (addr, bytes, text) = (instruction.addr, safe(&instruction.bytes), safe(&instruction.text));
        out.line(1, &format!("{marker} {addr:#}  {bytes:<width$}  {text}"));
    }
}
