#!/usr/bin/env python3
"""Makes what a release consists of out of a program that is built already, and checks it.

    .ci/package.py make PROGRAM OUT [--key KEY]    archive, Debian package, list of parts, checksums, signature
    .ci/package.py check OUT [--key KEY]           checksums, and that the signature is by KEY

PROGRAM is for this host; its debug information and symbols are left out. `--key` names a key of gpg, best by its fingerprint. The same program gives
the same files: all times are those of the commit (or SOURCE_DATE_EPOCH).
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
SUMS = "SHA256SUMS"
COMPLETIONS = {"bash": "bash-completion/completions/pyinquest", "zsh": "zsh/vendor-completions/_pyinquest",
               "fish": "fish/vendor_completions.d/pyinquest.fish"}
TEXTS = ("README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT")
# Of dpkg, for the hosts that Debian calls otherwise.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64gc": "riscv64"}


def run(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, **options).stdout


def metadata():
    """What cargo knows of the program and of all that it is built of."""
    target = re.search(r"host: (\S+)", run("rustc", "-vV").decode())[1]
    known = run("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target, cwd=HERE)
    return json.loads(known), target


def when():
    """Seconds since 1970 that all files carry."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given) if given else int(run("git", "log", "-1", "--format=%ct", cwd=HERE))


class Files:
    """Files by their place below a prefix: what archive and package have in common."""

    def __init__(self, program, work):
        stripped = work / "pyinquest"
        run("strip", "-o", stripped, program)
        self.list = {"bin/pyinquest": (stripped.read_bytes(), 0o755)}
        manual = work / "man"
        manual.mkdir()
        run(stripped, "man", "--out", manual)
        for page in sorted(manual.iterdir()):
            self.list["share/man/man1/" + page.name] = (page.read_bytes(), 0o644)
        for shell, place in COMPLETIONS.items():
            self.list["share/" + place] = (run(stripped, "completions", shell), 0o644)


def archive(path, top, files, time):
    """A tar.gz in which nothing depends on who makes it, and when."""
    with open(path, "wb") as out, gzip.GzipFile("", "wb", compresslevel=6, mtime=time, fileobj=out) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, (content, mode) in sorted(files.items()):
                entry = tarfile.TarInfo(top + "/" + name)
                entry.size, entry.mode, entry.mtime = len(content), mode, time
                tar.addfile(entry, io.BytesIO(content))


def debian(out, package, target, files, time, work):
    """The Debian package: the same files below /usr, with what dpkg says that they need."""
    root = work / "deb"
    documents = "usr/share/doc/pyinquest/"
    placed = {"usr/" + name: file for name, file in files.items()}
    licences = "".join((HERE / name).read_text() + "\n" for name in ("LICENSE-MIT", "LICENSE-APACHE"))
    placed[documents + "copyright"] = (licences.encode(), 0o644)
    placed[documents + "changelog"] = ((HERE / "CHANGELOG.md").read_bytes(), 0o644)
    for name, (content, mode) in placed.items():
        if name.startswith(("usr/share/man/", documents + "changelog")):
            # Debian's policy wants these compressed.
            name, content = name + ".gz", gzip.compress(content, mtime=time)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
    # dpkg-shlibdeps reads debian/control of a source package.
    (work / "debian").mkdir()
    (work / "debian/control").write_text("Source: pyinquest\n\nPackage: pyinquest\nArchitecture: any\n")
    needs = run("dpkg-shlibdeps", "-O", root / "usr/bin/pyinquest", cwd=work, stderr=subprocess.DEVNULL).decode()
    depends = re.search(r"shlibs:Depends=(.*)", needs)[1]
    architecture = ARCHITECTURES[target.split("-")[0]]
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) // 1024
    control = {
        "Package": "pyinquest", "Version": package["version"] + "-1", "Architecture": architecture,
        "Maintainer": "the authors of pyinquest <pyinquest@localhost>", "Section": "devel", "Priority": "optional",
        "Depends": depends, "Suggests": "gdb | lldb, debuginfod", "Installed-Size": size,
        "Description": package["description"].split(":")[0],
    }
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text("".join(f"{name}: {value}\n" for name, value in control.items()))
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(time)}
    deb = out / f"pyinquest_{package['version']}-1_{architecture}.deb"
    run("dpkg-deb", "--build", "--root-owner-group", "-Zxz", root, deb, env=environment)


def parts(known, package):
    """The crates that the program is built of, in CycloneDX's form (1.5)."""
    sums = {}
    for block in (HERE / "Cargo.lock").read_text().split("[[package]]"):
        fields = dict(re.findall(r'^(name|version|checksum) = "([^"]+)"', block, re.M))
        sums[(fields.get("name"), fields.get("version"))] = fields.get("checksum")
    crates = {crate["id"]: crate for crate in known["packages"]}
    nodes = {node["id"]: node for node in known["resolve"]["nodes"]}
    own = known["resolve"]["root"]

    def needed(node):
        """What goes into the program, or builds it; not what only tests need."""
        return [dep["pkg"] for dep in node["deps"] if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])]

    seen, todo = {own}, [own]
    while todo:
        for other in needed(nodes[todo.pop()]):
            if other not in seen:
                seen.add(other)
                todo.append(other)

    def url(crate):
        return f"pkg:cargo/{crate['name']}@{crate['version']}"

    def component(crate, kind):
        made = {"type": kind, "bom-ref": url(crate), "name": crate["name"], "version": crate["version"], "purl": url(crate)}
        if crate.get("license"):
            # Cargo's older form of a choice is none of SPDX.
            made["licenses"] = [{"expression": crate["license"].replace("/", " OR ")}]
        checksum = sums.get((crate["name"], crate["version"]))
        if checksum:
            made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        return made

    # Cargo's graph has the features that tests ask for too, and what only those bring.
    tree = run("cargo", "tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}", cwd=HERE)
    built = {tuple(line.split(" ")[:2]) for line in tree.decode().splitlines()}
    seen = {one for one in seen if (crates[one]["name"], "v" + crates[one]["version"]) in built}

    listed = sorted((crates[one] for one in seen if one != own), key=url)
    links = [{"ref": url(crates[one]), "dependsOn": sorted({url(crates[other]) for other in needed(nodes[one]) if other in seen})}
             for one in sorted(seen, key=lambda one: url(crates[one]))]
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": component(package, "application")},
        "components": [component(crate, "library") for crate in listed], "dependencies": links,
    }


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make(program, out, key):
    known, target = metadata()
    package = next(crate for crate in known["packages"] if crate["id"] == known["resolve"]["root"])
    time, name = when(), f"pyinquest-{package['version']}"
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        files = Files(program, work).list
        debian(out, package, target, files, time, work)
        texts = {text: ((HERE / text).read_bytes(), 0o644) for text in TEXTS}
        archive(out / f"{name}-{target}.tgz", f"{name}-{target}", {**files, **texts}, time)
    (out / f"{name}.cdx.json").write_text(json.dumps(parts(known, package), indent=1) + "\n")
    made = sorted(path for path in out.iterdir())
    (out / SUMS).write_text("".join(f"{digest(path)}  {path.name}\n" for path in made))
    if key:
        run("gpg", "--batch", "--yes", "--local-user", key, "--armor", "--detach-sign", out / SUMS)


def check(out, key):
    """What is wrong with a directory of a release."""
    faults = []
    listed = dict(reversed(line.split("  ", 1)) for line in (out / SUMS).read_text().splitlines())
    there = {path.name for path in out.iterdir()} - {SUMS, SUMS + ".asc"}
    faults += [f"{name}: not in {SUMS}" for name in sorted(there - set(listed))]
    for name, wanted in listed.items():
        if name not in there:
            faults.append(f"{name}: is not there")
        elif digest(out / name) != wanted:
            faults.append(f"{name}: is not what {SUMS} says")
    if key:
        # Any good signature is not enough: it must be by this key.
        verify = ["gpg", "--batch", "--status-fd", "1", "--verify", out / (SUMS + ".asc"), out / SUMS]
        said = subprocess.run(verify, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
        valid = re.search(r"VALIDSIG .* (\S+)$", said, re.M)
        known = run("gpg", "--batch", "--with-colons", "--list-keys", key).decode()
        wanted = re.findall(r"^pub:.*\nfpr:+([0-9A-F]+):", known, re.M)
        if len(wanted) != 1:
            # Anybody can make a key with somebody's name.
            faults.append(f"{key}: {len(wanted)} keys have this name; give a fingerprint")
        elif not valid or valid[1] != wanted[0]:
            faults.append(f"{SUMS}.asc: not signed by {key}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = parser.add_subparsers(dest="what", required=True)
    of_make, of_check = words.add_parser("make"), words.add_parser("check")
    of_make.add_argument("program", type=Path)
    for word in (of_make, of_check):
        word.add_argument("out", type=Path)
        word.add_argument("--key")
    given = parser.parse_args()
    if given.what == "make":
        make(given.program.resolve(), given.out.resolve(), given.key)
        return 0
    faults = check(given.out, given.key)
    print("\n".join(faults) or "all is as it was made")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
