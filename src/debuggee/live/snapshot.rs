//! Looking at a live process without keeping it still for the whole analysis.
//!
//! A first look at the running process only finds out which pages an analysis reads. Then the process is stopped
//! just as long as copying those pages and all registers takes, and the analysis is done on the copy. Pages that it
//! wants beyond the copy are added, and the copy is taken anew: every result comes from one moment.

use super::{LiveOptions, LiveTarget, Scene, attach};
use crate::base::Addr;
use crate::debuggee::recorder::PAGE;
use crate::debuggee::{Memory, ReadError, ReadErrorKind, Target, TargetError};
use crate::sys::ProcessMemory;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A result with what it cost the process.
#[derive(Debug)]
pub struct Examined<R> {
    /// What the analysis gave.
    pub result: R,
    /// How long the process stood still in one piece, at most.
    pub longest_pause: Duration,
    /// How often it was stopped.
    pub stops: u32,
}

/// Copies beyond this many times are not tried: then it is analysed while it stands still.
const MAX_COPIES: u32 = 4;
/// Memory that one copy may take, in pages (1 GiB).
const MAX_PAGES: usize = 1 << 18;

/// Analyses process `pid` with the shortest pause that gives the state of one moment. `analyze` is called several
/// times, with a new target each time and, for processes that see other files than we do, the root directory of theirs.
///
/// # Errors
/// As [`attach`].
pub fn examine<R>(
    pid: i32,
    options: LiveOptions,
    mut analyze: impl FnMut(Target, Option<&Path>) -> R,
) -> Result<Examined<R>, TargetError> {
    let LiveTarget { target, sysroot, .. } = attach(pid, LiveOptions { stop: false, ..options })?;
    target.memory.start_recording();
    let recorded = Arc::clone(target.memory.recorded());
    let result = analyze(target, sysroot.as_deref());
    if !options.stop {
        return Ok(Examined { result, longest_pause: Duration::ZERO, stops: 0 });
    }
    let mut wanted: BTreeSet<u64> = recorded.pages().iter().map(|(a, _)| a.0 / PAGE).collect();
    let mut longest = Duration::ZERO;
    for stops in 1..=MAX_COPIES {
        if wanted.len() > MAX_PAGES {
            break;
        }
        let (scene, pages, pause) = copy(pid, options, &mut wanted)?;
        longest = longest.max(pause);
        let missed = Arc::new(Mutex::new(BTreeSet::new()));
        let ranges = scene.ranges();
        let target = scene.target(Box::new(Snapshot { pages, ranges, missed: Arc::clone(&missed) }));
        let result = analyze(target, sysroot.as_deref());
        let before = wanted.len();
        if let Ok(missed) = missed.lock() {
            wanted.extend(missed.iter());
        }
        if wanted.len() == before {
            return Ok(Examined { result, longest_pause: longest, stops });
        }
    }
    let LiveTarget { target, stopped, .. } = attach(pid, options)?;
    let result = analyze(target, sysroot.as_deref());
    let longest_pause = longest.max(stopped.map_or(Duration::ZERO, |(_, since)| since.elapsed()));
    Ok(Examined { result, longest_pause, stops: MAX_COPIES.saturating_add(1) })
}

type Pages = HashMap<u64, Vec<u8>>;

/// Stops the process, copies what is wanted and the tops of all stacks, and lets it go on.
fn copy(pid: i32, options: LiveOptions, wanted: &mut BTreeSet<u64>) -> Result<(Scene, Pages, Duration), TargetError> {
    /// The running process's stacks may be higher now than at the first look.
    const STACK_PAGES: u64 = 8;
    let memory = ProcessMemory::new(pid);
    let mut scene = Scene::take(pid, options)?;
    for (_, state) in &scene.threads {
        if let Some(sp) = state.as_ref().and_then(|state| state.registers.sp()) {
            let page = sp.0.saturating_sub(128) / PAGE;
            wanted.extend(page..page.saturating_add(STACK_PAGES));
        }
    }
    let pieces: Vec<(u64, usize)> = wanted.iter().map(|p| (p.saturating_mul(PAGE), PAGE as usize)).collect();
    let pages = memory.read_many(&pieces).into_iter().map(|(at, bytes)| (at / PAGE, bytes)).collect();
    let pause = match scene.stopped.take() {
        Some((stopped, since)) => {
            drop(stopped);
            since.elapsed()
        }
        None => Duration::ZERO,
    };
    Ok((scene, pages, pause))
}

/// Pages of one moment. What was not copied is noted for the next copy.
struct Snapshot {
    pages: Pages,
    ranges: Vec<(Addr, Addr)>,
    missed: Arc<Mutex<BTreeSet<u64>>>,
}

impl Snapshot {
    fn is_mapped(&self, addr: Addr) -> bool {
        let before = self.ranges.partition_point(|(start, _)| *start <= addr);
        before.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|(_, end)| addr < *end)
    }
}

impl Memory for Snapshot {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        let mut done = 0usize;
        let mut failed = None;
        while let Some(rest) = buf.get_mut(done..).filter(|r| !r.is_empty()) {
            let at = addr.wrapping_add(done as u64);
            let (page, inside) = (at.0 / PAGE, usize::try_from(at.0 % PAGE).unwrap_or(0));
            let len = rest.len().min((PAGE as usize).saturating_sub(inside));
            let bytes = self.pages.get(&page).and_then(|p| p.get(inside..inside.saturating_add(len)));
            match (bytes, rest.get_mut(..len)) {
                (Some(from), Some(to)) => to.copy_from_slice(from),
                _ => {
                    let mapped = self.is_mapped(at);
                    if mapped && let Ok(mut missed) = self.missed.lock() {
                        // All pages of the read, so that one more copy is enough for it.
                        missed.insert(page);
                    }
                    let kind = if mapped { ReadErrorKind::Io } else { ReadErrorKind::Unmapped };
                    failed.get_or_insert(ReadError { addr: at, kind });
                }
            }
            done = done.saturating_add(len);
        }
        failed.map_or(Ok(()), Err)
    }
}
