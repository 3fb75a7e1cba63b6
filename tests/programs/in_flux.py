"""A list that has an item twice, as while `list.insert` moves items, in the hands of C code that a signal stops.

With the argument `abort` the process ends itself instead.
"""

import ctypes
import os
import signal
import sys
import time


class Thing:
    pass


def main(way):
    things = [Thing() for _ in range(5)]
    moved = []
    for thing in things:
        moved.append(thing)
    size = ctypes.c_ssize_t.from_address(id(moved) + 16)
    items = ctypes.c_size_t.from_address(id(moved) + 24).value
    assert ctypes.c_ssize_t.from_address(id(moved) + 32).value > size.value
    ctypes.c_size_t.from_address(items + 8 * size.value).value = id(things[-1])
    size.value += 1
    if way == "abort":
        os.abort()
    # A shell has it ignored for what it runs in the background, the tests among that.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    parent, at = os.getpid(), hex(id(moved))
    if os.fork() == 0:
        # Until the call has the list in a register.
        while at not in open("/proc/{}/syscall".format(parent)).read().split():
            time.sleep(0.01)
        os.kill(parent, signal.SIGQUIT)
        os._exit(0)
    ctypes.CDLL(None).poll(ctypes.c_void_p(id(moved)), 0, -1)


main(sys.argv[1])
