//! [`Dialect`]: how what is at the offsets is to be understood. Behaviour as data, so that logic never sees a version.

use super::repr_styles::ReprStyles;
use crate::base::Addr;

/// How a `_queue.SimpleQueue` keeps its items (Modules/_queuemodule.c), in words after the object head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimpleQueueForm {
    /// Lock, whether it is locked, a list, where the first item is in it (until 3.12).
    List,
    /// Whether threads wait, then a ring: where the next item is put, where it is got, items, room, number (3.13+).
    Ring,
}

/// Format of the code object's line table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineTable {
    /// `co_lnotab` of 2.7: pairs of unsigned address and unsigned line deltas (Objects/lnotab_notes.txt there).
    LnotabUnsigned,
    /// `co_lnotab` (3.6 to 3.9): pairs of unsigned address and signed line deltas (Objects/lnotab_notes.txt).
    Lnotab,
    /// `co_linetable` of 3.10: ranges, -128 for "no line" (PEP 626).
    Ranges,
    /// `co_linetable` of 3.11+: varint location entries with columns (PEP 657, Objects/locations.md).
    Locations,
}

/// How a thread state leads to its innermost frame and that one to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameLink {
    /// `tstate->frame`, chained by `PyFrameObject.f_back` (3.8 to 3.10).
    FrameObjects,
    /// `tstate->cframe->current_frame`, chained by `previous` (3.11, 3.12).
    ViaCFrame,
    /// `tstate->current_frame`, chained by `previous` (3.13+).
    Direct,
}

/// Values of `_PyInterpreterFrame.owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameOwners {
    /// `FRAME_OWNED_BY_GENERATOR`.
    pub generator: u8,
    /// `FRAME_OWNED_BY_FRAME_OBJECT`.
    pub frame_object: u8,
    /// Values that mark a shim: the entry of a C evaluation loop, not a Python frame
    /// (3.12/3.13 `CSTACK`, 3.14 `INTERPRETER` and `CSTACK`, 3.15 `INTERPRETER`). Empty where `is_entry` exists.
    pub shims: &'static [u8],
}

/// What the frame's instruction pointer field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionPointer {
    /// `f_lasti` in bytes, -1 before the first instruction (3.8, 3.9).
    LastiBytes,
    /// `f_lasti` in code units of two bytes, -1 before the first (3.10).
    LastiUnits,
    /// `prev_instr`: pointer to the instruction that ran last; one unit before the code at the start (3.11, 3.12).
    PreviousInstruction,
    /// `instr_ptr`: pointer to the instruction being run (3.13+).
    CurrentInstruction,
}

/// Jumps that may go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackJumps {
    /// Their opcodes.
    pub opcodes: &'static [u8],
    /// How far they go.
    pub form: JumpForm,
    /// `EXTENDED_ARG`.
    pub extended: u8,
}

/// What the argument of a jump counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JumpForm {
    /// From the start of the bytecode, in this many bytes.
    Absolute(u64),
    /// Back from the instruction after it and this many code units of its cache, in code units.
    Back(u64),
}

/// When an instruction begins a line for `sys.settrace`. Offsets are those of the instruction that ran before in the same
/// frame, and of the one that is about to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEvents {
    /// At the first instruction of a stretch of the line table, and after a jump backwards (3.8, 3.9, `maybe_call_line_trace`
    /// in Python/ceval.c).
    Starts {
        /// Instructions that set up a handler, where that begins a line if the instruction that raised began none (3.9,
        /// `exception_unwind` there).
        handlers: &'static [u8],
        /// `EXTENDED_ARG`.
        extended: u8,
    },
    /// Where the line is another than that of the instruction before, and after a jump backwards (3.10).
    Changes {
        /// `RERAISE`, which with an argument goes back to the instruction that raised, before the exception goes on.
        reraise: u8,
    },
    /// Likewise, from the first `RESUME` on and never there; a jump back to `SEND` is none (3.11).
    AfterResume {
        /// `RESUME` and its quickened form.
        resumes: &'static [u8],
        /// `SEND`.
        send: u8,
        /// As above.
        reraise: u8,
        /// Instructions that carry out the next one too, which need not be of the same line.
        pairs: &'static [u8],
    },
    /// By the instruments of 3.12+ (`initialize_lines` and `_Py_call_instrumentation_line` in Python/instrumentation.c,
    /// `sys_trace_jump_func` in Python/legacy_tracing.c): where the line is another, after `RESUME`, and after a jump
    /// backwards but for one kind.
    Instruments {
        /// `RESUME` and its other forms.
        resumes: &'static [u8],
        /// Bytes of `RESUME` with its cache.
        resume_size: u64,
        /// Instructions that begin no line, beside those.
        never: &'static [u8],
        /// `JUMP_BACKWARD_NO_INTERRUPT`, the jump backwards that begins no line.
        silent_jump: u8,
        /// `ENTER_EXECUTOR`: what follows is compiled code that tells no instructions; `None` where there is none.
        compiled: Option<u8>,
        /// As above.
        reraise: u8,
        /// As above (3.12).
        pairs: &'static [u8],
    },
}

/// How a suspended generator shows that it is in `await` or `yield from` and not at a `yield` of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelegationMark {
    /// The next instruction is this one, `YIELD_FROM` (3.8 to 3.10, Include/opcode.h).
    Opcode(u8),
    /// By the argument of the `RESUME` that follows (3.11, 3.12, Objects/genobject.c `_PyGen_yf`).
    ResumeArgument,
    /// By its state (`FRAME_SUSPENDED_YIELD_FROM`, 3.13+).
    State,
}

/// How names and kinds of `localsplus` slots are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalsPlus {
    /// `co_varnames`, `co_cellvars`, `co_freevars` in this order (3.8 to 3.10).
    ThreeTuples,
    /// `co_localsplusnames` with `co_localspluskinds` bytes (3.11+).
    NamesAndKinds,
}

/// What a `localsplus` slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackRefs {
    /// Plain `PyObject *`, NULL for unbound.
    Plain,
    /// `_PyStackRef`: low bits are tags (3.14+; in 3.13 only free-threaded, evaluation stack).
    Tagged {
        /// Bits to clear to get the pointer.
        mask: u64,
        /// Tag value (under `mask`) of an integer `bits >> 2`, when the build has tagged ints.
        int_tag: Option<u64>,
        /// Tag value (under `mask`) of what is not a value at all: the error mark, and pointers that only the JIT keeps.
        invalid_tag: Option<u64>,
    },
}

/// What the language's own types are: what `str` holds, how numbers and containers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python 3.
    Three,
    /// Python 2: `str` holds bytes, `unicode` an array of `Py_UNICODE`, `int` is a C long beside `long`, and classes may be
    /// of the old style.
    Two {
        /// Bytes of a `Py_UNICODE`, which `sys.maxunicode` tells; `None` where that is not known.
        unit: Option<u8>,
    },
}

/// How an int is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntRepr {
    /// `ob_size`: digit count, negative for negative numbers (3.8 to 3.11).
    ObSize,
    /// `lv_tag`: sign in the low 2 bits (0 positive, 1 zero, 2 negative), digit count from bit 3 (3.12+).
    LvTag,
}

/// How the instance `__dict__` of a type with `Py_TPFLAGS_MANAGED_DICT` is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceDict {
    /// Only `tp_dictoffset` (3.8 to 3.10).
    DictOffset,
    /// 3.11: values pointer at -32, dict pointer at -24 from the object.
    Managed311,
    /// 3.12: one word at -24; odd: values at word + 1, even: dict pointer.
    Managed312,
    /// 3.13+: inline values after the object (`Py_TPFLAGS_INLINE_VALUES`), dict pointer at this (negative) offset.
    Inline {
        /// Offset of the dict pointer from the object.
        dict_at: i64,
    },
}

/// Where the insertion order and used count of split values lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InlineValues {
    /// No such thing (3.8 to 3.10: values array parallel to the shared keys).
    None,
    /// A prefix of bytes before `values[0]`: `[-1]` prefix size, `[-2]` used count, `[-3 - i]` insertion order (3.11, 3.12).
    PrefixBytes,
    /// `{capacity, size, embedded, valid}` header, order bytes after `values[capacity]` (3.13+).
    Header,
}

/// Where static builtin types keep their `tp_dict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeDicts {
    /// In the type object.
    InType,
    /// In `interp->types.builtins[index]`, index = `tp_subclasses - 1` (3.12+).
    PerInterpreter,
}

/// How the reference count is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefcountForm {
    /// Signed word (3.8 to 3.10).
    Plain,
    /// Likewise; objects that the interpreter has in static storage begin with this number (3.11).
    Static {
        /// `_PyObject_IMMORTAL_REFCNT`.
        start: i64,
    },
    /// Word, immortal when the low 32 bits are negative (3.12, 3.13).
    Immortal32,
    /// 32-bit count, `u16` overflow, `u16` flags (3.14+).
    Split32,
    /// `ob_tid`, `ob_ref_local`, `ob_ref_shared` (free-threaded); deferred objects carry this bias in the shared part.
    Biased {
        /// Added to the shared count (in units of one reference) while the object uses deferred counting.
        deferred_bias: i64,
    },
}

/// Bit fields of `PyASCIIObject.state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnicodeState {
    /// Its size in bytes.
    pub size: u8,
    /// First bit of the 3-bit `kind`.
    pub kind_shift: u8,
    /// Bit of `compact`.
    pub compact_bit: u8,
    /// Bit of `ascii`.
    pub ascii_bit: u8,
    /// Bit of `ready`, until 3.11.
    pub ready_bit: Option<u8>,
}

/// Where the GIL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GilPlace {
    /// A static variable; the thread that holds it is in `_PyThreadState_Current`, which stands for the runtime (3.6).
    Variables,
    /// `_PyRuntime.ceval.gil`, holder in `_PyRuntime.gilstate.tstate_current` (3.7 to 3.11).
    Runtime,
    /// `interp->ceval.gil` points to it (3.12+).
    Interpreter,
}

/// Where pymalloc's arenas are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObmallocPlace {
    /// Static variables `arenas` and `maxarenas` of Objects/obmalloc.c (3.8 to 3.11).
    Statics,
    /// `interp->obmalloc` is the state (3.12).
    InInterpreter,
    /// `interp->obmalloc` points to the state (3.13+).
    Pointer,
    /// mimalloc is used in its place (free-threaded builds).
    Mimalloc,
}

/// pymalloc's arenas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obmalloc {
    /// Where they are found.
    pub place: ObmallocPlace,
    /// `POOL_SIZE` in bytes.
    pub pool_size: u64,
    /// `ARENA_SIZE` in bytes.
    pub arena_size: u64,
}

/// Differences in what `sys.getsizeof` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeForms {
    /// An int of value 0 has a digit (3.11+, Objects/longobject.c).
    pub zero_has_digit: bool,
    /// Static types count a head of the collector that they do not have (3.11, 3.12, Python/sysmodule.c).
    pub static_type_has_head: bool,
    /// Bytes of the object that a bytearray keeps its bytes in (3.15+, Objects/bytearrayobject.c).
    pub bytearray_head: u64,
}

/// Values of `gi_frame_state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratorStates {
    /// Not started.
    pub created: &'static [i8],
    /// Suspended at a yield.
    pub suspended: &'static [i8],
    /// Suspended in `yield from` / `await`.
    pub suspended_yield_from: &'static [i8],
    /// Running.
    pub executing: &'static [i8],
    /// Finished.
    pub finished: &'static [i8],
}

/// Bits of `PyThreadState._status` (3.12+, Include/cpython/pystate.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadStatusBits {
    /// Attached to its interpreter: has the GIL, or runs in a free-threaded build.
    pub active: u8,
    /// Holds the GIL; `None` where there is no such bit (3.14+ has the field `thread.holds_gil` instead).
    pub holds_gil: Option<u8>,
    /// Being finalized.
    pub finalizing: u8,
    /// Cleared.
    pub cleared: u8,
    /// Finalized.
    pub finalized: u8,
}

/// How one interpreter build is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Fields on the way to frames and their variables are disputed: no value is certain to be that of its variable.
    pub frames_disputed: bool,
    /// Which Python it is of.
    pub language: Language,
    /// Line table format.
    pub line_table: LineTable,
    /// Frame linkage.
    pub frame_link: FrameLink,
    /// Frame owner values.
    pub frame_owners: FrameOwners,
    /// Instruction pointer.
    pub instruction_pointer: InstructionPointer,
    /// Names of locals.
    pub locals_plus: LocalsPlus,
    /// Tags of frame slots, of `f_executable` and `f_funcobj`.
    pub stack_refs: StackRefs,
    /// Where lines begin.
    pub line_events: LineEvents,
    /// Jumps back.
    pub back_jumps: BackJumps,
    /// How `await` is distinguished from `yield`.
    pub delegation: DelegationMark,
    /// Distance in slots from `stackpointer` to the awaited object of a suspended generator (1, from 3.15 2).
    pub await_depth: u8,
    /// Items of a `SimpleQueue`.
    pub simple_queue: SimpleQueueForm,
    /// Integers.
    pub int_repr: IntRepr,
    /// Bits per int digit (30, or 15 where so configured).
    pub int_digit_bits: u8,
    /// Instance dictionaries.
    pub instance_dict: InstanceDict,
    /// Split values.
    pub inline_values: InlineValues,
    /// Dictionaries of static types.
    pub type_dicts: TypeDicts,
    /// Reference counts.
    pub refcount: RefcountForm,
    /// Strings.
    pub unicode_state: UnicodeState,
    /// The GIL.
    pub gil: GilPlace,
    /// The allocator of small objects.
    pub obmalloc: Obmalloc,
    /// Sizes.
    pub sizes: SizeForms,
    /// Generator states; `None` where `gi_frame` and `gi_running` tell (3.8 to 3.10).
    pub generator_states: Option<GeneratorStates>,
    /// Bits of the thread status word (`thread.status`), where there is one.
    pub thread_status: Option<ThreadStatusBits>,
    /// Whether each thread may run its own copy of the bytecode (`co_tlbc`, free-threaded 3.14+).
    pub thread_local_bytecode: bool,
    /// Whether faulthandler takes submodules of the standard library's packages for part of it (3.15). Before, only
    /// names that `sys.stdlib_module_names` holds themselves.
    pub standard_submodules: bool,
    /// Whether the collector sees the dict of an instance whose attributes lie in the instance (3.13: not before 3.13.13
    /// and 3.14.4, `PyObject_VisitManagedDict`).
    pub visits_dicts_beside_values: bool,
    /// Whether the rules of `line_events` and `back_jumps` were compared with this version.
    pub steps_are_known: bool,
    /// What is in front of an object that the collector tracks.
    pub gc_head: GcHead,
    /// Where the collector keeps its last collections, where it does.
    pub gc_history: Option<GcHistory>,
    /// Texts of `repr()`.
    pub repr: ReprStyles,
}

/// `_gc_runtime_state.generation_stats` (3.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GcHistory {
    /// Bytes from the pointer to it to `collecting`.
    pub before_collecting: u64,
    /// Entries of the ring of each generation.
    pub rings: &'static [u64],
}

/// `PyGC_Head`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GcHead {
    /// Two links; states are bits of them (3.8+, Include/internal/pycore_gc.h).
    Links,
    /// Two links and a count that holds the states (until 3.7, Include/objimpl.h).
    LinksAndCount,
}

impl Dialect {
    /// Whether this is Python 2.
    #[must_use]
    pub fn is_two(&self) -> bool {
        matches!(self.language, Language::Two { .. })
    }

    /// The pointer in a frame slot, without tags. NULL for unbound.
    #[must_use]
    pub fn untag(&self, bits: u64) -> Addr {
        match self.stack_refs {
            StackRefs::Plain => Addr(bits),
            StackRefs::Tagged { mask, .. } => Addr(bits & !mask),
        }
    }
}
