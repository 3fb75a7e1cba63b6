//! [`ReprStyles`]: in what the texts of `repr()` differ between versions, for types whose repr is fixed in CPython.

/// Version of the Unicode database (`unicodedata.unidata_version`), which decides what `str.isprintable` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the version numbers")]
pub enum UnicodeVersion {
    V9,
    V11,
    V12,
    V13,
    V14,
    V15,
    V15_1,
    V16,
    V17,
}

/// Texts that changed from version to version. Each field cites what changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReprStyles {
    /// Unicode database.
    pub unicode: UnicodeVersion,
    /// `OrderedDict({'a': 1})` instead of `OrderedDict([('a', 1)])` (3.12, gh-101446).
    pub ordered_dict_as_dict: bool,
    /// `SimpleNamespace` in insertion order instead of sorted (3.9, bpo-39075).
    pub namespace_in_order: bool,
    /// `staticmethod(...)` and `classmethod(...)` show what they wrap (3.10, bpo-43682).
    pub wrapped_methods: bool,
    /// Weak references name the type of their target with its module (3.13, gh-110525).
    pub weakref_full_type: bool,
    /// `functools.partial` objects name their type with module and qualified name (3.13, gh-111159).
    pub partial_full_type: bool,
    /// Enum members and flags as rewritten for 3.11 (`Lib/enum.py`), and 3.12.
    pub enums: EnumStyle,
    /// `UnionType` and `typing.Union` are one type (3.14, gh-105499).
    pub union_merged: bool,
    /// Some static types were named without their module (until 3.9).
    pub unqualified_type_names: bool,
    /// Weak references look up `__name__` of their target on its type only (3.11.4, gh-99184).
    pub weakref_name_on_type: bool,
    /// `FileIO` has a bit `truncate` before `closefd` (3.15).
    pub file_truncates: bool,
    /// The loader of a built-in or frozen module is asked first what the module's repr is (until 3.9).
    pub module_by_loader: bool,
    /// The descriptors of `__dict__` and `__weakref__` belong to no type in particular (3.15).
    pub shared_descriptors: bool,
    /// A future inside its own repr is `...`; before, it is written again with `...` for its result (3.11,
    /// `Lib/asyncio/base_futures.py`).
    pub futures_guarded: bool,
    /// A task is shown as being cancelled while it is asked to, not while its next step would throw (3.11,
    /// `Lib/asyncio/base_tasks.py`).
    pub cancelling_by_count: bool,
    /// Callbacks show their arguments (until 3.12; then in debug mode only, `Lib/asyncio/format_helpers.py`).
    pub callback_arguments: bool,
    /// `bytearray` escapes the apostrophe between double quotes too (until 3.14).
    pub bytearray_escapes_apostrophe: bool,
    /// Whether a single argument of an exception is shown as a tuple, `ValueError('x',)` (3.6, Objects/exceptions.c).
    pub exception_shows_tuple: bool,
    /// Whether containers that are derived from show the name of their own class (3.7+, Objects/bytearrayobject.c,
    /// Modules/_collectionsmodule.c, Modules/arraymodule.c).
    pub own_class_names: bool,
    /// Whether a future's callbacks are pairs with their context (3.7+, Lib/asyncio/futures.py).
    pub callbacks_have_contexts: bool,
    /// Whether the parts of a timedelta have names (3.7+, Modules/_datetimemodule.c `delta_repr`).
    pub named_timedelta_parts: bool,
    /// Whether asyncio's locks have a space behind the comma (3.7+, Lib/asyncio/locks.py).
    pub lock_parts_spaced: bool,
    /// Whether the C function for futures asks the object for its parts, which those of Python's tasks answer (3.6,
    /// Modules/_asynciomodule.c `FutureObj_repr`).
    pub futures_tell_their_parts: bool,
    /// Whether a future that holds itself is shown again until its line is too long (until 3.7, Lib/asyncio/base_futures.py).
    pub futures_repeat_themselves: bool,
    /// Whether tasks of asyncio have names (Lib/asyncio/base_tasks.py).
    pub tasks_have_names: bool,
    /// `argparse.Namespace` in insertion order instead of sorted (3.9, bpo-39058).
    pub argparse_in_order: bool,
    /// `IPv6Address` writes an IPv4-mapped address with dots (3.13, gh-87799).
    pub mapped_ip_dotted: bool,
}

/// How `Enum.__repr__` and `Flag.__repr__` work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnumStyle {
    /// `<Name.MEMBER: value>`, flags decomposed on the fly (3.8 to 3.10).
    Decomposed,
    /// `_value_repr_` and names of combined flags stored in the member (3.11+).
    Stored,
}

impl ReprStyles {
    /// The styles of CPython `3.minor.micro`.
    #[must_use]
    pub const fn of(minor: u8, micro: u8) -> ReprStyles {
        ReprStyles {
            unicode: match minor {
                0..=6 => UnicodeVersion::V9,
                7 => UnicodeVersion::V11,
                8 => UnicodeVersion::V12,
                9 | 10 => UnicodeVersion::V13,
                11 => UnicodeVersion::V14,
                12 => UnicodeVersion::V15,
                13 => UnicodeVersion::V15_1,
                14 => UnicodeVersion::V16,
                _ => UnicodeVersion::V17,
            },
            ordered_dict_as_dict: minor >= 12,
            namespace_in_order: minor >= 9,
            wrapped_methods: minor >= 10,
            weakref_full_type: minor >= 13,
            partial_full_type: minor >= 13,
            enums: if minor >= 11 { EnumStyle::Stored } else { EnumStyle::Decomposed },
            union_merged: minor >= 14,
            unqualified_type_names: minor < 10,
            weakref_name_on_type: minor > 11 || minor == 11 && micro >= 4,
            file_truncates: minor >= 15,
            module_by_loader: minor < 10,
            shared_descriptors: minor >= 15,
            futures_guarded: minor >= 11,
            cancelling_by_count: minor >= 11,
            callback_arguments: minor <= 12,
            bytearray_escapes_apostrophe: minor < 15,
            exception_shows_tuple: minor < 7,
            own_class_names: minor >= 7,
            callbacks_have_contexts: minor >= 7,
            named_timedelta_parts: minor >= 7,
            lock_parts_spaced: minor >= 7,
            futures_tell_their_parts: minor < 7,
            futures_repeat_themselves: minor < 8,
            tasks_have_names: minor >= 8,
            argparse_in_order: minor >= 9,
            mapped_ip_dotted: minor >= 13,
        }
    }
}
