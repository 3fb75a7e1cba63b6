//! Triage by map and reduce on engines that exist: a Slurm of one node, Dask, Spark. 2,000 dumps each; a worker is killed while it
//! works and tasks run twice. The groups are those of `triage` on one machine, to the byte.
//!
//! The programs of docs/examples/fleets do the work; those of tests/fleets set the engines up, and kill.

use super::common::{not_asked_for, skip};
use super::{environment, run, unpacked};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Dumps of each engine, and how many of the names its list has twice.
const DUMPS: usize = 2000;
const TWICE: usize = 60;

fn asked_for() -> bool {
    std::env::var_os("PYINQUEST_FLEETS").is_some()
}

/// 2,000 dumps below names of their own, the list of them, and what `triage` says of them here.
struct Scene {
    dir: tempfile::TempDir,
    expected: Vec<u8>,
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn pyinquest() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pyinquest"));
    command.env_remove("GITHUB_STEP_SUMMARY").env_remove("PYINQUEST_TRIAGE_DB");
    command
}

impl Scene {
    /// Of committed dumps, damaged and unsupported ones among them.
    fn new() -> Scene {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let cores = dir.path().join("cores");
        std::fs::create_dir(&cores).unwrap();
        let mut sources: Vec<PathBuf> = ["fixtures/cores", "fixtures/minidumps", "fixtures/unsupported"]
            .iter()
            .flat_map(|directory| std::fs::read_dir(here(directory)).unwrap().map(|entry| entry.unwrap().path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "zst"))
            .collect();
        sources.sort();
        let cut = dir.path().join("cut.core.zst");
        let whole = std::fs::read(&sources[0]).unwrap();
        std::fs::write(&cut, &whole[..whole.len() / 20]).unwrap();
        sources.push(cut);
        let mut names = Vec::new();
        for (number, source) in (0..DUMPS).zip(sources.iter().cycle()) {
            let name = cores.join(format!("{number:04}-{}", source.file_name().unwrap().to_str().unwrap()));
            // A name of its own is enough, and what another file system asks a copy for.
            std::fs::hard_link(source, &name).or_else(|_| std::fs::copy(source, &name).map(drop)).unwrap();
            names.push(name.to_str().unwrap().to_owned());
        }
        std::fs::write(dir.path().join("dumps.txt"), names.join("\n") + "\n").unwrap();
        let again = names.iter().step_by(DUMPS / TWICE).take(TWICE);
        let twice: Vec<&String> = names.iter().chain(again).collect();
        let twice: String = twice.iter().map(|name| format!("{name}\n")).collect();
        std::fs::write(dir.path().join("twice.txt"), twice).unwrap();
        let start = Instant::now();
        let said = pyinquest().args(["triage", "--format", "json"]).arg(&cores).output().unwrap();
        eprintln!("triage of {DUMPS} dumps on this machine: {:.0?}", start.elapsed());
        let triage: Value = serde_json::from_slice(&said.stdout).unwrap();
        assert_eq!(triage["dumps"], DUMPS, "{}", String::from_utf8_lossy(&said.stderr));
        assert!(triage["groups"].as_array().unwrap().len() > 5, "{}", triage["groups"]);
        assert!(triage["broken"].as_array().is_some_and(|broken| broken.len() > 20), "{}", triage["broken"]);
        Scene { dir, expected: said.stdout }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What one of the programs says that happened; the time that it took is printed.
    fn engine(&self, python: &Path, script: &str, arguments: &[&Path]) -> Value {
        let program = Path::new(env!("CARGO_BIN_EXE_pyinquest")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(python);
        command.arg(here("tests/fleets").join(script)).args(arguments).env("PATH", path);
        let start = Instant::now();
        let out = run(command.env("PYTHONDONTWRITEBYTECODE", "1")).unwrap_or_else(|e| panic!("{e}"));
        let said = serde_json::from_slice(&out.stdout).unwrap();
        eprintln!("{script}: {:.0?}, {said}", start.elapsed());
        said
    }

    /// Rows of every dump, those of some twice, give the groups that one machine gives.
    fn reduced(&self, rows: &[&str]) {
        let patterns = rows.iter().map(|name| self.path(name));
        let said = pyinquest().args(["triage", "reduce", "--format", "json"]).args(patterns).output().unwrap();
        assert!(said.stdout == self.expected, "{}", String::from_utf8_lossy(&said.stdout));
    }
}

/// Lines of all files of a directory whose names begin so.
fn lines(directory: &Path, beginning: &str) -> usize {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|file| file.file_name().to_str().is_some_and(|name| name.starts_with(beginning)));
    files.map(|file| std::fs::read_to_string(file.path()).unwrap().lines().count()).sum()
}

#[test]
fn slurm() {
    if !asked_for() {
        return not_asked_for("a Slurm of one node, minutes: PYINQUEST_FLEETS=1 (needs slurm-wlm and munge)");
    }
    let there = ["/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/sbin/munged"].iter().all(|p| Path::new(p).exists());
    if !there {
        skip!("slurm-wlm and munge are not installed");
    }
    let scene = Scene::new();
    let [dumps, rows, again] = ["dumps.txt", "rows", "again"].map(|name| scene.path(name));
    std::fs::create_dir(&rows).unwrap();
    std::fs::create_dir(&again).unwrap();
    let example = here("docs/examples/fleets/slurm_triage.sh");
    let said = scene.engine(Path::new("python3"), "slurm.py", &[&example, &dumps, &rows, &again, Path::new("40")]);
    assert_eq!(said["missing"], serde_json::json!([said["killed"]]), "{said}");
    assert_eq!(said["states"][said["killed"].to_string()], "FAILED", "{said}");
    assert_eq!(said["states"][said["requeued"].to_string()], "COMPLETED", "{said}");
    assert_eq!(said["restarts"], true, "{said}");
    assert_eq!(lines(&rows, ""), DUMPS + lines_of_unfinished(&rows), "{said}");
    assert_eq!(lines(&again, ""), DUMPS / 40);
    scene.reduced(&["rows/*.ndjson", "again/*.ndjson"]);
}

/// What a killed task had written stays beside the rows, under another name.
fn lines_of_unfinished(rows: &Path) -> usize {
    let files = std::fs::read_dir(rows).unwrap().map(|entry| entry.unwrap().path());
    let unfinished = files.filter(|path| path.extension().is_some_and(|ending| ending == "unfinished"));
    unfinished.map(|path| std::fs::read_to_string(path).unwrap().lines().count()).sum()
}

/// Python with Dask or Spark, and with our module.
fn python_with(name: &str, packages: &[&str]) -> Result<PathBuf, super::Unavailable> {
    let bin = environment(name, packages)?;
    let place =
        run(Command::new(bin.join("python")).args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]));
    let place = String::from_utf8(place.unwrap().stdout).unwrap();
    let line = format!("{}\n", unpacked()?.display());
    std::fs::write(Path::new(place.trim()).join("pyinquest-of-this-build.pth"), line).unwrap();
    Ok(bin.join("python"))
}

#[test]
fn dask() {
    if !asked_for() {
        return not_asked_for("Dask with two workers, minutes: PYINQUEST_FLEETS=1");
    }
    let python = match python_with("dask", &["dask==2026.8.0", "distributed==2026.8.0"]) {
        Ok(python) => python,
        Err(reason) => skip!("{reason}"),
    };
    let scene = Scene::new();
    let (example, rows) = (here("docs/examples/fleets/dask_triage.py"), scene.path("rows.ndjson"));
    let said = scene.engine(&python, "dask_cluster.py", &[&example, &scene.path("twice.txt"), &rows]);
    assert_eq!((&said["rows"], &said["restarted"]), (&(DUMPS + TWICE).into(), &true.into()), "{said}");
    scene.reduced(&["rows.ndjson"]);
}

#[test]
fn spark() {
    if !asked_for() {
        return not_asked_for("Spark with two executors, minutes: PYINQUEST_FLEETS=1 (needs Java)");
    }
    if Command::new("java").arg("-version").output().is_err() {
        skip!("no java");
    }
    let python = match python_with("spark", &["pyspark==4.3.0"]) {
        Ok(python) => python,
        Err(reason) => skip!("{reason}"),
    };
    let scene = Scene::new();
    let (example, rows) = (here("docs/examples/fleets/spark_triage.py"), scene.path("rows"));
    let said = scene.engine(&python, "spark_cluster.py", &[&example, &scene.path("twice.txt"), &rows]);
    assert_eq!((&said["executors"], &said["lost"]), (&2.into(), &true.into()), "{said}");
    assert_eq!(lines(&rows, "part-"), DUMPS + TWICE, "{said}");
    scene.reduced(&["rows/part-*"]);
}
