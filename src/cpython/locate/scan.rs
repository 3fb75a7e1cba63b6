//! Bounded scans of memory, for processes whose files are not available.

use super::candidates::{Candidate, FoundBy};
use super::version::{SysFacts, context, learn_unit, sys_facts};
use super::{Located, Proof, validate};
use crate::base::{Addr, Budget, Diagnostic, DiagnosticCode};
use crate::cpython::Context;
use crate::cpython::layout::{Selected, known_minors, select};
use crate::cpython::version::{BuildFlags, PyVersion};
use crate::debuggee::{Memory, Segment, Target};
use crate::field;
use crate::image::Images;
use crate::model::{FileStatus, VersionFrom};
use std::collections::HashMap;

/// Bytes that are searched at most, so that a big heap cannot make the search long.
const SCAN_LIMIT: u64 = 256 << 20;
/// Bytes read at a time.
const CHUNK: u64 = 64 << 10;
/// Interpreters of a process that are gone through.
const MAX_INTERPRETERS: usize = 1000;
/// First bytes of `_Py_DebugOffsets` (3.13+, Include/internal/pycore_debug_offsets.h).
const COOKIE: &[u8; 8] = b"xdebugpy";

/// Pointers whose meaning is remembered.
const MAX_TRIED: usize = 100_000;

/// A part of the writable memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Data of modules, where the runtime lies.
    Modules,
    /// All else: the modules may not be known.
    Rest,
}

/// Places of the cookie of `_Py_DebugOffsets` in writable memory. (In read-only memory the bytes are instructions
/// that compare with it.)
pub(super) fn cookies(target: &Target, part: Part) -> Vec<Candidate> {
    let mut found = Vec::new();
    each_word(target, part, |at, word| {
        if word == *COOKIE {
            let module = target.modules.iter().position(|m| m.contains(at));
            found.push(Candidate { runtime: at, module, found_by: FoundBy::DebugOffsetsScan });
        }
        None::<()>
    });
    found
}

/// A build of CPython that the process may be.
struct Build {
    version: PyVersion,
    flags: BuildFlags,
    selected: Selected,
}

/// An interpreter state of a build.
struct Found<'b> {
    build: &'b Build,
    sys: SysFacts,
}

impl Build {
    /// The interpreter state of this build at `addr`, if there is one.
    fn at(&self, target: &Target, addr: Addr) -> Option<Found<'_>> {
        let ctx = context(target, &self.selected);
        // A slim dump holds what was found, not all that was tried.
        self.read(&Context { memory: &target.memory.stored(), ..ctx }, addr).and_then(|_| self.read(&ctx, addr))
    }

    fn read(&self, ctx: &Context<'_>, addr: Addr) -> Option<Found<'_>> {
        // Threads, and dictionaries of one type: 31 is the score of an interpreter with both.
        if validate::interpreter(ctx, addr).ok()? < 31 {
            return None;
        }
        let sys = sys_facts(ctx, addr).ok()??;
        let same = sys.version.same_minor(&self.version) && sys.debug == self.flags.debug;
        same.then_some(Found { build: self, sys })
    }
}

/// Whether the list of interpreters that begins at `head` holds `wanted`.
fn leads_to(ctx: &Context<'_>, head: Addr, wanted: Addr) -> bool {
    let next = |at: &Addr| ctx.ptr(field!(ctx, interpreter.next), *at).ok().filter(|next| !next.is_null());
    !wanted.is_null() && std::iter::successors(Some(head), next).take(MAX_INTERPRETERS).any(|at| at == wanted)
}

/// A `PyInterpreterState` that some word of writable memory points to (until 3.12; later ones have the cookie).
pub(super) fn interpreters(target: &Target, images: &Images, part: Part) -> Option<Located> {
    let hints: Vec<PyVersion> =
        target.modules.iter().filter_map(|m| PyVersion::from_file_name(m.file_name())).collect();
    // With no hint at all every process would be searched for every version.
    let any =
        hints.is_empty() && (may_be_python(target) || (part == Part::Modules && executable_is_missing(target, images)));
    let versions: Vec<PyVersion> =
        known_minors().filter(|known| hints.iter().any(|hint| hint.same_minor(known)) || any).collect();
    let builds: Vec<Build> = versions
        .iter()
        .flat_map(|version| [false, true].map(|debug| (*version, BuildFlags { debug, free_threaded: false })))
        .filter_map(|(version, flags)| {
            let selected = select(version, flags, &target.abi, None, None).ok()?;
            Some(Build { version, flags, selected })
        })
        .collect();
    if builds.is_empty() {
        return None;
    }
    // What each pointer leads to: many places hold the same one, and only one of them is the runtime's.
    let mut tried: HashMap<Addr, Option<Found<'_>>> = HashMap::new();
    each_word(target, part, |at, word| {
        let value = Addr(target.abi.uint(&word));
        // Only pointers into dumped memory.
        if value.is_null() || !value.is_aligned(8) || target.memory.segment_at(value).is_none_or(|s| s.available == 0) {
            return None;
        }
        if tried.len() >= MAX_TRIED {
            tried.retain(|_, found| found.is_some());
        }
        let found = tried.entry(value).or_insert_with(|| builds.iter().find_map(|build| build.at(target, value)));
        let Found { build, sys } = found.as_ref()?;
        let ctx = context(target, &build.selected);
        let runtime = match ctx.layouts.runtime.interpreters_head.offset() {
            Some(head_at) => Some(at.checked_sub(head_at).filter(|runtime| {
                // `interpreters.main` follows the head, and is one of those that the head leads to.
                ctx.ptr(field!(ctx, runtime.interpreters_main), *runtime).is_ok_and(|main| leads_to(&ctx, value, main))
            })?),
            // 3.6: static variables are all that leads there from a module.
            None if part == Part::Modules => None,
            None => return None,
        };
        let mut selected = select(sys.version, build.flags, &target.abi, None, None).ok()?;
        learn_unit(target, &mut selected, value);
        Some(Located {
            runtime,
            interpreters_head: value,
            found_by: FoundBy::InterpreterScan,
            module: target.modules.iter().position(|m| m.contains(at)),
            version: sys.version,
            version_from: VersionFrom::SysHexVersion,
            flags: build.flags,
            selected,
            proof: Proof::Whole,
        })
    })
    .inspect(|located| {
        target.diagnostics.push(Diagnostic::note(
            DiagnosticCode::RuntimeByScan,
            format!("found CPython {} by searching memory for its interpreter state", located.version),
        ));
    })
}

/// Whether the process name speaks for Python at all.
fn may_be_python(target: &Target) -> bool {
    let named = |name: &str| name.to_ascii_lowercase().contains("py");
    target.modules.is_empty()
        || target.modules.iter().any(|m| named(m.file_name()))
        || target.process.command.as_deref().is_some_and(named)
}

/// Whether nothing can speak against Python: a program of another name may have it inside (Nuitka's), and its symbols are in a file
/// that is not there.
fn executable_is_missing(target: &Target, images: &Images) -> bool {
    let main = target.modules.iter().position(|module| module.is_main);
    main.and_then(|main| images.get(main)).is_some_and(|image| image.status != FileStatus::Ok)
}

/// Calls `visit` for each aligned word of a part of the writable dumped memory until it answers.
fn each_word<T>(target: &Target, part: Part, mut visit: impl FnMut(Addr, [u8; 8]) -> Option<T>) -> Option<T> {
    let budget = Budget::new("bytes of memory to search", SCAN_LIMIT);
    let writable = |s: &&Segment| s.protection.write && !s.protection.execute && s.available > 0;
    let segments = target.memory.segments().iter().filter(writable);
    let wanted = segments.filter(|s| is_near_module(target, s) == (part == Part::Modules));
    each_chunk(target, wanted, &budget, 0, |start, chunk| {
        chunk.chunks_exact(8).enumerate().find_map(|(index, word)| {
            let at = start.wrapping_add((index as u64).saturating_mul(8));
            let answer = <[u8; 8]>::try_from(word).ok().and_then(|w| visit(at, w))?;
            let _ = target.memory.read(at, &mut [0; 8]);
            Some(answer)
        })
    })
}

/// Calls `visit` with the address and bytes of one chunk of the segments after the other until it answers or the budget is
/// spent. Chunks share `overlap` bytes.
pub(super) fn each_chunk<'s, T>(
    target: &Target,
    segments: impl Iterator<Item = &'s Segment>,
    budget: &Budget,
    overlap: u64,
    mut visit: impl FnMut(Addr, &[u8]) -> Option<T>,
) -> Option<T> {
    let mut bytes = Vec::new();
    for segment in segments {
        let mut offset = 0u64;
        while offset < segment.available {
            let len = segment.available.saturating_sub(offset).min(CHUNK);
            budget.spend(len).ok()?;
            let start = segment.start.wrapping_add(offset);
            bytes.resize(usize::try_from(len).ok()?, 0u8);
            // A slim dump holds what was found, not all that was searched.
            if target.memory.stored().read(start, &mut bytes).is_ok()
                && let Some(answer) = visit(start, &bytes)
            {
                return Some(answer);
            }
            offset = offset.saturating_add(len.saturating_sub(overlap).max(1));
        }
    }
    None
}

/// Data of a module, or the `.bss` that follows it.
fn is_near_module(target: &Target, segment: &Segment) -> bool {
    target.modules.iter().any(|m| m.contains(segment.start) || m.end == segment.start)
}
