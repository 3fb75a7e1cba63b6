//! A store in a file.

use super::schema::{self, sql};
use super::{Group, Issue, Session, Sighting, Status, Store, StoreError, memory, record_group};
use crate::triage::signature::Signature;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// How long a writer waits for others.
const PATIENCE: Duration = Duration::from_secs(60);

/// SQLite, built in.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
}

impl SqliteStore {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// When that fails or the file is of a newer format.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::prepare(Connection::open(path)?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, StoreError> {
        connection.busy_timeout(PATIENCE)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(schema::TABLES)?;
        let version: Option<i64> = transaction.query_row(sql::GET_VERSION, [], |row| row.get(0)).optional()?;
        match version {
            None => {
                transaction.execute(sql::SET_VERSION, params![schema::VERSION])?;
            }
            Some(version) if version > schema::VERSION => return Err(StoreError::Newer(version)),
            Some(_) => {}
        }
        transaction.commit()?;
        Ok(SqliteStore { connection })
    }

    /// A transaction that keeps other writers out from its start: one that begins by reading could not become a
    /// writer once another has written.
    fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
    }
}

impl Store for SqliteStore {
    fn record(
        &mut self,
        groups: &mut [Group],
        sightings: &[Vec<Sighting>],
        labels: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin()?;
        for (group, seen) in groups.iter_mut().zip(sightings) {
            record_group(&mut transaction, group, seen, labels)?;
        }
        Ok(transaction.commit()?)
    }

    fn issues(&mut self) -> Result<Vec<Issue>, StoreError> {
        let mut transaction = self.connection.transaction()?;
        let ids: Vec<i64> =
            transaction.prepare(sql::ALL)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        ids.into_iter().map(|id| transaction.issue(id)).collect()
    }

    fn mark(&mut self, id: i64, status: Option<Status>, note: Option<&str>, now: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin()?;
        transaction.issue(id)?;
        if let Some(status) = status {
            transaction.set_status(id, status)?;
        }
        if let Some(note) = note {
            transaction.add_note(id, now, note)?;
        }
        Ok(transaction.commit()?)
    }
}

impl Session for Transaction<'_> {
    fn by_exact(&mut self, exact: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.query_row(sql::BY_EXACT, params![exact], |row| row.get(0)).optional()?)
    }

    fn by_coarse(&mut self, coarse: &str) -> Result<Vec<(i64, Signature)>, StoreError> {
        let mut statement = self.prepare_cached(sql::BY_COARSE)?;
        let rows = statement.query_map(params![coarse], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| row.map_err(StoreError::from).and_then(|(id, body)| Ok((id, parse(&body)?)))).collect()
    }

    fn insert(&mut self, group: &Group) -> Result<i64, StoreError> {
        let id: i64 = self.query_row(sql::NEXT, [], |row| row.get(0))?;
        self.execute(sql::INSERT, params![id, group.title, group.class, group.owner, group.severity.class])?;
        Ok(id)
    }

    fn add_signature(&mut self, issue: i64, signature: &Signature) -> Result<(), StoreError> {
        let body = text(signature)?;
        self.execute(sql::ADD_SIGNATURE, params![issue, memory::exact_key(signature), signature.coarse, body])?;
        Ok(())
    }

    fn add_sighting(&mut self, issue: i64, sighting: &Sighting) -> Result<bool, StoreError> {
        Ok(self.execute(sql::ADD_SIGHTING, params![sighting.fingerprint, issue, sighting.seen])? > 0)
    }

    fn add_labels(&mut self, issue: i64, label: &str, count: i64) -> Result<(), StoreError> {
        self.execute(sql::ADD_LABEL, params![issue, label, count])?;
        Ok(())
    }

    fn touch(&mut self, issue: i64, count: i64, first: Option<&str>, last: Option<&str>) -> Result<(), StoreError> {
        self.execute(sql::TOUCH, params![count, first, last, issue])?;
        Ok(())
    }

    fn set_status(&mut self, issue: i64, status: Status) -> Result<u64, StoreError> {
        let changed = self.execute(sql::SET_STATUS, params![status.word(), issue])?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn add_note(&mut self, issue: i64, at: &str, text: &str) -> Result<(), StoreError> {
        self.execute(sql::ADD_NOTE, params![issue, at, text])?;
        Ok(())
    }

    fn issue(&mut self, id: i64) -> Result<Issue, StoreError> {
        let row = self.query_row(sql::ISSUE, params![id], |row| {
            let status: String = row.get(1)?;
            let issue = Issue {
                id,
                title: row.get(0)?,
                first_seen: row.get(2)?,
                last_seen: row.get(3)?,
                count: row.get(4)?,
                ..Issue::default()
            };
            Ok((issue, status))
        });
        let (mut issue, status) = row.optional()?.ok_or(StoreError::NoIssue(id))?;
        issue.status = Status::parse(&status)?;
        let mut labels = self.prepare_cached(sql::LABELS)?;
        issue.labels =
            labels.query_map(params![id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let mut notes = self.prepare_cached(sql::NOTES)?;
        issue.notes = notes.query_map(params![id], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(issue)
    }
}

pub(super) fn text(signature: &Signature) -> Result<String, StoreError> {
    serde_json::to_string(signature).map_err(|e| StoreError::Damaged(e.to_string()))
}

pub(super) fn parse(body: &str) -> Result<Signature, StoreError> {
    serde_json::from_str(body).map_err(|e| StoreError::Damaged(e.to_string()))
}
