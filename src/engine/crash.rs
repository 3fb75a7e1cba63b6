//! What ended the process, in words.

use crate::base::{Addr, Os};
use crate::debuggee::{Crash, SignalInfo, Target};
use crate::model::CrashReport;
use crate::os::linux::signals;
use crate::os::macos as mach;
use crate::os::windows::exceptions::{exception_meaning, exception_name};

pub(super) fn crash(target: &Target) -> Option<CrashReport> {
    let crash = target.crash.as_ref()?;
    let registers = target.thread(crash.tid()).and_then(|t| t.registers.as_ref());
    let instruction = registers.and_then(crate::debuggee::Registers::ip);
    Some(match crash {
        Crash::Signal { tid, info } => CrashReport {
            tid: *tid,
            signal: Some(info.number),
            name: Some(name(info.number)),
            code: info.code,
            code_name: info.code.and_then(|c| signals::code_name(info.number, c)).map(str::to_owned),
            fault_addr: info.fault_addr,
            instruction,
            sender_pid: info.sender_pid,
            summary: summary(info, target.process.pid),
            ..CrashReport::default()
        },
        Crash::Exception { tid, code, address, .. } if target.abi.os == Os::MacOs => CrashReport {
            tid: *tid,
            exception_code: Some(*code),
            name: mach::name(*code).map(str::to_owned),
            fault_addr: (*code == mach::BAD_ACCESS).then_some(*address),
            instruction,
            summary: mach_summary(*code, *address, instruction),
            ..CrashReport::default()
        },
        Crash::Exception { tid, code, address, parameters } => CrashReport {
            tid: *tid,
            exception_code: Some(*code),
            name: exception_name(*code).map(str::to_owned),
            fault_addr: access(*code, parameters).map(|(_, addr)| addr),
            instruction: Some(*address),
            summary: exception_summary(*code, *address, parameters),
            ..CrashReport::default()
        },
    })
}

fn name(signal: i32) -> String {
    signals::signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// "SIGSEGV: address 0x0 is not mapped".
fn summary(info: &SignalInfo, own_pid: Option<u64>) -> String {
    let name = name(info.number);
    let code = info.code.and_then(|c| signals::code_name(info.number, c));
    if let Some(pid) = info.sender_pid {
        let sender = match u64::try_from(pid).ok() == own_pid && own_pid.is_some() {
            true => "the process itself".to_owned(),
            false => format!("process {pid}"),
        };
        return format!("{name}, sent by {sender}");
    }
    let at = info.fault_addr.map(|a| a.to_string());
    match (code, at) {
        (Some("SEGV_MAPERR"), Some(at)) => format!("{name}: address {at} is not mapped"),
        (Some("SEGV_ACCERR"), Some(at)) => format!("{name}: access to {at} is not permitted"),
        (Some("BUS_ADRERR"), Some(at)) => format!("{name}: no storage behind address {at} (file cut short?)"),
        (Some("BUS_ADRALN"), Some(at)) => format!("{name}: address {at} is not aligned"),
        (Some("FPE_INTDIV"), Some(at)) => format!("{name}: integer division by zero at {at}"),
        (Some("ILL_ILLOPN" | "ILL_ILLOPC"), Some(at)) => format!("{name}: illegal instruction at {at}"),
        (Some("SI_KERNEL"), _) if name == "SIGSEGV" => {
            format!(
                "{name}: address not told by the kernel (on x86-64: no canonical address, or no room for a signal's frame)"
            )
        }
        (Some(code), Some(at)) => format!("{name} ({code}) at {at}"),
        (Some(code), None) => format!("{name} ({code})"),
        (None, Some(at)) => format!("{name} at {at}"),
        (None, None) => name,
    }
}

/// What an access violation did, and where: the first two parameters (`EXCEPTION_RECORD`, winnt.h).
fn access(code: u32, parameters: &[u64]) -> Option<(&'static str, Addr)> {
    if !matches!(code, 0xc000_0005 | 0xc000_0006) {
        return None;
    }
    let [kind, addr, ..] = parameters else { return None };
    let kind = match kind {
        0 => "read",
        1 => "write",
        8 => "execution",
        _ => "access",
    };
    Some((kind, Addr(*addr)))
}

/// "EXC_BAD_ACCESS: address 0x0 at instruction 0x1000..".
fn mach_summary(code: u32, address: Addr, instruction: Option<Addr>) -> String {
    let name = mach::name(code).map_or_else(|| format!("exception {code:#010x}"), str::to_owned);
    let access = if code == mach::BAD_ACCESS { format!(": access to address {address}") } else { String::new() };
    format!("{name}{access}{}", instruction.map_or(String::new(), |ip| format!(" at instruction {ip}")))
}

/// "EXCEPTION_ACCESS_VIOLATION (0xc0000005): read of address 0x0 at instruction 0x7ff6..".
fn exception_summary(code: u32, address: Addr, parameters: &[u64]) -> String {
    let name = match exception_name(code) {
        Some(name) => format!("{name} ({code:#010x})"),
        None => format!("exception {code:#010x}"),
    };
    if let Some((kind, at)) = access(code, parameters) {
        return format!("{name}: {kind} of address {at} at instruction {address}");
    }
    match exception_meaning(code, parameters) {
        Some(meaning) => format!("{name}: {meaning}, at instruction {address}"),
        None => format!("{name} at instruction {address}"),
    }
}
