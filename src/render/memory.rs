//! Memory by owner, for people.

use super::heap::{head, types};
use crate::base::{escape_terminal, thousands as count};
use crate::model::memory::{MemoryAnswer, MemoryFile, MemoryFreeList, MemoryOwner, MemoryPin};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Types that are named of those that keep arenas.
const PINS: usize = 5;
/// Free lists and mapped files that are named.
const LISTS: usize = 6;
const FILES: usize = 3;

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
        let used = part(p.used, all);
        let (arenas, bytes) = (count(p.arenas), count(p.arena_bytes));
        let _ = writeln!(out, "\npymalloc: {arenas} arenas of {bytes} bytes, {used:.1}% in use by objects and buffers");
        let kept = p.sparse_arenas.saturating_mul(p.arena_bytes);
        sparse(&mut out, (p.sparse_arenas, p.sparse_used, kept), &answer.pinned_by);
    }
    if let Some(m) = &answer.mimalloc {
        let used = part(m.used, m.page_bytes);
        let (pages, segments, bytes) = (count(m.pages), count(m.segments), count(m.page_bytes));
        let _ = writeln!(out, "\nmimalloc: {pages} pages in {segments} segments, {bytes} bytes, {used:.1}% in use");
        if m.empty_pages > 0 {
            let _ = writeln!(
                out,
                "    {} without a block in use: {} bytes",
                count(m.empty_pages),
                count(m.empty_page_bytes)
            );
        }
        sparse(&mut out, (m.sparse_pages, m.sparse_used, m.sparse_page_bytes), &answer.pinned_by);
    }
    if !answer.free_lists.is_empty() {
        let list = |l: &MemoryFreeList| {
            format!("{} {} ({} bytes)", count(l.objects), escape_terminal(&l.kind), count(l.bytes))
        };
        let lists: Vec<String> = answer.free_lists.iter().take(LISTS).map(list).collect();
        let _ = writeln!(out, "free lists: {}", lists.join(", "));
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
    for b in &answer.buffers {
        let (buffers, bytes) = (count(b.buffers), count(b.bytes));
        let _ = writeln!(out, "data of {}: {bytes} bytes in {buffers} buffers", escape_terminal(&b.name));
    }
    if let Some(code) = &answer.code {
        let p = code.perf_trampolines;
        let _ = write!(out, "code made at run time: {} mappings, {} bytes", count(code.mappings), count(code.bytes));
        if p.count > 0 {
            let _ = write!(out, "; {} trampolines for perf in {} bytes of them", count(p.count), count(p.bytes));
        }
        out.push('\n');
    }
    if let Some(files) = &answer.files {
        let file = |f: &MemoryFile| format!("{} ({})", escape_terminal(&f.path), count(f.bytes));
        let largest: Vec<String> = files.largest.iter().take(FILES).map(file).collect();
        let (bytes, number) = (count(files.bytes), count(files.files));
        let _ = writeln!(
            out,
            "mapped from {number} files: {bytes} bytes of addresses; the largest: {}",
            largest.join(", ")
        );
    }
    if !answer.types.is_empty() {
        out.push_str("\nobjects by type, with all that they own, wherever it is\n");
        types(&mut out, &answer.types);
    }
    out
}

/// A part in percent.
fn part(part: u64, all: u64) -> f64 {
    part as f64 * 100.0 / all.max(1) as f64
}

/// Arenas or pages that few blocks keep: their number, bytes in use, all bytes; and whose blocks these are.
fn sparse(out: &mut String, (number, used, kept): (u64, u64, u64), pinned_by: &[MemoryPin]) {
    if number == 0 {
        return;
    }
    let (are, number) = (if number == 1 { "is" } else { "are" }, count(number));
    let (used, kept) = (count(used), count(kept));
    let _ = writeln!(
        out,
        "    {number} {are} less than a quarter full: {used} bytes in use keep {kept} bytes from the system"
    );
    let pin =
        |pin: &MemoryPin| format!("{} {} in {}", count(pin.objects), escape_terminal(&pin.name), count(pin.arenas));
    let pins: Vec<String> = pinned_by.iter().take(PINS).map(pin).collect();
    if !pins.is_empty() {
        let _ = writeln!(out, "    objects in them, and in how many of them: {}", pins.join(", "));
    }
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
        MemoryOwner::FreeLists => "freed objects on CPython's free lists",
        MemoryOwner::MallocUsed => "malloc, in use",
        MemoryOwner::MallocFree => "malloc, free",
        MemoryOwner::MallocMapped => "malloc, large blocks with mappings of their own",
        MemoryOwner::Stacks => "stacks of threads, in use",
        MemoryOwner::StacksUnused => "stacks of threads, not in use now",
        MemoryOwner::StaticData => "static variables of the program and libraries",
        MemoryOwner::MappedFiles => "mapped from files",
        MemoryOwner::Code => "code made at run time, writable",
        MemoryOwner::Untouched => "reserved and not written to (pages of zeros)",
        MemoryOwner::Unknown => "not known",
    };
    Cow::Borrowed(phrase)
}
