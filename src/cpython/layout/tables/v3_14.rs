//! CPython 3.14. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_13;
use crate::cpython::layout::*;

/// From 3.14.5 on. Offsets of 3.14.10 (DWARF of debian-sid-3.14).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(316616),
        finalizing: at(784),
        initialized: at(776),
        interpreters_head: at(808),
        interpreters_main: at(816),
        gilstate_auto_interpreter: at(10096),
        interned_strings: at(14056),
        ..v3_13::RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(225864),
        next: at(7272),
        id: at(7280),
        threads_main: at(7360),
        modules: at(7688),
        importlib: at(7704),
        sysdict: at(7672),
        builtins: at(7680),
        gc: at(7408),
        own_gil: at(7784),
        finalizing: at(7392),
        types_builtins: at(180240),
        types_extensions: at(189856),
        asyncio_tasks_head: at(10880),
        eval_frame: at(8520),
        monitors: at(223240),
        obmalloc: at(10904),
        freelists: at(11120),
        ..v3_13::RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(7696),
        import_func: at(7728),
        codec_search_path: at(8000),
        codec_search_cache: at(8008),
        codec_error_registry: at(8016),
        dict: at(8496),
        sysdict_copy: at(8504),
        builtins_copy: at(8512),
        before_forkers: at(10696),
        after_forkers_parent: at(10704),
        after_forkers_child: at(10712),
        warnings_filters: at(10720),
        warnings_once: at(10728),
        atexit_callbacks: at(10792),
        audit_hooks: at(10912),
        errnomap: at(79888),
        ast: at(79944),
        type_cache: at(81928),
        types: at(81920),
        type_version_cache: at(190344),
        func_state: at(14256),
        monitoring_callables: at(223280),
        monitoring_tool_names: at(224496),
        interned_strings: at(224624),
        ..v3_13::RELEASE.interpreter_objects
    },
    types_state: TypesStateLayout { size: at(141192), ..v3_13::RELEASE.types_state },
    ast_state: AstStateLayout { size: at(1976), ..v3_13::RELEASE.ast_state },
    freelists: FreelistsLayout {
        floats: at(0),
        floats_count: at(8),
        ints: at(16),
        ints_count: at(24),
        tuples: at(32),
        tuples_count: Slot::ABSENT,
        lists: at(352),
        lists_count: at(360),
        list_iters: at(368),
        list_iters_count: at(376),
        tuple_iters: at(384),
        tuple_iters_count: at(392),
        dicts: at(400),
        dicts_count: at(408),
        dictkeys: at(416),
        dictkeys_count: at(424),
        slices: at(432),
        slices_count: at(440),
        ranges: at(448),
        ranges_count: at(456),
        range_iters: at(464),
        range_iters_count: at(472),
        contexts: at(480),
        contexts_count: at(488),
        async_gens: at(496),
        async_gens_count: at(504),
        async_gen_asends: at(512),
        async_gen_asends_count: at(520),
        futureiters: at(528),
        futureiters_count: at(536),
        object_stack_chunks: at(544),
        object_stack_chunks_count: at(552),
        unicode_writers: at(560),
        unicode_writers_count: at(568),
        cfunctions: at(576),
        cfunctions_count: at(584),
        cmethods: at(592),
        cmethods_count: at(600),
        methods: at(608),
        methods_count: at(616),
        ..v3_13::RELEASE.freelists
    },
    thread: ThreadLayout {
        size: at(832),
        state: at(44),
        // An int instead of a bit of `_status`.
        holds_gil: at(36),
        py_recursion_remaining: at(48),
        py_recursion_limit: at(52),
        c_recursion_remaining: Slot::ABSENT,
        ..v3_13::RELEASE.thread
    },
    thread_impl: ThreadImplLayout {
        size: at(936),
        c_stack_top: at(840),
        c_stack_soft_limit: at(848),
        c_stack_hard_limit: at(856),
        asyncio_running_loop: at(864),
        asyncio_running_task: at(872),
        asyncio_tasks_head: at(880),
        ..v3_13::RELEASE.thread_impl
    },
    frame: FrameLayout {
        size: at(88),
        stacktop: Slot::ABSENT,
        // A pointer instead of the index `stacktop` (Include/internal/pycore_interpframe_structs.h).
        stackpointer: at(64),
        return_offset: at(72),
        owner: at(74),
        localsplus: at(80),
        ..v3_13::RELEASE.frame
    },
    frame_object: FrameObjectLayout { size: at(80), frame_data: at(72), ..v3_13::RELEASE.frame_object },
    code: CodeLayout { size: at(216), code_adaptive: at(208), unique_id: at(184), ..v3_13::RELEASE.code },
    co_monitoring: CoMonitoringLayout { lines: at(96), ..v3_13::RELEASE.co_monitoring },
    object: ObjectLayout { ob_flags: at(6), ..v3_13::RELEASE.object },
    heap_type: HeapTypeLayout { size: at(936), ..v3_13::RELEASE.heap_type },
    // ob_hash lies before the items (Include/cpython/tupleobject.h).
    tuple: TupleLayout { items: at(32), ..v3_13::RELEASE.tuple },
    generator: GeneratorLayout { size: at(160), ..v3_13::RELEASE.generator },
    gc: GcLayout {
        generation0: at(256),
        generations: at(24),
        permanent: at(96),
        collecting: at(192),
        ..v3_13::RELEASE.gc
    },
    mi_segment: MiSegmentLayout {
        size: at(49536),
        slice_entries: at(272),
        slices: at(288),
        ..v3_13::RELEASE.mi_segment
    },
    mi_page: MiPageLayout {
        size: at(96),
        used: at(32),
        xblock_size: Slot::ABSENT,
        block_size: at(40),
        page_start: at(48),
        local_free: at(24),
        xthread_free: at(56),
        next: at(72),
        ..v3_13::RELEASE.mi_page
    },
    template: TemplateLayout { strings: at(16), interpolations: at(24), ..TemplateLayout::NONE },
    interpolation: InterpolationLayout {
        value: at(16),
        expression: at(24),
        conversion: at(32),
        format_spec: at(40),
        ..InterpolationLayout::NONE
    },
    rlock: RLockLayout { mutex: at(16), rlock_lock: Slot::ABSENT, ..v3_13::RELEASE.rlock },
    future: FutureLayout { state: at(104), awaited_by: at(96), awaited_by_is_set: at(109), ..v3_13::RELEASE.future },
    task: TaskLayout {
        state: at(104),
        fut_waiter: at(120),
        coro: at(128),
        name: at(136),
        context: at(144),
        must_cancel: at(110),
        num_cancels_requested: at(112),
        awaited_by: at(96),
        awaited_by_is_set: at(109),
        node: at(152),
        ..v3_13::RELEASE.task
    },
    exception_group: ExceptionGroupLayout { excs_str: at(88), ..v3_13::RELEASE.exception_group },
    ..v3_13::RELEASE
};

/// Until 3.14.4. Offsets of 3.14.0 (3.14 without what 3.14.5 inserted).
pub const RELEASE_0: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(316592), ..RELEASE.runtime },
    // 3.14.5 took back the incremental collector and grew `gc` by three words.
    interpreter: InterpreterLayout {
        size: at(225840),
        modules: at(7664),
        importlib: at(7680),
        sysdict: at(7648),
        builtins: at(7656),
        own_gil: at(7760),
        types_builtins: at(180216),
        types_extensions: at(189832),
        asyncio_tasks_head: at(10856),
        eval_frame: at(8496),
        monitors: at(223216),
        obmalloc: at(10880),
        freelists: at(11096),
        ..RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(7672),
        import_func: at(7704),
        codec_search_path: at(7976),
        codec_search_cache: at(7984),
        codec_error_registry: at(7992),
        dict: at(8472),
        sysdict_copy: at(8480),
        builtins_copy: at(8488),
        before_forkers: at(10672),
        after_forkers_parent: at(10680),
        after_forkers_child: at(10688),
        warnings_filters: at(10696),
        warnings_once: at(10704),
        atexit_callbacks: at(10768),
        audit_hooks: at(10888),
        errnomap: at(79864),
        ast: at(79920),
        type_cache: at(81904),
        types: at(81896),
        type_version_cache: at(190320),
        func_state: at(14232),
        monitoring_callables: at(223256),
        monitoring_tool_names: at(224472),
        interned_strings: at(224600),
        ..RELEASE.interpreter_objects
    },
    gc: GcLayout { generation0: Slot::ABSENT, ..RELEASE.gc },
    ..RELEASE
};

/// `--with-pydebug`, from 3.14.5 on. Offsets of 3.14.10 (DWARF of debian-sid-3.14-dbg).
pub const DEBUG: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(332632),
        gilstate_auto_interpreter: at(26088),
        interned_strings: at(30056),
        ..RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(225880),
        types_builtins: at(180256),
        types_extensions: at(189872),
        asyncio_tasks_head: at(10888),
        eval_frame: at(8528),
        monitors: at(223256),
        obmalloc: at(10912),
        freelists: at(11128),
        ..RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        dict: at(8504),
        sysdict_copy: at(8512),
        builtins_copy: at(8520),
        before_forkers: at(10704),
        after_forkers_parent: at(10712),
        after_forkers_child: at(10720),
        warnings_filters: at(10728),
        warnings_once: at(10736),
        atexit_callbacks: at(10800),
        audit_hooks: at(10920),
        errnomap: at(79904),
        ast: at(79960),
        type_cache: at(81944),
        types: at(81936),
        type_version_cache: at(190360),
        func_state: at(14272),
        monitoring_callables: at(223296),
        monitoring_tool_names: at(224512),
        interned_strings: at(224640),
        ..RELEASE.interpreter_objects
    },
    mi_segment: MiSegmentLayout { size: at(57744), ..RELEASE.mi_segment },
    mi_page: MiPageLayout { size: at(112), xthread_free: at(72), next: at(88), ..RELEASE.mi_page },
    ..RELEASE
};

/// `--disable-gil`, from 3.14.10 on. Offsets of 3.14.10 (headers, the rest as in 3.14 behind the larger object header).
pub const FREE_THREADED: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(365624),
        finalizing: at(784),
        initialized: at(776),
        interpreters_head: at(808),
        interpreters_main: at(816),
        gilstate_auto_interpreter: at(10096),
        interned_strings: at(14056),
        ..v3_13::FREE_THREADED.runtime
    },
    interpreter: InterpreterLayout {
        size: at(249976),
        next: at(7272),
        id: at(7280),
        threads_main: at(7360),
        modules: at(7712),
        importlib: at(7728),
        sysdict: at(7696),
        builtins: at(7704),
        gc: at(7408),
        own_gil: at(7808),
        finalizing: at(7392),
        types_builtins: at(186032),
        types_extensions: at(195648),
        asyncio_tasks_head: at(17304),
        eval_frame: at(8560),
        monitors: at(229032),
        obmalloc: at(17328),
        ..v3_13::FREE_THREADED.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(7720),
        import_func: at(7752),
        codec_search_path: at(8032),
        codec_search_cache: at(8040),
        codec_error_registry: at(8048),
        dict: at(8536),
        sysdict_copy: at(8544),
        builtins_copy: at(8552),
        before_forkers: at(10736),
        after_forkers_parent: at(10744),
        after_forkers_child: at(10752),
        warnings_filters: at(10760),
        warnings_once: at(10768),
        atexit_callbacks: at(10840),
        audit_hooks: at(17336),
        errnomap: at(85680),
        ast: at(85736),
        type_cache: at(87720),
        types: at(87712),
        type_version_cache: at(196136),
        func_state: at(20048),
        monitoring_callables: at(229072),
        monitoring_tool_names: at(230288),
        interned_strings: at(230424),
        ..v3_13::FREE_THREADED.interpreter_objects
    },
    types_state: TypesStateLayout { size: at(141192), ..v3_13::FREE_THREADED.types_state },
    ast_state: AstStateLayout { size: at(1976), ..v3_13::FREE_THREADED.ast_state },
    freelists: FreelistsLayout {
        floats: at(0),
        floats_count: at(8),
        ints: at(16),
        ints_count: at(24),
        tuples: at(32),
        tuples_count: Slot::ABSENT,
        lists: at(352),
        lists_count: at(360),
        list_iters: at(368),
        list_iters_count: at(376),
        tuple_iters: at(384),
        tuple_iters_count: at(392),
        dicts: at(400),
        dicts_count: at(408),
        dictkeys: at(416),
        dictkeys_count: at(424),
        slices: at(432),
        slices_count: at(440),
        ranges: at(448),
        ranges_count: at(456),
        range_iters: at(464),
        range_iters_count: at(472),
        contexts: at(480),
        contexts_count: at(488),
        async_gens: at(496),
        async_gens_count: at(504),
        async_gen_asends: at(512),
        async_gen_asends_count: at(520),
        futureiters: at(528),
        futureiters_count: at(536),
        object_stack_chunks: at(544),
        object_stack_chunks_count: at(552),
        unicode_writers: at(560),
        unicode_writers_count: at(568),
        cfunctions: at(576),
        cfunctions_count: at(584),
        cmethods: at(592),
        cmethods_count: at(600),
        methods: at(608),
        methods_count: at(616),
        ..v3_13::FREE_THREADED.freelists
    },
    thread: ThreadLayout {
        size: at(832),
        state: at(44),
        holds_gil: at(36),
        py_recursion_remaining: at(48),
        py_recursion_limit: at(52),
        c_recursion_remaining: Slot::ABSENT,
        ..v3_13::FREE_THREADED.thread
    },
    thread_impl: ThreadImplLayout {
        size: at(19216),
        refcounts_values: at(19104),
        refcounts_size: at(19112),
        c_stack_top: at(840),
        c_stack_soft_limit: at(848),
        c_stack_hard_limit: at(856),
        asyncio_running_loop: at(864),
        asyncio_running_task: at(872),
        asyncio_tasks_head: at(880),
        freelists: at(18440),
        ..v3_13::FREE_THREADED.thread_impl
    },
    frame: FrameLayout {
        size: at(88),
        stacktop: Slot::ABSENT,
        stackpointer: at(64),
        return_offset: at(76),
        owner: at(78),
        // Which copy of the bytecode runs.
        tlbc_index: at(72),
        localsplus: at(80),
        ..v3_13::FREE_THREADED.frame
    },
    frame_object: FrameObjectLayout { size: at(96), frame_data: at(88), ..v3_13::FREE_THREADED.frame_object },
    code: CodeLayout {
        size: at(240),
        code_adaptive: at(232),
        // Thread-local bytecode (Include/cpython/code.h).
        tlbc: at(224),
        unique_id: at(200),
        ..v3_13::FREE_THREADED.code
    },
    co_monitoring: CoMonitoringLayout { lines: at(96), ..v3_13::FREE_THREADED.co_monitoring },
    object: ObjectLayout { ob_flags: at(8), ..v3_13::FREE_THREADED.object },
    heap_type: HeapTypeLayout { size: at(960), unique_id: at(952), ..v3_13::FREE_THREADED.heap_type },
    tuple: TupleLayout { items: at(48), ..v3_13::FREE_THREADED.tuple },
    generator: GeneratorLayout { size: at(176), ..v3_13::FREE_THREADED.generator },
    gc: GcLayout { generation0: Slot::ABSENT, permanent: at(96), collecting: at(192), ..v3_13::FREE_THREADED.gc },
    mi_segment: MiSegmentLayout {
        size: at(57744),
        slice_entries: at(272),
        slices: at(288),
        ..v3_13::FREE_THREADED.mi_segment
    },
    mi_page: MiPageLayout {
        size: at(112),
        used: at(32),
        xblock_size: Slot::ABSENT,
        block_size: at(40),
        page_start: at(48),
        local_free: at(24),
        xthread_free: at(56),
        next: at(72),
        ..v3_13::FREE_THREADED.mi_page
    },
    template: TemplateLayout { strings: at(32), interpolations: at(40), ..TemplateLayout::NONE },
    interpolation: InterpolationLayout {
        value: at(32),
        expression: at(40),
        conversion: at(48),
        format_spec: at(56),
        ..InterpolationLayout::NONE
    },
    rlock: RLockLayout { mutex: at(32), rlock_lock: Slot::ABSENT, ..v3_13::FREE_THREADED.rlock },
    future: FutureLayout {
        state: at(120),
        awaited_by: at(112),
        awaited_by_is_set: at(125),
        ..v3_13::FREE_THREADED.future
    },
    task: TaskLayout {
        state: at(120),
        fut_waiter: at(136),
        coro: at(144),
        name: at(152),
        context: at(160),
        must_cancel: at(126),
        num_cancels_requested: at(128),
        awaited_by: at(112),
        awaited_by_is_set: at(125),
        node: at(168),
        ..v3_13::FREE_THREADED.task
    },
    exception_group: ExceptionGroupLayout { excs_str: at(104), ..v3_13::FREE_THREADED.exception_group },
    ..v3_13::FREE_THREADED
};

/// `--disable-gil`, until 3.14.9. Offsets of 3.14.9 (headers, the rest as in 3.14t).
pub const FREE_THREADED_9: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(362368), ..FREE_THREADED.runtime },
    interpreter: InterpreterLayout {
        size: at(246720),
        types_builtins: at(186360),
        types_extensions: at(195976),
        asyncio_tasks_head: at(17632),
        monitors: at(229360),
        obmalloc: at(17656),
        ..FREE_THREADED.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        audit_hooks: at(17664),
        errnomap: at(86008),
        ast: at(86064),
        type_cache: at(88048),
        types: at(88040),
        type_version_cache: at(196464),
        func_state: at(20376),
        monitoring_callables: at(229400),
        monitoring_tool_names: at(230616),
        interned_strings: at(230752),
        ..FREE_THREADED.interpreter_objects
    },
    thread_impl: ThreadImplLayout {
        size: at(15608),
        refcounts_values: at(15496),
        refcounts_size: at(15504),
        freelists: at(14832),
        ..FREE_THREADED.thread_impl
    },
    mi_segment: MiSegmentLayout {
        size: at(49512),
        slice_entries: at(248),
        slices: at(264),
        ..FREE_THREADED.mi_segment
    },
    mi_page: MiPageLayout {
        size: at(96),
        used: at(24),
        xblock_size: at(28),
        block_size: Slot::ABSENT,
        page_start: Slot::ABSENT,
        local_free: at(32),
        xthread_free: at(40),
        next: at(56),
        ..FREE_THREADED.mi_page
    },
    ..FREE_THREADED
};

/// `--disable-gil --with-pydebug`, from 3.14.10 on. Offsets of 3.14.10 (headers, the rest as in 3.14t).
pub const FREE_THREADED_DEBUG: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(381696),
        gilstate_auto_interpreter: at(26096),
        interned_strings: at(30064),
        ..FREE_THREADED.runtime
    },
    interpreter: InterpreterLayout {
        size: at(250040),
        types_builtins: at(186056),
        types_extensions: at(195672),
        asyncio_tasks_head: at(17312),
        eval_frame: at(8568),
        monitors: at(229056),
        obmalloc: at(17336),
        ..FREE_THREADED.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        dict: at(8544),
        sysdict_copy: at(8552),
        builtins_copy: at(8560),
        before_forkers: at(10744),
        after_forkers_parent: at(10752),
        after_forkers_child: at(10760),
        warnings_filters: at(10768),
        warnings_once: at(10776),
        atexit_callbacks: at(10848),
        audit_hooks: at(17344),
        errnomap: at(85704),
        ast: at(85760),
        type_cache: at(87744),
        types: at(87736),
        type_version_cache: at(196160),
        func_state: at(20072),
        monitoring_callables: at(229096),
        monitoring_tool_names: at(230312),
        interned_strings: at(230448),
        ..FREE_THREADED.interpreter_objects
    },
    thread_impl: ThreadImplLayout {
        size: at(19256),
        refcounts_values: at(19136),
        refcounts_size: at(19144),
        freelists: at(18472),
        ..FREE_THREADED.thread_impl
    },
    mi_segment: MiSegmentLayout { size: at(65952), ..FREE_THREADED.mi_segment },
    mi_page: MiPageLayout { size: at(128), xthread_free: at(72), next: at(88), ..FREE_THREADED.mi_page },
    ..FREE_THREADED
};

/// `--disable-gil --with-pydebug`, until 3.14.9. Offsets of 3.14.9 (headers, the rest as in 3.14t).
pub const FREE_THREADED_DEBUG_9: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(380864), ..FREE_THREADED_DEBUG.runtime },
    interpreter: InterpreterLayout {
        size: at(249152),
        types_builtins: at(186376),
        types_extensions: at(195992),
        asyncio_tasks_head: at(17632),
        monitors: at(229376),
        obmalloc: at(17656),
        ..FREE_THREADED_DEBUG.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        audit_hooks: at(17664),
        errnomap: at(86024),
        ast: at(86080),
        type_cache: at(88064),
        types: at(88056),
        type_version_cache: at(196480),
        func_state: at(20392),
        monitoring_callables: at(229416),
        monitoring_tool_names: at(230632),
        interned_strings: at(230768),
        ..FREE_THREADED_DEBUG.interpreter_objects
    },
    thread_impl: ThreadImplLayout {
        size: at(18016),
        refcounts_values: at(17896),
        refcounts_size: at(17904),
        freelists: at(17232),
        ..FREE_THREADED_DEBUG.thread_impl
    },
    mi_segment: MiSegmentLayout {
        size: at(57720),
        slice_entries: at(248),
        slices: at(264),
        ..FREE_THREADED_DEBUG.mi_segment
    },
    mi_page: MiPageLayout {
        size: at(112),
        used: at(24),
        xblock_size: at(28),
        block_size: Slot::ABSENT,
        page_start: Slot::ABSENT,
        local_free: at(32),
        xthread_free: at(56),
        next: at(72),
        ..FREE_THREADED_DEBUG.mi_page
    },
    ..FREE_THREADED_DEBUG
};

/// x86-64 Windows. Offsets of 3.14.10 (headers, the rest as in 3.14).
pub const WINDOWS: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(315600),
        gilstate_auto_interpreter: at(9304),
        interned_strings: at(13232),
        ..RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(225672),
        threads_head: at(7336),
        threads_main: at(7352),
        modules: at(7680),
        importlib: at(7696),
        sysdict: at(7664),
        builtins: at(7672),
        gc: at(7400),
        gc_collecting: at(7592),
        own_gil: at(7768),
        finalizing: at(7384),
        types_builtins: at(180056),
        types_extensions: at(189672),
        asyncio_tasks_head: at(10696),
        eval_frame: at(8360),
        monitors: at(223056),
        obmalloc: at(10720),
        freelists: at(10936),
        ..RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(7688),
        import_func: at(7712),
        codec_search_path: at(7832),
        codec_search_cache: at(7840),
        codec_error_registry: at(7848),
        dict: at(8336),
        sysdict_copy: at(8344),
        builtins_copy: at(8352),
        before_forkers: Slot::ABSENT,
        after_forkers_parent: Slot::ABSENT,
        after_forkers_child: Slot::ABSENT,
        warnings_filters: at(10536),
        warnings_once: at(10544),
        atexit_callbacks: at(10608),
        audit_hooks: at(10728),
        errnomap: at(79704),
        ast: at(79760),
        type_cache: at(81744),
        types: at(81736),
        type_version_cache: at(190160),
        func_state: at(14072),
        monitoring_callables: at(223096),
        monitoring_tool_names: at(224312),
        interned_strings: at(224440),
        ..RELEASE.interpreter_objects
    },
    thread: ThreadLayout {
        size: at(824),
        native_thread_id: at(156),
        exc_state: at(248),
        datastack_chunk: at(224),
        datastack_top: at(232),
        datastack_limit: at(240),
        context: at(200),
        ..RELEASE.thread
    },
    thread_impl: ThreadImplLayout {
        size: at(928),
        c_stack_top: at(832),
        c_stack_soft_limit: at(840),
        c_stack_hard_limit: at(848),
        asyncio_running_loop: at(856),
        asyncio_running_task: at(864),
        asyncio_tasks_head: at(872),
        ..RELEASE.thread_impl
    },
    gil: GilLayout { cond: at(24), mutex: at(32), ..RELEASE.gil },
    range_iter: RangeIterLayout { step: at(20), len: at(24), ..RELEASE.range_iter },
    rlock: RLockLayout::NONE,
    ..RELEASE
};

/// x86-64 Windows, `--disable-gil`. Offsets of 3.14.10 (headers, the rest as in 3.14t).
pub const WINDOWS_FREE_THREADED: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(364568),
        gilstate_auto_interpreter: at(9304),
        interned_strings: at(13232),
        ..FREE_THREADED.runtime
    },
    interpreter: InterpreterLayout {
        size: at(249744),
        threads_head: at(7336),
        threads_main: at(7352),
        modules: at(7704),
        importlib: at(7720),
        sysdict: at(7688),
        builtins: at(7696),
        gc: at(7400),
        gc_collecting: at(7592),
        own_gil: at(7792),
        finalizing: at(7384),
        types_builtins: at(185840),
        types_extensions: at(195456),
        asyncio_tasks_head: at(17112),
        eval_frame: at(8392),
        monitors: at(228840),
        obmalloc: at(17136),
        ..FREE_THREADED.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(7712),
        import_func: at(7736),
        codec_search_path: at(7856),
        codec_search_cache: at(7864),
        codec_error_registry: at(7872),
        dict: at(8368),
        sysdict_copy: at(8376),
        builtins_copy: at(8384),
        before_forkers: Slot::ABSENT,
        after_forkers_parent: Slot::ABSENT,
        after_forkers_child: Slot::ABSENT,
        warnings_filters: at(10568),
        warnings_once: at(10576),
        atexit_callbacks: at(10648),
        audit_hooks: at(17144),
        errnomap: at(85488),
        ast: at(85544),
        type_cache: at(87528),
        types: at(87520),
        type_version_cache: at(195944),
        func_state: at(19856),
        monitoring_callables: at(228880),
        monitoring_tool_names: at(230096),
        interned_strings: at(230232),
        ..FREE_THREADED.interpreter_objects
    },
    thread: ThreadLayout {
        size: at(824),
        native_thread_id: at(156),
        exc_state: at(248),
        datastack_chunk: at(224),
        datastack_top: at(232),
        datastack_limit: at(240),
        context: at(200),
        ..FREE_THREADED.thread
    },
    thread_impl: ThreadImplLayout {
        size: at(19176),
        refcounts_values: at(19064),
        refcounts_size: at(19072),
        c_stack_top: at(832),
        c_stack_soft_limit: at(840),
        c_stack_hard_limit: at(848),
        asyncio_running_loop: at(856),
        asyncio_running_task: at(864),
        asyncio_tasks_head: at(872),
        freelists: at(18400),
        ..FREE_THREADED.thread_impl
    },
    gil: GilLayout { last_holder: at(8), locked: at(16), cond: at(24), mutex: at(32), ..FREE_THREADED.gil },
    range_iter: RangeIterLayout { step: at(36), len: at(40), ..FREE_THREADED.range_iter },
    rlock: RLockLayout::NONE,
    ..FREE_THREADED
};
