//! Where the source files of a process are, and their lines in a report.

use crate::base::{Diagnostic, DiagnosticCode, Text};
use crate::debuggee::Target;
use crate::image::{Images, SearchOptions};
use crate::model::{Frame, FrameKind, Report};
use crate::stack::source::{SourceOptions, Sources, is_c_file};
use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

/// Where the source files of a dead process are, or of a debugger's.
///
/// Relative names (3.8 keeps `python prog.py` as it was typed) are looked up beside the dump, where a core is put unless the
/// system says otherwise; where this host's files are meant, in the working directory too.
pub(super) fn options(target: &Target, images: &Images, search: &SearchOptions) -> SourceOptions {
    let here = || PathBuf::from(".");
    let beside = target.path.as_deref().map(|dump| match dump.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory.to_owned(),
        _ => here(),
    });
    SourceOptions {
        sysroots: search.sysroots.clone(),
        path_maps: search.path_maps.clone(),
        relative_to: beside.into_iter().chain(search.host_sources.then(here)).collect(),
        own_host: search.host_sources || images.of_this_boot(target),
        runs: false,
        dumped: target.path.as_ref().and_then(|p| std::fs::metadata(p).ok()?.modified().ok()),
    }
}

/// Where those of process `pid` of this host are. Of one in another root, or another mount namespace, the files of this
/// host are not those of the process.
#[cfg(all(feature = "live", target_os = "linux"))]
pub(super) fn options_of_live(pid: i32, search: &SearchOptions) -> SourceOptions {
    use crate::debuggee::live;
    SourceOptions {
        sysroots: search.sysroots.clone(),
        path_maps: search.path_maps.clone(),
        relative_to: vec![live::working_directory(pid)],
        own_host: search.host_sources || live::sysroot(pid).is_none(),
        runs: true,
        dumped: live::started(pid),
    }
}

/// Fills [`crate::model::Frame::source`] where the file is available, and adds what has to be said about the files.
pub(super) fn add(report: &mut Report, sources: &Sources) {
    report.threads.iter_mut().for_each(|t| cython_places(&mut t.frames, sources));
    let missing = cython_without_lines(report.threads.iter().flat_map(|t| &t.frames));
    report.diagnostics.extend(missing);
    add_to(report.threads.iter_mut().flat_map(|t| &mut t.frames), sources);
    report.diagnostics.extend(sources.diagnostics());
}

/// What Cython begins the names of all its functions with (Cython/Compiler/Naming.py).
const CYTHON: &str = "__pyx_";

/// What is missing for lines of the `.pyx` files, once for all frames.
fn cython_without_lines<'f>(frames: impl Iterator<Item = &'f Frame>) -> Vec<Diagnostic> {
    let (mut in_c, mut nowhere) = (BTreeSet::new(), BTreeSet::new());
    for frame in frames {
        let Some(native) = frame.native.as_ref() else { continue };
        if !native.symbol.as_ref().is_some_and(|symbol| symbol.starts_with(CYTHON)) {
            continue;
        }
        match &frame.file {
            Some(file) => in_c.extend(Some(file.to_string()).filter(|file| is_c_file(file))),
            None => nowhere.extend(native.module.clone()),
        }
    }
    let joined = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(", ");
    let mut out = Vec::new();
    if !in_c.is_empty() {
        let text = format!("functions of Cython stand at lines of {}, which is not at hand", joined(in_c));
        let hint = "its comments say which lines of the .pyx file these are: give its place with --map or --sysroot (--host-sources \
                    for files of this host), or build with Cython's --line-directives (emit_linenums)";
        out.push(Diagnostic::note(DiagnosticCode::CythonLines, text).hint(hint));
    }
    if !nowhere.is_empty() {
        let text =
            format!("functions of Cython in {} have no lines: no debug information of it is at hand", joined(nowhere));
        let hint =
            "build with -g and Cython's --line-directives (emit_linenums), or give the debug file with --debug-dir";
        out.push(Diagnostic::note(DiagnosticCode::CythonLines, text).hint(hint));
    }
    out
}

/// Has functions of Cython stand where their source says, instead of where in the C file.
fn cython_places(frames: &mut [Frame], sources: &Sources) {
    let of_cython = |f: &Frame| f.native.as_ref()?.symbol.as_ref()?.starts_with(CYTHON).then(|| f.file.clone())?;
    let files: HashSet<Text> = frames.iter().filter_map(of_cython).collect();
    for frame in frames.iter_mut().filter(|f| f.file.as_ref().is_some_and(|file| files.contains(file))) {
        let place = frame.file.as_ref().zip(frame.line);
        let found = place.and_then(|(file, line)| sources.cython_place(&file.to_string(), line));
        if let Some((file, line)) = found {
            (frame.file, frame.line, frame.column) = (Some(file.as_str().into()), Some(line), None);
        }
    }
}

/// Fills the source lines of single frames.
pub(super) fn add_to<'f>(frames: impl Iterator<Item = &'f mut Frame>, sources: &Sources) {
    for frame in frames.filter(|f| f.source.is_none() && f.kind == FrameKind::Python) {
        if let (Some(file), Some(line)) = (&frame.file, frame.line) {
            let function = frame.function.as_ref().map(ToString::to_string);
            frame.source = sources.line_of(&file.to_string(), line, function.as_deref());
        }
    }
}
