#!/usr/bin/env -S -u PYTHONHOME python3
"""Stands in for `pyinquest bridge --stdio` and goes wrong in the way that ODD names, for
tests/bridge_faults.rs. It creates the file ODD_FILE when it has got a command.

PYTHONHOME may be that of a debugger with a Python of its own."""

import json
import os
import signal
import struct
import sys


def receive():
    head, payload = struct.unpack("<II", sys.stdin.buffer.read(8))
    message = json.loads(sys.stdin.buffer.read(head))
    sys.stdin.buffer.read(payload)
    return message


def send(message, payload=b""):
    head = json.dumps(message).encode()
    sys.stdout.buffer.write(struct.pack("<II", len(head), len(payload)) + head + payload)
    sys.stdout.buffer.flush()


odd = os.environ["ODD"]
hello = receive()
send({"type": "hello", "protocol": 99 if odd == "protocol" else hello["protocol"], "version": "0"})
message = receive()
while message["type"] == "commands":
    bt = {"name": "bt", "group": "stack", "help": "bt", "evaluates": "marked", "completion": "none", "flags": [],
          "repeats": False}
    send({"type": "commands", "commands": [bt], "functions": []})
    message = receive()
# A command is being carried out.
open(os.environ["ODD_FILE"], "w").close()
if odd == "killed":
    # In the middle of a message.
    sys.stdout.buffer.write(b"\x20\x00")
    sys.stdout.buffer.flush()
    os.kill(os.getpid(), signal.SIGKILL)
elif odd == "babble":
    sys.stdout.buffer.write(b"Traceback (most recent call last):\n" * 10)
    sys.stdout.buffer.flush()
elif odd == "no-json":
    sys.stdout.buffer.write(struct.pack("<II", 4, 0) + b"\xff\xfe{]")
    sys.stdout.buffer.flush()
elif odd == "strange":
    send({"type": "sermon"})
elif odd == "asks":
    # Asks on and on, and ends when it is told to: a long command.
    for number in range(1 << 30):
        send({"type": "request", "id": number, "ask": "read", "ranges": [[0, 16]]})
        if receive().get("cancelled"):
            break
    send({"type": "result", "id": 1, "ok": False})
# Silent, until the debugger is gone.
sys.stdin.buffer.read()
