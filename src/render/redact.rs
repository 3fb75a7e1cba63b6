//! What must not stand in a log that others can read: values of names that look like secrets, tokens, credentials in
//! URLs. A report that is to be shared goes through [`redact`].

use crate::base::Text;
use crate::debuggee::ProcessInfo;
use crate::model::tasks::Tasks;
use crate::model::{ExceptionInfo, Frame, Report, Thread};
use regex::{Captures, Regex};
use std::sync::OnceLock;

/// What stands in place of a secret.
pub const REDACTED: &str = "<redacted>";

/// What a shared report says of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privacy {
    /// No locals, no registers, no texts of exceptions; known forms of secrets taken out of all text.
    #[default]
    NoLocals,
    /// Locals without secrets, no registers, no texts of exceptions; known forms of secrets taken out of all text.
    Redacted,
    /// Locals by type, number and length: no text or bytes of any, whatever its name; else as [`Privacy::Redacted`].
    NoText,
    /// Everything as it is.
    Full,
}

/// Words that mark the name of a secret.
const SECRET_NAME: &str = r"(?x)
    (?i:passw(or)?d|passwd|pwd|passphrase|secret|token|api_?-?key|apikey|access_?-?key|account_?-?key|private_?-?key
        |signing_?-?key|encryption_?-?key|credential|authorization|cookie|session_?id|csrf|dsn|connection_?string
        |otp|ssn|card_?number|cvv|webhook|mnemonic|bearer)
    | (?i:(^|[_\W])(auth|pin|pw|key|pass|salt|sig|sid|jwt|nonce)($|[_\W\d]))
    | [a-z0-9](Pass|Pw|Key|Salt|Pin|Sig|Auth)($|[A-Z_\W])";

/// A name that marks a secret in text, its closing quote, and what separates it from its value: `:`, `=`, `=>`, or the comma
/// of a pair or a list where the name is quoted.
const SECRET_PAIR: &str = r#"(?ix)
    \b(?:[\w-]*(?:passw(?:or)?d|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key
            |private[_-]?key|signing[_-]?key|encryption[_-]?key|credential|authorization|cookie|signature|salt|pwd
            |session[_-]?id|csrf|dsn|webhook|connection[_-]?string)[\w-]*
        |(?:[\w-]*[_-])?(?:pass|sig|pin|otp|auth|pw|sid|jwt|cvv|ssn|nonce|key))
    (?:['"]\s*(?:=>|[:=,])|['"]\s*\]\s*=|\s*(?:=>|[:=]))\s*"#;

/// Options of a command line whose value follows as a word of its own, in a line or in the list of arguments.
const SECRET_OPTION: &str = r#"(?ix)
    (?P<option>(?:^|[\s'"\[(,])(?:
        --?[\w-]*(?:passw(?:or)?d|passphrase|pass|pwd|secret|token|api-?key|credential|auth|salt|sig|key|cookie|header)[\w-]*
        | -p | -pw | -u | -a | -h | -k))
    (?P<space>['"]\s*,\s*b?['"]|\s+['"]?)
    (?P<value>[^\s'"-][^'"\s\],]*)"#;

/// Forms that are secrets wherever they stand.
const SECRET_FORM: &str = r"(?x)
    gh[pousr]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,} | glpat-[A-Za-z0-9_-]{16,}
    | xox[abeprs]-[A-Za-z0-9-]{10,} | (?:AKIA|ASIA)[0-9A-Z]{16} | AIza[0-9A-Za-z_-]{35}
    | \bsk-[A-Za-z0-9_-]{20,} | \b[rs]k_(?:live|test)_[A-Za-z0-9]{16,} | npm_[A-Za-z0-9]{30,} | pypi-[A-Za-z0-9_-]{40,}
    | \bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,} | \bhvs\.[A-Za-z0-9_-]{16,} | \bbot[0-9]{6,}:[A-Za-z0-9_-]{30,}
    | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*
    | https?://[^\s/'\x22]*hooks?[^\s/'\x22]*/[^\s'\x22]+ | https?://[^\s'\x22]*/(?:web)?hooks?/[^\s'\x22]+
    | -----BEGIN\x20[A-Z\x20]*PRIVATE\x20KEY-----(?:[^-]|-[^-])*(?:-----END\x20[A-Z\x20]*PRIVATE\x20KEY-----)?
    | (?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}";

/// `user:password@` in a URL; the last `@` before the path ends it.
const URL_CREDENTIALS: &str = r#"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s/'"?#]*@"#;

/// A literal of text or bytes, as `repr` and source have it.
const LITERAL: &str = r#"(?P<prefix>\b[A-Za-z]{1,2})?(?:'(?P<a>(?:[^'\\]|\\.)*)'|"(?P<b>(?:[^"\\]|\\.)*)")"#;

struct Forms {
    name: Regex,
    pair: Regex,
    option: Regex,
    form: Regex,
    url: Regex,
    literal: Regex,
}

fn forms() -> Option<&'static Forms> {
    static FORMS: OnceLock<Option<Forms>> = OnceLock::new();
    let make = || -> Result<Forms, regex::Error> {
        Ok(Forms {
            name: Regex::new(SECRET_NAME)?,
            pair: Regex::new(SECRET_PAIR)?,
            option: Regex::new(SECRET_OPTION)?,
            form: Regex::new(SECRET_FORM)?,
            url: Regex::new(URL_CREDENTIALS)?,
            literal: Regex::new(LITERAL)?,
        })
    };
    FORMS.get_or_init(|| make().ok()).as_ref()
}

/// Whether a variable of this name is likely to hold a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    // A pattern that is wrong (a test asserts that none is) must not let anything through.
    forms().is_none_or(|f| f.name.is_match(name))
}

/// `text` with known forms of secrets taken out.
#[must_use]
pub fn redact_text(text: &str) -> String {
    let Some(forms) = forms() else { return REDACTED.to_owned() };
    let text = forms.url.replace_all(text, format!("${{scheme}}{REDACTED}@"));
    let text = forms.form.replace_all(&text, REDACTED);
    let text = forms.option.replace_all(&text, |found: &Captures<'_>| {
        let part = |name| found.name(name).map_or("", |m| m.as_str());
        let short = part("option").rsplit('-').next().is_some_and(|name| name.len() == 1);
        // `-p 8080` is a port; `-u name` without a password is none of ours.
        let harmless = match part("option").chars().next_back() {
            _ if !short => part("value") == REDACTED,
            Some('p' | 'P' | 'a' | 'k') => part("value").bytes().all(|b| b.is_ascii_digit()),
            Some('u' | 'h') => !part("value").contains(':'),
            _ => true,
        };
        let value = if harmless { part("value") } else { REDACTED };
        format!("{}{}{value}", part("option"), part("space"))
    });
    pairs(&text, &forms.pair)
}

/// Takes out the values that follow the names of secrets.
fn pairs(text: &str, names: &Regex) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = names.find_at(text, at) {
        let value = text.get(found.end()..).unwrap_or_default();
        let length = value_length(value);
        let shown = value.get(..length).unwrap_or_default();
        // `token: str` of a signature and `self.token = token` name a thing and show none; `==` compares.
        let plain = matches!(shown, "" | "None" | "str" | "bytes" | "int" | "True" | "False") || value.starts_with('=');
        out.push_str(text.get(at..found.end()).unwrap_or_default());
        out.push_str(if plain || shown.contains(REDACTED) && shown.len() == REDACTED.len() { shown } else { REDACTED });
        at = found.end().saturating_add(length);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Bytes of `text` that are one value: a literal, a bracket with all that is in it, or words up to what looks like the next
/// name or option.
fn value_length(text: &str) -> usize {
    let unquoted = text.trim_start_matches(['b', 'r', 'f', 'u', 'B', 'R', 'F', 'U']);
    match unquoted.chars().next() {
        Some(quote @ ('\'' | '"')) => {
            let prefix = text.len().saturating_sub(unquoted.len());
            prefix.saturating_add(literal_length(unquoted, quote))
        }
        _ => match text.chars().next() {
            Some('(' | '[' | '{') => bracket_length(text),
            _ => words_length(text),
        },
    }
}

/// From the opening quote to the closing one; to the end where there is none.
fn literal_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at.saturating_add(1),
            _ => {}
        }
    }
    text.len()
}

fn bracket_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let step = match c {
            '\'' | '"' => literal_length(rest, c),
            _ => c.len_utf8(),
        };
        match c {
            '(' | '[' | '{' => depth = depth.saturating_add(1),
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        rest = rest.get(step..).unwrap_or_default();
        if depth == 0 {
            break;
        }
    }
    text.len().saturating_sub(rest.len())
}

fn words_length(text: &str) -> usize {
    let end = |word: &str| word.find(['\'', '"', ',', ';', '&', ')', '}', ']', '\n']).unwrap_or(word.len());
    let mut length = 0_usize;
    for (number, word) in text.split_inclusive([' ', '\t']).enumerate() {
        let bare = word.trim_end();
        let next_name = bare.starts_with('-') || bare.contains(['=', ':']);
        if number > 0 && (bare.is_empty() || next_name) {
            break;
        }
        let known = matches!(bare.get(..end(bare)), Some("None" | "str" | "bytes" | "int" | "True" | "False"));
        if end(bare) < bare.len() || known {
            return length.saturating_add(end(bare));
        }
        length = length.saturating_add(word.len());
    }
    text.get(..length).unwrap_or_default().trim_end().len()
}

/// `text` without the content of its literals. A quote that is left over makes all of it suspect.
fn without_literals(text: &str) -> String {
    let Some(forms) = forms() else { return REDACTED.to_owned() };
    let clean = forms.literal.replace_all(text, |found: &Captures<'_>| {
        let inside = found.name("a").or_else(|| found.name("b")).map_or("", |m| m.as_str());
        let prefix = found.name("prefix").map_or("", |m| m.as_str());
        match inside.chars().count() {
            0 => format!("{prefix}<empty>"),
            _ if inside == REDACTED => REDACTED.to_owned(),
            n => format!("{prefix}<{n} characters>"),
        }
    });
    if clean.contains(['\'', '"']) { REDACTED.to_owned() } else { clean.into_owned() }
}

/// Makes a report fit to be shared.
pub fn redact(report: &mut Report, privacy: Privacy) {
    if privacy == Privacy::Full {
        return;
    }
    // What exceptions say is said again by findings.
    let spoken = spoken(report);
    let clean = |text: &str| {
        let text = spoken.iter().fold(text.to_owned(), |text, said| text.replace(said.as_str(), REDACTED));
        redact_text(&text)
    };
    let process = &mut report.process;
    for text in [&mut process.arguments, &mut process.started_as, &mut process.command, &mut process.executable]
        .into_iter()
        .flatten()
    {
        *text = redact_text(text);
    }
    for annotation in &mut process.annotations {
        annotation.value = match is_secret_name(&annotation.name) {
            true => REDACTED.to_owned(),
            false => redact_text(&annotation.value),
        };
    }
    for finding in &mut report.findings {
        finding.title = clean(&finding.title);
        for line in &mut finding.evidence {
            *line = clean(line);
        }
    }
    if let Some(fatal) = report.crash.as_mut().and_then(|crash| crash.fatal_error.as_mut()) {
        for text in [&mut fatal.message, &mut fatal.exception].into_iter().flatten() {
            *text = clean(&text.to_string()).as_str().into();
        }
    }
    for diagnostic in &mut report.diagnostics {
        diagnostic.message = clean(&diagnostic.message);
    }
    for thread in &mut report.threads {
        thread.registers = None;
        if let Some(name) = &mut thread.name {
            *name = redact_text(&name.to_string()).as_str().into();
        }
        if let Some(end) = &mut thread.frames_end {
            *end = clean(end);
        }
        if let Some(wait) = &mut thread.waits_for {
            wait.what = clean(&wait.what);
        }
        for python in thread.python.iter_mut().chain(&mut thread.outer_states) {
            python.raising.iter_mut().chain(&mut python.handling).for_each(exception);
        }
        for one in &mut thread.frames {
            frame(one, privacy);
        }
    }
    if let Some(signature) = &mut report.signature {
        signature.title = clean(&signature.title);
    }
    if let Some(found) = &mut report.tasks {
        tasks(found, privacy);
    }
}

/// Names of tasks are the program's to choose, and what they wait for may name the other end of a connection.
fn tasks(tasks: &mut Tasks, privacy: Privacy) {
    let clean = |text: &Text| redact_text(&text.to_string()).as_str().into();
    for event_loop in &mut tasks.loops {
        event_loop.thread_name = event_loop.thread_name.as_ref().map(clean);
    }
    for task in &mut tasks.tasks {
        task.name = clean(&task.name);
        task.exception.iter_mut().for_each(exception);
        if let Some(wait) = &mut task.waits_for {
            wait.what = redact_text(&wait.what);
        }
    }
    for pool in &mut tasks.pools {
        pool.name = pool.name.as_ref().map(clean);
    }
    for suspended in &mut tasks.suspended {
        suspended.path = suspended.path.take().map(|path| redact_text(&path));
    }
    for greenlet in &mut tasks.greenlets {
        greenlet.run = greenlet.run.take().map(|run| redact_text(&run));
    }
    tasks.unretrieved.iter_mut().filter_map(|f| f.exception.as_mut()).for_each(exception);
    for stack in &mut tasks.stacks {
        stack.frames.iter_mut().for_each(|one| frame(one, privacy));
    }
}

/// Takes secrets out of what a dump says of the process itself.
pub fn redact_process(process: &mut ProcessInfo) {
    process.arguments.iter_mut().for_each(|text| *text = redact_text(text));
    for (name, value) in &mut process.annotations {
        *value = if is_secret_name(name) { REDACTED.to_owned() } else { redact_text(value) };
    }
}

/// Texts of all exceptions, the longest first. Very short ones are in other words too.
fn spoken(report: &Report) -> Vec<String> {
    const SHORT: usize = 4;
    let mut out = Vec::new();
    let of_threads = report.threads.iter().flat_map(Thread::states);
    let of_threads = of_threads.flat_map(|python| python.raising.iter().chain(&python.handling));
    let of_tasks = report.tasks.iter().flat_map(|found| &found.tasks).filter_map(|task| task.exception.as_ref());
    for info in of_threads.chain(of_tasks) {
        let mut next = Some(info);
        while let Some(one) = next {
            out.extend(one.summary.split_once(": ").map(|(_, text)| text.to_owned()).filter(|t| t.len() >= SHORT));
            next = one.caused_by.as_ref().map(|link| &link.exception);
        }
    }
    out.sort_by_key(|text: &String| std::cmp::Reverse(text.len()));
    out
}

fn frame(frame: &mut Frame, privacy: Privacy) {
    frame.source = frame.source.take().map(|line| redact_text(&without_literals(&line)));
    match privacy {
        Privacy::NoLocals => frame.locals = None,
        _ => {
            for local in frame.locals.iter_mut().flatten() {
                let secret = is_secret_name(&local.name.to_string());
                if let Some(shown) = &mut local.value {
                    shown.repr = match (secret, privacy) {
                        (true, _) => REDACTED.to_owned(),
                        (false, Privacy::NoText) => redact_text(&without_literals(&shown.repr)),
                        (false, _) => redact_text(&shown.repr),
                    };
                }
            }
        }
    }
}

/// The type stays.
fn exception(info: &mut ExceptionInfo) {
    let mut next = Some(info);
    while let Some(one) = next {
        if let Some((kind, _)) = one.summary.split_once(": ") {
            one.summary = format!("{kind}: {REDACTED}");
        }
        let kind = one.value.repr.split('(').next().unwrap_or_default();
        one.value.repr = format!("{}({REDACTED})", redact_text(kind));
        next = one.caused_by.as_mut().map(|link| &mut link.exception);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Local, PythonThread, Thread, Value};

    #[test]
    fn names_that_hold_secrets() {
        for name in [
            "password",
            "db_password",
            "API_KEY",
            "apiKey",
            "auth",
            "x_auth_token",
            "secretKey",
            "pin",
            "dsn",
            "user_pass",
            "salt",
            "userPass",
            "sig",
            "webhook_url",
            "pwd",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in
            ["passenger", "signal", "compass", "author", "path", "keyboard", "spin", "monkey", "value", "keys_seen"]
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn secrets_leave_the_text_and_the_rest_stays() {
        for (text, clean) in [
            ("postgres://me:pa55@db/x", "postgres://<redacted>@db/x"),
            ("https://ghp_aaaaaaaaaaaaaaaaaaaaaaaa@host/x", "https://<redacted>@host/x"),
            ("{'password': 'hunter2', 'n': 3}", "{'password': <redacted>, 'n': 3}"),
            ("run --token abc123 --jobs 4", "run --token <redacted> --jobs 4"),
            ("run --api-key=abc123 -v", "run --api-key=<redacted> -v"),
            ("x = 'AKIAABCDEFGHIJKLMNOP'", "x = '<redacted>'"),
            ("Authorization: Bearer abcdefghijklmnop", "Authorization: <redacted>"),
            ("def f(token: str, n=3):", "def f(token: str, n=3):"),
            ("ValueError: bad row 17", "ValueError: bad row 17"),
            ("https://host/path?q=1@2", "https://host/path?q=1@2"),
            ("postgres://me:p@ss@db/x", "postgres://<redacted>@db/x"),
            ("password = my long phrase", "password = <redacted>"),
            ("Server=db;pwd=abc;Uid=me", "Server=db;pwd=<redacted>;Uid=me"),
            ("https://x.blob/c?sv=1&sig=abc%3D&se=2", "https://x.blob/c?sv=1&sig=<redacted>&se=2"),
            ("AccountName=a;AccountKey=abc==;End=1", "AccountName=a;AccountKey=<redacted>;End=1"),
            ("[('Authorization', 'Basic QWxhZGRpbg'), ('n', 1)]", "[('Authorization', <redacted>), ('n', 1)]"),
            ("{'auth': ('me', 'pa55'), 'n': 3}", "{'auth': <redacted>, 'n': 3}"),
            ("['mysql', '-p', 'hunter2', '-P', '3306']", "['mysql', '-p', '<redacted>', '-P', '3306']"),
            ("curl -u me:pa55 -p 80 host", "curl -u <redacted> -p 80 host"),
            ("https://hooks.slack.com/services/T0/B0/abc", "<redacted>"),
            ("{'user_pass': 'x', 'salt': b'y'}", "{'user_pass': <redacted>, 'salt': <redacted>}"),
            ("headers['X-Api-Key'] = 'abc'", "headers['X-Api-Key'] = <redacted>"),
        ] {
            assert_eq!(redact_text(text), clean, "{text}");
        }
    }

    #[test]
    fn a_shared_report_has_no_locals_or_clean_ones() {
        let local = |name: &str, repr: &str| Local {
            name: name.into(),
            value: Some(Value { repr: repr.into(), ..Value::default() }),
            ..Local::default()
        };
        let locals = vec![local("password", "'x'"), local("url", "'ftp://a:b@c'"), local("n", "3")];
        let frame = Frame { locals: Some(locals), ..Frame::default() };
        let thread =
            Thread { frames: vec![frame], registers: Some(vec![("rip".into(), 1.into())]), ..Thread::default() };
        let whole = Report { threads: vec![thread], ..Report::default() };
        let mut none = whole.clone();
        redact(&mut none, Privacy::NoLocals);
        assert_eq!((&none.threads[0].frames[0].locals, &none.threads[0].registers), (&None, &None));
        let mut some = whole.clone();
        redact(&mut some, Privacy::Redacted);
        let shown = some.threads[0].frames[0].locals.as_ref().unwrap();
        let reprs: Vec<_> = shown.iter().map(|l| l.value.as_ref().unwrap().repr.as_str()).collect();
        assert_eq!(reprs, ["<redacted>", "'ftp://<redacted>@c'", "3"]);
        let mut no_text = whole.clone();
        let plain = &mut no_text.threads[0].frames[0].locals.as_mut().unwrap()[2].value.as_mut().unwrap().repr;
        *plain = "{'k': b'abc', 'n': [3, \"it's\"], 'e': ''}".to_owned();
        redact(&mut no_text, Privacy::NoText);
        let shown = no_text.threads[0].frames[0].locals.as_ref().unwrap()[2].value.as_ref().unwrap();
        assert_eq!(
            shown.repr,
            "{<1 characters>: b<3 characters>, <1 characters>: [3, <4 characters>], <1 characters>: <empty>}"
        );
        let mut full = whole.clone();
        redact(&mut full, Privacy::Full);
        assert_eq!(full, whole);
    }

    /// What an exception says is gone everywhere, and its type is there.
    #[test]
    fn exceptions_keep_their_type() {
        let info = ExceptionInfo {
            value: Value { repr: "KeyError('hunter2')".into(), ..Value::default() },
            summary: "KeyError: 'hunter2'".into(),
            ..ExceptionInfo::default()
        };
        let python = PythonThread { raising: Some(info), ..PythonThread::default() };
        let thread = Thread { python: Some(python), ..Thread::default() };
        let finding =
            crate::model::Finding { title: "uncaught KeyError: 'hunter2' ended it".into(), ..Default::default() };
        let mut report = Report { threads: vec![thread], findings: vec![finding], ..Report::default() };
        redact(&mut report, Privacy::NoLocals);
        let text = format!("{report:?}");
        assert!(!text.contains("hunter2") && text.contains("KeyError: <redacted>"), "{text}");
    }
}
