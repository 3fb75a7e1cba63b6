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
        ..v3_08::RELEASE.interpreter
    },
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
    interpreter: InterpreterLayout { size: at(5624), ..RELEASE.interpreter },
    thread: ThreadLayout { size: at(256), ..RELEASE.thread },
    gil: GilLayout { cond: at(24), mutex: at(40), ..RELEASE.gil },
    type_object: TypeLayout { weaklist: Slot::ABSENT, ..RELEASE.type_object },
    dict_keys: DictKeysLayout { refcnt: Slot::ABSENT, ..RELEASE.dict_keys },
    module: ModuleLayout { state: Slot::ABSENT, ..RELEASE.module },
    module_def: ModuleDefLayout { size_field: Slot::ABSENT, ..RELEASE.module_def },
    odict: ODictLayout { fast_nodes_size: Slot::ABSENT, ..RELEASE.odict },
    odict_node: ODictNodeLayout { size: Slot::ABSENT, ..RELEASE.odict_node },
    range_iter: RangeIterLayout::NONE,
    rlock: RLockLayout::NONE,
    ..RELEASE
};
