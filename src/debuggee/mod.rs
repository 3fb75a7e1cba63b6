//! One model of a stopped process, whatever it was read from.
//!
//! A [`Target`] is made by one source (`elf_core`, `minidump`, `live`, `debugger`); everything above works on the
//! model and cannot tell the sources apart. This layer knows nothing of Python and opens no executables: the
//! `image` layer adds file-backed memory with [`AddressSpace::add_backing`].

mod command_line;
pub mod compressed;
mod crash;
pub mod debugger;
pub mod elf_core;
pub mod elf_modules;
pub(crate) mod limits;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod live;
mod memory;
#[cfg(feature = "minidump")]
pub mod minidump;
mod model;
mod module;
mod open;
pub mod pe_headers;
#[cfg(any(all(feature = "live", target_os = "linux"), feature = "minidump"))]
pub(crate) mod procfs;
pub mod recorded_symbols;
pub mod recorder;
mod recording;
mod registers;
mod segments;
pub mod slim_record;
#[cfg(test)]
pub(crate) mod synth_memory;
mod thread;

pub use crate::model::SourceKind;
pub use crash::{Crash, SignalInfo};
pub use limits::{Deadline, Limits};
pub use memory::{Memory, MemoryExt, ReadError, ReadErrorKind};
pub use model::{MissingPart, ProcessInfo, Target, TargetError};
pub use module::{BuildId, Mapping, Module};
pub use open::{STDIN, from_bytes, from_bytes_within, open, open_file_within, open_within};
pub use recorder::PageSet;
pub use recording::{Recording, TargetMemory};
pub use registers::Registers;
pub use segments::{AddressSpace, Backing, ByteSource, Protection, Segment, Stored};
pub use thread::NativeThread;
