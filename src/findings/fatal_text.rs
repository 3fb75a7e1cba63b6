//! What `Py_FatalError` and its like printed, from their arguments.

use super::facts::{Scene, SceneFrame};
use super::memory_access::signals;
use crate::base::{Addr, Text};
use crate::cpython::object::{ReprLimits, repr};
use crate::debuggee::MemoryExt as _;
use crate::model::{FatalError, Fidelity};

/// Longest text read.
const MAX_TEXT: usize = 2000;
/// Frames from the one that crashed outwards among which the functions are.
const MAX_FRAMES: usize = 24;

/// Functions of Python/pylifecycle.c that print and abort, innermost first, with their arguments: the function named in
/// front of the message, the message, and where the message is a format.
const PRINTERS: &[(&str, Option<usize>, usize, bool)] = &[
    ("_Py_FatalErrorFormat", Some(0), 1, true),
    // Calls the one above.
    ("_Py_FatalRefcountErrorFunc", Some(0), 1, false),
    ("_Py_FatalErrorFunc", Some(0), 1, false),
    ("Py_FatalError", None, 0, false),
];

/// What `_Py_FatalRefcountErrorFunc` adds to its message (3.10+).
const REFCOUNT_ERROR: &str = ": bug likely caused by a refcount error in a C extension";

/// Debug builds abort where a call returns NULL without an exception or a result with one (Objects/call.c,
/// `_Py_CheckFunctionResult`): the message, and an exception of the same words is set, which names the function.
const CHECK_RESULT: &str = "_Py_CheckFunctionResult";

/// What was printed, where the crashed thread is in one of these functions.
#[must_use]
pub fn fatal_error(scene: &Scene<'_>) -> Option<FatalError> {
    if scene.signal() != signals::SIGABRT {
        return None;
    }
    let frames: Vec<SceneFrame<'_>> = scene.frames(MAX_FRAMES).collect();
    let called = |name: &str| frames.iter().find(|f| f.name() == Some(name));
    let printers: Vec<_> = PRINTERS.iter().filter_map(|row| Some((row, called(row.0)?))).collect();
    let mut out = FatalError::default();
    if printers.is_empty() {
        // The compiler may leave the inner function alone, with its arguments rearranged.
        called("fatal_error")?;
        out.unread.push("the message".to_owned());
        return Some(out);
    }
    let named = printers.iter().all(|((_, function, ..), _)| function.is_some());
    if named {
        let arguments = printers.iter().filter_map(|((_, function, ..), frame)| scene.argument(frame, (*function)?));
        out.function = arguments.filter_map(|at| read(scene, at)).next().map(|bytes| text(&bytes));
        if out.function.is_none() {
            out.unread.push("the function named in front of the message".to_owned());
        }
    }
    out.message = printers.iter().find_map(|((name, _, message, is_format), frame)| {
        let at = scene.argument(frame, *message)?;
        let words = match at {
            0 => b"<message not set>".to_vec(),
            at => read(scene, at)?,
        };
        match (*is_format, *name) {
            (true, _) => format(scene, frame, &words, message.saturating_add(1)).map(|bytes| text(&bytes)),
            (_, "_Py_FatalRefcountErrorFunc") => Some(text(&[words.as_slice(), REFCOUNT_ERROR.as_bytes()].concat())),
            _ => Some(text(&words)),
        }
    });
    if out.message.is_none() {
        out.unread.push("the message".to_owned());
    }
    out.exception = out.message.as_ref().and_then(|message| exception(scene, &frames, &message.to_string()));
    Some(out)
}

/// The line of the `SystemError` that `_Py_CheckFunctionResult` set: `"%R " + what the message says of "a function"`.
fn exception(scene: &Scene<'_>, frames: &[SceneFrame<'_>], message: &str) -> Option<Text> {
    let what = message.strip_prefix("a function ")?;
    let frame = frames.iter().find(|f| f.name() == Some(CHECK_RESULT))?;
    let heap = scene.facts.heap?;
    // 3.8 has no thread state as its first argument.
    let callable = [1, 0].into_iter().filter_map(|index| scene.argument(frame, index)).find_map(|at| {
        let shown = repr(heap, Addr(at), &ReprLimits::default());
        (shown.fidelity == Fidelity::Exact).then_some(shown.text)
    })?;
    Some(Text::from(format!("SystemError: {callable} {what}").as_str()))
}

/// A C string, when it is not longer than what is read of one.
fn read(scene: &Scene<'_>, at: u64) -> Option<Vec<u8>> {
    let bytes = scene.facts.target.memory.read_cstr(Addr(at), MAX_TEXT).ok()?;
    (at != 0 && bytes.len() < MAX_TEXT).then_some(bytes)
}

/// As Python decodes file names: a byte that is no UTF-8 becomes a lone surrogate.
fn text(bytes: &[u8]) -> Text {
    let chunks = bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().iter().map(|byte| 0xdc00 | u32::from(*byte));
        chunk.valid().chars().map(u32::from).chain(invalid).collect::<Vec<_>>()
    });
    Text::from_code_points(chunks)
}

/// `printf` of what CPython's messages have: `%s`, `%d`, `%u`, `%zd`, `%lu`, `%x`, `%p`, `%%`. Arguments beyond those in registers
/// are not known.
fn format(scene: &Scene<'_>, frame: &SceneFrame<'_>, format: &[u8], first: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut next = first;
    let mut bytes = format.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut long = false;
        let conversion = loop {
            match bytes.next()? {
                b'l' | b'z' | b't' | b'j' => long = true,
                other => break other,
            }
        };
        if conversion == b'%' {
            out.push(b'%');
            continue;
        }
        let value = scene.argument(frame, next)?;
        next = next.checked_add(1)?;
        let low = u32::try_from(value & 0xffff_ffff).ok()?;
        let shown = match (conversion, long) {
            (b's', _) if value == 0 => b"(null)".to_vec(),
            (b's', _) => read(scene, value)?,
            (b'd' | b'i', true) => value.cast_signed().to_string().into_bytes(),
            (b'd' | b'i', false) => low.cast_signed().to_string().into_bytes(),
            (b'u', true) => value.to_string().into_bytes(),
            (b'u', false) => low.to_string().into_bytes(),
            (b'x', true) => format!("{value:x}").into_bytes(),
            (b'x', false) => format!("{low:x}").into_bytes(),
            (b'p', _) if value == 0 => b"(nil)".to_vec(),
            (b'p', _) => format!("{value:#x}").into_bytes(),
            _ => return None,
        };
        out.extend(shown);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::base::Text;

    #[test]
    fn bytes_that_are_no_utf_8_are_kept() {
        assert_eq!(text(b"h\xc3\xa9\xff!"), Text::from_code_points([0x68, 0xe9, 0xdcff, 0x21]));
    }
}
