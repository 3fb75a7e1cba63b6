//! Renderers: one file a format, each of which sees the model only; of answers of commands also whose manner to keep to.

pub mod address;
pub mod answers;
mod carets;
mod collections;
pub mod faulthandler;
mod faulthandler_styles;
mod groups;
pub mod hang;
pub mod heap;
pub mod heap_audit;
pub mod heap_check;
pub mod html;
pub mod info;
pub mod json;
pub mod markdown;
pub mod memory;
pub mod occasion;
pub mod otel;
pub mod palette;
mod process_facts;
mod recursion;
pub mod redact;
pub mod select;
pub mod sentry;
mod shorten;
pub mod tasks;
pub mod text;
mod wording;

pub(crate) use wording::{doubt, doubts, interpreter_mark, sureness, thread_label};
