//! Packages from PyPI for some of the interpreters (`tests/interpreters/packages.py`).

use super::common::{Interpreter, cache, part_skipped, require_all};
use std::path::Path;
use std::process::Command;

/// What pandas needs.
const DATEUTIL: &str = "python-dateutil==2.9.0.post0";

/// Which interpreters get packages, and which: each major version of NumPy. NumPy 1.24 (3.8) and pandas 2.2 (3.11) were right
/// when they were tried; a wheel more costs CI a quarter of a minute.
const WANTED: &[(&str, &[&str])] = &[
    ("debian-bookworm-3.11", &["numpy==1.26.4", "attrs==25.3.0"]),
    ("debian-trixie-3.13", &["numpy==2.4.6", "attrs==26.1.0", "pandas==3.1.1", DATEUTIL, "six==1.17.0"]),
];

/// The environment that makes the packages importable; `None` for interpreters that get none.
pub fn environment(interpreter: &Interpreter) -> Option<Vec<(String, String)>> {
    let (_, packages) = WANTED.iter().find(|(name, _)| *name == interpreter.name)?;
    let inside = format!("/opt/pyinquest-packages/3.{}", interpreter.minor);
    let (directory, seen) = match &interpreter.root {
        Some(root) => (root.join(inside.trim_start_matches('/')), inside),
        None => {
            let directory = cache().join("packages").join(&interpreter.name);
            let seen = directory.to_str().expect("the cache is UTF-8").to_owned();
            (directory, seen)
        }
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interpreters/packages.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(cache()).arg(interpreter.minor.to_string()).arg(directory).args(*packages);
    let made = command.output().expect("python3 runs");
    if !made.status.success() {
        let reason = String::from_utf8_lossy(&made.stderr);
        assert!(!require_all(), "{}: {packages:?}: {reason}", interpreter.name);
        part_skipped(format_args!("{}: {packages:?}: {}", interpreter.name, reason.trim()));
        return None;
    }
    let mut environment = vec![("PYTHONPATH".to_owned(), seen.clone())];
    if interpreter.root.is_some() {
        environment.push(("LD_LIBRARY_PATH".to_owned(), format!("{seen}/lib")));
    }
    Some(environment)
}
