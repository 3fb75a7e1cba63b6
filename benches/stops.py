#!/usr/bin/env python3
"""How long a process of busy threads stands still when it is looked at, as two threads of its own see it that look at the clock
all the time (`tests/programs/busy`), and what pyinquest says of it.

    python3 benches/stops.py --python ~/.pyenv/versions/3.12.1/bin/python3.12
"""

import argparse
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time

BUSY = pathlib.Path(__file__).resolve().parent.parent / "tests/programs/busy"


def longest(file, reset=False):
    """The longest time that one of the observers stood still, in milliseconds, since it was last set to 0."""
    with open(file, "r+b") as observed:
        seen = max(struct.unpack("2Q", observed.read(16))) / 1e6
        if reset:
            observed.seek(0)
            observed.write(bytes(16))
    return seen


def look(ours, arguments, pid, file):
    """What one look cost: seen by the process, said by us, whether its threads were stopped, how long the look took."""
    longest(file, reset=True)
    start = time.monotonic()
    done = subprocess.run([ours, *arguments, "--verbose", "--pid", pid], capture_output=True, text=True, check=False)
    took = time.monotonic() - start
    time.sleep(0.1)
    text = " ".join(done.stdout.split())
    said = re.search(r"the process stood still for ([0-9.]+) ms", text)
    whole = "parts may belong to different moments" not in text
    return longest(file), float(said.group(1)) if said else float("nan"), whole, took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that is looked at")
    parser.add_argument("--pyinquest", default="target/release/pyinquest", help="binary to measure")
    parser.add_argument("--runs", type=int, default=7, help="looks of each kind")
    parser.add_argument("--values", action="store_true", help="look with --locals --native")
    parser.add_argument("--threads", type=int, nargs="*", default=[10, 200, 2000])
    args = parser.parse_args()
    arguments = ["report", *(["--locals", "--native"] if args.values else [])]
    print(f"{'threads':>8} {'alone':>8} {'median':>8} {'longest':>8} {'said':>8} {'whole':>6} {'seconds':>8}")
    with tempfile.TemporaryDirectory() as scratch:
        library, file = f"{scratch}/observer.so", f"{scratch}/observed"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-pthread", "-o", library, str(BUSY / "observer.c")], check=True)
        for count in args.threads:
            command = [args.python, str(BUSY / "threads.py"), str(count), library, file]
            child = subprocess.Popen(command, stdout=subprocess.PIPE)
            try:
                child.stdout.readline()
                time.sleep(1 + count / 500)
                longest(file, reset=True)
                time.sleep(1)
                alone = longest(file)
                seen = [look(args.pyinquest, arguments, str(child.pid), file) for _ in range(args.runs)]
                stood, said, whole, took = zip(*seen)
                print(
                    f"{count:8} {alone:8.1f} {statistics.median(stood):8.1f} {max(stood):8.1f} {max(said):8.1f} "
                    f"{sum(whole):3}/{len(whole)} {statistics.median(took):8.2f}",
                    flush=True,
                )
            finally:
                child.kill()
                child.wait()


if __name__ == "__main__":
    main()
