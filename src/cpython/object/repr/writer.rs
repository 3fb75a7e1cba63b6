//! [`Writer`]: the text being made, its limits, and the way from an object to the function that renders it.

use super::limits::{Fidelity, ReprLimits, ReprStyle};
use super::pointer::Pointer;
use super::{default, gdb_script, python};
use crate::base::{Addr, Os, escape_terminal_into};
use crate::cpython::layout::disputed_uses;
use crate::cpython::object::fields::{head_word, var_word};
use crate::cpython::object::head::Head;
use crate::cpython::object::instance::Attribute;
use crate::cpython::object::kind::Again;
use crate::cpython::object::refcount::refcount;
use crate::cpython::object::types::{Heap, ReprBy, TypeInfo};
use crate::cpython::{Context, DecodeError};
use crate::debuggee::MemoryExt as _;
use crate::field;
use std::cell::Cell;
use std::fmt::{Display, Write as _};

/// A `repr()` in the making.
pub(in crate::cpython::object) struct Writer<'h, 'a> {
    pub(in crate::cpython::object) heap: &'h Heap<'a>,
    pub(super) limits: &'h ReprLimits,
    out: String,
    fidelity: Fidelity,
    /// Objects whose repr is being written, outermost first.
    active: Vec<Addr>,
    /// The text has reached its full length: nothing more is written.
    full: bool,
    /// Uses of disputed fields before it began.
    disputed_before: u64,
    /// An attribute that was looked up could not be read: it must not be taken for one that is not there.
    unread: Cell<bool>,
}

impl<'h, 'a> Writer<'h, 'a> {
    pub(super) fn new(heap: &'h Heap<'a>, limits: &'h ReprLimits) -> Self {
        Writer {
            heap,
            limits,
            out: String::new(),
            fidelity: Fidelity::Exact,
            active: Vec::new(),
            full: false,
            disputed_before: disputed_uses(),
            unread: Cell::new(false),
        }
    }

    pub(super) fn finish(mut self) -> (String, Fidelity) {
        self.end_at_read_limit();
        let disputed = self.ctx().dialect.frames_disputed || disputed_uses() != self.disputed_before;
        (self.out, if disputed { self.fidelity.max(Fidelity::Damaged) } else { self.fidelity })
    }

    pub(super) fn ctx(&self) -> &Context<'a> {
        &self.heap.ctx
    }

    /// Appends text of our own or of a repr (which has no control characters).
    pub(super) fn push(&mut self, text: &str) {
        self.push_all(&[text]);
    }

    /// As [`Writer::push`], of pieces that stay together.
    pub(super) fn push_all(&mut self, pieces: &[&str]) {
        if let Some(out) = self.open() {
            out.extend(pieces.iter().copied());
        }
    }

    /// Appends something displayable.
    pub(super) fn put(&mut self, text: impl Display) {
        if let Some(out) = self.open() {
            // Writing to a String cannot fail.
            let _ = write!(out, "{text}");
        }
    }

    /// Where text is appended to, unless the text has reached its full length.
    pub(super) fn open(&mut self) -> Option<&mut String> {
        self.end_at_read_limit();
        if self.out.len() > self.limits.total && !self.full {
            self.full = true;
            self.out.push_str("...(text limit)");
            self.fidelity = self.fidelity.max(Fidelity::Cut);
        }
        (!self.full).then_some(&mut self.out)
    }

    /// Ends the text where a read was refused: what would follow was made of incomplete facts.
    fn end_at_read_limit(&mut self) {
        if !self.full && self.heap.is_over_limit() {
            self.full = true;
            self.out.push_str("...(read limit)");
            self.fidelity = self.fidelity.max(Fidelity::Cut);
        }
    }

    /// Appends a name from the dump that Python prints as it is (`%U`): control characters are escaped here.
    pub(super) fn name(&mut self, text: &str) {
        let mut escaped = String::new();
        escape_terminal_into(&mut escaped, text);
        if escaped != text {
            self.lower(Fidelity::Structural);
        }
        self.push(&escaped);
    }

    /// Appends the name of a type as `_PyType_Name` gives it.
    pub(super) fn type_name(&mut self, info: &TypeInfo) {
        self.name_of_type(info, info.short_name());
    }

    /// Appends the name of a type, or where versions do not ask for it the name of the type that it is derived from.
    pub(super) fn own_or_fixed_name(&mut self, info: &TypeInfo, fixed: &str) {
        if self.ctx().dialect.repr.own_class_names { self.type_name(info) } else { self.push(fixed) }
    }

    /// Appends `tp_name`.
    pub(super) fn tp_name(&mut self, info: &TypeInfo) {
        self.name_of_type(info, &info.name);
    }

    /// Appends a form of the name of a type, which may not be known.
    pub(super) fn name_of_type(&mut self, info: &TypeInfo, name: &str) {
        if !info.named {
            self.lower(Fidelity::Damaged);
        }
        self.name(name);
    }

    /// A pointer as C code of CPython prints it.
    pub(super) fn pointer(&self, addr: Addr) -> Pointer {
        Pointer { addr, windows: self.heap.ctx.abi.os == Os::Windows }
    }

    /// A whole repr that never varies.
    pub(in crate::cpython::object) fn fixed(&mut self, text: &str) -> Result<(), DecodeError> {
        self.push(text);
        Ok(())
    }

    /// Notes that the text is at most this good. What is found after the limit of reads says nothing of the data.
    pub(super) fn lower(&mut self, fidelity: Fidelity) {
        self.end_at_read_limit();
        if !self.full {
            self.fidelity = self.fidelity.max(fidelity);
        }
    }

    /// Marks that `left` more would follow.
    pub(super) fn more(&mut self, left: u64) {
        self.put(format_args!("...(+{left} more)"));
        self.lower(Fidelity::Cut);
    }

    /// Marks a place where something could not be read.
    pub(super) fn problem(&mut self, error: &DecodeError) {
        if let DecodeError::Limit(limit) = error {
            self.put(format_args!("...({limit})"));
            self.lower(Fidelity::Cut);
        } else if error.is_limit() {
            self.push("...(read limit)");
            self.lower(Fidelity::Cut);
        } else {
            self.push("<unreadable: ");
            self.name(&error.to_string());
            self.push(">");
            self.lower(Fidelity::Damaged);
        }
    }

    /// A place in the text to come back to.
    pub(super) fn mark(&self) -> usize {
        self.out.len()
    }

    /// Forgets what was written since `mark`.
    pub(super) fn rewind(&mut self, mark: usize) {
        if !self.full {
            self.out.truncate(mark);
        }
    }

    /// Cuts what was written since `mark` to `keep` characters and `end` if it has more than `most`, as Python itself does.
    pub(super) fn shorten(&mut self, mark: usize, most: usize, keep: usize, end: &str) {
        let written = self.out.get(mark..).unwrap_or_default();
        if !self.full && written.chars().count() > most {
            let kept: String = written.chars().take(keep).collect();
            self.out.truncate(mark);
            self.out.push_str(&kept);
            self.out.push_str(end);
        }
    }

    /// Cuts the middle out of what was written since `mark` if it has more than `most` characters, as `reprlib` does.
    pub(super) fn shorten_middle(&mut self, mark: usize, most: usize) {
        let written = self.out.get(mark..).unwrap_or_default();
        let count = written.chars().count();
        if self.full || count <= most {
            return;
        }
        let kept = most.saturating_sub(3);
        let (head, tail) = (kept / 2, kept.saturating_sub(kept / 2));
        let start: String = written.chars().take(head).collect();
        let end: String = written.chars().skip(count.saturating_sub(tail)).collect();
        self.out.truncate(mark);
        self.out.push_str(&start);
        self.out.push_str("...");
        self.out.push_str(&end);
    }

    /// Writes the object as its native base type would.
    pub(super) fn base(&mut self, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
        match info.kind.row().repr {
            Some(render) => render(self, addr, info),
            None => default::structural(self, addr, info),
        }
    }

    /// Where the fields begin that follow the object head.
    pub(super) fn head(&self, addr: Addr) -> Result<Addr, DecodeError> {
        self.ctx().addr(field!(self.ctx(), object.size), addr)
    }

    /// Word `n` of the fields that follow the object head.
    pub(super) fn head_word(&self, addr: Addr, n: u64) -> Result<Addr, DecodeError> {
        head_word(self.ctx(), addr, n)
    }

    /// Word `n` of the fields that follow the head of a variable-size object.
    pub(super) fn var_word(&self, addr: Addr, n: u64) -> Result<Addr, DecodeError> {
        var_word(self.ctx(), addr, n)
    }

    /// `a, b, c` of at most as many elements as the limit allows.
    pub(super) fn sequence<T>(
        &mut self,
        total: u64,
        elements: impl Iterator<Item = Result<T, DecodeError>>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        for (index, element) in (0u64..).zip(elements) {
            if index > 0 {
                self.push(", ");
            }
            if index >= self.limits.items {
                return self.more(total.saturating_sub(index));
            }
            match element {
                Ok(element) => write(self, element),
                Err(error) => return self.problem(&error),
            }
            if self.full {
                return;
            }
        }
    }

    /// `a=1, b=2`; `more`: others follow that are not in the list.
    pub(super) fn attributes(&mut self, list: Vec<Attribute>, more: bool) {
        let mut separator = "";
        for attribute in list {
            self.push(separator);
            self.name(&attribute.name.to_string());
            self.push("=");
            self.object(attribute.value);
            separator = ", ";
        }
        if more {
            self.push(", ...");
            self.lower(Fidelity::Cut);
        }
    }

    /// Notes that an attribute could not be read.
    pub(super) fn note_unread(&self) {
        self.unread.set(true);
    }

    /// Whether an attribute could not be read since this was asked last.
    pub(super) fn take_unread(&self) -> bool {
        self.unread.take()
    }

    /// Whether the object being written is inside its own repr.
    pub(super) fn is_again(&self) -> bool {
        self.active.split_last().is_some_and(|(last, outer)| outer.contains(last))
    }

    /// Whether this object is being written already, further out.
    pub(super) fn is_active(&self, addr: Addr) -> bool {
        self.active.contains(&addr)
    }

    /// Appends the repr of the object at `addr`, whatever is there.
    pub(in crate::cpython::object) fn object(&mut self, addr: Addr) {
        if self.full {
            return;
        }
        if addr.is_null() {
            // What `PyObject_Repr(NULL)` returns (Objects/object.c).
            self.push("<NULL>");
            return;
        }
        let head = Head::read(self.ctx(), addr);
        let ctx = Context { memory: &head, ..*self.ctx() };
        let info = match self.heap.type_in(&ctx, addr) {
            Ok(info) => info,
            Err(error) => return self.no_object(addr, &error),
        };
        if refcount(&ctx, addr).is_ok_and(|count| count.is_absurd()) {
            self.put(format_args!("<freed? {} at {addr}>", info.name));
            return self.lower(Fidelity::Damaged);
        }
        if self.is_active(addr) && !self.guards_a_part(&info) {
            let (text, exact) = match self.heap.repr_by(&info) {
                ReprBy::Python(class, function) => python::recursion(self, &class, function),
                ReprBy::Native(_) => recursion_text(&info),
            };
            let (text, exact) = match (text, exact) {
                (_, false) if self.limits.style == ReprStyle::GdbScript => ("<...>".to_owned(), false),
                known => known,
            };
            self.name(&text);
            return self.lower(if exact { Fidelity::Exact } else { Fidelity::Structural });
        }
        let depth = u32::try_from(self.active.len()).unwrap_or(u32::MAX);
        if depth > self.limits.depth.min(ReprLimits::MAX_DEPTH) && info.kind.row().nests {
            self.put(format_args!("<{} at {addr}...>", info.short_name()));
            return self.lower(Fidelity::Cut);
        }
        self.active.push(addr);
        self.known(addr, &info);
        self.active.pop();
    }

    /// Whether the repr of such an object is guarded against itself in a part only, so that it begins again: a defaultdict
    /// guards what is a plain dict, a future its result.
    fn guards_a_part(&self, info: &TypeInfo) -> bool {
        match info.kind.row().again {
            Again::Part => true,
            Again::Future => !self.ctx().dialect.repr.futures_guarded,
            _ => false,
        }
    }

    /// Renders an object with a readable type.
    fn known(&mut self, addr: Addr, info: &TypeInfo) {
        let start = self.out.len();
        let script = match self.limits.style {
            ReprStyle::GdbScript => gdb_script::render(self, addr, info),
            ReprStyle::Python => None,
        };
        let result = script.unwrap_or_else(|| self.native_or_python(addr, info));
        if let Err(error) = result {
            self.rewind(start);
            self.put(format_args!("<{} at {addr}: ", info.short_name()));
            self.problem(&error);
            self.push(">");
        }
    }

    fn native_or_python(&mut self, addr: Addr, info: &TypeInfo) -> Result<(), DecodeError> {
        if self.ctx().dialect.is_two() && info.is_native && info.repr.is_null() {
            // `PyObject_Repr` (Objects/object.c) for one that has not inherited it.
            return default::object(self, addr, info);
        }
        match self.heap.repr_by(info) {
            ReprBy::Native(definer) => {
                match definer.kind.row().repr.filter(|_| definer.is_native && definer.is_known) {
                    Some(render) => render(self, addr, info),
                    None => default::structural(self, addr, info),
                }
            }
            ReprBy::Python(class, function) => python::render(self, addr, info, &class, function),
        }
    }

    /// What is shown where an object should be and is not.
    fn no_object(&mut self, addr: Addr, error: &DecodeError) {
        if error.is_limit() {
            return self.problem(error);
        }
        self.lower(Fidelity::Damaged);
        if self.limits.style == ReprStyle::GdbScript {
            return self.name(&format!("<no object ({error}) at remote {addr}>"));
        }
        // The count may have been changed since: the type word alone tells.
        let type_at = field!(self.ctx(), object.ob_type).1.map_or(addr, |offset| addr.wrapping_add(offset));
        let what = match self.ctx().memory.read_vec(type_at, u64::from(self.ctx().abi.pointer_size())) {
            Err(source) => format!("<invalid pointer {addr}: {source}>"),
            Ok(bytes) => match pattern_of(&bytes) {
                Some(pattern) => format!("<{pattern} at {addr}>"),
                None => format!("<no object at {addr}: {error}>"),
            },
        };
        self.name(&what);
    }
}

/// What Python writes for an object inside its own repr (`Py_ReprEnter`), and whether it is that: for other types it
/// would have ended in a `RecursionError`.
fn recursion_text(info: &TypeInfo) -> (String, bool) {
    let name = info.short_name();
    match info.kind.row().again {
        Again::Text(text) => (text.to_owned(), true),
        Again::Named => (format!("{name}(...)"), true),
        Again::Future => ("...".to_owned(), true),
        Again::Namespace if info.is_native => ("namespace(...)".to_owned(), true),
        Again::Namespace => (format!("{}(...)", info.name), true),
        Again::Unknown | Again::Part => (format!("<{name} again>"), false),
    }
}

/// What fills memory that the debug allocators took back or have not given out (Objects/obmalloc.c, 3.8+).
fn pattern_of(bytes: &[u8]) -> Option<&'static str> {
    let all = |byte: u8| bytes.iter().all(|b| *b == byte);
    match () {
        () if all(0xdd) => Some("freed memory (debug pattern 0xdd)"),
        () if all(0xcd) => Some("uninitialised memory (debug pattern 0xcd)"),
        () if all(0xfd) => Some("memory outside a block (debug pattern 0xfd)"),
        () if all(0) => Some("zeroed memory"),
        () => None,
    }
}
