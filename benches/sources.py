#!/usr/bin/env python3
"""What the ways to keep a dump cost: slim dumps against the report that they must give, packed dumps against their
plain decompression, and how long a live process stands still.

    python3 benches/sources.py --python ~/.pyenv/versions/3.11.7/bin/python3.11

It makes a core of about 2 GiB with that interpreter (12 threads), packs it with zstd, and
starts a process of 21 threads.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from peers import make_core, measure

# Twenty threads with some frames each, which sleep and wake all the time.
LIVE = """
import threading, time
def work(depth=10):
    if depth: return work(depth - 1)
    numbers = list(range(50))
    while True: time.sleep(0.001)
for _ in range(20): threading.Thread(target=work, daemon=True).start()
work()
"""


def line(name, command, runs):
    (wall, user, system), peak, status = measure(command, runs)
    print(f"{name:44} {wall * 1000:9.1f} {user * 1000:9.1f} {system * 1000:9.1f} {peak:9.1f} {status:5d}", flush=True)


def pauses(ours, python, runs):
    """How long a process of 21 threads stood still in each of `runs` reports, in ms."""
    child = subprocess.Popen([python, "-c", LIVE])
    try:
        time.sleep(1)
        found = []
        for _ in range(runs):
            command = [ours, "report", "--verbose", "--pid", str(child.pid)]
            text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            found.append(float(re.search(r"the process stood still for ([0-9.]+) ms", text).group(1)))
        return found
    finally:
        child.kill()
        child.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that makes the core")
    parser.add_argument("--pyinquest", default="target/release/pyinquest", help="binary to measure")
    parser.add_argument("--runs", type=int, default=5, help="measured runs of each command")
    parser.add_argument("--big", type=int, default=2048, help="size of the core in MiB")
    parser.add_argument("--directory", help="keep the core here")
    options = parser.parse_args()
    directory = options.directory or tempfile.mkdtemp(prefix="pyinquest-bench-", dir="/var/tmp")
    ours = os.path.abspath(options.pyinquest)
    stood = pauses(ours, options.python, 20)
    print(f"pause of 21 threads: median {statistics.median(stood):.1f} ms, longest {max(stood):.1f} ms of {len(stood)}")
    core = make_core(options.python, options.big, directory)
    packed = core + ".zst"
    if not os.path.exists(packed):
        subprocess.run(["zstd", "-q", "-T0", core, "-o", packed], check=True)
    small = os.path.join(directory, "small.core")
    sizes = [os.stat(p).st_size / (1 << 20) for p in (core, packed)]
    print(f"\ncore of {sizes[0]:.0f} MiB, packed {sizes[1]:.0f} MiB, {options.python}")
    print(f"{'command':44} {'wall ms':>9} {'user ms':>9} {'sys ms':>9} {'peak MiB':>9} {'exit':>5}")
    line("report", [ours, "report", core], options.runs)
    line("report --locals --native", [ours, "report", "--locals", "--native", core], options.runs)
    line("slim", [ours, "slim", core, "-o", small], options.runs)
    line("slim -o small.core.zst", [ours, "slim", core, "-o", small + ".zst"], options.runs)
    line("zstd -d to a file", ["zstd", "-q", "-f", "-d", packed, "-o", core + ".again"], options.runs)
    line("report core.zst", [ours, "report", packed], options.runs)
    print(f"slim core: {os.stat(small).st_size / 1024:.0f} KiB, packed {os.stat(small + '.zst').st_size / 1024:.0f} KiB")
    if not options.directory:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
