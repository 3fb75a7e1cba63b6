//! Windows.

pub mod exceptions;
pub mod streams;
