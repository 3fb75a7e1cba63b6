//! Answers of commands as text, in the manner of the debugger where the command was given, or in our own.

mod lists;
mod objects;
mod stacks;

use super::text::{self, TextOptions};
use super::{address, heap, info, memory, tasks};
use crate::base::escape_terminal;
use crate::commands::host::Style;
use crate::commands::values::shortened;
use crate::model::Value;
use crate::model::answers::Answer;

/// How to write an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Whose ways to keep to.
    pub style: Style,
    /// Whether to show all that the answer has.
    pub verbose: bool,
    /// Colours and the like, for what is shown in our own way.
    pub text: TextOptions,
}

/// An answer as text; each line ends with a line end, but for what is no line (a value by itself).
#[must_use]
pub fn text(answer: &Answer, manner: &Manner) -> String {
    match answer {
        Answer::Stacks(stacks) => stacks::all(stacks, manner),
        Answer::Selected(entry) => stacks::selected(entry, manner),
        Answer::Stepped(stepped) => stacks::stepped(stepped),
        Answer::Breakpoints(breakpoints) => lists::breakpoints(breakpoints),
        Answer::Source(lines) => lists::source(lines, manner),
        Answer::Locals(locals) => objects::locals(locals, manner),
        Answer::Printed(printed) => objects::printed(printed, manner),
        Answer::Object(object) => objects::object(object, manner),
        Answer::References(references) => objects::references(references),
        Answer::Threads(threads) => lists::threads(threads),
        Answer::Exceptions(exceptions) => lists::exceptions(exceptions, manner),
        Answer::Tasks(found) => tasks::of_command(found, &manner.text),
        Answer::Report(report) => text::render(report, &manner.text),
        Answer::Info(report) => info::render(report, &manner.text),
        Answer::Modules(modules) => lists::modules(modules),
        Answer::Registers(registers) => lists::registers(registers),
        Answer::ForThreads(threads) => lists::for_threads(threads, manner),
        Answer::Status(status) => lists::status(status),
        Answer::Heap(answer) => heap::render(answer),
        Answer::Memory(answer) => memory::text(answer),
        Answer::Address(answer) => address::text(answer),
        Answer::Frame(frame) => stacks::whole_frame(frame, manner),
        Answer::Value(value) => value_text(value, manner),
        Answer::TypeName(name) => escape_terminal(name),
        Answer::Nothing(()) => String::new(),
    }
}

/// A value: debuggers' users expect it to be cut, elsewhere the limits that it was read with are enough.
fn value_text(value: &Value, manner: &Manner) -> String {
    cut(&escape_terminal(&value.repr), manner)
}

fn cut(text: &str, manner: &Manner) -> String {
    if manner.style == Style::Own { text.to_owned() } else { shortened(text) }
}
