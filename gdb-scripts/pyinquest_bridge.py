"""The way from a debugger to the pyinquest engine: starts it, speaks its protocol, survives its death.

Shared by the gdb and the lldb script. Standard library only, Python 3.9 or newer. A debugger is a *host*, an object
with these methods, each of which may raise `Unavailable`:

    name, version               attributes
    scene()                     the state of the process, a dict (fields: `Scene` in src/bridge/protocol.rs)
    read(address, length)       bytes of the process, or None
    threads(all_registers)      list of dicts
    modules()                   dict
    frames(limit)               list of dicts
    variables(level, names)     dict
    select_frame(level)         moves the debugger's selection
    select_thread(tid)          the same, by the system's id
    interrupted()               whether Ctrl-C was pressed, where that raises no KeyboardInterrupt
    run(watches, calls)         runs the process on until a watched word changes (`Watch` in src/commands/host.rs), one of these
                                addresses of machine code is reached, or something else stops it: a dict (`Stop` there)
    register(table)             commands and functions, as the engine declares them: lists of dicts
"""

import json
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time

PROTOCOL = 3

# Longest silence of the engine before it is taken for dead, in seconds.
TIMEOUT = float(os.environ.get("PYINQUEST_TIMEOUT", "60"))

# How long the engine may take to say which commands there are when the script is loaded, in seconds.
LOAD_TIMEOUT = 5.0

# What is registered where no engine can be had when the script is loaded: each says what is wrong when it is given.
WITHOUT_ENGINE = ("bt", "bt-full", "list", "up", "down", "frame", "break", "tbreak", "catch", "watch", "breakpoints",
                  "delete", "continue", "advance", "step", "next", "finish", "until", "print", "locals", "thread",
                  "threads", "refcount", "object", "exc", "tasks", "report", "info", "heap", "objects", "strings", "refs",
                  "why", "top", "audit", "check", "memory", "what", "status")

# How long the engine may take to end a command after Ctrl-C, in seconds.
CANCEL_TIMEOUT = 2.0

# No message of the engine is longer; a bigger length means that something else than the engine talks.
MAX_HEADER = 16 << 20
MAX_PAYLOAD = 64 << 20

_INTERRUPTED = "pyinquest: interrupted; the engine will be started anew"

_LENGTHS = struct.Struct("<II")


class Unavailable(Exception):
    """Something that cannot be had; the message is one line for the user."""


class EngineLost(Exception):
    """The engine is gone; the message is one line for the user."""


class Result:
    """What a command gave."""

    def __init__(self, ok, text, value, cost):
        self.ok = ok
        self.text = text
        self.value = value
        self.cost = cost


class Watched:
    """A word of the process that is watched, and when a change of it needs no stop."""

    def __init__(self, watch):
        self.address = watch["address"]
        self.size = watch["size"]
        self.access = watch["access"]
        self.thread = watch["thread"]
        self.before = self.now = watch["value"]
        self._quiet = watch["quiet"]

    def stops(self, now):
        """Whether it stops the process that the word holds this value now."""
        self.before, self.now = self.now, now
        if self.access:
            return True
        if self.before == now:
            return False
        if self._quiet == "never":
            return True
        if "growing" in self._quiet:
            first, end = self._quiet["growing"]
            return not (first <= now < end and self.before < now)
        return now == self._quiet["other"]

    def change(self, index):
        return {"watch": index, "before": self.before, "now": self.now}


def split_options(args, declared):
    """What a user typed after a command, in two: options, and what may be an expression of the debugger."""
    rest = args.strip()
    while rest.startswith("-"):
        word = re.match(r"(--?[a-z-]+)(=|\s|$)", rest)
        if word is None or word.group(1) not in declared["flags"] + ["--json"]:
            break
        after = rest[word.end():]
        if word.group(1) in declared.get("valued", ()):
            value = re.match(r"\s*(\"[^\"]*\"|'[^']*'|\S+)", after)
            after = after[value.end():] if value else ""
        rest = after.strip()
    return args.strip()[:len(args.strip()) - len(rest)], rest


def find_engine():
    """Path of the pyinquest program."""
    given = os.environ.get("PYINQUEST")
    if given:
        if shutil.which(given) is None:
            raise EngineLost("pyinquest: PYINQUEST is set to {!r}, which is not a program that runs".format(given))
        return given
    # `pyinquest init` notes beside the scripts which program has put them there.
    note = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "engine-path")
    try:
        with open(note, encoding="utf-8", errors="surrogateescape") as file:
            noted = file.read().strip()
    except OSError:
        noted = ""
    for candidate in (noted, "pyinquest", os.path.expanduser("~/.cargo/bin/pyinquest")):
        found = candidate and shutil.which(candidate)
        if found:
            return found
    raise EngineLost("pyinquest: the pyinquest program was not found; build it (cargo install --locked --path DIR) "
                     "or set the environment variable PYINQUEST to its path")


class Bridge:
    """The engine, started when it is first needed and again after it was lost."""

    def __init__(self, host):
        self._host = host
        self._process = None
        self._engine = None
        self._stderr = None
        self._next_id = 0
        self._busy = False
        self._greeted = False
        self._registered = False
        # The request that the host works on, and what has come of the next message.
        self._unanswered = None
        self._partial = bytearray()
        self._cancelled = False

    def command(self, name, args=""):
        """Runs a command of the engine. Gives a `Result`; its text says what went wrong, if something did."""
        if self._busy:
            # A pretty-printer that is called while a command runs (it prints something) must not talk in between.
            return Result(False, "", None, {})
        self._busy = True
        self._cancelled = False
        try:
            # The debugger looks at its process while the engine starts.
            self._start()
            scene = self._host.scene()
            self._greet()
            return self._run(name, args, scene)
        except Unavailable as problem:
            return Result(False, str(problem) + "\n", None, {})
        except EngineLost as problem:
            self.close()
            return Result(False, (_INTERRUPTED if self._cancelled else str(problem)) + "\n", None, {})
        except KeyboardInterrupt:
            # Pressed outside of an exchange: nothing is half-said.
            self.close()
            return Result(False, "pyinquest: interrupted\n", None, {})
        finally:
            self._busy = False

    def load(self):
        """Registers the commands with the debugger. The engine is started for that, and stays for the first command."""
        try:
            self._start()
            self._greet(LOAD_TIMEOUT)
        except (EngineLost, OSError):
            # Whatever is wrong is said when a command is given.
            self.close()
            self._host.register({"commands": [{"name": name, "group": "support", "help": "pyinquest's engine did not start.",
                                               "evaluates": "marked", "completion": "none", "flags": [],
                                               "repeats": False} for name in WITHOUT_ENGINE], "functions": []})

    def _register(self, timeout):
        """Has the debugger know what the engine can do, once."""
        self._send({"type": "commands"})
        table, _ = self._receive(timeout)
        if table.get("type") != "commands":
            raise EngineLost("pyinquest: the engine sent something strange; it will be started anew")
        self._host.register(table)
        self._registered = True

    def close(self):
        """Ends the engine."""
        process, self._process = self._process, None
        self._unanswered = None
        self._partial = bytearray()
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                try:
                    pipe.close()
                except OSError:
                    pass
            try:
                # It ends by itself when its input is closed, unless it hangs.
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    # -- starting

    def _start(self):
        if self._process is not None:
            if self._process.poll() is None:
                return
            self.close()
        engine = self._engine = find_engine()
        self._greeted = False
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the engine)
        try:
            self._process = subprocess.Popen(
                [engine, "bridge", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
                # A session of its own: Ctrl-C in the terminal is for the debugger, which tells the engine.
                start_new_session=True)
        except OSError as problem:
            raise EngineLost("pyinquest: cannot start {}: {}".format(engine, problem.strerror)) from None
        self._send({"type": "hello", "protocol": PROTOCOL, "debugger": self._host.name,
                    "version": self._host.version})

    def _greet(self, timeout=TIMEOUT):
        """Hears what the engine says to our hello, and which commands there are."""
        if self._greeted:
            return
        hello, _ = self._receive(timeout)
        if hello.get("error"):
            raise EngineLost("pyinquest: " + hello["error"])
        if hello.get("type") != "hello" or hello.get("protocol") != PROTOCOL:
            raise EngineLost("pyinquest: {} speaks another protocol; run `pyinquest init {}` to renew this script"
                             .format(self._engine, self._host.name))
        if not self._registered:
            self._register(timeout)
        self._greeted = True

    # -- a command

    def _run(self, name, args, scene):
        self._next_id += 1
        command = self._next_id
        self._send({"type": "command", "id": command, "name": name, "args": args, "scene": scene})
        self._cancelled = False
        deadline = None
        while True:
            try:
                wait = TIMEOUT if deadline is None else deadline - time.monotonic()
                message, payload = self._receive(wait)
                if message.get("type") == "result":
                    if message.get("id") != command:
                        continue
                    if self._cancelled:
                        return Result(False, "pyinquest: interrupted\n", None, {})
                    return self._finish(message, payload)
                if message.get("type") != "request":
                    raise EngineLost("pyinquest: the engine sent something strange; it will be started anew") from None
                # Before anything that Ctrl-C may end: the engine waits for an answer.
                self._unanswered = message
                self._check_interrupt()
                if self._cancelled:
                    answer, data = {"error": "interrupted", "cancelled": True}, b""
                else:
                    answer, data = self._answer(message)
            except KeyboardInterrupt:
                if self._cancelled:
                    raise EngineLost(_INTERRUPTED) from None
                self._cancelled = True
                deadline = time.monotonic() + CANCEL_TIMEOUT
                message = self._unanswered
                if message is None:
                    # Nothing is being asked. What was received of a message stays in `_partial`.
                    continue
                answer, data = {"error": "interrupted", "cancelled": True}, b""
            answer.update(type="answer", id=message["id"])
            self._unanswered = None
            self._send(answer, data)

    def _finish(self, message, payload):
        for action in message.get("actions", ()):
            if action.get("do") == "select_frame":
                self._host.select_frame(int(action["level"]))
            elif action.get("do") == "select_thread":
                self._host.select_thread(int(action["tid"]))
        return Result(bool(message.get("ok")), payload.decode("utf-8", "replace"), message.get("value"),
                      message.get("cost", {}))

    def _answer(self, request):
        ask = request.get("ask")
        try:
            if ask == "read":
                return self._read(request["ranges"])
            if ask == "threads":
                return {"body": self._host.threads(request["registers"] == "all")}, b""
            if ask == "modules":
                return {"body": self._host.modules()}, b""
            if ask == "frames":
                return {"body": self._host.frames(request["limit"])}, b""
            if ask == "variables":
                return {"body": self._host.variables(request["level"], request["names"])}, b""
            if ask == "run":
                stop = self._host.run(request["watches"], request["calls"])
                return {"body": {"scene": self._host.scene(), "stop": stop}}, b""
            return {"error": "this script does not know the request {!r}".format(ask)}, b""
        except Unavailable as problem:
            return {"error": str(problem)}, b""

    def _read(self, ranges):
        lengths = []
        pieces = []
        for address, length in ranges:
            data = self._host.read(address, length)
            if data is None or len(data) != length:
                lengths.append(0)
            else:
                lengths.append(length)
                pieces.append(data)
        return {"body": lengths}, b"".join(pieces)

    # -- frames of the protocol

    def _send(self, header, payload=b""):
        head = json.dumps(header, separators=(",", ":")).encode("ascii")
        data = memoryview(_LENGTHS.pack(len(head), len(payload)) + head + payload)
        interrupted = False
        out = self._process.stdin.fileno()
        while data:
            try:
                data = data[os.write(out, data):]
            except KeyboardInterrupt:
                # Half a message would leave the engine waiting for the other half.
                interrupted = True
            except OSError:
                raise EngineLost(self._obituary()) from None
        if interrupted:
            raise KeyboardInterrupt

    def _receive(self, timeout):
        deadline = time.monotonic() + timeout
        head_length, payload_length = _LENGTHS.unpack(self._read_exactly(0, _LENGTHS.size, deadline))
        if head_length > MAX_HEADER or payload_length > MAX_PAYLOAD:
            raise EngineLost("pyinquest: the engine sent something strange; it will be started anew") from None
        start = _LENGTHS.size
        head = self._read_exactly(start, head_length, deadline)
        payload = self._read_exactly(start + head_length, payload_length, deadline)
        self._partial = bytearray()
        try:
            return json.loads(head.decode("utf-8")), payload
        except ValueError:
            raise EngineLost("pyinquest: the engine sent something strange; it will be started anew") from None

    def _read_exactly(self, start, length, deadline):
        """Bytes `start` to `start + length` of the message. What was read stays in `_partial` until the message is
        whole, so that an interrupt loses nothing."""
        source = self._process.stdout.fileno()
        while len(self._partial) < start + length:
            # In slices: a debugger may deliver Ctrl-C only between two calls.
            left = deadline - time.monotonic()
            if left <= 0:
                raise EngineLost("pyinquest: the engine does not answer; it will be started anew "
                                 "(PYINQUEST_TIMEOUT sets the seconds to wait)")
            if not select.select([source], [], [], min(left, 0.1))[0]:
                self._check_interrupt()
                continue
            data = os.read(source, start + length - len(self._partial))
            if not data:
                raise EngineLost(self._obituary())
            self._partial += data
        return bytes(self._partial[start:start + length])

    def _check_interrupt(self):
        """For debuggers that note Ctrl-C without raising KeyboardInterrupt."""
        if not self._cancelled and self._host.interrupted():
            raise KeyboardInterrupt

    def _obituary(self):
        """One line about an engine that died."""
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "pyinquest: the engine closed the bridge; it will be started anew"
        self._partial = bytearray()
        how = "was killed by signal {}".format(-code) if code < 0 else "ended with code {}".format(code)
        last = ""
        try:
            self._stderr.seek(0)
            lines = self._stderr.read().decode("utf-8", "replace").split("\n")
            last = next((": " + line.strip() for line in lines if line.strip()), "")
        except (OSError, ValueError):
            pass
        return "pyinquest: the engine {}{}; it will be started anew (please report this)".format(how, last[:300])


def report_cost(name, result):
    """For tests and the curious: what a command cost, on stderr."""
    if os.environ.get("PYINQUEST_COST") and result.cost:
        sys.stderr.write("pyinquest-cost {} {}\n".format(name, json.dumps(result.cost, sort_keys=True)))
