//! What people read: long values, many threads with the same stack, frames that are of no interest.

use crate::common::{Crash, CrashedProcess, Interpreter, interpreters, part_skipped, skip};
use crate::pyinquest;
use std::path::Path;

fn interpreter() -> Option<&'static Interpreter> {
    interpreters().iter().rfind(|i| i.is_ordinary() && i.root.is_none())
}

fn shown(arguments: &[&str], core: &Path) -> String {
    let output = pyinquest().args(arguments).arg(core).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn dead() -> Result<CrashedProcess, String> {
    let interpreter = interpreter().ok_or("no interpreters: run tests/interpreters/fetch.py")?;
    Crash::new(interpreter, "long_values.py").run().map_err(|reason| reason.to_string())
}

#[test]
fn long_values_are_cut_and_shown_once() {
    let dead = match dead() {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let text = shown(&["locals", "--thread", "crashed", "--max-string", "20000"], &dead.core);
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!((150..=160).contains(&longest), "{longest} columns:\n{text}");
    let line = |name: &str| text.lines().filter(|l| l.trim_start().starts_with(name)).collect::<Vec<_>>();
    // 10,240 and two quotes, of which the line has room for less than 160.
    let cut = line("same_text")[0];
    let said: usize = cut.rsplit("... (").next().unwrap().split(' ').next().unwrap().replace(',', "").parse().unwrap();
    let start = cut.find("= ").unwrap() + 2;
    assert_eq!(said + cut[start..].rfind("... (").unwrap(), 10_242, "{cut}");
    // Three frames have it, one shows it; an equal list is another value.
    assert_eq!(text.matches("the same as").count(), 2, "{text}");
    assert!(line("config").iter().any(|l| l.ends_with("= (the same as in #0)")), "{text}");
    assert!(line("copy")[0].contains("= ['entry 0000'"), "{text}");
    assert!(text.contains("--full shows them whole"), "{text}");

    // What was not even read is not counted.
    let unread = shown(&["locals", "--thread", "crashed"], &dead.core);
    assert!(unread.contains("xxx... (at least "), "{unread}");

    let whole = shown(&["locals", "--thread", "crashed", "--full", "--max-string", "20000"], &dead.core);
    assert!(whole.contains(&"x".repeat(10_240)) && !whole.contains("more characters"), "{whole}");
    assert!(!whole.contains("--full"), "{whole}");
}

#[test]
fn equal_stacks_are_one_in_every_format() {
    let dead = match dead() {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    for (format, marks) in [("text", "^^^"), ("markdown", "^^^"), ("html", "<b>")] {
        let text = shown(&["report", "--format", format], &dead.core);
        assert_eq!(text.matches("60 threads with the same stack").count(), 1, "{format}:\n{text}");
        assert_eq!(text.matches(" in wait_elsewhere").count(), 1, "{format}:\n{text}");
        assert!(text.lines().count() < 200, "{format}: {} lines", text.lines().count());
        // 3.11 and later know the columns.
        if interpreter().is_some_and(|i| i.minor >= 11) {
            assert!(text.contains(marks), "{format}:\n{text}");
        }
    }
    // What a thread waits for is seen without opening anything.
    let html = shown(&["report", "--format", "html"], &dead.core);
    let summaries = html.lines().filter(|l| l.starts_with("<summary>") && l.contains("<i>waits for")).count();
    assert!(summaries >= 2, "{html}");
}

/// Trampolines of `-X perf` between frames, and the file that `-X perf_jit` maps, are no news.
#[test]
fn trampolines_for_perf_are_not_shown() {
    let (mut wrong, mut ran) = (Vec::new(), 0);
    for interpreter in interpreters().iter().filter(|i| i.is_ordinary() && i.minor >= 12 && i.root.is_none()) {
        for option in ["perf", "perf_jit"] {
            if option == "perf_jit" && interpreter.minor < 13 {
                continue;
            }
            let dead = match Crash::new(interpreter, "perf_frames.py").options(&["-X", option]).run() {
                Ok(dead) => dead,
                Err(reason) => {
                    part_skipped(format_args!("{}: {reason}", interpreter.name));
                    continue;
                }
            };
            ran += 1;
            let text = shown(&["report", "--native"], &dead.core);
            let frames: Vec<&str> = text.lines().map(|l| l.trim_start().trim_start_matches("=> ")).collect();
            let frames: Vec<&str> = frames.into_iter().filter(|l| l.starts_with('#')).collect();
            let numbers = frames.iter().map(|l| l[1..].split(' ').next().unwrap().parse::<usize>().unwrap());
            let in_order = numbers.enumerate().all(|(at, number)| at == number);
            let python = frames.iter().filter(|l| l.contains("perf_frames.py")).count();
            // Between Python frames of which C code called none, nothing is shown.
            let first = frames.iter().position(|l| l.contains(" in inner"));
            let between = first.map(|at| &frames[at..]).unwrap_or_default();
            let quiet = between.iter().all(|l| l.contains("perf_frames.py"));
            if python != 6 || !in_order || !quiet || text.contains(".dump is not used") {
                wrong.push(format!("{} -X {option}:\n{text}", interpreter.name));
            }
        }
    }
    if ran == 0 {
        skip!("no interpreter of 3.12 or later");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
