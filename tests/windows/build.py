#!/usr/bin/env python3
"""Builds the program for Windows (x86_64-pc-windows-gnu) on Linux, of what Debian has.

    build.py CACHE TARGET [ARGUMENTS OF CARGO BUILD]

Rust and mingw-w64 are Debian sid's, unpacked below CACHE (1.4 GB) and entered by chroot: there is no standard library for
Windows among its packages, so that is built from its source too (`-Z build-std`). Must be run by root; TARGET is the
directory that cargo builds in. Prints the path of the program.
"""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests/interpreters"))
sys.dont_write_bytecode = True

import apt  # noqa: E402  (lies in the directory that was just named)

TRIPLE = "x86_64-pc-windows-gnu"
PACKAGES = ["rustc", "cargo", "rust-src", "gcc", "libc6-dev", "gcc-mingw-w64-x86-64-posix", "dash", "coreutils"]
# In a mount namespace of its own: the repository, where to build, and the crates that this host's cargo has got.
ENTER = """\
set -e
root=$1 repository=$2 target=$3 registry=$4; shift 4
mount --bind "$repository" "$root/work"
mount --bind "$target" "$root/target"
mount --bind "$registry" "$root/cargo/registry"
mount -t proc proc "$root/proc"
exec chroot "$root" /usr/bin/env -i PATH=/usr/bin HOME=/target CARGO_HOME=/cargo CARGO_TARGET_DIR=/target RUSTC_BOOTSTRAP=1 \
    "$@"
"""


def toolchain(cache):
    """The root with Rust and mingw-w64."""
    root = cache / "windows/root"
    if not (root / "complete").exists():
        suite = apt.Suite(cache / "windows/apt", "sid", "amd64")
        suite.unpack(PACKAGES, root)
        suite.forget()
        for name, of in (("x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-gcc-posix"), ("cc", "gcc")):
            if not (root / "usr/bin" / name).exists():
                (root / "usr/bin" / name).symlink_to(of)
        for name in ("work", "target", "cargo/registry"):
            (root / name).mkdir(parents=True, exist_ok=True)
        (root / "complete").touch()
    return root


def enter(root, target, command):
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    subprocess.run(["unshare", "--mount", "sh", "-c", ENTER, "sh", root, REPOSITORY, target, home / "registry", *command],
                   stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)


def main():
    cache, target, arguments = Path(sys.argv[1]), Path(sys.argv[2]).resolve(), sys.argv[3:]
    root = toolchain(cache)
    target.mkdir(parents=True, exist_ok=True)
    # Without a network in there: what is needed is fetched before.
    library = next((root / "usr/src").glob("rustc-*")) / "library/Cargo.toml"
    bootstrap = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    for manifest in (library, REPOSITORY / "Cargo.toml"):
        subprocess.run(["cargo", "fetch", "-q", "--locked", "--manifest-path", manifest], cwd="/", env=bootstrap, check=True)
    build = ["cargo", "build", "--offline", "--locked", "-Z", "build-std=std,panic_abort", "--target", TRIPLE,
             "--manifest-path", "/work/Cargo.toml", "--bin", "pyinquest", *arguments]
    enter(root, target, build)
    directory = TRIPLE + ("/release" if "--release" in arguments else "/debug")
    # Beside the program: wine before 9 lacks this library of Windows.
    library = ["x86_64-w64-mingw32-gcc", "-shared", "-O1", "-o", f"/target/{directory}/bcryptprimitives.dll",
               "/work/tests/windows/bcryptprimitives.c", "-ladvapi32"]
    enter(root, target, library)
    print(target / directory / "pyinquest.exe")


if __name__ == "__main__":
    main()
