//! Packages of npm, in the cache of the tests.

use super::common::{Unavailable, cache};
use std::path::PathBuf;
use std::process::Command;

/// The directory that Node.js finds a package in.
pub fn package(name: &str, version: &str) -> Result<PathBuf, Unavailable> {
    let directory = cache().join("npm").join(format!("{}-{version}", name.replace('/', "-")));
    let modules = directory.join("node_modules");
    if !modules.join(name).join("package.json").exists() {
        std::fs::create_dir_all(&directory).unwrap();
        let wanted = format!("{name}@{version}");
        let made = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&directory)
            .arg(&wanted)
            .output()
            .map_err(|e| Unavailable(format!("npm: {e}")))?;
        if !made.status.success() {
            return Err(Unavailable(format!("npm install {wanted}: {}", String::from_utf8_lossy(&made.stderr))));
        }
    }
    Ok(modules)
}
