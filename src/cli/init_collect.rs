//! `pyinquest init collect`: has the kernel give crashed processes to `pyinquest collect`, by a sysctl drop-in and a systemd unit
//! that switches it on and off.

use super::args::InitArgs;
use super::error::io_text;
use super::{CliError, exit};
use std::path::{Path, PathBuf};

/// Longest `kernel.core_pattern` (`CORENAME_MAX_SIZE` of the kernel without the NUL).
const MAX_PATTERN: usize = 127;
const DROP_IN: &str = "sysctl.d/60-pyinquest.conf";
const UNIT: &str = "systemd/system/pyinquest-collect.service";

/// Does it; what to print.
pub fn set_up(args: &InitArgs) -> Result<String, CliError> {
    let program = std::env::current_exe()
        .map_err(|e| CliError::new(exit::INTERNAL, format!("where this program is cannot be told: {}", io_text(&e))))?;
    let etc = args.etc.clone().unwrap_or_else(|| PathBuf::from("/etc"));
    let store = args.dir.clone().unwrap_or_else(|| PathBuf::from("/var/lib/pyinquest"));
    let files = [(DROP_IN, drop_in(&program, &store)?), (UNIT, unit(&etc, &store)?)];
    if args.print {
        let shown = files.map(|(name, text)| format!("# {}\n{text}", etc.join(name).display()));
        return Ok(shown.join("\n"));
    }
    let mut said = String::new();
    for (name, text) in files {
        let path = etc.join(name);
        super::init::replace(&path, text.as_bytes())?;
        said.push_str(&format!("written: {}\n", path.display()));
    }
    said.push_str("switch it on: systemctl daemon-reload && systemctl enable --now pyinquest-collect\n");
    Ok(said)
}

/// A path as one word of a line that is split at blanks.
fn word(path: &Path) -> Result<&str, CliError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    match path.to_str() {
        Some(text) if path.is_absolute() && text.chars().all(plain) => Ok(text),
        _ => {
            let text = format!("{path:?} cannot be written in core_pattern: it takes absolute paths without blanks");
            Err(CliError::new(exit::USAGE, text))
        }
    }
}

fn drop_in(program: &Path, store: &Path) -> Result<String, CliError> {
    let pattern = format!("|{} collect --dir {} --pid %P --time %t --name %e", word(program)?, word(store)?);
    if pattern.len() > MAX_PATTERN {
        let text =
            format!("core_pattern would have {} bytes, and {MAX_PATTERN} is what the kernel takes", pattern.len());
        return Err(
            CliError::new(exit::USAGE, text).help("give a shorter --dir, or install the program with a shorter path")
        );
    }
    Ok(format!(
        "# By `pyinquest init collect`: a process that dumps core is given to pyinquest, which keeps it if it is one of Python.\n\
         kernel.core_pattern = {pattern}\n\
         # The kernel waits for the handler, which reads /proc of the dead process; at most so many at a time.\n\
         kernel.core_pipe_limit = 16\n"
    ))
}

fn unit(etc: &Path, store: &Path) -> Result<String, CliError> {
    let (store, drop_in) = (word(store)?, etc.join(DROP_IN));
    let drop_in = word(&drop_in)?;
    Ok(format!(
        "[Unit]\n\
         Description=Slim dumps and reports of crashed Python processes\n\
         After=local-fs.target systemd-sysctl.service\n\n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         ExecStartPre=/usr/bin/install -d -m 0700 {store}\n\
         ExecStart=/usr/lib/systemd/systemd-sysctl {drop_in}\n\
         # The kernel's own default, where nothing else is set up.\n\
         ExecStop=/bin/sh -c 'echo core > /proc/sys/kernel/core_pattern'\n\n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_the_kernel_would_cut_is_refused() {
        let program = Path::new("/usr/bin/pyinquest");
        let text = drop_in(program, Path::new("/var/lib/pyinquest")).unwrap();
        let pattern = text.lines().find_map(|l| l.strip_prefix("kernel.core_pattern = ")).unwrap();
        assert!(pattern.starts_with("|/usr/bin/pyinquest collect ") && pattern.len() <= MAX_PATTERN);
        assert!(drop_in(program, Path::new(&format!("/{}", "x".repeat(120)))).is_err());
        assert!(drop_in(program, Path::new("/var/lib/my dumps")).is_err());
        assert!(drop_in(program, Path::new("relative")).is_err());
    }
}
