//! faulthandler's text of hand-made reports; `tests/faulthandler.rs` compares with the real thing.

use super::sample::{crash, crash_of, python_frame, text, thread};
use crate::sample::make;
use pyinquest::base::Abi;
use pyinquest::model::Report;
use pyinquest::render::faulthandler::render;

fn shown(report: &Report) -> String {
    String::from_utf8(render(report).text).unwrap()
}

#[test]
fn version_3_12() {
    insta::assert_snapshot!(
        shown(&crash()).replace("line 5 in even\n  File \"/app/deep.py\", line 9 in odd\n", "..\n")
    );
}

#[test]
fn version_3_8_knows_neither_gc_nor_modules() {
    let text = shown(&crash_of((3, 8, 18)));
    assert!(!text.contains("Garbage") && !text.contains("Extension modules"));
    assert!(text.contains("  ...\n"));
}

#[test]
fn version_3_14_prints_names_of_threads() {
    let text = shown(&crash_of((3, 14, 4)));
    assert!(text.contains("Thread 0x00007f2800000066 [worker-é-very-] (most recent call first):\n"), "{text}");
    assert!(text.contains("Current thread 0x00007f2800000065 [python3.12] (most recent call first):\n"), "{text}");
    assert!(!text.contains("  ...\n"), "no mark of depth since 3.13");
    let notes = render(&crash_of((3, 14, 4))).notes;
    assert!(notes.iter().any(|n| n.contains("C stack")), "{notes:?}");
}

#[test]
fn shims_count_towards_the_limit_where_they_do() {
    let mut report = crash_of((3, 13, 9));
    let frame = || make!(Frame { entry: Some(true), ..python_frame("a.py", 1, "f") });
    report.threads = vec![thread(1, 9, (0..120).map(|_| frame()).collect())];
    let lines = |r: &Report| shown(r).matches("  File ").count();
    assert_eq!(lines(&report), 100);
    for (version, frames) in [((3, 13, 10), 50), ((3, 14, 0), 100), ((3, 14, 1), 50), ((3, 15, 2), 50)] {
        report.python = crash_of(version).python;
        assert_eq!(lines(&report), frames, "{version:?}");
    }
}

#[test]
fn strings_are_escaped_and_cut_at_500_code_points() {
    let mut report = crash();
    let mut frame = python_frame("", 1, "");
    frame.file = Some(text(&[0x22, 0x5c, 0x0a, 0xe9, 0xdcff, 0x6f22, 0x1_f600]));
    frame.function = Some(text(&[0x61; 501]));
    let nameless = make!(Frame { line: None, file: None, function: None, ..frame.clone() });
    report.threads = vec![thread(1, 9, vec![frame, nameless])];
    let expected = format!("  File \"\"\\\\x0a\\xe9\\udcff\\u6f22\\U0001f600\", line 1 in {}...\n", "a".repeat(500));
    let text = shown(&report);
    assert!(text.contains(&expected), "{text}");
    assert!(text.contains("  File ???, line ??? in ???\n"));
}

#[test]
fn a_hundred_threads_and_no_more() {
    let mut report = crash();
    report.interpreters[0].extension_modules = None;
    report.threads = (0..150).rev().map(|n| thread(u64::from(n), n, Vec::new())).collect();
    let rendered = render(&report);
    let text = String::from_utf8(rendered.text).unwrap();
    assert_eq!(text.matches("Thread 0x").count(), 100);
    assert!(text.ends_with("  <no Python frame>\n\n...\n"), "{text}");
    assert!(text.starts_with("Fatal Python error: Segmentation fault\n\nThread 0x00007f2800000000 "));
    assert!(rendered.notes.iter().any(|n| n.contains("50 are left out")), "{:?}", rendered.notes);
}

#[test]
fn only_threads_of_the_crashed_interpreter() {
    let mut report = crash();
    if let Some(python) = &mut report.threads[1].python {
        python.interpreter = 3;
    }
    assert!(!shown(&report).contains("0x00007f2800000067"));
}

#[test]
fn a_crash_outside_python_has_no_current_thread() {
    let mut report = crash();
    report.threads[0].crashed = false;
    if let Some(python) = &mut report.threads[0].python {
        python.current = false;
    }
    let text = shown(&report);
    assert!(!text.contains("Current") && !text.contains("Garbage"));
}

#[test]
fn free_threaded_builds_print_the_current_thread_only() {
    let mut report = crash_of((3, 14, 0));
    if let Some(python) = &mut report.python {
        python.free_threaded = Some(true);
    }
    report.interpreters[0].gil_enabled = Some(false);
    report.interpreters[0].extension_modules = Some(Vec::new());
    assert_eq!(
        shown(&report),
        "Fatal Python error: Segmentation fault\n\n<Cannot show all threads while the GIL is disabled>\n\
         Stack (most recent call first):\n  File \"/app/n\\xe4ive\\x1b[31m.py\", line 12 in read\n  \
         File \"/app/main.py\", line 30 in main\n  File \"/app/main.py\", line 40 in <module>\n"
    );
    report.interpreters[0].gil_enabled = Some(true);
    assert!(shown(&report).contains("Current thread"));
}

#[test]
fn signals_and_windows_exceptions() {
    let mut report = crash();
    let mut first = |name: &str, exception: Option<u32>| {
        if let Some(crash) = &mut report.crash {
            crash.name = Some(name.to_owned());
            crash.exception_code = exception;
        }
        let rendered = render(&report);
        (String::from_utf8(rendered.text).unwrap().lines().next().unwrap().to_owned(), rendered.notes)
    };
    assert_eq!(first("SIGFPE", None).0, "Fatal Python error: Floating point exception");
    assert_eq!(first("SIGBUS", None).0, "Fatal Python error: Bus error");
    let (line, notes) = first("SIGTRAP", None);
    assert_eq!(line, "Fatal Python error: SIGTRAP");
    assert!(notes.iter().any(|n| n.contains("does not handle")));
    assert_eq!(first("", Some(0xc000_0005)).0, "Windows fatal exception: access violation");
    assert_eq!(first("", Some(0xe06d_7363)).0, "Windows fatal exception: code 0xe06d7363");
    let mut report = crash_of((3, 13, 0));
    report.crash.as_mut().unwrap().name = Some("SIGFPE".to_owned());
    assert!(shown(&report).starts_with("Fatal Python error: Floating-point exception\n\n"));
}

#[test]
fn thread_ids_have_the_width_of_long() {
    let mut report = crash();
    report.process.abi = Some(Abi::WINDOWS_X86_64);
    report.threads = vec![thread(5, 0, Vec::new())];
    report.threads[0].python.as_mut().unwrap().ident = Some(0x1a2c);
    assert!(shown(&report).contains("Thread 0x00001a2c (most"), "{}", shown(&report));
}
