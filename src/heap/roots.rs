//! Roots: what keeps objects alive that is not an object itself. Modules, frames of threads, the interpreters' own state.

use super::objects::ObjectId;
use super::state_names::StateNames;
use super::{HeapState, Via};
use crate::base::{Addr, Diagnostics};
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{SlotValue, locals, walk_some};
use crate::cpython::object::{DictEntries, Heap, Kind, read_str};
use crate::cpython::runtime::{Interpreter, threads};
use crate::field;

/// Most frames of a thread whose variables are roots.
const MAX_FRAMES: u64 = 10_000;
/// Most modules.
const MAX_MODULES: usize = 100_000;
/// Most bytes of one stack, or of one module's variables.
const MAX_NATIVE: u64 = 256 << 20;
/// No state of an interpreter or thread is larger.
const MAX_STATE: u64 = 4 << 20;

/// Something that keeps an object alive and is not an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What it is, as the first part of a path.
    pub name: String,
    /// The object it refers to.
    pub object: ObjectId,
    /// Roots of lower groups are asked first: 0 modules, 1 frames, 2 states of threads and interpreters, 3 words of
    /// native code.
    pub group: u8,
}

/// The group of roots that are words of states.
const STATES: u8 = 2;
/// The group of roots that are words of native code: they may be equal to an object's address by chance.
const UNCERTAIN: u8 = 3;

impl Root {
    /// Whether it is known to be a reference.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.group < UNCERTAIN
    }
}

/// Memory of native code whose words may be references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeMemory<W> {
    /// What it is.
    pub what: W,
    /// First address.
    pub start: u64,
    /// Bytes.
    pub size: u64,
}

/// What words of native code lead to, by range: index of the range, address of the word, and the object. An object is
/// given once, at the first word that leads to it, and only where `wanted`.
pub fn native_roots<W>(
    state: &HeapState<'_>,
    memory: &[NativeMemory<W>],
    wanted: impl Fn(ObjectId) -> bool,
) -> Vec<(usize, u64, ObjectId)> {
    let mut found = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (index, range) in memory.iter().enumerate() {
        let start = range.start.wrapping_add(7) & !7;
        let skipped = start.wrapping_sub(range.start);
        let count = range.size.saturating_sub(skipped).min(MAX_NATIVE) / 8;
        state.view.words(start, count, |at, word| {
            if word & 7 == 0
                && let Some(object) = state.objects().at(word)
                && wanted(object)
                && seen.insert(object)
            {
                found.push((index, start.wrapping_add(at.wrapping_mul(8)), object));
            }
        });
    }
    found
}

/// A root that is a word of native code.
#[must_use]
pub fn native_root(name: String, object: ObjectId) -> Root {
    Root { name, object, group: UNCERTAIN }
}

/// The roots of all interpreters.
#[must_use]
pub fn roots(state: &HeapState<'_>, interpreters: &[Interpreter], diagnostics: &Diagnostics) -> Vec<Root> {
    let mut roots = Vec::new();
    let (heap, codes) = (state.heap(), CodeCache::default());
    let (of_states, of_threads) =
        (StateNames::of_interpreter(heap.ctx.layouts), StateNames::of_thread(heap.ctx.layouts));
    interned(state, &mut roots);
    for interpreter in interpreters {
        let mut add = |name: String, addr: Addr, group: u8| {
            if let Some(object) = state.objects().at(addr.0) {
                roots.push(Root { name, object, group });
            }
        };
        let inside = if interpreters.len() > 1 { format!("interpreter {}: ", interpreter.id) } else { String::new() };
        modules(heap, interpreter, &inside, &mut add);
        for thread in threads(&heap.ctx, interpreter.addr, usize::MAX, |_| true, diagnostics).threads {
            let tid = thread.native_id.map_or_else(|| format!("{:#x}", thread.ident), |id| id.to_string());
            frames(state, &codes, thread.addr, &format!("{inside}thread {tid}"), &mut add);
            let size = heap.ctx.layouts.thread.size.offset().unwrap_or(0);
            let name = format!("{inside}thread {tid}: state");
            words(state, (thread.addr.0, size), &of_threads, &name, &mut add);
        }
        let size = heap.ctx.layouts.interpreter.size.offset().unwrap_or(0);
        words(state, (interpreter.addr.0, size), &of_states, &format!("{inside}interpreter state"), &mut add);
    }
    roots
}

/// Interned strings are those of the process where it has one table of them.
fn interned(state: &HeapState<'_>, roots: &mut Vec<Root>) {
    let mut add = |name: &str, object| roots.push(Root { name: name.to_owned(), object, group: STATES });
    for table in state.interned_tables() {
        add("interned strings", table);
    }
    for object in state.static_strings().iter().filter_map(|at| state.objects().at(*at)) {
        add("interned static strings", object);
    }
}

fn modules(heap: &Heap<'_>, interpreter: &Interpreter, inside: &str, add: &mut impl FnMut(String, Addr, u8)) {
    let Ok(modules) = interpreter.modules.clone() else { return };
    let Ok(entries) = DictEntries::new(&heap.ctx, modules) else { return };
    for (key, module) in entries.take(MAX_MODULES).map_while(Result::ok) {
        let name = read_str(&heap.ctx, key, 200).unwrap_or_else(|_| "?".to_owned());
        if heap.type_of(module).is_ok_and(|t| t.kind == Kind::Module) {
            add(format!("{inside}{name}"), module, 0);
        } else {
            add(format!("{inside}sys.modules[{name:?}]"), module, 0);
        }
    }
    add(format!("{inside}sys.modules"), modules, 0);
}

fn frames(
    state: &HeapState<'_>,
    codes: &CodeCache,
    tstate: Addr,
    thread: &str,
    add: &mut impl FnMut(String, Addr, u8),
) {
    let heap = state.heap();
    let edges = state.edges();
    for frame in walk_some(&heap.ctx, codes, tstate, MAX_FRAMES).frames {
        let code = frame.code.as_ref().ok().and_then(|code| code.name.as_ref().ok()).map(ToString::to_string);
        let name = format!("{thread}: frame {}", code.unwrap_or_else(|| "?".to_owned()));
        for local in locals(heap, &frame, 10_000).map(|(list, _)| list).unwrap_or_default() {
            if let SlotValue::Object(addr) = local.value {
                add(format!("{name}, local {}", local.name), addr, 1);
            }
        }
        // Cells, the function, and what is on the evaluation stack.
        if heap.ctx.layouts.frame.localsplus.is_some() {
            edges.frame(frame.addr.0, &mut |via, to| {
                let part = match via {
                    Via::Frame(part) => part,
                    _ => "cell or evaluation stack",
                };
                add(format!("{name}, {part}"), Addr(to), 1);
            });
        } else {
            add(name, frame.addr, 1);
        }
    }
}

/// Words of a C struct that lead to objects.
fn words(
    state: &HeapState<'_>,
    (at, size): (u64, u64),
    names: &StateNames,
    name: &str,
    add: &mut impl FnMut(String, Addr, u8),
) {
    state.view.words(at, size.min(MAX_STATE) / 8, |index, word| {
        let offset = index.wrapping_mul(8);
        if word & 7 == 0 && state.objects().at(word).is_some() && !names.is_borrowed(offset) {
            let name = match names.name(offset) {
                Some(member) => format!("{name}, {member}"),
                None => format!("{name} +{offset}"),
            };
            add(name, Addr(word), STATES);
        }
    });
}

/// The namespace of the module at `addr`.
pub(super) fn module_dict(heap: &Heap<'_>, addr: Addr) -> Option<Addr> {
    heap.ctx.ptr(field!(heap.ctx, module.dict), addr).ok()
}
