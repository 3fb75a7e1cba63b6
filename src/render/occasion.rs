//! [`Occasion`]: what other systems want to know of an event besides the report.

use std::time::SystemTime;

/// What the report does not tell of its crash.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// 32 hexadecimal digits; the same for the same dump, so that what gets it twice can tell.
    pub event_id: String,
    /// When the process died, as far as known: when its dump was written.
    pub time: Option<SystemTime>,
    /// Now, RFC 3339 in UTC.
    pub sent: String,
    /// Where an envelope is to go.
    pub dsn: Option<String>,
}
