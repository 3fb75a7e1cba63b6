//! CPython 3.13. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_12;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.13.5 (DWARF of debian-trixie-3.13).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(283376),
        finalizing: at(608),
        initialized: at(600),
        interpreters_head: at(632),
        interpreters_main: at(640),
        gilstate_auto_interpreter: at(9888),
        interned_strings: at(13832),
        ..v3_12::RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(194976),
        next: at(7264),
        id: at(7272),
        threads_head: at(7344),
        threads_main: at(7352),
        modules: at(7656),
        importlib: at(7672),
        sysdict: at(7640),
        builtins: at(7648),
        gc: at(7400),
        gc_collecting: at(7600),
        ceval_gil: at(16),
        own_gil: at(7752),
        finalizing: at(7384),
        types_builtins: at(182968),
        types_extensions: at(192584),
        eval_frame: at(8472),
        monitors: at(193136),
        obmalloc: at(10800),
        freelists: at(10952),
        ..v3_12::RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(7664),
        import_func: at(7696),
        codec_search_path: at(7960),
        codec_search_cache: at(7968),
        codec_error_registry: at(7976),
        dict: at(8448),
        sysdict_copy: at(8456),
        builtins_copy: at(8464),
        before_forkers: at(10632),
        after_forkers_parent: at(10640),
        after_forkers_child: at(10648),
        warnings_filters: at(10656),
        warnings_once: at(10664),
        atexit_callbacks: at(10712),
        audit_hooks: at(10808),
        errnomap: at(82640),
        ast: at(82696),
        type_cache: at(84656),
        types: at(84648),
        func_state: at(17000),
        monitoring_callables: at(193176),
        monitoring_tool_names: at(194264),
        interned_strings: at(194328),
        ..v3_12::RELEASE.interpreter_objects
    },
    types_state: TypesStateLayout { size: at(108424), ..v3_12::RELEASE.types_state },
    func_state: FuncStateLayout { size: at(65544), ..v3_12::RELEASE.func_state },
    freelists: FreelistsLayout {
        floats: at(8),
        floats_count: at(0),
        tuples: at(16),
        tuples_count: at(176),
        lists: at(256),
        lists_count: at(896),
        dicts: at(904),
        dicts_count: at(1544),
        dictkeys: at(1552),
        dictkeys_count: at(2192),
        slices: at(2200),
        contexts: at(2208),
        contexts_count: at(2216),
        async_gens: at(2224),
        async_gens_count: at(2864),
        async_gen_asends: at(2872),
        async_gen_asends_count: at(3512),
        object_stack_chunks: at(3520),
        object_stack_chunks_count: at(3528),
        ..v3_12::RELEASE.freelists
    },
    thread: ThreadLayout {
        size: at(304),
        cframe: Slot::ABSENT,
        // The C frame is gone (Include/cpython/pystate.h).
        current_frame: at(72),
        thread_id: at(152),
        native_thread_id: at(160),
        status: at(32),
        state: at(40),
        current_exception: at(112),
        exc_info: at(120),
        py_recursion_remaining: at(44),
        py_recursion_limit: at(48),
        c_recursion_remaining: at(52),
        async_exc: at(144),
        tracing: at(60),
        profile_object: at(96),
        trace_object: at(104),
        dict: at(128),
        ..v3_12::RELEASE.thread
    },
    // Include/internal/pycore_tstate.h.
    thread_impl: ThreadImplLayout { size: at(336), asyncio_running_loop: at(304), ..ThreadImplLayout::NONE },
    cframe: CFrameLayout::NONE,
    frame_object: FrameObjectLayout {
        size: at(72),
        extra_locals: at(48),
        frame_data: at(64),
        ..v3_12::RELEASE.frame_object
    },
    code: CodeLayout { size: at(208), code_adaptive: at(200), monitoring: at(176), ..v3_12::RELEASE.code },
    co_monitoring: CoMonitoringLayout { lines: at(32), ..v3_12::RELEASE.co_monitoring },
    co_line_data: CoLineDataLayout { bytes_per_entry: at(0), data: at(1), ..CoLineDataLayout::NONE },
    heap_type: HeapTypeLayout { size: at(928), ..v3_12::RELEASE.heap_type },
    static_type_state: StaticTypeStateLayout { size: at(48), dict: at(24), ..v3_12::RELEASE.static_type_state },
    // Include/internal/pycore_dict.h: capacity, size, embedded and valid; values often lie in the object.
    dict_values: DictValuesLayout {
        capacity: at(0),
        used: at(1),
        embedded: at(2),
        valid: at(3),
        values: at(8),
        ..v3_12::RELEASE.dict_values
    },
    gc: GcLayout { generations: Slot::ABSENT, ..v3_12::RELEASE.gc },
    mi_segment: MiSegmentLayout { size: at(41304), slice_entries: at(248), slices: at(264), ..MiSegmentLayout::NONE },
    mi_page: MiPageLayout {
        size: at(80),
        slice_count: at(0),
        slice_offset: at(4),
        capacity: at(10),
        reserved: at(12),
        free: at(16),
        used: at(24),
        xblock_size: at(28),
        local_free: at(32),
        xthread_free: at(40),
        next: at(56),
        ..MiPageLayout::NONE
    },
    type_var: TypeVarLayout {
        covariant: at(72),
        contravariant: at(73),
        infer_variance: at(74),
        ..v3_12::RELEASE.type_var
    },
    param_spec: ParamSpecLayout {
        covariant: at(48),
        contravariant: at(49),
        infer_variance: at(50),
        ..v3_12::RELEASE.param_spec
    },
    lock: LockLayout { locked: at(16), lock_lock: Slot::ABSENT, ..v3_12::RELEASE.lock },
    wait_entry: WaitEntryLayout { addr: at(8), sema: at(16), node: at(48), ..WaitEntryLayout::NONE },
    thread_handle: ThreadHandleLayout { ident: at(32), exiting: at(57), ..ThreadHandleLayout::NONE },
    future: FutureLayout { state: at(96), ..v3_12::RELEASE.future },
    task: TaskLayout {
        state: at(96),
        fut_waiter: at(112),
        coro: at(120),
        name: at(128),
        context: at(136),
        must_cancel: at(100),
        num_cancels_requested: at(104),
        ..v3_12::RELEASE.task
    },
    ..v3_12::RELEASE
};

/// As first released. Offsets of 3.13.0 (DWARF of pyenv-3.13).
pub const RELEASE_0: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(283320), ..RELEASE.runtime },
    interpreter: InterpreterLayout { size: at(194968), ..RELEASE.interpreter },
    // Until some version below 3.13.5 an array of {opcode, line delta}.
    co_line_data: CoLineDataLayout::NONE,
    // 3.13.0 has a platform lock; by 3.13.5 it is a PyMutex.
    lock: LockLayout { locked: at(32), lock_lock: at(16), ..RELEASE.lock },
    ..RELEASE
};

/// As later released. Offsets of 3.13.18 (DWARF of debian-sid-3.13).
pub const RELEASE_18: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(283408),
        gilstate_auto_interpreter: at(9912),
        interned_strings: at(13856),
        ..RELEASE.runtime
    },
    interpreter: InterpreterLayout { size: at(194984), ..RELEASE.interpreter },
    thread: ThreadLayout { size: at(312), ..RELEASE.thread },
    thread_impl: ThreadImplLayout {
        size: at(344),
        // `datastack_cached_chunk` grew the thread state, which comes first.
        asyncio_running_loop: at(312),
        ..RELEASE.thread_impl
    },
    exception_group: ExceptionGroupLayout { excs_str: at(88), ..RELEASE.exception_group },
    ..RELEASE
};

/// `--with-pydebug`. Offsets of 3.13.5 (DWARF of debian-trixie-3.13-dbg).
pub const DEBUG: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(299392),
        gilstate_auto_interpreter: at(25880),
        interned_strings: at(29832),
        ..RELEASE.runtime
    },
    interpreter: InterpreterLayout {
        size: at(194992),
        types_builtins: at(182984),
        types_extensions: at(192600),
        eval_frame: at(8480),
        monitors: at(193152),
        obmalloc: at(10808),
        freelists: at(10960),
        ..RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        dict: at(8456),
        sysdict_copy: at(8464),
        builtins_copy: at(8472),
        before_forkers: at(10640),
        after_forkers_parent: at(10648),
        after_forkers_child: at(10656),
        warnings_filters: at(10664),
        warnings_once: at(10672),
        atexit_callbacks: at(10720),
        audit_hooks: at(10816),
        errnomap: at(82656),
        ast: at(82712),
        type_cache: at(84672),
        types: at(84664),
        func_state: at(17016),
        monitoring_callables: at(193192),
        monitoring_tool_names: at(194280),
        interned_strings: at(194344),
        ..RELEASE.interpreter_objects
    },
    mi_segment: MiSegmentLayout { size: at(49512), ..RELEASE.mi_segment },
    mi_page: MiPageLayout { size: at(96), xthread_free: at(56), next: at(72), ..RELEASE.mi_page },
    ..RELEASE
};

/// `--with-pydebug`, as later released. Offsets of 3.13.18 (DWARF of debian-sid-3.13-dbg).
pub const DEBUG_18: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(299424),
        gilstate_auto_interpreter: at(25904),
        interned_strings: at(29856),
        ..DEBUG.runtime
    },
    interpreter: InterpreterLayout { size: at(195000), ..DEBUG.interpreter },
    thread: ThreadLayout { size: at(312), ..DEBUG.thread },
    thread_impl: ThreadImplLayout { size: at(344), asyncio_running_loop: at(312), ..DEBUG.thread_impl },
    exception_group: ExceptionGroupLayout { excs_str: at(88), ..DEBUG.exception_group },
    ..DEBUG
};

/// `--disable-gil`. Offsets of 3.13.5 (DWARF of source-3.13t).
pub const FREE_THREADED: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(328320), ..RELEASE.runtime },
    interpreter: InterpreterLayout {
        size: at(215616),
        modules: at(7664),
        importlib: at(7680),
        sysdict: at(7648),
        builtins: at(7656),
        own_gil: at(7760),
        types_builtins: at(186056),
        types_extensions: at(195672),
        eval_frame: at(8488),
        monitors: at(196224),
        obmalloc: at(17432),
        freelists: Slot::ABSENT,
        ..RELEASE.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(7672),
        import_func: at(7704),
        codec_search_path: at(7976),
        codec_search_cache: at(7984),
        codec_error_registry: at(7992),
        dict: at(8464),
        sysdict_copy: at(8472),
        builtins_copy: at(8480),
        before_forkers: at(10648),
        after_forkers_parent: at(10656),
        after_forkers_child: at(10664),
        warnings_filters: at(10672),
        warnings_once: at(10680),
        atexit_callbacks: at(10728),
        audit_hooks: at(17440),
        errnomap: at(85728),
        ast: at(85784),
        type_cache: at(87744),
        types: at(87736),
        func_state: at(20088),
        monitoring_callables: at(196264),
        monitoring_tool_names: at(197352),
        interned_strings: at(197416),
        ..RELEASE.interpreter_objects
    },
    thread_impl: ThreadImplLayout { size: at(17816), freelists: at(14240), ..RELEASE.thread_impl },
    gil: GilLayout {
        // The GIL of a free-threaded build can be switched on.
        enabled: at(0),
        last_holder: at(16),
        locked: at(24),
        cond: at(40),
        mutex: at(88),
        ..RELEASE.gil
    },
    frame_object: FrameObjectLayout {
        size: at(88),
        f_back: at(32),
        f_frame: at(40),
        f_trace: at(48),
        f_lineno: at(56),
        extra_locals: at(64),
        frame_data: at(80),
        ..RELEASE.frame_object
    },
    code: CodeLayout {
        size: at(224),
        argcount: at(68),
        posonlyargcount: at(72),
        kwonlyargcount: at(76),
        nlocals: at(96),
        nlocalsplus: at(88),
        stacksize: at(80),
        flags: at(64),
        firstlineno: at(84),
        consts: at(40),
        names: at(48),
        localsplusnames: at(112),
        localspluskinds: at(120),
        filename: at(128),
        name: at(136),
        qualname: at(144),
        linetable: at(152),
        exceptiontable: at(56),
        code_adaptive: at(216),
        monitoring: at(192),
        ..RELEASE.code
    },
    // Include/object.h: owner, mutex, collector's bits, local and shared count.
    object: ObjectLayout {
        size: at(32),
        ob_refcnt: Slot::ABSENT,
        ob_type: at(24),
        ob_tid: at(0),
        ob_mutex: at(10),
        ob_gc_bits: at(11),
        ob_ref_local: at(12),
        ob_ref_shared: at(16),
        ..RELEASE.object
    },
    var_object: VarObjectLayout { size: at(40), ob_size: at(32), ..RELEASE.var_object },
    type_object: TypeLayout {
        size: at(432),
        name: at(40),
        basicsize: at(48),
        itemsize: at(56),
        dealloc: at(64),
        repr: at(104),
        flags: at(184),
        traverse: at(200),
        clear: at(208),
        weaklistoffset: at(224),
        weaklist: at(384),
        members: at(256),
        base: at(272),
        dict: at(280),
        dictoffset: at(304),
        bases: at(352),
        mro: at(360),
        subclasses: at(376),
        ..RELEASE.type_object
    },
    heap_type: HeapTypeLayout {
        size: at(944),
        name: at(872),
        slots: at(880),
        qualname: at(888),
        cached_keys: at(896),
        module: at(904),
        ..RELEASE.heap_type
    },
    long: LongLayout { tag: at(32), digits: at(40), ..RELEASE.long },
    float: FloatLayout { fval: at(32), ..RELEASE.float },
    complex: ComplexLayout { cval: at(32), ..RELEASE.complex },
    unicode: UnicodeLayout { ascii_size: at(56), length: at(32), state: at(48), ..RELEASE.unicode },
    unicode_compact: UnicodeCompactLayout {
        size: at(72),
        utf8_length: at(56),
        utf8: at(64),
        ..RELEASE.unicode_compact
    },
    unicode_object: UnicodeObjectLayout { size: at(80), data: at(72), ..RELEASE.unicode_object },
    bytes: BytesLayout { sval: at(48), ..RELEASE.bytes },
    bytearray: ByteArrayLayout { alloc: at(40), start: at(56), exports: at(64), ..RELEASE.bytearray },
    tuple: TupleLayout { items: at(40), ..RELEASE.tuple },
    list: ListLayout { items: at(40), allocated: at(48), ..RELEASE.list },
    dict: DictLayout { size: at(64), used: at(32), keys: at(48), values: at(56), ..RELEASE.dict },
    set: SetLayout { fill: at(32), used: at(40), mask: at(48), table: at(56), ..RELEASE.set },
    generator: GeneratorLayout {
        size: at(96),
        name: at(40),
        qualname: at(48),
        exc_state: at(56),
        frame_state: at(83),
        iframe: at(88),
        ..RELEASE.generator
    },
    cell: CellLayout { contents: at(32), ..RELEASE.cell },
    function: FunctionLayout {
        globals: at(32),
        builtins: at(40),
        name: at(48),
        qualname: at(56),
        code: at(64),
        defaults: at(72),
        kwdefaults: at(80),
        closure: at(88),
        doc: at(96),
        dict: at(104),
        module: at(120),
        ..RELEASE.function
    },
    method: MethodLayout { func: at(32), self_obj: at(40), ..RELEASE.method },
    cfunction: CFunctionLayout { ml: at(32), self_obj: at(40), module: at(48), ..RELEASE.cfunction },
    module: ModuleLayout { dict: at(32), def: at(40), state: at(48), name: at(64), ..RELEASE.module },
    module_def: ModuleDefLayout { name: at(56), size_field: at(72), methods: at(80), ..RELEASE.module_def },
    descr: DescrLayout { size: at(56), d_type: at(32), d_name: at(40), d_qualname: at(48), ..RELEASE.descr },
    member_descr: MemberDescrLayout { member: at(56), ..RELEASE.member_descr },
    exception: ExceptionLayout {
        size: at(88),
        dict: at(32),
        args: at(40),
        notes: at(48),
        traceback: at(56),
        context: at(64),
        cause: at(72),
        suppress_context: at(80),
        ..RELEASE.exception
    },
    traceback: TracebackLayout { next: at(32), frame: at(40), lasti: at(48), lineno: at(52), ..RELEASE.traceback },
    gc: GcLayout { generations: at(24), ..RELEASE.gc },
    mi_segment: MiSegmentLayout { size: at(49512), ..RELEASE.mi_segment },
    mi_page: MiPageLayout { size: at(96), ..RELEASE.mi_page },
    array: ArrayLayout { items: at(40), descr: at(56), ..RELEASE.array },
    deque: DequeLayout {
        leftblock: at(40),
        rightblock: at(48),
        leftindex: at(56),
        rightindex: at(64),
        maxlen: at(80),
        ..RELEASE.deque
    },
    defaultdict: DefaultDictLayout { default_factory: at(64), ..RELEASE.defaultdict },
    odict: ODictLayout { first: at(64), last: at(72), fast_nodes_size: at(88), ..RELEASE.odict },
    range: RangeLayout { start: at(32), stop: at(40), step: at(48), length: at(56), ..RELEASE.range },
    slice: SliceLayout { start: at(32), stop: at(40), step: at(48), ..RELEASE.slice },
    memoryview: MemoryViewLayout {
        flags: at(56),
        buf: at(72),
        obj: at(80),
        len: at(88),
        itemsize: at(96),
        readonly: at(104),
        ndim: at(108),
        format: at(112),
        shape: at(120),
        strides: at(128),
        suboffsets: at(136),
        ..RELEASE.memoryview
    },
    weakref: WeakrefLayout { object: at(32), callback: at(40), ..RELEASE.weakref },
    property: PropertyLayout { get: at(32), set: at(40), del: at(48), ..RELEASE.property },
    staticmethod: StaticMethodLayout { callable: at(32), ..RELEASE.staticmethod },
    classmethod: ClassMethodLayout { callable: at(32), ..RELEASE.classmethod },
    mappingproxy: MappingProxyLayout { mapping: at(32), ..RELEASE.mappingproxy },
    method_wrapper: MethodWrapperLayout { descr: at(32), self_obj: at(40), ..RELEASE.method_wrapper },
    super_object: SuperLayout { class: at(32), obj: at(40), obj_type: at(48), ..RELEASE.super_object },
    dict_view: DictViewLayout { dict: at(32), ..RELEASE.dict_view },
    partial: PartialLayout { func: at(32), args: at(40), kwargs: at(48), ..RELEASE.partial },
    namespace: NamespaceLayout { dict: at(32), ..RELEASE.namespace },
    generic_alias: GenericAliasLayout { origin: at(32), args: at(40), starred: at(64), ..RELEASE.generic_alias },
    union_type: UnionTypeLayout { args: at(32), ..RELEASE.union_type },
    type_alias: TypeAliasLayout { name: at(32), value: at(56), ..RELEASE.type_alias },
    type_var: TypeVarLayout {
        name: at(32),
        covariant: at(88),
        contravariant: at(89),
        infer_variance: at(90),
        ..RELEASE.type_var
    },
    param_spec: ParamSpecLayout {
        name: at(32),
        covariant: at(64),
        contravariant: at(65),
        infer_variance: at(66),
        ..RELEASE.param_spec
    },
    type_var_tuple: TypeVarTupleLayout { name: at(32), ..RELEASE.type_var_tuple },
    context_var: ContextVarLayout { name: at(32), default: at(40), ..RELEASE.context_var },
    date: DateLayout { data: at(41), ..RELEASE.date },
    datetime: DateTimeLayout { hastzinfo: at(40), data: at(41), fold: at(51), tzinfo: at(56), ..RELEASE.datetime },
    time: TimeLayout { hastzinfo: at(40), data: at(41), fold: at(47), tzinfo: at(48), ..RELEASE.time },
    timedelta: TimeDeltaLayout { days: at(40), seconds: at(44), microseconds: at(48), ..RELEASE.timedelta },
    timezone: TimeZoneLayout { offset: at(32), name: at(40), ..RELEASE.timezone },
    decimal: DecimalLayout {
        flags: at(40),
        exp: at(48),
        digits: at(56),
        len: at(64),
        alloc: at(72),
        data: at(80),
        ..RELEASE.decimal
    },
    seq_iter: SeqIterLayout { index: at(32), seq: at(40), ..RELEASE.seq_iter },
    list_iter: ListIterLayout { index: at(32), seq: at(40), ..RELEASE.list_iter },
    tuple_iter: TupleIterLayout { index: at(32), seq: at(40), ..RELEASE.tuple_iter },
    dict_iter: DictIterLayout { dict: at(32), used: at(40), pos: at(48), len: at(64), ..RELEASE.dict_iter },
    set_iter: SetIterLayout { set: at(32), used: at(40), pos: at(48), len: at(56), ..RELEASE.set_iter },
    range_iter: RangeIterLayout { start: at(32), step: at(40), len: at(48), ..RELEASE.range_iter },
    enumerate: EnumerateLayout { index: at(32), iter: at(40), long_index: at(56), ..RELEASE.enumerate },
    lock: LockLayout { locked: at(32), ..RELEASE.lock },
    rlock: RLockLayout { owner: at(40), count: at(48), rlock_lock: at(32), ..RELEASE.rlock },
    future: FutureLayout {
        loop_obj: at(32),
        callback0: at(40),
        callbacks: at(56),
        exception: at(64),
        result: at(80),
        source_tb: at(88),
        state: at(112),
        cancel_msg: at(96),
        ..RELEASE.future
    },
    task: TaskLayout {
        loop_obj: at(32),
        exception: at(64),
        result: at(80),
        state: at(112),
        fut_waiter: at(128),
        coro: at(136),
        name: at(144),
        context: at(152),
        must_cancel: at(116),
        num_cancels_requested: at(120),
        ..RELEASE.task
    },
    os_error: OsErrorLayout {
        errno: at(88),
        strerror: at(96),
        filename: at(104),
        filename2: at(112),
        ..RELEASE.os_error
    },
    system_exit: SystemExitLayout { code: at(88), ..RELEASE.system_exit },
    stop_iteration: StopIterationLayout { value: at(88), ..RELEASE.stop_iteration },
    exception_group: ExceptionGroupLayout { msg: at(88), excs: at(96), ..RELEASE.exception_group },
    unicode_error: UnicodeErrorLayout {
        encoding: at(88),
        object: at(96),
        start: at(104),
        end: at(112),
        reason: at(120),
        ..RELEASE.unicode_error
    },
    syntax_error: SyntaxErrorLayout {
        msg: at(88),
        filename: at(96),
        lineno: at(104),
        offset: at(112),
        text: at(136),
        ..RELEASE.syntax_error
    },
    import_error: ImportErrorLayout { msg: at(88), name: at(96), path: at(104), ..RELEASE.import_error },
    file_io: FileIoLayout { fd: at(32), ..RELEASE.file_io },
    ctypes_data: CtypesDataLayout { ptr: at(32), size_field: at(56), ..RELEASE.ctypes_data },
    ..RELEASE
};

/// `--disable-gil --with-pydebug`. Offsets of 3.13.5 (headers, the rest as in 3.13t).
pub const FREE_THREADED_DEBUG: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(346816),
        gilstate_auto_interpreter: at(25888),
        interned_strings: at(29840),
        ..FREE_THREADED.runtime
    },
    interpreter: InterpreterLayout {
        size: at(218112),
        types_builtins: at(186136),
        types_extensions: at(195752),
        eval_frame: at(8496),
        monitors: at(196304),
        obmalloc: at(17496),
        ..FREE_THREADED.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        dict: at(8472),
        sysdict_copy: at(8480),
        builtins_copy: at(8488),
        before_forkers: at(10656),
        after_forkers_parent: at(10664),
        after_forkers_child: at(10672),
        warnings_filters: at(10680),
        warnings_once: at(10688),
        atexit_callbacks: at(10736),
        audit_hooks: at(17504),
        errnomap: at(85808),
        ast: at(85864),
        type_cache: at(87824),
        types: at(87816),
        func_state: at(20168),
        monitoring_callables: at(196344),
        monitoring_tool_names: at(197432),
        interned_strings: at(197496),
        ..FREE_THREADED.interpreter_objects
    },
    thread_impl: ThreadImplLayout { size: at(20224), freelists: at(16640), ..FREE_THREADED.thread_impl },
    mi_segment: MiSegmentLayout { size: at(57720), ..FREE_THREADED.mi_segment },
    mi_page: MiPageLayout { size: at(112), xthread_free: at(56), next: at(72), ..FREE_THREADED.mi_page },
    ..FREE_THREADED
};

/// x86-64 Windows. Offsets of 3.13.0 (headers, the rest as in 3.13.0).
pub const WINDOWS: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(282304),
        gilstate_auto_interpreter: at(9120),
        interned_strings: at(13024),
        ..RELEASE_0.runtime
    },
    interpreter: InterpreterLayout {
        size: at(194760),
        threads_head: at(7336),
        threads_main: at(7344),
        modules: at(7648),
        importlib: at(7664),
        sysdict: at(7632),
        builtins: at(7640),
        gc: at(7392),
        gc_collecting: at(7592),
        own_gil: at(7736),
        finalizing: at(7376),
        types_builtins: at(182768),
        types_extensions: at(192384),
        eval_frame: at(8304),
        monitors: at(192936),
        obmalloc: at(10600),
        freelists: at(10752),
        ..RELEASE_0.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(7656),
        import_func: at(7680),
        codec_search_path: at(7792),
        codec_search_cache: at(7800),
        codec_error_registry: at(7808),
        dict: at(8280),
        sysdict_copy: at(8288),
        builtins_copy: at(8296),
        before_forkers: Slot::ABSENT,
        after_forkers_parent: Slot::ABSENT,
        after_forkers_child: Slot::ABSENT,
        warnings_filters: at(10464),
        warnings_once: at(10472),
        atexit_callbacks: at(10512),
        audit_hooks: at(10608),
        errnomap: at(82440),
        ast: at(82496),
        type_cache: at(84456),
        types: at(84448),
        func_state: at(16800),
        monitoring_callables: at(192976),
        monitoring_tool_names: at(194064),
        interned_strings: at(194128),
        ..RELEASE_0.interpreter_objects
    },
    thread: ThreadLayout {
        size: at(296),
        native_thread_id: at(156),
        exc_state: at(248),
        datastack_chunk: at(224),
        datastack_top: at(232),
        datastack_limit: at(240),
        context: at(200),
        ..RELEASE_0.thread
    },
    thread_impl: ThreadImplLayout { size: at(328), asyncio_running_loop: at(296), ..RELEASE_0.thread_impl },
    gil: GilLayout { cond: at(24), mutex: at(32), ..RELEASE_0.gil },
    gc: GcLayout { generations: at(24), ..RELEASE_0.gc },
    range_iter: RangeIterLayout { step: at(20), len: at(24), ..RELEASE_0.range_iter },
    rlock: RLockLayout::NONE,
    ..RELEASE_0
};

/// x86-64 Windows, `--disable-gil`. Offsets of 3.13.5 (headers, the rest as in 3.13t).
pub const WINDOWS_FREE_THREADED: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(327360),
        gilstate_auto_interpreter: at(9120),
        interned_strings: at(13024),
        ..FREE_THREADED.runtime
    },
    interpreter: InterpreterLayout {
        size: at(215424),
        threads_head: at(7336),
        threads_main: at(7344),
        modules: at(7656),
        importlib: at(7672),
        sysdict: at(7640),
        builtins: at(7648),
        gc: at(7392),
        gc_collecting: at(7592),
        own_gil: at(7744),
        finalizing: at(7376),
        types_builtins: at(185864),
        types_extensions: at(195480),
        eval_frame: at(8312),
        monitors: at(196032),
        obmalloc: at(17240),
        ..FREE_THREADED.interpreter
    },
    interpreter_objects: InterpreterObjectsLayout {
        modules_by_index: at(7664),
        import_func: at(7688),
        codec_search_path: at(7800),
        codec_search_cache: at(7808),
        codec_error_registry: at(7816),
        dict: at(8288),
        sysdict_copy: at(8296),
        builtins_copy: at(8304),
        before_forkers: Slot::ABSENT,
        after_forkers_parent: Slot::ABSENT,
        after_forkers_child: Slot::ABSENT,
        warnings_filters: at(10472),
        warnings_once: at(10480),
        atexit_callbacks: at(10520),
        audit_hooks: at(17248),
        errnomap: at(85536),
        ast: at(85592),
        type_cache: at(87552),
        types: at(87544),
        func_state: at(19896),
        monitoring_callables: at(196072),
        monitoring_tool_names: at(197160),
        interned_strings: at(197224),
        ..FREE_THREADED.interpreter_objects
    },
    thread: ThreadLayout {
        size: at(296),
        native_thread_id: at(156),
        exc_state: at(248),
        datastack_chunk: at(224),
        datastack_top: at(232),
        datastack_limit: at(240),
        context: at(200),
        ..FREE_THREADED.thread
    },
    thread_impl: ThreadImplLayout {
        size: at(17808),
        asyncio_running_loop: at(296),
        freelists: at(14232),
        ..FREE_THREADED.thread_impl
    },
    gil: GilLayout { last_holder: at(8), locked: at(16), cond: at(24), mutex: at(32), ..FREE_THREADED.gil },
    range_iter: RangeIterLayout { step: at(36), len: at(40), ..FREE_THREADED.range_iter },
    rlock: RLockLayout::NONE,
    ..FREE_THREADED
};
