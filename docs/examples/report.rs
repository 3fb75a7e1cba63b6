//! A report from a core, as text: `cargo run --example report -- fixtures/cores/3.12-basic.core.zst`

use pyinquest::engine::{Inspection, Options};
use pyinquest::image::SearchOptions;
use pyinquest::render::text;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let core = PathBuf::from(std::env::args_os().nth(1).ok_or("name a core or minidump")?);
    // Files of the process are looked for where it had them; this is where others are named.
    let search = SearchOptions::default();
    let inspection = Inspection::open(&core, &search)?;
    let report = inspection.report(&Options { locals: true, ..Options::default() });
    // All text of the dead process is escaped for a terminal.
    print!("{}", text::render(&report, &text::TextOptions::default()));
    Ok(())
}
