//! Which native functions are the evaluation loop, and which are interpreter plumbing that the default view hides.

use super::merge::NativeRole;

/// The evaluation loop. `_PyEval_EvalFrameDefault` in every version (Python/ceval.c); the wrappers that a build may
/// have inlined it into are told by address, see [`super::merge`].
const EVAL: &[&str] = &["_PyEval_EvalFrameDefault"];

/// Prefixes of functions that run opcodes for the evaluation loop next outside: tail-calling interpreters of 3.14+
/// (Python/ceval.c, `_TAIL_CALL_<opcode>`), and the entry of JIT code (`_PyJIT`, `_PyJIT_Entry`, 3.13+).
const EVAL_PART_PREFIXES: &[&str] = &["_TAIL_CALL_", "_PyJIT"];

/// What CPython calls code that it makes: `py::jit:executor` of its JIT (3.15+, the GDB JIT interface), `py::FUNCTION:FILE` of a
/// trampoline for `perf` (3.12+, Python/perf_trampoline.c).
const MADE_BY_PYTHON: &str = "py::";

/// How calls reach the evaluation loop and leave it: Objects/call.c, Objects/methodobject.c, Objects/descrobject.c,
/// Objects/classobject.c, Objects/typeobject.c, Objects/genobject.c, Python/ceval.c, Python/perf_trampoline.c. Sorted.
const CALLS: &[&str] = &[
    "PyCFunction_Call",
    "PyEval_CallObjectWithKeywords",
    "PyEval_EvalCode",
    "PyEval_EvalCodeEx",
    "PyEval_EvalFrame",
    "PyEval_EvalFrameEx",
    "PyObject_Call",
    "PyObject_CallFunction",
    "PyObject_CallFunctionObjArgs",
    "PyObject_CallMethod",
    "PyObject_CallMethodObjArgs",
    "PyObject_CallNoArgs",
    "PyObject_CallObject",
    "PyObject_CallOneArg",
    "PyObject_Vectorcall",
    "PyObject_VectorcallDict",
    "PyObject_VectorcallMethod",
    "PyVectorcall_Call",
    "PyVectorcall_Function",
    "Py_EnterRecursiveCall",
    "_PyCFunction_FastCallDict",
    "_PyCFunction_Vectorcall",
    "_PyEval_EvalCode",
    "_PyEval_EvalCodeWithName",
    "_PyEval_EvalFrame",
    "_PyEval_Vector",
    "_PyFunction_FastCallDict",
    "_PyFunction_Vectorcall",
    "_PyMethodDef_RawFastCallKeywords",
    "_PyObject_Call",
    "_PyObject_CallFunctionVa",
    "_PyObject_CallFunction_SizeT",
    "_PyObject_CallMethod",
    "_PyObject_CallMethodId",
    "_PyObject_CallMethodIdObjArgs",
    "_PyObject_CallMethodIdOneArg",
    "_PyObject_CallMethod_SizeT",
    "_PyObject_CallNoArg",
    "_PyObject_CallNoArgs",
    "_PyObject_CallNoArgsTstate",
    "_PyObject_Call_Prepend",
    "_PyObject_FastCall",
    "_PyObject_FastCallDict",
    "_PyObject_FastCallDictTstate",
    "_PyObject_MakeTpCall",
    "_PyObject_Vectorcall",
    "_PyObject_VectorcallDictTstate",
    "_PyObject_VectorcallTstate",
    "_PyVectorcall_Call",
    "_Py_EnterRecursiveCall",
    "_Py_HandlePending",
    "bounded_lru_cache_wrapper",
    "builtin___build_class__",
    "builtin_exec",
    "builtin_exec_impl",
    "call_function",
    "cfunction_call",
    "cfunction_call_varargs",
    "cfunction_vectorcall_FASTCALL",
    "cfunction_vectorcall_FASTCALL_KEYWORDS",
    "cfunction_vectorcall_FASTCALL_KEYWORDS_METHOD",
    "cfunction_vectorcall_NOARGS",
    "cfunction_vectorcall_O",
    "do_call_core",
    "function_code_fastcall",
    "gen_iternext",
    "gen_send",
    "gen_send_ex",
    "gen_send_ex2",
    "gen_send_ex2_lock_held",
    "gen_send_impl",
    "method_call",
    "method_vectorcall",
    "method_vectorcall_FASTCALL",
    "method_vectorcall_FASTCALL_KEYWORDS",
    "method_vectorcall_FASTCALL_KEYWORDS_METHOD",
    "method_vectorcall_NOARGS",
    "method_vectorcall_O",
    "method_vectorcall_VARARGS",
    "method_vectorcall_VARARGS_KEYWORDS",
    "object_vacall",
    "partial_call",
    "partial_vectorcall",
    "py_trampoline_evaluator",
    "slot_tp_call",
    "slot_tp_init",
    "slot_tp_new",
    "trampoline_call",
    "tuple_vectorcall",
    "type_call",
    "vectorcall_maybe",
    "vectorcall_method",
    "vectorcall_unbound",
    "wrap_call",
    "wrapper_call",
    "wrapperdescr_call",
];

/// How a process and its threads start: Modules/main.c, Python/pythonrun.c, Modules/_threadmodule.c, glibc, musl.
/// Sorted.
const START: &[&str] = &[
    "PyImport_ImportModuleLevelObject",
    "PyRun_AnyFileExFlags",
    "PyRun_FileExFlags",
    "PyRun_InteractiveLoopFlags",
    "PyRun_InteractiveOneObjectEx",
    "PyRun_SimpleFileExFlags",
    "PyRun_SimpleStringFlags",
    "PyRun_StringFlags",
    "Py_BytesMain",
    "Py_Main",
    "Py_RunMain",
    "_PyRun_AnyFileObject",
    "_PyRun_SimpleFile",
    "_PyRun_SimpleFileObject",
    "_PyRun_SimpleStringFlagsWithName",
    "_PyRun_StringFlagsWithName",
    "__GI___clone",
    "__GI___clone3",
    "__clone",
    "__clone3",
    "__libc_start_call_main",
    "__libc_start_main",
    "__libc_start_main_impl",
    "__thread_start",
    "_start",
    "_start_c",
    "clone",
    "clone3",
    "import_find_and_load",
    "libc_start_main_stage2",
    "main",
    "pymain_main",
    "pymain_run_command",
    "pymain_run_file",
    "pymain_run_file_obj",
    "pymain_run_module",
    "pymain_run_python",
    "pymain_run_startup",
    "pymain_run_stdin",
    "pyrun_file",
    "pyrun_simple_file",
    "pythread_wrapper",
    "run_eval_code_obj",
    "run_mod",
    "start",
    "start_thread",
    "t_bootstrap",
    "thread_run",
];

/// A symbol without what compilers and linkers append (`.cold`, `.constprop.0`, `.llvm.123`, `@@GLIBC_2.34`).
#[must_use]
pub fn base_name(symbol: &str) -> &str {
    let end = symbol.char_indices().skip(1).find(|(_, c)| matches!(c, '.' | '@')).map_or(symbol.len(), |(at, _)| at);
    symbol.get(..end).unwrap_or(symbol)
}

/// Where a native frame's code lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePlace {
    /// The module that holds the CPython runtime, or its program.
    Interpreter,
    /// Another module.
    Module,
    /// Executable memory that no file backs: JIT code, trampolines.
    Anonymous,
}

/// What a native frame is to the merge.
#[must_use]
pub fn role(symbol: Option<&str>, place: CodePlace) -> NativeRole {
    match (symbol.map(base_name), place) {
        (Some(name), CodePlace::Interpreter) if EVAL.contains(&name) => NativeRole::Eval,
        (Some(name), CodePlace::Interpreter) if EVAL_PART_PREFIXES.iter().any(|p| name.starts_with(p)) => {
            NativeRole::EvalPart
        }
        (Some(name), CodePlace::Anonymous) if name.starts_with(MADE_BY_PYTHON) => NativeRole::EvalPart,
        (None, CodePlace::Interpreter) => NativeRole::Unnamed,
        (None, CodePlace::Anonymous) => NativeRole::EvalPart,
        _ => NativeRole::Other,
    }
}

/// Whether the default view hides the frame: how calls reach Python code, how threads start, and functions of the
/// interpreter that have no name (its file is stripped).
#[must_use]
pub fn is_plumbing(symbol: Option<&str>, place: CodePlace) -> bool {
    let Some(name) = symbol.map(base_name) else { return place != CodePlace::Module };
    let listed = |list: &[&str]| list.binary_search(&name).is_ok();
    match place {
        CodePlace::Interpreter => {
            listed(CALLS) || listed(START) || matches!(role(symbol, place), NativeRole::Eval | NativeRole::EvalPart)
        }
        CodePlace::Anonymous => listed(START) || role(symbol, place) == NativeRole::EvalPart,
        CodePlace::Module => listed(START),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_suffixes_do_not_matter() {
        assert!(CALLS.is_sorted() && START.is_sorted());
        assert_eq!(base_name("_PyEval_EvalFrameDefault.cold"), "_PyEval_EvalFrameDefault");
        assert_eq!(base_name("__libc_start_main@@GLIBC_2.34"), "__libc_start_main");
        assert_eq!(base_name(".text"), ".text");
        assert_eq!(role(Some("_PyEval_EvalFrameDefault.lto_priv.0"), CodePlace::Interpreter), NativeRole::Eval);
        assert_eq!(role(Some("_TAIL_CALL_CALL.llvm.42"), CodePlace::Interpreter), NativeRole::EvalPart);
        assert_eq!(role(Some("py::jit:executor"), CodePlace::Anonymous), NativeRole::EvalPart);
        assert_eq!(role(Some("py::main:/srv/app.py"), CodePlace::Anonymous), NativeRole::EvalPart);
        assert_eq!(role(Some("kernel"), CodePlace::Anonymous), NativeRole::Other);
        assert!(is_plumbing(Some("py::jit:executor"), CodePlace::Anonymous));
        assert!(is_plumbing(Some("method_vectorcall.constprop.1"), CodePlace::Interpreter));
        assert!(!is_plumbing(Some("method_vectorcall"), CodePlace::Module));
        assert!(!is_plumbing(Some("list_sort_impl"), CodePlace::Interpreter));
        assert!(is_plumbing(None, CodePlace::Interpreter) && !is_plumbing(None, CodePlace::Module));
    }
}
