//! Functions and source lines from a PDB, for a batch of addresses of one module.
//!
//! `pdb-addr2line` reads the symbols of those modules of the PDB that the addresses are in.

use super::dwarf::SourceFrame;
use crate::base::Addr;
use crate::target::code_names::NamedSymbol;
use pdb_addr2line::pdb::{PDB, Source, SourceSlice, SourceView};
use pdb_addr2line::{ContextPdbData, TypeFormatterFlags};
use std::io;

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
pub fn functions_at(pdb: &[u8], offsets: &[u64]) -> Result<Vec<InPdb>, String> {
    // The crate indexes without checks in places: on a damaged file it may panic (seen: pdb2 0.10, inlinee lines). It
    // gets a copy of everything and keeps nothing, so nothing is left half done.
    std::panic::catch_unwind(|| read(pdb, offsets))
        .map_err(|_| "its tables contradict each other".to_owned())?
        .map_err(|e| e.to_string())
}

fn read(pdb: &[u8], offsets: &[u64]) -> Result<Vec<InPdb>, pdb_addr2line::Error> {
    let data = ContextPdbData::try_from_pdb(PDB::open(Slices(pdb))?)?;
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

/// A PDB in memory, for the crate to copy pieces of.
#[derive(Debug)]
struct Slices<'a>(&'a [u8]);

#[derive(Debug)]
struct Copied(Vec<u8>);

impl SourceView<'_> for Copied {
    fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> Source<'a> for Slices<'a> {
    fn view(&mut self, slices: &[SourceSlice]) -> Result<Box<dyn SourceView<'a> + Send + Sync>, io::Error> {
        let damaged = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let mut out = Vec::new();
        for slice in slices {
            let start = usize::try_from(slice.offset).map_err(|_| damaged())?;
            let end = start.checked_add(slice.size).ok_or_else(damaged)?;
            let piece = self.0.get(start..end).ok_or_else(damaged)?;
            // No stream is larger than the file, whatever its page list says.
            if out.len().saturating_add(piece.len()) > self.0.len() {
                return Err(damaged());
            }
            out.extend_from_slice(piece);
        }
        Ok(Box::new(Copied(out)))
    }
}
