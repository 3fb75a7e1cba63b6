//! PyTorch: what a tensor is; its repr is code that depends on print options, and its data may lie on another device.
//!
//! What a tensor is says its `c10::TensorImpl`.

use super::strided::{is_c_order, tuple_text};
use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::tensor::Tensor;
use crate::cpython::object::types::TypeInfo;

/// Names of `c10::ScalarType`, by number (c10/core/ScalarType.h); numbers are never given a second time.
#[rustfmt::skip]
const DTYPES: [&str; 46] = [
    "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex32", "complex64", "complex128",
    "bool", "qint8", "quint8", "qint32", "bfloat16", "quint4x2", "quint2x4", "bits1x8", "bits2x4", "bits4x2", "bits8",
    "bits16", "float8_e5m2", "float8_e4m3fn", "float8_e5m2fnuz", "float8_e4m3fnuz", "uint16", "uint32", "uint64", "uint1",
    "uint2", "uint3", "uint4", "uint5", "uint6", "uint7", "int1", "int2", "int3", "int4", "int5", "int6", "int7",
    "float8_e8m0fnu", "float4_e2m1fn_x2",
];

/// Names of `c10::DeviceType`, by number (c10/core/DeviceType.h); the one left empty has changed its name.
#[rustfmt::skip]
const DEVICES: [&str; 21] = [
    "cpu", "cuda", "mkldnn", "opengl", "opencl", "ideep", "hip", "fpga", "", "xla", "vulkan", "metal", "xpu", "mps", "meta",
    "hpu", "ve", "lazy", "ipu", "mtia", "privateuseone",
];

/// `device_opt_`.
enum Device {
    None,
    /// Type and index; an index of -1 is none.
    Known(u8, i8),
    /// It may be two.
    Unclear,
}

impl Device {
    /// `std::optional<c10::Device>` is `{type, index, there}`; `c10::optional`, until some release after 1.12, was
    /// `{there, type, index}`.
    fn read(w: &Writer<'_, '_>, bytes: [u8; 3]) -> Device {
        match bytes {
            [1, 1, 1] => Device::Known(1, 1),
            [1, index, 1] if has_std_optional(w) => Device::Known(1, index.cast_signed()),
            [1, _, 1] => Device::Unclear,
            [kind, index, 1] | [1, kind, index] => Device::Known(kind, index.cast_signed()),
            _ => Device::None,
        }
    }
}

/// Whether this is a release of which that is known.
fn has_std_optional(w: &Writer<'_, '_>) -> bool {
    let version = w.heap.module_version("torch").unwrap_or_default();
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(2), Some(3))
}

/// `dtype=torch.float32 shape=(2, 3) device=cpu`; strides where the data is not in C order.
pub(in crate::cpython::object) fn tensor(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let Some(tensor) = Tensor::read(w.ctx(), addr) else { return w.fixed("of an unknown PyTorch") };
    let number = |names: &[&'static str], n: u64| {
        usize::try_from(n).ok().and_then(|n| names.get(n)).copied().filter(|name| !name.is_empty())
    };
    match number(&DTYPES, tensor.dtype) {
        Some(name) => w.put(format_args!("dtype=torch.{name}")),
        None => w.put(format_args!("dtype=<number {}>", tensor.dtype)),
    }
    w.put(format_args!(" shape={}", tuple_text(&tensor.shape)));
    if !is_c_order(&tensor.shape, &tensor.strides, 1) {
        w.put(format_args!(" strides={}", tuple_text(&tensor.strides)));
    }
    match Device::read(w, tensor.device) {
        Device::None => {}
        Device::Unclear => w.push(" device=?"),
        Device::Known(kind, index) => {
            match number(&DEVICES, kind.into()) {
                Some(name) => w.put(format_args!(" device={name}")),
                None => w.put(format_args!(" device=<number {kind}>")),
            }
            if index >= 0 {
                w.put(format_args!(":{index}"));
            }
        }
    }
    Ok(())
}
