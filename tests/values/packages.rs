//! Packages from PyPI for some of the interpreters (`tests/interpreters/packages.py`).

use super::common::{Interpreter, packages};

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
    let (_, wanted) = WANTED.iter().find(|(name, _)| *name == interpreter.name)?;
    packages(interpreter, &format!("3.{}", interpreter.minor), wanted)
}
