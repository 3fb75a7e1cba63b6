//! [`Blame`]: whose code crashed, and which Python code called it.

use super::facts::{Facts, Scene};
use super::memory_access::signals;
use super::reporters::is_reporter;
use crate::base::file_name;
use crate::model::{Frame, FrameKind, NativeFrame};
use crate::os::linux::VDSO;
use crate::stack::hidden_frames::base_name;

/// Libraries that fail because of what they were given: the C and C++ run time, loaders, libffi. By the start of the
/// file name.
const RUN_TIME: &[&str] = &[
    VDSO,
    "ld-linux",
    "ld-musl",
    "libasan.so",
    "libc++.so",
    "libc++abi.so",
    "libc-",
    "libc.musl",
    "libc.so",
    "libdl",
    "libffi",
    "libgcc_s",
    "libhwasan.so",
    "libjemalloc",
    "liblsan.so",
    "libm-",
    "libm.so",
    "libmimalloc",
    "libpthread",
    "librt",
    "libsnmalloc",
    "libstdc++",
    "libtcmalloc",
    "libtsan.so",
    "libubsan.so",
    "libunwind",
    "linux-vdso",
];

/// Functions that any module may have linked in and that only carry a failure out.
const CARRIERS: &[&str] =
    &["__assert_fail", "__stack_chk_fail", "__stack_chk_fail_local", "_Unwind_RaiseException", "abort", "raise"];

/// Functions of languages' own libraries, which compilers copy into the modules that use them: namespaces, and names. They fail because of what they were given, as long as somebody gave it to them.
const LANGUAGES: &[&str] = &[
    "__gnu_cxx::",
    "__rust_start_panic",
    "__rustc::",
    "alloc::",
    "core::",
    "panic_abort::",
    "panic_unwind::",
    "rust_begin_unwind",
    "rust_panic",
    "std::",
];

/// What a module is to the question of guilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// The C run time and its like.
    RunTime,
    /// CPython: the interpreter and the modules of its standard library.
    CPython,
    /// Code of third parties.
    Other,
}

/// Whose code crashed.
#[derive(Clone, Debug, Default)]
pub(super) struct Blame<'a> {
    /// The frame that crashed; absent when it is the evaluation loop itself.
    pub top: Option<&'a Frame>,
    /// The first frame that is neither run time nor CPython, if one lies between the crash and the innermost Python
    /// frame.
    pub owner: Option<&'a Frame>,
    /// The function that Python called, of the owner's module, where a table of methods names it and the owner has no
    /// name.
    pub method: Option<&'a str>,
    /// The library by which Python code made the call, without C code of its own: ctypes or cffi.
    pub foreign_calls: Option<&'static str>,
    /// The innermost Python frame.
    pub python: Option<&'a Frame>,
}

impl<'a> Blame<'a> {
    /// Looks at the frames of the crashed thread.
    pub fn of(scene: &Scene<'a>) -> Blame<'a> {
        let Some(thread) = scene.thread else { return Blame::default() };
        let fault_ip = scene.registers.and_then(|r| r.ip());
        // Frames of a signal handler come before the one that crashed.
        let at_fault = |f: &Frame| f.native.as_ref().is_some_and(|n| Some(n.ip) == fault_ip);
        let python = || thread.frames.iter().position(|f| f.kind == FrameKind::Python);
        let skip = match (scene.fault.handled, thread.frames.iter().position(at_fault)) {
            (false, _) => 0,
            (true, Some(at)) => at,
            (true, None) => python().unwrap_or(0),
        };
        let mut out = Blame::default();
        let mut library = None;
        let (mut method, mut of_top) = (None, None);
        for (at, frame) in thread.frames.iter().enumerate().skip(skip) {
            let Some(native) = &frame.native else {
                if frame.kind == FrameKind::Python {
                    if is_ctypes(frame) {
                        out.foreign_calls = Some(CTYPES);
                    }
                    // ctypes does what its caller wants: the caller is to blame.
                    let mut callers = thread.frames.iter().skip(at).filter(|f| f.kind == FrameKind::Python);
                    out.python = callers.find(|f| !is_ctypes(f)).or(Some(frame));
                    break;
                }
                continue;
            };
            // Where a call led to nothing that can run, the caller counts.
            let fetch = scene.signal() == signals::SIGSEGV && scene.fault.signal.fault_addr == Some(native.ip);
            let jumped = fetch && Some(native.ip) == fault_ip;
            let runs = !jumped && native.module.is_some()
                || scene.facts.segment(native.ip).is_some_and(|s| s.protection.execute);
            // The Python frame says what an evaluation loop ran.
            if !runs || thread.loops.contains(&at) {
                continue;
            }
            out.top = out.top.or(Some(frame));
            of_top = of_top.or(native.method.as_deref().map(|m| (m, native.module.as_deref())));
            let of_module = |start: &str| native.module.as_deref().is_some_and(|m| file_name(m).starts_with(start));
            if of_module("_ctypes.") {
                out.foreign_calls = Some(CTYPES);
            }
            // cffi's wheels have libffi in them.
            if is_libffi(frame) && of_module(CFFI_MODULE) {
                out.foreign_calls = Some("cffi");
            }
            let calls = out.foreign_calls == Some("cffi") && of_module(CFFI_MODULE);
            let carrier = frame.function.as_ref().is_some_and(|f| {
                let name = f.to_string();
                CARRIERS.contains(&name.as_str()) || is_reporter(&name)
            });
            // What ran inside of a function that reports and gives up is that library's own.
            let inside = |f: &Frame| f.native.as_ref().is_some_and(|n| n.module_id == native.module_id);
            if frame.function.as_ref().is_some_and(|f| is_reporter(&f.to_string())) && out.owner.is_some_and(inside) {
                (out.owner, library, method) = (None, None, None);
            }
            if !carrier && !calls && party(&scene.facts, native) == Party::Other {
                let place = if of_language(frame) { &mut library } else { &mut out.owner };
                *place = place.or(Some(frame));
                method = method.or(native.method.as_deref().map(|m| (m, native.module.as_deref())));
            }
        }
        out.owner = out.owner.or(library);
        let method = if out.owner.is_some() { method } else { of_top };
        let unnamed = out.owner.or(out.top).filter(|f| f.function.is_none()).and_then(|f| f.native.as_ref());
        out.method = unnamed.and_then(|n| method.filter(|(_, module)| *module == n.module.as_deref())).map(|(m, _)| m);
        out
    }

    /// "in scan_key (_speedups.so, speedups.c:214), called from app.py:31 in load"
    pub fn describe(&self) -> String {
        let mut out = String::new();
        match (self.owner.or(self.top), self.python) {
            (Some(frame), _) => {
                out.push_str("in ");
                out.push_str(&native_place(frame));
                out.push_str(&self.through());
            }
            (None, Some(_)) => out.push_str("in the interpreter's evaluation loop"),
            (None, None) => {}
        }
        if let (Some(owner), Some(top)) = (self.owner, self.top)
            && !std::ptr::eq(owner, top)
            && let Some(function) = &top.function
        {
            out = format!("in {} called {}", base_name(&function.to_string()), out.replacen("in ", "by ", 1));
        }
        if let Some(python) = self.python {
            let how = match (self.owner.or(self.top), self.foreign_calls) {
                (None, _) => " while running ".to_owned(),
                (Some(_), Some(by)) => format!(", called through {by} from "),
                (Some(_), None) => ", called from ".to_owned(),
            };
            out.push_str(&how);
            out.push_str(&python_place(python));
        }
        out
    }

    /// The same as the end of a sentence, with a leading space; empty when nothing is known.
    pub fn suffix(&self) -> String {
        let text = self.describe();
        if text.is_empty() { text } else { format!(" {text}") }
    }

    /// For a process that ended itself: where the way out (`abort`, `raise`) began, not how it went on from there.
    pub fn origin(&self) -> String {
        let by = self.owner.map_or(String::new(), |o| format!(" in {}{}", native_place(o), self.through()));
        let from = self.python.map_or(String::new(), |p| format!(", called from {}", python_place(p)));
        format!("{by}{from}")
    }

    /// " of method scan()": what Python calls the code of a module without symbols.
    fn through(&self) -> String {
        self.method.map_or(String::new(), |m| format!(" of method {m}()"))
    }

    /// The owner's place as a line of evidence.
    pub fn evidence(&self) -> Option<String> {
        let owner = self.owner?;
        Some(format!("first frame outside of libc and CPython: {}", native_place(owner)))
    }
}

const CTYPES: &str = "ctypes";
/// The start of the file name of cffi's own module.
const CFFI_MODULE: &str = "_cffi_backend.";

/// Whether a native frame is libffi's, which calls what others want.
pub(super) fn is_libffi(frame: &Frame) -> bool {
    let module = frame.native.as_ref().and_then(|n| n.module.as_deref()).map(file_name);
    let name = frame.function.as_ref().map(ToString::to_string);
    in_libffi(module, name.as_deref(), "ffi_call")
}

/// Whether code is libffi's: of the library, or of a copy linked into a module, where its functions' names begin so.
pub(super) fn in_libffi(file: Option<&str>, function: Option<&str>, start: &str) -> bool {
    file.is_some_and(|file| file.starts_with("libffi")) || function.is_some_and(|name| name.starts_with(start))
}

/// Whether a Python frame is of the standard library's ctypes.
fn is_ctypes(frame: &Frame) -> bool {
    frame.file.as_ref().is_some_and(|file| {
        let file = file.to_string().replace('\\', "/");
        file.ends_with("/ctypes/__init__.py") || file.ends_with("/ctypes/util.py")
    })
}

/// Whether a function is of the C++ or Rust library.
pub(super) fn of_language(frame: &Frame) -> bool {
    let name = frame.function.as_ref().map(ToString::to_string).unwrap_or_default();
    // `<alloc::vec::Vec<T> as core::ops::Index>::index`, `<&T as core::fmt::Debug>::fmt`
    let name = without_return_type(&name).trim_start_matches(['<', '&']);
    LANGUAGES.iter().any(|known| name == *known || known.ends_with("::") && name.starts_with(known))
}

/// `a::f<int>()` of `std::string a::f<int>()`: demanglers write the return type of function templates.
fn without_return_type(name: &str) -> &str {
    let mut depth = 0_usize;
    let mut start = 0;
    // In Rust's names a space stands inside of brackets only.
    for (at, c) in name.char_indices() {
        match c {
            '<' => depth = depth.saturating_add(1),
            '>' => depth = depth.saturating_sub(1),
            '(' if depth == 0 => break,
            ' ' if depth == 0 => start = at.saturating_add(1),
            _ => {}
        }
    }
    name.get(start..).unwrap_or(name)
}

/// What a native frame's module is.
pub(super) fn party(facts: &Facts<'_>, frame: &NativeFrame) -> Party {
    let Some(path) = frame.module.as_deref() else { return Party::Other };
    let name = file_name(path);
    if is_run_time(name) {
        return Party::RunTime;
    }
    let interpreter = frame.module_id.is_some_and(|m| facts.interpreter.holds(m.index()));
    // The standard library's extension modules; `site-packages` never lies below that directory.
    if interpreter || path.contains("/lib-dynload/") { Party::CPython } else { Party::Other }
}

/// Whether a library (by its file name) is of the C or C++ run time.
#[must_use]
pub fn is_run_time(file_name: &str) -> bool {
    RUN_TIME.iter().any(|prefix| file_name.starts_with(prefix))
}

/// "scan_key (_speedups.so, speedups.c:214)"
pub(super) fn native_place(frame: &Frame) -> String {
    let module = frame.native.as_ref().and_then(|n| n.module.as_deref()).map(file_name);
    let source = frame.file.as_ref().map(|file| {
        let file = file.to_string();
        let name = file_name(&file).to_owned();
        frame.line.map_or(name.clone(), |line| format!("{name}:{line}"))
    });
    let function = match (&frame.function, frame.native.as_ref().and_then(|n| n.module_offset)) {
        (Some(function), _) => function.to_string(),
        (None, Some(offset)) => format!("an unnamed function at +{offset}"),
        (None, None) => "unknown code".to_owned(),
    };
    let place: Vec<&str> = module.into_iter().chain(source.as_deref()).collect();
    if place.is_empty() { function } else { format!("{function} ({})", place.join(", ")) }
}

/// "app.py:31 in load", as far as it is known.
#[must_use]
pub fn python_place(frame: &Frame) -> String {
    let file = frame.file.as_ref().map(|file| file_name(&file.to_string()).to_owned());
    let function = frame.qualname.as_ref().or(frame.function.as_ref()).map(ToString::to_string);
    let place = match (file, frame.line) {
        (Some(file), Some(line)) => Some(format!("{file}:{line}")),
        (file, _) => file,
    };
    match (place, function) {
        (Some(place), Some(function)) => format!("{place} in {function}"),
        (Some(known), None) | (None, Some(known)) => known,
        (None, None) => "Python code whose place is not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_python_is_told_as_far_as_it_is_known() {
        let (file, function, line) = (Some("/srv/app.py".into()), Some("load".into()), Some(31));
        let whole = Frame { file, function, line, ..Frame::default() };
        assert_eq!(python_place(&whole), "app.py:31 in load");
        assert_eq!(python_place(&Frame { line: None, ..whole.clone() }), "app.py in load");
        assert_eq!(python_place(&Frame { file: None, line: None, ..whole.clone() }), "load");
        assert_eq!(python_place(&Frame { function: None, ..whole }), "app.py:31");
        assert_eq!(python_place(&Frame::default()), "Python code whose place is not known");
    }

    #[test]
    fn code_of_languages_is_told_from_that_of_others() {
        let of = |name: &str| of_language(&Frame { function: Some(name.into()), ..Frame::default() });
        let theirs = [
            "std::__terminate()",
            "core::ptr::read_volatile",
            "<alloc::vec::Vec<T,A> as core::ops::Index<I>>::index",
            "std::enable_if<true>::type std::make<int>()",
            "__rustc::rust_panic",
        ];
        assert!(theirs.iter().all(|name| of(name)));
        assert!(
            ["engine::heat(int)", "std::string engine::name<int>()", "standard", "rsvalve::ring"]
                .iter()
                .all(|n| !of(n))
        );
    }
}
