//! The frames of a stack.

use super::{Out, locals};
use crate::model::{Frame, FrameKind, Trust};
use crate::render::carets::mark;
use crate::render::palette::paint;
use crate::render::recursion::stretches;
use crate::render::wording::{function, native_place, safe};

pub(super) fn write_all(out: &mut Out<'_>, frames: &[Frame], crashed: bool) {
    let options = out.options;
    let visible: Vec<(usize, &Frame)> = (options.first_frame..)
        .zip(frames)
        .filter(|(_, f)| options.plumbing || !f.native.as_ref().is_some_and(|n| n.plumbing))
        .collect();
    let width = visible.last().map_or(0, |(last, _)| *last).to_string().len();
    for stretch in stretches(&visible, options.verbose) {
        for (number, frame) in visible.iter().skip(stretch.start).take(stretch.len) {
            let innermost = options.first_frame == 0 && visible.first().is_some_and(|(first, _)| first == number);
            write(out, *number, frame, width, crashed && innermost);
        }
        if stretch.times > 1 {
            out.line(width.saturating_add(5), &paint(out.palette().dim, &stretch.more()));
        }
    }
}

fn write(out: &mut Out<'_>, number: usize, frame: &Frame, width: usize, marked: bool) {
    let palette = out.palette();
    let marker = if marked { paint(palette.mark, "=>") } else { "  ".to_owned() };
    let below = width.saturating_add(7);
    out.line(0, &format!(" {marker} #{number:<width$} {}", title(out, frame)));
    if let Some(source) = &frame.source {
        let columns = frame.column.map(|start| {
            let one_line = frame.end_line.is_none() || frame.end_line == frame.line;
            (start, frame.end_column.filter(|_| one_line))
        });
        let shown = mark(source, columns);
        if !shown.line.is_empty() {
            out.line(below, &shown.line);
        }
        if let Some(marks) = shown.marks {
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
        locals::write(out, below.saturating_add(2), list);
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
        return format!("File {}, in {name}", source.unwrap_or_else(|| "???, line ???".to_owned()));
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
