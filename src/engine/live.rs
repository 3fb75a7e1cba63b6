//! Inspections of running processes.

use super::Inspection;
use crate::debuggee::TargetError;
use crate::debuggee::live::{self, Examined, LiveOptions};
use crate::image::SearchOptions;

/// What `look` sees in process `pid`, all of one moment, with the shortest pause of the process that this takes. `look` is
/// called several times, with a new inspection each time.
///
/// # Errors
/// [`TargetError`] when there is no such process or it may not be looked at.
pub fn examine<R>(
    pid: i32,
    options: LiveOptions,
    search: &SearchOptions,
    mut look: impl FnMut(&Inspection) -> R,
) -> Result<Examined<R>, TargetError> {
    live::examine(pid, options, |target, sysroot| {
        let mut search = search.clone();
        search.sysroots.extend(sysroot.map(std::path::Path::to_path_buf));
        look(&Inspection::of_live(target, pid, &search))
    })
}
