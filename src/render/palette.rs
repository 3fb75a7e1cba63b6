//! Colours of text output, decided once and handed down.

use anstyle::{AnsiColor, Style};

/// A style for each role. The plain palette writes no escape sequence at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    /// Headings.
    pub heading: Style,
    /// The cause of death, errors.
    pub bad: Style,
    /// Warnings.
    pub warning: Style,
    /// The marker of the innermost frame and the carets below source lines.
    pub mark: Style,
    /// Function names.
    pub function: Style,
    /// Names of variables.
    pub variable: Style,
    /// What can be skipped when reading.
    pub dim: Style,
}

impl Palette {
    /// No colours.
    #[must_use]
    pub fn plain() -> Self {
        Palette::default()
    }

    /// The 16 colours every terminal has, readable on light and dark.
    #[must_use]
    pub fn colored() -> Self {
        let color = |c: AnsiColor| Style::new().fg_color(Some(c.into()));
        Palette {
            heading: Style::new().bold(),
            bad: color(AnsiColor::Red).bold(),
            warning: color(AnsiColor::Yellow),
            mark: color(AnsiColor::Red).bold(),
            function: color(AnsiColor::Cyan),
            variable: color(AnsiColor::Green),
            dim: Style::new().dimmed(),
        }
    }
}

/// `text` in `style`. The text must be escaped already.
#[must_use]
pub fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
