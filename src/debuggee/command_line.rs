//! [`whole`]: the command line of a process as its memory has it, where a core's note holds the first 79 bytes of it.
//!
//! The kernel puts the words of the command line side by side at the top of the main stack, those of the environment behind
//! them, and below these a table: the number of words, their addresses, NULL, those of the environment, NULL, the auxiliary
//! vector (Linux `fs/binfmt_elf.c`, `create_elf_tables`; qemu's user mode does the same).

use super::{Memory, MemoryExt as _};
use crate::base::{Abi, Addr};
use crate::os::linux::auxv::{AT_EXECFN, AT_RANDOM, Auxv};
use crate::os::linux::notes::PRPSINFO_ARGUMENTS_SIZE;

/// Between the auxiliary vector and what `AT_RANDOM` points to lie some short strings, and the vector itself.
const WINDOW: u64 = 8192;
/// Words of command line and environment.
const MOST_WORDS: u64 = 1 << 16;
/// Bytes of a command line. The kernel allows more; who reads it does not want more.
const MOST_BYTES: u64 = 1 << 16;

/// What a note can hold of a command line: one byte ends it.
#[must_use]
pub fn fills_note(told: &str) -> bool {
    told.len() >= PRPSINFO_ARGUMENTS_SIZE.saturating_sub(1)
}

/// The command line that begins with `told`, as the kernel shows it in `/proc/PID/cmdline`, with spaces for the zeros between
/// words. `None` where the memory is not there, or says something else than the note.
#[must_use]
pub fn whole(told: &str, vector: &Auxv, memory: &impl Memory, abi: &Abi) -> Option<String> {
    let (start, end) = strings(vector, memory, abi)?;
    let size = end.distance_from(start).filter(|size| *size > 0)?;
    let mut bytes = memory.read_vec(start, size.min(MOST_BYTES)).ok()?;
    let beginning = bytes.get(..told.len().min(bytes.len()))?;
    if shown(beginning) != told {
        return None;
    }
    // A program that shows a title instead (setproctitle) may write on, over the environment: until the next zero
    // (Linux `fs/proc/base.c`, `get_mm_proctitle`).
    if bytes.last() != Some(&0) && size <= MOST_BYTES {
        bytes = memory.read_cstr(start, usize::try_from(MOST_BYTES).ok()?).ok()?;
    }
    Some(shown(&bytes).trim_end().to_owned())
}

fn shown(bytes: &[u8]) -> String {
    let words: Vec<u8> = bytes.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect();
    String::from_utf8_lossy(&words).into_owned()
}

/// Where the words of the command line lie.
fn strings(vector: &Auxv, memory: &impl Memory, abi: &Abi) -> Option<(Addr, Addr)> {
    let word = u64::from(abi.pointer_size());
    let window = vector.address(AT_RANDOM)?.checked_sub(WINDOW)?;
    let bytes = memory.read_vec(window, WINDOW).ok()?;
    let at = memchr::memmem::rfind(&bytes, &vector.encode(abi))?;
    let table_end = window.checked_add(at as u64)?;
    let mut below = (1..=MOST_WORDS).map_while(|n| {
        let at = table_end.checked_sub(n.checked_mul(word)?)?;
        memory.read_ptr(abi, at).ok()
    });
    below.next().filter(|at| at.is_null())?;
    // From the last to the first.
    let first_of_environment = below.by_ref().take_while(|at| !at.is_null()).last();
    let (mut count, mut first) = (0u64, None);
    for at in below {
        if at.0 == count {
            let end = first_of_environment.or_else(|| vector.address(AT_EXECFN))?;
            return Some((first?, end)).filter(|(start, end)| start < end);
        }
        first = Some(at);
        count = count.saturating_add(1);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debuggee::synth_memory::SynthMemory;

    const STRINGS: u64 = 0x7_e000;
    const TABLE: u64 = 0x7_c000;

    /// A stack with these words and variables of the environment, and the vector that tells of it.
    fn stack(words: &[&str], environment: &[&str]) -> (SynthMemory, Auxv) {
        let vector = Auxv::from_pairs([(6, 4096), (AT_RANDOM, TABLE + 0x800), (9, 0x1234)]);
        let mut at = STRINGS;
        let mut text = Vec::new();
        let mut addresses = |list: &[&str]| -> Vec<u64> {
            let one = |s: &&str| {
                let here = at;
                text.extend(s.bytes().chain([0]));
                at = STRINGS + text.len() as u64;
                here
            };
            list.iter().map(one).collect()
        };
        let (arguments, variables) = (addresses(words), addresses(environment));
        text.extend(b"/execfn\0");
        text.resize(text.len().next_multiple_of(64), 0);
        let table: Vec<u64> =
            [words.len() as u64].into_iter().chain(arguments).chain([0]).chain(variables).chain([0]).collect();
        let abi = Abi::LINUX_X86_64;
        let encoded = vector.encode(&abi);
        let start = TABLE - table.len() as u64 * 8;
        let memory = SynthMemory::new()
            .with(TABLE - 0x2000, &vec![0xee; 0x2000 - table.len() * 8])
            .words(start, &table)
            .with(TABLE, &encoded)
            .with(TABLE + encoded.len() as u64, &vec![0xdd; 0x1000])
            .with(STRINGS, &text);
        (memory, vector)
    }

    #[test]
    fn the_words_are_those_that_the_stack_has() {
        let long = "x".repeat(100);
        let (memory, vector) = stack(&["python", "-c", &long, ""], &["HOME=/root"]);
        let abi = Abi::LINUX_X86_64;
        let told = format!("python -c {}", "x".repeat(69));
        let all = whole(&told, &vector, &memory, &abi);
        assert_eq!(all, Some(format!("python -c {long}")));
        assert_eq!(whole("another -c", &vector, &memory, &abi), None);
        assert!(fills_note(&told) && !fills_note("python -c"));
        let (alone, vector) = stack(&["a"], &[]);
        assert_eq!(
            whole("a ", &vector, &alone, &abi),
            None,
            "without an environment AT_EXECFN is the end, and is missing"
        );
    }

    /// `setproctitle` writes over the environment too, where the title is long.
    #[test]
    fn a_title_goes_on_to_its_end() {
        let (memory, vector) = stack(&["python", "prog"], &["A=1", "LONG=variable"]);
        let title = b"gunicorn: master [app]\0";
        let memory = memory.with(STRINGS, title);
        let abi = Abi::LINUX_X86_64;
        assert_eq!(whole("gunicorn: ma", &vector, &memory, &abi).as_deref(), Some("gunicorn: master [app]"));
    }

    /// Whatever a damaged dump says: no answer, and an end.
    #[test]
    fn tables_that_are_none_give_nothing() {
        let (memory, vector) = stack(&["python"], &["A=1"]);
        let abi = Abi::LINUX_X86_64;
        let broken = memory.words(TABLE - 5 * 8, &[7]);
        assert_eq!(whole("python", &vector, &broken, &abi), None);
        assert_eq!(whole("python", &Auxv::default(), &broken, &abi), None);
    }
}
