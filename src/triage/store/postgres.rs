//! A store that a fleet shares.

use super::StoreError;
use super::database::{Cell, Database, Queries, Row, Value, Work};
use ::postgres::types::{ToSql, Type};
use ::postgres::{Client, NoTls, Transaction};

/// Key of the advisory lock that writers hold until their transaction ends ("pyinqst" as a number).
const LOCK: &str = "SELECT pg_advisory_xact_lock(31657095812150132)";

/// PostgreSQL. Connections are not encrypted by this program: use a Unix socket, a private network or a tunnel.
pub(super) struct Postgres(Client);

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects.
    pub(super) fn open(url: &str) -> Result<Self, StoreError> {
        let mut client = Client::connect(url, NoTls)?;
        // "already exists, skipping" is no news.
        client.batch_execute("SET client_min_messages = warning")?;
        Ok(Postgres(client))
    }
}

impl Database for Postgres {
    fn transact(&mut self, work: Work<'_>) -> Result<(), StoreError> {
        let mut transaction = self.0.transaction()?;
        transaction.batch_execute(LOCK)?;
        work(&mut transaction)?;
        Ok(transaction.commit()?)
    }
}

impl Queries for Transaction<'_> {
    fn batch(&mut self, statements: &str) -> Result<(), StoreError> {
        Ok(self.batch_execute(statements)?)
    }

    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        Ok(Transaction::execute(self, statement, &bound(values))?)
    }

    fn query(&mut self, question: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        let rows = Transaction::query(self, question, &bound(values))?;
        rows.iter().map(|row| (0..row.len()).map(|at| cell(row, at)).collect::<Result<_, _>>().map(Row)).collect()
    }
}

fn bound<'v>(values: &'v [Value<'_>]) -> Vec<&'v (dyn ToSql + Sync)> {
    let one = |value: &'v Value<'_>| -> &'v (dyn ToSql + Sync) {
        match value {
            Value::Int(number) => number,
            Value::Text(text) => text,
        }
    };
    values.iter().map(one).collect()
}

fn cell(row: &::postgres::Row, at: usize) -> Result<Cell, StoreError> {
    let kind = row.columns().get(at).map(::postgres::Column::type_);
    Ok(match kind {
        Some(&Type::INT8) => row.try_get::<_, Option<i64>>(at)?.map_or(Cell::Null, Cell::Int),
        _ => row.try_get::<_, Option<String>>(at)?.map_or(Cell::Null, Cell::Text),
    })
}
