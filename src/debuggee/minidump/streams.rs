//! What other streams tell of the process.

use super::Dump;
use crate::base::Abi;
use crate::debuggee::ProcessInfo;
use crate::debuggee::TargetMemory;
use crate::debuggee::procfs::{MapLine, parse_maps, status_field};
use crate::os::linux::auxv::Auxv;
use minidump::format::MINIDUMP_STREAM_TYPE;
use minidump::{MinidumpAnnotation, MinidumpCrashpadInfo, MinidumpMiscInfo};

/// Most annotations that are kept.
const MAX_ANNOTATIONS: usize = 1000;

fn raw(dump: &Dump, kind: MINIDUMP_STREAM_TYPE) -> Option<&[u8]> {
    dump.get_raw_stream(kind as u32).ok()
}

/// `/proc/PID/maps` of a Linux writer.
pub(super) fn linux_maps(dump: &Dump) -> Vec<MapLine> {
    raw(dump, MINIDUMP_STREAM_TYPE::LinuxMaps).map(parse_maps).unwrap_or_default()
}

pub(super) fn process(dump: &Dump, abi: &Abi, memory: &TargetMemory) -> ProcessInfo {
    let text = |kind| raw(dump, kind).map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default();
    let status = text(MINIDUMP_STREAM_TYPE::LinuxProcStatus);
    let field = |name| status_field(&status, name).map(str::to_owned).filter(|f| !f.is_empty());
    let misc = dump.get_stream::<MinidumpMiscInfo>().ok();
    let misc_pid = misc.and_then(|m| m.raw.process_id().copied()).map(u64::from).filter(|pid| *pid != 0);
    let command_line = text(MINIDUMP_STREAM_TYPE::LinuxCmdLine).trim_end_matches('\0').replace('\0', " ");
    let auxv = raw(dump, MINIDUMP_STREAM_TYPE::LinuxAuxv).map(|b| Auxv::parse(b, abi)).unwrap_or_default();
    ProcessInfo {
        pid: field("Pid").and_then(|f| f.parse().ok()).or(misc_pid),
        ppid: field("PPid").and_then(|f| f.parse().ok()),
        command: field("Name"),
        arguments: Some(command_line).filter(|s| !s.is_empty()),
        annotations: annotations(dump),
        ..ProcessInfo::from_auxv(&auxv, memory)
    }
}

/// Crashpad's annotations, those of modules under `module:`.
fn annotations(dump: &Dump) -> Vec<(String, String)> {
    let Ok(info) = dump.get_stream::<MinidumpCrashpadInfo>() else { return Vec::new() };
    let mut out: Vec<(String, String)> = info.simple_annotations.into_iter().collect();
    for module in info.module_list {
        let objects = module.annotation_objects.into_iter().filter_map(|(name, value)| match value {
            MinidumpAnnotation::String(text) => Some((name, text)),
            _ => None,
        });
        let listed = module.list_annotations.into_iter().map(|text| (String::from("message"), text));
        let all = module.simple_annotations.into_iter().chain(objects).chain(listed);
        out.extend(all.map(|(name, value)| (format!("module {}: {name}", module.module_index), value)));
    }
    out.truncate(MAX_ANNOTATIONS);
    out
}
