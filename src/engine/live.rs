//! Inspections of running processes.

use super::Inspection;
use super::python::Known;
use crate::debuggee::TargetError;
use crate::debuggee::live::{self, Examined, Hold, LiveOptions};
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
    let greenlets = Known::default();
    live::examine(pid, options, |target, sysroot| {
        let mut search = search.clone();
        search.sysroots.extend(sysroot.map(std::path::Path::to_path_buf));
        look(&Inspection::of_live(target, pid, &search, &greenlets))
    })
}

/// A running process that stands still for as long as this is held.
#[derive(Debug)]
pub struct Held {
    /// The process.
    pub inspection: Inspection,
    hold: Hold,
}

impl Held {
    /// The process, and what keeps it stopped until it is dropped by the thread that stopped it.
    #[must_use]
    pub fn into_parts(self) -> (Inspection, Hold) {
        (self.inspection, self.hold)
    }
}

/// Stops process `pid`, as a debugger does, until what is given is dropped: by the thread that asked for it.
///
/// # Errors
/// [`TargetError`] when there is no such process or it may not be looked at.
pub fn hold(pid: i32, options: LiveOptions, search: &SearchOptions) -> Result<Held, TargetError> {
    let live = live::attach(pid, options)?;
    let mut search = search.clone();
    search.sysroots.extend(live.sysroot.clone());
    let (target, hold) = live.into_parts();
    Ok(Held { inspection: Inspection::of_live(target, pid, &search, &Known::default()), hold })
}
