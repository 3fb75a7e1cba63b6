//! Answers about the heap as JSON, and their schema.

use crate::model::heap::HeapAnswer;

/// The answer as JSON.
///
/// # Errors
/// Only if it cannot be JSON.
pub fn render(answer: &HeapAnswer) -> serde_json::Result<String> {
    serde_json::to_string_pretty(answer).map(|text| text + "\n")
}

/// JSON Schema of all answers.
///
/// # Errors
/// Only if the schema cannot be JSON.
#[cfg(feature = "schema")]
pub fn schema() -> serde_json::Result<String> {
    let mut schema = schemars::schema_for!(HeapAnswer);
    schema.insert("title".to_owned(), "pyinquest heap".into());
    serde_json::to_string_pretty(&schema).map(|text| text + "\n")
}
