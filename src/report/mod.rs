//! The report: ONE model, and a renderer per format that sees the model only.

pub mod model;
pub mod redact;
