//! [`PythonState`]: the CPython of a process, located and ready to be read.

use crate::base::Diagnostics;
use crate::cpython::Context;
use crate::cpython::code::CodeCache;
use crate::cpython::layout::Provider;
use crate::cpython::locate::{Located, Proof, locate};
use crate::cpython::object::{Heap, SymbolNames, TypeNames};
use crate::cpython::runtime::{Interpreter, interpreters};
use crate::debuggee::Target;
use crate::field;
use crate::image::Images;
use crate::model::Python;

/// The CPython of a process, located and ready to be read.
#[derive(Debug)]
pub struct PythonState<'a> {
    target: &'a Target,
    symbols: TargetSymbols<'a>,
    /// How it was found, and its layouts.
    pub located: Located,
    /// Code objects read so far.
    pub codes: CodeCache,
}

/// Symbol names of a target, for static types whose name is in memory that was not dumped.
#[derive(Debug)]
struct TargetSymbols<'a>(&'a Target, &'a Images);

impl SymbolNames for TargetSymbols<'_> {
    fn symbol_at(&self, addr: crate::base::Addr) -> Option<String> {
        self.1.symbol_at(self.0, addr).filter(|s| s.offset == 0).map(|s| s.name)
    }
}

impl<'a> PythonState<'a> {
    /// Locates CPython.
    #[must_use]
    pub fn find(target: &'a Target, images: &'a Images) -> Option<Self> {
        let located = locate(target, images)?;
        for diagnostic in &located.selected.disagreements {
            target.diagnostics.push(diagnostic.clone());
        }
        Some(PythonState { target, symbols: TargetSymbols(target, images), located, codes: CodeCache::default() })
    }

    /// What decoders need.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context {
            memory: &self.target.memory,
            abi: self.target.abi,
            layouts: &self.located.selected.layouts,
            dialect: &self.located.selected.dialect,
        }
    }

    /// Object reader for one interpreter.
    #[must_use]
    pub fn heap<'h>(&'h self, interpreter: &Interpreter) -> Heap<'h> {
        Heap::new(self.context(), TypeNames { symbols: Some(&self.symbols), interpreter: Some(interpreter.addr) })
    }

    /// All interpreters, main one first.
    #[must_use]
    pub fn interpreters(&self, diagnostics: &Diagnostics) -> Vec<Interpreter> {
        interpreters(&self.context(), self.located.runtime, self.located.interpreters_head, diagnostics)
    }

    /// For the report.
    #[must_use]
    pub fn describe(&self, target: &Target) -> Python {
        let located = &self.located;
        let flags = located.flags;
        let module = located.module.and_then(|m| target.modules.get(m));
        let exact = located.is_version_exact();
        Python {
            version: if exact { located.version.to_string() } else { located.version.short() },
            version_hex: exact.then(|| located.version.to_hex()),
            version_from: Some(located.version_from.to_owned()),
            debug_build: (located.proof == Proof::Whole).then_some(flags.debug),
            free_threaded: Some(flags.free_threaded),
            runtime: located.runtime,
            found_by: Some(located.found_by.name().to_owned()),
            module: module.map(|m| m.path.clone()),
            layout_providers: located.selected.provider_counts.iter().map(provider_count).collect(),
            layout_table: located.selected.table_name.map(str::to_owned),
            state: self.runtime_state(),
            threads_missing: false,
        }
    }

    /// `initialized`, or `finalizing` while `Py_Finalize` runs (a thread state is set in `_PyRuntime._finalizing`).
    fn runtime_state(&self) -> Option<String> {
        let ctx = self.context();
        let finalizing = ctx.ptr(field!(ctx, runtime.finalizing), self.located.runtime?).ok()?;
        Some(if finalizing.is_null() { "initialized" } else { "finalizing" }.to_owned())
    }
}

fn provider_count((provider, count): (&Provider, &usize)) -> (String, u32) {
    let name = match provider {
        Provider::Table => "table",
        Provider::Dwarf => "dwarf",
        Provider::DebugOffsets => "debug_offsets",
    };
    (name.to_owned(), u32::try_from(*count).unwrap_or(u32::MAX))
}
