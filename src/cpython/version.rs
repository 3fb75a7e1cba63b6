//! [`PyVersion`] and [`BuildFlags`]: which CPython this is.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Release level, ordered as released (Include/patchlevel.h, `PY_RELEASE_LEVEL_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReleaseLevel {
    /// `0xA`, "a".
    Alpha,
    /// `0xB`, "b".
    Beta,
    /// `0xC`, "rc".
    Candidate,
    /// `0xF`.
    Final,
}

/// Version of CPython, as in `PY_VERSION_HEX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PyVersion {
    /// Major version (3).
    pub major: u8,
    /// Minor version.
    pub minor: u8,
    /// Micro version.
    pub micro: u8,
    /// Release level.
    pub level: ReleaseLevel,
    /// Serial of the pre-release, 0 for final releases.
    pub serial: u8,
}

impl PyVersion {
    /// A final release.
    #[must_use]
    pub const fn new(major: u8, minor: u8, micro: u8) -> Self {
        PyVersion { major, minor, micro, level: ReleaseLevel::Final, serial: 0 }
    }

    /// From `PY_VERSION_HEX` (`0x030d05f0`), or `None` when the level nibble is none that CPython uses.
    #[must_use]
    pub const fn from_hex(hex: u32) -> Option<Self> {
        let [major, minor, micro, tail] = hex.to_be_bytes();
        let level = match tail >> 4 {
            0xa => ReleaseLevel::Alpha,
            0xb => ReleaseLevel::Beta,
            0xc => ReleaseLevel::Candidate,
            0xf => ReleaseLevel::Final,
            _ => return None,
        };
        Some(PyVersion { major, minor, micro, level, serial: tail & 0xf })
    }

    /// As `PY_VERSION_HEX`.
    #[must_use]
    pub const fn to_hex(self) -> u32 {
        let level = match self.level {
            ReleaseLevel::Alpha => 0xa0,
            ReleaseLevel::Beta => 0xb0,
            ReleaseLevel::Candidate => 0xc0,
            ReleaseLevel::Final => 0xf0,
        };
        u32::from_be_bytes([self.major, self.minor, self.micro, level | (self.serial & 0xf)])
    }

    /// Whether both are of one minor version.
    #[must_use]
    pub const fn same_minor(&self, other: &PyVersion) -> bool {
        self.major == other.major && self.minor == other.minor
    }

    /// Minor version in the name of an executable or library: `python3.11`, `libpython3.9d.so.1.0`, `python311.dll`,
    /// `libpython2.7.so.1.0`. It may be one that this program cannot read.
    #[must_use]
    pub fn from_file_name(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("lib").unwrap_or(name).strip_prefix("python")?;
        let (major, rest) = rest.split_at_checked(1)?;
        let major = number(major).filter(|major| (2..=3).contains(major))?;
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let minor = number(rest.get(..digits)?)?;
        Some(PyVersion::new(major, minor, 0)).filter(|v| v.minor < 30)
    }

    /// From the version resource of `python3XX.dll`: major, minor, and micro * 1000 + level * 10 + serial (PC/field3.py,
    /// PC/python_ver_rc.h), as in "3.13.2150.1013".
    #[must_use]
    pub fn from_file_version(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (major, minor) = (number(parts.next()?)?, number(parts.next()?)?);
        let third: u32 = parts.next()?.parse().ok()?;
        let part = |value: u32| u8::try_from(value).ok();
        let level = part(third / 10 % 100)?.checked_mul(16)?;
        let (micro, serial) = (part(third / 1000)?, part(third % 10)?);
        Self::from_hex(u32::from_be_bytes([major, minor, micro, level | serial])).filter(|v| v.is_plausible())
    }

    /// Whether there were releases of this major version that dumps can be of: 2 and 3.
    #[must_use]
    pub const fn is_of_python(self) -> bool {
        matches!(self.major, 2 | 3)
    }

    /// Whether this is a minor version whose internals this program knows or may know: 3.6 up to a few versions
    /// after the newest table. Random bytes seldom pass.
    #[must_use]
    pub const fn is_plausible(self) -> bool {
        self.major == 3 && self.minor >= 6 && self.minor < 30 && self.micro < 64
    }

    /// "3.13", as in file names.
    #[must_use]
    pub fn short(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

/// As Python writes it: "3.13.5", "3.15.0rc1".
impl fmt::Display for PyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)?;
        match self.level {
            ReleaseLevel::Alpha => write!(f, "a{}", self.serial),
            ReleaseLevel::Beta => write!(f, "b{}", self.serial),
            ReleaseLevel::Candidate => write!(f, "rc{}", self.serial),
            ReleaseLevel::Final => Ok(()),
        }
    }
}

/// The text is not a CPython version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a CPython version such as 3.13.5 or 3.15.0rc1")]
pub struct VersionError(pub String);

/// "3.13.5", "3.13.5+" (a checkout after that release; the mark is dropped), "3.15.0b2".
impl FromStr for PyVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        parse(text).ok_or_else(|| VersionError(text.chars().take(64).collect()))
    }
}

fn parse(text: &str) -> Option<PyVersion> {
    let text = text.strip_suffix('+').unwrap_or(text);
    let (major, rest) = text.split_once('.')?;
    let (minor, rest) = rest.split_once('.')?;
    let (micro, tail) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let (level, serial) = match tail {
        "" => (ReleaseLevel::Final, "0"),
        _ if tail.starts_with('a') => (ReleaseLevel::Alpha, tail.strip_prefix('a')?),
        _ if tail.starts_with('b') => (ReleaseLevel::Beta, tail.strip_prefix('b')?),
        _ => (ReleaseLevel::Candidate, tail.strip_prefix("rc")?),
    };
    let serial = number(serial).filter(|s| *s < 16)?;
    Some(PyVersion { major: number(major)?, minor: number(minor)?, micro: number(micro)?, level, serial })
}

/// Decimal digits only: `u8::from_str` also takes a sign.
fn number(text: &str) -> Option<u8> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// As a string: "3.13.5".
impl Serialize for PyVersion {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PyVersion {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Build options that move fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct BuildFlags {
    /// `--with-pydebug` (`Py_DEBUG`).
    pub debug: bool,
    /// `--disable-gil` (`Py_GIL_DISABLED`).
    pub free_threaded: bool,
}

impl BuildFlags {
    /// A plain release build.
    pub const RELEASE: BuildFlags = BuildFlags { debug: false, free_threaded: false };

    /// CPython's ABI flags: "", "d", "t", "td".
    #[must_use]
    pub const fn abiflags(self) -> &'static str {
        match (self.free_threaded, self.debug) {
            (false, false) => "",
            (false, true) => "d",
            (true, false) => "t",
            (true, true) => "td",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_and_text_agree() {
        for (hex, text) in [(0x0308_12f0, "3.8.18"), (0x030d_05f0, "3.13.5"), (0x030f_00b2, "3.15.0b2")] {
            let version = PyVersion::from_hex(hex).unwrap();
            assert_eq!(version.to_string(), text);
            assert_eq!(text.parse(), Ok(version));
            assert_eq!(version.to_hex(), hex);
        }
        assert_eq!(PyVersion::from_hex(0x030f_00c1).unwrap().to_string(), "3.15.0rc1");
        assert_eq!("3.13.5+".parse(), Ok(PyVersion::new(3, 13, 5)));
        assert_eq!(PyVersion::from_hex(0x030d_0500), None);
    }

    #[test]
    fn pre_releases_come_before_the_release() {
        let v = |t: &str| t.parse::<PyVersion>().unwrap();
        assert!(v("3.15.0a8") < v("3.15.0b1") && v("3.15.0rc2") < v("3.15.0") && v("3.14.9") < v("3.14.10"));
    }

    #[test]
    fn the_version_resource_tells_the_micro_version() {
        let v = |text: &str| PyVersion::from_file_version(text).map(|v| v.to_string());
        assert_eq!(v("3.13.2150.1013"), Some("3.13.2".to_owned()));
        assert_eq!(v("3.8.10150.1013"), Some("3.8.10".to_owned()));
        assert_eq!(v("3.15.112.1013"), Some("3.15.0b2".to_owned()));
        assert_eq!(v("3.13.2000.1013"), None);
        assert_eq!(v("3.13"), None);
        assert_eq!(v("3.13.4294967295.0"), None);
        assert_eq!(v("10.0.19041.1"), None);
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "3", "3.13", "3.x.1", "3.13.5c1", "3.-1.0", "3.13.5b", "3.13.300", "3.13.5b16"] {
            assert!(text.parse::<PyVersion>().is_err(), "{text}");
        }
    }
}
