//! The report of a heap as one self-contained page: no script, no network, light and dark.

use super::report_text::id;
use super::treemap::{Placed, flame, treemap};
use crate::base::{Severity, escape_markup as esc, size, thousands};
use crate::model::heap::{HeapReport, HeapRetained, HeapTree};
use crate::render::html::STYLE;
use std::fmt::Write as _;

const OWN_STYLE: &str = include_str!("html.css");
/// Height of a box's label, as a part of the treemap: 1.2rem of 36rem.
const LABEL: f64 = 1.2 / 36.0;
/// Narrower than this a box has no text: none of it could be read.
const LEAST_WIDTH: f64 = 0.015;
/// Narrower than this a box is not drawn.
const INVISIBLE: f64 = 0.0005;
/// Height of a row of the flame graph in rem.
const ROW: f64 = 1.3;
/// Rows of each table.
const ROWS: usize = 20;

/// The report as a page.
#[must_use]
pub fn render(report: &HeapReport) -> String {
    let mut out = String::new();
    let title = esc(&format!("Heap of {}", report.source));
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{OWN_STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
    );
    facts(&mut out, report);
    out.push_str("</header>\n<main>\n");
    findings(&mut out, report);
    picture(
        &mut out,
        "What would go with what",
        "Each object is in the box without which it would be freed. Areas are bytes. What is told of a box shows on touch.",
        |out| boxes(out, &report.owned),
    );
    picture(
        &mut out,
        "Where references lead",
        "Each object is where the shortest way from a module or frame leads to it, below what refers to it. Widths are bytes.",
        |out| rows(out, &report.references),
    );
    names(&mut out, "What module-level names keep alive", &report.by_name);
    types(&mut out, report);
    names(&mut out, "Objects that keep most alive", &report.top);
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(out, "</main>\n<footer>pyinquest {version}</footer>\n</body>\n</html>");
    out
}

fn facts(out: &mut String, report: &HeapReport) {
    let rows = [
        ("Objects", format!("{}, {}", thousands(report.objects), size(report.bytes))),
        ("From roots", format!("{}, {}", thousands(report.reached), size(report.reached_bytes))),
        ("Tracked by gc", thousands(report.tracked)),
        ("Complete", super::text::how_complete(&report.coverage)),
    ];
    out.push_str("<dl>\n");
    for (label, fact) in rows {
        let _ = writeln!(out, "<dt>{label}</dt><dd>{}</dd>", esc(&fact));
    }
    out.push_str("</dl>\n");
    for diagnostic in report.diagnostics.iter().filter(|d| d.severity > Severity::Note) {
        let _ = writeln!(out, "<p class=\"doubt\">{}</p>", esc(&diagnostic.message));
    }
}

fn findings(out: &mut String, report: &HeapReport) {
    if report.findings.is_empty() {
        out.push_str("<section><p>Nothing stands out.</p></section>\n");
    }
    for finding in &report.findings {
        let _ = writeln!(
            out,
            "<section class=\"finding likely\">\n<h2>{} <small>{}</small></h2>\n<ul>",
            esc(&finding.title),
            id(finding)
        );
        if let Some(object) = &finding.object {
            let way = finding.path.as_deref().unwrap_or("no root leads to it");
            let _ = writeln!(out, "<li>{}: {} {}</li>", esc(way), esc(&object.type_name), object.addr);
        }
        for evidence in &finding.evidence {
            let _ = writeln!(out, "<li>{}</li>", esc(evidence));
        }
        let _ = writeln!(out, "</ul>\n<p>next: <code>{}</code></p>\n</section>", esc(&finding.next));
    }
}

fn picture(out: &mut String, title: &str, what: &str, draw: impl FnOnce(&mut String)) {
    let _ = writeln!(out, "<section>\n<h2>{title}</h2>\n<p><small>{what}</small></p>");
    draw(out);
    out.push_str("</section>\n");
}

fn boxes(out: &mut String, tree: &HeapTree) {
    let placed = treemap(tree, LABEL);
    if placed.is_empty() {
        out.push_str("<p>No root leads to anything.</p>\n");
        return;
    }
    out.push_str("<div class=\"treemap\">\n");
    for at in placed.iter().filter(|at| at.rect.w > INVISIBLE && at.rect.h > INVISIBLE) {
        let place = format!("top:{:.3}%;height:{:.3}%", at.rect.y * 100.0, at.rect.h * 100.0);
        one(out, tree, at, &place);
    }
    out.push_str("</div>\n");
}

fn rows(out: &mut String, tree: &HeapTree) {
    let placed: Vec<Placed> = flame(tree).into_iter().filter(|at| at.rect.w > INVISIBLE).collect();
    let depth = placed.last().map_or(0, |at| at.depth);
    let _ = writeln!(out, "<div class=\"flame\" style=\"height:{:.1}rem\">", f64::from(depth.saturating_add(1)) * ROW);
    for at in &placed {
        one(out, tree, at, &format!("top:{:.1}rem", f64::from(at.depth) * ROW));
    }
    out.push_str("</div>\n");
}

/// One box with its text, and what is told of it.
fn one(out: &mut String, tree: &HeapTree, at: &Placed, place: &str) {
    let Some(node) = tree.nodes.get(at.node) else { return };
    let whole = tree.nodes.first().map_or(1, |whole| whole.bytes).max(1);
    let share = node.bytes as f64 / whole as f64 * 100.0;
    let mut told = format!("{}: {}, {share:.1} %, {} objects", node.name, size(node.bytes), thousands(node.objects));
    if let Some(example) = &node.example {
        let _ = write!(told, ", one is {example}");
    }
    let text =
        if at.rect.w < LEAST_WIDTH { String::new() } else { esc(&format!("{} {}", node.name, size(node.bytes))) };
    let _ = writeln!(
        out,
        "<b tabindex=\"0\" title=\"{}\" style=\"left:{:.3}%;width:{:.3}%;{place};background:{}\">{text}</b>",
        esc(&told),
        at.rect.x * 100.0,
        at.rect.w * 100.0,
        colour(&node.name, at.depth),
    );
}

/// The same colour for the same name, lighter at each level.
fn colour(name: &str, depth: u32) -> String {
    let hash = name.bytes().fold(2_166_136_261u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    let light = 70u32.saturating_add(depth.saturating_mul(4)).min(88);
    format!("hsl({},55%,{light}%)", hash % 360)
}

fn names(out: &mut String, title: &str, rows: &[HeapRetained]) {
    let _ = writeln!(
        out,
        "<section>\n<h2>{title}</h2>\n<div class=\"wide\"><table>\n\
         <tr><th class=\"n\">keeps alive</th><th class=\"n\">of reached</th><th>path</th><th>type</th></tr>"
    );
    for row in rows.iter().take(ROWS) {
        let path = if row.path.is_empty() { row.object.addr.to_string() } else { esc(&row.path) };
        let _ = writeln!(
            out,
            "<tr><td class=\"n\">{}</td><td class=\"n\">{:.1} %</td><td class=\"path\">{path}</td><td>{}</td></tr>",
            size(row.retained),
            row.share * 100.0,
            esc(&row.object.type_name)
        );
    }
    out.push_str("</table></div>\n</section>\n");
}

fn types(out: &mut String, report: &HeapReport) {
    out.push_str(
        "<section>\n<h2>Types: what their objects keep alive</h2>\n<div class=\"wide\"><table>\n\
         <tr><th class=\"n\">keep alive</th><th class=\"n\">of reached</th><th class=\"n\">objects</th><th>type</th></tr>\n",
    );
    let row = |bytes: u64, share: f64, objects: u64, name: &str| {
        format!(
            "<tr><td class=\"n\">{}</td><td class=\"n\">{:.1} %</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
            size(bytes),
            share * 100.0,
            thousands(objects),
            esc(name)
        )
    };
    for of in report.by_type.iter().take(ROWS) {
        out.push_str(&row(of.retained, of.share, of.objects, &of.name));
    }
    out.push_str(
        "</table></div>\n</section>\n<section>\n<h2>Types: their own bytes</h2>\n<div class=\"wide\"><table>\n\
         <tr><th class=\"n\">bytes</th><th class=\"n\">of all</th><th class=\"n\">objects</th><th>type</th></tr>\n",
    );
    for of in report.types.iter().take(ROWS) {
        out.push_str(&row(of.bytes, of.share, of.objects, &of.name));
    }
    out.push_str("</table></div>\n</section>\n");
}
