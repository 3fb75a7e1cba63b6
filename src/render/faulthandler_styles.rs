//! What faulthandler's text looks like, by CPython version: data, so that the renderer has no version in it.

/// The peculiarities of one range of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether `Python runtime state: ...` is printed after a fatal error.
    pub runtime_state: bool,
    /// What SIGFPE is called.
    pub sigfpe: &'static str,
    /// The line of a thread without frames, with its line end.
    pub no_frame: &'static str,
    /// Whether `Garbage-collecting` is printed for the current thread.
    pub garbage_collecting: bool,
    /// Printed after the last frame of a stack that is deeper than the limit.
    pub deeper: &'static str,
    /// Whether frames of C entry points, which are never printed, count towards the limit of frames.
    pub shims_count: bool,
    /// Whether `Extension modules: ...` is printed.
    pub extension_modules: bool,
    /// Whether the operating system's name of a thread is printed in brackets.
    pub thread_names: bool,
    /// Whether faulthandler adds the C stack of the crashed thread, which starts inside faulthandler itself.
    pub c_stack: bool,
    /// Whether only the current thread is printed while the GIL is disabled.
    pub one_thread_without_gil: bool,
    /// In place of the stack of a thread that has no thread state, with its line end.
    pub no_thread_state: &'static str,
    /// Whether the address of the thread state that runs `Py_Finalize` is padded with zeros (`%p` is not).
    pub padded_tstate: bool,
    /// Whether `_PyThreadState_GET` is the same in all threads: the one that holds the GIL.
    pub one_current_thread: bool,
}

const V3_7: Style = Style { runtime_state: false, ..V3_8 };
const V3_8: Style = Style {
    runtime_state: true,
    sigfpe: "Floating point exception",
    no_frame: "<no Python frame>\n",
    garbage_collecting: false,
    deeper: "  ...\n",
    shims_count: false,
    extension_modules: false,
    thread_names: false,
    c_stack: false,
    one_thread_without_gil: false,
    no_thread_state: "  <tstate is freed>\n",
    padded_tstate: false,
    one_current_thread: true,
};
const V3_10: Style = Style {
    no_frame: "  <no Python frame>\n",
    garbage_collecting: true,
    extension_modules: true,
    padded_tstate: true,
    ..V3_8
};
const V3_12: Style = Style { one_current_thread: false, ..V3_10 };
// The text for deeper stacks is still in the source since 3.13, but its condition is never true.
const V3_13: Style = Style { sigfpe: "Floating-point exception", deeper: "", ..V3_12 };
const V3_13_10: Style = Style { shims_count: true, ..V3_13 };
const V3_14: Style = Style { thread_names: true, c_stack: true, one_thread_without_gil: true, ..V3_13 };
const V3_14_1: Style = Style { shims_count: true, no_thread_state: "  <freed thread state>\n", ..V3_14 };
/// A thread without frames has its own frame (`base_frame`), so nothing is said of it.
const V3_15: Style = Style { no_frame: "", ..V3_14_1 };

/// Styles with the first `(major, minor, micro)` they are for, oldest first.
/// From `Python/traceback.c`, `Modules/faulthandler.c` and `Python/pylifecycle.c` of these versions, checked by running them.
const STYLES: &[((u8, u8, u8), Style)] = &[
    ((3, 7, 0), V3_7),
    ((3, 8, 0), V3_8),
    ((3, 10, 0), V3_10),
    ((3, 12, 0), V3_12),
    ((3, 13, 0), V3_13),
    ((3, 13, 10), V3_13_10),
    ((3, 14, 0), V3_14),
    ((3, 14, 1), V3_14_1),
    ((3, 15, 0), V3_15),
];

impl Style {
    /// The style of a version; of the nearest known one for versions outside the table.
    #[must_use]
    pub fn of(version: (u8, u8, u8)) -> Style {
        STYLES.iter().rev().find(|(since, _)| *since <= version).map_or(V3_7, |(_, style)| *style)
    }
}

#[cfg(test)]
mod tests {
    use super::{STYLES, Style, V3_8, V3_13_10, V3_14, V3_14_1, V3_15};

    #[test]
    fn table_is_sorted_and_looked_up_by_range() {
        assert!(STYLES.is_sorted_by_key(|(since, _)| *since));
        assert_eq!(Style::of((3, 9, 18)), V3_8);
        assert_eq!(Style::of((3, 13, 15)), V3_13_10);
        assert_eq!(Style::of((3, 14, 0)), V3_14);
        assert_eq!(Style::of((3, 14, 10)), V3_14_1);
        assert_eq!(Style::of((3, 15, 2)), V3_15);
    }
}
