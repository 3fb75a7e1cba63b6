#!/usr/bin/env python3
"""Runs CPython's own tests of its gdb script (Lib/test/test_gdb) with our script in place of python-gdb.py.

That suite wants an interpreter that is run from its build tree and was compiled without optimisation. This builds one
from Debian's source package in the cache directory, unless --build names another tree.

    tests/gdb_suite.py --engine target/debug/pyinquest [--version 3.N] [--build TREE] [--no-build] [test_gdb option...]
"""

import argparse
import os
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parent / "gdb-scripts" / "pyinquest_gdb.py"
# Version of CPython -> suite of Debian that has its source.
SUITES = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie", "3.14": "forky", "3.15": "forky"}
USUAL = "3.13"
# Exit code for "cannot be run here", as automake has it.
SKIP = 77

sys.path.insert(0, str(HERE / "interpreters"))


def cache(version):
    base = os.environ.get("PYINQUEST_CACHE") or os.path.expanduser("~/.cache/pyinquest")
    return Path(base) / ("gdb-suite" if version == USUAL else "gdb-suite-" + version)


def build(version, directory, jobs):
    """Downloads and compiles; gives the build tree."""
    from apt import Suite

    suite = Suite(directory / "apt", SUITES[version], "x86_64", source=True)
    suite.update()
    archive = suite.download_source("python" + version, directory / "download")
    with tarfile.open(archive) as tar:
        tar.extractall(directory / "source")
    (tree,) = [path for path in (directory / "source").iterdir() if path.is_dir()]
    environment = {**os.environ, "OPT": "-g -O0 -Wall"}
    with open(directory / "build.log", "wb") as log:
        for words in (["./configure", "--without-ensurepip"], ["make", "-j%d" % jobs]):
            subprocess.run(words, cwd=tree, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                           stderr=subprocess.STDOUT, check=True)
    (directory / "tree").write_text(str(tree))
    return tree


def find(directory):
    try:
        tree = Path((directory / "tree").read_text())
    except OSError:
        return None
    return tree if (tree / "python").is_file() else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--engine", required=True, type=Path)
    parser.add_argument("--version", choices=SUITES, default=USUAL)
    parser.add_argument("--build", type=Path, help="build tree of a CPython compiled with -g -O0")
    parser.add_argument("--no-build", action="store_true", help="use what is there, build nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    args, rest = parser.parse_known_args()
    directory = cache(args.version)
    tree = args.build or find(directory)
    if tree is None:
        if args.no_build:
            print("no build of CPython without optimisation: run tests/gdb_suite.py without --no-build")
            return SKIP
        directory.mkdir(parents=True, exist_ok=True)
        tree = build(args.version, directory, args.jobs)
    # gdb loads PROGRAM-gdb.py by itself when it opens PROGRAM; the suite has it trust that file.
    (tree / "python-gdb.py").unlink(missing_ok=True)
    (tree / "python-gdb.py").write_text("import gdb\ngdb.execute({!r})\n".format("source " + str(SCRIPT)))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["PYINQUEST"] = str(args.engine.resolve())
    words = [str(tree / "python"), "-m", "test", "-u", "cpu", "test_gdb", *rest]
    return subprocess.run(words, cwd=tree, env=environment, stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
