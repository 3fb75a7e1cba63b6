//! CPython 3.10. Debug builds have the same layout. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_09;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.10.13 (DWARF of pyenv-3.10).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(672), ..v3_09::RELEASE.runtime },
    interpreter: InterpreterLayout { size: at(113528), ..v3_09::RELEASE.interpreter },
    thread: ThreadLayout { size: at(280), cframe: at(48), overflowed: Slot::ABSENT, ..v3_09::RELEASE.thread },
    // Include/cpython/pystate.h, CFrame: nothing but a tracing flag until 3.11.
    cframe: CFrameLayout { previous: at(8), ..CFrameLayout::NONE },
    frame_object: FrameObjectLayout {
        size: at(360),
        f_stacktop: Slot::ABSENT,
        // f_stacktop became a depth (Include/cpython/frameobject.h).
        f_stackdepth: at(80),
        f_trace: at(72),
        f_gen: at(88),
        // Counts code units of two bytes from here on (Include/cpython/frameobject.h).
        f_lasti: at(96),
        f_lineno: at(100),
        f_executing: Slot::ABSENT,
        f_state: at(108),
        f_iblock: at(104),
        f_blockstack: at(112),
        f_localsplus: at(352),
        ..v3_09::RELEASE.frame_object
    },
    heap_type: HeapTypeLayout {
        size: at(888),
        name: at(848),
        slots: at(856),
        qualname: at(864),
        cached_keys: at(872),
        module: at(880),
        ..v3_09::RELEASE.heap_type
    },
    generator: GeneratorLayout {
        size: at(88),
        running: Slot::ABSENT,
        code: at(24),
        name: at(40),
        qualname: at(48),
        exc_state: at(56),
        ..v3_09::RELEASE.generator
    },
    function: FunctionLayout {
        globals: at(16),
        builtins: at(24),
        name: at(32),
        qualname: at(40),
        code: at(48),
        defaults: at(56),
        kwdefaults: at(64),
        closure: at(72),
        doc: at(80),
        dict: at(88),
        module: at(104),
        ..v3_09::RELEASE.function
    },
    union_type: UnionTypeLayout { args: at(16), ..UnionTypeLayout::NONE },
    future: FutureLayout {
        result: at(64),
        source_tb: at(72),
        state: at(88),
        cancel_msg: at(80),
        ..v3_09::RELEASE.future
    },
    task: TaskLayout {
        result: at(64),
        state: at(88),
        fut_waiter: at(152),
        coro: at(160),
        name: at(168),
        context: at(176),
        must_cancel: at(184),
        ..v3_09::RELEASE.task
    },
    syntax_error: SyntaxErrorLayout { text: at(112), ..v3_09::RELEASE.syntax_error },
    ..v3_09::RELEASE
};

/// x86-64 Windows. Offsets of 3.10.13 (headers, the rest as in 3.10).
pub const WINDOWS: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(608),
        gilstate_tstate_current: at(496),
        gilstate_auto_interpreter: at(504),
        ..RELEASE.runtime
    },
    interpreter: InterpreterLayout { size: at(113504), ..RELEASE.interpreter },
    thread: ThreadLayout { size: at(272), ..RELEASE.thread },
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
