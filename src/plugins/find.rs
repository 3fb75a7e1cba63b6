//! Which Python runs the commands of other packages, and whether its environment has any.

use std::path::{Path, PathBuf};

/// Names the Python whose packages add commands; empty: none.
const VARIABLE: &str = "PYINQUEST_PYTHON";
/// The section of `entry_points.txt` (Entry points specification of packaging.python.org).
const SECTION: &str = "[pyinquest.commands]";
/// Packages of an environment that are looked at.
const MAX_PACKAGES: usize = 5000;
/// A file of entry points is a few lines.
const MAX_FILE: u64 = 1 << 20;

/// The Python to start: the one that the user names, or the one in whose environment the program is installed, where a package
/// there has commands: starting it takes longer than most commands do.
pub(super) fn python() -> Option<PathBuf> {
    match std::env::var_os(VARIABLE) {
        Some(named) => Some(PathBuf::from(named)).filter(|path| !path.as_os_str().is_empty()),
        None => of_environment(std::env::current_exe().ok()?.parent()?),
    }
}

/// The Python beside the program.
fn of_environment(programs: &Path) -> Option<PathBuf> {
    let python =
        ["python3", "python", "python.exe"].map(|name| programs.join(name)).into_iter().find(|p| p.exists())?;
    packages(programs.parent()?).iter().any(|directory| has_commands(directory)).then_some(python)
}

/// Where an environment keeps its packages: `lib/python3.N/site-packages`, Debian's `lib/python3/dist-packages`, Windows'
/// `Lib/site-packages`.
fn packages(prefix: &Path) -> Vec<PathBuf> {
    let lib = prefix.join("lib");
    let versions = std::fs::read_dir(&lib).into_iter().flatten().flatten();
    let versions = versions.filter(|entry| entry.file_name().to_string_lossy().starts_with("python3"));
    let all = versions.map(|entry| entry.path()).chain([lib.clone(), prefix.join("Lib")]);
    all.flat_map(|of| ["site-packages", "dist-packages"].map(|name| of.join(name))).filter(|of| of.is_dir()).collect()
}

/// Whether a package that is installed there has an entry of ours.
fn has_commands(directory: &Path) -> bool {
    let installed = std::fs::read_dir(directory).into_iter().flatten().flatten().take(MAX_PACKAGES);
    installed.filter(|entry| is_metadata(&entry.file_name().to_string_lossy())).any(|entry| {
        let file = entry.path().join("entry_points.txt");
        file.metadata().is_ok_and(|meta| meta.len() <= MAX_FILE)
            && std::fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| line.trim() == SECTION))
    })
}

fn is_metadata(name: &str) -> bool {
    name.ends_with(".dist-info") || name.ends_with(".egg-info")
}

#[cfg(test)]
mod tests {
    use super::of_environment;

    #[test]
    fn an_environment_without_commands_starts_nothing() {
        let prefix = tempfile::tempdir().unwrap();
        let (bin, packages) = (prefix.path().join("bin"), prefix.path().join("lib/python3.12/site-packages"));
        let package = packages.join("other-1.0.dist-info");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::create_dir_all(&package).unwrap();
        assert_eq!(of_environment(&bin), None, "no Python");
        std::fs::write(bin.join("python3"), "").unwrap();
        assert_eq!(of_environment(&bin), None, "no package");
        std::fs::write(package.join("entry_points.txt"), "[console_scripts]\npyinquest.commands = x:y\n").unwrap();
        assert_eq!(of_environment(&bin), None, "none of ours");
        std::fs::write(package.join("entry_points.txt"), "[pyinquest.commands]\nslow = x:y\n").unwrap();
        assert_eq!(of_environment(&bin), Some(bin.join("python3")));
    }
}
