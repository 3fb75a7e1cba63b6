"""Rows of dumps by two workers of Dask, one of which is killed while it works.

    dask_cluster.py EXAMPLE DUMPS ROWS

What happened is printed as JSON.
"""

import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path

from processes import Running, descendants, wait_for


def main():
    example, dumps, rows = sys.argv[1:]
    rows = Path(rows)
    with tempfile.TemporaryDirectory(prefix="pyinquest-dask") as name, Running(Path(name)) as running:
        directory = Path(name)
        dask = [sys.executable, "-m", "dask"]
        running.start("scheduler", *dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", cwd=name)
        log = directory / "scheduler.log"
        address = wait_for("scheduler", lambda: re.search(r"tcp://127\.0\.0\.1:\d+", log.read_text()), 120)[0]
        words = ["worker", address, "--nthreads", "1", "--nworkers", "1", "--no-dashboard", "--host", "127.0.0.1"]
        workers = [running.start(f"worker{number}", *dask, *words, cwd=name) for number in (1, 2)]
        job = running.start("job", sys.executable, example, address, dumps, rows)

        def lines():
            return rows.exists() and rows.read_bytes().count(b"\n")

        def working():
            # A nanny watches the worker, and starts another one.
            return [pid for pid, words in descendants(workers[0].pid).items() if "spawn_main" in words]

        wait_for("first rows", lambda: lines() > 200)
        killed = wait_for("worker", working)
        at = lines()
        os.kill(killed[0], signal.SIGKILL)
        if job.wait(3000) != 0:
            raise RuntimeError((directory / "job.log").read_text())
        restarted = "Restarting worker" in (directory / "worker1.log").read_text()
        print(json.dumps({"killed_at": at, "restarted": restarted, "rows": lines()}))


if __name__ == "__main__":
    main()
