"""Stops in many situations, for debuggers with a breakpoint on the C function behind `ascii`.

`stops.py FILE`: each stop first adds a line to FILE: `[name, [[function, file, line], ...]]`, innermost frame first.
The call of `ascii` stands on the line that was noted; so does the C call behind it in which "malloc" and "sleep" stop
again.
"""

import asyncio
import ctypes
import json
import sys
import threading
import time

FILE = sys.argv[1]


def here(name):
    frames = []
    frame = sys._getframe(1)
    while frame is not None:
        frames.append([frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno])
        frame = frame.f_back
    with open(FILE, "a") as out:
        out.write(json.dumps([name, frames]) + "\n")
    return name


def inner_generator(depth):
    if depth:
        yield from inner_generator(depth - 1)
    yield len(ascii(here("generator"))) if not depth else 0


def generators():
    return sum(each for each in inner_generator(2))


def key(item):
    ascii(here("sorted"))
    return item


def mapped(item):
    return ascii(here("map")), item


class Compared:
    def __eq__(self, other):
        return bool(ascii(here("slot")))

    __hash__ = None


async def awaited(what):
    await asyncio.sleep(0)
    ascii(here("asyncio"))
    return what


async def outer(what):
    return await asyncio.gather(awaited(what))


def compare(left, right):
    ascii(here("ctypes"))
    return left[0] - right[0]


def through_c():
    numbers = (ctypes.c_int * 2)(2, 1)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(compare)
    ctypes.CDLL(None).qsort(numbers, 2, ctypes.sizeof(ctypes.c_int), callback)


def in_thread(secret):
    ascii(here("thread"))
    return secret


def allocates():
    # Called as it is: free-threaded builds allocate objects without it.
    allocate = ctypes.PyDLL(None).malloc
    ascii(here("malloc")), allocate(64)


def sleeps():
    ascii(here("sleep")), time.sleep(0.01)


def main():
    generators()
    sorted([1], key=key)
    list(map(mapped, [1]))
    [0].index(Compared())
    asyncio.run(outer("coroutine"))
    through_c()
    allocates()
    sleeps()
    # Last: what is left of it runs on for a while.
    thread = threading.Thread(target=in_thread, args=("told",), name="wörker")
    thread.start()
    thread.join()


main()
