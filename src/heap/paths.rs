//! References in Python's syntax: `.attr`, `['key']`, `[3]`.

use super::objects::{Found, ObjectId};
use super::types::Walk;
use super::{HeapState, Via};
use crate::base::Addr;
use crate::cpython::object::{Kind, ReprLimits, read_str, repr};

/// Longest name of an attribute in a path.
const MAX_NAME: u64 = 200;

/// One reference: how the first object refers to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Who refers.
    pub from: Found,
    /// How.
    pub via: Via,
}

impl HeapState<'_> {
    /// All references of an object, weak ones too.
    #[must_use]
    pub fn references(&self, found: Found) -> Vec<(Via, Found)> {
        let mut list = Vec::new();
        if let Some(shape) = self.shape(found.type_id) {
            self.edges().each(found.addr, shape, &mut |via, to| {
                list.extend(self.at(Addr(to)).map(|to| (via, to)));
            });
        }
        list
    }

    /// All references to an object, by looking at every object of the heap.
    #[must_use]
    pub fn referrers(&self, addr: Addr) -> Vec<Reference> {
        let mut list = Vec::new();
        let edges = self.edges();
        for from in self.objects().iter() {
            if let Some(shape) = self.shape(from.type_id) {
                edges.each(from.addr, shape, &mut |via, to| {
                    if to == addr.0 {
                        list.push(Reference { from, via });
                    }
                });
            }
        }
        list
    }

    /// Whether an edge is known to be a reference; others are words that lead to an object.
    #[must_use]
    pub fn is_exact(&self, from: Found, via: Via) -> bool {
        match via {
            Via::Field(offset) => self.member(from, offset).is_some(),
            Via::ModuleState(_) => false,
            _ => true,
        }
    }

    fn member(&self, from: Found, offset: u64) -> Option<&str> {
        self.shape(from.type_id)?.field(offset).map(|member| &*member.name)
    }

    /// An edge as a part of a path. `is_namespace`: the object that refers is the `__dict__` of the one before it.
    #[must_use]
    pub fn edge(&self, from: Found, via: Via, is_namespace: bool) -> String {
        let heap = self.heap();
        let text = |at: u64| read_str(&heap.ctx, Addr(at), MAX_NAME).ok();
        let is_str = |at: u64| heap.type_of(Addr(at)).is_ok_and(|t| t.kind == Kind::Str);
        match via {
            Via::Type => ".__class__".to_owned(),
            Via::Field(offset) => match self.member(from, offset) {
                Some(name) => format!(".{name}"),
                None => format!(".<field at +{offset}>"),
            },
            Via::Item(index) => match self.shape(from.type_id).filter(|shape| shape.kind == Kind::NumpyArray) {
                Some(_) => self.item_of_array(from, index),
                None => format!("[{index}]"),
            },
            Via::Element => ".<element>".to_owned(),
            Via::Key => ".<key>".to_owned(),
            Via::Value(key) => match text(key).filter(|_| is_namespace && is_str(key)) {
                Some(name) => format!(".{name}"),
                None => {
                    let limits = ReprLimits { depth: 1, items: 4, characters: 60, ..ReprLimits::default() };
                    format!("[{}]", repr(heap, Addr(key), &limits).text)
                }
            },
            Via::Attribute(index) => {
                let keys = self.shape(from.type_id).and_then(|shape| self.edges().shared_keys(shape));
                let key = keys.and_then(|keys| keys.key(&self.view, index));
                key.and_then(text).map_or_else(|| format!(".<attribute {index}>"), |name| format!(".{name}"))
            }
            Via::Dict => ".__dict__".to_owned(),
            Via::SharedKey => ".<name of an attribute>".to_owned(),
            Via::Slot(index) => self.slot(from, index),
            Via::Frame(part) => format!(".<{part}>"),
            Via::ModuleState(offset) => format!(".<C state +{offset}>"),
            Via::Weak => ".<weak>".to_owned(),
        }
    }

    /// An element of an array of NumPy, by its place in memory.
    fn item_of_array(&self, from: Found, index: u64) -> String {
        match super::numpy::array(&self.view, &self.offsets, from.addr) {
            Some(array) if array.dimensions <= 1 => format!("[{index}]"),
            Some(array) if array.is_c_order => format!(".flat[{index}]"),
            _ => format!(".T.flat[{index}]"),
        }
    }

    /// A slot of the frame of a generator or frame object: the name of the local variable.
    fn slot(&self, from: Found, index: u64) -> String {
        let name = || {
            let ctx = &self.heap().ctx;
            let l = ctx.layouts;
            let word = |at: u64, field: Option<u64>| self.view.word(at.wrapping_add(field?));
            let shape = self.shape(from.type_id)?;
            let frame = match shape.walk {
                Walk::Generator => from.addr.wrapping_add(l.generator.iframe.offset()?),
                _ if l.frame_object.f_frame.is_some() => word(from.addr, l.frame_object.f_frame.offset())?,
                _ => from.addr,
            };
            let (code, names) = match l.code.localsplusnames.offset() {
                Some(names) => (ctx.dialect.untag(word(frame, l.frame.executable.offset())?).0, names),
                None => (word(frame, l.frame_object.f_code.offset())?, l.code.varnames.offset()?),
            };
            let names = self.view.word(code.wrapping_add(names))?;
            let count = self.view.word(names.wrapping_add(self.offsets.ob_size))?;
            if index >= count {
                return None;
            }
            let at = names.wrapping_add(self.offsets.tuple_items).wrapping_add(index.wrapping_mul(8));
            read_str(ctx, Addr(self.view.word(at)?), MAX_NAME).ok()
        };
        name().map_or_else(|| format!(".<slot {index}>"), |name| format!(".<local {name}>"))
    }

    /// The path along objects each of which refers to the next, after `start`. What is a namespace is not named itself.
    #[must_use]
    pub fn path(&self, start: &str, objects: &[ObjectId]) -> String {
        let mut out = start.to_owned();
        let mut pending: Option<String> = None;
        for pair in objects.windows(2) {
            let [from, to] = pair else { break };
            let (Some(from), Some(to)) = (self.objects().get(*from), self.objects().get(*to)) else { break };
            let is_namespace = pending.is_some();
            let via = self.best_edge(from, to);
            let part = via.map_or_else(|| ".?".to_owned(), |via| self.edge(from, via, is_namespace));
            let is_value = matches!(via, Some(Via::Value(_)));
            if let Some(dict) = pending.take().filter(|_| !is_value) {
                out += &dict;
            }
            if part == ".__dict__" {
                pending = Some(part);
            } else {
                out += &part;
            }
        }
        out + &pending.unwrap_or_default()
    }

    /// The reference from one object to the other that says most.
    fn best_edge(&self, from: Found, to: Found) -> Option<Via> {
        let rank = |via: Via| match via {
            Via::Weak => 9,
            Via::ModuleState(_) => 5,
            Via::Field(offset) if self.member(from, offset).is_none() => 4,
            Via::Key | Via::Type | Via::SharedKey => 2,
            _ => 0,
        };
        let mut best: Option<(u8, Via)> = None;
        self.edges().each(from.addr, self.shape(from.type_id)?, &mut |via, at| {
            if at == to.addr && best.is_none_or(|(least, _)| rank(via) < least) {
                best = Some((rank(via), via));
            }
        });
        best.map(|(_, via)| via)
    }

    /// Whether an object is the namespace of a module.
    #[must_use]
    pub fn is_module(&self, found: Found) -> bool {
        self.shape(found.type_id).is_some_and(|shape| shape.kind == Kind::Module)
    }

    /// The namespace of a module.
    #[must_use]
    pub fn namespace(&self, module: Found) -> Option<ObjectId> {
        self.objects().at(super::roots::module_dict(self.heap(), Addr(module.addr))?.0)
    }
}
