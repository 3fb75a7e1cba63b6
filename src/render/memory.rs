//! Memory by owner, for people.

use super::heap::head;
use crate::base::thousands as count;
use crate::model::memory::{MemoryAnswer, MemoryOwner};
use std::fmt::Write as _;

/// What is explained, bytes by owner, and the allocators in numbers.
#[must_use]
pub fn text(answer: &MemoryAnswer) -> String {
    let share = |part: u64| part as f64 * 100.0 / answer.bytes.max(1) as f64;
    let mut out =
        format!("{:.1}% of {} bytes of writable memory explained\n", share(answer.explained), count(answer.bytes));
    out += &head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(out, "\n{:>16} {:>7} {:>10}  owner", "bytes", "share", "count");
    for row in &answer.owners {
        let number = if row.count == 0 { String::new() } else { count(row.count) };
        let _ = writeln!(out, "{:>16} {:>6.1}% {number:>10}  {}", count(row.bytes), share(row.bytes), name(row.owner));
    }
    if let Some(p) = &answer.pymalloc {
        let all = p.arenas.saturating_mul(p.arena_bytes);
        let used = p.used as f64 * 100.0 / all.max(1) as f64;
        let _ = writeln!(
            out,
            "\npymalloc: {} arenas of {} bytes, {used:.1}% in use by objects and buffers",
            count(p.arenas),
            count(p.arena_bytes)
        );
        if p.sparse_arenas > 0 {
            let _ = writeln!(
                out,
                "    {} arenas are less than a quarter full: {} bytes in use keep {} bytes from the system",
                count(p.sparse_arenas),
                count(p.sparse_used),
                count(p.sparse_arenas.saturating_mul(p.arena_bytes))
            );
        }
    }
    for arena in &answer.malloc {
        let which = if arena.main { "main arena".to_owned() } else { format!("arena {}", arena.addr) };
        let _ = writeln!(
            out,
            "malloc, {which}: {} bytes in use, {} free, {} of them at its end",
            count(arena.used),
            count(arena.free),
            count(arena.top)
        );
    }
    if let Some(mapped) = answer.malloc_mapped.filter(|m| m.blocks > 0) {
        let _ = writeln!(out, "malloc, mapped: {} blocks, {} bytes", count(mapped.blocks), count(mapped.bytes));
    }
    out
}

fn name(owner: MemoryOwner) -> &'static str {
    match owner {
        MemoryOwner::PymallocUsed => "Python's small blocks (pymalloc), in use",
        MemoryOwner::PymallocFree => "Python's small blocks (pymalloc), free",
        MemoryOwner::PymallocEmptyPools => "pymalloc's empty pools",
        MemoryOwner::PymallocOverhead => "pymalloc's pool heads and rests",
        MemoryOwner::MimallocUsed => "Python's blocks (mimalloc), in use",
        MemoryOwner::MimallocFree => "Python's blocks (mimalloc), free",
        MemoryOwner::MimallocOverhead => "mimalloc's segment heads and unused slices",
        MemoryOwner::MallocUsed => "malloc, in use",
        MemoryOwner::MallocFree => "malloc, free",
        MemoryOwner::MallocMapped => "malloc, large blocks with mappings of their own",
        MemoryOwner::Stacks => "stacks of threads, in use",
        MemoryOwner::StacksUnused => "stacks of threads, not in use now",
        MemoryOwner::StaticData => "static variables of the program and libraries",
        MemoryOwner::Untouched => "reserved and not written to (zero pages)",
        MemoryOwner::Unknown => "not known",
    }
}
