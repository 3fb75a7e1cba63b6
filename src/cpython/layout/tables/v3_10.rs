//! CPython 3.10. Debug builds have the same layout. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_09;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.10.13 (DWARF of pyenv-3.10).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(672), ..v3_09::RELEASE.runtime },
    interpreter: InterpreterLayout { size: at(113528), eval_frame: at(1368), ..v3_09::RELEASE.interpreter },
    interpreter_objects: InterpreterObjectsLayout {
        import_func: at(1360),
        dict: at(1344),
        builtins_copy: at(1352),
        before_forkers: at(3424),
        after_forkers_parent: at(3432),
        after_forkers_child: at(3440),
        warnings_filters: at(3456),
        warnings_once: at(3464),
        atexit_callbacks: at(3488),
        exit_module: Slot::ABSENT,
        audit_hooks: at(3504),
        small_ints: at(3512),
        errnomap: at(13312),
        ast: at(13336),
        type_cache: at(15216),
        ..v3_09::RELEASE.interpreter_objects
    },
    type_cache: TypeCacheLayout { size: at(98304), ..TypeCacheLayout::NONE },
    ast_state: AstStateLayout { size: at(1880), ..AstStateLayout::NONE },
    freelists: FreelistsLayout {
        floats: at(9784),
        floats_count: at(9776),
        tuples: at(9800),
        tuples_count: at(9960),
        lists: at(10040),
        lists_count: at(10680),
        dicts: at(10688),
        dicts_count: at(11328),
        dictkeys: at(11336),
        dictkeys_count: at(11976),
        frames: at(11984),
        frames_count: at(11992),
        slices: at(9792),
        contexts: at(13296),
        contexts_count: at(13304),
        async_gens: at(12000),
        async_gens_count: at(12640),
        async_gen_asends: at(12648),
        async_gen_asends_count: at(13288),
        ..FreelistsLayout::NONE
    },
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
    interpreter_objects: InterpreterObjectsLayout {
        before_forkers: Slot::ABSENT,
        after_forkers_parent: Slot::ABSENT,
        after_forkers_child: Slot::ABSENT,
        warnings_filters: at(3432),
        warnings_once: at(3440),
        atexit_callbacks: at(3464),
        audit_hooks: at(3480),
        small_ints: at(3488),
        errnomap: at(13288),
        ast: at(13312),
        type_cache: at(15192),
        ..RELEASE.interpreter_objects
    },
    freelists: FreelistsLayout {
        floats: at(9760),
        floats_count: at(9752),
        tuples: at(9776),
        tuples_count: at(9936),
        lists: at(10016),
        lists_count: at(10656),
        dicts: at(10664),
        dicts_count: at(11304),
        dictkeys: at(11312),
        dictkeys_count: at(11952),
        frames: at(11960),
        frames_count: at(11968),
        slices: at(9768),
        contexts: at(13272),
        contexts_count: at(13280),
        async_gens: at(11976),
        async_gens_count: at(12616),
        async_gen_asends: at(12624),
        async_gen_asends_count: at(13264),
        ..RELEASE.freelists
    },
    thread: ThreadLayout { size: at(272), context: at(232), ..RELEASE.thread },
    gil: GilLayout { cond: at(24), mutex: at(40), ..RELEASE.gil },
    range_iter: RangeIterLayout::NONE,
    rlock: RLockLayout::NONE,
    ..RELEASE
};
