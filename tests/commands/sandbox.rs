//! What a parser that a dump has taken over could still do: `PYINQUEST_TRY_ESCAPE` (debug builds) has the program try it.

use crate::common::{part_skipped, skip};
use crate::{pyinquest, scene};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Everything that is tried.
const ATTEMPTS: usize = 14;

/// A directory with things to change and to talk to.
struct Bait {
    dir: tempfile::TempDir,
    tcp: TcpListener,
    unix: UnixListener,
    udp: UdpSocket,
}

impl Bait {
    fn new() -> Bait {
        // Not where dumps are expanded: writing to files is allowed there.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        let udp = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        let unix = UnixListener::bind(dir.path().join("socket")).unwrap();
        for (name, text) in [("old", "old"), ("spare", "spare"), ("port", &*port.to_string()), ("secret", "secret")] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let own = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(dir.path().join("secret"), own).unwrap();
        // Others get as far as the file.
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path(), all).unwrap();
        tcp.set_nonblocking(true).unwrap();
        udp.set_nonblocking(true).unwrap();
        unix.set_nonblocking(true).unwrap();
        Bait { dir, tcp, unix, udp }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What became of it.
    fn touched(&self) -> Vec<String> {
        let mut found: Vec<String> = std::fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["old", "spare", "port", "socket", "secret"].contains(&name.as_str()))
            .collect();
        let kept = |name: &str| std::fs::read_to_string(self.path().join(name)).is_ok_and(|text| text == name);
        found.extend(["old", "spare"].iter().filter(|name| !kept(name)).map(|name| format!("{name} changed")));
        let called = [
            ("tcp", self.tcp.accept().is_ok()),
            ("unix", self.unix.accept().is_ok()),
            ("udp", self.udp.recv(&mut [0; 8]).is_ok()),
        ];
        found.extend(called.iter().filter(|(_, called)| *called).map(|(name, _)| format!("{name} called")));
        found
    }
}

fn escape(mut command: Command, bait: &Bait) -> (Output, Vec<String>) {
    // Not where the bait is: some commands may write where they are started.
    let here = tempfile::tempdir().unwrap();
    command.current_dir(here.path());
    let output = command.env("PYINQUEST_TRY_ESCAPE", bait.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let tried = said.lines().filter_map(|line| line.strip_prefix("escape: ")).map(str::to_owned).collect();
    (output, tried)
}

fn of(arguments: &[&str], core: &Path) -> Command {
    let mut command = pyinquest();
    command.args(arguments).arg(core);
    command
}

/// What the kernel has of both: seccomp and Landlock.
fn kernel() -> (bool, bool) {
    let (_dir, core, _) = scene();
    let text = String::from_utf8(of(&["info", "--verbose"], &core).output().unwrap().stdout).unwrap();
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("rights given up before the dump was read"), "{text}");
    (!text.contains("seccomp is missing"), !text.contains("Landlock is missing"))
}

#[test]
fn readers_can_write_nothing_and_talk_to_nobody() {
    if !cfg!(debug_assertions) {
        skip!("only debug builds try to escape");
    }
    if !kernel().0 {
        skip!("this kernel has no seccomp");
    }
    let (dir, core, _) = scene();
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cores/3.12-threads.core.zst");
    let saved = dir.path().join("report.json");
    let made = pyinquest().args(["report", "--json", "-o"]).arg(&saved).arg(&core).status().unwrap();
    assert!(made.success());
    let commands: [(&[&str], &Path); 12] = [
        (&["report"], &core),
        (&["report", "--locals", "--native", "--json"], &packed),
        (&["bt", "--thread", "all"], &core),
        (&["locals"], &core),
        (&["heap", "--format", "json"], &core),
        (&["heap", "top"], &core),
        (&["triage", "explain"], &core),
        (&["triage", "map"], &core),
        (&["render"], &saved),
        (&["layouts", "dump"], &core),
        (&["hang"], &core),
        (&["shell", "-e", "bt"], &core),
    ];
    for (arguments, dump) in commands {
        let bait = Bait::new();
        let (held, tried) = escape(of(arguments, dump), &bait);
        assert_eq!(bait.touched(), Vec::<String>::new(), "{arguments:?}: {tried:?}");
        // A committed dump has no heap: its lists are looked for, and the answer is incomplete.
        let code = match arguments[0] {
            "heap" => 5,
            // It is not a file of Python.
            "layouts" => 3,
            _ => 0,
        };
        assert_eq!(held.status.code(), Some(code), "{arguments:?}: {held:?}");
        // It is the sandbox that refuses, and it is in nobody's way.
        let bait = Bait::new();
        let (free, tried_freely) = escape(of(&[arguments, &["--no-sandbox"]].concat(), dump), &bait);
        let touched = bait.touched();
        for change in
            ["new", "directory", "link", "hard", "moved", "old changed", "tcp called", "udp called", "unix called"]
        {
            assert!(touched.contains(&change.to_owned()), "{arguments:?}: {change} is not in {touched:?}");
        }
        assert_eq!((&free.stdout, free.status), (&held.stdout, held.status), "{arguments:?}");
        // What workers say goes nowhere.
        if arguments != ["triage", "map"] {
            assert_eq!((tried.len(), tried_freely.len()), (ATTEMPTS, ATTEMPTS), "{arguments:?}");
            assert!(tried.iter().all(|line| line.ends_with(": permission denied")), "{arguments:?}: {tried:#?}");
            assert!(tried_freely.iter().all(|line| line.ends_with(": done")), "{arguments:?}: {tried_freely:#?}");
        }
    }
}

/// Where something is to be written, that directory is open and no other one; the network stays closed.
#[test]
fn outputs_are_written_where_they_are_wanted_and_nowhere_else() {
    if !cfg!(debug_assertions) {
        skip!("only debug builds try to escape");
    }
    let (seccomp, landlock) = kernel();
    if !seccomp {
        skip!("this kernel has no seccomp");
    }
    let (dir, core, store) = scene();
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let (small, new, old) = (out.join("small.core.zst"), out.join("new.txt"), out.join("old.txt"));
    std::fs::write(&old, "x".repeat(1 << 20)).unwrap();
    let with_file = |arguments: &[&str], file: &PathBuf| {
        let mut command = of(arguments, &core);
        command.arg("-o").arg(file);
        command
    };
    let mut collect = pyinquest();
    collect
        .args(["collect", "--pid", "1", "--time", "7", "--dir"])
        .arg(&store)
        .stdin(std::fs::File::open(&core).unwrap());
    let commands = [with_file(&["slim"], &small), with_file(&["report"], &new), with_file(&["report"], &old), collect];
    for command in commands {
        let name = format!("{command:?}");
        let bait = Bait::new();
        let (output, tried) = escape(command, &bait);
        assert!(output.status.success(), "{name}: {output:?}");
        let done: Vec<&String> = tried.iter().filter(|line| line.ends_with(": done")).collect();
        assert_eq!(tried.len(), ATTEMPTS, "{name}");
        if landlock {
            assert!(done.is_empty(), "{name}: {done:?}");
            assert_eq!(bait.touched(), Vec::<String>::new(), "{name}");
        } else {
            part_skipped(format_args!("this kernel has no Landlock: {name}"));
            let closed = ["tcp", "udp", "unix socket", "program", "signal"];
            assert!(!done.iter().any(|line| closed.iter().any(|c| line.starts_with(c))), "{name}: {done:?}");
        }
    }
    let report = std::fs::read(&new).unwrap();
    assert!(report.len() > 100 && std::fs::read(&old).unwrap() == report);
    assert!(pyinquest().arg("report").arg(&small).output().unwrap().status.success());
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 3);
}

/// What the kernel hands over is not read by root but by the user of the process, or by nobody.
#[test]
fn the_dump_of_another_is_not_read_as_root() {
    if !cfg!(debug_assertions) {
        skip!("only debug builds try to escape");
    }
    if !nix::unistd::geteuid().is_root() {
        skip!("only root has rights to give up");
    }
    let (_dir, core, store) = scene();
    let mut sleep = Command::new("setpriv");
    sleep.args(["--reuid", "4321", "--regid", "4322", "--clear-groups", "sleep", "60"]);
    let Ok(mut theirs) = sleep.spawn() else { skip!("no setpriv") };
    let started = std::time::Instant::now();
    let is = || std::fs::read_to_string(format!("/proc/{}/comm", theirs.id())).unwrap_or_default();
    while !is().starts_with("sleep") && started.elapsed() < std::time::Duration::from_secs(5) {}
    let collect = |arguments: &[&str], pid: u32| {
        let bait = Bait::new();
        let mut command = pyinquest();
        command.args(["collect", "--time", "7", "--pid", &pid.to_string()]).args(arguments).arg("--dir").arg(&store);
        command.stdin(std::fs::File::open(&core).unwrap());
        let (output, _) = escape(command, &bait);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.lines().find_map(|line| line.strip_prefix("reads: ")).unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let read = [collect(&[], theirs.id()), collect(&[], 1), collect(&["--no-sandbox"], theirs.id())];
    theirs.kill().unwrap();
    theirs.wait().unwrap();
    assert_eq!(
        read,
        ["uid 4321, secret: permission denied", "uid 65534, secret: permission denied", "uid 0, secret: done"]
    );
    let kept: std::collections::BTreeSet<String> = std::fs::read_dir(&store)
        .unwrap()
        .map(|e| e.unwrap().path().extension().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), ["json", "txt", "zst"]);
    for entry in std::fs::read_dir(&store).unwrap() {
        let meta = entry.unwrap().metadata().unwrap();
        assert_eq!(
            (std::os::unix::fs::MetadataExt::uid(&meta), std::os::unix::fs::MetadataExt::mode(&meta) & 0o777),
            (0, 0o600)
        );
    }
}

/// Where no file but the dump is to be looked at, none can be: not even by root.
#[test]
fn without_files_only_the_dump_can_be_read() {
    if !cfg!(debug_assertions) {
        skip!("only debug builds try to escape");
    }
    if !kernel().1 {
        skip!("this kernel has no Landlock");
    }
    let (dir, core, _) = scene();
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cores/3.12-threads.core.zst");
    let out = dir.path().join("small.core");
    for dump in [&core, &packed] {
        for (arguments, read) in [
            (&["report", "--no-files", "--json"][..], "permission denied"),
            (&["info", "--no-files"], "permission denied"),
            (&["slim", "--no-files", "-o", out.to_str().unwrap()], "permission denied"),
            (&["bt"], "done"),
        ] {
            let bait = Bait::new();
            let (held, _) = escape(of(arguments, dump), &bait);
            let said = String::from_utf8_lossy(&held.stderr).into_owned();
            assert!(held.status.success() && said.contains(&format!("secret: {read}\n")), "{arguments:?}: {said}");
            let free = of(&[arguments, &["--no-sandbox"]].concat(), dump).output().unwrap();
            assert_eq!(free.stdout, held.stdout, "{arguments:?}");
        }
    }
}

/// `info --verbose` says which files can be read.
#[test]
fn what_can_be_read_is_told() {
    if !kernel().1 {
        skip!("this kernel has no Landlock");
    }
    let (_dir, core, _) = scene();
    let told = |arguments: &[&str]| {
        let text = String::from_utf8(of(arguments, &core).output().unwrap().stdout).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (confined, free) = (told(&["info", "--verbose", "--no-files"]), told(&["info", "--verbose"]));
    assert!(confined.contains("files that are read besides the dump (by Landlock)"), "{confined}");
    assert_eq!(
        free.contains("it is read as root, who may read every file"),
        nix::unistd::geteuid().is_root(),
        "{free}"
    );
}

/// `dap` answers what has connected and reaches nothing else; so do `mcp` and the process of `triage` itself, which starts workers and
/// writes where results are wanted.
#[test]
fn what_serves_and_what_starts_workers_is_held_too() {
    if !cfg!(debug_assertions) {
        skip!("only debug builds try to escape");
    }
    let (seccomp, landlock) = kernel();
    if !seccomp || !landlock {
        skip!("this kernel has not both");
    }
    let (dir, core, _) = scene();
    let bait = Bait::new();
    let mut dap = pyinquest();
    dap.arg("dap").env_remove("DEBUGINFOD_URLS").stdin(std::process::Stdio::null());
    let (output, tried) = escape(dap, &bait);
    assert!(output.status.success() && tried.len() == ATTEMPTS, "{output:?}");
    assert!(tried.iter().all(|line| line.ends_with(": permission denied")), "{tried:#?}");
    assert_eq!(bait.touched(), Vec::<String>::new());

    let bait = Bait::new();
    let mut mcp = pyinquest();
    mcp.args(["mcp", "--root"]).arg(dir.path()).stdin(std::process::Stdio::null());
    let (output, tried) = escape(mcp, &bait);
    assert!(tried.len() == ATTEMPTS, "{output:?}");
    assert!(tried.iter().all(|line| line.ends_with(": permission denied")), "{tried:#?}");
    assert_eq!(bait.touched(), Vec::<String>::new());

    let bait = Bait::new();
    let out = dir.path().join("out");
    let mut triage = pyinquest();
    triage.args(["triage", "--db"]).arg(dir.path().join("known.db")).arg("--out").arg(&out).arg(&core);
    // Archives are unpacked there.
    triage.env("TMPDIR", dir.path()).env("PYINQUEST_TRY_ESCAPE_TRIAGE", bait.path());
    let output = triage.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && out.join("triage.json").is_file(), "{said}");
    let done: Vec<&str> =
        said.lines().filter(|line| line.starts_with("escape: ") && line.ends_with(": done")).collect();
    // Landlock knows neither the rights of files nor UDP, nor sockets that have a name; programs it is to start.
    let known = ["mode", "udp", "unix socket", "program", "signal"];
    assert!(done.iter().all(|line| known.iter().any(|k| line.starts_with(&format!("escape: {k}:")))), "{done:?}");
    let touched = bait.touched();
    assert!(touched.iter().all(|what| ["unix called", "udp called"].contains(&what.as_str())), "{touched:?}");
    // Grouping rows writes where results are wanted as well.
    let rows = out.join("rows.ndjson");
    let again = dir.path().join("again");
    let output = pyinquest().args(["triage", "reduce", "--out"]).arg(&again).arg(&rows).output().unwrap();
    assert!(output.status.success() && again.join("summary.txt").is_file(), "{output:?}");
}

/// A variable turns it off, for what is started by others.
#[test]
fn a_variable_turns_it_off() {
    if !cfg!(debug_assertions) {
        skip!("only debug builds try to escape");
    }
    let (_dir, core, _) = scene();
    let bait = Bait::new();
    let mut command = of(&["bt"], &core);
    command.env("PYINQUEST_NO_SANDBOX", "true");
    let (output, _) = escape(command, &bait);
    assert!(output.status.success() && bait.touched().contains(&"new".to_owned()), "{output:?}");
    let told = of(&["info", "--verbose"], &core).env("PYINQUEST_NO_SANDBOX", "true").output().unwrap();
    assert!(String::from_utf8_lossy(&told.stdout).contains("no rights were given up"), "{told:?}");
}
