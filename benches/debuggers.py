#!/usr/bin/env python3
"""Measures `py-bt` inside gdb: our script beside CPython's own (python-gdb.py), on a core and at a breakpoint.

    benches/debuggers.py --engine target/release/pyinquest [--python PROGRAM] [--stock FILE] [--runs N]

Timed is the command itself, inside gdb. gdb reads debug information of functions when they are first seen on a stack;
a plain `bt` before makes it do so, except in the case "cold". "first" is the first `py-bt` of a session: our engine
starts and looks for CPython, the stock script looks up types; "second" the next one. The process is one of ours: a recursion of
20 calls with a few locals. The two backtraces must name the same lines, or nothing is measured. Medians of N sessions.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PROGRAM = """
import os, sys
def call(depth, names, table):
    if depth:
        return call(depth - 1, names + ["n%d" % depth], {**table, depth: names})
    ascii(table)
    os.abort()
call(20, [], {})
"""

TIMED = """
import gdb, json, time
def timed(command):
    start = time.perf_counter()
    text = gdb.execute(command, to_string=True)
    return [(time.perf_counter() - start) * 1000, text]
print("TIMES " + json.dumps([timed("py-bt"), timed("py-bt")]))
"""


def gdb(script, before, words, directory, engine):
    timed = directory / "timed.py"
    timed.write_text(TIMED)
    command = ["gdb", "-nx", "-batch", "-ex", "set auto-load off", "-ex", "set debuginfod enabled off",
               "-ex", "set breakpoint pending on"]
    for text in [*before, "source {}".format(script), "source {}".format(timed)]:
        command += ["-ex", text]
    run = subprocess.run([*command, *words], cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         env={**os.environ, "PYINQUEST": engine})
    found = re.search(r"^TIMES (.*)$", run.stdout, re.M)
    if not found:
        sys.exit("gdb said no times:\n" + run.stdout[-1000:] + run.stderr[-1000:])
    return json.loads(found.group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--engine", required=True)
    parser.add_argument("--python", default=shutil.which("python3"))
    parser.add_argument("--stock", help="CPython's script; PROGRAM-gdb.py beside the program when absent")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    program = os.path.realpath(args.python)
    scripts = {"pyinquest": ROOT / "gdb-scripts" / "pyinquest_gdb.py", "stock": args.stock or program + "-gdb.py"}
    if not os.path.exists(scripts["stock"]):
        sys.exit("{} is not there: name CPython's script with --stock".format(scripts["stock"]))
    engine = os.path.abspath(args.engine)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "program.py").write_text(PROGRAM)
        core = ["run", "generate-core-file core"]
        subprocess.run(["gdb", "-nx", "-batch", "-ex", core[0], "-ex", core[1], "--args", program, "program.py"],
                       cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cases = {"core, cold": ([], [program, "core"]),
                 "core": (["bt"], [program, "core"]),
                 "breakpoint": (["break builtin_ascii", "run", "bt"], ["--args", program, "program.py"])}
        for case, (before, words) in cases.items():
            medians = {}
            lines = {}
            for who, script in scripts.items():
                runs = [gdb(script, before, words, directory, engine) for _ in range(args.runs)]
                lines[who] = [re.findall(r"^\s+File .*", text, re.M) for _, text in runs[0]]
                medians[who] = [statistics.median(run[n][0] for run in runs) for n in (0, 1)]
            if lines["stock"] != lines["pyinquest"] or not lines["stock"][0]:
                sys.exit("the backtraces differ: {}".format(lines))
            for n, which in enumerate(("first", "second")):
                print("{:<11} {:<7} pyinquest {:7.1f} ms   python-gdb.py {:7.1f} ms   {:.0%}".format(
                    case, which, medians["pyinquest"][n], medians["stock"][n],
                    medians["pyinquest"][n] / medians["stock"][n]))


if __name__ == "__main__":
    main()
