//! What goes wrong beside a triage must not cost its results, and must not stay green.

use crate::{pyinquest, scene};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn triage(arguments: &[&str], path: &Path) -> Output {
    let mut command = pyinquest();
    command.args(["triage", "--no-files", "--format", "json"]).args(arguments).arg(path);
    command.output().unwrap()
}

fn result(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_store_that_fails_loses_nothing() {
    let (dir, core, _) = scene();
    let broken = dir.path().join("broken.db");
    std::fs::write(&broken, "this is no database at all, and longer than a header of one is\n".repeat(20)).unwrap();
    let baseline = dir.path().join("baseline.toml");
    std::fs::write(&baseline, "]] no toml").unwrap();
    let out = dir.path().join("out");
    let gone = "postgresql://nobody@127.0.0.1:1/none";
    for (option, place) in
        [("--db", broken.to_str().unwrap()), ("--db", gone), ("--baseline", baseline.to_str().unwrap())]
    {
        let output = triage(&[option, place, "--out", out.to_str().unwrap(), "--fail-on", "any"], &core);
        assert_eq!(output.status.code(), Some(8), "{place}: {}", said(&output));
        assert!(said(&output).starts_with("pyinquest: error: "), "{place}: {}", said(&output));
        for result in
            [result(&output), serde_json::from_slice(&std::fs::read(out.join("triage.json")).unwrap()).unwrap()]
        {
            assert_eq!(result["groups"].as_array().unwrap().len(), 1, "{place}: {result}");
            assert_eq!(result["problems"].as_array().unwrap().len(), 1, "{place}: {result}");
            assert!(result["groups"][0].get("state").is_none(), "nothing is known: {result}");
        }
        assert!(std::fs::read_to_string(out.join("summary.txt")).unwrap().contains("problem: "), "{place}");
        std::fs::remove_dir_all(&out).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&baseline).unwrap(), "]] no toml", "left as it was");
    // A directory that cannot be written: the results are on standard output all the same.
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = triage(&["--out", file.join("out").to_str().unwrap()], &core);
    assert_eq!((output.status.code(), result(&output)["dumps"].as_u64()), (Some(8), Some(1)), "{}", said(&output));
}

#[test]
fn bad_rows_are_counted_and_named() {
    let (dir, core, _) = scene();
    let row = pyinquest().args(["triage", "map", "--no-files"]).arg(&core).output().unwrap();
    assert_eq!(row.status.code(), Some(0), "{row:?}");
    let mut rows = row.stdout.clone();
    rows.extend(b"{\"format\": 99}\n\nnot JSON\n\xff\xfe\n");
    // One dump's row counts once: this is of another.
    let mut other: Value = serde_json::from_slice(&row.stdout).unwrap();
    other["dump"] = "another".into();
    rows.extend(other.to_string().bytes());
    let file = dir.path().join("rows.ndjson");
    std::fs::write(&file, rows).unwrap();
    let reduce = |more: &[&str], path: &Path| {
        let mut command: Command = pyinquest();
        command.args(["triage", "reduce", "--format", "json"]).args(more).arg(path).output().unwrap()
    };
    let output = reduce(&[], &file);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let found = result(&output);
    let names: Vec<&str> = found["broken"].as_array().unwrap().iter().map(|b| b["dump"].as_str().unwrap()).collect();
    let at = |line: usize| format!("{}:{line}", file.display());
    assert_eq!(names, [at(2), at(4), at(5)]);
    assert_eq!((found["groups"][0]["count"].as_u64(), found["dumps"].as_u64()), (Some(2), Some(5)));
    assert_eq!(reduce(&["--strict"], &file).status.code(), Some(5));
    let absent = reduce(&[], &dir.path().join("rows.ndjsn"));
    assert_eq!(absent.status.code(), Some(3), "a wrong path: {}", said(&absent));
}

#[test]
fn wrong_paths_and_unreadable_inputs_do_not_stay_green() {
    let (dir, core, store) = scene();
    for wrong in ["core.absent", "core.absent*", "text"] {
        std::fs::write(dir.path().join("text"), "no dump\n").unwrap();
        let output = triage(&[], &dir.path().join(wrong));
        assert_eq!(output.status.code(), Some(3), "{wrong}: {}", said(&output));
        assert!(said(&output).contains("not read: "), "{wrong}: {}", said(&output));
        assert_eq!(result(&output)["broken"].as_array().unwrap().len(), 1);
    }
    let map = pyinquest().args(["triage", "map"]).arg(dir.path().join("core.absent")).output().unwrap();
    assert_eq!(map.status.code(), Some(3));
    // A directory of links is read; one damaged dump in it is a row like others, and with --strict a fault.
    std::os::unix::fs::symlink(&core, store.join("core.linked")).unwrap();
    let output = triage(&["--strict"], &store);
    assert_eq!((output.status.code(), result(&output)["groups"][0]["count"].as_u64()), (Some(0), Some(1)));
    std::fs::write(store.join("core.damaged"), b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x04\0\x3e\0 and no more")
        .unwrap();
    assert_eq!(triage(&[], &store).status.code(), Some(0));
    assert_eq!(triage(&["--strict"], &store).status.code(), Some(5));
}

/// Where dumps are expanded and archives unpacked is in no result: names there are others each time.
#[test]
fn temporary_places_are_in_no_result() {
    const MARK: &str = "mark-of-the-temporary";
    let (dir, core, _) = scene();
    let temporary = dir.path().join(MARK);
    std::fs::create_dir(&temporary).unwrap();
    let whole = std::fs::read(&core).unwrap();
    let (archive, packed) = (dir.path().join("cores.tar"), dir.path().join("core.9.zst"));
    std::fs::write(&packed, zstd::encode_all(&whole[..], 1).unwrap()).unwrap();
    let mut builder = tar::Builder::new(std::fs::File::create(&archive).unwrap());
    // Whole, packed, cut off in the middle, packed and damaged, and nothing of a dump.
    let squeezed = zstd::encode_all(&whole[..], 1).unwrap();
    let members: [(&str, &[u8]); 6] = [
        ("core.1", &whole),
        ("core.2.zst", &squeezed),
        ("core.3", &whole[..whole.len() / 2]),
        ("core.4.zst", &squeezed[..squeezed.len() / 2]),
        ("core.5", &whole[..80]),
        ("core.6", b"\x7fELF no core"),
    ];
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        builder.append_data(&mut header, name, bytes).unwrap();
    }
    drop(builder.into_inner().unwrap());
    let clean = |output: &Output, what: &str| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &said(output);
        assert!(!text.contains(MARK), "{what}: {text}");
    };
    let out = dir.path().join("out");
    for limit in [&[][..], &["--timeout", "0.001"], &["--memory-limit", "1"]] {
        let mut command = pyinquest();
        command.args(["triage", "--format", "json", "--out"]).arg(&out).args(limit).arg(&archive).arg(&packed);
        let output = command.env("TMPDIR", &temporary).output().unwrap();
        assert!(!result(&output)["broken"].as_array().unwrap().is_empty(), "{output:?}");
        clean(&output, "triage");
        for entry in std::fs::read_dir(&out).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(!text.contains(MARK), "{}: {text}", path.display());
        }
    }
    for arguments in
        [&["report", "--json"][..], &["report", "--verbose"], &["info", "--verbose", "--json"], &["triage", "explain"]]
    {
        for dump in [&packed, &core] {
            let output = pyinquest().args(arguments).arg(dump).env("TMPDIR", &temporary).output().unwrap();
            clean(&output, &format!("{arguments:?}"));
        }
        let mut piped = pyinquest();
        piped.args(arguments).arg("-").stdin(std::fs::File::open(&packed).unwrap()).env("TMPDIR", &temporary);
        clean(&piped.output().unwrap(), &format!("{arguments:?} -"));
    }
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "what was expanded is gone");
}

/// Of a dump whose reading a limit of ours ended nothing is known, wherever it was found: that is not green. A job of `map` is not
/// to be repeated for it, and its row says what happened.
#[test]
fn dumps_that_run_into_a_limit_do_not_stay_green() {
    let (_dir, core, store) = scene();
    std::fs::copy(&core, store.join("core.1")).unwrap();
    for (limit, outcome, why) in
        [(["--timeout", "0.0001"], "timed_out", "--timeout"), (["--memory-limit", "1"], "failed", "--memory-limit")]
    {
        for path in [&core, &store] {
            let output = triage(&limit, path);
            assert_eq!(output.status.code(), Some(3), "{limit:?}: {}", said(&output));
            assert!(said(&output).contains("not read: "), "{limit:?}: {}", said(&output));
            let broken = &result(&output)["broken"][0];
            assert!(broken["outcome"] == outcome && broken["error"].as_str().unwrap().contains(why), "{broken:#}");
        }
        let map = pyinquest().args(["triage", "map"]).args(limit).arg(&core).output().unwrap();
        let row: Value = serde_json::from_slice(&map.stdout).unwrap();
        assert_eq!((map.status.code(), row["outcome"].as_str()), (Some(0), Some(outcome)), "{}", said(&map));
    }
}

/// Dumps that are cut off before anything of Python say nothing of a defect: they are no group, and none of them is in one.
#[test]
fn dumps_that_are_cut_off_share_no_group() {
    let (_dir, core, store) = scene();
    let whole = std::fs::read(&core).unwrap();
    for (number, size) in [20_000, 40_000, 60_000].into_iter().enumerate() {
        std::fs::write(store.join(format!("core.{number}")), &whole[..size]).unwrap();
    }
    let output = triage(&[], &store);
    let found = result(&output);
    let groups = found["groups"].as_array().unwrap();
    assert!(groups.iter().all(|g| g["count"] == 1), "{found:#}");
    let broken = found["broken"].as_array().unwrap();
    assert!(broken.len() >= 2 && broken.len() + groups.len() == 3, "{found:#}");
    assert!(
        broken.iter().all(|b| b["outcome"] == "unreadable" && b["error"].as_str().unwrap().contains("cut")),
        "{found:#}"
    );
}
