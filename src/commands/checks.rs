//! What to look at next, by what killed the process.

use crate::model::{FindingId, Report};

/// Memory was used that should not have been: what the instruction used, and who called.
const ACCESS: &[&str] = &["bt --native", "registers", "locals"];
/// The stack is used up: both its ends, of which the outer one says who began.
const RECURSION: &[&str] = &["bt 20", "bt -10", "bt --native 20"];
/// An allocator's or an object's content is damaged: who called, and which counts do not agree.
const CONTENT: &[&str] = &["bt --native", "audit", "locals"];
/// Counts and references do not agree: which objects, and what holds them.
const COUNTS: &[&str] = &["audit", "bt --native", "locals"];
/// C code called back what is no more: what it called, and what Python code ran.
const CALLBACK: &[&str] = &["bt --native", "registers", "bt-full"];
/// An exception says it.
const EXCEPTION: &[&str] = &["exc", "bt-full", "bt --native"];
/// Threads that wait.
const WAITS: &[&str] = &["threads", "thread apply all bt 5", "locals"];
/// Tasks that wait.
const TASKS: &[&str] = &["tasks", "thread apply all bt 5", "threads"];
/// Tasks that have ended, or never began, and nobody asks.
const FORGOTTEN: &[&str] = &["tasks --all", "exc", "bt-full"];
/// Too much memory.
const MEMORY: &[&str] = &["memory", "top", "heap"];
/// Time of the processor is used up: who used it.
const BUSY: &[&str] = &["thread apply all bt 5", "threads", "bt-full"];
/// The system refused a call: which, and who called.
const REFUSED: &[&str] = &["bt --native", "registers", "bt-full"];
/// The process ended itself, or was ended.
const ENDED: &[&str] = &["bt --native", "bt-full", "exc"];
/// Nothing is found: where everybody stands.
const UNKNOWN: &[&str] = &["thread apply all bt 5", "threads", "tasks", "memory"];

/// Commands that are named at most.
const MOST: usize = 6;

/// Commands that say more of what a report found, the most telling first: those of the first finding, then of each other one
/// what says most of it.
#[must_use]
pub fn checks(report: &Report) -> Vec<&'static str> {
    let Some((first, others)) = report.findings.split_first() else { return UNKNOWN.to_vec() };
    let more = others.iter().filter_map(|finding| checks_of(report, &finding.id).first());
    let mut all: Vec<&'static str> = Vec::new();
    for check in checks_of(report, &first.id).iter().chain(more) {
        if !all.contains(check) && all.len() < MOST {
            all.push(check);
        }
    }
    all
}

/// Every id has its row: a new one does not compile without.
fn checks_of(report: &Report, id: &FindingId) -> &'static [&'static str] {
    use FindingId as Id;
    match id {
        Id::NullPointer
        | Id::SmallIntegerAsPointer
        | Id::ErrorValueAsPointer
        | Id::UnmappedAddress
        | Id::NonCanonicalAddress
        | Id::WriteToReadOnly
        | Id::GuardPage
        | Id::AccessRefused
        | Id::BadJump
        | Id::BeyondEndOfFile
        | Id::Misaligned
        | Id::BusError
        | Id::StackSmashing
        | Id::BufferOverflow
        | Id::IntegerDivision
        | Id::ArithmeticFault
        | Id::TrapInstruction
        | Id::IllegalInstruction
        | Id::ApiWithoutGil
        | Id::UseAfterFinalize => ACCESS,
        Id::FreedCallback => CALLBACK,
        Id::UseOfFreedMemory
        | Id::UseOfUninitialisedMemory
        | Id::BufferOverrun
        | Id::DoubleFree
        | Id::InvalidFree
        | Id::HeapCorruption
        | Id::HeapDamage
        | Id::CorruptObject
        | Id::BadRefcount
        | Id::CrashInGc
        | Id::CrashInFinalizer => CONTENT,
        Id::OverReleased | Id::LeakedReferences => COUNTS,
        Id::ExceptionLeftSet | Id::NullWithoutException | Id::ExceptionHandled | Id::ExceptionSet => EXCEPTION,
        Id::StackOverflow | Id::PythonRecursion => RECURSION,
        Id::OutOfMemory => MEMORY,
        Id::Deadlock | Id::LockOrphaned | Id::GilHeldAsleep | Id::LockHeld | Id::StarvedExecutor => WAITS,
        Id::TaskDeadlock | Id::EventLoopBlocked | Id::TasksLeftBehind => TASKS,
        Id::ExceptionsNotRetrieved | Id::CoroutinesNotAwaited => FORGOTTEN,
        Id::ResourceLimit => BUSY,
        Id::RefusedSystemCall => REFUSED,
        // A signal that was sent says nothing of its reason: all threads do.
        Id::KilledByProcess | Id::SignalRaised if report.threads.len() > 1 => UNKNOWN,
        Id::KilledByProcess
        | Id::SignalRaised
        | Id::FatalError
        | Id::AssertionFailed
        | Id::FatalReport
        | Id::SanitizerReport
        | Id::AbortMessage
        | Id::AbortCalled
        | Id::CppTerminate
        | Id::RustPanic
        | Id::Other(_) => ENDED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Args, COMMANDS, command};
    use crate::model::Finding;

    /// What may stand for a word in capitals.
    fn filled(check: &str) -> String {
        let words = [("NAME", "x"), ("0xADDRESS", "0x10"), ("ID", "1"), ("TYPE", "str")];
        let fill =
            |word: &str| words.iter().find(|(of, _)| *of == word).map_or(word.to_owned(), |(_, to)| (*to).to_owned());
        check.split(' ').map(fill).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_check_is_a_use_of_a_command() {
        let lists = [
            ACCESS, RECURSION, CONTENT, COUNTS, CALLBACK, EXCEPTION, WAITS, TASKS, FORGOTTEN, MEMORY, BUSY, REFUSED,
            ENDED, UNKNOWN,
        ];
        let all = lists.into_iter().chain(COMMANDS.iter().map(|command| command.then)).flatten();
        for check in all {
            let text = filled(check);
            let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
            let row = command(word).unwrap_or_else(|| panic!("{check}"));
            assert!(!row.only_in_debuggers, "{check}");
            Args::parse(row, rest, "").unwrap_or_else(|error| panic!("{check}: {error}"));
        }
    }

    #[test]
    fn the_first_finding_comes_first() {
        let report = |ids: &[FindingId]| Report {
            findings: ids.iter().map(|id| Finding { id: id.clone(), ..Finding::default() }).collect(),
            ..Report::default()
        };
        assert_eq!(checks(&report(&[FindingId::OutOfMemory])), MEMORY);
        // Another one adds what says most of it, once.
        let crash = report(&[FindingId::UseOfFreedMemory, FindingId::OverReleased, FindingId::CoroutinesNotAwaited]);
        assert_eq!(checks(&crash), [CONTENT, &["tasks --all"]].concat());
        let ended = report(&[FindingId::AbortCalled, FindingId::OverReleased, FindingId::LeakedReferences]);
        assert_eq!(checks(&ended), [ENDED, &["audit"]].concat());
        assert_eq!(checks(&Report::default()), UNKNOWN);
    }
}
