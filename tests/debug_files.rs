//! Debug information that is not in the module itself: each way in which it can be separate names the same function and
//! line of the same core.

// Tests state facts; there a panic is the message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
#[path = "native/extension.rs"]
#[allow(dead_code)]
mod extension;
mod harness;

use common::{Crash, CrashedProcess, Interpreter, one_per_minor, skip};
use harness::files_of;
use pyinquest::engine::{Inspection, Source};
use pyinquest::image::SearchOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The same in all variants, which have the same code: so one core is that of each of them.
const BUILD_ID: &str = "0123456789abcdef0123456789abcdef01234567";

/// What every variant with line tables must say, and what one with nothing but symbols.
const WITH_LINES: &str = "in scan_key (defects.so, defects.c:";
const WITH_SYMBOLS: &str = "in scan_key (defects.so), called from";

struct Scene {
    interpreter: &'static Interpreter,
    dead: CrashedProcess,
    /// Directory of variants.
    directory: tempfile::TempDir,
}

fn run(program: &str, args: &[&str], directory: &Path) {
    let output = Command::new(program).args(args).current_dir(directory).output();
    let output = output.unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Scene {
    /// A crash of the stripped module. Every variant has its own directory beside `full`.
    fn new() -> Result<Scene, String> {
        let usable = |i: &&&Interpreter| extension::headers(i).is_some() && i.root.is_none();
        let interpreter = *one_per_minor().iter().rfind(usable).ok_or("no interpreter with headers")?;
        for tool in ["gcc", "objcopy", "xz", "dwp"] {
            Command::new(tool).arg("--version").output().map_err(|e| format!("{tool}: {e}"))?;
        }
        let directory = tempfile::tempdir().expect("a directory");
        compile(interpreter, &directory.path().join("full"), &["-g"]);
        strip(&directory.path().join("full"), &directory.path().join("stripped"));
        let module = directory.path().join("stripped/defects.so");
        let crash = Crash::new(interpreter, "defects.py").args(&["null_field"]).file(&module);
        let dead = crash.run().map_err(|reason| reason.to_string())?;
        Ok(Scene { interpreter, dead, directory })
    }

    /// A directory for a variant, with the stripped module in it.
    fn variant(&self, name: &str) -> PathBuf {
        let directory = self.directory.path().join(name);
        strip(&self.directory.path().join("full"), &directory);
        directory
    }

    /// The separate debug file, at `to`.
    fn debug_file(&self, to: &Path, options: &[&str]) {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        let args = [&["--only-keep-debug"], options, &["full/defects.so", to.to_str().unwrap()]].concat();
        run("objcopy", &args, self.directory.path());
    }

    /// The title of the first finding, with the module read from that directory.
    fn title(&self, directory: &Path, debug_dirs: &[PathBuf]) -> String {
        let target = Source::from(&self.dead.core).target().expect("a core");
        let module = target.modules.iter().find(|m| m.path.ends_with("/defects.so")).expect("the module");
        let from = module.path.trim_end_matches("defects.so").to_owned();
        let search = SearchOptions {
            path_maps: vec![(from, format!("{}/", directory.display()))],
            debug_dirs: debug_dirs.to_vec(),
            ..files_of(self.interpreter)
        };
        let inspection = Inspection::from_target(target, &search);
        inspection.findings().first().map(|f| f.title.clone()).unwrap_or_default()
    }
}

fn compile(interpreter: &Interpreter, directory: &Path, options: &[&str]) {
    std::fs::create_dir_all(directory).expect("a directory for builds");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/defects/defects.c");
    let include = extension::headers(interpreter).unwrap();
    let id = format!("-Wl,--build-id=0x{BUILD_ID}");
    let fixed = ["-shared", "-fPIC", "-O2", "-w", "-pthread", &id, "-I", include.to_str().unwrap()];
    let files = [source.to_str().unwrap(), "-o", "defects.so"];
    run("gcc", &[&fixed, options, &files].concat(), directory);
}

fn strip(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory for builds");
    let out = to.join("defects.so");
    run("objcopy", &["--strip-all", "defects.so", out.to_str().unwrap()], from);
}

#[test]
fn debug_information_is_found_wherever_it_is() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(reason) => skip!("{reason}"),
    };
    let mut wrong = Vec::new();
    let mut check = |what: &str, directory: &Path, debug_dirs: &[PathBuf], expected: &str| {
        let title = scene.title(directory, debug_dirs);
        if !title.contains(expected) {
            wrong.push(format!("{what}: {title}"));
        }
    };
    check("none", &scene.variant("none"), &[], "an unnamed function");

    for (name, place) in [("link", "defects.debug"), ("link-below", ".debug/defects.debug")] {
        let directory = scene.variant(name);
        scene.debug_file(&directory.join(place), &[]);
        run("objcopy", &["--add-gnu-debuglink", place, "defects.so"], &directory);
        check(name, &directory, &[], WITH_LINES);
    }
    // A link to a file of another build is not followed.
    let directory = scene.variant("link-wrong");
    scene.debug_file(&directory.join("defects.debug"), &[]);
    run("objcopy", &["--add-gnu-debuglink", "defects.debug", "defects.so"], &directory);
    compile_other(scene.interpreter, &directory);
    check("link-wrong", &directory, &[], "an unnamed function");

    for packing in ["", "--compress-debug-sections=zlib", "--compress-debug-sections=zstd"] {
        let directory = scene.variant(&format!("build-id{packing}"));
        let debug_dir = directory.join("debug");
        let options: Vec<&str> = Some(packing).filter(|p| !p.is_empty()).into_iter().collect();
        let (first, rest) = BUILD_ID.split_at(2);
        scene.debug_file(&debug_dir.join(format!(".build-id/{first}/{rest}.debug")), &options);
        check(&format!("build-id {packing}"), &directory, &[debug_dir], WITH_LINES);
    }

    let directory = scene.variant("mini");
    run("objcopy", &["--strip-debug", "--keep-symbol=scan_key", "../full/defects.so", "mini"], &directory);
    run("objcopy", &["-S", "--keep-symbol=scan_key", "--only-keep-debug", "mini", "mini.debug"], &directory);
    run("xz", &["-k", "mini"], &directory);
    run("objcopy", &["--add-section", ".gnu_debugdata=mini.xz", "defects.so"], &directory);
    check(".gnu_debugdata", &directory, &[], WITH_SYMBOLS);

    for (name, version) in [("split-4", "-gdwarf-4"), ("split-5", "-gdwarf-5")] {
        let directory = scene.directory.path().join(name);
        compile(scene.interpreter, &directory, &["-gsplit-dwarf", version]);
        check(name, &directory, &[], WITH_LINES);
        if version == "-gdwarf-5" {
            // binutils' dwp crashes on it, and llvm-dwp hangs.
            continue;
        }
        // The same in a package, and the file itself gone.
        run("dwp", &["-e", "defects.so", "-o", "defects.so.dwp"], &directory);
        for file in std::fs::read_dir(&directory).unwrap().map(|f| f.unwrap().path()) {
            if file.extension().is_some_and(|e| e == "dwo") {
                std::fs::remove_file(file).unwrap();
            }
        }
        check(&format!("{name} in a package"), &directory, &[], WITH_LINES);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Another build's debug file in the place of the right one.
fn compile_other(interpreter: &Interpreter, directory: &Path) {
    let other = directory.join("other");
    std::fs::create_dir_all(&other).unwrap();
    let include = extension::headers(interpreter).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/defects/defects.c");
    let fixed = ["-shared", "-fPIC", "-O0", "-g", "-w", "-pthread", "-Wl,--build-id=sha1", "-I"];
    let files = [include.to_str().unwrap(), source.to_str().unwrap(), "-o", "defects.so"];
    run("gcc", &[&fixed[..], &files[..]].concat(), &other);
    run("objcopy", &["--only-keep-debug", "defects.so", "../defects.debug"], &other);
}

/// A debuginfod server that has one debug file. Gives its address.
fn serve(debug_file: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let body = std::fs::read(debug_file).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(100) {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().and_then(Result::ok).unwrap_or_default();
            while lines.next().and_then(Result::ok).is_some_and(|line| !line.is_empty()) {}
            let found = request.contains(&format!("/buildid/{BUILD_ID}/debuginfo "));
            let (status, body) = if found { ("200 OK", body.as_slice()) } else { ("404 Not Found", &[][..]) };
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    address
}

#[test]
fn a_debuginfod_server_is_asked_only_when_the_user_says_so() {
    let scene = match Scene::new() {
        Ok(scene) => scene,
        Err(reason) => skip!("{reason}"),
    };
    let cache = scene.directory.path().join("cache");
    let debug_file = scene.directory.path().join("served.debug");
    scene.debug_file(&debug_file, &[]);
    let server = serve(&debug_file);
    let report = |asked: bool, server: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pyinquest"));
        command.arg("report").arg(&scene.dead.core).args(asked.then_some("--debuginfod"));
        command.env("DEBUGINFOD_URLS", server).env("DEBUGINFOD_CACHE_PATH", &cache).env("DEBUGINFOD_PROGRESS", "");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let unasked = report(false, &server);
    assert!(unasked.contains("an unnamed function") && !cache.exists(), "{unasked}");
    let nowhere = report(true, "");
    assert!(nowhere.contains("DEBUGINFOD_URLS names no server"), "{nowhere}");
    if Command::new("debuginfod-find").arg("--version").output().is_err() {
        let missing = report(true, &server);
        assert!(missing.contains("there is no debuginfod-find on the PATH"), "{missing}");
        skip!("no debuginfod-find");
    }
    let asked = report(true, &server);
    assert!(asked.contains(WITH_LINES), "{asked}");
}
