//! `repr()` without Python: the text that Python would have printed wherever data determines it, a truthful structural form
//! elsewhere.
//!
//! Which code would have run is found first: the nearest class along the MRO that defines `__repr__`. A native one is
//! re-enacted by the function for its kind; a Python one only when it is a known function of the standard library.

mod callables;
mod collections;
mod containers;
mod ctypes;
mod datetime;
mod decimal;
mod default;
mod extensions;
mod frames;
mod gdb_script;
mod io;
mod limits;
mod locks;
mod number;
mod numpy;
mod pointer;
mod printable;
mod python;
mod runtime;
mod strided;
mod text;
mod torch;
mod typing;
mod writer;

pub use limits::{Fidelity, Repr, ReprLimits, ReprStyle};
pub(in crate::cpython::object) use writer::Writer;

use super::kind::Kind;
use super::types::{Heap, TypeInfo};
use crate::base::Addr;
use crate::cpython::DecodeError;
use limits::Meter;

/// What `repr()` of the object at `addr` would have been.
#[must_use]
pub fn repr(heap: &Heap<'_>, addr: Addr, limits: &ReprLimits) -> Repr {
    let meter = Meter::new(heap.ctx.memory, limits.reads);
    let heap = heap.through(&meter);
    let type_name = heap.type_of(addr).ok().filter(|t| t.named).map(|t| t.dunder_name().to_owned());
    let mut writer = Writer::new(&heap, limits);
    writer.object(addr);
    let (text, fidelity) = writer.finish();
    Repr { text, fidelity, type_name }
}

/// Renders an object of a native type as the C code of that type does.
type Render = fn(&mut Writer<'_, '_>, Addr, &TypeInfo) -> Result<(), DecodeError>;

/// The function that renders what the native `__repr__` of a type of this kind prints.
fn native(kind: Kind) -> Option<Render> {
    Some(match kind {
        Kind::Object => default::object,
        Kind::Type => default::class,
        Kind::None => |w, _, _| w.fixed("None"),
        Kind::Ellipsis => |w, _, _| w.fixed("Ellipsis"),
        Kind::NotImplemented => |w, _, _| w.fixed("NotImplemented"),
        Kind::Int => number::int,
        Kind::Bool => number::bool,
        Kind::Float => number::float,
        Kind::Complex => number::complex,
        Kind::Str => text::str,
        Kind::Bytes => text::bytes,
        Kind::ByteArray => text::bytearray,
        Kind::MemoryView => default::memory,
        Kind::Tuple => containers::tuple,
        Kind::List => containers::list,
        Kind::Dict => containers::dict,
        Kind::Set | Kind::FrozenSet => containers::set,
        Kind::DictKeys
        | Kind::DictValues
        | Kind::DictItems
        | Kind::OdictKeys
        | Kind::OdictValues
        | Kind::OdictItems => collections::dict_view,
        Kind::MappingProxy => collections::mapping_proxy,
        Kind::FrozenDict => collections::frozen_dict,
        Kind::Range => collections::range,
        Kind::Slice => collections::slice,
        Kind::Deque => collections::deque,
        Kind::DefaultDict => collections::default_dict,
        Kind::OrderedDict => collections::ordered_dict,
        Kind::StructSeq => collections::struct_sequence,
        Kind::SimpleNamespace => collections::namespace,
        Kind::Array => collections::array,
        Kind::Count => collections::count,
        Kind::Repeat => collections::repeat,
        Kind::CSimple => ctypes::simple,
        Kind::Function => callables::function,
        Kind::Method => callables::method,
        Kind::BuiltinFunction => callables::builtin,
        Kind::MethodDescriptor | Kind::ClassMethodDescriptor => callables::method_descriptor,
        Kind::WrapperDescriptor => callables::wrapper_descriptor,
        Kind::MemberDescriptor => callables::member_descriptor,
        Kind::GetSetDescriptor => callables::getset_descriptor,
        Kind::MethodWrapper => callables::method_wrapper,
        Kind::Partial => callables::partial,
        Kind::StaticMethod | Kind::ClassMethod => callables::static_method,
        Kind::Super => callables::super_object,
        Kind::Exception => runtime::exception,
        Kind::ExceptionGroup => runtime::exception_group,
        Kind::ImportError => runtime::import_error,
        Kind::Generator | Kind::Coroutine | Kind::AsyncGenerator => frames::generator,
        Kind::Code => frames::code,
        Kind::Frame => frames::frame,
        Kind::FrameLocalsProxy => frames::frame_locals_proxy,
        Kind::Cell => runtime::cell,
        Kind::WeakRef => runtime::weakref,
        Kind::WeakProxy => runtime::weak_proxy,
        Kind::Module => runtime::module,
        Kind::Capsule => runtime::capsule,
        Kind::ContextVar => runtime::context_var,
        Kind::Token => runtime::token,
        Kind::Sentinel => runtime::sentinel,
        Kind::Future => python::asyncio_future,
        Kind::Task => python::asyncio_task,
        Kind::Lock => locks::lock,
        Kind::RLock => locks::rlock,
        Kind::Date => datetime::date,
        Kind::DateTime => datetime::date_time,
        Kind::Time => datetime::time,
        Kind::TimeDelta => datetime::delta,
        Kind::TimeZone => datetime::timezone,
        Kind::ZoneInfo => datetime::zone_info,
        Kind::Decimal => decimal::decimal,
        Kind::GenericAlias => typing::generic_alias,
        Kind::Union => typing::union,
        Kind::TypeVar | Kind::ParamSpec => typing::type_variable,
        Kind::ParamSpecArgs => |w, addr, _| typing::parameters(w, addr, ".args"),
        Kind::ParamSpecKwargs => |w, addr, _| typing::parameters(w, addr, ".kwargs"),
        Kind::TypeVarTuple | Kind::TypeAlias => typing::named,
        Kind::LazyImport => typing::lazy_import,
        Kind::Template => typing::template,
        Kind::Interpolation => typing::interpolation,
        Kind::NumpyArray => numpy::array,
        Kind::NumpyDtype => numpy::data_type,
        Kind::NumpyScalar => numpy::scalar,
        Kind::NumpyStr => numpy::text,
        Kind::NumpyBytes => numpy::bytes,
        Kind::Tensor => torch::tensor,
        Kind::Socket => extensions::socket,
        Kind::Element => extensions::element,
        Kind::DirEntry => extensions::dir_entry,
        Kind::Struct => extensions::compiled_format,
        Kind::FileIo => io::file,
        Kind::BufferedReader | Kind::BufferedWriter | Kind::BufferedRandom => io::buffered,
        Kind::TextIo => io::text,
        Kind::Pattern => io::pattern,
        Kind::Match => io::matched,
        _ => return None,
    })
}

/// Writes what an object holds as its native base type shows it, for one whose own `__repr__` is code that is not run.
/// False, and nothing written, where no more can be told of it than its type.
fn content(w: &mut Writer<'_, '_>, addr: Addr, info: &TypeInfo) -> Result<bool, DecodeError> {
    match info.kind {
        // One with a `__repr__` of its own (`StringDType`) has fields of its own too.
        Kind::Object | Kind::Type | Kind::NumpyDtype => Ok(false),
        Kind::NumpyScalar => numpy::scalar_value(w, addr, info),
        kind => native(kind).map_or(Ok(false), |render| render(w, addr, info).map(|()| true)),
    }
}
