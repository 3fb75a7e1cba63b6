//! Paths to objects, evaluated without running code: `name.attr[1]['key']`, `@0x7f00.attr`.

use super::dict::DictEntries;
use super::fields::stored_attribute;
use super::instance::find_attribute;
use super::int::Int;
use super::kind::Kind;
use super::sequence::{list_items, tuple_items};
use super::types::{Heap, TypeInfo};
use super::unicode::read_text;
use crate::base::{Addr, Text};
use crate::cpython::DecodeError;

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
    #[error("{path} (type {type_name}, at {addr}) stores no attribute {name:?}{hint}")]
    NoAttribute {
        /// The path up to the object.
        path: String,
        /// Its type.
        type_name: String,
        /// Its address.
        addr: Addr,
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
    #[error("{path} (type {type_name}, at {addr}): {step} cannot be looked up in it without running code")]
    NotIndexable {
        /// The path up to the object.
        path: String,
        /// Its type.
        type_name: String,
        /// Its address.
        addr: Addr,
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

impl Path {
    /// Parses `name.attr[1]['key']`.
    ///
    /// # Errors
    /// [`PathError::Syntax`] with the column of what is wrong.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        let chars: Vec<char> = text.trim().chars().take(MAX_TEXT).collect();
        let mut parser = Parser { chars: &chars, at: 0 };
        let root = parser.root()?;
        let mut steps = Vec::new();
        while let Some(step) = parser.step()? {
            steps.push(step);
        }
        Ok(Path { root, steps })
    }

    /// The object the path leads to. `name` finds the first name.
    ///
    /// # Errors
    /// [`PathError`] that says which step failed and on what.
    pub fn evaluate(&self, heap: &Heap<'_>, name: &dyn Fn(&str) -> Option<Addr>) -> Result<Addr, PathError> {
        let (mut addr, mut walked) = match &self.root {
            Root::Address(addr) => (*addr, format!("@{addr}")),
            Root::Name(first) => {
                let found = name(first).ok_or_else(|| PathError::NoName { name: first.clone() })?;
                (found, first.clone())
            }
        };
        for step in &self.steps {
            addr = walk(heap, addr, step, &walked)?;
            walked.push_str(&step.to_string());
        }
        Ok(addr)
    }
}

fn walk(heap: &Heap<'_>, addr: Addr, step: &Step, path: &str) -> Result<Addr, PathError> {
    let decode = |source: DecodeError| PathError::Decode { path: path.to_owned(), source };
    let info = heap.type_of(addr).map_err(decode)?;
    match step {
        Step::Attribute(name) => attribute(heap, addr, &info, name).map_err(decode)?.ok_or_else(|| {
            let hint = match heap.lookup(&info, name) {
                Some(_) => " (its class computes it)",
                None => "",
            };
            let (path, type_name) = (path.to_owned(), info.name.clone());
            PathError::NoAttribute { path, type_name, addr, name: name.clone(), hint }
        }),
        Step::Index(_) | Step::Key(_) => item(heap, addr, &info, step, path),
    }
}

/// The value of `object.name` where it is stored: in a field of the object, its `__dict__` or slots, its class.
fn attribute(heap: &Heap<'_>, addr: Addr, info: &TypeInfo, name: &str) -> Result<Option<Addr>, DecodeError> {
    if let Some(found) = stored_attribute(heap, addr, info, name)? {
        return Ok(Some(found));
    }
    if let Some(found) = find_attribute(heap, addr, name)? {
        return Ok(Some(found));
    }
    // A class finds attributes along its own MRO, everything else those of its class that are plain values.
    if info.kind == Kind::Type
        && let Some(class) = heap.type_info(addr)
        && let Some((_, value)) = heap.lookup(&class, name)
    {
        return Ok(Some(value));
    }
    let Some((_, value)) = heap.lookup(info, name) else { return Ok(None) };
    let kind = heap.type_of(value)?.kind;
    let computed = matches!(
        kind,
        Kind::Property | Kind::MemberDescriptor | Kind::GetSetDescriptor | Kind::ClassMethod | Kind::StaticMethod
    );
    Ok((!computed).then_some(value))
}

fn item(heap: &Heap<'_>, addr: Addr, info: &TypeInfo, step: &Step, path: &str) -> Result<Addr, PathError> {
    let decode = |source: DecodeError| PathError::Decode { path: path.to_owned(), source };
    let missing = |length: u64| PathError::NoItem {
        path: path.to_owned(),
        type_name: info.name.clone(),
        length,
        item: step.to_string(),
    };
    match (info.kind, step) {
        (Kind::List | Kind::Tuple | Kind::StructSeq, Step::Index(index)) => {
            let items =
                if info.kind == Kind::List { list_items(&heap.ctx, addr) } else { tuple_items(&heap.ctx, addr) };
            let mut items = items.map_err(decode)?;
            let length = items.total();
            let at = if *index < 0 { length.checked_sub(index.unsigned_abs()) } else { Some(index.unsigned_abs()) };
            let found = at.and_then(|at| items.item(at)).ok_or_else(|| missing(length))?;
            found.map_err(decode)
        }
        (Kind::Dict | Kind::DefaultDict | Kind::OrderedDict | Kind::FrozenDict, _) => {
            let entries = DictEntries::new(&heap.ctx, addr).map_err(decode)?;
            let length = entries.total();
            for entry in entries.take(MAX_SEARCH) {
                let (key, value) = entry.map_err(decode)?;
                if is_key(heap, key, step) {
                    return Ok(value);
                }
            }
            Err(missing(length))
        }
        (Kind::MappingProxy, _) => {
            let mapping = super::fields::head_word(&heap.ctx, addr, 0).map_err(decode)?;
            let info = heap.type_of(mapping).map_err(decode)?;
            if info.kind == Kind::MappingProxy {
                return Err(decode(DecodeError::corrupt("mappingproxy", addr, "a proxy of a proxy")));
            }
            item(heap, mapping, &info, step, path)
        }
        _ => {
            let (path, type_name, step) = (path.to_owned(), info.name.clone(), step.to_string());
            Err(PathError::NotIndexable { path, type_name, addr, step })
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

    fn step(&mut self) -> Result<Option<Step>, PathError> {
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
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_column() {
        for (text, column) in
            [("", 1), ("1a", 1), ("a.", 3), ("a[", 3), ("a['x", 5), ("a[1", 4), ("@7f", 2), ("f()", 2), ("a b", 3)]
        {
            match Path::parse(text) {
                Err(PathError::Syntax { column: found, .. }) => assert_eq!(found, column, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
