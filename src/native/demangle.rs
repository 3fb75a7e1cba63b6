//! Names of functions as their authors wrote them.

/// What compilers append to the names of copies and parts of a function (gcc, clang, their link-time optimisation).
const SUFFIXES: &[&str] = &[".cold", ".constprop", ".isra", ".llvm", ".localalias", ".lto_priv", ".part"];
/// How Cython begins the names of the functions that it writes: for Python (wrapper and body), for C, and for the body
/// of a generator (Cython/Compiler/Naming.py). The number says whether a count stands before the function's own name.
const CYTHON: &[(&str, bool)] = &[("__pyx_pw_", true), ("__pyx_pf_", true), ("__pyx_gb_", true), ("__pyx_f_", false)];

/// Parts of qualified names (PEP 3155) as numba writes them.
const NUMBA_ESCAPED: &[(&str, &str)] = &[("_3clocals_3e", "<locals>"), ("_3clambda_3e", "<lambda>")];

/// What names of lambdas begin with, where a number may stand before.
const LAMBDA: &str = "__pyx_lambda_funcdef_lambda";

/// How mypyc begins the names of functions, and of those that Python calls them by (mypyc/common.py).
const MYPYC: [&str; 2] = ["CPyDef_", "CPyPy_"];
/// What it adds to the names of classes for functions of its own (mypyc/codegen/emitclass.py).
const MYPYC_OWN: [&str; 6] = ["_clear", "_dealloc", "_init", "_new", "_setup", "_traverse"];

/// A symbol for people: demangled, without what the compiler appended.
#[must_use]
pub fn demangle(symbol: &str) -> String {
    let plain = without_suffix(symbol);
    cython(plain)
        .or_else(|| mypyc(plain))
        .unwrap_or_else(|| without_numba_tags(addr2line::demangle_auto(plain.into(), None).into_owned()))
}

/// The Python name of a C function that a compiler of Python wrote.
#[must_use]
pub(super) fn python(symbol: &str) -> Option<String> {
    cython(symbol).or_else(|| mypyc(symbol))
}

/// `slot_tp_richcompare` of `slot_tp_richcompare.lto_priv.0`.
#[must_use]
pub fn without_suffix(symbol: &str) -> &str {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with('.');
    let found = |suffix: &&str| {
        let mut places = symbol.match_indices(suffix).map(|(at, _)| at).filter(|at| *at > 0);
        places.find(|at| symbol.get(at.saturating_add(suffix.len())..).is_some_and(ends))
    };
    let end = SUFFIXES.iter().filter_map(found).min().unwrap_or(symbol.len());
    symbol.get(..end).unwrap_or(symbol)
}

/// `__main__::kernel(long long)` of `__main__::kernel[abi:v1][abi:c8tJTIeFIjx](long long)`: numba numbers the versions of a
/// function and adds a hash of its flags (numba/core/itanium_mangler.py, `mangle_abi_tag`), and writes what is no letter as
/// its number (`_escape_string`): `<locals>` of a function in a function.
pub(super) fn without_numba_tags(name: String) -> String {
    let tags = name.split_once("[abi:v").and_then(|(function, rest)| {
        let (number, rest) = rest.split_once("][abi:c")?;
        let (_, behind) = rest.split_once(']')?;
        let function =
            NUMBA_ESCAPED.iter().fold(function.to_owned(), |name, (as_is, meant)| name.replace(as_is, meant));
        number.chars().all(|c| c.is_ascii_digit()).then(|| format!("{function}{behind}"))
    });
    tags.unwrap_or(name)
}

/// `pkg.mod.Class.method` of `__pyx_pw_3pkg_3mod_5Class_1method`; `None` also for names that can be read in two ways.
#[must_use]
pub fn cython(symbol: &str) -> Option<String> {
    let (mut rest, counted) =
        CYTHON.iter().find_map(|(prefix, counted)| Some((symbol.strip_prefix(prefix)?, *counted)))?;
    let mut scopes = Vec::new();
    while let Some((scope, behind)) = scope(rest) {
        scopes.push(scope);
        rest = behind;
    }
    let name = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    // Without a count the last "scope" may as well be the count and the first word of the name.
    let lambda = name.strip_prefix(LAMBDA).is_some();
    let ambiguous = counted && name.len() == rest.len() && scopes.len() > 1 && !lambda;
    let name = if lambda { "<lambda>" } else { name };
    if scopes.is_empty() || !(lambda || is_identifier(name)) || ambiguous {
        return None;
    }
    scopes.push(name);
    Some(scopes.join("."))
}

/// `pkg.Class.method` of `CPyDef_pkg___Class___method` (mypyc/namegen.py): a dot is three underscores. `None` also for names that
/// can be read in two ways, and for those of functions that no one wrote.
#[must_use]
pub fn mypyc(symbol: &str) -> Option<String> {
    let mut rest = MYPYC.iter().find_map(|prefix| symbol.strip_prefix(prefix))?;
    if rest.starts_with("__mypyc_") || MYPYC_OWN.iter().any(|own| rest.ends_with(own)) {
        return None;
    }
    let mut scopes = Vec::new();
    while let Some((scope, behind)) = rest.split_once("___").filter(|(scope, _)| !scope.is_empty()) {
        // With more underscores it is only clear where a name of Python's own follows.
        let special = behind.starts_with("__") && behind.ends_with("__") && !behind.starts_with("___");
        if behind.is_empty() || behind.starts_with("3_") || behind.starts_with('_') && !special {
            return None;
        }
        scopes.push(scope);
        rest = behind;
        if special {
            break;
        }
    }
    scopes.push(if rest == "__top_level__" { "<module>" } else { rest });
    let named = |scope: &&str| is_identifier(scope) || *scope == "<module>";
    scopes.iter().all(named).then(|| scopes.join("."))
}

/// `value_count` of `__pyx_fuse_10__pyx_f_3pkg_9hashtable_value_count`: Cython writes a function of fused types once for each
/// combination of them (Cython/Compiler/FusedNode.py).
#[must_use]
pub fn without_fused_types(method: &str) -> String {
    let types = |c: char| c.is_ascii_digit() || c == '_';
    let Some(rest) = method.strip_prefix("__pyx_fuse_") else { return method.to_owned() };
    match cython(rest.trim_start_matches(|c: char| c.is_ascii_digit())) {
        Some(qualified) => qualified.rsplit('.').next().unwrap_or(rest).to_owned(),
        None => rest.trim_start_matches(types).to_owned(),
    }
}

/// `5Class_` and what follows it.
fn scope(text: &str) -> Option<(&str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (length, rest) = text.split_at_checked(digits)?;
    let (name, behind) = rest.split_at_checked(length.parse().ok()?)?;
    Some((name, behind.strip_prefix('_')?)).filter(|(name, _)| is_identifier(name))
}

fn is_identifier(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    first && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_source() {
        let cases = [
            ("slot_tp_richcompare.lto_priv.0", "slot_tp_richcompare"),
            ("pymain_run.constprop.0.isra.1.cold", "pymain_run"),
            ("_ZN5plant6Boiler5burstEv.cold", "plant::Boiler::burst()"),
            ("__libc_start_main@@GLIBC_2.34", "__libc_start_main@@GLIBC_2.34"),
            ("a.particle", "a.particle"),
            ("_ZN8__main__6kernelB2v1B38c8tJTIeFIjxB2IKSgI4CrvQClQZ6FczSBAA_3dEx", "__main__::kernel(long long)"),
            (
                "_ZN8__main__5outer12_3clocals_3e4walkB2v1B38c8tJTIeFIjxB2IKSgI4CrvQClQZ6FczSBAA_3dEx",
                "__main__::outer::<locals>::walk(long long)",
            ),
            (".cold", ".cold"),
            ("__pyx_pw_7cyvalve_5Valve_1open", "cyvalve.Valve.open"),
            ("__pyx_pf_7cyvalve_2give_up", "cyvalve.give_up"),
            ("__pyx_f_3pkg_3mod_turn", "pkg.mod.turn"),
            // Method `open` of `Valve`, or the function `Valve_open` with count 5.
            ("__pyx_pf_7cyvalve_5Valve_open", "__pyx_pf_7cyvalve_5Valve_open"),
            ("__pyx_pw_5plant_5Plain_6method___pyx_lambda_funcdef_lambda", "plant.Plain.method.<lambda>"),
            ("__pyx_pw_7cysteps_3run_lambda", "__pyx_pw_7cysteps_3run_lambda"),
            ("__pyx_tp_new_7cyvalve_Valve", "__pyx_tp_new_7cyvalve_Valve"),
            ("__pyx_pw_99999999999999999999_x", "__pyx_pw_99999999999999999999_x"),
            ("CPyDef_turn.localalias", "turn"),
            ("CPyPy_checker___TypeChecker___visit", "checker.TypeChecker.visit"),
            ("CPyDef_Valve_____call__", "Valve.__call__"),
            ("CPyDef___top_level__", "<module>"),
            ("CPyDef_plant_____top_level__", "plant.<module>"),
            // `Valve._inner` or `Valve_.inner`; a method, or what mypyc adds for a class.
            ("CPyDef_Valve____inner", "CPyDef_Valve____inner"),
            ("CPyDef_Valve_clear", "CPyDef_Valve_clear"),
            ("CPyDef___mypyc___3_inner_Valve_env_setup", "CPyDef___mypyc___3_inner_Valve_env_setup"),
            ("CPyDef_a___3_b", "CPyDef_a___3_b"),
            ("CPyDef_", "CPyDef_"),
        ];
        for (symbol, expected) in cases {
            assert_eq!(demangle(symbol), expected);
        }
    }

    #[test]
    fn functions_of_fused_types_have_their_own_name() {
        let cases = [
            ("__pyx_fuse_10__pyx_f_6pandas_5_libs_9hashtable_value_count", "value_count"),
            ("__pyx_fuse_0_1total", "total"),
            ("total", "total"),
        ];
        for (method, expected) in cases {
            assert_eq!(without_fused_types(method), expected);
        }
    }
}
