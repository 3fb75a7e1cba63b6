"""Compiles CPython's own headers into libraries whose DWARF describes builds that cannot be had ready made.

Those are the debug builds of 3.12 and 3.13, the free-threaded builds of 3.14 and 3.15, and Windows. The result is
`$PYINQUEST_CACHE/headers/*.so`, which `tests/tools/regenerate-layouts` reads. Needs gcc, gcc-mingw-w64-x86-64, apt-get,
dpkg-deb and the interpreters that `tests/interpreters/fetch.py` fetches.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "interpreters"))
import apt

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


def compile_headers(name: str, include: Path, *flags: str, compiler: str = "gcc") -> None:
    """Writes `headers/NAME.so` with the DWARF of every type in the headers."""
    out = CACHE / "headers" / f"{name}.so"
    out.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-w", "-g", "-fno-eliminate-unused-debug-types", "-shared", "-fPIC", f"-I{include}",
                    f"-I{include / 'internal'}", f"-I{include.parent}", *flags, "-x", "c", "-", "-o", str(out)],
                   input=source().encode(), check=True)
    print(name)


def free_threaded_debian(work: Path) -> None:
    suite = apt.Suite(work / "apt", "sid", "amd64")
    suite.update()
    for minor in (14, 15):
        directory = work / f"3.{minor}"
        directory.mkdir()
        suite._apt_get("download", f"libpython3.{minor}-dev", cwd=directory)
        for package in directory.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(directory)], check=True)
        include = directory / f"usr/include/python3.{minor}"
        compile_headers(f"3.{minor}t", include, "-DPy_GIL_DISABLED=1")
        compile_headers(f"3.{minor}td", include, "-DPy_GIL_DISABLED=1", "-DPy_DEBUG")
        older_mimalloc(work, f"3.{minor}.{OLDER_MIMALLOC[minor]}t", include)
        windows(work, f"3.{minor}", include)
        windows(work, f"3.{minor}t", include, "-DPy_GIL_DISABLED=1")


# The last releases with mimalloc 2.1, by minor version; since then 2.5. Of these headers with the mimalloc of 3.13 the
# sizes of the interpreter state and of the runtime are those that free-threaded 3.14.9 (246720, 362368) and 3.15.1 (247040,
# 406016) state of themselves (`_Py_DebugOffsets`).
OLDER_MIMALLOC = {14: 9, 15: 1}


def older_mimalloc(work: Path, name: str, include: Path) -> None:
    """The headers of a free-threaded build with the mimalloc that the releases before had."""
    directory = work / name
    older = CACHE / "interpreters/source-3.13t/include/python3.13t/internal"
    shutil.copytree(include, directory / include.name)
    shutil.copytree(include.parent / "x86_64-linux-gnu", directory / "x86_64-linux-gnu")
    internal = directory / include.name / "internal"
    shutil.rmtree(internal / "mimalloc")
    shutil.copytree(older / "mimalloc", internal / "mimalloc")
    shutil.copy(older / "pycore_mimalloc.h", internal / "pycore_mimalloc.h")
    compile_headers(name, directory / include.name, "-DPy_GIL_DISABLED=1")
    compile_headers(f"{name}d", directory / include.name, "-DPy_GIL_DISABLED=1", "-DPy_DEBUG")


def windows(work: Path, name: str, include: Path, *flags: str) -> None:
    """The same headers for x86-64 Windows: `long` has 4 bytes, locks are others. mingw lays out structs as Microsoft's
    compiler does. The configuration states what the headers ask for, and what it is on Windows."""
    directory = work / f"windows-{name}"
    shutil.copytree(include, directory)
    (directory / "pyconfig.h").write_text(WINDOWS_CONFIG)
    compile_headers(f"{name}-windows", directory, *flags, compiler="x86_64-w64-mingw32-gcc")


_SIZES = {"SHORT": 2, "INT": 4, "LONG": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8, "VOID_P": 8, "SIZE_T": 8,
          "TIME_T": 8, "OFF_T": 4, "FPOS_T": 8, "WCHAR_T": 2, "PID_T": 8, "UINTPTR_T": 8}
_HAVE = ("STDDEF_H STDINT_H INTTYPES_H SYS_TYPES_H SYS_STAT_H ERRNO_H WCHAR_H STDARG_PROTOTYPES LONG_LONG UINTPTR_T "
         "STD_ATOMIC BUILTIN_ATOMIC DYNAMIC_LOADING STRFTIME").split()
_PLAIN = ("MS_WIN64 MS_WINDOWS MS_WIN32 NT_THREADS WITH_THREAD WITH_PYMALLOC WITH_MIMALLOC WITH_DOC_STRINGS "
          "WITH_FREELISTS DOUBLE_IS_LITTLE_ENDIAN_IEEE754").split()
WINDOWS_CONFIG = "".join(f"#define {name} {value}\n" for name, value in [
    *((name, 1) for name in _PLAIN),
    *((f"HAVE_{name}", 1) for name in _HAVE),
    *((f"SIZEOF_{name}", size) for name, size in _SIZES.items()),
    ("ALIGNOF_LONG", 4), ("ALIGNOF_SIZE_T", 8), ("ALIGNOF_MAX_ALIGN_T", 8),
    ("PLATFORM", '"win32"'), ("WINVER", "0x0A00"), ("_WIN32_WINNT", "0x0A00"), ("NTDDI_VERSION", "0x0A000000"),
]) + "#include <sys/types.h>\n"


def main() -> None:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    with tempfile.TemporaryDirectory() as directory:
        for include in sorted(pyenv.glob("versions/3.12.*/include/python3.12"))[-1:]:
            compile_headers("3.12d", include, "-DPy_DEBUG")
        for minor in range(8, 14):
            for include in sorted(pyenv.glob(f"versions/3.{minor}.*/include/python3.{minor}"))[-1:]:
                windows(Path(directory), f"3.{minor}", include)
        include = CACHE / "interpreters/source-3.13t/include/python3.13t"
        compile_headers("3.13td", include, "-DPy_DEBUG")
        windows(Path(directory), "3.13t", include, "-DPy_GIL_DISABLED=1")
        free_threaded_debian(Path(directory))


if __name__ == "__main__":
    main()
