//! `init collect`: what it writes does what it says, with the kernel's part played here.

use crate::{pyinquest, scene};
use std::path::Path;
use std::process::{Command, Stdio};

fn init(etc: &Path, store: &Path, more: &[&str]) -> (Option<i32>, String) {
    let output =
        pyinquest().args(["init", "collect", "--etc"]).arg(etc).arg("--dir").arg(store).args(more).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// The handler that `core_pattern` names, called as the kernel calls it: words at blanks, then the `%` (core(5)).
#[test]
fn the_kernel_would_keep_crashes() {
    let (_dir, core, _) = scene();
    // core_pattern has no room for a long path.
    let place = tempfile::Builder::new().prefix("i").tempdir_in("/tmp").unwrap();
    let (etc, store) = (place.path().join("etc"), place.path().join("s"));
    let (code, said) = init(&etc, &store, &[]);
    if code == Some(2) && said.contains("core_pattern would have") {
        // Where this build itself has a long path that is the right answer.
        assert!(said.contains("127"), "{said}");
    } else {
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("systemctl enable --now pyinquest-collect"), "{said}");
        let unit = etc.join("systemd/system/pyinquest-collect.service");
        let unit = std::fs::read_to_string(unit).unwrap();
        assert!(unit.contains(&format!("ExecStart=/usr/lib/systemd/systemd-sysctl {}", etc.display())), "{unit}");
    }
    let (_, printed) = init(&etc, &store, &["--print"]);
    let Some(pattern) = printed.lines().find_map(|l| l.strip_prefix("kernel.core_pattern = |")) else {
        assert!(printed.contains("core_pattern would have"), "{printed}");
        return;
    };
    let words = pattern.replace("%P", "4711").replace("%t", "1700000000").replace("%e", "python3");
    let mut words = words.split(' ');
    let status = Command::new(words.next().unwrap())
        .args(words)
        .stdin(std::fs::File::open(&core).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let kept: Vec<_> = std::fs::read_dir(&store).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(kept.iter().any(|name| name.to_str().unwrap().ends_with(".core.zst")), "{kept:?}");
}

#[test]
fn paths_that_the_kernel_would_split_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let (code, said) = init(place.path(), Path::new("/var/lib/my dumps"), &[]);
    assert!(code == Some(2) && said.contains("without blanks"), "{said}");
    assert!(std::fs::read_dir(place.path()).unwrap().next().is_none(), "nothing is written");
}
