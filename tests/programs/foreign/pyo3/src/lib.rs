//! A PyO3 module, with one way to die per function.

use pyo3::prelude::*;

#[pyclass]
struct Meter {
    readings: *const i64,
}

// SAFETY: none is needed, the pointer leads nowhere.
unsafe impl Send for Meter {}
unsafe impl Sync for Meter {}

impl Meter {
    #[inline(never)]
    fn latest(&self) -> i64 {
        // SAFETY: none, that is the point.
        unsafe { self.readings.read_volatile() + 1 }
    }
}

#[pymethods]
impl Meter {
    #[new]
    fn new() -> Self {
        Meter { readings: std::ptr::null() }
    }

    fn read(&self) -> i64 {
        self.latest()
    }
}

/// PyO3 makes a Python exception of a panic; one inside of a callback that C called cannot get that far.
extern "C" fn callback() {
    let pressure: Result<u32, String> = Err("gauge 4 is stuck".to_owned());
    pressure.unwrap();
}

#[pyfunction]
fn ring() {
    let bell: extern "C" fn() = std::hint::black_box(callback);
    bell();
}

#[pymodule]
fn rsvalve(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Meter>()?;
    module.add_function(wrap_pyfunction!(ring, module)?)
}
