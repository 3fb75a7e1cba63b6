//! The frames of a stack.

use super::{Out, locals};
use crate::model::{Frame, FrameKind, Trust};
use crate::render::carets::mark;
use crate::render::groups::visible;
use crate::render::palette::paint;
use crate::render::recursion::stretches;
use crate::render::shorten::Shown;
use crate::render::wording::{function, interpreter_mark, native_place, safe};

/// Which frame has the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// None.
    None,
    /// The innermost of the thread.
    Innermost,
    /// The one of this number.
    Number(usize),
}

pub(super) fn write_all(out: &mut Out<'_>, frames: &[Frame], mark: Mark) {
    let options = out.options;
    let visible = visible(frames, options.first_frame, options.plumbing);
    let mut shown = Shown::default();
    let width = visible.last().map_or(0, |(last, _)| *last).to_string().len();
    for stretch in stretches(&visible, options.verbose) {
        for (number, frame) in visible.iter().skip(stretch.start).take(stretch.len) {
            let marked = match mark {
                Mark::None => false,
                Mark::Innermost => {
                    options.first_frame == 0 && visible.first().is_some_and(|(first, _)| first == number)
                }
                Mark::Number(marked) => marked == *number,
            };
            write(out, *number, frame, &mut shown, width, marked);
        }
        if stretch.times > 1 {
            out.line(width.saturating_add(5), &paint(out.palette().dim, &stretch.more()));
        }
    }
}

fn write<'a>(out: &mut Out<'_>, number: usize, frame: &'a Frame, shown: &mut Shown<'a>, width: usize, marked: bool) {
    let palette = out.palette();
    let marker = if marked { paint(palette.mark, "=>") } else { "  ".to_owned() };
    let below = width.saturating_add(7);
    out.line(0, &format!(" {marker} #{number:<width$} {}", title(out, frame)));
    if let Some(source) = &frame.source {
        let columns = frame.column.map(|start| {
            let one_line = frame.end_line.is_none() || frame.end_line == frame.line;
            (start, frame.end_column.filter(|_| one_line))
        });
        let marked = mark(source, columns);
        if !marked.line.is_empty() {
            out.line(below, &marked.line);
        }
        if let Some(marks) = marked.marks {
            let spaces = marks.len().saturating_sub(marks.trim_start().len());
            out.line(below, &format!("{:spaces$}{}", "", paint(palette.mark, marks.trim_start())));
        }
    }
    for problem in &frame.problems {
        out.line(below, &paint(palette.warning, &format!("<{}>", safe(problem))));
    }
    if frame.locals_left_out {
        let text = "(its locals were not read: the thread has too many frames)";
        out.line(below.saturating_add(2), &paint(out.palette().dim, text));
    }
    if let Some(list) = &frame.locals {
        locals::write(out, below.saturating_add(2), number, list, shown);
    }
}

/// The line of a frame, styled.
fn title(out: &Out<'_>, frame: &Frame) -> String {
    let palette = out.palette();
    let name = paint(palette.function, &function(frame));
    let source = frame.file.as_ref().map(|f| match frame.line {
        Some(line) => format!("\"{}\", line {line}", safe(f)),
        None => format!("\"{}\", line ???", safe(f)),
    });
    if frame.kind == FrameKind::Python {
        let mark = paint(palette.dim, &interpreter_mark(frame));
        let mark = if frame.interpreter.is_some() { mark } else { String::new() };
        return format!("File {}, in {name}{mark}", source.unwrap_or_else(|| "???, line ???".to_owned()));
    }
    let inlined = if frame.native.as_ref().is_some_and(|n| n.inlined) { " (inlined)" } else { "" };
    let place = native_place(frame);
    let place = if place.is_empty() { place } else { format!(" in {place}") };
    let source = source.map(|s| format!(", {s}")).unwrap_or_default();
    let trust = match frame.native.as_ref().and_then(|n| n.trust) {
        Some(Trust::Scan) => paint(palette.warning, " <found by scanning the stack>"),
        _ => String::new(),
    };
    format!("C    {name}{inlined}{place}{source}{trust}")
}
