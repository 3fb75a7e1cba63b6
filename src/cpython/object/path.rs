//! Paths to objects, evaluated without running code: `name.attr[1]['key']`, `@0x7f00.attr`, `len(name.attr)`.

use super::attribute::{Attribute, attribute};
use super::children::{Item, dict_of, length};
use super::instance::find_attribute;
use super::int::Int;
use super::kind::{Holds, Kind};
use super::repr::{ReprLimits, array_part, array_shape};
use super::types::Heap;
use super::unicode::read_text;
use super::value::Value;
use crate::base::{Addr, Text};
use crate::cpython::DecodeError;
use crate::cpython::frame::locals;

/// Longest path text.
const MAX_TEXT: usize = 10_000;
/// Entries of a dict that a search for a key looks at.
const MAX_SEARCH: usize = 10_000_000;
/// Longest key compared, in code points.
const MAX_KEY: u64 = 10_000;

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
    /// `[1]`, `[-1]`
    Index(i64),
    /// `['key']`
    Key(Text),
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Attribute(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{:?}]", key.to_string()),
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
        let (mut value, mut walked) = match &self.root {
            Root::Address(addr) => (Value::Object(*addr), format!("@{addr}")),
            Root::Name(first) => {
                let found = name(first).ok_or_else(|| PathError::NoName { name: first.clone() })?;
                (found, first.clone())
            }
        };
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
            Step::Index(index) => self.index(value, *index, step),
            Step::Key(_) => self.key(value, step),
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
                    return self.key(value, step);
                };
                let items = items(self.heap, *addr, &info, u64::MAX).map_err(|e| self.decode(e))?;
                let at = place(items.total())?;
                items.at(at).ok_or_else(missing)?.map_err(|e| self.decode(e))
            }
            Value::Tuple(items) => items.get(nth(items.len())?).cloned().ok_or_else(missing),
            Value::Bytes(bytes) => {
                bytes.get(nth(bytes.len())?).map(|byte| Value::Int(i64::from(*byte))).ok_or_else(missing)
            }
            Value::Text(text) => {
                let point = text.code_points().get(nth(text.len())?).copied();
                point.map(|point| Value::Text(Text::from_code_points([point]))).ok_or_else(missing)
            }
            Value::ArrayPart { array, index: outer } => {
                let shape = array_shape(self.heap, *array).map_err(|e| self.decode(e))?;
                let length = shape.get(outer.len()).ok_or_else(|| self.not_indexable(value, &step.to_string()))?;
                let mut inner = outer.clone();
                inner.push(place(*length)?);
                array_part(self.heap, *array, inner).map_err(|e| self.decode(e))
            }
            _ => Err(self.not_indexable(value, &step.to_string())),
        }
    }

    /// The value of a key.
    fn key(&self, value: &Value, step: &Step) -> Result<Value, PathError> {
        let of_name = |found: Option<Value>, length: u64| found.ok_or_else(|| self.no_item(value, step, length));
        let named = match step {
            Step::Key(text) => Some(text.to_string()),
            _ => None,
        };
        match (value, named) {
            (Value::Object(addr), _) => self.entry(*addr, value, step),
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

    /// The entry of a dict or what shows one.
    fn entry(&self, addr: Addr, value: &Value, step: &Step) -> Result<Value, PathError> {
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
            if key.is_some_and(|key| is_key(heap, key, step)) {
                return Ok(value);
            }
        }
        Err(self.no_item(value, step, length))
    }

    /// What `len()` would say.
    fn length(&self, value: &Value) -> Result<Value, PathError> {
        let counted = match value {
            Value::Object(addr) => self.counted(*addr).map_err(|e| self.decode(e))?,
            Value::Tuple(items) => Some(items.len() as u64),
            Value::Bytes(bytes) => Some(bytes.len() as u64),
            Value::Text(text) => Some(text.len() as u64),
            Value::ArrayPart { array, index } => {
                array_shape(self.heap, *array).map_err(|e| self.decode(e))?.get(index.len()).copied()
            }
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

fn is_key(heap: &Heap<'_>, key: Addr, step: &Step) -> bool {
    let Ok(info) = heap.type_of(key) else { return false };
    match (info.kind, step) {
        (Kind::Str, Step::Key(text)) => {
            read_text(&heap.ctx, key, MAX_KEY).is_ok_and(|part| !part.is_cut() && part.text == *text)
        }
        (Kind::Int | Kind::Bool, Step::Index(number)) => {
            Int::read(&heap.ctx, key).is_ok_and(|value| value.to_i64() == Some(*number))
        }
        _ => false,
    }
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
            let step = match self.peek() {
                Some(quote @ ('\'' | '"')) => Step::Key(self.quoted(quote)?),
                _ => Step::Index(self.number()?),
            };
            self.spaces();
            return if self.skip(']') { Ok(Some(step)) } else { self.fail("`]` is expected") };
        }
        match self.peek() {
            None => Ok(None),
            Some(')') if inside => Ok(None),
            Some(_) => self.fail("`.` or `[` is expected"),
        }
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
            Step::Index(-1),
            Step::Key(Text::from("aA\"")),
            Step::Index(0),
            Step::Attribute("x_1".to_owned()),
        ];
        assert_eq!(path.steps, steps);
        assert_eq!(Path::parse("@0x7fAb").unwrap().root, Root::Address(Addr(0x7fab)));
        let counted = Path::parse("len( self.items[0] )").unwrap();
        assert!(counted.length && counted.steps.len() == 2);
        assert!(!Path::parse("len").unwrap().length);
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
