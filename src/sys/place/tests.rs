use super::{Links, Place, at_once, parts, steps, walk};
use nix::errno::Errno;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const LIMIT: u64 = 1 << 20;

fn text(place: &Place) -> Result<String, ErrorKind> {
    let mut out = String::new();
    place.open(LIMIT).map_err(|e| e.kind())?.read_to_string(&mut out).map_err(|e| e.kind())?;
    Ok(out)
}

type Opened = io::Result<(File, PathBuf)>;

/// What was opened, as something to compare.
fn comparable(opened: Opened) -> Result<(u64, PathBuf), (ErrorKind, Option<i32>)> {
    use std::os::unix::fs::MetadataExt as _;
    let (file, path) = opened.map_err(|e| (e.kind(), e.raw_os_error()))?;
    Ok((file.metadata().unwrap().ino(), path))
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

/// Whether this kernel, and who watches over its calls, lets us open in one step.
fn has_openat2() -> bool {
    use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, openat2};
    let answer = openat2(AT_FDCWD, ".", OpenHow::new().flags(OFlag::O_PATH));
    !matches!(answer, Err(Errno::ENOSYS | Errno::EPERM))
}

/// The walk is for older kernels and hard cases; where both can answer, the answers are the same.
#[test]
fn in_one_step_as_by_the_walk() {
    let dir = scene();
    let root = dir.path().join("root");
    let inside = [
        ("lib/x.py", true),
        ("usr/lib/y.py", true),
        ("usr/lib/deep/absolute.py", true),
        ("usr/lib/deep/up.py", true),
        ("usr/../lib/./y.py", true),
        ("usr/lib/x.py/", true),
        ("usr/lib", true),
        ("pipe", true),
        ("no/such", true),
        ("usr/lib/x.py/z", true),
        ("out", true),
        ("loop", false),
        ("", false),
    ];
    for links in [Links::InRoot, Links::Beneath] {
        for (path, in_root) in inside {
            let wanted: Vec<_> = parts(Path::new(path)).collect();
            let walked = comparable(walk::open(&root, wanted.clone(), links));
            let once = at_once::open(&root, &wanted, links).map(comparable);
            assert_eq!(once.clone().unwrap_or_else(|| walked.clone()), walked, "{links:?} {path}");
            assert!(once.is_some() || !in_root || links == Links::Beneath || !has_openat2(), "{path}");
        }
    }
    // What the kernel makes of the links of a process, which lead anywhere.
    let own = PathBuf::from(format!("/proc/{}/cwd/Cargo.toml", std::process::id()));
    let wanted: Vec<_> = parts(&own).collect();
    assert!(at_once::open(Path::new("/"), &wanted, Links::InRoot).is_none());
    assert_eq!(
        Place::in_root(Path::new("/"), &own).open(LIMIT).map(|_| ()).map_err(|e| e.kind()),
        Err(ErrorKind::InvalidInput)
    );
}

/// What other hosts do with the standard library leads where the walk does, links and refusals too.
#[test]
fn by_the_standard_library_as_by_the_walk() {
    let dir = scene();
    let root = dir.path().join("root");
    let all = [
        "lib/x.py",
        "usr/lib/y.py",
        "usr/lib/deep/absolute.py",
        "usr/lib/deep/up.py",
        "usr/../lib/./y.py",
        "whole.py",
        "usr/lib",
        "pipe",
        "no/such",
        "usr/lib/x.py/z",
        "out",
        "out-relative",
        "out-directory/secret",
        "../secret",
        "",
    ];
    let kinds = |opened: Opened| comparable(opened).map_err(|(kind, _)| kind);
    for links in [Links::InRoot, Links::Beneath] {
        for path in all {
            let wanted: Vec<_> = parts(Path::new(path)).collect();
            let walked = kinds(walk::open(&root, wanted.clone(), links));
            assert_eq!(kinds(steps::open(&root, wanted, links)), walked, "{links:?} {path}");
        }
        assert!(steps::open(&root, vec!["loop".into()], links).is_err());
    }
    for path in ["pipe", "usr", "no"] {
        let path = root.join(path);
        let kind = |opened: io::Result<File>| opened.map(drop).map_err(|error| error.kind());
        assert_eq!(kind(steps::open_named(&path)), kind(walk::open_named(&path)), "{}", path.display());
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
