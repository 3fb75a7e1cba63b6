#!/usr/bin/env python3
"""Installs packages from PyPI into a directory, for an interpreter that need not be able to run pip itself.

    packages.py CACHE MINOR DIR PACKAGE==VERSION ...

DIR is filled once for the same packages; pip lives in an environment of its own in CACHE.
"""

import fcntl
import glob
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path


# What PyPI has as source alone.
WITHOUT_WHEEL = ["--no-binary=curio", "--no-binary=nuitka"]


def pip(cache: Path) -> Path:
    """pip of a fresh virtual environment: the machine's own may be missing, or not be ours to use."""
    environment = cache / "pip-venv"
    program = environment / "bin" / "pip"
    if not program.exists():
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, stdout=sys.stderr)
    return program


def borrow_libraries(directory: Path) -> None:
    """The C++ run time of this machine, which wheels expect and a root with an interpreter alone lacks."""
    directory.mkdir()
    for name in ("libstdc++.so.6", "libgcc_s.so.1"):
        for found in glob.glob("/usr/lib/%s-linux-gnu/%s" % (platform.machine(), name)):
            shutil.copy(found, directory / name)


def main() -> int:
    cache, minor, directory, packages = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:]
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "packages.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = directory / ".packages"
        if stamp.exists() and stamp.read_text(encoding="utf-8").split() == packages:
            return 0
        shutil.rmtree(directory, ignore_errors=True)
        command = [str(pip(cache)), "install", "-q", "--no-compile", "--disable-pip-version-check", "--no-deps",
                   "--only-binary=:all:", *WITHOUT_WHEEL, "--python-version", "3." + minor, "--target", str(directory), *packages]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        if subprocess.run(command, check=False, stdout=sys.stderr, env=environment).returncode != 0:
            shutil.rmtree(directory, ignore_errors=True)
            return 1
        borrow_libraries(directory / "lib")
        stamp.write_text("\n".join(packages), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
