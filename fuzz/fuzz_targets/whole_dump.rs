#![no_main]

use pyinquest::fuzzing::PatchedDump;
use std::sync::LazyLock;

static DUMP: LazyLock<PatchedDump> = LazyLock::new(|| {
    let packed = include_bytes!("../../fixtures/cores/3.12-basic.core.zst");
    PatchedDump::new(zstd::decode_all(&packed[..]).expect("a fixture is whole"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| DUMP.run(data));
