#![no_main]

use pyinquest::fuzzing::PatchedDumps;
use std::sync::LazyLock;

/// Old and new, Windows, another processor, free-threaded. `make_seeds.py` and `tests/fuzz_seeds.rs` know the order.
static DUMPS: LazyLock<PatchedDumps> = LazyLock::new(|| {
    let packed: [&[u8]; 6] = [
        include_bytes!("../../fixtures/cores/3.12-basic.core.zst"),
        include_bytes!("../../fixtures/cores/3.13t-threads.core.zst"),
        include_bytes!("../../fixtures/cores/3.8-basic.core.zst"),
        include_bytes!("../../fixtures/cores/3.15-basic.core.zst"),
        include_bytes!("../../fixtures/minidumps/3.14-windows-threads.dmp.zst"),
        include_bytes!("../../fixtures/cores/3.13-aarch64-threads.core.zst"),
    ];
    PatchedDumps::new(packed.map(|p| zstd::decode_all(p).expect("a fixture is whole")).into())
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| DUMPS.run(data));
