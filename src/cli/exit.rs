//! Exit codes. Documented in `docs/cli.md` and in the help text: scripts rely on them.

/// The report is complete, or as complete as was asked for.
pub const OK: u8 = 0;
/// A fault of ours.
pub const INTERNAL: u8 = 1;
/// The command line is wrong, or names something that is not there (a thread, a frame).
pub const USAGE: u8 = 2;
/// The input cannot be read or is of a kind that is not supported.
pub const INPUT: u8 = 3;
/// The process has no CPython, or none that could be recognised.
pub const NO_PYTHON: u8 = 4;
/// The report is incomplete and `--strict` was given.
pub const INCOMPLETE: u8 = 5;
/// `layouts check` found differences.
pub const DIFFERS: u8 = 6;
/// `--fail-on` found crashes.
pub const CRASHES: u8 = 7;
/// The results are there, but something that was to be kept could not be: a store, a baseline, a file.
pub const NOT_KEPT: u8 = 8;

/// The codes with what they mean, for the help text and the manual.
pub const MEANINGS: &[(u8, &str)] = &[
    (OK, "the report is written"),
    (INTERNAL, "internal error"),
    (USAGE, "wrong usage, or no such thread or frame"),
    (INPUT, "the input cannot be read or is not supported"),
    (NO_PYTHON, "no CPython was found in the process"),
    (INCOMPLETE, "the report is incomplete, and --strict was given"),
    (DIFFERS, "layouts check: the table differs from the file"),
    (CRASHES, "triage, run: --fail-on found crashes"),
    (NOT_KEPT, "there are results, but they could not be kept: --db, --baseline, --out, --send-to"),
];
