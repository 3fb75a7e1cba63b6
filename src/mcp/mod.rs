//! What agents talk to: the Model Context Protocol over standard input and output.
//!
//! A host like the others: it opens dumps below the directories that it was given, carries out commands of the table and
//! shows their answers by pages. Nothing is written and nothing is run. What comes out of a dump is data of strangers, and
//! is handed on as such: escaped, each line marked, apart from our own words.

mod pages;
mod quote;
mod roots;
mod server;
mod session;
mod tools;

pub use roots::{RootError, Roots};
pub use server::serve;
