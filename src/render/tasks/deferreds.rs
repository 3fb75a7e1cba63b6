//! Deferreds of Twisted as text.

use super::{MAX_NAME, Page};
use crate::base::counted;
use crate::model::tasks::Deferred;
use crate::render::palette::paint;
use crate::render::wording::safe_short;

/// Callbacks of one that are shown.
const MAX_CALLBACKS: usize = 20;

impl Page<'_> {
    /// Deferreds with their callbacks.
    pub(super) fn deferreds(&self, out: &mut String) {
        let all = &self.tasks.deferreds;
        if all.is_empty() {
            return;
        }
        self.section(out, &format!("{} with callbacks", counted(all.len(), "Deferred")));
        for one in all.iter().take(self.limit()) {
            self.deferred(out, one);
        }
        self.rest(out, all.len(), "", "");
    }

    fn deferred(&self, out: &mut String, one: &Deferred) {
        let palette = &self.options.palette;
        let name = one.type_name.rsplit('.').next().unwrap_or(&one.type_name);
        let state = match (one.chained_to, one.paused, one.called) {
            (Some(other), ..) => format!("waits for the Deferred at {other}"),
            (None, true, _) => "is paused".to_owned(),
            (None, false, true) => "was called".to_owned(),
            (None, false, false) => "was not called".to_owned(),
        };
        let name = paint(palette.function, &safe_short(name, MAX_NAME));
        out.push_str(&format!("{name} at {} {state}\n", one.addr));
        for callback in one.callbacks.iter().take(MAX_CALLBACKS) {
            let text = match (&callback.callback, &callback.errback) {
                (Some(both), Some(errback)) if both == errback => safe_short(both, MAX_NAME),
                (Some(callback), Some(errback)) => {
                    format!("{}, of a failure {}", safe_short(callback, MAX_NAME), safe_short(errback, MAX_NAME))
                }
                (Some(callback), None) => safe_short(callback, MAX_NAME),
                (None, Some(errback)) => format!("of a failure {}", safe_short(errback, MAX_NAME)),
                (None, None) => continue,
            };
            out.push_str(&format!("    then {text}\n"));
            self.frames(out, callback.stack, "        ");
        }
        let rest = one.callbacks.len().saturating_sub(MAX_CALLBACKS);
        if rest > 0 {
            out.push_str(&format!("    and {rest} more\n"));
        }
    }
}
