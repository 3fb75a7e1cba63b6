"""Turns an interpreter that can be run into its entry of the manifest, by running it and reading its files."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Optional

import elf

QUESTION = """
import json, sys, sysconfig
try:
    get = sysconfig.get_config_vars().get
except ImportError:  # made of parts, without the data of its build
    get = {}.get
print(json.dumps({
    "version": sys.version.split()[0], "hexversion": sys.hexversion, "minor": sys.version_info[1],
    "free_threaded": "t" in getattr(sys, "abiflags", ""), "debug": hasattr(sys, "gettotalrefcount"),
    "pointer_bits": 64 if sys.maxsize > 2**32 else 32,
    "libdir": get("LIBDIR"), "instsoname": get("INSTSONAME"),
}))
"""


class ProbeError(Exception):
    """The interpreter could not be run or its files could not be understood; the text says why."""


def chroot_prefix(root: Path) -> List[str]:
    """The command words that run what follows inside a root; an ordinary user becomes root of a user namespace."""
    chroot = shutil.which("chroot") or "/usr/sbin/chroot"
    return [chroot, str(root)] if os.geteuid() == 0 else ["unshare", "-r", chroot, str(root)]


def ask(argv: List[str], env: Optional[Dict[str, str]] = None) -> dict:
    """Runs the interpreter once and has it describe itself."""
    try:
        alone = "-E" if "python2" in argv[-1] else "-I"
        run = subprocess.run([*argv, alone if not env else "-S", "-c", QUESTION], stdin=subprocess.DEVNULL,
                             capture_output=True, timeout=120, env={**os.environ, **(env or {})})
        if run.returncode != 0:
            tail = run.stderr.decode(errors="replace").strip().splitlines()[-1:]
            raise ProbeError(f"does not run (exit {run.returncode}): {' '.join(tail)}")
        return json.loads(run.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ProbeError(f"does not run: {error}") from error


def runtime_file(exe: Path, facts: dict, sysroot: Path) -> Path:
    """The ELF file that holds `_PyRuntime` (3.6: `_PyThreadState_Current`): the program itself, or the libpython that it loads."""
    candidates = [exe]
    if facts["libdir"] and facts["instsoname"]:
        library = Path(facts["libdir"], facts["instsoname"])
        candidates.append(sysroot / library.relative_to("/") if sysroot != Path("/") else library)
    for candidate in candidates:
        if candidate.is_file() and any(map(elf.Elf(candidate).exports, ("_PyRuntime", "_PyThreadState_Current"))):
            return candidate
    raise ProbeError(f"none of {', '.join(map(str, candidates))} exports _PyRuntime")


def debug_file(runtime: elf.Elf, sysroot: Path) -> Optional[Path]:
    """The separate file with the runtime's DWARF, found by build id under the root's usual directory."""
    build_id = runtime.build_id()
    if not build_id:
        return None
    path = sysroot / "usr/lib/debug/.build-id" / build_id[:2] / f"{build_id[2:]}.debug"
    return path if path.is_file() else None


def describe(name: str, exe: str, *, root: Optional[Path], argv: List[str], sysroot: Optional[Path] = None,
             arch: str = "x86_64", env: Optional[Dict[str, str]] = None) -> dict:
    """The manifest entry of one interpreter.

    `root` is given when the interpreter must be run inside a chroot, `sysroot` when its files lie below a directory.
    """
    sysroot = sysroot or root or Path("/")
    host_exe = Path(os.path.realpath(sysroot / exe.lstrip("/"))) if sysroot == Path("/") else _inside(sysroot, exe)
    facts = ask(argv, env)
    try:
        runtime_path = runtime_file(host_exe, facts, sysroot)
        runtime = elf.Elf(runtime_path)
    except (OSError, ValueError) as error:
        raise ProbeError(str(error)) from error
    separate = debug_file(runtime, sysroot)
    return {
        "name": name,
        "version": facts["version"],
        "hexversion": facts["hexversion"],
        "minor": facts["minor"],
        "exe": exe,
        "root": str(root) if root else None,
        "sysroot": str(sysroot),
        "argv": argv,
        "env": env or {},
        "free_threaded": facts["free_threaded"],
        "debug": facts["debug"],
        "arch": arch,
        "libc": "musl" if b"/ld-musl" in elf.Elf(host_exe).section(".interp") else "glibc",
        "has_dwarf": runtime.has_dwarf() or separate is not None,
        "libpython": str(runtime_path),
        "debug_file": str(separate) if separate else None,
        "build_id": runtime.build_id(),
        "stamp": stamp(host_exe),
        "host_exe": str(host_exe),
    }


def stamp(path: Path) -> List[int]:
    """Changes whenever the file is replaced, so that a remembered entry is known to be stale."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _inside(root: Path, exe: str) -> Path:
    """Host path of a file in a root, following symbolic links as seen from inside it."""
    path = root / exe.lstrip("/")
    for _ in range(8):
        if not path.is_symlink():
            return path
        target = os.readlink(path)
        path = root / target.lstrip("/") if target.startswith("/") else path.parent / target
    raise ProbeError(f"{exe}: too many symbolic links")
