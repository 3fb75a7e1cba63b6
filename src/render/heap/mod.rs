//! Answers about the heap of a process: text, JSON, and the report as Markdown and HTML.

mod diff_text;
pub mod html;
pub mod json;
pub mod markdown;
mod report_text;
mod text;
mod treemap;

pub use text::render;
pub(super) use text::{head, more, one, types, value};
