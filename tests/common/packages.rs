//! Packages from PyPI for interpreters of the farm (`tests/interpreters/packages.py`).

use super::{Interpreter, cache, part_skipped, require_all};
use std::path::Path;
use std::process::Command;

/// The environment that makes packages importable, which are installed below a name of their own; `None` where PyPI does not
/// give them.
pub fn packages(interpreter: &Interpreter, name: &str, wanted: &[&str]) -> Option<Vec<(String, String)>> {
    let inside = format!("/opt/pyinquest-packages/{name}");
    let (directory, seen) = match &interpreter.root {
        Some(root) => (root.join(inside.trim_start_matches('/')), inside),
        None => {
            let directory = cache().join("packages").join(name);
            let seen = directory.to_str().expect("the cache is UTF-8").to_owned();
            (directory, seen)
        }
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interpreters/packages.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(cache()).arg(interpreter.minor.to_string()).arg(directory).args(wanted);
    let made = command.output().expect("python3 runs");
    if !made.status.success() {
        let reason = String::from_utf8_lossy(&made.stderr);
        assert!(!require_all(), "{}: {wanted:?}: {reason}", interpreter.name);
        part_skipped(format_args!("{}: {wanted:?}: {}", interpreter.name, reason.trim()));
        return None;
    }
    let mut environment = vec![("PYTHONPATH".to_owned(), seen.clone())];
    if interpreter.root.is_some() {
        environment.push(("LD_LIBRARY_PATH".to_owned(), format!("{seen}/lib")));
    }
    Some(environment)
}
