//! Variables for the client: each object that can be opened has a number, and its parts are read when they are asked for.

use super::protocol::{About, Client, Filter, Hint, Refusal, Scope, Variable, VariablesArguments};
use super::target::{Debuggee, FrameAt, reference};
use crate::base::{Addr, escape_terminal};
use crate::cpython::frame::{LocalVar, SlotKind, SlotValue, locals, namespaces};
use crate::cpython::object::{self, AttributeSource, Heap, Item, Key, Kind, ReprLimits, Step, Value};
use crate::model::Fidelity;
use std::collections::HashMap;
use std::hash::Hash;

/// Parts given of one object where the client asks for no number.
const MAX_PARTS: u64 = 1000;
/// Longest path that is given for an object.
const MAX_PATH: usize = 1000;
/// Numbers given out; the protocol has 2^31.
const MAX_HANDLES: usize = 10_000_000;

/// What a number stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Node {
    /// Arguments, or all other variables of a frame.
    Frame { thread: usize, frame: usize, arguments: bool },
    /// A dict whose keys are names: globals, builtins.
    Names { interpreter: usize, dict: Addr },
    /// Registers of a thread.
    Registers { thread: usize },
    /// What is in an object. The path leads to it, where there is one.
    Object { interpreter: usize, addr: Addr, path: Option<String> },
}

/// The numbers given out so far; they are valid as long as the session, since nothing runs.
#[derive(Debug, Default)]
pub struct Handles {
    nodes: Numbers<Node>,
    locations: Numbers<(String, u32)>,
}

impl Handles {
    fn of(&mut self, node: Node) -> i64 {
        if self.nodes.list.len() >= MAX_HANDLES && !self.nodes.known.contains_key(&node) {
            return 0;
        }
        self.nodes.of(node)
    }

    fn node(&self, number: i64) -> Result<Node, Refusal> {
        self.nodes.get(number).ok_or_else(|| Refusal::new("there is no such variable"))
    }

    /// File and line of a location.
    pub fn location(&self, number: i64) -> Result<(String, u32), Refusal> {
        self.locations.get(number).ok_or_else(|| Refusal::new("there is no such location"))
    }
}

/// Numbers from 1 on, the same for equal things.
#[derive(Debug)]
struct Numbers<T> {
    list: Vec<T>,
    known: HashMap<T, i64>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Numbers { list: Vec::new(), known: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Numbers<T> {
    fn of(&mut self, thing: T) -> i64 {
        if let Some(known) = self.known.get(&thing) {
            return *known;
        }
        self.list.push(thing.clone());
        let number = i64::try_from(self.list.len()).unwrap_or(0);
        self.known.insert(thing, number);
        number
    }

    fn get(&self, number: i64) -> Option<T> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.list.get(at).cloned()
    }
}

/// What reads and shows objects of one interpreter.
pub struct Shower<'s, 'a> {
    pub debuggee: &'a Debuggee,
    pub heap: &'s Heap<'a>,
    pub interpreter: usize,
    pub client: Client,
    pub limits: ReprLimits,
}

/// How values are cut that a client shows on one line: what is left out can be opened.
pub fn line_limits() -> ReprLimits {
    ReprLimits { depth: 4, items: 20, characters: 300, ..ReprLimits::default() }
}

/// The scopes of a frame.
pub fn scopes(debuggee: &Debuggee, handles: &mut Handles, at: FrameAt) -> Vec<Scope> {
    let (thread, frame) = (at.thread, at.frame);
    let mut out = Vec::new();
    if let Some((interpreter, python)) = debuggee.python_frame(at)
        && let Some(heap) = debuggee.inspection().python().and_then(|state| state.heap(interpreter))
    {
        let list = locals(&heap, &python, usize::MAX).map(|(list, _)| list).unwrap_or_default();
        let count = |arguments: bool| list.iter().filter(|v| (v.kind == SlotKind::Argument) == arguments).count();
        for (arguments, name, hint) in [(true, "Arguments", "arguments"), (false, "Locals", "locals")] {
            // A frame always has locals, be they none.
            if count(arguments) == 0 && arguments {
                continue;
            }
            out.push(Scope {
                name: name.to_owned(),
                presentation_hint: Some(hint),
                variables_reference: handles.of(Node::Frame { thread, frame, arguments }),
                named_variables: Some(count(arguments) as u64),
                expensive: false,
            });
        }
        for (dict, name) in namespaces(&heap.ctx, &python).into_iter().flatten().zip(["Globals", "Builtins"]) {
            // A redacted dump has zeros where a report needs nothing.
            if dict.is_null() {
                continue;
            }
            out.push(Scope {
                name: name.to_owned(),
                variables_reference: handles.of(Node::Names { interpreter, dict }),
                named_variables: object::dict_len(&heap.ctx, dict).ok(),
                expensive: true,
                ..Scope::default()
            });
        }
    }
    // Registers are those of the innermost frame.
    if at.frame == 0 && registers(debuggee, thread).is_some() {
        out.push(Scope {
            name: "Registers".to_owned(),
            presentation_hint: Some("registers"),
            variables_reference: handles.of(Node::Registers { thread }),
            expensive: true,
            ..Scope::default()
        });
    }
    out
}

fn registers(debuggee: &Debuggee, thread: usize) -> Option<Vec<(&'static str, u64)>> {
    let tid = debuggee.report.threads.get(thread)?.tid?;
    Some(debuggee.inspection().target().thread(tid)?.registers.as_ref()?.values.clone())
}

/// The variables of a number.
pub fn variables(
    debuggee: &Debuggee,
    handles: &mut Handles,
    client: Client,
    arguments: &VariablesArguments,
) -> Result<Vec<Variable>, Refusal> {
    let node = handles.node(arguments.variables_reference)?;
    let interpreter = match &node {
        Node::Registers { thread } => {
            let list = registers(debuggee, *thread).unwrap_or_default().into_iter();
            return Ok(list.map(|(name, value)| register(client, name, value)).collect());
        }
        Node::Frame { thread, frame, .. } => debuggee.interpreter(Some(FrameAt { thread: *thread, frame: *frame })),
        Node::Names { interpreter, .. } | Node::Object { interpreter, .. } => *interpreter,
    };
    let none = || Refusal::new("no CPython was found in this process");
    let heap = debuggee.inspection().python().and_then(|state| state.heap(interpreter)).ok_or_else(none)?;
    let shower = Shower { debuggee, heap: &heap, interpreter, client, limits: line_limits() };
    match node {
        Node::Frame { thread, frame, arguments: which } => shower.of_frame(handles, FrameAt { thread, frame }, which),
        Node::Names { dict, .. } => shower.of_namespace(handles, dict, arguments),
        Node::Object { addr, path, .. } => shower.of_object(handles, addr, path.as_deref(), arguments),
        Node::Registers { .. } => Ok(Vec::new()),
    }
}

fn register(client: Client, name: &str, value: u64) -> Variable {
    Variable {
        name: name.to_owned(),
        value: format!("{value:#x}"),
        about: About {
            memory_reference: client.supports_memory_references.then(|| reference(Addr(value))),
            ..shown_as("data")
        },
        ..Variable::default()
    }
}

fn hint(kind: &'static str) -> Option<Hint> {
    Some(Hint { kind, attributes: vec!["readOnly"] })
}

fn shown_as(kind: &'static str) -> About {
    About { presentation_hint: hint(kind), ..About::default() }
}

impl Shower<'_, '_> {
    fn of_frame(&self, handles: &mut Handles, at: FrameAt, arguments: bool) -> Result<Vec<Variable>, Refusal> {
        let (_, frame) = self.debuggee.python_frame(at).ok_or_else(|| Refusal::new("the frame is not readable"))?;
        let (list, _) = locals(self.heap, &frame, usize::MAX).map_err(Refusal::new)?;
        let wanted = list.into_iter().filter(|v| (v.kind == SlotKind::Argument) == arguments);
        Ok(wanted.map(|var| self.local(handles, var)).collect())
    }

    fn local(&self, handles: &mut Handles, var: LocalVar) -> Variable {
        let name = escape_terminal(&var.name.to_string());
        let path = is_name(&name).then(|| name.clone());
        match var.value {
            SlotValue::Unbound => self.without_value(name, "<unbound>"),
            SlotValue::Unreadable(error) => self.without_value(name, &format!("<{error}>")),
            SlotValue::Object(addr) => self.variable(handles, name, &Value::Object(addr), path),
            SlotValue::TaggedInt(number) => self.variable(handles, name, &Value::Int(number), path),
        }
    }

    fn without_value(&self, name: String, why: &str) -> Variable {
        Variable { name, value: escape_terminal(why), about: shown_as("virtual"), ..Variable::default() }
    }

    fn of_namespace(
        &self,
        handles: &mut Handles,
        dict: Addr,
        arguments: &VariablesArguments,
    ) -> Result<Vec<Variable>, Refusal> {
        let info = self.heap.type_of(dict).map_err(Refusal::new)?;
        let items = object::items(self.heap, dict, &info, u64::MAX).map_err(Refusal::new)?;
        let named = items.into_iter().flatten().filter_map(Result::ok).filter_map(|item| {
            let name = object::read_text(&self.heap.ctx, item.key?, 1000).ok()?.text.to_string();
            Some((escape_terminal(&name), item.value))
        });
        let mut list: Vec<(String, Value)> = named.collect();
        // What the program defines comes before what every module has.
        list.sort_by_key(|(name, _)| name.starts_with("__"));
        let range = Range::of(arguments, list.len() as u64);
        let mut out: Vec<Variable> = Vec::new();
        for (name, value) in list.into_iter().skip(range.skip()).take(range.take()) {
            let path = is_name(&name).then(|| name.clone());
            out.push(self.variable(handles, name, &value, path));
        }
        out.extend(range.rest());
        Ok(out)
    }

    fn of_object(
        &self,
        handles: &mut Handles,
        addr: Addr,
        path: Option<&str>,
        arguments: &VariablesArguments,
    ) -> Result<Vec<Variable>, Refusal> {
        let info = self.heap.type_of(addr).map_err(Refusal::new)?;
        let mut out = Vec::new();
        let base = path.map_or_else(|| format!("@{addr}"), str::to_owned);
        if arguments.filter != Some(Filter::Indexed) {
            let named = object::named_values(self.heap, addr, &info, MAX_PARTS);
            for part in named.values {
                let name = escape_terminal(&part.name);
                let path = is_name(&part.name).then(|| join(&base, &Step::Attribute(part.name.clone())));
                let mut variable = self.variable(handles, name, &Value::Object(part.addr), path.flatten());
                if part.source == AttributeSource::Field {
                    variable.about.presentation_hint = hint("virtual");
                }
                out.push(variable);
            }
            if named.more {
                out.push(self.without_value("...".to_owned(), "more attributes"));
            }
            out.extend(named.problem.map(|problem| self.without_value("...".to_owned(), &format!("<{problem}>"))));
        }
        if arguments.filter != Some(Filter::Named) {
            let Some(items) = object::items(self.heap, addr, &info, u64::MAX).map_err(Refusal::new)? else {
                return Ok(out);
            };
            let range = Range::of(arguments, items.total());
            for (index, item) in items.enumerate().skip(range.skip()).take(range.take()) {
                match item {
                    Ok(item) => out.push(self.item(handles, &base, info.kind, index, &item)),
                    Err(error) => {
                        out.push(self.without_value(format!("[{index}]"), &format!("<{error}>")));
                        break;
                    }
                }
            }
            out.extend(range.rest());
        }
        Ok(out)
    }

    fn item(&self, handles: &mut Handles, base: &str, kind: Kind, index: usize, item: &Item) -> Variable {
        let of_key = |key: Addr| {
            let name = object::repr(self.heap, key, &ReprLimits { characters: 100, ..self.limits }).text;
            (format!("[{}]", escape_terminal(&name)), self.key_step(key).and_then(|step| join(base, &step)))
        };
        let (name, path) = match item.key {
            Some(key) => of_key(key),
            // An index reaches no member of a set.
            None if matches!(kind, Kind::Set | Kind::FrozenSet) => (format!("[{index}]"), None),
            None => {
                let step = i64::try_from(index).ok().map(|at| Step::Item(Key::Int(at)));
                (format!("[{index}]"), step.and_then(|step| join(base, &step)))
            }
        };
        self.variable(handles, name, &item.value, path)
    }

    /// The step of a path that a key of a mapping is reached by.
    fn key_step(&self, key: Addr) -> Option<Step> {
        let info = self.heap.type_of(key).ok()?;
        match info.kind {
            Kind::Str => {
                let part = object::read_text(&self.heap.ctx, key, MAX_PATH as u64).ok()?;
                let plain = part.text.code_points().iter().all(|c| (0x20..0x7f).contains(c));
                (!part.is_cut() && plain).then_some(Step::Item(Key::Text(part.text)))
            }
            Kind::Int => Some(Step::Item(Key::Int(object::Int::read(&self.heap.ctx, key).ok()?.to_i64()?))),
            _ => None,
        }
    }

    /// One variable. `path` leads to it; an object without one is reached by its address.
    pub fn variable(&self, handles: &mut Handles, name: String, value: &Value, path: Option<String>) -> Variable {
        let shown = value.show(self.heap, &self.limits);
        let mut text = escape_terminal(&shown.text);
        if shown.fidelity == Fidelity::Damaged {
            text.push_str(" <damaged>");
        }
        let addr = value.object();
        let info = addr.and_then(|addr| self.heap.type_of(addr).ok());
        let type_name = info.as_ref().map(|info| self.heap.full_name(info)).or(shown.type_name);
        let (named, indexed) = addr.zip(info.as_deref()).map_or((0, 0), |(addr, info)| self.parts(addr, info));
        let is_open = named > 0 || indexed > 0;
        let path = path.filter(|path| path.len() <= MAX_PATH);
        let evaluate_name = path.clone().or_else(|| addr.map(|addr| format!("@{addr}")));
        let handle = match addr.filter(|_| is_open) {
            Some(addr) => handles.of(Node::Object { interpreter: self.interpreter, addr, path }),
            None => 0,
        };
        Variable {
            name,
            value: text,
            evaluate_name,
            about: About {
                type_name: type_name.map(|t| escape_terminal(&t)).filter(|_| self.client.supports_variable_type),
                presentation_hint: hint("data"),
                variables_reference: handle,
                named_variables: (handle != 0).then_some(named),
                indexed_variables: (handle != 0).then_some(indexed),
                memory_reference: addr.filter(|_| self.client.supports_memory_references).map(reference),
                value_location_reference: addr
                    .zip(info.as_deref())
                    .and_then(|(addr, info)| self.location(handles, addr, info.kind)),
            },
        }
    }

    /// How many attributes and items an object has, as far as they are listed.
    fn parts(&self, addr: Addr, info: &object::TypeInfo) -> (u64, u64) {
        let atoms = [Kind::Int, Kind::Bool, Kind::Float, Kind::Str, Kind::Bytes, Kind::None];
        if atoms.contains(&info.kind) && !info.is_heap {
            return (0, 0);
        }
        let named = object::named_values(self.heap, addr, info, MAX_PARTS).values.len() as u64;
        let items = object::items(self.heap, addr, info, 0).ok().flatten();
        (named, items.map_or(0, |items| items.total()))
    }

    /// Where the code of a function, generator or the like is written.
    fn location(&self, handles: &mut Handles, addr: Addr, kind: Kind) -> Option<i64> {
        let (code, line) = match kind {
            Kind::Function => ("__code__", "__code__.co_firstlineno"),
            Kind::Method => ("__func__.__code__", "__func__.__code__.co_firstlineno"),
            Kind::Generator => ("gi_code", "gi_frame.f_lineno"),
            Kind::Coroutine => ("cr_code", "cr_frame.f_lineno"),
            Kind::AsyncGenerator => ("ag_code", "ag_frame.f_lineno"),
            Kind::Frame => ("f_code", "f_lineno"),
            Kind::Traceback => ("tb_frame.f_code", "tb_lineno"),
            _ => return None,
        };
        let at = |path: &str| {
            let path = object::Path::parse(&format!("@{addr}.{path}")).ok()?;
            path.evaluate(self.heap, &|_| None).ok()
        };
        let number = |value: Value| match value {
            Value::Int(number) => u32::try_from(number).ok(),
            Value::Object(addr) => object::Int::read(&self.heap.ctx, addr).ok()?.to_i64()?.try_into().ok(),
            _ => None,
        };
        let text = |value: Value| match value {
            Value::Text(text) => Some(text.to_string()),
            Value::Object(addr) => Some(object::read_text(&self.heap.ctx, addr, 4096).ok()?.text.to_string()),
            _ => None,
        };
        let file = text(at(&format!("{code}.co_filename"))?)?;
        // A generator that has ended has no frame: its function's first line stands for it.
        let first = || number(at(&format!("{code}.co_firstlineno"))?);
        let line = at(line).and_then(number).or_else(first)?;
        Some(handles.locations.of((file, line)))
    }
}

/// What of a list is given.
struct Range {
    start: u64,
    count: u64,
    total: u64,
    cut: bool,
}

impl Range {
    fn of(arguments: &VariablesArguments, total: u64) -> Range {
        let asked = arguments.count > 0;
        let start = arguments.start.min(total);
        let count = if asked { arguments.count } else { MAX_PARTS };
        let count = count.min(total.saturating_sub(start));
        Range { start, count, total, cut: !asked && start.saturating_add(count) < total }
    }

    fn skip(&self) -> usize {
        usize::try_from(self.start).unwrap_or(usize::MAX)
    }

    fn take(&self) -> usize {
        usize::try_from(self.count).unwrap_or(usize::MAX)
    }

    /// What says that there are more, where the client did not ask for a part.
    fn rest(&self) -> Option<Variable> {
        let left = self.total.saturating_sub(self.start.saturating_add(self.count));
        self.cut.then(|| Variable {
            name: "...".to_owned(),
            value: format!("{left} more"),
            about: shown_as("virtual"),
            ..Variable::default()
        })
    }
}

fn join(base: &str, step: &Step) -> Option<String> {
    Some(format!("{base}{step}")).filter(|path| path.len() <= MAX_PATH)
}

/// Whether a path may name it.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_numeric())
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}
