//! A store in a file.

use super::StoreError;
use super::database::{Cell, Database, Queries, Row, Value, Work};
use crate::sys::files;
use rusqlite::types::{Value as Bound, ValueRef};
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};
use std::path::Path;
use std::time::Duration;

/// How long a writer waits for others.
const PATIENCE: Duration = Duration::from_secs(60);

/// SQLite, built in.
#[derive(Debug)]
pub(super) struct Sqlite(Connection);

impl Sqlite {
    /// Opens or creates the file.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // Rows hold what dumps hold: a new file is ours alone, and SQLite gives its helper files the same rights.
        let _ = files::private(std::fs::OpenOptions::new().write(true).create_new(true)).open(path);
        let connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(Sqlite(connection))
    }
}

impl Database for Sqlite {
    fn transact(&mut self, work: Work<'_>) -> Result<(), StoreError> {
        // One that begins by reading could not become a writer once another has written.
        let mut transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        work(&mut transaction)?;
        Ok(transaction.commit()?)
    }
}

impl Queries for Transaction<'_> {
    fn batch(&mut self, statements: &str) -> Result<(), StoreError> {
        Ok(self.execute_batch(statements)?)
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let changed = self.prepare_cached(statement)?.execute(params_from_iter(values.iter().map(bound)))?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn query(&mut self, question: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.prepare_cached(question)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values.iter().map(bound)))?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let cells = (0..columns).map(|at| cell(row.get_ref(at)?)).collect::<Result<_, StoreError>>()?;
            out.push(Row(cells));
        }
        Ok(out)
    }
}

fn bound(value: &Value<'_>) -> Bound {
    match value {
        Value::Int(number) => Bound::Integer(*number),
        Value::Text(text) => text.map_or(Bound::Null, |text| Bound::Text(text.to_owned())),
    }
}

fn cell(value: ValueRef<'_>) -> Result<Cell, StoreError> {
    match value {
        ValueRef::Null => Ok(Cell::Null),
        ValueRef::Integer(number) => Ok(Cell::Int(number)),
        ValueRef::Text(text) => Ok(Cell::Text(String::from_utf8_lossy(text).into_owned())),
        other => Err(StoreError::Damaged(format!("a value of type {}", other.data_type()))),
    }
}
