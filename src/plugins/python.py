"""Runs the commands that packages of this Python's environment add to pyinquest's hosts.

Started by the program (`src/plugins/process.rs`), which gives this text to `python -c`. Standard input and what was standard output
carry one JSON object a line:

    {"do": "list"}                              -> {"commands": [{"name", "package", "summary", "help"}], "problems": [text]}
    {"do": "run", "name": ..., "text": ...}     -> any number of {"ask": LINE}, each answered by {"answer": ...} or
                                                   {"error": text}, and then {"done": ..., "printed": text} or {"failed": text}

Python 3.8 or newer, standard library alone.
"""

import contextlib
import io
import json
import os
import queue
import signal
import sys
import threading
import traceback
from importlib import metadata

GROUP = "pyinquest.commands"


class CommandError(Exception):
    """What a command of pyinquest says where it does not do what was asked."""


class Session:
    """The process that is looked at, for the time of one call."""

    def __init__(self, wire):
        self._wire = wire

    def ask(self, line):
        """The answer of a command of pyinquest ("bt --all", "print self.items") as data: what its `--json` shows. What it
        selects stays selected. Raises `Session.Error`."""
        self._wire.send({"ask": line})
        reply = self._wire.receive()
        if "error" in reply:
            raise CommandError(reply["error"])
        return reply["answer"]

    Error = CommandError


class Wire:
    """Lines to and from the program. Its end is ours, whatever a command does."""

    def __init__(self, source, sink):
        self._sink = sink
        self._lines = queue.Queue()
        threading.Thread(target=self._read, args=(source,), daemon=True).start()

    def _read(self, source):
        for line in source:
            self._lines.put(json.loads(line.decode()))
        os._exit(0)

    def receive(self):
        return self._lines.get()

    def send(self, message):
        self._sink.write(json.dumps(message).encode() + b"\n")
        self._sink.flush()


def entries():
    found = metadata.entry_points()
    group = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, ())
    # An environment may list a package twice.
    return {entry.name: entry for entry in group}


def described(entry, function):
    text = (getattr(function, "__doc__", None) or "").strip()
    lines = [line.strip() for line in text.splitlines()]
    return {"name": entry.name, "package": entry.value.split(":")[0], "summary": lines[0] if lines else "", "help": "\n".join(lines)}


def last_line(error):
    """The exception and where it was raised, in a line."""
    said = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[-1]
    frames = traceback.extract_tb(error.__traceback__)
    return "%s (%s:%s)" % (said, frames[-1].filename, frames[-1].lineno) if frames else said


class Commands:
    def __init__(self, wire):
        self._wire = wire
        self._functions = {}

    def list(self):
        commands, problems = [], []
        for name, entry in sorted(entries().items()):
            try:
                self._functions[name] = entry.load()
                commands.append(described(entry, self._functions[name]))
            except Exception as error:
                problems.append("%s (%s): %s" % (name, entry.value, last_line(error)))
        return {"commands": commands, "problems": problems}

    def run(self, name, text):
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                done = self._functions[name](Session(self._wire), text)
            return {"done": json.loads(json.dumps(done)), "printed": printed.getvalue()}
        except CommandError as error:
            return {"failed": str(error)}
        except (Exception, SystemExit) as error:
            return {"failed": "%s: %s" % (name, last_line(error))}


def main():
    # Ctrl-C is for the program; it closes our input when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wire = Wire(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
    # What a command's libraries write or read by themselves is no part of the exchange.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    commands = Commands(wire)
    while True:
        request = wire.receive()
        with contextlib.redirect_stdout(sys.stderr):
            reply = commands.list() if request["do"] == "list" else commands.run(request["name"], request["text"])
        wire.send(reply)


if __name__ == "__main__":
    main()
