//! The formats, against their own rules.

use super::common::skip;
use super::corpus::{corpus, json, pyinquest, stdout};
use super::corpus_or_skip;
use quick_xml::events::Event;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn read(name: &str) -> Result<String, super::Unavailable> {
    Ok(fs::read_to_string(corpus()?.out.join(name)).unwrap())
}

#[test]
fn json_fits_its_schema() {
    let corpus = corpus_or_skip!();
    let schema = json(pyinquest().args(["schema", "triage"]));
    let result: Value = serde_json::from_slice(&fs::read(corpus.out.join("triage.json")).unwrap()).unwrap();
    let errors: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&result).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// The schema of OASIS is not ours to ship; `test.sh` puts it into the cache where it can be had.
#[test]
fn sarif_fits_the_schema_of_oasis() {
    let corpus = corpus_or_skip!();
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let path = home.join(".cache/pyinquest/schemas/sarif-schema-2.1.0.json");
    let Ok(text) = fs::read(&path) else { skip!("{} is not there", path.display()) };
    let schema: Value = serde_json::from_slice(&text).unwrap();
    let log: Value = serde_json::from_slice(&fs::read(corpus.out.join("triage.sarif")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&log).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let results = log["runs"][0]["results"].as_array().unwrap();
    // A crash outside of any source file that is known (in the C library, in the collector) has no such place.
    let placed = results.iter().filter(|r| r["locations"][0]["physicalLocation"].is_object()).count();
    assert!(results.len() > 10 && placed * 4 > results.len() * 3, "{placed} of {}", results.len());
    let mut wrong = log.clone();
    wrong["runs"][0]["results"][0]["level"] = "terrible".into();
    assert!(!validator.is_valid(&wrong), "the schema says yes to everything");
}

#[test]
fn junit_is_well_formed_and_counts() {
    let text = match read("junit.xml") {
        Ok(text) => text,
        Err(reason) => skip!("{reason}"),
    };
    let mut reader = quick_xml::Reader::from_str(&text);
    let (mut cases, mut failures, mut said) = (0, 0, String::new());
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Eof => break,
            Event::Start(e) if e.name().as_ref() == "testcase" => cases += 1,
            Event::Start(e) if e.name().as_ref() == "failure" => failures += 1,
            Event::Start(e) if e.name().as_ref() == "testsuite" => {
                said = e.attributes().map(|a| a.unwrap().value.into_owned() + " ").collect();
            }
            _ => {}
        }
    }
    assert!(cases > 10 && said.contains(&format!("{cases} {failures} ")), "{cases} {failures}: {said}");
}

#[test]
fn github_gets_annotations_and_a_summary() {
    let corpus = corpus_or_skip!();
    let dir = tempfile::tempdir().unwrap();
    let summary = dir.path().join("summary.md");
    let rows = corpus.out.join("rows.ndjson");
    let mut command = pyinquest();
    command.args(["triage", "reduce", "--format", "github"]).arg(&rows).env("GITHUB_STEP_SUMMARY", &summary);
    let text = stdout(&mut command);
    assert!(text.lines().all(|l| l.starts_with("::")), "{text}");
    assert!(text.contains("::error file=") && text.contains("shop/stats.py,line="), "{text}");
    let markdown = fs::read_to_string(&summary).unwrap();
    assert!(markdown.starts_with("## ") && markdown.contains("| Crash |"), "{markdown}");
    assert_eq!(fs::read_to_string(corpus.out.join("summary.md")).unwrap(), markdown);
}

#[test]
fn the_page_opens_in_a_browser() {
    let corpus = corpus_or_skip!();
    let page = corpus.out.join("index.html");
    let text = fs::read_to_string(&page).unwrap();
    assert!(!text.contains("<script") && !text.contains("<link") && !text.contains(" src="));
    let Some(browser) =
        ["chromium", "google-chrome"].into_iter().find(|b| Command::new(b).arg("--version").output().is_ok())
    else {
        skip!("no chromium")
    };
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", dir.path().display())).arg(format!("file://{}", page.display()));
    let output = command.output().unwrap();
    let dom = String::from_utf8_lossy(&output.stdout);
    // What the browser has understood, and not merely echoed: implied elements are there, all groups are closed.
    assert!(dom.contains("<tbody>") || dom.contains("</html>"), "{}", String::from_utf8_lossy(&output.stderr));
    let groups = text.matches("<details class=\"group").count();
    assert!(groups > 10 && dom.matches("<details class=\"group").count() == groups);
    assert!(dom.contains("illegal instruction in defects"), "{}", &dom[..dom.len().min(3000)]);
}

/// `main` of the program has a local variable `password`.
#[test]
fn secrets_stay_out_of_shared_results() {
    let corpus = corpus_or_skip!();
    const SECRET: &str = "hunter2-";
    for entry in fs::read_dir(&corpus.out).unwrap() {
        let path = entry.unwrap().path();
        assert!(!fs::read_to_string(&path).unwrap().contains(SECRET), "{}", path.display());
    }
    let core = &corpus.cores[0];
    let map = |more: &[&str]| stdout(pyinquest().args(["triage", "map"]).args(more).args(&corpus.files).arg(core));
    let with = map(&["--with-locals"]);
    assert!(with.contains("\"password\"") && with.contains("<redacted>") && !with.contains(SECRET));
    assert!(map(&["--with-locals", "--no-redact"]).contains(SECRET));
}

/// Secrets where a log may show them: the command line, the source line of a frame, an exception, the environment.
#[test]
fn secrets_in_commands_sources_and_exceptions_stay_out() {
    corpus_or_skip!();
    const SECRETS: [&str; 4] = ["arg-5ecret", "url-5ecret", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "env-5ecret"];
    let dir = tempfile::tempdir().unwrap();
    let program = "import os\ndef connect(url):\n    os.abort()\ntry:\n    raise ValueError('token=GH')\n\
                   except ValueError:\n    connect('postgresql://bob:url-5ecret@db/shop')\n";
    fs::write(dir.path().join("a.py"), program.replace("GH", SECRETS[2])).unwrap();
    let script = "ulimit -c unlimited; exec python3 a.py --password=arg-5ecret";
    let mut crash = Command::new("sh");
    crash.args(["-c", script]).current_dir(dir.path()).env("API_TOKEN", SECRETS[3]).output().unwrap();
    let entries = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path());
    let core = entries.into_iter().find(|p| p.file_name().unwrap().to_str().unwrap().starts_with("core")).unwrap();
    let everything = |more: &[&str]| -> String {
        let out = tempfile::tempdir().unwrap();
        stdout(pyinquest().args(["triage", "--out"]).arg(out.path()).args(more).arg(&core));
        fs::read_dir(out.path()).unwrap().map(|e| fs::read_to_string(e.unwrap().path()).unwrap()).collect()
    };
    for more in [&[][..], &["--with-locals"]] {
        let shared = everything(more);
        assert!(shared.contains("connect") && shared.contains("a.py"));
        for secret in SECRETS {
            assert!(!shared.contains(secret), "{secret} is in a shared result with {more:?}");
        }
    }
    let private = everything(&["--no-redact", "--with-locals"]);
    // Only the environment is in no output at all.
    let shown = SECRETS.map(|secret| private.contains(secret));
    assert_eq!(shown, [true, true, true, false]);
}

/// The commands that docs/ci.md tells people to use, with a command in the place of their tests.
#[test]
fn the_commands_of_the_documentation_work() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci.md")).unwrap();
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut tried = 0;
    let parts = joined.split("pyinquest run ").skip(1).filter(|part| part.starts_with("--"));
    let whole = parts.filter_map(|part| Some(part.split_once(" -- ")?.0));
    // What is given to the templates.
    let given = text.lines().map(str::trim);
    let given = given.filter_map(|l| l.strip_prefix("options: ").or_else(|| l.strip_prefix("PYINQUEST_OPTIONS: ")));
    for options in whole.chain(given) {
        let dir = tempfile::tempdir().unwrap();
        let words = options
            .split(' ')
            .map(|word| word.trim_matches('"').replace("$TRIAGE_DB", "triage.db").replace("$CI_COMMIT_BRANCH", "main"));
        let words: Vec<String> = words.map(|word| word.replace("$CI_PIPELINE_ID", "17")).collect();
        assert!(!words.iter().any(|word| word.contains('$')), "{words:?}");
        let mut command = pyinquest();
        command.arg("run").args(&words).args(["--", "sh", "-c", "exit 3"]).current_dir(dir.path());
        let output = command.env("TMPDIR", dir.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        tried += 1;
    }
    assert_eq!(tried, 3, "commands in docs/ci.md");
}
