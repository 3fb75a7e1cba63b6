//! Every CPython struct field that is ever read, declared once.
//!
//! A line reads: our field name, then the C member paths it goes by (first that exists wins). `size` is `sizeof`.
//! After a change run `tests/tools/regenerate-layouts`.

use super::fields::{FieldInfo, layouts};
use super::slot::Slot;

layouts! {
    /// `_PyRuntimeState` (Include/internal/pycore_runtime.h).
    runtime: RuntimeLayout ["pyruntimestate", "_PyRuntimeState"] {
        size [],
        finalizing ["_finalizing", "finalizing", "_finalizing._value", "finalizing._value"],
        initialized ["initialized"],
        interpreters_head ["interpreters.head"],
        interpreters_main ["interpreters.main"],
        gilstate_tstate_current ["gilstate.tstate_current"],
        gilstate_auto_interpreter ["gilstate.autoInterpreterState"],
        gc_collecting ["gc.collecting"],
        ceval_gil ["ceval.gil"],
        // 3.12+: static strings alone.
        interned_strings ["cached_objects.interned_strings"],
    }
    /// `PyInterpreterState` (Include/internal/pycore_interp.h).
    interpreter: InterpreterLayout ["_is", "PyInterpreterState"] {
        size [],
        next ["next"],
        id ["id"],
        threads_head ["threads.head", "tstate_head"],
        threads_main ["threads.main"],
        modules ["imports.modules", "modules"],
        importlib ["imports.importlib", "importlib"],
        sysdict ["sysdict"],
        builtins ["builtins"],
        gc ["gc"],
        gc_collecting ["gc.collecting"],
        gc_frame ["gc.frame"],
        ceval_gil ["ceval.gil"],
        own_gil ["_gil"],
        finalizing ["_finalizing", "finalizing", "_finalizing._value"],
        types_builtins ["types.builtins.initialized", "types.builtins"],
        types_extensions ["types.for_extensions.initialized"],
        asyncio_tasks_head ["asyncio_tasks_head"],
        eval_frame ["eval_frame"],
        monitors ["monitors"],
        // In the state itself (3.12), later a pointer to it: `Dialect::obmalloc` says which.
        obmalloc ["obmalloc"],
        // 3.13+; until then free lists are members of the state itself, see `freelists`.
        freelists ["object_state.freelists"],
    }
    /// Objects that a `PyInterpreterState` refers to, and members in which such are (Include/internal/pycore_interp.h,
    /// 3.14+ pycore_interp_structs.h).
    interpreter_objects: InterpreterObjectsLayout ["_is", "PyInterpreterState"] {
        modules_by_index ["imports.modules_by_index", "modules_by_index"],
        import_func ["imports.import_func", "import_func"],
        codec_search_path ["codecs.search_path", "codec_search_path"],
        codec_search_cache ["codecs.search_cache", "codec_search_cache"],
        codec_error_registry ["codecs.error_registry", "codec_error_registry"],
        dict ["dict"],
        sysdict_copy ["sysdict_copy"],
        builtins_copy ["builtins_copy"],
        before_forkers ["before_forkers"],
        after_forkers_parent ["after_forkers_parent"],
        after_forkers_child ["after_forkers_child"],
        warnings_filters ["warnings.filters"],
        warnings_once ["warnings.once_registry"],
        atexit_callbacks ["atexit.callbacks"],
        exit_module ["pyexitmodule"],
        audit_hooks ["audit_hooks"],
        small_ints ["small_ints"],
        errnomap ["exc_state.errnomap"],
        ast ["ast"],
        type_cache ["types.type_cache", "type_cache"],
        types ["types"],
        type_version_cache ["types.type_version_cache"],
        func_state ["func_state"],
        monitoring_callables ["monitoring_callables"],
        monitoring_tool_names ["monitoring_tool_names"],
        interned_strings ["cached_objects.interned_strings"],
    }
    /// `struct type_cache` (3.10+, Include/internal/pycore_interp.h, 3.14+ pycore_interp_structs.h).
    type_cache: TypeCacheLayout ["type_cache"] {
        size [],
    }
    /// `struct types_state` (3.12+).
    types_state: TypesStateLayout ["types_state"] {
        size [],
    }
    /// `struct _py_func_state` (3.11+).
    func_state: FuncStateLayout ["_py_func_state"] {
        size [],
    }
    /// `struct ast_state` (3.10+, Include/internal/pycore_ast_state.h).
    ast_state: AstStateLayout ["ast_state"] {
        size [],
    }
    /// Lists of freed objects that are kept for later: `_Py_object_freelists` (3.13), `_Py_freelists` (3.14+); of 3.10 to 3.12
    /// the members of `PyInterpreterState`.
    freelists: FreelistsLayout ["_Py_object_freelists", "_Py_freelists", "_is"] {
        floats ["floats.items", "floats.freelist", "float_state.free_list"],
        floats_count ["floats.numfree", "floats.size", "float_state.numfree"],
        complexes ["complexes.freelist"],
        complexes_count ["complexes.size"],
        ints ["ints.freelist"],
        ints_count ["ints.size"],
        // One for each length; 3.14+ each with its count.
        tuples ["tuples.items", "tuples", "tuple.free_list"],
        tuples_count ["tuples.numfree", "tuple.numfree"],
        lists ["lists.items", "lists.freelist", "list.free_list"],
        lists_count ["lists.numfree", "lists.size", "list.numfree"],
        list_iters ["list_iters.freelist"],
        list_iters_count ["list_iters.size"],
        tuple_iters ["tuple_iters.freelist"],
        tuple_iters_count ["tuple_iters.size"],
        dicts ["dicts.items", "dicts.freelist", "dict_state.free_list"],
        dicts_count ["dicts.numfree", "dicts.size", "dict_state.numfree"],
        dictkeys ["dictkeys.items", "dictkeys.freelist", "dict_state.keys_free_list"],
        dictkeys_count ["dictkeys.numfree", "dictkeys.size", "dict_state.keys_numfree"],
        frames ["frame.free_list"],
        frames_count ["frame.numfree"],
        slices ["slices.slice_cache", "slices.freelist", "slice_cache"],
        slices_count ["slices.size"],
        ranges ["ranges.freelist"],
        ranges_count ["ranges.size"],
        range_iters ["range_iters.freelist"],
        range_iters_count ["range_iters.size"],
        contexts ["contexts.items", "contexts.freelist", "context.freelist"],
        contexts_count ["contexts.numfree", "contexts.size", "context.numfree"],
        async_gens ["async_gens.items", "async_gens.freelist", "async_gen.value_freelist"],
        async_gens_count ["async_gens.numfree", "async_gens.size", "async_gen.value_numfree"],
        async_gen_asends ["async_gen_asends.items", "async_gen_asends.freelist", "async_gen.asend_freelist"],
        async_gen_asends_count ["async_gen_asends.numfree", "async_gen_asends.size", "async_gen.asend_numfree"],
        futureiters ["futureiters.freelist"],
        futureiters_count ["futureiters.size"],
        object_stack_chunks ["object_stacks.items", "object_stack_chunks.freelist"],
        object_stack_chunks_count ["object_stacks.numfree", "object_stack_chunks.size"],
        unicode_writers ["unicode_writers.freelist"],
        unicode_writers_count ["unicode_writers.size"],
        bytes_writers ["bytes_writers.freelist"],
        bytes_writers_count ["bytes_writers.size"],
        cfunctions ["pycfunctionobject.freelist"],
        cfunctions_count ["pycfunctionobject.size"],
        cmethods ["pycmethodobject.freelist"],
        cmethods_count ["pycmethodobject.size"],
        methods ["pymethodobjects.freelist"],
        methods_count ["pymethodobjects.size"],
    }
    /// `PyThreadState` / `_PyThreadStateImpl` (Include/cpython/pystate.h, pycore_tstate.h).
    thread: ThreadLayout ["_ts", "PyThreadState"] {
        size [],
        prev ["prev"],
        next ["next"],
        interp ["interp"],
        frame ["frame"],
        cframe ["cframe"],
        current_frame ["current_frame"],
        thread_id ["thread_id"],
        native_thread_id ["native_thread_id"],
        status ["_status"],
        state ["state"],
        holds_gil ["holds_gil"],
        gil_requested ["gil_requested"],
        base_frame ["base_frame"],
        curexc_type ["curexc_type"],
        curexc_value ["curexc_value"],
        curexc_traceback ["curexc_traceback"],
        current_exception ["current_exception"],
        exc_info ["exc_info"],
        exc_state ["exc_state", "exc_type"],
        datastack_chunk ["datastack_chunk"],
        datastack_top ["datastack_top"],
        datastack_limit ["datastack_limit"],
        recursion_depth ["recursion_depth"],
        recursion_limit ["recursion_limit"],
        recursion_remaining ["recursion_remaining"],
        py_recursion_remaining ["py_recursion_remaining"],
        py_recursion_limit ["py_recursion_limit"],
        c_recursion_remaining ["c_recursion_remaining"],
        async_exc ["async_exc"],
        tracing ["tracing"],
        overflowed ["overflowed"],
        profile_object ["c_profileobj"],
        trace_object ["c_traceobj"],
        dict ["dict"],
        context ["context"],
    }
    /// `_PyThreadStateImpl` (3.12+, Include/internal/pycore_tstate.h): it starts with the `PyThreadState`.
    thread_impl: ThreadImplLayout ["_PyThreadStateImpl"] {
        size [],
        base_frame ["base_frame"],
        refcounts_values ["refcounts.values"],
        refcounts_size ["refcounts.size"],
        c_stack_top ["c_stack_top"],
        c_stack_soft_limit ["c_stack_soft_limit"],
        c_stack_hard_limit ["c_stack_hard_limit"],
        asyncio_running_loop ["asyncio_running_loop"],
        asyncio_running_task ["asyncio_running_task"],
        asyncio_tasks_head ["asyncio_tasks_head"],
        // Free-threaded builds.
        freelists ["freelists"],
    }
    /// `_PyCFrame` (3.10 to 3.12; named `CFrame` in 3.10).
    cframe: CFrameLayout ["_PyCFrame", "_cframe", "CFrame"] {
        current_frame ["current_frame"],
        previous ["previous"],
    }
    /// `_Py_hashtable_t` (Include/internal/pycore_hashtable.h).
    hashtable: HashtableLayout ["_Py_hashtable_t"] {
        nentries ["nentries"],
        nbuckets ["nbuckets"],
        buckets ["buckets"],
    }
    /// `_Py_hashtable_entry_t`: it begins with the link to the next one of its bucket.
    hashtable_entry: HashtableEntryLayout ["_Py_hashtable_entry_t"] {
        key ["key"],
    }
    /// `struct _gil_runtime_state` (Include/internal/pycore_gil.h).
    gil: GilLayout ["_gil_runtime_state"] {
        enabled ["enabled"],
        last_holder ["last_holder", "last_holder._value"],
        locked ["locked", "locked._value"],
        cond ["cond"],
        mutex ["mutex"],
    }
    /// `_PyErr_StackItem` (Include/cpython/pystate.h).
    exc_stack: ExcStackLayout ["_err_stackitem", "_PyErr_StackItem"] {
        exc_type ["exc_type"],
        exc_value ["exc_value"],
        exc_traceback ["exc_traceback"],
        previous_item ["previous_item"],
    }
    /// `_PyStackChunk` (3.11+).
    stack_chunk: StackChunkLayout ["_stack_chunk", "_PyStackChunk"] {
        previous ["previous"],
        size_field ["size"],
        top ["top"],
        data ["data"],
    }
    /// `_PyInterpreterFrame` (3.11+, Include/internal/pycore_frame.h, pycore_interpframe_structs.h).
    frame: FrameLayout ["_PyInterpreterFrame"] {
        size [],
        previous ["previous"],
        executable ["f_executable", "f_executable.bits", "f_code"],
        funcobj ["f_funcobj", "f_funcobj.bits", "f_func"],
        globals ["f_globals"],
        builtins ["f_builtins"],
        locals ["f_locals"],
        frame_obj ["frame_obj"],
        instr_ptr ["instr_ptr", "prev_instr"],
        stacktop ["stacktop"],
        stackpointer ["stackpointer"],
        return_offset ["return_offset"],
        owner ["owner"],
        is_entry ["is_entry"],
        tlbc_index ["tlbc_index"],
        localsplus ["localsplus"],
    }
    /// `PyFrameObject` (Include/cpython/frameobject.h, 3.11+ pycore_frame.h).
    frame_object: FrameObjectLayout ["_frame", "PyFrameObject"] {
        size [],
        f_back ["f_back"],
        f_frame ["f_frame"],
        f_code ["f_code"],
        f_builtins ["f_builtins"],
        f_globals ["f_globals"],
        f_locals ["f_locals"],
        f_valuestack ["f_valuestack"],
        f_stacktop ["f_stacktop"],
        f_stackdepth ["f_stackdepth"],
        f_trace ["f_trace"],
        f_gen ["f_gen"],
        f_lasti ["f_lasti"],
        f_lineno ["f_lineno"],
        f_executing ["f_executing"],
        f_state ["f_state"],
        f_iblock ["f_iblock"],
        f_blockstack ["f_blockstack"],
        f_localsplus ["f_localsplus"],
        extra_locals ["f_extra_locals"],
        frame_data ["_f_frame_data"],
    }
    /// `PyCodeObject` (Include/cpython/code.h).
    code: CodeLayout ["PyCodeObject"] {
        size [],
        argcount ["co_argcount"],
        posonlyargcount ["co_posonlyargcount"],
        kwonlyargcount ["co_kwonlyargcount"],
        nlocals ["co_nlocals"],
        nlocalsplus ["co_nlocalsplus"],
        stacksize ["co_stacksize"],
        flags ["co_flags"],
        firstlineno ["co_firstlineno"],
        code ["co_code"],
        consts ["co_consts"],
        names ["co_names"],
        varnames ["co_varnames"],
        freevars ["co_freevars"],
        cellvars ["co_cellvars"],
        cell2arg ["co_cell2arg"],
        localsplusnames ["co_localsplusnames"],
        localspluskinds ["co_localspluskinds"],
        filename ["co_filename"],
        name ["co_name"],
        qualname ["co_qualname"],
        linetable ["co_linetable", "co_lnotab"],
        exceptiontable ["co_exceptiontable"],
        code_adaptive ["co_code_adaptive"],
        tlbc ["co_tlbc"],
        monitoring ["_co_monitoring"],
        unique_id ["_co_unique_id"],
    }
    /// `_PyCoMonitoringData` (3.12+).
    co_monitoring: CoMonitoringLayout ["_PyCoMonitoringData"] {
        lines ["lines"],
    }
    /// `_PyCoLineInstrumentationData` (3.13+; in 3.12 the lines pointer is an array of line deltas).
    co_line_data: CoLineDataLayout ["_PyCoLineInstrumentationData"] {
        bytes_per_entry ["bytes_per_entry"],
        data ["data"],
    }
    /// `PyObject` (Include/object.h).
    object: ObjectLayout ["_object", "PyObject"] {
        size [],
        ob_refcnt ["ob_refcnt"],
        ob_type ["ob_type"],
        ob_tid ["ob_tid"],
        ob_flags ["ob_flags"],
        ob_mutex ["ob_mutex"],
        ob_gc_bits ["ob_gc_bits"],
        ob_ref_local ["ob_ref_local"],
        ob_ref_shared ["ob_ref_shared"],
    }
    /// `PyVarObject`.
    var_object: VarObjectLayout ["PyVarObject"] {
        size [],
        ob_size ["ob_size"],
    }
    /// `PyTypeObject` (Include/cpython/object.h).
    type_object: TypeLayout ["_typeobject", "PyTypeObject"] {
        size [],
        name ["tp_name"],
        basicsize ["tp_basicsize"],
        itemsize ["tp_itemsize"],
        dealloc ["tp_dealloc"],
        repr ["tp_repr"],
        flags ["tp_flags"],
        traverse ["tp_traverse"],
        clear ["tp_clear"],
        weaklistoffset ["tp_weaklistoffset"],
        weaklist ["tp_weaklist"],
        members ["tp_members"],
        base ["tp_base"],
        dict ["tp_dict"],
        dictoffset ["tp_dictoffset"],
        bases ["tp_bases"],
        mro ["tp_mro"],
        subclasses ["tp_subclasses"],
    }
    /// `PyHeapTypeObject`.
    heap_type: HeapTypeLayout ["_heaptypeobject", "PyHeapTypeObject"] {
        size [],
        name ["ht_name"],
        slots ["ht_slots"],
        qualname ["ht_qualname"],
        cached_keys ["ht_cached_keys"],
        module ["ht_module"],
        unique_id ["unique_id"],
    }
    /// Per-interpreter state of a static builtin type (3.12+: `static_builtin_state`, `managed_static_type_state`).
    static_type_state: StaticTypeStateLayout ["static_builtin_state", "managed_static_type_state"] {
        size [],
        type_ptr ["type"],
        dict ["tp_dict"],
    }
    /// `PyLongObject`.
    long: LongLayout ["_longobject", "PyLongObject"] {
        tag ["long_value.lv_tag"],
        digits ["long_value.ob_digit", "ob_digit"],
    }
    /// `PyIntObject` (2.7, Include/intobject.h).
    plain_int: PlainIntLayout ["PyIntObject"] { value ["ob_ival"] }
    /// `PyFloatObject`.
    float: FloatLayout ["PyFloatObject"] { fval ["ob_fval"] }
    /// `PyComplexObject`.
    complex: ComplexLayout ["PyComplexObject"] { cval ["cval"] }
    /// `PyASCIIObject` and the objects that start with it.
    unicode: UnicodeLayout ["PyASCIIObject"] {
        ascii_size [],
        length ["length"],
        state ["state"],
        wstr ["wstr"],
    }
    /// `PyCompactUnicodeObject`.
    unicode_compact: UnicodeCompactLayout ["PyCompactUnicodeObject"] {
        size [],
        utf8_length ["utf8_length"],
        utf8 ["utf8"],
        wstr_length ["wstr_length"],
    }
    /// `PyUnicodeObject`.
    unicode_object: UnicodeObjectLayout ["PyUnicodeObject"] {
        size [],
        data ["data"],
        // 2.7: one array of `Py_UNICODE`.
        length ["length"],
        units ["str"],
    }
    /// `PyBytesObject` (2.7: `PyStringObject`).
    bytes: BytesLayout ["PyBytesObject", "PyStringObject"] { sval ["ob_sval"] }
    /// `PyByteArrayObject`.
    bytearray: ByteArrayLayout ["PyByteArrayObject"] {
        alloc ["ob_alloc"],
        start ["ob_start"],
        exports ["ob_exports"],
    }
    /// `PyTupleObject`.
    tuple: TupleLayout ["PyTupleObject"] { items ["ob_item"] }
    /// `PyListObject`.
    list: ListLayout ["PyListObject"] { items ["ob_item"], allocated ["allocated"] }
    /// `PyDictObject`.
    dict: DictLayout ["PyDictObject"] {
        size [],
        used ["ma_used"],
        keys ["ma_keys"],
        values ["ma_values"],
        // 2.7: one table of hash, key and value.
        mask ["ma_mask"],
        table ["ma_table"],
    }
    /// `PyDictKeysObject` (Objects/dict-common.h, 3.11+ pycore_dict.h).
    dict_keys: DictKeysLayout ["_dictkeysobject", "PyDictKeysObject"] {
        refcnt ["dk_refcnt"],
        dk_size ["dk_size"],
        log2_size ["dk_log2_size"],
        log2_index_bytes ["dk_log2_index_bytes"],
        kind ["dk_kind"],
        lookup ["dk_lookup"],
        usable ["dk_usable"],
        nentries ["dk_nentries"],
        indices ["dk_indices"],
    }
    /// `PyDictValues` (3.11+).
    dict_values: DictValuesLayout ["_dictvalues", "PyDictValues"] {
        capacity ["capacity"],
        used ["size"],
        embedded ["embedded"],
        valid ["valid"],
        values ["values"],
    }
    /// `PySetObject`.
    set: SetLayout ["PySetObject"] {
        fill ["fill"],
        used ["used"],
        mask ["mask"],
        table ["table"],
    }
    /// `PyGenObject`, `PyCoroObject`, `PyAsyncGenObject`.
    generator: GeneratorLayout ["PyGenObject"] {
        size [],
        frame ["gi_frame"],
        running ["gi_running"],
        code ["gi_code"],
        name ["gi_name"],
        qualname ["gi_qualname"],
        exc_state ["gi_exc_state"],
        frame_state ["gi_frame_state"],
        iframe ["gi_iframe"],
    }
    /// `PyCellObject`.
    cell: CellLayout ["PyCellObject"] { contents ["ob_ref"] }
    /// `PyFunctionObject`.
    function: FunctionLayout ["PyFunctionObject"] {
        globals ["func_globals"],
        builtins ["func_builtins"],
        name ["func_name"],
        qualname ["func_qualname"],
        code ["func_code"],
        defaults ["func_defaults"],
        kwdefaults ["func_kwdefaults"],
        closure ["func_closure"],
        doc ["func_doc"],
        dict ["func_dict"],
        module ["func_module"],
    }
    /// `PyMethodObject`.
    method: MethodLayout ["PyMethodObject"] { func ["im_func"], self_obj ["im_self"], class ["im_class"] }
    /// `PyClassObject` (2.7, Include/classobject.h).
    old_class: OldClassLayout ["PyClassObject"] { bases ["cl_bases"], dict ["cl_dict"], name ["cl_name"], getattr ["cl_getattr"] }
    /// `PyInstanceObject` (2.7).
    old_instance: OldInstanceLayout ["PyInstanceObject"] { class ["in_class"], dict ["in_dict"] }
    /// `PyCFunctionObject`.
    cfunction: CFunctionLayout ["PyCFunctionObject"] {
        ml ["m_ml"],
        self_obj ["m_self"],
        module ["m_module"],
    }
    /// `PyMethodDef`.
    method_def: MethodDefLayout ["PyMethodDef"] { name ["ml_name"], meth ["ml_meth"], flags ["ml_flags"] }
    /// `PyModuleObject` (Include/internal/pycore_moduleobject.h).
    module: ModuleLayout ["PyModuleObject"] {
        dict ["md_dict"],
        def ["md_def"],
        state ["md_state"],
        name ["md_name"],
        token ["md_token"],
        token_is_def ["md_token_is_def"],
    }
    /// `PyModuleDef`.
    module_def: ModuleDefLayout ["PyModuleDef"] { name ["m_name"], size_field ["m_size"], methods ["m_methods"] }
    /// `PyDescrObject` and its children.
    descr: DescrLayout ["PyDescrObject"] {
        size [],
        d_type ["d_type"],
        d_name ["d_name"],
        d_qualname ["d_qualname"],
    }
    /// `PyMemberDescrObject`.
    member_descr: MemberDescrLayout ["PyMemberDescrObject"] { member ["d_member"] }
    /// `PyMemberDef`.
    member_def: MemberDefLayout ["PyMemberDef"] {
        size [],
        name ["name"],
        kind ["type"],
        offset ["offset"],
        flags ["flags"],
    }
    /// `PyBaseExceptionObject`.
    exception: ExceptionLayout ["PyBaseExceptionObject"] {
        size [],
        dict ["dict"],
        args ["args"],
        notes ["notes"],
        traceback ["traceback"],
        context ["context"],
        cause ["cause"],
        suppress_context ["suppress_context"],
    }
    /// `PyTracebackObject`.
    traceback: TracebackLayout ["_traceback", "PyTracebackObject"] {
        next ["tb_next"],
        frame ["tb_frame"],
        lasti ["tb_lasti"],
        lineno ["tb_lineno"],
    }
    /// `struct _gc_runtime_state` members relative to `interpreter.gc` (3.9+) or `runtime.gc` (3.8).
    gc: GcLayout ["_gc_runtime_state"] {
        // Points to `generations` itself (until 3.14): Debian's 3.13 aligns the array to 4, others to 8.
        generation0 ["generation0"],
        generations ["generations", "young"],
        permanent ["permanent_generation"],
        collecting ["collecting"],
        frame ["frame"],
        enabled ["enabled"],
    }
    /// `struct gc_generation`: it starts with the `PyGC_Head` of its list.
    gc_generation: GcGenerationLayout ["gc_generation"] { size [], count ["count"] }
    /// `struct _obmalloc_state` (3.12+, Include/internal/pycore_obmalloc.h).
    obmalloc: ObmallocLayout ["_obmalloc_state"] { arenas ["mgmt.arenas"], maxarenas ["mgmt.maxarenas"] }
    /// `struct arena_object` (Objects/obmalloc.c, 3.12+ pycore_obmalloc.h).
    arena_object: ArenaObjectLayout ["arena_object"] {
        size [],
        address ["address"],
        pool_address ["pool_address"],
        ntotalpools ["ntotalpools"],
    }
    /// `struct pool_header`.
    pool_header: PoolHeaderLayout ["pool_header"] {
        size [],
        count ["ref.count"],
        freeblock ["freeblock"],
        arenaindex ["arenaindex"],
        szidx ["szidx"],
        nextoffset ["nextoffset"],
        maxnextoffset ["maxnextoffset"],
    }
    /// `mi_segment_t` (Include/internal/mimalloc/mimalloc/types.h, 3.13+).
    mi_segment: MiSegmentLayout ["mi_segment_s"] { size [], slice_entries ["slice_entries"], slices ["slices"] }
    /// `mi_page_t`, which is `mi_slice_t`.
    mi_page: MiPageLayout ["mi_page_s"] {
        size [],
        slice_count ["slice_count"],
        slice_offset ["slice_offset"],
        capacity ["capacity"],
        reserved ["reserved"],
        free ["free"],
        used ["used"],
        xblock_size ["xblock_size"],
        block_size ["block_size"],
        page_start ["page_start"],
        local_free ["local_free"],
        xthread_free ["xthread_free"],
        next ["next"],
    }
    /// `struct arraydescr` (Modules/arraymodule.c).
    array_descr: ArrayDescrLayout ["arraydescr"] { typecode ["typecode"], itemsize ["itemsize"] }
    /// `arrayobject`.
    array: ArrayLayout ["arrayobject"] { items ["ob_item"], descr ["ob_descr"] }
    /// `dequeobject` (Modules/_collectionsmodule.c).
    deque: DequeLayout ["dequeobject"] {
        leftblock ["leftblock"],
        rightblock ["rightblock"],
        leftindex ["leftindex"],
        rightindex ["rightindex"],
        maxlen ["maxlen"],
    }
    /// `BLOCK` of a deque: `data` has 64 items.
    deque_block: DequeBlockLayout ["BLOCK"] { leftlink ["leftlink"], data ["data"], rightlink ["rightlink"] }
    /// `defdictobject`.
    defaultdict: DefaultDictLayout ["defdictobject"] { default_factory ["default_factory"] }
    /// `PyODictObject` (Objects/odictobject.c).
    odict: ODictLayout ["_odictobject", "PyODictObject"] {
        first ["od_first"],
        last ["od_last"],
        fast_nodes_size ["od_fast_nodes_size"],
    }
    /// `_ODictNode`.
    odict_node: ODictNodeLayout ["_odictnode", "_ODictNode"] { size [], key ["key"], hash ["hash"], next ["next"] }
    /// `PyFrozenDictObject` (3.15).
    frozendict: FrozenDictLayout ["PyFrozenDictObject"] { hash ["ma_hash"] }
    /// `rangeobject` (Objects/rangeobject.c).
    range: RangeLayout ["rangeobject"] { start ["start"], stop ["stop"], step ["step"], length ["length"] }
    /// `PySliceObject`.
    slice: SliceLayout ["PySliceObject"] { start ["start"], stop ["stop"], step ["step"] }
    /// `PyMemoryViewObject` with its `Py_buffer`.
    memoryview: MemoryViewLayout ["PyMemoryViewObject"] {
        flags ["flags"],
        buf ["view.buf"],
        obj ["view.obj"],
        len ["view.len"],
        itemsize ["view.itemsize"],
        readonly ["view.readonly"],
        ndim ["view.ndim"],
        format ["view.format"],
        shape ["view.shape"],
        strides ["view.strides"],
        suboffsets ["view.suboffsets"],
    }
    /// `PyWeakReference`.
    weakref: WeakrefLayout ["_PyWeakReference", "PyWeakReference"] { object ["wr_object"], callback ["wr_callback"] }
    /// `propertyobject` (Objects/descrobject.c).
    property: PropertyLayout ["propertyobject"] { get ["prop_get"], set ["prop_set"], del ["prop_del"] }
    /// `staticmethod` (Objects/funcobject.c).
    staticmethod: StaticMethodLayout ["staticmethod"] { callable ["sm_callable"] }
    /// `classmethod`.
    classmethod: ClassMethodLayout ["classmethod"] { callable ["cm_callable"] }
    /// `mappingproxyobject`.
    mappingproxy: MappingProxyLayout ["mappingproxyobject"] { mapping ["mapping"] }
    /// `wrapperobject` (method-wrapper).
    method_wrapper: MethodWrapperLayout ["wrapperobject"] { descr ["descr"], self_obj ["self"] }
    /// `superobject` (Objects/typeobject.c).
    super_object: SuperLayout ["superobject"] { class ["type"], obj ["obj"], obj_type ["obj_type"] }
    /// `_PyDictViewObject`.
    dict_view: DictViewLayout ["_PyDictViewObject"] { dict ["dv_dict"] }
    /// `partialobject` (Modules/_functoolsmodule.c).
    partial: PartialLayout ["partialobject"] { func ["fn"], args ["args"], kwargs ["kw"] }
    /// `_PyNamespaceObject` (types.SimpleNamespace).
    namespace: NamespaceLayout ["_PyNamespaceObject"] { dict ["ns_dict"] }
    /// `gaobject` (types.GenericAlias, 3.9+).
    generic_alias: GenericAliasLayout ["gaobject"] { origin ["origin"], args ["args"], starred ["starred"] }
    /// `unionobject` (types.UnionType, 3.10+).
    union_type: UnionTypeLayout ["unionobject", "_PyUnionObject"] { args ["args"] }
    /// `typealiasobject` (3.12+).
    type_alias: TypeAliasLayout ["typealiasobject"] { name ["name"], value ["value"] }
    /// `typevarobject` (3.12+).
    type_var: TypeVarLayout ["typevarobject"] {
        name ["name"],
        covariant ["covariant"],
        contravariant ["contravariant"],
        infer_variance ["infer_variance"],
    }
    /// `paramspecobject` (3.12+).
    param_spec: ParamSpecLayout ["paramspecobject"] {
        name ["name"],
        covariant ["covariant"],
        contravariant ["contravariant"],
        infer_variance ["infer_variance"],
    }
    /// `typevartupleobject` (3.12+).
    type_var_tuple: TypeVarTupleLayout ["typevartupleobject"] { name ["name"] }
    /// `templateobject` (string.templatelib, 3.14+).
    template: TemplateLayout ["templateobject"] { strings ["strings"], interpolations ["interpolations"] }
    /// `interpolationobject` (3.14+).
    interpolation: InterpolationLayout ["interpolationobject"] {
        value ["value"],
        expression ["expression"],
        conversion ["conversion"],
        format_spec ["format_spec"],
    }
    /// `PyLazyImportObject` (3.15+).
    lazy_import: LazyImportLayout ["PyLazyImportObject"] { from ["lz_from"], attr ["lz_attr"] }
    /// `PyContextVar`.
    context_var: ContextVarLayout ["_pycontextvarobject", "PyContextVar"] { name ["var_name"], default ["var_default"] }
    /// `PyDateTime_Date`, `_DateTime` and `_Time` (Include/datetime.h).
    date: DateLayout ["PyDateTime_Date"] { data ["data"] }
    /// `PyDateTime_DateTime`.
    datetime: DateTimeLayout ["PyDateTime_DateTime"] {
        hastzinfo ["hastzinfo"],
        data ["data"],
        fold ["fold"],
        tzinfo ["tzinfo"],
    }
    /// `PyDateTime_Time`.
    time: TimeLayout ["PyDateTime_Time"] {
        hastzinfo ["hastzinfo"],
        data ["data"],
        fold ["fold"],
        tzinfo ["tzinfo"],
    }
    /// `PyDateTime_Delta`.
    timedelta: TimeDeltaLayout ["PyDateTime_Delta"] {
        days ["days"],
        seconds ["seconds"],
        microseconds ["microseconds"],
    }
    /// `PyDateTime_TimeZone` (Modules/_datetimemodule.c).
    timezone: TimeZoneLayout ["PyDateTime_TimeZone"] { offset ["offset"], name ["name"] }
    /// `PyDecObject` with its `mpd_t` (Modules/_decimal).
    decimal: DecimalLayout ["PyDecObject"] {
        flags ["dec.flags"],
        exp ["dec.exp"],
        digits ["dec.digits"],
        len ["dec.len"],
        alloc ["dec.alloc"],
        data ["dec.data"],
    }
    /// `seqiterobject` (Objects/iterobject.c).
    seq_iter: SeqIterLayout ["seqiterobject"] { index ["it_index"], seq ["it_seq"] }
    /// `listiterobject` (Objects/listobject.c).
    list_iter: ListIterLayout ["listiterobject", "_PyListIterObject"] { index ["it_index"], seq ["it_seq"] }
    /// `tupleiterobject`.
    tuple_iter: TupleIterLayout ["tupleiterobject", "_PyTupleIterObject"] { index ["it_index"], seq ["it_seq"] }
    /// `dictiterobject`.
    dict_iter: DictIterLayout ["dictiterobject"] { dict ["di_dict"], used ["di_used"], pos ["di_pos"], len ["len"] }
    /// `setiterobject`.
    set_iter: SetIterLayout ["setiterobject"] { set ["si_set"], used ["si_used"], pos ["si_pos"], len ["len"] }
    /// `rangeiterobject`.
    range_iter: RangeIterLayout ["rangeiterobject", "_PyRangeIterObject"] {
        index ["index"],
        start ["start"],
        step ["step"],
        len ["len"],
    }
    /// `enumobject`.
    enumerate: EnumerateLayout ["enumobject"] { index ["en_index"], iter ["en_sit"], long_index ["en_longindex"] }
    /// `lockobject` (Modules/_threadmodule.c).
    lock: LockLayout ["lockobject"] { locked ["locked", "lock._bits", "lock"], lock_lock ["lock_lock"] }
    /// `rlockobject`.
    rlock: RLockLayout ["rlockobject"] {
        owner ["rlock_owner", "lock.thread"],
        count ["rlock_count", "lock.level"],
        mutex ["lock.mutex"],
        rlock_lock ["rlock_lock"],
    }
    /// `struct wait_entry` (3.13+, Python/parking_lot.c): on the stack of a thread that is parked.
    wait_entry: WaitEntryLayout ["wait_entry"] { addr ["addr"], sema ["sema"], node ["node"] }
    /// `ThreadHandle` (3.13+, Modules/_threadmodule.c).
    thread_handle: ThreadHandleLayout ["ThreadHandle"] { ident ["ident"], exiting ["thread_is_exiting"] }
    /// `FutureObj` (Modules/_asynciomodule.c).
    future: FutureLayout ["FutureObj"] {
        loop_obj ["fut_loop"],
        callback0 ["fut_callback0"],
        callbacks ["fut_callbacks"],
        exception ["fut_exception"],
        result ["fut_result"],
        source_tb ["fut_source_tb"],
        state ["fut_state"],
        cancel_msg ["fut_cancel_msg"],
        awaited_by ["fut_awaited_by"],
        awaited_by_is_set ["fut_awaited_by_is_set"],
    }
    /// `TaskObj`: it starts as a `FutureObj` does, under other names.
    task: TaskLayout ["TaskObj"] {
        loop_obj ["task_loop"],
        exception ["task_exception"],
        result ["task_result"],
        state ["task_state"],
        fut_waiter ["task_fut_waiter"],
        coro ["task_coro"],
        name ["task_name"],
        context ["task_context"],
        must_cancel ["task_must_cancel"],
        num_cancels_requested ["task_num_cancels_requested"],
        awaited_by ["task_awaited_by"],
        awaited_by_is_set ["task_awaited_by_is_set"],
        node ["task_node"],
    }
    /// `PyOSErrorObject`.
    os_error: OsErrorLayout ["PyOSErrorObject"] {
        errno ["myerrno"],
        strerror ["strerror"],
        filename ["filename"],
        filename2 ["filename2"],
    }
    /// `PySystemExitObject`.
    system_exit: SystemExitLayout ["PySystemExitObject"] { code ["code"] }
    /// `PyStopIterationObject`.
    stop_iteration: StopIterationLayout ["PyStopIterationObject"] { value ["value"] }
    /// `PyBaseExceptionGroupObject` (3.11+).
    exception_group: ExceptionGroupLayout ["PyBaseExceptionGroupObject"] {
        msg ["msg"],
        excs ["excs"],
        excs_str ["excs_str"],
    }
    /// `PyUnicodeErrorObject`.
    unicode_error: UnicodeErrorLayout ["PyUnicodeErrorObject"] {
        encoding ["encoding"],
        object ["object"],
        start ["start"],
        end ["end"],
        reason ["reason"],
    }
    /// `PySyntaxErrorObject`.
    syntax_error: SyntaxErrorLayout ["PySyntaxErrorObject"] {
        msg ["msg"],
        filename ["filename"],
        lineno ["lineno"],
        offset ["offset"],
        text ["text"],
    }
    /// `PyImportErrorObject`.
    import_error: ImportErrorLayout ["PyImportErrorObject"] { msg ["msg"], name ["name"], path ["path"] }
    /// `fileio` (Modules/_io/fileio.c).
    file_io: FileIoLayout ["fileio"] { fd ["fd"] }
    /// `CDataObject` (Modules/_ctypes).
    ctypes_data: CtypesDataLayout ["tagCDataObject", "CDataObject"] { ptr ["b_ptr"], size_field ["b_size"] }
}
