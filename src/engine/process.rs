//! Source, process and modules of a report.

use super::{Options, PythonState};
use crate::debuggee::Target;
use crate::image::Images;
use crate::model::{Annotation, Missing, ModuleId, ModuleInfo, Process, Source};

pub(super) fn source(target: &Target) -> Source {
    Source {
        kind: Some(target.source),
        path: target.path.as_ref().map(|p| p.display().to_string()),
        size: target.path.as_ref().and_then(|p| std::fs::metadata(p).ok()).map(|m| m.len()),
    }
}

pub(super) fn process(target: &Target, python: Option<PythonState<'_>>, options: &Options) -> Process {
    let process = &target.process;
    // Text is not read where a dump without text is made.
    let read = || python.filter(|_| options.limits.repr.characters > 0)?.original_arguments();
    let same = |words: &String| process.arguments.as_ref().is_some_and(|told| told.trim() == words.trim());
    let main = target.modules.iter().find(|m| m.is_main).map(|m| m.path.clone());
    Process {
        pid: process.pid,
        ppid: process.ppid,
        command: process.command.clone(),
        arguments: process.arguments.clone(),
        started_as: read().filter(|words| !same(words)),
        executable: main.or_else(|| process.executable.clone()),
        abi: Some(target.abi),
        annotations: process.annotations.iter().map(annotation).collect(),
    }
}

fn annotation((name, value): &(String, String)) -> Annotation {
    Annotation { name: name.clone(), value: value.clone() }
}

pub(super) fn modules(target: &Target, images: &Images) -> Vec<ModuleInfo> {
    let describe = |(index, module): (usize, &crate::debuggee::Module)| ModuleInfo {
        id: ModuleId::new(index),
        path: module.path.clone(),
        base: module.base,
        end: module.end,
        build_id: module.build_id.as_ref().map(ToString::to_string),
        file: images.get(index).and_then(|i| i.path()).map(|p| p.display().to_string()),
        file_status: images.get(index).map(|i| i.status),
    };
    target.modules.iter().enumerate().map(describe).collect()
}

pub(super) fn missing(target: &Target) -> Vec<Missing> {
    let part = |m: &crate::debuggee::MissingPart| Missing { start: m.start, size: m.size, why: m.why.clone() };
    target.missing.iter().map(part).collect()
}
