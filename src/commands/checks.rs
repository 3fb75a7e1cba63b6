//! What to look at next, by what killed the process.

use crate::model::{Finding, FindingId, Report};

/// Memory was used that should not have been: what the instruction used, and who called.
const ACCESS: &[&str] = &["bt --native", "registers", "locals"];
/// The stack is used up: both its ends, of which the outer one says who began.
const RECURSION: &[&str] = &["bt 20", "bt -10", "bt --native 20"];
/// An allocator's or an object's content is damaged: who called, and which counts do not agree.
const CONTENT: &[&str] = &["bt --native", "audit", "locals"];
/// An exception says it.
const EXCEPTION: &[&str] = &["exc", "bt-full", "bt --native"];
/// Threads that wait.
const WAITS: &[&str] = &["threads", "thread apply all bt 5", "locals"];
/// Tasks that wait.
const TASKS: &[&str] = &["tasks", "thread apply all bt 5", "threads"];
/// Too much memory.
const MEMORY: &[&str] = &["memory", "top", "heap"];
/// The process ended itself, or was ended.
const ENDED: &[&str] = &["bt --native", "bt-full", "exc"];
/// Nothing is found: where everybody stands.
const UNKNOWN: &[&str] = &["thread apply all bt 5", "threads", "tasks", "memory"];

/// Commands that say more of what a report found, the most telling first.
#[must_use]
pub fn checks(report: &Report) -> &'static [&'static str] {
    report.findings.first().map_or(UNKNOWN, |finding| checks_of(report, finding))
}

fn checks_of(report: &Report, finding: &Finding) -> &'static [&'static str] {
    use FindingId as Id;
    match &finding.id {
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
        | Id::FreedCallback
        | Id::ApiWithoutGil
        | Id::UseAfterFinalize => ACCESS,
        Id::UseOfFreedMemory
        | Id::UseOfUninitialisedMemory
        | Id::BufferOverrun
        | Id::DoubleFree
        | Id::InvalidFree
        | Id::HeapCorruption
        | Id::CorruptObject
        | Id::BadRefcount
        | Id::CrashInGc
        | Id::CrashInFinalizer => CONTENT,
        Id::ExceptionLeftSet | Id::NullWithoutException | Id::ExceptionHandled | Id::ExceptionSet => EXCEPTION,
        Id::StackOverflow | Id::PythonRecursion => RECURSION,
        Id::OutOfMemory => MEMORY,
        Id::Deadlock | Id::LockOrphaned | Id::GilHeldAsleep | Id::LockHeld | Id::StarvedExecutor => WAITS,
        Id::TaskDeadlock | Id::EventLoopBlocked | Id::TasksLeftBehind => TASKS,
        // A signal that was sent says nothing of its reason: all threads do.
        Id::KilledByProcess | Id::SignalRaised if report.threads.len() > 1 => UNKNOWN,
        _ => ENDED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::{Args, COMMANDS, command};

    /// What may stand for a word in capitals.
    fn filled(check: &str) -> String {
        let words = [("NAME", "x"), ("0xADDRESS", "0x10"), ("ID", "1"), ("TYPE", "str")];
        let fill =
            |word: &str| words.iter().find(|(of, _)| *of == word).map_or(word.to_owned(), |(_, to)| (*to).to_owned());
        check.split(' ').map(fill).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_check_is_a_use_of_a_command() {
        let lists = [ACCESS, RECURSION, CONTENT, EXCEPTION, WAITS, TASKS, MEMORY, ENDED, UNKNOWN];
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
    fn the_first_finding_decides() {
        let finding = |id| Finding { id, ..Finding::default() };
        let report = Report {
            findings: vec![finding(FindingId::OutOfMemory), finding(FindingId::Deadlock)],
            ..Report::default()
        };
        assert_eq!(checks(&report), MEMORY);
        assert_eq!(checks(&Report::default()), UNKNOWN);
    }
}
