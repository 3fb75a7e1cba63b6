//! Where files may be written, and where that is known, read (Landlock, `landlock(7)`).

use super::{Needs, State};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetError, RulesetStatus, Scope,
};

/// The newest version whose rights we know; older kernels hold those that they know.
const KNOWN: ABI = ABI::V6;

pub(super) fn limit(needs: &Needs) -> State {
    match restrict(needs) {
        Ok(RulesetStatus::FullyEnforced) => State::Whole,
        Ok(RulesetStatus::PartiallyEnforced) => State::Partly,
        Ok(RulesetStatus::NotEnforced) | Err(_) => State::Missing,
    }
}

fn restrict(needs: &Needs) -> Result<RulesetStatus, RulesetError> {
    let write = AccessFs::from_write(KNOWN);
    let mut rules = Ruleset::default().handle_access(write)?;
    let (content_of, list) = (AccessFs::ReadFile, AccessFs::ReadFile | AccessFs::ReadDir);
    if needs.read.is_some() {
        rules = rules.handle_access(list)?;
    }
    if !needs.programs {
        rules = rules.handle_access(AccessFs::Execute)?;
    }
    if !needs.network {
        rules = rules.handle_access(AccessNet::from_all(KNOWN))?.scope(Scope::from_all(KNOWN))?;
    }
    let mut rules = rules.create()?;
    let content = AccessFs::WriteFile | AccessFs::Truncate;
    // What this process itself is may be read in any case (the C library and Rust's look there).
    let own = needs.read.is_some().then(|| std::path::PathBuf::from("/proc/self"));
    let places = needs.read.iter().flatten().chain(&own);
    for path in places.chain(needs.read.as_ref().and(needs.temporary.as_ref())).chain(&needs.write) {
        let (true, Ok(place)) = (needs.read.is_some(), PathFd::new(path)) else { continue };
        // Files are expanded where only those without a name are read.
        rules = rules.add_rule(PathBeneath::new(place, if path.is_dir() { list } else { content_of.into() }))?;
    }
    for path in &needs.write {
        let Ok(place) = PathFd::new(path) else { continue };
        // Of a file that is not a directory only its content can be written.
        rules = rules.add_rule(PathBeneath::new(place, if path.is_dir() { write } else { content }))?;
    }
    // Files without a name are written, but neither made nor removed there.
    if let Some(Ok(place)) = needs.temporary.as_ref().map(PathFd::new) {
        rules = rules.add_rule(PathBeneath::new(place, content))?;
    }
    Ok(rules.restrict_self()?.ruleset)
}
