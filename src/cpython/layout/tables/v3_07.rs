//! CPython 3.7. Debug builds link all objects (`Py_TRACE_REFS`) and have another layout. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_08;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.7.16 (DWARF of pyenv-3.7).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(1520),
        finalizing: at(8),
        initialized: at(0),
        interpreters_head: at(24),
        interpreters_main: at(32),
        gilstate_tstate_current: at(1480),
        gilstate_auto_interpreter: at(1496),
        gc_collecting: at(632),
        ceval_gil: at(1264),
        ..v3_08::RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(2568),
        modules: at(40),
        importlib: at(72),
        sysdict: at(56),
        builtins: at(64),
        finalizing: Slot::ABSENT,
        eval_frame: at(464),
        ..v3_08::RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(48),
        import_func: at(456),
        codec_search_path: at(104),
        codec_search_cache: at(112),
        codec_error_registry: at(120),
        dict: Slot::ABSENT,
        builtins_copy: at(448),
        before_forkers: at(2520),
        after_forkers_parent: at(2528),
        after_forkers_child: at(2536),
        warnings_filters: Slot::ABSENT,
        warnings_once: Slot::ABSENT,
        exit_module: at(2552),
        audit_hooks: Slot::ABSENT,
        ..v3_08::RELEASE.interpreter_objects
    },
    thread: ThreadLayout { size: at(280), context: at(256), ..v3_08::RELEASE.thread },
    code: CodeLayout {
        size: at(144),
        posonlyargcount: Slot::ABSENT,
        kwonlyargcount: at(20),
        nlocals: at(24),
        stacksize: at(28),
        flags: at(32),
        firstlineno: at(36),
        code: at(40),
        consts: at(48),
        names: at(56),
        varnames: at(64),
        freevars: at(72),
        cellvars: at(80),
        cell2arg: at(88),
        filename: at(96),
        name: at(104),
        linetable: at(112),
        ..v3_08::RELEASE.code
    },
    type_object: TypeLayout { size: at(400), ..v3_08::RELEASE.type_object },
    heap_type: HeapTypeLayout {
        size: at(864),
        name: at(832),
        slots: at(840),
        qualname: at(848),
        cached_keys: at(856),
        ..v3_08::RELEASE.heap_type
    },
    gc: GcLayout {
        generation0: at(176),
        generations: at(32),
        permanent: at(192),
        collecting: at(312),
        ..v3_08::RELEASE.gc
    },
    gc_generation: GcGenerationLayout { size: at(48), count: at(36), ..v3_08::RELEASE.gc_generation },
    task: TaskLayout { name: Slot::ABSENT, context: at(120), must_cancel: at(128), ..v3_08::RELEASE.task },
    ..v3_08::RELEASE
};
