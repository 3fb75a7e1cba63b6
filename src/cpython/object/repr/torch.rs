//! PyTorch: what a tensor is; its repr is code that depends on print options, and its data may lie on another device.
//!
//! `THPVariable` (torch/csrc/autograd/python_variable.h) holds a pointer to `c10::TensorImpl` (c10/core/TensorImpl.h), with a
//! flag before it until it was always owned. The fields before `TensorImpl::pyobj_` differ from release to release, those
//! after it do not: they are found by that pointer, which leads back to the Python object. Read in 1.12, 2.3 and 2.15.

use super::strided::{is_c_order, tuple_text};
use super::writer::Writer;
use crate::base::{Addr, Cursor};
use crate::cpython::object::types::TypeInfo;
use crate::cpython::{Context, DecodeError};
use crate::debuggee::MemoryExt as _;

/// Words of a `TensorImpl` among which `pyobj_` is searched.
const SEARCHED: usize = 16;
/// Words of `SizesAndStrides`: the rank, and room for the sizes and strides of five dimensions or a pointer to more.
const INLINE: usize = 5;
const SIZES_AND_STRIDES: usize = 1 + 2 * INLINE;
/// `pyobj_`, sizes and strides, `storage_offset_`, `numel_`, and the word with `data_type_` and `device_opt_`.
const READ: usize = SEARCHED + 1 + SIZES_AND_STRIDES + 3;
/// PyTorch has no limit of its own; NumPy's is 64.
const MAX_RANK: usize = 64;

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

/// What a `TensorImpl` says of itself.
struct Tensor {
    dtype: u64,
    shape: Vec<u64>,
    strides: Vec<i64>,
    device: Device,
}

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
    let found = [w.head_word(addr, 0), w.head_word(addr, 1)];
    let Some(tensor) = found.into_iter().flatten().find_map(|at| Tensor::read(w, at, addr)) else {
        return w.fixed("of an unknown PyTorch");
    };
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
    match tensor.device {
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

impl Tensor {
    /// The `TensorImpl` at `at` if it is that of the Python object at `owner` and its parts agree with each other.
    fn read(w: &Writer<'_, '_>, at: Addr, owner: Addr) -> Option<Tensor> {
        let ctx = w.ctx();
        if at.is_null() || ctx.abi.pointer_size() != 8 {
            return None;
        }
        let words: Vec<u64> = words(ctx, at, READ)?;
        // Until 2.9 the lowest bit told who owns whom (c10/core/impl/PyObjectSlot.h).
        let slot = words.iter().take(SEARCHED).position(|word| word & !1 == owner.0)?;
        let mut rest = words.get(slot..)?.iter().copied().skip(1);
        let rank = usize::try_from(rest.next()?).ok().filter(|rank| *rank <= MAX_RANK)?;
        let inline: Vec<u64> = rest.by_ref().take(2 * INLINE).collect();
        let (shape, strides) = match rank <= INLINE {
            true => (inline.get(..rank)?.to_vec(), inline.get(INLINE..)?.get(..rank)?.to_vec()),
            false => {
                let mut shape = self::words(ctx, Addr(*inline.first()?), rank.checked_mul(2)?)?;
                let strides = shape.split_off(rank);
                (shape, strides)
            }
        };
        let (_storage_offset, count, last) = (rest.next()?, rest.next()?, rest.next()?.to_le_bytes());
        let elements = shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size))?;
        // `caffe2::TypeMeta` is two bytes, the optional `c10::Device` three.
        let [dtype, dtype_high, device @ .., _, _, _] = last;
        (elements == count && count <= i64::MAX.unsigned_abs()).then(|| Tensor {
            dtype: u64::from(u16::from_le_bytes([dtype, dtype_high])),
            shape,
            strides: strides.into_iter().map(u64::cast_signed).collect(),
            device: Device::read(w, device),
        })
    }
}

/// `count` words of 8 bytes.
fn words(ctx: &Context<'_>, at: Addr, count: usize) -> Option<Vec<u64>> {
    let bytes = ctx.memory.read_vec(at, u64::try_from(count).ok()?.checked_mul(8)?).ok()?;
    let mut cursor = Cursor::new(&bytes, ctx.abi);
    (0..count).map(|_| cursor.u64().ok()).collect()
}
