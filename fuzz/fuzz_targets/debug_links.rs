#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pyinquest::fuzzing::debug_links(data));
