#!/usr/bin/env python3
"""Puts debuggers of other Debian releases into the cache directory, to be run beside the machine's own.

    tests/interpreters/debuggers.py [lldb-19] [gdb-16] ...    (without a name: these two; "all")

Packages of two lldbs exclude each other, and a release has one gdb; so these are unpacked into a directory with all they
need, down to the C library, and started by scripts in `debuggers/bin` of the cache.
"""

import os
import sys
from pathlib import Path

from apt import AptError, Suite

# The debugger's Python must be told where its modules are, and programs that it starts must not.
LLDB_WORDS = "-O 'settings set target.unset-env-vars PYTHONHOME PYTHONPATH LLDB_DEBUGSERVER_PATH'"
# Threads of lldb 21 that load modules wait for each other now and then, with and without our script.
SERIAL = " -O 'settings set target.parallel-module-load false'"
GDB_WORDS = "--data-directory \"$root/usr/share/gdb\" -iex 'unset environment PYTHONHOME'"


def lldb(version, suite):
    """Suite, packages, and the programs: what it is called in `bin`, where it lies in the packages, words in front."""
    directory = "usr/lib/llvm-{}/bin/".format(version)
    words = LLDB_WORDS + (SERIAL if version == 21 else "")
    return suite, ["lldb-{}".format(version), "python3-lldb-{}".format(version)], {
        "lldb-{}".format(version): (directory + "lldb", words),
        "lldb-server-{}".format(version): (directory + "lldb-server", ""),
    }


def gdb(version, suite):
    return suite, ["gdb"], {"gdb-{}".format(version): ("usr/bin/gdb", GDB_WORDS)}


DEBUGGERS = {
    "gdb-10": gdb(10, "bullseye"),
    "gdb-16": gdb(16, "trixie"),
    "gdb-18": gdb(18, "sid"),
    "lldb-15": lldb(15, "bookworm"),
    "lldb-16": lldb(16, "bookworm"),
    "lldb-17": lldb(17, "trixie"),
    "lldb-18": lldb(18, "trixie"),
    "lldb-19": lldb(19, "bookworm"),
    "lldb-21": lldb(21, "sid"),
    "lldb-22": lldb(22, "sid"),
}

# What is fetched when nothing is named.
USUAL = ("lldb-19", "gdb-16")

# Servers start programs too, with what they are given.
PYTHON = """export PYTHONHOME="$root/usr"
export LLDB_DEBUGSERVER_PATH='{server}'
{path}"""

SCRIPT = """#!/bin/sh
root='{root}'
{python}exec "$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu:{libraries}" \\
    "$root/{program}" {words} "$@"
"""


def cache():
    return Path(os.environ.get("PYINQUEST_CACHE") or os.path.expanduser("~/.cache/pyinquest")) / "debuggers"


def install(name, directory):
    suite, packages, programs = DEBUGGERS[name]
    root = directory / name
    done = directory / "{}.done".format(name)
    if not done.exists():
        packed = Suite(directory / "apt" / suite, suite, "amd64")
        packed.unpack(packages, root)
        packed.forget()
    (directory / "bin").mkdir(parents=True, exist_ok=True)
    for program, (path, words) in programs.items():
        script = directory / "bin" / program
        server = directory / "bin" / name.replace("lldb", "lldb-server")
        # lldb 14 to 16 look for their Python module where Debian has not put it.
        modules = next((root / path).parent.parent.glob("lib/python3.*/dist-packages"), None)
        path_line = "export PYTHONPATH='{}'\n".format(modules) if modules else ""
        python = "unset PYTHONHOME PYTHONPATH LLDB_DEBUGSERVER_PATH\n" if script == server else \
            PYTHON.format(server=server, path=path_line)
        script.write_text(SCRIPT.format(root=root, python=python, program=path, words=words,
                                        libraries=(root / path).parent.parent / "lib"))
        script.chmod(0o755)
    done.touch()


def main():
    if os.uname().machine != "x86_64":
        print("debuggers of other releases are unpacked for x86-64 only", file=sys.stderr)
        return 1
    directory = cache()
    failed = False
    names = sys.argv[1:] or USUAL
    for name in DEBUGGERS if names == ["all"] else names:
        try:
            install(name, directory)
        except (AptError, OSError) as problem:
            print("{}: {}".format(name, problem), file=sys.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
