//! [`Images::attach`]: finds the modules' files and lets them stand for memory that the dump leaves out.

use super::FileBytes;
use super::find::{self, SearchOptions, Verification};
use super::host_file::HostFile;
use super::images::{Image, ImageFormat, Images, Lazy};
use super::pe::PeImage;
use super::pe_find;
use crate::base::{Addr, Diagnostic, DiagnosticCode, Os, first_of};
use crate::debuggee::elf_modules::ElfImage;
use crate::debuggee::{Backing, MemoryExt as _, Module, SourceKind, Target};
use crate::model::FileStatus;
use crate::os::linux::VDSO;
use object::LittleEndian as LE;
use object::elf::{self, ProgramHeader64};
use std::sync::Arc;

/// A vDSO has two pages.
const MAX_VDSO: u64 = 1 << 20;
/// How many files a message names.
const NAMED: usize = 5;

impl Images {
    /// Finds the file of each module, and adds verified files to the target's memory where the dump leaves it out.
    ///
    /// Read-only segments of a file are what memory was. Writable ones are only where the dump leaves them out
    /// because they were clean: the kernel and gcore dump a private file mapping whole once a page of it was written
    /// to, provided that private anonymous memory is dumped at all (coredump_filter bit 0) — seen from the stack
    /// being in the dump. Minidumps leave memory out for other reasons: of them only read-only segments.
    pub fn attach(target: &mut Target, options: &SearchOptions) -> Images {
        super::modules_from_link_map::complete(target, options);
        if let Some((why, help)) = options.debuginfod.then(super::debuginfod::unavailable).flatten() {
            let text = format!("no debug information is fetched: {why}");
            target.diagnostics.push(Diagnostic::warning(DiagnosticCode::DebuginfodUnavailable, text).hint(help));
        }
        let options = Arc::new(options.clone());
        let clean_if_left_out = target.source == SourceKind::ElfCore && target.holds_a_stack();
        let mut modules = std::mem::take(&mut target.modules);
        let mut images = Vec::with_capacity(modules.len());
        for (index, module) in modules.iter().enumerate() {
            let image = if target.abi.os == Os::Windows {
                pe_image(target, index, module, &options)
            } else {
                image(target, index, module, &options)
            };
            if let (Some(file), Some(headers), FileStatus::Ok) = (&image.file, image.elf(), image.status)
                && image.verified != Some(Verification::Memory)
                && matches!(target.source, SourceKind::ElfCore | SourceKind::Minidump)
            {
                for backing in backings(module, headers, &file.bytes, clean_if_left_out) {
                    target.memory.add_backing(backing);
                }
            }
            if image.status != FileStatus::Ok {
                for mapping in &module.mappings {
                    target.memory.mark_file_missing(mapping.start, mapping.end);
                }
            }
            images.push(image);
        }
        // Their notes may be where the dump itself has nothing.
        for (module, image) in modules.iter_mut().zip(&images) {
            if module.build_id.is_none()
                && image.status == FileStatus::Ok
                && let Some(headers) = image.elf()
            {
                module.build_id = headers.build_id(&target.memory);
            }
        }
        report_files(target, &modules, &images);
        target.modules = modules;
        Images { images }
    }
}

impl Images {
    /// Parts of the modules' files, sorted by start, that are what the process has in memory: those that it cannot write
    /// to, of files with the build-id that is in memory.
    #[must_use]
    pub fn read_only(&self, target: &Target) -> Vec<Backing> {
        let of = |image: &Image| {
            let verified = image.verified == Some(Verification::BuildId);
            let (file, headers) = image.file.as_ref().zip(image.elf()).filter(|_| verified)?;
            Some(backings(target.modules.get(image.module)?, headers, &file.bytes, false))
        };
        let mut all: Vec<Backing> = self.images.iter().filter_map(of).flatten().collect();
        all.sort_by_key(|backing| backing.start);
        all
    }
}

/// The image of a PE module: its headers are in memory, or in its file.
fn pe_image(target: &mut Target, index: usize, module: &Module, options: &Arc<SearchOptions>) -> Image {
    let found = pe_find::find(target, module, options);
    Image {
        module: index,
        status: found.status,
        verified: found.verified,
        path_in_process: module.path.clone(),
        build_id: module.build_id.clone(),
        options: Arc::clone(options),
        format: PeImage::read(&target.memory, module.base).map(ImageFormat::Pe),
        file: found.file,
        lazy: Lazy::default(),
    }
}

fn image(target: &Target, index: usize, module: &Module, options: &Arc<SearchOptions>) -> Image {
    let in_memory = ElfImage::read(&target.memory, module.base);
    let (status, verified, file) = match vdso(target, module) {
        Some(file) => (FileStatus::Ok, Some(Verification::Memory), Some(file)),
        None => {
            let found = find::find(target, module, options);
            if let Some((path, why)) = &found.refused {
                let code = match found.status {
                    FileStatus::Unreadable => DiagnosticCode::ModuleFileUnreadable,
                    _ => DiagnosticCode::BuildIdMismatch,
                };
                let same = path.as_os_str() == module.path.as_str();
                let whose = if same { String::new() } else { format!(" for {}", module.path) };
                let text = format!("{} is not used{whose}: {why}", path.display());
                let hint = "give the file that the process ran with --executable, --sysroot or --debug-dir";
                target.diagnostics.push(Diagnostic::warning(code, text).at(module.base).hint(hint));
            }
            (found.status, found.verified, found.file)
        }
    };
    let headers = in_memory.or_else(|| file.as_ref()?.headers(module.base));
    Image {
        module: index,
        status,
        verified,
        path_in_process: module.path.clone(),
        build_id: module.build_id.clone(),
        options: Arc::clone(options),
        format: headers.map(ImageFormat::Elf),
        file,
        lazy: Lazy::default(),
    }
}

/// The vDSO is a whole ELF file in memory; no file on disk holds it.
fn vdso(target: &Target, module: &Module) -> Option<HostFile> {
    let size = module.end.distance_from(module.base).filter(|size| module.path == VDSO && *size <= MAX_VDSO)?;
    let bytes = target.memory.read_vec(module.base, size).ok()?;
    Some(HostFile { place: None, bytes: FileBytes::whole(Arc::new(bytes)), id: None })
}

/// The loaded parts of a file, cut to what was mapped of it.
fn backings(module: &Module, headers: &ElfImage, file: &FileBytes, writable_too: bool) -> Vec<Backing> {
    let wanted = |s: &&ProgramHeader64<LE>| writable_too || s.p_flags.get(LE).0 & elf::PF_W.0 == 0;
    let pieces = |segment: &ProgramHeader64<LE>| {
        let start = headers.address(segment.p_vaddr.get(LE));
        let end = start.checked_add(segment.p_filesz.get(LE)).unwrap_or(start);
        let offset = segment.p_offset.get(LE);
        let whole = [(start, end)];
        let mapped: Vec<(Addr, Addr)> = if module.mappings.is_empty() {
            whole.to_vec()
        } else {
            module.mappings.iter().map(|m| (m.start.max(start), m.end.min(end))).collect()
        };
        mapped.into_iter().filter_map(move |(from, to)| {
            let size = to.distance_from(from).filter(|size| *size > 0)?;
            let offset = offset.checked_add(from.distance_from(start)?)?;
            Some(Backing { start: from, size, source: Arc::new(file.clone()), offset })
        })
    };
    headers.of_type(elf::PT_LOAD).filter(wanted).flat_map(pieces).collect()
}

/// One diagnostic for all files that were not found, and one for all that nothing could be compared with.
fn report_files(target: &Target, modules: &[Module], images: &[Image]) {
    let with = |status: FileStatus| -> Vec<&str> {
        let all = modules.iter().zip(images).filter(|(module, image)| {
            // The vDSO never has a file.
            image.status == status && !image.options.no_files && module.path != VDSO
        });
        all.map(|(module, _)| if module.path.is_empty() { "(unnamed)" } else { module.file_name() }).collect()
    };
    let count = |files: &[&str]| format!("{} of {} module files", files.len(), modules.len());
    let missing = with(FileStatus::Missing);
    if !missing.is_empty() {
        let text = format!("{} are not at hand: {}", count(&missing), first_of(&missing, NAMED));
        let hint = "symbols and read-only memory of these are missing; give --sysroot, --executable or --debug-dir";
        // Names and unwind tables of DLLs are in their memory, which a full dump holds.
        let all_in_memory = images.iter().filter(|i| i.status == FileStatus::Missing).all(|i| i.pe().is_some());
        let diagnostic = match all_in_memory {
            true => Diagnostic::note(DiagnosticCode::ModuleFilesMissing, text),
            false => Diagnostic::warning(DiagnosticCode::ModuleFilesMissing, text),
        };
        target.diagnostics.push(diagnostic.hint(hint));
    }
    let unverified = with(FileStatus::Unverified);
    if !unverified.is_empty() {
        let text = format!(
            "{} are used for symbols and not for memory, as nothing in the dump tells whether they are what the process \
             ran: {}",
            count(&unverified),
            first_of(&unverified, NAMED)
        );
        target.diagnostics.push(Diagnostic::warning(DiagnosticCode::ModuleFileUnverified, text));
    }
}
