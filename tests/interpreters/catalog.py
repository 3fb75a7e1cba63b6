"""What the test cache may hold: one `Wanted` for each interpreter, in the order of the manifest.

A row says where an interpreter comes from and nothing about how it is fetched. The rows are chosen so that every
minor version from 3.8 on is there at least once (pyenv's 2.7, 3.6 and 3.7 where it has them), and each kind of build that lays memory out in its own way:
release, `--with-pydebug`, free-threaded, shared libpython (pyenv) and static (Debian).
"""

import dataclasses
from typing import List, Optional, Tuple


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One interpreter that comes as Debian packages."""

    name: str
    suite: str
    minor: int
    packages: Tuple[str, ...]
    exe: str
    arch: str = "x86_64"
    by_default: bool = True

    @property
    def root_name(self) -> str:
        """The directory of the root: interpreters of one suite and processor share it, and with it their libc."""
        return f"{self.suite}-{self.arch}"


# Suite -> (minor versions it packages, fetched by default?). A suite that has moved on and lacks one says so at run
# time: that interpreter is skipped, the others are not.
SUITES = {
    "bullseye": ((9,), True),
    "bookworm": ((11,), True),
    "trixie": ((13,), True),
    "sid": ((13, 14, 15), True),
    "forky": ((13, 14, 15), False),
}

ARM64 = (("bullseye", 9), ("bookworm", 11), ("trixie", 13), ("sid", 14), ("sid", 15))
RISCV64 = (("trixie", 13), ("sid", 14))

DEBIAN_ARCH = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64"}


@dataclasses.dataclass(frozen=True)
class Frozen:
    """One interpreter made of a wheel of freeze-core and the standard library of a Debian package."""

    name: str
    suite: str
    minor: int
    free_threaded: bool
    libc: str
    sha256: str
    by_default: bool = False

    @property
    def abi(self) -> str:
        """The tag of the wheel: `cp314t`."""
        return f"cp3{self.minor}{'t' if self.free_threaded else ''}"

    @property
    def platform(self) -> str:
        """The platform of the wheel."""
        return "musllinux_1_2_x86_64" if self.libc == "musl" else "manylinux2014_x86_64"

    @property
    def package(self) -> str:
        """The package with the standard library in Python."""
        return f"libpython3.{self.minor}-stdlib"


FREEZE_CORE = "freeze-core==0.8.1"

# Builds that no Debian suite has: free-threaded ones, and ones for musl. The checksums are those of the wheels.
FROZEN = (
    Frozen("wheel-3.14t", "sid", 14, True, "glibc", "b8547956f9cbeabaae9cc758bbc65531962c3fb4fa0c2431c802089e7ea86cca",
           by_default=True),
    Frozen("wheel-3.15t", "sid", 15, True, "glibc", "a1c31d6740d6d7ae858ab9e02231928cd49ee5f68d7980a8760b65f333c48890",
           by_default=True),
    Frozen("wheel-3.13-musl", "sid", 13, False, "musl", "8caba196a718a50b767f8450e79c7788062025e96ae4f7f2ea40f5b5c97cbbfa"),
    Frozen("wheel-3.14-musl", "sid", 14, False, "musl", "0f42655406fbce99983781b35cb49113dd8bb867e270916ed94ffaa3d534973f",
           by_default=True),
    Frozen("wheel-3.15t-musl", "sid", 15, True, "musl", "f13d671ad9b14200b5aa38012db93598a34906f72c48e01ad2f5dad5d5f3a9bc"),
)

SOURCE_NAME = "source-3.13t"
SOURCE_SUITE = "trixie"
SOURCE_PACKAGE = "python3.13"


def debian() -> List[Wanted]:
    """All rows for this machine's own processor: a release and a debug build of each minor version."""
    rows = []
    for suite, (minors, by_default) in SUITES.items():
        for minor in minors:
            # The -dbg package holds both the DWARF of the release build and the debug build itself.
            packages = (f"python3.{minor}", f"python3.{minor}-dbg")
            name = f"debian-{suite}-3.{minor}"
            rows.append(Wanted(name, suite, minor, packages, f"/usr/bin/python3.{minor}", by_default=by_default))
            rows.append(Wanted(f"{name}-dbg", suite, minor, packages, f"/usr/bin/python3.{minor}d",
                               by_default=by_default))
    return rows


def emulated() -> List[Wanted]:
    """Rows for other processors, run by qemu's user mode."""
    return [
        Wanted(f"debian-{suite}-3.{minor}-{DEBIAN_ARCH[arch]}", suite, minor,
               (f"python3.{minor}", f"python3.{minor}-dbg"), f"/usr/bin/python3.{minor}", arch=arch)
        for arch, rows in (("aarch64", ARM64), ("riscv64", RISCV64)) for suite, minor in rows
    ]


def find(name: str) -> Optional[Wanted]:
    """The row of that name, if any."""
    return next((row for row in debian() + emulated() if row.name == name), None)
