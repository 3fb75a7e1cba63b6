//! CPython 3.9. Debug builds have the same layout. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_08;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.9.18 (DWARF of pyenv-3.9).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(656),
        gilstate_tstate_current: at(568),
        gilstate_auto_interpreter: at(576),
        // See interpreter.gc.
        gc_collecting: Slot::ABSENT,
        ceval_gil: at(352),
        ..v3_08::RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(5656),
        id: at(24),
        modules: at(856),
        importlib: at(888),
        sysdict: at(872),
        builtins: at(880),
        // The collector moved from the runtime (pycore_interp.h).
        gc: at(616),
        gc_collecting: at(816),
        finalizing: at(56),
        eval_frame: at(1400),
        ..v3_08::RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(864),
        import_func: at(1392),
        codec_search_path: at(912),
        codec_search_cache: at(920),
        codec_error_registry: at(928),
        dict: at(1376),
        builtins_copy: at(1384),
        before_forkers: at(3456),
        after_forkers_parent: at(3464),
        after_forkers_child: at(3472),
        warnings_filters: at(3504),
        warnings_once: at(3512),
        exit_module: at(3488),
        audit_hooks: at(3536),
        small_ints: at(3552),
        ..v3_08::RELEASE.interpreter_objects
    },
    hashtable: HashtableLayout { nentries: at(0), nbuckets: at(8), ..v3_08::RELEASE.hashtable },
    hashtable_entry: HashtableEntryLayout { key: at(16), ..HashtableEntryLayout::NONE },
    type_object: TypeLayout { size: at(408), ..v3_08::RELEASE.type_object },
    heap_type: HeapTypeLayout {
        name: at(840),
        slots: at(848),
        qualname: at(856),
        cached_keys: at(864),
        module: at(872),
        ..v3_08::RELEASE.heap_type
    },
    generic_alias: GenericAliasLayout { origin: at(16), args: at(24), ..GenericAliasLayout::NONE },
    future: FutureLayout { state: at(80), cancel_msg: at(72), ..v3_08::RELEASE.future },
    task: TaskLayout {
        state: at(80),
        fut_waiter: at(144),
        coro: at(152),
        name: at(160),
        context: at(168),
        must_cancel: at(176),
        ..v3_08::RELEASE.task
    },
    ..v3_08::RELEASE
};

/// x86-64 Windows. Offsets of 3.9.18 (headers, the rest as in 3.9).
pub const WINDOWS: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(592),
        gilstate_tstate_current: at(496),
        gilstate_auto_interpreter: at(504),
        ..RELEASE.runtime
    },
    interpreter: InterpreterLayout { size: at(5624), eval_frame: at(1392), ..RELEASE.interpreter },
    interpreter_objects: InterpreterObjectsLayout {
        import_func: at(1384),
        dict: at(1368),
        builtins_copy: at(1376),
        before_forkers: Slot::ABSENT,
        after_forkers_parent: Slot::ABSENT,
        after_forkers_child: Slot::ABSENT,
        warnings_filters: at(3472),
        warnings_once: at(3480),
        exit_module: at(3456),
        audit_hooks: at(3504),
        small_ints: at(3520),
        ..RELEASE.interpreter_objects
    },
    thread: ThreadLayout { size: at(256), context: at(232), ..RELEASE.thread },
    gil: GilLayout { cond: at(24), mutex: at(40), ..RELEASE.gil },
    range_iter: RangeIterLayout::NONE,
    rlock: RLockLayout::NONE,
    ..RELEASE
};
