//! CPython 3.13. Printed from `fixtures/layouts/` by `tests/tools/regenerate-layouts`; comments are in `notes.txt` there.

use super::v3_12;
use crate::cpython::layout::*;

/// Release build. Offsets of 3.13.5 (headers).
pub const RELEASE: Layouts = Layouts {
    runtime: RuntimeLayout {
        size: at(283376),
        finalizing: at(608),
        initialized: at(600),
        interpreters_head: at(632),
        interpreters_main: at(640),
        gilstate_auto_interpreter: at(9888),
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
        monitors: at(193136),
        ..v3_12::RELEASE.interpreter
    },
    thread: ThreadLayout {
        size: at(304),
        cframe: Slot::ABSENT,
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
        ..v3_12::RELEASE.thread
    },
    thread_impl: ThreadImplLayout { size: at(336), asyncio_running_loop: at(304), ..ThreadImplLayout::NONE },
    cframe: CFrameLayout::NONE,
    frame_object: FrameObjectLayout { size: at(72), frame_data: at(64), ..v3_12::RELEASE.frame_object },
    code: CodeLayout { size: at(208), code_adaptive: at(200), monitoring: at(176), ..v3_12::RELEASE.code },
    co_monitoring: CoMonitoringLayout { lines: at(32), ..v3_12::RELEASE.co_monitoring },
    co_line_data: CoLineDataLayout { bytes_per_entry: at(0), data: at(1), ..CoLineDataLayout::NONE },
    heap_type: HeapTypeLayout { size: at(928), ..v3_12::RELEASE.heap_type },
    static_type_state: StaticTypeStateLayout { size: at(48), dict: at(24), ..v3_12::RELEASE.static_type_state },
    dict_values: DictValuesLayout {
        capacity: at(0),
        used: at(1),
        embedded: at(2),
        valid: at(3),
        values: at(8),
        ..v3_12::RELEASE.dict_values
    },
    ..v3_12::RELEASE
};

/// `--with-pydebug`. Offsets of 3.13.5 (headers).
pub const DEBUG: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(299392), gilstate_auto_interpreter: at(25880), ..RELEASE.runtime },
    interpreter: InterpreterLayout {
        size: at(194992),
        types_builtins: at(182984),
        types_extensions: at(192600),
        monitors: at(193152),
        ..RELEASE.interpreter
    },
    ..RELEASE
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
        monitors: at(196224),
        ..RELEASE.interpreter
    },
    thread_impl: ThreadImplLayout { size: at(17816), ..RELEASE.thread_impl },
    gil: GilLayout { enabled: at(0), last_holder: at(16), locked: at(24), ..RELEASE.gil },
    frame_object: FrameObjectLayout {
        size: at(88),
        f_back: at(32),
        f_frame: at(40),
        f_trace: at(48),
        f_lineno: at(56),
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
    module: ModuleLayout { dict: at(32), def: at(40), name: at(64), ..RELEASE.module },
    module_def: ModuleDefLayout { name: at(56), methods: at(80), ..RELEASE.module_def },
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
    ..RELEASE
};

/// `--disable-gil --with-pydebug`. Offsets of 3.13.5 (headers).
pub const FREE_THREADED_DEBUG: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(346816), gilstate_auto_interpreter: at(25888), ..FREE_THREADED.runtime },
    interpreter: InterpreterLayout {
        size: at(218112),
        types_builtins: at(186136),
        types_extensions: at(195752),
        monitors: at(196304),
        ..FREE_THREADED.interpreter
    },
    thread_impl: ThreadImplLayout { size: at(20224), ..FREE_THREADED.thread_impl },
    ..FREE_THREADED
};
