//! Lines of Python source files for a debugger's user, who sits at the host that he debugs on.

use crate::stack::source::{SourceOptions, Sources};
use std::io;
use std::path::PathBuf;

/// Below the debugger's sysroot first, if there is one.
fn sources(sysroot: Option<&str>) -> Sources {
    Sources::new(SourceOptions {
        sysroots: sysroot.map(PathBuf::from).into_iter().collect(),
        relative_to: vec![PathBuf::from(".")],
        own_host: true,
        ..SourceOptions::default()
    })
}

/// Lines `first..=last` of a file, without line ends.
///
/// # Errors
/// When the file cannot be opened or read, or is not one that may be shown.
pub fn lines(name: &str, sysroot: Option<&str>, first: u32, last: u32) -> io::Result<Vec<String>> {
    sources(sysroot).lines(name, first, last)
}

/// One line of a file, when there is such.
#[must_use]
pub fn line(name: &str, sysroot: Option<&str>, number: u32) -> Option<String> {
    sources(sysroot).line(name, number)
}
