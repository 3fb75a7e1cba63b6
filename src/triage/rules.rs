//! The rules that make a signature: data in `rules.toml`, which a user's file may extend.

use glob::Pattern;
use serde::Deserialize;
use std::path::Path;

/// The rules that are built in.
pub const BUILT_IN: &str = include_str!("rules.toml");

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The file cannot be read.
    #[error("cannot read the rules in {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not TOML of the known form.
    #[error("the rules in {path} are not understood: {message}")]
    Parse {
        /// The file.
        path: String,
        /// Where and why.
        message: String,
    },
}

/// A list of patterns of which one must match.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<Pattern>);

impl Patterns {
    /// Whether one of them matches the whole of `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.iter().any(|p| p.matches(text))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(d)?;
        let parse = |text: &String| {
            Pattern::new(text).map_err(|e| serde::de::Error::custom(format!("pattern {text:?}: {}", e.msg)))
        };
        texts.iter().map(parse).collect::<Result<_, _>>().map(Patterns)
    }
}

/// What becomes of a native frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NativeAction {
    /// Left out.
    Skip,
    /// CPython's own code.
    Interpreter,
    /// Kept, whatever later rules say.
    Keep,
}

/// A rule for native frames. Lists that are given must all match.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeRule {
    /// Name, for `explain`.
    pub name: String,
    /// Why, for `explain`.
    #[serde(default)]
    pub why: String,
    /// Normalised functions.
    #[serde(default)]
    pub functions: Patterns,
    /// Normalised modules.
    #[serde(default)]
    pub modules: Patterns,
    /// Paths of modules.
    #[serde(default)]
    pub paths: Patterns,
    /// What to do.
    pub action: NativeAction,
}

/// What becomes of a Python frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PythonAction {
    /// Left out.
    Skip,
    /// Standard library: its package stands for it.
    Stdlib,
    /// Part of the frame that called it.
    MergeIntoCaller,
    /// Kept, whatever later rules say.
    Keep,
}

/// A rule for Python frames. Lists that are given must all match.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PythonRule {
    /// Name, for `explain`.
    pub name: String,
    /// Why, for `explain`.
    #[serde(default)]
    pub why: String,
    /// `co_filename`.
    #[serde(default)]
    pub files: Patterns,
    /// `co_filename` that the rule is not for.
    #[serde(default)]
    pub except: Patterns,
    /// `co_name`.
    #[serde(default)]
    pub functions: Patterns,
    /// What to do.
    pub action: PythonAction,
}

/// Which frames the key of a cause has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyFrames {
    /// The stack.
    #[default]
    Stack,
    /// The repeating part of a recursion and its callers.
    Cycle,
    /// None: the finding's text instead.
    Subject,
}

/// A class of crashes. Lists that are given must all match.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseRule {
    /// Name in the exact key.
    pub class: String,
    /// Name in the coarse key; that of the exact key when absent.
    pub coarse: Option<String>,
    /// Identifiers of findings.
    #[serde(default)]
    pub findings: Patterns,
    /// Names of signals and exceptions; `none` for a process that did not crash.
    #[serde(default)]
    pub signals: Patterns,
    /// Kinds of fault addresses: see [`crate::triage::cause::FaultKind`].
    #[serde(default)]
    pub faults: Patterns,
    /// Which frames the keys have.
    #[serde(default)]
    pub frames: KeyFrames,
    /// Whether the finding's text is in the coarse key.
    #[serde(default)]
    pub message: bool,
    /// A regular expression whose first group stands for the finding's text, where it matches.
    pub subject: Option<String>,
    /// For titles.
    pub phrase: String,
    /// Severity class.
    pub severity: String,
}

/// How many frames the keys have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Of the coarse key.
    pub coarse_frames: usize,
    /// Of the exact key.
    pub exact_frames: usize,
}

/// Numbers of the similarity measure; see [`crate::triage::similarity`].
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Similarity {
    /// Weight of the distance from the top.
    pub c: f64,
    /// Weight of the shift between the stacks.
    pub o: f64,
    /// Stacks at least this alike belong together; above 1 none do.
    pub threshold: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    format: Option<u32>,
    limits: Option<Limits>,
    similarity: Option<Similarity>,
    native: Vec<NativeRule>,
    python: Vec<PythonRule>,
    cause: Vec<CauseRule>,
}

/// All rules, in the order in which they are asked.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Frames in the keys.
    pub limits: Limits,
    /// The similarity measure.
    pub similarity: Similarity,
    /// For native frames.
    pub native: Vec<NativeRule>,
    /// For Python frames.
    pub python: Vec<PythonRule>,
    /// Classes of crashes.
    pub causes: Vec<CauseRule>,
}

impl Rules {
    /// The built-in rules.
    ///
    /// # Errors
    /// Never, as a test asserts; the type leaves it to the caller.
    pub fn built_in() -> Result<Self, RulesError> {
        let none = Rules {
            limits: Limits { coarse_frames: 4, exact_frames: 40 },
            similarity: Similarity { c: 0.4, o: 0.3, threshold: 0.75 },
            native: Vec::new(),
            python: Vec::new(),
            causes: Vec::new(),
        };
        none.with(BUILT_IN, "rules.toml")
    }

    /// The built-in rules after those of the file, if any.
    ///
    /// # Errors
    /// [`RulesError`] when the file cannot be read or understood.
    pub fn load(file: Option<&Path>) -> Result<Self, RulesError> {
        let rules = Rules::built_in()?;
        let Some(path) = file else { return Ok(rules) };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| RulesError::Read { path: name.clone(), source })?;
        rules.with(&text, &name)
    }

    /// These rules after those of `text`.
    ///
    /// # Errors
    /// [`RulesError::Parse`].
    pub fn with(self, text: &str, name: &str) -> Result<Self, RulesError> {
        let wrong = |message: String| RulesError::Parse { path: name.to_owned(), message };
        let mut file: File = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        if file.format.is_some_and(|format| format != 1) {
            return Err(wrong("format is not 1; a newer pyinquest wrote this".to_owned()));
        }
        file.native.extend(self.native);
        file.python.extend(self.python);
        file.cause.extend(self.causes);
        Ok(Rules {
            limits: file.limits.unwrap_or(self.limits),
            similarity: file.similarity.unwrap_or(self.similarity),
            native: file.native,
            python: file.python,
            causes: file.cause,
        })
    }

    /// The rule for a native frame, if any.
    #[must_use]
    pub fn for_native(&self, function: Option<&str>, module: &str, path: &str) -> Option<&NativeRule> {
        let fits = |list: &Patterns, text: Option<&str>| list.is_empty() || text.is_some_and(|t| list.matches(t));
        self.native
            .iter()
            .find(|r| fits(&r.functions, function) && fits(&r.modules, Some(module)) && fits(&r.paths, Some(path)))
    }

    /// The rule for a Python frame, if any.
    #[must_use]
    pub fn for_python(&self, file: &str, function: &str) -> Option<&PythonRule> {
        self.python.iter().find(|r| {
            (r.files.is_empty() || r.files.matches(file))
                && !r.except.matches(file)
                && (r.functions.is_empty() || r.functions.matches(function))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_rules_are_understood_and_asked_in_order() {
        let rules = Rules::built_in().unwrap();
        let native = |f, m, p| rules.for_native(f, m, p).map(|r| (r.name.as_str(), r.action));
        assert_eq!(native(Some("abort"), "libc", "/lib/libc.so.6"), Some(("abort-and-raise", NativeAction::Skip)));
        assert_eq!(native(None, "libc", "/lib/libc.so.6"), Some(("system-libraries", NativeAction::Skip)));
        assert_eq!(native(None, "[vdso]", "[vdso]"), Some(("system-libraries", NativeAction::Skip)));
        assert_eq!(native(Some("scan"), "_json", "/x/lib-dynload/_json.so").unwrap().1, NativeAction::Interpreter);
        assert_eq!(native(Some("scan_key"), "_speedups", "/x/_speedups.so"), None);
        let python = |file, function| rules.for_python(file, function).map(|r| r.name.as_str());
        assert_eq!(python("/usr/lib/python3.11/json/decoder.py", "decode"), Some("standard-library"));
        assert_eq!(python("/usr/lib/python3.11/site-packages/x.py", "f"), None);
        assert_eq!(python("/app/x.py", "<listcomp>"), Some("inlined-comprehensions"));
        assert_eq!(python("<frozen runpy>", "_run_code"), Some("program-start"));
        assert_eq!(python("/app/x.py", "load"), None);
    }

    #[test]
    fn a_users_rules_come_first_and_wrong_ones_are_named() {
        let own = "[[python]]\nname = 'mine'\nfiles = ['*/app/*']\naction = 'skip'\n[limits]\ncoarse_frames = 2\nexact_frames = 3";
        let rules = Rules::built_in().unwrap().with(own, "own").unwrap();
        assert_eq!(rules.for_python("/app/x.py", "<listcomp>").unwrap().name, "mine");
        assert_eq!(rules.limits.coarse_frames, 2);
        let wrong = Rules::built_in().unwrap().with("[[native]]\nname = 'x'\naction = 'drop'", "own.toml").unwrap_err();
        assert!(wrong.to_string().contains("own.toml"), "{wrong}");
        let newer = Rules::built_in().unwrap().with("format = 2", "own.toml").unwrap_err();
        assert!(newer.to_string().contains("newer"), "{newer}");
    }
}
