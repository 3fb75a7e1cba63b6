//! One stack per thread: Python frames and native frames merged.

pub mod analysis;
pub mod compiled;
pub mod hidden_frames;
pub mod merge;
pub mod methods;
mod native_stack;
pub mod report_frames;
pub mod source;
mod zip_member;

pub use native_stack::{NativeStack, frame_size, frame_words, native_stacks};
