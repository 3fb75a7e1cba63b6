//! Workflow commands of GitHub Actions: a mark at the line in the source for each distinct crash. GitHub shows ten
//! errors and ten warnings of a step.

use super::{headline, python_place, relative};
use crate::base::{counted, escape_terminal};
use crate::triage::model::{State, Triage};
use std::fmt::Write as _;

/// The lines.
#[must_use]
pub fn render(triage: &Triage) -> String {
    let mut out = String::new();
    for group in &triage.groups {
        let level = match group.state {
            Some(State::Ignored) => continue,
            Some(State::Known) => "warning",
            _ => "error",
        };
        let place = python_place(group)
            .map(|(file, line)| format!("file={},line={line},", property(&relative(&file))))
            .unwrap_or_default();
        let state = group.state.map(|s| format!("{} crash", s.word())).unwrap_or_else(|| "crash".to_owned());
        let count = counted(group.count, "dump");
        let text = format!("{} ({count}, signature {})", group.title, group.id);
        let _ = writeln!(out, "::{level} {place}title={}::{}", property(&state), data(&text));
    }
    for broken in &triage.broken {
        let text = format!("{}: {}", broken.dump, broken.error);
        let _ = writeln!(out, "::warning title={}::{}", property("dump not read"), data(&text));
    }
    let _ = writeln!(out, "::notice title=pyinquest::{}", data(&headline(triage)));
    out
}

/// Escapes of the runner's own toolkit: `%`, CR and LF in text; `:` and `,` in properties as well.
fn data(text: &str) -> String {
    escape_terminal(text).replace('%', "%25")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_ends_the_command() {
        assert_eq!(data("a%\nb::c"), "a%25\\x0ab::c");
        assert_eq!(property("C:\\x,y"), "C%3A\\x%2Cy");
    }
}
