//! Many dumps in, few distinct crashes out.
//!
//! A dump becomes a [`record::Row`] (signature, severity, a [`Report`](crate::model::Report) fit to be shared);
//! rows become groups; groups meet the memory of earlier runs and go to the outputs. Signatures and groups rest on the
//! report model alone. `docs/triage.md` is the description for users.

pub mod baseline;
pub mod cause;
pub mod group;
pub mod input;
pub mod model;
pub mod normalize;
pub mod outputs;
pub mod pool;
pub mod read_dump;
pub mod record;
pub mod recursion;
pub mod rules;
#[cfg(target_os = "linux")]
pub mod run_command;
pub mod severity;
pub mod signature;
pub mod similarity;
pub mod store;
pub mod tokens;
