//! Greenlets as text.

use super::Page;
use crate::base::{Addr, counted, thousands as grouped};
use crate::model::GreenletState;
use crate::model::tasks::Greenlet;
use crate::render::palette::paint;
use crate::render::wording::{safe, safe_short};
use std::collections::HashMap;

/// What greenlets that are shown together have in common.
type Key<'k> = (&'k str, GreenletState, Option<u32>, Option<Addr>, Option<u64>, bool, Option<&'k str>);

impl Page<'_> {
    /// Greenlets, those that stand alike together.
    pub(super) fn greenlets(&self, out: &mut String) {
        let all = &self.tasks.greenlets;
        if all.is_empty() {
            return;
        }
        let of = |state| all.iter().filter(|one| one.state == state).count() as u64;
        let states = [
            (GreenletState::Running, "running"),
            (GreenletState::Suspended, "suspended"),
            (GreenletState::NotStarted, "not begun"),
            (GreenletState::Finished, "ended"),
        ];
        let told = states.iter().filter(|(state, _)| of(*state) > 0);
        let told: Vec<String> = told.map(|(state, word)| format!("{} {word}", grouped(of(*state)))).collect();
        self.section(out, &format!("{}: {}", counted(all.len(), "greenlet"), told.join(", ")));
        let key = |one| -> Key<'_> {
            let one: &Greenlet = one;
            let parent = one.parent.filter(|_| !self.options.flat);
            let run = one.run.as_deref();
            (&one.type_name, one.state, one.stack, parent, one.thread, one.is_hub || one.is_main, run)
        };
        let mut places: HashMap<Key<'_>, usize> = HashMap::new();
        let mut groups: Vec<Vec<&Greenlet>> = Vec::new();
        for one in all.iter().filter(|one| one.state != GreenletState::Finished || self.options.verbose) {
            let next = groups.len();
            let place = if self.options.flat { next } else { *places.entry(key(one)).or_insert(next) };
            match groups.get_mut(place) {
                Some(group) => group.push(one),
                None => groups.push(vec![one]),
            }
        }
        for group in groups.iter().take(self.limit()) {
            self.greenlet(out, group);
        }
        self.rest(out, groups.len(), "", "");
    }

    fn greenlet(&self, out: &mut String, group: &[&Greenlet]) {
        let Some(first) = group.first() else { return };
        let palette = &self.options.palette;
        let (count, at) = match group.len() {
            1 => (String::new(), format!(" at {}", first.addr)),
            n => (format!("{} x ", grouped(n as u64)), String::new()),
        };
        let name = paint(palette.function, &safe_short(&first.type_name, super::MAX_NAME));
        let mut text = format!("{count}{name}{at}");
        if first.is_hub {
            text.push_str(", the hub");
        }
        if first.is_main {
            text.push_str(", with which its thread began");
        }
        let thread = first.thread.map(|tid| format!(" thread {tid}")).unwrap_or_default();
        text.push_str(&match first.state {
            GreenletState::Running if first.thread.is_some() => paint(palette.mark, &format!(", runs in{thread}")),
            GreenletState::Running => paint(palette.mark, ", runs"),
            GreenletState::Finished => ", has ended".to_owned(),
            GreenletState::NotStarted => match &first.run {
                Some(run) => format!(", has not begun {}", safe_short(run, super::MAX_NAME)),
                None => ", has not begun".to_owned(),
            },
            _ if first.thread.is_some() => format!(", suspended in{thread}"),
            _ => ", suspended".to_owned(),
        });
        if let Some(parent) = first.parent {
            text.push_str(&paint(palette.dim, &format!(", parent {parent}")));
        }
        out.push_str(&format!("{text}\n"));
        let alone = group.len() == 1;
        self.frames_with(out, first.stack, "    ", |index| first.locals.get(index).filter(|_| alone));
        if first.state == GreenletState::Suspended && first.stack.is_none() {
            out.push_str(&format!("    {}\n", paint(palette.dim, "no Python frames: it is in native code alone")));
        }
        for problem in group.iter().filter_map(|one| one.problem.as_ref()).take(1) {
            out.push_str(&format!("    {}\n", paint(palette.warning, &format!("<{}>", safe(problem)))));
        }
    }
}
