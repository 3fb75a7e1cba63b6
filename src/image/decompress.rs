//! Sections that are stored compressed (gABI `SHF_COMPRESSED`; `.zdebug_*` of older GNU tools).

use flate2::{Decompress, FlushDecompress, Status};
use object::{CompressedData, CompressionFormat};
use std::borrow::Cow;

/// No real section is larger; a file that says so is damaged.
const MAX_SECTION: u64 = 4 << 30;
/// zlib makes at most 1032 bytes of one; zstd can do more, but not on debug information.
const MAX_RATIO: u64 = 1100;

/// The content of a section; `None` for one that is damaged or says that it is larger than it can be.
pub(crate) fn unfold<'d>(section: &CompressedData<'d>) -> Option<Cow<'d, [u8]>> {
    let limit = (section.data.len() as u64).saturating_mul(MAX_RATIO).min(MAX_SECTION);
    if section.format != CompressionFormat::None && section.uncompressed_size > limit {
        return None;
    }
    if section.format != CompressionFormat::Zlib {
        return section.decompress().ok();
    }
    // `object` takes a stream that is longer than it should be, and does not look at the checksum.
    let mut content = Vec::new();
    content.try_reserve_exact(usize::try_from(section.uncompressed_size).ok()?).ok()?;
    let end = Decompress::new(true).decompress_vec(section.data, &mut content, FlushDecompress::Finish).ok()?;
    let whole = end == Status::StreamEnd && content.len() as u64 == section.uncompressed_size;
    whole.then_some(Cow::Owned(content))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn compressed(data: &[u8], size: u64) -> CompressedData<'_> {
        CompressedData { format: CompressionFormat::Zlib, data, uncompressed_size: size }
    }

    #[test]
    fn zlib_is_whole_or_nothing() {
        let text = b"all that is known of a function ".repeat(500);
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(&text).unwrap();
        let packed = writer.finish().unwrap();
        let size = text.len() as u64;
        assert_eq!(unfold(&compressed(&packed, size)).as_deref(), Some(text.as_slice()));
        // Another size than it has, a size that nothing could unfold to, a piece that is missing, another checksum.
        for wrong in [0, size - 1, size + 1, u64::MAX] {
            assert_eq!(unfold(&compressed(&packed, wrong)), None, "{wrong}");
        }
        assert_eq!(unfold(&compressed(&packed[..packed.len() - 5], size)), None);
        let mut damaged = packed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(unfold(&compressed(&damaged, size)), None);
        assert_eq!(unfold(&compressed(&[], 10)), None);
        let plain = CompressedData { format: CompressionFormat::None, data: &text, uncompressed_size: size };
        assert!(matches!(unfold(&plain), Some(Cow::Borrowed(same)) if same == text));
    }
}
