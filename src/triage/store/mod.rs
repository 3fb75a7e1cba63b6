//! The memory of crashes: which defects were seen, when, where, and what people decided about them.
//!
//! [`Store::record`] is one transaction that excludes other writers, so that jobs that run at the same time each see
//! what the others have written, and none of it is lost. Counting the same dump twice is prevented by its fingerprint.

mod database;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod schema;
mod session;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::known_as;

use super::model::Group;
use database::Database;
use serde::{Deserialize, Serialize};
use session::Session;
use std::collections::BTreeMap;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    #[error("triage database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    #[error("triage database: {}", postgres_text(.0))]
    Postgres(#[from] ::postgres::Error),
    /// A kind of database that this build leaves out.
    #[error("this build of pyinquest has no {0} (cargo feature `{feature}`)", feature = .0.to_lowercase())]
    NotBuiltIn(&'static str),
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

#[cfg(feature = "postgres")]
/// The server's words; the crate's own text is only "db error".
fn postgres_text(error: &::postgres::Error) -> String {
    let source = std::error::Error::source(error).map(|s| format!(": {s}")).unwrap_or_default();
    format!("{error}{source}")
}

/// What people decided about an issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
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
#[derive(Debug)]
pub struct Store(Box<dyn Database>);

/// Opens a store: a URL that begins with `postgres://` or `postgresql://`, else a file for SQLite (created if absent).
///
/// # Errors
/// When it cannot be opened or is of a newer format.
pub fn open(place: &str) -> Result<Store, StoreError> {
    let database = match place.starts_with("postgres://") || place.starts_with("postgresql://") {
        true => server(place)?,
        false => file(place)?,
    };
    let mut store = Store(database);
    store.transact(|mut session| session.prepare())?;
    Ok(store)
}

#[cfg(feature = "postgres")]
fn server(url: &str) -> Result<Box<dyn Database>, StoreError> {
    Ok(Box::new(postgres::Postgres::open(url)?))
}

#[cfg(not(feature = "postgres"))]
fn server(_: &str) -> Result<Box<dyn Database>, StoreError> {
    Err(StoreError::NotBuiltIn("Postgres"))
}

#[cfg(feature = "sqlite")]
fn file(path: &str) -> Result<Box<dyn Database>, StoreError> {
    Ok(Box::new(sqlite::Sqlite::open(std::path::Path::new(path))?))
}

#[cfg(not(feature = "sqlite"))]
fn file(_: &str) -> Result<Box<dyn Database>, StoreError> {
    Err(StoreError::NotBuiltIn("SQLite"))
}

impl Store {
    fn transact<T>(&mut self, work: impl FnOnce(Session<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let (mut work, mut out) = (Some(work), None);
        self.0.transact(&mut |queries| {
            out = work.take().map(|work| work(Session(queries))).transpose()?;
            Ok(())
        })?;
        out.ok_or_else(|| StoreError::Damaged("the transaction was not run".to_owned()))
    }

    /// Records groups and sets their [`Group::state`], [`Group::issue`], notes and first and last time. `sightings`
    /// are the dumps of each group, in the order of the groups.
    ///
    /// # Errors
    /// When the database fails; nothing is recorded then.
    pub fn record(
        &mut self,
        groups: &mut [Group],
        sightings: &[Vec<Sighting>],
        labels: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        self.transact(|mut session| {
            let mut pairs = groups.iter_mut().zip(sightings);
            pairs.try_for_each(|(group, seen)| record::record(&mut session, group, seen, labels))
        })
    }

    /// All issues, the latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn issues(&mut self) -> Result<Vec<Issue>, StoreError> {
        self.transact(|mut session| session.issues())
    }

    /// Changes an issue's status and adds a note.
    ///
    /// # Errors
    /// When the database fails or has no such issue.
    pub fn mark(&mut self, id: i64, status: Option<Status>, note: Option<&str>, now: &str) -> Result<(), StoreError> {
        self.transact(|mut session| {
            session.issue(id)?;
            status.map_or(Ok(()), |status| session.set_status(id, status))?;
            note.map_or(Ok(()), |note| session.add_note(id, now, note))
        })
    }
}
