//! A hundred secrets in a real process, and every output that says it has none.

use crate::common::{Crash, CrashedProcess, interpreters, skip};
use crate::pyinquest;
use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// By the oldest and the newest interpreter.
fn crashed() -> Vec<CrashedProcess> {
    let arguments = ["--password", "s3cr3t-122", "--api-key=s3cr3t-123"];
    let mut usable = interpreters().iter().filter(|i| i.is_ordinary() && i.root.is_none());
    let both = [usable.next(), usable.next_back()].into_iter().flatten();
    both.filter_map(|i| Crash::new(i, "planted_secrets.py").args(&arguments).run().ok()).collect()
}

/// Numbers of the secrets in what was written.
fn found(bytes: &[u8]) -> BTreeSet<u32> {
    let text = String::from_utf8_lossy(bytes);
    let after =
        text.match_indices("s3cr3t-").filter_map(|(at, found)| text.get(at + found.len()..at + found.len() + 3));
    after.filter_map(|number| number.parse().ok()).collect()
}

fn output(arguments: &[&str], core: &Path) -> Vec<u8> {
    let output = pyinquest().args(arguments).arg(core).output().unwrap();
    assert!(output.stdout.len() > 100, "{arguments:?}: {output:?}");
    [output.stdout, output.stderr].concat()
}

#[test]
fn a_hundred_secrets_are_in_no_redacted_output() {
    let dead = crashed();
    if dead.is_empty() {
        skip!("no interpreter, or no core");
    }
    dead.iter().for_each(no_secret_leaves);
}

fn no_secret_leaves(dead: &CrashedProcess) {
    // They are there to be found: without --redact nearly all are shown.
    let open = found(&output(&["report", "--locals", "--format", "json"], &dead.core));
    assert!(open.len() > 100, "{open:?}");

    let mut failures = Vec::new();
    let mut none = |what: &str, bytes: &[u8]| {
        let found = found(bytes);
        if !found.is_empty() {
            failures.push(format!("{what}: {found:?}"));
        }
    };
    for command in ["report", "bt"] {
        for format in ["text", "json", "markdown", "html", "faulthandler"] {
            let arguments = [command, "--redact", "--locals", "--format", format];
            none(&format!("{arguments:?}"), &output(&arguments, &dead.core));
        }
    }
    none("locals", &output(&["locals", "--redact"], &dead.core));
    let saved = dead.dir.join("saved.json");
    std::fs::write(&saved, output(&["report", "--locals", "--format", "json"], &dead.core)).unwrap();
    none("render", &output(&["render", "--redact", "--verbose"], &saved));
    for format in ["text", "json", "ndjson", "markdown", "sarif", "junit", "html", "github"] {
        for more in [&[][..], &["--with-sources"]] {
            let arguments = [&["triage", "--format", format][..], more].concat();
            none(&format!("{arguments:?}"), &output(&arguments, &dead.core));
        }
    }
    // Locals that were asked for: by name and by form.
    let with_locals = found(&output(&["triage", "--format", "json", "--with-locals"], &dead.core));
    let told: Vec<u32> = with_locals.into_iter().filter(|number| *number >= 100).collect();
    none("explain", &output(&["triage", "explain"], &dead.core));
    for name in ["slim.core", "slim.dmp"] {
        let slim = dead.dir.join(name);
        let more: &[&str] = if name.ends_with("dmp") { &["--minidump"] } else { &[] };
        let status = pyinquest().args(["slim", "--redact", "--output"]).arg(&slim).args(more).arg(&dead.core).status();
        assert!(status.unwrap().success());
        none(name, &std::fs::read(&slim).unwrap());
        // What is left is worth having.
        let again = output(&["report", "--locals", "--no-files"], &slim);
        let again = String::from_utf8_lossy(&again);
        for part in ["in telling", "in harmless", "SIGSEGV", "password"] {
            assert!(again.contains(part), "{name}: {part}\n{again}");
        }
    }
    let store = dead.dir.join("store");
    std::fs::DirBuilder::new().mode(0o700).create(&store).unwrap();
    let mut collect = pyinquest();
    collect.args(["collect", "--redact", "--pid", "1", "--dir"]).arg(&store);
    assert!(collect.stdin(std::fs::File::open(&dead.core).unwrap()).output().unwrap().status.success());
    let mut kept = 0;
    for entry in std::fs::read_dir(&store).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let bytes = if path.extension().unwrap() == "zst" { zstd::decode_all(&*bytes).unwrap() } else { bytes };
        none(&path.display().to_string(), &bytes);
        kept += 1;
    }
    assert_eq!(kept, 3);
    assert!(told.is_empty(), "with locals: {told:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
