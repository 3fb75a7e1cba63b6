"""Debian packages of any suite, unpacked into a directory, without touching the machine's own apt or dpkg state.

Everything apt needs (source list, package lists, cache, an empty dpkg status) lies in a directory of ours. The mirror is
taken from the machine's own apt configuration at run time, so whatever mirror or proxy the machine uses is used here.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple


class AptError(Exception):
    """A step failed; the text says which and why."""


def _stanzas(text: str) -> List[Dict[str, str]]:
    """Reads a deb822 file: stanzas of `Key: value`, with comments and continued lines."""
    stanzas: List[Dict[str, str]] = [{}]
    key = None
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if not line.strip():
            stanzas.append({})
            key = None
        elif line[0] in " \t":
            if key:
                stanzas[-1][key] += "\n" + line
        elif ":" in line:
            key, value = line.split(":", 1)
            key = key.lower()
            stanzas[-1][key] = value.strip()
    return [stanza for stanza in stanzas if stanza]


def _entries(directory: Path) -> List[Tuple[str, List[str], List[str], Optional[str]]]:
    """All enabled binary sources of the machine: (uri, suites, components, signed-by)."""
    found = []
    for path in [directory / "sources.list", *sorted((directory / "sources.list.d").glob("*"))]:
        if not path.is_file():
            continue
        text = path.read_text(errors="replace")
        if path.suffix == ".sources":
            for stanza in _stanzas(text):
                if "deb" in stanza.get("types", "").split() and stanza.get("enabled", "yes").lower() != "no":
                    for uri in stanza.get("uris", "").split():
                        found.append((uri, stanza.get("suites", "").split(), stanza.get("components", "").split(),
                                      stanza.get("signed-by")))
        elif path.suffix == ".list":
            for line in text.splitlines():
                match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
                if match:
                    options = dict(pair.split("=", 1) for pair in (match[1] or "").split() if "=" in pair)
                    found.append((match[2], [match[3]], match[4].split(), options.get("signed-by")))
    return found


def mirror(etc: Path = Path("/etc")) -> Tuple[str, Optional[str]]:
    """(URI, keyring) of the Debian archive that this machine installs its own packages from."""
    release = dict(line.split("=", 1) for line in _lines(etc / "os-release") if "=" in line)
    codename = release.get("VERSION_CODENAME", "").strip('"')
    if release.get("ID", "").strip('"') != "debian":
        raise AptError("this machine is not Debian, so its apt sources have no Debian suites")
    for uri, suites, components, signed_by in _entries(etc / "apt"):
        if codename in suites and "main" in components:
            inline_key = signed_by and not signed_by.startswith("/")
            return uri, None if inline_key else signed_by
    raise AptError(f"no apt source for {codename} main on this machine")


def _lines(path: Path) -> List[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


class Suite:
    """One suite for one processor, with apt state of its own below `state`."""

    def __init__(self, state: Path, suite: str, arch: str, *, source: bool = False):
        self.state, self.suite, self.arch, self.source = state, suite, arch, source
        self._updated = False

    def _options(self) -> List[str]:
        options = {
            "Dir::State": self.state / "state",
            "Dir::State::status": self.state / "status",
            "Dir::Cache": self.state / "cache",
            "Dir::Etc::sourcelist": self.state / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Architecture": self.arch,
            "APT::Architectures": self.arch,
            "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
            "APT::Get::AllowUnauthenticated": "false",
            "APT::Install-Recommends": "false",
            "Acquire::Languages": "none",
            # Only the lists of packages themselves: component metadata is as large again and of no use here.
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
            "Acquire::Retries": "3",
            "Debug::NoLocking": "true",
        }
        return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]

    def _apt_get(self, *words: str, cwd: Optional[Path] = None) -> None:
        command = ["apt-get", "-q", "-y", *self._options(), *words]
        environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             cwd=cwd, env=environment, timeout=1200)
        if run.returncode != 0:
            errors = [line for line in run.stdout.decode(errors="replace").splitlines() if line.startswith("E:")]
            # A failing URL names the mirror; the reason is enough for a log that may be public.
            reason = re.sub(r"https?://\S+/", "", "; ".join(errors[:3])) or f"exit {run.returncode}"
            raise AptError(f"apt-get {words[0]}: {reason}")

    def update(self) -> None:
        """Fetches the suite's package lists, once."""
        if self._updated:
            return
        if shutil.which("apt-get") is None:
            raise AptError("apt-get is not on this machine")
        uri, keyring = mirror()
        for directory in ("state/lists/partial", "cache/archives/partial"):
            (self.state / directory).mkdir(parents=True, exist_ok=True)
        (self.state / "status").write_text("")
        signed = f"[signed-by={keyring}] " if keyring else ""
        kind = "deb-src" if self.source else "deb"
        (self.state / "sources.list").write_text(f"{kind} {signed}{uri} {self.suite} main\n")
        self._apt_get("update")
        self._updated = True

    def unpack(self, packages: Sequence[str], root: Path) -> None:
        """Downloads the packages with all they depend on and unpacks what the root does not hold yet."""
        self.update()
        self._apt_get("install", "--download-only", *packages)
        prepare_root(root)
        record = root / ".unpacked"
        have = set(_lines(record))
        for deb in sorted((self.state / "cache/archives").glob("*.deb")):
            if deb.name not in have:
                _unpack_one(deb, root)
                have.add(deb.name)
                record.write_text("".join(f"{name}\n" for name in sorted(have)))
            deb.unlink()

    def unpack_alone(self, package: str, directory: Path) -> None:
        """Downloads one package, without what it depends on, and unpacks it into a fresh directory."""
        self.update()
        directory.mkdir(parents=True)
        self._apt_get("download", package, cwd=directory)
        for deb in directory.glob("*.deb"):
            _unpack_one(deb, directory)

    def download_source(self, package: str, directory: Path) -> Path:
        """Downloads a source package and gives its upstream archive."""
        self.update()
        directory.mkdir(parents=True, exist_ok=True)
        self._apt_get("source", "--download-only", package, cwd=directory)
        archives = sorted(directory.glob("*.orig.tar.*[a-z0-9]"))
        archives = [path for path in archives if path.suffix != ".asc"]
        if not archives:
            raise AptError(f"the source package {package} brought no upstream archive")
        return archives[-1]

    def forget(self) -> None:
        """Removes lists and downloads: some 100 MB a suite, of no use once the root is filled."""
        shutil.rmtree(self.state, ignore_errors=True)


def prepare_root(root: Path) -> None:
    """Lays out what packages expect to find: the merged /usr links, /tmp, and the few devices that Python opens."""
    for name in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "tmp", "dev", "etc", "proc"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for name in ("bin", "sbin", "lib", "lib64"):
        if not os.path.lexists(root / name):
            (root / name).symlink_to(f"usr/{name}")
    for name, minor in (("null", 3), ("zero", 5), ("urandom", 9)):
        device = root / "dev" / name
        if os.geteuid() == 0 and not device.exists():
            try:
                os.mknod(device, 0o20666, os.makedev(1, minor))
                device.chmod(0o666)
            except OSError:
                break  # a container may forbid device nodes; the interpreters start without them


def _unpack_one(deb: Path, root: Path) -> None:
    reader = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL)
    writer = subprocess.run(
        ["tar", "-x", "-C", str(root), "--keep-directory-symlink", "--no-same-owner", "--exclude=./usr/share/doc/*",
         "--exclude=./usr/share/man/*", "--exclude=./usr/share/locale/*"],
        stdin=reader.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if reader.wait() != 0 or writer.returncode != 0:
        raise AptError(f"unpacking {deb.name}: {writer.stderr.decode(errors='replace').strip()[:200]}")
