//! Crashes inside malloc and free themselves: the heap is damaged, or a pointer was freed that is none.

use super::facts::Scene;
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use crate::base::file_name;
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

/// Allocators that stand in for the C library's.
const OTHER_ALLOCATORS: &[&str] = &["libhoard", "libjemalloc", "libmimalloc", "libsnmalloc", "libtcmalloc"];

/// Names a crash inside the C allocator.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).into_iter().collect()
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    if !matches!(scene.signal(), signals::SIGSEGV | signals::SIGBUS) || scene.fault.signal.sender_pid.is_some() {
        return None;
    }
    let top = scene.frames(1).next()?;
    let module = scene.facts.target.modules.get(top.code.module?)?;
    let of = |list: &[&str]| list.iter().any(|p| file_name(&module.path).starts_with(p));
    let libc = of(&["libc.so", "libc-", "ld-musl", "libc.musl"]);
    // Functions inside of another allocator have names of its own, if any.
    let other = of(OTHER_ALLOCATORS);
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
    let what = if freeing {
        "crash inside free(): an invalid pointer was freed, or the heap is corrupt,"
    } else {
        "crash inside malloc(): the heap is corrupt,"
    };
    let advice = "something wrote outside of its block before this, or a pointer was freed that malloc never gave out";
    let title = format!("{what}{}", blame.origin());
    let made = finding(FindingId::HeapCorruption, title, Confidence::High, evidence, scene.tid);
    Some(Finding { advice: Some(advice.to_owned()), ..made })
}
