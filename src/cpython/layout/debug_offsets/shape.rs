//! What `_Py_DebugOffsets` holds, version by version: sections in order, fields in order, all `u64`.
//!
//! Source: `_Py_DebugOffsets` in Include/internal/pycore_runtime.h (3.13) and pycore_debug_offsets.h (3.14, 3.15).

use crate::cpython::{PyVersion, ReleaseLevel};
use Width::{Eight, Four, Long, One, Pointer, Size};

/// A struct of the table.
#[derive(Debug)]
pub(super) struct Section {
    /// Its name in the table.
    pub(super) name: &'static str,
    /// Its fields.
    pub(super) fields: &'static [Item],
}

/// One word of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Struct in `Layouts`; empty when the word is not used.
    pub(super) strukt: &'static str,
    /// Field in that struct.
    pub(super) field: &'static str,
    /// What the word is.
    pub(super) width: Width,
}

/// Width of the field that a word points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// The word is the size of the section's struct.
    SectionSize,
    /// The word is the size of another struct.
    Size,
    /// Not used here.
    Unused,
    /// A byte.
    One,
    /// `int` or `uint32_t`.
    Four,
    /// `long`.
    Long,
    /// Pointer or `Py_ssize_t`.
    Pointer,
    /// `int64_t`, `double`.
    Eight,
}

const SIZE: Item = Item { strukt: "", field: "", width: Width::SectionSize };
const SKIP: Item = Item { strukt: "", field: "", width: Width::Unused };

const fn size(strukt: &'static str) -> Item {
    Item { strukt, field: "size", width: Width::SectionSize }
}

const fn field(strukt: &'static str, field: &'static str, width: Width) -> Item {
    Item { strukt, field, width }
}

/// The shape of a version's table. Alphas and betas have shapes of their own, which are not known here.
pub(super) fn shape(version: PyVersion) -> Option<&'static [Section]> {
    if version.level < ReleaseLevel::Candidate {
        return None;
    }
    match (version.major, version.minor) {
        (3, 13) => Some(SHAPE_3_13),
        (3, 14) => Some(SHAPE_3_14),
        (3, 15) => Some(SHAPE_3_15),
        _ => None,
    }
}

const RUNTIME_STATE: Section = Section {
    name: "runtime_state",
    fields: &[size("runtime"), field("runtime", "finalizing", Pointer), field("runtime", "interpreters_head", Pointer)],
};
const INTERPRETER_STATE: Section = Section {
    name: "interpreter_state",
    fields: &[
        size("interpreter"),
        field("interpreter", "id", Eight),
        field("interpreter", "next", Pointer),
        field("interpreter", "threads_head", Pointer),
        field("interpreter", "gc", Pointer),
        field("interpreter", "modules", Pointer),
        field("interpreter", "sysdict", Pointer),
        field("interpreter", "builtins", Pointer),
        field("interpreter", "ceval_gil", Pointer),
        field("interpreter", "own_gil", Pointer),
        field("gil", "enabled", Four),
        field("gil", "locked", Four),
        field("gil", "last_holder", Pointer),
    ],
};
const THREAD_STATE: Section = Section {
    name: "thread_state",
    fields: &[
        size("thread"),
        field("thread", "prev", Pointer),
        field("thread", "next", Pointer),
        field("thread", "interp", Pointer),
        field("thread", "current_frame", Pointer),
        field("thread", "thread_id", Long),
        field("thread", "native_thread_id", Long),
        field("thread", "datastack_chunk", Pointer),
        field("thread", "status", Four),
    ],
};
const INTERPRETER_FRAME: Section = Section {
    name: "interpreter_frame",
    fields: &[
        size("frame"),
        field("frame", "previous", Pointer),
        field("frame", "executable", Pointer),
        field("frame", "instr_ptr", Pointer),
        field("frame", "localsplus", Pointer),
        field("frame", "owner", One),
    ],
};
const CODE_OBJECT: Section = Section {
    name: "code_object",
    fields: &[
        size("code"),
        field("code", "filename", Pointer),
        field("code", "name", Pointer),
        field("code", "qualname", Pointer),
        field("code", "linetable", Pointer),
        field("code", "firstlineno", Four),
        field("code", "argcount", Four),
        field("code", "localsplusnames", Pointer),
        field("code", "localspluskinds", Pointer),
        field("code", "code_adaptive", One),
    ],
};
const PYOBJECT: Section = Section { name: "pyobject", fields: &[size("object"), field("object", "ob_type", Pointer)] };
const TYPE_OBJECT: Section = Section {
    name: "type_object",
    fields: &[
        size("type_object"),
        field("type_object", "name", Pointer),
        field("type_object", "repr", Pointer),
        field("type_object", "flags", Long),
    ],
};
const TUPLE_OBJECT: Section = Section {
    name: "tuple_object",
    fields: &[SIZE, field("tuple", "items", Pointer), field("var_object", "ob_size", Pointer)],
};
const LIST_OBJECT: Section = Section {
    name: "list_object",
    fields: &[SIZE, field("list", "items", Pointer), field("var_object", "ob_size", Pointer)],
};
const DICT_OBJECT: Section = Section {
    name: "dict_object",
    fields: &[size("dict"), field("dict", "keys", Pointer), field("dict", "values", Pointer)],
};
const FLOAT_OBJECT: Section = Section { name: "float_object", fields: &[SIZE, field("float", "fval", Eight)] };
const LONG_OBJECT: Section =
    Section { name: "long_object", fields: &[SIZE, field("long", "tag", Pointer), field("long", "digits", Four)] };
const BYTES_OBJECT: Section = Section {
    name: "bytes_object",
    fields: &[SIZE, field("var_object", "ob_size", Pointer), field("bytes", "sval", One)],
};
const UNICODE_OBJECT: Section = Section {
    name: "unicode_object",
    fields: &[
        size("unicode_object"),
        field("unicode", "state", Four),
        field("unicode", "length", Pointer),
        field("unicode", "ascii_size", Size),
    ],
};
const GC: Section = Section { name: "gc", fields: &[SIZE, field("gc", "collecting", Four)] };
/// 3.14: `threads_main`, `code_object_generation`, `tlbc_generation`.
const INTERPRETER_STATE_14: Section = Section {
    name: "interpreter_state",
    fields: &[
        size("interpreter"),
        field("interpreter", "id", Eight),
        field("interpreter", "next", Pointer),
        field("interpreter", "threads_head", Pointer),
        field("interpreter", "threads_main", Pointer),
        field("interpreter", "gc", Pointer),
        field("interpreter", "modules", Pointer),
        field("interpreter", "sysdict", Pointer),
        field("interpreter", "builtins", Pointer),
        field("interpreter", "ceval_gil", Pointer),
        field("interpreter", "own_gil", Pointer),
        field("gil", "enabled", Four),
        field("gil", "locked", Four),
        field("gil", "last_holder", Pointer),
        SKIP,
        SKIP,
    ],
};
/// 3.14: `stackpointer`, `tlbc_index`.
const INTERPRETER_FRAME_14: Section = Section {
    name: "interpreter_frame",
    fields: &[
        size("frame"),
        field("frame", "previous", Pointer),
        field("frame", "executable", Pointer),
        field("frame", "instr_ptr", Pointer),
        field("frame", "localsplus", Pointer),
        field("frame", "owner", One),
        field("frame", "stackpointer", Pointer),
        field("frame", "tlbc_index", Four),
    ],
};
/// 3.14: `co_tlbc`.
const CODE_OBJECT_14: Section = Section {
    name: "code_object",
    fields: &[
        size("code"),
        field("code", "filename", Pointer),
        field("code", "name", Pointer),
        field("code", "qualname", Pointer),
        field("code", "linetable", Pointer),
        field("code", "firstlineno", Four),
        field("code", "argcount", Four),
        field("code", "localsplusnames", Pointer),
        field("code", "localspluskinds", Pointer),
        field("code", "code_adaptive", One),
        field("code", "tlbc", Pointer),
    ],
};
const SET_OBJECT: Section = Section {
    name: "set_object",
    fields: &[SIZE, field("set", "used", Pointer), field("set", "table", Pointer), field("set", "mask", Pointer)],
};
const GEN_OBJECT: Section = Section {
    name: "gen_object",
    fields: &[
        size("generator"),
        field("generator", "name", Pointer),
        field("generator", "iframe", Pointer),
        field("generator", "frame_state", One),
    ],
};
const LLIST_NODE: Section = Section { name: "llist_node", fields: &[SKIP, SKIP] };
const DEBUGGER_SUPPORT: Section = Section { name: "debugger_support", fields: &[SKIP, SKIP, SKIP, SKIP, SKIP, SKIP] };
/// 3.15: `base_frame`, the profiler's two, `holds_gil`, `gil_requested`, `current_exception`, `exc_state`.
const THREAD_STATE_15: Section = Section {
    name: "thread_state",
    fields: &[
        size("thread"),
        field("thread", "prev", Pointer),
        field("thread", "next", Pointer),
        field("thread", "interp", Pointer),
        field("thread", "current_frame", Pointer),
        field("thread", "base_frame", Pointer),
        SKIP,
        SKIP,
        field("thread", "thread_id", Long),
        field("thread", "native_thread_id", Long),
        field("thread", "datastack_chunk", Pointer),
        field("thread", "status", Four),
        field("thread", "holds_gil", Four),
        field("thread", "gil_requested", Four),
        field("thread", "current_exception", Pointer),
        field("thread", "exc_state", Pointer),
    ],
};
const ERR_STACKITEM: Section = Section { name: "err_stackitem", fields: &[field("exc_stack", "exc_value", Pointer)] };
/// 3.15: `tp_basicsize`, `tp_dictoffset`.
const TYPE_OBJECT_15: Section = Section {
    name: "type_object",
    fields: &[
        size("type_object"),
        field("type_object", "name", Pointer),
        field("type_object", "repr", Pointer),
        field("type_object", "flags", Long),
        field("type_object", "basicsize", Pointer),
        field("type_object", "dictoffset", Pointer),
    ],
};
const HEAP_TYPE_OBJECT: Section =
    Section { name: "heap_type_object", fields: &[size("heap_type"), field("heap_type", "cached_keys", Pointer)] };
/// 3.15: `compactunicodeobject_size`.
const UNICODE_OBJECT_15: Section = Section {
    name: "unicode_object",
    fields: &[
        size("unicode_object"),
        field("unicode", "state", Four),
        field("unicode", "length", Pointer),
        field("unicode", "ascii_size", Size),
        field("unicode_compact", "size", Size),
    ],
};
/// 3.15: `frame` and two of the statistics.
const GC_15: Section =
    Section { name: "gc", fields: &[SIZE, field("gc", "collecting", Four), field("gc", "frame", Pointer), SKIP, SKIP] };
/// 3.13.0 to 3.13.18: 584 bytes.
const SHAPE_3_13: &[Section] = &[
    RUNTIME_STATE,
    INTERPRETER_STATE,
    THREAD_STATE,
    INTERPRETER_FRAME,
    CODE_OBJECT,
    PYOBJECT,
    TYPE_OBJECT,
    TUPLE_OBJECT,
    LIST_OBJECT,
    DICT_OBJECT,
    FLOAT_OBJECT,
    LONG_OBJECT,
    BYTES_OBJECT,
    UNICODE_OBJECT,
    GC,
];
/// 3.14.0 to 3.14.10: 760 bytes.
const SHAPE_3_14: &[Section] = &[
    RUNTIME_STATE,
    INTERPRETER_STATE_14,
    THREAD_STATE,
    INTERPRETER_FRAME_14,
    CODE_OBJECT_14,
    PYOBJECT,
    TYPE_OBJECT,
    TUPLE_OBJECT,
    LIST_OBJECT,
    SET_OBJECT,
    DICT_OBJECT,
    FLOAT_OBJECT,
    LONG_OBJECT,
    BYTES_OBJECT,
    UNICODE_OBJECT,
    GC,
    GEN_OBJECT,
    LLIST_NODE,
    DEBUGGER_SUPPORT,
];
/// 3.15: 888 bytes (alphas and most betas differ).
const SHAPE_3_15: &[Section] = &[
    RUNTIME_STATE,
    INTERPRETER_STATE_14,
    THREAD_STATE_15,
    ERR_STACKITEM,
    INTERPRETER_FRAME_14,
    CODE_OBJECT_14,
    PYOBJECT,
    TYPE_OBJECT_15,
    HEAP_TYPE_OBJECT,
    TUPLE_OBJECT,
    LIST_OBJECT,
    SET_OBJECT,
    DICT_OBJECT,
    FLOAT_OBJECT,
    LONG_OBJECT,
    BYTES_OBJECT,
    UNICODE_OBJECT_15,
    GC_15,
    GEN_OBJECT,
    LLIST_NODE,
    DEBUGGER_SUPPORT,
];
