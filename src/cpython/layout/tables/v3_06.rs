//! CPython 3.6. There is no `_PyRuntime`. Debug builds link all objects (`Py_TRACE_REFS`) and have another layout. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_07;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.6.15 (DWARF of pyenv-3.6).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout::NONE,
    interpreter: InterpreterLayout {
        size: at(120),
        id: Slot::ABSENT,
        modules: at(16),
        importlib: at(48),
        sysdict: at(32),
        builtins: at(40),
        eval_frame: at(112),
        ..v3_07::RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(24),
        import_func: at(104),
        codec_search_path: at(56),
        codec_search_cache: at(64),
        codec_error_registry: at(72),
        builtins_copy: at(96),
        before_forkers: Slot::ABSENT,
        after_forkers_parent: Slot::ABSENT,
        after_forkers_child: Slot::ABSENT,
        exit_module: Slot::ABSENT,
        ..v3_07::RELEASE.interpreter_objects
    },
    thread: ThreadLayout {
        size: at(2272),
        thread_id: at(152),
        curexc_type: at(80),
        curexc_value: at(88),
        curexc_traceback: at(96),
        exc_info: Slot::ABSENT,
        exc_state: at(104),
        async_exc: at(144),
        tracing: at(40),
        profile_object: at(64),
        trace_object: at(72),
        dict: at(128),
        context: Slot::ABSENT,
        ..v3_07::RELEASE.thread
    },
    gil: GilLayout::NONE,
    exc_stack: ExcStackLayout::NONE,
    frame_object: FrameObjectLayout {
        size: at(384),
        f_gen: at(112),
        f_lasti: at(120),
        f_lineno: at(124),
        f_executing: at(132),
        f_iblock: at(128),
        f_blockstack: at(136),
        f_localsplus: at(376),
        ..v3_07::RELEASE.frame_object
    },
    generator: GeneratorLayout { size: at(64), exc_state: Slot::ABSENT, ..v3_07::RELEASE.generator },
    gc: GcLayout::NONE,
    context_var: ContextVarLayout::NONE,
    future: FutureLayout {
        callback0: Slot::ABSENT,
        callbacks: at(24),
        exception: at(32),
        result: at(40),
        source_tb: at(48),
        state: at(56),
        ..v3_07::RELEASE.future
    },
    task: TaskLayout {
        exception: at(32),
        result: at(40),
        state: at(56),
        fut_waiter: at(88),
        coro: at(96),
        context: Slot::ABSENT,
        must_cancel: at(104),
        ..v3_07::RELEASE.task
    },
    ..v3_07::RELEASE
};
