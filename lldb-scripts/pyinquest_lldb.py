"""pyinquest inside lldb: `command script import pyinquest_lldb.py`, then `help py-bt`.

Registers the commands and answers what the engine asks. Knows lldb; all knowledge of CPython is in the engine.
lldb 14 or newer with any Python 3.9 or newer.
"""

import os
import re
import sys
import threading

import lldb

_HERE = os.path.dirname(os.path.realpath(__file__))
for _directory in (_HERE, os.path.join(os.path.dirname(_HERE), "gdb-scripts")):
    # The way to the engine is one file for both debuggers; it lies with the gdb script.
    if os.path.isfile(os.path.join(_directory, "pyinquest_bridge.py")) and _directory not in sys.path:
        sys.path.insert(0, _directory)

import pyinquest_bridge as bridge  # noqa: E402  (found by the path above)

# Types that point to Python objects: CPython's and those of extension modules that keep to its naming.
_OBJECT_TYPES = r"^(struct )?(_?Py[A-Za-z0-9_]*Object|_object|_typeobject|_frame|wrapperobject) \*( ?const)?$"

# Named like objects, but without an object's head.
_NOT_OBJECTS = re.compile(r"Keys|^_?PyInterp|Allocator")

# What may be a path to a Python object, where lldb knows no such expression.
_PATH = re.compile(r"[^\W\d]")

_CATEGORY = "pyinquest"

_STOPPED = (lldb.eStateStopped, lldb.eStateCrashed, lldb.eStateSuspended)


class LldbHost:
    """What the engine may ask of lldb. See `pyinquest_bridge` for the methods."""

    name = "lldb"
    version = lldb.SBDebugger.GetVersionString().split("\n")[0]

    def __init__(self):
        self._debugger = None
        self._asked = None
        self._commands = 0

    def enter(self, debugger, thread=None):
        """A command begins in this debugger, of the selected thread or of this one."""
        self._debugger = debugger
        self._asked = thread
        self._commands += 1

    def _target(self):
        return self._debugger.GetSelectedTarget()

    def _process(self):
        return self._target().GetProcess()

    def _thread(self):
        return self._asked or self._process().GetSelectedThread()

    # -- the scene

    def scene(self):
        target = self._target()
        process = target.GetProcess()
        state = process.GetState() if process.IsValid() else lldb.eStateInvalid
        if state in (lldb.eStateRunning, lldb.eStateStepping):
            raise bridge.Unavailable("pyinquest: the process is running; stop it first (process interrupt)")
        who = "{}/{}".format(self._debugger.GetID(), process.GetUniqueID())
        if state not in _STOPPED:
            return {"process": "none", "modules": who, "epoch": who}
        plugin = process.GetPluginName() or ""
        is_core = plugin not in ("gdb-remote", "lldb", "kdp-remote")
        is_remote = target.GetPlatform().GetName() not in (None, "host")
        scene = {"process": "core" if is_core else "remote" if is_remote else "live", "pid": process.GetProcessID()}
        # After an exec there may be as many modules as before, but others.
        builds = hash(tuple(module.GetUUIDString() for module in target.module_iter()))
        scene["modules"] = "{}:{}:{}".format(who, target.GetNumModules(), builds)
        # lldb tells nobody when memory is written: what was read of a process that lives holds for one command.
        changes = 0 if is_core else self._commands
        scene["epoch"] = "{}:{}:{}".format(who, process.GetStopID(True), changes)
        scene["stop"] = "{}:{}".format(who, process.GetStopID())
        scene["arch"] = target.GetTriple()
        thread = self._thread()
        if thread.IsValid():
            scene["thread"] = thread.GetThreadID()
            frame = thread.GetSelectedFrame()
            if frame.IsValid():
                scene["frame"] = frame.GetFrameID()
        executable = target.GetExecutable()
        if executable.IsValid():
            scene["executable"] = executable.fullpath
        if is_core and hasattr(process, "GetCoreFile"):
            path = process.GetCoreFile().fullpath
            if path and os.path.isfile(path):
                scene["core"] = path
        return scene

    # -- memory

    def read(self, address, length):
        error = lldb.SBError()
        data = self._process().ReadMemory(address, length, error)
        return data if error.Success() else None

    # -- threads

    def threads(self, all_registers):
        selected = self._thread().GetThreadID()
        answers = []
        for thread in self._process():
            answer = {"tid": thread.GetThreadID(), "name": thread.GetName()}
            if all_registers or answer["tid"] == selected:
                answer["registers"] = self._registers(thread)
                answer["signal"] = self._signal(thread)
            answers.append(answer)
        return answers

    @staticmethod
    def _registers(thread):
        frame = thread.GetFrameAtIndex(0)
        sets = frame.GetRegisters()
        values = []
        seen = set()
        general = sets.GetValueAtIndex(0) if sets.GetSize() else ()
        for register in list(general) + [frame.FindRegister(name) for name in ("fs_base", "gs_base", "tpidr")]:
            name = register.GetName()
            error = lldb.SBError()
            value = register.GetValueAsUnsigned(error, 0)
            if name and name not in seen and error.Success() and register.GetByteSize() <= 8:
                seen.add(name)
                values.append((name, value))
        return values

    @staticmethod
    def _signal(thread):
        if thread.GetStopReason() != lldb.eStopReasonSignal:
            return None
        signal = {"number": thread.GetStopReasonDataAtIndex(0)}
        description = thread.GetStopDescription(256) or ""
        found = re.search(r"fault address[:=]? (0x[0-9a-f]+)", description)
        info = thread.GetSiginfo() if hasattr(thread, "GetSiginfo") else None
        if info is not None and info.IsValid() and info.GetChildMemberWithName("si_code").IsValid():
            signal["code"] = info.GetChildMemberWithName("si_code").GetValueAsSigned()
            address = info.GetValueForExpressionPath("._sifields._sigfault.si_addr")
            if address.IsValid():
                signal["address"] = address.GetValueAsUnsigned()
        elif found:
            # An address is told of faults only; of their codes any will do that is not one of `kill`.
            signal["code"] = 1
            signal["address"] = int(found.group(1), 16)
        return signal

    # -- modules

    def modules(self):
        target = self._target()
        modules = []
        for module in target.module_iter():
            header = module.GetObjectFileHeaderAddress()
            address = header.GetLoadAddress(target) if header.IsValid() else lldb.LLDB_INVALID_ADDRESS
            if address != lldb.LLDB_INVALID_ADDRESS:
                path = module.GetPlatformFileSpec().fullpath or module.GetFileSpec().fullpath or ""
                modules.append((path, address))
        return {"auxv": [], "mappings": self._regions(), "modules": modules}

    def _regions(self):
        regions = self._process().GetMemoryRegions()
        answers = []
        info = lldb.SBMemoryRegionInfo()
        for index in range(regions.GetSize()):
            if regions.GetMemoryRegionAtIndex(index, info) and (info.IsReadable() or info.IsWritable()):
                flags = ("r" if info.IsReadable() else "-") + ("w" if info.IsWritable() else "-") + \
                        ("x" if info.IsExecutable() else "-") + "p"
                # lldb does not tell offsets in files, so these say nothing about modules.
                answers.append({"start": info.GetRegionBase(), "end": info.GetRegionEnd(), "flags": flags})
        return answers

    # -- native frames

    def frames(self, limit):
        answers = []
        thread = self._thread()
        for level in range(limit):
            frame = thread.GetFrameAtIndex(level)
            if not frame.IsValid():
                break
            answers.append({"level": level, "pc": frame.GetPC(), "sp": frame.GetSP(),
                            "name": frame.GetFunctionName(), "inlined": frame.IsInlined()})
        return answers

    def variables(self, level, names):
        frame = self._thread().GetFrameAtIndex(level)
        values = {}
        for name in names:
            variable = frame.FindVariable(name)
            error = lldb.SBError()
            if variable.IsValid() and variable.GetError().Success():
                value = variable.GetValueAsUnsigned(error, 0)
                if error.Success():
                    values[name] = value
        return values

    def select_frame(self, level):
        self._thread().SetSelectedFrame(level)

    def select_thread(self, tid):
        self._process().SetSelectedThreadByID(tid)

    def interrupted(self):
        if hasattr(self._debugger, "InterruptRequested"):
            return self._debugger.InterruptRequested()
        return self._debugger.GetCommandInterpreter().WasInterrupted()

    # -- running on

    def run(self, watches, calls):
        target = self._target()
        process = target.GetProcess()
        points = []
        stops = []
        was_async = self._debugger.GetAsync()
        # `Continue` comes back at the next stop.
        self._debugger.SetAsync(False)
        quiet = _WithoutChanges(self._debugger)
        try:
            for watch in watches:
                error = lldb.SBError()
                point = target.WatchAddress(watch["address"], watch["size"], watch["access"], True, error)
                if not error.Success() or not point.IsValid():
                    raise bridge.Unavailable("lldb has no hardware watchpoint left here (watchpoint list): {}"
                                             .format(error.GetCString() or "no reason is told"))
                points.append((point, bridge.Watched(watch)))
                quiet.ours.add(point.GetID())
            stops = [target.BreakpointCreateByAddress(address).GetID() for address in calls]
            while True:
                error = process.Continue()
                if not error.Success():
                    raise bridge.Unavailable(error.GetCString() or "the process does not run on")
                if process.GetState() not in _STOPPED:
                    return {"kind": "exited"}
                found = self._changes(process, points, stops)
                if found is None:
                    return {"kind": "other", "text": self._stop_text(process)}
                thread, changes, called = found
                if changes or called:
                    process.SetSelectedThreadByID(thread)
                    return {"kind": "watch", "changes": changes, "called": called}
                self._check_interrupt()
        finally:
            for point, _ in points:
                target.DeleteWatchpoint(point.GetID())
            for stop in stops:
                target.BreakpointDelete(stop)
            self._debugger.SetAsync(was_async)
            quiet.close()

    def _check_interrupt(self):
        if self.interrupted():
            raise bridge.Unavailable("interrupted")

    def _changes(self, process, points, stops):
        """The thread that has stopped, changes that count (none where the process is to run on), and whether it is at one of
        `stops`; None where something else has stopped the process."""
        numbers = [point.GetID() for point, _ in points]
        hit = []
        called = None
        for each in process:
            reason, number = each.GetStopReason(), each.GetStopReasonDataAtIndex(0)
            if reason == lldb.eStopReasonWatchpoint and number in numbers:
                hit.append((number, each.GetThreadID()))
            elif reason == lldb.eStopReasonBreakpoint and number in stops:
                called = each.GetThreadID()
            elif reason not in (lldb.eStopReasonNone, lldb.eStopReasonInvalid):
                return None
        changes = []
        for index, (point, watched) in enumerate(points):
            by = [thread for number, thread in hit if not watched.access or number == point.GetID()]
            data = self.read(watched.address, watched.size)
            if data is None or not by or watched.thread is not None and watched.thread not in by:
                continue
            if watched.stops(int.from_bytes(data, sys.byteorder)):
                changes.append(watched.change(index))
        thread = called if called is not None else hit[0][1] if hit else None
        return thread, changes, called is not None

    @staticmethod
    def _stop_text(process):
        stopped = [each for each in process if each.GetStopReason() != lldb.eStopReasonNone]
        texts = ["thread {}: {}".format(each.GetThreadID(), each.GetStopDescription(256)) for each in stopped]
        if stopped:
            process.SetSelectedThread(stopped[0])
        return "\n".join(texts)


    # -- what the engine can do

    def register(self, table):
        for declared in table["commands"]:
            name = declared["name"]
            globals()[_class_name(name)] = type(_class_name(name), (Command,), {"declared": declared})
            # lldb keeps a command of that name that is there already, so it goes first.
            if _is_command(self._debugger, "py-" + name):
                self._debugger.HandleCommand("command script delete py-" + name)
            self._debugger.HandleCommand("command script add -c {}.{} py-{}".format(__name__, _class_name(name), name))


class _WithoutChanges:
    """Passes on what is written to a debugger's output, but for what lldb writes of each change of a watched word. It
    writes that to the file itself: to give the debugger another one does not keep newer lldbs (19 to 22) from it."""

    _CHANGE = re.compile(rb"\n?Watchpoint (\d+) hit:\n(?:old value: [^\n]*\n)?(?:new value: [^\n]*\n)?\n?")

    def __init__(self, debugger):
        # Numbers of the watchpoints that are ours: of its own a user wants to read.
        self.ours = set()
        self._thread = None
        try:
            self._output = debugger.GetOutputFile().GetFile().fileno()
            self._real = os.dup(self._output)
        except (AttributeError, OSError):
            return  # Not a file: an editor's buffer.
        debugger.GetOutputFile().Flush()
        reads, writes = os.pipe()
        os.dup2(writes, self._output)
        os.close(writes)
        # What the process writes is to be seen while it runs, so it is passed on at once.
        self._thread = threading.Thread(target=self._pass_on, args=(reads,), daemon=True)
        self._thread.start()

    def _pass_on(self, reads):
        with open(reads, "rb", buffering=0) as pipe:
            while True:
                text = pipe.read(1 << 16)
                if not text:
                    return
                text = memoryview(self._CHANGE.sub(self._keep, text))
                while text:
                    text = text[os.write(self._real, text):]

    def _keep(self, change):
        return b"" if int(change.group(1)) in self.ours else change.group()

    def close(self):
        if self._thread is None:
            return
        # Ends the pipe, and with it the thread.
        os.dup2(self._real, self._output)
        self._thread.join()
        os.close(self._real)


HOST = LldbHost()
ENGINE = bridge.Bridge(HOST)


def _run(debugger, name, args="", thread=None):
    HOST.enter(debugger, thread)
    result = ENGINE.command(name, args)
    bridge.report_cost(name, result)
    return result


def _is_struct(kind):
    return kind.GetCanonicalType().GetTypeClass() in (lldb.eTypeClassStruct, lldb.eTypeClassUnion, lldb.eTypeClassClass)


class Command:
    """A command that the engine declares and carries out; one subclass each, since lldb wants classes by name."""

    declared = {}

    def __init__(self, debugger, _session):
        pass

    def __call__(self, debugger, command, context, result):
        options, args = bridge.split_options(command, self.declared)
        wants_address = self.declared["evaluates"] == "all" or re.match(r"[$(*&]|0x", args)
        if args and wants_address and not args.startswith("-"):
            value = context.GetFrame().EvaluateExpression(args) if context.GetFrame().IsValid() else \
                debugger.GetSelectedTarget().EvaluateExpression(args)
            if value.GetError().Success():
                # A struct in memory stands for its address.
                pointer = value.AddressOf() if _is_struct(value.GetType()) else value
                args = "{:#x}".format(pointer.GetValueAsUnsigned())
            elif not _PATH.match(args):
                result.SetError(value.GetError().GetCString() or "no such value")
                return
        text = _run(debugger, self.declared["name"], options + args).text
        if text:
            result.AppendMessage(text[:-1] if text.endswith("\n") else text)

    def get_short_help(self):
        return self.declared["help"].split("\n")[0]

    def get_long_help(self):
        return self.declared["help"]


def _class_name(name):
    return "Py" + name.title().replace("-", "")


# -- values


def _engine_answer(value, name):
    """What the engine says of the object that a pointer leads to, or None."""
    type_name = value.GetType().GetUnqualifiedType().GetPointeeType().GetUnqualifiedType().GetName() or ""
    address = value.GetValueAsUnsigned(0)
    if address == 0 or _NOT_OBJECTS.search(type_name):
        return None
    result = _run(value.GetTarget().GetDebugger(), name, "{:#x}".format(address))
    return result if result.ok else None


def summary(value, _session):
    """The object as Python would show it."""
    # lldb asks with the object's synthetic children in place; the pointer is below them.
    answer = _engine_answer(value.GetNonSyntheticValue(), "repr")
    return answer.text if answer is not None else ""


class Children:
    """Items and attributes of an object as its children; without any, the fields of its C struct."""

    def __init__(self, value, _session):
        self._value = value
        self._children = None

    def update(self):
        answer = _engine_answer(self._value, "children")
        self._children = list(answer.value or ()) if answer is not None else []
        return False

    def num_children(self):
        return len(self._children or ()) or self._value.GetNumChildren()

    def get_child_index(self, name):
        for index, child in enumerate(self._children or ()):
            if child[0] == name:
                return index
        return -1 if self._children else self._value.GetIndexOfChildWithName(name)

    def get_child_at_index(self, index):
        if not self._children:
            return self._value.GetChildAtIndex(index)
        if not 0 <= index < len(self._children):
            return None
        name, address, *made = self._children[index]
        target = self._value.GetTarget()
        order, width = target.GetByteOrder(), target.GetAddressByteSize()
        if not made:
            data = lldb.SBData.CreateDataFromUInt64Array(order, width, [address])
            return self._value.CreateValueFromData(name, data, self._value.GetType())
        # No object in memory: a number of an array, or what only has a text.
        if "int" in made[0]:
            data = lldb.SBData.CreateDataFromSInt64Array(order, width, [made[0]["int"]])
            return self._value.CreateValueFromData(name, data, target.GetBasicType(lldb.eBasicTypeLongLong))
        if "float" in made[0]:
            data = lldb.SBData.CreateDataFromDoubleArray(order, width, [made[0]["float"]])
            return self._value.CreateValueFromData(name, data, target.GetBasicType(lldb.eBasicTypeDouble))
        text = made[0]["text"]
        data = lldb.SBData.CreateDataFromCString(order, width, text)
        kind = target.GetBasicType(lldb.eBasicTypeChar).GetArrayType(len(text.encode("utf-8")))
        return self._value.CreateValueFromData(name, data, kind)

    def has_children(self):
        return True


# -- Python frames in `bt`


class PythonFrames:
    """The Python frames that each native frame runs, as further lines of it wherever lldb shows frames: no lldb before 22
    takes frames from a script, all take a function in the format of a line."""

    def __init__(self):
        self._stack = (None, {})
        # What the user had, by debugger.
        self._formats = {}

    def text(self, frame):
        """What stands below a native frame."""
        thread = frame.GetThread()
        process = thread.GetProcess()
        debugger = process.GetTarget().GetDebugger()
        # One answer is for all frames of a stack.
        key = (debugger.GetID(), process.GetUniqueID(), process.GetStopID(True), thread.GetThreadID())
        if self._stack[0] != key:
            result = _run(debugger, "stack", thread=thread)
            by_level = {}
            for level, python in (result.value or ()) if result.ok else ():
                place = python["file"] if python["line"] is None else "{}:{}".format(python["file"], python["line"])
                known = "" if level is not None else " (its native frame is not known)"
                by_level.setdefault(level, []).append(
                    "\n        [Python] {} at {}{}".format(python["function"], place, known))
            self._stack = (key, by_level)
        lines = list(self._stack[1].get(frame.GetFrameID(), ()))
        unknown = self._stack[1].get(None)
        if unknown and frame.GetFrameID() + 1 == thread.GetNumFrames():
            lines += unknown
        return "".join(lines)

    def is_on(self, debugger):
        return debugger.GetID() in self._formats

    def switch(self, debugger, on):
        if on == self.is_on(debugger):
            return
        settings = debugger.GetInstanceName()
        if on:
            # lldb gives it as it would be typed: in quotes, with its line end as two characters.
            before = debugger.GetInternalVariableValue("frame-format", settings).GetStringAtIndex(0)
            before = before[1:-1] if before.startswith('"') else before
            self._formats[debugger.GetID()] = before
            line, end = (before[:-2], before[-2:]) if before.endswith("\\n") else (before, "")
            wanted = "{}{{${{script.frame:{}.python_frames}}}}{}".format(line, __name__, end)
        else:
            wanted = self._formats.pop(debugger.GetID())
        lldb.SBDebugger.SetInternalVariable("frame-format", wanted, settings)


FRAMES = PythonFrames()


def python_frames(frame, _session):
    """For lldb's `frame-format`."""
    return FRAMES.text(frame)


class FramesSwitch:
    """`py-frames on|off`."""

    def __init__(self, debugger, _session):
        pass

    def __call__(self, debugger, command, _context, result):
        word = command.strip()
        if word not in ("", "on", "off"):
            result.SetError("py-frames takes on or off")
            return
        if word:
            FRAMES.switch(debugger, word == "on")
        result.AppendMessage("Python frames in bt: {}".format("on" if FRAMES.is_on(debugger) else "off"))

    def get_short_help(self):
        return "Whether plain `bt` shows Python frames too."

    def get_long_help(self):
        return "Whether plain `bt` shows Python frames too.\n\npy-frames on|off    (without argument: tells which)"


def __lldb_init_module(debugger, _session):
    this = __name__
    HOST.enter(debugger)
    ENGINE.load()
    if not _is_command(debugger, "py-frames"):
        debugger.HandleCommand("command script add -c {}.FramesSwitch py-frames".format(this))
    # -p: not for pointers to such pointers (`PyObject *const *args`), of which lldb would show what they point to.
    for what in ("summary add -p -F {}.summary -e".format(this), "synthetic add -p -l {}.Children".format(this)):
        debugger.HandleCommand('type {} -w {} -x "{}"'.format(what, _CATEGORY, _OBJECT_TYPES))
    debugger.HandleCommand("type category enable " + _CATEGORY)


def _is_command(debugger, name):
    return debugger.GetCommandInterpreter().UserCommandExists(name) \
        if hasattr(debugger.GetCommandInterpreter(), "UserCommandExists") \
        else debugger.GetCommandInterpreter().CommandExists(name)
