//! A store that a fleet shares.

use super::schema::{self, sql};
use super::sqlite::{parse, text};
use super::{Group, Issue, Session, Sighting, Status, Store, StoreError, memory, record_group};
use crate::triage::signature::Signature;
use ::postgres::{Client, NoTls, Transaction};
use std::collections::BTreeMap;

/// Key of the advisory lock that writers hold until their transaction ends ("pyinqst" as a number).
const LOCK: &str = "SELECT pg_advisory_xact_lock(31657095812150132)";

/// PostgreSQL. Connections are not encrypted by this program: use a Unix socket, a private network or a tunnel.
pub struct PostgresStore {
    client: Client,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects, and creates the tables if they are not there.
    ///
    /// # Errors
    /// When that fails or the tables are of a newer format.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let mut client = Client::connect(url, NoTls)?;
        // "already exists, skipping" is no news.
        client.batch_execute("SET client_min_messages = warning")?;
        let mut transaction = client.transaction()?;
        transaction.batch_execute(LOCK)?;
        transaction.batch_execute(schema::TABLES)?;
        match transaction.query_opt(sql::GET_VERSION, &[])?.map(|row| row.try_get::<_, i64>(0)).transpose()? {
            None => {
                transaction.execute(sql::SET_VERSION, &[&schema::VERSION])?;
            }
            Some(version) if version > schema::VERSION => return Err(StoreError::Newer(version)),
            Some(_) => {}
        }
        transaction.commit()?;
        Ok(PostgresStore { client })
    }

    fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        let mut transaction = self.client.transaction()?;
        transaction.batch_execute(LOCK)?;
        Ok(transaction)
    }
}

impl Store for PostgresStore {
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
        let mut transaction = self.client.transaction()?;
        let rows = transaction.query(sql::ALL, &[])?;
        rows.iter().map(|row| transaction.issue(row.try_get(0)?)).collect()
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
        Ok(self.query_opt(sql::BY_EXACT, &[&exact])?.map(|row| row.try_get(0)).transpose()?)
    }

    fn by_coarse(&mut self, coarse: &str) -> Result<Vec<(i64, Signature)>, StoreError> {
        let rows = self.query(sql::BY_COARSE, &[&coarse])?;
        rows.iter().map(|row| Ok((row.try_get(0)?, parse(row.try_get(1)?)?))).collect()
    }

    fn insert(&mut self, group: &Group) -> Result<i64, StoreError> {
        let id: i64 = self.query_one(sql::NEXT, &[])?.try_get(0)?;
        self.execute(sql::INSERT, &[&id, &group.title, &group.class, &group.owner, &group.severity.class])?;
        Ok(id)
    }

    fn add_signature(&mut self, issue: i64, signature: &Signature) -> Result<(), StoreError> {
        let (key, body) = (memory::exact_key(signature), text(signature)?);
        self.execute(sql::ADD_SIGNATURE, &[&issue, &key, &signature.coarse, &body])?;
        Ok(())
    }

    fn add_sighting(&mut self, issue: i64, sighting: &Sighting) -> Result<bool, StoreError> {
        Ok(self.execute(sql::ADD_SIGHTING, &[&sighting.fingerprint, &issue, &sighting.seen])? > 0)
    }

    fn add_labels(&mut self, issue: i64, label: &str, count: i64) -> Result<(), StoreError> {
        self.execute(sql::ADD_LABEL, &[&issue, &label, &count])?;
        Ok(())
    }

    fn touch(&mut self, issue: i64, count: i64, first: Option<&str>, last: Option<&str>) -> Result<(), StoreError> {
        self.execute(sql::TOUCH, &[&count, &first, &last, &issue])?;
        Ok(())
    }

    fn set_status(&mut self, issue: i64, status: Status) -> Result<u64, StoreError> {
        Ok(self.execute(sql::SET_STATUS, &[&status.word(), &issue])?)
    }

    fn add_note(&mut self, issue: i64, at: &str, text: &str) -> Result<(), StoreError> {
        self.execute(sql::ADD_NOTE, &[&issue, &at, &text])?;
        Ok(())
    }

    fn issue(&mut self, id: i64) -> Result<Issue, StoreError> {
        let row = self.query_opt(sql::ISSUE, &[&id])?.ok_or(StoreError::NoIssue(id))?;
        let labels = self.query(sql::LABELS, &[&id])?;
        let notes = self.query(sql::NOTES, &[&id])?;
        Ok(Issue {
            id,
            title: row.try_get(0)?,
            status: Status::parse(row.try_get(1)?)?,
            first_seen: row.try_get(2)?,
            last_seen: row.try_get(3)?,
            count: row.try_get(4)?,
            labels: labels
                .iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                .collect::<Result<_, ::postgres::Error>>()?,
            notes: notes.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?,
        })
    }
}
