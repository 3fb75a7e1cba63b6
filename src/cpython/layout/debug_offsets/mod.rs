//! [`DebugOffsets`]: the layouts that a 3.13+ target states of itself.
//!
//! `_PyRuntime` starts with a table of sizes and offsets made for debuggers. It lies in the target's memory, so it is
//! untrusted: it is read once, at its version's own length, and checked as CPython's own remote debugger checks it
//! (Modules/_remote_debugging/debug_offsets_validation.h) before any field is taken over.

mod shape;

use super::{Layouts, Provider, Slot};
use crate::base::{Abi, Addr, Cursor, Diagnostic, DiagnosticCode, Severity};
use crate::cpython::{DecodeError, PyVersion};
use crate::debuggee::{Memory, MemoryExt as _};
use shape::{Item, Section, Width, shape};

/// `_Py_Debug_Cookie`.
pub const COOKIE: [u8; 8] = *b"xdebugpy";
/// Cookie, version and `free_threaded`.
pub const PREFIX_SIZE: u64 = 24;

/// No struct of CPython is larger: the interpreter state of free-threaded debug builds has a quarter of a MiB, and
/// the runtime state holds one.
const MAX_STATE: u64 = 16 << 20;
const MAX_OBJECT: u64 = 64 << 10;

/// The content of `_Py_DebugOffsets`, the first member of `_PyRuntime` in 3.13+
/// (Include/internal/pycore_debug_offsets.h).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugOffsets {
    /// `version`, which is `PY_VERSION_HEX`.
    pub version: PyVersion,
    /// `free_threaded`.
    pub free_threaded: bool,
    /// Its fields; nothing when the table is of an unknown shape or did not pass the checks.
    pub layouts: Layouts,
    /// Why there are no layouts.
    pub problem: Option<Diagnostic>,
}

impl DebugOffsets {
    /// Reads the table at the address of `_PyRuntime`. `None` when there is no table: no cookie, or a version that
    /// no CPython has.
    ///
    /// # Errors
    /// [`DecodeError::Read`] when the memory is not readable.
    pub fn read(memory: &dyn Memory, abi: &Abi, runtime: Addr) -> Result<Option<DebugOffsets>, DecodeError> {
        let read = |len| {
            let what = "runtime.debug_offsets";
            memory.read_vec(runtime, len).map_err(|source| DecodeError::Read { what, source })
        };
        let Some((version, free_threaded)) = parse_prefix(&read(PREFIX_SIZE)?, abi) else { return Ok(None) };
        let size = shape(version).map_or(PREFIX_SIZE, table_size);
        let mut table = parse(&read(size)?, abi, version, free_threaded);
        table.problem = table.problem.map(|p| p.at(runtime));
        Ok(Some(table))
    }

    /// Reads the table from bytes that start with it (section `.PyRuntime` of a file). `None` as in
    /// [`DebugOffsets::read`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8], abi: &Abi) -> Option<DebugOffsets> {
        let (version, free_threaded) = parse_prefix(bytes, abi)?;
        Some(parse(bytes, abi, version, free_threaded))
    }
}

/// Version and `free_threaded` from the first [`PREFIX_SIZE`] bytes of a `_PyRuntime`; `None` when these are not the
/// start of a `_Py_DebugOffsets`.
#[must_use]
pub fn parse_prefix(bytes: &[u8], abi: &Abi) -> Option<(PyVersion, bool)> {
    let mut cursor = Cursor::new(bytes, *abi);
    if cursor.take(COOKIE.len()).ok()? != COOKIE {
        return None;
    }
    let version = u32::try_from(cursor.u64().ok()?).ok()?;
    let free_threaded = match cursor.u64().ok()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    PyVersion::from_hex(version).filter(|v| v.is_plausible()).map(|v| (v, free_threaded))
}

fn table_size(sections: &[Section]) -> u64 {
    let words = sections.iter().map(|s| s.fields.len() as u64).fold(0, u64::saturating_add);
    words.saturating_mul(8).saturating_add(PREFIX_SIZE)
}

/// Parses the whole table, whose prefix is known to be right.
fn parse(bytes: &[u8], abi: &Abi, version: PyVersion, free_threaded: bool) -> DebugOffsets {
    let nothing = |code, why: String| DebugOffsets {
        version,
        free_threaded,
        layouts: Layouts::NONE,
        problem: Some(Diagnostic::new(Severity::Warning, code, why)),
    };
    let Some(sections) = shape(version) else {
        return nothing(
            DiagnosticCode::DebugOffsetsUnknown,
            format!("the _Py_DebugOffsets of CPython {version} are not known"),
        );
    };
    let mut cursor = Cursor::new(bytes, *abi);
    let mut layouts = Layouts::NONE;
    let result = cursor.take(PREFIX_SIZE as usize).map_err(|e| e.to_string()).and_then(|_| {
        for section in sections {
            read_section(&mut layouts, &mut cursor, abi, section, free_threaded)?;
        }
        derive(&mut layouts, abi);
        Ok(())
    });
    match result {
        Ok(()) => DebugOffsets { version, free_threaded, layouts, problem: None },
        Err(why) => {
            nothing(DiagnosticCode::DebugOffsetsInvalid, format!("_Py_DebugOffsets is damaged and not used: {why}"))
        }
    }
}

fn read_section(
    layouts: &mut Layouts,
    cursor: &mut Cursor<'_>,
    abi: &Abi,
    section: &Section,
    free_threaded: bool,
) -> Result<(), String> {
    let mut limit = MAX_OBJECT;
    for (index, item) in section.fields.iter().enumerate() {
        let name = || format!("{}[{index}] ({}.{})", section.name, item.strukt, item.field);
        let value = cursor.u64().map_err(|e| e.to_string())?;
        let size = match item.width {
            Width::SectionSize => {
                let max = if section.name.ends_with("_state") { MAX_STATE } else { MAX_OBJECT };
                if value == 0 || value > max {
                    return Err(format!("{} is {value}", name()));
                }
                limit = value;
                0
            }
            Width::Size if value == 0 || value > limit => return Err(format!("{} is {value}", name())),
            Width::Size => 0,
            Width::Unused => continue,
            Width::One => 1,
            Width::Four => 4,
            Width::Long => u64::from(abi.long_size()),
            Width::Pointer => u64::from(abi.pointer_size()),
            Width::Eight => 8,
        };
        if size > 0 {
            if value.checked_rem(size) != Some(0) {
                return Err(format!("{} is {value}, not a multiple of {size}", name()));
            }
            if limit.checked_sub(size).is_none_or(|last| value > last) {
                return Err(format!("{} is {value}, beyond the {limit} bytes of the struct", name()));
            }
        }
        store(layouts, item, value, free_threaded);
    }
    Ok(())
}

/// Takes over one word. Fields that only free-threaded builds have are 0 in the others, and absent.
fn store(layouts: &mut Layouts, item: &Item, value: u64, free_threaded: bool) {
    let only_free_threaded =
        matches!((item.strukt, item.field), ("gil", "enabled") | ("frame", "tlbc_index") | ("code", "tlbc"));
    if only_free_threaded && !free_threaded {
        return;
    }
    // The table gives members of the GIL from the start of the interpreter state.
    let base = match item.strukt {
        "gil" => layouts.interpreter.own_gil.offset().unwrap_or(0),
        _ => 0,
    };
    let offset = value.checked_sub(base).and_then(|o| u32::try_from(o).ok());
    if let (Some(offset), Some(slot)) = (offset, layouts.slot_mut(item.strukt, item.field)) {
        *slot = Slot::new(offset, Provider::DebugOffsets);
    }
}

/// What follows from fields of the table: places in nested structs, and neighbours that CPython asserts to be such
/// (debug_offsets_validation.h: `exc_info` after `current_exception`, `previous_item` after `exc_value`).
fn derive(layouts: &mut Layouts, abi: &Abi) {
    let pointer = u64::from(abi.pointer_size());
    let sum = |a: Slot, b: Option<u64>| {
        let offset = a.offset().zip(b).and_then(|(a, b)| a.checked_add(b)).and_then(|o| u32::try_from(o).ok());
        offset.map_or(Slot::ABSENT, |o| Slot::new(o, Provider::DebugOffsets))
    };
    layouts.interpreter.gc_collecting = sum(layouts.interpreter.gc, layouts.gc.collecting.offset());
    layouts.interpreter.gc_frame = sum(layouts.interpreter.gc, layouts.gc.frame.offset());
    layouts.thread.exc_info = sum(layouts.thread.current_exception, Some(pointer));
    layouts.exc_stack.previous_item = sum(layouts.exc_stack.exc_value, Some(pointer));
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABI: Abi = Abi::LINUX_X86_64;

    /// A table in which every struct has 4096 bytes and every field is at 8.
    fn table(hex: u64, words: usize) -> Vec<u8> {
        let mut out = COOKIE.to_vec();
        out.extend(hex.to_le_bytes());
        out.extend(0u64.to_le_bytes());
        let version = PyVersion::from_hex(hex as u32).unwrap();
        for section in shape(version).unwrap() {
            for item in section.fields {
                let value: u64 = if item.width == Width::SectionSize { 4096 } else { 8 };
                out.extend(value.to_le_bytes());
            }
        }
        out.truncate(PREFIX_SIZE as usize + words * 8);
        out
    }

    fn set(table: &mut [u8], word: usize, value: u64) {
        let at = PREFIX_SIZE as usize + word * 8;
        table[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }

    #[test]
    fn table_sizes_are_those_of_cpython() {
        let size = |text: &str| shape(text.parse().unwrap()).map(table_size);
        assert_eq!(size("3.13.0"), Some(584));
        assert_eq!(size("3.14.4"), Some(760));
        assert_eq!(size("3.15.0rc1"), Some(888));
        assert_eq!(size("3.15.0b2"), None);
        assert_eq!(size("3.12.3"), None);
        assert_eq!(size("3.16.0"), None);
    }

    #[test]
    fn a_sound_table_is_taken_over() {
        let offsets = DebugOffsets::from_bytes(&table(0x030d_05f0, 999), &ABI).unwrap();
        assert_eq!(offsets.version, PyVersion::new(3, 13, 5));
        assert_eq!(offsets.problem, None);
        assert_eq!(offsets.layouts.frame.previous, Slot::new(8, Provider::DebugOffsets));
        assert_eq!(offsets.layouts.interpreter.size.offset(), Some(4096));
        // Relative to the GIL, as everywhere in `Layouts`.
        assert_eq!(offsets.layouts.gil.locked.offset(), Some(0));
        assert_eq!(offsets.layouts.gil.enabled, Slot::ABSENT);
        assert_eq!(offsets.layouts.interpreter.gc_collecting.offset(), Some(16));
    }

    #[test]
    fn a_damaged_table_is_refused_as_a_whole() {
        for (word, value) in [(0, 0), (0, u64::MAX), (1, 7), (2, 4096), (2, u64::MAX - 7), (3, 17 << 20)] {
            let mut bytes = table(0x030d_05f0, 999);
            set(&mut bytes, word, value);
            let offsets = DebugOffsets::from_bytes(&bytes, &ABI).unwrap();
            assert_eq!(offsets.layouts, Layouts::NONE, "word {word} = {value:#x}");
            assert_eq!(offsets.problem.unwrap().code, DiagnosticCode::DebugOffsetsInvalid);
        }
        let short = DebugOffsets::from_bytes(&table(0x030e_00f0, 30), &ABI).unwrap();
        assert_eq!(short.layouts, Layouts::NONE);
    }

    #[test]
    fn other_bytes_are_no_table() {
        assert_eq!(DebugOffsets::from_bytes(&[], &ABI), None);
        assert_eq!(DebugOffsets::from_bytes(&[0; 900], &ABI), None);
        let mut bytes = table(0x030d_05f0, 999);
        bytes[16] = 2;
        assert_eq!(DebugOffsets::from_bytes(&bytes, &ABI), None);
        bytes[16] = 0;
        bytes[8] = 0x50;
        assert_eq!(DebugOffsets::from_bytes(&bytes, &ABI), None);
    }

    #[test]
    fn a_later_version_is_named_but_not_parsed() {
        let mut bytes = table(0x030f_00f0, 999);
        bytes[8..16].copy_from_slice(&0x0310_00f0u64.to_le_bytes());
        let offsets = DebugOffsets::from_bytes(&bytes, &ABI).unwrap();
        assert_eq!((offsets.version.minor, offsets.layouts), (16, Layouts::NONE));
        assert_eq!(offsets.problem.unwrap().code, DiagnosticCode::DebugOffsetsUnknown);
    }
}
