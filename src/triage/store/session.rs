//! The questions and orders of a store, each in one place for all databases.

use super::database::{Queries, Row};
use super::schema::{self, sql};
use super::{Group, Issue, Sighting, Status, StoreError, memory};
use crate::triage::signature::Signature;

/// A transaction with the words of triage.
pub(super) struct Session<'q>(pub(super) &'q mut dyn Queries);

impl Session<'_> {
    /// Creates the tables where they are missing.
    pub(super) fn prepare(&mut self) -> Result<(), StoreError> {
        self.0.batch(schema::TABLES)?;
        match self.first(sql::GET_VERSION, &[])?.map(|row| row.int(0)).transpose()? {
            None => self.0.execute(sql::SET_VERSION, &[schema::VERSION.into()]).map(drop),
            Some(version) if version > schema::VERSION => Err(StoreError::Newer(version)),
            Some(_) => Ok(()),
        }
    }

    fn first(&mut self, question: &str, values: &[super::database::Value<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.0.query(question, values)?.into_iter().next())
    }

    pub(super) fn by_exact(&mut self, exact: &str) -> Result<Option<i64>, StoreError> {
        self.first(sql::BY_EXACT, &[exact.into()])?.map(|row| row.int(0)).transpose()
    }

    pub(super) fn by_coarse(&mut self, coarse: &str) -> Result<Vec<(i64, Signature)>, StoreError> {
        let rows = self.0.query(sql::BY_COARSE, &[coarse.into()])?;
        let one = |row: Row| {
            let signature = serde_json::from_str(&row.text(1)?).map_err(|e| StoreError::Damaged(e.to_string()))?;
            Ok((row.int(0)?, signature))
        };
        rows.into_iter().map(one).collect()
    }

    pub(super) fn insert(&mut self, group: &Group) -> Result<i64, StoreError> {
        let next = self.first(sql::NEXT, &[])?.unwrap_or_default().int(0)?;
        let (title, class) = (group.title.as_str(), group.class.as_str());
        let (owner, severity) = (group.owner.as_deref(), group.severity.class.as_str());
        let values = [next.into(), title.into(), class.into(), owner.into(), severity.into()];
        self.0.execute(sql::INSERT, &values)?;
        Ok(next)
    }

    pub(super) fn add_signature(&mut self, issue: i64, signature: &Signature) -> Result<(), StoreError> {
        let body = serde_json::to_string(signature).map_err(|e| StoreError::Damaged(e.to_string()))?;
        let (exact, coarse) = (memory::exact_key(signature), signature.coarse.as_str());
        let values = [issue.into(), exact.as_str().into(), coarse.into(), body.as_str().into()];
        self.0.execute(sql::ADD_SIGNATURE, &values).map(drop)
    }

    /// Whether the dump was not known.
    pub(super) fn add_sighting(&mut self, issue: i64, sighting: &Sighting) -> Result<bool, StoreError> {
        let values = [sighting.fingerprint.as_str().into(), issue.into(), sighting.seen.as_deref().into()];
        Ok(self.0.execute(sql::ADD_SIGHTING, &values)? > 0)
    }

    pub(super) fn add_label(&mut self, issue: i64, label: &str, count: i64) -> Result<(), StoreError> {
        self.0.execute(sql::ADD_LABEL, &[issue.into(), label.into(), count.into()]).map(drop)
    }

    /// Adds to the count and widens the times.
    pub(super) fn touch(
        &mut self,
        issue: i64,
        count: i64,
        first: Option<&str>,
        last: Option<&str>,
    ) -> Result<(), StoreError> {
        self.0.execute(sql::TOUCH, &[count.into(), first.into(), last.into(), issue.into()]).map(drop)
    }

    pub(super) fn set_status(&mut self, issue: i64, status: Status) -> Result<(), StoreError> {
        self.0.execute(sql::SET_STATUS, &[status.word().into(), issue.into()]).map(drop)
    }

    pub(super) fn add_note(&mut self, issue: i64, at: &str, text: &str) -> Result<(), StoreError> {
        self.0.execute(sql::ADD_NOTE, &[issue.into(), at.into(), text.into()]).map(drop)
    }

    pub(super) fn issue(&mut self, id: i64) -> Result<Issue, StoreError> {
        let row = self.first(sql::ISSUE, &[id.into()])?.ok_or(StoreError::NoIssue(id))?;
        let labels = self.0.query(sql::LABELS, &[id.into()])?;
        let notes = self.0.query(sql::NOTES, &[id.into()])?;
        Ok(Issue {
            id,
            title: row.text(0)?,
            status: Status::parse(&row.text(1)?)?,
            first_seen: row.optional_text(2)?,
            last_seen: row.optional_text(3)?,
            count: row.int(4)?,
            labels: labels.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect::<Result<_, StoreError>>()?,
            notes: notes.iter().map(|row| row.text(0)).collect::<Result<_, StoreError>>()?,
        })
    }

    pub(super) fn issues(&mut self) -> Result<Vec<Issue>, StoreError> {
        let rows = self.0.query(sql::ALL, &[])?;
        rows.iter().map(|row| self.issue(row.int(0)?)).collect()
    }
}
