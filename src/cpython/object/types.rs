//! [`Heap`]: objects with their types. Types are read once and remembered.

use super::dict::dict_get_str;
use super::kind::Kind;
use super::python2;
use super::repr::Meter;
use super::sequence::tuple_items;
use super::static_types::{name_of_symbol, names_in};
use super::unicode::{read_str, str_is};
use crate::base::{Addr, Cursor};
use crate::cpython::layout::{TypeDicts, disputed_uses, note_disputed_use};
use crate::cpython::{Context, DecodeError};
use crate::debuggee::{MemoryExt as _, ReadErrorKind};
use crate::field;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::{self, ThreadId};

/// Longest `tp_name` read, in bytes.
const MAX_NAME: usize = 1000;
/// Longest method resolution order read.
const MAX_MRO: u64 = 512;
/// Longest chain of base types and of types of types followed.
const MAX_BASES: usize = 200;
/// Types remembered; a dump with more is hostile, and is read without memory.
const MAX_CACHED: usize = 200_000;

/// `Py_TPFLAGS_*` (Include/object.h, Include/internal/pycore_typeobject.h).
pub(super) mod flags {
    /// `Py_TPFLAGS_INLINE_VALUES` (3.13+).
    pub const INLINE_VALUES: u64 = 1 << 2;
    /// `Py_TPFLAGS_MANAGED_DICT` (3.11+).
    pub const MANAGED_DICT: u64 = 1 << 4;
    /// `Py_TPFLAGS_HEAPTYPE`.
    pub const HEAPTYPE: u64 = 1 << 9;
    /// `Py_TPFLAGS_READY`.
    pub const READY: u64 = 1 << 12;
    /// `Py_TPFLAGS_HAVE_GC`.
    pub const HAVE_GC: u64 = 1 << 14;
    /// `Py_TPFLAGS_TYPE_SUBCLASS`.
    pub const TYPE_SUBCLASS: u64 = 1 << 31;
}

/// Names of data symbols, for static types whose `tp_name` lies in a file that is not available.
pub trait SymbolNames: Send + Sync {
    /// The symbol at exactly this address (`PyFloat_Type`).
    fn symbol_at(&self, addr: Addr) -> Option<String>;
}

/// What was learnt of the types of one interpreter; shared by all heaps that are made over it, on any thread.
#[derive(Debug, Default)]
pub struct TypeCache {
    /// The interpreter whose objects are read: its `builtins` name types, and static types keep their dicts in it.
    interpreter: Option<Addr>,
    types: RwLock<HashMap<Addr, Option<Arc<TypeInfo>>, foldhash::fast::RandomState>>,
    /// Types being read, to end cycles of base types, each with the thread that reads it.
    reading: Mutex<Vec<(ThreadId, Addr)>>,
    builtin_names: OnceLock<Arc<HashMap<Addr, String>>>,
    /// Those were read by a disputed field.
    names_disputed: AtomicBool,
    /// `__version__` of modules that were asked for.
    module_versions: Mutex<HashMap<&'static str, Option<String>>>,
}

impl TypeCache {
    /// Nothing learnt yet. Without an interpreter, types get no names from its modules.
    #[must_use]
    pub fn new(interpreter: Option<Addr>) -> Self {
        TypeCache { interpreter, ..TypeCache::default() }
    }

    fn known(&self, addr: Addr) -> Option<Option<Arc<TypeInfo>>> {
        self.types.read().unwrap_or_else(PoisonError::into_inner).get(&addr).cloned()
    }

    fn keep(&self, addr: Addr, info: Option<Arc<TypeInfo>>) {
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        if types.len() < MAX_CACHED {
            types.insert(addr, info);
        }
    }

    /// Notes that this thread reads the type at `addr`, unless it does so already or is too deep in base types.
    fn begin(&self, addr: Addr) -> bool {
        let this = thread::current().id();
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = reading.iter().filter(|(thread, _)| *thread == this).map(|(_, addr)| *addr);
        let too_deep = own.clone().count() > MAX_BASES;
        if too_deep || own.any(|known| known == addr) {
            return false;
        }
        reading.push((this, addr));
        true
    }

    fn end(&self, addr: Addr) {
        let this = thread::current().id();
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).retain(|entry| *entry != (this, addr));
    }
}

/// What is known of a type object.
#[derive(Debug)]
pub struct TypeInfo {
    /// Address of the type object.
    pub addr: Addr,
    /// `tp_name`; `<unknown type at 0x..>` when it cannot be told.
    pub name: String,
    /// Whether `name` is the real one.
    pub named: bool,
    /// Type of the type.
    pub metatype: Addr,
    /// `tp_flags`.
    pub flags: u64,
    /// `tp_basicsize` in bytes.
    pub basicsize: i64,
    /// `tp_itemsize` in bytes.
    pub itemsize: i64,
    /// `tp_dictoffset`.
    pub dictoffset: i64,
    /// `tp_weaklistoffset`.
    pub weaklistoffset: i64,
    /// `tp_base`.
    pub base: Addr,
    /// `tp_repr`: equal for types that share one.
    pub repr: Addr,
    /// Made at run time (`Py_TPFLAGS_HEAPTYPE`).
    pub is_heap: bool,
    /// Defined by C code: static, or made by `PyType_FromSpec`.
    pub is_native: bool,
    /// Layout family.
    pub kind: Kind,
    /// Whether `kind` is what the type itself is, not what it inherits: only then its own `__repr__` is known.
    pub is_known: bool,
    module: OnceLock<Option<String>>,
    qualname: OnceLock<String>,
    mro: OnceLock<Arc<[Addr]>>,
    repr_by: OnceLock<ReprBy>,
    /// Something of it was read by a disputed field.
    disputed: AtomicBool,
}

/// Whose `__repr__` runs for objects of a type.
#[derive(Clone, Debug)]
pub(super) enum ReprBy {
    /// That of a native type.
    Native(Arc<TypeInfo>),
    /// What stands in the dict of a class written in Python (normally a function).
    Python(Arc<TypeInfo>, Addr),
}

impl TypeInfo {
    /// A type of which nothing is known.
    fn unknown(addr: Addr) -> TypeInfo {
        TypeInfo {
            addr,
            name: format!("<unknown type at {addr}>"),
            named: false,
            metatype: Addr::NULL,
            flags: 0,
            basicsize: 0,
            itemsize: 0,
            dictoffset: 0,
            weaklistoffset: 0,
            base: Addr::NULL,
            repr: Addr::NULL,
            is_heap: false,
            is_native: false,
            kind: Kind::Object,
            is_known: false,
            module: OnceLock::new(),
            qualname: OnceLock::new(),
            mro: OnceLock::new(),
            repr_by: OnceLock::new(),
            disputed: AtomicBool::new(false),
        }
    }

    /// The name after the last dot of `tp_name`: what `_PyType_Name` gives.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or(&self.name)
    }

    /// `type.__name__`: that of a class made by Python may hold dots.
    #[must_use]
    pub fn dunder_name(&self) -> &str {
        if self.is_native { self.short_name() } else { &self.name }
    }

    /// Whether a `Py_TPFLAGS_*` bit is set.
    #[must_use]
    pub fn has(&self, flag: u64) -> bool {
        self.flags & flag != 0
    }
}

/// The head of an object.
#[derive(Clone, Debug)]
pub struct Header {
    /// `ob_type`.
    pub type_addr: Addr,
    /// The type, when `ob_type` leads to one.
    pub type_info: Arc<TypeInfo>,
}

/// Python objects in one interpreter's memory.
pub struct Heap<'a> {
    /// Memory, layouts, dialect.
    pub ctx: Context<'a>,
    known: Arc<Known<'a>>,
    /// What counts the reads, where they are counted.
    meter: Option<&'a Meter<'a>>,
}

/// What views of one heap share.
struct Known<'a> {
    symbols: Option<Box<dyn SymbolNames + 'a>>,
    cache: Arc<TypeCache>,
}

impl std::fmt::Debug for Heap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heap").field("interpreter", &self.interpreter()).finish_non_exhaustive()
    }
}

impl<'a> Heap<'a> {
    /// A heap read by `ctx`, with what `cache` knows of its types. `symbols`: symbol tables, for names of static types.
    #[must_use]
    pub fn new(ctx: Context<'a>, cache: Arc<TypeCache>, symbols: Option<Box<dyn SymbolNames + 'a>>) -> Self {
        Heap { ctx, known: Arc::new(Known { symbols, cache }), meter: None }
    }

    /// The same heap, each read of which `meter` counts.
    pub(super) fn through<'m>(&self, meter: &'m Meter<'m>) -> Heap<'m>
    where
        'a: 'm,
    {
        let known: Arc<Known<'m>> = Arc::<Known<'a>>::clone(&self.known);
        Heap { ctx: Context { memory: meter, ..self.ctx }, known, meter: Some(meter) }
    }

    /// Whether the limit of reads was reached. What is read of a heap since is incomplete: nothing of it may be remembered
    /// or called damaged.
    pub(super) fn is_over_limit(&self) -> bool {
        self.meter.is_some_and(Meter::has_refused)
    }

    /// What `cell` holds, or else what `read` gives, which is then kept unless the limit of reads was reached. `read` runs
    /// outside of the cell's lock: it may come back to the same cell, and another thread may read the same at the same time.
    /// `disputed` is set where a disputed field was used for it.
    fn kept<T: Clone>(&self, cell: &OnceLock<T>, disputed: &AtomicBool, read: impl FnOnce() -> T) -> T {
        if let Some(known) = cell.get() {
            if disputed.load(Ordering::Relaxed) {
                note_disputed_use();
            }
            return known.clone();
        }
        let before = disputed_uses();
        let value = read();
        if disputed_uses() != before {
            disputed.store(true, Ordering::Relaxed);
        }
        if self.is_over_limit() { value } else { cell.get_or_init(|| value).clone() }
    }

    /// The interpreter whose objects are read.
    #[must_use]
    pub fn interpreter(&self) -> Option<Addr> {
        self.known.cache.interpreter
    }

    /// The type of the object at `addr`.
    ///
    /// # Errors
    /// [`DecodeError`] when there is no object: the address is odd, unreadable, or `ob_type` does not lead to a type.
    pub fn type_of(&self, addr: Addr) -> Result<Arc<TypeInfo>, DecodeError> {
        self.type_in(&self.ctx, addr)
    }

    /// As [`Heap::type_of`], with the head of the object read through `ctx`.
    pub(super) fn type_in(&self, ctx: &Context<'_>, addr: Addr) -> Result<Arc<TypeInfo>, DecodeError> {
        if addr.is_null() {
            return Err(DecodeError::Null { what: "object" });
        }
        if !addr.is_aligned(u64::from(ctx.abi.pointer_size())) {
            return Err(DecodeError::corrupt("object", addr, "the address is not aligned"));
        }
        let type_addr = ctx.ptr(field!(ctx, object.ob_type), addr)?;
        self.type_info(type_addr)
            .ok_or_else(|| DecodeError::corrupt("ob_type", addr, format!("{type_addr} is not a type object")))
    }

    /// Whether there is an exception at `addr`. (Where none is raised or handled the interpreter may store None.)
    #[must_use]
    pub fn is_exception(&self, addr: Addr) -> bool {
        self.type_of(addr).is_ok_and(|info| info.kind.refines(Kind::Exception))
    }

    /// The type object at `addr`; `None` when there is none.
    #[must_use]
    pub fn type_info(&self, addr: Addr) -> Option<Arc<TypeInfo>> {
        let cache = &self.known.cache;
        if let Some(known) = cache.known(addr) {
            if known.as_ref().is_some_and(|info| info.disputed.load(Ordering::Relaxed)) {
                note_disputed_use();
            }
            return known;
        }
        // A cycle or an endless chain of base types ends here.
        if !cache.begin(addr) {
            return None;
        }
        let before = disputed_uses();
        let read = self.read_type(addr);
        if let Ok(info) = &read {
            info.disputed.store(disputed_uses() != before, Ordering::Relaxed);
        }
        cache.end(addr);
        let info = read.ok().map(Arc::new);
        if !self.is_over_limit() {
            cache.keep(addr, info.clone());
        }
        info
    }

    fn read_type(&self, addr: Addr) -> Result<TypeInfo, DecodeError> {
        let raw = RawType::read(&self.ctx, addr)?;
        if !self.is_type_type(raw.metatype, MAX_BASES) {
            return Err(DecodeError::corrupt("type.ob_type", addr, "not a type of types"));
        }
        let is_heap = raw.flags & flags::HEAPTYPE != 0;
        let known = self.known_name(addr, &raw);
        let is_native = !is_heap || known.as_deref().is_some_and(|name| self.is_from_spec(addr, name));
        let named = known.is_some();
        let name = known.unwrap_or_else(|| format!("<unknown type at {addr}>"));
        let own = if is_native && named { self.kind_of_name(&name) } else { None };
        let kind = own.unwrap_or_else(|| self.inherited_kind(&raw, is_native));
        let is_known = own.is_some() || named && kind == Kind::StructSeq;
        Ok(TypeInfo {
            name,
            named,
            metatype: raw.metatype,
            flags: raw.flags,
            basicsize: raw.basicsize,
            itemsize: raw.itemsize,
            dictoffset: raw.dictoffset,
            weaklistoffset: raw.weaklistoffset,
            base: raw.base,
            repr: raw.repr,
            is_heap,
            is_native,
            kind,
            is_known,
            ..TypeInfo::unknown(addr)
        })
    }

    /// The kind of the native type with this `tp_name`.
    fn kind_of_name(&self, tp_name: &str) -> Option<Kind> {
        if self.ctx.dialect.is_two() { python2::kind_of_name(tp_name) } else { Kind::of_name(tp_name) }
    }

    /// The kind that the subclass bits of `tp_flags` tell.
    pub(super) fn family(&self, flags: u64) -> Option<Kind> {
        if self.ctx.dialect.is_two() { python2::kind_of_flags(flags) } else { Kind::of_flags(flags) }
    }

    /// Whether `addr` is `type` or a class derived from it: such a chain ends in an object that is its own type.
    fn is_type_type(&self, addr: Addr, left: usize) -> bool {
        if let Some(known) = self.known.cache.known(addr) {
            return known.is_some_and(|t| t.has(flags::TYPE_SUBCLASS));
        }
        let Ok(raw) = RawType::read(&self.ctx, addr) else { return false };
        if raw.flags & flags::TYPE_SUBCLASS == 0 {
            return false;
        }
        raw.metatype == addr || left > 0 && self.is_type_type(raw.metatype, left.saturating_sub(1))
    }

    /// The kind of the nearest base type, checked against the subclass bits.
    fn inherited_kind(&self, raw: &RawType, is_native: bool) -> Kind {
        let family = self.family(raw.flags);
        let inherited = if raw.base.is_null() { None } else { self.type_info(raw.base).map(|t| t.kind) };
        let fits = |kind: &Kind| family.is_none_or(|family| kind.refines(family));
        let inherited = inherited.filter(|kind| *kind != Kind::Object && *kind != Kind::Native).filter(fits);
        // A structseq type is a tuple of C code with named members (Objects/structseq.c).
        match (inherited.or(family), is_native) {
            (Some(Kind::Tuple), true) if !raw.members.is_null() => Kind::StructSeq,
            (Some(kind), _) => kind,
            (None, true) => Kind::Native,
            (None, false) => match self.type_info(raw.base).map(|t| t.kind) {
                Some(Kind::Native) => Kind::Native,
                _ => Kind::Object,
            },
        }
    }

    fn known_name(&self, addr: Addr, raw: &RawType) -> Option<String> {
        let own = self.ctx.memory.read_cstr(raw.name, MAX_NAME);
        let in_file = own.as_ref().is_err_and(|error| error.kind == ReadErrorKind::FileMissing);
        let plausible = |name: &String| !name.is_empty() && !name.chars().any(char::is_control);
        // A program may have put another type in the place of one.
        let fits = |name: &str| {
            self.kind_of_name(name).zip(self.family(raw.flags)).is_none_or(|(kind, family)| kind.refines(family))
        };
        own.ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(plausible)
            .or_else(|| (raw.flags & flags::HEAPTYPE != 0).then(|| self.heap_name(addr, in_file)).flatten())
            .or_else(|| self.name_by_symbol(addr))
            .or_else(|| self.builtin_names().get(&addr).filter(|name| fits(name)).cloned())
    }

    fn name_by_symbol(&self, addr: Addr) -> Option<String> {
        // Python 2 has the same symbols for types of other names.
        let symbols = self.known.symbols.as_ref().filter(|_| !self.ctx.dialect.is_two())?;
        name_of_symbol(&symbols.symbol_at(addr)?)
    }

    /// `ht_name`, in memory of the process even where `tp_name` is not. `in_file`: `tp_name` is in a mapped file, as it is
    /// for types that `PyType_FromSpec` made before 3.11, which kept the pointer it was given; such a name begins with the
    /// module (Objects/typeobject.c).
    fn heap_name(&self, addr: Addr, in_file: bool) -> Option<String> {
        let ctx = &self.ctx;
        let text = |at: Addr| read_str(ctx, at, MAX_NAME as u64).ok();
        let name = text(ctx.ptr(field!(ctx, heap_type.name), addr).ok()?)?;
        let module = || {
            let dict = type_dict_at(ctx, self.interpreter(), addr).ok()?;
            text(dict_get_str(ctx, dict, "__module__").ok()??)
        };
        match in_file.then(module).flatten() {
            Some(module) => Some(format!("{module}.{name}")),
            None => Some(name),
        }
    }

    /// Whether a heap type was made by `PyType_FromSpec`: its `tp_name` is dotted and `ht_name` is the part after the
    /// last dot; `type.__new__` makes both equal (Objects/typeobject.c).
    fn is_from_spec(&self, addr: Addr, tp_name: &str) -> bool {
        let Some((_, last)) = tp_name.rsplit_once('.') else { return false };
        let name = self.ctx.ptr(field!(self.ctx, heap_type.name), addr);
        name.is_ok_and(|name| str_is(&self.ctx, name, last).unwrap_or(false))
    }

    /// Names of static types that the interpreter's own modules lead to.
    fn builtin_names(&self) -> Arc<HashMap<Addr, String>> {
        let cache = &self.known.cache;
        self.kept(&cache.builtin_names, &cache.names_disputed, || {
            Arc::new(self.interpreter().map_or_else(HashMap::new, |interpreter| names_in(&self.ctx, interpreter)))
        })
    }

    /// `__version__` of an imported module, where that is a string.
    pub(super) fn module_version(&self, module: &'static str) -> Option<String> {
        let versions = || self.known.cache.module_versions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = versions().get(module) {
            return known.clone();
        }
        let read = || {
            let ctx = &self.ctx;
            let modules = ctx.ptr(field!(ctx, interpreter.modules), self.interpreter()?).ok()?;
            let module = dict_get_str(ctx, modules, module).ok()??;
            let namespace = ctx.ptr(field!(ctx, module.dict), module).ok()?;
            let version = dict_get_str(ctx, namespace, "__version__").ok()??;
            (self.type_of(version).ok()?.kind == Kind::Str).then(|| read_str(ctx, version, 100).ok())?
        };
        let version = read();
        if !self.is_over_limit() {
            versions().insert(module, version.clone());
        }
        version
    }

    /// Types from the most derived to `object`, the type itself first. Falls back on `tp_base` when `tp_mro` is
    /// unreadable.
    #[must_use]
    pub fn mro(&self, info: &TypeInfo) -> Arc<[Addr]> {
        self.kept(&info.mro, &info.disputed, || {
            let tuple = self.ctx.ptr(field!(self.ctx, type_object.mro), info.addr);
            let items = tuple.and_then(|t| {
                if t.is_null() { Err(DecodeError::Null { what: "tp_mro" }) } else { tuple_items(&self.ctx, t) }
            });
            let listed: Option<Arc<[Addr]>> =
                items.ok().filter(|i| i.total() <= MAX_MRO).and_then(|i| i.collect::<Result<_, _>>().ok());
            listed.filter(|mro| mro.first() == Some(&info.addr)).unwrap_or_else(|| self.bases(info))
        })
    }

    fn bases(&self, info: &TypeInfo) -> Arc<[Addr]> {
        let mut chain = vec![info.addr];
        let mut base = info.base;
        while chain.len() < MAX_BASES && !base.is_null() && !chain.contains(&base) {
            let Some(next) = self.type_info(base) else { break };
            chain.push(base);
            base = next.base;
        }
        chain.into()
    }

    /// `tp_dict` of the type, wherever this version keeps it.
    ///
    /// # Errors
    /// [`DecodeError`] when it cannot be found or read.
    pub fn type_dict(&self, info: &TypeInfo) -> Result<Addr, DecodeError> {
        type_dict_at(&self.ctx, self.interpreter(), info.addr)
    }

    /// The class attribute `name`, searched along the MRO: the type it was found in and the value. `None` also where a class
    /// cannot be read that could have it.
    #[must_use]
    pub fn lookup(&self, info: &TypeInfo, name: &str) -> Option<(Arc<TypeInfo>, Addr)> {
        for addr in self.mro(info).iter() {
            let class = self.type_info(*addr)?;
            match self.read_class_attribute(&class, name) {
                Ok(Some(value)) => return Some((class, value)),
                Ok(None) => {}
                Err(_) if class.is_native => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// The class attribute `name` of this very type; `None` also where that cannot be read.
    #[must_use]
    pub fn own_class_attribute(&self, info: &TypeInfo, name: &str) -> Option<Addr> {
        self.read_class_attribute(info, name).ok()?
    }

    fn read_class_attribute(&self, info: &TypeInfo, name: &str) -> Result<Option<Addr>, DecodeError> {
        dict_get_str(&self.ctx, self.type_dict(info)?, name)
    }

    /// Whose `__repr__` runs for objects of this type.
    pub(super) fn repr_by(&self, info: &TypeInfo) -> ReprBy {
        self.kept(&info.repr_by, &info.disputed, || self.find_repr(info))
    }

    fn find_repr(&self, info: &TypeInfo) -> ReprBy {
        let mro: Vec<Arc<TypeInfo>> = self.mro(info).iter().filter_map(|addr| self.type_info(*addr)).collect();
        let python = |class: &Arc<TypeInfo>| {
            let own = match self.read_class_attribute(class, "__repr__") {
                Ok(own) => own?,
                // It may define one: what that would print is not known.
                Err(_) => return Some(ReprBy::Python(Arc::clone(class), Addr::NULL)),
            };
            // `__repr__ = dict.__repr__`: the slot wrapper of a native type.
            let wrapper = self.type_of(own).ok().filter(|t| t.kind == Kind::WrapperDescriptor);
            let native = wrapper.and_then(|_| self.ctx.ptr(field!(self.ctx, descr.d_type), own).ok());
            match native.and_then(|native| self.type_info(native)).filter(|native| native.addr != info.addr) {
                Some(native) => Some(self.repr_by(&native)),
                None => Some(ReprBy::Python(Arc::clone(class), own)),
            }
        };
        for (at, class) in mro.iter().enumerate() {
            if !class.is_native {
                if let Some(found) = python(class) {
                    return found;
                }
                continue;
            }
            // The slot is inherited as a pointer: the most basic type that has the same one defined it.
            let rest = mro.get(at..).unwrap_or_default();
            let definer = rest.iter().rev().find(|c| c.is_native && c.repr == class.repr).unwrap_or(class);
            // It has another: that of a class that could not be read.
            if info.repr != class.repr {
                break;
            }
            return ReprBy::Native(Arc::clone(definer));
        }
        // The MRO is damaged, or not all of it is there.
        ReprBy::Python(self.type_info(info.addr).unwrap_or_else(|| Arc::new(TypeInfo::unknown(info.addr))), Addr::NULL)
    }

    /// `type.__module__` as text; `None` when it is not a string or unreadable.
    #[must_use]
    pub fn module(&self, info: &TypeInfo) -> Option<String> {
        self.kept(&info.module, &info.disputed, || {
            if !info.is_heap {
                return Some(info.name.rsplit_once('.').map_or("builtins", |(module, _)| module).to_owned());
            }
            let value = self.own_class_attribute(info, "__module__")?;
            let module =
                (self.type_of(value).ok()?.kind == Kind::Str).then(|| read_str(&self.ctx, value, 1000).ok())??;
            // Its name in Python 2.
            Some(if self.ctx.dialect.is_two() && module == "__builtin__" { "builtins".to_owned() } else { module })
        })
    }

    /// `type.__qualname__`.
    #[must_use]
    pub fn qualname(&self, info: &TypeInfo) -> String {
        let read = || {
            let name = self.ctx.ptr(field!(self.ctx, heap_type.qualname), info.addr).ok().filter(|a| !a.is_null())?;
            read_str(&self.ctx, name, MAX_NAME as u64).ok()
        };
        let heap = |_: &TypeInfo| if info.is_heap { read() } else { None };
        self.kept(&info.qualname, &info.disputed, || heap(info).unwrap_or_else(|| info.short_name().to_owned()))
    }

    /// `PyType_GetFullyQualifiedName` (3.13): the name with its module, unless that is `builtins` or `__main__`.
    pub(super) fn fully_qualified_name(&self, info: &TypeInfo) -> String {
        match self.module(info).as_deref() {
            Some("__main__") => self.qualname(info),
            _ => self.full_name(info),
        }
    }

    /// Name with module, as `repr()` of an instance shows it: `module.Qual.name`, without `builtins.`.
    #[must_use]
    pub fn full_name(&self, info: &TypeInfo) -> String {
        match self.module(info).filter(|m| m != "builtins") {
            Some(module) => format!("{module}.{}", self.qualname(info)),
            None => self.qualname(info),
        }
    }
}

/// The head of the object at `addr`.
///
/// # Errors
/// As [`Heap::type_of`].
pub fn header(heap: &Heap<'_>, addr: Addr) -> Result<Header, DecodeError> {
    let type_info = heap.type_of(addr)?;
    Ok(Header { type_addr: type_info.addr, type_info })
}

/// `tp_dict` of the type at `addr`, wherever this version keeps it.
pub(super) fn type_dict_at(ctx: &Context<'_>, interpreter: Option<Addr>, addr: Addr) -> Result<Addr, DecodeError> {
    let dict = ctx.ptr(field!(ctx, type_object.dict), addr)?;
    if !dict.is_null() || ctx.dialect.type_dicts == TypeDicts::InType {
        return if dict.is_null() { Err(DecodeError::Null { what: "type.tp_dict" }) } else { Ok(dict) };
    }
    let interpreter = interpreter.ok_or(DecodeError::Null { what: "interpreter" })?;
    // `managed_static_type_index_get`: the field holds index + 1.
    let index = ctx.ptr(field!(ctx, type_object.subclasses), addr)?.0;
    let index = index.checked_sub(1).filter(|i| *i < 1000);
    let index = index.ok_or_else(|| DecodeError::corrupt("type.tp_subclasses", addr, "no index"))?;
    let size = field!(ctx, static_type_state.size).1?;
    for table in [field!(ctx, interpreter.types_builtins), field!(ctx, interpreter.types_extensions)] {
        let Ok(base) = ctx.addr(table, interpreter) else { continue };
        let state = base.wrapping_add(index.wrapping_mul(size));
        if ctx.ptr(field!(ctx, static_type_state.type_ptr), state) == Ok(addr) {
            return ctx.ptr(field!(ctx, static_type_state.dict), state);
        }
    }
    Err(DecodeError::Null { what: "type.tp_dict" })
}

/// The fields of a type object, unjudged.
struct RawType {
    metatype: Addr,
    name: Addr,
    flags: u64,
    basicsize: i64,
    itemsize: i64,
    dictoffset: i64,
    weaklistoffset: i64,
    base: Addr,
    repr: Addr,
    members: Addr,
}

impl RawType {
    fn read(ctx: &Context<'_>, addr: Addr) -> Result<RawType, DecodeError> {
        if addr.is_null() || !addr.is_aligned(u64::from(ctx.abi.pointer_size())) {
            return Err(DecodeError::corrupt("type", addr, "no such address"));
        }
        let layout = &ctx.layouts.type_object;
        // From the head to the last field needed in one read.
        let end = layout.weaklistoffset.offset().max(layout.dictoffset.offset()).max(layout.base.offset());
        let end = end.max(layout.flags.offset()).unwrap_or(0).saturating_add(8);
        let block = ctx.bytes_at("type object", addr, end)?;
        let word = usize::from(ctx.abi.pointer_size());
        let field = |name: crate::cpython::FieldRef| -> Result<u64, DecodeError> {
            let at = usize::try_from(name.1?).unwrap_or(usize::MAX);
            let mut cursor = Cursor::new(&block, ctx.abi);
            let value = cursor.take(at).and_then(|_| cursor.uint(word));
            value.map_err(|e| DecodeError::corrupt(name.0, addr, e.to_string()))
        };
        let signed = |value: u64| if word == 4 { i64::from(value as u32 as i32) } else { value.cast_signed() };
        let raw_flags = {
            let at = usize::try_from(field!(ctx, type_object.flags).1?).unwrap_or(usize::MAX);
            let mut cursor = Cursor::new(&block, ctx.abi);
            let value = cursor.take(at).and_then(|_| cursor.uint(usize::from(ctx.abi.long_size())));
            value.map_err(|e| DecodeError::corrupt("type.flags", addr, e.to_string()))?
        };
        let raw = RawType {
            metatype: Addr(field(field!(ctx, object.ob_type))?),
            name: Addr(field(field!(ctx, type_object.name))?),
            flags: raw_flags,
            basicsize: signed(field(field!(ctx, type_object.basicsize))?),
            itemsize: signed(field(field!(ctx, type_object.itemsize))?),
            dictoffset: signed(field(field!(ctx, type_object.dictoffset))?),
            weaklistoffset: field(field!(ctx, type_object.weaklistoffset)).map_or(0, signed),
            base: Addr(field(field!(ctx, type_object.base))?),
            repr: field(field!(ctx, type_object.repr)).map_or(Addr::NULL, Addr),
            members: field(field!(ctx, type_object.members)).map_or(Addr::NULL, Addr),
        };
        let head = i64::from(ctx.abi.pointer_size());
        // Python 2 leaves static types that nobody asked for attributes as they are in C.
        let is_ready = raw.flags & flags::READY != 0 || ctx.dialect.is_two() && raw.flags & flags::HEAPTYPE == 0;
        let sane = raw.basicsize > head && raw.basicsize < 1 << 24 && (0..1 << 24).contains(&raw.itemsize);
        if !sane || !is_ready || !raw.metatype.is_aligned(word as u64) {
            return Err(DecodeError::corrupt("type", addr, "its sizes and flags are not those of a type"));
        }
        Ok(raw)
    }
}
