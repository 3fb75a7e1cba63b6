//! `pyinquest._pyinquest`: the engine for Python. What can be said in Python is said there (`pyinquest/__init__.py`).

use pyinquest::base::Addr;
use pyinquest::cpython::frame::locals;
use pyinquest::cpython::object::{self, Heap, Key, ReprLimits, Step, Value as Found};
use pyinquest::engine::heap_answers::{self, CensusOrder};
use pyinquest::engine::{Inspection, LookupError, Options, Place, SystemThread, TaskOptions, hold};
use pyinquest::image::SearchOptions;
use pyinquest::model::Fidelity;
use pyinquest::render::{self, redact};
use pyinquest::triage::read_dump::{self, MapOptions};
use pyo3::exceptions::{PyIndexError, PyKeyError, PyTypeError};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

pyo3::create_exception!(
    pyinquest,
    Error,
    pyo3::exceptions::PyException,
    "What went wrong, with the program's exit code."
);
pyo3::create_exception!(pyinquest, UsageError, Error, "There is no such thing: thread, frame, variable, format.");
pyo3::create_exception!(pyinquest, InputError, Error, "The input cannot be read or is not supported.");
pyo3::create_exception!(pyinquest, NoPythonError, Error, "No CPython was found in the process.");

/// Parts listed of one object.
const MAX_PARTS: u64 = 1_000_000;

/// A process that was opened. A running one stands still until `release` is dropped.
struct Opened {
    inspection: Inspection,
    release: Mutex<Option<Sender<()>>>,
}

fn failed(error: &LookupError) -> PyErr {
    match error {
        LookupError::NoPython => NoPythonError::new_err(error.to_string()),
        other => UsageError::new_err(other.to_string()),
    }
}

fn no_python() -> PyErr {
    NoPythonError::new_err("no CPython was found in the process")
}

/// System roots, directories with debug files, and what stands for prefixes of paths.
type Where = (Vec<PathBuf>, Vec<PathBuf>, Vec<(String, String)>);

/// Where files of the process are looked for (`FileOptions` in Python); `allowed`: this host's sources, debuginfod's servers, no files.
fn search(
    executable: Option<PathBuf>,
    (sysroots, debug_dirs, path_maps): Where,
    allowed: (bool, bool, bool),
) -> SearchOptions {
    let mut search = SearchOptions::default();
    search.executable = executable;
    search.sysroots = sysroots;
    search.debug_dirs = debug_dirs;
    search.path_maps = path_maps;
    (search.host_sources, search.debuginfod, search.no_files) = allowed;
    search
}

/// The row of a dump in triage as JSON: what `triage map` writes.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "the arguments of pyinquest.row, which names them")]
fn row(
    py: Python<'_>,
    path: PathBuf,
    name: Option<String>,
    rules: Option<PathBuf>,
    wanted: (bool, bool, bool),
    executable: Option<PathBuf>,
    r#where: Where,
    allowed: (bool, bool, bool),
) -> PyResult<String> {
    let search = search(executable, r#where, allowed);
    let (sources, locals, redact) = wanted;
    let options = MapOptions { search, sources, rules, locals, unredacted: !redact, no_sandbox: true };
    py.detach(|| {
        let rules = options.load_rules().map_err(|e| UsageError::new_err(e.to_string()))?;
        let mut label = read_dump::label(&path);
        label.dump = name.unwrap_or(label.dump);
        let row = read_dump::map(&path, label, &options, &rules);
        serde_json::to_string(&row).map_err(|e| Error::new_err(e.to_string()))
    })
}

/// See `pyinquest.Dump`.
#[pyclass(frozen, module = "pyinquest._pyinquest")]
struct Dump {
    opened: Arc<Opened>,
}

#[pymethods]
impl Dump {
    #[new]
    fn new(
        py: Python<'_>,
        path: Option<PathBuf>,
        pid: Option<i32>,
        executable: Option<PathBuf>,
        r#where: Where,
        allowed: (bool, bool, bool),
    ) -> PyResult<Self> {
        let search = search(executable, r#where, allowed);
        let opened = py.detach(|| match (path, pid) {
            (Some(path), _) => {
                let inspection = Inspection::open(&path, &search).map_err(|e| input_error(&e))?;
                Ok(Opened { inspection, release: Mutex::new(None) })
            }
            (None, Some(pid)) => held(pid, search),
            (None, None) => Err(UsageError::new_err("give a path or a pid")),
        })?;
        Ok(Dump { opened: Arc::new(opened) })
    }

    /// The report in a format.
    fn report(&self, py: Python<'_>, format: &str, locals: bool, native: bool, redact: bool) -> PyResult<String> {
        py.detach(|| {
            let mut options = Options::default();
            options.locals = locals;
            options.native = native;
            options.source_lines = true;
            options.machine = format == "json";
            options.without_findings = format == "faulthandler";
            let mut report = self.opened.inspection.report(&options);
            if redact {
                redact::redact(&mut report, redact::Privacy::NoText);
            }
            Ok(match format {
                "text" => render::text::render(&report, &render::text::TextOptions::default()),
                "json" => render::json::render(&report).map_err(|e| Error::new_err(e.to_string()))?,
                "markdown" => render::markdown::render(&report),
                "html" => render::html::render(&report),
                "faulthandler" => String::from_utf8_lossy(&render::faulthandler::render(&report).text).into_owned(),
                _ => {
                    return Err(UsageError::new_err(format!(
                        "no format {format:?}: text, json, markdown, html, faulthandler"
                    )));
                }
            })
        })
    }

    /// The value that a path leads to.
    fn evaluate(&self, py: Python<'_>, path: &str, thread: Option<u64>, frame: usize) -> PyResult<Value> {
        py.detach(|| {
            let place = Place { thread, frame };
            let inspection = &self.opened.inspection;
            let found = inspection.evaluate(path, place).map_err(|e| failed(&e))?;
            let own = found.heap.interpreter();
            let all = inspection.python().map(|state| state.interpreters()).unwrap_or_default();
            let interpreter = all.iter().position(|one| Some(one.addr) == own).unwrap_or(0);
            let value = found.value;
            Ok(Value { opened: Arc::clone(&self.opened), interpreter, value })
        })
    }

    /// Variables of the frame at an address.
    fn locals(
        &self,
        py: Python<'_>,
        tid: Option<u64>,
        tstate: Option<&str>,
        frame: &str,
    ) -> PyResult<Vec<(String, Option<Value>)>> {
        py.detach(|| {
            let state = self.opened.inspection.python().ok_or_else(no_python)?;
            let (tstate, addr) = (tstate.and_then(hex), hex(frame));
            let threads = state.system_threads();
            let is_it = |t: &&SystemThread<'_>| {
                (tid.is_some() && t.tid == tid) || t.states.iter().any(|one| Some(one.state.addr) == tstate)
            };
            let most = self.opened.inspection.target().limits.frames;
            let found = threads.iter().filter(is_it).find_map(|thread| {
                let stack = state.system_stack(thread, most);
                let (at, found) = stack.frames.into_iter().find(|(_, f)| Some(f.addr) == addr)?;
                Some((thread.states.get(at)?.interpreter, found))
            });
            let (interpreter, found) = found.ok_or_else(|| UsageError::new_err("the frame is not there"))?;
            let heap = state.heap(interpreter).ok_or_else(no_python)?;
            let (list, _) = locals(&heap, &found, usize::MAX).map_err(|e| UsageError::new_err(e.to_string()))?;
            let value = |value| Value { opened: Arc::clone(&self.opened), interpreter, value };
            Ok(list.into_iter().map(|v| (v.name.to_string(), Found::of_slot(&v.value).map(value))).collect())
        })
    }

    /// The census of the heap as JSON.
    fn heap(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| {
            let inspection = &self.opened.inspection;
            let diagnostics = &inspection.target().diagnostics;
            let filter = pyinquest::heap::Filter::default();
            let order = (CensusOrder::Bytes, usize::MAX);
            let census = inspection
                .heap(|state, missing| heap_answers::census(state, missing, &filter, None, order, diagnostics))
                .map_err(|e| NoPythonError::new_err(e.to_string()))?;
            serde_json::to_string(&census).map_err(|e| Error::new_err(e.to_string()))
        })
    }

    /// Suspended work as JSON: what `pyinquest tasks --json` prints.
    fn tasks(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| {
            let mut options = TaskOptions::default();
            options.options.source_lines = true;
            let tasks = self.opened.inspection.tasks(&options).ok_or_else(no_python)?;
            serde_json::to_string(&tasks).map_err(|e| Error::new_err(e.to_string()))
        })
    }

    /// Lets a running process go on.
    fn close(&self) {
        drop(self.opened.release.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Stops a process in a thread of its own: whoever stopped it has to let it go.
fn held(pid: i32, search: SearchOptions) -> PyResult<Opened> {
    let (found, opened) = channel();
    let (release, released) = channel::<()>();
    std::thread::spawn(move || match hold(pid, pyinquest::debuggee::live::LiveOptions::default(), &search) {
        Ok(held) => {
            let (inspection, hold) = held.into_parts();
            if found.send(Ok(inspection)).is_ok() {
                // Ends when the other side is dropped.
                let _ = released.recv();
            }
            drop(hold);
        }
        Err(error) => drop(found.send(Err(error))),
    });
    match opened.recv() {
        Ok(Ok(inspection)) => Ok(Opened { inspection, release: Mutex::new(Some(release)) }),
        Ok(Err(error)) => Err(input_error(&error)),
        Err(_) => Err(Error::new_err("the process could not be stopped")),
    }
}

fn input_error(error: &pyinquest::debuggee::TargetError) -> PyErr {
    match error.help() {
        Some(help) => InputError::new_err(format!("{error} ({help})")),
        None => InputError::new_err(error.to_string()),
    }
}

fn hex(text: &str) -> Option<Addr> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok().map(Addr)
}

/// See the stub.
#[pyclass(frozen, module = "pyinquest._pyinquest")]
struct Value {
    opened: Arc<Opened>,
    interpreter: usize,
    value: Found,
}

impl Value {
    fn with_heap<T: Send>(&self, py: Python<'_>, look: impl FnOnce(&Heap<'_>) -> PyResult<T> + Send) -> PyResult<T> {
        py.detach(|| {
            let state = self.opened.inspection.python().ok_or_else(no_python)?;
            look(&state.heap(self.interpreter).ok_or_else(no_python)?)
        })
    }

    fn other(&self, value: Found) -> Value {
        Value { opened: Arc::clone(&self.opened), interpreter: self.interpreter, value }
    }

    fn shown(&self, py: Python<'_>) -> PyResult<object::Repr> {
        self.with_heap(py, |heap| Ok(self.value.show(heap, &ReprLimits::default())))
    }

    /// What a step of a path leads to.
    fn step(&self, py: Python<'_>, steps: Vec<Step>) -> PyResult<Value> {
        let path = object::Path { root: object::Root::Name(String::new()), steps, length: false };
        self.with_heap(py, |heap| {
            let found = path.evaluate_from(heap, self.value.clone());
            found.map(|value| self.other(value)).map_err(|e| UsageError::new_err(e.to_string()))
        })
    }

    fn parts(&self, py: Python<'_>) -> PyResult<Option<Vec<object::Item>>> {
        self.with_heap(py, |heap| {
            let Some(addr) = self.value.object() else { return Ok(None) };
            let decode = |e: pyinquest::cpython::DecodeError| UsageError::new_err(e.to_string());
            let info = heap.type_of(addr).map_err(decode)?;
            let Some(items) = object::items(heap, addr, &info, MAX_PARTS).map_err(decode)? else { return Ok(None) };
            let taken = items.take(usize::try_from(MAX_PARTS).unwrap_or(usize::MAX));
            taken.collect::<Result<_, _>>().map(Some).map_err(decode)
        })
    }
}

#[pymethods]
impl Value {
    /// What `repr()` would print, or a truthful structural form.
    #[getter]
    fn repr(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.shown(py)?.text)
    }

    /// Name of its type, with the module where that is not builtins.
    #[getter]
    fn r#type(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let Some(addr) = self.value.object() else { return Ok(self.shown(py)?.type_name) };
        self.with_heap(py, |heap| Ok(heap.type_of(addr).ok().map(|info| heap.full_name(&info))))
    }

    /// Its address; None for what Python would make when asked.
    #[getter]
    fn addr(&self) -> Option<u64> {
        self.value.object().map(|addr| addr.0)
    }

    /// Its reference count; None for immortal objects and where it is not readable.
    #[getter]
    fn refcount(&self, py: Python<'_>) -> PyResult<Option<i64>> {
        let Some(addr) = self.value.object() else { return Ok(None) };
        self.with_heap(py, |heap| Ok(object::refcount(&heap.ctx, addr).ok().and_then(|count| count.count)))
    }

    /// How far `repr` is what Python would have printed: `exact`, `structural`, `cut`, `damaged`.
    #[getter]
    fn fidelity(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.shown(py)?.fidelity.to_string())
    }

    /// Attributes that it stores, by name.
    #[getter]
    fn attrs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyDict>> {
        let out = pyo3::types::PyDict::new(py);
        let Some(addr) = self.value.object() else { return Ok(out) };
        let found = self.with_heap(py, |heap| {
            let info = heap.type_of(addr).map_err(|e| UsageError::new_err(e.to_string()))?;
            let named = object::named_values(heap, addr, &info, MAX_PARTS);
            Ok(named.values.into_iter().map(|value| (value.name, value.addr)).collect::<Vec<_>>())
        })?;
        for (name, addr) in found {
            out.set_item(name, self.other(Found::Object(addr)))?;
        }
        Ok(out)
    }

    /// The value at a path from here: `.name[1]['key']`.
    fn get(&self, py: Python<'_>, path: &str) -> PyResult<Value> {
        let steps = object::Path::parse(&format!("value{path}")).map_err(|e| UsageError::new_err(e.to_string()))?.steps;
        self.step(py, steps)
    }

    /// Keys and values of a mapping.
    fn items(&self, py: Python<'_>) -> PyResult<Vec<(Value, Value)>> {
        let parts = self.parts(py)?.unwrap_or_default();
        let pairs: Option<Vec<_>> = parts
            .into_iter()
            .map(|item| Some((self.other(Found::Object(item.key?)), self.other(item.value))))
            .collect();
        pairs.ok_or_else(|| PyTypeError::new_err("it is not a mapping"))
    }

    /// The same as an object of this Python, for None, bool, int, float, str, bytes and containers of them that are shown
    /// exactly and whole.
    fn python(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let limits = ReprLimits { items: 100_000, characters: 10_000_000, reads: 10_000_000, ..ReprLimits::default() };
        let shown = self.with_heap(py, |heap| Ok(self.value.show(heap, &limits)))?;
        if shown.fidelity != Fidelity::Exact {
            return Err(PyTypeError::new_err(format!("it is not shown exactly: {}", shown.text)));
        }
        let parsed = py.import("ast")?.call_method1("literal_eval", (&shown.text,));
        parsed.map(Bound::unbind).map_err(|_| PyTypeError::new_err(format!("not a plain value: {}", shown.text)))
    }

    fn __getitem__(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Value> {
        let (step, is_index) = match (key.extract::<i64>(), key.extract::<String>()) {
            (Ok(index), _) => (Step::Item(Key::Int(index)), true),
            (_, Ok(text)) => (Step::Item(Key::Text(pyinquest::base::Text::from(text.as_str()))), false),
            _ => return Err(PyTypeError::new_err("an index or a text is expected")),
        };
        self.step(py, vec![step]).map_err(|error| match is_index {
            true => PyIndexError::new_err(error.to_string()),
            false => PyKeyError::new_err(error.to_string()),
        })
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let counted = self.with_heap(py, |heap| {
            let Some(addr) = self.value.object() else { return Ok(None) };
            let info = heap.type_of(addr).map_err(|e| UsageError::new_err(e.to_string()))?;
            object::length(heap, addr, &info).map_err(|e| UsageError::new_err(e.to_string()))
        })?;
        let length = counted.ok_or_else(|| PyTypeError::new_err("it has no length"))?;
        usize::try_from(length).map_err(|_| PyTypeError::new_err("its length is absurd"))
    }

    /// Items, of mappings keys.
    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let parts =
            self.parts(py)?.ok_or_else(|| PyTypeError::new_err("it cannot be iterated without running code"))?;
        let one = |item: object::Item| self.other(item.key.map_or(item.value, Found::Object));
        let list = pyo3::types::PyList::new(py, parts.into_iter().map(one))?;
        Ok(list.try_iter()?.into_any().unbind())
    }

    fn __bool__(&self) -> bool {
        // A proxy is never empty; `len()` says how many there are.
        true
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<{}: {}>", self.r#type(py)?.unwrap_or_else(|| "?".to_owned()), self.repr(py)?))
    }
}

/// The module.
#[pymodule(gil_used = false)]
fn _pyinquest(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("Error", py.get_type::<Error>())?;
    module.add("UsageError", py.get_type::<UsageError>())?;
    module.add("InputError", py.get_type::<InputError>())?;
    module.add("NoPythonError", py.get_type::<NoPythonError>())?;
    module.add_function(wrap_pyfunction!(row, module)?)?;
    module.add_class::<Dump>()?;
    module.add_class::<Value>()
}
