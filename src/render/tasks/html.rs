//! The tree of tasks as one self-contained page: no script, no network.

use super::tree::{Branch, Stop, branches};
use super::{Page, TasksText};
use crate::base::{counted, escape_markup};
use crate::model::tasks::Tasks;
use crate::render::html::STYLE;
use crate::render::wording::{function, safe_short};

/// The answer as a page.
#[must_use]
pub fn render(tasks: &Tasks, limit: Option<usize>) -> String {
    let page = Page::new(tasks, TasksText { limit, ..TasksText::default() });
    let title = counted(tasks.tasks.len(), "task");
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}ul {{ padding-left: 1.2rem; }}\n</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n</header>\n<main>\n"
    );
    for event_loop in &tasks.loops {
        out.push_str(&format!("<p>{}</p>\n", escape_markup(&page.event_loop(event_loop))));
    }
    let all = branches(tasks);
    let shown = limit.unwrap_or(usize::MAX);
    let mut depth = None;
    for branch in all.iter().take(shown) {
        open(&mut out, &mut depth, branch.depth);
        item(&mut out, &page, branch);
    }
    if let Some(depth) = depth {
        out.push_str(&"</li>\n</ul>\n".repeat(depth.saturating_add(1)));
    }
    let rest = all.len().saturating_sub(shown);
    if rest > 0 {
        out.push_str(&format!("<p>{rest} more are not shown</p>\n"));
    }
    for diagnostic in &tasks.diagnostics {
        out.push_str(&format!("<p class=\"doubt\">{}</p>\n", escape_markup(&diagnostic.message)));
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// Opens and closes lists so that an item of that depth can follow.
fn open(out: &mut String, depth: &mut Option<usize>, next: usize) {
    match *depth {
        None => out.push_str("<ul>\n"),
        Some(before) if next > before => out.push_str("<ul>\n"),
        Some(before) => {
            out.push_str("</li>\n");
            out.push_str(&"</ul>\n</li>\n".repeat(before.saturating_sub(next)));
        }
    }
    *depth = Some(next);
}

fn item(out: &mut String, page: &Page<'_>, branch: &Branch) {
    let Some(task) = page.tasks.tasks.get(branch.task) else { return };
    let stack = task.stack.and_then(|n| page.tasks.stacks.get(usize::try_from(n).ok()?));
    out.push_str(&format!("<li><details><summary>{}</summary>\n<ol>\n", escape_markup(&page.title(task, branch))));
    for frame in stack.iter().flat_map(|s| s.frames.iter().rev()).take(super::MAX_FRAMES) {
        let source =
            frame.source.as_deref().map(|s| format!("<pre>{}</pre>", escape_markup(s.trim()))).unwrap_or_default();
        out.push_str(&format!(
            "<li>{} {}{source}</li>\n",
            escape_markup(&function(frame)),
            escape_markup(&page.place(frame))
        ));
    }
    out.push_str("</ol>\n</details>\n");
    let note = match branch.stop {
        Some(Stop::Cycle) => "it is above: the tasks between wait for each other",
        Some(Stop::Shown) => "shown above, with what it waits for",
        Some(Stop::Deep) => "what it waits for is too deep to be shown",
        None => "",
    };
    if !note.is_empty() {
        out.push_str(&format!("<small>{}</small>\n", safe_short(note, 200)));
    }
}
