"""Objects of the interpreter: exceptions, generators, frames, code, cells, weak references, context variables, locks."""

import collections
import contextvars
import sys
import threading
import types
import weakref

from truth import cell


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


class Suspend:
    def __await__(self):
        yield


def proxies():
    """`frame.f_locals`: since 3.13 a proxy, where the frame is a function's or an inlined comprehension runs in it."""
    outer, unset = "outer", None
    del unset

    def variables(argument, cell_argument, *args, key="k", **others):
        local, cell, deleted = [1], 2.5, "gone"
        del deleted
        if not argument:
            never = 1
        itself = sys._getframe().f_locals
        again = {"other proxy of the same frame": sys._getframe().f_locals}
        return (lambda: (cell, cell_argument, outer, later)), itself, sys._getframe()
        later = 1

    _, full, frame = variables(1, "c", 2, 3, more=[4])
    yield full
    yield [full, frame.f_locals]

    def bare():
        return sys._getframe().f_locals

    yield bare()

    def added():
        argument = 1
        proxy = sys._getframe().f_locals
        if type(proxy) is not dict:
            proxy["argument"] = "changed"
        proxy["extra"] = [1]
        proxy["".join(["gone", " later"])] = 1
        proxy["no identifier \u20ac"] = proxy
        proxy[(1, 2)] = {3: None}
        proxy[None] = -1
        try:
            del proxy["gone later"]
        except TypeError:  # that of 3.13.0
            pass
        return proxy

    yield added()

    def finished():
        argument, cell = 1, 2
        return (lambda: (cell, outer)), sys._getframe()

    _, frame = finished()
    locals_of = frame.f_locals
    yield locals_of
    _, frame = finished()
    locals_of = frame.f_locals
    frame.clear()
    yield locals_of

    def suspended():
        x = yield
        y = [x, outer]
        yield y

    waiting = suspended()
    yield waiting.gi_frame.f_locals
    ran = suspended()
    next(ran), ran.send("sent")
    yield ran.gi_frame.f_locals
    hidden = comprehension()
    hidden.send(None)
    yield hidden.cr_frame.f_locals
    for source in ("[await Suspend() for top in (1, 2)]", "class A: pass\n[await Suspend() for cell in (1, 2) if (lambda: cell)]"):
        space = {"Suspend": Suspend}
        if sys.version_info < (3, 8):
            break
        code = compile(source, "<top>", "exec", __import__("ast").PyCF_ALLOW_TOP_LEVEL_AWAIT)
        top = eval(code, space, {"named": 1})
        top.send(None)
        yield top.cr_frame.f_locals
        yield top  # it stays suspended


async def comprehension():
    """`x` belongs to the comprehension alone, so that it can be added beside."""
    before = 1
    sys._getframe().f_locals["x"] = "added"
    sys._getframe().f_locals["y"] = "added too"
    return [await Suspend() for x in (1, 2)] + [y for y in (3,)]


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
    for index, value in enumerate(proxies()):
        add("locals_%d" % index, value)
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
              cell(5), cell(), frame, frame.f_code, target, weakref.ref(target), weakref.ref(named),
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
