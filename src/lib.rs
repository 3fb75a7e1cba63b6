//! pyinquest explains dead and stuck CPython processes from the outside: from an ELF core, a minidump, a running process or a
//! debugger's session. It runs nothing of the process and needs none of its files.
//!
//! [`engine::Inspection`] is where everything starts. It is opened once, reads each part when it is asked for, and may be
//! shared among threads:
//!
//! ```
//! use pyinquest::engine::{Inspection, Options, Place};
//! use pyinquest::image::SearchOptions;
//! use pyinquest::model::Fidelity;
//! use std::path::Path;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Files of the process may be named here; this dump brings all that is needed.
//! let search = SearchOptions { no_files: true, ..SearchOptions::default() };
//! let inspection = Inspection::open(Path::new("fixtures/cores/3.12-basic.core.zst"), &search)?;
//!
//! // The cause, all threads, what is missing: plain data that serialises itself.
//! let report = inspection.report(&Options::default());
//! assert_eq!(report.python.as_ref().map(|p| p.version.as_str()), Some("3.12.1"));
//! assert_eq!(report.findings[0].id, "null-pointer");
//! let crashed = report.threads.iter().find(|t| t.crashed).ok_or("no thread crashed")?;
//! assert_eq!(crashed.frames[0].line, Some(45));
//!
//! // One value, by its path from a frame.
//! let found = inspection.evaluate("items[1]", Place::default())?;
//! let value = found.value(&Options::default());
//! assert_eq!((value.repr.as_str(), value.fidelity), ("'hello'", Fidelity::Exact));
//! # Ok(())
//! # }
//! ```
//!
//! Nothing is guessed. What cannot be read is absent, and a [diagnostic](base::Diagnostic) says why; a value that is not exactly
//! what `repr()` would have printed says so ([`model::Fidelity`]). All input is taken for hostile: no input makes a function
//! of this library panic, hang or use memory without bound. Text of the process is raw in the [`model`]; [`render`]
//! escapes it, and so does [`base::escape_terminal`].
//!
//! More examples: a report as text, a value, all threads' locks, in `docs/examples`.
//!
//! # Cargo features
//!
//! All are on by default. Without any, the library reads ELF cores.
//!
//! | feature | what it brings |
//! |---|---|
//! | `minidump` | minidumps of Linux and Windows |
//! | `pdb` | functions and lines of Windows modules |
//! | `live` | running processes (Linux) |
//! | `triage`, `sqlite`, `postgres` | many dumps, grouped by cause; where crashes are remembered |
//! | `schema` | JSON Schemas of reports |
//! | `dap` | what editors talk to |
//! | `mcp` | what agents talk to |
//! | `cli` | the program, and what debuggers talk to |
//! | `shell` | the prompt on a dump |
//!
//! # Stability
//!
//! Before 1.0 any release may change the interface; CHANGELOG.md says how. The JSON of a report has a version of its own
//! ([`model::SCHEMA_VERSION`]).
//!
//! # Rooms
//!
//! The rooms, each of which imports only those before it (`docs/architecture.md`; a test holds it):
//!
//! - [`base`]: addresses, the target's ABI, budgets, diagnostics
//! - [`model`]: the report as data
//! - [`os`]: facts of operating systems, each in one place
//! - [`arch`]: facts of processors, one file each
//! - `sys`: the only unsafe code
//! - [`debuggee`]: one model of a stopped process, whatever it was read from
//! - [`slim`]: writes dumps that hold just the memory that a report reads
//! - [`image`]: files, sections and symbols of the modules
//! - [`cpython`]: Python's own state
//! - [`native`]: unwinding and symbols of native code
//! - [`heap`]: every object of a process, by type, size and reference
//! - [`tasks`]: suspended work: event loops, tasks, what each waits for
//! - [`stack`]: one merged stack for each thread
//! - [`findings`]: rules that name the cause
//! - [`engine`]: makes a report of a target
//! - [`commands`]: the table of commands
//! - [`render`]: the report as text, JSON, HTML, ...
//! - [`triage`]: many dumps, grouped by cause
//! - [`plugins`]: commands of other Python packages
//! - [`bridge`]: what gdb and lldb talk to
//! - [`shell`]: a prompt on a dump
//! - [`dap`]: what editors talk to
//! - [`mcp`]: what agents talk to
//! - [`cli`]: the program
#![cfg_attr(
    not(all(
        feature = "cli",
        feature = "minidump",
        feature = "live",
        feature = "pdb",
        feature = "sqlite",
        target_os = "linux"
    )),
    allow(dead_code, unused_imports, reason = "helpers of the parts that are left out")
)]
pub mod arch;
pub mod base;
#[cfg(feature = "cli")]
pub mod bridge;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod commands;
pub mod cpython;
#[cfg(feature = "dap")]
pub mod dap;
pub mod debuggee;
pub mod engine;
pub mod findings;
#[cfg(all(feature = "cli", feature = "minidump", feature = "pdb"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod heap;
pub mod image;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod model;
pub mod native;
pub mod os;
#[cfg(any(feature = "cli", feature = "dap"))]
pub mod plugins;
pub mod render;
#[cfg(feature = "shell")]
pub mod shell;
pub mod slim;
pub mod stack;
mod sys;
pub mod tasks;
#[cfg(feature = "triage")]
pub mod triage;
