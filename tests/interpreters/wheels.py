"""Makes interpreters of wheels of PyPI's `freeze-core`, for builds of CPython that no Debian suite has.

Such a wheel holds a console program with all of libpython in it, and the extension modules of the standard library. Its
`main` looks for a frozen program; the first instruction of it becomes a jump to `Py_BytesMain`, which takes the same
arguments and is what `python3` itself calls. With the standard library of the same minor version (the Python files of
Debian's package) laid out around it, this is an interpreter like any other: nothing is preloaded, no variable is set.
"""

import os
import shutil
import struct
import subprocess
from pathlib import Path

import elf
import packages
from apt import AptError, Suite, prepare_root
from catalog import Frozen

# Parts of Debian's directory that are of its own build, or large and of no use here.
LEFT_OUT = ("__pycache__", "lib-dynload", "config-3.*", "_sysconfigdata*", "sitecustomize.py", "test", "ensurepip", "idlelib",
            "turtledemo", "EXTERNALLY-MANAGED")


def fetch(cache: Path, requirement: str, row: Frozen, directory: Path) -> None:
    """Unpacks the wheel of that row, if it is the one whose checksum is known."""
    directory.mkdir()
    pinned = directory.with_name("requirements.txt")
    pinned.write_text(f"{requirement} --hash=sha256:{row.sha256}\n")
    command = [str(packages.pip(cache)), "install", "-q", "--no-compile", "--disable-pip-version-check", "--no-deps",
               "--only-binary=:all:", "--implementation", "cp", "--python-version", f"3.{row.minor}", "--abi", row.abi,
               "--platform", row.platform, "--target", str(directory), "--require-hashes", "-r", str(pinned)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment)
    if run.returncode != 0:
        lines = [line for line in run.stderr.decode(errors="replace").splitlines() if line.startswith("ERROR:")]
        raise AptError(f"{requirement} for {row.abi} and {row.platform}: {'; '.join(lines[:2]) or f'exit {run.returncode}'}")


def make(row: Frozen, wheel: Path, stdlib: Path, prefix: Path, name: str) -> None:
    """Lays out `prefix` as an installation: `bin/NAME`, `lib/NAME/`, `lib/NAME/lib-dynload/`."""
    (program,) = [path for path in (wheel / "freeze_core/bases").iterdir() if path.name.startswith("console-")]
    library = prefix / "lib" / name
    shutil.rmtree(library, ignore_errors=True)
    shutil.copytree(stdlib, library, ignore=shutil.ignore_patterns(*LEFT_OUT), ignore_dangling_symlinks=True)
    shutil.copytree(wheel / "freeze_core/lib", library / "lib-dynload")
    # The modules look for their libraries at `$ORIGIN/../../freeze_core.libs`.
    libraries = prefix / "lib" / "freeze_core.libs"
    shutil.copytree(wheel / "freeze_core.libs", libraries, dirs_exist_ok=True)
    # The program itself looks in `$ORIGIN/../lib`.
    needed = elf.Elf(program).section(".dynstr").split(b"\0")
    for path in libraries.iterdir():
        if path.name.encode() in needed and not os.path.lexists(prefix / "lib" / path.name):
            (prefix / "lib" / path.name).symlink_to(f"freeze_core.libs/{path.name}")
    write_sysconfig(prefix / "lib" / name, row)
    (prefix / "bin").mkdir(parents=True, exist_ok=True)
    target = prefix / "bin" / name
    temporary = target.with_name(f"{name}.new")
    temporary.write_bytes(with_main_of_python(program))
    temporary.chmod(0o755)
    temporary.replace(target)


def write_sysconfig(library: Path, row: Frozen) -> None:
    """What `sysconfig` says of the build: no package has the data of this one, and these few are known all the same."""
    platform = f"x86_64-linux-{'musl' if row.libc == 'musl' else 'gnu'}"
    suffix = f".cpython-{row.abi[2:]}-{platform}.so"
    values = {"EXT_SUFFIX": suffix, "SOABI": suffix[1:-3], "MULTIARCH": platform, "Py_GIL_DISABLED": int(row.free_threaded)}
    module = f"_sysconfigdata_{'t' if row.free_threaded else ''}_linux_{platform}.py"
    (library / module).write_text(f"build_time_vars = {values!r}\n")


def with_main_of_python(program: Path) -> bytes:
    """The program's bytes, with a jump to `Py_BytesMain` in place of its `main`."""
    file = elf.Elf(program)
    start = file.symbol("Py_BytesMain")
    main = file.symbol("main") or _main_of_start(file)
    if start is None or main is None:
        raise AptError(f"{program.name} has no {'main' if start else 'Py_BytesMain'}")
    data = bytearray(file.data)
    at = file.offset(main)
    data[at:at + 5] = b"\xe9" + struct.pack("<i", start - (main + 5))
    return bytes(data)


def _main_of_start(file: elf.Elf) -> "int | None":
    """The address that `_start` gives `__libc_start_main` in rdi (x86-64: `mov $main,%rdi`)."""
    at = file.offset(struct.unpack_from("<Q", file.data, 0x18)[0])
    found = file.data.find(b"\x48\xc7\xc7", at, at + 64)
    return struct.unpack_from("<i", file.data, found + 3)[0] if found >= 0 else None


# Debian's libz is built to check lengths; musl has all else that it asks for.
CHECKED = r"""
#include <stdarg.h>
#include <stdio.h>

int __vsnprintf_chk(char *s, size_t n, int flag, size_t size, const char *format, va_list arguments)
{
    return vsnprintf(s, n, format, arguments);
}

int __snprintf_chk(char *s, size_t n, int flag, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = vsnprintf(s, n, format, arguments);
    va_end(arguments);
    return result;
}
"""


def add_zlib(glibc_root: Path, root: Path) -> None:
    """libz for `zlib` and `binascii`, which the wheels for musl expect of the system: glibc's, whose libc musl stands in for."""
    found = sorted((glibc_root / "usr/lib/x86_64-linux-gnu").glob("libz.so.1.*"))
    if not found:
        raise AptError(f"no libz in {glibc_root}")
    # It is loaded by what takes its name, and so needs one of its own.
    real = root / "usr/lib/libZ.so.1"
    real.write_bytes(found[-1].read_bytes().replace(b"\0libz.so.1\0", b"\0libZ.so.1\0"))
    command = ["gcc", "-shared", "-fPIC", "-O1", "-U_FORTIFY_SOURCE", "-nostdlib", "-Wl,--no-as-needed", "-x", "c", "-",
               "-x", "none", str(real), "-o", str(root / "usr/lib/libz.so.1")]
    subprocess.run(command, input=CHECKED.encode(), capture_output=True, check=True)


def add_musl(suite: Suite, root: Path) -> None:
    """A root with musl's loader, for programs to be run in it."""
    if not os.path.lexists(root / "lib/ld-musl-x86_64.so.1"):
        prepare_root(root)
        suite.unpack(["musl"], root)
        # `$ORIGIN` of the program needs /proc, which a plain chroot lacks.
        (root / "etc/ld-musl-x86_64.path").write_text("/usr/lib\n")


def add_headers(suite: Suite, minor: int, prefix: Path, name: str) -> None:
    """Lays out `include/NAME`, for extension modules of a free-threaded build: the headers of Debian's package are the same."""
    unpacked = prefix / "headers.new"
    shutil.rmtree(unpacked, ignore_errors=True)
    suite.unpack_alone(f"libpython3.{minor}-dev", unpacked)
    target = prefix / "include" / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(unpacked / f"usr/include/python3.{minor}", target)
    # What Debian has in its place names the one of the processor.
    config = (unpacked / f"usr/include/x86_64-linux-gnu/python3.{minor}/pyconfig.h").read_text()
    (target / "pyconfig.h").write_text(config + "#undef Py_GIL_DISABLED\n#define Py_GIL_DISABLED 1\n")
    shutil.rmtree(unpacked)
