#!/usr/bin/env python3
"""How well and how fast pyinquest groups crashes of known defects, side by side with casr-cluster.

    python3 benches/triage.py [--corpus DIR] [--casr-cluster FILE] [--pyinquest FILE]

It makes the corpus of tests/tools/triage_corpus.py (360 dumps of 30 defects; it takes some minutes and 3 GB; give a
directory with --corpus to keep or reuse it), groups it, and prints pairwise precision and recall: of the whole corpus, and
of the defects that no rule was made for. Then the times for 200 of the dumps as they are and slim. casr-cluster (crate
casr) gets gdb's backtraces of the same crashes; it is left out when it is not there. Builds nothing.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

TOOL = pathlib.Path(__file__).resolve().parent.parent / "tests/tools/triage_corpus.py"
TIMED = 200


def tool(*arguments):
    result = subprocess.run([sys.executable, str(TOOL), *map(str, arguments)], stdout=subprocess.PIPE, check=False)
    if result.returncode != 0:
        sys.exit(result.returncode)
    return json.loads(result.stdout or "null")


def timed(command):
    """Wall, user and system time in seconds, and the largest resident set of one process in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit("%s failed" % command)
    return time.perf_counter() - start, usage.ru_utime, usage.ru_stime, usage.ru_maxrss / 1024


def line(name, figures):
    print("%-44s %6d %8d %7d %10.3f %7.3f" % (name, figures["dumps"], figures["defects"], figures["groups"],
                                             figures["precision"], figures["recall"]))
    for group, defects in figures["mixed"].items():
        print("    together in %s: %s" % (group, ", ".join(defects)))
    for defect, groups in figures["split"].items():
        print("    in %d groups: %s" % (len(groups), defect))


def quality(options, corpus, files):
    out = corpus / "triage"
    subprocess.run([options.pyinquest, "triage", *files, "--out", str(out), str(corpus / "cores")],
                   stdout=subprocess.DEVNULL, check=True)
    print("%-44s %6s %8s %7s %10s %7s" % ("", "dumps", "defects", "groups", "precision", "recall"))
    ours = tool("score", out / "triage.json", corpus / "truth.json")
    line("pyinquest", ours)
    line("pyinquest, defects without a rule", ours["reserve"])
    if not shutil.which(options.casr_cluster):
        print("%-44s not there" % options.casr_cluster)
        return
    clusters = corpus / "casr-clusters"
    shutil.rmtree(clusters, ignore_errors=True)
    if not (corpus / "casr").exists():
        tool("casr-reports", corpus)
    subprocess.run([options.casr_cluster, "-c", str(corpus / "casr"), str(clusters)], stdout=subprocess.DEVNULL,
                   check=True)
    theirs = tool("score-casr", clusters, corpus / "truth.json")
    theirs["mixed"], theirs["split"] = {}, {}
    line("casr-cluster", theirs)


def speed(options, corpus, files):
    cores = sorted((corpus / "cores").iterdir())[:TIMED]
    slim = corpus / "slim"
    if not slim.exists():
        slim.mkdir()
        for core in cores:
            subprocess.run([options.pyinquest, "slim", *files, str(core), "-o", str(slim / core.name)],
                           stderr=subprocess.DEVNULL, check=True)
    print("\n%-44s %7s %7s %7s %9s" % ("%d dumps, %d processors" % (len(cores), os.cpu_count()), "wall s", "user s",
                                       "sys s", "peak MiB"))
    for name, paths in (("slim", [str(slim)]), ("as they are", [str(core) for core in cores])):
        sizes = [os.stat(path).st_size for path in (cores if name != "slim" else slim.iterdir())]
        label = "%s, %.1f MB each" % (name, sum(sizes) / len(sizes) / 1e6)
        command = [options.pyinquest, "triage", *files, "--format", "ndjson", *paths]
        timed(command)  # warms the page cache
        print("%-44s %7.2f %7.2f %7.2f %9.1f" % (label, *timed(command)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=pathlib.Path, help="directory to keep the crashes in, or where they are")
    parser.add_argument("--pyinquest", default="target/release/pyinquest", help="binary to measure")
    parser.add_argument("--casr-cluster", default="casr-cluster", help="the peer")
    options = parser.parse_args()
    options.pyinquest = os.path.abspath(options.pyinquest)
    corpus = options.corpus or pathlib.Path(tempfile.mkdtemp(prefix="pyinquest-bench-")) / "corpus"
    if not (corpus / "truth.json").exists():
        tool("make", corpus)
    truth = json.loads((corpus / "truth.json").read_text())
    files = [word for root in truth["sysroots"] for word in ("--sysroot", root)]
    print("interpreters: %s" % ", ".join(truth["interpreters"]))
    quality(options, corpus, files)
    speed(options, corpus, files)
    if not options.corpus:
        tool("clean", corpus)
        shutil.rmtree(corpus.parent)


if __name__ == "__main__":
    main()
