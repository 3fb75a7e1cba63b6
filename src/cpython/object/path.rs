//! Paths to objects, evaluated without running code: `name.attr[1]['key']`, `@0x7f00.attr`, `name[1:3]`, `len(name.attr)`.

mod key;

pub use key::{Key, Slice};

use super::attribute::{Attribute, attribute};
use super::children::{Item, dict_of, length};
use super::instance::find_attribute;
use super::kind::{Holds, Kind};
use super::repr::{ReprLimits, array_has_field, array_length, array_part};
use super::types::Heap;
use super::value::{ArrayStep, Value};
use crate::base::{Addr, Text};
use crate::cpython::DecodeError;
use crate::cpython::frame::locals;

/// Longest path text.
const MAX_TEXT: usize = 10_000;
/// Entries of a dict that a search for a key looks at.
const MAX_SEARCH: usize = 10_000_000;
/// Most items of a slice.
const MAX_SLICE: usize = 100_000;
/// Keys in keys.
const MAX_DEPTH: usize = 8;

/// Where a path starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// A name of the namespace the caller gives.
    Name(String),
    /// `@0x7f..`: the object at an address.
    Address(Addr),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `.name`
    Attribute(String),
    /// `[1]`, `['key']`, `[None]`, `[1, 'a']`
    Item(Key),
    /// `[1:3]`
    Slice(Slice),
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Attribute(name) => write!(f, ".{name}"),
            Step::Item(key) => write!(f, "[{key}]"),
            Step::Slice(slice) => write!(f, "[{slice}]"),
        }
    }
}

/// A parsed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Where it starts.
    pub root: Root,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Whether the length of what it leads to is asked for: `len(path)`.
    pub length: bool,
}

/// Why a path leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The text is not a path.
    #[error("{why} at column {column}; a path is a name or @ADDRESS followed by .attribute, [index] or ['key']")]
    Syntax {
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        why: String,
    },
    /// The first name is not known.
    #[error("no variable {name:?} here")]
    NoName {
        /// The name.
        name: String,
    },
    /// An object has no such attribute in memory.
    #[error("{path} (type {type_name}{}) stores no attribute {name:?}{hint}", at(.addr))]
    NoAttribute {
        /// The path up to the object.
        path: String,
        /// Its type.
        type_name: String,
        /// Its address, when it is in memory.
        addr: Option<Addr>,
        /// The attribute.
        name: String,
        /// What else could be meant.
        hint: &'static str,
    },
    /// A container has no such item.
    #[error("{path} (type {type_name}, length {length}) has no item {item}")]
    NoItem {
        /// The path up to the container.
        path: String,
        /// Its type.
        type_name: String,
        /// Its length.
        length: u64,
        /// The step that failed.
        item: String,
    },
    /// A slice has more items than are taken.
    #[error("{path} (type {type_name}): {step} has more than {most} items")]
    TooLong {
        /// The path up to the sequence.
        path: String,
        /// Its type.
        type_name: String,
        /// The step.
        step: String,
        /// Most items that are taken.
        most: usize,
    },
    /// The object has no items that can be reached by this step.
    #[error("{path} (type {type_name}{}): {step} cannot be looked up in it without running code", at(.addr))]
    NotIndexable {
        /// The path up to the object.
        path: String,
        /// Its type.
        type_name: String,
        /// Its address, when it is in memory.
        addr: Option<Addr>,
        /// The step.
        step: String,
    },
    /// Memory on the way is unreadable or corrupt.
    #[error("{path}: {source}")]
    Decode {
        /// The path up to the place.
        path: String,
        /// Why.
        source: DecodeError,
    },
}

fn at(addr: &Option<Addr>) -> String {
    addr.map(|addr| format!(", at {addr}")).unwrap_or_default()
}

impl Path {
    /// Parses `name.attr[1]['key']`.
    ///
    /// # Errors
    /// [`PathError::Syntax`] with the column of what is wrong.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        let chars: Vec<char> = text.trim().chars().take(MAX_TEXT).collect();
        let mut parser = Parser { chars: &chars, at: 0 };
        let length = parser.skip_all("len(");
        if length {
            parser.spaces();
        }
        let root = parser.root()?;
        let mut steps = Vec::new();
        while let Some(step) = parser.step(length)? {
            steps.push(step);
        }
        if length && !parser.closes() {
            return parser.fail("`)` is expected");
        }
        Ok(Path { root, steps, length })
    }

    /// What the path leads to. `name` finds the first name.
    ///
    /// # Errors
    /// [`PathError`] that says which step failed and on what.
    pub fn evaluate(&self, heap: &Heap<'_>, name: &dyn Fn(&str) -> Option<Value>) -> Result<Value, PathError> {
        let (start, walked) = match &self.root {
            Root::Address(addr) => (Value::Object(*addr), format!("@{addr}")),
            Root::Name(first) => {
                let found = name(first).ok_or_else(|| PathError::NoName { name: first.clone() })?;
                (found, first.clone())
            }
        };
        self.walk(heap, start, walked)
    }

    /// What its steps lead to from a value, whatever its root is.
    ///
    /// # Errors
    /// [`PathError`] that says which step failed and on what.
    pub fn evaluate_from(&self, heap: &Heap<'_>, start: Value) -> Result<Value, PathError> {
        self.walk(heap, start, "the value".to_owned())
    }

    fn walk(&self, heap: &Heap<'_>, start: Value, mut walked: String) -> Result<Value, PathError> {
        let mut value = start;
        for step in &self.steps {
            value = Walk { heap, path: &walked }.step(&value, step)?;
            walked.push_str(&step.to_string());
        }
        if self.length {
            return Walk { heap, path: &walked }.length(&value);
        }
        Ok(value)
    }
}

/// One step from what `path` leads to.
struct Walk<'w, 'a> {
    heap: &'w Heap<'a>,
    path: &'w str,
}

impl Walk<'_, '_> {
    fn decode(&self, source: DecodeError) -> PathError {
        PathError::Decode { path: self.path.to_owned(), source }
    }

    fn type_name(&self, value: &Value) -> String {
        match value {
            Value::Object(addr) => self.heap.type_of(*addr).map_or_else(|_| "?".to_owned(), |info| info.name.clone()),
            made => made.show(self.heap, &ReprLimits::default()).type_name.unwrap_or_else(|| "?".to_owned()),
        }
    }

    fn no_attribute(&self, value: &Value, name: &str, hint: &'static str) -> PathError {
        let (path, type_name) = (self.path.to_owned(), self.type_name(value));
        PathError::NoAttribute { path, type_name, addr: value.object(), name: name.to_owned(), hint }
    }

    fn no_item(&self, value: &Value, step: &Step, length: u64) -> PathError {
        let (path, type_name) = (self.path.to_owned(), self.type_name(value));
        PathError::NoItem { path, type_name, length, item: step.to_string() }
    }

    fn not_indexable(&self, value: &Value, step: &str) -> PathError {
        let (path, type_name) = (self.path.to_owned(), self.type_name(value));
        PathError::NotIndexable { path, type_name, addr: value.object(), step: step.to_owned() }
    }

    fn step(&self, value: &Value, step: &Step) -> Result<Value, PathError> {
        match step {
            Step::Attribute(name) => match attribute(self.heap, value, name).map_err(|e| self.decode(e))? {
                Attribute::Found(found) => Ok(found),
                Attribute::Unset => Err(self.no_attribute(value, name, " (its slot is not set)")),
                Attribute::Computed => Err(self.no_attribute(value, name, " (its class computes it)")),
                Attribute::None => Err(self.no_attribute(value, name, "")),
            },
            Step::Item(Key::Int(index)) => self.index(value, *index, step),
            Step::Item(key) => self.key(value, key, step),
            Step::Slice(slice) => self.slice(value, *slice, step),
        }
    }

    /// The item at a position, or one whose key is this number.
    fn index(&self, value: &Value, index: i64, step: &Step) -> Result<Value, PathError> {
        let place = |length: u64| {
            let at = if index < 0 { length.checked_sub(index.unsigned_abs()) } else { Some(index.unsigned_abs()) };
            at.filter(|at| *at < length).ok_or_else(|| self.no_item(value, step, length))
        };
        let nth = |length: usize| place(length as u64).map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        let missing = || self.no_item(value, step, 0);
        match value {
            Value::Object(addr) => {
                let info = self.heap.type_of(*addr).map_err(|e| self.decode(e))?;
                let (Holds::Sequence(items) | Holds::Text(items)) = info.kind.row().holds else {
                    return self.key(value, &Key::Int(index), step);
                };
                let items = items(self.heap, *addr, &info, u64::MAX).map_err(|e| self.decode(e))?;
                let at = place(items.total())?;
                items.at(at).ok_or_else(missing)?.map_err(|e| self.decode(e))
            }
            Value::Tuple(items) | Value::List(items) => items.get(nth(items.len())?).cloned().ok_or_else(missing),
            Value::Bytes(bytes) => {
                bytes.get(nth(bytes.len())?).map(|byte| Value::Int(i64::from(*byte))).ok_or_else(missing)
            }
            Value::Text(text) => {
                let point = text.code_points().get(nth(text.len())?).copied();
                point.map(|point| Value::Text(Text::from_code_points([point]))).ok_or_else(missing)
            }
            Value::ArrayPart { array, steps } => {
                let length = array_length(self.heap, *array, steps).map_err(|e| self.decode(e))?;
                let length = length.ok_or_else(|| self.not_indexable(value, &step.to_string()))?;
                self.further(*array, steps, ArrayStep::Item(place(length)?))
            }
            _ => Err(self.not_indexable(value, &step.to_string())),
        }
    }

    /// The value of a key.
    fn key(&self, value: &Value, key: &Key, step: &Step) -> Result<Value, PathError> {
        let of_name = |found: Option<Value>, length: u64| found.ok_or_else(|| self.no_item(value, step, length));
        if let Some(indices) = self.place_in_array(value, key) {
            // `a[1, 2]` is what `a[1][2]` is.
            return indices.iter().try_fold(value.clone(), |part, index| self.index(&part, *index, step));
        }
        if let (Some((array, steps)), Key::Text(name)) = (self.array(value), key) {
            return match array_has_field(self.heap, array, steps, name).map_err(|e| self.decode(e))? {
                true => self.further(array, steps, ArrayStep::Field(name.clone())),
                false => Err(self.no_item(value, step, 0)),
            };
        }
        let named = match key {
            Key::Text(text) => Some(text.to_string()),
            _ => None,
        };
        match (value, named) {
            (Value::Object(addr), _) => self.entry(*addr, value, key, step),
            (Value::Attributes(addr), Some(name)) => {
                let found = find_attribute(self.heap, *addr, &name).map_err(|e| self.decode(e))?;
                of_name(found.map(Value::Object), 0)
            }
            (Value::Locals(frame), Some(name)) => {
                let (list, _) = locals(self.heap, frame, usize::MAX).map_err(|e| self.decode(e))?;
                let length = list.len() as u64;
                let found = list.into_iter().find(|variable| variable.name == *name);
                of_name(found.and_then(|variable| Value::of_slot(&variable.value)), length)
            }
            _ => Err(self.not_indexable(value, &step.to_string())),
        }
    }

    /// The indices of a place in a NumPy array, when the value is one, or a part, and the key a tuple of numbers.
    fn place_in_array(&self, value: &Value, key: &Key) -> Option<Vec<i64>> {
        let Key::Tuple(keys) = key else { return None };
        let number = |key: &Key| if let Key::Int(number) = key { Some(*number) } else { None };
        keys.iter().map(number).collect::<Option<Vec<_>>>().filter(|_| self.array(value).is_some())
    }

    /// The NumPy array that a value is, or the one that it is a part of and what leads to it there.
    fn array<'v>(&self, value: &'v Value) -> Option<(Addr, &'v [ArrayStep])> {
        match value {
            Value::ArrayPart { array, steps } => Some((*array, steps)),
            Value::Object(addr) => {
                let info = self.heap.type_of(*addr).ok()?;
                (info.kind == Kind::NumpyArray).then_some((*addr, &[]))
            }
            _ => None,
        }
    }

    /// What one more step leads to.
    fn further(&self, array: Addr, steps: &[ArrayStep], step: ArrayStep) -> Result<Value, PathError> {
        let steps = steps.iter().cloned().chain([step]).collect();
        array_part(self.heap, array, steps).map_err(|e| self.decode(e))
    }

    /// A part of a list, tuple, text or bytes.
    fn slice(&self, value: &Value, slice: Slice, step: &Step) -> Result<Value, PathError> {
        let refused = || self.not_indexable(value, &step.to_string());
        let take = |length: u64| {
            let indices: Vec<u64> = slice.indices(length).take(MAX_SLICE.saturating_add(1)).collect();
            if indices.len() <= MAX_SLICE {
                return Ok(indices);
            }
            let (path, type_name) = (self.path.to_owned(), self.type_name(value));
            Err(PathError::TooLong { path, type_name, step: step.to_string(), most: MAX_SLICE })
        };
        let addr = match value {
            Value::Object(addr) => *addr,
            Value::Tuple(items) => return Ok(Value::Tuple(picked(items, &take(items.len() as u64)?))),
            Value::List(items) => return Ok(Value::List(picked(items, &take(items.len() as u64)?))),
            Value::Bytes(bytes) => return Ok(Value::Bytes(picked(bytes, &take(bytes.len() as u64)?))),
            Value::Text(text) => {
                let points = picked(text.code_points(), &take(text.len() as u64)?);
                return Ok(Value::Text(Text::from_code_points(points)));
            }
            _ => return Err(refused()),
        };
        let info = self.heap.type_of(addr).map_err(|e| self.decode(e))?;
        // Others make an object of their own type of a slice, or refuse one.
        let of: fn(Vec<Value>) -> Value = match info.kind {
            Kind::List => Value::List,
            Kind::Tuple => Value::Tuple,
            Kind::Str => joined_text,
            Kind::Bytes => joined_bytes,
            _ => return Err(refused()),
        };
        let (Holds::Sequence(items) | Holds::Text(items)) = info.kind.row().holds else { return Err(refused()) };
        let all = items(self.heap, addr, &info, u64::MAX).map_err(|e| self.decode(e))?;
        let indices = take(all.total())?;
        let (low, high) = (indices.iter().min().copied(), indices.iter().max().copied());
        let (Some(low), Some(high)) = (low, high) else { return Ok(of(Vec::new())) };
        let span = usize::try_from(high.saturating_sub(low).saturating_add(1)).unwrap_or(usize::MAX);
        if span > MAX_SEARCH {
            let (path, type_name) = (self.path.to_owned(), self.type_name(value));
            return Err(PathError::TooLong { path, type_name, step: step.to_string(), most: MAX_SEARCH });
        }
        let skipped = usize::try_from(low).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for item in all.skip(skipped).take(span) {
            found.push(item.map_err(|e| self.decode(e))?.value);
        }
        let from_low: Vec<u64> = indices.iter().map(|index| index.saturating_sub(low)).collect();
        Ok(of(picked(&found, &from_low)))
    }

    /// The entry of a dict or what shows one.
    fn entry(&self, addr: Addr, value: &Value, wanted: &Key, step: &Step) -> Result<Value, PathError> {
        let heap = self.heap;
        let info = heap.type_of(addr).map_err(|e| self.decode(e))?;
        let Holds::Mapping(items) = info.kind.row().holds else {
            return Err(self.not_indexable(value, &step.to_string()));
        };
        // The order of an OrderedDict is of no matter here, and dear.
        let dict = dict_of(heap, addr, &info).map_err(|e| self.decode(e))?;
        let entries = match dict {
            Some(dict) => super::children::dict(heap, dict, &info, u64::MAX),
            None => items(heap, addr, &info, u64::MAX),
        };
        let entries = entries.map_err(|e| self.decode(e))?;
        let length = entries.total();
        for entry in entries.take(MAX_SEARCH) {
            let Item { key, value } = entry.map_err(|e| self.decode(e))?;
            if key.is_some_and(|key| wanted.is(heap, key)) {
                return Ok(value);
            }
        }
        Err(self.no_item(value, step, length))
    }

    /// What `len()` would say.
    fn length(&self, value: &Value) -> Result<Value, PathError> {
        let counted = match value {
            Value::Object(addr) => self.counted(*addr).map_err(|e| self.decode(e))?,
            Value::Tuple(items) | Value::List(items) => Some(items.len() as u64),
            Value::Bytes(bytes) => Some(bytes.len() as u64),
            Value::Text(text) => Some(text.len() as u64),
            Value::ArrayPart { array, steps } => array_length(self.heap, *array, steps).map_err(|e| self.decode(e))?,
            _ => None,
        };
        counted.map(Value::from).ok_or_else(|| self.not_indexable(value, "len()"))
    }

    fn counted(&self, addr: Addr) -> Result<Option<u64>, DecodeError> {
        let info = self.heap.type_of(addr)?;
        // A class of the user's own may count otherwise.
        match self.heap.lookup(&info, "__len__") {
            Some((class, _)) if !class.is_native => Ok(None),
            _ => length(self.heap, addr, &info),
        }
    }
}

/// Those at the indices, which are inside.
fn picked<T: Clone>(items: &[T], indices: &[u64]) -> Vec<T> {
    indices.iter().filter_map(|index| items.get(usize::try_from(*index).ok()?).cloned()).collect()
}

/// The characters of a part of a `str` as one.
fn joined_text(characters: Vec<Value>) -> Value {
    let points = characters.iter().flat_map(|character| match character {
        Value::Text(text) => text.code_points(),
        _ => &[],
    });
    Value::Text(Text::from_code_points(points.copied()))
}

/// The numbers of a part of `bytes` as one.
fn joined_bytes(numbers: Vec<Value>) -> Value {
    let byte = |number| if let Value::Int(byte) = number { u8::try_from(byte).ok() } else { None };
    Value::Bytes(numbers.into_iter().filter_map(byte).collect())
}

struct Parser<'t> {
    chars: &'t [char],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    /// Skips all of `text`, or nothing.
    fn skip_all(&mut self, text: &str) -> bool {
        let count = text.chars().count();
        let next = self.chars.get(self.at..self.at.saturating_add(count));
        let found = next.is_some_and(|next| next.iter().copied().eq(text.chars()));
        if found {
            self.at = self.at.saturating_add(count);
        }
        found
    }

    /// Skips the last `)`.
    fn closes(&mut self) -> bool {
        self.spaces();
        let closed = self.skip(')');
        self.spaces();
        closed && self.peek().is_none()
    }

    fn fail<T>(&self, why: &str) -> Result<T, PathError> {
        Err(PathError::Syntax { column: self.at.saturating_add(1), why: why.to_owned() })
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> String {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let taken: String = rest.iter().take_while(|c| accept(**c)).collect();
        self.at = self.at.saturating_add(taken.chars().count());
        taken
    }

    fn identifier(&mut self) -> Result<String, PathError> {
        if !self.peek().is_some_and(|c| c.is_alphabetic() || c == '_') {
            return self.fail("a name is expected");
        }
        Ok(self.take_while(|c| c.is_alphanumeric() || c == '_'))
    }

    fn root(&mut self) -> Result<Root, PathError> {
        if !self.skip('@') {
            return self.identifier().map(Root::Name);
        }
        let digits = match self.skip('0') && (self.skip('x') || self.skip('X')) {
            true => self.take_while(|c| c.is_ascii_hexdigit()),
            false => String::new(),
        };
        match u64::from_str_radix(&digits, 16) {
            Ok(addr) => Ok(Root::Address(Addr(addr))),
            Err(_) => self.fail("an address 0x... is expected"),
        }
    }

    /// The next step; `inside` parentheses, `)` ends the path.
    fn step(&mut self, inside: bool) -> Result<Option<Step>, PathError> {
        self.spaces();
        if self.skip('.') {
            return self.identifier().map(|name| Some(Step::Attribute(name)));
        }
        if self.skip('[') {
            self.spaces();
            let step = self.between_brackets()?;
            self.spaces();
            return if self.skip(']') { Ok(Some(step)) } else { self.fail("`]` is expected") };
        }
        match self.peek() {
            None => Ok(None),
            Some(')') if inside => Ok(None),
            Some(_) => self.fail("`.` or `[` is expected"),
        }
    }

    /// An index, a key or a slice.
    fn between_brackets(&mut self) -> Result<Step, PathError> {
        let start = if self.peek() == Some(':') { None } else { Some(self.key(0)?) };
        self.spaces();
        match (self.peek(), start) {
            (Some(':'), None) => self.slice(None).map(Step::Slice),
            (Some(':'), Some(Key::Int(start))) => self.slice(Some(start)).map(Step::Slice),
            (Some(','), Some(first)) => Ok(Step::Item(Key::Tuple(self.rest_of_tuple(first, ']', 0)?))),
            (_, Some(key)) => Ok(Step::Item(key)),
            (_, None) => self.fail("an index, a key or a slice is expected"),
        }
    }

    /// What follows the start of a slice.
    fn slice(&mut self, start: Option<i64>) -> Result<Slice, PathError> {
        let mut parts = [None, None];
        for part in &mut parts {
            if !self.skip(':') {
                break;
            }
            self.spaces();
            if self.peek().is_some_and(|c| c == '-' || c.is_ascii_digit()) {
                *part = Some(self.number()?);
            }
            self.spaces();
        }
        match parts {
            [_, Some(0)] => self.fail("the step of a slice is not 0"),
            [stop, step] => Ok(Slice { start, stop, step }),
        }
    }

    /// A literal that can be a key.
    fn key(&mut self, depth: usize) -> Result<Key, PathError> {
        self.spaces();
        for (word, key) in [("True", Key::Bool(true)), ("False", Key::Bool(false)), ("None", Key::None)] {
            if self.skip_all(word) {
                return Ok(key);
            }
        }
        match self.peek() {
            Some(quote @ ('\'' | '"')) => Ok(Key::Text(self.quoted(quote)?)),
            Some('b') => {
                self.skip('b');
                let Some(quote @ ('\'' | '"')) = self.peek() else { return self.fail("a quote is expected") };
                let points = self.quoted(quote)?;
                let bytes = points.code_points().iter().map(|point| u8::try_from(*point).ok()).collect::<Option<_>>();
                bytes.map_or_else(|| self.fail("bytes are below 256"), |bytes| Ok(Key::Bytes(bytes)))
            }
            Some('(') if depth < MAX_DEPTH => {
                self.skip('(');
                self.spaces();
                if self.skip(')') {
                    return Ok(Key::Tuple(Vec::new()));
                }
                let first = self.key(depth.saturating_add(1))?;
                self.spaces();
                if self.skip(')') {
                    return Ok(first);
                }
                let keys = self.rest_of_tuple(first, ')', depth.saturating_add(1))?;
                if self.skip(')') { Ok(Key::Tuple(keys)) } else { self.fail("`)` is expected") }
            }
            _ => self.number().map(Key::Int),
        }
    }

    /// What follows the first of some keys, up to what closes them.
    fn rest_of_tuple(&mut self, first: Key, close: char, depth: usize) -> Result<Vec<Key>, PathError> {
        let mut keys = vec![first];
        self.spaces();
        while self.skip(',') {
            self.spaces();
            if self.peek() == Some(close) {
                break;
            }
            keys.push(self.key(depth)?);
            self.spaces();
        }
        Ok(keys)
    }

    fn number(&mut self) -> Result<i64, PathError> {
        let sign = if self.skip('-') { "-" } else { "" };
        let digits = self.take_while(|c| c.is_ascii_digit());
        match format!("{sign}{digits}").parse() {
            Ok(number) => Ok(number),
            Err(_) => self.fail("an index or a quoted key is expected"),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Text, PathError> {
        self.skip(quote);
        let mut points = Vec::new();
        loop {
            let Some(c) = self.peek() else { return self.fail("the closing quote is missing") };
            self.at = self.at.saturating_add(1);
            if c == quote {
                return Ok(Text::from_code_points(points));
            }
            points.push(if c == '\\' { self.escape()? } else { u32::from(c) });
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<u32, PathError> {
        let Some(c) = self.peek() else { return self.fail("the closing quote is missing") };
        self.at = self.at.saturating_add(1);
        let width = match c {
            'n' => return Ok(10),
            't' => return Ok(9),
            'r' => return Ok(13),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => return Ok(u32::from(other)),
        };
        let end = self.at.saturating_add(width);
        let digits: String = self.chars.get(self.at..end).unwrap_or_default().iter().collect();
        match u32::from_str_radix(&digits, 16) {
            Ok(point) if digits.len() == width => {
                self.at = end;
                Ok(point)
            }
            _ => self.fail("hex digits are expected"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_parse() {
        let path = Path::parse("self.items[-1]['a\\x41\"'] [0].x_1").unwrap();
        assert_eq!(path.root, Root::Name("self".to_owned()));
        let steps = [
            Step::Attribute("items".to_owned()),
            Step::Item(Key::Int(-1)),
            Step::Item(Key::Text(Text::from("aA\""))),
            Step::Item(Key::Int(0)),
            Step::Attribute("x_1".to_owned()),
        ];
        assert_eq!(path.steps, steps);
        assert_eq!(Path::parse("@0x7fAb").unwrap().root, Root::Address(Addr(0x7fab)));
        let counted = Path::parse("len( self.items[0] )").unwrap();
        assert!(counted.length && counted.steps.len() == 2);
        assert!(!Path::parse("len").unwrap().length);
    }

    #[test]
    fn keys_and_slices_parse_and_are_shown_as_they_are_written() {
        for text in [
            "a[None][True][False][b\"\\x00z\"]",
            "a[(1, \"x\")][()][(1,)][((1, 2), None)]",
            "a[1:3][:-1][-2:][::-1][:]",
        ] {
            let path = Path::parse(text).unwrap();
            let shown: String = path.steps.iter().map(Step::to_string).collect();
            assert_eq!(format!("a{shown}"), text);
        }
        assert_eq!(Path::parse("a[1, 'x',]").unwrap(), Path::parse("a[(1, 'x')]").unwrap());
        assert_eq!(Path::parse("a[(1)]").unwrap().steps, [Step::Item(Key::Int(1))]);
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_column() {
        for (text, column) in [
            ("", 1),
            ("1a", 1),
            ("a.", 3),
            ("a[", 3),
            ("a['x", 5),
            ("a[1", 4),
            ("a[1:2:0]", 8),
            ("a['x':]", 6),
            ("a[b]", 4),
            ("a[(1, 2]", 8),
            ("a[b'\u{100}']", 7),
            ("a[((((((((((1]", 11),
            ("@7f", 2),
            ("f()", 2),
            ("a b", 3),
            ("len(a", 6),
            ("len(a) b", 8),
        ] {
            match Path::parse(text) {
                Err(PathError::Syntax { column: found, .. }) => assert_eq!(found, column, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
