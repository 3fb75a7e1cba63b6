//! Many dumps in, few distinct crashes out.
//!
//! A dump becomes a [`row::Row`] (signature, severity, a [`Report`](crate::report::model::Report) fit to be shared);
//! rows become groups; groups meet the memory of earlier runs and go to the outputs. Signatures and groups rest on the
//! report model alone. `docs/triage.md` is the description for users.

pub mod cause;
pub mod fold;
pub mod frames;
pub mod group;
pub mod model;
pub mod names;
pub mod row;
pub mod rules;
pub mod severity;
pub mod signature;
pub mod similarity;
