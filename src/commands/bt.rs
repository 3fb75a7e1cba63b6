//! `bt`, `bt-full`, and the frames that go into the debugger's own `bt`.

use super::Args;
use super::current::{MANY, Natives, current, for_selection, no_frame, no_python};
use super::entries::{Entry, EntryKind as Tied, PythonStack};
use super::host::{Host, RegistersOf, Style};
use super::run::{CommandError, Reply};
use super::view::{Doubts, MAX_LOCALS, View};
use crate::cpython::frame::{PyFrame, SlotKind};
use crate::engine::{self, SystemThread};
use crate::model::Local;
use crate::model::answers::{Answer, EntryKind, NumberedFrame, StackEntry, Stacks, ThreadStack};

/// Entries in a row of a call that repeats itself that are shown in text (Lib/traceback.py `_RECURSIVE_CUTOFF`).
const MAX_AGAIN: usize = 3;

/// How the entries of one stack become those of an answer.
pub(super) struct Show<'a> {
    pub view: &'a View<'a>,
    pub stack: &'a PythonStack,
    /// Whether frames have their variables.
    pub full: bool,
    /// Whether a call that repeats itself is said once.
    pub fold: bool,
    /// Whether the namespace of a module or class body is among its variables; on a line it would be no help.
    pub namespaces: bool,
    /// What was said of source files.
    pub doubts: Doubts,
}

impl Show<'_> {
    /// Entries, of which `selected` is marked.
    fn all(&self, entries: &[Entry], selected: Option<usize>) -> Vec<StackEntry> {
        let mut out: Vec<StackEntry> = Vec::new();
        let mut rest = entries;
        while let Some(first) = rest.first() {
            let same = match self.fold {
                true => rest.iter().take_while(|entry| self.is_again(first, entry)).count().max(1),
                false => 1,
            };
            let shown = if same > MAX_AGAIN { MAX_AGAIN } else { same };
            out.extend(rest.iter().take(shown).map(|entry| self.one(entry, is_frame(entry, selected))));
            if let Some(last) = out.last_mut() {
                last.again = same.saturating_sub(shown) as u64;
            }
            rest = rest.get(same..).unwrap_or_default();
        }
        out
    }

    /// Whether two entries are the same line of the same function.
    fn is_again(&self, one: &Entry, other: &Entry) -> bool {
        let frame = |entry: &Entry| match entry.kind {
            Tied::Python(at) => self.stack.frames.get(at),
            _ => None,
        };
        let (Some(one), Some(other)) = (frame(one), frame(other)) else { return false };
        let line = |frame: &PyFrame| frame.position.as_ref().ok().and_then(|p| p.line);
        let same_code = match (&one.code, &other.code) {
            (Ok(one), Ok(other)) => {
                one.addr == other.addr
                    || one.filename.as_ref().ok() == other.filename.as_ref().ok()
                        && one.name.as_ref().ok() == other.name.as_ref().ok()
            }
            (Err(_), Err(_)) => true,
            _ => false,
        };
        same_code && line(one) == line(other)
    }

    /// One entry.
    pub fn one(&self, entry: &Entry, selected: bool) -> StackEntry {
        let what = match entry.kind {
            Tied::Python(at) => {
                let view = self.stack.view(self.view, at);
                let read = self.stack.frames.get(at).filter(|_| self.full);
                let locals = read.map(|frame| variables(&view, frame, self.namespaces));
                let mut frame = self.stack.shown(&view, at, locals);
                self.doubts.tell(view.inspection, &mut frame);
                EntryKind::Frame(NumberedFrame { number: at as u64, frame })
            }
            Tied::Call(callable) => EntryKind::Call { callable: callable.map(|at| self.view.object(at)) },
            Tied::WaitingForGil => EntryKind::WaitingForGil,
            Tied::Collecting => EntryKind::Collecting,
        };
        StackEntry { level: entry.level, selected, again: 0, what }
    }
}

fn is_frame(entry: &Entry, index: Option<usize>) -> bool {
    matches!(entry.kind, Tied::Python(at) if Some(at) == index)
}

/// The variables of a frame. Where they cannot be read, one without a name says why.
pub(super) fn variables(view: &View<'_>, frame: &PyFrame, namespaces: bool) -> Vec<Local> {
    match view.locals(frame, MAX_LOCALS) {
        Ok(list) => {
            let shown = list.into_iter().filter(|var| namespaces || var.kind != SlotKind::Name);
            shown.map(|var| engine::local(&view.heap, var, &view.options)).collect()
        }
        Err(error) => vec![Local { problem: Some(error.to_string()), ..Local::default() }],
    }
}

/// `bt [full] [--all] [--native] [N]`.
pub(super) fn backtrace(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    if args.has("--native") {
        return super::bt_native::with_native(host, args);
    }
    if args.has("--all") {
        return every_thread(host, args);
    }
    if args.has("full") {
        return full(host, args);
    }
    let natives = for_selection(host, Natives::Quick);
    one_thread(host, args, natives, false)
}

/// `bt-full`.
pub(super) fn full(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    one_thread(host, args, Natives::Levels(MANY), true)
}

fn one_thread(host: &mut dyn Host, args: &Args<'_>, natives: Natives, full: bool) -> Result<Reply, CommandError> {
    let current = current(host, natives)?;
    // lldb shows the whole stack and marks where the user is; gdb's script goes outwards from there.
    let from = if current.style == Style::Gdb { current.entry } else { 0 };
    let entries = current.stack.entries.get(from..).unwrap_or_default();
    let (entries, newer, older) = some(entries, args.number);
    let fold = current.style != Style::Own && !full && !args.json;
    let namespaces = current.style == Style::Own || args.json;
    let (view, stack) = (&current.view, &current.stack);
    let show = Show { view, stack, full, fold, namespaces, doubts: Doubts::default() };
    // gdb's script shows none, and they cost reads.
    let named = current.style != Style::Gdb || args.json;
    let name = named.then(|| current.view.name(&current.thread)).flatten();
    let thread = ThreadStack {
        tid: current.tid,
        ident: current.thread.innermost().map_or(0, |state| state.state.ident),
        name,
        selected: true,
        newer_left_out: newer as u64,
        entries: show.all(entries, current.index()),
        older_left_out: older as u64,
        end: current.stack.end.clone(),
    };
    Ok(Reply::answer(Answer::Stacks(Stacks { threads: vec![thread], all: false, full })))
}

/// The first entries, the last for a number below 0; how many are left out before and after.
pub(super) fn some<T>(entries: &[T], number: Option<i64>) -> (&[T], usize, usize) {
    let count = number.map_or(usize::MAX, |number| usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX));
    let left = entries.len().saturating_sub(count);
    match number {
        Some(number) if number < 0 => (entries.get(left..).unwrap_or_default(), left, 0),
        _ => (entries.get(..entries.len().saturating_sub(left)).unwrap_or_default(), 0, left),
    }
}

fn every_thread(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let (debugger, options, style) = (host.native_frames(), host.options(), host.style());
    let selected = host.selection().thread;
    // Before 3.11 a thread state is tied to its native thread by a register only.
    let inspection = host.process(RegistersOf::All).map_err(no_frame)?;
    let view = View::new(inspection, options).ok_or_else(|| no_python(style, inspection))?;
    let one = |thread: SystemThread<'_>| {
        let view = view.of(&thread);
        let stack = PythonStack::new(&view, &thread, &[], debugger.as_ref());
        let full = args.has("full");
        let (fold, namespaces) = (style != Style::Own && !full && !args.json, style == Style::Own || args.json);
        let show = Show { view: &view, stack: &stack, full, fold, namespaces, doubts: Doubts::default() };
        let tid = thread.tid;
        let (entries, newer, older) = some(&stack.entries, args.number);
        ThreadStack {
            tid: view.tid(&thread),
            ident: thread.innermost().map_or(0, |state| state.state.ident),
            name: view.name(&thread),
            selected: tid.is_some() && tid == selected,
            newer_left_out: newer as u64,
            entries: show.all(entries, None),
            older_left_out: older as u64,
            end: stack.end.clone(),
        }
    };
    let threads = view.threads().into_iter().map(one).collect();
    Ok(Reply::answer(Answer::Stacks(Stacks { threads, all: true, full: args.has("full") })))
}

/// The Python frames with the levels of their native frames (without, where none is known), for the debugger's `bt`.
pub(super) fn for_filter(host: &mut dyn Host) -> Result<Reply, CommandError> {
    use crate::base::{Text, escape_terminal};
    let current = current(host, Natives::Levels(MANY))?;
    let text = |text: Option<Text>| text.map_or_else(|| "???".to_owned(), |text| escape_terminal(&text.to_string()));
    let mut list = Vec::new();
    for entry in &current.stack.entries {
        if let Tied::Python(at) = entry.kind
            && let Some(frame) = current.stack.frames.get(at)
        {
            let view = current.stack.view(&current.view, at);
            let shown = engine::frame(&view.heap, frame, &view.options, false);
            list.push(serde_json::json!([entry.level, {
                "function": text(shown.function),
                "file": text(shown.file),
                "line": shown.line,
            }]));
        }
    }
    Ok(Reply::value(list))
}
