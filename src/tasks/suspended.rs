//! Generators, coroutines and asynchronous generators that no task runs: those that a program keeps and has not run to their
//! end. Python lists them nowhere: they are looked for among all objects.

use super::chain::{End, Link, coroutine_at, follow};
use super::reader::Reader;
use super::stacks::Stacks;
use crate::base::{Addr, Text};
use crate::cpython::code::CodeCache;
use crate::cpython::frame::{FramePlace, Suspension, suspension};
use crate::cpython::object::{Heap, Kind};
use crate::model::{SuspendedKind, SuspendedState};
use foldhash::{HashSet, HashSetExt as _};

/// A generator that is suspended, with those that it waits for.
#[derive(Clone, Debug)]
pub struct Suspended {
    /// Its address.
    pub addr: Addr,
    /// What it is.
    pub kind: SuspendedKind,
    /// Its qualified name.
    pub name: Option<Text>,
    /// State.
    pub state: SuspendedState,
    /// Number of its frames, and of those that it waits for, in the list of stacks.
    pub stack: Option<u32>,
    /// Generators that it waits for, each for the next.
    pub inner: Vec<Addr>,
    /// What the innermost waits for, which is no generator.
    pub waits_for: Option<Addr>,
    /// What could not be read of it.
    pub problem: Option<String>,
}

/// What is suspended of the generators at `all`, without those of tasks (`of_tasks`), those that run and those that others
/// wait for; and how many could not be read.
#[must_use]
pub fn suspended(
    heap: &Heap<'_>,
    codes: &CodeCache,
    interpreter: usize,
    (all, of_tasks): (&[Addr], &HashSet<Addr>),
    stacks: &mut Stacks,
) -> (Vec<Suspended>, u64) {
    let reader = Reader::new(heap, codes);
    let mut unreadable = 0u64;
    let mut standing: Vec<Addr> = Vec::new();
    // Those that another one waits for.
    let mut awaited: HashSet<Addr> = HashSet::new();
    for at in all.iter().copied().filter(|at| !of_tasks.contains(at)) {
        match suspension(&heap.ctx, at) {
            Ok((Suspension::Running | Suspension::Finished, _)) => {}
            Ok((Suspension::Created | Suspension::Yielded, _)) => standing.push(at),
            Ok((Suspension::Awaits(on), _)) => {
                standing.push(at);
                awaited.extend(coroutine_at(&reader, on));
            }
            Err(_) => unreadable = unreadable.saturating_add(1),
        }
    }
    let outermost = standing.iter().copied().filter(|at| !awaited.contains(at));
    let mut out: Vec<Suspended> = outermost.map(|at| one(&reader, interpreter, at, stacks)).collect();
    // Damaged ones may wait for each other in a circle, which has no outermost.
    let mut shown: HashSet<Addr> = out.iter().flat_map(|one| one.inner.iter().copied().chain([one.addr])).collect();
    for at in standing {
        if !shown.contains(&at) {
            let next = one(&reader, interpreter, at, stacks);
            shown.extend(next.inner.iter().copied().chain([at]));
            out.push(next);
        }
    }
    (out, unreadable)
}

fn one(reader: &Reader<'_, '_>, interpreter: usize, at: Addr, stacks: &mut Stacks) -> Suspended {
    let chain = follow(reader, at);
    let own = |link: &Link| Some((link.place?, Some(link.generator)));
    let frames: Vec<(FramePlace, Option<Addr>)> = chain.links.iter().rev().filter_map(own).collect();
    let (state, waits_for) = match chain.end {
        End::Created if chain.links.len() == 1 => (SuspendedState::NotStarted, None),
        End::Parked(on) => (SuspendedState::Waiting, Some(on)),
        _ if chain.links.len() > 1 => (SuspendedState::Waiting, None),
        _ => (SuspendedState::Suspended, None),
    };
    let kind = match reader.kind(at) {
        Some(Kind::Coroutine) => SuspendedKind::Coroutine,
        Some(Kind::AsyncGenerator) => SuspendedKind::AsyncGenerator,
        _ => SuspendedKind::Generator,
    };
    Suspended {
        addr: at,
        kind,
        name: reader.generator_name(at).map(|name| Text::from(name.as_str())),
        state,
        stack: stacks.number(reader, interpreter, &frames),
        inner: chain.links.iter().skip(1).map(|link| link.generator).collect(),
        waits_for,
        problem: chain.broken,
    }
}
