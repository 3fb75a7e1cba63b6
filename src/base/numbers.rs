//! Numbers as people read them.

use std::fmt::Display;

/// A size in bytes: `1.5 KiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scale = 1u64;
    let mut shown = format!("{bytes} bytes");
    for unit in UNITS {
        let Some(next) = scale.checked_mul(1024) else { break };
        if bytes < next {
            break;
        }
        scale = next;
        let tenths = (u128::from(bytes).saturating_mul(10) / u128::from(scale)).min(u128::from(u64::MAX));
        shown = format!("{}.{} {unit}", tenths / 10, tenths % 10);
    }
    shown
}

/// `1 task`, `2,000 tasks`.
#[must_use]
pub fn counted(n: impl Display, noun: &str) -> String {
    counted_as(n, noun, &format!("{noun}s"))
}

/// `1 process`, `2,000 processes`.
#[must_use]
pub fn counted_as(n: impl Display, one: &str, many: &str) -> String {
    let digits = n.to_string();
    format!("{} {}", separated(&digits), if digits == "1" { one } else { many })
}

/// A number with a separator for thousands: `1,234,567`.
#[must_use]
pub fn thousands(n: u64) -> String {
    separated(&n.to_string())
}

fn separated(digits: &str) -> String {
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().wrapping_sub(index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_numbers_are_readable() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(u64::MAX), "16383.9 PiB");
        assert_eq!(
            (thousands(0), thousands(999), thousands(1_234_567)),
            ("0".into(), "999".into(), "1,234,567".into())
        );
        assert_eq!(
            [counted(0, "task"), counted(1usize, "task"), counted(2000u64, "task")],
            ["0 tasks", "1 task", "2,000 tasks"]
        );
        assert_eq!(counted_as(2, "process", "processes"), "2 processes");
    }
}
