//! `break`, `tbreak`, `catch`, `delete`, `breakpoints`, `continue`, `advance`: where Python code stops the process.
//!
//! A breakpoint is an access watchpoint on the bytecode of its line: the processor tells when CPython fetches the instruction
//! that begins it, and nothing else is slowed down. `catch` is a breakpoint at the C function that every exception goes through
//! on its way out of a Python frame.

use super::Args;
use super::code_search::{self, FoundCode};
use super::conditions::Condition;
use super::host::{Host, Quiet, RegistersOf, Run, Stop, StopKind, Watch};
use super::run::{CommandError, Reply};
use super::step::{innermost, interrupted, look, no_python_code, selected, selected_thread, watch, with};
use super::view::View;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::frame::{SlotValue, VariablePlace};
use crate::cpython::layout::LineEvents;
use crate::cpython::object::Heap;
use crate::cpython::stepping::Word;
use crate::field;
use crate::model::answers::{Answer, BreakKind, Breakpoint, Breakpoints, StepEnd, Stepped};
use std::collections::HashMap;

/// Every exception that leaves a Python frame goes through this function, and so does one that a frame itself has raised, before
/// its handler is looked for (Python/traceback.c; `error:` of Python/ceval.c).
const RAISED: &str = "PyTraceBack_Here";

/// Bytes of a code unit.
const CODE_UNIT: u8 = 2;

/// What is kept of a breakpoint.
#[derive(Debug)]
pub struct Kept {
    number: u32,
    temporary: bool,
    hits: u64,
    condition: Option<Condition>,
    what: What,
    /// The instruction that each thread and frame has come to last, of those that are watched.
    last: HashMap<(u64, u64), u64>,
}

#[derive(Debug)]
enum What {
    /// A line of these code objects.
    Line { text: String, codes: Vec<FoundCode> },
    /// A variable of a frame.
    Variable { text: String, thread: u64, frame: Addr, place: VariablePlace, word: Word, end: Word, shown: String },
    /// An exception, by the name of its type or of one of its bases.
    Raised { name: Option<String>, at: u64 },
}

impl Kept {
    fn new(what: What) -> Self {
        Kept { number: 0, temporary: false, hits: 0, condition: None, what, last: HashMap::new() }
    }
}

/// `break FILE:LINE|FUNCTION [if CONDITION]`.
pub(super) fn set(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    set_one(host, args.path, false)
}

/// `tbreak`.
pub(super) fn set_temporary(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    set_one(host, args.path, true)
}

fn set_one(host: &mut dyn Host, text: &str, temporary: bool) -> Result<Reply, CommandError> {
    let (place, condition) = match text.split_once(" if ") {
        Some((place, condition)) => (place.trim(), Some(Condition::parse(condition.trim())?)),
        None => (text.trim(), None),
    };
    let what = line(host, place)?;
    add(host, Kept { temporary, condition, ..Kept::new(what) })
}

/// The code of a place.
fn line(host: &mut dyn Host, place: &str) -> Result<What, CommandError> {
    let own_copies = with(host, |view| Ok(view.ctx().dialect.thread_local_bytecode))?;
    if own_copies {
        let why =
            "each thread of this free-threaded CPython runs a copy of its own of the bytecode: no breakpoint in it";
        return Err(CommandError::message(why));
    }
    let split = place.rsplit_once(':');
    let file_line = split.and_then(|(file, line)| Some((file.trim(), line.trim().parse::<u32>().ok()?)));
    let codes = match file_line {
        Some((file, line)) => code_search::of_line(host, file, line)?,
        None => vec![code_search::of_function(host, place)?],
    };
    Ok(What::Line { text: place.to_owned(), codes })
}

/// `watch NAME`.
pub(super) fn watch_variable(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let name = args.path.trim().to_owned();
    let older = selected(host)?;
    let thread = selected_thread(host)?;
    let Ok(Some(running)) = look(host, thread, older)?.frame else {
        return Err(no_python_code());
    };
    let what = with(host, |view| {
        let code = running.frame.code.as_ref().map_err(Clone::clone)?;
        let frame = running.frame.addr;
        let place = VariablePlace::find(&view.heap, code.addr, &name)?.filter(|_| code.is_optimized());
        let place = place.ok_or_else(|| {
            CommandError::message("a variable of the selected function is expected: one of a module or an attribute has no place of its own")
        })?;
        let address = place.word(&view.heap, frame)?;
        let size = view.ctx().abi.pointer_size();
        let word = Word { address, size, value: view.ctx().ptr_at("variable", address)?.0 };
        let shown = value_of(view, place, frame);
        Ok(What::Variable { text: name, thread, frame, place, word, end: running.end, shown })
    })?;
    add(host, Kept::new(what))
}

/// A variable as it is shown.
fn value_of(view: &View<'_>, place: VariablePlace, frame: Addr) -> String {
    match place.read(&view.heap, frame) {
        SlotValue::Object(at) => view.object(at).repr,
        SlotValue::TaggedInt(number) => number.to_string(),
        SlotValue::Unbound => "(no value)".to_owned(),
        SlotValue::Unreadable(error) => format!("({error})"),
    }
}

/// `catch [EXCEPTION]`.
pub(super) fn catch(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let name = args.name.map(str::to_owned);
    let inspection = host.process(RegistersOf::Selected)?;
    let module = inspection.python().and_then(|python| python.located.module);
    let found = inspection.images().find_symbol(inspection.target(), RAISED);
    let at = found.into_iter().find(|hit| module.is_none_or(|module| module == hit.module)).map(|hit| hit.addr.0);
    let at = at.ok_or_else(|| CommandError::message(format!("this CPython exports no {RAISED}")))?;
    add(host, Kept::new(What::Raised { name, at }))
}

fn add(host: &mut dyn Host, mut kept: Kept) -> Result<Reply, CommandError> {
    let steps = steps(host)?;
    steps.last = steps.last.saturating_add(1);
    kept.number = steps.last;
    let shown = shown(&kept);
    steps.breaks.push(kept);
    Ok(Reply::answer(Answer::Breakpoints(Breakpoints { list: vec![shown], set: true })))
}

fn steps(host: &mut dyn Host) -> Result<&mut super::host::Steps, CommandError> {
    host.steps().ok_or_else(|| CommandError::message("a dump does not run"))
}

/// The breakpoint of a number; `None` where it was removed.
fn kept(host: &mut dyn Host, number: u32) -> Result<Option<&mut Kept>, CommandError> {
    Ok(steps(host)?.breaks.iter_mut().find(|kept| kept.number == number))
}

/// `breakpoints`.
pub(super) fn list(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    let list = steps(host)?.breaks.iter().map(shown).collect();
    Ok(Reply::answer(Answer::Breakpoints(Breakpoints { list, set: false })))
}

/// `delete [N]`.
pub(super) fn delete(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let steps = steps(host)?;
    let before = steps.breaks.len();
    steps.breaks.retain(|kept| args.number.is_some_and(|number| i64::from(kept.number) != number));
    match (args.number, steps.breaks.len() < before) {
        (Some(number), false) => {
            Err(CommandError::message(format!("there is no Python breakpoint {number} (py-breakpoints lists them)")))
        }
        _ => Ok(Reply::answer(Answer::Nothing(()))),
    }
}

/// `advance FILE:LINE|FUNCTION`.
pub(super) fn advance(host: &mut dyn Host, args: &Args<'_>) -> Result<Reply, CommandError> {
    let what = line(host, args.path.trim())?;
    steps(host)?.breaks.push(Kept { temporary: true, ..Kept::new(what) });
    let reply = run(host);
    // Something else may have stopped the process before.
    steps(host)?.breaks.retain(|kept| kept.number != 0);
    reply
}

/// `continue`.
pub(super) fn go_on(host: &mut dyn Host, _: &Args<'_>) -> Result<Reply, CommandError> {
    run(host)
}

fn run(host: &mut dyn Host) -> Result<Reply, CommandError> {
    loop {
        let (fetches, calls) = (watches(host)?, calls(host)?);
        if fetches.is_empty() && calls.is_empty() {
            let why = "there is no Python breakpoint (py-break, py-catch); the debugger's own command runs without";
            return Err(CommandError::message(why));
        }
        let watches = fetches.iter().map(|(_, watch)| watch.clone()).collect();
        let stop = host.run(&Run { watches, calls })?;
        if stop.kind != StopKind::Watch {
            return interrupted(host, stop);
        }
        let thread = selected_thread(host)?;
        if stop.called
            && let Some((number, raised)) = raised(host, thread)?
        {
            return stopped(host, thread, number, None, Some(raised));
        }
        for change in &stop.changes {
            match fetches.get(change.watch) {
                Some((Item::Fetch(fetch), _)) => match arrive(host, thread, *fetch)? {
                    Arrival::None => {}
                    Arrival::Other(stop) => return interrupted(host, stop),
                    Arrival::Line(line) => {
                        if holds(host, fetch.number)? {
                            return stopped(host, thread, fetch.number, Some(line), None);
                        }
                    }
                },
                Some((Item::Variable(number), _)) => {
                    if let Some((was, is)) = changed(host, *number, change.now)? {
                        let reply = stopped(host, thread, *number, None, None)?;
                        return Ok(with_values(reply, was, is));
                    }
                }
                Some((Item::End(number), _)) => {
                    steps(host)?.breaks.retain(|kept| kept.number != *number);
                    let said = format!("Python watchpoint {number} is removed: its frame has ended or is suspended.\n");
                    return interrupted(host, Stop { kind: StopKind::Other, text: said, ..Stop::default() });
                }
                None => {}
            }
        }
    }
}

/// What a variable was and is, where it has become another object.
fn changed(host: &mut dyn Host, number: u32, now: u64) -> Result<Option<(String, String)>, CommandError> {
    let found = kept(host, number)?.map(|kept| &kept.what);
    let Some(&What::Variable { frame, place, word, .. }) = found else { return Ok(None) };
    let (is, same) = with(host, |view| {
        let dialect = view.ctx().dialect;
        Ok((value_of(view, place, frame), dialect.untag(word.value) == dialect.untag(now)))
    })?;
    let Some(Kept { what: What::Variable { word, shown, .. }, .. }) = kept(host, number)? else { return Ok(None) };
    word.value = now;
    let was = std::mem::replace(shown, is.clone());
    Ok((!same).then_some((was, is)))
}

fn with_values(mut reply: Reply, was: String, is: String) -> Reply {
    if let Answer::Stepped(stepped) = &mut reply.answer {
        (stepped.was, stepped.is) = (Some(was), Some(is));
    }
    reply
}

/// Whether the condition of a breakpoint holds here.
fn holds(host: &mut dyn Host, number: u32) -> Result<bool, CommandError> {
    match kept(host, number)?.and_then(|kept| kept.condition.clone()) {
        Some(condition) => condition.holds(host),
        None => Ok(true),
    }
}

/// The end of the command at a breakpoint.
fn stopped(
    host: &mut dyn Host,
    thread: u64,
    number: u32,
    line: Option<u32>,
    raised: Option<String>,
) -> Result<Reply, CommandError> {
    if let Some(kept) = kept(host, number)? {
        kept.hits = kept.hits.saturating_add(1);
    }
    steps(host)?.breaks.retain(|kept| kept.number != number || !kept.temporary);
    let frame = innermost(host, thread, line)?.map(|(_, frame)| Box::new(frame));
    // `advance` has none.
    let breakpoint = Some(number).filter(|number| *number != 0);
    let why = StepEnd::Breakpoint;
    Ok(Reply::answer(Answer::Stepped(Stepped { why, entered: true, frame, breakpoint, raised, ..Stepped::default() })))
}

/// What has become of an instruction that was fetched.
enum Arrival {
    /// Its line does not begin: something else has read it, or a step within the line.
    None,
    /// Its line begins.
    Line(u32),
    /// Something else has stopped the process meanwhile.
    Other(Stop),
}

/// Follows a thread that has fetched an instruction until it is about to carry it out.
fn arrive(host: &mut dyn Host, thread: u64, fetch: Fetch) -> Result<Arrival, CommandError> {
    let Some((code, line, before)) = fetched(host, fetch)? else { return Ok(Arrival::None) };
    let place = look(host, thread, 0)?;
    let chain = place.chain;
    let Ok(Some(running)) = place.frame else { return Ok(Arrival::None) };
    if running.frame.code.as_ref().map(|code| code.addr) != Ok(code) {
        return Ok(Arrival::None);
    }
    let at = running.offset(running.instruction.value);
    let frame = running.frame.addr.0;
    // Up to 3.10 the word is written before the instruction is fetched.
    let first = with(host, |view| {
        Ok(matches!(view.ctx().dialect.line_events, LineEvents::Starts { .. } | LineEvents::Changes { .. }))
    })?;
    if first && at == fetch.offset.cast_signed() {
        // Going forward within the line passes all that is watched of it.
        let starts = running.lines.always_begins(fetch.offset);
        let last = kept(host, fetch.number)?.and_then(|kept| kept.last.insert((thread, frame), fetch.offset));
        let follows = before.is_some() && last == before;
        return Ok(if starts || !follows { Arrival::Line(line) } else { Arrival::None });
    }
    let reached = with(host, |view| Ok(running.lines.reached(view.ctx(), at, at)?))?;
    if reached.inside == Some(line) && at.saturating_add(2) == fetch.offset.cast_signed() {
        // The second half of what runs now.
        return Ok(Arrival::Line(line));
    }
    if at == fetch.offset.cast_signed() {
        return Ok(Arrival::None);
    }
    let mut watches: Vec<Watch> = chain.iter().map(|word| watch(word, Quiet::Never, thread)).collect();
    let own = watches.len();
    watches.push(watch(&running.instruction, Quiet::Never, thread));
    let stop = host.run(&Run { watches, calls: Vec::new() })?;
    if stop.kind != StopKind::Watch {
        return Ok(Arrival::Other(stop));
    }
    let Some(change) = stop.changes.iter().find(|change| change.watch == own) else { return Ok(Arrival::None) };
    let now = running.offset(change.now);
    let reached = with(host, |view| Ok(running.lines.reached(view.ctx(), at, now)?))?;
    Ok(if reached.begins == Some(line) { Arrival::Line(line) } else { Arrival::None })
}

/// The code object and line of what was fetched, and the instruction that is watched before it in its line.
fn fetched(host: &mut dyn Host, fetch: Fetch) -> Result<Option<(Addr, u32, Option<u64>)>, CommandError> {
    let Some(Kept { what: What::Line { codes, .. }, .. }) = kept(host, fetch.number)? else { return Ok(None) };
    Ok(codes.get(fetch.code).map(|code| {
        let before = code.offsets.iter().rev().find(|offset| **offset < fetch.offset);
        (code.code, code.line, before.copied())
    }))
}

/// The breakpoint at which a thread stops that is about to leave a Python frame by an exception, or to look for its handler
/// there; and the exception. An exception that comes from a frame further in has a traceback already.
fn raised(host: &mut dyn Host, thread: u64) -> Result<Option<(u32, String)>, CommandError> {
    let kept = steps(host)?.breaks.iter();
    let wanted: Vec<(u32, Option<String>)> = kept
        .filter_map(|kept| match &kept.what {
            What::Raised { name, .. } => Some((kept.number, name.clone())),
            What::Line { .. } | What::Variable { .. } => None,
        })
        .collect();
    with(host, |view| {
        let Some(innermost) = view.thread_of(thread).and_then(|thread| thread.innermost()) else { return Ok(None) };
        let view = view.within(innermost.interpreter);
        let ctx = view.ctx();
        let tstate = innermost.state.addr;
        let value = innermost.state.raising;
        let (kind, traceback) = match (ctx.layouts.thread.current_exception.is_some(), value) {
            (true, Some(value)) => {
                (ctx.ptr(field!(ctx, object.ob_type), value)?, ctx.ptr(field!(ctx, exception.traceback), value)?)
            }
            (true, None) => return Ok(None),
            (false, _) => (
                ctx.ptr(field!(ctx, thread.curexc_type), tstate)?,
                ctx.ptr(field!(ctx, thread.curexc_traceback), tstate)?,
            ),
        };
        if !traceback.is_null() {
            return Ok(None);
        }
        let hit = wanted.iter().find(|(_, name)| name.as_ref().is_none_or(|name| is_of(&view.heap, kind, name)));
        let named = || view.heap.type_info(kind).map_or_else(String::new, |info| view.heap.full_name(&info));
        let text = |value: Addr| -> Result<String, DecodeError> {
            // Before 3.12 the exception may not have been made yet: then the value is what it will be made of.
            let made = view.heap.is_exception(value);
            let shown = view.object(value).repr.to_string();
            Ok(if made { shown } else { format!("{}({shown})", named()) })
        };
        Ok(match hit {
            Some((number, _)) => Some((*number, value.map_or_else(|| Ok(named()), text)?)),
            None => None,
        })
    })
}

/// Whether a type, or one that it is derived from, has this name, with or without its module.
fn is_of(heap: &Heap<'_>, kind: Addr, name: &str) -> bool {
    let Some(info) = heap.type_info(kind) else { return false };
    let is_it =
        |at: &Addr| heap.type_info(*at).is_some_and(|info| info.dunder_name() == name || heap.full_name(&info) == name);
    heap.mro(&info).iter().any(is_it) || info.dunder_name() == name
}

fn shown(kept: &Kept) -> Breakpoint {
    let (kind, place, lines) = match &kept.what {
        What::Line { text, codes } => {
            let line = |code: &FoundCode| format!("{}:{}", code.file, code.line);
            (BreakKind::BeginsLine, text.clone(), codes.iter().map(line).collect())
        }
        What::Variable { text, .. } => (BreakKind::ChangesVariable, text.clone(), Vec::new()),
        What::Raised { name, .. } => {
            (BreakKind::RaisesException, name.clone().unwrap_or_else(|| "any exception".to_owned()), Vec::new())
        }
    };
    Breakpoint {
        number: kept.number,
        kind,
        place,
        lines,
        temporary: kept.temporary,
        condition: kept.condition.as_ref().map(|c| c.text.clone()),
        hits: kept.hits,
    }
}

/// What is watched for the breakpoints: which breakpoint, which of its code objects, which instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fetch {
    number: u32,
    code: usize,
    offset: u64,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// Bytecode of a breakpoint.
    Fetch(Fetch),
    /// A variable.
    Variable(u32),
    /// The end of its frame.
    End(u32),
}

/// The watchpoints of all breakpoints.
fn watches(host: &mut dyn Host) -> Result<Vec<(Item, Watch)>, CommandError> {
    let mut out = Vec::new();
    for kept in &steps(host)?.breaks {
        match &kept.what {
            What::Line { codes, .. } => {
                for (at, code) in codes.iter().enumerate() {
                    out.extend(code.offsets.iter().map(|offset| {
                        let address = code.start.wrapping_add(*offset).0;
                        let fetch = Fetch { number: kept.number, code: at, offset: *offset };
                        let (value, quiet) = (0, Quiet::Never);
                        let watch = Watch { address, size: CODE_UNIT, value, quiet, access: true, thread: None };
                        (Item::Fetch(fetch), watch)
                    }));
                }
            }
            What::Variable { thread, word, end, .. } => {
                let any = Watch { thread: None, ..watch(word, Quiet::Never, *thread) };
                out.push((Item::Variable(kept.number), any));
                let ended = Watch { value: !end.value, ..watch(end, Quiet::Other(end.value), *thread) };
                out.push((Item::End(kept.number), ended));
            }
            What::Raised { .. } => {}
        }
    }
    Ok(out)
}

/// C functions of the breakpoints.
fn calls(host: &mut dyn Host) -> Result<Vec<u64>, CommandError> {
    let at = |kept: &Kept| match kept.what {
        What::Raised { at, .. } => Some(at),
        What::Line { .. } | What::Variable { .. } => None,
    };
    let mut list: Vec<u64> = steps(host)?.breaks.iter().filter_map(at).collect();
    list.dedup();
    Ok(list)
}
