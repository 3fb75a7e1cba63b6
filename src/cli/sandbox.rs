//! Which rights a command gives up before it reads a dump (`sys::sandbox`).

use super::args::{Command, FileArgs, InputArgs, LayoutsCommand, OutputArgs};
use super::heap;
use crate::debuggee::compressed::{self, Packing};
use crate::image::SearchOptions;
use crate::sys::sandbox::{Held, Needs, State, enter};
use std::path::{Path, PathBuf};

/// Gives up what the command does not need; `None` for one that reads no dump, or where it is told not to. Commands that
/// must do something with all their rights first enter later.
pub fn enter_for(command: &Command) -> Option<Held> {
    give_up(match command {
        Command::Report(args) | Command::Bt(args) => of_output(&args.input, &args.output),
        Command::Locals(args) => of_output(&args.input, &args.output),
        Command::Info(args) => of_output(&args.input, &args.output),
        Command::Print(args) => of_input(&args.input, None),
        Command::Object(args) => of_input(&args.input, None),
        Command::Heap(args) => match heap::input(args) {
            heap::Read::One(input, output) => of_input(input, output),
            heap::Read::Dumps(files) => of_files(files),
        },
        Command::Tasks(args) => of_input(&args.input, args.output.output.as_deref()),
        Command::What(args) => of_input(&args.input, None),
        Command::Memory(args) => of_input(&args.input, None),
        Command::Slim(args) => of_input(&args.input, None).map(|mut needs| {
            needs.write.push(directory_of(&args.output));
            needs
        }),
        Command::Render(args) => with_output((!args.safety.no_sandbox).then(Needs::default), &args.output),
        Command::Layouts(args) => {
            let file = match &args.command {
                LayoutsCommand::Dump(args) => &args.file,
                LayoutsCommand::Check(args) => &args.file,
            };
            (!file.safety.no_sandbox).then(Needs::default)
        }
        Command::Hang(args) => of_files(&args.files).map(|mut needs| {
            needs.live = !args.pid.is_empty() || args.regex.is_some();
            needs
        }),
        _ => return None,
    })
}

/// Gives up all but what is needed; nothing where that is not known.
pub fn give_up(needs: Option<Needs>) -> Option<Held> {
    let held = needs.map(enter_with);
    #[cfg(all(debug_assertions, target_os = "linux"))]
    escape::attempts();
    held
}

/// The same where nothing of a dump is read.
pub fn enter_with(mut needs: Needs) -> Held {
    if !needs.plain {
        let temporary = compressed::directory();
        if !needs.live && !nameless_files(&temporary) {
            // Some file systems make no files without a name: those for expanded dumps have one for a moment there.
            needs.write.push(temporary.clone());
        }
        needs.temporary = Some(temporary);
    }
    enter(&needs)
}

/// `PYINQUEST_TRY_ESCAPE_TRIAGE`, as `PYINQUEST_TRY_ESCAPE` of the process of `triage` itself.
#[cfg(all(debug_assertions, target_os = "linux"))]
pub fn attempts_of_triage() {
    escape::attempts_in("PYINQUEST_TRY_ESCAPE_TRIAGE");
}

/// What a dump with these files takes; `None` where nothing is to be given up.
pub fn of_files(args: &FileArgs) -> Option<Needs> {
    (!args.no_sandbox).then(|| of_search(&args.search()))
}

/// The same where dumps below directories are opened.
pub fn of_dumps_below(args: &FileArgs, directories: impl Iterator<Item = PathBuf>) -> Option<Needs> {
    let mut needs = of_files(args)?;
    needs.read = args.no_files.then(|| directories.collect());
    Some(needs)
}

/// The same of a search.
pub fn of_search(search: &SearchOptions) -> Needs {
    let mut needs = Needs { programs: search.debuginfod, network: search.debuginfod, ..Needs::default() };
    if search.debuginfod {
        needs.write.extend(client_cache());
        needs.write.push(PathBuf::from("/dev/null"));
    }
    needs
}

/// The same of one dump or process, with a file that is written.
pub fn of_input(input: &InputArgs, output: Option<&Path>) -> Option<Needs> {
    let mut needs = of_files(&input.files)?;
    needs.live = input.pid.is_some();
    // Nothing but the dump is read then; standard input is open.
    let one = input.pid.is_none() && input.coredumpctl.is_none() && !input.core.as_os_str().is_empty();
    needs.read = (input.files.no_files && one).then(|| vec![input.core.clone()]);
    needs.plain = one && is_plain(&input.core);
    needs.write.extend(output.map(written));
    Some(needs)
}

/// Whether a dump is a file that needs no expanding, by its first bytes.
fn is_plain(dump: &Path) -> bool {
    use std::io::Read as _;
    if !dump.metadata().is_ok_and(|m| m.is_file()) {
        return false;
    }
    let mut head = Vec::new();
    let file = std::fs::File::open(dump).map(|file| file.take(Packing::HEAD as u64));
    file.is_ok_and(|mut file| file.read_to_end(&mut head).is_ok()) && Packing::detect(&head) == Packing::Plain
}

/// The same of a command whose output may be sent somewhere, which a client does.
fn of_output(input: &InputArgs, output: &OutputArgs) -> Option<Needs> {
    with_output(of_input(input, None), output)
}

/// With an output that may be sent somewhere.
fn with_output(needs: Option<Needs>, output: &OutputArgs) -> Option<Needs> {
    let mut needs = needs?;
    needs.write.extend(output.output.as_deref().map(written));
    if output.send_to.is_some() {
        (needs.programs, needs.network) = (true, true);
        needs.write.push(PathBuf::from("/dev/null"));
    }
    Some(needs)
}

/// One that is there is written to; for a new one its directory must be open.
fn written(file: &Path) -> PathBuf {
    if file.exists() { file.to_owned() } else { directory_of(file) }
}

/// The directory that holds a file.
pub fn directory_of(file: &Path) -> PathBuf {
    file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Where elfutils' client keeps what it has fetched (debuginfod-find(1), "CACHE"); made, since it cannot be made later.
fn client_cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("DEBUGINFOD_CACHE_PATH")
        .or_else(|| Some(set("HOME")?.join(".debuginfod_client_cache")).filter(|old| old.is_dir()))
        .or_else(|| {
            Some(set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?.join("debuginfod_client"))
        })?;
    std::fs::create_dir_all(&cache).ok()?;
    Some(cache)
}

#[cfg(target_os = "linux")]
fn nameless_files(directory: &Path) -> bool {
    use nix::fcntl::{OFlag, open};
    use nix::sys::stat::Mode;
    open(directory, OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::S_IRUSR | Mode::S_IWUSR).is_ok()
}

/// No matter: rights are given up on Linux alone.
#[cfg(not(target_os = "linux"))]
fn nameless_files(_: &Path) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[cfg(not(target_os = "linux"))]
fn is_root() -> bool {
    false
}

/// What holds, for people.
pub fn describe(held: Option<Held>) -> String {
    let Some(held) = held else { return "no rights were given up: no sandbox".to_owned() };
    let text = |state: State, what: &str, by: &str| match state {
        State::Whole => format!("{what} (by {by})"),
        State::Partly => format!("{what}, as far as this kernel can (by {by})"),
        State::NotUsed => format!("{by} is not used, since it would be in the way"),
        State::Missing => format!("{by} is missing in this kernel, or not allowed here"),
    };
    let reads = match held.reads {
        State::Whole | State::Partly => "; files that are read besides the dump (by Landlock)",
        _ if is_root() => "; it is read as root, who may read every file",
        _ => "",
    };
    format!(
        "rights given up before the dump was read: {}; {}{reads}",
        text(held.calls, "system calls that write files, use the network or start programs", "seccomp"),
        text(held.files, "files that are written elsewhere than wanted", "Landlock")
    )
}

/// What a parser that a dump has taken over might do; for the tests, and not in the program that is shipped.
#[cfg(all(debug_assertions, target_os = "linux"))]
mod escape {
    use std::fs;
    use std::io::{self, Write as _};
    use std::net::{TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::process;

    /// `PYINQUEST_TRY_ESCAPE=DIR` with `old`, `spare`, `socket` and `port` in it.
    pub fn attempts() {
        attempts_in("PYINQUEST_TRY_ESCAPE");
    }

    pub fn attempts_in(variable: &str) {
        let Some(dir) = std::env::var_os(variable) else { return };
        let secret = fs::read(Path::new(&dir).join("secret"));
        let secret = secret.map_or_else(|error| error.kind().to_string(), |_| "done".to_owned());
        let _ = writeln!(io::stderr(), "reads: uid {}, secret: {secret}", nix::unistd::geteuid());
        // A thread that is started later has no more rights than the one that gave them up.
        let tried = std::thread::spawn(move || of(Path::new(&dir))).join();
        for (name, result) in tried.unwrap_or_default() {
            let said = result.map_or_else(|error| error.kind().to_string(), |()| "done".to_owned());
            let _ = writeln!(io::stderr(), "escape: {name}: {said}");
        }
    }

    fn of(dir: &Path) -> Vec<(&'static str, io::Result<()>)> {
        let port: u16 = fs::read_to_string(dir.join("port")).ok().and_then(|p| p.trim().parse().ok()).unwrap_or(0);
        let old = dir.join("old");
        let append = || fs::OpenOptions::new().append(true).open(&old)?.write_all(b"x");
        let udp = || UdpSocket::bind(("127.0.0.1", 0))?.send_to(b"x", ("127.0.0.1", port)).map(drop);
        let run = || process::Command::new("/bin/true").status().map(drop);
        let parent = nix::unistd::getppid();
        let ended = || nix::sys::signal::kill(parent, None).map_err(io::Error::from);
        vec![
            ("new file", fs::write(dir.join("new"), b"x")),
            ("append", append()),
            ("truncate", nix::unistd::truncate(&old, 0).map_err(io::Error::from)),
            ("mode", fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o777))),
            ("directory", fs::create_dir(dir.join("directory"))),
            ("link", std::os::unix::fs::symlink("/", dir.join("link"))),
            ("hard link", fs::hard_link(&old, dir.join("hard"))),
            ("rename", fs::rename(dir.join("spare"), dir.join("moved"))),
            ("remove", fs::remove_file(&old)),
            ("tcp", TcpStream::connect(("127.0.0.1", port)).map(drop)),
            ("udp", udp()),
            ("unix socket", UnixStream::connect(dir.join("socket")).map(drop)),
            ("program", run()),
            ("signal", ended()),
        ]
    }
}
