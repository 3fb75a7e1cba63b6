//! Which CPython a runtime belongs to: version, build flags, layouts.

use super::candidates::Candidate;
use super::{Located, Proof, validate};
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::cpython::layout::{DebugOffsets, DwarfFile, Language, Layouts, Selected, from_dwarf, known_minors, select};
use crate::cpython::object::{Int, dict_get_str};
use crate::cpython::version::{BuildFlags, PyVersion};
use crate::cpython::{Context, DecodeError};
use crate::debuggee::{MemoryExt as _, Module, Target};
use crate::field;
use crate::image::Images;
use crate::model::VersionFrom;

/// What a runtime may be, before it is checked.
pub(super) struct Guess {
    pub version: PyVersion,
    pub from: VersionFrom,
    pub flags: BuildFlags,
}

/// Version, build and layouts of the runtime at `candidate`, with the amount of evidence; `None` when nothing fits.
pub(super) fn identify(target: &Target, images: &Images, candidate: &Candidate) -> Option<(u32, Located)> {
    let offsets = match DebugOffsets::read(&target.memory, &target.abi, candidate.runtime) {
        Ok(offsets) => offsets,
        // Without its first bytes nothing can be known of the rest.
        Err(DecodeError::Read { source, .. }) => {
            let module = candidate.module.and_then(|m| target.modules.get(m)).map_or("", |m| m.file_name());
            let text = format!("{module} is CPython, but the memory of its runtime state cannot be read: {source}");
            target.diagnostics.push(Diagnostic::warning(DiagnosticCode::RuntimeUnreadable, text).at(candidate.runtime));
            return None;
        }
        Err(_) => None,
    };
    if let Some(problem) = offsets.as_ref().and_then(|o| o.problem.clone()) {
        target.diagnostics.push(problem);
    }
    let guesses = guesses(target, images, candidate, offsets.as_ref());
    let mut best: Option<(u32, Located)> = None;
    for guess in &guesses {
        if let Some((score, located)) = attempt((target, images), candidate, guess, offsets.as_ref(), None)
            && best.as_ref().is_none_or(|(top, _)| score > *top)
        {
            best = Some((score, located));
        }
    }
    // A build whose structs were changed: its own debug information knows.
    best.or_else(|| with_dwarf(target, images, candidate, &guesses, offsets.as_ref()))
}

/// 3.13+: the runtime says what it is, but for the debug flag.
fn exact(offsets: &DebugOffsets) -> Vec<Guess> {
    [false, true]
        .map(|debug| Guess {
            version: offsets.version,
            from: VersionFrom::DebugOffsets,
            flags: BuildFlags { debug, free_threaded: offsets.free_threaded },
        })
        .into()
}

/// 3.13+: what the runtime says of itself. Until 3.12: `Py_Version` (3.11+), the module's version resource or name, or
/// any version there is a table for.
pub(super) fn guesses(
    target: &Target,
    images: &Images,
    candidate: &Candidate,
    offsets: Option<&DebugOffsets>,
) -> Vec<Guess> {
    if let Some(offsets) = offsets {
        return exact(offsets);
    }
    let mut versions: Vec<(PyVersion, VersionFrom)> = Vec::new();
    for hit in images.find_exported(target, "Py_Version") {
        if let Ok(hex) = target.memory.read_uint(&target.abi, hit.addr, 4) {
            let hex = u32::try_from(hex).unwrap_or(0);
            versions.extend(PyVersion::from_hex(hex).map(|version| (version, VersionFrom::PyVersion)));
        }
    }
    if versions.is_empty() {
        let module = candidate.module.and_then(|m| target.modules.get(m));
        versions.extend(module.and_then(of_module));
    }
    if versions.is_empty() {
        versions.extend(known_minors().map(|version| (version, VersionFrom::Structure)));
    }
    let flags = [false, true].map(|debug| BuildFlags { debug, free_threaded: false });
    versions.into_iter().flat_map(|(version, from)| flags.map(|flags| Guess { version, from, flags })).collect()
}

/// The first interpreter.
fn head(target: &Target, images: &Images, ctx: &Context<'_>, candidate: &Candidate) -> Option<Addr> {
    if ctx.layouts.runtime.interpreters_head.is_some() {
        return ctx.ptr(field!(ctx, runtime.interpreters_head), candidate.runtime).ok();
    }
    // 3.6: a variable that no other module sees; without symbols the interpreter of the thread that runs.
    let named = images.find_symbol(target, "interp_head");
    if let Some(hit) = named.iter().find(|hit| Some(hit.module) == candidate.module) {
        return ctx.ptr_at("interp_head", hit.addr).ok();
    }
    let running = ctx.ptr_at("_PyThreadState_Current", candidate.runtime).ok().filter(|at| !at.is_null())?;
    ctx.ptr(field!(ctx, thread.interp), running).ok()
}

/// Reads the process as `guess` says; `None` when that is contradicted.
fn attempt(
    (target, images): (&Target, &Images),
    candidate: &Candidate,
    guess: &Guess,
    offsets: Option<&DebugOffsets>,
    dwarf: Option<&Layouts>,
) -> Option<(u32, Located)> {
    let selected = select(guess.version, guess.flags, &target.abi, offsets, dwarf).ok()?;
    let ctx = context(target, &selected);
    let head = head(target, images, &ctx, candidate)?;
    let mut score = validate::interpreters(&ctx, head).ok()?;
    // Where there is no interpreter there is no structure either: any version would fit.
    if score == 0 && guess.from == VersionFrom::Structure {
        return None;
    }
    let told = sys_facts(&ctx, head);
    let (mut version, mut from) = (guess.version, guess.from);
    if let Ok(Some(sys)) = &told {
        // sys.hexversion of an interpreter read by the wrong table is another version, or nothing.
        if !sys.version.same_minor(&guess.version) {
            return None;
        }
        // `sys.gettotalrefcount` exists in debug builds only.
        if sys.debug != guess.flags.debug {
            return None;
        }
        if sys.version != version {
            (version, from) = (sys.version, VersionFrom::SysHexVersion);
        }
        score = score.saturating_add(100);
    }
    // The micro version may choose another table (3.14.5).
    let mut selected = match version == guess.version {
        true => selected,
        false => select(version, guess.flags, &target.abi, offsets, dwarf).unwrap_or(selected),
    };
    learn_unit(target, &mut selected, head);
    Some((
        score,
        Located {
            runtime: Some(candidate.runtime),
            interpreters_head: head,
            found_by: candidate.found_by,
            module: candidate.module,
            version,
            version_from: from,
            flags: guess.flags,
            selected,
            proof: Proof::Whole,
        },
    ))
}

/// Python 2: how wide the characters of `unicode` are is an option of its build, which `sys.maxunicode` tells.
pub(super) fn learn_unit(target: &Target, selected: &mut Selected, interpreter: Addr) {
    if !selected.dialect.is_two() || interpreter.is_null() {
        return;
    }
    let ctx = context(target, selected);
    let read = || {
        let sys = ctx.ptr(field!(ctx, interpreter.sysdict), interpreter).ok()?;
        let most = dict_get_str(&ctx, sys, "maxunicode").ok()??;
        match Int::read(&ctx, most).ok()?.to_u64()? {
            0xffff => Some(2),
            0x10_ffff => Some(4),
            _ => None,
        }
    };
    selected.dialect.language = Language::Two { unit: read() };
}

/// What a module's version resource says, else its name, which does not tell the micro version.
pub(super) fn of_module(module: &Module) -> Option<(PyVersion, VersionFrom)> {
    let named = PyVersion::from_file_name(module.file_name())?;
    let told = module.version.as_deref().and_then(PyVersion::from_file_version).filter(|v| v.same_minor(&named));
    Some(told.map_or((named, VersionFrom::FileName), |version| (version, VersionFrom::FileVersion)))
}

fn with_dwarf(
    target: &Target,
    images: &Images,
    candidate: &Candidate,
    guesses: &[Guess],
    offsets: Option<&DebugOffsets>,
) -> Option<(u32, Located)> {
    let image = images.get(candidate.module?)?;
    let data = image.debug_data().or_else(|| image.object_data())?;
    let supplement = image.debug_alternate_data();
    let file = DwarfFile { data, supplement: supplement.map(|s| &**s) };
    let dwarf = from_dwarf(&[file]).ok()?;
    guesses.iter().find_map(|guess| attempt((target, images), candidate, guess, offsets, Some(&dwarf)))
}

pub(super) fn context<'a>(target: &'a Target, selected: &'a Selected) -> Context<'a> {
    Context { memory: &target.memory, abi: target.abi, layouts: &selected.layouts, dialect: &selected.dialect }
}

/// What `sys` of an interpreter says of the build.
pub(super) struct SysFacts {
    pub version: PyVersion,
    pub debug: bool,
}

/// `sys.hexversion` and whether `sys.gettotalrefcount` exists; `None` when the interpreter has no `sys` (any more).
pub(super) fn sys_facts(ctx: &Context<'_>, interpreter: Addr) -> Result<Option<SysFacts>, DecodeError> {
    if interpreter.is_null() {
        return Ok(None);
    }
    let sysdict = ctx.ptr(field!(ctx, interpreter.sysdict), interpreter)?;
    if sysdict.is_null() {
        return Ok(None);
    }
    let Some(hex) = dict_get_str(ctx, sysdict, "hexversion")? else { return Ok(None) };
    let Some(hex) = Int::read(ctx, hex)?.to_u64().and_then(|v| u32::try_from(v).ok()) else { return Ok(None) };
    let debug = dict_get_str(ctx, sysdict, "gettotalrefcount")?.is_some();
    Ok(PyVersion::from_hex(hex).map(|version| SysFacts { version, debug }))
}
