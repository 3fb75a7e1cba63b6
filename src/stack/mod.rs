//! One stack per thread: Python frames and native frames merged.

pub mod merge;
pub mod plumbing;
