//! An image of Windows with unwind information and a stack, made by hand for tests.

use crate::base::Addr;
use crate::debuggee::{AddressSpace, Protection, Segment};
use crate::image::pe::PeImage;
use std::sync::Arc;

/// Where the image lies.
pub const BASE: u64 = 0x1_8000_0000;
/// Where the stack begins.
pub const STACK: u64 = 0x7f_0000;

/// An image whose functions begin at 0x800, 0x900, ..., each with these bytes and unwind information.
pub fn image(functions: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0u8; 0x2000];
    let mut put = |at: usize, new: &[u8]| bytes[at..at + new.len()].copy_from_slice(new);
    put(0, b"MZ");
    put(0x3c, &0x80u32.to_le_bytes());
    put(0x80, b"PE\0\0\x64\x86\0\0");
    put(0x94, &[0xf0, 0]);
    put(0x98, &[0x0b, 0x02]);
    put(0x98 + 56, &0x2000u32.to_le_bytes());
    put(0x98 + 108, &16u32.to_le_bytes());
    put(0x98 + 112 + 24, &0x1200u32.to_le_bytes());
    put(0x98 + 116 + 24, &(12 * u32::try_from(functions.len()).unwrap()).to_le_bytes());
    for (index, (code, info)) in functions.iter().enumerate() {
        let number = u32::try_from(index).unwrap();
        for (i, word) in [0x800 + number * 0x100, 0x900 + number * 0x100, 0x1300 + number * 0x40].iter().enumerate() {
            put(0x1200 + index * 12 + i * 4, &word.to_le_bytes());
        }
        put(0x800 + index * 0x100, code);
        put(0x1300 + index * 0x40, info);
    }
    bytes
}

/// An image as it lies in memory, and a stack whose words hold their own addresses.
pub fn process(mut image: Vec<u8>) -> (AddressSpace, PeImage) {
    let segment = |start, size: usize, offset: usize| {
        let (size, offset) = (size as u64, offset as u64);
        Segment { start: Addr(start), size, offset, available: size, dumped: size, protection: Protection::default() }
    };
    let pe = PeImage::from_file(&image, Addr(BASE)).unwrap();
    let (size, stack) = (image.len(), 0x4_0000);
    image.extend((0..stack as u64).step_by(8).flat_map(|at| (STACK + at).to_le_bytes()));
    let segments = vec![segment(STACK, stack, size), segment(BASE, size, 0)];
    (AddressSpace::from_dump(Arc::new(image), segments), pe)
}
