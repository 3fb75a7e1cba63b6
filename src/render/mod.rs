//! Renderers: one file a format, each of which sees the model only.

mod carets;
pub mod faulthandler;
mod faulthandler_styles;
pub mod heap;
pub mod html;
pub mod info;
pub mod json;
pub mod markdown;
pub mod palette;
mod recursion;
pub mod redact;
pub mod select;
pub mod text;
mod wording;
