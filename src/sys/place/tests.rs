use super::Place;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::symlink;
use std::path::Path;

const LIMIT: u64 = 1 << 20;

fn text(place: &Place) -> Result<String, ErrorKind> {
    let mut out = String::new();
    place.open(LIMIT).map_err(|e| e.kind())?.read_to_string(&mut out).map_err(|e| e.kind())?;
    Ok(out)
}

/// A root with links of all kinds, beside a file that is not to be read.
fn scene() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("usr/lib/deep")).unwrap();
    fs::write(dir.path().join("secret"), "secret").unwrap();
    fs::write(root.join("usr/lib/x.py"), "inside").unwrap();
    symlink("usr/lib", root.join("lib")).unwrap();
    symlink("x.py", root.join("usr/lib/y.py")).unwrap();
    symlink("/lib/y.py", root.join("usr/lib/deep/absolute.py")).unwrap();
    symlink("../../../../../../usr/lib/y.py", root.join("usr/lib/deep/up.py")).unwrap();
    symlink(root.join("usr/lib/x.py"), root.join("whole.py")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink(dir.path().join("secret"), root.join("out")).unwrap();
    symlink("../secret", root.join("out-relative")).unwrap();
    symlink(dir.path(), root.join("out-directory")).unwrap();
    symlink("/proc/self/environ", root.join("environ")).unwrap();
    nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    dir
}

#[test]
fn links_of_a_root_stay_inside() {
    let dir = scene();
    let root = dir.path().join("root");
    let open = |path: &str| text(&Place::in_root(&root, Path::new(path)));
    for path in ["/lib/x.py", "usr/lib/y.py", "/lib/deep/absolute.py", "/usr/lib/deep/up.py", "/../../lib/./y.py"] {
        assert_eq!(open(path).as_deref(), Ok("inside"), "{path}");
    }
    for path in ["/out", "/out-relative", "/out-directory/secret", "/../secret", "/environ", "/no/such", "/whole.py"] {
        assert_eq!(open(path), Err(ErrorKind::NotFound), "{path}");
    }
    assert_eq!(
        Place::in_root(&root, Path::new("loop/x")).open(LIMIT).unwrap_err().raw_os_error(),
        Some(nix::libc::ELOOP)
    );
    assert_eq!(open("/usr"), Err(ErrorKind::IsADirectory));
    assert_eq!(open("/usr/lib/x.py/z"), Err(ErrorKind::NotADirectory));
}

#[test]
fn below_a_directory_nothing_leads_out() {
    let dir = scene();
    let root = dir.path().join("root");
    let open = |path: &str| text(&Place::beneath(&root, Path::new(path)));
    for path in ["lib/x.py", "usr/lib/y.py", "whole.py", "usr/../usr/lib/x.py"] {
        assert_eq!(open(path).as_deref(), Ok("inside"), "{path}");
    }
    for path in ["out", "out-relative", "out-directory/secret", "../secret", "usr/lib/deep/up.py", "environ"] {
        assert_eq!(open(path), Err(ErrorKind::PermissionDenied), "{path}");
    }
}

/// Devices, FIFOs, directories and the kernel's own files, by whatever way: none is opened, and none is waited for.
#[test]
fn only_regular_files_of_disks() {
    let dir = scene();
    let root = dir.path().join("root");
    for path in ["/proc/self/environ", "/proc/kmsg", "/sys/kernel/uevent_seqnum", "/dev/zero", "/dev/tty"] {
        let here = Place::in_root(Path::new("/"), Path::new(path));
        let named = Place::named(Path::new(path));
        for place in [here, named] {
            let kind = place.open(LIMIT).map(|_| ()).map_err(|e| e.kind());
            let refused =
                matches!(kind, Err(ErrorKind::InvalidInput | ErrorKind::NotFound | ErrorKind::PermissionDenied));
            assert!(refused, "{path}: {kind:?}");
        }
    }
    assert_eq!(text(&Place::in_root(&root, Path::new("pipe"))), Err(ErrorKind::InvalidInput));
    assert_eq!(text(&Place::named(&root.join("pipe"))), Err(ErrorKind::InvalidInput));
    let small = Place::in_root(&root, Path::new("lib/x.py"));
    assert_eq!(small.open(5).map(|_| ()).map_err(|e| e.kind()), Err(ErrorKind::FileTooLarge));
    assert_eq!(text(&Place::named(&root.join("out"))).as_deref(), Ok("secret"), "a person may name what he likes");
}

#[test]
fn joined_names() {
    let debug = Place::named(Path::new("/usr/lib/debug"));
    assert_eq!(debug.join(Path::new("/../../etc/shadow")).shown(), Path::new("/usr/lib/debug/etc/shadow"));
    let library = Place::in_root(Path::new("/image"), Path::new("/usr/lib/libx.so"));
    let beside = library.parent().unwrap();
    assert_eq!(beside.join(Path::new("libx.debug")).shown(), Path::new("/image/usr/lib/libx.debug"));
    assert_eq!(beside.join(Path::new("/.dwz/x")).shown(), Path::new("/image/.dwz/x"));
}
