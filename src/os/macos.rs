//! macOS: Mach exceptions (XNU osfmk/mach/exception_types.h), which minidumps of macOS have for a code.

/// `EXC_BAD_ACCESS`: the exception's address is the one accessed.
pub const BAD_ACCESS: u32 = 1;

/// Name of a Mach exception.
#[must_use]
pub const fn name(code: u32) -> Option<&'static str> {
    Some(match code {
        BAD_ACCESS => "EXC_BAD_ACCESS",
        2 => "EXC_BAD_INSTRUCTION",
        3 => "EXC_ARITHMETIC",
        4 => "EXC_EMULATION",
        5 => "EXC_SOFTWARE",
        6 => "EXC_BREAKPOINT",
        10 => "EXC_CRASH",
        11 => "EXC_RESOURCE",
        12 => "EXC_GUARD",
        _ => return None,
    })
}
