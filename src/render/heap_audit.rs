//! The reference audit, for people.

use super::heap::{head, one};
use crate::base::escape_terminal;
use crate::base::thousands as count;
use crate::model::audit::{AuditExample, AuditGroup, AuditModule, AuditVerdict, BlameReason, HeapAudit};
use std::fmt::Write as _;

/// Modules that are named which are suspects for nothing but being loaded.
const LOADED: usize = 3;

/// Groups, each with examples and the modules that may have done it.
#[must_use]
pub fn text(answer: &HeapAudit) -> String {
    let mut out = head(&answer.coverage, &answer.diagnostics);
    let _ = writeln!(
        out,
        "{} objects compared; not compared: {} immortal, {} interned, {} of deferred counting",
        count(answer.judged),
        count(answer.immortal),
        count(answer.interned),
        count(answer.deferred)
    );
    if answer.judged > 0 && !answer.leaks_judged {
        let missing = answer.coverage.left_out > 0 || answer.coverage.cut > 0;
        let why = match missing {
            true => "memory is missing from the dump, and may hold references",
            false => {
                "not all memory could be searched for references as it was at one moment (a running process: --max-stop \
                 lets it stand still for longer; a debugger's)"
            }
        };
        let _ = writeln!(out, "leaks are not judged: {why}");
    }
    if answer.leaks_not_shown > 0 {
        let _ = writeln!(out, "{} references that are nowhere are too few to tell", count(answer.leaks_not_shown));
    }
    if answer.groups.is_empty() && answer.judged > 0 {
        out += "\nall counts agree with the references\n";
    }
    for group in &answer.groups {
        out.push('\n');
        one_group(&mut out, group);
    }
    out
}

fn one_group(out: &mut String, group: &AuditGroup) {
    let name = group.type_name.as_deref().unwrap_or("unknown type");
    let (name, objects, references) = (escape_terminal(name), count(group.objects), count(group.references));
    let _ = match group.verdict {
        AuditVerdict::FreedWhileReferenced => {
            writeln!(
                out,
                "freed while referenced: {objects} x {name} (likely), {references} references still lead there"
            )
        }
        AuditVerdict::OverReleased => {
            writeln!(out, "over-released: {objects} x {name}, {references} references too many for their counts")
        }
        AuditVerdict::Leaked => {
            writeln!(out, "leaked: {objects} x {name}, {references} counts without a reference in all memory")
        }
    };
    let only_loaded = |module: &&AuditModule| module.reasons == [BlameReason::Loaded];
    let loaded: Vec<String> = group.modules.iter().filter(only_loaded).map(|m| escape_terminal(&m.module)).collect();
    for module in group.modules.iter().filter(|module| loaded.len() <= LOADED || !only_loaded(module)) {
        let reasons: Vec<&str> = module.reasons.iter().map(|reason| reason.phrase()).collect();
        let _ = writeln!(out, "    suspect {}: {}", escape_terminal(&module.module), reasons.join("; "));
    }
    if loaded.len() > LOADED {
        let first = loaded.iter().take(LOADED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let rest = loaded.len().saturating_sub(LOADED);
        let _ = writeln!(
            out,
            "    suspect without a proof: extension modules that are not of Python itself, {first} and {rest} more"
        );
    }
    for example in &group.examples {
        one_example(out, example);
    }
}

fn one_example(out: &mut String, example: &AuditExample) {
    let what = example.object.as_ref().map_or_else(|| example.addr.to_string(), one);
    let counts = match example.count {
        // An owning reference is a word: memory was not searched.
        Some(n) if example.words == 0 && example.owned > 0 => format!("count {n}, {} owning references", example.owned),
        Some(n) => format!("count {n}, {} owning references, {} words in all memory", example.owned, example.words),
        None => format!("{} owning references", example.owned),
    };
    let _ = writeln!(out, "    {what}\n        {counts}");
    for holder in &example.holders {
        let _ = writeln!(out, "        held by {} at {}", one(&holder.object), escape_terminal(&holder.edge));
    }
}
