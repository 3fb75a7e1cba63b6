"""Explains dead and stuck CPython processes from outside.

    dump = pyinquest.open("core.1234")      # or a minidump, or pid=1234
    dump.findings[0].title                  # what it died of
    dump.threads[0].frames[0].locals["x"]   # a Value: .repr, .type, .addr, .refcount, .fidelity, .attrs, items
    dump.evaluate("self.queue[0]")
    dump.heap.types                         # every object by type
    dump.report("html")
    pyinquest.row("core.1234")              # what triage compares, as a dict: for tasks of Dask or Spark

No code of the process is run: a value is what its memory holds. The interpreter lock is released while a dump is read.
"""

from __future__ import annotations

import importlib
import json
import os
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, TypedDict, Union

from ._pyinquest import Error, InputError, NoPythonError, UsageError, Value, __version__
from ._pyinquest import Dump as _Dump
from ._pyinquest import row as _row

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "Dump", "Error", "FileOptions", "Frame", "Heap", "InputError", "NoPythonError", "Record", "Tasks", "Thread", "UsageError",
    "Value", "__version__", "open", "row",
]

# Exit codes of the program for the same (its `--help` lists them).
Error.code = 1
UsageError.code = 2
InputError.code = 3
NoPythonError.code = 4


class FileOptions(TypedDict, total=False):
    """Where files of the process are looked for; what `open` and `row` take beside their own arguments."""

    executable: Optional[str]
    """The main executable, where it is not where the process saw it."""
    sysroot: Sequence[str]
    """Directories that stand for / of the process."""
    debug_dir: Sequence[str]
    """Directories with debug files."""
    path_map: Optional[Mapping[str, str]]
    """Prefixes of paths, and what stands for them here."""
    host_sources: bool
    """Whether this host's source files are those of the process."""
    debuginfod: bool
    """Whether the servers of DEBUGINFOD_URLS are asked."""
    no_files: bool
    """Whether no file but the dump is looked at."""


# As the extension takes them: executable; system roots, directories, paths; what is allowed.
_Files = Tuple[Optional[str], Tuple[List[str], List[str], List[Tuple[str, str]]], Tuple[bool, bool, bool]]


def _files(of: str, options: FileOptions) -> _Files:
    for name in options:
        if name not in FileOptions.__annotations__:
            raise TypeError("%s() got an unexpected keyword argument %r" % (of, name))
    where = (list(options.get("sysroot", ())), list(options.get("debug_dir", ())), list((options.get("path_map") or {}).items()))
    allowed = (options.get("host_sources", False), options.get("debuginfod", False), options.get("no_files", False))
    return options.get("executable"), where, allowed


class Record:
    """A part of a report: its fields as attributes, absent ones as None. `as_dict()` is the JSON of it."""

    def __init__(self, fields: Dict[str, Any]) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _wrapped(self._fields.get(name))

    def __dir__(self) -> List[str]:
        return sorted(set(super().__dir__()) | set(self._fields))

    def __repr__(self) -> str:
        shown = ("%s=%r" % (key, value) for key, value in self._fields.items() if not isinstance(value, (dict, list)))
        return "%s(%s)" % (type(self).__name__, ", ".join(shown))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(json.dumps(self._fields, sort_keys=True))

    def as_dict(self) -> Dict[str, Any]:
        return self._fields


def _wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return Record(value)
    if isinstance(value, list):
        return [_wrapped(item) for item in value]
    return value


class Frame(Record):
    """A frame: `.kind` ("python" or "native"), `.function`, `.file`, `.line`, `.source`, ..., and its `.locals`."""

    def __init__(self, fields: Dict[str, Any], dump: _Dump, thread: Dict[str, Any]) -> None:
        super().__init__(fields)
        self._dump = dump
        self._thread = thread

    @property
    def locals(self) -> Dict[str, Value]:
        """Variables by name. Unbound ones are left out, and so are those that are not readable."""
        if self._fields["kind"] != "python" or "addr" not in self._fields:
            return {}
        tstate = (self._thread.get("python") or {}).get("tstate")
        found = self._dump.locals(self._thread.get("tid"), tstate, self._fields["addr"])
        return {name: value for name, value in found if value is not None}


class Thread(Record):
    """A thread: `.tid`, `.name`, `.crashed`, `.python` (state, exceptions), `.waits_for`, and its `.frames`."""

    def __init__(self, fields: Dict[str, Any], dump: _Dump) -> None:
        super().__init__(fields)
        self._dump = dump

    @property
    def frames(self) -> List[Frame]:
        """Frames, innermost first: Python and native ones, without the interpreter's own."""
        shown = [f for at, f in enumerate(self._fields["frames"]) if at == 0 or not (f.get("native") or {}).get("plumbing")]
        return [Frame(frame, self._dump, self._fields) for frame in shown]


class _Table:
    """What has rows that other libraries take."""

    @property
    def _rows(self) -> List[Dict[str, Any]]:
        raise NotImplementedError

    def to_arrow(self) -> Any:
        """As a `pyarrow.Table`, a row for each type of a heap, or for each task."""
        pyarrow: Any = importlib.import_module("pyarrow")
        return pyarrow.Table.from_pylist(self._rows)

    def to_pandas(self) -> Any:
        """As a `pandas.DataFrame`, a row for each type of a heap, or for each task."""
        pandas: Any = importlib.import_module("pandas")
        return pandas.DataFrame(self._rows)


class Heap(_Table):
    """Every object by type: `.types` (Records with type, objects, bytes, ...), `.objects`, `.bytes`, `.coverage`."""

    def __init__(self, census: Dict[str, Any]) -> None:
        self._census = census

    @property
    def types(self) -> List[Record]:
        return [Record(row) for row in self._census["types"]]

    @property
    def objects(self) -> int:
        return int(self._census["objects"])

    @property
    def bytes(self) -> int:
        return int(self._census["bytes"])

    @property
    def coverage(self) -> Record:
        """How complete it is."""
        return Record(self._census["coverage"])

    @property
    def _rows(self) -> List[Dict[str, Any]]:
        """A row for each type."""
        rows: List[Dict[str, Any]] = self._census["types"]
        return rows


class Tasks(_Table, Record):
    """Suspended work: `.tasks` (name, state, waits_for, ...), `.loops`, `.stacks` with frames, `.greenlets`, `.pools`, `.findings`."""

    @property
    def _rows(self) -> List[Dict[str, Any]]:
        """A row for each task."""
        rows: List[Dict[str, Any]] = self._fields["tasks"]
        return rows


class Dump:
    """A dead process, or one that stands still as long as this is open: see `open`."""

    def __init__(self, dump: _Dump) -> None:
        self._dump = dump
        self._parsed: Optional[Dict[str, Any]] = None

    @property
    def _report(self) -> Dict[str, Any]:
        if self._parsed is None:
            self._parsed = json.loads(self._dump.report("json", False, True, False))
        return self._parsed

    @property
    def crash(self) -> Optional[Record]:
        """What ended the process; None where it was only stopped."""
        crash = self._report.get("crash")
        return None if crash is None else Record(crash)

    @property
    def findings(self) -> List[Record]:
        """What the rules found, most likely cause first: `.id`, `.title`, `.confidence`, `.evidence`, `.advice`."""
        return [Record(finding) for finding in self._report["findings"]]

    @property
    def threads(self) -> List[Thread]:
        """All threads, the crashed one first."""
        return [Thread(thread, self._dump) for thread in self._report["threads"]]

    @property
    def python(self) -> Optional[Record]:
        """The CPython that was found: `.version`, `.free_threaded`, `.debug_build`, ..."""
        python = self._report.get("python")
        return None if python is None else Record(python)

    @property
    def process(self) -> Record:
        return Record(self._report["process"])

    @property
    def modules(self) -> List[Record]:
        return [Record(module) for module in self._report["modules"]]

    @property
    def diagnostics(self) -> List[Record]:
        """What is missing or uncertain, with a code and what to do."""
        return [Record(diagnostic) for diagnostic in self._report["diagnostics"]]

    @property
    def heap(self) -> Heap:
        """All objects by type. Each access reads the heap again."""
        return Heap(json.loads(self._dump.heap()))

    @property
    def tasks(self) -> Tasks:
        """Suspended work: tasks, greenlets, coroutines. Each access looks again."""
        return Tasks(json.loads(self._dump.tasks()))

    def evaluate(self, path: str, thread: Optional[int] = None, frame: int = 0) -> Value:
        """The value at a path (`name.attr[1]['key']`, `@0x7f00`, `len(x)`), looked up in a Python frame (0: innermost) of
        a thread (its system id; the crashed or main one when None)."""
        return self._dump.evaluate(path, thread, frame)

    def object(self, address: int) -> Value:
        """The object at an address."""
        return self._dump.evaluate("@%#x" % address, None, 0)

    def report(self, format: str = "text", locals: bool = False, native: bool = False, redact: bool = False) -> str:
        """The report as "text", "json", "markdown", "html" or "faulthandler"."""
        return self._dump.report(format, locals, native, redact)

    def close(self) -> None:
        """Lets a running process go on. A dump needs no closing."""
        self._dump.close()

    def __enter__(self) -> "Dump":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        python = self.python
        finding = self.findings[0].title if self.findings else (self.crash.summary if self.crash else "did not crash")
        return "<pyinquest.Dump of %s: %s>" % ("CPython " + python.version if python else "no Python", finding)

    def _repr_html_(self) -> str:
        """For notebooks: the report in a frame of its own, so that its style is not the notebook's."""
        import html
        page = html.escape(self.report("html"), quote=True)
        return '<iframe srcdoc="%s" style="width:100%%;height:40em;border:1px solid #ccc"></iframe>' % page


def open(
    path: Union[str, os.PathLike[str], None] = None, *, pid: Optional[int] = None, **files: Unpack[FileOptions]
) -> Dump:
    """Opens a core or minidump, compressed or not, or stops a running process (`pid`) until it is closed.

    Further arguments: `FileOptions` (executable, sysroot, debug_dir, path_map, host_sources, debuginfod, no_files).
    Raises `InputError` where it cannot be read.
    """

    if (path is None) == (pid is None):
        raise UsageError("give a path or a pid")
    return Dump(_Dump(None if path is None else os.fspath(path), pid, *_files("open", files)))


def row(
    path: Union[str, os.PathLike[str]],
    *,
    name: Optional[str] = None,
    rules: Optional[str] = None,
    with_sources: bool = False,
    with_locals: bool = False,
    redact: bool = True,
    **files: Unpack[FileOptions],
) -> Dict[str, Any]:
    """The row of a dump in triage, as a dict of JSON's types: what `pyinquest triage map` writes as a line.

    `name`: what the dump is called in results, instead of its path; `rules`: a file of rules that are asked first; the others
    are as in `open` (`FileOptions`) and of `triage map`. A dump that cannot be read is a row that says so (`outcome`, `error`), no
    exception. It is read in this process, without the limits of time and memory that `triage map` sets.
    """

    wanted = (with_sources, with_locals, redact)
    parsed: Dict[str, Any] = json.loads(_row(os.fspath(path), name, rules, wanted, *_files("row", files)))
    return parsed
