//! Names of static types whose `tp_name` lies in a file that is not available: from symbol tables, and from the modules and
//! objects of the interpreter in which CPython itself puts such types.

use super::dict::{DictEntries, dict_get_str};
use super::kind::Kind;
use super::types::type_dict_at;
use super::unicode::read_str;
use crate::base::Addr;
use crate::cpython::layout::ReprStyles;
use crate::cpython::{Context, DecodeError};
use crate::field;
use std::collections::HashMap;

/// Entries of a dict that are examined.
const MAX_ENTRIES: usize = 20_000;
/// Longest name of those.
const MAX_NAME: u64 = 100;

/// The `tp_name` that belongs to a data symbol: `PyFloat_Type` -> `float`.
pub(super) fn name_of_symbol(symbol: &str) -> Option<String> {
    const NAMES: &[(&str, &str)] = &[
        ("PyBaseObject_Type", "object"),
        ("PyLong_Type", "int"),
        ("PyUnicode_Type", "str"),
        ("_PyNone_Type", "NoneType"),
        ("_PyNotImplemented_Type", "NotImplementedType"),
        ("PyEllipsis_Type", "ellipsis"),
        ("PyGen_Type", "generator"),
        ("PyCoro_Type", "coroutine"),
        ("PyAsyncGen_Type", "async_generator"),
        ("PyCFunction_Type", "builtin_function_or_method"),
        ("PyDictProxy_Type", "mappingproxy"),
        ("PyTraceBack_Type", "traceback"),
        ("PyODict_Type", "collections.OrderedDict"),
    ];
    if let Some((_, name)) = NAMES.iter().find(|(s, _)| *s == symbol) {
        return Some((*name).to_owned());
    }
    if let Some(exception) = symbol.strip_prefix("_PyExc_") {
        return Some(exception.to_owned());
    }
    let stem = symbol.strip_prefix("_Py").or_else(|| symbol.strip_prefix("Py"))?.strip_suffix("_Type")?;
    let lower = stem.to_ascii_lowercase();
    Kind::of_name(&lower).map(|_| lower)
}

/// Where in a module a type is found.
#[derive(Clone, Copy, Debug)]
enum At {
    /// The module is an object of it.
    Module,
    /// An attribute is the type.
    Is(&'static str),
    /// An attribute is an object of it.
    Has(&'static str),
    /// A class of the module has an attribute that is an object of it.
    ClassHas(&'static str, &'static str),
}

/// What the module of built-in names leads to, in Python 2 and 3.
const OF_BUILTINS: &[(At, &str)] = &[
    (At::Module, "module"),
    (At::Has("None"), "NoneType"),
    (At::Has("Ellipsis"), "ellipsis"),
    (At::Has("NotImplemented"), "NotImplementedType"),
    (At::Has("len"), "builtin_function_or_method"),
    (At::ClassHas("object", "__init__"), "wrapper_descriptor"),
    (At::ClassHas("object", "__class__"), "getset_descriptor"),
    (At::ClassHas("type", "__basicsize__"), "member_descriptor"),
    (At::ClassHas("str", "join"), "method_descriptor"),
    (At::ClassHas("dict", "fromkeys"), "classmethod_descriptor"),
];

/// Static types of CPython 3.8 to 3.15 that its own modules lead to: module, place, `tp_name` (as of 3.10 to 3.13). Taken
/// from what each of these versions says of itself. A type that a version makes at run time has a name in memory.
const PLACES: &[(&str, &[(At, &str)])] = &[
    ("builtins", OF_BUILTINS),
    ("_frozen_importlib", &[(At::Has("_verbose_message"), "function")]),
    (
        "sys",
        &[
            (At::Has("implementation"), "types.SimpleNamespace"),
            (At::Has("flags"), "sys.flags"),
            (At::Has("float_info"), "sys.float_info"),
            (At::Has("hash_info"), "sys.hash_info"),
            (At::Has("int_info"), "sys.int_info"),
            (At::Has("thread_info"), "sys.thread_info"),
            (At::Has("version_info"), "sys.version_info"),
        ],
    ),
    (
        "types",
        &[
            (At::Is("AsyncGeneratorType"), "async_generator"),
            (At::Is("CapsuleType"), "PyCapsule"),
            (At::Is("CellType"), "cell"),
            (At::Is("CodeType"), "code"),
            (At::Is("CoroutineType"), "coroutine"),
            (At::Is("FrameLocalsProxyType"), "FrameLocalsProxy"),
            (At::Is("FrameType"), "frame"),
            (At::Is("GeneratorType"), "generator"),
            (At::Is("GenericAlias"), "types.GenericAlias"),
            (At::Is("LazyImportType"), "lazy_import"),
            (At::Is("MappingProxyType"), "mappingproxy"),
            (At::Is("MethodType"), "method"),
            (At::Is("MethodWrapperType"), "method-wrapper"),
            (At::Is("TracebackType"), "traceback"),
            (At::Is("UnionType"), "types.UnionType"),
        ],
    ),
    (
        "_collections_abc",
        &[
            (At::Is("async_generator"), "async_generator"),
            (At::Is("coroutine"), "coroutine"),
            (At::Is("dict_items"), "dict_items"),
            (At::Is("dict_keys"), "dict_keys"),
            (At::Is("dict_values"), "dict_values"),
            (At::Is("framelocalsproxy"), "FrameLocalsProxy"),
            (At::Is("generator"), "generator"),
            (At::Is("mappingproxy"), "mappingproxy"),
            (At::Is("bytearray_iterator"), "bytearray_iterator"),
            (At::Is("bytes_iterator"), "bytes_iterator"),
            (At::Is("dict_itemiterator"), "dict_itemiterator"),
            (At::Is("dict_keyiterator"), "dict_keyiterator"),
            (At::Is("dict_valueiterator"), "dict_valueiterator"),
            (At::Is("list_iterator"), "list_iterator"),
            (At::Is("list_reverseiterator"), "list_reverseiterator"),
            (At::Is("longrange_iterator"), "longrange_iterator"),
            (At::Is("range_iterator"), "range_iterator"),
            (At::Is("set_iterator"), "set_iterator"),
            (At::Is("tuple_iterator"), "tuple_iterator"),
        ],
    ),
    ("_asyncio", &[(At::Is("Future"), "_asyncio.Future"), (At::Is("Task"), "_asyncio.Task")]),
    (
        "_collections",
        &[
            (At::Is("OrderedDict"), "collections.OrderedDict"),
            (At::Is("defaultdict"), "collections.defaultdict"),
            (At::Is("deque"), "collections.deque"),
        ],
    ),
    (
        "_contextvars",
        &[
            (At::Is("Context"), "_contextvars.Context"),
            (At::Is("ContextVar"), "_contextvars.ContextVar"),
            (At::Is("Token"), "_contextvars.Token"),
        ],
    ),
    (
        "_ctypes",
        &[
            (At::Is("Array"), "_ctypes.Array"),
            (At::Is("CFuncPtr"), "_ctypes.CFuncPtr"),
            (At::Is("Structure"), "_ctypes.Structure"),
            (At::Is("Union"), "_ctypes.Union"),
            (At::Is("_Pointer"), "_ctypes._Pointer"),
            (At::Is("_SimpleCData"), "_ctypes._SimpleCData"),
        ],
    ),
    (
        "_datetime",
        &[
            (At::Is("date"), "datetime.date"),
            (At::Is("datetime"), "datetime.datetime"),
            (At::Is("time"), "datetime.time"),
            (At::Is("timedelta"), "datetime.timedelta"),
            (At::Is("timezone"), "datetime.timezone"),
            (At::Is("tzinfo"), "datetime.tzinfo"),
        ],
    ),
    ("_decimal", &[(At::Is("Context"), "decimal.Context"), (At::Is("Decimal"), "decimal.Decimal")]),
    ("_elementtree", &[(At::Is("Element"), "xml.etree.ElementTree.Element")]),
    (
        "_functools",
        &[(At::Is("_lru_cache_wrapper"), "functools._lru_cache_wrapper"), (At::Is("partial"), "functools.partial")],
    ),
    (
        "_io",
        &[
            (At::Is("BufferedRWPair"), "_io.BufferedRWPair"),
            (At::Is("BufferedRandom"), "_io.BufferedRandom"),
            (At::Is("BufferedReader"), "_io.BufferedReader"),
            (At::Is("BufferedWriter"), "_io.BufferedWriter"),
            (At::Is("BytesIO"), "_io.BytesIO"),
            (At::Is("FileIO"), "_io.FileIO"),
            (At::Is("StringIO"), "_io.StringIO"),
            (At::Is("TextIOWrapper"), "_io.TextIOWrapper"),
        ],
    ),
    ("_socket", &[(At::Is("socket"), "_socket.socket")]),
    ("_struct", &[(At::Is("Struct"), "_struct.Struct")]),
    (
        "_thread",
        &[
            (At::Is("LockType"), "_thread.lock"),
            (At::Is("RLock"), "_thread.RLock"),
            (At::Is("_ExceptHookArgs"), "_thread._ExceptHookArgs"),
            (At::Is("_local"), "_thread._local"),
        ],
    ),
    ("_typing", &[(At::Is("TypeAliasType"), "typing.TypeAliasType"), (At::Is("Union"), "typing.Union")]),
    (
        "_weakref",
        &[
            (At::Is("CallableProxyType"), "weakref.CallableProxyType"),
            (At::Is("ProxyType"), "weakref.ProxyType"),
            (At::Is("ReferenceType"), "weakref.ReferenceType"),
        ],
    ),
    ("_zoneinfo", &[(At::Is("ZoneInfo"), "zoneinfo.ZoneInfo")]),
    ("array", &[(At::Is("array"), "array.array")]),
    ("itertools", &[(At::Is("count"), "itertools.count"), (At::Is("repeat"), "itertools.repeat")]),
    ("posix", &[(At::Is("DirEntry"), "posix.DirEntry")]),
    ("re", &[(At::Is("Match"), "re.Match"), (At::Is("Pattern"), "re.Pattern")]),
];

/// Types that `builtins` holds under their own name (all that are static; aliases such as `IOError` are not here).
const BUILTINS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BaseExceptionGroup",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "EncodingWarning",
    "Exception",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "ImportCycleError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "PythonFinalizationError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
    "_IncompleteInputError",
    "bool",
    "bytearray",
    "bytes",
    "classmethod",
    "complex",
    "dict",
    "enumerate",
    "filter",
    "float",
    "frozendict",
    "frozenset",
    "int",
    "list",
    "map",
    "memoryview",
    "object",
    "property",
    "range",
    "reversed",
    "sentinel",
    "set",
    "slice",
    "staticmethod",
    "str",
    "super",
    "tuple",
    "type",
    "zip",
];

/// Names that types had up to 3.9, without their module or others (as interpreters of these versions say).
const UNQUALIFIED: &[(&str, &str)] = &[
    ("_contextvars.Context", "Context"),
    ("_contextvars.ContextVar", "ContextVar"),
    ("_contextvars.Token", "Token"),
    ("_ctypes.CFuncPtr", "_ctypes.PyCFuncPtr"),
    ("_struct.Struct", "Struct"),
    ("_thread._ExceptHookArgs", "_thread.ExceptHookArgs"),
    ("weakref.CallableProxyType", "weakcallableproxy"),
    ("weakref.ProxyType", "weakproxy"),
    ("weakref.ReferenceType", "weakref"),
];

/// As [`PLACES`], of 2.7.
const PLACES_OF_TWO: &[(&str, &[(At, &str)])] = &[
    ("__builtin__", OF_BUILTINS),
    (
        "types",
        &[
            (At::Is("FunctionType"), "function"),
            (At::Is("GeneratorType"), "generator"),
            (At::Is("CodeType"), "code"),
            (At::Is("FrameType"), "frame"),
            (At::Is("TracebackType"), "traceback"),
            (At::Is("ClassType"), "classobj"),
            (At::Is("InstanceType"), "instance"),
            (At::Is("MethodType"), "instancemethod"),
        ],
    ),
];

/// As [`BUILTINS`], of 2.7.
const BUILTINS_OF_TWO: &[&str] = &[
    "basestring",
    "bool",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "long",
    "object",
    "property",
    "set",
    "slice",
    "str",
    "tuple",
    "type",
    "unicode",
    "xrange",
];

/// Names of the types to which the modules of `interpreter` lead. Modules that were not imported, and what cannot be read,
/// add nothing.
pub(super) fn names_in(ctx: &Context<'_>, interpreter: Addr) -> HashMap<Addr, String> {
    let mut names = HashMap::new();
    let modules = namespace(ctx, ctx.ptr(field!(ctx, interpreter.modules), interpreter));
    let two = ctx.dialect.is_two();
    if let Some(module) = modules.get("exceptions").filter(|_| two) {
        // All that it has but for its texts are types.
        let attributes = namespace(ctx, ctx.ptr(field!(ctx, module.dict), *module));
        let own = attributes.into_iter().filter(|(name, _)| !name.starts_with('_'));
        names.extend(own.map(|(name, class)| (class, format!("exceptions.{name}"))));
    }
    for (module, places) in if two { PLACES_OF_TWO } else { PLACES } {
        let Some(module) = modules.get(*module) else { continue };
        let attributes = namespace(ctx, ctx.ptr(field!(ctx, module.dict), *module));
        for (at, name) in *places {
            if let Ok(Some(found)) = at.find(ctx, interpreter, *module, &attributes) {
                names.entry(found).or_insert_with(|| spelled(name, &ctx.dialect.repr).to_owned());
            }
        }
    }
    let builtins = namespace(ctx, ctx.ptr(field!(ctx, interpreter.builtins), interpreter));
    for name in if two { BUILTINS_OF_TWO } else { BUILTINS } {
        if let Some(found) = builtins.get(*name) {
            names.entry(*found).or_insert_with(|| (*name).to_owned());
        }
    }
    names
}

/// What a dict holds under strings, read in one pass.
fn namespace(ctx: &Context<'_>, dict: Result<Addr, DecodeError>) -> HashMap<String, Addr> {
    let Ok(entries) = dict.and_then(|dict| DictEntries::new(ctx, dict)) else { return HashMap::new() };
    let named = |(key, value)| Some((read_str(ctx, key, MAX_NAME).ok()?, value));
    entries.take(MAX_ENTRIES).map_while(Result::ok).filter_map(named).collect()
}

impl At {
    fn find(
        self,
        ctx: &Context<'_>,
        interpreter: Addr,
        module: Addr,
        attributes: &HashMap<String, Addr>,
    ) -> Result<Option<Addr>, DecodeError> {
        let type_of = |object: &Addr| ctx.ptr(field!(ctx, object.ob_type), *object);
        match self {
            At::Module => type_of(&module).map(Some),
            At::Is(name) => Ok(attributes.get(name).copied()),
            At::Has(name) => attributes.get(name).map(type_of).transpose(),
            At::ClassHas(class, name) => {
                let Some(class) = attributes.get(class) else { return Ok(None) };
                let dict = type_dict_at(ctx, Some(interpreter), *class)?;
                dict_get_str(ctx, dict, name)?.as_ref().map(type_of).transpose()
            }
        }
    }
}

/// `name` in the spelling of a version.
fn spelled(name: &'static str, styles: &ReprStyles) -> &'static str {
    match name {
        "types.UnionType" if styles.union_merged => "typing.Union",
        _ if styles.unqualified_type_names => {
            UNQUALIFIED.iter().find(|(now, _)| *now == name).map_or(name, |(_, old)| old)
        }
        _ => name,
    }
}
