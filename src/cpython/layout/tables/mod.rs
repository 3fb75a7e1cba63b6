//! Built-in layout tables: one file per minor version, each stating only what changed.
//!
//! The files are printed from `fixtures/layouts/` (see `tests/layouts.rs`); new offsets are never typed in by hand.
//! Offsets are those of 64-bit Linux, and of x86-64 Windows.

#![allow(clippy::needless_update, reason = "printed with a base everywhere, so that a new field needs no edits")]

mod gaps;
mod v3_08;
mod v3_09;
mod v3_10;
mod v3_11;
mod v3_12;
mod v3_13;
mod v3_14;
mod v3_15;

use super::Layouts;
use crate::base::{Abi, DataModel};
use crate::cpython::{BuildFlags, PyVersion};

/// A table: which builds it is for, and its name for reports.
struct Table {
    /// Minor version.
    minor: u8,
    /// First micro version it holds for; the last table of a minor version that starts early enough is taken.
    from_micro: u8,
    /// Debug builds.
    debug: bool,
    /// Free-threaded builds.
    free_threaded: bool,
    name: &'static str,
    layouts: &'static Layouts,
}

const fn table(minor: u8, from_micro: u8, abiflags: &str, name: &'static str, layouts: &'static Layouts) -> Table {
    let (debug, free_threaded) = match abiflags.as_bytes() {
        b"d" => (true, false),
        b"t" => (false, true),
        b"td" => (true, true),
        _ => (false, false),
    };
    Table { minor, from_micro, debug, free_threaded, name, layouts }
}

/// By minor version and flags in ascending order of the first micro version. The name is that of the build the offsets
/// were read from; "-" joins two neighbours.
static TABLES: &[Table] = &[
    table(8, 0, "", "3.8", &v3_08::RELEASE),
    table(8, 0, "d", "3.8", &v3_08::RELEASE),
    table(9, 0, "", "3.9", &v3_09::RELEASE),
    table(9, 0, "d", "3.9", &v3_09::RELEASE),
    table(10, 0, "", "3.10", &v3_10::RELEASE),
    table(10, 0, "d", "3.10", &v3_10::RELEASE),
    table(11, 0, "", "3.11", &v3_11::RELEASE),
    table(11, 0, "d", "3.11", &v3_11::RELEASE),
    table(12, 0, "", "3.12", &v3_12::RELEASE),
    table(12, 0, "d", "3.12d", &v3_12::DEBUG),
    table(13, 0, "", "3.13.0", &v3_13::RELEASE_0),
    table(13, 1, "", "3.13.0-3.13.5", &gaps::V3_13_1),
    table(13, 5, "", "3.13.5", &v3_13::RELEASE),
    table(13, 6, "", "3.13.5-3.13.15", &gaps::V3_13_6),
    table(13, 15, "", "3.13.15", &v3_13::RELEASE_18),
    table(13, 0, "d", "3.13.0d-3.13.5d", &gaps::V3_13_0_DEBUG),
    table(13, 5, "d", "3.13.5d", &v3_13::DEBUG),
    table(13, 6, "d", "3.13.5d-3.13.15d", &gaps::V3_13_6_DEBUG),
    table(13, 15, "d", "3.13.15d", &v3_13::DEBUG_18),
    table(13, 0, "t", "3.13.0t-3.13.5t", &gaps::V3_13_0_FREE_THREADED),
    table(13, 5, "t", "3.13.5t", &v3_13::FREE_THREADED),
    table(13, 6, "t", "3.13.5t-", &gaps::V3_13_6_FREE_THREADED),
    table(13, 0, "td", "3.13.0td-3.13.5td", &gaps::V3_13_0_FREE_THREADED_DEBUG),
    table(13, 5, "td", "3.13.5td", &v3_13::FREE_THREADED_DEBUG),
    table(13, 6, "td", "3.13.5td-", &gaps::V3_13_6_FREE_THREADED_DEBUG),
    table(14, 0, "", "3.14.0", &v3_14::RELEASE_0),
    table(14, 5, "", "3.14.5", &v3_14::RELEASE),
    table(14, 0, "d", "3.14.0d-3.14.5d", &gaps::V3_14_0_DEBUG),
    table(14, 5, "d", "3.14.5d", &v3_14::DEBUG),
    table(14, 0, "t", "3.14.0t-3.14.5t", &gaps::V3_14_0_FREE_THREADED),
    table(14, 5, "t", "3.14.5t", &v3_14::FREE_THREADED),
    table(14, 0, "td", "3.14.0td-3.14.5td", &gaps::V3_14_0_FREE_THREADED_DEBUG),
    table(14, 5, "td", "3.14.5td", &v3_14::FREE_THREADED_DEBUG),
    table(15, 0, "", "3.15", &v3_15::RELEASE),
    table(15, 0, "d", "3.15d", &v3_15::DEBUG),
    table(15, 0, "t", "3.15t", &v3_15::FREE_THREADED),
    table(15, 0, "td", "3.15td", &v3_15::FREE_THREADED_DEBUG),
];

/// x86-64 Windows, release builds with the GIL: offsets from the headers, compiled for Windows by mingw.
static WINDOWS: &[Table] = &[
    table(8, 0, "", "3.8-windows", &v3_08::WINDOWS),
    table(9, 0, "", "3.9-windows", &v3_09::WINDOWS),
    table(10, 0, "", "3.10-windows", &v3_10::WINDOWS),
    table(11, 0, "", "3.11-windows", &v3_11::WINDOWS),
    table(12, 0, "", "3.12-windows", &v3_12::WINDOWS),
    table(13, 0, "", "3.13.0-windows", &v3_13::WINDOWS),
    table(13, 1, "", "3.13.0-3.13.5-windows", &gaps::V3_13_1_WINDOWS),
    table(13, 6, "", "3.13.5-3.13.15-windows", &gaps::V3_13_6_WINDOWS),
    table(14, 0, "", "3.14.0-3.14.5-windows", &gaps::V3_14_0_WINDOWS),
    table(14, 5, "", "3.14.5-windows", &v3_14::WINDOWS),
    table(15, 0, "", "3.15-windows", &v3_15::WINDOWS),
];

/// The first release of each minor version that there is a table for, newest first.
pub fn known_minors() -> impl Iterator<Item = PyVersion> {
    let mut minors: Vec<u8> = TABLES.iter().map(|t| t.minor).collect();
    minors.dedup();
    minors.into_iter().rev().map(|minor| PyVersion::new(3, minor, 0))
}

/// The built-in layouts of a build and the table's name; `None` when there is no table for it.
#[must_use]
pub fn lookup(version: PyVersion, flags: BuildFlags, abi: &Abi) -> Option<(&'static Layouts, &'static str)> {
    let tables = match (version.major, abi.data_model) {
        (3, DataModel::Lp64) => TABLES,
        (3, DataModel::Llp64) => WINDOWS,
        _ => return None,
    };
    tables
        .iter()
        .filter(|t| t.minor == version.minor && t.from_micro <= version.micro)
        .rfind(|t| t.debug == flags.debug && t.free_threaded == flags.free_threaded)
        .map(|t| (t.layouts, t.name))
}
