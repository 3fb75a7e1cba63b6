//! Versions between those that were seen: what the neighbours agree on. Fields that moved in between are absent, so
//! that a decoder says it does not know instead of reading a wrong place. (3.13+ targets state most of them themselves,
//! in `_Py_DebugOffsets`.)

use super::{v3_13, v3_14, v3_15};
use crate::cpython::layout::{InterpreterLayout, InterpreterObjectsLayout, Layouts, Slot, ThreadImplLayout};

/// 3.13.1 to 3.13.4.
pub const V3_13_1: Layouts = v3_13::RELEASE.where_agree(&v3_13::RELEASE_0, &v3_13::RELEASE);
/// 3.13.0 to 3.13.4, debug.
pub const V3_13_0_DEBUG: Layouts = v3_13::DEBUG.where_agree(&v3_13::RELEASE_0, &v3_13::RELEASE);
/// 3.13.0 to 3.13.4, free-threaded.
pub const V3_13_0_FREE_THREADED: Layouts = v3_13::FREE_THREADED.where_agree(&v3_13::RELEASE_0, &v3_13::RELEASE);
/// 3.13.0 to 3.13.4, free-threaded debug.
pub const V3_13_0_FREE_THREADED_DEBUG: Layouts =
    v3_13::FREE_THREADED_DEBUG.where_agree(&v3_13::RELEASE_0, &v3_13::RELEASE);

/// 3.13.6 to 3.13.14: the thread state has grown by 3.13.15 (sizes measured on its headers are those of 3.13.18).
pub const V3_13_6: Layouts = v3_13::RELEASE.where_agree(&v3_13::RELEASE, &v3_13::RELEASE_18);
/// 3.13.6 to 3.13.14, debug.
pub const V3_13_6_DEBUG: Layouts = v3_13::DEBUG.where_agree(&v3_13::RELEASE, &v3_13::RELEASE_18);
/// From 3.13.6 on, free-threaded.
pub const V3_13_6_FREE_THREADED: Layouts = v3_13::FREE_THREADED.where_agree(&v3_13::RELEASE, &v3_13::RELEASE_18);
/// From 3.13.6 on, free-threaded debug.
pub const V3_13_6_FREE_THREADED_DEBUG: Layouts =
    v3_13::FREE_THREADED_DEBUG.where_agree(&v3_13::RELEASE, &v3_13::RELEASE_18);

/// 3.13.1 to 3.13.5 on Windows.
pub const V3_13_1_WINDOWS: Layouts = v3_13::WINDOWS.where_agree(&v3_13::RELEASE_0, &v3_13::RELEASE);
/// From 3.13.6 on Windows.
pub const V3_13_6_WINDOWS: Layouts = V3_13_1_WINDOWS.where_agree(&v3_13::RELEASE, &v3_13::RELEASE_18);
/// 3.13.0 to 3.13.4 on Windows, free-threaded.
pub const V3_13_0_WINDOWS_FREE_THREADED: Layouts =
    v3_13::WINDOWS_FREE_THREADED.where_agree(&v3_13::RELEASE_0, &v3_13::RELEASE);
/// From 3.13.6 on Windows, free-threaded.
pub const V3_13_6_WINDOWS_FREE_THREADED: Layouts =
    v3_13::WINDOWS_FREE_THREADED.where_agree(&v3_13::RELEASE, &v3_13::RELEASE_18);
/// 3.14.0 to 3.14.9 on Windows, free-threaded: they have an older mimalloc.
pub const V3_14_0_WINDOWS_FREE_THREADED: Layouts = without_tail(v3_14::WINDOWS_FREE_THREADED);
/// 3.15.0 and 3.15.1 on Windows, free-threaded: they have an older mimalloc.
pub const V3_15_0_WINDOWS_FREE_THREADED: Layouts = without_tail(v3_15::WINDOWS_FREE_THREADED);
/// 3.14.0 to 3.14.4 on Windows.
pub const V3_14_0_WINDOWS: Layouts = v3_14::WINDOWS.where_agree(&v3_14::RELEASE_0, &v3_14::RELEASE);

/// 3.14.0 to 3.14.4, debug.
pub const V3_14_0_DEBUG: Layouts = v3_14::DEBUG.where_agree(&v3_14::RELEASE_0, &v3_14::RELEASE);
/// 3.14.0 to 3.14.4, free-threaded: `imports.modules`, `sysdict`, `builtins`, `_gil` and the size of the interpreter state of
/// 3.14.4's headers are those of 3.14.9, with another garbage collector; what comes after it is unsure.
pub const V3_14_0_FREE_THREADED: Layouts = without_tail(v3_14::FREE_THREADED_9);
/// 3.14.0 to 3.14.4, free-threaded debug.
pub const V3_14_0_FREE_THREADED_DEBUG: Layouts = without_tail(v3_14::FREE_THREADED_DEBUG_9);

const fn without_tail(layouts: Layouts) -> Layouts {
    Layouts {
        interpreter: InterpreterLayout {
            size: Slot::ABSENT,
            types_builtins: Slot::ABSENT,
            types_extensions: Slot::ABSENT,
            asyncio_tasks_head: Slot::ABSENT,
            monitors: Slot::ABSENT,
            freelists: Slot::ABSENT,
            ..layouts.interpreter
        },
        interpreter_objects: InterpreterObjectsLayout::NONE,
        thread_impl: ThreadImplLayout {
            size: Slot::ABSENT,
            refcounts_values: Slot::ABSENT,
            refcounts_size: Slot::ABSENT,
            freelists: Slot::ABSENT,
            ..layouts.thread_impl
        },
        ..layouts
    }
}
