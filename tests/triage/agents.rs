//! An agent at the corpus: a script that knows nothing of a crash, opens it and gives the commands that are named to it.

use super::agent::Client;
use super::common::skip;
use super::corpus::{Corpus, corpus};
use super::corpus_or_skip;
use regex::Regex;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Calls that the script may make for a dump.
const CALLS: usize = 5;

/// What runs into a defect: file and function of the program and, where several share those, a function of its module.
struct Place {
    file: String,
    function: String,
    native: Option<String>,
}

type Places = BTreeMap<String, Place>;

/// By the program's own text.
fn places() -> Places {
    let source = include_str!("../programs/triage/prog.py");
    let line = r#"(?m)^    "([a-z-]+)": (?:lambda rows: )?(?:"(\w+)"|(\w+)\.(?:\w+\(\)\.)?(\w+)(?:\("(\w+)")?)"#;
    let place = |found: regex::Captures<'_>| {
        let text = |group: usize| found.get(group).map(|text| text.as_str().to_owned());
        let file = text(3).unwrap_or("arrays".to_owned()) + ".py";
        let function = text(4).or(text(2)).unwrap();
        (found[1].to_owned(), Place { file, function, native: text(5) })
    };
    Regex::new(line).unwrap().captures_iter(source).map(place).collect()
}

/// Defects whose place is in a line of what was said.
fn named(places: &Places, said: &str) -> Vec<String> {
    let has =
        |text: &str, word: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word);
    let in_line = |beginning: &str, word: &str| {
        said.lines().any(|line| line.split_once(beginning).is_some_and(|(_, after)| has(after, word)))
    };
    let in_module = |word: &str| said.lines().any(|line| line.contains("in defects.so") && has(line, word));
    let one = |place: &Place| {
        in_line(&format!("shop/{}", place.file), &place.function) && place.native.as_deref().is_none_or(in_module)
    };
    places.iter().filter(|(_, place)| one(place)).map(|(defect, _)| defect.clone()).collect()
}

/// Calls until the place of the defect and a cause were seen, and all that was said.
fn look(client: &mut Client, core: &Path, places: &Places, defect: &str) -> (Option<usize>, String) {
    let opened = client.call("open_dump", json!({ "path": core }));
    assert!(!opened.error, "{}: {opened:?}", core.display());
    let mut said = opened.text();
    let cause = said.contains("certain: ") || said.contains("likely: ");
    let mut calls = 1;
    let mut found = (cause && named(places, &said).iter().any(|named| named == defect)).then_some(calls);
    for check in opened.next() {
        if found.is_some() || calls == CALLS {
            break;
        }
        let (command, rest) = check.split_once(' ').unwrap_or((&check, ""));
        let answer =
            client.call("run_command", json!({ "dump": opened.dump(), "command": command, "arguments": rest }));
        calls += 1;
        said.push_str(&answer.data.unwrap_or_default());
        found = (cause && named(places, &said).iter().any(|named| named == defect)).then_some(calls);
    }
    client.call("close_dump", json!({ "dump": opened.dump() }));
    (found, said)
}

#[test]
fn agents_reach_the_evidence_of_a_defect_in_five_calls() {
    let corpus: &Corpus = corpus_or_skip!();
    let places = places();
    let root = corpus.cores[0].parent().unwrap().to_str().unwrap();
    let arguments: Vec<&str> = ["--root", root].into_iter().chain(corpus.files.iter().map(String::as_str)).collect();
    let mut client = Client::start(&arguments);
    let (mut needed, mut missed) = (BTreeMap::<usize, usize>::new(), Vec::new());
    for defect in places.keys() {
        let Some(core) = corpus.core_of(defect) else { continue };
        match look(&mut client, core, &places, defect) {
            // Another defect's place on the stack would be the wrong evidence.
            (Some(calls), said) if named(&places, &said) == [defect.clone()] => *needed.entry(calls).or_default() += 1,
            (found, said) => missed.push(format!("{defect} ({found:?}, {:?}):\n{said}", named(&places, &said))),
        }
    }
    client.end();
    println!("defects by calls: {needed:?}");
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
    assert!(needed.values().sum::<usize>() >= 30, "{needed:?}");
}
