//! Functions by which programs and libraries end themselves with a text of their own: their caller is to blame, and the
//! text says why. (Sanitizers, toolkits, logging libraries, assertions of the C++ library.)

use super::blame::{native_place, python_place};
use super::facts::{Scene, SceneFrame};
use super::finding;
use super::memory_access::signals;
use super::segv::signal_evidence;
use crate::base::Addr;
use crate::debuggee::MemoryExt as _;
use crate::model::{Confidence, Finding, FindingId};

/// Frames from `abort` outwards that are examined.
const NEAR: usize = 24;
/// Longest text read, in bytes.
const MAX_TEXT: usize = 2000;
/// Memory that is searched for a sanitizer's report, in bytes.
const MAX_SEARCH: u64 = 256 << 20;
/// How the line of a sanitizer's report begins that says what it found (sanitizer_common, `ScopedInErrorReport`).
const SANITIZERS: &[&str] =
    &["AddressSanitizer", "LeakSanitizer", "MemorySanitizer", "ThreadSanitizer", "UndefinedBehaviorSanitizer"];

/// Where a reporter's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// In no argument.
    None,
    /// The argument is the text, or the format of it.
    Argument(usize),
    /// Expression, file, line.
    Assertion(usize, usize, usize),
}

/// Names of reporters, without parameters: a whole name, or the start of one that ends with `::`, `*` for any end. Sources: Qt
/// qlogging.h, GLib gmessages.h and gtestutils.h, glog logging.h, Abseil log/internal, libstdc++ debug/assertions.h, libc++
/// __verbose_abort, V8 base/logging.h, compiler-rt.
const REPORTERS: &[(&str, Text)] = &[
    ("QMessageLogger::fatal", Text::Argument(1)),
    ("qFatal", Text::Argument(0)),
    ("qt_assert", Text::Assertion(0, 1, 2)),
    ("qt_assert_x", Text::Assertion(1, 2, 3)),
    ("qt_message*", Text::None),
    ("g_assertion_message", Text::Argument(4)),
    ("g_assertion_message_expr", Text::Assertion(4, 1, 2)),
    ("g_log", Text::Argument(2)),
    ("g_logv", Text::Argument(2)),
    ("g_log_default_handler", Text::Argument(2)),
    ("g_log_structured*", Text::None),
    ("g_log_writer*", Text::None),
    ("_g_log_abort", Text::None),
    ("std::__glibcxx_assert_fail", Text::Assertion(3, 0, 1)),
    ("std::__replacement_assert", Text::Assertion(3, 0, 1)),
    ("std::__1::__libcpp_verbose_abort", Text::Argument(0)),
    ("std::__libcpp_verbose_abort", Text::Argument(0)),
    ("boost::assertion_failed", Text::Assertion(0, 2, 3)),
    ("V8_Fatal", Text::Argument(2)),
    ("v8::base::OS::Abort", Text::None),
    ("google::LogMessage*", Text::None),
    ("google::ErrnoLogMessage*", Text::None),
    ("google::logging_fail*", Text::None),
    ("google::glog_internal_namespace_::", Text::None),
    ("google::protobuf::internal::Log*", Text::None),
    ("tensorflow::internal::LogMessage*", Text::None),
    ("tsl::internal::LogMessage*", Text::None),
    ("MPI_Abort", Text::None),
    ("PMPI_Abort", Text::None),
    ("ompi_mpi_abort", Text::None),
    ("XIOError", Text::None),
    ("_XIOError", Text::None),
    ("_XDefaultIOError", Text::None),
    ("__sanitizer::", Text::None),
    ("__asan::", Text::None),
    ("__asan_report*", Text::None),
    ("__hwasan::", Text::None),
    ("__lsan::", Text::None),
    ("__msan::", Text::None),
    ("__msan_warning*", Text::None),
    ("__tsan::", Text::None),
    ("__ubsan::", Text::None),
    ("__ubsan_handle*", Text::None),
];

/// Inside of a namespace that holds the version (`absl::lts_20220623::`, `absl::debian3::`).
const ABSEIL: &[&str] = &["::log_internal::", "::raw_log_internal::", "::raw_logging_internal::"];

/// Whether a function only carries a failure out, by its name for people.
pub(super) fn is_reporter(function: &str) -> bool {
    known(function).is_some()
}

fn known(function: &str) -> Option<Text> {
    let name = function.split('(').next().unwrap_or(function).trim();
    let name = name.rsplit_once(' ').map_or(name, |(_, name)| name);
    if name.starts_with("absl::") && ABSEIL.iter().any(|part| name.contains(part)) {
        return Some(Text::None);
    }
    let fits = |known: &str| match (known.strip_suffix('*'), known.ends_with("::")) {
        (Some(start), _) => name.starts_with(start),
        (None, true) => name.starts_with(known),
        (None, false) => name == known,
    };
    REPORTERS.iter().find(|(known, _)| fits(known)).map(|(_, text)| *text)
}

/// Explains an abort by the function that gave up.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    find(scene).into_iter().collect()
}

fn find(scene: &Scene<'_>) -> Option<Finding> {
    // GLib ends itself by a breakpoint.
    if !matches!(scene.signal(), signals::SIGABRT | signals::SIGTRAP | signals::SIGILL) {
        return None;
    }
    let frames: Vec<(SceneFrame<'_>, String)> =
        scene.frames(NEAR).filter_map(|f| Some((f, f.code.display_name()?))).collect();
    let (_, outermost) = frames.iter().rfind(|(_, name)| is_reporter(name))?;
    let blame = scene.blame();
    let function = outermost.split('(').next().unwrap_or(outermost).to_owned();
    let mut evidence = signal_evidence(scene);
    evidence.push(format!("{function}() ended the process"));
    evidence.extend(blame.evidence());
    let from = match (blame.owner, blame.python) {
        (Some(owner), Some(python)) => format!(", in {}, called from {}", native_place(owner), python_place(python)),
        (Some(owner), None) => format!(", in {}", native_place(owner)),
        (None, Some(python)) => format!(", called from {}", python_place(python)),
        (None, None) => String::new(),
    };
    if frames.iter().any(|(_, name)| is_sanitizer(name)) {
        return Some(sanitizer(scene, evidence, &from));
    }
    let asserts = frames.iter().any(|(_, name)| matches!(known(name), Some(Text::Assertion(..))));
    let text = frames.iter().find_map(|(frame, name)| text(scene, frame, known(name)?));
    evidence.extend(text.as_ref().map(|text| format!("its text: {text}")));
    let title = match text {
        Some(text) => format!("the program ended itself by {function}: {text}{from}"),
        None => format!("the program ended itself by {function} (its text is not in its arguments){from}"),
    };
    let id = if asserts { FindingId::AssertionFailed } else { FindingId::FatalReport };
    Some(finding(id, title, Confidence::High, evidence, scene.tid))
}

fn text(scene: &Scene<'_>, frame: &SceneFrame<'_>, text: Text) -> Option<String> {
    let read = |index| {
        let at = Addr(scene.argument(frame, index)?);
        let bytes = scene.facts.target.memory.read_cstr(at, MAX_TEXT).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let readable = text.len() >= 2 && text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t'));
        readable.then(|| text.trim().to_owned())
    };
    match text {
        Text::None => None,
        Text::Argument(index) => read(index).map(|text| match text.contains('%') {
            true => format!("{text:?} (a format; what was put into it is not known)"),
            false => format!("{text:?}"),
        }),
        Text::Assertion(expression, file, line) => {
            let place = read(file).map(|file| {
                let line = scene.argument(frame, line).map_or(String::new(), |l| format!(":{}", l & 0xffff_ffff));
                format!(" at {}{line}", crate::base::file_name(&file))
            });
            read(expression).map(|expression| format!("assertion {expression:?} failed{}", place.unwrap_or_default()))
        }
    }
}

fn is_sanitizer(name: &str) -> bool {
    ["__asan", "__hwasan", "__lsan", "__msan", "__sanitizer", "__tsan", "__ubsan"].iter().any(|p| name.starts_with(p))
}

/// What a sanitizer found is damage of memory or the like, whatever it then did.
fn sanitizer(scene: &Scene<'_>, mut evidence: Vec<String>, from: &str) -> Finding {
    let report = sanitizer_report(scene);
    evidence.extend(report.iter().map(|line| format!("report in memory: {line}")));
    let title = match report {
        Some(line) => format!("{line}{from}"),
        None => format!("a sanitizer ended the process (its report is not in the dump){from}"),
    };
    let advice = "the whole report, with the stacks of allocation and release, is in the process's error output";
    let made = finding(FindingId::SanitizerReport, title, Confidence::High, evidence, scene.tid);
    Finding { advice: Some(advice.to_owned()), ..made }
}

/// The line "ERROR: AddressSanitizer: heap-use-after-free on address ..." of the report, which is kept in memory.
fn sanitizer_report(scene: &Scene<'_>) -> Option<String> {
    let memory = &scene.facts.target.memory;
    let mut left = MAX_SEARCH;
    for segment in memory.segments().iter().filter(|s| s.protection.write && s.available > 0) {
        left = left.checked_sub(segment.available)?;
        let Ok(bytes) = memory.read_vec(segment.start, segment.available) else { continue };
        let found = memchr::memmem::find_iter(&bytes, b"==ERROR: ").filter_map(|at| bytes.get(at..));
        let line = found.filter_map(|rest| rest.get(b"==ERROR: ".len()..)).find_map(|rest| {
            let line = rest.get(..rest.len().min(MAX_TEXT))?.split(|b| matches!(b, b'\n' | 0)).next()?;
            let line = std::str::from_utf8(line).ok()?;
            SANITIZERS.iter().any(|name| line.starts_with(name)).then(|| line.to_owned())
        });
        // "... on address 0x.. at pc 0x.. bp 0x.. sp 0x..": the registers are elsewhere.
        if let Some(line) = line {
            let end = line.find(" at pc ").unwrap_or(line.len());
            return Some(line.get(..end).unwrap_or(&line).to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::is_reporter;

    #[test]
    fn reporters_are_known_by_their_names() {
        let reporters = [
            "QMessageLogger::fatal(char const*, ...) const",
            "google::LogMessageFatal::~LogMessageFatal()",
            "absl::debian3::log_internal::LogMessageFatal::~LogMessageFatal()",
            "__asan::ReportGenericError(unsigned long, unsigned long)",
            "__asan_report_load8",
            "std::__glibcxx_assert_fail(char const*, int, char const*, char const*)",
            "void std::__1::__libcpp_verbose_abort(char const*, ...)",
            "g_logv",
        ];
        assert!(reporters.iter().all(|name| is_reporter(name)));
        let others = [
            "QMessageLogger::debug(char const*, ...) const",
            "absl::Mutex::Lock()",
            "g_list_free",
            "google",
            "f(qFatal)",
        ];
        assert!(!others.iter().any(|name| is_reporter(name)));
    }
}
