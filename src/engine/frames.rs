//! Python frames as the report and all commands show them.

use super::{Options, values};
use crate::base::Text;
use crate::cpython::frame::PyFrame;
use crate::cpython::object::Heap;
use crate::model::{Frame, FrameKind};

/// One frame; with its variables where the options ask for them and `with_locals` does not say otherwise.
#[must_use]
pub fn frame(heap: &Heap<'_>, frame: &PyFrame, options: &Options, with_locals: bool) -> Frame {
    let mut problems = Vec::new();
    if let Some(why) = &frame.gap {
        problems.push(format!(
            "found on the data stack; generators that ran above it may be missing, as the link is lost ({why})"
        ));
    }
    let code = frame.code.as_ref().map_err(|e| problems.push(format!("code object: {e}"))).ok();
    let text = |read: Result<Text, crate::cpython::DecodeError>, what: &str, problems: &mut Vec<String>| {
        read.map_err(|e| problems.push(format!("{what}: {e}"))).ok()
    };
    let file = code.and_then(|c| text(c.filename.clone(), "file name", &mut problems));
    let function = code.and_then(|c| text(c.name.clone(), "function name", &mut problems));
    let qualname = code.and_then(|c| c.qualname.clone()?.ok());
    let position = match &frame.position {
        Ok(position) => *position,
        Err(e) => {
            if code.is_some() {
                problems.push(format!("line: {e}"));
            }
            Default::default()
        }
    };
    let locals = match options.locals && with_locals && code.is_some() {
        true => values::locals(heap, frame, options, &mut problems),
        false => None,
    };
    Frame {
        kind: FrameKind::Python,
        file,
        line: position.line,
        end_line: position.end_line,
        column: position.column,
        end_column: position.end_column,
        function,
        qualname,
        source: None,
        addr: Some(frame.addr),
        code: code.map(|c| c.addr),
        lasti: frame.lasti.as_ref().ok().copied(),
        owner: Some(frame.owner),
        interpreter: None,
        locals_left_out: options.locals && !with_locals,
        entry: Some(frame.entry),
        entry_sp: frame.entry_sp,
        locals,
        problems,
        native: None,
    }
}
