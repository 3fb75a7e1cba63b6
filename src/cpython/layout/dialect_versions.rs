//! The [`Dialect`] of each CPython version: each states what changed since the one before, and where CPython says so.

use super::{
    BackJumps, DelegationMark, Dialect, FrameLink, FrameOwners, GcHead, GcHistory, GeneratorStates, GilPlace,
    InlineValues, InstanceDict, InstructionPointer, IntRepr, JumpForm, Language, LineEvents, LineTable, LocalsPlus,
    Obmalloc, ObmallocPlace, RefcountForm, ReprStyles, SimpleQueueForm, SizeForms, StackRefs, ThreadStatusBits,
    TypeDicts, UnicodeState,
};
use crate::base::{Abi, Os};
use crate::cpython::{BuildFlags, PyVersion};

/// Include/cpython/unicodeobject.h: `interned:2 kind:3 compact:1 ascii:1 ready:1`.
const UNICODE_READY: UnicodeState =
    UnicodeState { size: 4, kind_shift: 2, compact_bit: 5, ascii_bit: 6, ready_bit: Some(7) };
/// 3.12: all strings are ready (PEP 623).
const UNICODE: UnicodeState = UnicodeState { ready_bit: None, ..UNICODE_READY };
/// Free-threaded 3.14: `interned` is a byte of its own, so that it can be accessed atomically.
const UNICODE_BYTE: UnicodeState =
    UnicodeState { size: 4, kind_shift: 8, compact_bit: 11, ascii_bit: 12, ready_bit: None };
/// The same by Microsoft's compiler, which begins the bit fields after that byte in a word of their own (seen running
/// 3.14.2).
const UNICODE_BYTE_MSVC: UnicodeState =
    UnicodeState { size: 8, kind_shift: 32, compact_bit: 35, ascii_bit: 36, ready_bit: None };

const V3_08: Dialect = Dialect {
    frames_disputed: false,
    language: Language::Three,
    line_table: LineTable::Lnotab,
    frame_link: FrameLink::FrameObjects,
    // No owners before 3.11.
    frame_owners: FrameOwners { generator: u8::MAX, frame_object: u8::MAX, shims: &[] },
    instruction_pointer: InstructionPointer::LastiBytes,
    locals_plus: LocalsPlus::ThreeTuples,
    stack_refs: StackRefs::Plain,
    line_events: LineEvents::Starts { handlers: &[], extended: 144 },
    // Include/opcode.h: JUMP_IF_FALSE_OR_POP, JUMP_IF_TRUE_OR_POP, JUMP_ABSOLUTE, POP_JUMP_IF_FALSE, POP_JUMP_IF_TRUE.
    back_jumps: BackJumps { opcodes: &[111, 112, 113, 114, 115], form: JumpForm::Absolute(1), extended: 144 },
    delegation: DelegationMark::Opcode(72),
    await_depth: 1,
    simple_queue: SimpleQueueForm::List,
    int_repr: IntRepr::ObSize,
    int_digit_bits: 30,
    instance_dict: InstanceDict::DictOffset,
    inline_values: InlineValues::None,
    type_dicts: TypeDicts::InType,
    refcount: RefcountForm::Plain,
    unicode_state: UNICODE_READY,
    gil: GilPlace::Runtime,
    // Objects/obmalloc.c: POOL_SIZE is a page, ARENA_SIZE 256 KiB.
    obmalloc: Obmalloc { place: ObmallocPlace::Statics, pool_size: 4 << 10, arena_size: 256 << 10 },
    sizes: SizeForms { zero_has_digit: false, static_type_has_head: false, bytearray_head: 0 },
    generator_states: None,
    thread_local_bytecode: false,
    thread_status: None,
    standard_submodules: false,
    visits_dicts_beside_values: true,
    steps_are_known: true,
    gc_head: GcHead::Links,
    gc_history: None,
    repr: ReprStyles::of(8, 0),
};

/// Objects/lnotab_notes.txt, Include/stringobject.h, unicodeobject.h, intobject.h, classobject.h.
const V2_07: Dialect = Dialect {
    language: Language::Two { unit: None },
    line_table: LineTable::LnotabUnsigned,
    repr: ReprStyles::of(0, 0),
    ..V3_06
};

/// Python/pystate.c.
const V3_06: Dialect = Dialect { gil: GilPlace::Variables, repr: ReprStyles::of(6, 0), ..V3_07 };

/// Include/objimpl.h.
const V3_07: Dialect =
    Dialect { gc_head: GcHead::LinksAndCount, steps_are_known: false, repr: ReprStyles::of(7, 0), ..V3_08 };

const V3_09: Dialect = Dialect {
    // Include/opcode.h: SETUP_FINALLY, SETUP_WITH, SETUP_ASYNC_WITH.
    line_events: LineEvents::Starts { handlers: &[122, 143, 154], extended: 144 },
    ..V3_08
};

const V3_10: Dialect = Dialect {
    // PEP 626 (Objects/lnotab_notes.txt).
    line_table: LineTable::Ranges,
    line_events: LineEvents::Changes { reraise: 119 },
    back_jumps: BackJumps { form: JumpForm::Absolute(2), ..V3_08.back_jumps },
    // Include/cpython/frameobject.h: "Index in code".
    instruction_pointer: InstructionPointer::LastiUnits,
    // Objects/obmalloc.c: WITH_PYMALLOC_RADIX_TREE, USE_LARGE_ARENAS, USE_LARGE_POOLS on 64-bit platforms.
    obmalloc: Obmalloc { place: ObmallocPlace::Statics, pool_size: 16 << 10, arena_size: 1 << 20 },
    ..V3_08
};

const V3_11: Dialect = Dialect {
    // PEP 657 (Objects/locations.md).
    line_table: LineTable::Locations,
    // Include/opcode.h: JUMP_BACKWARD and its quickened form, JUMP_BACKWARD_NO_INTERRUPT, POP_JUMP_BACKWARD_IF_*.
    back_jumps: BackJumps { opcodes: &[140, 38, 134, 173, 174, 175, 176], form: JumpForm::Back(0), extended: 144 },
    // Include/opcode.h: RESUME, RESUME_QUICK; SEND; LOAD_CONST__LOAD_FAST and the four like it.
    line_events: LineEvents::AfterResume {
        resumes: &[151, 150],
        send: 123,
        reraise: 119,
        pairs: &[44, 45, 46, 161, 167],
    },
    // Include/cpython/pystate.h: _PyCFrame.
    frame_link: FrameLink::ViaCFrame,
    // Include/internal/pycore_frame.h: enum _frameowner; shims are told by `is_entry` of the frame above.
    frame_owners: FrameOwners { generator: 1, frame_object: 2, shims: &[] },
    instruction_pointer: InstructionPointer::PreviousInstruction,
    locals_plus: LocalsPlus::NamesAndKinds,
    // Include/internal/pycore_object.h: _PyObject_ValuesPointer, _PyObject_ManagedDictPointer.
    instance_dict: InstanceDict::Managed311,
    // Include/internal/pycore_dict.h: get_insertion_order_ptr and the prefix.
    inline_values: InlineValues::PrefixBytes,
    delegation: DelegationMark::ResumeArgument,
    // Include/internal/pycore_frame.h: enum _framestate.
    generator_states: Some(GeneratorStates {
        created: &[-2],
        suspended: &[-1],
        suspended_yield_from: &[],
        executing: &[0],
        finished: &[1, 4],
    }),
    sizes: SizeForms { zero_has_digit: true, static_type_has_head: true, bytearray_head: 0 },
    // Include/internal/pycore_object.h: _PyObject_IMMORTAL_REFCNT.
    refcount: RefcountForm::Static { start: 999_999_999 },
    ..V3_10
};

const V3_12: Dialect = Dialect {
    // Include/opcode.h: JUMP_BACKWARD, JUMP_BACKWARD_NO_INTERRUPT, INSTRUMENTED_JUMP_BACKWARD.
    back_jumps: BackJumps { opcodes: &[140, 134, 246], form: JumpForm::Back(0), extended: 144 },
    // Include/opcode.h: RESUME, INSTRUMENTED_RESUME; END_FOR, END_SEND, END_ASYNC_FOR and the instrumented ones.
    line_events: LineEvents::Instruments {
        resumes: &[151, 240],
        resume_size: 2,
        never: &[4, 5, 54, 251, 252],
        silent_jump: 134,
        compiled: None,
        reraise: 119,
        // LOAD_CONST__LOAD_FAST and the four like it.
        pairs: &[84, 86, 88, 154, 158],
    },
    // pycore_frame.h: FRAME_OWNED_BY_CSTACK, the shim of each C evaluation loop.
    frame_owners: FrameOwners { generator: 1, frame_object: 2, shims: &[3] },
    // Include/internal/pycore_long.h: lv_tag.
    int_repr: IntRepr::LvTag,
    // pycore_object.h: PyDictOrValues.
    instance_dict: InstanceDict::Managed312,
    // Include/internal/pycore_typeobject.h: static_builtin_state.
    type_dicts: TypeDicts::PerInterpreter,
    // PEP 683.
    refcount: RefcountForm::Immortal32,
    unicode_state: UNICODE,
    // PEP 684, Include/internal/pycore_ceval_state.h.
    gil: GilPlace::Interpreter,
    obmalloc: Obmalloc { place: ObmallocPlace::InInterpreter, ..V3_10.obmalloc },
    // Include/cpython/pystate.h: `_status`.
    thread_status: Some(ThreadStatusBits { active: 4, holds_gil: None, finalizing: 5, cleared: 6, finalized: 7 }),
    ..V3_11
};

const V3_13: Dialect = Dialect {
    // Modules/_queuemodule.c: RingBuf.
    simple_queue: SimpleQueueForm::Ring,
    // Include/opcode_ids.h: JUMP_BACKWARD, INSTRUMENTED_JUMP_BACKWARD.
    back_jumps: BackJumps { opcodes: &[77, 249], form: JumpForm::Back(1), extended: 71 },
    // Include/opcode_ids.h: RESUME, RESUME_CHECK, INSTRUMENTED_RESUME; END_FOR, END_SEND, END_ASYNC_FOR and the
    // instrumented ones.
    line_events: LineEvents::Instruments {
        resumes: &[149, 207, 236],
        resume_size: 2,
        never: &[11, 12, 10, 237, 238],
        silent_jump: 78,
        compiled: Some(70),
        reraise: 102,
        pairs: &[],
    },
    // Include/cpython/pystate.h: current_frame, the C frame is gone.
    frame_link: FrameLink::Direct,
    instruction_pointer: InstructionPointer::CurrentInstruction,
    // pycore_object.h: MANAGED_DICT_OFFSET; Include/internal/pycore_dict.h: struct _dictvalues.
    instance_dict: InstanceDict::Inline { dict_at: -24 },
    inline_values: InlineValues::Header,
    // pycore_frame.h: FRAME_SUSPENDED_YIELD_FROM.
    delegation: DelegationMark::State,
    generator_states: Some(GeneratorStates {
        created: &[-3],
        suspended: &[-2],
        suspended_yield_from: &[-1],
        executing: &[0],
        finished: &[1, 4],
    }),
    thread_status: Some(ThreadStatusBits { active: 4, holds_gil: Some(5), finalizing: 6, cleared: 7, finalized: 8 }),
    obmalloc: Obmalloc { place: ObmallocPlace::Pointer, ..V3_10.obmalloc },
    sizes: SizeForms { static_type_has_head: false, ..V3_12.sizes },
    ..V3_12
};

const V3_13T: Dialect = Dialect {
    instance_dict: InstanceDict::Inline { dict_at: -8 },
    // PEP 703. Deferred objects have one reference of the collector in `ob_ref_local` and no bias (seen running).
    refcount: RefcountForm::Biased { deferred_bias: 0 },
    obmalloc: Obmalloc { place: ObmallocPlace::Mimalloc, ..V3_10.obmalloc },
    ..V3_13
};

const V3_14: Dialect = Dialect {
    // Include/opcode_ids.h: as for 3.13, and JUMP_BACKWARD_JIT, JUMP_BACKWARD_NO_JIT.
    back_jumps: BackJumps { opcodes: &[75, 175, 176, 253], form: JumpForm::Back(1), extended: 69 },
    // Include/opcode_ids.h: as for 3.13, and POP_ITER.
    line_events: LineEvents::Instruments {
        resumes: &[128, 196, 245],
        resume_size: 2,
        never: &[9, 10, 30, 68, 234, 235, 236, 248],
        silent_jump: 76,
        compiled: Some(255),
        reraise: 105,
        pairs: &[],
    },
    // Include/internal/pycore_interpframe_structs.h: INTERPRETER (shim), CSTACK.
    frame_owners: FrameOwners { generator: 1, frame_object: 2, shims: &[3, 4] },
    // Include/internal/pycore_stackref.h: Py_TAG_REFCNT 1, Py_INT_TAG 3.
    stack_refs: StackRefs::Tagged { mask: 3, int_tag: Some(3), invalid_tag: None },
    // Include/refcount.h: ob_refcnt of 32 bits, ob_overflow, ob_flags.
    refcount: RefcountForm::Split32,
    // `holds_gil` is an int of its own.
    thread_status: V3_12.thread_status,
    ..V3_13
};

const V3_14T: Dialect = Dialect {
    instance_dict: V3_13T.instance_dict,
    // Include/internal/pycore_object.h: _Py_REF_DEFERRED = PY_SSIZE_T_MAX / 8.
    refcount: RefcountForm::Biased { deferred_bias: i64::MAX / 8 },
    unicode_state: UNICODE_BYTE,
    // Include/internal/pycore_code.h: _PyCodeArray.
    thread_local_bytecode: true,
    obmalloc: V3_13T.obmalloc,
    ..V3_14
};

const V3_15: Dialect = Dialect {
    // Include/opcode_ids.h: as for 3.14.
    back_jumps: BackJumps { opcodes: &[74, 181, 182, 252], form: JumpForm::Back(1), extended: 67 },
    // Include/opcode_ids.h: as for 3.14, and RESUME_CHECK_JIT; RESUME has a cache (Include/internal/pycore_opcode_metadata.h).
    line_events: LineEvents::Instruments {
        resumes: &[128, 200, 201, 244],
        resume_size: 4,
        never: &[9, 10, 28, 66, 233, 234, 235, 247],
        silent_jump: 75,
        compiled: Some(254),
        reraise: 104,
        pairs: &[],
    },
    frame_owners: FrameOwners { generator: 1, frame_object: 2, shims: &[3] },
    // Include/internal/pycore_stackref.h: Py_TAG_INVALID 2.
    stack_refs: StackRefs::Tagged { mask: 3, int_tag: Some(3), invalid_tag: Some(2) },
    // A NULL (the virtual iterator's index) lies above the awaited object (seen running 3.15.2).
    await_depth: 2,
    // Include/internal/pycore_frame.h: enum _framestate, renumbered.
    generator_states: Some(GeneratorStates {
        created: &[0],
        suspended: &[1],
        suspended_yield_from: &[2, 3],
        executing: &[4],
        finished: &[5],
    }),
    // Modules of one package are judged by the package (seen running 3.15.2; 3.14.10 still lists `email._lzma`).
    standard_submodules: true,
    // Include/internal/pycore_interp_structs.h: struct gc_stats, GC_YOUNG_STATS_SIZE and GC_OLD_STATS_SIZE.
    gc_history: Some(GcHistory { before_collecting: 8, rings: &[11, 3, 3] }),
    // `PyBytesObject` without its NUL.
    sizes: SizeForms { bytearray_head: 33, ..V3_14.sizes },
    ..V3_14
};

const V3_15T: Dialect = Dialect {
    instance_dict: V3_14T.instance_dict,
    refcount: V3_14T.refcount,
    unicode_state: V3_14T.unicode_state,
    thread_local_bytecode: true,
    obmalloc: V3_13T.obmalloc,
    // The same header: one entry each.
    gc_history: Some(GcHistory { before_collecting: 8, rings: &[1, 1, 1] }),
    // The head of an object is 16 bytes longer.
    sizes: SizeForms { bytearray_head: 49, ..V3_15.sizes },
    ..V3_15
};

const V3_14T_WINDOWS: Dialect = Dialect { unicode_state: UNICODE_BYTE_MSVC, ..V3_14T };

const V3_15T_WINDOWS: Dialect = Dialect { unicode_state: UNICODE_BYTE_MSVC, ..V3_15T };

/// How a version is to be understood; `None` for versions that are not known.
#[must_use]
pub fn dialect(version: PyVersion, flags: BuildFlags, abi: &Abi) -> Option<Dialect> {
    let windows = abi.os == Os::Windows;
    let free_threaded = flags.free_threaded;
    let base = match (version.major, version.minor) {
        (2, 7) if !free_threaded => Some(V2_07),
        (3, 6) if !free_threaded => Some(V3_06),
        (3, 7) if !free_threaded => Some(V3_07),
        (3, 8) if !free_threaded => Some(V3_08),
        (3, 9) if !free_threaded => Some(V3_09),
        (3, 10) if !free_threaded => Some(V3_10),
        (3, 11) if !free_threaded => Some(V3_11),
        (3, 12) if !free_threaded => Some(V3_12),
        (3, 13) => Some(if free_threaded { V3_13T } else { V3_13 }),
        (3, 14) if free_threaded && windows => Some(V3_14T_WINDOWS),
        (3, 15) if free_threaded && windows => Some(V3_15T_WINDOWS),
        (3, 14) => Some(if free_threaded { V3_14T } else { V3_14 }),
        (3, 15) => Some(if free_threaded { V3_15T } else { V3_15 }),
        _ => None,
    }?;
    let visits_dicts_beside_values = !matches!((version.minor, version.micro), (13, ..=12) | (14, ..=3));
    // What changed in Python 3 is in 2.7 as it was at first.
    let minor = if version.major < 3 { 0 } else { version.minor };
    Some(Dialect { repr: ReprStyles::of(minor, version.micro), visits_dicts_beside_values, ..base })
}
