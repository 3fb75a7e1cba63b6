"""Processes that a test of fleets starts, and their descendants; only these are ever ended."""

import os
import signal
import subprocess
import time
from pathlib import Path


def table():
    """(parent, command line) of each process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                found[int(entry.name)] = (parent, (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return found


def descendants(pid):
    """Processes below one, by pid, with their command lines."""
    known, found, todo = table(), {}, [pid]
    while todo:
        above = todo.pop()
        below = {child: words for child, (parent, words) in known.items() if parent == above}
        found.update(below)
        todo.extend(below)
    return found


def wait_for(what, condition, seconds=300):
    """The first answer that is true."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.05)
    raise TimeoutError("no " + what)


class Running:
    """Processes that end with the `with` block, and what is below them too."""

    def __init__(self, directory):
        self.directory = directory
        self.started = []

    def start(self, name, *words, **options):
        log = open(self.directory / (name + ".log"), "wb")
        words = [str(word) for word in words]
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        log.close()
        self.started.append(process)
        return process

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for process in reversed(self.started):
            below = descendants(process.pid)
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pid in below:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
