//! [`Addr`]: an address in the target.

use std::fmt;

/// An address in the dead (or stopped) process. Never a host pointer, always 64 bits wide.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Addr(pub u64);

impl Addr {
    /// Address zero.
    pub const NULL: Addr = Addr(0);

    /// Whether this is address zero.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// `self + offset`, or `None` on overflow of the 64-bit space.
    #[must_use]
    pub fn checked_add(self, offset: u64) -> Option<Addr> {
        self.0.checked_add(offset).map(Addr)
    }

    /// `self - offset`, or `None` below zero.
    #[must_use]
    pub fn checked_sub(self, offset: u64) -> Option<Addr> {
        self.0.checked_sub(offset).map(Addr)
    }

    /// `self + offset` modulo 2^64. A wrapped address is unmapped in every ABI we read, so the read that follows
    /// fails with this address in its error; use it where an `Option` would only hide that.
    #[must_use]
    pub const fn wrapping_add(self, offset: u64) -> Addr {
        Addr(self.0.wrapping_add(offset))
    }

    /// `self + offset` for a signed offset, modulo 2^64.
    #[must_use]
    pub const fn wrapping_offset(self, offset: i64) -> Addr {
        Addr(self.0.wrapping_add_signed(offset))
    }

    /// `self - other` in bytes when `other <= self`.
    #[must_use]
    pub fn distance_from(self, other: Addr) -> Option<u64> {
        self.0.checked_sub(other.0)
    }

    /// Whether the address is a multiple of `align` (a power of two).
    #[must_use]
    pub const fn is_aligned(self, align: u64) -> bool {
        self.0 & align.wrapping_sub(1) == 0
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `0x` and at least one lower-case hex digit; `{:#}` pads to 16 digits.
impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { write!(f, "0x{:016x}", self.0) } else { write!(f, "{:#x}", self.0) }
    }
}

impl From<u64> for Addr {
    fn from(value: u64) -> Self {
        Addr(value)
    }
}

/// A hex string: JSON numbers lose bits above 2^53.
impl serde::Serialize for Addr {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Addr {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let digits = text.strip_prefix("0x").ok_or_else(|| serde::de::Error::custom("address without 0x"))?;
        u64::from_str_radix(digits, 16).map(Addr).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schema")]
#[cfg(feature = "schema")]
impl schemars::JsonSchema for Addr {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Addr".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^0x[0-9a-f]+$",
            "description": "An address in the target, as a hex string."
        })
    }
}
