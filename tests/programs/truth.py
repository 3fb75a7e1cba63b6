"""What Python itself knows just before it dies, for comparison with what a dump tells afterwards.

    truth.write("null")()

`write` dumps JSON to the file named by `PYINQUEST_TRUTH` and returns the callable that kills the process. Three rules
keep the truth true: writing and dying are one expression on one line, so that line numbers agree; the callable is
implemented in C, so that no Python frame is added; the frames of this module are left out.

`PYINQUEST_DEATH` overrides the way to die. `block` is no death: the program stays in one C call for ten minutes, for
tests of live processes. See `DEATHS` for all.
"""

import functools
import gc
import io
import json
import os
import signal
import sys
import threading
import time

REPR_LIMIT = 20000
SKIPPED = ("__builtins__", "__loader__", "__spec__", "__doc__", "__cached__")

if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)


def _ctypes():
    # Not at the top: a sub-interpreter of its own may not import it, and programs about imports want few of them.
    import ctypes
    return ctypes


def _foreign(name, *args):
    """A call of a libc function with the GIL held, as from an extension module that crashes."""
    ctypes = _ctypes()
    return functools.partial(ctypes.PyDLL(None)[name], *args)


def _jump():
    return _ctypes().PYFUNCTYPE(None)(0x10)


def _readonly():
    ctypes = _ctypes()
    libc = ctypes.PyDLL(None)
    address = ctypes.cast(libc.getpid, ctypes.c_void_p)
    return functools.partial(libc.memset, address, 0, 1)


def _free():
    # An address inside an array that malloc never gave out: glibc notices and aborts.
    ctypes = _ctypes()
    block = (ctypes.c_char * 4096)()
    return functools.partial(ctypes.PyDLL(None).free, ctypes.c_void_p(ctypes.addressof(block) + 8))


def _read_null():
    import faulthandler
    return faulthandler._read_null


def _plugin():
    # Not called by ctypes, which would make an OSError of the crash, but by the evaluation loop.
    ctypes = _ctypes()
    fill = ctypes.cast(ctypes.CDLL(os.path.abspath("crashing.dll")).fill, ctypes.c_void_p)
    return functools.partial(ctypes.pythonapi.Py_AddPendingCall, fill, None)


TWO = sys.version_info < (3,)
if TWO:
    threading.get_ident = threading._get_ident
    os.replace = os.rename


# Has this thread get a signal. 3.8 has it; before, the same system call, in 2.7 for the process.
if hasattr(signal, "raise_signal"):
    _raise_signal = signal.raise_signal
elif TWO:
    _raise_signal = functools.partial(os.kill, os.getpid())
else:
    _raise_signal = functools.partial(signal.pthread_kill, threading.get_ident())


def needs(minor):
    """Ends the program in a Python that lacks what it uses."""
    if sys.version_info < (3, minor):
        sys.exit("needs Python 3.{}".format(minor))


def cell(*value):
    """`types.CellType(...)`, which 3.8 brought."""
    if value:
        [inside] = value
    return (lambda: inside).__closure__[0]


# Name -> maker of a C callable without arguments. faulthandler's own crash functions are of no use on Linux, where they
# set the limit for core files to zero; on Windows ctypes turns a crash in a foreign function into an OSError.
DEATHS = {
    "sigsegv": lambda: functools.partial(_raise_signal, signal.SIGSEGV),
    "sigbus": lambda: functools.partial(_raise_signal, signal.SIGBUS),
    "sigfpe": lambda: functools.partial(_raise_signal, signal.SIGFPE),
    "sigill": lambda: functools.partial(_raise_signal, signal.SIGILL),
    "kill": lambda: functools.partial(os.kill, os.getpid(), signal.SIGSEGV),
    "abort": lambda: os.abort,
    "fatal": lambda: functools.partial(_ctypes().pythonapi.Py_FatalError, b"boom"),
    "null": lambda: _foreign("memset", None, 1, 1),
    "null_nogil": lambda: functools.partial(_ctypes().CDLL(None).memset, None, 1, 1),
    "readonly": _readonly,
    "jump": _jump,
    "free": _free,
    "read_null": _read_null,
    "plugin": _plugin,
    "block": lambda: functools.partial(time.sleep, 600),
    "exit": lambda: functools.partial(os._exit, 0),
}


def text(value):
    """A str that any JSON reader takes: no lone surrogates."""
    if TWO and isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def value(obj):
    """What a reader of a dump should find out about an object."""
    kind = type(obj)
    result = {"type": text(kind.__name__), "module": text(str(kind.__module__)), "id": "0x%x" % id(obj)}
    try:
        shown = repr(obj)
    except BaseException as error:  # a program about broken reprs must still get its truth
        result["repr_error"] = text("%s: %s" % (type(error).__name__, error))
        return result
    if len(shown) > REPR_LIMIT:
        result["repr_len"] = len(shown)
        shown = shown[:REPR_LIMIT]
    result["repr"] = text(shown)
    return result


def _positions(code, lasti, dying):
    """[line, end line, column, end column] of the instruction; None before 3.11 and where there is none."""
    if not hasattr(code, "co_positions") or lasti < 0:
        return None
    everything = list(code.co_positions())
    index = lasti // 2
    if index >= len(everything) or None in everything[index]:
        return None
    position = everything[index]
    if dying:
        # Now the frame is in `truth.write(...)`; when it dies it is in `truth.write(...)()`, two columns longer.
        position = tuple(position[:3]) + (position[3] + 2,)
        if position not in everything:
            return None
    return list(position)


def frame(python_frame, dying=False):
    """One frame: where it is, what it holds, what it does not hold yet."""
    code = python_frame.f_code
    held = dict(python_frame.f_locals)
    names = code.co_varnames + code.co_cellvars + code.co_freevars
    hidden = python_frame.f_code.co_name == "<module>"
    shown = {}
    for name, obj in held.items():
        if not isinstance(name, str) or name in SKIPPED or (hidden and type(obj).__name__ == "module"):
            continue
        # Names that begin with bad_ are about to be made unreadable, or are already.
        shown[text(name)] = {"type": text(type(obj).__name__)} if name.startswith("bad_") else value(obj)
    return {
        "filename": text(code.co_filename),
        "line": python_frame.f_lineno,
        "function": text(code.co_name),
        "qualname": text(code.co_qualname) if hasattr(code, "co_qualname") else None,
        "firstlineno": code.co_firstlineno,
        "flags": code.co_flags,
        "arguments": code.co_argcount + getattr(code, "co_kwonlyargcount", 0) + bool(code.co_flags & 4) + bool(code.co_flags & 8),
        "positions": _positions(code, python_frame.f_lasti, dying),
        "locals": shown,
        "unbound": sorted(text(name) for name in set(names) - set(held)),
    }


def frames(python_frame, dying=False):
    """The frames of a thread, innermost first."""
    result = []
    while python_frame is not None:
        result.append(frame(python_frame, dying and not result))
        python_frame = python_frame.f_back
    return result


def _exception(error):
    if error is None:
        return None
    trace, entries = sys.exc_info()[2] if TWO else error.__traceback__, []
    while trace is not None:
        code = trace.tb_frame.f_code
        entries.append({"filename": text(code.co_filename), "line": trace.tb_lineno, "function": text(code.co_name)})
        trace = trace.tb_next
    return {"type": type(error).__name__, "text": text(str(error)), "traceback": entries,
            "cause": _exception(getattr(error, "__cause__", None)),
            "context": _exception(getattr(error, "__context__", None))}


def settle(rounds=5):
    """Waits until all other threads stand still, so that what is written about them stays true."""
    def shot():
        return {ident: (id(top), top.f_lasti) for ident, top in sys._current_frames().items()
                if ident != threading.get_ident()}

    same, last = 0, shot()
    for _ in range(500):
        time.sleep(0.01)
        now = shot()
        same, last = (same + 1 if now == last else 0), now
        if same >= rounds:
            return
    raise RuntimeError("other threads do not come to rest")


def _interpreter_id():
    """Number of the running interpreter; None where the program has nothing to do with sub-interpreters.

    The module is not imported for the sake of asking: up to 3.11 its id objects change reference counts of the
    interpreter, and a debug build whose main interpreter was never counted aborts when such an object dies.
    """
    for name in ("_interpreters", "_xxsubinterpreters"):
        if name in sys.modules:
            current = sys.modules[name].get_current()
            return int(current[0] if isinstance(current, tuple) else current)
    return None


def _native_id():
    if hasattr(threading, "get_native_id"):
        return threading.get_native_id()
    # 3.7 and before: PID/task/TID.
    return int(os.path.basename(os.readlink("/proc/thread-self")))


def _threads(caller):
    alive = threading._active
    own = threading.get_ident()
    for ident, top in sys._current_frames().items():
        thread = alive.get(ident)
        crashed = ident == own
        yield {
            "ident": ident,
            "native_id": _native_id() if crashed else getattr(thread, "native_id", None),
            "name": text(thread.name) if thread else None,
            "daemon": thread.daemon if thread else None,
            "crashed": crashed,
            "frames": frames(caller if crashed else top, dying=crashed),
        }


def write(how="sigsegv", **extra):
    """Writes the truth and returns what to call next: see the module's text."""
    how = os.environ.get("PYINQUEST_DEATH") or how
    death = DEATHS[how]() if isinstance(how, str) else how
    path = os.environ.get("PYINQUEST_TRUTH")
    if path:
        caller = sys._getframe(1)
        record = {
            "version": sys.version,
            "hexversion": sys.hexversion,
            "pid": os.getpid(),
            "death": how if isinstance(how, str) else "own",
            "executable": text(sys.executable or ""),
            "argv": [text(word) for word in sys.argv] if hasattr(sys, "argv") else [],
            "cwd": text(os.getcwd()),
            "debug_build": hasattr(sys, "gettotalrefcount"),
            "gil_enabled": sys._is_gil_enabled() if hasattr(sys, "_is_gil_enabled") else True,
            "gc_enabled": gc.isenabled(),
            "interpreter": _interpreter_id(),
            "exception": _exception(sys.exc_info()[1]),
            "modules": sorted(text(name) for name in sys.modules if isinstance(name, str)),
            "extra": extra,
        }
        record["threads"] = list(_threads(caller))
        with io.open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text(json.dumps(record, indent=1)))
        os.replace(path + ".new", path)  # whoever waits for the file finds it whole
        del record, caller
    sys.stdout.flush()
    return death
