//! The command line: help, errors, exit codes.

#![allow(clippy::unwrap_used)]

use clap::CommandFactory as _;
use pyinquest::base::DiagnosticCode;
use pyinquest::cli::args::Cli;
use pyinquest::model::{Report, SCHEMA_VERSION};
use std::collections::HashSet;

fn pyinquest() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("pyinquest"));
    command.env_remove("NO_COLOR").env("TERM", "dumb");
    command
}

/// Exit code, standard output, standard error.
fn run(args: &[&str], stdin: &str) -> (i32, String, String) {
    let output = pyinquest().args(args).write_stdin(stdin).output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn saved(python: bool) -> String {
    let python = python.then(|| serde_json::json!({"version": "3.12.3"}));
    serde_json::json!({"schema_version": SCHEMA_VERSION, "python": python}).to_string()
}

#[test]
fn every_command_and_argument_has_help() {
    let mut whole = Cli::command();
    whole.build();
    let mut all = vec![whole];
    while let Some(command) = all.pop() {
        let name = command.get_name().to_owned();
        assert!(command.get_about().is_some(), "{name} has no help");
        let mut shorts = HashSet::new();
        for argument in command.get_arguments() {
            let id = argument.get_id();
            assert!(argument.get_help().is_some(), "{name} {id} has no help");
            assert!(argument.get_short().is_none_or(|s| shorts.insert(s)), "{name} {id}: short used twice");
            let help = argument.get_help().unwrap().to_string();
            assert!(!help.ends_with('.') && !help.contains('\n'), "{name} {id}: {help}");
        }
        all.extend(command.get_subcommands().cloned());
    }
    Cli::command().debug_assert();
}

#[test]
fn help_text() {
    let (code, help, _) = run(&["--help"], "");
    assert_eq!(code, 0);
    insta::assert_snapshot!(help);
}

#[test]
fn help_lists_the_exit_codes() {
    let (_, help, _) = run(&["--help"], "");
    for (code, meaning) in pyinquest::cli::exit::MEANINGS {
        assert!(help.contains(&format!("  {code}  {meaning}\n")), "{code} {meaning}");
    }
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md")).unwrap();
    for (code, meaning) in pyinquest::cli::exit::MEANINGS {
        assert!(docs.contains(&format!("| {code} | {meaning}")), "{code} {meaning}");
    }
}

#[test]
fn wrong_usage_is_one_line_with_help_and_code_2() {
    for args in [
        &["render"][..],
        &["rendr", "x"],
        &["render", "x", "--nope"],
        &["render", "x", "--format", "nope"],
        &["render", "x", "--frame", "y"],
        &["render", "x", "y"],
    ] {
        let (code, out, err) = run(args, "");
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        let lines: Vec<&str> = err.lines().collect();
        assert!(lines[0].starts_with("pyinquest: error: ") && lines[0].len() > 25, "{args:?}: {err}");
        assert!(lines.len() == 2 && lines[1].starts_with("  help: "), "{args:?}: {err}");
    }
    let (code, out, err) = run(&[], "");
    assert!(code == 2 && out.is_empty() && err.contains("Usage: pyinquest"));
}

#[test]
fn saved_reports_are_rendered_in_every_format() {
    for (format, start) in [
        ("text", "The process did not crash"),
        ("faulthandler", ""),
        ("json", "{\n"),
        ("markdown", "### "),
        ("html", "<!doctype html>"),
    ] {
        let (code, out, err) = run(&["render", "-", "--format", format], &saved(true));
        assert_eq!(code, 0, "{err}");
        assert!(out.starts_with(start), "{out}");
    }
}

#[test]
fn exit_codes_tell_what_is_missing() {
    assert_eq!(run(&["render", "-"], &saved(false)).0, 4);
    let mut report: Report = serde_json::from_str(&saved(true)).unwrap();
    report.diagnostics.push(pyinquest::base::Diagnostic::warning(DiagnosticCode::CoreTruncated, "cut off"));
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(run(&["render", "-"], &text).0, 0);
    assert_eq!(run(&["render", "-", "--strict"], &text).0, 5);
    let (code, out, err) = run(&["render", "-", "--thread", "7"], &saved(true));
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, "pyinquest: error: no thread 7; there are none with an id\n");
}

#[test]
fn reports_that_are_none_are_refused() {
    let (code, _, err) = run(&["render", "-"], "hello");
    assert_eq!(code, 3);
    assert!(err.starts_with("pyinquest: error: standard input: not a JSON report"), "{err}");
    let (code, _, err) = run(&["render", "-"], r#"{"schema_version": "99.0"}"#);
    assert!(code == 3 && err.contains("\"99.0\" is not supported"), "{err}");
    let (code, _, err) = run(&["render", "/does/not/exist"], "");
    assert!(code == 3 && err.contains("/does/not/exist: no such file"), "{err}");
    assert_eq!(run(&["render", "/"], "").0, 3);
}

#[test]
fn colour_only_when_asked_for() {
    let with = |args: &[&str]| run(args, &saved(true)).1.contains('\u{1b}');
    assert!(!with(&["render", "-"]));
    assert!(!with(&["render", "-", "--color", "never"]));
    assert!(with(&["render", "-", "--color", "always"]));
}

#[test]
fn output_goes_to_a_file_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report.html");
    let (code, out, _) = run(&["render", "-", "--format", "html", "--output", file.to_str().unwrap()], &saved(true));
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(std::fs::read_to_string(file).unwrap().starts_with("<!doctype html>"));
    let (code, _, err) = run(&["render", "-", "--output", "/does/not/exist"], &saved(true));
    assert!(code == 2 && err.contains("cannot write /does/not/exist"), "{err}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("pyinquest"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn manual_and_completions_come_from_the_same_definitions() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(&["man", "--out", dir.path().to_str().unwrap()], "").0, 0);
    for command in Cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
        let page = dir.path().join(format!("pyinquest-{}.1", command.get_name()));
        assert!(page.exists(), "{}", page.display());
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, script, _) = run(&["completions", shell], "");
        assert!(code == 0 && script.contains("completions"), "{shell}");
        // `pyinquest help heap` completes names too, though the arguments of commands are set up late.
        let deep = matches!(shell, "bash" | "zsh");
        assert!(!deep || script.contains("help__subcmd__triage__subcmd__reduce"), "{shell}");
    }
}

#[test]
fn inputs_that_are_no_dump_are_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let program = std::env::current_exe().unwrap();
    let inputs = [
        "/does/not/exist".to_owned(),
        dir.path().to_str().unwrap().to_owned(),
        file("empty", b""),
        file("noise", &[0x5a; 4096]),
        file("text", b"#!/bin/sh\n"),
        file("header", b"\x7fELF\x02\x01\x01"),
        program.to_str().unwrap().to_owned(),
    ];
    for input in inputs {
        for command in ["report", "bt", "locals", "info"] {
            let (code, out, err) = run(&[command, &input], "");
            assert_eq!((code, out.as_str()), (3, ""), "{command} {input}: {err}");
            let first = err.lines().next().unwrap();
            assert!(first.starts_with("pyinquest: error: ") && !first.contains("os error"), "{command} {input}: {err}");
            assert!(err.lines().skip(1).all(|l| l.starts_with("  help: ")) && err.lines().count() <= 2, "{err}");
        }
    }
}

#[test]
fn a_value_as_json_is_a_tree() {
    let core = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/cores/3.12-values.core.zst");
    let print = |path: &str| -> serde_json::Value {
        let (code, out, err) = run(&["print", core, path, "--json"], "");
        assert_eq!(code, 0, "{path}: {err}");
        serde_json::from_str(&out).unwrap()
    };
    let dict = print("materialised_dict");
    assert_eq!(dict["repr"], "{'first': 1, 'second': 2}");
    assert_eq!(dict["length"], 2);
    assert_eq!(dict["items"][1]["key"]["repr"], "'second'");
    assert_eq!(dict["items"][1]["value"]["repr"], "2");
    let classes = print("classes");
    assert_eq!(classes["items"][1]["value"]["repr"], "<class 'int'>");
    let (code, out, _) = run(&["print", core, "classes", "--json", "--max-items", "2"], "");
    let cut: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, cut["cut"].as_bool()), (0, Some(true)));
    assert_eq!(cut["items"].as_array().unwrap().len(), 2);
}

#[test]
fn maps_have_two_sides() {
    let (code, _, err) = run(&["report", "core", "--map", "nonsense"], "");
    assert!(code == 2 && err.contains("--map <OLD=NEW>"), "{err}");
}

#[test]
fn a_running_process_needs_no_core() {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let (code, out, err) = run(&["report", "--pid", &child.id().to_string()], "");
    child.kill().unwrap();
    child.wait().unwrap();
    // There is no Python in it, which the report says; the process itself was read.
    assert!(out.contains("sleep 60"), "{code} {out} {err}");
    let (code, _, err) = run(&["report"], "");
    assert!(code != 0 && err.contains("no dump was given"), "{err}");
}

/// A committed core.
fn core() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/cores/3.12-basic.core.zst").to_owned()
}

#[test]
fn a_core_alone_is_reported_on() {
    let report = run(&["report", &core(), "--no-files"], "");
    assert!(report.0 == 0 && report.1.contains("Greeter.greet"), "{report:?}");
    assert_eq!(run(&[&core(), "--no-files"], ""), report);
    let (code, _, err) = run(&["no/such.core"], "");
    assert!(code == 3 && err.contains("no/such.core: no such file"), "{err}");
}

#[test]
fn where_a_core_is_the_message_names_it() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(core(), directory.path().join("core.1234.zst")).unwrap();
    let output = pyinquest().arg("report").current_dir(&directory).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && err.contains("help: there is core.1234.zst in this directory"), "{err}");
}

#[test]
fn json_is_had_by_one_word_everywhere() {
    let core = core();
    for command in ["report", "bt", "locals", "info"] {
        let short = run(&[command, &core, "--no-files", "--json"], "");
        assert!(short.0 == 0 && short.1.starts_with("{\n"), "{command}: {short:?}");
        assert_eq!(short, run(&[command, &core, "--no-files", "--format", "json"], ""), "{command}");
    }
    assert!(run(&["print", &core, "word", "--no-files", "--json"], "").1.starts_with("{\n"));
    let directory = tempfile::tempdir().unwrap();
    let small = directory.path().join("small").display().to_string();
    let told: serde_json::Value =
        serde_json::from_str(&run(&["slim", &core, "--no-files", "-o", &small, "--json"], "").1).unwrap();
    let size = std::fs::metadata(&small).unwrap().len();
    let stored = told["stored_bytes"].as_u64().unwrap();
    assert!(
        told["output"] == *small && stored < size && size < told["mapped_bytes"].as_u64().unwrap(),
        "{told} {size}"
    );
    assert_eq!(run(&["report", &core, "--json", "--format", "text"], "").0, 2);
}

/// Every command that a person types has examples or tells its values; what is left out by default is said.
#[test]
fn help_has_examples_and_defaults() {
    let limits = pyinquest::cpython::object::ReprLimits::default();
    for command in ["report", "bt", "locals", "print", "info", "triage", "layouts"] {
        let (_, help, _) = run(&[command, "--help"], "");
        assert!(help.contains("Examples:\n  pyinquest "), "{command}: {help}");
        assert!(
            !help.lines().any(|l| l.starts_with("  pyinquest ") && !l.contains(command) && !l.contains("core.1234"))
        );
    }
    let (_, help, _) = run(&["report", "--help"], "");
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (option, default) in [
        ("--max-depth", limits.depth.to_string()),
        ("--max-items", limits.items.to_string()),
        ("--max-string", limits.characters.to_string()),
        ("--max-reads", limits.reads.to_string()),
        ("--thread", "all".to_owned()),
        ("--format", "text".to_owned()),
        ("--native", "none".to_owned()),
    ] {
        let part = help.split(&format!(" {option}")).nth(1).unwrap();
        let part = part.split(" --").next().unwrap();
        assert!(part.contains(&format!("[default: {default}")), "{option}: {part}");
    }
}

#[test]
fn the_readme_has_all_commands() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for command in Cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
        let name = command.get_name();
        assert!(readme.contains(&format!("`pyinquest {name} ")), "README.md: {name}");
    }
}

/// It is on no registry: what is installed comes from a clone.
#[test]
fn nobody_is_told_to_install_from_a_registry() {
    let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut todo: Vec<_> = ["src", "docs", "gdb-scripts", "lldb-scripts", "README.md"].map(|p| top.join(p)).into();
    let mut read = 0;
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            assert!(!text.contains("cargo install pyinquest"), "{}", path.display());
            read += 1;
        }
    }
    assert!(read > 300, "{read} files");
}
