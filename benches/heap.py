#!/usr/bin/env python3
"""Times the commands that read a whole heap on a core of millions of objects, beside guppy3's heapy in the process itself.

    benches/heap.py --python PYTHON [--pyinquest FILE]... [--rows N] [--runs N] [--commands NAME,NAME]

Times are processor time on one core (medians), so that other work on the host counts less, and in brackets by the clock; memory
is the peak beyond the bytes of the dump, which are mapped. Several programs take turns, so that versions can be compared.
`--commands heap --rows 3100000` is the census of a core of 2 GiB; without `heapy` among the commands guppy3 is left out.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = """
import gc, os, sys, time

class Row:
    __slots__ = ("thing", "labels", "next")

class Thing:
    def __init__(self, n):
        self.name, self.value, self.parts = "thing-%d" % n, n * 1.5, [n, (n, n + 1)]

gc.disable()
kept, last = {}, None
for n in range(int(sys.argv[1])):
    row = Row()
    row.thing, row.labels, row.next = Thing(n), {"k": n}, last
    kept[n] = last = row
if sys.argv[2] == "die":
    os.abort()
from guppy import hpy
heapy = hpy()
start = time.process_time()
found = heapy.heap()
str(found)
print(found.count, time.process_time() - start)
"""


def one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def timed(command: list[str]) -> tuple[float, int, bytes, float]:
    """Processor time in seconds, peak memory in bytes, output, seconds by the clock."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=one_core)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command} ends with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="a Python for which PyPI has guppy3")
    parser.add_argument("--pyinquest", action="append", help="target/release/pyinquest")
    parser.add_argument("--rows", type=int, default=500_000, help="nine objects each")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--commands", default="heap,top,audit,check,report,heapy")
    args = parser.parse_args()
    programs = [str(Path(program).resolve()) for program in args.pyinquest or ["target/release/pyinquest"]]
    commands = args.commands.split(",")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([args.python, "-c", PROGRAM, str(args.rows), "die"], cwd=directory, preexec_fn=one_core, check=False)
        cores = sorted(Path(directory).glob("core*"))
        if not cores:
            sys.exit("no core was written here: see core(5)")
        dump = cores[0].stat().st_blocks * 512
        first = timed([programs[0], "heap", str(cores[0]), "--format", "json"])
        objects = json.loads(first[2])["objects"]
        print(f"{objects} objects, dump of {dump >> 20} MiB")
        for name in (name for name in commands if name != "heapy"):
            words = [] if name == "heap" else [name]
            runs = [[timed([program, "heap", *words, str(cores[0])]) for program in programs] for _ in range(args.runs)]
            for at, program in enumerate(programs):
                seconds, clock = (statistics.median(run[at][part] for run in runs) for part in (0, 3))
                beyond = statistics.median(run[at][1] for run in runs) - dump
                print(f"{program} heap {' '.join(words)}: {seconds:.2f} s ({clock:.2f} s), "
                      f"{objects / seconds / 1e6:.2f} M objects/s, {beyond / objects:.0f} bytes an object", flush=True)
        if "heapy" not in commands:
            return
        packages = str(Path(directory) / "packages")
        subprocess.run([args.python, "-m", "pip", "install", "-q", "--target", packages, "guppy3"], check=True)
        os.environ["PYTHONPATH"] = packages
        count, seconds = timed([args.python, "-c", PROGRAM, str(args.rows), "heapy"])[2].split()
        print(f"heapy: {float(seconds):.2f} s, {int(count) / float(seconds) / 1e6:.2f} M objects/s")


if __name__ == "__main__":
    main()
