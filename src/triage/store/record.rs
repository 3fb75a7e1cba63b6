//! How a group meets what the store knows.

use super::session::Session;
use super::{Group, Sighting, Status, StoreError, known_as, memory};
use crate::triage::model::State;
use crate::triage::signature::Signature;
use std::collections::BTreeMap;

/// Records one group: finds its issue by exact signature, else by a coarse one that nothing contradicts.
pub(super) fn record(
    session: &mut Session<'_>,
    group: &mut Group,
    sightings: &[Sighting],
    labels: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let found = find(session, group)?;
    let issue = match found {
        Some(id) => id,
        None => session.insert(group)?,
    };
    for signature in &group.signatures {
        session.add_signature(issue, signature)?;
    }
    let mut fresh = 0_i64;
    let (mut first, mut last): (Option<&str>, Option<&str>) = (None, None);
    for sighting in sightings {
        if session.add_sighting(issue, sighting)? {
            fresh = fresh.saturating_add(1);
            if let Some(seen) = sighting.seen.as_deref() {
                first = Some(first.map_or(seen, |f| f.min(seen)));
                last = Some(last.map_or(seen, |l| l.max(seen)));
            }
        }
    }
    session.touch(issue, fresh, first, last)?;
    if fresh > 0 {
        for (key, value) in labels {
            session.add_label(issue, &format!("{key}={value}"), fresh)?;
        }
    }
    let stored = session.issue(issue)?;
    let state = match (found, stored.status) {
        (None, _) => State::New,
        (Some(_), Status::Ignored) => State::Ignored,
        // Looking again at dumps from before the fix is not a regression.
        (Some(_), Status::Fixed) if fresh > 0 => State::Regressed,
        (Some(_), _) => State::Known,
    };
    if state == State::Regressed {
        session.set_status(issue, Status::Open)?;
        let last = last.unwrap_or("an unknown time");
        session.add_note(issue, last, &format!("is back: a dump of {last}"))?;
    }
    let stored = session.issue(issue)?;
    group.state = Some(state);
    group.issue = Some(issue);
    group.first_seen = stored.first_seen;
    group.last_seen = stored.last_seen;
    group.notes = stored.notes;
    Ok(())
}

fn find(session: &mut Session<'_>, group: &Group) -> Result<Option<i64>, StoreError> {
    let mut best: Option<i64> = None;
    for signature in &group.signatures {
        if let Some(id) = session.by_exact(&memory::exact_key(signature))? {
            best = Some(best.map_or(id, |b| b.min(id)));
        }
    }
    if best.is_some() {
        return Ok(best);
    }
    let mut known: BTreeMap<i64, Vec<Signature>> = BTreeMap::new();
    for signature in &group.signatures {
        for (id, stored) in session.by_coarse(&signature.coarse)? {
            known.entry(id).or_default().push(stored);
        }
    }
    Ok(known.into_iter().find(|(_, stored)| known_as(stored, &group.signatures)).map(|(id, _)| id))
}
