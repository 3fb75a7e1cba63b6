//! Real ELF files made by the C compiler, and cores of processes that would have mapped them.

use crate::base::Addr;
use crate::debuggee::elf_core::{from_source, synth_core::*};
use crate::debuggee::elf_modules::ElfImage;
use crate::debuggee::{Memory, ReadError, ReadErrorKind, Target};
use object::LittleEndian as LE;
use object::elf;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

pub(super) const BASE: u64 = 0x7f00_0000_0000;
const STACK: u64 = 0x7ffd_0000_0000;

const SOURCE: &str = "
    int exported_data = 42; const char exported_text[] = \"read-only text of the library\";
    static int hidden(int x) { return x * 3; }
    __attribute__((noinline)) int first(int x) { return hidden(x) + 1; }
    __attribute__((noinline)) int second(int x) { return first(x) + exported_data; }
    __attribute__((noinline, visibility(\"hidden\"))) int internal(int x) { return second(x) + 5; }
    int third(int x) { return internal(x); }
";

/// Runs a program to its end.
pub(super) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Compiles a small shared library.
pub(super) fn library(dir: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let source = dir.join("lib.c");
    std::fs::write(&source, SOURCE).unwrap();
    let out = dir.join(name);
    let (source, target) = (source.to_string_lossy(), out.to_string_lossy());
    let mut arguments = vec!["-shared", "-fPIC", "-nostdlib", "-O1", "-o", &target, &source];
    arguments.extend(flags);
    run("cc", &arguments);
    out
}

/// A file as it would lie in memory.
pub(super) struct Loaded {
    pub headers: ElfImage,
    data: Vec<u8>,
}

impl Loaded {
    pub fn new(path: &Path) -> Loaded {
        let data = std::fs::read(path).unwrap();
        Loaded { headers: ElfImage::from_file(&data, Addr(BASE)).unwrap(), data }
    }
}

impl Memory for Loaded {
    fn read(&self, addr: Addr, buf: &mut [u8]) -> Result<(), ReadError> {
        let segment = self.headers.of_type(elf::PT_LOAD).find(|s| {
            let start = self.headers.address(s.p_vaddr.get(LE));
            addr.distance_from(start).is_some_and(|n| n + buf.len() as u64 <= s.p_filesz.get(LE))
        });
        let segment = segment.ok_or(ReadError { addr, kind: ReadErrorKind::Unmapped })?;
        let inside = addr.0 - self.headers.address(segment.p_vaddr.get(LE)).0;
        let from = (segment.p_offset.get(LE) + inside) as usize;
        buf.copy_from_slice(&self.data[from..from + buf.len()]);
        Ok(())
    }
}

/// How much of a mapped library a core holds.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Dumped {
    /// As the kernel does: the first page and what was written to.
    Kernel,
    /// The first page is left out (coredump_filter without bit 4).
    NoHeader,
    /// No private memory at all, only the first page (coredump_filter 0x10).
    HeaderOnly,
    /// Nothing of the library.
    Nothing,
}

/// A core of a process that had `file` mapped as `path`.
pub(super) fn core(file: &Path, path: &str, dumped: Dumped) -> Target {
    let loaded = Loaded::new(file);
    let mut builder = SynthCore::new(EM_X86_64).thread(1, 11, &[(19, STACK + 0x100)]);
    let mut files = Vec::new();
    for segment in loaded.headers.of_type(elf::PT_LOAD) {
        let vaddr = segment.p_vaddr.get(LE);
        let (start, offset) = (vaddr & !0xfff, segment.p_offset.get(LE) & !0xfff);
        let end = (vaddr + segment.p_filesz.get(LE)).next_multiple_of(0x1000);
        let flags = segment.p_flags.get(LE).0;
        let page = |len: u64| {
            let from = offset as usize;
            let mut bytes = loaded.data[from..loaded.data.len().min(from + len as usize)].to_vec();
            bytes.resize(len as usize, 0);
            bytes
        };
        let written = flags & elf::PF_W.0 != 0 && matches!(dumped, Dumped::Kernel | Dumped::NoHeader);
        let header = offset == 0 && matches!(dumped, Dumped::Kernel | Dumped::HeaderOnly);
        let data = if written {
            page(end - start)
        } else if header {
            page(0x1000)
        } else {
            Vec::new()
        };
        builder = builder.load(BASE + start, end - start, flags, &data);
        files.push((BASE + start, BASE + end, offset, path));
    }
    let stack: &[u8] = if dumped == Dumped::HeaderOnly { &[] } else { &[0; 0x1000] };
    let builder = builder.load(STACK, 0x1000, READ_WRITE, stack).files(1, &files);
    from_source(Path::new("core"), Arc::new(builder.build())).unwrap()
}
