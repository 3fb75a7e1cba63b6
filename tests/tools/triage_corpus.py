#!/usr/bin/env python3
"""Makes a corpus of crashes whose defects are known, and measures how well they are grouped.

    triage_corpus.py make DIR [--interpreters N] [--runs N] [--defects N]     crash, keep the cores and truth.json
    triage_corpus.py clean DIR                  remove the directories, some of them in the roots, that the processes ran in
    triage_corpus.py score TRIAGE.json TRUTH.json                             pairwise precision and recall
    triage_corpus.py casr-reports DIR           reports for `casr-cluster -c DIR/casr CLUSTERS_DIR`
    triage_corpus.py score-casr CLUSTERS_DIR TRUTH.json                       the same for what casr-cluster made

`make` crashes tests/programs/triage/prog.py in the interpreters of the cache (tests/interpreters/fetch.py): each run
with other values, thread counts, callers, in the main thread or another, with and without address randomisation, with
an extension module built with or without symbols and optimisation. Prints a JSON object; exit code 77 means that this
machine cannot do it.
"""

import argparse
import collections
import itertools
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = HERE.parent / "programs"
UNAVAILABLE = 77
# What the defects of WHEELS need, by the interpreter's minor version; each crashes in the interpreters that are not in a root.
WHEELS = {11: ["numpy==1.26.4"], 13: ["numpy==2.4.6"]}
WHEELS_OF_ALL = ["cffi==1.17.1", "pycparser==2.22", "greenlet==3.2.4"]
BUILDS = [["-O2", "-g"], ["-O2", "-s"], ["-O0", "-g"], ["-O1", "-s"]]


def unavailable(reason):
    print(reason, file=sys.stderr)
    sys.exit(UNAVAILABLE)


def cache():
    base = os.environ.get("PYINQUEST_CACHE") or os.path.join(os.environ.get("HOME", "/"), ".cache/pyinquest")
    return pathlib.Path(base) / "interpreters"


def interpreters(count):
    """Ordinary ones, one per minor version first, from different makers."""
    try:
        manifest = json.loads((cache() / "interpreters.json").read_text())["interpreters"]
    except OSError as error:
        unavailable("no interpreters: %s" % error)
    usable = [i for i in manifest if i["arch"] == os.uname().machine and not i["debug"] and not i["free_threaded"]]
    usable.sort(key=lambda i: i["hexversion"], reverse=True)
    chosen = []
    for wanted_root in (True, False):
        for minor in (11, 13, 9, 12, 14, 10, 15, 8):
            fits = [i for i in usable if i["minor"] == minor and bool(i["root"]) == wanted_root and i not in chosen]
            chosen += fits[:1]
    # Both kinds alternate: stripped ones in a root of their own, and others.
    rooted = [i for i in chosen if i["root"]]
    plain = [i for i in chosen if not i["root"]]
    mixed = [i for pair in itertools.zip_longest(rooted, plain) for i in pair if i]
    return mixed[:count]


def headers():
    for directory in sorted(pathlib.Path(os.environ.get("HOME", "/")).glob(".pyenv/versions/*/include/python3*")):
        if (directory / "Python.h").exists():
            return directory
    for directory in sorted(pathlib.Path("/usr/include").glob("python3*")):
        if (directory / "Python.h").exists():
            return directory
    return unavailable("no headers of Python")


def build(directory):
    """One module for each kind of build; the stable ABI serves all interpreters."""
    modules = []
    for number, flags in enumerate(BUILDS):
        module = directory / str(number) / "defects.so"
        module.parent.mkdir(parents=True)
        command = ["gcc", "-shared", "-fPIC", "-fstack-protector-strong", "-w", "-DPy_LIMITED_API=0x03080000",
                   "-I", str(headers()), *flags, str(PROGRAMS / "defects/defects.c"), "-o", str(module)]
        try:
            subprocess.run(command, check=True)
        except FileNotFoundError:
            unavailable("no gcc")
        modules.append(module)
    return modules


def wheels(interpreter):
    """The directory with the packages, fetched once; None where there are none for it."""
    if interpreter["root"] or interpreter["minor"] not in WHEELS:
        return None
    directory = cache().parent / "triage-packages" / str(interpreter["minor"]) / "site-packages"
    packages = [*WHEELS[interpreter["minor"]], *WHEELS_OF_ALL]
    command = [sys.executable, str(HERE.parent / "interpreters/packages.py"), str(cache().parent), str(interpreter["minor"]),
               str(directory), *packages]
    return directory if subprocess.run(command, stdout=sys.stderr).returncode == 0 else None


def randomisation_can_be_switched_off():
    return shutil.which("setarch") and subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0


def set_up(interpreter, module, scenes):
    """A directory that the interpreter sees, with the application and one build of its module; made once, kept."""
    key = (interpreter["name"], str(module))
    if key not in scenes:
        root = pathlib.Path(interpreter["root"] or "/")
        scene = pathlib.Path(tempfile.mkdtemp(prefix="pyinquest-corpus-", dir=root / "tmp"))
        shutil.copytree(PROGRAMS / "triage", scene / "app", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(module, scene / "app/defects.so")
        scenes[key] = scene
    return scenes[key]


def crash(interpreter, scene, arguments, fixed, out, packages=None):
    root = pathlib.Path(interpreter["root"] or "/")
    work = scene / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    inside = "/" + str(scene.relative_to(root))
    command = ["setarch", "-R"] if fixed else []
    if interpreter["root"]:
        command += ["unshare", *([] if os.getuid() == 0 else ["--map-root-user"]), "--root", str(root),
                    "--wd", inside + "/work", interpreter["exe"]]
    else:
        command += interpreter["argv"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYINQUEST_"))}
    environment.update(interpreter["env"], LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1", OPENBLAS_NUM_THREADS="1")
    # Which function multiplies is OpenBLAS's choice by the processor, and an older one does not know newer processors.
    environment["OPENBLAS_CORETYPE"] = "Haswell"
    if packages:
        environment["PYTHONPATH"] = str(packages)
    result = subprocess.run([*command, inside + "/app/prog.py", *arguments], cwd=work, env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
    cores = list(work.glob("core*"))
    if len(cores) != 1:
        return result.stdout.decode(errors="replace")[-400:] or "no core (%d)" % result.returncode
    subprocess.run(["cp", "--sparse=always", str(cores[0]), str(out)], check=True)
    shutil.rmtree(work)
    return None


def defects_of(source, table):
    """Names in a table of prog.py."""
    body = source.split("\n%s = {" % table)[1].split("}")[0]
    return [line.split('"')[1] for line in body.splitlines() if '":' in line]


def make(options):
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern or not pattern:
        unavailable("core_pattern is %r" % pattern)
    chosen = interpreters(options.interpreters)
    if len(chosen) < options.interpreters:
        unavailable("only %d interpreters" % len(chosen))
    out = pathlib.Path(options.dir)
    (out / "cores").mkdir(parents=True)
    modules = build(out / "build")
    source = (PROGRAMS / "triage/prog.py").read_text()
    names = defects_of(source, "DEFECTS")[:options.defects] + defects_of(source, "RESERVE")[:options.defects]
    of_wheels = defects_of(source, "WHEELS")[:options.defects]
    packages = {i["name"]: wheels(i) for i in chosen}
    names = [name for name in names + of_wheels if options.only in name]
    reserve = set(defects_of(source, "RESERVE"))
    switch = randomisation_can_be_switched_off()
    truth, failed, number, scenes = {}, [], 0, {}
    for defect in names:
        for which, interpreter in enumerate(chosen):
            for run in range(options.runs):
                directory = packages[interpreter["name"]] if defect in of_wheels else None
                if defect in of_wheels and not directory:
                    continue
                number += 1
                arguments = [defect, "--seed", str(number), "--threads", str(number % 4)]
                arguments += ["--worker"] if number % 3 == 0 else []
                arguments += ["--batch", str(1 + number % 7)] if number % 5 == 0 else []
                name = "core.%04d" % number
                module = modules[(which + run) % len(modules)]
                scene = set_up(interpreter, module, scenes)
                why = crash(interpreter, scene, arguments, bool(switch and number % 2), out / "cores" / name,
                            directory)
                if why:
                    failed.append([defect, interpreter["name"], why])
                else:
                    truth[name] = {"defect": defect, "reserve": defect in reserve,
                                   "interpreter": interpreter["name"],
                                   "arguments": arguments, "build": " ".join(BUILDS[(which + run) % len(modules)])}
    roots = sorted({i["sysroot"] for i in chosen if i["root"]})
    summary = {"dumps": len(truth), "defects": len({t["defect"] for t in truth.values()}), "failed": failed,
               "sysroots": roots, "interpreters": [i["name"] for i in chosen],
               "wheels": sorted(name for name, directory in packages.items() if directory),
               "scenes": sorted(str(scene) for scene in scenes.values())}
    (out / "truth.json").write_text(json.dumps({"cores": truth, **summary}, indent=1))
    print(json.dumps(summary))


def clean(options):
    for scene in json.loads((pathlib.Path(options.dir) / "truth.json").read_text())["scenes"]:
        if os.path.basename(scene).startswith("pyinquest-corpus-"):
            shutil.rmtree(scene, ignore_errors=True)


def pairs(counts):
    return sum(n * (n - 1) // 2 for n in counts)


def figures(found, truth):
    """`found`: core -> group. A core without a group is one of its own."""
    cells, groups, defects = collections.Counter(), collections.Counter(), collections.Counter()
    for core, fact in truth.items():
        group = found.get(core, "alone " + core)
        cells[group, fact["defect"]] += 1
        groups[group] += 1
        defects[fact["defect"]] += 1
    together, placed, same = pairs(cells.values()), pairs(groups.values()), pairs(defects.values())
    mixed = {g: sorted({d for (h, d) in cells if h == g}) for g in groups}
    split = {d: sorted(str(g) for (g, e) in cells if e == d) for d in defects}
    return {
        "dumps": len(truth), "defects": len(defects), "groups": len(groups),
        "precision": together / placed if placed else 1.0, "recall": together / same if same else 1.0,
        "mixed": {str(g): d for g, d in mixed.items() if len(d) > 1},
        "split": {d: g for d, g in split.items() if len(g) > 1},
    }


def report(found, truth):
    """Figures of all, and of those alone that no rule was made for."""
    reserve = {core: fact for core, fact in truth.items() if fact["reserve"]}
    print(json.dumps({**figures(found, truth), "reserve": figures(found, reserve)}, indent=1))


def score(options):
    truth = json.loads(pathlib.Path(options.truth).read_text())["cores"]
    triage = json.loads(pathlib.Path(options.triage).read_text())
    found = {os.path.basename(dump.rsplit("::", 1)[-1]): group["id"] for group in triage["groups"]
             for dump in group["dumps"]}
    report(found, truth)


def casr_reports(options):
    """Reports for casr-cluster with the backtraces that gdb gives, as casr-core itself gets them. (casr-core 2.13.1
    stops at `$_siginfo` of gdb 13, and knows no sysroots.) Of deep stacks the
    innermost frames: gdb takes minutes for the others."""
    directory = pathlib.Path(options.dir)
    truth = json.loads((directory / "truth.json").read_text())["cores"]
    known = {i["name"]: i for i in json.loads((cache() / "interpreters.json").read_text())["interpreters"]}
    out = directory / "casr"
    out.mkdir(exist_ok=True)
    for core, fact in truth.items():
        if (out / (core + ".casrep")).exists():
            continue
        interpreter = known[fact["interpreter"]]
        sysroot = ["-iex", "set sysroot " + interpreter["root"]] if interpreter["root"] else []
        command = ["gdb", "-nx", "-batch", "-iex", "set auto-load off", *sysroot, "-ex", "bt 256",
                   interpreter["host_exe"], str(directory / "cores" / core)]
        text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode("utf-8", "replace")
        lines = text.splitlines()
        # gdb shows the innermost frame once before the backtrace.
        starts = [at for at, line in enumerate(lines) if line.startswith("#0 ")]
        stack = [line for line in lines[starts[-1]:] if line.startswith("#")] if starts else []
        (out / (core + ".casrep")).write_text(json.dumps({"Stacktrace": stack}))


def score_casr(options):
    truth = json.loads(pathlib.Path(options.truth).read_text())["cores"]
    found = {}
    for path in pathlib.Path(options.clusters).glob("cl*/*.casrep"):
        found[path.name[:-len(".casrep")]] = path.parent.name
    report(found, truth)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("make")
    command.add_argument("dir")
    command.add_argument("--interpreters", type=int, default=4)
    command.add_argument("--runs", type=int, default=3)
    command.add_argument("--defects", type=int, default=None)
    command.add_argument("--only", default="", metavar="TEXT", help="defects whose name has it")
    command.set_defaults(run=make)
    command = commands.add_parser("clean")
    command.add_argument("dir")
    command.set_defaults(run=clean)
    command = commands.add_parser("score")
    command.add_argument("triage")
    command.add_argument("truth")
    command.set_defaults(run=score)
    command = commands.add_parser("casr-reports")
    command.add_argument("dir")
    command.set_defaults(run=casr_reports)
    command = commands.add_parser("score-casr")
    command.add_argument("clusters")
    command.add_argument("truth")
    command.set_defaults(run=score_casr)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
