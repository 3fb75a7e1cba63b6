//! What is suspended and belongs to no task, and what is wrong with tasks, as text.

use super::Page;
use crate::base::{counted, thousands as grouped};
use crate::model::tasks::Suspended;
use crate::model::{SuspendedKind, SuspendedState};
use crate::render::palette::paint;
use crate::render::wording::{safe, safe_short};
use std::collections::HashMap;

/// Holders of equal ones that are named.
const MAX_HOLDERS: usize = 3;
/// Longest path to one.
const MAX_PATH: usize = 200;
/// Lines of evidence of a finding.
const MAX_EVIDENCE: usize = 12;

impl Page<'_> {
    /// Generators and coroutines of no task, equal ones together.
    pub(super) fn suspended(&self, out: &mut String) {
        let all = &self.tasks.suspended;
        if all.is_empty() {
            return;
        }
        type Key<'k> = (SuspendedKind, Option<String>, SuspendedState, Option<u32>, Option<&'k str>);
        let mut places: HashMap<Key<'_>, usize> = HashMap::new();
        let mut groups: Vec<Vec<&Suspended>> = Vec::new();
        for one in all {
            let name = one.name.as_ref().map(ToString::to_string);
            let on = one.waits_for.as_ref().map(|object| object.type_name.as_str());
            let place = *places.entry((one.kind, name, one.state, one.stack, on)).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len().saturating_sub(1)
            });
            if let Some(group) = groups.get_mut(place) {
                group.push(one);
            }
        }
        let of = |kind| all.iter().filter(|one| one.kind == kind).count() as u64;
        let counts: Vec<String> = [
            (SuspendedKind::Generator, "generator"),
            (SuspendedKind::Coroutine, "coroutine"),
            (SuspendedKind::AsyncGenerator, "asynchronous generator"),
        ]
        .into_iter()
        .filter(|(kind, _)| of(*kind) > 0)
        .map(|(kind, noun)| counted(of(kind), noun))
        .collect();
        self.section(out, &format!("Suspended, of no task: {}", counts.join(", ")));
        for group in groups.iter().take(self.limit()) {
            self.group(out, group);
        }
        self.rest(out, groups.len(), " kind", " kinds");
    }

    fn group(&self, out: &mut String, group: &[&Suspended]) {
        let Some(first) = group.first() else { return };
        let palette = &self.options.palette;
        let several = group.len() > 1;
        let kind = match first.kind {
            SuspendedKind::Coroutine => "coroutine",
            SuspendedKind::AsyncGenerator => "asynchronous generator",
            _ => "generator",
        };
        let name = first.name.as_ref().map_or_else(|| "?".to_owned(), |name| safe_short(name, super::MAX_NAME));
        let count = if several { format!("{} x ", grouped(group.len() as u64)) } else { String::new() };
        let state = match (first.state, &first.waits_for) {
            (SuspendedState::NotStarted, _) => ", not begun".to_owned(),
            (SuspendedState::Suspended, _) => ", at a yield".to_owned(),
            (_, Some(on)) if several => format!(", on a {}", safe(&on.type_name)),
            (_, Some(on)) => format!(", on the {} at {}", safe(&on.type_name), on.addr),
            _ => String::new(),
        };
        out.push_str(&format!("{count}{kind} {}{state}", paint(palette.function, &name)));
        if self.options.verbose && !several {
            out.push_str(&paint(palette.dim, &format!("  [{}]", first.addr)));
        }
        out.push('\n');
        for one in group.iter().take(MAX_HOLDERS) {
            let text = match (&one.path, &one.holder) {
                (Some(path), _) => format!("held by {}", safe_short(path, MAX_PATH)),
                (None, Some(holder)) => format!("held by the {} at {}", safe(&holder.type_name), holder.addr),
                (None, None) => "no way leads to it from a module or thread".to_owned(),
            };
            out.push_str(&format!("    {}\n", paint(palette.dim, &text)));
        }
        let more = group.len().saturating_sub(MAX_HOLDERS);
        if more > 0 {
            out.push_str(&format!("    {}\n", paint(palette.dim, &format!("and {} more", grouped(more as u64)))));
        }
        self.frames(out, first.stack, "    ");
        for problem in group.iter().filter_map(|one| one.problem.as_ref()).take(1) {
            out.push_str(&format!("    {}\n", paint(palette.warning, &format!("<{}>", safe(problem)))));
        }
    }

    /// What is wrong with tasks.
    pub(super) fn findings(&self, out: &mut String) {
        let palette = &self.options.palette;
        for finding in &self.tasks.findings {
            out.push_str(&format!("\n{}\n", paint(palette.bad, &safe(&finding.title))));
            for line in finding.evidence.iter().take(MAX_EVIDENCE) {
                out.push_str(&format!("    {}\n", safe(line)));
            }
            if let Some(advice) = &finding.advice {
                out.push_str(&format!("    {}\n", paint(palette.dim, &safe(advice))));
            }
        }
    }
}
