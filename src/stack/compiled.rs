//! Which native frame runs each Python frame of compiled code (Nuitka), which no evaluation loop runs.
//!
//! Two things tell. An object of the module's own types (a `compiled_function`, a `compiled_generator`) holds the code object
//! and the C function that it became: `m_code_object` and `m_c_code` or `m_code`. The frame object has its generator in it;
//! functions are in
//! the namespace of the frame, or at hand on the stack, where they were called. And the C function has the frame object in a register that
//! calls preserve or on its part of the stack, as it writes lines into it. What tells neither stays untied.

use super::analysis::ReadFrame;
use super::merge::{NativeFrame, NativeRole, PythonFrame};
use super::native_stack::{NativeStack, frame_size};
use crate::base::Addr;
use crate::cpython::frame::{Compiled, Heads};
use crate::debuggee::{Memory as _, MemoryExt as _, Target};
use crate::native::ModuleTables;
use crate::native::unwind::StackEnd;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Bytes of a native frame that are searched.
const MAX_FRAME: u64 = 64 << 10;
/// Words of one stack that are looked at as objects.
const MAX_WORDS: usize = 100_000;
/// Bytes of a frame object that are searched for its generator, and most of an object that may name a C function.
const OBJECT: u64 = 256;

/// What runs a Python frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunBy {
    /// An evaluation loop, or it is compiled code and nothing more is known.
    #[default]
    Unknown,
    /// The native frame at this index: it is compiled code.
    Native(usize),
    /// Compiled code that waits for another generator: its C function has returned to who drives both.
    NoNative,
}

impl RunBy {
    /// What the merge is to know of a Python frame that would be `own` if an evaluation loop ran it.
    #[must_use]
    pub fn frame(self, own: PythonFrame, native: &[NativeFrame]) -> PythonFrame {
        match self {
            RunBy::Unknown => own,
            RunBy::Native(at) => PythonFrame { entry_sp: native.get(at).map(|frame| frame.sp), ..own },
            RunBy::NoNative => PythonFrame { entry: Some(false), entry_sp: None },
        }
    }
}

/// Native frames that run compiled code are to the merge what evaluation loops are.
pub fn mark_loops(native: &mut [NativeFrame], compiled: &[RunBy]) {
    for run in compiled {
        if let RunBy::Native(at) = run
            && let Some(frame) = native.get_mut(*at)
        {
            frame.role = NativeRole::Eval;
        }
    }
}

/// What runs each Python frame. `globals`: objects in the frames' namespaces, which may be their functions.
#[must_use]
pub fn running(
    target: &Target,
    tables: &ModuleTables<'_>,
    stack: &NativeStack,
    python: &[ReadFrame],
    globals: &[Addr],
) -> Vec<RunBy> {
    let wanted: Vec<Option<(Compiled, Addr)>> =
        python.iter().map(|read| Some((read.frame.compiled?, read.frame.code.as_ref().ok()?.addr))).collect();
    let (mut out, mut bound) = (vec![RunBy::Unknown; python.len()], usize::MAX);
    let Some(search) = Search::new(target, tables, stack, &wanted, globals) else { return out };
    for (at, read) in python.iter().enumerate().rev() {
        let found = match wanted.get(at).copied().flatten() {
            Some((compiled, _)) if search.driven.contains(&compiled.object) => None,
            Some((compiled, code)) => search.native(compiled.object, code, bound),
            None => read.frame.entry_sp.and_then(|sp| search.holder(sp)),
        };
        if let (Some(place), Some(compiled)) = (out.get_mut(at), read.frame.compiled) {
            *place = match found {
                Some(native) => RunBy::Native(native),
                None if search.driven.contains(&compiled.object) => RunBy::NoNative,
                None => RunBy::Unknown,
            };
        }
        bound = found.unwrap_or(bound).min(bound);
    }
    out
}

/// How objects of the compiled modules' own types are known.
struct Types {
    /// The modules whose variables the types are.
    modules: HashSet<usize>,
    heads: Heads,
    /// The type of all these types.
    metatype: Addr,
}

impl Types {
    /// From a frame object that is known to be one.
    fn new(target: &Target, modules: HashSet<usize>, known: Compiled) -> Option<Types> {
        let metatype = word(target, known.type_addr, known.heads.ob_type)?;
        Some(Types { modules, heads: known.heads, metatype })
    }
}

/// A native frame of a module with compiled code.
struct Native {
    at: usize,
    /// First byte of its function.
    start: Option<Addr>,
    /// Frame objects that it has at hand.
    objects: BTreeSet<Addr>,
}

struct Search<'a> {
    stack: &'a NativeStack,
    natives: Vec<Native>,
    /// C functions of each code object.
    functions: HashMap<Addr, BTreeSet<Addr>>,
    /// Frame objects whose generator names no C function that is on the stack.
    driven: HashSet<Addr>,
}

impl<'a> Search<'a> {
    fn new(
        target: &Target,
        tables: &ModuleTables<'_>,
        stack: &'a NativeStack,
        wanted: &[Option<(Compiled, Addr)>],
        globals: &[Addr],
    ) -> Option<Self> {
        let module_of = |addr: Addr| target.modules.iter().position(|m| m.contains(addr));
        let modules: HashSet<usize> = wanted.iter().flatten().filter_map(|(c, _)| module_of(c.type_addr)).collect();
        let types = Types::new(target, modules, wanted.iter().flatten().next()?.0)?;
        let objects: HashSet<Addr> = wanted.iter().flatten().map(|(c, _)| c.object).collect();
        let codes: HashSet<Addr> = wanted.iter().flatten().map(|(_, code)| *code).collect();
        let mut natives = Vec::new();
        let mut seen: BTreeSet<Addr> = globals.iter().copied().collect();
        for object in &objects {
            seen.extend(words(target, *object, OBJECT));
        }
        let complete = stack.unwound.end == StackEnd::Complete;
        for (at, (frame, code)) in stack.unwound.frames.iter().zip(&stack.symbols).enumerate() {
            let own = code.module.is_some_and(|module| types.modules.contains(&module));
            let saved = frame.registers.iter().flat_map(|registers| registers.callee_saved().map(Addr));
            let all: Vec<Addr> = saved.chain(words(target, frame.sp, frame_size(frame, MAX_FRAME))).collect();
            if own {
                let lookup = frame.lookup();
                let start = tables.at(lookup).and_then(|found| found.function(target, lookup)).map(|f| f.start);
                let objects = all.iter().copied().filter(|word| objects.contains(word)).collect();
                natives.push(Native { at, start, objects });
            }
            if seen.len() < MAX_WORDS {
                seen.extend(all);
            }
        }
        let starts: HashSet<Addr> = natives.iter().filter_map(|native| native.start).collect();
        let functions = functions(target, &types, &seen, &codes, &starts);
        let all = wanted.iter().flatten().filter(|_| complete);
        let driven = all.filter(|(c, code)| is_driven(target, &types, c.object, *code, &starts));
        let driven = driven.map(|(c, _)| c.object).collect();
        Some(Search { stack, natives, functions, driven })
    }

    /// The native frame of a frame object that runs `code`, further in than `bound`.
    fn native(&self, object: Addr, code: Addr, bound: usize) -> Option<usize> {
        let inside = || self.natives.iter().rev().filter(move |native| native.at < bound);
        let holds = |native: &&Native| native.objects.contains(&object);
        let at = |native: &Native| native.at;
        if let Some(own) = self.functions.get(&code) {
            let proven = || inside().filter(|native| native.start.is_some_and(|start| own.contains(&start)));
            return proven().find(holds).or_else(|| proven().next()).map(at);
        }
        // That of another code object is not this one.
        let others: HashSet<&Addr> = self.functions.values().flatten().collect();
        inside().filter(|native| native.start.is_none_or(|start| !others.contains(&start))).find(holds).map(at)
    }

    /// The native frame that a place on the stack lies in.
    fn holder(&self, place: Addr) -> Option<usize> {
        let frames = &self.stack.unwound.frames;
        let at = frames.partition_point(|frame| frame.sp <= place).checked_sub(1)?;
        frames.get(at)?.cfa.is_some_and(|cfa| place < cfa).then_some(at)
    }
}

/// Which of the functions (by their first bytes) objects of the modules' types name together with each code object. One that
/// objects of other code name as well is called by all of them.
fn functions(
    target: &Target,
    types: &Types,
    seen: &BTreeSet<Addr>,
    codes: &HashSet<Addr>,
    starts: &HashSet<Addr>,
) -> HashMap<Addr, BTreeSet<Addr>> {
    let width = u64::from(target.abi.pointer_size());
    let mut named: BTreeMap<Addr, BTreeSet<Option<Addr>>> = BTreeMap::new();
    for object in seen.iter().filter(|object| !object.is_null() && object.0.is_multiple_of(width)) {
        let Some(inside) = fixed_part(target, types, *object) else { continue };
        let code = inside.iter().find(|word| codes.contains(word)).copied();
        for start in inside.iter().filter(|word| starts.contains(word)) {
            named.entry(*start).or_default().insert(code);
        }
    }
    let mut out: HashMap<Addr, BTreeSet<Addr>> = HashMap::new();
    for (start, codes) in named {
        if let [Some(code)] = codes.into_iter().collect::<Vec<_>>().as_slice() {
            out.entry(*code).or_default().insert(start);
        }
    }
    out
}

/// The words of the fixed part of an object whose type is a variable of one of the modules, but for the function that calls
/// it, which is the same for all. What is behind that part belongs to others.
fn fixed_part(target: &Target, types: &Types, object: Addr) -> Option<Vec<Addr>> {
    let width = u64::from(target.abi.pointer_size());
    let heads = types.heads;
    let found = word(target, object, heads.ob_type)?;
    let mut own = types.modules.iter().filter_map(|m| target.modules.get(*m));
    if !own.any(|m| m.contains(found)) || word(target, found, heads.ob_type)? != types.metatype {
        return None;
    }
    let mut inside = words(target, object, word(target, found, heads.basicsize)?.0.min(OBJECT));
    let caller = word(target, found, heads.vectorcall_offset)
        .and_then(|offset| offset.0.checked_div(width))
        .filter(|at| *at > 0);
    if let Some(caller) = caller.and_then(|at| inside.get_mut(usize::try_from(at).ok()?)) {
        *caller = Addr::NULL;
    }
    Some(inside)
}

/// Whether a frame object has a generator that runs `code`, whose C function is none of those on the stack.
fn is_driven(target: &Target, types: &Types, object: Addr, code: Addr, starts: &HashSet<Addr>) -> bool {
    let width = u64::from(target.abi.pointer_size());
    let inside = words(target, object, OBJECT);
    let mut objects = inside.iter().filter(|word| !word.is_null() && word.0.is_multiple_of(width) && **word != object);
    objects.any(|generator| {
        let Some(held) = fixed_part(target, types, *generator) else { return false };
        held.contains(&code) && held.contains(&object) && !held.iter().any(|word| starts.contains(word))
    })
}

fn word(target: &Target, at: Addr, offset: u64) -> Option<Addr> {
    target.memory.read_ptr(&target.abi, at.wrapping_add(offset)).ok()
}

/// The words of `size` bytes, as many as can be read.
fn words(target: &Target, from: Addr, size: u64) -> Vec<Addr> {
    let mut bytes = vec![0u8; usize::try_from(size).unwrap_or(0)];
    let word = usize::from(target.abi.pointer_size()).max(1);
    let read = match target.memory.read(from, &mut bytes) {
        Ok(()) => bytes.len(),
        // Up to where the memory ends.
        Err(_) => (0..bytes.len() / word)
            .take_while(|at| {
                let (start, end) = (at.saturating_mul(word), at.saturating_add(1).saturating_mul(word));
                let place = from.wrapping_add(start as u64);
                bytes.get_mut(start..end).is_some_and(|piece| target.memory.read(place, piece).is_ok())
            })
            .count()
            .saturating_mul(word),
    };
    bytes.get(..read).unwrap_or_default().chunks_exact(word).map(|word| Addr(target.abi.uint(word))).collect()
}
