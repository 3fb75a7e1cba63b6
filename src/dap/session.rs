//! One session: requests in, answers and events out.

use super::protocol::{
    BreakpointsArguments, CancelArguments, Client, CompletionsArguments, DisassembleArguments, EvaluateArguments,
    Evaluated, LocationsArguments, ModulesArguments, ReadMemoryArguments, Refusal, Request, ScopesArguments,
    SourceArguments, StackTraceArguments, ThreadArguments, VariablesArguments, read_message, write_message,
};
use super::stack::{SourceTexts, exception_info, frame, thread_name};
use super::target::{Debuggee, FrameAt};
use super::variables::{self, Handles, Shower, line_limits};
use super::{columns, console, memory};
use crate::base::escape_terminal;
use crate::engine::Place;
use crate::plugins::Plugins;
use crate::render::{doubt, doubts, sureness};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::io::{self, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers of requests that were given up.
type Cancelled = Arc<Mutex<HashSet<i64>>>;

/// Serves one client until it disconnects.
///
/// # Errors
/// When the client cannot be written to. A client that goes away ends the session.
pub fn serve(input: impl Read + Send + 'static, output: &mut dyn Write, plugins: Plugins) -> io::Result<()> {
    let cancelled = Cancelled::default();
    let requests = read_requests(input, Arc::clone(&cancelled));
    let mut session = Session::new(output, plugins);
    // A process is held by the thread that stopped it: all is done by this one.
    for request in requests {
        let was_cancelled = locked(&cancelled).remove(&request.seq);
        if !session.handle(&request, was_cancelled)? {
            break;
        }
    }
    Ok(())
}

/// Requests as they come. Another thread reads them, so that one can give up another.
fn read_requests(input: impl Read + Send + 'static, cancelled: Cancelled) -> Receiver<Request> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut input = BufReader::new(input);
        // A broken stream ends the session as its end does.
        while let Ok(Some(message)) = read_message(&mut input) {
            let Ok(request) = serde_json::from_slice::<Request>(&message) else { continue };
            if request.command == "cancel" {
                let arguments: CancelArguments = serde_json::from_value(request.arguments.clone()).unwrap_or_default();
                locked(&cancelled).extend(arguments.request_id);
            }
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    receiver
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Nothing,
    /// The client may send its breakpoints.
    Configure,
    /// The client is told where the process stands.
    Stop,
    End,
}

struct Session<'o> {
    output: &'o mut dyn Write,
    seq: i64,
    client: Client,
    initialized: bool,
    debuggee: Option<Debuggee>,
    handles: Handles,
    texts: SourceTexts,
    plugins: Plugins,
}

type Answer = Result<(Json, Then), Refusal>;

impl<'o> Session<'o> {
    fn new(output: &'o mut dyn Write, plugins: Plugins) -> Self {
        Session {
            output,
            seq: 0,
            client: Client::default(),
            initialized: false,
            debuggee: None,
            handles: Handles::default(),
            texts: SourceTexts::default(),
            plugins,
        }
    }

    /// Answers one request; whether the session goes on.
    fn handle(&mut self, request: &Request, cancelled: bool) -> io::Result<bool> {
        if request.command == "attach" || request.command == "launch" {
            self.progress("progressStart", json!({ "title": "Reading the dump" }))?;
        }
        let answer = if cancelled { Err(Refusal::new("cancelled")) } else { self.answer(request) };
        if request.command == "attach" || request.command == "launch" {
            self.progress("progressEnd", json!({}))?;
        }
        let mut then = Then::Nothing;
        let mut response = json!({
            "type": "response", "request_seq": request.seq, "command": request.command, "success": answer.is_ok(),
        });
        if let Some(object) = response.as_object_mut() {
            match answer {
                Ok((body, next)) => {
                    then = next;
                    if !body.is_null() {
                        object.insert("body".to_owned(), body);
                    }
                }
                Err(refusal) => {
                    object.insert("message".to_owned(), json!(refusal.message));
                    let error = json!({ "id": 1, "format": braced(&refusal.message), "showUser": refusal.show });
                    object.insert("body".to_owned(), json!({ "error": error }));
                }
            }
        }
        // The answer to `attach` comes after the client was told that it may configure.
        if then == Then::Configure {
            self.event("initialized", Json::Null)?;
        }
        self.send(response)?;
        let untold = self.texts.take_untold();
        self.say(&untold)?;
        match then {
            Then::Nothing | Then::Configure => {}
            Then::Stop => self.stopped()?,
            Then::End => self.event("terminated", Json::Null)?,
        }
        Ok(then != Then::End)
    }

    fn send(&mut self, mut message: Json) -> io::Result<()> {
        self.seq = self.seq.saturating_add(1);
        if let Some(object) = message.as_object_mut() {
            object.insert("seq".to_owned(), json!(self.seq));
        }
        write_message(&mut self.output, &message)
    }

    fn event(&mut self, name: &str, body: Json) -> io::Result<()> {
        let mut message = json!({ "type": "event", "event": name });
        if let Some(object) = message.as_object_mut().filter(|_| !body.is_null()) {
            object.insert("body".to_owned(), body);
        }
        self.send(message)
    }

    fn progress(&mut self, name: &str, mut body: Json) -> io::Result<()> {
        if !self.client.supports_progress_reporting {
            return Ok(());
        }
        if let Some(object) = body.as_object_mut() {
            object.insert("progressId".to_owned(), json!("open"));
        }
        self.event(name, body)
    }

    fn stopped(&mut self) -> io::Result<()> {
        let Some(debuggee) = &self.debuggee else { return Ok(()) };
        let report = &debuggee.report;
        let mut body = json!({ "allThreadsStopped": true });
        if let Some(object) = body.as_object_mut() {
            let (reason, summary) = match &report.crash {
                Some(crash) => ("exception", escape_terminal(&crash.summary)),
                None => ("pause", "the process did not crash".to_owned()),
            };
            object.insert("reason".to_owned(), json!(reason));
            object.insert("description".to_owned(), json!(summary));
            if let Some(finding) = report.findings.first() {
                object.insert("text".to_owned(), json!(escape_terminal(&finding.title)));
            }
            if let Some(thread) = debuggee.stopped_thread() {
                object.insert("threadId".to_owned(), json!(thread));
            }
        }
        let found = report.findings.iter().map(|f| format!("{} ({})", f.title, sureness(f.confidence)));
        let said: Vec<String> = found.chain(doubts(report).into_iter().map(doubt)).collect();
        self.say(&said)?;
        self.event("stopped", body)
    }

    /// Lines for the console.
    fn say(&mut self, lines: &[String]) -> io::Result<()> {
        for line in lines {
            let text = format!("{}\n", escape_terminal(line));
            self.event("output", json!({ "category": "console", "output": text }))?;
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let done = |body: Json| Ok((body, Then::Nothing));
        let given = &request.arguments;
        match request.command.as_str() {
            "initialize" => {
                self.client = parsed(given)?;
                self.initialized = true;
                done(capabilities())
            }
            // What a session ends with, whatever has become of it.
            "disconnect" | "terminate" => {
                self.debuggee = None;
                Ok((Json::Null, Then::End))
            }
            "cancel" => done(Json::Null),
            _ if !self.initialized => Err(Refusal::new("the session begins with initialize")),
            "attach" | "launch" if self.debuggee.is_some() => Err(Refusal::new("the session has its process already")),
            "attach" | "launch" => {
                self.debuggee = Some(Debuggee::open(&parsed(given)?)?);
                Ok((Json::Null, Then::Configure))
            }
            "setBreakpoints"
            | "setFunctionBreakpoints"
            | "setExceptionBreakpoints"
            | "setInstructionBreakpoints"
            | "setDataBreakpoints" => done(unverified(&parsed(given)?)),
            "configurationDone" => Ok((Json::Null, Then::Stop)),
            "continue" | "next" | "stepIn" | "stepOut" | "stepBack" | "reverseContinue" | "pause" | "goto"
            | "restartFrame" => Err(Refusal::new("nothing runs here: the process is dead, or stopped to be looked at")),
            "setVariable" | "setExpression" | "writeMemory" => Err(Refusal::new("nothing is changed here")),
            "threads" => done(self.threads()?),
            "stackTrace" => done(self.stack_trace(&parsed(given)?)?),
            "scopes" => done(self.scopes(&parsed(given)?)?),
            "variables" => done(self.variables(&parsed(given)?)?),
            "evaluate" => done(self.evaluate(&parsed(given)?)?),
            "completions" => done(self.completions(&parsed(given)?)?),
            "exceptionInfo" => {
                let arguments: ThreadArguments = parsed(given)?;
                let debuggee = self.opened()?;
                done(exception_info(debuggee, debuggee.thread(arguments.thread_id)?)?)
            }
            "source" => {
                let arguments: SourceArguments = parsed(given)?;
                let number = arguments.source.map_or(arguments.source_reference, |s| s.source_reference);
                done(json!({ "content": self.texts.text(number)?, "mimeType": "text/x-python" }))
            }
            "modules" => done(self.modules(&parsed(given)?)?),
            "readMemory" => {
                let arguments: ReadMemoryArguments = parsed(given)?;
                done(memory::read(self.opened()?, &arguments)?)
            }
            "disassemble" => {
                let arguments: DisassembleArguments = parsed(given)?;
                done(memory::disassemble(self.opened()?, &arguments)?)
            }
            "locations" => done(self.location(&parsed(given)?)?),
            other => Err(Refusal::new(format!("{} is not supported", escape_terminal(other)))),
        }
    }

    fn opened(&self) -> Result<&Debuggee, Refusal> {
        self.debuggee.as_ref().ok_or_else(|| Refusal::new("no process is attached"))
    }

    fn threads(&self) -> Result<Json, Refusal> {
        let list = self.opened()?.threads().map(|(id, thread)| json!({ "id": id, "name": thread_name(thread) }));
        Ok(json!({ "threads": list.collect::<Vec<_>>() }))
    }

    fn stack_trace(&mut self, arguments: &StackTraceArguments) -> Result<Json, Refusal> {
        let debuggee = self.debuggee.as_ref().ok_or_else(|| Refusal::new("no process is attached"))?;
        let thread = debuggee.thread(arguments.thread_id)?;
        let list: Vec<(i64, FrameAt)> = debuggee.frames_of(thread).collect();
        let levels = if arguments.levels == 0 { usize::MAX } else { arguments.levels };
        let wanted = list.iter().skip(arguments.start_frame).take(levels);
        let frames: Vec<_> = wanted.map(|(id, at)| frame(debuggee, &mut self.texts, &self.client, *id, *at)).collect();
        Ok(json!({ "stackFrames": frames, "totalFrames": list.len() }))
    }

    fn scopes(&mut self, arguments: &ScopesArguments) -> Result<Json, Refusal> {
        let debuggee = self.debuggee.as_ref().ok_or_else(|| Refusal::new("no process is attached"))?;
        let at = debuggee.frame_at(arguments.frame_id)?;
        Ok(json!({ "scopes": variables::scopes(debuggee, &mut self.handles, at) }))
    }

    fn variables(&mut self, arguments: &VariablesArguments) -> Result<Json, Refusal> {
        let debuggee = self.debuggee.as_ref().ok_or_else(|| Refusal::new("no process is attached"))?;
        let list = variables::variables(debuggee, &mut self.handles, self.client, arguments)?;
        Ok(json!({ "variables": list }))
    }

    /// Frame and place of an optional frame id.
    fn place(debuggee: &Debuggee, id: Option<i64>) -> Result<(Option<FrameAt>, Place), Refusal> {
        match id.filter(|id| *id != 0) {
            None => Ok((None, Place::default())),
            Some(id) => debuggee.frame_at(id).map(|at| (Some(at), debuggee.place(at))),
        }
    }

    fn evaluate(&mut self, arguments: &EvaluateArguments) -> Result<Json, Refusal> {
        let debuggee = self.debuggee.as_ref().ok_or_else(|| Refusal::new("no process is attached"))?;
        let (at, place) = Session::place(debuggee, arguments.frame_id)?;
        let expression = arguments.expression.trim();
        if arguments.context.as_deref() == Some("repl")
            && let Some(said) = console::command(debuggee.inspection(), &self.plugins, place, expression)
        {
            let result = said?.trim_end().to_owned();
            return serde_json::to_value(Evaluated { result, ..Evaluated::default() }).map_err(Refusal::new);
        }
        let found = debuggee.inspection().evaluate(expression, place).map_err(Refusal::new)?;
        let interpreter = debuggee.interpreter(at);
        // What goes to the clipboard is not cut to a line.
        let whole = arguments.context.as_deref() == Some("clipboard");
        let limits = if whole { crate::cpython::object::ReprLimits::default() } else { line_limits() };
        let shower = Shower { debuggee, heap: &found.heap, interpreter, client: self.client, limits };
        let path = Some(expression.to_owned());
        let shown = shower.variable(&mut self.handles, expression.to_owned(), &found.value, path);
        serde_json::to_value(Evaluated::from(shown)).map_err(Refusal::new)
    }

    fn completions(&self, arguments: &CompletionsArguments) -> Result<Json, Refusal> {
        let debuggee = self.opened()?;
        let (_, place) = Session::place(debuggee, arguments.frame_id)?;
        let text = columns::before(&arguments.text, arguments.column, &self.client);
        // The path that ends at the cursor, and of it the last name.
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let after = |end: Option<(usize, char)>| end.map_or(0, |(at, c)| at.saturating_add(c.len_utf8()));
        let last = |wanted: &dyn Fn(char) -> bool| text.char_indices().rev().find(|(_, c)| wanted(*c));
        let path = after(last(&|c| !is_name(c) && !".[]'\"@-".contains(c)));
        let cut = after(last(&|c| !is_name(c)));
        let (before, begun) = (text.get(..cut).unwrap_or_default(), text.get(cut..).unwrap_or_default());
        let inside = before.get(path..).map_or(0, str::len);
        let found = console::completions(debuggee.inspection(), place, text.get(path..).unwrap_or_default());
        let mut names: Vec<String> =
            found.into_iter().filter_map(|whole| Some(whole.get(inside..)?.to_owned())).collect();
        if before.is_empty() {
            names.extend(console::names(&self.plugins, begun));
        }
        names.sort();
        names.dedup();
        let start = columns::to_client(text, u32::try_from(cut).unwrap_or(u32::MAX), &self.client);
        let length = begun.encode_utf16().count();
        let targets = names
            .into_iter()
            .take(1000)
            .map(|name| json!({ "label": name, "type": "variable", "start": start, "length": length }));
        Ok(json!({ "targets": targets.collect::<Vec<_>>() }))
    }

    fn modules(&self, arguments: &ModulesArguments) -> Result<Json, Refusal> {
        let list = memory::modules(self.opened()?);
        let count = if arguments.module_count == 0 { usize::MAX } else { arguments.module_count };
        let total = list.len();
        let wanted: Vec<_> = list.into_iter().skip(arguments.start_module).take(count).collect();
        Ok(json!({ "modules": wanted, "totalModules": total }))
    }

    fn location(&mut self, arguments: &LocationsArguments) -> Result<Json, Refusal> {
        let (file, line) = self.handles.location(arguments.location_reference)?;
        let debuggee = self.debuggee.as_ref().ok_or_else(|| Refusal::new("no process is attached"))?;
        let source = self.texts.source(debuggee, &file);
        let line = if self.client.lines_start_at1 { line } else { line.saturating_sub(1) };
        Ok(json!({ "source": source, "line": line }))
    }
}

/// The arguments of a request; what it does not give has its default.
fn parsed<T: DeserializeOwned>(arguments: &Json) -> Result<T, Refusal> {
    let given = if arguments.is_null() { json!({}) } else { arguments.clone() };
    serde_json::from_value(given).map_err(|e| Refusal::new(format!("the arguments are not understood: {e}")))
}

/// A text as a format of the protocol's, in which `{name}` would be a variable.
fn braced(text: &str) -> String {
    text.replace('{', "(").replace('}', ")")
}

fn unverified(arguments: &BreakpointsArguments) -> Json {
    let one = json!({ "verified": false, "message": "nothing runs here that could stop", "reason": "failed" });
    let count = arguments.breakpoints.len().max(arguments.filters.len());
    json!({ "breakpoints": vec![one; count] })
}

fn capabilities() -> Json {
    json!({
        "supportsConfigurationDoneRequest": true,
        "supportsEvaluateForHovers": true,
        "supportsExceptionInfoRequest": true,
        "supportsDelayedStackTraceLoading": true,
        "supportsModulesRequest": true,
        "supportsReadMemoryRequest": true,
        "supportsDisassembleRequest": true,
        "supportsCompletionsRequest": true,
        "completionTriggerCharacters": ["."],
        "supportsClipboardContext": true,
        "supportsCancelRequest": true,
        "supportsTerminateRequest": true,
        "supportTerminateDebuggee": false,
        "supportsSteppingGranularity": false,
    })
}
