//! Looking at a live process without keeping it still for the whole analysis.
//!
//! A first look at the running process only finds out which pages an analysis reads. Then the process is stopped for as
//! long as copying those pages and all registers takes, and for no longer than it may be; the analysis is done on the copy.
//! A page that it wants beyond the copy is read from the process, which runs again, so that the analysis goes on and finds
//! all that it wants; then the copy is taken anew. Pages that no store of the process changes need no copy.

use super::refused::refused;
use super::{
    Before, LiveOptions, LiveTarget, Moment, Registers, Scene, ThreadState, addresses, attach, pages, used_pages,
};
use crate::base::Addr;
use crate::debuggee::procfs::{self, MapLine, map_at};
use crate::debuggee::recorder::PAGE;
use crate::debuggee::{Memory, ReadError, ReadErrorKind, Target, TargetError};
use crate::sys::{Patience, ProcessMemory, Stopped, while_stopped};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A result with what it cost the process.
#[derive(Debug)]
pub struct Examined<R> {
    /// What the analysis gave.
    pub result: R,
    /// How long the process stood still in one piece, at most.
    pub longest_pause: Duration,
    /// How often it was stopped.
    pub stops: u32,
    /// Pages that were read when the process ran again; 0: all of the result is of one moment.
    pub later_pages: usize,
    /// The process could not be stopped in the time that there was: nothing is of one moment.
    pub ran_on: bool,
}

/// A process that is never the same twice is copied so many times.
const MAX_COPIES: u32 = 5;
/// So many of these copies have what is wanted alone; those after them, of a process that wants something else each time, as
/// much as there is time for.
const EXACT_COPIES: u32 = 2;
/// It is tried so often to stop a process whose threads do not all come to a stand in time.
const MAX_FAILURES: u32 = 3;
/// Part of the time that a process may be stopped in which all its threads must have come to a stand. Letting them go takes
/// about half as long again.
const TO_STAND: f64 = 0.5;
/// Memory that one copy may take, in pages (1 GiB).
const MAX_PAGES: usize = 1 << 18;
/// Bytes that a millisecond is enough to copy, on a slow host: more room is not made ready.
const BYTES_A_MILLISECOND: u64 = 2 << 20;
/// Bytes that are copied in any case, in a few milliseconds of the processor: on a host so busy that the time is over before
/// we are given any, a copy of nothing would help nobody.
const ALWAYS: usize = 4 << 20;
/// Pages that are copied in one piece, between two looks at the clock.
const RUN: u64 = 64;

/// Analyses process `pid` with pauses that are no longer than `options` say. `analyze` is called several times, with a new
/// target each time and, for processes that see other files than we do, the root directory of theirs.
///
/// # Errors
/// As [`attach`].
pub fn examine<R>(
    pid: i32,
    options: LiveOptions,
    mut analyze: impl FnMut(Target, Option<&Path>) -> R,
) -> Result<Examined<R>, TargetError> {
    let LiveTarget { target, sysroot, .. } = attach(pid, LiveOptions { stop: false, ..options.clone() })?;
    target.memory.start_recording();
    let recorded = Arc::clone(target.memory.recorded());
    let result = analyze(target, sysroot.as_deref());
    if !options.stop {
        return Ok(Examined { result, longest_pause: Duration::ZERO, stops: 0, later_pages: 0, ran_on: true });
    }
    let mut wanted: BTreeSet<u64> = recorded.pages().iter().map(|(a, _)| a.0 / PAGE).collect();
    let mut best: Option<Examined<R>> = None;
    let mut longest_pause = Duration::ZERO;
    let mut failures = 0u32;
    let mut ranges = Ranges::new();
    for stops in 1..=MAX_COPIES {
        let (copied, pause) = match copy(pid, &options, (&wanted, &ranges), stops > EXACT_COPIES) {
            Ok(copied) => copied,
            // It has ended meanwhile: what was seen of it is what there is.
            Err(_) if best.is_some() => break,
            Err(error) => return Err(error),
        };
        longest_pause = longest_pause.max(pause);
        let Some(Copy { scene, pages, used, cut }) = copied else {
            failures = failures.saturating_add(1);
            if best.is_some() || failures == MAX_FAILURES {
                break;
            }
            continue;
        };
        let late = Arc::new(Mutex::new(HashMap::new()));
        let maps = scene.maps.clone();
        let process = ProcessMemory::new(pid);
        let asked = Arc::new(Mutex::new(Ranges::new()));
        let (late_too, asked_too) = (Arc::clone(&late), Arc::clone(&asked));
        let snapshot = Snapshot { pid, pages, used, maps, process, late: late_too, asked: asked_too };
        let target = scene.target(Box::new(snapshot));
        let result = analyze(target, sysroot.as_deref());
        let late: Vec<u64> = late.lock().map(|late| late.keys().copied().collect()).unwrap_or_default();
        let asked: Ranges = asked.lock().map(|asked| asked.clone()).unwrap_or_default();
        let whole = late.is_empty() && asked.is_empty();
        ranges.extend(asked);
        if best.as_ref().is_none_or(|best| late.len() < best.later_pages) {
            best = Some(Examined { result, longest_pause, stops, later_pages: late.len(), ran_on: false });
        }
        wanted.extend(late);
        // Another copy would be cut at the same place.
        if whole || cut || wanted.len() > MAX_PAGES {
            break;
        }
    }
    match best {
        Some(best) => Ok(Examined { longest_pause, ..best }),
        None => Ok(Examined { result, longest_pause, stops: failures, later_pages: wanted.len(), ran_on: true }),
    }
}

/// Ranges of pages: first one and how many.
type Ranges = BTreeSet<(u64, u64)>;

/// For ranges of which it was asked the pages that were in use while the process stood still, as runs.
type Used = HashMap<(u64, u64), Vec<(u64, u64)>>;

/// What was taken while the process stood still.
struct Copy {
    scene: Scene,
    pages: Pages,
    used: Used,
    /// The time was over before all that is wanted was copied.
    cut: bool,
}

/// Stops the process, copies what is wanted, the tops of all stacks and, if `more`, as long as there is time, what else the
/// process has used of the same mappings: one that is busy wants other objects the next time, in the same places. `None` where
/// its threads did not come to a stand in time; and how long they stood still.
fn copy(
    pid: i32,
    options: &LiveOptions,
    (wanted, ranges): (&BTreeSet<u64>, &Ranges),
    more: bool,
) -> Result<(Option<Copy>, Duration), TargetError> {
    /// The stacks may be higher now than at the look before: so many pages of each, fewer where there are many stacks.
    const STACK_PAGES: usize = 4;
    const ALL_STACKS: usize = 2048;
    let before = Before::take(pid)?;
    let memory = ProcessMemory::new(pid);
    let maps = procfs::read(&procfs::dir(pid).join("maps")).map(|text| procfs::parse_maps(&text)).unwrap_or_default();
    let first: Vec<u64> = wanted.iter().copied().filter(|page| !is_constant(&maps, *page)).collect();
    let room = usize::try_from(pages_in(options.max_stop)).unwrap_or(MAX_PAGES).min(MAX_PAGES);
    let likely = if more { present(pid, &maps, &first, room.saturating_sub(first.len())) } else { Vec::new() };
    // Room is made, and touched, before the clock runs.
    let threads = procfs::thread_count(pid).max(1);
    let of_each = ALL_STACKS.checked_div(threads).unwrap_or_default().clamp(1, STACK_PAGES);
    let stacks = threads.saturating_mul(of_each).min(MAX_PAGES);
    let most = first.len().min(MAX_PAGES).saturating_add(stacks).saturating_add(likely.len());
    let mut copying = Copying { done: Vec::new(), used: 0, bytes: vec![1; most.saturating_mul(PAGE as usize)] };
    let (first, likely) = (runs(&first, RUN), runs(&likely, RUN));
    let work = |stopped: &Stopped| {
        if !stopped.is_whole(pid) {
            return Ok(None);
        }
        let stood = stopped.since().elapsed();
        let moment = Moment::take(pid, &before.abi, Some(stopped), &options.limits)?;
        let until = stopped.since().checked_add(options.max_stop.mul_f64(0.9).saturating_sub(stood.div_f64(2.0)));
        let mut cut = !copying.fill(&memory, &first, until);
        let mut tops = Vec::new();
        let sp = |state: &Option<ThreadState>| Registers::sp_of_prstatus(&state.as_ref()?.prstatus, &before.abi);
        for sp in moment.threads.iter().filter_map(|(_, state)| sp(state)) {
            let page = sp.0.saturating_sub(128) / PAGE;
            let most = page.saturating_add(of_each as u64);
            let end = map_at(&maps, sp).map_or(most, |map| map.end.0 / PAGE);
            tops.extend((page..most.min(end)).filter(|page| !wanted.contains(page)));
        }
        tops.sort_unstable();
        tops.dedup();
        cut |= !copying.fill(&memory, &runs(&tops, RUN), until);
        copying.fill(&memory, &likely, until);
        let of_range = |range: &(u64, u64)| {
            let map = procfs::map_at(&maps, Addr(range.0.saturating_mul(PAGE)))?;
            Some((*range, used_pages(pid, map, *range)?))
        };
        let used: Used = ranges.iter().filter_map(of_range).collect();
        Ok(Some((moment, used, cut)))
    };
    let patience = Patience { all: options.max_stop.mul_f64(TO_STAND), asleep: options.max_stop.mul_f64(TO_STAND) };
    let (done, pause) = while_stopped(pid, patience, work).map_err(|e| refused(pid, e))?;
    let Some((moment, used, cut)) = done? else { return Ok((None, pause)) };
    let scene = Scene::new(pid, before, moment, options.clone())?;
    Ok((Some(Copy { scene, pages: copying.finish(), used, cut }), pause))
}

/// Pages that can be copied in a time.
fn pages_in(time: Duration) -> u64 {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    milliseconds.saturating_mul(BYTES_A_MILLISECOND) / PAGE
}

/// Pages of the mappings that hold `wanted` ones which are in memory and are not wanted themselves; at most `most`, of the
/// smallest mappings first.
fn present(pid: i32, maps: &[MapLine], wanted: &[u64], most: usize) -> Vec<u64> {
    let pages = |map: &MapLine| (map.start.0 / PAGE, map.end.0 / PAGE);
    let holds = |map: &&MapLine| {
        let (start, end) = pages(map);
        let at = wanted.partition_point(|page| *page < start);
        map.protection.write
            && wanted.get(at).is_some_and(|page| *page < end)
            && end.saturating_sub(start) <= procfs::MAX_PAGE_MAP
    };
    let mut used: Vec<&MapLine> = maps.iter().filter(holds).collect();
    used.sort_by_key(|map| map.end.distance_from(map.start));
    let mut out = Vec::new();
    for map in used {
        let (start, end) = pages(map);
        let Ok(entries) = procfs::page_map(pid, start, end.saturating_sub(start)) else { break };
        let there =
            (start..end).zip(entries).filter(|(_, entry)| entry & procfs::PAGE_IS_THERE != 0).map(|(page, _)| page);
        out.extend(there.filter(|page| wanted.binary_search(page).is_err()).take(most.saturating_sub(out.len())));
        if out.len() >= most {
            break;
        }
    }
    out.sort_unstable();
    out
}

/// Pages that follow each other, `most` at most together: first one and how many. `pages` are sorted.
pub(super) fn runs(pages: &[u64], most: u64) -> Vec<(u64, u64)> {
    let mut out: Vec<(u64, u64)> = Vec::new();
    for page in pages {
        match out.last_mut() {
            Some((first, count)) if first.checked_add(*count) == Some(*page) && *count < most => {
                *count = count.saturating_add(1);
            }
            _ => out.push((*page, 1)),
        }
    }
    out
}

/// Whether a page is of a file and cannot be written to: it is the same now as when the process stood still.
fn is_constant(maps: &[MapLine], page: u64) -> bool {
    map_at(maps, Addr(page.saturating_mul(PAGE))).is_some_and(|map| map.inode != 0 && !map.protection.write)
}

/// Pages of one moment.
#[derive(Default)]
struct Pages {
    /// Where the bytes of each page begin; `None` for one that cannot be read.
    index: HashMap<u64, Option<usize>>,
    bytes: Vec<u8>,
}

impl Pages {
    fn get(&self, page: u64) -> Option<Option<&[u8]>> {
        let at = self.index.get(&page)?;
        Some(at.and_then(|at| self.bytes.get(at..)?.get(..PAGE as usize)))
    }
}

/// Pages that are being copied. While the process stands still nothing is done but copying.
struct Copying {
    /// First page, how many follow each other, index of the first byte; how many bytes could be read.
    done: Vec<(u64, u64, usize, usize)>,
    /// Bytes used.
    used: usize,
    bytes: Vec<u8>,
}

impl Copying {
    /// Copies these as far as there is room and time; whether all were.
    fn fill(&mut self, memory: &ProcessMemory, wanted: &[(u64, u64)], until: Option<Instant>) -> bool {
        /// A few megabytes at most between two looks at the clock.
        const GROUP: usize = 16;
        for group in wanted.chunks(GROUP) {
            if self.used >= ALWAYS && until.is_some_and(|until| Instant::now() >= until) {
                return false;
            }
            let pieces: Vec<(u64, usize)> =
                group.iter().map(|(page, count)| (page.saturating_mul(PAGE), bytes_of(*count))).collect();
            let total = pieces.iter().fold(0usize, |sum, (_, len)| sum.saturating_add(*len));
            let Some(room) = self.bytes.get_mut(self.used..self.used.saturating_add(total)) else { return false };
            for ((page, count), good) in group.iter().zip(memory.read_into(&pieces, room)) {
                self.copied(memory, *page, *count, good);
            }
        }
        true
    }

    /// Notes pages of which so many bytes were read. Where they end early, the ones after the unreadable one are tried alone.
    fn copied(&mut self, memory: &ProcessMemory, first: u64, count: u64, good: usize) {
        let whole = (good as u64 / PAGE).min(count);
        self.done.push((first, whole, self.used, bytes_of(whole)));
        for index in whole..count {
            let (page, at) = (first.saturating_add(index), self.used.saturating_add(bytes_of(index)));
            let room = self.bytes.get_mut(at..at.saturating_add(PAGE as usize));
            // The first of them is the one that was unreadable.
            let read =
                room.filter(|_| index > whole).and_then(|room| memory.read(page.saturating_mul(PAGE), room).ok());
            self.done.push((page, 1, at, read.unwrap_or(0)));
        }
        self.used = self.used.saturating_add(bytes_of(count));
    }

    fn finish(self) -> Pages {
        let mut pages = Pages { index: HashMap::new(), bytes: self.bytes };
        for (first, count, at, good) in self.done {
            let mut at = at;
            let end = at.saturating_add(good);
            for page in first..first.saturating_add(count) {
                let next = at.saturating_add(PAGE as usize);
                // Of a page that was copied twice either copy will do.
                let known = pages.index.entry(page).or_default();
                *known = known.or((next <= end).then_some(at));
                at = next;
            }
        }
        pages
    }
}

fn bytes_of(pages: u64) -> usize {
    usize::try_from(pages.saturating_mul(PAGE)).unwrap_or(usize::MAX)
}

/// A page that was read when the process ran again; `None` where it could not be.
type Late = HashMap<u64, Option<Box<[u8]>>>;

/// Pages of one moment; what was not copied is read from the process and noted, for the next copy.
struct Snapshot {
    pid: i32,
    pages: Pages,
    used: Used,
    maps: Vec<MapLine>,
    process: ProcessMemory,
    late: Arc<Mutex<Late>>,
    /// Ranges of which it was not known which pages were in use when the process stood still, for the next copy.
    asked: Arc<Mutex<Ranges>>,
}

impl Snapshot {
    /// The part of a page at `addr`; whether it could be read.
    fn read_late(&self, addr: Addr, to: &mut [u8]) -> bool {
        let page = addr.0 / PAGE;
        if is_constant(&self.maps, page) {
            return self.process.read(addr.0, to) == Ok(to.len());
        }
        let Ok(mut late) = self.late.lock() else { return false };
        let bytes = late.entry(page).or_insert_with(|| {
            let mut bytes = vec![0; PAGE as usize].into_boxed_slice();
            let read = self.process.read(page.saturating_mul(PAGE), &mut bytes);
            (read == Ok(PAGE as usize)).then_some(bytes)
        });
        let inside = usize::try_from(addr.0 % PAGE).unwrap_or(0);
        let from = bytes.as_deref().and_then(|bytes| bytes.get(inside..inside.saturating_add(to.len())));
        from.map(|from| to.copy_from_slice(from)).is_some()
    }
}

impl Memory for Snapshot {
    fn is_of_one_moment(&self) -> bool {
        let all_known = self.asked.lock().is_ok_and(|asked| asked.is_empty());
        all_known && self.late.lock().is_ok_and(|late| late.is_empty())
    }

    fn used(&self, start: Addr, size: u64) -> Option<Vec<(Addr, u64)>> {
        let range = pages(start, size);
        if let Some(known) = self.used.get(&range) {
            return Some(addresses(known));
        }
        let now = used_pages(self.pid, map_at(&self.maps, start)?, range)?;
        self.asked.lock().ok()?.insert(range);
        Some(addresses(&now))
    }

    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        let mut done = 0usize;
        while let Some(rest) = buf.get_mut(done..).filter(|r| !r.is_empty()) {
            let at = addr.wrapping_add(done as u64);
            let inside = usize::try_from(at.0 % PAGE).unwrap_or(0);
            let len = rest.len().min((PAGE as usize).saturating_sub(inside));
            let Some(to) = rest.get_mut(..len) else { break };
            let copied = self.pages.get(at.0 / PAGE);
            match copied.map(|page| page.and_then(|page| page.get(inside..inside.saturating_add(len)))) {
                Some(Some(from)) => to.copy_from_slice(from),
                _ if map_at(&self.maps, at).is_none() => {
                    return Err(ReadError { addr: at, kind: ReadErrorKind::Unmapped });
                }
                None if self.read_late(at, to) => {}
                _ => return Err(ReadError { addr: at, kind: ReadErrorKind::Io }),
            }
            done = done.saturating_add(len);
        }
        Ok(())
    }
}
