#!/usr/bin/env python3
"""How long many tasks and many reports take: medians of `pyinquest tasks` on 100,000 tasks of asyncio, and of
`pyinquest hang` on 512 saved reports of which one stands elsewhere.

    benches/tasks.py --pyinquest PROGRAM --python PYTHON [--tasks N] [--reports N] [--runs N]

Cores are written by the kernel into a directory that goes away: `core_pattern` has to be a plain name.
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

PROGRAMS = Path(__file__).resolve().parent.parent / "tests" / "programs"


def measure(command, runs):
    """Median seconds by the clock and of processor time, and the largest memory in MiB."""
    clock, processor, memory = [], [], 0
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        clock.append(time.monotonic() - start)
        if process.returncode != 0:
            sys.exit("%s: exit code %d" % (" ".join(command[:3]), process.returncode))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        memory = max(memory, usage.ru_maxrss >> 10)
    return statistics.median(clock), statistics.median(processor), memory


def show(what, figures):
    print("| %s | %.2f s | %.2f s | %d MiB |" % (what, *figures), flush=True)


def core(python, directory, *arguments):
    """The core of a program of the tests."""
    environment = dict(os.environ, PYINQUEST_DEATH="kill")
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    directory.mkdir()
    subprocess.run([python, str(PROGRAMS / arguments[0]), *arguments[1:]], cwd=directory, env=environment, check=False)
    found = list(directory.glob("core*"))
    if not found:
        sys.exit("no core: see core_pattern")
    return str(found[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pyinquest", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--tasks", type=int, default=100000)
    parser.add_argument("--reports", type=int, default=512)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    program = str(Path(args.pyinquest).resolve())
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        print("| | clock | processor | peak memory |\n|---|---|---|---|")
        many = core(args.python, directory / "tasks", "tasks.py", "many", str(args.tasks))
        told = json.loads(subprocess.run([program, "tasks", many, "--json"], stdout=subprocess.PIPE, check=True).stdout)
        pending = sum(one["pending"] for one in told["loops"])
        if pending < args.tasks:
            sys.exit("%d tasks were found" % pending)
        for options in [[], ["--json"], ["--all"]]:
            words = " ".join(["tasks"] + options)
            show("`%s`, %d tasks" % (words, args.tasks), measure([program, "tasks", many, *options], args.runs))
        usual = core(args.python, directory / "usual", "threads.py")
        other = core(args.python, directory / "other", "basic.py")
        files = []
        for number in range(args.reports):
            source = other if number == args.reports // 3 else usual
            files.append(directory / ("rank-%03d.json" % number))
            if source == other or number == 0:
                report = subprocess.run([program, "report", source, "--format", "json"], stdout=subprocess.PIPE, check=True)
                kept = report.stdout
                usual_report = kept if source == usual else usual_report
            files[-1].write_bytes(kept if source == other else usual_report)
        command = [program, "hang", "--reports", *map(str, files)]
        odd = json.loads(subprocess.run(command + ["--json"], stdout=subprocess.PIPE, check=True).stdout)["odd"]
        if not any(one["processes"] == [args.reports // 3] for one in odd):
            sys.exit("the straggler is not named: %s" % odd)
        show("`hang`, %d reports of %d KiB" % (args.reports, len(usual_report) >> 10), measure(command, args.runs))


main()
