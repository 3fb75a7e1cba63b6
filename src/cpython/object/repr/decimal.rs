//! `decimal.Decimal` of the C implementation (Modules/_decimal/_decimal.c, libmpdec).

use super::writer::Writer;
use crate::base::Addr;
use crate::cpython::DecodeError;
use crate::cpython::object::types::TypeInfo;
use crate::field;

/// Flags of `mpd_t` (libmpdec/mpdecimal.h).
const NEGATIVE: u8 = 1;
const INFINITE: u8 = 2;
const NAN: u8 = 4;
const SIGNALING_NAN: u8 = 8;

/// More words of 19 digits (9 on 32-bit targets) than this are not read.
const MAX_WORDS: u64 = 1 << 20;

/// `Decimal('1.50')`: `PyDecObject {head, hash, mpd_t {uint8_t flags, ssize exp, digits, len, alloc, uint *data}, ...}`.
pub(in crate::cpython::object) fn decimal(w: &mut Writer<'_, '_>, addr: Addr, _: &TypeInfo) -> Result<(), DecodeError> {
    let ctx = w.ctx();
    let word = u64::from(ctx.abi.pointer_size());
    let at = ctx.addr(field!(ctx, object.size), addr)?.wrapping_add(word);
    let flags = ctx.bytes_at("Decimal flags", at, 1)?.first().copied().unwrap_or(0);
    let signed = |n: u64| w.head_word(addr, n).map(|v| sign_extend(v.0, word));
    let (exponent, count, len) = (signed(2)?, signed(3)?, w.head_word(addr, 4)?.0);
    let data = w.head_word(addr, 6)?;
    if len > MAX_WORDS {
        return Err(DecodeError::corrupt("Decimal", addr, format!("{len} words")));
    }
    let mut digits = String::new();
    let width = if word == 8 { 19 } else { 9 };
    let raw = ctx.bytes_at("Decimal digits", data, len.saturating_mul(word))?;
    for chunk in raw.chunks_exact(usize::try_from(word).unwrap_or(8)).rev() {
        let part = ctx.abi.uint(chunk);
        if digits.is_empty() {
            if part != 0 || len == 1 {
                digits = part.to_string();
            }
        } else {
            digits.push_str(&format!("{part:0width$}"));
        }
    }
    let special = flags & (INFINITE | NAN | SIGNALING_NAN) != 0;
    if !special && i64::try_from(digits.len()) != Ok(count) {
        let why = format!("{count} digits announced, {} there", digits.len());
        return Err(DecodeError::corrupt("Decimal", addr, why));
    }
    w.put(format_args!("Decimal('{}')", text(flags, &digits, exponent)));
    Ok(())
}

fn sign_extend(value: u64, word: u64) -> i64 {
    if word == 4 { i64::from(value as u32 as i32) } else { value.cast_signed() }
}

/// `to-scientific-string` of the General Decimal Arithmetic specification.
fn text(flags: u8, digits: &str, exponent: i64) -> String {
    let sign = if flags & NEGATIVE != 0 { "-" } else { "" };
    if flags & INFINITE != 0 {
        return format!("{sign}Infinity");
    }
    if flags & (NAN | SIGNALING_NAN) != 0 {
        let payload = if digits == "0" { "" } else { digits };
        let signaling = if flags & SIGNALING_NAN != 0 { "s" } else { "" };
        return format!("{sign}{signaling}NaN{payload}");
    }
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let adjusted = exponent.saturating_add(count).saturating_sub(1);
    if exponent <= 0 && adjusted >= -6 {
        let point = count.saturating_add(exponent);
        return match usize::try_from(point) {
            _ if exponent == 0 => format!("{sign}{digits}"),
            Ok(0) | Err(_) => {
                let zeros = "0".repeat(usize::try_from(point.unsigned_abs()).unwrap_or(0));
                format!("{sign}0.{zeros}{digits}")
            }
            Ok(point) => {
                let (whole, fraction) = digits.split_at_checked(point).unwrap_or((digits, ""));
                format!("{sign}{whole}.{fraction}")
            }
        };
    }
    let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
    let point = if rest.is_empty() { "" } else { "." };
    let exponent_sign = if adjusted < 0 { "-" } else { "+" };
    format!("{sign}{first}{point}{rest}E{exponent_sign}{}", adjusted.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn exponents_read_as_the_specification_says() {
        let cases = [
            (0, "150", -2, "1.50"),
            (1, "5", -3, "-0.005"),
            (0, "5", -7, "5E-7"),
            (0, "1", 30, "1E+30"),
            (0, "123", 1, "1.23E+3"),
            (0, "0", -6, "0.000000"),
            (0, "0", -7, "0E-7"),
            (2, "", 0, "Infinity"),
            (4, "12", 0, "NaN12"),
            (9, "", 0, "-sNaN"),
        ];
        for (flags, digits, exponent, want) in cases {
            assert_eq!(text(flags, digits, exponent), want);
        }
    }
}
