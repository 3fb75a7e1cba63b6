"""pytest plugin: a worker or subprocess that dumped core becomes a failure that says what it died of.

`pytest --pyinquest` allows core files for the run and its children. Cores that appear in the directory of the run (or in
those of `--pyinquest-cores`) while a test runs are explained in a section of the test's report; a test in whose time a core
appeared fails, and a crashed worker of pytest-xdist is explained in the summary.
"""

import os
from typing import Any, Dict, List, Set

import pytest

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("pyinquest")
    group.addoption("--pyinquest", action="store_true", help="explain core dumps of the tests' processes")
    group.addoption("--pyinquest-cores", action="append", default=[], metavar="DIR",
                    help="where cores are written, beside the directory of the run; may be repeated")


def pytest_configure(config: Any) -> None:
    if config.getoption("--pyinquest"):
        config.pluginmanager.register(Watch(config), "pyinquest-watch")


class Watch:
    """What cores there are, and which were told of."""

    def __init__(self, config: Any) -> None:
        own = [str(config.invocation_params.dir), os.getcwd()]
        self.directories: List[str] = sorted(set(own + config.getoption("--pyinquest-cores")))
        # Each worker of pytest-xdist has a plugin of its own; what kills a worker only the controller can tell.
        self.is_worker = hasattr(config, "workerinput")
        if resource is not None:
            hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        self.known: Set[str] = set(self._cores())
        self.told: Dict[str, str] = {}

    def _cores(self) -> List[str]:
        found = []
        for directory in self.directories:
            try:
                entries = list(os.scandir(directory))
            except OSError:
                continue
            for entry in entries:
                if entry.name.startswith("core") and entry.is_file(follow_symlinks=False) and is_core(entry.path):
                    stat = entry.stat()
                    found.append("%s\0%d\0%d" % (entry.path, stat.st_mtime_ns, stat.st_size))
        return found

    def new_reports(self) -> Dict[str, str]:
        """Reports on the cores that appeared since the last call, by path."""
        out = {}
        for key in self._cores():
            if key not in self.known:
                self.known.add(key)
                path = key.split("\0")[0]
                out[path] = explain(path)
        self.told.update(out)
        return out

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Any:
        outcome = yield
        if call.when != "call":
            return
        report = outcome.get_result()
        for path, text in self.new_reports().items():
            report.sections.append(("core dump " + path, text))
            if report.passed:
                report.outcome = "failed"
                report.longrepr = "a process of this test dumped core: %s\n\n%s" % (path, text)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.is_worker:
            return
        # What died outside of a test that could tell of it: a worker of pytest-xdist.
        for path, text in self.new_reports().items():
            terminalreporter.section("core dump " + path)
            terminalreporter.write_line(text)


def is_core(path: str) -> bool:
    """Whether a file is an ELF core (`e_type` ET_CORE)."""
    try:
        with open(path, "rb") as file:
            head = file.read(18)
    except OSError:
        return False
    return head[:4] == b"\x7fELF" and head[16:18] in (b"\x04\x00", b"\x00\x04")


def explain(path: str) -> str:
    import pyinquest
    try:
        return pyinquest.open(path).report("text")
    except pyinquest.Error as error:
        return str(error)
