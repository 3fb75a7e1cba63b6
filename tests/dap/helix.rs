//! Helix, an editor with a client of the protocol in it, at a terminal of tmux: with the configuration that the docs give.

use super::common::{Crash, Unavailable, cache, one_per_minor, skip};
use super::program;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The command that starts Helix, which is fetched at first.
fn helix() -> Result<String, Unavailable> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dap/helix.py");
    if !cfg!(target_arch = "x86_64") {
        return Err(Unavailable("Helix is unpacked for x86-64 only".to_owned()));
    }
    let out = Command::new("python3").arg(script).arg(cache().join("helix")).output();
    let out = out.map_err(|e| Unavailable(format!("python3: {e}")))?;
    match out.status.success() {
        true => Ok(String::from_utf8(out.stdout).unwrap().trim().to_owned()),
        false => Err(Unavailable(format!("Helix: {}", String::from_utf8_lossy(&out.stderr)))),
    }
}

/// The first block of TOML below Helix's heading in the docs.
fn configuration() -> &'static str {
    let docs = include_str!("../../docs/editors.md");
    let (_, rest) = docs.split_once("\n## Helix\n").unwrap();
    rest.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0
}

/// A terminal, with a server of tmux of its own.
struct Terminal<'a> {
    directory: &'a Path,
}

impl Terminal<'_> {
    fn tmux(&self, arguments: &[&str]) -> String {
        let socket = self.directory.join("tmux");
        let out = Command::new("tmux").arg("-S").arg(socket).args(arguments).output().unwrap();
        assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Waits until the screen shows it.
    fn shows(&self, text: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]);
            if screen.contains(text) {
                return;
            }
            assert!(Instant::now() < until, "no {text:?} on:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.directory.join("tmux")).arg("kill-server").output();
    }
}

#[test]
fn helix_shows_what_python_said() {
    if Command::new("tmux").arg("-V").output().is_err() {
        skip!("no tmux for a terminal");
    }
    let Some(interpreter) = one_per_minor().into_iter().rfind(|i| i.is_native() && i.root.is_none() && i.minor >= 11)
    else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let (helix, dead) = match (helix(), Crash::new(interpreter, "basic.py").run()) {
        (Ok(helix), Ok(dead)) => (helix, dead),
        (Err(reason), _) | (_, Err(reason)) => skip!("{reason}"),
    };
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join(".config/helix")).unwrap();
    std::fs::write(home.path().join(".config/helix/languages.toml"), configuration()).unwrap();
    let file = home.path().join("any.py");
    std::fs::write(&file, "pass\n").unwrap();
    let pyinquest = program();
    let found = Path::new(pyinquest.get_program()).parent().unwrap().display().to_string();
    let path = format!("{found}:{}", std::env::var("PATH").unwrap_or_default());
    let terminal = Terminal { directory: home.path() };
    let start = format!("exec env HOME={} PATH='{path}' {helix} {}", home.path().display(), file.display());
    terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "150", "-y", "50", &start]);
    terminal.shows("any.py");
    terminal.keys(&[&format!(":debug-start 'core dump' {}", dead.core.display()), "Enter"]);
    // The cause of death is the reason for the stop.
    terminal.shows("stopped because of exception SIGSEGV");
    // A frame by its name: the cursor goes to the place that Python told of.
    let frames = dead.truth["threads"][0]["frames"].as_array().unwrap();
    let frame = frames.iter().find(|frame| frame["function"] == "deepest").unwrap();
    terminal.keys(&["Space", "G"]);
    terminal.shows("Switch");
    terminal.keys(&["s"]);
    terminal.shows("Switch stack frame");
    terminal.keys(&["f"]);
    terminal.shows("greet");
    terminal.keys(&["deepest"]);
    terminal.shows(" 1/");
    terminal.keys(&["Enter"]);
    terminal.shows("truth.write(\"null\")()");
    terminal.shows(&format!(" {}:", frame["line"]));
    // Its variables, by a path and in the list.
    terminal.keys(&[":debug-eval word", "Enter"]);
    terminal.shows("'héllo'");
    terminal.keys(&["Space", "G", "v"]);
    terminal.shows("word: str = 'héllo'");
    terminal.shows("number: int = 20");
}
