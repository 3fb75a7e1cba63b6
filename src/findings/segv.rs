//! Rules for SIGSEGV and SIGBUS: what is at the address, and why it cannot be used.

use super::blame::Blame;
use super::facts::{PassedOn, Scene};
use super::finding;
use super::memory_access::{Access, codes, is_canonical, signals};
use super::stack_overflow::REACH;
use crate::arch::AccessKind;
use crate::base::{Addr, Os};
use crate::debuggee::SignalInfo;
use crate::model::{Confidence, Finding, FindingId};
use crate::os::NULL_AREA;
use crate::os::linux::signals::{code_name, signal_name};

/// From here on an address is the number of an error (`MAX_ERRNO` of Linux).
const ERRORS: u64 = u64::MAX - 4095;
/// A NULL pointer with a field offset: objects are rarely larger than a page.
const FIELD_AREA: u64 = 4096;

/// Explains the address of a SIGSEGV or SIGBUS.
pub(super) fn run(scene: &Scene<'_>) -> Vec<Finding> {
    match scene.signal() {
        signals::SIGSEGV | signals::SIGBUS if scene.fault.signal.sender_pid.is_none() => {
            explain(scene).map(|finding| of_loop(scene, finding)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The evaluation loop takes its operands from the bytecode and the frame that it runs: no caller gave it a bad pointer.
fn of_loop(scene: &Scene<'_>, finding: Finding) -> Finding {
    let blame = scene.blame();
    if blame.top.is_some() || blame.python.is_none() || finding.id == FindingId::BadJump {
        return finding;
    }
    let advice = "what the loop runs on is damaged: an object in a local variable or on the frame's stack was freed or \
                  overwritten, or the code object was changed or made by hand";
    Finding { advice: Some(advice.to_owned()), ..finding }
}

fn explain(scene: &Scene<'_>) -> Option<Finding> {
    let access = scene.access();
    let blame = scene.blame();
    let code = match scene.fault.signal.code {
        Some(code) => code,
        // The dump has an address and no word of what is wrong with it, and the instruction is not known.
        None if access.code.is_none() => return located(scene, blame),
        None => return None,
    };
    let kind = access.kind.map_or("access", AccessKind::word);
    let place = blame.suffix();
    let mut evidence = signal_evidence(scene);
    evidence.extend(access.evidence());
    evidence.extend(access.addr.filter(|at| at.0 >= NULL_AREA).and_then(|at| super::arrays::evidence(scene, at)));
    evidence.extend(blame.evidence());
    evidence.extend(super::destruction::circumstances(scene));
    let make = |id: FindingId, title: String, confidence, advice: &str| {
        let advice = (!advice.is_empty()).then(|| advice.to_owned());
        Some(Finding { advice, ..finding(id, title, confidence, evidence.clone(), scene.tid) })
    };
    // x86-64 gives SIGBUS instead when the base register is the stack or frame pointer (#SS).
    if scene.signal() == signals::SIGBUS && !access.non_canonical {
        return bus(scene, access, &place, evidence.clone());
    }
    if let Some(fill) = Fill::of(access) {
        let (addr, place) = (access.addr.unwrap_or_default(), &place);
        evidence.push(format!("{:#x} is what {} fills {} with", fill.value, fill.by, fill.what));
        let made = finding(
            fill.id,
            format!("{kind} of {addr}: a pointer out of {}{place}", fill.what),
            Confidence::High,
            evidence,
            scene.tid,
        );
        return Some(Finding { advice: Some(fill.advice.to_owned()), ..made });
    }
    if access.non_canonical {
        let addr = access.addr.unwrap_or_default();
        let base = access.operand.as_ref().and_then(|o| o.base.as_ref()).map_or(addr.0, |b| b.value);
        let text = as_text(base);
        let title = format!("{kind} of {addr}, which is no address at all{text}{place}");
        let advice = "the pointer was overwritten, or was never one: memory corruption, or use of freed memory";
        return make(FindingId::NonCanonicalAddress, title, Confidence::High, advice);
    }
    let addr = access.addr?;
    if access.kind == Some(AccessKind::Execute) {
        let caller = blame.owner.map(super::blame::native_place);
        let what = match (addr.0, scene.facts.segment(addr)) {
            (0, _) => "a call through a NULL function pointer".to_owned(),
            (n, _) if n < NULL_AREA => format!("a call through a function pointer of value {addr}"),
            _ if !is_canonical(addr) => {
                format!("a jump to {addr}, which is no address at all{}", as_text(addr.0))
            }
            (_, Some(_)) => format!("a jump to {addr}, which is data and not code"),
            (_, None) => format!("a jump to {addr}, where nothing is mapped"),
        };
        let by = caller.map_or(place.clone(), |c| {
            let python =
                blame.python.map_or(String::new(), |p| format!(", called from {}", super::blame::python_place(p)));
            format!(" by {c}{python}")
        });
        let advice = "a function pointer was not set, or was overwritten; or the return address on the stack was";
        return make(FindingId::BadJump, format!("{what}{by}"), Confidence::High, advice);
    }
    if addr.0 < NULL_AREA {
        return Some(near_null(scene, access, addr, kind, &place, evidence.clone()));
    }
    let segment = scene.facts.segment(addr);
    match segment {
        Some(s) if code == codes::SEGV_ACCERR && !s.protection.write && s.protection.read => {
            let module = scene.facts.target.module_at(addr).map_or(String::new(), |m| format!(" of {}", m.file_name()));
            let title = format!(
                "{} of {addr}, which is read-only memory{module}{place}",
                if access.kind.is_none() { "write" } else { kind }
            );
            make(FindingId::WriteToReadOnly, title, Confidence::High, "a string literal or constant was modified")
        }
        // An overflow whose recursion is not seen, or a local variable that is larger than the stack.
        Some(s) if !s.protection.read && !s.protection.write && near_stack_pointer(scene, addr) => {
            let title = format!("{kind} of {addr}, in memory that allows no access, near the stack pointer{place}");
            let advice = "the stack has ended here: a large local variable, alloca or recursion; or a wrong address";
            make(FindingId::GuardPage, title, Confidence::Medium, advice)
        }
        Some(s) if !s.protection.read && !s.protection.write => {
            let title =
                format!("{kind} of {addr}, in memory that allows no access (a guard page, or given back){place}");
            make(
                FindingId::GuardPage,
                title,
                Confidence::High,
                "a buffer was overrun up to its guard page, or was freed",
            )
        }
        None => {
            let title = format!("{kind} of {addr}, where nothing is mapped{place}");
            let advice = "the memory was freed and given back, or the pointer is garbage";
            make(FindingId::UnmappedAddress, title, Confidence::High, advice)
        }
        Some(_) => {
            let title = format!("{kind} of {addr} was refused although the dump shows the memory as usable{place}");
            make(FindingId::AccessRefused, title, Confidence::Low, "another thread may have mapped it just then")
        }
    }
}

pub(super) fn near_stack_pointer(scene: &Scene<'_>, addr: Addr) -> bool {
    scene.registers.and_then(|registers| registers.sp()).is_some_and(|sp| sp.0.abs_diff(addr.0) <= REACH)
}

/// Bytes that allocators fill memory with, so that its use is noticed.
struct Fill {
    /// The pointer that was used.
    value: u64,
    id: FindingId,
    /// Who does it.
    by: &'static str,
    /// What memory that is.
    what: &'static str,
    advice: &'static str,
}

impl Fill {
    /// A base register, or a whole address, all of whose bytes are of one filling (Objects/obmalloc.c, `PYMEM_DEADBYTE`,
    /// `PYMEM_CLEANBYTE`, `PYMEM_FORBIDDENBYTE`; jemalloc `--enable-fill`).
    fn of(access: &Access) -> Option<Fill> {
        const FILLS: &[(u8, FindingId, &str, &str, &str)] = &[
            (
                0xdd,
                FindingId::UseOfFreedMemory,
                "Python's debug allocator (PYTHONMALLOC=debug)",
                "memory that was freed",
                "the object was freed too early (a missing Py_INCREF, one Py_DECREF too many), or is used after its end",
            ),
            (
                0xcd,
                FindingId::UseOfUninitialisedMemory,
                "Python's debug allocator (PYTHONMALLOC=debug)",
                "memory that was allocated and never written",
                "initialise what is allocated, before it can be seen or an error path frees it",
            ),
            (
                0xfd,
                FindingId::BufferOverrun,
                "Python's debug allocator (PYTHONMALLOC=debug)",
                "the guard bytes around a block",
                "something was read in front of or behind its block",
            ),
            (
                0x5a,
                FindingId::UseOfFreedMemory,
                "jemalloc (junk)",
                "memory that was freed",
                "the memory is used after its end",
            ),
            (
                0xa5,
                FindingId::UseOfUninitialisedMemory,
                "jemalloc (junk)",
                "memory that was allocated and never written",
                "initialise what is allocated",
            ),
        ];
        let operand = access.operand.as_ref();
        let base = operand.and_then(|o| o.base.as_ref()).map(|b| b.value);
        let index = operand.and_then(|o| o.index.as_ref()).map(|(i, _)| i.value);
        let jump = access.addr.filter(|_| access.kind == Some(AccessKind::Execute));
        let values = [base, index, operand.map(|o| o.addr.0), jump.map(|at| at.0)].into_iter().flatten();
        let filled = |value: u64, byte: u8| value.to_le_bytes().iter().all(|b| *b == byte);
        values
            .filter_map(|value| {
                let (_, id, by, what, advice) = FILLS.iter().find(|(byte, ..)| filled(value, *byte))?;
                Some(Fill { value, id: id.clone(), by, what, advice })
            })
            .next()
    }
}

/// A fault of which a dump tells nothing but the address, if that much is true.
fn located(scene: &Scene<'_>, blame: &Blame<'_>) -> Option<Finding> {
    let addr = scene.fault.signal.fault_addr?;
    // A sender's process and user stand where the address would be.
    let own = scene.facts.target.process.pid.is_some_and(|pid| addr.0 & 0xffff_ffff == pid);
    if own || scene.facts.segment(addr).is_some() {
        return None;
    }
    let mut evidence = signal_evidence(scene);
    evidence.push("the dump does not say what was wrong (no si_code), and the instruction is not known".to_owned());
    let (id, what) = match addr.0 < NULL_AREA {
        true => (FindingId::NullPointer, format!("access to {addr}, close to NULL")),
        false => (FindingId::UnmappedAddress, format!("access to {addr}, of which the dump knows no mapping")),
    };
    Some(finding(id, format!("{what}{}", blame.suffix()), Confidence::Low, evidence, scene.tid))
}

/// NULL itself, a field of a NULL struct, or a small number used as a pointer: the base register tells which.
fn near_null(
    scene: &Scene<'_>,
    access: &Access,
    addr: Addr,
    kind: &str,
    place: &str,
    evidence: Vec<String>,
) -> Finding {
    let operand = access.operand.as_ref();
    let base = operand.and_then(|o| o.base.as_ref()).map(|b| b.value);
    let index = operand.and_then(|o| o.index.as_ref()).map(|(i, scale)| (i.value, *scale));
    let displacement = operand.map_or(0, |o| o.displacement);
    let unchecked = "a result was not checked for NULL before use";
    let confidence = if operand.is_some() || addr.is_null() { Confidence::High } else { Confidence::Medium };
    let element = |n: u64| format!("{kind} of NULL + {n:#x}, an element of an array that is NULL{place}");
    let (id, title, confidence, advice) = match (base, index) {
        // -1 to -4095: what the kernel gives for an error, MAP_FAILED, what C functions return for one.
        (Some(value), _) if value >= ERRORS => (
            FindingId::ErrorValueAsPointer,
            format!(
                "{kind} through {} ({value:#x}), an error that was taken for a pointer{place}",
                value.cast_signed()
            ),
            confidence,
            "MAP_FAILED or another result of -1 was not checked before use",
        ),
        // NULL and a number were added: the register that is zero is the pointer, whichever it is.
        (Some(0), Some((n, scale))) if n != 0 => {
            (FindingId::NullPointer, element(n.wrapping_mul(u64::from(scale))), confidence, unchecked)
        }
        (Some(value), Some((0, 1))) if value != 0 && value < NULL_AREA => {
            (FindingId::NullPointer, element(value), Confidence::Medium, unchecked)
        }
        (Some(value), None) if value != 0 && value < NULL_AREA && displacement >= 0 => {
            // What is aligned may be the address of a field or element that was computed before: `lock(&object->mutex)`.
            let computed = value % 4 == 0;
            let or = if computed { ", or a field of a struct or an element of an array that is NULL" } else { "" };
            let title = format!("{kind} through {value:#x} ({value}), a number where a pointer was wanted{or}{place}");
            let confidence = if computed { Confidence::Medium } else { confidence };
            let advice = match computed {
                true => {
                    "a wrong format unit (\"%s\" or \"s\" with an int), a swapped argument, a truncated pointer, or a result that was \
                     not checked for NULL"
                }
                false => {
                    "a wrong format unit (\"%s\" or \"s\" with an int), a swapped argument, or a truncated pointer"
                }
            };
            (FindingId::SmallIntegerAsPointer, title, confidence, advice)
        }
        _ if addr.is_null() => {
            (FindingId::NullPointer, format!("{kind} through a NULL pointer{place}"), confidence, unchecked)
        }
        _ if addr.0 < FIELD_AREA || base == Some(0) => {
            let title = format!("{kind} of NULL + {:#x}, a field of a struct that is NULL{place}", addr.0);
            (FindingId::NullPointer, title, confidence, unchecked)
        }
        _ => (FindingId::NullPointer, format!("{kind} of {addr}, close to NULL{place}"), Confidence::Medium, unchecked),
    };
    Finding { advice: Some(advice.to_owned()), ..finding(id, title, confidence, evidence, scene.tid) }
}

fn bus(scene: &Scene<'_>, access: &Access, place: &str, evidence: Vec<String>) -> Option<Finding> {
    let addr = access.addr?;
    let kind = access.kind.map_or("access", AccessKind::word);
    let (id, title, advice) = match scene.fault.signal.code? {
        codes::BUS_ADRERR => (
            FindingId::BeyondEndOfFile,
            format!("{kind} of {addr}, a mapped file that has no data there any more{place}"),
            "the file was cut short (or its disk failed) while it was mapped",
        ),
        codes::BUS_ADRALN => {
            (FindingId::Misaligned, format!("misaligned {kind} of {addr}{place}"), "a cast to a stricter type")
        }
        _ => (
            FindingId::BusError,
            format!("{kind} of {addr} failed in hardware{place}"),
            "memory or a device has failed",
        ),
    };
    Some(Finding { advice: Some(advice.to_owned()), ..finding(id, title, Confidence::High, evidence, scene.tid) })
}

/// Signal, code and address as one line.
pub(super) fn signal_evidence(scene: &Scene<'_>) -> Vec<String> {
    if scene.facts.target.abi.os == Os::Windows {
        return scene.facts.analysis.crash.iter().map(|c| c.summary.clone()).collect();
    }
    let signal = &scene.fault.signal;
    // The kernel gives no address for a non-canonical one.
    let told = signal.fault_addr.filter(|_| signal.code != Some(codes::SI_KERNEL));
    let at = told.map_or(String::new(), |a| format!(", address {a}"));
    let mut out = vec![format!("{}{at}", signal_and_code(signal))];
    out.extend(scene.fault.passed_on.as_ref().map(passed_on));
    out
}

/// How another signal came of this one.
fn passed_on(how: &PassedOn) -> String {
    match how {
        PassedOn::ByHandler => {
            "a signal handler ran first and raised the signal again: registers are those it interrupted".to_owned()
        }
        PassedOn::HandlerFaulted(own) => format!(
            "the signal handler then failed itself ({}): registers are those it interrupted",
            signal_and_code(own)
        ),
        PassedOn::AfterHandler(sent) => format!(
            "the signal that ended the process was sent ({}), but the thread stands at an instruction that cannot be \
             run, and not behind a system call: a handler has passed the signal of this fault on",
            signal_and_code(sent)
        ),
    }
}

/// "SIGSEGV, SI_TKILL"
fn signal_and_code(signal: &SignalInfo) -> String {
    let name = signal_name(signal.number).map_or_else(|| format!("signal {}", signal.number), str::to_owned);
    let code = signal.code.map_or(String::new(), |c| {
        code_name(signal.number, c).map_or_else(|| format!(", si_code {c}"), |n| format!(", {n}"))
    });
    format!("{name}{code}")
}

/// What there is to say of the bytes of an overwritten pointer.
fn as_text(value: u64) -> String {
    ascii(value).map_or(String::new(), |text| format!("; its bytes are the text {text:?}"))
}

/// The bytes of an overwritten pointer as text, when all of them are printable.
fn ascii(value: u64) -> Option<String> {
    let bytes = value.to_le_bytes();
    let text: Vec<u8> = bytes.into_iter().take_while(|b| *b != 0).collect();
    let printable = text.len() >= 6 && text.iter().all(|b| (0x20..0x7f).contains(b));
    printable.then(|| text.into_iter().map(char::from).collect())
}
