//! [`CodeNames`]: what only files told about code addresses, kept for those who do not have these files.

use crate::base::Addr;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A function, inlined or not, at a line of source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceFrame {
    /// Function, demangled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Source file as the compiler named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// A symbol of a module's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSymbol {
    /// Name as it stands in the symbol table.
    pub name: String,
    /// Address of its first byte in the process.
    pub start: Addr,
    /// Size in bytes; 0 when the symbol does not tell.
    pub size: u64,
}

/// What files told of one code address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeName {
    /// The symbol it lies in, when the process's memory does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<NamedSymbol>,
    /// Functions there by debug information: inlined ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<SourceFrame>,
    /// File that it was taken from.
    pub from: String,
}

/// Code addresses of which files told something.
#[derive(Default)]
pub struct CodeNames {
    known: BTreeMap<Addr, CodeName>,
    recorded: Mutex<BTreeMap<Addr, CodeName>>,
}

impl fmt::Debug for CodeNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeNames({} known)", self.known.len())
    }
}

impl CodeNames {
    /// Those that a slim dump brings along.
    #[must_use]
    pub fn new(known: BTreeMap<Addr, CodeName>) -> Self {
        CodeNames { known, recorded: Mutex::default() }
    }

    /// What the dump brings along for `addr`.
    #[must_use]
    pub fn at(&self, addr: Addr) -> Option<&CodeName> {
        self.known.get(&addr)
    }

    /// All that the dump brings along.
    pub fn known(&self) -> impl Iterator<Item = &CodeName> {
        self.known.values()
    }

    /// Remembers what a file told of `addr`.
    pub fn record(&self, addr: Addr, name: CodeName) {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).insert(addr, name);
    }

    /// What was remembered.
    #[must_use]
    pub fn recorded(&self) -> BTreeMap<Addr, CodeName> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
