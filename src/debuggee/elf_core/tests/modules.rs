use super::super::synth_core::*;
use super::super::*;
use crate::base::Addr;
use crate::debuggee::{BuildId, Mapping, MemoryExt as _, ReadErrorKind};

const LIB: u64 = 0x10_0000;
const EXE: u64 = 0x50_0000;
const HEAP: u64 = 0x90_0000;

fn open(core: &SynthCore) -> Target {
    from_source(Path::new("core"), Arc::new(core.build())).unwrap()
}

fn names(target: &Target) -> Vec<(&str, u64, bool)> {
    target.modules.iter().map(|m| (m.path.as_str(), m.base.0, m.is_main)).collect()
}

#[test]
fn mapped_files_are_modules_when_they_are_loaded_elf_files() {
    let files = [
        (LIB, LIB + 0x1000, 0, "/lib/a.so"),
        (LIB + 0x1000, LIB + 0x2000, 1, "/lib/a.so"),
        // Loaded a second time (dlmopen).
        (LIB + 0x3000, LIB + 0x4000, 0, "/lib/a.so"),
        (EXE, EXE + 0x1000, 0, "/bin/exe (deleted)"),
        (HEAP, HEAP + 0x1000, 0, "/data"),
    ];
    let core = SynthCore::new(EM_X86_64)
        .files(4096, &files)
        .auxv(&[(3, EXE + 64)])
        .load(LIB, 0x1000, READ, &library(&[1; 20], &[]))
        .load(LIB + 0x3000, 0x1000, READ, &library(&[1; 20], &[]))
        .load(EXE, 0x1000, READ, &library(&[2; 8], &[]))
        .load(HEAP, 0x1000, READ, &[9; 0x1000]);
    let target = open(&core);
    let expected = [("/lib/a.so", LIB, false), ("/lib/a.so", LIB + 0x3000, false), ("/bin/exe (deleted)", EXE, true)];
    assert_eq!(names(&target), expected);
    assert_eq!(target.modules[0].build_id, Some(BuildId(vec![1; 20])));
    let second = Mapping { start: Addr(LIB + 0x1000), end: Addr(LIB + 0x2000), file_offset: 0x1000 };
    assert_eq!(target.modules[0].mappings[1], second);
    // gcore leaves mappings out altogether; they were there all the same.
    let error = target.memory.read_u8(Addr(LIB + 0x1800)).unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::NotInDump);
}

/// An executable with a `link_map` list in its heap: the executable itself, a library, and then `next`.
fn linked(next: u64) -> SynthCore {
    let (r_debug, first, second, name) = (HEAP, HEAP + 0x40, HEAP + 0x80, HEAP + 0xc0);
    let mut heap = words(&[1, first]);
    heap.resize(0x40, 0);
    heap.extend(words(&[EXE, name + 15, 0, second, 0]));
    heap.resize(0x80, 0);
    heap.extend(words(&[LIB, name, 0, next, first]));
    heap.resize(0xc0, 0);
    heap.extend(b"/lib/libdemo.so\0/bin/exe\0");
    heap.resize(0x100, 0);
    SynthCore::new(EM_X86_64)
        .auxv(&[(3, EXE + 64), (31, name + 16)])
        .load(EXE, 0x1000, READ, &library(&[2; 8], &[(21, r_debug)]))
        .load(LIB, 0x1000, READ, &library(&[1; 20], &[]))
        .load(HEAP, heap.len() as u64, READ_WRITE, &heap)
}

#[test]
fn without_a_file_list_the_dynamic_linker_knows_the_modules() {
    let target = open(&linked(0));
    assert_eq!(names(&target), [("/lib/libdemo.so", LIB, false), ("/bin/exe", EXE, true)]);
    assert_eq!(target.modules[0].build_id, Some(BuildId(vec![1; 20])));
    assert_eq!(target.modules[0].end, Addr(LIB + 0x1000));
    // A list that bites its tail ends.
    assert_eq!(open(&linked(HEAP + 0x40)).modules, target.modules);
}

#[test]
fn as_a_last_resort_elf_headers_are_found_in_memory() {
    let mut core = linked(0);
    core.notes.clear();
    let target = open(&core);
    assert_eq!(names(&target), [("", LIB, false), ("", EXE, true)]);
    assert_eq!(target.modules[1].build_id, Some(BuildId(vec![2; 8])));
    let mut named = library(&[3; 20], &[(5, 0x300), (14, 1)]);
    named[0x300..0x30c].copy_from_slice(b"\0libname.so\0");
    let target = open(&SynthCore::new(EM_X86_64).load(LIB, 0x1000, READ, &named));
    assert_eq!(names(&target), [("libname.so", LIB, false)]);
}

#[test]
fn a_file_that_is_only_read_is_no_module() {
    // Its executable segment would have to lie elsewhere.
    let mut data = library(&[1; 20], &[]);
    let vaddr = 64 + 16;
    data[vaddr..vaddr + 8].copy_from_slice(&0x4000u64.to_le_bytes());
    data[64 + 8..64 + 16].copy_from_slice(&0x3000u64.to_le_bytes());
    let files = [(LIB, LIB + 0x1000, 0, "/tmp/read-only.so")];
    let core = SynthCore::new(EM_X86_64).files(4096, &files).auxv(&[]).load(LIB, 0x1000, READ, &data);
    // The scan that follows an empty list takes it, as it cannot know.
    assert_eq!(names(&open(&core)).first().map(|m| m.0), Some(""));
    let with_another = [(LIB, LIB + 0x1000, 0, "/tmp/read-only.so"), (EXE, EXE + 0x1000, 0, "/bin/exe")];
    let core = SynthCore::new(EM_X86_64).files(4096, &with_another).load(LIB, 0x1000, READ, &data).load(
        EXE,
        0x1000,
        READ,
        &library(&[2; 8], &[]),
    );
    assert_eq!(names(&open(&core)), [("/bin/exe", EXE, false)]);
}
