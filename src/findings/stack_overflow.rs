//! Stack overflow: the address lies just below a thread's stack, and which functions recurse.

use super::blame::{native_place, python_place};
use super::facts::Scene;
use super::finding;
use super::memory_access::{codes, operands, signals};
use super::segv::signal_evidence;
use crate::base::Addr;
use crate::model::{Confidence, Finding, FindingId};
use crate::native::unwind::StackEnd;

/// How far below the stack pointer a function may touch: a large local array, `alloca`, probes.
pub(super) const REACH: u64 = 1 << 20;
/// Guard pages are small; a fault further below its stack is something else.
const GUARD: u64 = 1 << 20;
/// A stack that overflows is deep. (The smallest a thread may have is 16 KiB.)
const DEEP: usize = 32;
/// A stack smaller than this has been made so: CPython itself wants more of the threads that it starts (glibc gives them 8 MiB,
/// musl 128 KiB).
const SMALL: u64 = 256 << 10;
/// The longest cycle of functions that is looked for.
const MAX_PERIOD: usize = 24;
/// Frames that the cycle is looked for in.
const WINDOW: usize = 240;

/// Finds a stack overflow.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).into_iter().collect()
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    if scene.signal() != signals::SIGSEGV || scene.fault.signal.sender_pid.is_some() {
        return None;
    }
    let sp = scene.registers?.sp()?;
    let stack = stack_segment(scene, sp)?;
    let reported = scene.fault.signal.fault_addr;
    let fault = reported.or_else(|| touched_below(scene, stack))?;
    let guard = Guard::of(scene, fault, stack)?;
    // The access is one of this frame: not far from the stack pointer, on either side.
    let distance = fault.0.abs_diff(sp.0);
    let depth = scene.stack.map_or(0, |s| s.unwound.frames.len().saturating_sub(scene.first));
    if distance > REACH || depth < DEEP {
        return None;
    }
    let mut evidence = signal_evidence(scene);
    if reported.is_none() {
        evidence.push(format!(
            "the instruction touches {fault}; the kernel, which found no room on the stack to call the signal's handler, gives no address"
        ));
    }
    evidence.push(match guard {
        Guard::Below(below) => format!(
            "the address lies {below} byte(s) below the stack {}-{}; the stack pointer is {sp}",
            stack.0, stack.1
        ),
        Guard::Inside => format!(
            "the address lies in the mapping {}-{} of the stack, and yet nothing was there: a guard page of the kind \
             that has no mapping of its own (MADV_GUARD_INSTALL); the stack pointer is {sp}",
            stack.0, stack.1
        ),
    });
    // Not to the end of the mapping, which may hold the stacks of other threads too.
    let outermost = scene.stack.and_then(|s| s.unwound.frames.last()).map_or(sp, |f| f.sp);
    let used = outermost.0.saturating_sub(sp.0);
    evidence.push(format!("{} KiB of stack in {depth} native frames", used >> 10));
    let cycle = cycle(scene);
    if cycle.is_none() && guard == Guard::Inside {
        return None;
    }
    let what = match &cycle {
        Some(names) => {
            evidence.push(format!("recursion: {} -> {}", names.join(" -> "), names.first().map_or("", String::as_str)));
            format!("recursion of {}", names.join(", "))
        }
        None => "too deep a stack".to_owned(),
    };
    let small = used < SMALL && scene.stack.is_some_and(|s| s.unwound.end == StackEnd::Complete);
    let what = if small { format!("a small one of {} KiB; {what}", used.div_ceil(1 << 10)) } else { what };
    let blame = scene.blame();
    let first = blame.owner.or(blame.top).map_or(String::new(), |f| format!(", at last in {}", native_place(f)));
    let from = blame.python.map_or(String::new(), |p| format!(", called from {}", python_place(p)));
    let title = format!("stack overflow: {what}{first}{from}");
    let advice = match small {
        true => {
            "give the thread a larger stack (threading.stack_size, pthread_attr_setstacksize), or end the recursion"
        }
        false => {
            "end the recursion, make it a loop, or give the thread a larger stack (threading.stack_size, ulimit -s)"
        }
    };
    let confidence = if cycle.is_some() { Confidence::High } else { Confidence::Medium };
    Some(Finding {
        advice: Some(advice.to_owned()),
        ..finding(FindingId::StackOverflow, title, confidence, evidence, scene.tid)
    })
}

/// The address below the stack that the instruction touches, where the kernel gives none: a handler is to run on the thread's
/// own stack, which has no room for its frame (`force_sigsegv` in Linux's kernel/signal.c: SIGSEGV with SI_KERNEL).
fn touched_below(scene: &Scene<'_>, stack: (Addr, Addr)) -> Option<Addr> {
    if scene.fault.signal.code != Some(codes::SI_KERNEL) {
        return None;
    }
    let registers = scene.registers?;
    let (_, accesses) = operands(scene.facts.target, registers.ip()?, registers, scene.tls_base());
    let below = |at: &Addr| stack.0.distance_from(*at).is_some_and(|below| below > 0 && below <= GUARD);
    accesses.iter().map(|access| access.addr).find(below)
}

/// What the stack ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// The end of its mapping: so many bytes below.
    Below(u64),
    /// A guard page inside: since Linux 6.13 and glibc 2.42 the guard of a thread's stack is part of its mapping, which
    /// may have grown together with that of another stack. Recursion is asked for as well then.
    Inside,
}

impl Guard {
    fn of(scene: &Scene<'_>, fault: Addr, stack: (Addr, Addr)) -> Option<Self> {
        if let Some(below) = stack.0.distance_from(fault).filter(|below| *below > 0) {
            return (below <= GUARD).then_some(Guard::Below(below));
        }
        (fault < stack.1 && scene.fault.signal.code == Some(codes::SEGV_MAPERR)).then_some(Guard::Inside)
    }
}

/// Start and end of the stack that `sp` is on, or has just left.
fn stack_segment(scene: &Scene<'_>, sp: Addr) -> Option<(Addr, Addr)> {
    let segments = scene.facts.target.memory.segments();
    let usable = |s: &&crate::debuggee::Segment| s.protection.read && s.protection.write;
    let at = segments.partition_point(|s| s.end() <= sp);
    // The frame's part of the stack tells which segment it is when the pointer has left it.
    let found = segments.get(at..)?.iter().find(usable)?;
    let distance = found.start.distance_from(sp).unwrap_or(0);
    // A dump that keeps parts of a stack has it in pieces.
    let index = segments.partition_point(|s| s.start < found.start);
    let (below, above) = segments.split_at_checked(index)?;
    let (mut start, mut end) = (found.start, found.end());
    for piece in below.iter().rev().take_while(usable) {
        if piece.end() != start {
            break;
        }
        start = piece.start;
    }
    for piece in above.iter().skip(1).take_while(usable) {
        if piece.start != end {
            break;
        }
        end = piece.end();
    }
    let outer = scene.frames(DEEP).last()?.frame.sp;
    (distance <= REACH && start <= outer && outer < end).then_some((start, end))
}

/// The functions that call each other over and over, from the crash outwards.
fn cycle(scene: &Scene<'_>) -> Option<Vec<String>> {
    let frames: Vec<_> = scene.frames(WINDOW).collect();
    // Frames of one function at one return address are one step; a few frames at the top belong to the last call.
    let key = |i: usize| frames.get(i).map(|f| f.frame.ip);
    for skip in 0..frames.len().min(MAX_PERIOD) {
        for period in 1..=MAX_PERIOD {
            let rounds = 6usize;
            let end = skip.saturating_add(period.saturating_mul(rounds));
            if end > frames.len() {
                break;
            }
            let repeats = (skip..end.saturating_sub(period)).all(|i| key(i) == key(i.saturating_add(period)));
            if repeats {
                let named = |f: &super::facts::SceneFrame<'_>| {
                    f.code.display_name().or_else(|| unnamed(scene, f)).unwrap_or_else(|| f.frame.ip.to_string())
                };
                let mut names: Vec<String> = frames.iter().skip(skip).take(period).map(named).collect();
                names.dedup();
                return Some(names);
            }
        }
    }
    None
}

/// Where the code of a function without a name is: the same in each run, as its address is not.
fn unnamed(scene: &Scene<'_>, frame: &super::facts::SceneFrame<'_>) -> Option<String> {
    let module = frame.code.module.and_then(|m| scene.facts.target.modules.get(m))?;
    let offset = frame.frame.ip.distance_from(module.base)?;
    Some(format!("an unnamed function at +{offset:#x} ({})", module.file_name()))
}
