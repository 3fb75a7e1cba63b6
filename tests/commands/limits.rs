//! What a report leaves out, it says.

use crate::common::{Crash, CrashedProcess, interpreters, not_asked_for, skip};
use crate::{pyinquest, scene};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Of a deep stack the locals of the middle frames are not read; text and JSON say so at each.
#[test]
fn locals_that_are_left_out_are_told() {
    let found = interpreters().iter().rfind(|i| i.is_ordinary() && i.root.is_none());
    let Some(interpreter) = found else { skip!("no interpreters: run tests/interpreters/fetch.py") };
    let dead = match Crash::new(interpreter, "recursion.py").args(&["300"]).run() {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let output = pyinquest().args(["report", "--locals", "--format", "json"]).arg(&dead.core).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let threads = report["threads"].as_array().unwrap().iter();
    let frames = threads.map(|t| t["frames"].as_array().unwrap()).max_by_key(|frames| frames.len()).unwrap();
    let left_out = frames.iter().filter(|f| f["locals_left_out"] == true).count();
    let with = frames.iter().filter(|f| f["locals"].is_array()).count();
    assert!(frames.len() > 300 && with == 200, "{} frames, {with} with locals", frames.len());
    assert_eq!(left_out, frames.len() - with);
    let text = pyinquest().args(["report", "--locals", "--verbose"]).arg(&dead.core).output().unwrap();
    assert!(
        String::from_utf8_lossy(&text.stdout).contains("(its locals were not read: the thread has too many frames)")
    );
}

/// A dead process of an ordinary interpreter.
fn dead(program: &str, arguments: &[&str]) -> Result<CrashedProcess, String> {
    let found = interpreters().iter().rfind(|i| i.is_ordinary() && i.root.is_none());
    let interpreter = found.ok_or("no interpreters: run tests/interpreters/fetch.py")?;
    Crash::new(interpreter, program).args(arguments).run().map_err(|e| e.to_string())
}

/// Exit code, report and standard error of a command that writes one.
fn report(arguments: &[&str], dump: &Path) -> (i32, Value, String) {
    let output = pyinquest().args(arguments).arg("--json").arg(dump).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (
        output.status.code().unwrap(),
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}")),
        said,
    )
}

fn messages(report: &Value, code: &str) -> Vec<String> {
    let all = report["diagnostics"].as_array().into_iter().flatten();
    all.filter(|d| d["code"] == code).map(|d| d["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn frames_beyond_the_limit_are_cut_and_told() {
    let dead = match dead("recursion.py", &["300"]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let (_, whole, _) = report(&["report"], &dead.core);
    assert_eq!(messages(&whole, "limit-reached"), Vec::<String>::new());
    let (code, cut, _) = report(&["report", "--max-frames", "50"], &dead.core);
    let deepest = |report: &Value| {
        let threads = report["threads"].as_array().unwrap().clone();
        threads.into_iter().max_by_key(|t| t["frames"].as_array().unwrap().len()).unwrap()
    };
    let (all, some) = (deepest(&whole), deepest(&cut));
    assert_eq!((code, some["frames"].as_array().unwrap().len()), (0, 50));
    assert!(some["frames"].as_array().unwrap()[..] == all["frames"].as_array().unwrap()[..50]);
    assert!(some["frames_end"].as_str().unwrap().contains("more than 50 frames"), "{}", some["frames_end"]);
    let said = messages(&cut, "limit-reached");
    assert!(
        said.len() == 1 && said[0].starts_with("1 thread has more Python frames than are read (50 of one)"),
        "{said:?}"
    );
    let text = pyinquest().args(["report", "--strict", "--max-frames", "50"]).arg(&dead.core).output().unwrap();
    let shown = String::from_utf8_lossy(&text.stdout).into_owned();
    assert_eq!(text.status.code(), Some(5));
    assert!(
        shown.contains("more than 50 frames: the others are left out") && shown.contains("--max-frames 500"),
        "{shown}"
    );
}

#[test]
fn threads_and_modules_beyond_the_limit_are_cut_and_told() {
    let dead = match dead("threads.py", &[]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let (_, whole, _) = report(&["report"], &dead.core);
    let ids = |report: &Value| -> Vec<u64> {
        report["threads"].as_array().unwrap().iter().filter_map(|t| t["tid"].as_u64()).collect()
    };
    assert!(ids(&whole).len() > 3, "{:?}", ids(&whole));
    let (code, cut, _) = report(&["report", "--max-threads", "1"], &dead.core);
    let crashed = |report: &Value| {
        let threads = report["threads"].as_array().unwrap().clone();
        let mut thread = threads.into_iter().find(|t| t["crashed"] == true).expect("the crashed thread");
        // Its place in the list of threads is its place among those that were read.
        thread["python"]["order"] = Value::Null;
        thread
    };
    assert_eq!(code, 0);
    // The crashed one with all that is known of it, and at most one more of either kind.
    assert_eq!(crashed(&cut), crashed(&whole));
    assert!(ids(&cut).len() < ids(&whole).len() && ids(&cut).len() <= 3, "{:?}", ids(&cut));
    let said = messages(&cut, "limit-reached");
    for what in ["threads are read", "thread states of Python are read"] {
        assert!(said.iter().any(|text| text.contains(what)), "{what}: {said:?}");
    }
    let (_, few, _) = report(&["report", "--max-modules", "2"], &dead.core);
    let modules = few["modules"].as_array().unwrap();
    assert!((2..=3).contains(&modules.len()), "{modules:?}");
    let said = messages(&few, "limit-reached");
    assert!(said.len() == 1 && said[0].contains("modules are read"), "{said:?}");
    // A slim dump has less then, and standard error says so.
    let small = dead.dir.join("small.core");
    let slim = pyinquest().args(["slim", "--max-threads", "1"]).arg(&dead.core).arg("-o").arg(&small).output().unwrap();
    let told = String::from_utf8_lossy(&slim.stderr).into_owned();
    assert!(slim.status.success() && told.contains("warning: 1 of ") && told.contains("--max-threads"), "{told}");
    // The system's threads are all in it, but not the frames of those that were left out.
    let with_frames = |report: &Value| {
        report["threads"].as_array().unwrap().iter().filter(|t| !t["frames"].as_array().unwrap().is_empty()).count()
    };
    let small = report(&["report"], &small).1;
    assert!(with_frames(&small) >= 1 && with_frames(&small) < with_frames(&whole), "{}", with_frames(&small));
}

#[test]
fn the_time_is_told_when_it_is_over() {
    let (_dir, core, _) = scene();
    let (code, cut, _) = report(&["report", "--locals", "--timeout", "0.000001"], &core);
    assert!(matches!(code, 0 | 4), "{code}");
    let said = messages(&cut, "time-over");
    assert!(said.len() == 1 && said[0].starts_with("the time was over before all was read"), "{said:?}");
    let (code, whole, _) = report(&["report", "--locals", "--timeout", "0"], &core);
    assert_eq!((code, messages(&whole, "time-over").len()), (0, 0));
    for wrong in ["-1", "soon", "1e99"] {
        let output = pyinquest().args(["report", "--timeout", wrong]).arg(&core).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn an_expanded_dump_takes_no_more_than_it_may() {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cores/3.12-threads.core.zst");
    let (_, whole, _) = report(&["info"], &packed);
    let (code, cut, _) = report(&["info", "--max-expanded", "0"], &packed);
    let said = messages(&cut, "limit-reached");
    assert!(said.iter().any(|text| text.contains("was expanded to") && text.contains("MiB in")), "{code}: {said:?}");
    assert_eq!(messages(&whole, "limit-reached"), Vec::<String>::new());
    assert_eq!(messages(&cut, "packed-dump-damaged"), Vec::<String>::new(), "it is not the file's fault");
}

/// `heap` looks at the clock while it finds objects; what it knows until then is shown and said to be a part.
#[test]
fn the_heap_is_looked_through_as_long_as_there_is_time() {
    let dead = match dead("millions.py", &["objects", "300000"]) {
        Ok(dead) => dead,
        Err(reason) => skip!("{reason}"),
    };
    let heap = |arguments: &[&str]| {
        let start = Instant::now();
        let output =
            pyinquest().args(["heap"]).args(arguments).args(["--format", "json"]).arg(&dead.core).output().unwrap();
        (output, start.elapsed())
    };
    let (whole, all) = heap(&["--timeout", "0"]);
    let answer = |output: &std::process::Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let objects = |answer: &Value| answer["objects"].as_u64().unwrap();
    assert!(objects(&answer(&whole)) > 300_000 && messages(&answer(&whole), "time-over").is_empty());
    // Somewhere between nothing and all; how far it comes is the host's.
    let mut parts = 0;
    for step in 1..20 {
        let seconds = (all.as_secs_f64() * f64::from(step) / 20.0).to_string();
        let (part, took) = heap(&["--timeout", &seconds]);
        if part.status.code() == Some(3) {
            let said = String::from_utf8_lossy(&part.stderr).into_owned();
            assert!(said.contains("the time was over before an object of the heap was found"), "{said}");
            continue;
        }
        let part = answer(&part);
        let said = messages(&part, "time-over");
        assert!(said.len() <= 1, "{said:?}");
        if let Some(said) = said.first() {
            parts += 1;
            assert!(said.contains("are known, others are missing") || said.contains("were followed"), "{said}");
            assert!(objects(&part) <= objects(&answer(&whole)), "{said}: {}", objects(&part));
            eprintln!("{seconds} s: {} objects in {took:?}: {said}", objects(&part));
        }
    }
    assert!(parts > 0, "never cut in {all:?}");
    // Of objects whose references were not all seen the audit says nothing.
    let seconds = (all.as_secs_f64() / 2.0).to_string();
    let audit = pyinquest()
        .args(["heap", "audit", "--format", "json", "--timeout", &seconds])
        .arg(&dead.core)
        .output()
        .unwrap();
    if audit.status.success() && !messages(&answer(&audit), "time-over").is_empty() {
        assert_eq!(answer(&audit)["groups"].as_array().unwrap().len(), 0);
    }
}

/// A program with a million of something, and what it costs to report on it and to make it small. Not every day:
/// `PYINQUEST_MILLION=1`.
#[test]
fn a_million_of_anything_takes_seconds() {
    if std::env::var_os("PYINQUEST_MILLION").is_none() {
        not_asked_for("a million threads and frames: PYINQUEST_MILLION=1");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let threads = dir.path().join("threads.core");
    million_threads(&threads, 1_000_000);
    let states = dead("millions.py", &["states", "1000000"]).unwrap();
    let frames = dead("millions.py", &["frames", "1000000"]).unwrap();
    let commands: [&[&str]; 4] =
        [&["bt", "--thread", "all"], &["report"], &["report", "--native", "--locals"], &["slim"]];
    for (what, dump) in [("threads", &threads), ("thread states", &states.core), ("frames", &frames.core)] {
        for command in commands {
            let out = dir.path().join("out");
            let mut timed = Command::new("/usr/bin/time");
            timed.args(["-f", "%e %M"]).arg(pyinquest().get_program()).args(command).arg(dump).arg("-o").arg(&out);
            let output = timed.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let (seconds, kibibytes) = said.lines().last().unwrap().split_once(' ').unwrap();
            eprintln!("{what}: {command:?}: {seconds} s, {} MiB", kibibytes.parse::<u64>().unwrap() >> 10);
            assert!(kibibytes.parse::<u64>().unwrap() < 1 << 20, "{what}: {command:?}: {said}");
            assert!(seconds.parse::<f64>().unwrap() < 20.0, "{what}: {command:?}: {said}");
        }
    }
}

/// A core of so many threads without Python: only notes, and a page of memory.
fn million_threads(path: &Path, count: u32) {
    let words = |words: &[u64]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    // n_namesz, n_descsz, NT_PRSTATUS, "CORE", struct elf_prstatus.
    const DESC: usize = 336;
    let note = 12 + 8 + DESC;
    let header = |kind: u32, offset: u64, address: u64, size: u64| {
        let mut out = kind.to_le_bytes().to_vec();
        out.extend(4u32.to_le_bytes());
        out.extend(words(&[offset, address, 0, size, size, 4]));
        out
    };
    let (notes, at) = (note as u64 * u64::from(count), 64 + 2 * 56);
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut head = b"\x7fELF\x02\x01\x01".to_vec();
    head.resize(16, 0);
    head.extend([4, 0, 62, 0, 1, 0, 0, 0]);
    head.extend(words(&[0, 64, 0]));
    head.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
    head.extend(header(4, at, 0, notes));
    head.extend(header(1, at + notes, 0x7000_0000, 0x1000));
    out.write_all(&head).unwrap();
    for tid in 1..=count {
        let mut one: Vec<u8> = [5u32, DESC as u32, 1].iter().flat_map(|w| w.to_le_bytes()).collect();
        one.extend(b"CORE\0\0\0\0");
        let mut desc = vec![0u8; DESC];
        desc[12] = 11;
        desc[32..36].copy_from_slice(&tid.to_le_bytes());
        // rip and rsp (asm/user.h).
        desc[112 + 16 * 8..][..8].copy_from_slice(&0x7000_0100u64.to_le_bytes());
        desc[112 + 19 * 8..][..8].copy_from_slice(&0x7000_0800u64.to_le_bytes());
        one.extend(desc);
        out.write_all(&one).unwrap();
    }
    out.write_all(&[7; 0x1000]).unwrap();
}
