//! `py-step` and its kin in real gdb, compared with what `sys.settrace` tells in the same interpreter.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod debugger;

use common::{Blocked, Interpreter, Unavailable, interpreters, not_asked_for, one_per_minor, printed, skip, waiting};
use debugger::{Server, gdb};
use serde_json::Value;

/// A line that begins: name of the file, line, function.
type Line = (String, u64, String);

/// Interpreters to step in: one of each minor version, or all of this machine's own processor where that is asked for.
fn stepped() -> Vec<&'static Interpreter> {
    if std::env::var_os("PYINQUEST_STEP_ALL").is_some() {
        return interpreters().iter().filter(|i| i.is_native()).collect();
    }
    not_asked_for("steps in every interpreter of the farm: PYINQUEST_STEP_ALL=1");
    one_per_minor()
}

fn name_of(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// What `sys.settrace` tells of the walk.
fn told(interpreter: &Interpreter) -> Result<Vec<Line>, Unavailable> {
    let text = printed(interpreter, "walk.py", &["trace"])?;
    let lines: Vec<Line> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}: {text}", interpreter.name));
    assert!(lines.len() > 600, "{}: {}", interpreter.name, lines.len());
    Ok(lines.into_iter().map(|(file, line, function)| (name_of(&file), line, function)).collect())
}

/// Runs the walk in gdb with these commands; at first it waits in a C call of `main`, and is free to go on.
fn walk(interpreter: &Interpreter, commands: &[&str]) -> Result<String, Unavailable> {
    let waits = waiting(interpreter, "walk.py", &["wait"])?;
    let sysroot = format!("set sysroot {}", interpreter.sysroot.display());
    let attach = format!("attach {}", waits.pid);
    let go = format!("shell echo > {}/go", waits.dir.display());
    let all: Vec<&str> =
        [&sysroot, &attach, &go].into_iter().map(String::as_str).chain(commands.iter().copied()).collect();
    Ok(gdb(&all, &[])?.text)
}

/// `py-NAME --json`, `count` times, each answer on a line.
fn again(name: &str, count: usize) -> String {
    format!("python for i in range({count}): print('went', json.dumps(json.loads(_run('{name}', '--json').text)))")
}

/// Where the answers of [`again`] say that the thread has gone, and why it has stopped there.
fn went(text: &str) -> Vec<(String, Line)> {
    let line = |answer: &str| {
        let answer: Value = serde_json::from_str(answer).unwrap_or_else(|e| panic!("{e}: {answer:?} in:\n{text}"));
        let frame = &answer["frame"];
        let text = |key: &str| frame[key].as_str().unwrap_or_default().to_owned();
        let line = (name_of(&text("file")), frame["line"].as_u64().unwrap_or(0), text("function"));
        (answer["why"].as_str().unwrap().to_owned(), line)
    };
    text.lines().filter_map(|line| line.strip_prefix("went ")).map(line).collect()
}

#[test]
fn steps_go_where_settrace_says() {
    let all = stepped();
    if all.is_empty() {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    }
    for interpreter in all {
        let expected = told(interpreter);
        let text = expected.as_ref().map_err(Clone::clone).and_then(|expected| {
            // One more lies before the walk: the line of `main` that calls it.
            walk(interpreter, &[&again("step", expected.len() + 1)])
        });
        let (expected, text) = match (expected, text) {
            (Ok(expected), Ok(text)) => (expected, text),
            (Err(reason), _) | (_, Err(reason)) => skip!("{reason}"),
        };
        let who = &interpreter.name;
        let steps = went(&text);
        assert_eq!(steps.first().map(|(_, line)| line.2.as_str()), Some("main"), "{who}:\n{text}");
        for (at, (why, line)) in steps.iter().skip(1).enumerate() {
            assert!(
                why == "line" && line == &expected[at],
                "{who}: step {at} went to {line:?} ({why}), settrace says {:?}\nbefore: {:?}\nits answers: {:#?}",
                expected[at],
                &expected[at.saturating_sub(6)..at],
                text.lines().filter(|line| line.starts_with("went ")).skip(at).take(3).collect::<Vec<_>>(),
            );
        }
        assert_eq!(steps.len(), expected.len() + 1, "{who}:\n{text}");
    }
}

#[test]
fn next_finish_and_until_stay_in_their_frame() {
    for interpreter in one_per_minor() {
        let who = &interpreter.name;
        let expected: Vec<Line> = match told(interpreter) {
            Ok(lines) => lines.into_iter().filter(|line| line.2 == "walk").collect(),
            Err(reason) => skip!("{reason}"),
        };
        let commands = [
            // Into `plain`, and out again.
            &again("step", 4),
            "py-finish",
            "echo =next=\\n",
            &again("next", expected.len() - 1),
            "echo =out=\\n",
            // Its callers have no further line.
            "py-next",
            "echo =end=\\n",
        ];
        let text = match walk(interpreter, &commands) {
            Ok(text) => text,
            Err(reason) => skip!("{reason}"),
        };
        let finish = text.split("=next=").next().unwrap();
        let first = expected[0].1;
        assert!(went(finish).last().unwrap().1.2 == "plain", "{who}:\n{text}");
        assert!(finish.contains("Run till exit, now in the caller:\n"), "{who}:\n{text}");
        assert!(finish.contains(&format!(", line {first}, in walk\n{first}\t    plain(1)\n")), "{who}:\n{text}");
        let steps: Vec<Line> = went(&text).into_iter().skip(4).map(|(_, line)| line).collect();
        let out = &text[text.find("=out=").unwrap()..text.find("=end=").unwrap()];
        assert!(out.contains("The Python code of this thread has ended.\n"), "{who}:\n{text}");
        assert_eq!(steps, expected[1..], "{who}:\n{text}");
    }
}

/// `until` goes on to the next line of its frame that is further down, as `bdb`'s does: loops go to their end by it.
#[test]
fn until_goes_further_down_in_its_frame_alone() {
    for interpreter in one_per_minor() {
        let who = &interpreter.name;
        let expected: Vec<u64> = match told(interpreter) {
            // The lines of one call: the function is called once.
            Ok(lines) => lines.into_iter().filter(|line| line.2 == "loops").map(|line| line.1).collect(),
            Err(reason) => skip!("{reason}"),
        };
        let mut down = vec![expected[0]];
        down.extend(
            expected
                .iter()
                .scan(expected[0], |last, line| {
                    let further = line > last;
                    *last = (*last).max(*line);
                    Some(further.then_some(*line))
                })
                .flatten(),
        );
        let [last] = lines_of(&["for _ in range(2): total"]).try_into().unwrap();
        assert!(down.len() > 6 && expected.len() > 2 * down.len(), "{who}: {down:?} of {expected:?}");
        let into = format!("py-tbreak walk.py:{}", down[0]);
        let down_there = format!("py-until {last}");
        let commands = [&into, "py-continue", &again("until", down.len() - 1), "echo =end=\\n", &again("until", 1)];
        let text = match walk(interpreter, &commands) {
            Ok(text) => text,
            Err(reason) => skip!("{reason}"),
        };
        let steps: Vec<u64> = went(&text).into_iter().map(|(_, line)| line.1).collect();
        assert_eq!(steps[..down.len() - 1], down[1..], "{who}:\n{text}");
        // Then the frame has ended, and its caller goes on.
        let end = went(&text).pop().unwrap();
        assert!(end.0 == "finished" && end.1.2 == "walk", "{who}: {end:?}\n{text}");
        // A line by its number, past all between.
        let text = match walk(interpreter, &[&into, "py-continue", &down_there]) {
            Ok(text) => text,
            Err(reason) => skip!("{reason}"),
        };
        assert!(text.contains(&format!("\n{last}\t    for _ in range(2): total += 1")), "{who}:\n{text}");
    }
}

/// Lines of the walk that begin with these texts, the first of each.
fn lines_of(texts: &[&str]) -> Vec<String> {
    let source = include_str!("programs/walk.py");
    let line = |text: &&str| source.lines().position(|line| line.trim_start().starts_with(text)).unwrap() + 1;
    texts.iter().map(|text| line(text).to_string()).collect()
}

/// Runs on from one Python breakpoint to the next, until something else stops the process.
const GO_ON: &str = r#"python exec("while True:\n w = json.loads(_run('continue', '--json').text)\n print('went', json.dumps(w))\n if w['why'] != 'breakpoint': break")"#;

/// The answers of [`GO_ON`].
fn answers(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| Some(serde_json::from_str(line.strip_prefix("went ")?).unwrap())).collect()
}

#[test]
fn breakpoints_stop_as_often_as_those_of_bdb() {
    // Four watchpoints are enough for each of these.
    let sets: [&[&str]; 3] = [
        &["c = a + b", "got = yield i", "raise ValueError(depth)", "return n if n < 2"],
        &["for i in range(n)", "count += len(args)"],
        &["while total > 4: total -= 2", "total += item"],
    ];
    for interpreter in stepped() {
        for set in sets {
            let who = &interpreter.name;
            let lines = lines_of(set);
            let words: Vec<&str> = ["hits"].into_iter().chain(lines.iter().map(String::as_str)).collect();
            let told = printed(interpreter, "walk.py", &words);
            let breaks: Vec<String> = lines.iter().map(|line| format!("py-break walk.py:{line}")).collect();
            let mut commands: Vec<&str> = breaks.iter().map(String::as_str).collect();
            commands.extend([GO_ON, "py-breakpoints"]);
            let (told, text) = match (told, walk(interpreter, &commands)) {
                (Ok(told), Ok(text)) => (told, text),
                (Err(reason), _) | (_, Err(reason)) => skip!("{reason}"),
            };
            if interpreter.free_threaded && interpreter.minor >= 14 {
                let says = "each thread of this free-threaded CPython runs a copy of its own of the bytecode: no breakpoint in it";
                assert_eq!(text.matches(says).count(), lines.len(), "{who}:\n{text}");
                continue;
            }
            let (expected, _): (Vec<usize>, Vec<String>) = serde_json::from_str(&told).unwrap();
            let answers = answers(&text);
            let hits = |number: usize| answers.iter().filter(|a| a["breakpoint"] == number).count();
            let counts: Vec<usize> = (1..=lines.len()).map(hits).collect();
            assert_eq!(counts, expected, "{who}: {set:?} at {lines:?}\n{text}");
            assert!(expected.iter().all(|count| *count > 0), "{expected:?}");
            let line = |answer: &Value| answer["frame"]["line"].to_string();
            assert!(answers.iter().all(|a| a["why"] != "breakpoint" || lines.contains(&line(a))), "{who}:\n{text}");
        }
    }
}

#[test]
fn each_raised_exception_is_caught_once() {
    for interpreter in stepped() {
        let who = &interpreter.name;
        let told = printed(interpreter, "walk.py", &["hits"]);
        let (told, all, some) = match (
            told,
            walk(interpreter, &["py-catch", GO_ON]),
            walk(interpreter, &["py-catch LookupError", GO_ON]),
        ) {
            (Ok(told), Ok(all), Ok(some)) => (told, all, some),
            (Err(reason), ..) | (_, Err(reason), _) | (.., Err(reason)) => skip!("{reason}"),
        };
        let (_, mut expected): (Vec<usize>, Vec<String>) = serde_json::from_str(&told).unwrap();
        // Since 3.13 a generator that has no handler is closed without one, unless something traces it.
        let is_told = |name: &String| name != "GeneratorExit" || interpreter.minor < 13;
        expected.retain(is_told);
        let caught = |text: &str| -> Vec<String> {
            let raised = answers(text).into_iter().filter_map(|a| Some(a["raised"].as_str()?.to_owned()));
            raised.map(|text| text.split('(').next().unwrap().to_owned()).collect()
        };
        assert!(expected.len() > 10, "{expected:?}");
        let mut raised = caught(&all);
        raised.retain(is_told);
        // The interpreter raises some more when it ends.
        raised.truncate(expected.len());
        assert_eq!(raised, expected, "{who}:\n{all}");
        let keys: Vec<String> = expected.into_iter().filter(|name| name == "KeyError").collect();
        assert_eq!(caught(&some), keys, "{who}:\n{some}");
    }
}

#[test]
fn conditions_functions_and_temporary_breakpoints() {
    for interpreter in one_per_minor() {
        let who = &interpreter.name;
        let commands = [
            // Names of the program are those of a frame; the wait is in one.
            "py-break plain if a == 3",
            "py-tbreak Thing.__lt__",
            "py-break nothing.like.it",
            "py-break walk.py:3",
            "py-break elsewhere.py:1",
            "py-break plain if a",
            "py-continue",
            "py-print a",
            "py-breakpoints",
            "echo =lt=\\n",
            "py-continue",
            "py-breakpoints",
            "py-delete 1",
            "py-delete 1",
            "py-continue",
            "py-advance waits",
            "py-print n",
            "echo =end=\\n",
        ];
        let text = match walk(interpreter, &commands) {
            Ok(text) => text,
            Err(reason) => skip!("{reason}"),
        };
        let (first, rest) = text.split_once("=lt=").unwrap();
        assert!(first.contains("Python breakpoint 1: break plain at "), "{who}:\n{text}");
        assert!(first.contains("local 'a' = 3\n") && first.contains(" if a == 3, hit once\n"), "{who}:\n{text}");
        assert!(first.contains("no line of Python code begins at walk.py:3\n"), "{who}:\n{text}");
        assert!(first.contains("is of elsewhere.py; is it imported yet?\n"), "{who}:\n{text}");
        assert!(first.contains("a condition is NAME"), "{who}:\n{text}");
        assert!(rest.contains("return self.size < other.size\n"), "{who}:\n{text}");
        assert_eq!(rest.matches("Python breakpoint 2").count(), 1, "{who}:\n{text}");
        assert!(rest.contains("there is no Python breakpoint 1 (py-breakpoints lists them)\n"), "{who}:\n{text}");
        assert!(rest.contains("there is no Python breakpoint (py-break, py-catch)"), "{who}:\n{text}");
        assert!(rest.contains("local 'n' = 2\n"), "{who}:\n{text}");
    }
}

#[test]
fn a_watched_variable_stops_at_each_value() {
    for interpreter in one_per_minor() {
        let who = &interpreter.name;
        let commands =
            ["py-tbreak loops", "py-continue", "py-watch total", "py-watch len", GO_ON, "py-info breakpoints"];
        let (told, text) =
            match (printed(interpreter, "walk.py", &["values", "loops", "total"]), walk(interpreter, &commands)) {
                (Ok(told), Ok(text)) => (told, text),
                (Err(reason), _) | (_, Err(reason)) => skip!("{reason}"),
            };
        let expected: Vec<i64> = serde_json::from_str(&told).unwrap();
        let answers = answers(&text);
        let values = |key: &str| -> Vec<String> {
            answers.iter().filter_map(|answer| Some(answer[key].as_str()?.to_owned())).collect()
        };
        let expected: Vec<String> = expected.iter().map(i64::to_string).collect();
        assert!(expected.len() > 8, "{expected:?}");
        assert_eq!(values("is"), expected, "{who}:\n{text}");
        assert_eq!(values("was")[1..], expected[..expected.len() - 1], "{who}:\n{text}");
        assert_eq!(values("was")[0], "(no value)", "{who}:\n{text}");
        let end = answers.last().unwrap();
        let said = "Python watchpoint 2 is removed: its frame has ended or is suspended.\n";
        assert!(end["why"] == "stopped" && end["said"] == said, "{who}:\n{text}");
        assert!(text.contains("a variable of the selected function is expected"), "{who}:\n{text}");
        assert!(text.contains("No Python breakpoints.\n"), "{who}:\n{text}");
    }
}

/// How many lines the debuggers walk that are slow: lldb stops at each change, a server is asked for each word.
const COUNT: usize = 40;

/// The same steps in every lldb at hand: its script watches words, and knows as little of CPython.
#[test]
fn lldb_steps_as_well() {
    let lldbs = debugger::lldbs();
    if lldbs.is_empty() {
        skip!("no lldb whose Python works");
    }
    let Some(interpreter) = one_per_minor().into_iter().find(|i| i.minor == 11) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    for lldb in lldbs {
        let (expected, waits) = match (told(interpreter), waiting(interpreter, "walk.py", &["wait"])) {
            (Ok(expected), Ok(waits)) => (expected, waits),
            (Err(reason), _) | (_, Err(reason)) => skip!("{reason}"),
        };
        let attach = format!("process attach --pid {}", waits.pid);
        let commands = [&attach, &lldb_go(&waits), &lldb_steps(), "py-break fails", "py-catch"];
        let said = lldb.run(&[&commands[..], &["py-continue", "py-continue"]].concat(), &[]);
        let text = format!("{}:\n{}", lldb.server(), said.text);
        assert_begins(&said.text, &expected);
        let rest = said.text.split("py-catch").nth(1).unwrap();
        let [first, second] = [1, 2].map(|at| rest.split("py-continue\n").nth(at).unwrap_or_default());
        assert!(first.contains("Python breakpoint 2, raised GeneratorExit\n"), "{text}");
        assert!(second.contains("Python breakpoint 1\n") && second.contains(", in fails\n"), "{text}");
        assert!(!said.text.contains("Watchpoint"), "{text}");
    }
}

/// Lets the waiting walk go on.
fn lldb_go(waits: &Blocked) -> String {
    format!("script open('{}/go', 'w').write('go')", waits.dir.display())
}

/// [`again`] for lldb: steps of which the first leads into the walk.
fn lldb_steps() -> String {
    format!(
        "script import json; _ = [print('went', json.dumps(json.loads(pyinquest_lldb._run(lldb.debugger, 'step', \
         '--json').text))) for _ in range({})]",
        COUNT + 1
    )
}

/// That steps went into the walk and then along its first lines.
fn assert_begins(text: &str, expected: &[Line]) {
    let steps = went(text);
    let lines: Vec<&Line> = steps.iter().skip(1).map(|(_, line)| line).collect();
    assert_eq!(lines, expected[..COUNT].iter().collect::<Vec<_>>(), "{text}");
}

/// Where a server runs the process, it also keeps the hardware watchpoints.
#[test]
fn steps_through_gdbserver_and_lldb_server() {
    let Some(interpreter) = one_per_minor().into_iter().find(|i| i.minor == 12) else {
        skip!("no interpreters: run tests/interpreters/fetch.py");
    };
    let expected = match told(interpreter) {
        Ok(expected) => expected,
        Err(reason) => skip!("{reason}"),
    };
    let attached = |server: &[&str]| {
        let waits = waiting(interpreter, "walk.py", &["wait"])?;
        let pid = waits.pid.to_string();
        let words: Vec<&str> = server.iter().map(|word| if *word == "{pid}" { &pid } else { *word }).collect();
        Ok::<_, Unavailable>((Server::start(&words)?, waits))
    };
    match attached(&["gdbserver", "--once", "--attach", "{address}", "{pid}"]) {
        Ok((server, waits)) => {
            let connect = format!("target remote {}", server.address);
            let go = format!("shell echo > {}/go", waits.dir.display());
            let all = [&connect, &go, &again("step", COUNT + 1), "py-break fails", "py-continue"];
            let said = gdb(&all, &[&interpreter.exe]).unwrap_or_else(|reason| panic!("{reason}"));
            assert_begins(&said.text, &expected);
            assert!(said.text.contains("Python breakpoint 1\n"), "{}", said.text);
        }
        Err(reason) => skip!("{reason}"),
    }
    for lldb in debugger::lldbs() {
        let program = lldb.server();
        match attached(&[&program, "gdbserver", "{address}", "--attach", "{pid}"]) {
            Ok((server, waits)) => {
                let connect = format!("gdb-remote {}", server.address);
                let said = lldb.run(&[&connect, &lldb_go(&waits), &lldb_steps()], &[&interpreter.exe]);
                assert_begins(&said.text, &expected);
            }
            Err(reason) => skip!("{reason}"),
        }
    }
}
