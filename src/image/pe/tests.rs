//! A made-up DLL; real ones are in the Windows dumps of `tests/minidump.rs`.

use super::*;
use crate::debuggee::{AddressSpace, Protection, Segment};

const BASE: u64 = 0x1_8000_0000;

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Two exports, one function in two chained parts, a CodeView record; file offsets are addresses.
fn dll() -> Vec<u8> {
    let mut image = vec![0u8; 0x4000];
    let word = |v: u32| v.to_le_bytes();
    put(&mut image, 0, b"MZ");
    put(&mut image, 0x3c, &word(0x80));
    put(&mut image, 0x80, b"PE\0\0\x64\x86\x02\0");
    put(&mut image, 0x88, &word(0x1234_5678));
    put(&mut image, 0x94, &[0xf0, 0]);
    put(&mut image, 0x98, &[0x0b, 0x02]);
    put(&mut image, 0x98 + 24, &BASE.to_le_bytes());
    put(&mut image, 0x98 + 56, &word(0x4000));
    put(&mut image, 0x98 + 108, &word(16));
    for (index, rva, size) in [(0, 0x2000, 0x100), (3, 0x2200, 24), (6, 0x2400, 28)] {
        put(&mut image, 0x98 + 112 + index * 8, &word(rva));
        put(&mut image, 0x98 + 116 + index * 8, &word(size));
    }
    for (index, name, rva, rights) in [(0, b".rdata\0\0", 0x2000, 0x4000_0040), (1, b"PyRuntim", 0x3000, 0xc000_0040)] {
        let at = 0x98 + 0xf0 + index * 40;
        put(&mut image, at, name);
        for (i, value) in [0x800, rva, 0x800, rva].into_iter().enumerate() {
            put(&mut image, at + 8 + i * 4, &word(value));
        }
        put(&mut image, at + 36, &word(rights));
    }
    // Export directory: two functions, two names, and where their tables are.
    for (i, value) in [2, 2, 0x2040, 0x2048, 0x2050].into_iter().enumerate() {
        put(&mut image, 0x2014 + i * 4, &word(value));
    }
    put(&mut image, 0x2040, &word(0x1000));
    put(&mut image, 0x2044, &word(0x3000));
    put(&mut image, 0x2048, &word(0x2060));
    put(&mut image, 0x204c, &word(0x2070));
    put(&mut image, 0x2050, &[0, 0, 1, 0]);
    put(&mut image, 0x2060, b"Py_Main\0");
    put(&mut image, 0x2070, b"_PyRuntime\0");
    // Two parts of Py_Main; the second is chained to the first, after three codes.
    for (i, value) in [0x1000, 0x1100, 0x2300, 0x1100, 0x1180, 0x2310].into_iter().enumerate() {
        put(&mut image, 0x2200 + i * 4, &word(value));
    }
    put(&mut image, 0x2300, &[1, 0, 0, 0]);
    put(&mut image, 0x2310, &[1 | 4 << 3, 0, 3, 0]);
    for (i, value) in [0x1000, 0x1100, 0x2300].into_iter().enumerate() {
        put(&mut image, 0x2310 + 4 + 8 + i * 4, &word(value));
    }
    put(&mut image, 0x2400 + 12, &word(2));
    put(&mut image, 0x2400 + 20, &word(0x2440));
    put(&mut image, 0x2440, b"RSDS\x04\x03\x02\x01\x06\x05\x08\x07\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x01\0\0\0x.pdb\0");
    image
}

fn loaded() -> AddressSpace {
    let size = 0x4000;
    let protection = Protection::default();
    let segment = Segment { start: Addr(BASE), size, offset: 0, available: size, dumped: size, protection };
    AddressSpace::from_dump(Arc::new(dll()), vec![segment])
}

#[test]
fn exports_sections_functions_and_ids_are_found() {
    let memory = loaded();
    let image = PeImage::read(&memory, Addr(BASE)).unwrap();
    assert_eq!(image.export(&memory, "_PyRuntime"), Some(Addr(BASE + 0x3000)));
    assert_eq!(image.export(&memory, "Py_Main"), Some(Addr(BASE + 0x1000)));
    assert_eq!(image.export(&memory, "absent"), None);
    assert_eq!(image.section(".PyRuntime"), Some((Addr(BASE + 0x3000), 0x800)));
    let part = image.function_at(&memory, Addr(BASE + 0x1150)).unwrap();
    assert_eq!((part.start, part.end), (Addr(BASE + 0x1100), Addr(BASE + 0x1180)));
    assert_eq!(image.primary(&memory, part).start, Addr(BASE + 0x1000));
    assert_eq!(image.export_at(&memory, Addr(BASE + 0x1000)).as_deref(), Some("Py_Main"));
    assert_eq!(image.function_at(&memory, Addr(BASE + 0x1180)), None);
    let ids: Vec<String> = image.build_ids(&memory).iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["0102030405060708090a0b0c0d0e0f1000000001", "1234567800004000"]);
}

#[test]
fn a_file_stands_for_memory_only_when_it_is_the_same_build() {
    let file: Arc<dyn ByteSource> = Arc::new(dll());
    let id = |bytes: &[u8]| Module {
        path: "C:\\x.dll".into(),
        base: Addr(BASE),
        end: Addr(BASE + 0x4000),
        build_id: Some(BuildId(bytes.to_vec())),
        mappings: Vec::new(),
        version: None,
        is_main: false,
    };
    let same = backings(&id(&[0x12, 0x34, 0x56, 0x78, 0, 0, 0x40, 0]), &file).unwrap();
    let starts: Vec<u64> = same.iter().map(|b| b.start.0 - BASE).collect();
    assert_eq!(starts, [0, 0x2000], "what can be written to is not the file's");
    assert!(backings(&id(&[1; 8]), &file).is_none());
    let mut elsewhere = id(&[0x12, 0x34, 0x56, 0x78, 0, 0, 0x40, 0]);
    elsewhere.base = Addr(0x10_0000);
    assert_eq!(backings(&elsewhere, &file).unwrap().len(), 0, "relocated");
}

#[test]
fn damage_is_no_image_and_no_panic() {
    let whole = dll();
    for len in (0..whole.len()).step_by(7) {
        let _ = PeImage::from_file(&whole[..len], Addr(BASE));
    }
    let mut wild = whole;
    for at in 0..0x300 {
        let old = wild[at];
        wild[at] = 0xff;
        if let Some(image) = PeImage::from_file(&wild, Addr(BASE)) {
            let memory = loaded();
            let _ = (image.export(&memory, "x"), image.function_at(&memory, Addr(BASE)), image.build_ids(&memory));
        }
        wild[at] = old;
    }
}
