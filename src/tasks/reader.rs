//! [`Reader`]: objects of one interpreter, with what thousands of like ones have in common remembered.

use super::library::{self, Call};
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{FramePlace, PyFrame, SlotValue, VariablePlace};
use crate::cpython::object::{
    DictEntries, Heap, Int, Kind, dict_get_str, find_attribute, items, read_str, slot_of_type, tuple_items,
};
use crate::field;
use foldhash::HashMap;
use std::cell::RefCell;

/// Longest name that is read, in code points.
const MAX_NAME: u64 = 1000;

/// What of asyncio's own functions a code object is.
#[derive(Clone, Debug, Default)]
pub(super) struct CodeFacts {
    /// Whether it is one of asyncio's files.
    pub library: bool,
    /// The call that a person makes by it.
    pub call: Option<&'static Call>,
}

/// Reader of the objects of one interpreter.
pub(super) struct Reader<'r, 'a> {
    pub heap: &'r Heap<'a>,
    pub codes: &'r CodeCache,
    places: RefCell<HashMap<(Addr, &'static str), Option<VariablePlace>>>,
    slots: RefCell<HashMap<(Addr, &'static str), Option<i64>>>,
    facts: RefCell<HashMap<Addr, CodeFacts>>,
}

impl<'r, 'a> Reader<'r, 'a> {
    pub fn new(heap: &'r Heap<'a>, codes: &'r CodeCache) -> Self {
        let (places, slots, facts) = Default::default();
        Reader { heap, codes, places, slots, facts }
    }

    /// A name in a module.
    pub fn global(&self, module: Addr, name: &str) -> Result<Option<Addr>, DecodeError> {
        let ctx = &self.heap.ctx;
        dict_get_str(ctx, ctx.ptr(field!(ctx, module.dict), module)?, name)
    }

    pub fn kind(&self, at: Addr) -> Option<Kind> {
        self.heap.type_of(at).ok().map(|info| info.kind)
    }

    /// Name of an object's type, without module.
    pub fn type_name(&self, at: Addr) -> String {
        self.heap.type_of(at).map_or_else(|_| String::from("object"), |info| info.short_name().to_owned())
    }

    /// An attribute that is not `None`.
    pub fn attribute(&self, at: Addr, name: &str) -> Option<Addr> {
        self.some(find_attribute(self.heap, at, name).ok()??)
    }

    /// An attribute in `__slots__` that is not `None`.
    pub fn slot(&self, at: Addr, name: &'static str) -> Option<Addr> {
        let info = self.heap.type_of(at).ok()?;
        let known = self.slots.borrow().get(&(info.addr, name)).copied();
        let offset = match known {
            Some(known) => known,
            None => {
                let found = slot_of_type(self.heap, &info, name);
                self.slots.borrow_mut().insert((info.addr, name), found);
                found
            }
        };
        self.some(self.heap.ctx.ptr_at("slot", at.wrapping_offset(offset?)).ok()?)
    }

    fn some(&self, at: Addr) -> Option<Addr> {
        Some(at).filter(|at| !at.is_null() && self.kind(*at) != Some(Kind::None))
    }

    /// The first word of the fields that follow the head of an object.
    pub fn first_word(&self, at: Addr) -> Option<Addr> {
        let ctx = &self.heap.ctx;
        self.some(ctx.ptr_at("first field", ctx.addr(field!(ctx, object.size), at).ok()?).ok()?)
    }

    pub fn int(&self, at: Addr) -> Option<i64> {
        matches!(self.kind(at)?, Kind::Int | Kind::Bool).then(|| Int::read(&self.heap.ctx, at).ok()?.to_i64())?
    }

    pub fn int_attribute(&self, at: Addr, name: &str) -> Option<i64> {
        self.int(self.attribute(at, name)?)
    }

    /// A float, or an int as one.
    pub fn float(&self, at: Addr) -> Option<f64> {
        let ctx = &self.heap.ctx;
        match self.kind(at)? {
            Kind::Float => ctx.uint(field!(ctx, float.fval), at, 8).ok().map(f64::from_bits),
            #[allow(clippy::cast_precision_loss, reason = "seconds of a clock")]
            _ => self.int(at).map(|n| n as f64),
        }
    }

    pub fn text(&self, at: Addr) -> Option<String> {
        (self.kind(at)? == Kind::Str).then(|| read_str(&self.heap.ctx, at, MAX_NAME).ok())?
    }

    /// Objects in a list, tuple, set or deque, at most `limit`.
    pub fn items(&self, at: Addr, limit: usize) -> Vec<Addr> {
        let Ok(info) = self.heap.type_of(at) else { return Vec::new() };
        let Ok(Some(list)) = items(self.heap, at, &info, limit as u64) else { return Vec::new() };
        list.take(limit).map_while(Result::ok).filter_map(|item| item.value.object()).collect()
    }

    /// Keys and values of a dict, at most `limit`.
    pub fn entries(&self, at: Addr, limit: usize) -> Vec<(Addr, Addr)> {
        if !self.kind(at).is_some_and(|kind| kind.refines(Kind::Dict)) {
            return Vec::new();
        }
        let entries = DictEntries::new(&self.heap.ctx, at).into_iter().flatten();
        entries.take(limit).map_while(Result::ok).collect()
    }

    /// Number of objects in a container.
    pub fn length(&self, at: Addr) -> Option<u64> {
        let info = self.heap.type_of(at).ok()?;
        crate::cpython::object::length(self.heap, at, &info).ok()?
    }

    /// A variable of a frame that is bound and not `None`.
    pub fn variable(&self, frame: &FramePlace, name: &'static str) -> Option<Addr> {
        let known = self.places.borrow().get(&(frame.code, name)).copied();
        let place = match known {
            Some(known) => known,
            None => {
                let found = VariablePlace::find(self.heap, frame.code, name).ok()?;
                self.places.borrow_mut().insert((frame.code, name), found);
                found
            }
        };
        match place?.read(self.heap, frame.addr) {
            SlotValue::Object(at) => self.some(at),
            _ => None,
        }
    }

    /// What of asyncio's functions a frame runs. `generator`: whose frame it is, which knows the qualified name.
    pub fn facts(&self, frame: &FramePlace, generator: Addr) -> CodeFacts {
        if let Some(known) = self.facts.borrow().get(&frame.code) {
            return known.clone();
        }
        let ctx = &self.heap.ctx;
        let code = self.codes.get(ctx, frame.code).ok();
        let file = code.and_then(|code| code.filename.as_ref().ok().map(ToString::to_string)).unwrap_or_default();
        let facts = match library::file_of(&file) {
            None => CodeFacts::default(),
            Some(file) => {
                let name = self.generator_name(generator);
                CodeFacts { library: true, call: name.and_then(|name| library::call_of(file, &name)) }
            }
        };
        self.facts.borrow_mut().insert(frame.code, facts.clone());
        facts
    }

    /// `__qualname__` of a generator, coroutine or asynchronous generator.
    pub fn generator_name(&self, generator: Addr) -> Option<String> {
        let ctx = &self.heap.ctx;
        self.text(ctx.ptr(field!(ctx, generator.qualname), generator).ok()?)
    }

    /// A variable of an outer function that a function uses.
    pub fn closure(&self, function: Addr, name: &str) -> Option<Addr> {
        let ctx = &self.heap.ctx;
        let code = ctx.ptr(field!(ctx, function.code), function).ok()?;
        let closure = self.some(ctx.ptr(field!(ctx, function.closure), function).ok()?)?;
        let frees = match ctx.layouts.code.freevars.is_some() {
            true => tuple_items(ctx, ctx.ptr(field!(ctx, code.freevars), code).ok()?).ok()?,
            false => tuple_items(ctx, ctx.ptr(field!(ctx, code.localsplusnames), code).ok()?).ok()?,
        };
        let mut cells = tuple_items(ctx, closure).ok()?;
        // Free variables are the last names of all.
        let first = frees.total().checked_sub(cells.total())?;
        let names = frees.skip(usize::try_from(first).ok()?);
        let index = names.take(100).position(|n| n.ok().and_then(|at| self.text(at)).is_some_and(|n| n == name))?;
        let cell = cells.item(index as u64)?.ok()?;
        self.some(ctx.ptr(field!(ctx, cell.contents), cell).ok()?)
    }

    /// Qualified name of a function.
    pub fn qualname(&self, function: Addr) -> Option<String> {
        let ctx = &self.heap.ctx;
        (self.kind(function)? == Kind::Function).then_some(())?;
        self.text(ctx.ptr(field!(ctx, function.qualname), function).ok()?)
    }

    /// What a weak reference refers to, if that is still there: the interpreter puts `None` in its place.
    pub fn referent(&self, reference: Addr) -> Result<Option<Addr>, DecodeError> {
        let ctx = &self.heap.ctx;
        let object = ctx.ptr(field!(ctx, weakref.object), reference)?;
        Ok(Some(object).filter(|at| !at.is_null() && self.kind(*at) != Some(Kind::None)))
    }

    /// The function of a bound method.
    pub fn method_function(&self, method: Addr) -> Option<Addr> {
        let ctx = &self.heap.ctx;
        (self.kind(method)? == Kind::Method).then(|| ctx.ptr(field!(ctx, method.func), method).ok())?
    }

    /// The object of a bound method.
    pub fn method_self(&self, method: Addr) -> Option<Addr> {
        let ctx = &self.heap.ctx;
        (self.kind(method)? == Kind::Method).then(|| ctx.ptr(field!(ctx, method.self_obj), method).ok())?
    }
}

/// Name of an object's type, with its module where it has one.
#[must_use]
pub fn full_name(heap: &Heap<'_>, at: Addr) -> String {
    heap.type_of(at).map_or_else(|_| "unreadable object".to_owned(), |info| heap.full_name(&info))
}

/// The module of that name; `None` where it was not imported.
pub(super) fn module(heap: &Heap<'_>, interpreter: Addr, name: &str) -> Result<Option<Addr>, DecodeError> {
    let ctx = &heap.ctx;
    let modules = ctx.ptr(field!(ctx, interpreter.modules), interpreter)?;
    let Some(module) = dict_get_str(ctx, modules, name)? else { return Ok(None) };
    Ok((heap.type_of(module)?.kind == Kind::Module).then_some(module))
}

/// The place of a thread's frame.
pub(super) fn place(frame: &PyFrame) -> Option<FramePlace> {
    let code = frame.code.as_ref().ok()?.addr;
    Some(FramePlace { addr: frame.addr, code, lasti: *frame.lasti.as_ref().ok()? })
}

/// Whether a thread's frame runs the function `name` of a file whose path ends so.
pub(super) fn runs(frame: &PyFrame, file: &str, name: &str) -> bool {
    let Ok(code) = &frame.code else { return false };
    let is_file = |path: &crate::base::Text| path.to_string().replace('\\', "/").ends_with(file);
    code.name.as_ref().is_ok_and(|n| *n == name) && code.filename.as_ref().is_ok_and(is_file)
}
