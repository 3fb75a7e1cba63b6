//! The order of the rooms of `src`: an import points only at a room that docs/architecture.md lists before its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Rooms of which neither may import the other, though one has to be listed first.
const SIBLINGS: [(&str, &str); 1] = [("cpython", "native")];

/// Macros at the crate's root, and the room whose they are.
const MACROS: [(&str, &str); 2] = [("field", "cpython"), ("need", "cpython")];

/// One path into another room.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    file: String,
    line: usize,
    from: String,
    to: String,
}

/// The rooms in their order: first words of the lines of the block marked `layers`.
fn declared(architecture: &str) -> Vec<String> {
    let block = architecture.split("```layers\n").nth(1).expect("docs/architecture.md has a block marked `layers`");
    let block = block.split("```").next().unwrap();
    block.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The room of a file, by its path below `src`; none for `lib.rs` and `main.rs`, which stand above all.
fn room(file: &Path) -> Option<String> {
    let first = file.components().next()?.as_os_str().to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(name, "lib" | "main")).then(|| name.to_owned())
}

/// Files of unit tests by name; they may look anywhere.
fn is_test_file(file: &Path) -> bool {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    stem == "tests" || stem.starts_with("synth") || file.iter().any(|part| part == "tests")
}

/// The code without comments, and without the tests at its end; lines stay where they are.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let without_comment = |line: &str| match line.find("//") {
        // `//` in a string is not followed by a path into the crate that matters: cut there too.
        Some(at) => line[..at].to_owned(),
        None => line.to_owned(),
    };
    text[..end].lines().map(without_comment).collect::<Vec<_>>().join("\n")
}

/// Names of the rooms that `crate::...` names, one for each name in `crate::{a::x, b}`; the offset of each.
fn paths(code: &str) -> Vec<(usize, String)> {
    let path = Regex::new(r"crate\s*::\s*(\{|[a-z_0-9]+)").unwrap();
    let word = Regex::new(r"^[a-z_0-9]+").unwrap();
    let mut found = Vec::new();
    for capture in path.captures_iter(code) {
        let name = capture.get(1).unwrap();
        if name.as_str() != "{" {
            found.push((name.start(), name.as_str().to_owned()));
            continue;
        }
        // First name of each member of the group; members of inner groups are not rooms.
        let (mut depth, mut at_start) = (1usize, true);
        let rest = &code[name.end()..];
        for (offset, c) in rest.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => at_start = true,
                _ if c.is_whitespace() => {}
                _ if depth == 1 && at_start => {
                    at_start = false;
                    if let Some(found_word) = word.find(&rest[offset..]) {
                        found.push((name.end() + offset, found_word.as_str().to_owned()));
                    }
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// Every path of a file into another room.
fn imports(file: &Path, text: &str) -> Vec<Import> {
    let Some(from) = room(file).filter(|_| !is_test_file(file)) else { return Vec::new() };
    let code = code(text);
    let import = |(offset, name): (usize, String)| {
        let to = MACROS.iter().find(|(macro_name, _)| *macro_name == name).map_or(name, |(_, room)| (*room).to_owned());
        let line = code[..offset].lines().count().max(1);
        Import { file: file.display().to_string(), line, from: from.clone(), to }
    };
    paths(&code).into_iter().map(import).filter(|i| i.from != i.to).collect()
}

/// What is wrong with an import.
fn fault(import: &Import, order: &[String]) -> Option<String> {
    let Import { file, line, from, to } = import;
    let place = |room: &str| order.iter().position(|r| r == room);
    let why = match (place(from), place(to)) {
        (None, _) => format!("`{from}` is not a room of docs/architecture.md"),
        (_, None) => format!("`{to}` is not a room of docs/architecture.md"),
        (Some(own), Some(other)) if other > own => format!("`{from}` may not import `{to}`, which is below it"),
        _ if SIBLINGS.iter().any(|s| *s == (from, to) || *s == (to, from)) => {
            format!("`{from}` and `{to}` are siblings: neither may import the other")
        }
        _ => return None,
    };
    Some(format!("src/{file}:{line}: {why}"))
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn imports_point_at_rooms_above() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let order = declared(&std::fs::read_to_string(root.join("docs/architecture.md")).unwrap());
    assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), order.len(), "a room is listed twice: {order:?}");
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    files.sort();
    let mut seen = 0;
    let mut faults = Vec::new();
    for path in &files {
        let file = path.strip_prefix(root.join("src")).unwrap();
        let found = imports(file, &std::fs::read_to_string(path).unwrap());
        seen += found.len();
        faults.extend(found.iter().filter_map(|import| fault(import, &order)));
    }
    assert!(seen > 500, "only {seen} imports were found: the search is broken");
    assert!(
        faults.is_empty(),
        "{} import(s) against the order of docs/architecture.md:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn lib_rs_has_the_rooms_of_the_picture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let order = declared(&std::fs::read_to_string(root.join("docs/architecture.md")).unwrap());
    let lib = std::fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let module = Regex::new(r"(?m)^(?:pub(?:\(crate\))? )?mod ([a-z_0-9]+);").unwrap();
    let modules: Vec<String> = module.captures_iter(&lib).map(|c| c[1].to_owned()).collect();
    assert!(modules.len() > 10, "{modules:?}");
    let strangers: Vec<&String> = modules.iter().filter(|m| !order.contains(m)).collect();
    assert!(strangers.is_empty(), "not in docs/architecture.md: {strangers:?}");
    // The crate's own page lists them in the same order.
    let listed: Vec<&str> = lib.lines().filter_map(|l| l.strip_prefix("//! - ")?.split('`').nth(1)).collect();
    let wanted: Vec<&String> = order.iter().filter(|room| listed.contains(&room.as_str())).collect();
    assert_eq!(listed, wanted, "src/lib.rs lists the rooms in another order");
    let unlisted: Vec<&String> = modules.iter().filter(|m| !listed.contains(&m.as_str())).collect();
    assert!(unlisted.iter().all(|m| ["fuzzing"].contains(&m.as_str())), "src/lib.rs does not list {unlisted:?}");
}

/// Where code may ask which processor it is: the enum itself, the tables, and what decodes instructions of one only.
const PROCESSORS: [&str; 4] =
    ["src/base/abi.rs", "src/arch/", "src/native/x86_64/", "src/cpython/layout/tables/mod.rs"];

#[test]
fn no_room_asks_which_processor_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let variant = Regex::new(r"\bArch::[A-Z]|LINUX_AARCH64|EM_(X86_64|AARCH64|RISCV)\b").unwrap();
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap();
        let shown = name.to_str().unwrap().to_owned();
        if is_test_file(name) || PROCESSORS.iter().any(|allowed| shown.starts_with(allowed)) {
            continue;
        }
        let text = code(&std::fs::read_to_string(&file).unwrap());
        let lines = text.lines().enumerate().filter(|(_, line)| variant.is_match(line));
        found.extend(lines.map(|(n, line)| format!("{shown}:{}: {}", n + 1, line.trim())));
    }
    // Only names of processors that are not supported, for the message that says so.
    found.retain(|line| !line.starts_with("src/debuggee/elf_core/header.rs") || !line.contains("=>"));
    assert!(found.is_empty(), "facts of processors belong to src/arch:\n{}", found.join("\n"));
}

#[test]
fn planted_imports_are_found() {
    let order: Vec<String> = declared("```layers\nbase x\ncpython y\nnative z\n\nengine w\n```");
    assert_eq!(order, ["base", "cpython", "native", "engine"]);
    let at = |file: &str, text: &str| -> Vec<String> {
        imports(Path::new(file), text).iter().filter_map(|i| fault(i, &order)).collect()
    };
    let downward = at("base/addr.rs", "//! x\n\nuse crate::engine::Options;\n");
    assert_eq!(downward, ["src/base/addr.rs:3: `base` may not import `engine`, which is below it"]);
    assert!(at("engine/mod.rs", "use crate::base::Addr;\nuse crate::{native::x, cpython};").is_empty());
    assert_eq!(at("native/mod.rs", "use crate::base::{Addr, Text};\nuse crate::cpython::Heap;").len(), 1);
    assert_eq!(at("cpython/mod.rs", "fn f() { crate::native::g() }").len(), 1);
    assert_eq!(at("native/mod.rs", "use crate::field;").len(), 1, "a macro of cpython's");
    assert_eq!(
        at("base/mod.rs", "use crate::{\n    base::Addr,\n    engine::{cpython, native},\n};"),
        ["src/base/mod.rs:3: `base` may not import `engine`, which is below it"]
    );
    assert_eq!(
        at("base/mod.rs", "use crate::other::X;"),
        ["src/base/mod.rs:1: `other` is not a room of docs/architecture.md"]
    );
    assert_eq!(
        at("other.rs", "use crate::base::X;"),
        ["src/other.rs:1: `other` is not a room of docs/architecture.md"]
    );
    for allowed in ["// use crate::engine::X;", "#[cfg(test)]\nmod tests {\n    use crate::engine::X;\n}"] {
        assert!(at("base/mod.rs", allowed).is_empty(), "{allowed}");
    }
    assert!(at("base/tests.rs", "use crate::engine::X;").is_empty());
}

/// Rooms that may compare and make words of the report: the model itself, what shows it, and diagnostics' own room.
const OF_WORDS: [&str; 3] = ["model", "render", "base"];

/// Types of the schema whose words are names that others gave: of architectures, operating systems, data models.
const NAMES_OF_OTHERS: [&str; 4] = ["Arch", "DataModel", "Endian", "Os"];

/// Strings that only look like words of the report: start of the file's path, string, what it is there.
const LOOK_ALIKES: [(&str, &str, &str); 12] = [
    ("commands/", "thread", "name of a command"),
    ("shell/", "thread", "name of a command"),
    ("commands/run.rs", "object", "name of a command"),
    ("commands/run.rs", "local", "name of a command"),
    ("commands/run.rs", "stack", "name of a question"),
    ("commands/run.rs", "threads", "name of a question"),
    ("dap/session.rs", "threads", "name of a request"),
    ("cpython/sync/", "result", "name of a method"),
    ("cpython/layout/", "gil", "name of a struct"),
    ("cpython/layout/", "thread", "name of a struct"),
    ("cpython/object/", "finished", "word of a repr"),
    ("cpython/object/", "name", "name of an attribute"),
];

/// Every word that an enum of the schema serialises to, and how schema 1.x wrote it.
fn words(schema: &serde_json::Value) -> BTreeSet<String> {
    fn collect(value: &serde_json::Value, words: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(map) => {
                words.extend(map.get("const").and_then(|c| c.as_str()).map(str::to_owned));
                let listed = map.get("enum").and_then(|e| e.as_array()).into_iter().flatten();
                words.extend(listed.filter_map(|w| w.as_str()).map(str::to_owned));
                map.values().for_each(|v| collect(v, words));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|v| collect(v, words)),
            _ => {}
        }
    }
    let mut words = BTreeSet::new();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        if !NAMES_OF_OTHERS.contains(&name.as_str()) {
            collect(definition, &mut words);
        }
    }
    let old: Vec<String> = words.iter().map(|w| w.replace('-', "_")).collect();
    words.extend(old);
    words
}

/// Strings of a file that are compared with, matched or stored, where they are words of the report.
fn word_uses(file: &Path, text: &str, words: &BTreeSet<String>) -> Vec<String> {
    let ours = room(file).is_some_and(|room| !OF_WORDS.contains(&room.as_str()));
    if !ours || is_test_file(file) {
        return Vec::new();
    }
    let string = Regex::new(r#""([A-Za-z][A-Za-z0-9_.-]*)""#).unwrap();
    let before = Regex::new(r"(==|!=|\||\bSome\()\s*$").unwrap();
    let after = Regex::new(r"^\s*(==|!=|=>|\||\.to_owned\(\)|\.into\(\)|\.to_string\(\)|\.to_uppercase)").unwrap();
    let mut uses = Vec::new();
    for (index, line) in code(text).lines().enumerate() {
        for found in string.captures_iter(line) {
            let (whole, word) = (found.get(0).unwrap(), &found[1]);
            let used = before.is_match(&line[..whole.start()]) || after.is_match(&line[whole.end()..]);
            let path = file.to_string_lossy();
            let alike = LOOK_ALIKES.iter().any(|(place, name, _)| path.starts_with(place) && *name == word);
            if used && words.contains(word) && !alike {
                uses.push(format!("src/{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    uses
}

#[test]
fn words_of_the_report_are_written_and_compared_by_its_types_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = std::fs::read_to_string(root.join("docs/report.schema.json")).unwrap();
    let words = words(&serde_json::from_str(&schema).unwrap());
    for word in ["frame-pointer", "frame_pointer", "recorded", "no-python", "null-pointer", "deadlock"] {
        assert!(words.contains(word), "{word} is not in docs/report.schema.json");
    }
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    files.sort();
    let uses: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let file = path.strip_prefix(root.join("src")).unwrap();
            word_uses(file, &std::fs::read_to_string(path).unwrap(), &words)
        })
        .collect();
    assert!(uses.is_empty(), "use the type of crate::model, not its word:\n{}", uses.join("\n"));
}

#[test]
fn planted_words_are_found() {
    let words: BTreeSet<String> = ["scan", "build-id-mismatch"].map(str::to_owned).into();
    let at = |file: &str, text: &str| word_uses(Path::new(file), text, &words).len();
    for planted in [
        r#"if n.trust == "scan" {"#,
        r#"matches!(t, "cfi" | "scan")"#,
        r#""scan" => 1,"#,
        r#"trust: "scan".to_owned(),"#,
        r#"d.code != "build-id-mismatch""#,
        r#"Some("scan")"#,
    ] {
        assert_eq!(at("triage/tokens.rs", planted), 1, "{planted}");
        assert_eq!(at("render/text/frame.rs", planted), 0, "render may: {planted}");
        assert_eq!(at("triage/tests.rs", planted), 0, "tests may: {planted}");
    }
    for free in [r#"println!("scan")"#, r#"// == "scan""#, r#"x == "scanned""#] {
        assert_eq!(at("triage/tokens.rs", free), 0, "{free}");
    }
}

/// Steps of the walks of docs/architecture.md: walk, file below `src`, function.
fn steps(architecture: &str) -> Vec<(String, String, Option<String>)> {
    let section = architecture.split("## Five values on their way\n").nth(1).expect("the walks");
    let section = section.split("\n## ").next().unwrap();
    let step = Regex::new(r"^\d+\. `([^`]+)`(?: `([^`]+)`)?:").unwrap();
    let mut walk = String::new();
    let mut steps = Vec::new();
    for line in section.lines() {
        if let Some(name) = line.strip_prefix("### ") {
            walk = name.to_owned();
        } else if let Some(found) = step.captures(line) {
            steps.push((walk.clone(), found[1].to_owned(), found.get(2).map(|f| f.as_str().to_owned())));
        }
    }
    steps
}

#[test]
fn walks_name_what_is_there_and_have_no_step_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let architecture = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let order = declared(&architecture);
    let steps = steps(&architecture);
    let walks: BTreeSet<&String> = steps.iter().map(|(walk, ..)| walk).collect();
    assert_eq!(walks.len(), 5, "{walks:?}");
    let mut faults = Vec::new();
    let mut before: Option<(&String, usize)> = None;
    for (walk, file, function) in &steps {
        let text = std::fs::read_to_string(root.join("src").join(file)).unwrap_or_default();
        let there =
            function.as_ref().is_none_or(|f| text.contains(&format!("fn {f}(")) || text.contains(&format!("fn {f}<")));
        if text.is_empty() || !there {
            faults.push(format!("{walk}: no {file} with {function:?}"));
        }
        let Some(at) = room(Path::new(file)).and_then(|room| order.iter().position(|r| *r == room)) else {
            faults.push(format!("{walk}: {file} is in no room"));
            continue;
        };
        if before.is_some_and(|(last, above)| last == walk && above > at) {
            faults.push(format!("{walk}: {file} is a step back"));
        }
        before = Some((walk, at));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
