//! What a store asks of a database: so little that everything else is written once.

use super::StoreError;

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Int(i64),
    Text(Option<&'a str>),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Value::Text(text)
    }
}

/// What stands in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(String),
}

/// A row of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Row(pub(super) Vec<Cell>);

impl Row {
    pub(super) fn int(&self, at: usize) -> Result<i64, StoreError> {
        match self.0.get(at) {
            Some(Cell::Int(number)) => Ok(*number),
            other => Err(unexpected("a number", other)),
        }
    }

    pub(super) fn text(&self, at: usize) -> Result<String, StoreError> {
        self.optional_text(at)?.ok_or_else(|| unexpected("text", Some(&Cell::Null)))
    }

    pub(super) fn optional_text(&self, at: usize) -> Result<Option<String>, StoreError> {
        match self.0.get(at) {
            Some(Cell::Text(text)) => Ok(Some(text.clone())),
            Some(Cell::Null) => Ok(None),
            other => Err(unexpected("text", other)),
        }
    }
}

fn unexpected(wanted: &str, found: Option<&Cell>) -> StoreError {
    StoreError::Damaged(format!("{wanted} was expected where {found:?} is"))
}

/// A transaction under way.
pub(super) trait Queries {
    /// Runs several statements without parameters.
    fn batch(&mut self, statements: &str) -> Result<(), StoreError>;
    /// Runs a statement and tells how many rows it has changed.
    fn execute(&mut self, statement: &str, values: &[Value<'_>]) -> Result<u64, StoreError>;
    /// Asks.
    fn query(&mut self, question: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError>;
}

/// What is done in a transaction.
pub(super) type Work<'w> = &'w mut dyn FnMut(&mut dyn Queries) -> Result<(), StoreError>;

/// A database.
pub(super) trait Database: std::fmt::Debug {
    /// Does the work in one transaction that keeps other writers out from its start; an error undoes it.
    fn transact(&mut self, work: Work<'_>) -> Result<(), StoreError>;
}
