//! A value by its path: `cargo run --example value -- fixtures/cores/3.12-basic.core.zst "items[1]"`

use pyinquest::base::escape_terminal;
use pyinquest::engine::{Inspection, Options, Place};
use pyinquest::image::SearchOptions;
use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let core = PathBuf::from(arguments.next().ok_or("name a core or minidump")?);
    let path = arguments.next().ok_or("name a variable: name.attr[0]['key'], or @0x7f00")?;
    let inspection = Inspection::open(&core, &SearchOptions::default())?;
    // Names are looked up in the innermost frame of the thread that crashed; no code of the process is run.
    let found = inspection.evaluate(&path.to_string_lossy(), Place::default())?;
    let value = found.value(&Options::default());
    println!("{}", escape_terminal(&value.repr));
    // `Exact` is what Python's repr() would have printed; anything less says so.
    println!("{} at {}, {:?}", value.type_name.as_deref().unwrap_or("(unknown type)"), value.addr, value.fidelity);
    Ok(())
}
