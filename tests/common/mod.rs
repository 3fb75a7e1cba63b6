//! Real interpreters and real crashes for the integration tests.
//!
//! ```ignore
//! mod common;
//! use common::{crash, interpreters, skip};
//!
//! #[test]
//! fn every_interpreter() {
//!     let found = interpreters();
//!     if found.is_empty() {
//!         skip!("no interpreters: run tests/interpreters/fetch.py");
//!     }
//!     for interpreter in found {
//!         let dead = match crash(interpreter, "basic.py", &[], &[]) {
//!             Ok(dead) => dead,
//!             Err(reason) => skip!("{reason}"),
//!         };
//!         // dead.core, dead.truth, interpreter.sysroot ...
//!     }
//! }
//! ```
//!
//! Nothing here uses pyinquest itself: what the tests compare with must not come from what they test.

// Each test file compiles its own copy and uses a part of it.
#![allow(dead_code, unused_imports, unused_macros)]
// A helper of tests has one way to report that its own machinery broke.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod crash;
mod live;
mod manifest;
mod packages;
pub mod sources_table;

pub use crash::{Crash, CrashedProcess, crash};
pub use live::{Blocked, block, block_contained, printed, waiting, waits};
pub use manifest::{
    Interpreter, cache, debuggable, interpreter, interpreters, old_interpreters, one_per_column, one_per_minor,
    python2_interpreters,
};
pub use packages::packages;

/// Why a test cannot run here: something of the machine, not a fault of the code under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(pub String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// True where a test that cannot run is a failure: in CI, and wherever `PYINQUEST_REQUIRE_ALL` is set.
pub fn require_all() -> bool {
    ["CI", "PYINQUEST_REQUIRE_ALL"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Leaves the test with its reason counted, or fails it where [`require_all`] holds.
macro_rules! skip {
    ($($reason:tt)*) => {{
        let reason = format!($($reason)*);
        $crate::common::note("skipped", &reason);
        assert!(!$crate::common::require_all(), "cannot be skipped here: {reason}");
        return;
    }};
}

/// Looks at all of `todo` at a time; fails with what is wrong of any of them.
///
/// # Errors
/// Why one of them cannot run here, where those before it were right or wrong.
pub fn none_is_wrong<T: Sync>(
    todo: &[T],
    look: impl Fn(&T) -> Result<Option<String>, Unavailable> + Sync,
) -> Result<(), Unavailable> {
    use rayon::prelude::*;
    let results: Vec<Result<Option<String>, Unavailable>> = todo.par_iter().map(&look).collect();
    let mut wrong = Vec::new();
    for result in results {
        wrong.extend(result?);
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), todo.len(), wrong.join("\n"));
    Ok(())
}

/// A part of a test that cannot run here: one interpreter of several, a package.
pub fn part_skipped(reason: impl std::fmt::Display) {
    note("part skipped", &reason);
}

/// A test, or a part of one, that runs only when asked for.
pub fn not_asked_for(reason: impl std::fmt::Display) {
    note("not asked for", &reason);
}

/// Prints what was not tested, and adds it to the file that `test.sh` counts (`PYINQUEST_SKIPS`): cargo hides what a
/// passing test prints.
pub fn note(kind: &str, reason: &dyn std::fmt::Display) {
    use std::io::Write as _;
    let thread = std::thread::current();
    let program = std::env::current_exe().ok();
    let program = program.as_ref().and_then(|p| p.file_stem()).map(|p| p.to_string_lossy()).unwrap_or_default();
    let program = program.rsplit_once('-').map_or(&*program, |(name, _)| name);
    let reason = reason.to_string().trim().replace('\n', " ");
    let line = format!("{kind}: {program} {}: {reason}\n", thread.name().unwrap_or("(a thread)"));
    eprint!("{line}");
    if let Some(path) = std::env::var_os("PYINQUEST_SKIPS") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
pub(crate) use skip;
