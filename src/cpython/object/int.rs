//! `int` objects of any size (Objects/longobject.c; `lv_tag` since 3.12).

use super::python2::Own;
use crate::base::Addr;
use crate::cpython::layout::IntRepr;
use crate::cpython::{Context, DecodeError};
use crate::field;
use num_bigint::{BigInt, BigUint, Sign};

/// A Python `int`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Int(BigInt);

impl Int {
    /// More digits than this (about 15 million decimal ones) are not read.
    pub const MAX_DIGITS: u64 = 1 << 20;

    /// The int (or bool) at `addr`. The caller has checked the type.
    ///
    /// # Errors
    /// [`DecodeError`] when memory is unreadable or the digits are not digits.
    pub fn read(ctx: &Context<'_>, addr: Addr) -> Result<Int, DecodeError> {
        if let Some(value) = c_long(ctx, addr)? {
            return Ok(Int(BigInt::from(value)));
        }
        let (sign, count) = sign_and_count(ctx, addr)?;
        if let Some(small) = one_digit(ctx, addr, sign, count)? {
            return Ok(Int(BigInt::from(small)));
        }
        if count > Self::MAX_DIGITS {
            return Err(DecodeError::corrupt("int digit count", addr, format!("{count} digits")));
        }
        let (bits, width) = digit_form(ctx);
        let at = ctx.addr(field!(ctx, long.digits), addr)?;
        let raw = ctx.bytes_at("int digits", at, count.saturating_mul(u64::from(width)))?;
        let chunk = usize::from(width);
        let digits = raw.chunks_exact(chunk).map(|d| ctx.abi.uint(d) as u32);
        if digits.clone().any(|d| d >> bits != 0) {
            return Err(not_a_digit(at));
        }
        Ok(Int(BigInt::from_biguint(sign, join(digits, bits))))
    }

    /// The int (or bool) at `addr` if it has one digit at most, as nearly all have.
    ///
    /// # Errors
    /// As [`Int::read`].
    pub fn read_small(ctx: &Context<'_>, addr: Addr) -> Result<Option<i64>, DecodeError> {
        if let Some(value) = c_long(ctx, addr)? {
            return Ok(Some(value));
        }
        let (sign, count) = sign_and_count(ctx, addr)?;
        one_digit(ctx, addr, sign, count)
    }

    /// The value, if it fits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(&self.0).ok()
    }

    /// The value, if it fits.
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        u64::try_from(&self.0).ok()
    }

    /// The value.
    #[must_use]
    pub fn big(&self) -> &BigInt {
        &self.0
    }

    /// `int.__repr__`, or `None` above `limit` decimal digits (`sys.get_int_max_str_digits()`; Python raises there).
    #[must_use]
    pub fn decimal(&self, limit: u64) -> Option<String> {
        // A number of b bits has at least b * log10(2) digits: spare the quadratic conversion where it is useless.
        if self.0.bits().saturating_mul(3) / 10 > limit.saturating_add(1) {
            return None;
        }
        let text = self.0.to_string();
        let digits = text.trim_start_matches('-').len() as u64;
        (digits <= limit).then_some(text)
    }

    /// `hex(x)`.
    #[must_use]
    pub fn hex(&self) -> String {
        let sign = if self.0.sign() == Sign::Minus { "-" } else { "" };
        format!("{sign}0x{:x}", self.0.magnitude())
    }
}

/// The value of an `int` (or bool) of Python 2; `None` for a `long` there, and in Python 3.
fn c_long(ctx: &Context<'_>, addr: Addr) -> Result<Option<i64>, DecodeError> {
    if !ctx.dialect.is_two() {
        return Ok(None);
    }
    match Own::of_object(ctx, addr)? {
        Own::Int => ctx.int(field!(ctx, plain_int.value), addr, ctx.abi.long_size()).map(Some),
        Own::Long => Ok(None),
        Own::Str | Own::Unicode => Err(DecodeError::corrupt("int", addr, "a text")),
    }
}

/// Bits of a digit, and the bytes it takes.
fn digit_form(ctx: &Context<'_>) -> (u32, u8) {
    match ctx.dialect.int_digit_bits {
        15 => (15, 2),
        _ => (30, 4),
    }
}

fn not_a_digit(at: Addr) -> DecodeError {
    DecodeError::corrupt("int digits", at, "a digit out of range")
}

/// The value of an int of one digit at most.
fn one_digit(ctx: &Context<'_>, addr: Addr, sign: Sign, count: u64) -> Result<Option<i64>, DecodeError> {
    if sign == Sign::NoSign {
        return Ok(Some(0));
    }
    if count != 1 {
        return Ok(None);
    }
    let (bits, width) = digit_form(ctx);
    let at = ctx.addr(field!(ctx, long.digits), addr)?;
    let digit = ctx.uint_at("int digits", at, width)?;
    if digit >> bits != 0 {
        return Err(not_a_digit(at));
    }
    let value = digit.cast_signed();
    Ok(Some(if sign == Sign::Minus { value.saturating_neg() } else { value }))
}

/// Number of digits of the int at `addr`.
pub(super) fn digit_count(ctx: &Context<'_>, addr: Addr) -> Result<u64, DecodeError> {
    sign_and_count(ctx, addr).map(|(_, count)| count)
}

fn sign_and_count(ctx: &Context<'_>, addr: Addr) -> Result<(Sign, u64), DecodeError> {
    match ctx.dialect.int_repr {
        IntRepr::ObSize => {
            let size = ctx.ssize(field!(ctx, var_object.ob_size), addr)?;
            let sign = match size.signum() {
                -1 => Sign::Minus,
                0 => Sign::NoSign,
                _ => Sign::Plus,
            };
            Ok((sign, size.unsigned_abs()))
        }
        IntRepr::LvTag => {
            let tag = ctx.ptr(field!(ctx, long.tag), addr)?.0;
            let sign = match tag & 3 {
                0 => Sign::Plus,
                1 => Sign::NoSign,
                2 => Sign::Minus,
                _ => return Err(DecodeError::corrupt("int.lv_tag", addr, format!("sign bits 3 in {tag:#x}"))),
            };
            Ok((sign, tag >> 3))
        }
    }
}

/// The number whose digits of `bits` bits, least significant first, are `digits`.
fn join(digits: impl Iterator<Item = u32>, bits: u32) -> BigUint {
    let mut words = Vec::new();
    let (mut pending, mut held) = (0u64, 0u32);
    for digit in digits {
        pending |= u64::from(digit).wrapping_shl(held);
        held = held.saturating_add(bits);
        if held >= 32 {
            words.push(pending as u32);
            pending >>= 32;
            held = held.saturating_sub(32);
        }
    }
    words.push(pending as u32);
    BigUint::new(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_both_sizes_join_to_the_same_number() {
        let value = BigUint::from(7u32).pow(300);
        for bits in [15u32, 30] {
            let base = BigUint::from(1u32) << bits;
            let (mut rest, mut digits) = (value.clone(), Vec::new());
            while rest != BigUint::ZERO {
                digits.push(u32::try_from(&rest % &base).unwrap());
                rest /= &base;
            }
            assert_eq!(join(digits.into_iter(), bits), value);
        }
    }
}
