//! CPython 3.11. Debug builds have the same layout. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_10;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.11.7 (DWARF of pyenv-3.11).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(166688),
        finalizing: at(24),
        initialized: at(16),
        interpreters_head: at(40),
        interpreters_main: at(48),
        gilstate_tstate_current: at(576),
        gilstate_auto_interpreter: at(584),
        ceval_gil: at(360),
        ..v3_10::RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(107752),
        id: at(48),
        threads_head: at(16),
        modules: at(888),
        importlib: at(920),
        sysdict: at(904),
        builtins: at(912),
        gc: at(648),
        gc_collecting: at(848),
        finalizing: at(84),
        eval_frame: at(1424),
        ..v3_10::RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(896),
        import_func: at(1416),
        codec_search_path: at(936),
        codec_search_cache: at(944),
        codec_error_registry: at(952),
        dict: at(1400),
        builtins_copy: at(1408),
        before_forkers: at(3480),
        after_forkers_parent: at(3488),
        after_forkers_child: at(3496),
        warnings_filters: at(3504),
        warnings_once: at(3512),
        atexit_callbacks: at(3536),
        audit_hooks: at(3552),
        small_ints: Slot::ABSENT,
        errnomap: at(7128),
        ast: at(7160),
        type_cache: at(9056),
        ..v3_10::RELEASE.interpreter_objects
    },
    ast_state: AstStateLayout { size: at(1896), ..v3_10::RELEASE.ast_state },
    freelists: FreelistsLayout {
        floats: at(3616),
        floats_count: at(3608),
        tuples: at(3632),
        tuples_count: at(3792),
        lists: at(3872),
        lists_count: at(4512),
        dicts: at(4520),
        dicts_count: at(5160),
        dictkeys: at(5168),
        dictkeys_count: at(5808),
        frames: Slot::ABSENT,
        frames_count: Slot::ABSENT,
        slices: at(3624),
        contexts: at(7112),
        contexts_count: at(7120),
        async_gens: at(5816),
        async_gens_count: at(6456),
        async_gen_asends: at(6464),
        async_gen_asends_count: at(7104),
        ..v3_10::RELEASE.freelists
    },
    thread: ThreadLayout {
        size: at(360),
        frame: Slot::ABSENT,
        // The innermost frame is at cframe->current_frame, on the C stack.
        cframe: at(56),
        thread_id: at(152),
        // Include/cpython/pystate.h: set when a thread state is bound to a thread.
        native_thread_id: at(160),
        curexc_type: at(96),
        curexc_value: at(104),
        curexc_traceback: at(112),
        exc_info: at(120),
        exc_state: at(320),
        datastack_chunk: at(296),
        datastack_top: at(304),
        datastack_limit: at(312),
        recursion_depth: Slot::ABSENT,
        recursion_limit: at(36),
        recursion_remaining: at(32),
        async_exc: at(144),
        profile_object: at(80),
        trace_object: at(88),
        dict: at(128),
        context: at(224),
        ..v3_10::RELEASE.thread
    },
    cframe: CFrameLayout { current_frame: at(8), previous: at(16), ..v3_10::RELEASE.cframe },
    // The type and the traceback are those of exc_value.
    exc_stack: ExcStackLayout {
        exc_type: Slot::ABSENT,
        exc_value: at(0),
        exc_traceback: Slot::ABSENT,
        previous_item: at(8),
        ..v3_10::RELEASE.exc_stack
    },
    stack_chunk: StackChunkLayout {
        previous: at(0),
        size_field: at(8),
        top: at(16),
        data: at(24),
        ..StackChunkLayout::NONE
    },
    // Include/internal/pycore_frame.h: frames without objects, inlined calls; is_entry marks the oldest of a C call.
    frame: FrameLayout {
        size: at(80),
        previous: at(48),
        executable: at(32),
        funcobj: at(0),
        globals: at(8),
        builtins: at(16),
        locals: at(24),
        frame_obj: at(40),
        instr_ptr: at(56),
        stacktop: at(64),
        owner: at(69),
        is_entry: at(68),
        localsplus: at(72),
        ..FrameLayout::NONE
    },
    // Made on demand; points to the frame.
    frame_object: FrameObjectLayout {
        size: at(56),
        f_back: at(16),
        f_frame: at(24),
        f_code: Slot::ABSENT,
        f_builtins: Slot::ABSENT,
        f_globals: Slot::ABSENT,
        f_locals: Slot::ABSENT,
        f_valuestack: Slot::ABSENT,
        f_stackdepth: Slot::ABSENT,
        f_trace: at(32),
        f_gen: Slot::ABSENT,
        f_lasti: Slot::ABSENT,
        f_lineno: at(40),
        f_state: Slot::ABSENT,
        f_iblock: Slot::ABSENT,
        f_blockstack: Slot::ABSENT,
        f_localsplus: Slot::ABSENT,
        frame_data: at(48),
        ..v3_10::RELEASE.frame_object
    },
    code: CodeLayout {
        size: at(192),
        argcount: at(56),
        posonlyargcount: at(60),
        kwonlyargcount: at(64),
        nlocals: at(80),
        nlocalsplus: at(76),
        stacksize: at(68),
        flags: at(48),
        firstlineno: at(72),
        code: Slot::ABSENT,
        consts: at(24),
        names: at(32),
        varnames: Slot::ABSENT,
        freevars: Slot::ABSENT,
        cellvars: Slot::ABSENT,
        cell2arg: Slot::ABSENT,
        // One tuple of names and one of kinds instead of three tuples (Include/cpython/code.h).
        localsplusnames: at(96),
        localspluskinds: at(104),
        filename: at(112),
        name: at(120),
        qualname: at(128),
        linetable: at(136),
        exceptiontable: at(40),
        code_adaptive: at(184),
        ..v3_10::RELEASE.code
    },
    heap_type: HeapTypeLayout { size: at(904), ..v3_10::RELEASE.heap_type },
    // Include/internal/pycore_dict.h: sizes as logarithms, dk_kind.
    dict_keys: DictKeysLayout {
        dk_size: Slot::ABSENT,
        log2_size: at(8),
        log2_index_bytes: at(9),
        kind: at(10),
        lookup: Slot::ABSENT,
        usable: at(16),
        nentries: at(24),
        indices: at(32),
        ..v3_10::RELEASE.dict_keys
    },
    // Include/internal/pycore_dict.h: an array with a prefix of bytes.
    dict_values: DictValuesLayout { values: at(0), ..DictValuesLayout::NONE },
    generator: GeneratorLayout {
        frame: Slot::ABSENT,
        code: at(16),
        name: at(32),
        qualname: at(40),
        exc_state: at(48),
        frame_state: at(75),
        // The frame is a part of the generator (Include/cpython/genobject.h).
        iframe: at(80),
        ..v3_10::RELEASE.generator
    },
    exception: ExceptionLayout {
        size: at(72),
        notes: at(32),
        traceback: at(40),
        context: at(48),
        cause: at(56),
        suppress_context: at(64),
        ..v3_10::RELEASE.exception
    },
    generic_alias: GenericAliasLayout { starred: at(48), ..v3_10::RELEASE.generic_alias },
    task: TaskLayout {
        fut_waiter: at(128),
        coro: at(136),
        name: at(144),
        context: at(152),
        must_cancel: at(160),
        num_cancels_requested: at(168),
        ..v3_10::RELEASE.task
    },
    os_error: OsErrorLayout {
        errno: at(72),
        strerror: at(80),
        filename: at(88),
        filename2: at(96),
        ..v3_10::RELEASE.os_error
    },
    system_exit: SystemExitLayout { code: at(72), ..v3_10::RELEASE.system_exit },
    stop_iteration: StopIterationLayout { value: at(72), ..v3_10::RELEASE.stop_iteration },
    exception_group: ExceptionGroupLayout { msg: at(72), excs: at(80), ..ExceptionGroupLayout::NONE },
    unicode_error: UnicodeErrorLayout {
        encoding: at(72),
        object: at(80),
        start: at(88),
        end: at(96),
        reason: at(104),
        ..v3_10::RELEASE.unicode_error
    },
    syntax_error: SyntaxErrorLayout {
        msg: at(72),
        filename: at(80),
        lineno: at(88),
        offset: at(96),
        text: at(120),
        ..v3_10::RELEASE.syntax_error
    },
    import_error: ImportErrorLayout { msg: at(72), name: at(80), path: at(88), ..v3_10::RELEASE.import_error },
    ..v3_10::RELEASE
};

/// x86-64 Windows. Offsets of 3.11.7 (headers, the rest as in 3.11).
pub const WINDOWS: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(166592),
        gilstate_tstate_current: at(504),
        gilstate_auto_interpreter: at(512),
        ..RELEASE.runtime
    },
    interpreter: InterpreterLayout { size: at(107720), ..RELEASE.interpreter },
    interpreter_objects: InterpreterObjectsLayout {
        before_forkers: Slot::ABSENT,
        after_forkers_parent: Slot::ABSENT,
        after_forkers_child: Slot::ABSENT,
        warnings_filters: at(3480),
        warnings_once: at(3488),
        atexit_callbacks: at(3512),
        audit_hooks: at(3528),
        errnomap: at(7104),
        ast: at(7136),
        type_cache: at(9032),
        ..RELEASE.interpreter_objects
    },
    freelists: FreelistsLayout {
        floats: at(3592),
        floats_count: at(3584),
        tuples: at(3608),
        tuples_count: at(3768),
        lists: at(3848),
        lists_count: at(4488),
        dicts: at(4496),
        dicts_count: at(5136),
        dictkeys: at(5144),
        dictkeys_count: at(5784),
        slices: at(3600),
        contexts: at(7088),
        contexts_count: at(7096),
        async_gens: at(5792),
        async_gens_count: at(6432),
        async_gen_asends: at(6440),
        async_gen_asends_count: at(7080),
        ..RELEASE.freelists
    },
    thread: ThreadLayout {
        size: at(352),
        native_thread_id: at(156),
        exc_state: at(312),
        datastack_chunk: at(288),
        datastack_top: at(296),
        datastack_limit: at(304),
        context: at(216),
        ..RELEASE.thread
    },
    gil: GilLayout { cond: at(24), mutex: at(40), ..RELEASE.gil },
    range_iter: RangeIterLayout::NONE,
    rlock: RLockLayout::NONE,
    ..RELEASE
};
