//! Hand-made reports: every part of the model at least once, and strings that try to break out.

use pyinquest::base::{Abi, Addr, Diagnostic, DiagnosticCode, Text};
use pyinquest::model::*;

/// A struct of the model, whose fields may become more: its default, or another, but for what is given.
macro_rules! make {
    ($type:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => { make!(@$type::default(); $($field $(: $value)?,)*) };
    ($type:ident { $($field:ident $(: $value:expr)?,)* ..$base:expr }) => { make!(@$base; $($field $(: $value)?,)*) };
    (@$base:expr; $($field:ident $(: $value:expr)?,)*) => {{
        let mut made = $base;
        $(make!(=made, $field $(, $value)?);)*
        made
    }};
    (=$made:ident, $field:ident, $value:expr) => { $made.$field = $value };
    (=$made:ident, $field:ident) => { $made.$field = $field };
}
pub(crate) use make;

pub fn python_frame(file: &str, line: u32, function: &str) -> Frame {
    make!(Frame { file: Some(file.into()), line: Some(line), function: Some(function.into()), ..Frame::default() })
}

fn native_frame(symbol: &str, module: &str, offset: u64, plumbing: bool) -> Frame {
    make!(Frame {
        kind: FrameKind::Native,
        function: Some(symbol.into()),
        native: Some(make!(NativeFrame {
            ip: Addr(0x7f00_0000_0000 + offset),
            module: Some(module.to_owned()),
            module_offset: Some(Addr(offset)),
            symbol: Some(symbol.to_owned()),
            symbol_offset: Some(4),
            trust: Some(Trust::Cfi),
            plumbing,
            ..NativeFrame::default()
        })),
        ..Frame::default()
    })
}

fn value(repr: &str, type_name: &str) -> Value {
    make!(Value {
        repr: repr.to_owned(),
        type_name: Some(type_name.to_owned()),
        addr: Addr(0x7f11),
        ..Value::default()
    })
}

fn local(name: &str, kind: LocalKind, value: Option<Value>) -> Local {
    make!(Local { name: name.into(), kind, value, problem: None })
}

pub fn thread(tid: u64, order: u32, frames: Vec<Frame>) -> Thread {
    make!(Thread {
        tid: Some(tid),
        python: Some(make!(PythonThread {
            tstate: Addr(0x5500_0000 + tid),
            order: Some(order),
            ident: Some(0x7f28_0000_0000 + tid),
            main: Some(order == 9),
            holds_gil: Some(false),
            ..PythonThread::default()
        })),
        frames,
        ..Thread::default()
    })
}

/// A crash in C code under Python, three workers of which two wait at the same place, a native thread.
pub fn crash() -> Report {
    let mut inner = python_frame("/app/näive\u{1b}[31m.py", 12, "read");
    inner.qualname = Some("Reader.read".into());
    inner.source = Some("        value = self.näme + read_it(self.pointer, 漢字)\n".to_owned());
    inner.column = Some(29);
    inner.end_column = Some(58);
    inner.end_line = Some(12);
    inner.locals = Some(vec![
        local("self", LocalKind::Argument, Some(value("<Reader at 0x7f11>", "Reader"))),
        local(
            "count",
            LocalKind::Local,
            Some(make!(Value {
                refcount: Some(make!(Refcount { immortal: true, ..Refcount::default() })),
                ..value("3", "int")
            })),
        ),
        local(
            "shared",
            LocalKind::Free,
            Some(make!(Value {
                refcount: Some(make!(Refcount {
                    count: Some(5),
                    local: Some(2),
                    shared: Some(3),
                    deferred: true,
                    ..Refcount::default()
                })),
                ..value("[1, 2, ...]", "list")
            })),
        ),
        local("later", LocalKind::Cell, None),
        make!(Local {
            name: "bad".into(),
            problem: Some("object at 0xdead is not readable".to_owned()),
            ..Local::default()
        }),
    ]);
    let mut crashed = thread(
        101,
        9,
        vec![
            native_frame("strlen", "/usr/lib/x86_64-linux-gnu/libc.so.6", 0x9d7a0, false),
            native_frame("_PyEval_EvalFrameDefault", "/usr/bin/python3.12", 0x1234, true),
            inner,
            python_frame("/app/main.py", 30, "main"),
            python_frame("/app/main.py", 40, "<module>"),
        ],
    );
    crashed.crashed = true;
    crashed.name = Some("MainThread".into());
    crashed.name_from = Some(NameFrom::Threading);
    let instruction = |addr, bytes: &str, text: &str, current| {
        make!(Instruction { addr: Addr(addr), bytes: bytes.to_owned(), text: text.to_owned(), current })
    };
    crashed.code = Some(vec![
        instruction(0x7f00_0009_d79d, "4889f8", "mov %rdi,%rax", false),
        instruction(0x7f00_0009_d7a0, "0fb600", "movzbl (%rax),%eax", true),
    ]);
    crashed.registers = Some(vec![("rip".to_owned(), Addr(0x7f00_0009_d7a0)), ("rsp".to_owned(), Addr(0x7ffd_1000))]);
    if let Some(python) = &mut crashed.python {
        python.current = true;
        python.holds_gil = Some(true);
        python.handling = vec![make!(ExceptionInfo {
            summary: "KeyError: 'x'".to_owned(),
            traceback: vec![make!(TracebackEntry {
                file: Some("/app/main.py".into()),
                line: Some(28),
                function: Some("main".into()),
            })],
            caused_by: Some(Box::new(make!(ExceptionLink {
                relation: ExceptionRelation::Context,
                exception: make!(ExceptionInfo { summary: "ValueError: bad".to_owned(), ..ExceptionInfo::default() }),
            }))),
            ..ExceptionInfo::default()
        })];
    }
    let waiting = || {
        vec![python_frame("/usr/lib/python3.12/threading.py", 355, "wait"), python_frame("/app/pool.py", 7, "worker")]
    };
    let mut first = thread(103, 0, waiting());
    first.name = Some("worker-<b>".into());
    let mut second = thread(102, 1, waiting());
    second.name = Some("worker-é-very-long-name".into());
    second.name_from = Some(NameFrom::Threading);
    let mut deep = vec![python_frame("/app/deep.py", 2, "leaf")];
    for _ in 0..70 {
        deep.push(python_frame("/app/deep.py", 5, "even"));
        deep.push(python_frame("/app/deep.py", 9, "odd"));
    }
    let mut recursive = thread(104, 2, deep);
    recursive.frames_end = Some("frame at 0x7f0000001000 is not in the dump".to_owned());
    let native = make!(Thread { tid: Some(105), ..Thread::default() });
    make!(Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        tool: "pyinquest test".to_owned(),
        source: make!(Source {
            kind: Some(SourceKind::ElfCore),
            path: Some("/tmp/core.101".to_owned()),
            size: Some(12_500_000),
        }),
        process: make!(Process {
            pid: Some(101),
            ppid: Some(1),
            command: Some("python3.12".to_owned()),
            arguments: Some("python3.12 main.py --flag".to_owned()),
            executable: Some("/usr/bin/python3.12".to_owned()),
            abi: Some(Abi::LINUX_X86_64),
            annotations: Vec::new(),
        }),
        crash: Some(make!(CrashReport {
            tid: 101,
            signal: Some(11),
            name: Some("SIGSEGV".to_owned()),
            code: Some(1),
            code_name: Some("SEGV_MAPERR".to_owned()),
            fault_addr: Some(Addr(0)),
            instruction: Some(Addr(0x7f00_0009_d7a0)),
            summary: "SIGSEGV: address 0x0 is not mapped".to_owned(),
            ..CrashReport::default()
        })),
        python: Some(make!(Python {
            version: "3.12.3".to_owned(),
            version_hex: Some(0x030c_03f0),
            version_from: Some(VersionFrom::PyVersion),
            debug_build: Some(false),
            free_threaded: Some(false),
            runtime: Some(Addr(0x9a_0000)),
            found_by: Some(FoundBy::Dynsym),
            module: Some("/usr/bin/python3.12".to_owned()),
            module_id: ModuleId::new(0),
            layout_providers: [(LayoutProvider::Table, 210), (LayoutProvider::Dwarf, 12)].into(),
            layout_table: Some("3.12".to_owned()),
            state: Some(RuntimeState::Initialized),
            threads_missing: false,
        })),
        interpreters: vec![make!(Interpreter {
            id: 0,
            addr: Addr(0x9b_0000),
            main: true,
            gc_collecting: Some(true),
            gil_locked: Some(true),
            gil_enabled: Some(true),
            gil_holder: Some(Addr(0x5500_0065)),
            extension_modules: Some(vec!["numpy._core".into(), "über".into()]),
        })],
        threads: vec![crashed, first, second, recursive, native],
        modules: vec![
            make!(ModuleInfo {
                id: ModuleId::new(0),
                path: "/usr/bin/python3.12".to_owned(),
                base: Addr(0x40_0000),
                end: Addr(0xa0_0000),
                build_id: Some("aabb".to_owned()),
                file: Some("/sysroot/usr/bin/python3.12".to_owned()),
                file_status: Some(FileStatus::Ok),
            }),
            make!(ModuleInfo {
                id: ModuleId::new(7),
                path: "/app/ext.so".to_owned(),
                base: Addr(0x7f00_0100_0000),
                end: Addr(0x7f00_0101_0000),
                file_status: Some(FileStatus::BuildIdMismatch),
                ..ModuleInfo::default()
            }),
        ],
        findings: vec![make!(Finding {
            id: FindingId::NullPointer,
            title: "C code read through a NULL pointer".to_owned(),
            confidence: Confidence::High,
            evidence: vec!["fault address 0x0 in strlen".to_owned()],
            tid: Some(101),
            module_id: ModuleId::new(7),
            advice: Some("look at the argument `pointer` of read_it".to_owned()),
        })],
        signature: Some(make!(Signature {
            exact: "SIGSEGV strlen Reader.read".to_owned(),
            coarse: "SIGSEGV strlen".to_owned(),
            title: "SIGSEGV in strlen called by Reader.read".to_owned(),
        })),
        missing: vec![make!(Missing {
            start: Addr(0x7f00_0200_0000),
            size: 8192,
            why: "left out by coredump_filter".to_owned(),
        })],
        diagnostics: vec![
            Diagnostic::note(DiagnosticCode::Other("source-missing".into()), "no source for /app/pool.py"),
            Diagnostic::warning(DiagnosticCode::CoreTruncated, "the core is cut off")
                .at(Addr(0x7f00_0200_0000))
                .hint("raise `ulimit -c`"),
        ],
    })
}

/// The same process seen by another version of CPython.
pub fn crash_of(version: (u8, u8, u8)) -> Report {
    let mut report = crash();
    if let Some(python) = &mut report.python {
        python.version = format!("{}.{}.{}", version.0, version.1, version.2);
        python.version_hex = Some(u32::from_be_bytes([version.0, version.1, version.2, 0xf0]));
    }
    report
}

/// Nothing but the outside of a process.
pub fn no_python() -> Report {
    make!(Report {
        schema_version: SCHEMA_VERSION.to_owned(),
        crash: Some(make!(CrashReport {
            tid: 7,
            name: Some("SIGABRT".to_owned()),
            summary: "SIGABRT: sent by process 7 itself".to_owned(),
            ..CrashReport::default()
        })),
        diagnostics: vec![Diagnostic::warning(DiagnosticCode::NoPython, "no CPython runtime was found in 3 modules")],
        ..Report::default()
    })
}

/// A string of code points, for what no `&str` can hold.
pub fn text(points: &[u32]) -> Text {
    Text::from_code_points(points.iter().copied())
}
