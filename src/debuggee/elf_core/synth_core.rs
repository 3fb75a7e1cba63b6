//! Cores put together byte by byte, for tests.

/// A core in the making.
pub(crate) struct SynthCore {
    pub machine: u16,
    pub loads: Vec<Load>,
    pub notes: Vec<u8>,
}

/// A PT_LOAD.
pub(crate) struct Load {
    pub vaddr: u64,
    pub memsz: u64,
    pub flags: u32,
    pub data: Vec<u8>,
}

pub(crate) const EM_X86_64: u16 = 62;
pub(crate) const EM_AARCH64: u16 = 183;
pub(crate) const READ: u32 = 4;
pub(crate) const READ_WRITE: u32 = 6;

impl SynthCore {
    pub fn new(machine: u16) -> Self {
        SynthCore { machine, loads: Vec::new(), notes: Vec::new() }
    }

    pub fn load(mut self, vaddr: u64, memsz: u64, flags: u32, data: &[u8]) -> Self {
        self.loads.push(Load { vaddr, memsz, flags, data: data.to_vec() });
        self
    }

    pub fn note(mut self, name: &str, kind: u32, desc: &[u8]) -> Self {
        let put = |out: &mut Vec<u8>, bytes: &[u8]| {
            out.extend(bytes);
            out.resize(out.len().next_multiple_of(4), 0);
        };
        let mut name = name.as_bytes().to_vec();
        name.push(0);
        for word in [name.len() as u32, desc.len() as u32, kind] {
            self.notes.extend(word.to_le_bytes());
        }
        put(&mut self.notes, &name);
        put(&mut self.notes, desc);
        self
    }

    /// NT_PRSTATUS of an x86-64 thread.
    pub fn thread(self, tid: u32, signal: u16, registers: &[(usize, u64)]) -> Self {
        let desc = prstatus(tid, signal, 27, registers);
        self.note("CORE", 1, &desc)
    }

    pub fn siginfo(self, number: i32, code: i32, union: [u32; 2]) -> Self {
        let words = [number, 0, code, 0, union[0].cast_signed(), union[1].cast_signed()];
        let mut desc: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        desc.resize(128, 0);
        self.note("CORE", 0x5349_4749, &desc)
    }

    pub fn auxv(self, pairs: &[(u64, u64)]) -> Self {
        let desc: Vec<u8> = pairs.iter().chain(&[(0, 0)]).flat_map(|(k, v)| words(&[*k, *v])).collect();
        self.note("CORE", 6, &desc)
    }

    /// NT_FILE: start, end, offset in pages, path.
    pub fn files(self, page: u64, files: &[(u64, u64, u64, &str)]) -> Self {
        let mut desc = words(&[files.len() as u64, page]);
        files.iter().for_each(|(start, end, offset, _)| desc.extend(words(&[*start, *end, *offset])));
        files.iter().for_each(|(.., path)| desc.extend(path.bytes().chain([0])));
        self.note("CORE", 0x4649_4c45, &desc)
    }

    pub fn build(&self) -> Vec<u8> {
        let count = self.loads.len() + 1;
        let mut out = elf_header(4, self.machine, count as u16);
        let mut at = 64 + count as u64 * 56;
        out.extend(program_header(4, READ, at, 0, self.notes.len() as u64, 0));
        at += self.notes.len() as u64;
        for load in &self.loads {
            out.extend(program_header(1, load.flags, at, load.vaddr, load.data.len() as u64, load.memsz));
            at += load.data.len() as u64;
        }
        out.extend(&self.notes);
        self.loads.iter().for_each(|load| out.extend(&load.data));
        out
    }
}

/// `struct elf_prstatus` with some registers by index.
pub(crate) fn prstatus(tid: u32, signal: u16, count: usize, registers: &[(usize, u64)]) -> Vec<u8> {
    let mut desc = vec![0; 112 + count * 8 + 8];
    desc[12..14].copy_from_slice(&signal.to_le_bytes());
    desc[32..36].copy_from_slice(&tid.to_le_bytes());
    desc[36..40].copy_from_slice(&7u32.to_le_bytes());
    for (index, value) in registers {
        desc[112 + index * 8..][..8].copy_from_slice(&value.to_le_bytes());
    }
    desc
}

pub(crate) fn words(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// A 64-bit little-endian ELF header whose program headers follow it.
pub(crate) fn elf_header(kind: u16, machine: u16, phnum: u16) -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.resize(16, 0);
    out.extend(kind.to_le_bytes());
    out.extend(machine.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend(words(&[0, 64, 0]));
    out.extend(0u32.to_le_bytes());
    for half in [64u16, 56, phnum, 64, 0, 0] {
        out.extend(half.to_le_bytes());
    }
    out
}

pub(crate) fn program_header(kind: u32, flags: u32, offset: u64, vaddr: u64, filesz: u64, memsz: u64) -> Vec<u8> {
    let mut out = kind.to_le_bytes().to_vec();
    out.extend(flags.to_le_bytes());
    out.extend(words(&[offset, vaddr, 0, filesz, memsz, 4]));
    out
}

/// An ELF shared object as it lies in memory: headers, a build-id note, a dynamic section at 0x200 of `dynamic`
/// pairs, in one page that is mapped at file address 0.
pub(crate) fn library(build_id: &[u8], dynamic: &[(u64, u64)]) -> Vec<u8> {
    let mut note = Vec::new();
    for word in [4u32, build_id.len() as u32, 3] {
        note.extend(word.to_le_bytes());
    }
    note.extend(b"GNU\0");
    note.extend(build_id);
    let mut out = elf_header(3, EM_X86_64, 3);
    out.extend(program_header(1, 5, 0, 0, 0x1000, 0x1000));
    out.extend(program_header(4, 4, 0x180, 0x180, note.len() as u64, note.len() as u64));
    out.extend(program_header(2, 6, 0x200, 0x200, 0x200, 0x200));
    out.resize(0x180, 0);
    out.extend(note);
    out.resize(0x200, 0);
    dynamic.iter().for_each(|(tag, value)| out.extend(words(&[*tag, *value])));
    out.resize(0x1000, 0);
    out
}
