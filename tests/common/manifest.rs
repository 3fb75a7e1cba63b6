//! The interpreters that `tests/interpreters/fetch.py` has put into the cache.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// One entry of the manifest; `fetch.py` says what each field means.
#[derive(Debug, Clone)]
pub struct Interpreter {
    pub name: String,
    pub version: String,
    pub hexversion: u32,
    pub minor: u8,
    /// Path of the program as the process itself sees it, that is: inside `root`.
    pub exe: String,
    /// The directory that must be the root of the process, if any.
    pub root: Option<PathBuf>,
    /// Where the files of the process lie on this machine: `/` or a directory.
    pub sysroot: PathBuf,
    /// Command words that run it.
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
    pub free_threaded: bool,
    pub debug: bool,
    pub arch: String,
    /// The C library is musl's; glibc's otherwise.
    pub musl: bool,
    /// DWARF is in the file that holds the runtime, or in `debug_file`.
    pub has_dwarf: bool,
    /// The ELF file that holds `_PyRuntime`: the program or its libpython, as a path on this machine.
    pub libpython: PathBuf,
    pub debug_file: Option<PathBuf>,
    pub build_id: Option<String>,
}

impl Interpreter {
    fn from_json(entry: &Value) -> Option<Self> {
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        let path = |key: &str| text(key).map(PathBuf::from);
        let flag = |key: &str| entry[key].as_bool();
        Some(Self {
            name: text("name")?,
            version: text("version")?,
            hexversion: u32::try_from(entry["hexversion"].as_u64()?).ok()?,
            minor: u8::try_from(entry["minor"].as_u64()?).ok()?,
            exe: text("exe")?,
            root: path("root"),
            sysroot: path("sysroot")?,
            argv: entry["argv"]
                .as_array()?
                .iter()
                .map(|word| word.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            env: entry["env"]
                .as_object()?
                .iter()
                .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect::<Option<_>>()?,
            free_threaded: flag("free_threaded")?,
            debug: flag("debug")?,
            arch: text("arch")?,
            // Entries of older runs do not say.
            musl: entry["libc"] == "musl",
            has_dwarf: flag("has_dwarf")?,
            libpython: path("libpython")?,
            debug_file: path("debug_file"),
            build_id: text("build_id"),
        })
    }

    /// True for a build that runs on this machine's own processor, without an emulator.
    pub fn is_native(&self) -> bool {
        self.arch == std::env::consts::ARCH
    }

    /// A release build with the GIL and glibc: what most people run.
    pub fn is_ordinary(&self) -> bool {
        !self.debug && !self.free_threaded && !self.musl && self.is_native()
    }

    /// The command words that run the interpreter with `directory` as its working directory.
    ///
    /// `directory` is a path as the interpreter sees it. `unshare` stands in for `chroot`, which always starts in `/`,
    /// where the cores of tests that run at the same time would overwrite each other.
    pub(super) fn command_in(&self, directory: &str, contained: bool) -> Vec<String> {
        let Some(root) = &self.root else {
            return self.argv.clone();
        };
        let mut words = vec!["unshare".to_owned()];
        if !is_root() {
            words.push("--map-root-user".to_owned());
        }
        let root = root.to_str().expect("the cache directory's name is UTF-8");
        if contained {
            words.extend(CONTAIN.map(str::to_owned));
            words.extend([root, directory, &self.exe].map(str::to_owned));
            return words;
        }
        words.extend(["--root", root, "--wd", directory, &self.exe].map(str::to_owned));
        words
    }
}

/// What container engines do: namespaces of its own, the image's directory becomes `/` and the old one is gone.
const CONTAIN: [&str; 8] = [
    "--fork",
    "--kill-child",
    "--pid",
    "--mount",
    "sh",
    "-c",
    "mount --bind \"$1\" \"$1\" && cd \"$1\" && pivot_root . . && cd \"$2\" && shift 2 && exec \"$@\"",
    "sh",
];

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| {
        let id = Command::new("id").arg("-u").output();
        id.is_ok_and(|output| output.stdout == b"0\n")
    })
}

/// The directory of all that tests fetch and make.
pub fn cache() -> PathBuf {
    let base = std::env::var_os("PYINQUEST_CACHE")
        .filter(|directory| !directory.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/pyinquest")));
    base.unwrap_or_default()
}

/// All interpreters of the manifest, oldest version first, foreign processors last; empty where `fetch.py` has not run.
///
/// Of 3.8 and later: tests ask for [`old_interpreters`] where they run there too.
pub fn interpreters() -> &'static [Interpreter] {
    &of_manifest().new
}

/// Interpreters of Python 3 before 3.8.
pub fn old_interpreters() -> &'static [Interpreter] {
    &of_manifest().old
}

/// Interpreters of Python 2, which run programs of their own.
pub fn python2_interpreters() -> &'static [Interpreter] {
    &of_manifest().two
}

/// The interpreters of the manifest by what they can run.
#[derive(Default)]
struct Manifest {
    two: Vec<Interpreter>,
    old: Vec<Interpreter>,
    new: Vec<Interpreter>,
}

fn of_manifest() -> &'static Manifest {
    static ALL: OnceLock<Manifest> = OnceLock::new();
    ALL.get_or_init(|| {
        let Ok(text) = std::fs::read_to_string(cache().join("interpreters/interpreters.json")) else {
            return Manifest::default();
        };
        let manifest: Value = serde_json::from_str(&text).expect("interpreters.json is JSON");
        let entries = manifest["interpreters"].as_array().expect("a list of interpreters");
        let parse = |entry| Interpreter::from_json(entry).unwrap_or_else(|| panic!("bad manifest entry: {entry}"));
        let (two, three): (Vec<_>, Vec<_>) = entries.iter().map(parse).partition(|i| i.hexversion < 0x0300_0000);
        let (old, new) = three.into_iter().partition(|interpreter| interpreter.minor < 8);
        Manifest { two, old, new }
    })
}

/// The interpreter of that name.
pub fn interpreter(name: &str) -> Option<&'static Interpreter> {
    interpreters()
        .iter()
        .chain(old_interpreters())
        .chain(python2_interpreters())
        .find(|interpreter| interpreter.name == name)
}

/// The newest ordinary interpreter of each minor version: the set for tests that need not see every build.
pub fn one_per_minor() -> Vec<&'static Interpreter> {
    newest_of_each(Interpreter::is_ordinary)
}

/// As [`one_per_minor`], and the newest free-threaded one of each: what the table of sources has columns for.
pub fn one_per_column() -> Vec<&'static Interpreter> {
    newest_of_each(|interpreter| !interpreter.debug && !interpreter.musl && interpreter.is_native())
}

/// Interpreters that a debugger can start here and stop in a static function of: those without a root of their own, and with
/// debug information. What is stripped is stepped through, and seen in cores and processes, by other tests.
pub fn debuggable() -> Vec<&'static Interpreter> {
    static STRIPPED: std::sync::Once = std::sync::Once::new();
    let startable = || interpreters().iter().filter(|i| i.root.is_none() && i.is_native());
    STRIPPED.call_once(|| {
        for interpreter in startable().filter(|i| !i.has_dwarf) {
            super::part_skipped(format!("{}: stripped, no static function to stop in", interpreter.name));
        }
    });
    startable().filter(|i| i.has_dwarf).collect()
}

fn newest_of_each(wanted: impl Fn(&Interpreter) -> bool) -> Vec<&'static Interpreter> {
    let kind = |interpreter: &Interpreter| (interpreter.minor, interpreter.free_threaded);
    let mut chosen: Vec<&'static Interpreter> = Vec::new();
    for candidate in interpreters().iter().filter(|interpreter| wanted(interpreter)) {
        match chosen.iter_mut().find(|known| kind(known) == kind(candidate)) {
            Some(known) if known.hexversion < candidate.hexversion => *known = candidate,
            Some(_) => {}
            None => chosen.push(candidate),
        }
    }
    chosen
}
