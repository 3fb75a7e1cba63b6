"""Objects of the interpreter: exceptions, generators, frames, code, cells, weak references, context variables, locks."""

import collections
import contextvars
import sys
import threading
import types
import weakref


class Target:
    pass


class NamedTarget:
    def __init__(self):
        self.__name__ = "my name"


class InMain:
    pass


InMain.__module__ = "__main__"


class KeyedRef(weakref.ref):
    pass


class Error(Exception):
    pass


if sys.version_info >= (3, 11):
    class Group(ExceptionGroup):
        pass


def generator():
    yield 1
    yield 2


async def coroutine():
    return 1


async def agenerator():
    yield 1


def closure():
    held, empty = 5, None

    def inner():
        return held, unset

    if not held:
        unset = 1
    return inner


def frames():
    return sys._getframe()


def errors():
    yield ValueError()
    yield ValueError("x")
    yield ValueError("x", 1)
    yield KeyError("k")
    yield OSError(2, "No such file", "name")
    yield FileNotFoundError(2, "No such file")
    yield UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")
    yield ImportError("no", name="mod", path="/p")
    yield ImportError("no")
    yield ModuleNotFoundError("no", name="mod")
    yield SyntaxError("bad", ("f.py", 1, 2, "text"))
    yield StopIteration(5)
    yield SystemExit(3)
    yield KeyboardInterrupt()
    yield AttributeError("a", name="n", obj=1) if sys.version_info >= (3, 10) else AttributeError("a")
    yield NameError("a")
    yield Error("custom", [1])
    yield BaseException((1,))
    yield Warning("w")
    itself = ValueError()
    itself.args = (1, [itself])
    yield itself.args
    if sys.version_info >= (3, 11):
        yield ExceptionGroup("group", [ValueError(1), KeyError("k")])
        yield BaseExceptionGroup("base", (KeyboardInterrupt(),))
        members = [ValueError(1), ExceptionGroup("inner", (KeyError("k"),))]
        yield ExceptionGroup("changed since", members)
        members.append("not a member")
        yield ExceptionGroup("other sequences", collections.deque([TypeError(), OSError(2, "no")]))
        yield Group("derived", [ValueError(2)])
        noted = ValueError("n")
        noted.add_note("a note")
        yield noted
    try:
        1 / 0
    except ZeroDivisionError as error:
        yield error
        yield error.__traceback__


def values(add):
    for index, value in enumerate(errors()):
        add("error_%d" % index, value)
    add.in_main = InMain()
    started = generator()
    next(started)
    finished = generator()
    list(finished)
    waiting = coroutine()
    inner = closure()
    target, named, dead = Target(), NamedTarget(), Target()
    dead_ref = weakref.ref(dead)
    dead_proxy = weakref.proxy(dead)
    del dead
    used = contextvars.ContextVar("used", default=[1])
    token = used.set(5)
    reset = used.set(6)
    used.reset(reset)
    locked, rlocked = threading.Lock(), threading.RLock()
    locked.acquire()
    rlocked.acquire()
    rlocked.acquire()
    frame = frames()
    others = (generator(), started, finished, waiting, agenerator(), (x for x in "ab"), generator.__code__, inner.__code__, inner.__closure__,
              types.CellType(5), types.CellType(), frame, frame.f_code, target, weakref.ref(target), weakref.ref(named),
              weakref.ref(generator), weakref.ref(Target), dead_ref, KeyedRef(target), weakref.ref(sys), used, InMain(), weakref.ref(add.in_main),
              contextvars.ContextVar("bare"), token, reset, threading.Lock(), locked, threading.RLock(), rlocked,
              contextvars.copy_context(), sys.stdin, sys.stderr, sys.stdout, coroutine().__await__(), weakref.WeakSet(),
              weakref.WeakValueDictionary(), weakref.WeakKeyDictionary(), compile("a = 1", "<string>", "exec"))
    for index, value in enumerate(others):
        add("other_%d" % index, value)
    add.target, add.named = target, named
    import datetime
    capsule = getattr(datetime, "datetime_CAPI", None) or __import__("_datetime").datetime_CAPI
    add("capsule", capsule)
    add("proxy_type_only", [dead_proxy] and None)
