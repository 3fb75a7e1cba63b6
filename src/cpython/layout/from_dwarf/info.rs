//! DWARF units of one file and its supplement, and safe steps between their entries.

use super::DwarfError;
use crate::base::Budget;
use crate::image::decompress::unfold;
use gimli::{AttributeValue, EndianSlice, RunTimeEndian, SectionId, UnitOffset, constants as dw};
use object::{Object as _, ObjectSection as _};
use std::borrow::Cow;
use std::sync::Arc;

pub(super) type Reader<'a> = EndianSlice<'a, RunTimeEndian>;
type Entry<'a> = gimli::DebuggingInformationEntry<Reader<'a>>;

/// A decompressed section larger than this is refused: libpython's are well below 100 MB.
const MAX_SECTION: u64 = 1 << 30;
/// CPython has a few hundred units; an LTO build of a big embedder some ten thousand.
const MAX_UNITS: usize = 200_000;
/// Entries visited per lookup session, all files together.
const MAX_ENTRIES: u64 = 50_000_000;
/// Typedefs and qualifiers between a member and its struct.
const MAX_TYPE_HOPS: usize = 32;
/// Anonymous structs and unions inside each other.
const MAX_ANONYMOUS: u8 = 16;

/// The DWARF sections of one file.
#[derive(Debug)]
pub(super) struct Sections<'a> {
    sections: gimli::DwarfSections<Cow<'a, [u8]>>,
    endian: RunTimeEndian,
}

impl<'a> Sections<'a> {
    /// The sections that hold types and names; others stay empty.
    pub(super) fn load(file: &'a [u8]) -> Result<Self, DwarfError> {
        let object = object::File::parse(file).map_err(|e| DwarfError::Object(e.to_string()))?;
        let endian = if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let load = |id: SectionId| -> Result<Cow<'a, [u8]>, DwarfError> {
            if !matches!(
                id,
                SectionId::DebugInfo
                    | SectionId::DebugAbbrev
                    | SectionId::DebugStr
                    | SectionId::DebugLineStr
                    | SectionId::DebugStrOffsets
            ) {
                return Ok(Cow::Borrowed(&[]));
            }
            let Some(section) = object.section_by_name(id.name()) else { return Ok(Cow::Borrowed(&[])) };
            let data = section.compressed_data().map_err(|e| DwarfError::Object(e.to_string()))?;
            if data.uncompressed_size > MAX_SECTION {
                return Err(DwarfError::TooLarge { section: id.name(), size: data.uncompressed_size });
            }
            unfold(&data).ok_or_else(|| DwarfError::Object(format!("{} is damaged", id.name())))
        };
        Ok(Sections { sections: gimli::DwarfSections::load(load)?, endian })
    }

    fn dwarf(&self) -> gimli::Dwarf<Reader<'_>> {
        self.sections.borrow(|data| EndianSlice::new(data, self.endian))
    }
}

/// An entry: which file (0 main, 1 supplement), unit and offset in the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Die {
    file: usize,
    unit: usize,
    offset: UnitOffset,
}

/// A type that has a name, found at the top level of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamedType<'a> {
    pub(super) name: &'a [u8],
    pub(super) die: Die,
}

#[derive(Debug)]
struct File<'a> {
    dwarf: gimli::Dwarf<Reader<'a>>,
    units: Vec<Unit<'a>>,
    /// Offset of each unit in `.debug_info`, ascending.
    starts: Vec<usize>,
}

/// What is needed of a unit. `gimli::Unit` would want the line program too, which is large and compressed.
#[derive(Debug)]
struct Unit<'a> {
    header: gimli::UnitHeader<Reader<'a>>,
    abbreviations: Arc<gimli::Abbreviations>,
    str_offsets_base: gimli::DebugStrOffsetsBase,
}

impl<'a> Unit<'a> {
    fn new(dwarf: &gimli::Dwarf<Reader<'a>>, header: gimli::UnitHeader<Reader<'a>>) -> gimli::Result<Self> {
        let abbreviations = dwarf.abbreviations(&header)?;
        let default =
            gimli::DebugStrOffsetsBase::default_for_encoding_and_file(header.encoding(), gimli::DwarfFileType::Main);
        let root = header.entry(&abbreviations, header.root_offset())?;
        let str_offsets_base = match root.attr_value(dw::DW_AT_str_offsets_base) {
            Some(AttributeValue::DebugStrOffsetsBase(base)) => base,
            _ => default,
        };
        Ok(Unit { header, abbreviations, str_offsets_base })
    }
}

/// All units that can be reached from one file.
#[derive(Debug)]
pub(super) struct Info<'a> {
    files: Vec<File<'a>>,
    budget: Budget,
}

impl<'a> Info<'a> {
    pub(super) fn new(main: &'a Sections<'a>, supplement: Option<&'a Sections<'a>>) -> Result<Self, DwarfError> {
        let mut files = Vec::new();
        for (index, sections) in std::iter::once(main).chain(supplement).enumerate() {
            let mut dwarf = sections.dwarf();
            if let (0, Some(supplement)) = (index, supplement) {
                dwarf.set_sup(supplement.dwarf());
            }
            let (mut units, mut starts) = (Vec::new(), Vec::new());
            let mut headers = dwarf.units();
            // A damaged header ends the list; what came before it still counts.
            while let Ok(Some(header)) = headers.next() {
                if units.len() >= MAX_UNITS {
                    return Err(DwarfError::TooManyUnits);
                }
                let Some(start) = header.debug_info_offset() else { continue };
                if let Ok(unit) = Unit::new(&dwarf, header) {
                    units.push(unit);
                    starts.push(start.0);
                }
            }
            files.push(File { dwarf, units, starts });
        }
        Ok(Info { files, budget: Budget::new("DWARF entries", MAX_ENTRIES) })
    }

    /// Whether there is any unit at all.
    pub(super) fn is_empty(&self) -> bool {
        self.files.iter().all(|f| f.units.is_empty())
    }

    /// Calls `visit` for each complete struct or union and each typedef with a name, in file order, until it
    /// returns `false`. C declares types at the top level of a unit, so only that is walked.
    pub(super) fn for_each_named_type(&self, mut visit: impl FnMut(NamedType<'a>) -> bool) -> Result<(), DwarfError> {
        for (file_index, file) in self.files.iter().enumerate() {
            for (unit_index, unit) in file.units.iter().enumerate() {
                let mut cursor = unit.header.entries(&unit.abbreviations);
                // Root, then its first child. Damage ends this unit only.
                if !matches!(cursor.next_entry(), Ok(true)) || !matches!(cursor.next_entry(), Ok(true)) {
                    continue;
                }
                while let Some(entry) = cursor.current() {
                    self.budget.spend(1)?;
                    if is_named_type(entry)
                        && let Some(name) = self.name(file_index, unit_index, entry)
                        && !visit(NamedType {
                            name,
                            die: Die { file: file_index, unit: unit_index, offset: entry.offset() },
                        })
                    {
                        return Ok(());
                    }
                    if !matches!(cursor.next_sibling(), Ok(Some(_))) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// The complete struct or union behind typedefs and qualifiers.
    pub(super) fn aggregate(&self, mut die: Die) -> Option<Die> {
        for _ in 0..MAX_TYPE_HOPS {
            self.budget.spend(1).ok()?;
            let entry = self.entry(die)?;
            match entry.tag() {
                dw::DW_TAG_structure_type | dw::DW_TAG_union_type | dw::DW_TAG_class_type => {
                    return (!entry.has_attr(dw::DW_AT_declaration)).then_some(die);
                }
                dw::DW_TAG_typedef
                | dw::DW_TAG_const_type
                | dw::DW_TAG_volatile_type
                | dw::DW_TAG_restrict_type
                | dw::DW_TAG_atomic_type => die = self.type_of(die, &entry)?,
                _ => return None,
            }
        }
        None
    }

    /// `sizeof` of a struct or union in bytes.
    pub(super) fn size(&self, die: Die) -> Option<u64> {
        self.entry(die)?.attr_value(dw::DW_AT_byte_size)?.udata_value()
    }

    /// Offset of a member path ("imports.modules") from the start of the aggregate `die`.
    pub(super) fn path(&self, die: Die, path: &str) -> Option<u64> {
        let mut at = 0u64;
        let mut strukt = Some(die);
        for name in path.split('.') {
            let (offset, member_type) = self.member(strukt?, name.as_bytes(), 0)?;
            at = at.checked_add(offset)?;
            strukt = member_type.and_then(|t| self.aggregate(t));
        }
        Some(at)
    }

    /// Offset and type of a member, looked up through anonymous structs and unions as C does.
    fn member(&self, strukt: Die, name: &[u8], depth: u8) -> Option<(u64, Option<Die>)> {
        if depth > MAX_ANONYMOUS {
            return None;
        }
        let unit = self.files.get(strukt.file)?.units.get(strukt.unit)?;
        let mut cursor = unit.header.entries_at_offset(&unit.abbreviations, strukt.offset).ok()?;
        cursor.next_entry().ok()?;
        if !cursor.current()?.has_children() {
            return None;
        }
        cursor.next_entry().ok()?;
        while let Some(entry) = cursor.current() {
            self.budget.spend(1).ok()?;
            if entry.tag() == dw::DW_TAG_member {
                let found = match self.name(strukt.file, strukt.unit, entry) {
                    Some(member) if member == name => Some((0, self.type_of(strukt, entry))),
                    Some(_) => None,
                    None => self
                        .type_of(strukt, entry)
                        .and_then(|t| self.aggregate(t))
                        .and_then(|inner| self.member(inner, name, depth.saturating_add(1))),
                };
                if let Some((inner, member_type)) = found {
                    return Some((member_offset(unit, entry)?.checked_add(inner)?, member_type));
                }
            }
            cursor.next_sibling().ok()??;
        }
        None
    }

    fn entry(&self, die: Die) -> Option<Entry<'a>> {
        let unit = self.files.get(die.file)?.units.get(die.unit)?;
        unit.header.entry(&unit.abbreviations, die.offset).ok()
    }

    /// The entry that `DW_AT_type` of `entry` (which lies in the unit of `near`) refers to.
    fn type_of(&self, near: Die, entry: &Entry<'a>) -> Option<Die> {
        match entry.attr_value(dw::DW_AT_type)? {
            AttributeValue::UnitRef(offset) => Some(Die { offset, ..near }),
            AttributeValue::DebugInfoRef(offset) => self.at_section_offset(near.file, offset.0),
            AttributeValue::DebugInfoRefSup(offset) => self.at_section_offset(1, offset.0),
            _ => None,
        }
    }

    fn at_section_offset(&self, file_index: usize, at: usize) -> Option<Die> {
        let file = self.files.get(file_index)?;
        let unit = file.starts.partition_point(|start| *start <= at).checked_sub(1)?;
        let offset = UnitOffset(at.checked_sub(*file.starts.get(unit)?)?);
        Some(Die { file: file_index, unit, offset })
    }

    fn name(&self, file: usize, unit: usize, entry: &Entry<'a>) -> Option<&'a [u8]> {
        let file = self.files.get(file)?;
        let text = match entry.attr_value(dw::DW_AT_name)? {
            AttributeValue::String(text) => Ok(text),
            AttributeValue::DebugStrRef(at) => file.dwarf.string(at),
            AttributeValue::DebugStrRefSup(at) => file.dwarf.sup_string(at),
            AttributeValue::DebugLineStrRef(at) => file.dwarf.line_string(at),
            AttributeValue::DebugStrOffsetsIndex(index) => {
                let unit = file.units.get(unit)?;
                let offsets = &file.dwarf.debug_str_offsets;
                offsets
                    .get_str_offset(unit.header.format(), unit.str_offsets_base, index)
                    .and_then(|at| file.dwarf.string(at))
            }
            _ => return None,
        };
        text.ok().map(|t| t.slice())
    }
}

fn is_named_type(entry: &Entry<'_>) -> bool {
    match entry.tag() {
        dw::DW_TAG_structure_type | dw::DW_TAG_union_type => !entry.has_attr(dw::DW_AT_declaration),
        dw::DW_TAG_typedef => true,
        _ => false,
    }
}

/// Byte offset of a member: a constant, a `DW_OP_plus_uconst` of old producers, the byte of a bit-field; 0 in unions.
fn member_offset(unit: &Unit<'_>, entry: &Entry<'_>) -> Option<u64> {
    match entry.attr_value(dw::DW_AT_data_member_location) {
        Some(AttributeValue::Exprloc(expression)) => match expression.operations(unit.header.encoding()).next() {
            Ok(Some(gimli::Operation::PlusConstant { value })) => Some(value),
            _ => None,
        },
        Some(value) => value.udata_value(),
        None => match entry.attr_value(dw::DW_AT_data_bit_offset) {
            Some(bits) => bits.udata_value().map(|bits| bits >> 3),
            None => Some(0),
        },
    }
}
