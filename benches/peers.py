#!/usr/bin/env python3
"""Runs pyinquest and its peers side by side on the same cores, and prints medians of wall, user and system time and
peak memory.

    python3 benches/peers.py --python ~/.pyenv/versions/3.11.7/bin/python3.11

It makes two cores with that interpreter (about 50 MB and about 2 GiB, 12 threads), installs pystack and py-spy from
PyPI into a virtual environment under the cache directory (unless they are on PATH), and builds nothing: give the release
binary with --pyinquest (default target/release/pyinquest).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = r"""
import os, signal, sys, threading
ballast = [os.urandom(1 << 20) * 16 for _ in range(int(sys.argv[1]) // 16)]
stop = threading.Event()
def work(depth, label):
    numbers = list(range(50)); table = {str(n): n * 0.5 for n in numbers}
    if depth:
        return work(depth - 1, label)
    ready.release(); stop.wait()
ready = threading.Semaphore(0)
for n in range(12):
    threading.Thread(target=work, args=(20, "worker-%d" % n), daemon=True).start()
for n in range(12):
    ready.acquire()
def crash(text, number):
    os.kill(os.getpid(), signal.SIGSEGV)
crash("boom", 2 ** 100)
"""


def make_core(python, megabytes, directory):
    os.makedirs(directory, exist_ok=True)
    script = os.path.join(directory, "program.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(PROGRAM)
    core = os.path.join(directory, "core")
    if not os.path.exists(core):
        subprocess.run(
            ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", python, script, str(megabytes)], cwd=directory, check=False
        )
    if not os.path.exists(core):
        sys.exit(f"no core in {directory}: is core_pattern 'core'?")
    return core


def peers(cache):
    found = {}
    venv = os.path.join(cache, "peers-venv")
    for name, package in (("pystack", "pystack"), ("py-spy", "py-spy")):
        path = shutil.which(name) or os.path.join(venv, "bin", name)
        if not os.path.exists(path):
            if not os.path.exists(venv):
                subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            pip = [os.path.join(venv, "bin", "pip"), "install", "-q", package]
            if subprocess.run(pip, check=False).returncode != 0:
                print(f"{name}: cannot be installed, left out", file=sys.stderr)
                continue
        found[name] = path
    return found


def measure(command, runs):
    """Medians of (wall, user, system) in seconds, the largest resident set in MiB, and the last exit status."""
    times, peak, status = [], 0, None
    for turn in range(runs + 1):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        if turn:  # the first run warms the page cache
            times.append((wall, usage.ru_utime, usage.ru_stime))
            peak = max(peak, usage.ru_maxrss / 1024)
    return [statistics.median(column) for column in zip(*times)], peak, os.waitstatus_to_exitcode(status)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that makes the cores")
    parser.add_argument("--pyinquest", default="target/release/pyinquest", help="binary to measure")
    parser.add_argument("--runs", type=int, default=7, help="measured runs of each command")
    parser.add_argument("--big", type=int, default=2048, help="size of the big core in MiB; 0 for none")
    parser.add_argument("--directory", help="keep the cores here")
    options = parser.parse_args()
    cache = os.path.join(os.environ.get("PYINQUEST_CACHE") or os.path.expanduser("~/.cache/pyinquest"))
    directory = options.directory or tempfile.mkdtemp(prefix="pyinquest-bench-")
    ours = os.path.abspath(options.pyinquest)
    others = peers(cache)
    for label, megabytes in (("50 MB", 32), ("2 GiB", options.big)):
        if not megabytes:
            continue
        core = make_core(options.python, megabytes, os.path.join(directory, label.replace(" ", "")))
        on_disk = os.stat(core).st_size / (1 << 20)
        print(f"\ncore of {on_disk:.0f} MiB, {options.python}")
        print(f"{'command':44} {'wall ms':>9} {'user ms':>9} {'sys ms':>9} {'peak MiB':>9} {'exit':>5}")
        commands = [
            ("pyinquest bt", [ours, "bt", core]),
            ("pyinquest report", [ours, "report", core]),
            ("pyinquest report --locals", [ours, "report", "--locals", core]),
            ("pyinquest report --native merged", [ours, "report", "--native=merged", core]),
        ]
        if "pystack" in others:
            commands.append(("pystack core --locals", [others["pystack"], "core", core, options.python, "--locals"]))
            commands.append(("pystack core --native", [others["pystack"], "core", core, options.python, "--native"]))
        if "py-spy" in others:
            commands.append(("py-spy dump --core", [others["py-spy"], "dump", "--core", core]))
        for name, command in commands:
            (wall, user, system), peak, status = measure(command, options.runs)
            print(
                f"{name:44} {wall * 1000:9.1f} {user * 1000:9.1f} {system * 1000:9.1f} {peak:9.1f} {status:5d}",
                flush=True,
            )
    if not options.directory:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
