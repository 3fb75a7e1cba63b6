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
        monitors: at(381744),
        obmalloc: at(3960),
        ..v3_11::RELEASE.interpreter
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
    runtime: RuntimeLayout { size: at(475960), gilstate_auto_interpreter: at(18560), ..RELEASE.runtime },
    interpreter: InterpreterLayout {
        size: at(383568),
        types_builtins: at(373720),
        monitors: at(381760),
        ..RELEASE.interpreter
    },
    ..RELEASE
};

/// x86-64 Windows. Offsets of 3.12.1 (headers, the rest as in 3.12).
pub const WINDOWS: Layouts = Layouts {
    runtime: RuntimeLayout { size: at(459008), gilstate_auto_interpreter: at(1792), ..RELEASE.runtime },
    interpreter: InterpreterLayout {
        size: at(383432),
        own_gil: at(1024),
        types_builtins: at(373592),
        monitors: at(381632),
        obmalloc: Slot::ABSENT,
        ..RELEASE.interpreter
    },
    thread: ThreadLayout {
        size: at(280),
        native_thread_id: at(140),
        exc_state: at(248),
        datastack_chunk: at(224),
        datastack_top: at(232),
        datastack_limit: at(240),
        ..RELEASE.thread
    },
    gil: GilLayout { cond: at(24), mutex: at(40), ..RELEASE.gil },
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
