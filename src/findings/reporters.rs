//! Functions by which programs and libraries end themselves with a text of their own: their caller is to blame, and the
//! text says why. (Sanitizers, toolkits, logging libraries, assertions of the C++ library.)

use super::blame::{native_place, python_place};
use super::facts::{Scene, SceneFrame};
use super::finding;
use super::memory_access::signals;
use super::report_text::Searched;
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

/// What stands in front of that.
const ERROR: &[u8] = b"==ERROR: ";
/// Bytes and lines of a report that are read.
const MAX_REPORT: usize = 32 << 10;
const MAX_LINES: usize = 400;

/// Where a reporter's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// In no argument.
    None,
    /// The argument is the text, or the format of it.
    Argument(usize),
    /// Expression, file, line.
    Assertion(usize, usize, usize),
    /// A line of a log, in memory of its own.
    Log,
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
    ("g_assertion_message_*", Text::Assertion(4, 1, 2)),
    ("g_log", Text::Argument(2)),
    ("g_logv", Text::Argument(2)),
    ("g_log_default_handler", Text::Argument(2)),
    ("g_log_structured_standard", Text::Argument(5)),
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
    ("google::LogMessage*", Text::Log),
    ("google::ErrnoLogMessage*", Text::Log),
    ("google::logging_fail*", Text::Log),
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
        let raw = name.ends_with("::RawLog");
        return Some(if raw { Text::Argument(3) } else { Text::Log });
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
        let undefined = frames.iter().find_map(|(frame, name)| undefined_behavior(scene, frame, name));
        return Some(sanitizer(scene, undefined, evidence, &from));
    }
    let asserts = frames.iter().any(|(_, name)| matches!(known(name), Some(Text::Assertion(..))));
    let text = frames.iter().find_map(|(frame, name)| text(scene, frame, known(name)?));
    // Of the functions through which a log ends the process, the outermost has the message.
    let log = || {
        let (frame, _) = frames.iter().rfind(|(_, name)| known(name) == Some(Text::Log))?;
        Searched::of(scene, frame).logged().map(|text| format!("{text:?}"))
    };
    let text = text.or_else(log);
    evidence.extend(text.as_ref().map(|text| format!("its text: {text}")));
    let title = match text {
        Some(text) => format!("the program ended itself by {function}: {text}{from}"),
        None => format!("the program ended itself by {function} (its text is not known){from}"),
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
        Text::None | Text::Log => None,
        Text::Argument(index) => read(index).map(|text| match text.contains('%') {
            true => Searched::of(scene, frame).formatted(&text).map_or_else(
                || format!("{text:?} (a format; what was put into it is not known)"),
                |text| format!("{text:?}"),
            ),
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
fn sanitizer(scene: &Scene<'_>, undefined: Option<String>, mut evidence: Vec<String>, from: &str) -> Finding {
    let (undefined, report) = match undefined {
        Some(text) => (true, vec![text]),
        None => (false, sanitizer_report(scene)),
    };
    let title = match report.split_first() {
        Some((line, _)) if undefined => format!("{line}{from}"),
        Some((line, more)) => {
            evidence.push(format!("report in memory: {line}"));
            evidence.extend(more.iter().map(|line| format!("  {line}")));
            format!("{line}{from}")
        }
        None => format!("a sanitizer ended the process (its report is not in the dump){from}"),
    };
    let advice = match undefined {
        true => "the message in the process's error output has the column and all values",
        false => "the whole report, with the stacks of allocation and release, is in the process's error output",
    };
    let made = finding(FindingId::SanitizerReport, title, Confidence::High, evidence, scene.tid);
    Finding { advice: Some(advice.to_owned()), ..made }
}

/// What UndefinedBehaviorSanitizer's functions are called for (ubsan_handlers.h), by their names after `__ubsan_handle_`.
const UNDEFINED: &[(&str, &str)] = &[
    ("add_overflow", "integer overflow"),
    ("sub_overflow", "integer overflow"),
    ("mul_overflow", "integer overflow"),
    ("negate_overflow", "negation that cannot be represented"),
    ("divrem_overflow", "division by zero, or one whose quotient overflows"),
    ("shift_out_of_bounds", "shift out of bounds"),
    ("out_of_bounds", "index out of bounds"),
    ("type_mismatch", "access by a pointer that is null, misaligned, or to an object too small"),
    ("alignment_assumption", "assumption of an alignment that is not so"),
    ("builtin_unreachable", "code was reached that never should be"),
    ("missing_return", "the end of a function was reached without a value returned"),
    ("vla_bound_not_positive", "bound of an array that is not positive"),
    ("float_cast_overflow", "number outside of the range of its new type"),
    ("load_invalid_value", "load of a value that its type does not have"),
    ("nonnull", "null where it must not be"),
    ("pointer_overflow", "overflow of a pointer"),
];

/// What UndefinedBehaviorSanitizer found, by the arguments of its function: it keeps no report. The first is a structure that
/// begins with the place: file, line, column (which is overwritten when it is reported).
fn undefined_behavior(scene: &Scene<'_>, frame: &SceneFrame<'_>, name: &str) -> Option<String> {
    let (memory, abi) = (&scene.facts.target.memory, &scene.facts.target.abi);
    let function = name.split('(').next()?.strip_prefix("__ubsan_handle_")?;
    let (kind, what) = UNDEFINED.iter().find(|(kind, _)| function.starts_with(kind))?;
    let data = Addr(scene.argument(frame, 0)?);
    let file = memory.read_cstr(memory.read_ptr(abi, data).ok()?, MAX_TEXT).ok()?;
    let line = memory.read_array::<4>(data.checked_add(8)?).ok().map(u32::from_le_bytes)?;
    let file = String::from_utf8(file).ok().filter(|file| !file.is_empty())?;
    let operator = match *kind {
        "add_overflow" => Some("+"),
        "sub_overflow" => Some("-"),
        "mul_overflow" => Some("*"),
        _ => None,
    };
    let sum = operator.and_then(|operator| {
        let ty = memory.read_ptr(abi, data.checked_add(16)?).ok()?;
        let name = String::from_utf8(memory.read_cstr(ty.checked_add(4)?, MAX_TEXT).ok()?).ok()?;
        let head = memory.read_array::<4>(ty).ok()?;
        // Kind 0 is an integer; then whether it is signed, and the logarithm of its width.
        let (signed, bits) =
            (head[2] & 1 == 1, 1_u32.checked_shl(u32::from(head[2] >> 1)).filter(|b| (8..=64).contains(b))?);
        let shown = |value: u64| match signed {
            true => (value.cast_signed() << (64 - bits) >> (64 - bits)).to_string(),
            false => (value << (64 - bits) >> (64 - bits)).to_string(),
        };
        let (a, b) = (scene.argument(frame, 1).map(shown), scene.argument(frame, 2).map(shown));
        let values = match (a, b) {
            (None, None) => format!("of type {name}"),
            (a, b) => {
                let known = |value: Option<String>| value.unwrap_or_else(|| "?".to_owned());
                format!("of type {name}: {} {operator} {}", known(a), known(b))
            }
        };
        let word = if signed { "signed" } else { "unsigned" };
        (head[..2] == [0, 0]).then(|| format!("{word} {what} {values}"))
    });
    let what = sum.unwrap_or_else(|| (*what).to_owned());
    Some(format!("{}:{line}: runtime error: {what}", crate::base::file_name(&file)))
}

/// The report, which is kept in memory: the line "ERROR: AddressSanitizer: heap-use-after-free on address ...", and those of the
/// lines after it that say of which memory and whose it was.
fn sanitizer_report(scene: &Scene<'_>) -> Vec<String> {
    let memory = &scene.facts.target.memory;
    let mut left = MAX_SEARCH;
    for segment in memory.segments().iter().filter(|s| s.protection.write && s.available > 0) {
        let Some(rest) = left.checked_sub(segment.available) else { continue };
        left = rest;
        let Ok(bytes) = memory.read_vec(segment.start, segment.available) else { continue };
        let found = memchr::memmem::find_iter(&bytes, ERROR).filter_map(|at| bytes.get(at.checked_add(ERROR.len())?..));
        let errors = found.map(text_at).find(|text| SANITIZERS.iter().any(|name| text.starts_with(name)));
        if let Some(text) = errors {
            return told(&text);
        }
    }
    Vec::new()
}

/// The text at the start of some bytes.
fn text_at(bytes: &[u8]) -> String {
    let text = bytes.get(..bytes.len().min(MAX_REPORT)).unwrap_or(bytes);
    String::from_utf8_lossy(text.split(|b| *b == 0).next().unwrap_or_default()).into_owned()
}

/// The first line of a report, and what it says of the memory: the access, whose block that is, and where that was freed and
/// allocated: each by the first frame that is not the sanitizer's own.
fn told(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    // "... on address 0x.. at pc 0x.. bp 0x.. sp 0x..": the registers are elsewhere.
    let first = lines.next().unwrap_or_default();
    let end = first.find(" at pc ").unwrap_or(first.len());
    let mut out = vec![first.get(..end).unwrap_or(first).to_owned()];
    let mut stack = None;
    for line in lines.take(MAX_LINES) {
        let frame = line.trim_start();
        if line.starts_with("freed by ")
            || line.starts_with("previously allocated by ")
            || line.starts_with("allocated by ")
        {
            stack = Some(line.trim_end_matches(" here:"));
        } else if let Some(of) = stack
            && frame.starts_with('#')
        {
            let place = frame.split_once(" in ").map_or("", |(_, place)| place);
            if !["__interceptor_", "operator ", "__asan"].iter().any(|own| place.starts_with(own)) && !place.is_empty()
            {
                out.push(format!("{of}: {place}"));
                stack = None;
            }
        } else if line.starts_with("READ of ") || line.starts_with("WRITE of ") || line.contains(" is located ") {
            out.push(line.to_owned());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{is_reporter, told};

    #[test]
    fn a_sanitizers_report_is_cut_to_what_it_says_of_the_memory() {
        let report = "AddressSanitizer: heap-use-after-free on address 0x60 at pc 0x7f bp 0x7f sp 0x7f\nREAD of size 8 at 0x60 \
                      thread T0\n    #0 0x7f in total a.c:5\n\n0x60 is located 0 bytes inside of 40-byte region [0x60,0x88)\n\
                      freed by thread T0 here:\n    #0 0x7f in __interceptor_free x.cpp:52\n    #1 0x7f in drop a.c:6\n";
        assert_eq!(
            told(report),
            [
                "AddressSanitizer: heap-use-after-free on address 0x60",
                "READ of size 8 at 0x60 thread T0",
                "0x60 is located 0 bytes inside of 40-byte region [0x60,0x88)",
                "freed by thread T0: drop a.c:6",
            ]
        );
    }

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
