//! CPython 3.12. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_11;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.12.1 (DWARF of pyenv-3.12).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(459944),
        gilstate_tstate_current: Slot::ABSENT,
        gilstate_auto_interpreter: at(2568),
        // Each interpreter has a GIL (PEP 684); see interpreter.own_gil.
        ceval_gil: Slot::ABSENT,
        interned_strings: at(76368),
        ..v3_11::RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(383552),
        id: at(8),
        threads_head: at(72),
        modules: at(944),
        importlib: at(960),
        sysdict: at(352),
        builtins: at(360),
        gc: at(112),
        gc_collecting: at(312),
        ceval_gil: at(384),
        own_gil: at(1040),
        finalizing: at(104),
        types_builtins: at(373704),
        eval_frame: at(1744),
        monitors: at(381744),
        obmalloc: at(3960),
        ..v3_11::RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(952),
        import_func: at(984),
        codec_search_path: at(1248),
        codec_search_cache: at(1256),
        codec_error_registry: at(1264),
        dict: at(1720),
        sysdict_copy: at(1728),
        builtins_copy: at(1736),
        before_forkers: at(3872),
        after_forkers_parent: at(3880),
        after_forkers_child: at(3888),
        warnings_filters: at(3896),
        warnings_once: at(3904),
        atexit_callbacks: at(3944),
        audit_hooks: at(267208),
        errnomap: at(273400),
        ast: at(273432),
        type_cache: at(275392),
        types: at(275384),
        func_state: at(269816),
        monitoring_callables: at(381784),
        monitoring_tool_names: at(382872),
        interned_strings: at(382936),
        ..v3_11::RELEASE.interpreter_objects
    },
    types_state: TypesStateLayout { size: at(106320), ..TypesStateLayout::NONE },
    func_state: FuncStateLayout { size: at(4), ..FuncStateLayout::NONE },
    ast_state: AstStateLayout { size: at(1952), ..v3_11::RELEASE.ast_state },
    freelists: FreelistsLayout {
        floats: at(267416),
        floats_count: at(267408),
        tuples: at(269832),
        tuples_count: at(269992),
        lists: at(270072),
        lists_count: at(270712),
        dicts: at(270736),
        dicts_count: at(272016),
        dictkeys: at(271376),
        dictkeys_count: at(272020),
        slices: at(269824),
        contexts: at(273384),
        contexts_count: at(273392),
        async_gens: at(272088),
        async_gens_count: at(272728),
        async_gen_asends: at(272736),
        async_gen_asends_count: at(273376),
        ..v3_11::RELEASE.freelists
    },
    thread: ThreadLayout {
        size: at(288),
        thread_id: at(136),
        native_thread_id: at(144),
        // Include/cpython/pystate.h, bits of `_status`.
        status: at(24),
        curexc_type: Slot::ABSENT,
        curexc_value: Slot::ABSENT,
        curexc_traceback: Slot::ABSENT,
        // One object instead of curexc_type, _value and _traceback.
        current_exception: at(96),
        exc_info: at(104),
        exc_state: at(256),
        datastack_chunk: at(232),
        datastack_top: at(240),
        datastack_limit: at(248),
        recursion_limit: Slot::ABSENT,
        recursion_remaining: Slot::ABSENT,
        py_recursion_remaining: at(28),
        py_recursion_limit: at(32),
        c_recursion_remaining: at(36),
        async_exc: at(128),
        dict: at(112),
        context: at(208),
        ..v3_11::RELEASE.thread
    },
    cframe: CFrameLayout { current_frame: at(0), previous: at(8), ..v3_11::RELEASE.cframe },
    // prev_instr as in 3.11; is_entry gave way to shim frames (owner CSTACK).
    frame: FrameLayout {
        previous: at(8),
        executable: at(0),
        funcobj: at(16),
        globals: at(24),
        builtins: at(32),
        locals: at(40),
        frame_obj: at(48),
        return_offset: at(68),
        owner: at(70),
        is_entry: Slot::ABSENT,
        ..v3_11::RELEASE.frame
    },
    code: CodeLayout {
        size: at(200),
        argcount: at(52),
        posonlyargcount: at(56),
        kwonlyargcount: at(60),
        nlocalsplus: at(72),
        stacksize: at(64),
        firstlineno: at(68),
        code_adaptive: at(192),
        monitoring: at(168),
        ..v3_11::RELEASE.code
    },
    co_monitoring: CoMonitoringLayout { lines: at(40), ..CoMonitoringLayout::NONE },
    type_object: TypeLayout { size: at(416), ..v3_11::RELEASE.type_object },
    heap_type: HeapTypeLayout {
        size: at(920),
        name: at(856),
        slots: at(864),
        qualname: at(872),
        cached_keys: at(880),
        module: at(888),
        ..v3_11::RELEASE.heap_type
    },
    // Include/internal/pycore_typeobject.h: static types keep their dict per interpreter.
    static_type_state: StaticTypeStateLayout {
        size: at(40),
        type_ptr: at(0),
        dict: at(16),
        ..StaticTypeStateLayout::NONE
    },
    // lv_tag holds sign and digit count (Include/cpython/longintrepr.h).
    long: LongLayout { tag: at(16), ..v3_11::RELEASE.long },
    unicode: UnicodeLayout {
        ascii_size: at(40),
        // Legacy strings are gone (PEP 623).
        wstr: Slot::ABSENT,
        ..v3_11::RELEASE.unicode
    },
    unicode_compact: UnicodeCompactLayout {
        size: at(56),
        utf8_length: at(40),
        utf8: at(48),
        wstr_length: Slot::ABSENT,
        ..v3_11::RELEASE.unicode_compact
    },
    unicode_object: UnicodeObjectLayout { size: at(64), data: at(56), ..v3_11::RELEASE.unicode_object },
    generator: GeneratorLayout {
        size: at(80),
        code: Slot::ABSENT,
        name: at(24),
        qualname: at(32),
        exc_state: at(40),
        frame_state: at(67),
        iframe: at(72),
        ..v3_11::RELEASE.generator
    },
    obmalloc: ObmallocLayout { arenas: at(512), maxarenas: at(520), ..ObmallocLayout::NONE },
    type_alias: TypeAliasLayout { name: at(16), value: at(40), ..TypeAliasLayout::NONE },
    type_var: TypeVarLayout {
        name: at(16),
        covariant: at(56),
        contravariant: at(57),
        infer_variance: at(58),
        ..TypeVarLayout::NONE
    },
    param_spec: ParamSpecLayout {
        name: at(16),
        covariant: at(32),
        contravariant: at(33),
        infer_variance: at(34),
        ..ParamSpecLayout::NONE
    },
    type_var_tuple: TypeVarTupleLayout { name: at(16), ..TypeVarTupleLayout::NONE },
    range_iter: RangeIterLayout {
        index: Slot::ABSENT,
        start: at(16),
        step: at(24),
        len: at(32),
        ..v3_11::RELEASE.range_iter
    },
    ..v3_11::RELEASE
};

/// `--with-pydebug`. Offsets of 3.12.1 (headers, the rest as in 3.12).
pub const DEBUG: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(475960),
        gilstate_auto_interpreter: at(18560),
        interned_strings: at(92368),
        ..RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(383568),
        types_builtins: at(373720),
        monitors: at(381760),
        ..RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        errnomap: at(273416),
        ast: at(273448),
        type_cache: at(275408),
        types: at(275400),
        func_state: at(269832),
        monitoring_callables: at(381800),
        monitoring_tool_names: at(382888),
        interned_strings: at(382952),
        ..RELEASE.interpreter_objects
    },
    freelists: FreelistsLayout {
        floats: at(267432),
        floats_count: at(267424),
        tuples: at(269848),
        tuples_count: at(270008),
        lists: at(270088),
        lists_count: at(270728),
        dicts: at(270752),
        dicts_count: at(272032),
        dictkeys: at(271392),
        dictkeys_count: at(272036),
        slices: at(269840),
        contexts: at(273400),
        contexts_count: at(273408),
        async_gens: at(272104),
        async_gens_count: at(272744),
        async_gen_asends: at(272752),
        async_gen_asends_count: at(273392),
        ..RELEASE.freelists
    },
    ..RELEASE
};

/// x86-64 Windows. Offsets of 3.12.1 (headers, the rest as in 3.12).
pub const WINDOWS: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(459008),
        gilstate_auto_interpreter: at(1792),
        interned_strings: at(75552),
        ..RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(383432),
        own_gil: at(1024),
        types_builtins: at(373592),
        eval_frame: at(1656),
        monitors: at(381632),
        obmalloc: at(3848),
        ..RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        import_func: at(976),
        codec_search_path: at(1160),
        codec_search_cache: at(1168),
        codec_error_registry: at(1176),
        dict: at(1632),
        sysdict_copy: at(1640),
        builtins_copy: at(1648),
        before_forkers: Slot::ABSENT,
        after_forkers_parent: Slot::ABSENT,
        after_forkers_child: Slot::ABSENT,
        warnings_filters: at(3784),
        warnings_once: at(3792),
        atexit_callbacks: at(3832),
        audit_hooks: at(267096),
        errnomap: at(273288),
        ast: at(273320),
        type_cache: at(275280),
        types: at(275272),
        func_state: at(269704),
        monitoring_callables: at(381672),
        monitoring_tool_names: at(382760),
        interned_strings: at(382824),
        ..RELEASE.interpreter_objects
    },
    freelists: FreelistsLayout {
        floats: at(267304),
        floats_count: at(267296),
        tuples: at(269720),
        tuples_count: at(269880),
        lists: at(269960),
        lists_count: at(270600),
        dicts: at(270624),
        dicts_count: at(271904),
        dictkeys: at(271264),
        dictkeys_count: at(271908),
        slices: at(269712),
        contexts: at(273272),
        contexts_count: at(273280),
        async_gens: at(271976),
        async_gens_count: at(272616),
        async_gen_asends: at(272624),
        async_gen_asends_count: at(273264),
        ..RELEASE.freelists
    },
    thread: ThreadLayout {
        size: at(280),
        native_thread_id: at(140),
        exc_state: at(248),
        datastack_chunk: at(224),
        datastack_top: at(232),
        datastack_limit: at(240),
        context: at(200),
        ..RELEASE.thread
    },
    gil: GilLayout { cond: at(24), mutex: at(40), ..RELEASE.gil },
    range_iter: RangeIterLayout { step: at(20), len: at(24), ..RELEASE.range_iter },
    rlock: RLockLayout::NONE,
    ..RELEASE
};
