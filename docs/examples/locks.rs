//! Which lock each thread waits for: `cargo run --example locks -- core`

use pyinquest::base::escape_terminal;
use pyinquest::engine::{Inspection, Options};
use pyinquest::image::SearchOptions;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let core = PathBuf::from(std::env::args_os().nth(1).ok_or("name a core or minidump")?);
    let inspection = Inspection::open(&core, &SearchOptions::default())?;
    let report = inspection.report(&Options::default());
    for thread in &report.threads {
        let name = thread.name.as_ref().map(ToString::to_string).unwrap_or_default();
        let tid = thread.tid.map_or_else(|| "?".to_owned(), |tid| tid.to_string());
        let waits = match &thread.waits_for {
            Some(wait) => match wait.owner {
                Some(owner) => format!("waits for {}, which thread {owner} has", wait.what),
                None => format!("waits for {}", wait.what),
            },
            None => "waits for no lock that is known".to_owned(),
        };
        println!("{tid} {}: {}", escape_terminal(&name), escape_terminal(&waits));
    }
    // A cycle of such waits, and what else explains why the process stands still, is among the findings.
    for finding in &report.findings {
        println!("{}: {}", finding.id, escape_terminal(&finding.title));
    }
    Ok(())
}
