//! CPython in a dump that lacks memory of the interpreter: cut off, filtered, or a small minidump.

use super::candidates::Candidate;
use super::validate::{self, Doubt};
use super::version::{context, guesses};
use super::{Located, Proof};
use crate::cpython::layout::{DebugOffsets, select};
use crate::debuggee::Target;
use crate::field;
use crate::image::Images;

/// The runtime at `candidate`, where its version is told by something else than its structure, and its interpreter
/// cannot be checked only because memory is missing.
pub(super) fn identify(target: &Target, images: &Images, candidate: &Candidate) -> Option<Located> {
    let offsets = DebugOffsets::read(&target.memory, &target.abi, candidate.runtime).ok()?;
    let guesses = guesses(target, images, candidate, offsets.as_ref());
    let version = guesses.first()?.version;
    if guesses.iter().any(|guess| guess.version != version) {
        return None;
    }
    // Nothing tells a debug build here; most are none, and a thread state is proven by its content.
    let guess = guesses.into_iter().find(|guess| !guess.flags.debug)?;
    let selected = select(guess.version, guess.flags, &target.abi, offsets.as_ref(), None).ok()?;
    let ctx = context(target, &selected);
    let head = ctx.ptr(field!(ctx, runtime.interpreters_head), candidate.runtime).ok()?;
    let main = ctx.ptr(field!(ctx, runtime.interpreters_main), candidate.runtime).ok()?;
    let unreadable = |interpreter| validate::interpreters(&ctx, interpreter) == Err(Doubt::Unreadable);
    if main.is_null() || !unreadable(head) || !unreadable(main) {
        return None;
    }
    Some(Located {
        runtime: Some(candidate.runtime),
        interpreters_head: head,
        found_by: candidate.found_by,
        module: candidate.module,
        version: guess.version,
        version_from: guess.from,
        flags: guess.flags,
        selected,
        proof: Proof::Partial,
    })
}
