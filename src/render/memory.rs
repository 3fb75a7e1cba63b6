//! Memory by owner, for people.

use super::heap::{head, types};
use crate::base::{escape_terminal, thousands as count};
use crate::model::memory::{MemoryAnswer, MemoryOwner, MemoryPin};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Types that are named of those that keep arenas.
const PINS: usize = 5;

/// What is explained, bytes by owner, and the allocators in numbers.
#[must_use]
pub fn text(answer: &MemoryAnswer) -> String {
    let share = |part: u64| part as f64 * 100.0 / answer.written.max(1) as f64;
    let mut out = format!(
        "{:.1}% of {} written bytes explained; {} more bytes of writable memory are pages of zeros\n",
        share(answer.explained_written),
        count(answer.written),
        count(answer.bytes.saturating_sub(answer.written))
    );
    out += &head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(out, "\n{:>16} {:>16} {:>7} {:>10}  owner", "bytes", "written", "share", "count");
    for row in &answer.owners {
        let number = if row.count == 0 { String::new() } else { count(row.count) };
        let share = if row.written == 0 { String::new() } else { format!("{:.1}%", share(row.written)) };
        let (bytes, written) = (count(row.bytes), count(row.written));
        let _ = writeln!(out, "{bytes:>16} {written:>16} {share:>7} {number:>10}  {}", name(row.owner, answer));
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
                "    {} {} less than a quarter full: {} bytes in use keep {} bytes from the system",
                count(p.sparse_arenas),
                if p.sparse_arenas == 1 { "is" } else { "are" },
                count(p.sparse_used),
                count(p.sparse_arenas.saturating_mul(p.arena_bytes))
            );
            let pin = |pin: &MemoryPin| {
                format!("{} {} in {}", count(pin.objects), escape_terminal(&pin.name), count(pin.arenas))
            };
            let pins: Vec<String> = answer.pinned_by.iter().take(PINS).map(pin).collect();
            if !pins.is_empty() {
                let _ = writeln!(out, "    objects in them, and in how many of them: {}", pins.join(", "));
            }
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
    if !answer.types.is_empty() {
        out.push_str("\nobjects by type, with all that they own, wherever it is\n");
        types(&mut out, &answer.types);
    }
    out
}

fn name(owner: MemoryOwner, answer: &MemoryAnswer) -> Cow<'static, str> {
    let other = || answer.other_malloc.as_deref().map(escape_terminal);
    let phrase = match owner {
        MemoryOwner::ObjectsElsewhere => {
            let of = other()
                .map_or_else(|| "memory of no known allocator".to_owned(), |name| format!("memory of {name}'s malloc"));
            return Cow::Owned(format!("objects and buffers of Python in {of}"));
        }
        MemoryOwner::OtherMalloc => {
            let of = other().unwrap_or_default();
            return Cow::Owned(format!("what else is in the mappings of {of}'s malloc, in use or free"));
        }
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
        MemoryOwner::Untouched => "reserved and not written to (pages of zeros)",
        MemoryOwner::Unknown => "not known",
    };
    Cow::Borrowed(phrase)
}
