#!/usr/bin/env python3
"""Puts Helix of Debian trixie into a directory, with all it needs down to the C library, and prints a command that starts it.

    helix.py DIRECTORY
"""

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interpreters"))
sys.dont_write_bytecode = True

import apt  # noqa: E402  (lies in the directory that was just named)


def main():
    directory = Path(sys.argv[1]).resolve()
    root, done = directory / "root", directory / "done"
    if not done.exists():
        suite = apt.Suite(directory / "apt", "trixie", "amd64")
        suite.unpack(["hx"], root)
        suite.forget()
        done.touch()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    words = ["env", f"HELIX_RUNTIME={root}/usr/lib/hx/runtime", libraries / "ld-linux-x86-64.so.2", "--library-path", libraries,
             root / "usr/lib/hx/hx"]
    print(shlex.join(map(str, words)))


if __name__ == "__main__":
    try:
        main()
    except (apt.AptError, OSError) as problem:
        sys.exit(str(problem))
