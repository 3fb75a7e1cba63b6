//! Modules of a minidump.

use super::{Dump, stream};
use crate::base::{Abi, Addr, Diagnostic, DiagnosticCode, Diagnostics, Os};
use crate::debuggee::procfs::MapLine;
use crate::debuggee::{BuildId, Mapping, Module};
use crate::os::linux::VDSO;
use minidump::{CodeView, MinidumpModule, MinidumpModuleList, Module as _};

/// Modules sorted by base. The first of the list is the main one.
pub(super) fn modules(dump: &Dump, maps: &[MapLine], abi: &Abi, diagnostics: &Diagnostics) -> Vec<Module> {
    let Some(list) = stream::<MinidumpModuleList>(dump, "ModuleList", diagnostics) else {
        let text = "the minidump has no module list";
        diagnostics.push(Diagnostic::warning(DiagnosticCode::MinidumpNoModules, text));
        return Vec::new();
    };
    let mut out: Vec<Module> = list.iter().enumerate().map(|(index, raw)| module(raw, maps, abi, index == 0)).collect();
    out.sort_by_key(|m| m.base);
    out
}

fn module(raw: &MinidumpModule, maps: &[MapLine], abi: &Abi, is_main: bool) -> Module {
    let base = Addr(raw.raw.base_of_image);
    let end = Addr(base.0.saturating_add(u64::from(raw.raw.size_of_image)));
    let inside = maps.iter().filter(|m| base <= m.start && m.start < end && m.path == raw.name);
    let mut mappings: Vec<Mapping> =
        inside.map(|m| Mapping { start: m.start, end: m.end, file_offset: m.file_offset }).collect();
    if mappings.is_empty() {
        mappings.push(Mapping { start: base, end, file_offset: 0 });
    }
    // The kernel's own library has no file: writers give the name of its SONAME (Breakpad: linux-gate.so).
    let is_vdso = ["linux-vdso.so", "linux-gate.so"].iter().any(|name| raw.name.starts_with(name));
    Module {
        path: if is_vdso { VDSO.to_owned() } else { raw.name.clone() },
        base,
        end,
        build_id: build_id(raw, abi),
        mappings,
        version: raw.version().map(|v| v.into_owned()).filter(|v| v != "0.0.0.0"),
        is_main,
    }
}

/// ELF: the GNU build-id. PE: GUID and age of the PDB (20 bytes, as symbol servers write them), else time stamp and
/// image size (8 bytes): both tell one build of a DLL from another.
fn build_id(raw: &MinidumpModule, abi: &Abi) -> Option<BuildId> {
    let filled = |bytes: &[u8]| bytes.iter().any(|b| *b != 0);
    match &raw.codeview_info {
        Some(CodeView::Elf(elf)) => Some(BuildId(elf.build_id.clone())).filter(|id| filled(&id.0)),
        Some(CodeView::Pdb70(pdb)) if abi.os == Os::Windows => {
            let guid = &pdb.signature;
            let mut id = Vec::with_capacity(20);
            id.extend(guid.data1.to_be_bytes());
            id.extend(guid.data2.to_be_bytes());
            id.extend(guid.data3.to_be_bytes());
            id.extend(guid.data4);
            id.extend(pdb.age.to_be_bytes());
            Some(BuildId(id))
        }
        _ if abi.os == Os::Windows && raw.raw.time_date_stamp != 0 => {
            let mut id = raw.raw.time_date_stamp.to_be_bytes().to_vec();
            id.extend(raw.raw.size_of_image.to_be_bytes());
            Some(BuildId(id))
        }
        _ => None,
    }
}
