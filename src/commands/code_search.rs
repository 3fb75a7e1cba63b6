//! Where a function or a line of a file is in the process: code objects of modules, classes, functions and of frames that run.

use super::current::with_view;
use super::host::Host;
use super::lookup::look_up;
use super::run::CommandError;
use super::view::View;
use crate::base::{Addr, escape_terminal};
use crate::cpython::DecodeError;
use crate::cpython::code::Code;
use crate::cpython::object::{DictEntries, Heap, Kind, tuple_items};
use crate::cpython::stepping::Lines;
use crate::field;
use std::collections::{HashSet, VecDeque};

/// Objects that are looked at in search of a line.
const MAX_OBJECTS: usize = 500_000;

/// Code in which a line begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCode {
    /// The code object.
    pub code: Addr,
    /// Where its bytecode is.
    pub start: Addr,
    /// Its file, for messages.
    pub file: String,
    /// The line.
    pub line: u32,
    /// Offsets of the instructions that may begin it.
    pub offsets: Vec<u64>,
}

/// The first line of a function, which is given by a path.
pub(super) fn of_function(host: &mut dyn Host, path: &str) -> Result<FoundCode, CommandError> {
    look_up(host, path, |view, found| {
        let code = found.value.object().and_then(|at| code_of(&view.heap, at).ok().flatten());
        let code =
            code.ok_or_else(|| CommandError::message(format!("'{}' is no function of Python", escape_terminal(path))))?;
        let read = view.state.codes.get(view.ctx(), code)?;
        let lines = Lines::of_code(view.ctx(), &read)?;
        let (line, offset) =
            lines.first_line(view.ctx())?.ok_or_else(|| CommandError::message("no line begins in this function"))?;
        Ok(found_code(code, &read, &lines, line, vec![offset]))
    })
}

/// The code objects in which a line of a file begins.
pub(super) fn of_line(host: &mut dyn Host, file: &str, line: u32) -> Result<Vec<FoundCode>, CommandError> {
    with_view(host, |view| {
        let mut found = Vec::new();
        let mut named = false;
        for code in Search::all(view) {
            let Ok(read) = view.state.codes.get(view.ctx(), code) else { continue };
            let Ok(filename) = &read.filename else { continue };
            let filename = filename.to_string();
            if !(filename == file || filename.ends_with(&format!("/{file}"))) {
                continue;
            }
            named = true;
            let Ok(lines) = Lines::of_code(view.ctx(), &read) else { continue };
            let offsets = lines.starts(view.ctx(), line)?;
            if !offsets.is_empty() {
                found.push(found_code(code, &read, &lines, line, offsets));
            }
        }
        let file = escape_terminal(file);
        match (found.is_empty(), named) {
            (false, _) => Ok(found),
            (true, true) => Err(CommandError::message(format!("no line of Python code begins at {file}:{line}"))),
            (true, false) => Err(CommandError::message(format!(
                "no function of the modules in sys.modules and no running frame is of {file}; is it imported yet?"
            ))),
        }
    })
}

fn found_code(code: Addr, read: &Code, lines: &Lines, line: u32, offsets: Vec<u64>) -> FoundCode {
    let file = read.filename.as_ref().map(|name| escape_terminal(&name.to_string())).unwrap_or_default();
    FoundCode { code, start: lines.start(), file, line, offsets }
}

/// The code object of a function, or of what wraps one.
fn code_of(heap: &Heap<'_>, at: Addr) -> Result<Option<Addr>, DecodeError> {
    let (ctx, mut at) = (&heap.ctx, at);
    for _ in 0..8 {
        at = match heap.type_of(at)?.kind {
            Kind::Code => return Ok(Some(at)),
            Kind::Function => ctx.ptr(field!(ctx, function.code), at)?,
            Kind::Method => ctx.ptr(field!(ctx, method.func), at)?,
            Kind::StaticMethod => ctx.ptr(field!(ctx, staticmethod.callable), at)?,
            Kind::ClassMethod => ctx.ptr(field!(ctx, classmethod.callable), at)?,
            Kind::Property => ctx.ptr(field!(ctx, property.get), at)?,
            _ => return Ok(None),
        };
        if at.is_null() {
            return Ok(None);
        }
    }
    Ok(None)
}

/// A walk along what modules hold.
struct Search<'a, 'v> {
    view: &'v View<'a>,
    seen: HashSet<Addr>,
    waiting: VecDeque<Addr>,
    codes: Vec<Addr>,
}

impl Search<'_, '_> {
    /// All code objects that are found.
    fn all(view: &View<'_>) -> Vec<Addr> {
        let mut search = Search { view, seen: HashSet::new(), waiting: VecDeque::new(), codes: Vec::new() };
        for thread in view.threads() {
            for (_, frame) in view.stack(&thread).frames {
                if let Ok(code) = frame.code {
                    search.push(code.addr);
                }
            }
        }
        for interpreter in view.interpreters() {
            if let Ok(modules) = interpreter.modules {
                search.push_dict(modules);
            }
        }
        while let Some(at) = search.waiting.pop_front() {
            // What cannot be read holds no code that could be stopped at.
            let _ = search.look_at(at);
        }
        search.codes
    }

    fn push(&mut self, at: Addr) {
        if !at.is_null() && self.seen.len() < MAX_OBJECTS && self.seen.insert(at) {
            self.waiting.push_back(at);
        }
    }

    fn push_dict(&mut self, dict: Addr) {
        let Ok(entries) = DictEntries::new(self.view.ctx(), dict) else { return };
        for (_, value) in entries.map_while(Result::ok) {
            self.push(value);
        }
    }

    fn look_at(&mut self, at: Addr) -> Result<(), DecodeError> {
        let ctx = *self.view.ctx();
        let info = self.view.heap.type_of(at)?;
        match info.kind {
            Kind::Code => {
                self.codes.push(at);
                for constant in tuple_items(&ctx, ctx.ptr(field!(ctx, code.consts), at)?)?.take(10_000) {
                    let constant = constant?;
                    if self.view.heap.type_of(constant).is_ok_and(|info| info.kind == Kind::Code) {
                        self.push(constant);
                    }
                }
            }
            Kind::Module => {
                let dict = ctx.ptr(field!(ctx, module.dict), at)?;
                self.push_dict(dict);
            }
            Kind::Type => {
                if let Some(info) = self.view.heap.type_info(at)
                    && let Ok(dict) = self.view.heap.type_dict(&info)
                    && info.is_heap
                {
                    self.push_dict(dict);
                }
            }
            _ => {
                if let Some(code) = code_of(&self.view.heap, at)? {
                    self.push(code);
                }
                // What decorators keep.
                if info.kind == Kind::Function {
                    let closure = ctx.ptr(field!(ctx, function.closure), at)?;
                    if !closure.is_null() {
                        for cell in tuple_items(&ctx, closure)?.take(1000) {
                            let held = ctx.ptr(field!(ctx, cell.contents), cell?)?;
                            if !held.is_null() && self.view.heap.type_of(held)?.kind == Kind::Function {
                                self.push(held);
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
