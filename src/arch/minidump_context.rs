//! `CONTEXT` of a minidump as a table: where each register is, for reading and for writing.

use crate::base::Abi;

/// A processor's part of a minidump.
#[derive(Debug)]
pub struct MinidumpCpu {
    /// `ProcessorArchitecture` of `SYSTEM_INFO`: what is written, then others that are read.
    pub ids: &'static [u16],
    /// Layouts of `CONTEXT`: the one that is written, then others that are read.
    pub contexts: &'static [ContextLayout],
}

/// Where a register is in `CONTEXT`.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name.
    pub name: &'static str,
    /// Offset in bytes.
    pub offset: u16,
    /// Size in bytes.
    pub size: u8,
}

/// A layout of `CONTEXT`.
#[derive(Debug)]
pub struct ContextLayout {
    /// Size in bytes.
    pub size: usize,
    /// Offset and size of the flags.
    pub flags: (usize, usize),
    /// The bit of the flags that names the processor.
    pub mark: u64,
    /// The flags of control and integer registers (and segments, where there are some).
    pub complete: u64,
    /// Registers of 8 bytes that follow each other: offset of the first, names.
    pub row: (u16, &'static [&'static str]),
    /// Registers elsewhere.
    pub others: &'static [Field],
}

impl ContextLayout {
    /// Every register and where it is.
    pub fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        let (first, names) = self.row;
        let row = (0u16..).zip(names).map(move |(n, name)| Field {
            name,
            offset: first.saturating_add(n.saturating_mul(8)),
            size: 8,
        });
        row.chain(self.others.iter().copied())
    }

    fn fits(&self, bytes: &[u8], abi: &Abi) -> bool {
        let (at, size) = self.flags;
        let flags = bytes.get(at..at.saturating_add(size)).map_or(0, |b| abi.uint(b));
        flags & self.mark == self.mark && self.fields().all(|field| slice(bytes, field).is_some())
    }
}

impl MinidumpCpu {
    /// Names and values of the registers in a `CONTEXT`; `None` when it is of no known layout.
    #[must_use]
    pub fn read(&self, bytes: &[u8], abi: &Abi) -> Option<Vec<(&'static str, u64)>> {
        let layout = self.contexts.iter().find(|layout| layout.fits(bytes, abi))?;
        Some(layout.fields().filter_map(|field| Some((field.name, abi.uint(slice(bytes, field)?)))).collect())
    }

    /// A `CONTEXT` of these registers; those that are not known are 0.
    #[must_use]
    pub fn write(&self, get: impl Fn(&str) -> u64, abi: &Abi) -> Vec<u8> {
        let Some(layout) = self.contexts.first() else { return Vec::new() };
        let mut out = vec![0; layout.size];
        let mut put = |at: usize, size: usize, value: u64| {
            if let Some(room) = out.get_mut(at..at.saturating_add(size)) {
                room.copy_from_slice(&abi.bytes(value, size));
            }
        };
        put(layout.flags.0, layout.flags.1, layout.complete);
        for field in layout.fields() {
            put(usize::from(field.offset), usize::from(field.size), get(field.name));
        }
        out
    }
}

fn slice(bytes: &[u8], field: Field) -> Option<&[u8]> {
    let at = usize::from(field.offset);
    bytes.get(at..at.saturating_add(usize::from(field.size)))
}
