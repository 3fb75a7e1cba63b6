//! Signals that were sent rather than caused, and faults that are neither memory nor abort messages.

use super::blame::Blame;
use super::facts::Scene;
use super::finding;
use super::memory_access::{codes, signals};
use super::reraised::is_after_system_call;
use super::segv::signal_evidence;
use crate::debuggee::Crash;
use crate::model::{Confidence, Finding, FindingId};
use crate::native::x86_64::instruction::Code;
use crate::os::linux::signals::signal_name;

/// `si_code` of a signal that was sent (include/uapi/asm-generic/siginfo.h): `SI_USER` and the negative ones.
const SI_USER: i32 = 0;

/// Names who ended the process, or the arithmetic or instruction that did.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    fault(scene).or_else(|| sent(scene)).into_iter().collect()
}

fn fault(scene: &Scene<'_>) -> Option<Finding> {
    let signal = &scene.fault.signal;
    if signal.code.is_none_or(|c| c <= SI_USER) {
        return None;
    }
    let blame = scene.blame();
    let place = blame.suffix();
    let mut evidence = signal_evidence(scene);
    let code = scene.registers.and_then(|r| Code::at(&scene.facts.target.memory, r.ip()?));
    evidence.extend(code.as_ref().map(|c| format!("instruction at {}: {}", c.addr, c.text)));
    evidence.extend(blame.evidence());
    let make = |id: FindingId, title: String, advice: &str, evidence: Vec<String>| {
        let advice = (!advice.is_empty()).then(|| advice.to_owned());
        Some(Finding { advice, ..finding(id, title, Confidence::High, evidence, scene.tid) })
    };
    match (signal.number, signal.code?) {
        (signals::SIGFPE, codes::FPE_INTDIV | codes::FPE_INTOVF) => {
            let divisor = code.as_ref().zip(scene.registers).and_then(|(c, r)| c.divisor(r));
            evidence.extend(divisor.as_ref().map(|d| format!("{} = {:#x}", d.register, d.value)));
            // x86 reports the overflow of a quotient (INT_MIN / -1) as division by zero too.
            let overflow = divisor.as_ref().is_some_and(|d| d.value != 0);
            let what = if overflow { "integer division overflow" } else { "integer division by zero" };
            let advice =
                if overflow { "the smallest integer was divided by -1" } else { "the divisor was not checked" };
            make(FindingId::IntegerDivision, format!("{what}{place}"), advice, evidence)
        }
        (signals::SIGFPE, _) => make(FindingId::ArithmeticFault, format!("arithmetic fault{place}"), "", evidence),
        (signals::SIGILL, _) if code.as_ref().is_some_and(Code::is_trap) => {
            let advice =
                "the compiler put a trap there: __builtin_trap, a sanitizer, a hardened check, unreachable code";
            make(FindingId::TrapInstruction, format!("a deliberate trap (ud2){place}"), advice, evidence)
        }
        (signals::SIGILL, _) => {
            let advice = "the module was built for another processor, or a function pointer leads into data";
            make(FindingId::IllegalInstruction, format!("illegal instruction{place}"), advice, evidence)
        }
        (signals::SIGXCPU, codes::SI_KERNEL) => {
            let doing =
                blame.python.map_or(String::new(), |p| format!("; it was at {}", super::blame::python_place(p)));
            let title = format!("the CPU time that RLIMIT_CPU allows the process is used up{doing}");
            make(FindingId::ResourceLimit, title, "whoever started it has set the limit: ulimit -t", evidence)
        }
        (signals::SIGSYS, codes::SYS_SECCOMP) => {
            let advice = "the sandbox or container it runs in (its seccomp profile) does not allow the call";
            let title = format!("a seccomp filter refused a system call{place}");
            make(FindingId::RefusedSystemCall, title, advice, evidence)
        }
        (signals::SIGTRAP, _) => make(FindingId::TrapInstruction, format!("a breakpoint or trap{place}"), "", evidence),
        _ => None,
    }
}

fn sent(scene: &Scene<'_>) -> Option<Finding> {
    let signal = &scene.fault.signal;
    let name = signal_name(signal.number).map_or_else(|| format!("signal {}", signal.number), str::to_owned);
    let blame = scene.blame();
    let evidence = signal_evidence(scene);
    let own = scene.facts.target.process.pid;
    let sender = signal.sender_pid.and_then(|p| u64::try_from(p).ok());
    if let (Some(sender), Some(own)) = (sender, own)
        && sender != own
    {
        let user = signal.sender_uid.map_or(String::new(), |uid| format!(" (user {uid})"));
        let doing = blame.python.map_or(String::new(), |p| format!("; it was at {}", super::blame::python_place(p)));
        // A process in another pid namespace is 0 here.
        let who = if sender == 0 {
            "a process outside of its namespace, or the kernel".to_owned()
        } else {
            format!("process {sender}{user}")
        };
        let title = format!("{name} was sent by {who}{doing}");
        let advice =
            "the process did not crash by itself: look at who ended it (a watchdog, a time limit, an operator)";
        // What guards against the lack of memory ends processes so.
        let ends = matches!(name.as_str(), "SIGKILL" | "SIGTERM");
        let memory = if ends { "; if it was for its memory, see `pyinquest heap report`" } else { "" };
        return Some(Finding {
            advice: Some(format!("{advice}{memory}")),
            ..finding(FindingId::KilledByProcess, title, Confidence::High, evidence, scene.tid)
        });
    }
    if let Some(finding) = aborted(scene, blame, &evidence) {
        return Some(finding);
    }
    if signal.code.is_some_and(|c| c <= SI_USER) && (sender.is_none() || sender == own) {
        return Some(raised(scene, blame, &name, evidence));
    }
    None
}

/// `abort()`, where it is seen: on the stack of a Unix process, or by the exception that it ends a Windows one with.
fn aborted(scene: &Scene<'_>, blame: &Blame<'_>, evidence: &[String]) -> Option<Finding> {
    if scene.signal() != signals::SIGABRT {
        return None;
    }
    let aborted = scene.frames(8).any(|f| f.name().is_some_and(|n| matches!(n, "abort" | "__GI_abort")));
    // Windows: what ends a process like abort() is not distinguished from abort() itself.
    let failed_fast = matches!(&scene.facts.target.crash, Some(Crash::Exception { .. }));
    if !aborted && !failed_fast {
        return None;
    }
    let what = if failed_fast && !aborted {
        "abort() or its like"
    } else if scene.frames(8).any(|f| f.runs("os_abort") || f.runs("os_abort_impl")) {
        "os.abort()"
    } else {
        "abort()"
    };
    let by = blame.owner.map_or(String::new(), |o| format!(" by {}", super::blame::native_place(o)));
    let from = blame.python.map_or(String::new(), |p| format!(" from {}", super::blame::python_place(p)));
    let comma = if by.is_empty() || from.is_empty() { "" } else { ", called" };
    let title = format!("{what} was called{by}{comma}{from}");
    Some(finding(FindingId::AbortCalled, title, Confidence::High, evidence.to_vec(), scene.tid))
}

/// A signal that the process has sent to itself: by which function, where that is seen.
fn raised(scene: &Scene<'_>, blame: &Blame<'_>, name: &str, mut evidence: Vec<String>) -> Finding {
    /// Exported by C libraries.
    const SENDERS: &[&str] =
        &["gsignal", "kill", "killpg", "pthread_kill", "pthread_sigqueue", "raise", "sigqueue", "tgkill", "tkill"];
    let of_libc = |n: &str| SENDERS.iter().copied().find(|s| n.trim_start_matches('_').trim_end_matches("@plt") == *s);
    // The outermost: `raise` is made of `pthread_kill`.
    let by = scene.frames(6).filter_map(|f| of_libc(f.name()?)).last();
    let here = scene.registers.is_some_and(|r| is_after_system_call(&scene.facts, r));
    let confidence = match (by, here) {
        (Some(by), ..) => {
            evidence.push(format!("{}() is on the stack", if by == "gsignal" { "raise" } else { by }));
            Confidence::High
        }
        (None, true) => Confidence::High,
        // The thread was not in the system call that sends signals.
        (None, false) => {
            let text = "this thread was not sending a signal: another thread did, or a handler that has returned";
            evidence.push(text.to_owned());
            Confidence::Medium
        }
    };
    let place = blame.python.map_or(String::new(), |p| format!(", from {}", super::blame::python_place(p)));
    let by = blame.owner.map_or(String::new(), |o| format!(", in {}", super::blame::native_place(o)));
    let title = format!("{name} was raised by the process itself{by}{place}");
    finding(FindingId::SignalRaised, title, confidence, evidence, scene.tid)
}
