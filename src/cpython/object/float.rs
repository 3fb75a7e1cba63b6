//! `float` and `complex` text as `repr()` writes it (Python/pystrtod.c: `PyOS_double_to_string` with format code 'r').

use std::fmt::Write as _;

/// `float.__repr__`.
#[must_use]
pub fn float_repr(value: f64) -> String {
    let mut out = String::new();
    write_float(&mut out, value);
    out
}

/// Appends what `float.__repr__` gives.
pub(super) fn write_float(out: &mut String, value: f64) {
    let start = out.len();
    if (1e-4..1e16).contains(&value.abs()) {
        // Here Rust's own form is Python's, and most floats are short enough not to need a second look. Writing to a String
        // cannot fail.
        let _ = write!(out, "{value:?}");
        if out.len().saturating_sub(start) <= f64::DIGITS as usize {
            return;
        }
        out.truncate(start);
    }
    let text = shortest(value);
    // `Py_DTSF_ADD_DOT_0`.
    let whole = value.is_finite() && !text.contains(['.', 'e']);
    out.push_str(&text);
    if whole {
        out.push_str(".0");
    }
}

/// The shortest decimal number that only this single-precision number is nearest to, in the form of `float.__repr__`.
pub(super) fn single_repr(value: f32) -> String {
    dotted(written(f64::from(value), format!("{:e}", value.abs())))
}

/// As [`single_repr`], of a half-precision number (IEEE 754 binary16).
pub(super) fn half_repr(bits: u16) -> String {
    let value = half(bits);
    let (below, above) = (half((bits & 0x7fff).saturating_sub(1)), half((bits & 0x7fff).saturating_add(1)));
    let magnitude = value.abs();
    let (low, high) = ((magnitude + below) / 2.0, (magnitude + above) / 2.0);
    let names_it = |text: &String| {
        // Half way to a neighbour, the even one of the two is meant.
        text.parse::<f64>().is_ok_and(|n| low < n && n < high || bits & 1 == 0 && (n == low || n == high))
    };
    let shortest = (0..6usize).map(|places| format!("{magnitude:.places$e}")).find(names_it);
    dotted(written(value, shortest.unwrap_or_else(|| format!("{magnitude:e}"))))
}

/// The value of an IEEE 754 binary16 number.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent.saturating_sub(15)),
    };
    if bits & 0x8000 != 0 { -magnitude } else { magnitude }
}

/// `Py_DTSF_ADD_DOT_0`: a finite number looks like none of `int`.
fn dotted(mut text: String) -> String {
    if !text.contains(['.', 'e', 'n']) {
        text.push_str(".0");
    }
    text
}

/// `complex.__repr__` of parts that are written already.
pub(super) fn complex_of(real: &str, imag: &str) -> String {
    let cut = |text: &str| text.strip_suffix(".0").unwrap_or(text).to_owned();
    let (real, imag) = (cut(real), cut(imag));
    match &*real {
        "0" => format!("{imag}j"),
        _ => format!("({real}{}{imag}j)", if imag.starts_with('-') { "" } else { "+" }),
    }
}

/// `complex.__repr__` (Objects/complexobject.c: `complex_repr`).
#[must_use]
pub fn complex_repr(real: f64, imag: f64) -> String {
    if real == 0.0 && real.is_sign_positive() {
        return format!("{}j", shortest(imag));
    }
    let sign = if imag.is_sign_negative() && !imag.is_nan() { "" } else { "+" };
    format!("({}{sign}{}j)", shortest(real), shortest(imag))
}

/// The shortest digits with an exponent; of two that are equally near the even one, as CPython's `dtoa` chooses.
fn rounded_to_even(value: f64) -> String {
    let shortest = format!("{value:e}");
    let digits = shortest.bytes().take_while(|b| *b != b'e').filter(u8::is_ascii_digit).count();
    // So few digits name one double each (DBL_DIG): there is no second candidate.
    if digits <= f64::DIGITS as usize {
        return shortest;
    }
    let exact = format!("{value:.*e}", digits.saturating_sub(1));
    if exact.parse() == Ok(value) { exact } else { shortest }
}

/// The shortest digits that read back as `value`, as an exponent below 1e-4 and from 1e16.
fn shortest(value: f64) -> String {
    written(value, rounded_to_even(value.abs()))
}

/// A number whose magnitude has the digits and the exponent of `scientific`.
fn written(value: f64, scientific: String) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}inf");
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mut out = sign.to_owned();
    if (-4..16).contains(&exponent) {
        place_point(&mut out, &digits, exponent);
    } else {
        let (first, rest) = digits.split_at(digits.len().min(1));
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        // Writing to a String cannot fail.
        let _ = write!(out, "e{exponent_sign}{:02}", exponent.unsigned_abs());
    }
    out
}

fn place_point(out: &mut String, digits: &str, exponent: i32) {
    let Ok(whole) = usize::try_from(exponent) else {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', exponent.unsigned_abs().saturating_sub(1) as usize));
        out.push_str(digits);
        return;
    };
    let whole = whole.saturating_add(1);
    match digits.split_at_checked(whole) {
        Some((before, "")) => out.push_str(before),
        Some((before, after)) => {
            out.push_str(before);
            out.push('.');
            out.push_str(after);
        }
        None => {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', whole.saturating_sub(digits.len())));
        }
    }
}

#[cfg(test)]
#[allow(clippy::excessive_precision, reason = "the digits that are too many are what is tested")]
mod tests {
    use super::{complex_repr, float_repr};

    #[test]
    fn floats_read_as_python_prints_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e15, "1000000000000000.0"),
            (1e-4, "0.0001"),
            (1.5e-5, "1.5e-05"),
            (1.25e300, "1.25e+300"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-123.456, "-123.456"),
            (1_897_307_221_996_882.25, "1897307221996882.2"),
            (2f64.powi(63), "9.223372036854776e+18"),
        ];
        for (value, text) in cases {
            assert_eq!(float_repr(value), text);
        }
    }

    #[test]
    fn complex_numbers_read_as_python_prints_them() {
        assert_eq!(complex_repr(0.0, 1.0), "1j");
        assert_eq!(complex_repr(-0.0, 1.0), "(-0+1j)");
        assert_eq!(complex_repr(0.0, -0.0), "-0j");
        assert_eq!(complex_repr(1.5, f64::NAN), "(1.5+nanj)");
        assert_eq!(complex_repr(f64::INFINITY, f64::NEG_INFINITY), "(inf-infj)");
    }
}
