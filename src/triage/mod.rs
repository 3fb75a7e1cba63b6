//! Many dumps in, few distinct crashes out.
//!
//! A dump becomes a [`row::Row`] (signature, severity, a [`Report`](crate::model::Report) fit to be shared);
//! rows become groups; groups meet the memory of earlier runs and go to the outputs. Signatures and groups rest on the
//! report model alone. `docs/triage.md` is the description for users.

pub mod baseline;
pub mod cause;
pub mod collect;
pub mod fold;
pub mod frames;
pub mod group;
pub mod input;
pub mod map;
pub mod model;
pub mod names;
pub mod outputs;
pub mod pool;
pub mod row;
pub mod rules;
pub mod severity;
pub mod signature;
pub mod similarity;
pub mod store;
