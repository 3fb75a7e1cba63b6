//! `--format sentry` and `--format otel`: the report as other systems take it, and sending it there when asked to.

use super::args::{Format, OutputArgs};
use super::{CliError, exit};
use crate::model::Report;
use crate::render::occasion::Occasion;
use crate::render::redact::{Privacy, redact};
use crate::render::{otel, sentry};
use crate::triage::rules::Rules;
use crate::triage::signature;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// Seconds that a server has to take what is sent.
const TIMEOUT: &str = "30";

/// The report in the format, without what others must not see unless it is asked for.
pub fn render(mut report: Report, out: &OutputArgs) -> Result<Vec<u8>, CliError> {
    let internal = |e: &dyn std::fmt::Display| CliError::new(exit::INTERNAL, format!("cannot write JSON: {e}"));
    let now = SystemTime::now();
    let occasion = Occasion {
        event_id: event_id(&report),
        time: written(&report),
        sent: humantime::format_rfc3339_seconds(now).to_string(),
        dsn: out.send_to.clone().filter(|_| out.format() == Format::Sentry),
    };
    if !out.no_redact {
        redact(&mut report, Privacy::NoText);
    }
    let rules = Rules::built_in().map_err(|e| internal(&e))?;
    report.signature = Some((&signature::signature(&report, &rules).0).into());
    let text = match out.format() {
        Format::Otel => otel::render(&report, &occasion, now),
        _ => sentry::envelope(&report, &occasion),
    };
    Ok(text.map_err(|e| internal(&e))?.into_bytes())
}

/// The same for the same crash, whatever its dump is called: what gets it twice can tell.
fn event_id(report: &Report) -> String {
    let modules: Vec<_> = report.modules.iter().map(|m| (m.base.0, m.build_id.as_deref())).collect();
    let threads: Vec<_> = report.threads.iter().map(|t| (t.tid, t.python.as_ref().map(|p| p.tstate.0))).collect();
    let crash = report.crash.as_ref().map(|c| (c.tid, c.signal, c.fault_addr, c.instruction));
    let what = format!("{:?} {crash:?} {threads:?} {modules:?}", report.process.pid);
    let digest = Sha256::digest(what.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// When the dump was written, if it is still there: the kernel writes it when the process dies.
fn written(report: &Report) -> Option<SystemTime> {
    let about = std::fs::metadata(report.source.path.as_deref()?).ok()?;
    // A report that was saved elsewhere may name another file of this host.
    (about.is_file() && Some(about.len()) == report.source.size).then(|| about.modified().ok()).flatten()
}

/// Sends it, by curl. `to`: a DSN of Sentry, or the address of a collector.
pub fn send(format: Format, to: &str, bytes: &[u8]) -> Result<(), CliError> {
    let (url, kind) = match format {
        Format::Sentry => {
            let wrong = || CliError::new(exit::USAGE, "--send-to: not a DSN: https://KEY@HOST/PROJECT is expected");
            (envelope_url(to).ok_or_else(wrong)?, "application/x-sentry-envelope")
        }
        _ => (to.to_owned(), "application/json"),
    };
    let mut curl = Command::new("curl");
    // Nothing of the user's own settings, no other scheme, no redirection to another server.
    curl.args(["--disable", "--silent", "--show-error", "--fail", "--max-time", TIMEOUT, "--proto", "=http,https"]);
    curl.args([
        "--header",
        &format!("Content-Type: {kind}"),
        "--data-binary",
        "@-",
        "--output",
        "/dev/null",
        "--",
        &url,
    ]);
    let failed = |why: String| {
        CliError::new(exit::NOT_KEPT, format!("the report could not be sent: {why}"))
            .help("without --send-to it is written to standard output or --output FILE")
    };
    let spawned = curl.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|e| failed(format!("cannot run curl: {e}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // What curl says of a server that does not listen tells more than a broken pipe.
        let _ = stdin.write_all(bytes);
    }
    let output = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(failed(said.trim().trim_start_matches("curl: ").replace('\n', "; ")))
        }
    }
}

/// `https://KEY@HOST/path/PROJECT` to `https://HOST/path/api/PROJECT/envelope/`; the key is in the envelope.
fn envelope_url(dsn: &str) -> Option<String> {
    let (scheme, rest) = dsn.split_once("://")?;
    let (key, place) = rest.split_once('@')?;
    let (place, project) = place.trim_end_matches('/').rsplit_once('/')?;
    let (host, path) = place.split_once('/').map_or((place, String::new()), |(host, path)| (host, format!("/{path}")));
    let known = matches!(scheme, "http" | "https") && !key.is_empty() && !host.is_empty();
    let number = !project.is_empty() && project.bytes().all(|b| b.is_ascii_alphanumeric());
    (known && number).then(|| format!("{scheme}://{host}{path}/api/{project}/envelope/"))
}

#[cfg(test)]
mod tests {
    use super::envelope_url;

    #[test]
    fn dsns() {
        let url = |dsn| envelope_url(dsn);
        assert_eq!(url("https://k@o1.example.com/42").as_deref(), Some("https://o1.example.com/api/42/envelope/"));
        assert_eq!(url("http://k:s@h:9000/sub/7/").as_deref(), Some("http://h:9000/sub/api/7/envelope/"));
        for wrong in ["", "https://h/1", "https://k@h", "ftp://k@h/1", "https://@h/1", "https://k@h/a b"] {
            assert_eq!(url(wrong), None, "{wrong}");
        }
    }
}
