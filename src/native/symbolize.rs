//! [`Symbolizer`]: names, inlined functions and source lines for code addresses.

use super::demangle::demangle;
use super::dwarf::{DwarfSource, SectionData, SourceFrame, functions_at};
use super::jit::JitCode;
use super::modules::ModuleTables;
use super::perf_map::PerfNames;
use crate::base::{Addr, Diagnostic, DiagnosticCode};
use crate::debuggee::recorded_symbols::NamedSymbol;
use crate::debuggee::{ByteSource, Target};
use crate::image::decompress::unfold;
use crate::image::{Image, Images, SymbolAt, SymbolSource};
use crate::model::SourceKind;
use object::{Object as _, ObjectSection as _};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The symbol that code lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Name as it stands in the symbol table.
    pub name: String,
    /// Address of its first byte in the process.
    pub start: Addr,
    /// Distance of the instruction from it.
    pub offset: u64,
    /// Size in bytes; 0 when the symbol does not tell.
    pub size: u64,
    /// Whether the process's memory tells it, without any file.
    pub in_memory: bool,
}

/// What is known of one code address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbolized {
    /// Index of its module in [`Target::modules`].
    pub module: Option<usize>,
    /// Offset from the module's base.
    pub module_offset: Option<u64>,
    /// The symbol it lies in.
    pub symbol: Option<Symbol>,
    /// Functions there by DWARF: inlined ones first, the one that has the stack frame last. Empty without DWARF.
    pub functions: Vec<SourceFrame>,
}

impl Symbolized {
    /// Name of the function that has the stack frame: the symbol's, or what DWARF calls it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let by_symbol = self.symbol.as_ref().map(|s| s.name.as_str());
        by_symbol.or_else(|| self.functions.last()?.function.as_deref())
    }

    /// The name for people: demangled.
    #[must_use]
    pub fn display_name(&self) -> Option<String> {
        let by_symbol = self.symbol.as_ref().map(|s| demangle(&s.name));
        by_symbol.or_else(|| self.functions.last()?.function.clone())
    }
}

/// For which modules DWARF is examined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// All.
    #[default]
    All,
    /// All but these (by index).
    Except(HashSet<usize>),
}

impl Lines {
    fn wanted(&self, module: Option<usize>) -> bool {
        match self {
            Lines::All => true,
            Lines::Except(modules) => module.is_none_or(|m| !modules.contains(&m)),
        }
    }
}

/// Names, inlined functions and source lines for code addresses. Answers are kept.
pub struct Symbolizer<'a> {
    target: &'a Target,
    tables: &'a ModuleTables<'a>,
    images: &'a Images,
    lines: Lines,
    known: Mutex<HashMap<Addr, Arc<Symbolized>>>,
    jit: OnceLock<JitCode>,
    perf: OnceLock<Option<PerfNames>>,
}

impl std::fmt::Debug for Symbolizer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Symbolizer").field("lines", &self.lines).finish_non_exhaustive()
    }
}

impl<'a> Symbolizer<'a> {
    /// A symbolizer that has read nothing yet. `lines`: where to look at DWARF for inlined functions and source
    /// lines.
    #[must_use]
    pub fn new(target: &'a Target, tables: &'a ModuleTables<'a>, images: &'a Images, lines: Lines) -> Self {
        Symbolizer {
            target,
            tables,
            images,
            lines,
            known: Mutex::default(),
            jit: OnceLock::new(),
            perf: OnceLock::new(),
        }
    }

    /// What is known of `addr`, which lies inside an instruction (for a return address: the byte before it).
    #[must_use]
    pub fn at(&self, addr: Addr) -> Arc<Symbolized> {
        self.load([addr]);
        self.known([addr]).pop().unwrap_or_default()
    }

    /// What was loaded for each of these addresses; nothing is read.
    #[must_use]
    pub fn known(&self, addrs: impl IntoIterator<Item = Addr>) -> Vec<Arc<Symbolized>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        addrs.into_iter().map(|addr| known.get(&addr).cloned().unwrap_or_default()).collect()
    }

    /// Reads what is known of many addresses at once, modules side by side. Each module's DWARF is set up once a call.
    pub fn load(&self, addrs: impl IntoIterator<Item = Addr>) {
        let mut by_module: BTreeMap<Option<usize>, BTreeSet<Addr>> = BTreeMap::new();
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for addr in addrs.into_iter().filter(|a| !known.contains_key(a)) {
                let module = self.target.modules.iter().position(|m| m.contains(addr));
                by_module.entry(module).or_default().insert(addr);
            }
        }
        let batches: Vec<_> = by_module.into_iter().collect();
        let answers: Vec<Vec<(Addr, Symbolized)>> = match batches.as_slice() {
            [(module, addrs)] => vec![self.batch(*module, addrs)],
            _ => {
                use rayon::prelude::*;
                batches.par_iter().map(|(module, addrs)| self.batch(*module, addrs)).collect()
            }
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(answers.into_iter().flatten().map(|(addr, found)| (addr, Arc::new(found))));
    }

    fn batch(&self, module: Option<usize>, addrs: &BTreeSet<Addr>) -> Vec<(Addr, Symbolized)> {
        let image = module.and_then(|m| self.images.get(m));
        let base = module.and_then(|m| self.target.modules.get(m)).map(|m| m.base);
        let mut out: Vec<(Addr, Symbolized)> = addrs
            .iter()
            .map(|addr| {
                let symbol = image.and_then(|i| self.symbol(i, *addr));
                let module_offset = base.and_then(|base| addr.distance_from(base));
                (*addr, Symbolized { module, module_offset, symbol, functions: Vec::new() })
            })
            .collect();
        if self.lines.wanted(module)
            && let Some(image) = image
            && let Some(bias) = image.bias()
        {
            let in_file: Vec<u64> = addrs.iter().map(|a| a.0.wrapping_sub(bias)).collect();
            let found = self.functions(image, &in_file);
            out.iter_mut().zip(found).for_each(|((_, s), functions)| s.functions = functions);
        }
        if let Some(image) = image {
            self.by_pdb(module, image, &mut out);
        }
        if module.is_none() {
            let read = || self.jit.get_or_init(|| JitCode::read(self.target, self.images));
            let jit = self.tables.jit().unwrap_or_else(read);
            for (addr, code) in &mut out {
                if let Some((symbol, functions)) = jit.at(self.target, *addr) {
                    (code.symbol, code.functions) = (Some(symbol), functions);
                } else {
                    code.symbol = self.by_perf_map(*addr);
                }
            }
        }
        self.by_dump(module, &mut out);
        out
    }

    /// What the process has written down for `perf` of code that it made.
    fn by_perf_map(&self, addr: Addr) -> Option<Symbol> {
        let read = || self.images.perf_map(self.target).map(PerfNames::new);
        let names = self.perf.get_or_init(read).as_ref()?;
        let found = names.at(addr)?;
        if self.target.source != SourceKind::Live {
            let text = format!(
                "names of code made at run time are by {}, which does not say that it is of this process",
                names.path.display()
            );
            self.target.diagnostics.push(Diagnostic::note(DiagnosticCode::PerfMapNames, text));
        }
        Some(found)
    }

    /// The symbol that `addr` lies in. One of assembly code may have no size (`_start`): where unwind tables say which function
    /// it is, the symbol that begins with the function names it.
    fn symbol(&self, image: &Image, addr: Addr) -> Option<Symbol> {
        let found = image.symbol_at(self.target, addr).or_else(|| {
            let function = self.tables.at(addr)?.function(self.target, addr)?;
            let offset = addr.distance_from(function.start)?;
            let first = image.symbol_at(self.target, function.start)?;
            (first.offset == 0 && first.size == 0).then_some(SymbolAt { offset, ..first })
        })?;
        Some(Symbol {
            start: Addr(addr.0.wrapping_sub(found.offset)),
            name: found.name,
            offset: found.offset,
            size: found.size,
            in_memory: found.how == SymbolSource::Dynsym,
        })
    }

    /// What the PDB of a PE image says. A name without a size is that of a public symbol: only the one that begins where
    /// the function does.
    fn by_pdb(&self, module: Option<usize>, image: &Image, found: &mut [(Addr, Symbolized)]) {
        let memory = &self.target.memory;
        let (Some(pe), Some(data)) = (image.pe(), image.pdb_data(memory)) else { return };
        let offsets: Vec<u64> = found.iter().map(|(addr, _)| addr.0.wrapping_sub(pe.base.0)).collect();
        let answers = match super::pdb::functions_at(data, &offsets) {
            Ok(answers) => answers,
            Err(e) => {
                let path = image.debug_path().unwrap_or_default();
                let path = path.display();
                let text = format!("{path} is damaged: {e}");
                self.target.diagnostics.push(Diagnostic::warning(DiagnosticCode::PdbDamaged, text));
                return;
            }
        };
        for ((addr, code), answer) in found.iter_mut().zip(answers) {
            let begins = |start: Addr| {
                let part = pe.function_at(memory, *addr);
                part.is_some_and(|part| pe.primary(memory, part).start == start)
            };
            let start = |s: &NamedSymbol| pe.base.wrapping_add(s.start.0);
            let known = answer.symbol.filter(|s| s.size > 0 || begins(start(s)));
            if code.symbol.is_none() {
                code.symbol = known.as_ref().map(|s| Symbol {
                    name: s.name.clone(),
                    start: start(s),
                    offset: addr.0.wrapping_sub(start(s).0),
                    size: s.size,
                    in_memory: false,
                });
            }
            if self.lines.wanted(module) && known.is_some() {
                code.functions = answer.functions;
            }
        }
    }

    /// Fills in what the dump brings along where no file tells it.
    fn by_dump(&self, module: Option<usize>, found: &mut [(Addr, Symbolized)]) {
        let lines = self.lines.wanted(module);
        for (addr, code) in found {
            let Some(known) = self.target.code_names.at(*addr) else { continue };
            if code.symbol.is_none() {
                code.symbol = known.symbol.as_ref().filter(|s| s.start <= *addr).map(|s| Symbol {
                    name: s.name.clone(),
                    start: s.start,
                    offset: addr.0.wrapping_sub(s.start.0),
                    size: s.size,
                    in_memory: false,
                });
            }
            if lines && code.functions.is_empty() {
                code.functions.clone_from(&known.functions);
            }
        }
    }

    /// What DWARF says of addresses of a module's file.
    fn functions(&self, image: &Image, addrs: &[u64]) -> Vec<Vec<SourceFrame>> {
        let file = image.dwarf_file_id();
        let mut answers = match &file {
            Some(file) => image.cache().lines(file, addrs),
            None => vec![None; addrs.len()],
        };
        let open: Vec<u64> = addrs.iter().zip(&answers).filter(|(_, a)| a.is_none()).map(|(addr, _)| *addr).collect();
        if !open.is_empty() && image.section_data(".debug_info").is_some() {
            match functions_at(&ImageDwarf::new(image), &self.target.abi, &open) {
                Ok(found) => {
                    if let Some(file) = file.filter(|_| !found.split) {
                        image.cache().keep_lines(&file, open.iter().copied().zip(&found.at));
                    }
                    answers.iter_mut().filter(|a| a.is_none()).zip(found.at).for_each(|(a, new)| *a = Some(new));
                }
                Err(e) => {
                    let path = self.target.modules.get(image.module).map_or("", |m| m.file_name());
                    let text = format!("debug information of {path} is damaged: {e}");
                    self.target.diagnostics.push(Diagnostic::warning(DiagnosticCode::DwarfDamaged, text));
                }
            }
        }
        answers.into_iter().map(Option::unwrap_or_default).collect()
    }
}

/// DWARF through [`Image`].
struct ImageDwarf<'i> {
    image: &'i Image,
    files: Mutex<HashMap<PathBuf, Option<SectionData>>>,
}

impl<'i> ImageDwarf<'i> {
    fn new(image: &'i Image) -> Self {
        ImageDwarf { image, files: Mutex::default() }
    }

    /// A file of split DWARF, mapped once.
    fn file(&self, path: &Path) -> Option<SectionData> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || self.image.companion(path).map(|map| Arc::new(map) as SectionData);
        files.entry(path.to_owned()).or_insert_with(open).clone()
    }
}

impl DwarfSource for ImageDwarf<'_> {
    fn section(&self, name: &str) -> SectionData {
        self.image.section_data(name).map_or_else(|| Arc::new(Vec::new()) as SectionData, |d| Arc::new(d))
    }

    fn supplementary(&self, name: &str) -> Option<SectionData> {
        section_of(Arc::new(self.image.debug_alternate_data()?.clone()), name)
    }

    fn split(&self, path: &Path, name: &str) -> Option<SectionData> {
        section_of(self.file(path)?, name)
    }

    fn package(&self, name: &str) -> Option<SectionData> {
        let mut path = self.image.debug_path().or_else(|| self.image.path())?.as_os_str().to_owned();
        path.push(".dwp");
        section_of(self.file(Path::new(&path))?, name)
    }
}

/// A piece of a file.
struct Part {
    file: SectionData,
    range: std::ops::Range<usize>,
}

impl ByteSource for Part {
    fn bytes(&self) -> &[u8] {
        self.file.bytes().get(self.range.clone()).unwrap_or_default()
    }
}

fn section_of(file: SectionData, name: &str) -> Option<SectionData> {
    let object = object::File::parse(file.bytes()).ok()?;
    let section = object.section_by_name(name)?;
    let compressed = section.compressed_data().ok()?;
    if compressed.format == object::CompressionFormat::None {
        let (offset, size) = section.file_range()?;
        let start = usize::try_from(offset).ok()?;
        let range = start..start.checked_add(usize::try_from(size).ok()?)?;
        return Some(Arc::new(Part { file: Arc::clone(&file), range }));
    }
    Some(Arc::new(unfold(&compressed)?.into_owned()))
}
