#!/usr/bin/env python3
"""Puts debuggers of other Debian releases into the cache folder, to be run beside the machine's own.

    tests/interpreters/debuggers.py [lldb-19] [gdb-16]        (without a name: all)

Packages of two lldbs exclude each other, and a release has one gdb; so these are unpacked into a folder with all they
need, down to the C library, and started by scripts in `debuggers/bin` of the cache.
"""

import os
import sys
from pathlib import Path

from apt import AptError, Suite

# Name, suite, packages, and the programs: what it is called in `bin`, where it lies in the packages, words in front.
# The debugger's Python must be told where its modules are, and programs that it starts must not.
DEBUGGERS = {
    "lldb-19": ("bookworm", ["lldb-19", "python3-lldb-19"], {
        "lldb-19": ("usr/lib/llvm-19/bin/lldb", "-O 'settings set target.unset-env-vars PYTHONHOME LLDB_DEBUGSERVER_PATH'"),
        "lldb-server-19": ("usr/lib/llvm-19/bin/lldb-server", ""),
    }),
    "gdb-16": ("trixie", ["gdb"], {
        "gdb-16": ("usr/bin/gdb", "--data-directory \"$root/usr/share/gdb\" -iex 'unset environment PYTHONHOME'"),
    }),
}

# Servers start programs too, with what they are given.
PYTHON = """export PYTHONHOME="$root/usr"
export LLDB_DEBUGSERVER_PATH='{server}'
"""

SCRIPT = """#!/bin/sh
root='{root}'
{python}exec "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$root/usr/lib/x86_64-linux-gnu:{libraries}" \\
    "$root/{program}" {words} "$@"
"""


def cache():
    return Path(os.environ.get("PYINQUEST_CACHE") or os.path.expanduser("~/.cache/pyinquest")) / "debuggers"


def install(name, folder):
    suite, packages, programs = DEBUGGERS[name]
    root = folder / name
    done = folder / "{}.done".format(name)
    if not done.exists():
        packed = Suite(folder / "apt" / suite, suite, "amd64")
        packed.unpack(packages, root)
        packed.forget()
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for program, (path, words) in programs.items():
        script = folder / "bin" / program
        server = folder / "bin" / name.replace("lldb", "lldb-server")
        python = "unset PYTHONHOME LLDB_DEBUGSERVER_PATH\n" if script == server else PYTHON.format(server=server)
        script.write_text(SCRIPT.format(root=root, python=python, program=path, words=words,
                                        libraries=(root / path).parent.parent / "lib"))
        script.chmod(0o755)
    done.touch()


def main():
    if os.uname().machine != "x86_64":
        print("debuggers of other releases are unpacked for x86-64 only", file=sys.stderr)
        return 1
    folder = cache()
    failed = False
    for name in sys.argv[1:] or DEBUGGERS:
        try:
            install(name, folder)
        except (AptError, OSError) as problem:
            print("{}: {}".format(name, problem), file=sys.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
