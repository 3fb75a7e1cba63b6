//! `pyinquest triage explain`: how a signature came about.

use super::args::ExplainArgs;
use crate::base::escape_terminal;
use crate::cli::{CliError, exit, output, sandbox};
use crate::triage::read_dump;
use crate::triage::signature::{self, Explanation, Signature};

pub(super) fn run(args: &ExplainArgs) -> Result<u8, CliError> {
    let options = args.files.options();
    let rules = options.load_rules().map_err(|e| CliError::new(exit::USAGE, e.to_string()))?;
    let _ = sandbox::give_up(sandbox::of_files(&args.files.files));
    let report = read_dump::report(&args.dump, &options).map_err(|e| {
        let help = e.help().map(str::to_owned);
        CliError { message: e.to_string(), help, code: exit::INPUT }
    })?;
    let (signature, explanation) = signature::signature(&report, &rules);
    let text = match args.json {
        true => {
            let both = serde_json::json!({"signature": signature, "explanation": explanation});
            serde_json::to_string_pretty(&both)
                .map_err(|e| CliError::new(exit::INTERNAL, format!("cannot write JSON: {e}")))?
                + "\n"
        }
        false => text(&signature, &explanation),
    };
    output::write_stdout(text.as_bytes())?;
    Ok(exit::OK)
}

/// Every text of the dump is escaped where it is put in: one with a line end in it must not begin a line.
fn text(signature: &Signature, explanation: &Explanation) -> String {
    let safe = |text: &str| escape_terminal(text);
    let (title, class) = (safe(&signature.title), safe(&explanation.class));
    let mut out = format!("{title}\n\nClass\n  {class}\n\nFrames, innermost first\n");
    for (number, step) in explanation.frames.iter().enumerate() {
        let token = step.token.as_ref().map(|t| format!(" as {}", safe(t))).unwrap_or_default();
        out.push_str(&format!("  #{number} {}\n      {}{token}", safe(&step.frame), step.decision));
        if let Some(rule) = &step.rule {
            out.push_str(&format!(" ({})", safe(rule)));
        }
        out.push('\n');
    }
    out.push_str("\nKeys\n");
    for note in &explanation.notes {
        out.push_str(&format!("  {}\n", safe(note)));
    }
    out.push_str(&format!("  coarse {}: {}\n", signature.coarse, safe(&signature.coarse_text)));
    out.push_str(&format!("  exact  {}: {}\n", signature.exact, safe(&signature.exact_text)));
    out.push_str("\nBeside the keys\n");
    let site = &signature.site;
    out.push_str(&format!("  native module: {}\n", safe(site.module.as_deref().unwrap_or("not known"))));
    if !site.functions.is_empty() {
        out.push_str(&format!("  native functions: {}\n", safe(&site.functions.join(" <- "))));
    }
    if let Some(method) = &site.method {
        out.push_str(&format!("  called from Python as: {}\n", safe(method)));
    }
    if let Some(place) = &site.place {
        out.push_str(&format!("  build-id and offset: {}\n", safe(place)));
    }
    if let Some(owner) = &signature.owner {
        out.push_str(&format!("  suspected owner: {}\n", safe(owner)));
    }
    out
}
