//! Threads, frames and sources for the client.

use super::columns;
use super::protocol::{Client, Refusal, Source, StackFrame};
use super::target::{Debuggee, FrameAt, reference};
use crate::base::{escape_terminal, file_name};
use crate::model::{ExceptionInfo, ExceptionLink, Frame, FrameKind, Thread, WaitKind};
use crate::render::{interpreter_mark, sureness, thread_label};
use serde_json::{Value as Json, json};

/// Sources that are given by number: texts from the process's memory, by the process's name for them.
#[derive(Debug, Default)]
pub struct SourceTexts {
    names: Vec<String>,
    known: std::collections::HashMap<String, Known>,
    /// What the client was not told of them yet, a line each.
    untold: Vec<String>,
}

#[derive(Clone, Debug)]
struct Known {
    source: Source,
    text: Option<String>,
    /// Whether it is likely another one than ran.
    doubted: bool,
}

impl SourceTexts {
    /// The source of a name that the process has for a file.
    pub fn source(&mut self, debuggee: &Debuggee, name: &str) -> Source {
        if let Some(known) = self.known.get(name) {
            return known.source.clone();
        }
        let inspection = debuggee.inspection();
        let shown = escape_terminal(name);
        let here = inspection.sources().and_then(|sources| sources.host_path(name));
        let kept = if here.is_none() { inspection.kept_source(name) } else { None };
        let mut source = Source { name: file_name(&shown).to_owned(), ..Source::default() };
        match (here, &kept) {
            (Some(path), _) => {
                source.origin = (path.as_os_str() != name).then(|| format!("{shown} in the process"));
                source.path = Some(path.display().to_string());
            }
            (None, Some(_)) => {
                self.names.push(name.to_owned());
                source.source_reference = i64::try_from(self.names.len()).ok();
                source.origin = Some("kept by linecache in the process".to_owned());
            }
            (None, None) => {
                source.origin = Some(format!("{shown} in the process; its text is not available"));
                source.presentation_hint = Some("deemphasize");
            }
        }
        self.known.insert(name.to_owned(), Known { source: source.clone(), text: kept, doubted: false });
        source
    }

    /// The source of a frame of `function`, which says so where it is likely another one than ran.
    fn source_of(&mut self, debuggee: &Debuggee, name: &str, function: Option<&str>) -> Source {
        let _ = self.source(debuggee, name);
        let Some(known) = self.known.get_mut(name) else { return Source::default() };
        let sources = debuggee.inspection().sources().filter(|_| known.source.path.is_some() && !known.doubted);
        if let Some(doubt) = sources.zip(function).and_then(|(sources, function)| sources.doubt(name, function)) {
            let doubt = escape_terminal(&doubt.to_string());
            known.doubted = true;
            known.source.presentation_hint = Some("deemphasize");
            let before = known.source.origin.take().map(|origin| format!("{origin}; ")).unwrap_or_default();
            known.source.origin = Some(format!("{before}{doubt}"));
            self.untold.push(doubt);
        }
        known.source.clone()
    }

    /// What is to be told of sources, once.
    pub fn take_untold(&mut self) -> Vec<String> {
        std::mem::take(&mut self.untold)
    }

    /// The text of a number.
    pub fn text(&self, reference: i64) -> Result<&str, Refusal> {
        let at = usize::try_from(reference).ok().and_then(|at| at.checked_sub(1));
        let text = at.and_then(|at| self.known.get(self.names.get(at)?)?.text.as_deref());
        text.ok_or_else(|| Refusal::new("there is no such source"))
    }

    /// A line of a source, where its text is available.
    fn line(&self, debuggee: &Debuggee, name: &str, number: u32) -> Option<String> {
        if let Some(text) = self.known.get(name).and_then(|known| known.text.as_ref()) {
            let index = usize::try_from(number).ok()?.checked_sub(1)?;
            return text.lines().nth(index).map(str::to_owned);
        }
        debuggee.inspection().sources()?.line(name, number)
    }
}

/// Name of a thread, with its state.
pub fn thread_name(thread: &Thread) -> String {
    let mut out = thread_label(thread);
    let python = thread.python.as_ref();
    let mut note = |text: &str| out.push_str(&format!(", {text}"));
    if thread.crashed {
        note("crashed");
    }
    if python.is_some_and(|p| p.holds_gil == Some(true)) {
        note("holds the GIL");
    }
    if python.is_some_and(|p| p.collecting == Some(true)) {
        note("collects garbage");
    }
    if let Some(wait) = &thread.waits_for {
        match wait.kind {
            WaitKind::Finalized => note("waits for ever: the interpreter has ended"),
            _ => note(&format!("waits for {}", escape_terminal(&wait.what))),
        }
    }
    out
}

/// A frame for the client.
pub fn frame(debuggee: &Debuggee, texts: &mut SourceTexts, client: &Client, id: i64, at: FrameAt) -> StackFrame {
    let Some(frame) = debuggee.frame(at) else { return StackFrame::default() };
    let native = frame.native.as_ref();
    let line = |line: u32| if client.lines_start_at1 { line } else { line.saturating_sub(1) };
    let mut out = StackFrame {
        id,
        name: name(frame),
        line: frame.line.map_or(0, line),
        instruction_pointer_reference: native.map(|n| reference(n.ip)),
        module_id: native.and_then(|n| n.module_id).and_then(|m| i64::try_from(m.index()).ok()),
        presentation_hint: match (frame.kind, native.and_then(|n| n.trust)) {
            (FrameKind::Python, _) => None,
            // It stands for frames that are left out.
            (_, None) => Some("label"),
            _ => Some("subtle"),
        },
        ..StackFrame::default()
    };
    let Some(file) = frame.file.as_ref().map(ToString::to_string) else { return out };
    if frame.kind != FrameKind::Python {
        // Files of native code are named as their compiler had them, and are not looked for here.
        let name = escape_terminal(&file);
        let (hint, origin) = (Some("deemphasize"), Some(name.clone()));
        let short = file_name(&name).to_owned();
        out.source = Some(Source { name: short, presentation_hint: hint, origin, ..Source::default() });
        return out;
    }
    let function = frame.function.as_ref().map(ToString::to_string);
    out.source = Some(texts.source_of(debuggee, &file, function.as_deref()));
    let column = |number: Option<u32>, byte: Option<u32>| {
        let text = texts.line(debuggee, &file, number?)?;
        Some(columns::to_client(&text, byte?, client))
    };
    // Bytes are no columns where the line's text is not available.
    let start = column(frame.line, frame.column);
    out.column = start.unwrap_or(u32::from(client.columns_start_at1 && frame.line.is_some()));
    if start.is_some() {
        out.end_column = column(frame.end_line.or(frame.line), frame.end_column);
        out.end_line = out.end_column.and(frame.end_line.or(frame.line)).map(line);
    }
    out
}

fn name(frame: &Frame) -> String {
    let text = frame.qualname.as_ref().or(frame.function.as_ref()).map(ToString::to_string);
    let name = text.map(|text| escape_terminal(&text));
    let native = frame.native.as_ref();
    match (frame.kind, name) {
        (FrameKind::Python, name) => name.unwrap_or_else(|| "<unreadable code>".to_owned()) + &interpreter_mark(frame),
        (_, Some(name)) => name,
        (_, None) => {
            let module = native.and_then(|n| n.module.as_ref()).map(|path| escape_terminal(file_name(path)));
            let ip = native.map(|n| n.ip.to_string()).unwrap_or_default();
            match (module, native.and_then(|n| n.module_offset)) {
                (Some(module), Some(offset)) => format!("{module}+{offset}"),
                (Some(module), None) => format!("{module} {ip}"),
                _ => ip,
            }
        }
    }
}

/// Cause of death and exceptions of a thread, as the answer to `exceptionInfo`.
pub fn exception_info(debuggee: &Debuggee, thread: usize) -> Result<Json, Refusal> {
    let report = &debuggee.report;
    let about = report.threads.get(thread).ok_or_else(|| Refusal::new("there is no such thread"))?;
    let inner: Vec<&ExceptionInfo> = about.states().flat_map(|p| p.raising.iter().chain(&p.handling)).collect();
    let finding = report.findings.iter().find(|f| f.tid.is_none() || f.tid == about.tid).filter(|_| about.crashed);
    let crash = report.crash.as_ref().filter(|_| about.crashed);
    let innermost = inner.first().map(|e| escape_terminal(&e.summary));
    let id = finding.map(|f| f.id.to_string()).or_else(|| crash.and_then(|c| c.name.clone()));
    let id = id.or_else(|| inner.first().and_then(|e| e.value.type_name.clone()));
    let title = finding.map(|f| escape_terminal(&f.title)).or_else(|| crash.map(|c| escape_terminal(&c.summary)));
    let Some((id, title)) = id.zip(title.or(innermost)) else {
        return Err(Refusal::new("the thread neither crashed nor handles an exception"));
    };
    let mut text = title.clone();
    if let Some(finding) = finding {
        text.push_str(&format!(" ({})", sureness(finding.confidence)));
        for line in finding.evidence.iter().chain(&finding.advice) {
            text.push_str(&format!("\n{}", escape_terminal(line)));
        }
    }
    Ok(json!({
        "exceptionId": id,
        "description": text,
        "breakMode": "always",
        "details": {
            "message": title,
            "typeName": id,
            "stackTrace": stack_text(about),
            "innerException": inner.iter().map(|e| exception(e)).collect::<Vec<_>>(),
        },
    }))
}

fn stack_text(thread: &Thread) -> String {
    let line = |f: &Frame| {
        let file = f.file.as_ref().map_or_else(|| "???".to_owned(), |file| escape_terminal(&file.to_string()));
        let number = f.line.map_or_else(|| "???".to_owned(), |line| line.to_string());
        format!("  File \"{file}\", line {number}, in {}\n", name(f))
    };
    thread.frames.iter().filter(|f| f.kind == FrameKind::Python).map(line).collect()
}

/// An exception with what led to it. Chains are as long as the report has them, which bounds them.
fn exception(info: &ExceptionInfo) -> Json {
    let mut chain: Vec<&ExceptionInfo> = vec![info];
    let mut next = info.caused_by.as_deref();
    while let Some(ExceptionLink { exception, .. }) = next {
        chain.push(exception);
        next = exception.caused_by.as_deref();
    }
    let one = |info: &ExceptionInfo, inner: Vec<Json>| {
        let entry = |e: &crate::model::TracebackEntry| {
            let text = |t: &Option<crate::base::Text>| {
                t.as_ref().map_or("???".to_owned(), |t| escape_terminal(&t.to_string()))
            };
            let line = e.line.map_or_else(|| "???".to_owned(), |line| line.to_string());
            format!("  File \"{}\", line {line}, in {}\n", text(&e.file), text(&e.function))
        };
        json!({
            "message": escape_terminal(&info.summary),
            "typeName": info.value.type_name.as_deref().map(escape_terminal),
            "stackTrace": info.traceback.iter().map(entry).collect::<String>(),
            "innerException": inner,
        })
    };
    let mut inner: Vec<Json> = Vec::new();
    for info in chain.into_iter().rev() {
        inner = vec![one(info, inner)];
    }
    inner.pop().unwrap_or_default()
}
