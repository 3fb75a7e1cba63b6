//! Bounded scans of memory, for processes whose files are not at hand.

use super::candidates::{Candidate, FoundBy};
use super::version::{context, sys_facts};
use super::{Located, Proof, validate};
use crate::base::{Addr, Budget, Diagnostic};
use crate::cpython::layout::{known_minors, select};
use crate::cpython::version::{BuildFlags, PyVersion};
use crate::field;
use crate::target::{Memory as _, Segment, Target};

/// Bytes that are searched at most, so that a big heap cannot make the search long.
const SCAN_LIMIT: u64 = 256 << 20;
/// Bytes read at a time.
const CHUNK: u64 = 64 << 10;
/// First bytes of `_Py_DebugOffsets` (3.13+, Include/internal/pycore_debug_offsets.h).
const COOKIE: &[u8; 8] = b"xdebugpy";

/// Places of the cookie of `_Py_DebugOffsets` in writable memory. (In read-only memory the bytes are instructions
/// that compare with it.)
pub(super) fn cookies(target: &Target) -> Vec<Candidate> {
    let mut found = Vec::new();
    each_word(target, |at, word| {
        if word == *COOKIE {
            let module = target.modules.iter().position(|m| m.contains(at));
            found.push(Candidate { runtime: at, module, found_by: FoundBy::CookieScan });
        }
        None::<()>
    });
    found
}

/// A `PyInterpreterState` that some word of writable memory points to (until 3.12; later ones have the cookie).
pub(super) fn interpreters(target: &Target) -> Option<Located> {
    let hints: Vec<PyVersion> =
        target.modules.iter().filter_map(|m| PyVersion::from_file_name(m.file_name())).collect();
    // With no hint at all every process would be searched for every version.
    let versions: Vec<PyVersion> = known_minors()
        .filter(|known| hints.iter().any(|hint| hint.same_minor(known)) || (hints.is_empty() && may_be_python(target)))
        .collect();
    let builds: Vec<_> = versions
        .iter()
        .flat_map(|version| [false, true].map(|debug| (*version, BuildFlags { debug, free_threaded: false })))
        .filter_map(|(version, flags)| {
            select(version, flags, &target.abi, None, None).ok().map(|selected| (version, flags, selected))
        })
        .collect();
    if builds.is_empty() {
        return None;
    }
    let mut tried = std::collections::HashSet::new();
    each_word(target, |at, word| {
        let value = Addr(target.abi.uint(&word));
        // Only pointers into dumped memory, each but once.
        if value.is_null()
            || !value.is_aligned(8)
            || target.memory.segment_at(value).is_none_or(|s| s.available == 0)
            || !tried.insert(value)
        {
            return None;
        }
        builds.iter().find_map(|(guess, flags, selected)| {
            let ctx = context(target, selected);
            // Threads, and dictionaries of one type: 31 is the score of an interpreter with both.
            if validate::interpreter(&ctx, value).ok()? < 31 {
                return None;
            }
            let sys = sys_facts(&ctx, value).ok()??;
            if !sys.version.same_minor(guess) || sys.debug != flags.debug {
                return None;
            }
            let head_at = ctx.layouts.runtime.interpreters_head.offset()?;
            let runtime = at.checked_sub(head_at).filter(|runtime| {
                // `interpreters.main` follows the head and, in all but exotic moments, equals it.
                ctx.ptr(field!(ctx, runtime.interpreters_main), *runtime).is_ok_and(|main| main == value)
            })?;
            Some(Located {
                runtime: Some(runtime),
                interpreters_head: value,
                found_by: FoundBy::InterpreterScan,
                module: target.modules.iter().position(|m| m.contains(at)),
                version: sys.version,
                version_from: "sys.hexversion",
                flags: *flags,
                selected: select(sys.version, *flags, &target.abi, None, None).ok()?,
                proof: Proof::Whole,
            })
        })
    })
    .inspect(|located| {
        target.diagnostics.push(Diagnostic::note(
            "runtime-by-scan",
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

/// Calls `visit` for each aligned word of writable dumped memory, memory of modules first, until it answers.
fn each_word<T>(target: &Target, mut visit: impl FnMut(Addr, [u8; 8]) -> Option<T>) -> Option<T> {
    let budget = Budget::new("bytes of memory to search", SCAN_LIMIT);
    let (near, far): (Vec<&Segment>, Vec<&Segment>) = target
        .memory
        .segments()
        .iter()
        .filter(|s| s.protection.write && !s.protection.execute && s.available > 0)
        .partition(|s| is_near_module(target, s));
    for segment in near.into_iter().chain(far) {
        let mut offset = 0u64;
        while offset < segment.available {
            let len = segment.available.saturating_sub(offset).min(CHUNK);
            if budget.spend(len).is_err() {
                return None;
            }
            let start = segment.start.wrapping_add(offset);
            let mut chunk = vec![0u8; usize::try_from(len).unwrap_or(0)];
            // A slim dump holds what was found, not all that was searched.
            if target.memory.read_unrecorded(start, &mut chunk).is_ok() {
                for (index, word) in chunk.chunks_exact(8).enumerate() {
                    let at = start.wrapping_add((index as u64).saturating_mul(8));
                    if let Some(answer) = <[u8; 8]>::try_from(word).ok().and_then(|w| visit(at, w)) {
                        let _ = target.memory.read(at, &mut [0; 8]);
                        return Some(answer);
                    }
                }
            }
            offset = offset.saturating_add(len);
        }
    }
    None
}

/// Data of a module, or the `.bss` that follows it.
fn is_near_module(target: &Target, segment: &Segment) -> bool {
    target.modules.iter().any(|m| m.contains(segment.start) || m.end == segment.start)
}
