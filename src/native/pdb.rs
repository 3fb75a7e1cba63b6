//! Functions and source lines from a PDB, for a batch of addresses of one module.
//!
//! `pdb-addr2line` reads the symbols of those modules of the PDB that the addresses are in.

use super::dwarf::SourceFrame;
use crate::base::Addr;
use crate::debuggee::recorded_symbols::NamedSymbol;
#[cfg(feature = "pdb")]
use crate::image::pdb_source::{PdbBytes, guarded};
#[cfg(feature = "pdb")]
use pdb_addr2line::pdb::PDB;
#[cfg(feature = "pdb")]
use pdb_addr2line::{ContextPdbData, TypeFormatterFlags};

/// What a PDB says of one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InPdb {
    /// The function that has the stack frame; addresses are offsets from the image base.
    pub symbol: Option<NamedSymbol>,
    /// Functions there: inlined ones first.
    pub functions: Vec<SourceFrame>,
}

/// What a PDB says of code at these offsets from the image base.
///
/// # Errors
/// What is wrong with the PDB.
#[cfg(feature = "pdb")]
pub fn functions_at(pdb: &[u8], offsets: &[u64]) -> Result<Vec<InPdb>, String> {
    guarded(|| read(pdb, offsets))
}

/// What a PDB says, in a build that reads none.
///
/// # Errors
/// Always.
#[cfg(not(feature = "pdb"))]
pub fn functions_at(_: &[u8], _: &[u64]) -> Result<Vec<InPdb>, String> {
    Err("this build of pyinquest reads no PDB (cargo feature `pdb`)".to_owned())
}

#[cfg(feature = "pdb")]
fn read(pdb: &[u8], offsets: &[u64]) -> Result<Vec<InPdb>, pdb_addr2line::Error> {
    let data = ContextPdbData::try_from_pdb(PDB::open(PdbBytes(pdb))?)?;
    let flags = TypeFormatterFlags::NO_FUNCTION_RETURN | TypeFormatterFlags::NO_ARGUMENTS;
    let context = data.make_context_with_formatter_flags(flags)?;
    offsets
        .iter()
        .map(|offset| {
            let Ok(rva) = u32::try_from(*offset) else { return Ok(InPdb::default()) };
            let Some(found) = context.find_frames(rva)? else { return Ok(InPdb::default()) };
            let frame = |f: &pdb_addr2line::Frame<'_>| SourceFrame {
                function: f.function.clone(),
                file: f.file.as_ref().map(|f| f.clone().into_owned()),
                line: f.line,
                column: None,
            };
            let functions: Vec<SourceFrame> = found.frames.iter().map(frame).collect();
            let size = found.end_rva.map_or(0, |end| u64::from(end.saturating_sub(found.start_rva)));
            let name = functions.last().and_then(|f| f.function.clone());
            let symbol = name.map(|name| NamedSymbol { name, start: Addr(u64::from(found.start_rva)), size });
            // A public symbol alone has neither file nor line: it is no more than a name.
            let told = functions.iter().any(|f| f.line.is_some());
            Ok(InPdb { symbol, functions: if told { functions } else { Vec::new() } })
        })
        .collect()
}
