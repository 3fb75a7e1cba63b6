//! Crashes of known defects, made once for all tests by `tests/tools/triage_corpus.py`.

use super::Unavailable;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the tool says on a machine that cannot make one.
const UNAVAILABLE: i32 = 77;

pub struct Corpus {
    pub cores: Vec<PathBuf>,
    /// Options that name the files of the dead processes.
    pub files: Vec<String>,
    /// A shell command that leaves a core in the working directory.
    pub crash_here: String,
    /// Directory with all outputs of a triage of all cores.
    pub out: PathBuf,
    /// Interpreters that have packages of PyPI.
    pub wheels: usize,
    truth: PathBuf,
    defects: BTreeMap<String, String>,
}

/// The program under test, without what the caller's environment would change.
pub fn pyinquest() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyinquest"));
    command.env_remove("GITHUB_STEP_SUMMARY").env_remove("PYINQUEST_TRIAGE_DB").env("NO_COLOR", "1");
    command
}

pub fn stdout(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

pub fn json(command: &mut Command) -> Value {
    serde_json::from_str(&stdout(command)).expect("output is JSON")
}

/// The output of a triage that could not read some of its inputs: all results, and exit code 3.
pub fn json_with_unread(command: &mut Command) -> Value {
    let output = command.output().expect("the program runs");
    assert_eq!(output.status.code(), Some(3), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("output is JSON")
}

/// The corpus; made when first asked for. `PYINQUEST_CORPUS` may name one that is there.
pub fn corpus() -> Result<&'static Corpus, Unavailable> {
    static CORPUS: OnceLock<Result<Corpus, Unavailable>> = OnceLock::new();
    CORPUS.get_or_init(make).as_ref().map_err(Clone::clone)
}

fn tool() -> Command {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/triage_corpus.py"));
    command
}

fn make() -> Result<Corpus, Unavailable> {
    let dir = match std::env::var_os("PYINQUEST_CORPUS") {
        Some(dir) => PathBuf::from(dir),
        None => {
            let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("triage-corpus");
            if dir.join("truth.json").exists() {
                let _ = tool().arg("clean").arg(&dir).status();
            }
            let _ = fs::remove_dir_all(&dir);
            let output = tool().arg("make").arg(&dir).args(["--interpreters", "4", "--runs", "1"]).output();
            let output = output.map_err(|e| Unavailable(format!("no python3: {e}")))?;
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.code() == Some(UNAVAILABLE) {
                return Err(Unavailable(stderr));
            }
            assert!(output.status.success(), "{stderr}");
            dir
        }
    };
    let truth: Value = serde_json::from_slice(&fs::read(dir.join("truth.json")).unwrap()).unwrap();
    assert_eq!(truth["failed"].as_array().map(Vec::len), Some(0), "{:#}", truth["failed"]);
    let defects: BTreeMap<String, String> = truth["cores"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(core, fact)| (core.clone(), fact["defect"].as_str().unwrap().to_owned()))
        .collect();
    let sysroots = truth["sysroots"].as_array().unwrap().iter();
    let files = sysroots.flat_map(|root| ["--sysroot".to_owned(), root.as_str().unwrap().to_owned()]).collect();
    let scenes: Vec<&str> = truth["scenes"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    let app = scenes.first().map(|s| format!("{s}/app")).unwrap_or_default();
    let corpus = Corpus {
        cores: defects.keys().map(|core| dir.join("cores").join(core)).collect(),
        files,
        // Any Python serves: the module has the stable ABI.
        crash_here: format!("ulimit -c unlimited; python3 {app}/prog.py stats-mean"),
        out: dir.join("out"),
        wheels: truth["wheels"].as_array().map_or(0, Vec::len),
        truth: dir.join("truth.json"),
        defects,
    };
    stdout(pyinquest().arg("triage").args(&corpus.files).arg("--out").arg(&corpus.out).arg(dir.join("cores")));
    Ok(corpus)
}

impl Corpus {
    /// Pairwise precision and recall of the triage in `out`.
    pub fn score(&self) -> Value {
        json(tool().arg("score").arg(self.out.join("triage.json")).arg(&self.truth))
    }

    /// The cores of that defect.
    pub fn cores_of(&self, defect: &str) -> impl Iterator<Item = &PathBuf> + use<'_> {
        let defect = defect.to_owned();
        self.cores.iter().filter(move |core| self.defects[core.file_name().unwrap().to_str().unwrap()] == defect)
    }

    /// A core of that defect.
    pub fn core_of(&self, defect: &str) -> Option<&PathBuf> {
        self.cores_of(defect).next()
    }

    /// Rows of these defects, as NDJSON.
    pub fn rows_of(&self, defects: &[&str]) -> String {
        let rows = fs::read_to_string(self.out.join("rows.ndjson")).unwrap();
        let wanted = |line: &&str| {
            let row: Value = serde_json::from_str(line).unwrap();
            let name = row["dump"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            defects.contains(&self.defects[&name].as_str())
        };
        rows.lines().filter(wanted).flat_map(|line| [line, "\n"]).collect()
    }
}
