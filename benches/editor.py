#!/usr/bin/env python3
"""How long an editor waits for the first stack: from `initialize` to the answer of `stackTrace`, on a core of about 2 GiB.

    python3 benches/editor.py --python PYTHON --pyinquest PROGRAM
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from peers import make_core


class Adapter:
    def __init__(self, program):
        self.process = subprocess.Popen([program, "dap"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.thread = None

    def send(self, command, arguments):
        self.number += 1
        request = {"seq": self.number, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()
        return self.number

    def message(self):
        length = 0
        for line in iter(self.process.stdout.readline, b"\r\n"):
            if not line:
                sys.exit("the adapter has ended")
            length = int(line.split(b":")[1])
        message = json.loads(self.process.stdout.read(length))
        if message.get("event") == "stopped":
            self.thread = message["body"]["threadId"]
        return message

    def answer(self, number):
        while True:
            message = self.message()
            if message["type"] == "response" and message["request_seq"] == number:
                if not message["success"]:
                    sys.exit(f"{message['command']}: {message['message']}")
                return message.get("body")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def first_stack(program, core):
    """Milliseconds by the clock and of processor time, and the frames that came."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    adapter = Adapter(program)
    # The start of the program is counted too: nothing answers before it has started.
    began = time.perf_counter()
    adapter.answer(adapter.send("initialize", {"adapterID": "pyinquest"}))
    attached = adapter.send("attach", {"coreFile": core})
    adapter.send("configurationDone", {})
    adapter.answer(attached)
    while adapter.thread is None:
        adapter.message()
    stack = adapter.answer(adapter.send("stackTrace", {"threadId": adapter.thread, "startFrame": 0, "levels": 20}))
    took = (time.perf_counter() - began) * 1000
    adapter.end()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
    return took, processor, [frame["name"] for frame in stack["stackFrames"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that makes the core")
    parser.add_argument("--pyinquest", default="target/release/pyinquest", help="program to measure")
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--big", type=int, default=2048, help="megabytes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        core = make_core(options.python, options.big, directory)
        runs = [first_stack(options.pyinquest, core) for _ in range(options.runs)]
    print(f"{len(runs[0][2])} frames")
    for name, at in (("clock", 0), ("processor", 1)):
        times = sorted(run[at] for run in runs)
        print(f"{name}: fastest {times[0]:.0f} ms, median {statistics.median(times):.0f} ms, slowest {times[-1]:.0f} ms")


if __name__ == "__main__":
    main()
