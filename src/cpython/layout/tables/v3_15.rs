//! CPython 3.15. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_14;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.15.2 (DWARF of debian-sid-3.15).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(346568),
        finalizing: at(912),
        initialized: at(904),
        interpreters_head: at(936),
        interpreters_main: at(944),
        gilstate_auto_interpreter: at(10216),
        ..v3_14::RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(226240),
        next: at(7264),
        id: at(7272),
        threads_head: at(7336),
        threads_main: at(7352),
        modules: at(7592),
        importlib: at(7608),
        sysdict: at(7576),
        builtins: at(7584),
        gc: at(7400),
        gc_collecting: at(7512),
        gc_frame: at(7520),
        own_gil: at(7736),
        finalizing: at(7384),
        types_builtins: at(180264),
        types_extensions: at(190024),
        asyncio_tasks_head: at(10856),
        monitors: at(223512),
        obmalloc: at(10880),
        ..v3_14::RELEASE.interpreter
    },
    thread: ThreadLayout {
        size: at(888),
        thread_id: at(176),
        native_thread_id: at(184),
        state: at(48),
        gil_requested: at(40),
        // The frame at the bottom of the thread's chain, in thread_impl.
        base_frame: at(80),
        current_exception: at(136),
        exc_info: at(144),
        exc_state: at(288),
        datastack_chunk: at(256),
        datastack_top: at(264),
        datastack_limit: at(272),
        py_recursion_remaining: at(52),
        py_recursion_limit: at(56),
        async_exc: at(168),
        tracing: at(64),
        ..v3_14::RELEASE.thread
    },
    thread_impl: ThreadImplLayout {
        size: at(1104),
        base_frame: at(888),
        c_stack_top: at(984),
        c_stack_soft_limit: at(992),
        c_stack_hard_limit: at(1000),
        asyncio_running_loop: at(1024),
        asyncio_running_task: at(1032),
        asyncio_tasks_head: at(1048),
        ..v3_14::RELEASE.thread_impl
    },
    co_monitoring: CoMonitoringLayout { lines: at(104), ..v3_14::RELEASE.co_monitoring },
    type_object: TypeLayout { size: at(424), ..v3_14::RELEASE.type_object },
    // PyTypeObject grew by a word.
    heap_type: HeapTypeLayout {
        size: at(944),
        name: at(864),
        slots: at(872),
        qualname: at(880),
        cached_keys: at(888),
        module: at(896),
        ..v3_14::RELEASE.heap_type
    },
    // md_token and md_token_is_def instead of md_def alone (Include/internal/pycore_moduleobject.h).
    module: ModuleLayout {
        def: Slot::ABSENT,
        state: at(24),
        name: at(40),
        token: at(88),
        token_is_def: at(48),
        ..v3_14::RELEASE.module
    },
    // Include/internal/pycore_interp_structs.h: fewer members, and the frame that started the collection.
    gc: GcLayout {
        generation0: at(168),
        generations: at(8),
        permanent: at(80),
        collecting: at(112),
        frame: at(120),
        enabled: at(0),
        ..v3_14::RELEASE.gc
    },
    frozendict: FrozenDictLayout { hash: at(48), ..FrozenDictLayout::NONE },
    type_alias: TypeAliasLayout { value: at(48), ..v3_14::RELEASE.type_alias },
    lazy_import: LazyImportLayout { from: at(24), attr: at(32), ..LazyImportLayout::NONE },
    ..v3_14::RELEASE
};

/// `--with-pydebug`. Offsets of 3.15.2 (DWARF of debian-sid-3.15-dbg).
pub const DEBUG: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(362592), gilstate_auto_interpreter: at(26216), ..RELEASE.runtime },
    interpreter: InterpreterLayout {
        size: at(226256),
        types_builtins: at(180280),
        types_extensions: at(190040),
        asyncio_tasks_head: at(10864),
        monitors: at(223528),
        obmalloc: at(10888),
        ..RELEASE.interpreter
    },
    mi_segment: MiSegmentLayout { size: at(57744), ..RELEASE.mi_segment },
    mi_page: MiPageLayout { size: at(112), xthread_free: at(72), next: at(88), ..RELEASE.mi_page },
    ..RELEASE
};

/// `--disable-gil`, from 3.15.2 on. Offsets of 3.15.2 (headers, the rest as in 3.15 behind the larger object header).
pub const FREE_THREADED: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(409296),
        finalizing: at(912),
        initialized: at(904),
        interpreters_head: at(936),
        interpreters_main: at(944),
        gilstate_auto_interpreter: at(10216),
        ..v3_14::FREE_THREADED.runtime
    },
    interpreter: InterpreterLayout {
        size: at(250328),
        next: at(7264),
        id: at(7272),
        threads_head: at(7336),
        threads_main: at(7352),
        modules: at(7592),
        importlib: at(7608),
        sysdict: at(7576),
        builtins: at(7584),
        gc: at(7400),
        gc_collecting: at(7512),
        gc_frame: at(7520),
        own_gil: at(7736),
        finalizing: at(7384),
        types_builtins: at(186000),
        types_extensions: at(195760),
        asyncio_tasks_head: at(17256),
        monitors: at(229248),
        obmalloc: at(17280),
        ..v3_14::FREE_THREADED.interpreter
    },
    thread: ThreadLayout {
        size: at(888),
        thread_id: at(176),
        native_thread_id: at(184),
        state: at(48),
        gil_requested: at(40),
        base_frame: at(80),
        current_exception: at(136),
        exc_info: at(144),
        exc_state: at(288),
        datastack_chunk: at(256),
        datastack_top: at(264),
        datastack_limit: at(272),
        py_recursion_remaining: at(52),
        py_recursion_limit: at(56),
        async_exc: at(168),
        tracing: at(64),
        ..v3_14::FREE_THREADED.thread
    },
    thread_impl: ThreadImplLayout {
        size: at(19408),
        base_frame: at(888),
        refcounts_values: at(19304),
        refcounts_size: at(19312),
        c_stack_top: at(984),
        c_stack_soft_limit: at(992),
        c_stack_hard_limit: at(1000),
        asyncio_running_loop: at(1024),
        asyncio_running_task: at(1032),
        asyncio_tasks_head: at(1048),
        ..v3_14::FREE_THREADED.thread_impl
    },
    co_monitoring: CoMonitoringLayout { lines: at(104), ..v3_14::FREE_THREADED.co_monitoring },
    type_object: TypeLayout { size: at(440), ..v3_14::FREE_THREADED.type_object },
    heap_type: HeapTypeLayout {
        size: at(968),
        name: at(880),
        slots: at(888),
        qualname: at(896),
        cached_keys: at(904),
        module: at(912),
        unique_id: at(960),
        ..v3_14::FREE_THREADED.heap_type
    },
    module: ModuleLayout {
        def: Slot::ABSENT,
        state: at(40),
        name: at(56),
        token: at(104),
        token_is_def: at(64),
        ..v3_14::FREE_THREADED.module
    },
    gc: GcLayout {
        generations: at(8),
        permanent: at(80),
        collecting: at(112),
        frame: at(120),
        enabled: at(0),
        ..v3_14::FREE_THREADED.gc
    },
    frozendict: FrozenDictLayout { hash: at(64), ..FrozenDictLayout::NONE },
    type_alias: TypeAliasLayout { value: at(64), ..v3_14::FREE_THREADED.type_alias },
    lazy_import: LazyImportLayout { from: at(40), attr: at(48), ..LazyImportLayout::NONE },
    ..v3_14::FREE_THREADED
};

/// `--disable-gil`, until 3.15.1. Offsets of 3.15.1 (headers, the rest as in 3.15t).
pub const FREE_THREADED_1: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(406016), ..FREE_THREADED.runtime },
    interpreter: InterpreterLayout {
        size: at(247040),
        types_builtins: at(186312),
        types_extensions: at(196072),
        asyncio_tasks_head: at(17568),
        monitors: at(229560),
        obmalloc: at(17592),
        ..FREE_THREADED.interpreter
    },
    thread_impl: ThreadImplLayout {
        size: at(15800),
        refcounts_values: at(15696),
        refcounts_size: at(15704),
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

/// `--disable-gil --with-pydebug`, from 3.15.2 on. Offsets of 3.15.2 (headers, the rest as in 3.15t).
pub const FREE_THREADED_DEBUG: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(425368), gilstate_auto_interpreter: at(26216), ..FREE_THREADED.runtime },
    interpreter: InterpreterLayout {
        size: at(250392),
        types_builtins: at(186024),
        types_extensions: at(195784),
        asyncio_tasks_head: at(17264),
        monitors: at(229272),
        obmalloc: at(17288),
        ..FREE_THREADED.interpreter
    },
    thread_impl: ThreadImplLayout {
        size: at(19448),
        refcounts_values: at(19336),
        refcounts_size: at(19344),
        ..FREE_THREADED.thread_impl
    },
    mi_segment: MiSegmentLayout { size: at(65952), ..FREE_THREADED.mi_segment },
    mi_page: MiPageLayout { size: at(128), xthread_free: at(72), next: at(88), ..FREE_THREADED.mi_page },
    ..FREE_THREADED
};

/// `--disable-gil --with-pydebug`, until 3.15.1. Offsets of 3.15.1 (headers, the rest as in 3.15t).
pub const FREE_THREADED_DEBUG_1: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(424512), ..FREE_THREADED_DEBUG.runtime },
    interpreter: InterpreterLayout {
        size: at(249536),
        types_builtins: at(186392),
        types_extensions: at(196152),
        asyncio_tasks_head: at(17632),
        monitors: at(229640),
        obmalloc: at(17656),
        ..FREE_THREADED_DEBUG.interpreter
    },
    thread_impl: ThreadImplLayout {
        size: at(18208),
        refcounts_values: at(18096),
        refcounts_size: at(18104),
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

/// x86-64 Windows. Offsets of 3.15.2 (headers, the rest as in 3.15).
pub const WINDOWS: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(345536), gilstate_auto_interpreter: at(9416), ..RELEASE.runtime },
    interpreter: InterpreterLayout {
        size: at(226040),
        threads_head: at(7328),
        threads_main: at(7344),
        modules: at(7584),
        importlib: at(7600),
        sysdict: at(7568),
        builtins: at(7576),
        gc: at(7392),
        gc_collecting: at(7504),
        gc_frame: at(7512),
        own_gil: at(7720),
        finalizing: at(7376),
        types_builtins: at(180080),
        types_extensions: at(189840),
        asyncio_tasks_head: at(10672),
        monitors: at(223328),
        obmalloc: Slot::ABSENT,
        ..RELEASE.interpreter
    },
    thread: ThreadLayout {
        size: at(880),
        native_thread_id: at(180),
        exc_state: at(280),
        datastack_chunk: at(248),
        datastack_top: at(256),
        datastack_limit: at(264),
        ..RELEASE.thread
    },
    thread_impl: ThreadImplLayout {
        size: at(1088),
        base_frame: at(880),
        c_stack_top: at(976),
        c_stack_soft_limit: at(984),
        c_stack_hard_limit: at(992),
        asyncio_running_loop: at(1016),
        asyncio_running_task: at(1024),
        asyncio_tasks_head: at(1040),
        ..RELEASE.thread_impl
    },
    gil: GilLayout { cond: at(24), mutex: at(32), ..RELEASE.gil },
    type_object: TypeLayout { weaklist: Slot::ABSENT, ..RELEASE.type_object },
    dict_keys: DictKeysLayout { refcnt: Slot::ABSENT, ..RELEASE.dict_keys },
    module: ModuleLayout { state: Slot::ABSENT, ..RELEASE.module },
    module_def: ModuleDefLayout { size_field: Slot::ABSENT, ..RELEASE.module_def },
    odict: ODictLayout { fast_nodes_size: Slot::ABSENT, ..RELEASE.odict },
    odict_node: ODictNodeLayout { size: Slot::ABSENT, ..RELEASE.odict_node },
    range_iter: RangeIterLayout { step: at(20), len: at(24), ..RELEASE.range_iter },
    rlock: RLockLayout::NONE,
    ..RELEASE
};

/// x86-64 Windows, `--disable-gil`. Offsets of 3.15.2 (headers, the rest as in 3.15t).
pub const WINDOWS_FREE_THREADED: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(408232), gilstate_auto_interpreter: at(9416), ..FREE_THREADED.runtime },
    interpreter: InterpreterLayout {
        size: at(250096),
        threads_head: at(7328),
        threads_main: at(7344),
        modules: at(7584),
        importlib: at(7600),
        sysdict: at(7568),
        builtins: at(7576),
        gc: at(7392),
        gc_collecting: at(7504),
        gc_frame: at(7512),
        own_gil: at(7720),
        finalizing: at(7376),
        types_builtins: at(185808),
        types_extensions: at(195568),
        asyncio_tasks_head: at(17064),
        monitors: at(229056),
        obmalloc: Slot::ABSENT,
        ..FREE_THREADED.interpreter
    },
    thread: ThreadLayout {
        size: at(880),
        native_thread_id: at(180),
        exc_state: at(280),
        datastack_chunk: at(248),
        datastack_top: at(256),
        datastack_limit: at(264),
        ..FREE_THREADED.thread
    },
    thread_impl: ThreadImplLayout {
        size: at(19368),
        base_frame: at(880),
        refcounts_values: at(19264),
        refcounts_size: at(19272),
        c_stack_top: at(976),
        c_stack_soft_limit: at(984),
        c_stack_hard_limit: at(992),
        asyncio_running_loop: at(1016),
        asyncio_running_task: at(1024),
        asyncio_tasks_head: at(1040),
        ..FREE_THREADED.thread_impl
    },
    gil: GilLayout { last_holder: at(8), locked: at(16), cond: at(24), mutex: at(32), ..FREE_THREADED.gil },
    type_object: TypeLayout { weaklist: Slot::ABSENT, ..FREE_THREADED.type_object },
    dict_keys: DictKeysLayout { refcnt: Slot::ABSENT, ..FREE_THREADED.dict_keys },
    module: ModuleLayout { state: Slot::ABSENT, ..FREE_THREADED.module },
    module_def: ModuleDefLayout { size_field: Slot::ABSENT, ..FREE_THREADED.module_def },
    gc_generation: GcGenerationLayout::NONE,
    obmalloc: ObmallocLayout::NONE,
    arena_object: ArenaObjectLayout::NONE,
    pool_header: PoolHeaderLayout::NONE,
    mi_segment: MiSegmentLayout::NONE,
    mi_page: MiPageLayout::NONE,
    odict: ODictLayout { fast_nodes_size: Slot::ABSENT, ..FREE_THREADED.odict },
    odict_node: ODictNodeLayout { size: Slot::ABSENT, ..FREE_THREADED.odict_node },
    lazy_import: LazyImportLayout::NONE,
    range_iter: RangeIterLayout { step: at(36), len: at(40), ..FREE_THREADED.range_iter },
    rlock: RLockLayout::NONE,
    ..FREE_THREADED
};
