//! Built-in layout tables: one file per minor version, each stating only what changed.
//!
//! The files are printed from `fixtures/layouts/` (see `tests/layouts.rs`); new offsets are never typed in by hand.
//! Offsets are those of 64-bit Linux and of x86-64 Windows; aarch64 is derived.

#![allow(clippy::needless_update, reason = "printed with a base everywhere, so that a new field needs no edits")]

mod gaps;
mod v2_07;
mod v3_06;
mod v3_07;
mod v3_08;
mod v3_09;
mod v3_10;
mod v3_11;
mod v3_12;
mod v3_13;
mod v3_14;
mod v3_15;

use super::{Layouts, MiPageLayout, MiSegmentLayout, RuntimeLayout};
use crate::base::{Abi, Arch, DataModel, Os};
use crate::cpython::{BuildFlags, PyVersion};

/// A table: which builds it is for, and its name for reports.
struct Table {
    /// Major version.
    major: u8,
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
    name_aarch64: &'static str,
    aarch64: &'static Layouts,
}

/// `table!(minor, first micro, abiflags, name, layouts)`; `table!(2 => minor, ...)` for Python 2.
macro_rules! table {
    ($minor:literal, $from_micro:literal, $abiflags:literal, $name:literal, $layouts:expr) => {
        table!(3 => $minor, $from_micro, $abiflags, $name, $layouts)
    };
    ($major:literal => $minor:literal, $from_micro:literal, $abiflags:literal, $name:literal, $layouts:expr) => {{
        let flags = flags($abiflags);
        Table {
            major: $major,
            minor: $minor,
            from_micro: $from_micro,
            debug: flags.debug,
            free_threaded: flags.free_threaded,
            name: $name,
            layouts: &$layouts,
            name_aarch64: concat!($name, "-aarch64"),
            aarch64: const { &aarch64($layouts) },
        }
    }};
}

/// Size of glibc's `pthread_mutex_t` on aarch64; elsewhere it is 40.
const LARGE_MUTEX: u32 = 48;

/// glibc's `pthread_mutex_t` has 48 bytes on aarch64 and 40 on x86-64. `struct _gil_runtime_state` (pycore_gil.h) ends
/// with two of them, so all behind the GIL lies 16 bytes further. (Seen in the DWARF of Debian's arm64 builds of 3.9,
/// 3.11, 3.13, 3.14 and 3.15, which have no other differences.)
const fn aarch64(layouts: Layouts) -> Layouts {
    const BY: u32 = 16;
    // Until 3.11 the GIL lies in the runtime state, from 3.12 on in the interpreter state, which the runtime state ends
    // with.
    let runtime = match layouts.runtime.ceval_gil.raw() {
        Some(gil) => layouts.runtime.moved_after(gil, BY),
        None => RuntimeLayout { size: layouts.runtime.size.moved_after(0, BY), ..layouts.runtime },
    };
    let (interpreter, interpreter_objects) = match layouts.interpreter.own_gil.raw() {
        Some(gil) => (layouts.interpreter.moved_after(gil, BY), layouts.interpreter_objects.moved_after(gil, BY)),
        None => (layouts.interpreter, layouts.interpreter_objects),
    };
    // Until 3.12 members of the interpreter state, from 3.13 on of a struct of their own.
    let of_own = layouts.interpreter.freelists.raw().is_some() || layouts.thread_impl.freelists.raw().is_some();
    let freelists = match layouts.interpreter.own_gil.raw() {
        Some(gil) if !of_own => layouts.freelists.moved_after(gil, BY),
        _ => layouts.freelists,
    };
    Layouts { runtime, interpreter, interpreter_objects, freelists, ..layouts }
}

const fn flags(abiflags: &str) -> BuildFlags {
    match abiflags.as_bytes() {
        b"d" => BuildFlags { debug: true, free_threaded: false },
        b"t" => BuildFlags { debug: false, free_threaded: true },
        b"td" => BuildFlags { debug: true, free_threaded: true },
        _ => BuildFlags::RELEASE,
    }
}

/// By minor version and flags in ascending order of the first micro version. The name is that of the build the offsets
/// were read from; "-" joins two neighbours.
static TABLES: &[Table] = &[
    table!(2 => 7, 0, "", "2.7", v2_07::RELEASE),
    table!(6, 0, "", "3.6", v3_06::RELEASE),
    table!(7, 0, "", "3.7", v3_07::RELEASE),
    table!(8, 0, "", "3.8", v3_08::RELEASE),
    table!(8, 0, "d", "3.8", v3_08::RELEASE),
    table!(9, 0, "", "3.9", v3_09::RELEASE),
    table!(9, 0, "d", "3.9", v3_09::RELEASE),
    table!(10, 0, "", "3.10", v3_10::RELEASE),
    table!(10, 0, "d", "3.10", v3_10::RELEASE),
    table!(11, 0, "", "3.11", v3_11::RELEASE),
    table!(11, 0, "d", "3.11", v3_11::RELEASE),
    table!(12, 0, "", "3.12", v3_12::RELEASE),
    table!(12, 0, "d", "3.12d", v3_12::DEBUG),
    table!(13, 0, "", "3.13.0", v3_13::RELEASE_0),
    table!(13, 1, "", "3.13.0-3.13.5", gaps::V3_13_1),
    table!(13, 5, "", "3.13.5", v3_13::RELEASE),
    table!(13, 6, "", "3.13.5-3.13.15", gaps::V3_13_6),
    table!(13, 15, "", "3.13.15", v3_13::RELEASE_18),
    table!(13, 0, "d", "3.13.0d-3.13.5d", gaps::V3_13_0_DEBUG),
    table!(13, 5, "d", "3.13.5d", v3_13::DEBUG),
    table!(13, 6, "d", "3.13.5d-3.13.15d", gaps::V3_13_6_DEBUG),
    table!(13, 15, "d", "3.13.15d", v3_13::DEBUG_18),
    table!(13, 0, "t", "3.13.0t-3.13.5t", gaps::V3_13_0_FREE_THREADED),
    table!(13, 5, "t", "3.13.5t", v3_13::FREE_THREADED),
    table!(13, 6, "t", "3.13.5t-", gaps::V3_13_6_FREE_THREADED),
    table!(13, 0, "td", "3.13.0td-3.13.5td", gaps::V3_13_0_FREE_THREADED_DEBUG),
    table!(13, 5, "td", "3.13.5td", v3_13::FREE_THREADED_DEBUG),
    table!(13, 6, "td", "3.13.5td-", gaps::V3_13_6_FREE_THREADED_DEBUG),
    table!(14, 0, "", "3.14.0", v3_14::RELEASE_0),
    table!(14, 5, "", "3.14.5", v3_14::RELEASE),
    table!(14, 0, "d", "3.14.0d-3.14.5d", gaps::V3_14_0_DEBUG),
    table!(14, 5, "d", "3.14.5d", v3_14::DEBUG),
    table!(14, 0, "t", "3.14.0t-3.14.5t", gaps::V3_14_0_FREE_THREADED),
    table!(14, 5, "t", "3.14.9t", v3_14::FREE_THREADED_9),
    table!(14, 10, "t", "3.14.10t", v3_14::FREE_THREADED),
    table!(14, 0, "td", "3.14.0td-3.14.5td", gaps::V3_14_0_FREE_THREADED_DEBUG),
    table!(14, 5, "td", "3.14.9td", v3_14::FREE_THREADED_DEBUG_9),
    table!(14, 10, "td", "3.14.10td", v3_14::FREE_THREADED_DEBUG),
    table!(15, 0, "", "3.15", v3_15::RELEASE),
    table!(15, 0, "d", "3.15d", v3_15::DEBUG),
    table!(15, 0, "t", "3.15.1t", v3_15::FREE_THREADED_1),
    table!(15, 2, "t", "3.15.2t", v3_15::FREE_THREADED),
    table!(15, 0, "td", "3.15.1td", v3_15::FREE_THREADED_DEBUG_1),
    table!(15, 2, "td", "3.15.2td", v3_15::FREE_THREADED_DEBUG),
];

/// x86-64 Windows, release builds: offsets from the headers, compiled for Windows by mingw.
static WINDOWS: &[Table] = &[
    table!(8, 0, "", "3.8-windows", v3_08::WINDOWS),
    table!(9, 0, "", "3.9-windows", v3_09::WINDOWS),
    table!(10, 0, "", "3.10-windows", v3_10::WINDOWS),
    table!(11, 0, "", "3.11-windows", v3_11::WINDOWS),
    table!(12, 0, "", "3.12-windows", v3_12::WINDOWS),
    table!(13, 0, "", "3.13.0-windows", v3_13::WINDOWS),
    table!(13, 1, "", "3.13.0-3.13.5-windows", gaps::V3_13_1_WINDOWS),
    table!(13, 6, "", "3.13.5-3.13.15-windows", gaps::V3_13_6_WINDOWS),
    table!(13, 0, "t", "3.13.0t-3.13.5t-windows", gaps::V3_13_0_WINDOWS_FREE_THREADED),
    table!(13, 5, "t", "3.13.5t-windows", v3_13::WINDOWS_FREE_THREADED),
    table!(13, 6, "t", "3.13.5t--windows", gaps::V3_13_6_WINDOWS_FREE_THREADED),
    table!(14, 0, "", "3.14.0-3.14.5-windows", gaps::V3_14_0_WINDOWS),
    table!(14, 5, "", "3.14.5-windows", v3_14::WINDOWS),
    table!(14, 0, "t", "3.14.0t-3.14.10t-windows", gaps::V3_14_0_WINDOWS_FREE_THREADED),
    table!(14, 10, "t", "3.14.10t-windows", v3_14::WINDOWS_FREE_THREADED),
    table!(15, 0, "", "3.15-windows", v3_15::WINDOWS),
    table!(15, 0, "t", "3.15.0t-3.15.2t-windows", gaps::V3_15_0_WINDOWS_FREE_THREADED),
    table!(15, 2, "t", "3.15.2t-windows", v3_15::WINDOWS_FREE_THREADED),
];

/// The first release of each minor version that there is a table for, newest first.
pub fn known_minors() -> impl Iterator<Item = PyVersion> {
    let mut minors: Vec<(u8, u8)> = TABLES.iter().map(|t| (t.major, t.minor)).collect();
    minors.dedup();
    minors.into_iter().rev().map(|(major, minor)| PyVersion::new(major, minor, 0))
}

/// The forms of mimalloc's segments and pages in free-threaded builds. Releases of one minor version differ in which
/// mimalloc they have (2.1 until 3.14.9, 2.5 from 3.14.10 on), builds of distributions may too: structure decides.
#[must_use]
pub fn mimalloc_forms(debug: bool) -> [(&'static MiSegmentLayout, &'static MiPageLayout); 2] {
    let [old, new] = match debug {
        false => [&v3_13::FREE_THREADED, &v3_14::FREE_THREADED],
        true => [&v3_13::FREE_THREADED_DEBUG, &v3_14::FREE_THREADED_DEBUG],
    };
    [(&old.mi_segment, &old.mi_page), (&new.mi_segment, &new.mi_page)]
}

/// "CPython 2.7 and 3.6 to 3.15", for people.
#[must_use]
pub fn supported_range() -> String {
    let minors = || TABLES.iter().filter(|t| t.major == 3).map(|t| t.minor);
    format!("CPython 2.7 and 3.{} to 3.{}", minors().min().unwrap_or(0), minors().max().unwrap_or(0))
}

/// Whether there are layouts for release builds of this minor version on such a system.
#[must_use]
pub fn is_supported(version: PyVersion, abi: &Abi) -> bool {
    // The first release may have no table of its own.
    lookup(PyVersion { micro: u8::MAX, ..version }, BuildFlags::RELEASE, abi).is_some()
}

/// The built-in layouts of a build and the table's name; `None` when there is no table for it.
#[must_use]
pub fn lookup(version: PyVersion, flags: BuildFlags, abi: &Abi) -> Option<(&'static Layouts, &'static str)> {
    let tables = match (version.major, abi.data_model, abi.os, abi.arch) {
        (2 | 3, DataModel::Lp64, Os::Linux, _) => TABLES,
        (3, DataModel::Llp64, Os::Windows, Arch::X86_64) => WINDOWS,
        _ => return None,
    };
    let found = tables
        .iter()
        .filter(|t| (t.major, t.minor) == (version.major, version.minor) && t.from_micro <= version.micro)
        .rfind(|t| t.debug == flags.debug && t.free_threaded == flags.free_threaded)?;
    Some(match crate::arch::cpu(abi.arch).mutex_size {
        LARGE_MUTEX => (found.aarch64, found.name_aarch64),
        _ => (found.layouts, found.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On Windows too. What lies between two builds that were read may differ in where it is.
    #[test]
    fn the_table_of_arenas_is_reached_in_every_build_from_3_12_on_that_was_read() {
        let was_read = |table: &Table| !table.name.trim_end_matches("-windows").contains('-');
        let with_pools =
            |table: &&Table| table.major == 3 && table.minor >= 12 && !table.free_threaded && was_read(table);
        for table in TABLES.iter().chain(WINDOWS).filter(with_pools) {
            let Layouts { interpreter, obmalloc, arena_object, pool_header, .. } = table.layouts;
            let places = [interpreter.obmalloc, obmalloc.arenas, obmalloc.maxarenas];
            let parts = [arena_object.size, arena_object.address, arena_object.pool_address, pool_header.szidx];
            assert!(places.iter().chain(&parts).all(|slot| slot.is_some()), "{}", table.name);
        }
    }
}
