//! Compressed and piped dumps, expanded as a stream into a sparse temporary file without a name.
//!
//! Memory is bounded by the decompressor's window, whatever the dump's size; runs of zero pages become holes, so an
//! expanded dump takes about the room of its non-zero pages. Formats: zstd (RFC 8878), gzip (RFC 1952), xz and LZ4
//! frames by their magic, and apport's `.crash` (a text file with the gzip stream of the core in base64, one line a
//! piece).

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

/// How a stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packing {
    /// As it is.
    Plain,
    /// zstd.
    Zstd,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// LZ4 frames.
    Lz4,
    /// apport `.crash` report.
    Apport,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Packing::Plain => "plain",
            Packing::Zstd => "zstd",
            Packing::Gzip => "gzip",
            Packing::Xz => "xz",
            Packing::Lz4 => "lz4",
            Packing::Apport => "apport",
        })
    }
}

impl Packing {
    /// Whether these bytes begin a compressed file, of a dump or of anything else.
    #[must_use]
    pub fn is_compressed(head: &[u8]) -> bool {
        !matches!(Packing::detect(head), Packing::Plain | Packing::Apport)
    }

    /// Bytes that [`Packing::detect`] wants to see.
    pub const HEAD: usize = 16;

    /// By the first bytes.
    #[must_use]
    pub fn detect(head: &[u8]) -> Packing {
        let known: [(&[u8], Packing); 5] = [
            (b"\x28\xb5\x2f\xfd", Packing::Zstd),
            (b"\x1f\x8b\x08", Packing::Gzip),
            (b"\xfd7zXZ\0", Packing::Xz),
            (b"\x04\x22\x4d\x18", Packing::Lz4),
            (b"ProblemType:", Packing::Apport),
        ];
        let skippable = matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
        let found = known.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, p)| *p);
        // A zstd skippable frame may come first (pzstd writes one); LZ4 has the same magics, but no tool begins with it.
        found.unwrap_or(if skippable { Packing::Zstd } else { Packing::Plain })
    }
}

/// An expanded stream.
#[derive(Debug)]
pub struct Expanded {
    /// Unlinked file with the content.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
    /// What went wrong after `size` bytes: the stream is damaged or cut off.
    pub damage: Option<String>,
}

/// Bounds of an expansion.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most bytes of content.
    pub size: u64,
    /// Most bytes that it takes on disk, where zeros take none; `None`: half of what is free in the directory. A small file
    /// can expand to more than any disk holds.
    pub on_disk: Option<u64>,
    /// Directory of the temporary file; `None`: `TMPDIR`, else `/var/tmp`, which unlike `/tmp` is never in memory.
    pub directory: Option<PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { size: 1 << 40, on_disk: None, directory: None }
    }
}

const BLOCK: usize = 4096;
const CHUNK: usize = 256 * BLOCK;
/// Bytes of one write. With larger ones the kernel asks for larger pages, which a virtual machine may have to get from its
/// host first: writing 2 GiB then took six seconds as often as one.
const WRITE: usize = 8 * BLOCK;
/// Chunks that wait to be written.
const QUEUED: usize = 4;

/// Expands one layer of packing.
///
/// # Errors
/// When the temporary file cannot be made or written, or nothing at all could be expanded. Damage further on is
/// told in [`Expanded::damage`].
pub fn expand(input: impl Read, packing: Packing, limits: &Limits) -> io::Result<Expanded> {
    let input = BufReader::with_capacity(1 << 18, input);
    match packing {
        Packing::Plain => spool(input, limits),
        Packing::Zstd => spool(zstd::stream::read::Decoder::with_buffer(input)?, limits),
        Packing::Gzip => spool(flate2::bufread::MultiGzDecoder::new(input), limits),
        Packing::Xz => spool(lzma_rust2::XzReader::new(input, true), limits),
        Packing::Lz4 => spool(Lz4::new(input), limits),
        Packing::Apport => {
            let gzip = BufReader::new(ApportCore::new(input));
            spool(flate2::bufread::GzDecoder::new(gzip), limits)
        }
    }
}

/// Copies a stream into a new sparse file. Another thread writes: for a dump of gigabytes the kernel's part of the
/// writing takes longer than decompression does.
fn spool(mut input: impl Read, limits: &Limits) -> io::Result<Expanded> {
    let directory = limits.directory.clone().or_else(|| std::env::var_os("TMPDIR").map(PathBuf::from));
    let directory = directory.unwrap_or_else(|| PathBuf::from("/var/tmp"));
    let mut file = tempfile::tempfile_in(&directory).or_else(|_| tempfile::tempfile())?;
    let most = limits.on_disk.or_else(|| half_of_free(&directory)).unwrap_or(u64::MAX);
    let on_disk = AtomicU64::new(0);
    let (to_write, chunks) = mpsc::sync_channel::<Vec<u8>>(QUEUED);
    let (written, spare) = mpsc::channel::<Vec<u8>>();
    let (size, damage) = thread::scope(|scope| {
        let writer = thread::Builder::new().spawn_scoped(scope, || -> io::Result<()> {
            for chunk in chunks {
                chunk.chunks(WRITE).try_for_each(|part| write_sparse(&mut file, part))?;
                // `st_blocks` counts 512 bytes each, whatever the file system has (inode(7)).
                on_disk.store(file.metadata()?.blocks().saturating_mul(512), Ordering::Relaxed);
                // Nobody takes it after the last one.
                let _ = written.send(chunk);
            }
            Ok(())
        })?;
        let mut size = 0u64;
        let damage = loop {
            // A spare one is whole: only the last chunk is cut.
            let mut chunk = spare.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
            let (len, end) = fill(&mut input, &mut chunk);
            chunk.truncate(len);
            size = size.saturating_add(len as u64);
            if to_write.send(chunk).is_err() {
                // The writer has ended, which it does early only with an error.
                break None;
            }
            match end {
                Ok(false) if size > limits.size => break Some(format!("more than {} bytes", limits.size)),
                Ok(false) if on_disk.load(Ordering::Relaxed) > most => {
                    break Some(format!("it takes more than {most} bytes in {}", directory.display()));
                }
                Ok(false) => {}
                Ok(true) => break None,
                Err(e) if size == 0 => return Err(e),
                Err(e) => break Some(e.to_string()),
            }
        };
        drop(to_write);
        writer.join().map_err(|_| io::Error::other("the thread that writes the expanded dump has panicked"))??;
        Ok((size, damage))
    })?;
    file.set_len(size)?;
    Ok(Expanded { file, size, damage })
}

/// Half of the bytes that may be written to the file system of a directory.
fn half_of_free(directory: &Path) -> Option<u64> {
    let system = nix::sys::statvfs::statvfs(directory).ok()?;
    system.blocks_available().checked_mul(system.fragment_size())?.checked_div(2)
}

/// Reads until `chunk` is full; how much came, and whether the stream has ended.
fn fill(input: &mut impl Read, chunk: &mut [u8]) -> (usize, io::Result<bool>) {
    let mut len = 0;
    while let Some(rest) = chunk.get_mut(len..).filter(|r| !r.is_empty()) {
        match input.read(rest) {
            Ok(0) => return (len, Ok(true)),
            Ok(n) => len = len.saturating_add(n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return (len, Err(e)),
        }
    }
    (len, Ok(false))
}

/// Writes `data` at the current position, seeking over blocks of zeros.
fn write_sparse(file: &mut File, data: &[u8]) -> io::Result<()> {
    let mut hole = 0i64;
    let mut pending: &[u8] = &[];
    let mut rest = data;
    while !rest.is_empty() {
        let (block, next) = rest.split_at_checked(BLOCK).unwrap_or((rest, &[]));
        if block.iter().all(|b| *b == 0) {
            file.write_all(pending)?;
            pending = &[];
            hole = hole.saturating_add(block.len() as i64);
        } else {
            if hole > 0 {
                file.seek(SeekFrom::Current(hole))?;
                hole = 0;
            }
            let joined = pending.len().saturating_add(block.len());
            // `pending` ends where `rest` begins: both are parts of `data`.
            let end = data.len().saturating_sub(next.len());
            pending = data.get(end.saturating_sub(joined)..end).unwrap_or(block);
        }
        rest = next;
    }
    file.write_all(pending)?;
    if hole > 0 {
        file.seek(SeekFrom::Current(hole))?;
    }
    Ok(())
}

/// All LZ4 frames of a stream, one after the other (the crate's decoder stops after each).
struct Lz4<R: BufRead> {
    frame: lz4_flex::frame::FrameDecoder<R>,
    in_frame: bool,
}

impl<R: BufRead> Lz4<R> {
    fn new(input: R) -> Self {
        Lz4 { frame: lz4_flex::frame::FrameDecoder::new(input), in_frame: false }
    }
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.frame.read(buf)? {
                0 if self.in_frame && !buf.is_empty() => {
                    self.in_frame = false;
                    if self.frame.get_mut().fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                }
                0 => return Ok(0),
                n => {
                    self.in_frame = true;
                    return Ok(n);
                }
            }
        }
    }
}

/// The field `CoreDump` of an apport report: lines after `CoreDump: base64`, each with a space in front and base64
/// of its own, up to the next line without a space.
struct ApportCore<R: BufRead> {
    input: R,
    piece: Vec<u8>,
    used: usize,
    state: ApportState,
}

#[derive(PartialEq)]
enum ApportState {
    Before,
    Inside,
    Done,
}

impl<R: BufRead> ApportCore<R> {
    /// apport packs 1 MiB a line; more than this is not a report of its making.
    const LINE: u64 = 64 << 20;

    fn new(input: R) -> Self {
        ApportCore { input, piece: Vec::new(), used: 0, state: ApportState::Before }
    }

    /// The next line without its end; `None` at the end of the file.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let n = (&mut self.input).take(Self::LINE).read_until(b'\n', &mut line)?;
        if n as u64 >= Self::LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "line too long for an apport report"));
        }
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        Ok((n > 0).then_some(line))
    }

    fn next_piece(&mut self) -> io::Result<()> {
        use base64::Engine as _;
        while self.state != ApportState::Done {
            let Some(line) = self.line()? else {
                if self.state == ApportState::Before {
                    let what = "an apport report without a CoreDump";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
                self.state = ApportState::Done;
                break;
            };
            match (&self.state, line.split_first()) {
                (ApportState::Before, _) if line.starts_with(b"CoreDump: base64") => self.state = ApportState::Inside,
                (ApportState::Inside, Some((b' ', text))) => {
                    let text = text.trim_ascii();
                    let engine = base64::engine::general_purpose::STANDARD;
                    let piece = engine.decode(text);
                    self.piece = piece.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
                    self.used = 0;
                    return Ok(());
                }
                (ApportState::Inside, _) => self.state = ApportState::Done,
                _ => {}
            }
        }
        self.piece.clear();
        self.used = 0;
        Ok(())
    }
}

impl<R: BufRead> Read for ApportCore<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.used >= self.piece.len() && self.state != ApportState::Done {
            self.next_piece()?;
        }
        let n = self.piece.get(self.used..).unwrap_or_default().read(buf)?;
        self.used = self.used.saturating_add(n);
        Ok(n)
    }
}

#[cfg(test)]
#[path = "compressed_tests.rs"]
mod tests;
