//! Source lines and inlined functions from DWARF, for a batch of addresses of one module.
//!
//! A batch, because then everything may borrow from the mapped files and nothing outlives the call. addr2line sees
//! only the units that hold one of the addresses, where that can be told (`units`).

use super::aranges::units_at;
use super::arena::Arena;
use super::demangle;
use super::unwind_row::endian_of;
use crate::base::Abi;
use crate::debuggee::ByteSource;
pub use crate::debuggee::recorded_symbols::SourceFrame;
use addr2line::{Context, LookupContinuation, LookupResult, SplitDwarfLoad};
use gimli::{DwarfFileType, DwarfPackageSections, DwarfSections, EndianSlice, RunTimeEndian, SectionId};
use rayon::prelude::*;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Inlined functions at one address that are listed.
const MAX_INLINES: usize = 64;
/// Files of split DWARF that one batch opens.
const MAX_DWO: usize = 256;

/// Bytes of a section, kept alive by whatever they came from.
pub type SectionData = Arc<dyn ByteSource>;

/// Where the DWARF of one module is.
pub trait DwarfSource: Sync {
    /// A section of the file with DWARF, decompressed; empty when absent.
    fn section(&self, name: &str) -> SectionData;
    /// A section of the file that dwz split off; `None` when there is no such file.
    fn supplementary(&self, name: &str) -> Option<SectionData>;
    /// A section of a file of split DWARF at this path of the build machine.
    fn split(&self, path: &Path, name: &str) -> Option<SectionData>;
    /// A section of the package of split DWARF that belongs to the module.
    fn package(&self, name: &str) -> Option<SectionData>;
}

type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

/// Sections that lines and inlined functions need; the others (types, locations) are the bulk of many files.
const NEEDED: &[SectionId] = &[
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugAranges,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
];

fn empty() -> SectionData {
    Arc::new(Vec::new())
}

/// Sections side by side: where they are compressed, unfolding them is most of the work.
fn load(get: impl Fn(&str) -> Option<SectionData> + Sync, dwo: bool) -> DwarfSections<SectionData> {
    let name = |id: SectionId| if dwo { id.dwo_name() } else { Some(id.name()) };
    let found: Vec<(SectionId, SectionData)> =
        NEEDED.par_iter().filter_map(|id| Some((*id, get(name(*id)?)?))).collect();
    let one = |id: SectionId| -> Result<SectionData, Infallible> {
        let section = found.iter().find(|(known, _)| *known == id);
        Ok(section.map_or_else(empty, |(_, data)| Arc::clone(data)))
    };
    match DwarfSections::load(one) {
        Ok(sections) => sections,
        Err(never) => match never {},
    }
}

/// Functions at addresses.
#[derive(Debug)]
pub struct Functions {
    /// For each address the functions there, innermost first; empty where no unit knows it.
    pub at: Vec<Vec<SourceFrame>>,
    /// Whether files of split DWARF were asked for, which may be there at another time.
    pub split: bool,
}

/// The functions at addresses of the file (not of the process).
///
/// # Errors
/// gimli's, when the sections are damaged beyond the unit headers.
pub fn functions_at(source: &dyn DwarfSource, abi: &Abi, addrs: &[u64]) -> Result<Functions, gimli::Error> {
    let endian = endian_of(abi);
    let main = load(|name| Some(source.section(name)), false);
    let sup = source.supplementary(".debug_str").map(|_| load(|name| source.supplementary(name), false));
    let split = Split {
        source,
        endian,
        files: Arena::default(),
        count: Cell::new(0),
        asked: Cell::new(false),
        package: OnceCell::new(),
    };
    let borrow = || main.borrow_with_sup(sup.as_ref(), |data| EndianSlice::new(data.bytes(), endian));
    let dwarf = borrow();
    // A file that dwz made refers to others everywhere.
    let (info, abbreviations) = (source.section(".debug_info"), source.section(".debug_abbrev"));
    let units = match sup {
        Some(_) => vec![None; addrs.len()],
        None => units_at(&dwarf, EndianSlice::new(abbreviations.bytes(), endian), addrs),
    };
    let mut at = vec![Vec::new(); addrs.len()];
    let mut open: Vec<usize> = Vec::new();
    let mut by_unit: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
    for (index, unit) in units.into_iter().enumerate() {
        match unit {
            Some(unit) => by_unit.entry(unit.start).or_insert_with(|| (unit.end, Vec::new())).1.push(index),
            None => open.push(index),
        }
    }
    for (start, (end, indexes)) in by_unit {
        let Some(bytes) = info.bytes().get(start..end) else {
            open.extend(indexes);
            continue;
        };
        let mut alone = borrow();
        alone.debug_info = gimli::DebugInfo::new(bytes, endian);
        alone.debug_aranges = gimli::DebugAranges::new(&[], endian);
        look_up(&Context::from_dwarf(alone)?, &indexes, addrs, &split, &mut at);
    }
    if !open.is_empty() {
        look_up(&Context::from_dwarf(dwarf)?, &open, addrs, &split, &mut at);
    }
    Ok(Functions { at, split: split.asked.get() })
}

/// Looks up the addresses of these indexes.
fn look_up<'a>(
    context: &Context<Slice<'a>>,
    indexes: &[usize],
    addrs: &[u64],
    split: &'a Split<'_>,
    at: &mut [Vec<SourceFrame>],
) {
    for index in indexes {
        if let (Some(addr), Some(place)) = (addrs.get(*index), at.get_mut(*index)) {
            *place = frames(context, *addr, split).unwrap_or_default();
        }
    }
}

fn frames<'a>(context: &Context<Slice<'a>>, addr: u64, split: &'a Split<'_>) -> Result<Vec<SourceFrame>, gimli::Error> {
    let mut lookup = context.find_frames(addr);
    let mut iter = loop {
        match lookup {
            LookupResult::Output(result) => break result?,
            LookupResult::Load { load, continuation } => lookup = continuation.resume(split.load(&load)),
        }
    };
    let mut out = Vec::new();
    while let Some(frame) = iter.next()? {
        let location = frame.location;
        out.push(SourceFrame {
            function: frame.function.and_then(|f| {
                let name = f.demangle().ok()?;
                Some(demangle::python(&name).unwrap_or_else(|| demangle::without_numba_tags(name.into_owned())))
            }),
            file: location.as_ref().and_then(|l| l.file).map(str::to_owned),
            line: location.as_ref().and_then(|l| l.line).filter(|line| *line != 0),
            column: location.as_ref().and_then(|l| l.column).filter(|column| *column != 0),
        });
        if out.len() >= MAX_INLINES {
            break;
        }
    }
    Ok(out)
}

/// Files of split DWARF, opened when an address falls into one of their units.
struct Split<'s> {
    source: &'s dyn DwarfSource,
    endian: RunTimeEndian,
    files: Arena<DwarfSections<SectionData>>,
    count: Cell<usize>,
    asked: Cell<bool>,
    package: OnceCell<Option<DwarfPackageSections<SectionData>>>,
}

fn package(source: &dyn DwarfSource) -> Option<DwarfPackageSections<SectionData>> {
    source.package(".debug_cu_index")?;
    DwarfPackageSections::load(|id: SectionId| -> Result<SectionData, gimli::Error> {
        Ok(id.dwo_name().and_then(|name| source.package(name)).unwrap_or_else(empty))
    })
    .ok()
}

impl<'s> Split<'s> {
    fn load<'a>(&'a self, load: &SplitDwarfLoad<Slice<'a>>) -> Option<Arc<gimli::Dwarf<Slice<'a>>>> {
        self.asked.set(true);
        let endian = self.endian;
        if let Some(sections) = self.package.get_or_init(|| package(self.source)) {
            let package =
                sections.borrow(|data| EndianSlice::new(data.bytes(), endian), EndianSlice::new(&[], endian)).ok()?;
            if let Ok(Some(dwarf)) = package.find_cu(load.dwo_id, &load.parent) {
                return Some(Arc::new(dwarf));
            }
        }
        if self.count.get() >= MAX_DWO {
            return None;
        }
        self.count.set(self.count.get().saturating_add(1));
        let text = |r: Option<Slice<'a>>| r.map(|r| PathBuf::from(r.to_string_lossy().into_owned()));
        let path = text(load.comp_dir).unwrap_or_default().join(text(load.path)?);
        self.source.split(&path, ".debug_info.dwo")?;
        let sections = self.files.add(self::load(|name| self.source.split(&path, name), true));
        let mut dwarf = sections.borrow(|data| EndianSlice::new(data.bytes(), endian));
        dwarf.file_type = DwarfFileType::Dwo;
        dwarf.make_dwo(&load.parent);
        Some(Arc::new(dwarf))
    }
}
