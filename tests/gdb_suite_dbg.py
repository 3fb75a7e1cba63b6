#!/usr/bin/env python3
"""Runs CPython's own tests of its gdb script with our script in its place, on Debian's python3.N-dbg.

The suite wants to be run from a build tree, of a build without optimisation. This one is compiled with -Og, and installed:
the suite is told otherwise, so that the tests which it leaves out of optimised builds are run too.

    tests/gdb_suite_dbg.py --engine target/debug/pyinquest [--version 3.14] [--suite sid] [test...]
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from gdb_suite import SCRIPT, cache

sys.path.insert(0, str(Path(__file__).resolve().parent / "interpreters"))

MODULES = ("backtrace", "cfunction", "cfunction_full", "misc", "pretty_print")

# The system's gdb has a Python of its own; the program finds its modules by PYTHONHOME.
GDB = """#!/bin/sh
unset PYTHONHOME
exec {gdb} -iex "set environment PYTHONHOME {root}/usr" -iex "set debug-file-directory {root}/usr/lib/debug" "$@"
"""

RUN = """
import sys, sysconfig, unittest
sysconfig.is_python_build = lambda *a: True
import test.support
test.support.python_is_optimized = lambda: False
unittest.main(module=None, argv=["test_gdb", *sys.argv[1:]])
"""


def loader_of(root):
    """The dynamic linker of a root, and where its libraries are."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    return str(libraries / "ld-linux-x86-64.so.2"), str(libraries)


def loader_words(root):
    loader, libraries = loader_of(root)
    return [loader, "--library-path", libraries]


def prepare(directory, version, suite):
    """Unpacks the packages; gives their root and a program in it that this machine can start."""
    from apt import Suite

    root = directory / "root"
    program = directory / "python"
    if not program.exists():
        name = "python" + version
        packed = Suite(directory / "apt", suite, "amd64")
        packed.unpack([name + "-dbg", "lib{}-testsuite".format(name)], root)
        packed.forget()
        # patchelf 0.18, which newer releases have, makes programs that crash.
        tools = directory / "tools"
        packed = Suite(directory / "apt-tools", "bookworm", "amd64")
        packed.unpack(["patchelf"], tools)
        packed.forget()
        loader, libraries = loader_of(root)
        partial = directory / "python.partial"
        shutil.copy(root / "usr/bin" / (name + "d"), partial)
        subprocess.run([*loader_words(tools), str(tools / "usr/bin/patchelf"), "--set-interpreter", loader,
                        "--set-rpath", libraries, str(partial)], check=True)
        partial.rename(program)
    return root, program


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--engine", required=True, type=Path)
    parser.add_argument("--version", default="3.14")
    parser.add_argument("--suite", default="sid")
    args, tests = parser.parse_known_args()
    directory = cache(args.version + "-dbg")
    directory.mkdir(parents=True, exist_ok=True)
    root, program = prepare(directory, args.version, args.suite)
    (directory / "python-gdb.py").write_text("import gdb\ngdb.execute({!r})\n".format("source " + str(SCRIPT)))
    programs = directory / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "gdb").write_text(GDB.format(gdb=shutil.which("gdb"), root=root))
    (programs / "gdb").chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment.update(PYINQUEST=str(args.engine.resolve()), PYTHONHOME=str(root / "usr"),
                       PATH="{}:{}".format(programs, os.environ["PATH"]))
    names = tests or ["test.test_gdb.test_" + module for module in MODULES]
    return subprocess.run([str(program), "-c", RUN, *names], cwd=directory, env=environment,
                          stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main())
