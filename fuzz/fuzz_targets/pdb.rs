#![no_main]

// pdb2 panics on damaged files, which the library catches: only panics that leave the entry count. Without a hook they
// are silent; `tests/fuzz_seeds.rs` says what they were.
libfuzzer_sys::fuzz_target!(
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| pyinquest::fuzzing::pdb(data)
);
