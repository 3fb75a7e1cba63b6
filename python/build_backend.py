"""Builds wheels with the program in them: `cargo build` of the program, then maturin for the module.

PEP 517 backend of pyproject.toml. `PYINQUEST_WHEEL_PROFILE` names another cargo profile than `release`, and
`PYINQUEST_WHEEL_PROGRAM` a program that was built already; the tests give both, to be done sooner.
`PYINQUEST_WHEEL_GLIBC` is the oldest glibc that the wheel shall run with (2.17: a manylinux2014 wheel): cargo-zigbuild and
ziglang of PyPI link for it, whatever this host has.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import maturin

HERE = Path(__file__).resolve().parent
# What goes into a wheel beside the module; maturin wants it to be there (pyproject.toml, `data`).
DATA = HERE / "wheel.data"
PROFILE = os.environ.get("PYINQUEST_WHEEL_PROFILE", "release")
GLIBC = os.environ.get("PYINQUEST_WHEEL_GLIBC")


def build_program():
    """The program, and whether it runs on this host."""
    given = os.environ.get("PYINQUEST_WHEEL_PROGRAM")
    if given:
        return Path(given), True
    command = ["cargo", "zigbuild" if GLIBC else "build", "--bin", "pyinquest", "--profile", PROFILE, "--locked",
               "--manifest-path", str(program_manifest()), "--message-format", "json-render-diagnostics"]
    target = os.environ.get("CARGO_BUILD_TARGET")
    if GLIBC:
        command += ["--target", (target or host()) + "." + GLIBC]
    elif target:
        command += ["--target", target]
    # What cargo says goes where pip shows it, and not into the answer to the front end.
    built = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return executable(built.stdout.decode()), not target


def put_program():
    """Puts the program, its manual pages and completions where maturin takes what goes beside the module."""
    binary, runs = build_program()
    shutil.rmtree(DATA, ignore_errors=True)
    scripts, share = DATA / "scripts", DATA / "data" / "share"
    manual = share / "man" / "man1"
    scripts.mkdir(parents=True)
    manual.mkdir(parents=True)
    shutil.copy2(binary, scripts / "pyinquest")
    if not runs:
        return
    subprocess.run([str(binary), "man", "--out", str(manual)], check=True, stdout=subprocess.DEVNULL)
    for shell, place in (("bash", "bash-completion/completions/pyinquest"), ("zsh", "zsh/site-functions/_pyinquest"),
                         ("fish", "fish/vendor_completions.d/pyinquest.fish")):
        file = share / place
        file.parent.mkdir(parents=True)
        file.write_bytes(subprocess.run([str(binary), "completions", shell], check=True, stdout=subprocess.PIPE).stdout)


def host():
    """The target of this host, as Rust calls it."""
    said = subprocess.run(["rustc", "-vV"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return re.search(r"host: (\S+)", said).group(1)


def program_manifest():
    """Cargo.toml of the program: the parent's in a clone, where maturin put it in a source distribution."""
    path = re.search(r'pyinquest = \{ path = "([^"]+)"', (HERE / "Cargo.toml").read_text(encoding="utf-8"))
    return (HERE / path.group(1) / "Cargo.toml").resolve()


def executable(messages):
    for line in messages.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            return Path(message["executable"])
    raise RuntimeError("cargo names no program")


def settings(config_settings):
    given = dict(config_settings or {})
    arguments = "--profile " + PROFILE
    if GLIBC:
        arguments += " --zig --compatibility manylinux_" + GLIBC.replace(".", "_")
    given.setdefault("build-args", arguments)
    return given


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    put_program()
    return maturin.build_wheel(wheel_directory, settings(config_settings), metadata_directory)


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    DATA.mkdir(exist_ok=True)
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_sdist(sdist_directory, config_settings=None):
    DATA.mkdir(exist_ok=True)
    return maturin.build_sdist(sdist_directory, config_settings)


def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []

