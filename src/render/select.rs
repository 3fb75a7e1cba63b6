//! Choosing a part of a report: threads and frames.

use crate::model::{Frame, Report, Thread};

/// Which threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// All of them.
    #[default]
    All,
    /// The crashed one; all when none crashed.
    Crashed,
    /// The one with this id (system's or Python's).
    Id(u64),
    /// Those with this name.
    Name(String),
}

/// Nothing fits the choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// No thread has that id or name.
    #[error("no thread {wanted}; there are {known}")]
    NoThread {
        /// What was asked for.
        wanted: String,
        /// Ids of the threads there are.
        known: String,
    },
    /// No chosen thread has so many frames.
    #[error("no frame {number}; the stack has {len}")]
    NoFrame {
        /// What was asked for.
        number: usize,
        /// Frames of the deepest chosen stack.
        len: usize,
    },
}

/// Keeps only the chosen threads.
///
/// # Errors
/// [`SelectError::NoThread`].
pub fn threads(report: &mut Report, which: &Threads) -> Result<(), SelectError> {
    let keep: Box<dyn Fn(&Thread) -> bool> = match which {
        Threads::All => return Ok(()),
        Threads::Crashed if report.threads.iter().any(|t| t.crashed) => Box::new(|t| t.crashed),
        Threads::Crashed => return Ok(()),
        Threads::Id(id) => {
            let id = Some(*id);
            Box::new(move |t| t.tid == id || t.states().any(|p| p.ident == id))
        }
        Threads::Name(name) => Box::new(move |t| t.name.as_ref().is_some_and(|n| *n == **name)),
    };
    if !report.threads.iter().any(&keep) {
        let wanted = match which {
            Threads::Id(id) => id.to_string(),
            Threads::Name(name) => format!("\"{}\"", crate::base::escape_terminal(name)),
            Threads::All | Threads::Crashed => String::new(),
        };
        let known: Vec<String> = report.threads.iter().filter_map(|t| t.tid).take(16).map(|t| t.to_string()).collect();
        let known = if known.is_empty() { "none with an id".to_owned() } else { known.join(", ") };
        return Err(SelectError::NoThread { wanted, known });
    }
    report.threads.retain(keep);
    Ok(())
}

/// Leaves out the frames of the interpreter's plumbing.
pub fn without_plumbing(report: &mut Report) {
    let plumbing = |f: &Frame| f.native.as_ref().is_some_and(|n| n.plumbing);
    report.threads.iter_mut().for_each(|t| t.frames.retain(|f| !plumbing(f)));
}

/// Takes the frames of the interpreter's plumbing for frames like others.
pub fn plumbing_is_wanted(report: &mut Report) {
    let frames = report.threads.iter_mut().flat_map(|t| &mut t.frames);
    frames.filter_map(|f| f.native.as_mut()).for_each(|native| native.plumbing = false);
}

/// Keeps only frame `number` of each thread, and only threads that have it.
/// Text shows the right number when told it ([`super::text::TextOptions::first_frame`]).
///
/// # Errors
/// [`SelectError::NoFrame`].
pub fn frame(report: &mut Report, number: usize) -> Result<(), SelectError> {
    let len = report.threads.iter().map(|t| t.frames.len()).max().unwrap_or(0);
    if number >= len {
        return Err(SelectError::NoFrame { number, len });
    }
    report.threads.retain(|t| t.frames.len() > number);
    for thread in &mut report.threads {
        thread.frames = thread.frames.drain(..).skip(number).take(1).collect();
        thread.frames_end = None;
    }
    Ok(())
}
