//! `bt --native`: stacks with native frames, as the report merges them.

use super::bt::some;
use super::host::{Host, RegistersOf};
use super::run::{CommandError, Reply};
use super::view::Doubts;
use super::{Args, Part, ReportAsk, report_of};
use crate::model::answers::{Answer, EntryKind, NumberedFrame, StackEntry, Stacks, ThreadStack};
use crate::model::{FrameKind, Thread};

/// `bt --native`.
pub(super) fn with_native(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let (options, selected, all) = (host.options(), host.selection().thread, args.has("--all"));
    let ask = ReportAsk { part: Part::Stacks, locals: args.has("full"), native: true, ..ReportAsk::new(options) };
    let inspection = host.process(RegistersOf::All)?;
    let (mut report, doubts) = (report_of(inspection, &ask), Doubts::default());
    let wanted = |thread: &Thread| all || thread.tid.is_some() && thread.tid == selected;
    let frames = report.threads.iter_mut().filter(|thread| wanted(thread)).flat_map(|thread| &mut thread.frames);
    frames.filter(|frame| frame.kind == FrameKind::Python).for_each(|frame| doubts.tell(inspection, frame));
    let threads: Vec<ThreadStack> = report
        .threads
        .into_iter()
        .filter(|thread| wanted(thread))
        .map(|thread| {
            let is_selected = thread.tid.is_some() && thread.tid == selected;
            of_thread(thread, is_selected, args.number)
        })
        .collect();
    if threads.is_empty() {
        return Err(CommandError::message("no thread is selected"));
    }
    Ok(Reply::answer(Answer::Stacks(Stacks { threads, all, full: args.has("full") })))
}

fn of_thread(thread: Thread, selected: bool, number: Option<i64>) -> ThreadStack {
    let mut python = 0u64;
    let shown = thread.frames.into_iter().filter(|frame| !frame.native.as_ref().is_some_and(|n| n.plumbing));
    let entries: Vec<StackEntry> = shown
        .map(|frame| {
            let what = if frame.kind == FrameKind::Python {
                let entry = NumberedFrame { number: python, frame };
                python = python.saturating_add(1);
                EntryKind::Frame(entry)
            } else {
                EntryKind::Native(frame)
            };
            StackEntry { level: None, selected: false, again: 0, what }
        })
        .collect();
    let (entries, newer, older) = some(&entries, number);
    ThreadStack {
        tid: thread.tid,
        ident: thread.python.as_ref().and_then(|python| python.ident).unwrap_or_default(),
        name: thread.name,
        selected,
        newer_left_out: newer as u64,
        entries: entries.to_vec(),
        older_left_out: older as u64,
        end: thread.frames_end,
    }
}
