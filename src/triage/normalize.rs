//! Names without what differs between two builds of the same code.

/// Suffixes of clones that compilers make of a function, and versions that linkers add.
const CLONE_MARKS: &[&str] = &[
    ".constprop",
    ".isra",
    ".part",
    ".cold",
    ".lto_priv",
    ".llvm.",
    ".clone",
    ".localalias",
    ".resume",
    ".destroy",
    ".cleanup",
    ".warm",
    ".hot",
    ".ifunc",
    "@@",
    "@",
    "$",
];

/// A native function: no parameters, template arguments, ABI tags, hashes, clone suffixes, addresses.
///
/// `a::B<int>::f(char const*) const [clone .cold]` is `a::B::f`; `core::str::f::h0123456789abcdef` is `core::str::f`.
#[must_use]
pub fn native_function(symbol: &str) -> String {
    let symbol = symbol.split(" [clone").next().unwrap_or(symbol).trim();
    let symbol = symbol.replace("(anonymous namespace)", "{anon}").replace("[abi:cxx11]", "");
    let mut name = without_brackets(&symbol);
    for tail in [" const", " volatile", " &&", " &", " noexcept"] {
        while let Some(rest) = name.strip_suffix(tail) {
            name = rest.to_owned();
        }
    }
    let name = without_return_type(&name);
    let cut = |mark: &str| name.match_indices(mark).find(|(at, _)| *at > 0).map(|(at, _)| at);
    let end = CLONE_MARKS.iter().filter_map(|mark| cut(mark)).min().unwrap_or(name.len());
    let name = name.get(..end).unwrap_or(name);
    let name = without_rust_hash(name);
    match name.starts_with("0x") || name.is_empty() {
        true => String::new(),
        false => name.to_owned(),
    }
}

/// Text outside of `<...>` and `(...)`; operators keep theirs (`operator<`, `operator()`), Rust's `<A as B>::f` is
/// `A::f`, a C++ `{lambda(int)#1}` is `{lambda}`.
fn without_brackets(symbol: &str) -> String {
    let (symbol, head) = match rust_qualified(symbol) {
        Some((own, rest)) => (rest, without_brackets(own)),
        None => (symbol, String::new()),
    };
    let mut out = head;
    let mut depth = 0_usize;
    let mut rest = symbol;
    while let Some(c) = rest.chars().next() {
        if depth == 0 && out.ends_with("operator") {
            let token = ["<=>", "<<=", ">>=", "->*", "()", "<<", ">>", "<=", ">=", "->", "<", ">"];
            if let Some((token, behind)) = token.iter().find_map(|t| rest.strip_prefix(t).map(|b| (*t, b))) {
                out.push_str(token);
                rest = behind;
                continue;
            }
        }
        match c {
            '<' | '(' => depth = depth.saturating_add(1),
            '>' | ')' if depth > 0 => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    match out.find("{lambda") {
        Some(at) => {
            let behind = out.get(at..).and_then(|t| t.find('}').and_then(|end| t.get(end..)));
            format!("{}{{lambda{}", out.get(..at).unwrap_or_default(), behind.unwrap_or("}"))
        }
        None => out.replace("::::", "::"),
    }
}

/// `<A as B>::f` in its parts `A` and `::f`.
fn rust_qualified(symbol: &str) -> Option<(&str, &str)> {
    let inner = symbol.strip_prefix('<')?;
    let mut depth = 1_usize;
    let close = inner.char_indices().find(|(_, c)| {
        match c {
            '<' => depth = depth.saturating_add(1),
            '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    });
    let (inside, rest) = inner.split_at_checked(close?.0)?;
    let own = inside.split(" as ").next()?;
    Some((own, rest.strip_prefix('>')?))
}

/// `void a::f` is `a::f`; demanglers write the return type of function templates.
fn without_return_type(name: &str) -> &str {
    match name.find("operator") {
        Some(_) => name,
        None => name.rsplit(' ').next().unwrap_or(name),
    }
}

/// Without `::h` and sixteen hex digits.
fn without_rust_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => rest,
        _ => name,
    }
}

/// A native module: file name without extension, ABI tag, version and wheel hash.
///
/// `/x/_speedups.cpython-311-x86_64-linux-gnu.so` is `_speedups`, `libc.so.6` and `libc-2.31.so` are `libc`,
/// `libpython3.11.so.1.0` is `libpython`, `libopenblas-r0-f650aae0.3.3.so` is `libopenblas-r0`.
#[must_use]
pub fn native_module(path: &str) -> String {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let name = crate::base::file_name(path);
    if name.starts_with('[') {
        return name.to_owned();
    }
    let stem = match name.find(".so") {
        Some(at) if at > 0 => name.get(..at).unwrap_or(name),
        _ => [".dll", ".DLL", ".pyd", ".exe", ".EXE", ".dylib", ".bundle"]
            .iter()
            .find_map(|ext| name.strip_suffix(ext))
            .unwrap_or(name),
    };
    let abi = [".cpython-", ".abi3", ".pypy", ".cp3", ".cp2", ".graalpy"];
    let end = abi.iter().filter_map(|tag| stem.find(tag)).min().unwrap_or(stem.len());
    let stem = stem.get(..end).unwrap_or(stem);
    let stem = without_wheel_hash(stem);
    let stem = without_version(stem);
    match stem.is_empty() {
        true => name.to_owned(),
        false => stem.to_owned(),
    }
}

/// auditwheel and delvewheel put `-` and eight (or more) hex digits, and what followed in the name, into a library's
/// name.
fn without_wheel_hash(stem: &str) -> &str {
    let is_hash = |part: &str| part.len() >= 8 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let at = stem
        .match_indices('-')
        .find(|(at, _)| stem.get(at + 1..).is_some_and(|rest| is_hash(rest.split(['.', '-']).next().unwrap_or(""))));
    at.and_then(|(at, _)| stem.get(..at)).unwrap_or(stem)
}

/// `libc-2.31` is `libc`, `python3.11d` and `python311` are `python`; `md5` and `libz3` stay.
fn without_version(stem: &str) -> &str {
    for python in ["libpython", "python", "pypy", "libpypy"] {
        if let Some(rest) = stem.strip_prefix(python)
            && rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'd' | b't' | b'm' | b'c'))
        {
            return stem.get(..python.len()).unwrap_or(stem);
        }
    }
    match stem.rsplit_once('-') {
        Some((rest, version))
            if !rest.is_empty()
                && version.contains('.')
                && version.bytes().all(|b| b.is_ascii_digit() || b == b'.') =>
        {
            rest
        }
        _ => stem,
    }
}

/// A Python module from `co_filename`, as far as the name tells: the whole dotted name in the standard library and in
/// `site-packages`, else the file's own name, since nothing says where the package begins.
#[must_use]
pub fn python_module(file: &str) -> String {
    if let Some(inner) = file.strip_prefix('<').and_then(|f| f.strip_suffix('>')) {
        return match inner.strip_prefix("frozen ") {
            Some(module) => module.to_owned(),
            None => format!("<{}>", inner.chars().filter(|c| !c.is_ascii_digit()).collect::<String>()),
        };
    }
    let file = file.replace('\\', "/");
    let inside = ["/site-packages/", "/dist-packages/"].iter().find_map(|root| file.rsplit_once(root)).map(|(_, r)| r);
    match inside.or_else(|| in_standard_library(&file)) {
        Some(rest) => dotted(rest.split('/')),
        None => {
            let mut parts = file.rsplit('/');
            let own = parts.next().unwrap_or_default();
            let parent = parts.next().unwrap_or_default();
            match own.split('.').next() {
                Some("__init__" | "__main__") if !parent.is_empty() => dotted([parent, own].into_iter()),
                _ => dotted(std::iter::once(own)),
            }
        }
    }
}

/// A dotted name without the underscores that say that a module is private.
#[must_use]
pub fn public(module: &str) -> String {
    let part =
        |part: &str| if part.starts_with("__") { part.to_owned() } else { part.trim_start_matches('_').to_owned() };
    module.split('.').map(part).collect::<Vec<_>>().join(".")
}

/// What follows `lib/pythonX.Y/` (or `.zip/`).
fn in_standard_library(file: &str) -> Option<&str> {
    ["/lib/python", "/lib64/python", "/Lib/"].iter().find_map(|root| {
        let (_, rest) = file.rsplit_once(root)?;
        match root.ends_with('/') {
            true => Some(rest),
            false => rest.split_once('/').map(|(_, rest)| rest),
        }
    })
}

fn dotted<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = parts.collect();
    if let Some(last) = names.last_mut() {
        *last = last.split('.').next().unwrap_or(last);
    }
    if names.len() > 1 && names.last() == Some(&"__init__") {
        names.pop();
    }
    names.join(".")
}

/// A qualified name without `<locals>`: `load.<locals>.<lambda>` is `load.<lambda>`.
#[must_use]
pub fn qualname(name: &str) -> String {
    name.replace(".<locals>", "")
}

/// Text without what differs from run to run: addresses become `ADDR`, numbers `N`, quoted paths their last part.
#[must_use]
pub fn message(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&stable_word(word));
    }
    out
}

fn stable_word(word: &str) -> String {
    let word = match word.find('/') {
        Some(_) => {
            let quote = word.chars().next().filter(|c| matches!(c, '"' | '\'' | '(' | '`'));
            format!("{}{}", quote.map(String::from).unwrap_or_default(), crate::base::file_name(word))
        }
        None => word.to_owned(),
    };
    let mut out = String::with_capacity(word.len());
    let mut rest = word.as_str();
    let mut in_name = false;
    while let Some(c) = rest.chars().next() {
        let hex =
            rest.strip_prefix("0x").map(|r| r.len() - r.trim_start_matches(|c: char| c.is_ascii_hexdigit()).len());
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (used, put) = match (hex, digits) {
            (Some(hex), _) if hex > 0 && !in_name => (hex + 2, "ADDR"),
            // Digits inside a name (`md5`, `utf8`) belong to it.
            (_, digits) if digits > 0 && !in_name => (digits, "N"),
            _ => {
                out.push(c);
                (c.len_utf8(), "")
            }
        };
        out.push_str(put);
        in_name = put.is_empty() && (c.is_alphanumeric() || c == '_');
        rest = rest.get(used..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_functions_lose_what_a_build_adds() {
        for (symbol, name) in [
            ("scan_key", "scan_key"),
            ("scan_key.constprop.0.isra.1", "scan_key"),
            ("memcpy@@GLIBC_2.14", "memcpy"),
            ("core::str::slice_error_fail::h0123456789abcdef", "core::str::slice_error_fail"),
            ("<alloc::vec::Vec<T,A> as core::ops::drop::Drop>::drop", "alloc::vec::Vec::drop"),
            ("std::vector<int, std::allocator<int> >::at(unsigned long) const", "std::vector::at"),
            ("void app::run<int>(int)", "app::run"),
            ("(anonymous namespace)::Parser::next()", "{anon}::Parser::next"),
            ("Foo::operator()(int)", "Foo::operator()"),
            ("operator<<(std::ostream&, Foo const&)", "operator<<"),
            ("f(int)::{lambda(char)#2}::operator()(char) const", "f::{lambda}::operator()"),
            ("foo(int) [clone .cold]", "foo"),
            ("0x7f001234", ""),
        ] {
            assert_eq!(native_function(symbol), name, "{symbol}");
        }
    }

    #[test]
    fn native_modules_lose_tags_versions_and_hashes() {
        for (path, name) in [
            ("/x/_speedups.cpython-311-x86_64-linux-gnu.so", "_speedups"),
            ("/x/_speedups.abi3.so", "_speedups"),
            ("C:\\x\\_speedups.cp311-win_amd64.pyd", "_speedups"),
            ("/lib/libc.so.6", "libc"),
            ("/lib/libc-2.31.so", "libc"),
            ("/usr/lib/libpython3.11d.so.1.0", "libpython"),
            ("/usr/bin/python3.13", "python"),
            ("python311.dll", "python"),
            ("/x/libopenblas-r0-f650aae0.3.3.so", "libopenblas-r0"),
            ("/x/libz3.so (deleted)", "libz3"),
            ("[vdso]", "[vdso]"),
            ("/x/ld-linux-x86-64.so.2", "ld-linux-x86-64"),
        ] {
            assert_eq!(native_module(path), name, "{path}");
        }
    }

    #[test]
    fn python_modules_come_from_file_names() {
        for (file, name) in [
            ("/usr/lib/python3.11/json/decoder.py", "json.decoder"),
            ("/v/lib/python3.11/site-packages/numpy/core/__init__.py", "numpy.core"),
            ("C:\\Python311\\Lib\\json\\decoder.py", "json.decoder"),
            ("/home/me/app/load.py", "load"),
            ("/home/me/app/__init__.py", "app"),
            ("/home/me/app/__main__.py", "app.__main__"),
            ("<frozen importlib._bootstrap>", "importlib._bootstrap"),
            ("<ipython-input-12>", "<ipython-input->"),
            ("", ""),
        ] {
            assert_eq!(python_module(file), name, "{file}");
        }
        assert_eq!(public("numpy._core._methods"), "numpy.core.methods");
        assert_eq!(public("app.__main__"), "app.__main__");
        assert_eq!(qualname("C.load.<locals>.<lambda>"), "C.load.<lambda>");
    }

    #[test]
    fn messages_lose_numbers_and_addresses() {
        assert_eq!(message("object at 0x7f00 has refcnt -3"), "object at ADDR has refcnt -N");
        assert_eq!(message("md5: \"/tmp/a1/b.c\":214: x == 2"), "md5: \"b.c\":N: x == N");
    }
}
