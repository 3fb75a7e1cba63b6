//! [`Thrown`]: the exception that `__cxa_throw` and its like hold while they look for a handler (libsupc++ unwind-cxx.h).

use super::super::facts::{Scene, SceneFrame};
use super::what::what;
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::native::demangle::demangle;

/// `_Unwind_Exception.exception_class` of GNU C++, and that of dependent exceptions (`std::rethrow_exception`).
const GNU_CXX: u64 = 0x474e_5543_432b_2b00;
const GNU_CXX_DEPENDENT: u64 = 0x474e_5543_432b_2b01;
/// Distance of `exceptionType` of `__cxa_exception`, and of `primaryException` of `__cxa_dependent_exception`, before the
/// unwind header (LP64).
const FIRST_BEFORE_HEADER: u64 = 80;
/// Size of the header: the thrown object follows.
const HEADER_SIZE: u64 = 32;
const MAX_NAME: usize = 1000;

/// An exception.
pub(super) struct Thrown {
    /// Its type.
    pub(super) name: String,
    /// Its text, where that can be told.
    pub(super) what: Option<String>,
}

impl Thrown {
    /// The exception whose header the function of this frame keeps in a register that it must preserve.
    pub(super) fn held_by(scene: &Scene<'_>, throw: &SceneFrame<'_>) -> Option<Thrown> {
        let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
        let values = throw.frame.registers.as_deref()?.callee_saved().map(Addr);
        let (header, class) = values
            .flat_map(|v| [v, v.wrapping_offset(-(HEADER_SIZE.cast_signed()))])
            .filter(|v| v.is_aligned(8) && !v.is_null())
            .filter_map(|v| Some((v, memory.read_uint(abi, v, 8).ok()?)))
            .find(|(_, class)| matches!(*class, GNU_CXX | GNU_CXX_DEPENDENT))?;
        let first = |header: Addr| memory.read_ptr(abi, header.checked_sub(FIRST_BEFORE_HEADER)?).ok();
        let object = match class {
            // The object belongs to the exception that was thrown first.
            GNU_CXX_DEPENDENT => first(header)?,
            _ => header.checked_add(HEADER_SIZE)?,
        };
        let info = first(object.checked_sub(HEADER_SIZE)?)?;
        let mangled = type_name(scene, info)?;
        let name = demangle(&format!("_ZTS{mangled}"));
        let name = name.strip_prefix("typeinfo name for ").map_or(mangled, str::to_owned);
        Some(Thrown { name, what: what(scene, object, info) })
    }
}

/// The mangled name in a `std::type_info`: `{vtable, const char *name}`.
pub(super) fn type_name(scene: &Scene<'_>, info: Addr) -> Option<String> {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let name = memory.read_ptr(abi, info.checked_add(8)?).ok()?;
    let name = String::from_utf8(memory.read_cstr(name, MAX_NAME).ok()?).ok()?;
    // A name that only counts in its own module begins with an asterisk (libsupc++ typeinfo).
    Some(name.trim_start_matches('*').to_owned())
}
