//! The memory of crashes: the same tests on SQLite and on a real PostgreSQL.

use super::common::{Unavailable, skip};
use super::corpus::{corpus, json, pyinquest, stdout};
use super::corpus_or_skip;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Groups of these rows after they were recorded: state and title, sorted.
fn record(db: &str, rows: &Path, more: &[&str]) -> Vec<(String, i64)> {
    let mut command = pyinquest();
    command.args(["triage", "reduce", "--format", "json", "--db", db]).args(more).arg(rows);
    let result = json(&mut command);
    let groups = result["groups"].as_array().unwrap().iter();
    let mut states: Vec<(String, i64)> =
        groups.map(|g| (g["state"].as_str().unwrap().to_owned(), g["issue"].as_i64().unwrap())).collect();
    states.sort();
    states
}

fn issues(db: &str) -> Vec<Value> {
    json(pyinquest().args(["triage", "issues", "--json", "--db", db])).as_array().unwrap().clone()
}

/// The rows with names and times as if they were other dumps of the same crashes.
fn again(rows: &str, run: usize) -> String {
    let rename = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        row["dump"] = format!("run-{run}/{}", row["dump"].as_str().unwrap()).into();
        row["seen"] = format!("2031-01-01T00:00:{run:02}Z").into();
        format!("{row}\n")
    };
    rows.lines().map(rename).collect()
}

fn life_of_an_issue(db: &str) {
    let corpus = corpus().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let first = corpus.rows_of(&["stats-mean", "images-resize"]);
    let rows = |name: &str, text: &str| -> PathBuf {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let states = |found: &[(String, i64)]| found.iter().map(|(s, _)| s.clone()).collect::<Vec<_>>().join(" ");

    let begin = record(db, &rows("a", &first), &["--label", "branch=main"]);
    assert_eq!(states(&begin), "new new");
    // The same dumps once more: known, and not counted again.
    assert_eq!(states(&record(db, &rows("a", &first), &["--label", "branch=main"])), "known known");
    let counted = |list: &[Value]| list.iter().map(|i| i["count"].as_i64().unwrap()).sum::<i64>();
    let dumps = i64::try_from(first.lines().count()).unwrap();
    let known = issues(db);
    assert_eq!((known.len(), counted(&known)), (2, dumps));
    assert_eq!(known.iter().map(|i| i["labels"]["branch=main"].as_i64().unwrap()).sum::<i64>(), dumps);

    let (fixed, ignored) = (begin[0].1, begin[1].1);
    stdout(pyinquest().args(["triage", "mark", &fixed.to_string(), "fixed", "--note", "see #12", "--db", db]));
    stdout(pyinquest().args(["triage", "mark", &ignored.to_string(), "ignored", "--db", db]));
    // Old dumps of what is fixed are no regression, new ones are; then it is open again.
    assert_eq!(states(&record(db, &rows("a", &first), &[])), "ignored known");
    assert_eq!(states(&record(db, &rows("b", &again(&first, 1)), &[])), "ignored regressed");
    assert_eq!(states(&record(db, &rows("c", &again(&first, 2)), &[])), "ignored known");
    let known = issues(db);
    let back = known.iter().find(|i| i["id"].as_i64() == Some(fixed)).unwrap();
    assert_eq!(back["status"], "open");
    assert!(back["notes"].to_string().contains("see #12") && back["notes"].to_string().contains("is back"), "{back}");
    assert_eq!(back["last_seen"], "2031-01-01T00:00:02Z");

    let wrong = pyinquest().args(["triage", "mark", "999", "fixed", "--db", db]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

/// Many jobs at once, each with other dumps of the same and of its own crashes.
fn nothing_is_lost(db: &str) {
    const JOBS: usize = 8;
    let corpus = corpus().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let text = corpus.rows_of(&["images-release", "catalog-load", "orders-check"]);
    let mut children = Vec::new();
    for job in 0..JOBS {
        let path = dir.path().join(job.to_string());
        fs::write(&path, again(&text, job + 10)).unwrap();
        let mut command = pyinquest();
        command.args(["triage", "reduce", "--db", db, "--label", "job=x"]).arg(path).stdout(Stdio::null());
        children.push(command.stderr(Stdio::piped()).spawn().unwrap());
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let known = issues(db);
    let of_jobs: Vec<&Value> = known.iter().filter(|i| i["labels"]["job=x"].is_i64()).collect();
    assert_eq!(of_jobs.len(), 3, "{known:#?}");
    let dumps = i64::try_from(text.lines().count() * JOBS).unwrap();
    assert_eq!(of_jobs.iter().map(|i| i["count"].as_i64().unwrap()).sum::<i64>(), dumps);
    assert_eq!(of_jobs.iter().map(|i| i["labels"]["job=x"].as_i64().unwrap()).sum::<i64>(), dumps);
}

#[test]
fn sqlite() {
    corpus_or_skip!();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    life_of_an_issue(&file("life.db"));
    nothing_is_lost(&file("jobs.db"));
    fs::write(file("text.db"), "not a database, and long enough to be looked at".repeat(100)).unwrap();
    let wrong = pyinquest().args(["triage", "issues", "--db", &file("text.db")]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[test]
fn postgresql() {
    corpus_or_skip!();
    let server = match Server::start() {
        Ok(server) => server,
        Err(reason) => skip!("{reason}"),
    };
    life_of_an_issue(&server.url("life"));
    nothing_is_lost(&server.url("jobs"));
    let wrong = pyinquest().args(["triage", "issues", "--db", &server.url_of("none")]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("does not exist"), "{wrong:?}");
    // Whoever asks for encryption must not get a connection without it.
    let url = format!("{}?sslmode=require", server.url_of("life"));
    let refused = pyinquest().args(["triage", "issues", "--db", &url]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("TLS"), "{refused:?}");
}

/// A PostgreSQL of our own, on a socket in a directory for temporary files.
struct Server {
    bin: PathBuf,
    dir: tempfile::TempDir,
    root: bool,
}

impl Server {
    fn start() -> Result<Self, Unavailable> {
        let directories = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
        let mut bins: Vec<PathBuf> =
            directories.map(|f| f.path().join("bin")).filter(|b| b.join("initdb").exists()).collect();
        bins.sort();
        let bin = bins.pop().ok_or_else(|| Unavailable("no PostgreSQL server is installed".to_owned()))?;
        let id = Command::new("id").arg("-u").output().map_err(|e| Unavailable(e.to_string()))?;
        // Path of a socket: at most 107 bytes.
        let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap();
        let server = Server { bin, dir, root: id.stdout == b"0\n" };
        if server.root {
            let owned = Command::new("chown").arg("postgres").arg(server.dir.path()).status();
            if !owned.is_ok_and(|s| s.success()) {
                return Err(Unavailable("PostgreSQL does not run as root, and there is no user postgres".to_owned()));
            }
        }
        let data = server.path("data");
        server.call("initdb", &["-D", &data, "-A", "trust", "-U", "tester", "--no-sync"]);
        let options = format!("-c listen_addresses='' -c fsync=off -k {}", server.dir.path().display());
        server.call("pg_ctl", &["-D", &data, "-w", "-l", &server.path("log"), "-o", &options, "start"]);
        Ok(server)
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    fn call(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(if self.root { "runuser" } else { "env" });
        if self.root {
            command.args(["-u", "postgres", "--"]);
        }
        command.arg(self.bin.join(program)).args(arguments).current_dir("/").stdout(Stdio::null());
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    fn url_of(&self, database: &str) -> String {
        let socket = self.dir.path().display().to_string().replace('/', "%2F");
        format!("postgresql://tester@{socket}/{database}")
    }

    /// URL of a new database.
    fn url(&self, database: &str) -> String {
        self.call("createdb", &["-h", &self.dir.path().display().to_string(), "-U", "tester", database]);
        self.url_of(database)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.call("pg_ctl", &["-D", &self.path("data"), "-m", "immediate", "stop"]);
    }
}
