//! The commands of the GitHub action and the GitLab template (`.ci/`), run as they stand there.

use crate::common::{interpreters, skip};
use crate::pyinquest;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

#[test]
fn the_commands_of_both_templates_keep_what_a_crash_leaves() {
    let found = interpreters().iter().rfind(|i| i.is_ordinary() && i.root.is_none());
    let Some(interpreter) = found else { skip!("no interpreters: run tests/interpreters/fetch.py") };
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    if pattern.starts_with('|') || pattern.contains('/') {
        skip!("core_pattern is {}", pattern.trim());
    }
    let ci = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci");
    let program = assert_cmd::cargo::cargo_bin!("pyinquest");
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    for template in ["github/action.yml", "gitlab/pyinquest.yml"] {
        let text = std::fs::read_to_string(ci.join(template)).unwrap();
        let command = text.lines().find(|l| l.contains("/run-tests.sh\"")).expect("the command").trim();
        let dir = tempfile::tempdir().unwrap();
        let output = Command::new("bash")
            .args(["-c", command])
            .current_dir(dir.path())
            .env("PATH", &path)
            .env("TMPDIR", dir.path())
            .env("PYINQUEST_CI", &ci)
            .env("PYINQUEST_OUT", "triage")
            .env("PYINQUEST_OPTIONS", "--fail-on any")
            .env("PYINQUEST_COMMAND", format!("{} -c 'import os; os.abort()'; true", interpreter.exe))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(7), "{template}: {said}");
        let results: Value =
            serde_json::from_slice(&std::fs::read(dir.path().join("triage/triage.json")).unwrap()).unwrap();
        assert_eq!(results["groups"].as_array().unwrap().len(), 1, "{results:#}");
        let id = results["groups"][0]["id"].as_str().unwrap();
        let slim = dir.path().join(format!("triage/dumps/{id}.core.zst"));
        let report = pyinquest().args(["report", "--json", "--no-files"]).arg(&slim).output().unwrap();
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        assert_eq!(report["findings"][0]["id"], "abort-called", "{template}: {said}");
        for file in ["triage.sarif", "junit.xml"] {
            assert!(dir.path().join("triage").join(file).exists(), "{template}: {file}");
        }
    }
}
