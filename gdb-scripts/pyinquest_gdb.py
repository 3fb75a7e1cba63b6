"""pyinquest inside gdb: `source pyinquest_gdb.py`, then `help pyinquest`.

Registers the commands and answers what the engine asks. Knows gdb; all knowledge of CPython is in the engine.
gdb 10 or newer with any Python 3.9 or newer.
"""

import json
import os
import re
import sys

import gdb
import gdb.printing
from gdb.FrameDecorator import FrameDecorator

# Not `__file__`: in a script that another script sources, gdb leaves that one's.
_HERE = os.path.dirname(os.path.realpath((lambda: None).__code__.co_filename))
if _HERE not in sys.path:
    sys.path.insert(0, _HERE)

import pyinquest_bridge as bridge  # noqa: E402  (found by the path above)

_MASK = (1 << 64) - 1

# What may be a path to a Python object, where gdb knows no such expression.
_PATH = re.compile(r"[^\W\d]")

# Types that point to Python objects: CPython's and those of extension modules that keep to its naming.
_OBJECT_TYPES = re.compile(r"^(?:struct )?(?:_?Py\w*Object|_object|_typeobject|_frame|wrapperobject)$")

# Named like objects, but without an object's head.
_NOT_OBJECTS = re.compile(r"Keys|^_?PyInterp|Allocator")


def _unsigned(value):
    return int(value) & _MASK


class _LanguageC:
    """Has gdb read expressions as C for a moment: the frame at hand may be of another language."""

    def __enter__(self):
        self._before = gdb.parameter("language")
        gdb.execute("set language c", to_string=True)

    def __exit__(self, *problem):
        gdb.execute("set language " + self._before, to_string=True)


class WatchPoint(gdb.Breakpoint):
    """A hardware watchpoint of a word."""

    def __init__(self, watched, threads):
        self.watched = watched
        self.hit = False
        if watched.thread is not None and watched.thread not in threads:
            raise bridge.Unavailable("the thread is gone")
        kind = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int", 8: "unsigned long"}[watched.size]
        super().__init__("*({} *) {:#x}".format(kind, watched.address), gdb.BP_WATCHPOINT,
                         gdb.WP_ACCESS if watched.access else gdb.WP_WRITE, internal=True)
        self.silent = True
        if watched.thread is not None:
            self.thread = threads[watched.thread]
        if self.type not in (gdb.BP_HARDWARE_WATCHPOINT, gdb.BP_ACCESS_WATCHPOINT):
            # gdb would carry out one machine instruction after the other.
            self.delete()
            raise bridge.Unavailable("gdb has no hardware watchpoint left here (info watchpoints lists those in use)")

    def stop(self):
        data = gdb.selected_inferior().read_memory(self.watched.address, self.watched.size)
        self.hit = self.watched.stops(int.from_bytes(bytes(data), sys.byteorder))
        return self.hit


class CallPoint(gdb.Breakpoint):
    """A breakpoint at an address of machine code."""

    def __init__(self, address):
        self.hit = False
        super().__init__("*{:#x}".format(address), gdb.BP_BREAKPOINT, internal=True)
        self.silent = True

    def stop(self):
        self.hit = True
        return True


class GdbHost:
    """What the engine may ask of gdb. See `pyinquest_bridge` for the methods."""

    name = "gdb"
    version = gdb.VERSION

    def __init__(self):
        self._epoch = 0
        self._stops = 0
        self._modules = 0
        self._core = (None, None)
        self._last_stop = None
        for event in ("cont", "stop", "exited"):
            self._on(event, self._ran)
        for event in ("memory_changed", "register_changed", "inferior_call"):
            self._on(event, self._changed)
        for event in ("new_objfile", "clear_objfiles", "free_objfile", "exited", "new_inferior"):
            self._on(event, self._modules_changed)

    @staticmethod
    def _on(event, handler):
        registry = getattr(gdb.events, event, None)
        if registry is not None:
            registry.connect(handler)

    def _ran(self, _event):
        self._epoch += 1
        self._stops += 1

    def _changed(self, _event):
        self._epoch += 1

    def _modules_changed(self, _event):
        self._epoch += 1
        self._modules += 1

    # -- the scene

    def scene(self):
        inferior = gdb.selected_inferior()
        thread = gdb.selected_thread()
        kind = self._kind(inferior) if thread is not None and thread.is_valid() else "none"
        if kind != "none" and not thread.is_stopped():
            self._in_condition()
        who = "{}/{}".format(inferior.num, inferior.pid)
        scene = {"process": kind, "modules": "{}:{}".format(who, self._modules)}
        scene["epoch"] = "{}:{}:{}".format(who, kind, self._epoch)
        scene["stop"] = "{}:{}:{}".format(who, kind, self._stops)
        if kind == "none":
            return scene
        scene["pid"] = inferior.pid or None
        scene["thread"] = self._tid(thread)
        space = gdb.current_progspace()
        scene["executable"] = space.filename if space is not None else None
        sysroot = gdb.parameter("sysroot")
        if sysroot and not sysroot.startswith("target:"):
            scene["sysroot"] = sysroot
        if kind == "core":
            scene["core"] = self._core_path(inferior)
        try:
            frame = gdb.selected_frame()
            scene["frame"] = self._level(frame)
            scene["arch"] = frame.architecture().name()
        except gdb.error:
            pass
        return scene

    def _in_condition(self):
        """A condition, `dprintf` or `Breakpoint.stop` is looked at before gdb calls the thread stopped, and tells of no
        event: nothing that was read before holds."""
        try:
            gdb.newest_frame().pc()
        except gdb.error:
            raise bridge.Unavailable(
                "pyinquest: the selected thread is running; stop it first (interrupt)") from None
        self._epoch += 1
        self._stops += 1

    @staticmethod
    def _tid(thread):
        pid, lwp, tid = thread.ptid
        return lwp or tid or pid

    @staticmethod
    def _level(frame):
        if hasattr(frame, "level"):
            return frame.level()
        # gdb 10
        level = 0
        while frame.newer() is not None:
            frame = frame.newer()
            level += 1
        return level

    @staticmethod
    def _kind(inferior):
        connection = getattr(inferior, "connection", None)
        if connection is not None:
            word = connection.type
        else:
            # Before gdb 12. `info inferiors` would tell too, but gdb dies when that is asked while it prints frames.
            listed = gdb.execute("maintenance print target-stack", to_string=True)
            found = re.search(r"^\s+- (core|(?:extended-)?remote)\b", listed, re.M)
            word = found.group(1) if found else "native"
        if word == "core":
            return "core"
        return "remote" if "remote" in word else "live"

    def _core_path(self, inferior):
        if self._core[0] == (inferior.num, inferior.pid, self._modules):
            return self._core[1]
        path = None
        corefile = getattr(inferior, "corefile", None)
        if corefile is not None:
            path = corefile.filename
        else:
            # Before gdb 17 the only place that tells is the heading of this list.
            try:
                text = gdb.execute("info target", to_string=True)
                found = re.search(r"[Cc]ore[^\n]*:\n\t[`'\u2018](.*)['\u2019], file type", text)
                path = found.group(1) if found else None
            except gdb.error:
                pass
        if path is not None and not os.path.isfile(path):
            path = None
        self._core = ((inferior.num, inferior.pid, self._modules), path)
        return path

    # -- memory

    def read(self, address, length):
        try:
            return bytes(gdb.selected_inferior().read_memory(address, length))
        except (gdb.error, OverflowError):
            return None

    # -- threads

    def threads(self, all_registers):
        inferior = gdb.selected_inferior()
        selected = gdb.selected_thread()
        if selected is None:
            raise bridge.Unavailable("no thread is selected")
        frame = self._selected_frame()
        answers = []
        try:
            # gdb lists the newest thread first.
            for thread in sorted(inferior.threads(), key=lambda each: each.num):
                if not thread.is_valid():
                    continue
                answer = {"tid": self._tid(thread), "name": thread.name}
                is_selected = thread.num == selected.num
                if is_selected or all_registers and thread.is_stopped():
                    if all_registers:
                        thread.switch()
                    answer["registers"] = self._registers()
                    answer["signal"] = self._signal()
                answers.append(answer)
        finally:
            if all_registers:
                selected.switch()
                if frame is not None and frame.is_valid():
                    frame.select()
        return answers

    @staticmethod
    def _selected_frame():
        try:
            return gdb.selected_frame()
        except gdb.error:
            return None

    @staticmethod
    def _registers():
        try:
            frame = gdb.newest_frame()
            architecture = frame.architecture()
        except gdb.error:
            return []
        if hasattr(architecture, "registers"):
            names = [register.name for register in architecture.registers("general")]
        else:
            names = ["rip", "rsp", "rbp", "rax", "rbx", "rcx", "rdx", "rsi", "rdi"] + ["r%d" % n for n in range(8, 16)]
        names += [name for name in ("fs_base", "gs_base", "tpidr") if name not in names]
        values = []
        for name in names:
            try:
                value = frame.read_register(name)
                if not value.is_optimized_out and value.type.sizeof <= 8:
                    values.append((name, _unsigned(value)))
            except (gdb.error, ValueError, TypeError):
                continue
        return values

    @staticmethod
    def _signal():
        try:
            info = gdb.parse_and_eval("$_siginfo")
            number = int(info["si_signo"])
            address = _unsigned(info["_sifields"]["_sigfault"]["si_addr"])
            return {"number": number, "code": int(info["si_code"]), "address": address} if number else None
        except (gdb.error, ValueError):
            return None

    # -- modules

    _AUXV = re.compile(r"^(\d+)\s+\S+.*?\s(0x[0-9a-f]+|\d+)$")
    _MAPPING = re.compile(r"^\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+0x[0-9a-f]+\s+(0x[0-9a-f]+)"
                          r"(?:\s+([r-][w-][x-][a-z-]))?(?:\s+(\S.*?))?\s*$")

    def modules(self):
        return {"auxv": self._auxv(), "mappings": self._mappings(), "modules": []}

    def _auxv(self):
        pairs = []
        for line in self._lines("info auxv"):
            found = self._AUXV.match(line)
            if found:
                pairs.append((int(found.group(1)), int(found.group(2), 0)))
        return pairs

    def _mappings(self):
        answers = []
        for line in self._lines("info proc mappings"):
            found = self._MAPPING.match(line)
            if found:
                start, end, offset, flags, path = found.groups()
                answers.append({"start": int(start, 16), "end": int(end, 16), "offset": int(offset, 16),
                                "flags": flags or "", "path": (path or "").strip()})
        return answers

    @staticmethod
    def _lines(command):
        try:
            return gdb.execute(command, to_string=True).split("\n")
        except gdb.error:
            return []

    # -- native frames

    def frames(self, limit):
        answers = []
        try:
            frame = gdb.newest_frame()
            while frame is not None and len(answers) < limit:
                answers.append({"level": len(answers), "pc": _unsigned(frame.pc()),
                                "sp": _unsigned(frame.read_register("sp")), "name": frame.name(),
                                "inlined": frame.type() == gdb.INLINE_FRAME})
                frame = frame.older()
        except (gdb.error, ValueError) as problem:
            # An unwinder that fails half-way: what it has found counts.
            if not answers:
                raise bridge.Unavailable(str(problem)) from None
        return answers

    @staticmethod
    def _frame_at(level):
        try:
            frame = gdb.newest_frame()
            for _ in range(level):
                frame = frame.older() if frame is not None else None
        except gdb.error as problem:
            raise bridge.Unavailable(str(problem)) from None
        if frame is None:
            raise bridge.Unavailable("there is no frame {}".format(level))
        return frame

    def variables(self, level, names):
        frame = self._frame_at(level)
        values = {}
        for name in names:
            try:
                value = frame.read_var(name)
                if not value.is_optimized_out:
                    values[name] = _unsigned(value)
            except (gdb.error, ValueError, RuntimeError):
                continue
        return values

    def select_frame(self, level):
        try:
            self._frame_at(level).select()
        except bridge.Unavailable:
            pass

    def select_thread(self, tid):
        for thread in gdb.selected_inferior().threads():
            if thread.is_valid() and self._tid(thread) == tid:
                thread.switch()
                return

    @staticmethod
    def interrupted():
        # gdb raises KeyboardInterrupt.
        return False

    # -- running on

    def run(self, watches, calls):
        numbers = {self._tid(each): each.num for each in gdb.selected_inferior().threads() if each.is_valid()}
        points = []
        told = []
        self._last_stop = None
        try:
            with _LanguageC():
                for watch in watches:
                    points.append(WatchPoint(bridge.Watched(watch), numbers))
                points += [CallPoint(address) for address in calls]
            gdb.events.stop.connect(self._note_stop)
            gdb.events.exited.connect(self._note_stop)
            try:
                # What gdb says of our own stops is nothing to show.
                told.append(gdb.execute("continue", to_string=True) or "")
                while self._unexplained(points) and not any(point.stop() for point in points[:len(watches)]):
                    told = [gdb.execute("continue", to_string=True) or ""]
            finally:
                gdb.events.stop.disconnect(self._note_stop)
                gdb.events.exited.disconnect(self._note_stop)
        except gdb.error as problem:
            raise bridge.Unavailable(str(problem)) from None
        finally:
            hit = [(index, point) for index, point in enumerate(points) if point.hit]
            for point in points:
                if point.is_valid():
                    point.delete()
        stop = self._last_stop
        if isinstance(stop, gdb.ExitedEvent) or not gdb.selected_inferior().pid:
            return {"kind": "exited", "text": "".join(told)}
        ours = hit and (self._by_debug_registers(stop) if isinstance(stop, gdb.SignalEvent) else
                        all(point in points for point in getattr(stop, "breakpoints", ())))
        return {"kind": "watch" if ours else "other", "text": "" if ours else "".join(told),
                "changes": [point.watched.change(index) for index, point in hit if index < len(watches)],
                "called": any(index >= len(watches) for index, _ in hit)}

    def _note_stop(self, event):
        self._last_stop = event

    def _unexplained(self, points):
        """Whether the process stands for a debug register that gdb gives no watchpoint for, as rarely happens."""
        return not any(point.hit for point in points) and self._by_debug_registers(self._last_stop)

    @staticmethod
    def _by_debug_registers(stop):
        """Whether a stop is a trap of the processor's debug registers or single step, not of an instruction of the program."""
        if not isinstance(stop, gdb.SignalEvent) or stop.stop_signal != "SIGTRAP":
            return False
        try:
            # TRAP_TRACE and TRAP_HWBKPT (sigaction(2)); an instruction's trap has SI_KERNEL or TRAP_BRKPT.
            return int(gdb.parse_and_eval("$_siginfo.si_code")) in (2, 4)
        except gdb.error:
            return False


    # -- what the engine can do

    @staticmethod
    def register(table):
        HELP.table = table
        for declared in table["commands"]:
            Command(declared)
        for declared in table["functions"]:
            Function(declared)


HOST = GdbHost()
ENGINE = bridge.Bridge(HOST)


def _run(name, args=""):
    result = ENGINE.command(name, args)
    bridge.report_cost(name, result)
    return result


def _address_of(expression):
    """An address, from an expression of gdb's: a pointer, a number, or a struct in memory."""
    value = gdb.parse_and_eval(expression)
    if value.type.strip_typedefs().code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION) and value.address is not None:
        value = value.address
    return "{:#x}".format(_unsigned(value))


GROUPS = {"stack": gdb.COMMAND_STACK, "data": gdb.COMMAND_DATA, "files": gdb.COMMAND_FILES,
          "support": gdb.COMMAND_SUPPORT}


class Command(gdb.Command):
    """A command that the engine declares and carries out."""

    def __init__(self, declared):
        self.__doc__ = declared["help"]
        self._declared = declared
        super().__init__("py-" + declared["name"], GROUPS.get(declared["group"], gdb.COMMAND_SUPPORT))

    def invoke(self, args, from_tty):
        # Typing Enter again must not repeat `py-print x` unasked, but should repeat the way up and down.
        if from_tty and not self._declared["repeats"]:
            self.dont_repeat()
        options, args = bridge.split_options(args, self._declared)
        everything = self._declared["evaluates"] == "all"
        if args and (everything or re.match(r"[$(*&]|0x", args)) and not args.startswith("-"):
            try:
                args = _address_of(args)
            except gdb.error as problem:
                # A name that gdb does not know may be a path to a Python object.
                if not _PATH.match(args):
                    raise gdb.GdbError(str(problem)) from None
        gdb.write(_run(self._declared["name"], options + args).text)

    def complete(self, text, word):
        kind = self._declared["completion"]
        # gdb asks for what replaces its last word.
        skipped = len(text.lstrip()) - len(word or "")
        if kind == "flags":
            return [flag[skipped:] for flag in self._declared["flags"] if flag.startswith(text.lstrip())]
        if kind != "path" or re.match(r"[$(*&@]|0x", text):
            return gdb.COMPLETE_NONE
        result = _run("complete", text.lstrip())
        return [path[skipped:] for path in result.value or ()] if result.ok else []


class PyinquestHelp(gdb.Command):
    """Python in this process: commands and functions of pyinquest."""

    def __init__(self):
        super().__init__("pyinquest", gdb.COMMAND_SUPPORT, gdb.COMPLETE_NONE)
        self.table = {"commands": [], "functions": []}

    def invoke(self, args, from_tty):
        for declared in self.table["commands"]:
            gdb.write("py-{:<9} {}\n".format(declared["name"], declared["help"].split("\n")[0]))
        gdb.write("py-frames    Whether plain `bt` shows Python frames too.\n\nFunctions for expressions:\n")
        for declared in self.table["functions"]:
            gdb.write("$py_{:<8} {}\n".format(declared["name"], declared["help"].split("\n")[0]))
        gdb.write("\n`p object` and `info locals` show Python values (disable pretty-printer global pyinquest).\n")


HELP = PyinquestHelp()


# -- values


class ObjectPrinter:
    """A pointer to a Python object, shown as the object."""

    def __init__(self, text):
        self._text = text

    def to_string(self):
        return self._text


class ObjectPrinters(gdb.printing.PrettyPrinter):
    """Finds pointers to Python objects among the values that gdb prints."""

    def __init__(self):
        super().__init__("pyinquest", [])

    def __call__(self, value):
        kind = value.type.strip_typedefs() if value.type.code == gdb.TYPE_CODE_TYPEDEF else value.type
        if kind.code != gdb.TYPE_CODE_PTR:
            return None
        pointee = kind.target().unqualified()
        name = pointee.name or ""
        if not _OBJECT_TYPES.match(name) or _NOT_OBJECTS.search(name) or value.is_optimized_out:
            return None
        try:
            address = _unsigned(value)
        except gdb.error:
            return None
        if address == 0:
            return ObjectPrinter("0x0")
        result = _run("repr", "{:#x}".format(address))
        return ObjectPrinter(result.text) if result.ok else None


def _register_printers(objfile):
    gdb.printing.register_pretty_printer(objfile, ObjectPrinters(), replace=True)


class Function(gdb.Function):
    """A convenience function that the engine declares and carries out."""

    def __init__(self, declared):
        self.__doc__ = declared["help"]
        self._declared = declared
        super().__init__("py_" + declared["name"])

    def invoke(self, *arguments):
        if len(arguments) != self._declared["arguments"]:
            raise gdb.GdbError(self._declared["help"])
        plain = self._declared["name"] in ("repr", "type", "refcnt", "local")
        text = self._plain(arguments[0]) if plain else self._given(arguments)
        result = _run(self._declared["name"], text)
        if not result.ok:
            raise gdb.GdbError(result.text.strip() or "pyinquest: no answer")
        if self._declared["gives"] == "object":
            return _object_pointer(result)
        return _text_value(result.text) if self._declared["gives"] == "text" else int(result.value)

    @staticmethod
    def _is_text(argument):
        return argument.type.code in (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_STRING)

    def _plain(self, argument):
        return argument.string() if self._is_text(argument) else "{:#x}".format(_unsigned(argument))

    def _given(self, arguments):
        """What was given, as `src/commands/conditions.rs` reads it."""
        given = []
        for index, argument in enumerate(arguments):
            if self._is_text(argument):
                given.append({"text" if index else "path": argument.string()})
            elif index and argument.type.strip_typedefs().code != gdb.TYPE_CODE_PTR:
                given.append({"number": int(argument)})
            else:
                given.append({"address": _unsigned(argument)})
        return json.dumps(given)


def _text_value(text):
    """The text as a convenience variable's: gdb prints (`printf "%s"`) or compares another only after it has called `malloc` in
    the process and copied it there, which changes the process, and which gdb 13 cannot do on processors with AMX."""
    gdb.set_convenience_variable("_pyinquest_text", text)
    return gdb.convenience_variable("_pyinquest_text")


def _object_pointer(result):
    address = gdb.Value(int(result.value))
    for name in ("PyObject", "void"):
        try:
            return address.cast(gdb.lookup_type(name).pointer())
        except gdb.error:
            continue
    return address


# -- Python frames in `bt`


class PythonFrame(FrameDecorator):
    """A Python frame as a line of `bt`, behind the native frame that runs it."""

    def __init__(self, native, python, known=True):
        super().__init__(native)
        self._python = python
        self._known = known

    def function(self):
        unknown = "" if self._known else " (its native frame is not known)"
        return "    [Python] " + self._python["function"] + unknown

    def filename(self):
        return self._python["file"]

    def line(self):
        return self._python["line"]

    def address(self):
        return None

    def frame_args(self):
        return None

    def frame_locals(self):
        return None

    def elided(self):
        return None


class PythonFrames:
    """Puts the Python frames between the native frames of `bt`; switched by `py-frames`."""

    name = "pyinquest"
    priority = 100
    enabled = False

    def filter(self, frames):
        result = _run("stack")
        by_level = {}
        if result.ok:
            for level, python in result.value or ():
                by_level.setdefault(level, []).append(python)
        return self._merge(frames, by_level)

    @staticmethod
    def _merge(frames, by_level):
        decorated = None
        for decorated in frames:
            level = GdbHost._level(decorated.inferior_frame())
            # gdb numbers the first line of a level only: the native frame, whose number it is.
            yield decorated
            for python in by_level.get(level, ()):
                yield PythonFrame(decorated, python)
        if decorated is not None:
            for python in by_level.get(None, ()):
                yield PythonFrame(decorated, python, known=False)


FRAMES = PythonFrames()
gdb.frame_filters[FRAMES.name] = FRAMES


class FramesSwitch(gdb.Command):
    """Whether plain `bt` shows Python frames too.

py-frames on|off    (without argument: tells which)"""

    def __init__(self):
        super().__init__("py-frames", gdb.COMMAND_STACK, gdb.COMPLETE_NONE)

    def invoke(self, args, from_tty):
        word = args.strip()
        if word not in ("", "on", "off"):
            raise gdb.GdbError("py-frames takes on or off")
        if word:
            FRAMES.enabled = word == "on"
        gdb.write("Python frames in bt: {}\n".format("on" if FRAMES.enabled else "off"))


FramesSwitch()


ENGINE.load()


def register(objfile=None):
    """Registers the pretty-printers, for all files or (where gdb has loaded this script for one) for that one."""
    _register_printers(objfile)


register(gdb.current_objfile())
