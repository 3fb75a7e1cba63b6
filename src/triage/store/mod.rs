//! The memory of crashes: which defects were seen, when, where, and what people decided about them.
//!
//! [`Store::record`] is one transaction that excludes other writers, so that jobs that run at the same time each see
//! what the others have written, and none of it is lost. Counting the same dump twice is prevented by its fingerprint.

mod memory;
mod postgres;
mod schema;
mod sqlite;

pub use memory::known_as;
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;

use super::model::{Group, State};
use super::signature::Signature;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite.
    #[error("triage database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL.
    #[error("triage database: {}", postgres_text(.0))]
    Postgres(#[from] ::postgres::Error),
    /// Written by a newer program.
    #[error("the triage database has format {0}; this pyinquest knows format {known} and older ones", known = schema::VERSION)]
    Newer(i64),
    /// What was stored is not understood.
    #[error("the triage database is damaged: {0}")]
    Damaged(String),
    /// No such issue.
    #[error("there is no issue {0} in the triage database")]
    NoIssue(i64),
}

/// The server's words; the crate's own text is only "db error".
fn postgres_text(error: &::postgres::Error) -> String {
    let source = std::error::Error::source(error).map(|s| format!(": {s}")).unwrap_or_default();
    format!("{error}{source}")
}

/// What people decided about an issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing yet.
    #[default]
    Open,
    /// Fixed: when it shows again it is a regression.
    Fixed,
    /// Not wanted in results.
    Ignored,
}

impl Status {
    /// The word in the database.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Fixed => "fixed",
            Status::Ignored => "ignored",
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "open" => Ok(Status::Open),
            "fixed" => Ok(Status::Fixed),
            "ignored" => Ok(Status::Ignored),
            other => Err(StoreError::Damaged(format!("status {other:?}"))),
        }
    }
}

/// A defect in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Number.
    pub id: i64,
    /// Title when it was first seen.
    pub title: String,
    /// What people decided.
    pub status: Status,
    /// Earliest and latest dump, RFC 3339.
    pub first_seen: Option<String>,
    /// Latest dump.
    pub last_seen: Option<String>,
    /// Dumps.
    pub count: i64,
    /// Dumps for each label, `branch=main`.
    pub labels: BTreeMap<String, i64>,
    /// Notes, oldest first.
    pub notes: Vec<String>,
}

/// A group with what is recorded of its dumps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Fingerprint of the dump.
    pub fingerprint: String,
    /// When it was written.
    pub seen: Option<String>,
}

/// Where issues are kept.
pub trait Store {
    /// Records groups and sets their [`Group::state`], [`Group::issue`], notes and first and last time. `sightings`
    /// are the dumps of each group, in the order of the groups.
    ///
    /// # Errors
    /// When the database fails; nothing is recorded then.
    fn record(
        &mut self,
        groups: &mut [Group],
        sightings: &[Vec<Sighting>],
        labels: &BTreeMap<String, String>,
    ) -> Result<(), StoreError>;

    /// All issues, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    fn issues(&mut self) -> Result<Vec<Issue>, StoreError>;

    /// Changes an issue's status and adds a note.
    ///
    /// # Errors
    /// When the database fails or has no such issue.
    fn mark(&mut self, id: i64, status: Option<Status>, note: Option<&str>, now: &str) -> Result<(), StoreError>;
}

/// Opens a store: a URL that begins with `postgres://` or `postgresql://`, else a file for SQLite (created if absent).
///
/// # Errors
/// When it cannot be opened or is of a newer format.
pub fn open(place: &str) -> Result<Box<dyn Store>, StoreError> {
    match place.starts_with("postgres://") || place.starts_with("postgresql://") {
        true => Ok(Box::new(PostgresStore::open(place)?)),
        false => Ok(Box::new(SqliteStore::open(std::path::Path::new(place))?)),
    }
}

/// The few questions and orders that both databases answer inside a transaction.
trait Session {
    fn by_exact(&mut self, exact: &str) -> Result<Option<i64>, StoreError>;
    fn by_coarse(&mut self, coarse: &str) -> Result<Vec<(i64, Signature)>, StoreError>;
    fn insert(&mut self, group: &Group) -> Result<i64, StoreError>;
    fn add_signature(&mut self, issue: i64, signature: &Signature) -> Result<(), StoreError>;
    /// Whether the dump was not known.
    fn add_sighting(&mut self, issue: i64, sighting: &Sighting) -> Result<bool, StoreError>;
    fn add_labels(&mut self, issue: i64, label: &str, count: i64) -> Result<(), StoreError>;
    /// Adds to the count and widens the times.
    fn touch(&mut self, issue: i64, count: i64, first: Option<&str>, last: Option<&str>) -> Result<(), StoreError>;
    fn set_status(&mut self, issue: i64, status: Status) -> Result<u64, StoreError>;
    fn add_note(&mut self, issue: i64, at: &str, text: &str) -> Result<(), StoreError>;
    fn issue(&mut self, id: i64) -> Result<Issue, StoreError>;
}

/// Records one group: finds its issue by exact signature, else by a coarse one that nothing contradicts.
fn record_group(
    session: &mut dyn Session,
    group: &mut Group,
    sightings: &[Sighting],
    labels: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let found = find(session, group)?;
    let issue = match found {
        Some(id) => id,
        None => session.insert(group)?,
    };
    for signature in &group.signatures {
        session.add_signature(issue, signature)?;
    }
    let mut fresh = 0_i64;
    let (mut first, mut last): (Option<&str>, Option<&str>) = (None, None);
    for sighting in sightings {
        if session.add_sighting(issue, sighting)? {
            fresh = fresh.saturating_add(1);
            if let Some(seen) = sighting.seen.as_deref() {
                first = Some(first.map_or(seen, |f| f.min(seen)));
                last = Some(last.map_or(seen, |l| l.max(seen)));
            }
        }
    }
    session.touch(issue, fresh, first, last)?;
    if fresh > 0 {
        for (key, value) in labels {
            session.add_labels(issue, &format!("{key}={value}"), fresh)?;
        }
    }
    let stored = session.issue(issue)?;
    let state = match (found, stored.status) {
        (None, _) => State::New,
        (Some(_), Status::Ignored) => State::Ignored,
        // Looking again at dumps from before the fix is no regression.
        (Some(_), Status::Fixed) if fresh > 0 => State::Regressed,
        (Some(_), _) => State::Known,
    };
    if state == State::Regressed {
        session.set_status(issue, Status::Open)?;
        let last = last.unwrap_or("an unknown time");
        session.add_note(issue, last, &format!("is back: a dump of {last}"))?;
    }
    let stored = session.issue(issue)?;
    group.state = Some(state);
    group.issue = Some(issue);
    group.first_seen = stored.first_seen;
    group.last_seen = stored.last_seen;
    group.notes = stored.notes;
    Ok(())
}

fn find(session: &mut dyn Session, group: &Group) -> Result<Option<i64>, StoreError> {
    let mut best: Option<i64> = None;
    for signature in &group.signatures {
        if let Some(id) = session.by_exact(&memory::exact_key(signature))? {
            best = Some(best.map_or(id, |b| b.min(id)));
        }
    }
    if best.is_some() {
        return Ok(best);
    }
    let mut known: BTreeMap<i64, Vec<Signature>> = BTreeMap::new();
    for signature in &group.signatures {
        for (id, stored) in session.by_coarse(&signature.coarse)? {
            known.entry(id).or_default().push(stored);
        }
    }
    Ok(known.into_iter().find(|(_, stored)| known_as(stored, &group.signatures)).map(|(id, _)| id))
}
