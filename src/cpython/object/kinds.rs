//! The object kinds, one row each: the names of the types, how `repr()` shows one, and what of it can be reached.
//!
//! A field that a row leaves out is that of [`Row::PLAIN`]. The C structs are cited where their repr is written.

use super::attribute;
use super::children;
use super::kind::{Again, Field, Holds, Place, Row};
use super::repr::{
    callables, collections, containers, ctypes, datetime, decimal, default, extensions, frames, io, locks, number,
    numpy, python, python2, runtime, text, torch, typing,
};
use crate::field;

/// Attributes that are stored in fields: by their name in the layouts, or by the number of the word after the object head.
macro_rules! fields {
    ($($name:literal => $strukt:ident . $field:ident),* $(,)?) => {
        &[$(Field { name: $name, place: Place::Layout(|ctx| field!(ctx, $strukt.$field)) }),*]
    };
    ($($name:literal => $word:literal),* $(,)?) => {
        &[$(Field { name: $name, place: Place::Word($word) }),*]
    };
}

/// Declares [`Kind`] and [`ROWS`].
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident [$($name:literal),*] { $($field:ident: $value:expr),* $(,)? })*) => {
        /// The native layout family of a type: that of the first type along `tp_base` which C code defines and which is
        /// known here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each variant is the Python type that its row names")]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        /// What is known of each kind, in the order of the variants.
        pub(super) const ROWS: &[Row] =
            &[$(Row { kind: Kind::$kind, names: &[$($name),*], $($field: $value,)* ..Row::PLAIN }),*];
    };
}

/// Fields of `PyBaseExceptionObject`.
const EXCEPTION: &[Field] = fields![
    "args" => exception.args,
    "__notes__" => exception.notes,
    "__traceback__" => exception.traceback,
    "__context__" => exception.context,
    "__cause__" => exception.cause,
];

kinds! {
    /// Nothing more is known than that it is an object.
    Object ["object"] { repr: Some(default::object) }
    /// A native type that is not known here.
    Native [] {}
    Type ["type"] {
        structs: &["var_object", "type_object"],
        repr: Some(default::class),
        nests: false,
        attributes: fields![
            "__base__" => type_object.base,
            "__bases__" => type_object.bases,
            "__mro__" => type_object.mro,
        ],
        computes: Some(attribute::of_type),
    }
    None ["NoneType"] { repr: Some(|w, _, _| w.fixed("None")), nests: false }
    Ellipsis ["ellipsis", "EllipsisType"] { repr: Some(|w, _, _| w.fixed("Ellipsis")), nests: false }
    NotImplemented ["NotImplementedType"] { repr: Some(|w, _, _| w.fixed("NotImplemented")), nests: false }
    Int ["int"] { repr: Some(number::int), nests: false, structs: &["long"] }
    Bool ["bool"] { repr: Some(number::bool), nests: false, structs: &["long"] }
    Float ["float"] { repr: Some(number::float), nests: false, structs: &["float"] }
    Complex ["complex"] { repr: Some(number::complex), nests: false, structs: &["complex"] }
    Str ["str"] { repr: Some(text::str), nests: false, holds: Holds::Text(children::str), structs: &["unicode"] }
    Bytes ["bytes"] {
        repr: Some(text::bytes),
        nests: false,
        holds: Holds::Text(children::bytes),
        structs: &["var_object", "bytes"],
    }
    ByteArray ["bytearray"] {
        repr: Some(text::bytearray),
        nests: false,
        holds: Holds::Text(children::bytearray),
        structs: &["var_object", "bytearray"],
    }
    MemoryView ["memoryview"] { repr: Some(default::memory) }
    Tuple ["tuple"] {
        structs: &["var_object", "tuple"],
        repr: Some(containers::tuple),
        again: Again::Text("(...)"),
        holds: Holds::Sequence(children::tuple),
    }
    List ["list"] {
        structs: &["var_object", "list"],
        repr: Some(containers::list),
        again: Again::Text("[...]"),
        holds: Holds::Sequence(children::list),
    }
    Dict ["dict"] {
        repr: Some(containers::dict),
        again: Again::Text("{...}"),
        holds: Holds::Mapping(children::dict),
        structs: &["dict"],
    }
    FrozenDict ["frozendict"] { repr: Some(collections::frozen_dict), holds: Holds::Mapping(children::dict) }
    DictKeys ["dict_keys"] {
        repr: Some(collections::dict_view),
        again: Again::Text("..."),
        holds: Holds::Members(children::keys),
    }
    DictValues ["dict_values"] {
        repr: Some(collections::dict_view),
        again: Again::Text("..."),
        holds: Holds::Members(children::values),
    }
    DictItems ["dict_items"] {
        repr: Some(collections::dict_view),
        again: Again::Text("..."),
        holds: Holds::Members(children::pairs),
    }
    OdictKeys ["odict_keys"] { repr: Some(collections::dict_view), holds: Holds::Members(children::keys) }
    OdictValues ["odict_values"] { repr: Some(collections::dict_view), holds: Holds::Members(children::values) }
    OdictItems ["odict_items"] { repr: Some(collections::dict_view), holds: Holds::Members(children::pairs) }
    MappingProxy ["mappingproxy"] {
        repr: Some(collections::mapping_proxy),
        holds: Holds::Mapping(children::proxy),
        structs: &["mappingproxy"],
    }
    Set ["set"] {
        repr: Some(containers::set),
        again: Again::Named,
        holds: Holds::Members(children::set),
        structs: &["set"],
    }
    FrozenSet ["frozenset"] {
        repr: Some(containers::set),
        again: Again::Named,
        holds: Holds::Members(children::set),
        structs: &["set"],
    }
    Range ["range"] {
        structs: &["range"],
        repr: Some(collections::range),
        more: fields!["start" => 0, "stop" => 1, "step" => 2],
        holds: Holds::Sequence(children::range),
    }
    /// Python 2.
    XRange ["xrange"] { repr: Some(python2::xrange), nests: false }
    /// A class of Python 2's old style.
    OldClass ["classobj"] { repr: Some(python2::old_class), nests: false }
    /// An instance of one.
    OldInstance ["instance"] { repr: Some(python2::old_instance) }
    Slice ["slice"] {
        repr: Some(collections::slice),
        more: fields!["start" => 0, "stop" => 1, "step" => 2],
        structs: &["slice"],
    }
    Deque ["collections.deque"] {
        structs: &["var_object", "deque"],
        repr: Some(collections::deque),
        again: Again::Text("[...]"),
        holds: Holds::Sequence(children::deque),
    }
    SimpleQueue ["_queue.SimpleQueue"] {
        repr: Some(default::object),
        holds: Holds::Sequence(children::simple_queue),
    }
    DefaultDict ["collections.defaultdict"] {
        structs: &["dict", "defaultdict"],
        repr: Some(collections::default_dict),
        again: Again::Part,
        holds: Holds::Mapping(children::dict),
    }
    OrderedDict ["collections.OrderedDict"] {
        structs: &["dict", "odict"],
        repr: Some(collections::ordered_dict),
        again: Again::Text("..."),
        holds: Holds::Mapping(children::ordered),
    }
    Array ["array.array"] {
        structs: &["var_object", "array"],
        repr: Some(collections::array),
        holds: Holds::Sequence(children::array),
        computes: Some(attribute::of_array),
    }
    Date ["datetime.date"] { repr: Some(datetime::date), computes: Some(datetime::part) }
    Time ["datetime.time"] { repr: Some(datetime::time), computes: Some(datetime::part) }
    DateTime ["datetime.datetime"] { repr: Some(datetime::date_time), computes: Some(datetime::part) }
    TimeDelta ["datetime.timedelta"] { repr: Some(datetime::delta) }
    TimeZone ["datetime.timezone"] { repr: Some(datetime::timezone) }
    TzInfo ["datetime.tzinfo"] {}
    ZoneInfo ["zoneinfo.ZoneInfo"] { repr: Some(datetime::zone_info) }
    Decimal ["decimal.Decimal"] { repr: Some(decimal::decimal) }
    SimpleNamespace ["types.SimpleNamespace"] { repr: Some(collections::namespace), again: Again::Namespace }
    Exception ["BaseException"] { repr: Some(runtime::exception), attributes: EXCEPTION, structs: &["exception"] }
    ExceptionGroup ["BaseExceptionGroup"] {
        repr: Some(runtime::exception_group),
        attributes: EXCEPTION,
        structs: &["exception"],
    }
    ImportError ["ImportError"] { repr: Some(runtime::import_error), attributes: EXCEPTION, structs: &["exception"] }
    WeakRef ["weakref", "weakref.ReferenceType"] { repr: Some(runtime::weakref), structs: &["weakref"] }
    WeakProxy ["weakproxy", "weakref.ProxyType", "weakcallableproxy", "weakref.CallableProxyType"] {
        structs: &["weakref"],
        repr: Some(runtime::weak_proxy),
    }
    Function ["function"] {
        structs: &["function"],
        repr: Some(callables::function),
        nests: false,
        attributes: fields![
            "__module__" => function.module,
            "__qualname__" => function.qualname,
            "__code__" => function.code,
            "__defaults__" => function.defaults,
            "__kwdefaults__" => function.kwdefaults,
            "__closure__" => function.closure,
        ],
        more: fields![
            "__globals__" => function.globals,
            "__builtins__" => function.builtins,
            "__name__" => function.name,
            "__doc__" => function.doc,
            "__dict__" => function.dict,
        ],
    }
    Method ["method"] {
        structs: &["method"],
        repr: Some(callables::method),
        attributes: fields!["__func__" => method.func, "__self__" => method.self_obj],
    }
    BuiltinFunction ["builtin_function_or_method", "builtin_method"] {
        structs: &["cfunction"],
        repr: Some(callables::builtin),
        attributes: fields!["__self__" => cfunction.self_obj, "__module__" => cfunction.module],
    }
    MethodDescriptor ["method_descriptor"] { repr: Some(callables::method_descriptor) }
    ClassMethodDescriptor ["classmethod_descriptor"] { repr: Some(callables::method_descriptor) }
    WrapperDescriptor ["wrapper_descriptor"] { repr: Some(callables::wrapper_descriptor) }
    MethodWrapper ["method-wrapper"] { repr: Some(callables::method_wrapper) }
    GetSetDescriptor ["getset_descriptor"] { repr: Some(callables::getset_descriptor) }
    MemberDescriptor ["member_descriptor"] { repr: Some(callables::member_descriptor) }
    TupleGetter ["collections._tuplegetter", "_collections._tuplegetter"] {}
    Partial ["functools.partial"] {
        structs: &["partial"],
        repr: Some(callables::partial),
        again: Again::Text("..."),
        attributes: fields!["func" => 0, "args" => 1, "keywords" => 2],
    }
    Property ["property"] { attributes: fields!["fget" => 0, "fset" => 1, "fdel" => 2], structs: &["property"] }
    StaticMethod ["staticmethod"] {
        structs: &["staticmethod"],
        repr: Some(callables::static_method),
        more: fields!["__func__" => 0, "__wrapped__" => 0],
    }
    ClassMethod ["classmethod"] {
        structs: &["classmethod"],
        repr: Some(callables::static_method),
        more: fields!["__func__" => 0, "__wrapped__" => 0],
    }
    Super ["super"] { repr: Some(callables::super_object) }
    Module ["module"] { repr: Some(runtime::module), nests: false, structs: &["module"] }
    Generator ["generator"] {
        structs: &["generator"],
        repr: Some(frames::generator),
        more: fields![
            "__name__" => generator.name,
            "__qualname__" => generator.qualname,
        ],
        computes: Some(attribute::of_generator),
    }
    Coroutine ["coroutine"] {
        structs: &["generator"],
        repr: Some(frames::generator),
        more: fields![
            "__name__" => generator.name,
            "__qualname__" => generator.qualname,
        ],
        computes: Some(attribute::of_generator),
    }
    AsyncGenerator ["async_generator"] {
        structs: &["generator"],
        repr: Some(frames::generator),
        more: fields![
            "__name__" => generator.name,
            "__qualname__" => generator.qualname,
        ],
        computes: Some(attribute::of_generator),
    }
    Frame ["frame"] {
        repr: Some(frames::frame),
        computes: Some(attribute::of_frame_object),
        structs: &["frame_object"],
    }
    FrameLocalsProxy ["FrameLocalsProxy"] {
        repr: Some(frames::frame_locals_proxy),
        again: Again::Text("{...}"),
        holds: Holds::Mapping(children::frame_locals),
    }
    Code ["code"] {
        structs: &["code"],
        repr: Some(frames::code),
        attributes: fields![
            "co_name" => code.name,
            "co_qualname" => code.qualname,
            "co_filename" => code.filename,
            "co_names" => code.names,
            "co_consts" => code.consts,
        ],
    }
    Traceback ["traceback"] {
        attributes: fields!["tb_next" => traceback.next, "tb_frame" => traceback.frame],
        structs: &["traceback"],
    }
    Cell ["cell"] {
        repr: Some(runtime::cell),
        attributes: fields!["cell_contents" => cell.contents],
        structs: &["cell"],
    }
    Lock ["_thread.lock"] { repr: Some(locks::lock), structs: &["lock"] }
    RLock ["_thread.RLock"] { repr: Some(locks::rlock), structs: &["rlock"] }
    GenericAlias ["types.GenericAlias"] {
        repr: Some(typing::generic_alias),
        more: fields!["__origin__" => 0, "__args__" => 1],
    }
    Union ["types.UnionType", "typing.Union"] { repr: Some(typing::union), more: fields!["__args__" => 0] }
    TypeVar ["typing.TypeVar"] { repr: Some(typing::type_variable), more: fields!["name" => 0, "__name__" => 0] }
    ParamSpec ["typing.ParamSpec"] { repr: Some(typing::type_variable), more: fields!["name" => 0, "__name__" => 0] }
    ParamSpecArgs ["typing.ParamSpecArgs"] { repr: Some(|w, addr, _| typing::parameters(w, addr, ".args")) }
    ParamSpecKwargs ["typing.ParamSpecKwargs"] { repr: Some(|w, addr, _| typing::parameters(w, addr, ".kwargs")) }
    TypeVarTuple ["typing.TypeVarTuple"] { repr: Some(typing::named), more: fields!["name" => 0, "__name__" => 0] }
    TypeAlias ["typing.TypeAliasType"] { repr: Some(typing::named), more: fields!["name" => 0, "__name__" => 0] }
    Template ["string.templatelib.Template"] { repr: Some(typing::template) }
    Interpolation ["string.templatelib.Interpolation"] { repr: Some(typing::interpolation) }
    LazyImport ["lazy_import", "types.LazyImportType"] { repr: Some(typing::lazy_import) }
    ContextVar ["ContextVar", "_contextvars.ContextVar"] {
        repr: Some(runtime::context_var),
        more: fields!["name" => 0, "__name__" => 0],
    }
    Context ["Context", "_contextvars.Context"] {}
    Token ["Token", "_contextvars.Token"] { repr: Some(runtime::token) }
    Sentinel ["sentinel"] { repr: Some(runtime::sentinel) }
    Count ["itertools.count"] { repr: Some(collections::count) }
    Repeat ["itertools.repeat"] { repr: Some(collections::repeat) }
    Pattern ["re.Pattern"] { repr: Some(io::pattern) }
    Match ["re.Match"] { repr: Some(io::matched) }
    FileIo ["_io.FileIO"] { repr: Some(io::file) }
    BufferedReader ["_io.BufferedReader"] { repr: Some(io::buffered) }
    BufferedWriter ["_io.BufferedWriter"] { repr: Some(io::buffered) }
    BufferedRandom ["_io.BufferedRandom"] { repr: Some(io::buffered) }
    TextIo ["_io.TextIOWrapper"] { repr: Some(io::text) }
    Task ["_asyncio.Task"] { repr: Some(python::asyncio_task), again: Again::Future, structs: &["task"] }
    Future ["_asyncio.Future"] { repr: Some(python::asyncio_future), again: Again::Future, structs: &["future"] }
    StructSeq [] {
        repr: Some(collections::struct_sequence),
        holds: Holds::Sequence(children::tuple),
        structs: &["var_object", "tuple"],
    }
    NumpyArray ["numpy.ndarray"] {
        repr: Some(numpy::array),
        holds: Holds::Sequence(children::ndarray),
        computes: Some(attribute::of_ndarray),
    }
    NumpyScalar ["numpy.generic"] { repr: Some(numpy::scalar) }
    NumpyStr ["numpy.str_"] { repr: Some(numpy::text), holds: Holds::Text(children::str) }
    NumpyBytes ["numpy.bytes_"] { repr: Some(numpy::bytes), holds: Holds::Text(children::bytes) }
    NumpyDtype ["numpy.dtype"] { repr: Some(numpy::data_type) }
    Tensor ["torch._C._TensorBase", "torch._C.TensorBase"] { repr: Some(torch::tensor) }
    CSimple ["_ctypes._SimpleCData"] { repr: Some(ctypes::simple) }
    Socket ["_socket.socket"] { repr: Some(extensions::socket) }
    Element ["xml.etree.ElementTree.Element"] { repr: Some(extensions::element) }
    DirEntry ["posix.DirEntry", "nt.DirEntry"] { repr: Some(extensions::dir_entry) }
    Struct ["_struct.Struct"] { repr: Some(extensions::compiled_format) }
    Capsule ["PyCapsule"] { repr: Some(runtime::capsule) }
    ThreadHandle ["_thread._ThreadHandle"] {}
}
