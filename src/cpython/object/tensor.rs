//! [`Tensor`]: what a tensor of PyTorch is, and where its data is.
//!
//! `THPVariable` (torch/csrc/autograd/python_variable.h) holds a pointer to `c10::TensorImpl` (c10/core/TensorImpl.h), with a
//! flag before it until it was always owned. The fields before `TensorImpl::pyobj_` differ from release to release, those
//! after it do not: they are found by that pointer, which leads back to the Python object. Read in 1.12, 2.3 and 2.15.

use super::fields::head_word;
use crate::base::{Addr, Cursor};
use crate::cpython::Context;
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
/// Words of a `StorageImpl` in which `data_ptr_` and `size_bytes_` are.
const STORAGE: usize = 8;
/// Words before `data_ptr_`: the table of functions and the counts (`c10::intrusive_ptr_target`), which were two words each until they
/// became one.
const BEFORE_DATA: [usize; 2] = [2, 3];

/// What a `TensorImpl` says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Number of a `c10::ScalarType`.
    pub dtype: u64,
    /// Sizes of its dimensions.
    pub shape: Vec<u64>,
    /// Their strides, in elements.
    pub strides: Vec<i64>,
    /// The bytes of `device_opt_`.
    pub device: [u8; 3],
    storage_offset: u64,
    /// What comes before `pyobj_`: a pointer to the storage is among it.
    before: Vec<u64>,
}

/// The memory that a tensor's data is in; other tensors may have theirs there too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorStorage {
    /// First byte.
    pub data: Addr,
    /// Bytes: `untyped_storage().nbytes()`.
    pub bytes: u64,
    /// Whether it is of an allocator of PyTorch, and not lent by NumPy or mapped from a file.
    pub is_allocated: bool,
}

impl Tensor {
    /// The tensor of the Python object at `owner`, if its parts agree with each other.
    #[must_use]
    pub fn read(ctx: &Context<'_>, owner: Addr) -> Option<Tensor> {
        let found = [head_word(ctx, owner, 0), head_word(ctx, owner, 1)];
        found.into_iter().flatten().find_map(|at| Tensor::of_impl(ctx, at, owner))
    }

    /// The `TensorImpl` at `at`, if it is that of the Python object at `owner`.
    fn of_impl(ctx: &Context<'_>, at: Addr, owner: Addr) -> Option<Tensor> {
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
        let (storage_offset, count, last) = (rest.next()?, rest.next()?, rest.next()?.to_le_bytes());
        let elements = shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size))?;
        // `caffe2::TypeMeta` is two bytes, the optional `c10::Device` three.
        let [dtype, dtype_high, device @ .., _, _, _] = last;
        (elements == count && count <= i64::MAX.unsigned_abs()).then(|| Tensor {
            dtype: u64::from(u16::from_le_bytes([dtype, dtype_high])),
            shape,
            strides: strides.into_iter().map(u64::cast_signed).collect(),
            device,
            storage_offset,
            before: words.get(..slot).unwrap_or_default().to_vec(),
        })
    }

    /// Where its data is, on the CPU: the one word before `pyobj_` that leads to a `c10::StorageImpl` (c10/core/StorageImpl.h) which
    /// has room for all of its elements. `None` where that is not known for certain.
    #[must_use]
    pub fn storage(&self, ctx: &Context<'_>) -> Option<TensorStorage> {
        let needed = self.last_element()?;
        let mut found = self.before.iter().skip(1).filter_map(|at| storage(ctx, Addr(*at), needed));
        let first = found.next()?;
        found.all(|other| other == first).then_some(first)
    }

    /// Bytes up to the end of the last element, if each were of one byte; 0 where there is none.
    fn last_element(&self) -> Option<u64> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let last = self.shape.iter().zip(&self.strides).try_fold(self.storage_offset, |sum, (size, stride)| {
            let along = u64::try_from(*stride).ok()?.checked_mul(size.checked_sub(1)?)?;
            sum.checked_add(along)
        });
        last?.checked_add(1)
    }
}

/// `data_ptr_` of a `StorageImpl` (data, function that frees, what it is called with, device), then `size_bytes_`, which is at least
/// `needed`.
fn storage(ctx: &Context<'_>, at: Addr, needed: u64) -> Option<TensorStorage> {
    /// `c10::Device` of the CPU: type 0, and in the next byte index -1.
    const CPU: u64 = 0xff00;
    if at.is_null() || at.0 & 7 != 0 {
        return None;
    }
    let words = words(ctx, at, STORAGE)?;
    // An object of C++ begins with a table, whose first entry is a function.
    let is_function = |at: u64| at != 0 && ctx.memory.read(Addr(at), &mut [0]).is_ok();
    is_function(ctx.ptr_at("table of functions", Addr(*words.first()?)).ok()?.0).then_some(())?;
    BEFORE_DATA.into_iter().find_map(|before| {
        let [data, free, context, device, bytes] = *words.get(before..)?.first_chunk()?;
        let on_cpu = device & 0xffff == CPU;
        let is_there = |at: u64| ctx.memory.read(Addr(at), &mut [0]).is_ok();
        let is_whole = data != 0
            && bytes > 0
            && bytes < 1 << 46
            && is_there(data)
            && is_there(data.wrapping_add(bytes).wrapping_sub(1));
        // What was lent has something else to be given back by.
        let is_allocated = context == data && is_function(free);
        let sound = on_cpu && is_whole && bytes >= needed && (is_allocated || context == 0 || is_there(context));
        sound.then_some(TensorStorage { data: Addr(data), bytes, is_allocated })
    })
}

/// `count` words of 8 bytes.
fn words(ctx: &Context<'_>, at: Addr, count: usize) -> Option<Vec<u64>> {
    let bytes = ctx.memory.read_vec(at, u64::try_from(count).ok()?.checked_mul(8)?).ok()?;
    let mut cursor = Cursor::new(&bytes, ctx.abi);
    (0..count).map(|_| cursor.u64().ok()).collect()
}
