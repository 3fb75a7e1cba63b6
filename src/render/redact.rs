//! What must not stand in a log that others can read: values of names that look like secrets, tokens, credentials in
//! URLs. A report that is to be shared goes through [`redact`].

use crate::model::{ExceptionInfo, Frame, Report, Value};
use regex::Regex;
use std::borrow::Cow;
use std::sync::OnceLock;

/// What stands in place of a secret.
pub const REDACTED: &str = "<redacted>";

/// What a shared report says of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Privacy {
    /// No locals, no registers; known forms of secrets taken out of all text.
    #[default]
    NoLocals,
    /// Locals without secrets, no registers; known forms of secrets taken out of all text.
    Redacted,
    /// Everything as it is.
    Full,
}

/// Words that mark the name of a secret.
const SECRET_NAME: &str = r"(?i)(passw(or)?d|passwd|pwd|passphrase|secret|token|api_?-?key|apikey|access_?-?key|private_?-?key|signing_?-?key|encryption_?-?key|credential|authorization|cookie|session_?id|csrf|dsn|connection_?string|otp|ssn|card_?number|cvv)|(^|[_\W])(auth|pin|pw|key)($|[_\W])";

/// `NAME = value` in text: the name, then quotes and a separator, then the value up to a delimiter.
const SECRET_PAIR: &str = r#"(?ix)
    (?P<name>\b[\w-]*(?:passw(?:or)?d|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|authorization|cookie)[\w-]*)
    (?P<mid>['"]?\s*(?:=>|[:=])\s*)
    (?P<value>b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*"|(?:bearer|basic)\s+[^\s'",;]+|[^\s'",;&)}\]]+)"#;

/// Options of a command line whose value follows as a word of its own.
const SECRET_OPTION: &str = r"(?i)(?P<option>--?[\w-]*(?:passw(?:or)?d|secret|token|api-?key|credential)[\w-]*)(?P<space>\s+)(?P<value>[^\s-]\S*)";

/// Forms that are secrets wherever they stand.
const SECRET_FORM: &str = r"(?x)
    gh[pousr]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,} | glpat-[A-Za-z0-9_-]{16,}
    | xox[abeprs]-[A-Za-z0-9-]{10,} | (?:AKIA|ASIA)[0-9A-Z]{16} | AIza[0-9A-Za-z_-]{35}
    | \bsk-[A-Za-z0-9_-]{20,} | \b[rs]k_(?:live|test)_[A-Za-z0-9]{16,} | npm_[A-Za-z0-9]{30,} | pypi-[A-Za-z0-9_-]{40,}
    | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*
    | -----BEGIN\x20[A-Z\x20]*PRIVATE\x20KEY-----(?:[^-]|-[^-])*(?:-----END\x20[A-Z\x20]*PRIVATE\x20KEY-----)?
    | (?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{12,}";

/// `user:password@` in a URL.
const URL_CREDENTIALS: &str = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s/@'?#]*@";

struct Forms {
    name: Regex,
    pair: Regex,
    option: Regex,
    form: Regex,
    url: Regex,
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
    let text = forms.pair.replace_all(&text, |found: &regex::Captures<'_>| {
        let part = |name| found.name(name).map_or("", |m| m.as_str());
        // `token: str` of a signature and `self.token = token` name a thing and show none.
        let plain = matches!(part("value"), "None" | "str" | "bytes" | "True" | "False" | REDACTED);
        let value = if plain { part("value") } else { REDACTED };
        format!("{}{}{value}", part("name"), part("mid"))
    });
    let text = forms.option.replace_all(&text, format!("${{option}}${{space}}{REDACTED}"));
    Cow::into_owned(text)
}

/// Makes a report fit to be shared.
pub fn redact(report: &mut Report, privacy: Privacy) {
    if privacy == Privacy::Full {
        return;
    }
    for text in [&mut report.process.arguments, &mut report.process.command].into_iter().flatten() {
        *text = redact_text(text);
    }
    for annotation in &mut report.process.annotations {
        annotation.value = match is_secret_name(&annotation.name) {
            true => REDACTED.to_owned(),
            false => redact_text(&annotation.value),
        };
    }
    for finding in &mut report.findings {
        finding.title = redact_text(&finding.title);
        for line in &mut finding.evidence {
            *line = redact_text(line);
        }
    }
    for thread in &mut report.threads {
        thread.registers = None;
        if let Some(python) = &mut thread.python {
            python.raising.iter_mut().chain(&mut python.handling).for_each(exception);
        }
        for one in &mut thread.frames {
            frame(one, privacy);
        }
    }
    if let Some(signature) = &mut report.signature {
        signature.title = redact_text(&signature.title);
    }
}

fn frame(frame: &mut Frame, privacy: Privacy) {
    frame.source = frame.source.take().map(|line| redact_text(&line));
    match privacy {
        Privacy::NoLocals => frame.locals = None,
        _ => {
            for local in frame.locals.iter_mut().flatten() {
                let secret = is_secret_name(&local.name.to_string());
                if let Some(shown) = &mut local.value {
                    match secret {
                        true => shown.repr = REDACTED.to_owned(),
                        false => value(shown),
                    }
                }
            }
        }
    }
}

fn value(value: &mut Value) {
    value.repr = redact_text(&value.repr);
}

fn exception(info: &mut ExceptionInfo) {
    let mut next = Some(info);
    while let Some(one) = next {
        value(&mut one.value);
        one.summary = redact_text(&one.summary);
        next = one.caused_by.as_mut().map(|link| &mut link.exception);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Local, Thread};

    #[test]
    fn names_that_hold_secrets() {
        for name in ["password", "db_password", "API_KEY", "apiKey", "auth", "x_auth_token", "secretKey", "pin", "dsn"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["author", "path", "keyboard", "spin", "monkey", "value", "keys_seen"] {
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
        let mut full = whole.clone();
        redact(&mut full, Privacy::Full);
        assert_eq!(full, whole);
    }
}
