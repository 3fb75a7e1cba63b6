//! Which CPython is read where a process has several: libraries that each brought a libpython of their own.

use super::Located;
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::debuggee::{Crash, MemoryExt as _, NativeThread, Target};

/// Bytes of a stack that are looked at, from its top on.
const STACK: u64 = 1 << 20;
/// At a time.
const BLOCK: u64 = 4096;

/// The answer with most evidence. Of several with an interpreter the one whose code the thread that matters ran last: that of
/// the crash, else the first thread. The others are named.
pub(super) fn choose(target: &Target, found: Vec<(u32, Located)>) -> Option<Located> {
    let most = found.iter().map(|(score, _)| *score).max()?;
    let first = found.iter().position(|(score, _)| *score == most)?;
    let alive = |(_, located): &(u32, Located)| !located.interpreters_head.is_null();
    let of_stack = || {
        let modules: Vec<usize> =
            found.iter().filter(|one| alive(one)).filter_map(|(_, located)| located.module).collect();
        let innermost = innermost(target, &modules)?;
        found.iter().position(|one| alive(one) && one.1.module == Some(innermost))
    };
    let several = found.iter().filter(|one| alive(one)).count() > 1;
    let chosen = if several { of_stack() } else { None }.unwrap_or(first);
    let mut found: Vec<Located> = found.into_iter().map(|(_, located)| located).collect();
    if chosen >= found.len() {
        return None;
    }
    let chosen = found.swap_remove(chosen);
    let mut others: Vec<(Addr, String)> = found
        .iter()
        .filter(|other| other.runtime != chosen.runtime && !other.interpreters_head.is_null())
        .filter_map(|other| Some((other.runtime?, name(target, other))))
        .collect();
    others.sort();
    others.dedup();
    for (runtime, other) in others {
        let text =
            format!("the process has another CPython too: {other}; what is shown is that of {}", name(target, &chosen));
        target.diagnostics.push(Diagnostic::warning(DiagnosticCode::OtherPython, text).at(runtime));
    }
    Some(chosen)
}

/// As in "3.11.7 (libpython3.11.so.1.0)".
fn name(target: &Target, located: &Located) -> String {
    let file = located.module.and_then(|module| target.modules.get(module)).map(|m| m.file_name());
    file.map_or_else(|| located.version.to_string(), |file| format!("{} ({file})", located.version))
}

/// The module of these whose code the thread of the crash is in, or was called from last: by the words of its stack, since
/// nothing can be unwound yet.
fn innermost(target: &Target, modules: &[usize]) -> Option<usize> {
    let crashed = target.crash.as_ref().map(Crash::tid);
    let is_it = |thread: &&NativeThread| crashed.is_none_or(|tid| tid == thread.tid);
    let registers = target.threads.iter().find(is_it)?.registers.as_ref()?;
    let code_of = |at: Addr| {
        let found = modules.iter().copied().find(|m| target.modules.get(*m).is_some_and(|m| m.contains(at)))?;
        target.memory.segment_at(at).is_some_and(|s| s.protection.execute).then_some(found)
    };
    if let Some(found) = registers.ip().and_then(code_of) {
        return Some(found);
    }
    let mut at = Addr(registers.sp()?.0 & !7);
    let end = at.checked_add(STACK)?;
    while at < end {
        // To the end of a page: the next one may not be of the stack.
        let size = BLOCK.saturating_sub(at.0 % BLOCK);
        let bytes = target.memory.read_vec(at, size).ok()?;
        let mut words = bytes.as_chunks::<8>().0.iter().map(|word| Addr(target.abi.uint(word)));
        if let Some(found) = words.find_map(code_of) {
            return Some(found);
        }
        at = at.checked_add(size)?;
    }
    None
}
