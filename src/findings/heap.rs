//! Crashes inside malloc and free themselves: the heap is damaged, or a pointer was freed that is none. Allocators that end
//! the process for the same reasons.

use super::facts::{Scene, SceneFrame};
use super::finding;
use super::memory_access::signals;
use super::segv::{near_stack_pointer, signal_evidence};
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::model::{Confidence, Finding, FindingId};
use crate::stack::hidden_frames::CodePlace;

/// glibc's and musl's allocators (malloc/malloc.c, malloc/arena.c; src/malloc).
const ALLOCATOR: &[&str] = &[
    "__libc_calloc",
    "__libc_free",
    "__libc_malloc",
    "__libc_realloc",
    "_int_free",
    "_int_free_chunk",
    "_int_free_merge_chunk",
    "_int_malloc",
    "_int_memalign",
    "_int_realloc",
    "alloc_slot",
    "arena_for_chunk",
    "calloc",
    "cfree",
    "free",
    "get_meta",
    "malloc",
    "malloc_consolidate",
    "munmap_chunk",
    "nontrivial_free",
    "realloc",
    "sysmalloc",
    "tcache_get",
    "unlink_chunk",
];

/// The C library, by the start of its file's name.
const LIBC: &[&str] = &["libc.so", "libc-", "ld-musl", "libc.musl"];

/// Allocators that stand in for the C library's.
const OTHER_ALLOCATORS: &[&str] = &["libhoard", "libjemalloc", "libmimalloc", "libsnmalloc", "libtcmalloc"];

/// What tcmalloc says of a pointer that it never gave out (src/tcmalloc.cc `InvalidFree`), as the start of a line.
const INVALID_FREE: &[u8] = b"Attempt to free invalid pointer ";
/// Bytes of the stack that are searched for what an allocator said.
const MAX_SEARCH: u64 = 64 * 1024;
/// Longest text of an allocator.
const MAX_TEXT: usize = 100;

/// Python's own allocator (Objects/obmalloc.c), and what it is made of in free-threaded builds (Objects/mimalloc).
const PYMALLOC: &[&str] = &[
    "_PyObject_Calloc",
    "_PyObject_Free",
    "_PyObject_Malloc",
    "_PyObject_Realloc",
    "allocate_from_new_pool",
    "insert_to_freepool",
    "insert_to_usedpool",
    "pymalloc_alloc",
    "pymalloc_free",
    "pymalloc_pool_extend",
    "pymalloc_realloc",
];
const MIMALLOC: &[&str] = &["_PyMem_Mi", "_PyObject_Mi", "_mi_", "mi_"];

/// Names a crash inside an allocator.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).or_else(|| of_python(scene)).or_else(|| gave_up(scene)).into_iter().collect()
}

/// A fault of Python's own allocator: it follows links that are in freed blocks.
fn of_python(scene: &Scene<'_>) -> Option<Finding> {
    let top = scene.frames(1).next().filter(|f| f.place == CodePlace::Interpreter && faulted(scene))?;
    let name = top.name()?;
    let allocator = match name {
        _ if PYMALLOC.iter().any(|known| top.runs(known)) => "pymalloc",
        _ if starts_with_any(name, MIMALLOC) => "mimalloc",
        _ => return None,
    };
    let mut evidence = signal_evidence(scene);
    evidence.extend(scene.access().evidence());
    let what = format!("crash inside Python's allocator {allocator} ({name}): its lists of free blocks are damaged");
    let advice = "a block was used after it was freed (a Py_DECREF too many changes the link that is there by then), or written \
                  beyond its end; whose code that was is not known by this; `pyinquest heap check` says where memory is damaged, \
                  PYTHONMALLOC=debug finds it earlier";
    Some(corrupt(scene, &what, evidence, advice))
}

/// A damaged heap, with where the crash came from behind what it is.
fn corrupt(scene: &Scene<'_>, what: &str, evidence: Vec<String>, advice: &str) -> Finding {
    let origin = scene.blame().origin();
    let comma = if origin.starts_with(' ') { "," } else { "" };
    let title = format!("{what}{comma}{origin}");
    let made = finding(FindingId::HeapCorruption, title, Confidence::High, evidence, scene.tid);
    Finding { advice: Some(advice.to_owned()), ..made }
}

/// Whether memory could not be accessed, and not for want of stack.
fn faulted(scene: &Scene<'_>) -> bool {
    matches!(scene.signal(), signals::SIGSEGV | signals::SIGBUS)
        && scene.fault.signal.sender_pid.is_none()
        && !scene.access().addr.is_some_and(|at| near_stack_pointer(scene, at))
}

/// An abort by an allocator that stands in for the C library's.
fn gave_up(scene: &Scene<'_>) -> Option<Finding> {
    if scene.signal() != signals::SIGABRT {
        return None;
    }
    let module = |f: &SceneFrame<'_>| f.code.module.and_then(|m| scene.facts.target.modules.get(m));
    let is_libc = |f: &SceneFrame<'_>| module(f).is_some_and(|m| starts_with_any(m.file_name(), LIBC));
    let frames: Vec<SceneFrame<'_>> = scene.frames(24).collect();
    let own: Vec<&SceneFrame<'_>> = frames.iter().skip_while(|f| is_libc(f)).collect();
    let (first, allocator) = own.first().and_then(|f| Some((f, module(f)?)))?;
    if !starts_with_any(allocator.file_name(), OTHER_ALLOCATORS) {
        return None;
    }
    let last = own.iter().take_while(|f| f.code.module == first.code.module).last()?;
    let mut evidence = signal_evidence(scene);
    evidence.push(format!("abort() was called by {}", allocator.file_name()));
    evidence.extend(scene.blame().evidence());
    let said = frames.first().and_then(|innermost| said(scene, innermost.frame.sp, last.frame.cfa?));
    evidence.extend(said.as_ref().map(|text| format!("what it said is on the stack: {text}")));
    let (id, what, advice) = match said {
        Some(text) => {
            (FindingId::InvalidFree, text, "it points into a block, to the stack, or comes from another allocator")
        }
        None => (
            FindingId::HeapCorruption,
            "an invalid pointer was freed, or the heap is corrupt".to_owned(),
            "something wrote outside of its block before this, or a pointer was freed that it never gave out",
        ),
    };
    let title = format!("{} ended the process: {what},{}", allocator.file_name(), scene.blame().origin());
    let made = finding(id, title, Confidence::High, evidence, scene.tid);
    Some(Finding { advice: Some(advice.to_owned()), ..made })
}

/// "Attempt to free invalid pointer 0x1234", where it is on the stack.
fn said(scene: &Scene<'_>, from: Addr, to: Addr) -> Option<String> {
    let size = to.distance_from(from)?.min(MAX_SEARCH);
    let bytes = scene.facts.target.memory.read_vec(from, size).ok()?;
    let at = memchr::memmem::find(&bytes, INVALID_FREE)?;
    let text = bytes.get(at..)?.split(|b| matches!(b, b'\n' | 0)).next()?;
    let text = std::str::from_utf8(text.get(..text.len().min(MAX_TEXT))?).ok()?;
    text.chars().all(|c| !c.is_control()).then(|| text.trim().to_owned())
}

fn starts_with_any(name: &str, list: &[&str]) -> bool {
    list.iter().any(|prefix| name.starts_with(prefix))
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    if !faulted(scene) {
        return None;
    }
    let top = scene.frames(1).next()?;
    let module = scene.facts.target.modules.get(top.code.module?)?;
    let libc = starts_with_any(module.file_name(), LIBC);
    // Functions inside of another allocator have names of its own, if any.
    let other = starts_with_any(module.file_name(), OTHER_ALLOCATORS);
    let known = libc && ALLOCATOR.iter().any(|name| top.runs(name));
    if top.place != CodePlace::Module || !known && !other {
        return None;
    }
    let freeing = scene.frames(6).take_while(|f| f.code.module == top.code.module).any(|f| {
        f.code
            .display_name()
            .is_some_and(|n| n.contains("free") || n.contains("operator delete") || n.contains("dalloc"))
    });
    let mut evidence = signal_evidence(scene);
    evidence.extend(scene.access().evidence());
    let blame = scene.blame();
    evidence.extend(blame.evidence());
    let what = match (freeing, other) {
        (true, _) => "crash inside free(): an invalid pointer was freed, or the heap is corrupt".to_owned(),
        (false, false) => "crash inside malloc(): the heap is corrupt".to_owned(),
        (false, true) => format!(
            "crash inside the allocator {}: an invalid pointer was freed, or the heap is corrupt",
            module.file_name()
        ),
    };
    let advice = "something wrote outside of its block before this, or a pointer was freed that malloc never gave out";
    Some(corrupt(scene, &what, evidence, advice))
}
