//! Callbacks that ctypes or cffi made, called by C code when the object that held them is gone.
//!
//! `CFUNCTYPE(...)(function)` has a `CThunkObject`, which owns a closure of libffi: code that calls `closure_fcn` of ctypes with
//! the thunk (Modules/_ctypes/callbacks.c). Nothing in C keeps it alive. A call that comes later runs the closure's freed
//! memory, or finds a thunk that is none any more.
//!
//! `ffi.callback()` of cffi has a closure of the same form, which calls `invoke_callback` (cffi's `_cffi_backend.c`); when its object
//! goes, the closure's first word becomes a link to other free ones (`malloc_closure.h`).

use super::blame::{in_libffi, native_place, python_place};
use super::facts::{Scene, SceneFrame};
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use crate::base::{Addr, Os, file_name};
use crate::cpython::object::{Heap, refcount};
use crate::debuggee::{MemoryExt as _, ReadErrorKind};
use crate::field;
use crate::model::{Confidence, Finding, FindingId, Frame, FrameKind};
use crate::native::x86_64::{
    self,
    instruction::{Code, call_target, listing},
};
use crate::stack::hidden_frames::base_name;

/// Frames from the crash outwards that are examined: a callback may have run much Python code.
const FRAMES: usize = 256;
/// The function that closures of ctypes call.
const CLOSURE_FUNCTION: &str = "closure_fcn";
/// The function that it calls, which the compiler may have put into it.
const CALL_FUNCTION: &str = "_CallPythonObject";
/// The type of thunks.
const THUNK: &str = "CThunkObject";
/// From `ob_size` of a thunk to its `ffi_cif`: itself and two pointers (Modules/_ctypes/ctypes.h).
const SIZE_TO_CIF: u64 = 24;
/// From the `ffi_cif` to `callable`: the structure itself (32 bytes), `flags`, `converters`. Where it has 40 (riscv64), `converters` is
/// there, which is cleared with it.
const CIF_TO_CALLABLE: u64 = 48;
/// Sizes of the code at the start of an `ffi_closure` (`FFI_TRAMPOLINE_SIZE` of x86-64: libffi 3.4 and older ones); `ffi_cif`,
/// function and its argument follow.
const TRAMPOLINES: [u64; 2] = [32, 24];
/// `lea -N(%rip), %r10`, with which that code begins, after an `endbr64` in newer ones (src/x86/ffi64.c).
const TRAMPOLINE_START: &[u8] = &[0x4c, 0x8d, 0x15];
const ENDBR64: &[u8] = &[0xf3, 0x0f, 0x1e, 0xfa];
/// Instructions of the caller that are looked at.
const MAX_CODE: usize = 4000;
/// Instructions of a trampoline before it has loaded its closure: `endbr64`, room on the stack, the old `%r10` saved.
const MAX_TRAMPOLINE: usize = 4;
/// How far freed code may have run before it faulted.
const MAX_RUN: u64 = 64;
/// Closures are as aligned as what `malloc` gives.
const ALIGNMENT: u64 = 16;

/// Who made a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Library {
    Ctypes,
    Cffi,
}

impl Library {
    /// Name, the function that its closures call, and what the user can do.
    const fn facts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Library::Ctypes => (
                "ctypes",
                CLOSURE_FUNCTION,
                "keep a reference to the object that CFUNCTYPE (or a type like it) made for as long as C code may call it: as an \
                 attribute, not as a temporary value in the call that registers it",
            ),
            Library::Cffi => (
                "cffi",
                "invoke_callback",
                "keep a reference to the object that ffi.callback() gave for as long as C code may call it, or let the module have \
                 the function (@ffi.def_extern()), which is never freed",
            ),
        }
    }

    /// Whether a module's file is its extension.
    fn has_file(self, name: &str) -> bool {
        match self {
            Library::Ctypes => name.starts_with("_ctypes."),
            Library::Cffi => name.starts_with("_cffi_backend."),
        }
    }
}

/// A call of a callback that is gone.
struct Call {
    library: Library,
    /// Index in the stack of the outermost native frame of the call; the next one called.
    frame: usize,
    /// How it is known.
    evidence: Vec<String>,
}

/// Finds a call of a callback that had been freed: what is certain, or what may as well be beside the cause.
pub(super) fn run(scene: &Scene<'_>) -> (Option<Finding>, Option<Finding>) {
    let found = find(scene);
    // Where nobody's own code crashed inside of the callback, dead objects have crashed the interpreter.
    let cause = |f: &Finding| f.confidence == Confidence::High || scene.blame().owner.is_none();
    if found.as_ref().is_some_and(cause) { (found, None) } else { (None, found) }
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    let by_fault = matches!(scene.signal(), signals::SIGSEGV | signals::SIGBUS | signals::SIGILL | signals::SIGTRAP);
    if scene.facts.target.abi.os != Os::Linux || !by_fault && scene.signal() != signals::SIGABRT {
        return None;
    }
    let heap = scene.facts.heap?;
    let call =
        in_closure(scene).or_else(|| with_dead_thunk(scene, heap)).or_else(|| without_converters(scene, heap))?;
    let outside = scene.frames(FRAMES).skip_while(|f| f.index <= call.frame);
    let caller =
        outside.skip_while(|f| is_libffi(scene, f) || module_name(scene, f).is_none()).map(|f| f.frame.ip).next();
    let frames = &scene.thread?.frames;
    let at = frames.iter().position(|f| f.native.as_ref().is_some_and(|n| Some(n.ip) == caller));
    let is_python = |f: &&Frame| f.kind == FrameKind::Python;
    // Python code of the callback itself may have dropped the last reference to it, which does no harm by itself.
    let inside = frames.iter().take(at.unwrap_or(0)).any(|f| is_python(&f));
    let by = at.and_then(|at| frames.get(at)).map_or(String::new(), |f| format!(" by {}", native_place(f)));
    let python = at.and_then(|at| frames.get(at..)?.iter().find(is_python));
    let from = python.map_or(String::new(), |f| format!(", called from {}", python_place(f)));
    let mut evidence = signal_evidence(scene);
    evidence.extend(scene.access().evidence());
    evidence.extend(call.evidence);
    let (library, _, advice) = call.library.facts();
    let (title, confidence) = match inside {
        false => (format!("a {library} callback was called after it was freed{by}{from}"), Confidence::High),
        true => {
            evidence.push("Python code ran in it, which may have freed it only then".to_owned());
            (format!("a {library} callback ran that is freed, called{by}{from}"), Confidence::Medium)
        }
    };
    Some(Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::FreedCallback, title, confidence, evidence, scene.tid)
    })
}

/// A thread that runs the memory of a closure whose code is no longer there.
fn in_closure(scene: &Scene<'_>) -> Option<Call> {
    let first = scene.frames(1).next()?;
    let (ip, memory) = (first.frame.ip, &scene.facts.target.memory);
    if !x86_64::is_of(&scene.facts.target.abi) {
        return None;
    }
    if first.code.module.is_some() || !scene.facts.segment(ip).is_some_and(|s| s.protection.execute) {
        return None;
    }
    let start = Addr(ip.0 & !(ALIGNMENT - 1));
    let starts = (0..=MAX_RUN / ALIGNMENT).filter_map(|n| start.checked_sub(n.saturating_mul(ALIGNMENT)));
    let mut closures = starts.flat_map(|closure| TRAMPOLINES.map(|size| (closure, size)));
    let (closure, content) = closures.find_map(|(closure, size)| Some((closure, content(scene, closure, size)?)))?;
    let code = memory.read_array::<16>(closure).ok()?;
    let begins = |code: &[u8]| code.starts_with(TRAMPOLINE_START);
    if begins(&code) || code.strip_prefix(ENDBR64).is_some_and(begins) {
        return None;
    }
    let (library, function, _) = content.library.facts();
    let at = content.function;
    let evidence = vec![
        format!("the thread runs a closure of libffi at {closure}, which calls {function} of {library} at {at}"),
        "its code is overwritten by what its allocator keeps of free memory: it has been freed".to_owned(),
    ];
    Some(Call { library: content.library, frame: first.index, evidence })
}

/// A call of ctypes with a thunk that is none.
fn with_dead_thunk(scene: &Scene<'_>, heap: &Heap<'_>) -> Option<Call> {
    let frames: Vec<SceneFrame<'_>> = scene.frames(FRAMES).collect();
    frames.iter().zip(frames.iter().skip(1).map(Some).chain([None])).find_map(|(frame, outer)| {
        let thunk = by_arguments(scene, frame).or_else(|| {
            let outer = outer.filter(|outer| is_libffi(scene, frame) && !is_libffi(scene, outer))?;
            by_call(scene, outer)
        })?;
        let why = death(heap, thunk)?;
        let call = frames.iter().filter(|f| f.index >= frame.index);
        let frame = call.take_while(|f| f.index == frame.index || is_libffi(scene, f)).last()?.index;
        let evidence = vec![
            format!("a closure of libffi called {CLOSURE_FUNCTION} of ctypes for the CThunkObject that was at {thunk}"),
            why,
        ];
        Some(Call { library: Library::Ctypes, frame, evidence })
    })
}

/// A call of ctypes with a thunk that the collector has cleared: its tuple of converters, which every living one has, is NULL,
/// and the first thing that a call does is to ask how long it is.
fn without_converters(scene: &Scene<'_>, heap: &Heap<'_>) -> Option<Call> {
    let length = field!(heap.ctx, var_object.ob_size).1.ok()?;
    let base = scene.access().operand.as_ref()?.base.as_ref()?.value;
    if base != 0 || scene.access().addr != Some(Addr(length)) {
        return None;
    }
    let of_ctypes = |f: &SceneFrame<'_>| is_ctypes(scene, f) && !is_libffi(scene, f);
    let named = |f: &SceneFrame<'_>| f.name().is_none() || f.runs(CLOSURE_FUNCTION) || f.runs(CALL_FUNCTION);
    let inner: Vec<SceneFrame<'_>> = scene.frames(FRAMES).take_while(of_ctypes).collect();
    let closure = inner.last().filter(|_| inner.len() <= 2 && inner.iter().all(named))?;
    let libffi = scene.frames(FRAMES).skip_while(|f| f.index <= closure.index);
    let frame = libffi.take_while(|f| is_libffi(scene, f)).last()?.index;
    let evidence = vec![format!(
        "a closure of libffi called {CLOSURE_FUNCTION} of ctypes for a CThunkObject without converters: it has been freed"
    )];
    Some(Call { library: Library::Ctypes, frame, evidence })
}

/// The thunk that a function was called with.
fn by_arguments(scene: &Scene<'_>, frame: &SceneFrame<'_>) -> Option<Addr> {
    let argument = |index| scene.argument(frame, index).map(Addr);
    if is_libffi(scene, frame) {
        // ffi_closure_unix64_inner(cif, function, its argument, ...)
        let (cif, function, thunk) = (argument(0)?, argument(1)?, argument(2)?);
        return (closure_function(scene, function, cif, thunk) == Some(Library::Ctypes)).then_some(thunk);
    }
    // closure_fcn(cif, result, arguments, thunk)
    let runs = frame.runs(CLOSURE_FUNCTION) && is_ctypes(scene, frame);
    if runs { argument(3) } else { None }
}

/// The thunk of the closure that a frame of C code has called, where it still shows by which pointer it did.
fn by_call(scene: &Scene<'_>, caller: &SceneFrame<'_>) -> Option<Addr> {
    let target = scene.facts.target;
    let registers = caller.frame.registers.as_deref().filter(|_| x86_64::is_of(&target.abi))?;
    let start = scene.function(caller.frame, caller.code)?.start;
    let code = listing(&target.memory, start, caller.frame.ip, MAX_CODE);
    let called = call_target(&code, registers, &target.memory, &target.abi)?;
    let closures = [Some(called), by_static_trampoline(scene, called)].into_iter().flatten();
    let closures = closures.flat_map(|closure| TRAMPOLINES.map(|size| (closure, size)));
    let mut contents = closures.filter_map(|(closure, size)| content(scene, closure, size));
    contents.find(|content| content.library == Library::Ctypes).map(|content| content.argument)
}

/// The closure that code at `at` loads before it jumps into libffi: where memory must not be both writable and code, trampolines
/// are copies of pages of libffi itself, each with its closure in a page of data (src/tramp.c, src/x86/unix64.S).
fn by_static_trampoline(scene: &Scene<'_>, at: Addr) -> Option<Addr> {
    let target = scene.facts.target;
    let mut at = at;
    for _ in 0..MAX_TRAMPOLINE {
        let code = Code::at(&target.memory, at)?;
        if let Some(data) = code.loaded() {
            return target.memory.read_ptr(&target.abi, data).ok();
        }
        at = code.end();
    }
    None
}

/// What follows the code of a closure.
struct Content {
    library: Library,
    /// The function that it calls.
    function: Addr,
    /// What it calls it with: of ctypes the thunk.
    argument: Addr,
}

/// The content of a closure whose code has this size.
fn content(scene: &Scene<'_>, closure: Addr, size: u64) -> Option<Content> {
    let target = scene.facts.target;
    let word = |n: u64| target.memory.read_ptr(&target.abi, closure.checked_add(size.saturating_add(n))?).ok();
    let (cif, function, argument) = (word(0)?, word(8)?, word(16)?);
    Some(Content { library: closure_function(scene, function, cif, argument)?, function, argument })
}

/// Why there is no living thunk at that address; `None` where there is one, or nothing can be said.
fn death(heap: &Heap<'_>, thunk: Addr) -> Option<String> {
    let ctx = &heap.ctx;
    let Ok(kind) = ctx.ptr(field!(ctx, object.ob_type), thunk) else {
        // Memory that a dump lacks is not memory that a process lacks.
        let unmapped = ctx.memory.read(thunk, &mut [0]).is_err_and(|e| e.kind == ReadErrorKind::Unmapped);
        return unmapped.then(|| "nothing is mapped there: it has been freed".to_owned());
    };
    let own = heap.type_info(kind).is_some_and(|t| t.short_name() == THUNK);
    if !own {
        return Some(match heap.type_info(kind) {
            Some(other) => format!("there is an object of type {} by now: it has been freed", other.name),
            None if kind.0.to_le_bytes() == [0xdd; 8] => {
                "its memory is filled with 0xdd, as Python's debug allocator does when it frees".to_owned()
            }
            None => format!("there is no object any more ({kind} is no type): it has been freed"),
        });
    }
    if let Ok(count) = refcount(ctx, thunk)
        && count.count.is_some_and(|n| n <= 0)
    {
        return Some("its reference count is 0: it has been freed".to_owned());
    }
    let callable =
        cif_of(heap, thunk).and_then(|cif| ctx.memory.read_ptr(&ctx.abi, cif.checked_add(CIF_TO_CALLABLE)?).ok());
    callable.is_some_and(Addr::is_null).then(|| "what it calls is cleared: it has been freed".to_owned())
}

/// Where a thunk has its `ffi_cif`.
fn cif_of(heap: &Heap<'_>, thunk: Addr) -> Option<Addr> {
    let ctx = &heap.ctx;
    let size = field!(ctx, var_object.ob_size).1.ok()?;
    thunk.checked_add(size)?.checked_add(SIZE_TO_CIF)
}

/// Whose closures call `function`, with `cif` and `argument` for what the closure has.
fn closure_function(scene: &Scene<'_>, function: Addr, cif: Addr, argument: Addr) -> Option<Library> {
    let target = scene.facts.target;
    let module = target.modules.iter().position(|m| m.contains(function))?;
    let file = target.modules.get(module).map(|m| file_name(m.file_name())).unwrap_or_default();
    let library = [Library::Ctypes, Library::Cffi].into_iter().find(|library| library.has_file(file));
    let library = library.or_else(|| scene.facts.interpreter.holds(module).then_some(Library::Ctypes));
    if let Some(symbol) = scene.facts.images.symbol_at(target, function) {
        let library = library.unwrap_or(Library::Ctypes);
        let named = symbol.offset == 0 && base_name(&symbol.name) == library.facts().1;
        return named.then_some(library);
    }
    let starts_function = || {
        let start = scene.facts.tables.at(function)?.called_function(target, function)?.start;
        Some(start == function)
    };
    let right = match library? {
        // That ctypes has the function is not enough without symbols: libffi calls those of `string_at`, `cast` and others for
        // it (Modules/_ctypes/_ctypes.c). The thunk tells: its own `ffi_cif` is the one that came along, which stays so when it
        // is freed.
        Library::Ctypes => scene.facts.heap.and_then(|heap| cif_of(heap, argument)) == Some(cif),
        // It forgets what to call before it frees a closure (`cdataowninggc_dealloc`).
        Library::Cffi => argument.is_null(),
    };
    library.filter(|_| right && starts_function() == Some(true))
}

fn module_name<'a>(scene: &Scene<'a>, frame: &SceneFrame<'_>) -> Option<&'a str> {
    scene.facts.target.modules.get(frame.code.module?).map(|m| file_name(m.file_name()))
}

/// Whether a frame is of ctypes: a module of its own, or built into the interpreter.
fn is_ctypes(scene: &Scene<'_>, frame: &SceneFrame<'_>) -> bool {
    module_name(scene, frame).is_some_and(|name| Library::Ctypes.has_file(name))
        || frame.code.module.is_some_and(|m| scene.facts.interpreter.holds(m))
}

/// Whether a frame is of libffi, which may be linked into ctypes.
fn is_libffi(scene: &Scene<'_>, frame: &SceneFrame<'_>) -> bool {
    in_libffi(module_name(scene, frame), frame.name(), "ffi_closure")
}
