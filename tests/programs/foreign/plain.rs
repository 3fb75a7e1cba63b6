//! A Rust library for ctypes, with one way to die per function.

struct Tank {
    levels: Vec<u32>,
}

impl Tank {
    #[inline(never)]
    fn level(&self, at: usize) -> u32 {
        self.levels[at]
    }
}

#[inline(never)]
fn drain(amount: i32) -> i32 {
    if amount > 0 {
        panic!("the tank holds less than {amount}");
    }
    amount
}

#[unsafe(no_mangle)]
pub extern "C" fn rust_panic_text() {
    drain(12);
}

#[unsafe(no_mangle)]
pub extern "C" fn rust_panic_fixed() {
    let nothing: Option<u32> = std::hint::black_box(None);
    nothing.expect("a valve was fitted");
}

#[unsafe(no_mangle)]
pub extern "C" fn rust_panic_static() {
    panic!("no valve was ever fitted");
}

#[unsafe(no_mangle)]
pub extern "C" fn rust_panic_any() {
    std::panic::panic_any(std::hint::black_box(7u8));
}

#[unsafe(no_mangle)]
pub extern "C" fn rust_bounds() -> u32 {
    Tank { levels: vec![1, 2, 3] }.level(std::hint::black_box(7))
}

#[unsafe(no_mangle)]
pub extern "C" fn rust_null() -> u32 {
    let at: *const Tank = std::hint::black_box(std::ptr::null());
    // SAFETY: none, that is the point.
    unsafe { (*at).level(0) }
}

/// More than the address space of a process.
#[unsafe(no_mangle)]
pub extern "C" fn rust_no_memory() -> usize {
    Vec::<u64>::with_capacity(std::hint::black_box(1 << 57)).capacity()
}
