//! [`StateNames`]: what words of the states of interpreters and threads are, in Python's words.

use crate::cpython::layout::{Layouts, Slot};

/// Members of a state.
pub(super) struct StateNames {
    /// Those that hold objects: each a word, or a range of bytes in which there are such words.
    named: Vec<Range>,
    /// Those whose words lead to objects and own none.
    borrowed: Vec<Range>,
}

/// Bytes of a word.
const WORD: u64 = 8;

impl StateNames {
    /// Of `PyInterpreterState`.
    pub fn of_interpreter(l: &Layouts) -> StateNames {
        let (i, o) = (&l.interpreter, &l.interpreter_objects);
        let words = [
            (i.modules, "sys.modules"),
            (i.importlib, "importlib"),
            (i.sysdict, "namespace of sys"),
            (i.builtins, "namespace of builtins"),
            (o.modules_by_index, "modules by index"),
            (o.import_func, "__import__"),
            (o.codec_search_path, "search functions of codecs"),
            (o.codec_search_cache, "codec cache"),
            (o.codec_error_registry, "error handlers of codecs"),
            (o.dict, "PyInterpreterState_GetDict()"),
            (o.sysdict_copy, "copy of sys's namespace"),
            (o.builtins_copy, "copy of builtins' namespace"),
            (o.before_forkers, "os.register_at_fork(before)"),
            (o.after_forkers_parent, "os.register_at_fork(after_in_parent)"),
            (o.after_forkers_child, "os.register_at_fork(after_in_child)"),
            (o.warnings_filters, "warnings.filters"),
            (o.warnings_once, "warnings' once registry"),
            (o.atexit_callbacks, "atexit callbacks"),
            (o.exit_module, "atexit"),
            (o.audit_hooks, "audit hooks"),
            (o.errnomap, "exceptions by errno"),
            (o.monitoring_tool_names, "names of sys.monitoring's tools"),
            (o.interned_strings, "interned strings"),
        ];
        let size = |slot: Slot| slot.offset().unwrap_or(0);
        // From one member to the next one.
        let up_to = |end: Slot, start: Slot| size(end).saturating_sub(size(start));
        let ranges = [
            (o.ast, size(l.ast_state.size), "types of ast"),
            (o.types, size(l.types_state.size), "static types"),
            (
                o.monitoring_callables,
                up_to(o.monitoring_tool_names, o.monitoring_callables),
                "sys.monitoring callbacks",
            ),
        ];
        let types_end = size(o.types).saturating_add(size(l.types_state.size));
        // Caches whose entries own nothing: functions and types by version, attributes of types.
        let borrowed = [
            (o.type_cache, size(l.type_cache.size), ""),
            (o.type_version_cache, types_end.saturating_sub(size(o.type_version_cache)), ""),
            (o.func_state, size(l.func_state.size), ""),
        ];
        StateNames { borrowed: present(&borrowed), ..StateNames::new(&words, &ranges) }
    }

    /// Of `PyThreadState`.
    pub fn of_thread(l: &Layouts) -> StateNames {
        let (t, i) = (&l.thread, &l.thread_impl);
        let words = [
            (t.curexc_type, "type of the exception that is raised"),
            (t.curexc_value, "exception that is raised"),
            (t.curexc_traceback, "traceback of the exception that is raised"),
            (t.current_exception, "exception that is raised"),
            (t.async_exc, "exception from another thread"),
            (t.profile_object, "sys.setprofile()"),
            (t.trace_object, "sys.settrace()"),
            (t.dict, "PyThreadState_GetDict()"),
            (t.context, "context"),
            (i.asyncio_running_loop, "running loop of asyncio"),
            (i.asyncio_running_task, "running task of asyncio"),
        ];
        StateNames::new(&words, &[])
    }

    fn new(words: &[(Slot, &'static str)], ranges: &[(Slot, u64, &'static str)]) -> StateNames {
        let words = words.iter().map(|(slot, name)| (*slot, WORD, *name));
        let named: Vec<_> = words.chain(ranges.iter().copied()).collect();
        StateNames { named: present(&named), borrowed: Vec::new() }
    }

    /// The member that a word is, or is in.
    pub fn name(&self, offset: u64) -> Option<&'static str> {
        self.named.iter().find(|range| range.holds(offset)).map(|range| range.name)
    }

    /// Whether a word is known to own nothing.
    pub fn is_borrowed(&self, offset: u64) -> bool {
        self.borrowed.iter().any(|range| range.holds(offset))
    }
}

/// Bytes of a state.
struct Range {
    start: u64,
    bytes: u64,
    name: &'static str,
}

impl Range {
    fn holds(&self, offset: u64) -> bool {
        offset >= self.start && offset.wrapping_sub(self.start) < self.bytes
    }
}

/// Those that the version has.
fn present(members: &[(Slot, u64, &'static str)]) -> Vec<Range> {
    let range =
        |(slot, bytes, name): &(Slot, u64, &'static str)| Some(Range { start: slot.offset()?, bytes: *bytes, name });
    members.iter().filter_map(range).collect()
}
