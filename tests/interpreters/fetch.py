#!/usr/bin/env python3
"""Collects real CPython interpreters for the integration tests.

Fills a cache directory with interpreters 2.7 and 3.6 to 3.15 (release, debug and free-threaded builds) and writes
`interpreters.json` there, one entry for each interpreter that can be run on this machine. Sources: pyenv's versions,
Debian packages of several suites unpacked into roots of their own, wheels of freeze-core (free-threaded builds, and for
musl), and one build from Debian's source package.
What cannot be had is skipped with its reason; only a broken cache directory makes the run fail. A second run finds
everything in place and takes about a second.
"""

import argparse
import concurrent.futures
import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True  # a test run leaves nothing behind in the source tree

import apt  # noqa: E402  (the sibling modules lie beside this script, not on the path)
import build  # noqa: E402
import catalog  # noqa: E402
import probe  # noqa: E402
import wheels  # noqa: E402

FORMAT = 1


class Cache:
    """The cache directory: one small file an entry, and the manifest that joins them."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.entries = directory / "entries"
        self.entries.mkdir(parents=True, exist_ok=True)
        self._guard = threading.Lock()

    def entry(self, name: str) -> Optional[dict]:
        """The remembered entry, unless its interpreter is gone or was replaced since."""
        try:
            entry = json.loads((self.entries / f"{name}.json").read_text())
            if entry.get("format") != FORMAT or probe.stamp(Path(entry["host_exe"])) != entry["stamp"]:
                return None
            if entry["root"]:
                entry["argv"] = [*probe.chroot_prefix(Path(entry["root"])), entry["exe"]]
            return entry
        except (OSError, ValueError, KeyError):
            return None

    def put(self, entry: dict) -> None:
        """Remembers an entry and brings the manifest up to date at once, for whoever waits for it."""
        with self._guard:
            _write(self.entries / f"{entry['name']}.json", {"format": FORMAT, **entry})
            self._write_manifest()

    def write_manifest(self) -> List[dict]:
        """Writes the manifest from the entries that are still good."""
        with self._guard:
            return self._write_manifest()

    def _write_manifest(self) -> List[dict]:
        names = [path.stem for path in self.entries.glob("*.json")]
        entries = [entry for entry in (self.entry(name) for name in names) if entry]
        entries.sort(key=lambda entry: (entry["arch"] != "x86_64", entry["minor"], entry["hexversion"], entry["name"]))
        _write(self.directory / "interpreters.json", {"format": FORMAT, "interpreters": entries})
        return entries


def _write(path: Path, value: object) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    temporary.write_text(json.dumps(value, indent=1) + "\n")
    temporary.replace(path)


def default_cache() -> Path:
    """`$PYINQUEST_CACHE/interpreters`, or the same below the user's cache directory."""
    base = os.environ.get("PYINQUEST_CACHE") or Path.home() / ".cache" / "pyinquest"
    return Path(base) / "interpreters"


def pyenv_interpreters() -> Dict[str, Path]:
    """Name -> program of 2.7 and of each pyenv version from 3.6 on; the newest of a minor version has the short name."""
    root = os.environ.get("PYENV_ROOT")
    if not root and shutil.which("pyenv"):
        run = subprocess.run(["pyenv", "root"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        root = run.stdout.strip()
    versions = Path(root or Path.home() / ".pyenv") / "versions"
    found = []
    two: Dict[str, Path] = {}
    try:
        directories = list(versions.iterdir())
    except OSError:  # no pyenv, or one of another user
        directories = []
    for directory in directories:
        if re.fullmatch(r"2\.7\.\d+", directory.name) and (directory / "bin" / "python2.7").exists():
            two["pyenv-2.7"] = directory / "bin" / "python2.7"
        match = re.fullmatch(r"3\.(\d+)\.(\d+)(t?)", directory.name)
        program = directory / "bin" / "python3"
        if match and 6 <= int(match[1]) <= 15 and program.exists():
            found.append((int(match[1]), match[3], int(match[2]), directory.name, program))
    names: Dict[str, Path] = dict(two)
    for minor, threads, _patch, version, program in sorted(found, reverse=True):
        short = f"pyenv-3.{minor}{threads}"
        names[f"pyenv-{version}" if short in names else short] = program
    return names


def plan(args: argparse.Namespace, cache: Cache) -> Dict[str, Callable[[], dict]]:
    """Name -> how to get it, for everything that was asked for; running one gives the manifest entry."""
    jobs: Dict[str, Callable[[], dict]] = {}
    suites: Dict[str, apt.Suite] = {}

    def from_pyenv(name: str, program: Path) -> dict:
        exe = os.path.realpath(program)
        return probe.describe(name, exe, root=None, argv=[exe])

    def suite_of(name: str, arch: str, source: bool = False) -> apt.Suite:
        key = f"{name}-{arch}{'-source' if source else ''}"
        if key not in suites:
            suites[key] = apt.Suite(cache.directory / "apt" / key, name, catalog.DEBIAN_ARCH[arch], source=source)
        return suites[key]

    def from_debian(row: catalog.Wanted) -> dict:
        root = cache.directory / "roots" / row.root_name
        if args.refresh or not os.path.lexists(root / row.exe.lstrip("/")):
            if args.offline:
                raise apt.AptError("not in the cache, and --offline was given")
            unpack(suite_of(row.suite, row.arch), row, root)
        if row.arch == "x86_64":
            return probe.describe(row.name, row.exe, root=root, argv=[*probe.chroot_prefix(root), row.exe])
        argv = [emulator(row.arch, args, cache, suite_of), "-L", str(root), str(root / row.exe.lstrip("/"))]
        return probe.describe(row.name, row.exe, root=None, sysroot=root, argv=argv, arch=row.arch,
                              env={"PYTHONHOME": str(root / "usr")})

    def from_wheel(row: catalog.Frozen) -> dict:
        root = cache.directory / "roots" / f"musl-{row.abi}" if row.libc == "musl" else None
        prefix = root / "usr" if root else cache.directory / row.name
        exe = prefix / "bin" / f"python3.{row.minor}{'t' if row.free_threaded else ''}"
        if args.refresh or not exe.exists():
            if args.offline:
                raise apt.AptError("not in the cache, and --offline was given")
            suite, debian_root = suite_of(row.suite, "x86_64"), cache.directory / "roots" / f"{row.suite}-x86_64"
            stdlib = debian_root / f"usr/lib/python3.{row.minor}"
            if not (stdlib / "os.py").exists():
                suite.unpack([row.package], debian_root)
            if root:
                wheels.add_musl(suite, root)
                wheels.add_zlib(debian_root, root)
            if row.free_threaded and not root:
                wheels.add_headers(suite, row.minor, prefix, exe.name)
            with tempfile.TemporaryDirectory(dir=cache.directory) as directory:
                wheel = Path(directory) / "wheel"
                wheels.fetch(cache.directory.parent, catalog.FREEZE_CORE, row, wheel)
                wheels.make(row, wheel, stdlib, prefix, exe.name)
        if root:
            inside = f"/usr/bin/{exe.name}"
            return probe.describe(row.name, inside, root=root, argv=[*probe.chroot_prefix(root), inside])
        return probe.describe(row.name, str(exe), root=None, argv=[str(exe)])

    def from_source() -> dict:
        prefix = cache.directory / catalog.SOURCE_NAME
        program = prefix / "bin" / "python3.13t"
        if args.refresh or not program.exists():
            if args.offline:
                raise apt.AptError("not in the cache, and --offline was given")
            source = suite_of(catalog.SOURCE_SUITE, "x86_64", source=True)
            build.build_free_threaded(source, catalog.SOURCE_PACKAGE, cache.directory / "build", prefix,
                                      cache.directory / "logs" / f"{catalog.SOURCE_NAME}.log", args.jobs)
        return probe.describe(catalog.SOURCE_NAME, str(program), root=None, argv=[str(program)])

    for name, program in pyenv_interpreters().items():
        jobs[name] = lambda name=name, program=program: from_pyenv(name, program)
    for row in catalog.debian() + catalog.emulated():
        if row.by_default or args.extra or row.name in args.only:
            jobs[row.name] = lambda row=row: from_debian(row)
    for row in catalog.FROZEN:
        if row.by_default or args.extra or row.name in args.only:
            jobs[row.name] = lambda row=row: from_wheel(row)
    jobs[catalog.SOURCE_NAME] = from_source
    return {name: job for name, job in jobs.items() if not args.only or name in args.only}


def unpack(suite: apt.Suite, row: catalog.Wanted, root: Path) -> None:
    """Fills the root; a suite that packages no debug build (as with a version just added) still gives the release."""
    try:
        suite.unpack(row.packages, root)
    except apt.AptError:
        if row.exe.endswith("d"):
            raise
        suite.unpack(row.packages[:1], root)


def emulator(arch: str, args: argparse.Namespace, cache: Cache, suite_of: Callable) -> str:
    """qemu's user mode for another processor: the machine's own, or a static one unpacked into the cache."""
    if arch == "riscv64":
        # Versions before 9 run it but write no core of the guest; sid's program is linked statically.
        suite, package, name = "sid", "qemu-user", "qemu-riscv64"
    else:
        suite, package, name = "bookworm", "qemu-user-static", f"qemu-{arch}-static"
        installed = shutil.which(f"qemu-{arch}") or shutil.which(name)
        if installed:
            return installed
    root = cache.directory / "roots" / (f"qemu-{suite}" if suite != "bookworm" else "qemu")
    program = root / "usr/bin" / name
    if not program.exists():
        if args.offline:
            raise apt.AptError(f"{name} is not in the cache, and --offline was given")
        suite_of(suite, "x86_64").unpack([package], root)
    return str(program)


def arguments(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.strip(), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=default_cache(), metavar="DIR",
                        help="directory to fill (default: %(default)s)")
    parser.add_argument("--only", type=lambda text: [name for name in text.split(",") if name], default=[],
                        metavar="NAME,...", help="only these; --list shows the names")
    parser.add_argument("--list", action="store_true", help="show names and whether the cache holds them, then stop")
    parser.add_argument("--extra", action="store_true", help="also what is off by default: forky, more builds for musl")
    parser.add_argument("--offline", action="store_true", help="download nothing; use what is there")
    parser.add_argument("--refresh", action="store_true", help="fetch again what the cache holds already")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N",
                        help="parallel jobs of the source build (default: %(default)s)")
    return parser.parse_args(argv)


def show(entry: dict) -> str:
    """One line about an interpreter."""
    marks = [word for word, on in (("free-threaded", entry["free_threaded"]), ("debug", entry["debug"]),
                                   ("DWARF", entry["has_dwarf"]), (entry["arch"], entry["arch"] != "x86_64")) if on]
    return f"{entry['name']:28} {entry['version']:10} {' '.join(marks)}"


def main() -> int:
    """Runs every job, tells what became of each."""
    args = arguments()
    args.cache = args.cache.resolve()
    cache = Cache(args.cache)
    if args.list:
        args.extra = True
        for name in plan(args, cache):
            entry = cache.entry(name)
            print(show(entry) if entry else f"{name:28} -")
        return 0
    with open(args.cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once must not fill one root together
        return fill(args, cache)


@contextlib.contextmanager
def told(name: str, start: float):
    """Says every minute that it still goes on: a build from source takes minutes, more beside other work."""
    done = threading.Event()

    def tell() -> None:
        while not done.wait(60):
            print(f"still getting {name} ({time.monotonic() - start:.0f} s)", flush=True)

    if name == catalog.SOURCE_NAME:
        print(f"building {name} from source: 4 minutes of two idle processors, once; it is kept in the cache", flush=True)
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def fill(args: argparse.Namespace, cache: Cache) -> int:
    """Gets what is not there yet; the build from source runs beside the downloads, as it needs no network."""
    todo = {name: job for name, job in plan(args, cache).items() if args.refresh or cache.entry(name) is None}

    def attempt(name: str) -> None:
        start = time.monotonic()
        try:
            with told(name, start):
                entry = todo[name]()
            cache.put(entry)
            print(f"have {show(entry)}  ({time.monotonic() - start:.0f} s)", flush=True)
        except (apt.AptError, probe.ProbeError, OSError, subprocess.SubprocessError) as error:
            print(f"skip {name}: {error}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        source = [name for name in todo if name == catalog.SOURCE_NAME]
        futures = [pool.submit(attempt, name) for name in source]
        for name in todo:
            if name not in source:
                attempt(name)
        for future in futures:
            future.result()
    shutil.rmtree(cache.directory / "apt", ignore_errors=True)
    entries = cache.write_manifest()
    print(f"{len(entries)} interpreters in {cache.directory / 'interpreters.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
