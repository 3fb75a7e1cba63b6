//! Cores without the C stack of the crashed thread (cut short, or filtered): Python frames of 3.11 and later are linked
//! over structures on it, and are still found on the data stack.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;
mod harness;

use common::{Interpreter, crash, interpreters, skip};
use pyinquest::debuggee::elf_core;
use pyinquest::engine::{Inspection, Options};
use pyinquest::model::{Frame, FrameOwner, Report, Thread};
use std::path::Path;
use std::sync::Arc;

fn report(interpreter: &Interpreter, core: Vec<u8>) -> Report {
    let target = elf_core::from_source(Path::new("lost.core"), Arc::new(core)).expect("a core");
    let search = harness::files_of(interpreter);
    let inspection = Inspection::from_target(target, &search);
    inspection.report(&Options { locals: true, ..Options::default() })
}

fn stack_pointer(core: &[u8], tid: u64) -> u64 {
    let target = elf_core::from_source(Path::new("whole.core"), Arc::new(core.to_vec())).expect("a core");
    target.thread(tid).unwrap().registers.as_ref().unwrap().sp().unwrap().0
}

fn word(core: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(core[at..at + 8].try_into().unwrap())
}

/// Takes the content of the mapping that holds `address` out of the core: its program headers say that nothing of it
/// is stored. A mapping may have several, side by side.
fn drop_mapping(core: &mut [u8], address: u64) {
    let (table, count) = (word(core, 0x20) as usize, u16::from_le_bytes(core[0x38..0x3a].try_into().unwrap()));
    let mut loads: Vec<(u64, u64, usize)> = (0..usize::from(count))
        .map(|n| table + n * 56)
        .filter(|at| core[*at] == 1)
        .map(|at| (word(core, at + 16), word(core, at + 40), at))
        .collect();
    loads.sort_unstable();
    let middle = loads.iter().position(|(start, size, _)| (*start..start + size).contains(&address)).expect("mapped");
    let joined = |a: usize, b: usize| loads[a].0 + loads[a].1 == loads[b].0;
    let mut first = middle;
    while first > 0 && joined(first - 1, first) {
        first -= 1;
    }
    let mut last = middle;
    while last + 1 < loads.len() && joined(last, last + 1) {
        last += 1;
    }
    for (_, _, at) in &loads[first..=last] {
        core[at + 32..at + 40].fill(0);
    }
}

fn crashed(report: &Report) -> &Thread {
    report.threads.iter().find(|t| t.crashed).expect("a crashed thread")
}

/// What identifies a frame: its address, place and variables.
fn shown(frame: &Frame) -> String {
    let locals = frame.locals.iter().flatten().map(|l| format!("{}={:?}", l.name, l.value.as_ref().map(|v| &v.repr)));
    format!("{:?} {:?} {:?} {:?}", frame.addr, frame.function, frame.line, locals.collect::<Vec<_>>())
}

#[test]
fn python_frames_without_the_c_stack() {
    let linked_over_stack = |i: &&Interpreter| i.arch == "x86_64" && i.minor >= 11;
    let found: Vec<&Interpreter> = interpreters().iter().filter(linked_over_stack).collect();
    if found.is_empty() {
        skip!("no interpreter of 3.11 or later: run tests/interpreters/fetch.py");
    }
    for interpreter in found {
        let name = &interpreter.name;
        let dead = match crash(interpreter, "generators.py", &[], &[]) {
            Ok(dead) => dead,
            Err(reason) => skip!("{name}: {reason}"),
        };
        let core = std::fs::read(&dead.core).unwrap();
        let whole = report(interpreter, core.clone());
        let of_whole = crashed(&whole);
        let sp = stack_pointer(&core, of_whole.tid.unwrap());
        let mut lost = core;
        drop_mapping(&mut lost, sp);
        let lost = report(interpreter, lost);
        let of_lost = crashed(&lost);

        let python = |thread: &Thread| -> Vec<Frame> {
            let all = thread.frames.iter().filter(|f| f.owner.is_some());
            all.cloned().collect()
        };
        let (all, found) = (python(of_whole), python(of_lost));
        let shown_all: Vec<String> = all.iter().map(shown).collect();
        let places: Vec<Option<usize>> =
            found.iter().map(|f| shown_all.iter().position(|known| *known == shown(f))).collect();
        assert!(places.iter().all(Option::is_some), "{name}: a frame that the whole core does not have\n{found:#?}");
        assert!(places.is_sorted(), "{name}: the order of frames: {places:?}");
        for (index, frame) in all.iter().enumerate() {
            let there = places.contains(&Some(index));
            assert!(there || frame.owner == Some(FrameOwner::Generator), "{name}: frame {index} is lost: {frame:#?}");
        }
        for (place, frame) in places.iter().zip(&found) {
            let before = place.unwrap().checked_sub(1);
            let told = frame.problems.iter().any(|p| p.contains("data stack"));
            let passed_over = before.is_some_and(|before| !places.contains(&Some(before)));
            assert!(told || !passed_over, "{name}: frames above {:?} are missing without a word", frame.function);
        }
        assert!(all.len() == found.len() || of_lost.frames_end.is_some() || found[0].problems.len() == 1, "{name}");
    }
}
