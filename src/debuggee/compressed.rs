//! Compressed and piped dumps, expanded as a stream into a sparse temporary file without a name.
//!
//! Memory is bounded by the decompressor's window, whatever the dump's size; runs of zero pages become holes, so an
//! expanded dump takes about the room of its non-zero pages. Formats: zstd (RFC 8878), gzip (RFC 1952), xz and LZ4
//! frames by their magic, and apport's `.crash` (a text file with the gzip stream of the core in base64, one line a
//! piece).

use super::limits::Deadline;
use crate::sys::files;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom, Write as _};
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
    /// At which limit it was left off after `size` bytes.
    pub limit: Option<String>,
}

/// Bounds of an expansion.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most bytes of content.
    pub size: u64,
    /// Most bytes that it takes on disk, where zeros take none; `None`: half of what is free in the directory, and no more
    /// than [`RATIO`] times the bytes that came in. A small file can expand to more than any disk holds.
    pub on_disk: Option<u64>,
    /// It ends once this is over.
    pub deadline: Deadline,
    /// Directory of the temporary file; `None`: [`directory`].
    pub directory: Option<PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { size: 1 << 40, on_disk: None, deadline: Deadline::default(), directory: None }
    }
}

/// A dump that is packed takes a fifth to a fiftieth of its bytes that are not zero; more than a hundredth no packing hides by
/// chance.
pub const RATIO: u64 = 100;
/// What a dump may take however small it came in.
const ALWAYS: u64 = 4 << 30;

const BLOCK: usize = 4096;
const CHUNK: usize = 256 * BLOCK;
/// Bytes of one write. With larger ones the kernel asks for larger pages, which a virtual machine may have to get from its
/// host first: writing 2 GiB then took six seconds as often as one.
const WRITE: usize = 8 * BLOCK;
/// Chunks that wait to be written.
const QUEUED: usize = 4;

/// Where dumps are expanded: `TMPDIR`, else `/var/tmp`, which unlike `/tmp` is never in memory; `/tmp` where that is missing.
#[must_use]
pub fn directory() -> PathBuf {
    let usual = || Some(PathBuf::from("/var/tmp")).filter(|directory| directory.is_dir());
    std::env::var_os("TMPDIR").map(PathBuf::from).or_else(usual).unwrap_or_else(std::env::temp_dir)
}

/// Expands one layer of packing.
///
/// # Errors
/// When the temporary file cannot be made or written, or nothing at all could be expanded. Damage further on is
/// told in [`Expanded::damage`].
pub fn expand(input: impl Read, packing: Packing, limits: &Limits) -> io::Result<Expanded> {
    let came = AtomicU64::new(0);
    let input = BufReader::with_capacity(1 << 18, Counted { input, came: &came });
    match packing {
        Packing::Plain => spool(input, &came, limits),
        Packing::Zstd => spool(zstd::stream::read::Decoder::with_buffer(input)?, &came, limits),
        Packing::Gzip => spool(flate2::bufread::MultiGzDecoder::new(input), &came, limits),
        Packing::Xz => spool(lzma_rust2::XzReader::new(input, true), &came, limits),
        Packing::Lz4 => spool(Lz4::new(input), &came, limits),
        Packing::Apport => {
            let gzip = BufReader::new(ApportCore::new(input));
            spool(flate2::bufread::GzDecoder::new(gzip), &came, limits)
        }
    }
}

/// Counts the bytes that come.
struct Counted<'c, R> {
    input: R,
    came: &'c AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buf)?;
        self.came.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Why a stream is not expanded further.
enum Stop {
    Damage(String),
    Limit(String),
}

/// Copies a stream into a new sparse file. Another thread writes: for a dump of gigabytes the kernel's part of the
/// writing takes longer than decompression does.
fn spool(mut input: impl Read, came: &AtomicU64, limits: &Limits) -> io::Result<Expanded> {
    let directory = limits.directory.clone().unwrap_or_else(directory);
    let mut file = tempfile::tempfile_in(&directory)?;
    let half = half_of_free(&directory).unwrap_or(u64::MAX);
    let most = || {
        let by_ratio = came.load(Ordering::Relaxed).saturating_mul(RATIO).max(ALWAYS);
        limits.on_disk.unwrap_or_else(|| half.min(by_ratio))
    };
    let (to_write, chunks) = mpsc::sync_channel::<Vec<u8>>(QUEUED);
    let (written, spare) = mpsc::channel::<Vec<u8>>();
    let (size, stop) = thread::scope(|scope| {
        // Only the writer knows what is on disk: it is the one to stop there, so that a slow disk takes no more than a quick one.
        let writer = thread::Builder::new().spawn_scoped(scope, || -> io::Result<(u64, Option<Stop>)> {
            let (mut size, mut on_disk) = (0u64, 0u64);
            for chunk in chunks {
                if on_disk > most() {
                    let text = format!("it takes more than {} MiB in {}", most() >> 20, directory.display());
                    return Ok((size, Some(Stop::Limit(text))));
                }
                for part in chunk.chunks(WRITE) {
                    on_disk = on_disk.saturating_add(write_sparse(&mut file, part)?);
                }
                size = size.saturating_add(chunk.len() as u64);
                // Nobody takes it after the last one.
                let _ = written.send(chunk);
            }
            Ok((size, None))
        })?;
        let mut came = 0u64;
        let stop = loop {
            // A spare one is whole: only the last chunk is cut.
            let mut chunk = spare.try_recv().unwrap_or_else(|_| vec![0; CHUNK]);
            let (len, end) = fill(&mut input, &mut chunk);
            chunk.truncate(len);
            came = came.saturating_add(len as u64);
            // Without bytes there is nothing that a limit would cut.
            if len > 0 && to_write.send(chunk).is_err() {
                // The writer has ended, which it does early only with an error or at its limit.
                break None;
            }
            match end {
                Ok(false) if limits.deadline.is_over() => break Some(Stop::Limit("the time was over".to_owned())),
                Ok(false) if came > limits.size => {
                    break Some(Stop::Limit(format!("it has more than {} bytes", limits.size)));
                }
                Ok(false) => {}
                Ok(true) => break None,
                Err(e) if came == 0 => return Err(e),
                Err(e) => break Some(Stop::Damage(e.to_string())),
            }
        };
        drop(to_write);
        let (size, full) =
            writer.join().map_err(|_| io::Error::other("the thread that writes the expanded dump has panicked"))??;
        Ok((size, full.or(stop)))
    })?;
    file.set_len(size)?;
    let (damage, limit) = match stop {
        None => (None, None),
        Some(Stop::Damage(why)) => (Some(why), None),
        Some(Stop::Limit(why)) => (None, Some(why)),
    };
    Ok(Expanded { file, size, damage, limit })
}

/// Half of the bytes that may be written to the file system of a directory.
fn half_of_free(directory: &Path) -> Option<u64> {
    files::free_space(directory)?.checked_div(2)
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

/// Writes `data` at the current position, seeking over blocks of zeros; how many bytes were written.
fn write_sparse(file: &mut File, data: &[u8]) -> io::Result<u64> {
    let mut hole = 0i64;
    let mut written = 0u64;
    let mut pending: &[u8] = &[];
    let mut rest = data;
    while !rest.is_empty() {
        let (block, next) = rest.split_at_checked(BLOCK).unwrap_or((rest, &[]));
        if block.iter().all(|b| *b == 0) {
            file.write_all(pending)?;
            pending = &[];
            hole = hole.saturating_add(block.len() as i64);
        } else {
            written = written.saturating_add(block.len() as u64);
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
    Ok(written)
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
mod tests;
