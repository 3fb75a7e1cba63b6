//! Crashes inside malloc and free themselves: the heap is damaged, or a pointer was freed that is none.

use super::blame::Blame;
use super::facts::Scene;
use super::finding;
use super::memory_access::{Access, signals};
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
    let libc = ["libc.so", "libc-", "ld-musl", "libc.musl"].iter().any(|p| file_name(&module.path).starts_with(p));
    if top.place != CodePlace::Module || !libc || !ALLOCATOR.iter().any(|name| top.runs(name)) {
        return None;
    }
    let freeing = scene.frames(4).any(|f| f.name().is_some_and(|n| n.contains("free")));
    let mut evidence = signal_evidence(scene);
    evidence.extend(Access::of(scene).evidence());
    let blame = Blame::of(scene);
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
