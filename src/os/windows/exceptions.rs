//! Names of Windows exception codes (`STATUS_*` of winnt.h and ntstatus.h) that processes end with, and what they mean
//! where the name does not tell.

/// `STATUS_*` codes (winnt.h, ntstatus.h) that are told apart.
pub mod status {
    /// Access to memory that is not mapped, or not for this.
    pub const ACCESS_VIOLATION: u32 = 0xc000_0005;
    /// The file behind memory cannot be read.
    pub const IN_PAGE_ERROR: u32 = 0xc000_0006;
    /// Illegal instruction.
    pub const ILLEGAL_INSTRUCTION: u32 = 0xc000_001d;
    /// Integer division by zero.
    pub const INTEGER_DIVIDE_BY_ZERO: u32 = 0xc000_0094;
    /// Integer overflow.
    pub const INTEGER_OVERFLOW: u32 = 0xc000_0095;
    /// The stack is used up.
    pub const STACK_OVERFLOW: u32 = 0xc000_00fd;
    /// A breakpoint.
    pub const BREAKPOINT: u32 = 0x8000_0003;
    /// What `__fastfail` raises, whatever the reason is.
    pub const STACK_BUFFER_OVERRUN: u32 = 0xc000_0409;
}
use status::STACK_BUFFER_OVERRUN;

/// Name of an exception code.
#[must_use]
pub const fn exception_name(code: u32) -> Option<&'static str> {
    Some(match code {
        0x8000_0001 => "STATUS_GUARD_PAGE_VIOLATION",
        0x8000_0002 => "EXCEPTION_DATATYPE_MISALIGNMENT",
        status::BREAKPOINT => "EXCEPTION_BREAKPOINT",
        0x8000_0004 => "EXCEPTION_SINGLE_STEP",
        status::ACCESS_VIOLATION => "EXCEPTION_ACCESS_VIOLATION",
        status::IN_PAGE_ERROR => "EXCEPTION_IN_PAGE_ERROR",
        0xc000_0008 => "EXCEPTION_INVALID_HANDLE",
        0xc000_0017 => "STATUS_NO_MEMORY",
        status::ILLEGAL_INSTRUCTION => "EXCEPTION_ILLEGAL_INSTRUCTION",
        0xc000_0025 => "EXCEPTION_NONCONTINUABLE_EXCEPTION",
        0xc000_0026 => "EXCEPTION_INVALID_DISPOSITION",
        0xc000_008c => "EXCEPTION_ARRAY_BOUNDS_EXCEEDED",
        0xc000_008d => "EXCEPTION_FLT_DENORMAL_OPERAND",
        0xc000_008e => "EXCEPTION_FLT_DIVIDE_BY_ZERO",
        0xc000_008f => "EXCEPTION_FLT_INEXACT_RESULT",
        0xc000_0090 => "EXCEPTION_FLT_INVALID_OPERATION",
        0xc000_0091 => "EXCEPTION_FLT_OVERFLOW",
        0xc000_0092 => "EXCEPTION_FLT_STACK_CHECK",
        0xc000_0093 => "EXCEPTION_FLT_UNDERFLOW",
        status::INTEGER_DIVIDE_BY_ZERO => "EXCEPTION_INT_DIVIDE_BY_ZERO",
        status::INTEGER_OVERFLOW => "EXCEPTION_INT_OVERFLOW",
        0xc000_0096 => "EXCEPTION_PRIV_INSTRUCTION",
        status::STACK_OVERFLOW => "EXCEPTION_STACK_OVERFLOW",
        0xc000_0135 => "STATUS_DLL_NOT_FOUND",
        0xc000_0139 => "STATUS_ENTRYPOINT_NOT_FOUND",
        0xc000_013a => "STATUS_CONTROL_C_EXIT",
        0xc000_0142 => "STATUS_DLL_INIT_FAILED",
        0xc000_0194 => "EXCEPTION_POSSIBLE_DEADLOCK",
        0xc000_0374 => "STATUS_HEAP_CORRUPTION",
        STACK_BUFFER_OVERRUN => "STATUS_STACK_BUFFER_OVERRUN",
        0xc000_0417 => "STATUS_INVALID_CRUNTIME_PARAMETER",
        0xc000_0420 => "STATUS_ASSERTION_FAILURE",
        0xe06d_7363 => "C++ exception",
        _ => return None,
    })
}

/// `FAST_FAIL_FATAL_APP_EXIT` (winnt.h): how the C run time's `abort` ends a process.
const FATAL_APP_EXIT: u64 = 7;

/// Whether this is how `abort()` ends a process.
#[must_use]
pub fn is_abort(code: u32, parameters: &[u64]) -> bool {
    code == STACK_BUFFER_OVERRUN && parameters.first() == Some(&FATAL_APP_EXIT)
}

/// What an exception says besides its name, in words: the reason of a `__fastfail` is its first parameter
/// (`FAST_FAIL_*`, winnt.h).
#[must_use]
pub fn exception_meaning(code: u32, parameters: &[u64]) -> Option<String> {
    let reason = match (code, parameters) {
        (0xc000_0374, _) => return Some("the heap is damaged".to_owned()),
        (0xe06d_7363, _) => return Some("nobody caught what was thrown".to_owned()),
        (STACK_BUFFER_OVERRUN, [reason, ..]) => reason,
        _ => return None,
    };
    let name = match *reason {
        0 => "FAST_FAIL_LEGACY_GS_VIOLATION, a stack buffer overran",
        1 => "FAST_FAIL_VTGUARD_CHECK_FAILURE, a damaged vtable",
        2 => "FAST_FAIL_STACK_COOKIE_CHECK_FAILURE, a stack buffer overran",
        3 => "FAST_FAIL_CORRUPT_LIST_ENTRY, a damaged list",
        4 => "FAST_FAIL_INCORRECT_STACK, the stack pointer is outside of the stack",
        5 => "FAST_FAIL_INVALID_ARG, an invalid argument",
        6 => "FAST_FAIL_GS_COOKIE_INIT",
        FATAL_APP_EXIT => "FAST_FAIL_FATAL_APP_EXIT, the program ended itself as abort() does: no buffer overran",
        8 => "FAST_FAIL_RANGE_CHECK_FAILURE, an index out of range",
        9 => "FAST_FAIL_UNSAFE_REGISTRY_ACCESS",
        _ => return Some(format!("fast fail {reason}")),
    };
    Some(format!("fast fail {reason} ({name})"))
}
