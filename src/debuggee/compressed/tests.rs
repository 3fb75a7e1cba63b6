use super::*;
use std::io::Cursor;
use std::os::unix::fs::MetadataExt as _;

/// 40 MiB, of which 38 MiB are zeros, the rest hard to compress.
fn content() -> Vec<u8> {
    let mut data = vec![0u8; 40 << 20];
    let mut x = 1u32;
    for (i, byte) in data.iter_mut().enumerate() {
        if i % (20 << 20) < (1 << 20) + 5 {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (x >> 24) as u8;
        }
    }
    data
}

fn pack(tool: &str, data: &[u8]) -> Vec<u8> {
    use std::process::{Command, Stdio};
    let mut words = tool.split(' ');
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{tool}: {e}"));
    let mut stdin = child.stdin.take().unwrap();
    let data = data.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&data));
    let out = child.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    assert!(out.status.success(), "{tool}");
    out.stdout
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    e.write_all(data).unwrap();
    e.finish().unwrap()
}

fn lz4(data: &[u8]) -> Vec<u8> {
    let mut e = lz4_flex::frame::FrameEncoder::new(Vec::new());
    e.write_all(data).unwrap();
    e.finish().unwrap()
}

fn check(packed: &[u8], packing: Packing, want: &[u8]) {
    assert_eq!(Packing::detect(packed), packing);
    let out = expand(Cursor::new(packed), packing, &Limits::default()).unwrap();
    assert_eq!((out.size, out.damage), (want.len() as u64, None), "{packing}");
    let map = crate::sys::map_temp(&out.file).unwrap();
    assert!(*map == *want, "{packing}: other content");
    let meta = out.file.metadata().unwrap();
    assert_eq!(meta.nlink(), 0);
    if want.len() > 30 << 20 {
        assert!(meta.blocks() * 512 < 4 << 20, "{packing}: zeros are holes, not {} blocks", meta.blocks());
    }
}

#[test]
fn every_packing_gives_back_the_content_in_a_sparse_file() {
    let data = content();
    check(&gzip(&data), Packing::Gzip, &data);
    check(&lz4(&data), Packing::Lz4, &data);
    check(&zstd::encode_all(&*data, 1).unwrap(), Packing::Zstd, &data);
    check(&pack("xz -0 -c", &data), Packing::Xz, &data);
}

#[test]
fn several_frames_are_one_stream() {
    let (a, b) = (b"first part ".as_slice(), b"second part".as_slice());
    let both = [a, b].concat();
    check(&[gzip(a), gzip(b)].concat(), Packing::Gzip, &both);
    check(&[lz4(a), lz4(b)].concat(), Packing::Lz4, &both);
    check(&[zstd::encode_all(a, 1).unwrap(), zstd::encode_all(b, 1).unwrap()].concat(), Packing::Zstd, &both);
    check(&[pack("xz -c", a), pack("xz -c", b)].concat(), Packing::Xz, &both);
}

#[test]
fn an_apport_report_yields_its_core() {
    use base64::Engine as _;
    let data = content();
    let packed = gzip(&data);
    let mut report =
        b"ProblemType: Crash\nDate: today\nProcMaps:\n 00400000-00401000 r-xp\nCoreDump: base64\n".to_vec();
    for piece in [packed.get(..10).unwrap()].into_iter().chain(packed.get(10..).unwrap().chunks(100_000)) {
        report.push(b' ');
        report.extend(base64::engine::general_purpose::STANDARD.encode(piece).into_bytes());
        report.push(b'\n');
    }
    report.extend(b"Signal: 11\n");
    check(&report, Packing::Apport, &data);
    let none = expand(Cursor::new(b"ProblemType: Crash\nSignal: 11\n"), Packing::Apport, &Limits::default());
    assert!(none.unwrap_err().to_string().contains("without a CoreDump"));
}

#[test]
fn what_comes_before_damage_is_kept_and_the_damage_is_told() {
    let data = content();
    let packed = [
        (Packing::Gzip, gzip(&data)),
        (Packing::Lz4, lz4(&data)),
        (Packing::Zstd, zstd::encode_all(&*data, 1).unwrap()),
        (Packing::Xz, pack("xz -0 -c", &data)),
    ];
    for (packing, packed) in packed {
        let cut = expand(Cursor::new(&packed[..packed.len() * 3 / 4]), packing, &Limits::default()).unwrap();
        assert!(cut.damage.is_some() && cut.size > 1 << 20, "{packing}: {cut:?}");
        let map = crate::sys::map_temp(&cut.file).unwrap();
        assert!(data.starts_with(&map), "{packing}");
        let mut bad = packed.clone();
        bad[packed.len() / 2] ^= 0xff;
        let bad = expand(Cursor::new(&bad), packing, &Limits::default());
        assert!(bad.is_err() || bad.unwrap().damage.is_some() || packing == Packing::Lz4, "{packing}");
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let packed = zstd::encode_all(io::repeat(0).take(1 << 30), 1).unwrap();
    let out = expand(Cursor::new(packed), Packing::Zstd, &Limits { size: 10 << 20, ..Limits::default() }).unwrap();
    assert!(out.size <= 11 << 20);
    assert!(out.limit.unwrap().contains("more than"));
}

/// A bomb of bytes that are not zero ends at what it may take on disk, and what came until then is there.
#[test]
fn a_bomb_does_not_fill_the_disk() {
    let content: Vec<u8> = (0..24u32 << 20).map(|n| (n % 251) as u8 | 1).collect();
    let packed = zstd::encode_all(&*content, 1).unwrap();
    assert!(packed.len() < 1 << 20);
    let limits = Limits { on_disk: Some(4 << 20), ..Limits::default() };
    let out = expand(Cursor::new(packed), Packing::Zstd, &limits).unwrap();
    assert!(out.size < 20 << 20, "{}", out.size);
    assert!(out.limit.unwrap().contains("it takes more than"));
}
