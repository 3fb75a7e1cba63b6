"""Compiles CPython's own headers into libraries whose DWARF describes builds that cannot be had ready made.

Those are the debug builds of 3.12 and 3.13 and the free-threaded builds of 3.14 and 3.15. The result is
`$PYINQUEST_CACHE/headers/*.so`, which `tests/tools/regenerate-layouts` reads. Needs gcc, apt-get, dpkg-deb and the
interpreters that `tests/interpreters/fetch.py` fetches.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interpreters"))
import apt  # noqa: E402

CACHE = Path(os.environ.get("PYINQUEST_CACHE") or Path.home() / ".cache/pyinquest")

# Which of these exist differs from version to version; each is included where it is there.
HEADERS = ["structmember", "frameobject", "datetime", *(f"internal/pycore_{name}" for name in (
    "runtime pystate interp tstate frame interpframe dict moduleobject code genobject debug_offsets namespace "
    "unionobject typevarobject descrobject context gc lock uniqueid interpolation template lazyimportobject list tuple "
    "range").split())]


def source() -> str:
    lines = ["#define Py_BUILD_CORE 1", "#include <Python.h>"]
    for header in HEADERS:
        lines += [f'#if __has_include("{header}.h")', f'#include "{header}.h"', "#endif"]
    return "\n".join(lines) + "\n"


def compile_headers(name: str, include: Path, *flags: str) -> None:
    """Writes `headers/NAME.so` with the DWARF of every type in the headers."""
    out = CACHE / "headers" / f"{name}.so"
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-w", "-g", "-fno-eliminate-unused-debug-types", "-shared", "-fPIC", f"-I{include}",
                    f"-I{include / 'internal'}", f"-I{include.parent}", *flags, "-x", "c", "-", "-o", str(out)],
                   input=source().encode(), check=True)
    print(name)


def free_threaded_debian(work: Path) -> None:
    suite = apt.Suite(work / "apt", "sid", "amd64")
    suite.update()
    for minor in (14, 15):
        folder = work / f"3.{minor}"
        folder.mkdir()
        suite._apt_get("download", f"libpython3.{minor}-dev", cwd=folder)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
        include = folder / f"usr/include/python3.{minor}"
        compile_headers(f"3.{minor}t", include, "-DPy_GIL_DISABLED=1")
        compile_headers(f"3.{minor}td", include, "-DPy_GIL_DISABLED=1", "-DPy_DEBUG")


def main() -> None:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    with tempfile.TemporaryDirectory() as folder:
        for include in sorted(pyenv.glob("versions/3.12.*/include/python3.12"))[-1:]:
            compile_headers("3.12d", include, "-DPy_DEBUG")
        compile_headers("3.13td", CACHE / "interpreters/source-3.13t/include/python3.13t", "-DPy_DEBUG")
        free_threaded_debian(Path(folder))


if __name__ == "__main__":
    main()
