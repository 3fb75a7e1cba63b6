#!/usr/bin/env python3
"""How long each of many processes stands still while `pyinquest hang --match` looks at all of them: from the first call of
ptrace(2) that interrupts a thread to the exit of the thread of ours that holds it, as the kernel's trace of these calls has it
(`perf trace`; as root, or with perf_event_paranoid at -1).

    python3 benches/many_processes.py --python ~/.pyenv/versions/3.12.1/bin/python3.12 --pyinquest target/release/pyinquest
"""

import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = '''
import sys, threading, time
def work(seconds):
    while True:
        if seconds:
            time.sleep(seconds)
for _ in range(3):
    threading.Thread(target=work, args=(float(sys.argv[1]),), daemon=True).start()
print("ready", flush=True)
work(float(sys.argv[2]))
'''
# The requests of <linux/ptrace.h>, which `perf trace` prints as numbers.
INTERRUPT = "16903"
DETACH = "17"
CALL = re.compile(r"\s*([0-9.]+) .*?: \S+?/(\d+) (?:ptrace\(request: (\d+), pid: (\d+)|exit\()")


def stops(trace):
    """How long each thread stood still, in milliseconds, each time that it was told to stop."""
    began, ended = {}, {}
    for at, ours, request, theirs in (found.groups() for found in map(CALL.match, trace.splitlines()) if found):
        if request is None:
            ended[ours] = float(at)
        elif request == INTERRUPT:
            began.setdefault((ours, theirs), float(at))
        elif request == DETACH:
            ended[ours, theirs] = float(at)
    return [ended.get((ours, theirs), ended[ours]) - at for (ours, theirs), at in began.items()]


def look(args, seconds, scratch):
    """Starts the processes, looks at all of them, and returns how long that took and how long each thread stood still."""
    program, trace = scratch / "one_of_many.py", scratch / "trace"
    program.write_text(PROGRAM)
    command = [args.python, str(program), *seconds]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(args.processes)]
    try:
        for child in children:
            child.stdout.readline()
        start = time.monotonic()
        # The pattern does not match the command lines that hold it.
        look = [args.pyinquest, "hang", "--match", "one_of_man[y]"]
        watched = ["perf", "trace", "-e", "ptrace,exit", "-T", "-m", "4096", "-o", str(trace), *look]
        done = subprocess.run(watched, stdout=subprocess.PIPE, text=True, check=True)
        took = time.monotonic() - start
        if not done.stdout.startswith(f"{args.processes} processes"):
            sys.exit(f"not all were found: {done.stdout[:200]}")
    finally:
        for child in children:
            child.kill()
            child.wait()
    return took, stops(trace.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that is looked at")
    parser.add_argument("--pyinquest", default="target/release/pyinquest", help="binary to measure")
    parser.add_argument("--processes", type=int, default=64)
    args = parser.parse_args()
    print(f"| {args.processes} processes of 4 threads | median | longest | the whole look |\n|---|---|---|---|")
    kinds = {"asleep": "1000 1000", "waking every 10 ms": "0.01 0.01", "one thread of each computing": "1000 0"}
    for what, seconds in kinds.items():
        with tempfile.TemporaryDirectory() as scratch:
            took, stood = look(args, seconds.split(), pathlib.Path(scratch))
        if len(stood) < 4 * args.processes:
            sys.exit(f"only {len(stood)} threads were seen to stop")
        print(f"| {what} | {statistics.median(stood):.2f} ms | {max(stood):.2f} ms | {took:.2f} s |", flush=True)


if __name__ == "__main__":
    main()
