//! `datetime64` and `timedelta64`: counts of a unit since 1970 (numpy/core/src/multiarray/datetime.c).

use crate::base::Addr;
use crate::cpython::{Context, DecodeError};

/// `PyArray_DatetimeMetaData`: the unit and how many of it are one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    base: i64,
    pub count: i64,
}

/// Names of `NPY_DATETIMEUNIT`; 3 is not used.
const NAMES: [&str; 15] = ["Y", "M", "W", "", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "generic"];
const GENERIC: i64 = 14;

/// `NPY_DATETIME_NAT`.
pub(super) const NAT: i64 = i64::MIN;

impl Unit {
    /// The metadata at `at`: `{int base; int num}`.
    pub fn read(ctx: &Context<'_>, at: Addr) -> Result<Unit, DecodeError> {
        let raw = ctx.bytes_at("datetime metadata", at, 8)?;
        let int = |range| raw.get(range).map_or(0, |b: &[u8]| ctx.abi.uint(b)) as u32 as i32;
        let unit = Unit { base: i64::from(int(0..4)), count: i64::from(int(4..8)) };
        match unit.name().is_empty() || unit.count < 1 {
            true => Err(DecodeError::corrupt("datetime metadata", at, format!("unit {}", unit.base))),
            false => Ok(unit),
        }
    }

    fn name(self) -> &'static str {
        usize::try_from(self.base).ok().and_then(|base| NAMES.get(base)).copied().unwrap_or_default()
    }

    pub fn is_generic(self) -> bool {
        self.base == GENERIC
    }

    /// Whether a text in ISO 8601 of this precision means this unit.
    pub fn is_told_by_text(self) -> bool {
        // NumPy names the unit beside hours only.
        self.count == 1 && self.base != 5
    }

    /// `[25s]`; nothing for the generic unit.
    pub fn bracketed(self) -> String {
        if self.is_generic() { String::new() } else { format!("[{}]", self.plain()) }
    }

    /// `25s`, `ns`.
    pub fn plain(self) -> String {
        match self.count {
            1 => self.name().to_owned(),
            count => format!("{count}{}", self.name()),
        }
    }

    /// The point in time in ISO 8601, as far as the unit goes; `None` where it does not fit the calendar.
    pub fn iso(self, value: i64) -> Option<String> {
        if value == NAT {
            return Some("NaT".to_owned());
        }
        let value = i128::from(value).checked_mul(i128::from(self.count))?;
        if self.base < 2 {
            let months = if self.base == 0 { value.checked_mul(12)? } else { value };
            let (year, month) = (months.div_euclid(12).checked_add(1970)?, months.rem_euclid(12).checked_add(1)?);
            return Some(if self.base == 0 { year_text(year) } else { format!("{}-{month:02}", year_text(year)) });
        }
        // Steps in a day, and decimals after the second.
        let (per_day, decimals): (i128, usize) = match self.base {
            2 | 4 => (1, 0),
            5 => (24, 0),
            6 => (1440, 0),
            7..=13 => {
                let decimals = usize::try_from(self.base.checked_sub(7)?.checked_mul(3)?).ok()?;
                (86_400_i128.checked_mul(10_i128.checked_pow(u32::try_from(decimals).ok()?)?)?, decimals)
            }
            _ => return None,
        };
        let steps = if self.base == 2 { value.checked_mul(7)? } else { value };
        let date = date_text(steps.div_euclid(per_day))?;
        let rest = steps.rem_euclid(per_day);
        if self.base <= 4 {
            return Some(date);
        }
        let hour = rest.checked_div(per_day.checked_div(24)?)?;
        if self.base == 5 {
            return Some(format!("{date}T{hour:02}"));
        }
        let per_minute = per_day.checked_div(1440)?;
        let minute = rest.checked_div(per_minute)?.rem_euclid(60);
        if self.base == 6 {
            return Some(format!("{date}T{hour:02}:{minute:02}"));
        }
        let per_second = per_day.checked_div(86_400)?;
        let second = rest.checked_div(per_second)?.rem_euclid(60);
        let fraction = rest.rem_euclid(per_second);
        let fraction = if decimals == 0 { String::new() } else { format!(".{fraction:0decimals$}") };
        Some(format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}"))
    }
}

/// At least four characters, the sign among them, as NumPy prints years.
fn year_text(year: i128) -> String {
    format!("{year:04}")
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (with a year 0).
fn date_text(days: i128) -> Option<String> {
    // Counted from 0000-03-01, so that the leap day is the last of its year; 400 years are 146097 days.
    let days = days.checked_add(719_468)?;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leap = |days: i128| days / 1460 - days / 36_524 + days / 146_096;
    let year_of_era = (day_of_era - leap(day_of_era)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era.checked_mul(400)?.checked_add(year_of_era)?.checked_add(i128::from(u8::from(month <= 2)))?;
    Some(format!("{}-{month:02}-{day:02}", year_text(year)))
}
