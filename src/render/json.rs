//! JSON and its schema.

use crate::model::Report;

/// The report as indented JSON with a line end.
///
/// # Errors
/// When a value cannot be written as JSON; with this model there is none, so an error is a fault of ours.
pub fn render(report: &Report) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// The JSON Schema (draft 2020-12) of a report, with a line end.
///
/// # Errors
/// As [`render`].
#[cfg(feature = "schema")]
pub fn schema() -> serde_json::Result<String> {
    let mut schema = schemars::schema_for!(Report);
    schema.insert("title".to_owned(), "pyinquest report".into());
    let mut text = serde_json::to_string_pretty(&schema)?;
    text.push('\n');
    Ok(text)
}
