"""Crashes that people have reported of CPython and ctypes: the argument names one. Where the fault is mended the program ends well.

Each is written anew from what the report says; its number is that of CPython's issue tracker.
"""

import array
import ctypes
import datetime
import gc
import mmap
import sys
import tempfile


def mapped_file_cut():
    """A mapped file becomes shorter while it is read."""
    file = tempfile.TemporaryFile()
    file.truncate(8192)
    view = mmap.mmap(file.fileno(), 8192)
    file.truncate(0)

    def read_header(view):
        return view[4096:4100]

    read_header(view)


def broken_bytecode():
    """A code object whose bytecode loads what is not there."""

    def broken():
        return 1

    code = bytes([100, 255] * 4) + broken.__code__.co_code[-2:]
    exec(broken.__code__.replace(co_code=code, co_consts=()))


def garbage_in_py_object():
    """A `py_object` field of foreign memory."""

    class Record(ctypes.Structure):
        _fields_ = [("item", ctypes.py_object)]

    record = Record()
    ctypes.memset(ctypes.addressof(record), 0x11, ctypes.sizeof(record))
    record.item


def number_for_text():
    """`%s` with a number."""
    make = ctypes.pythonapi.PyErr_Format
    make.restype = ctypes.py_object
    make(ctypes.py_object(ValueError), b"bad %s", 16)


def callback_collected():
    """qsort with a comparison that nobody holds."""
    libc = ctypes.CDLL(None)
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    address = ctypes.cast(kind(lambda left, right: 0), ctypes.c_void_p).value
    gc.collect()
    numbers = (ctypes.c_int * 3)(3, 2, 1)
    libc.qsort(numbers, 3, 4, ctypes.c_void_p(address))


def element_removed_while_compared():
    """126033"""
    import xml.etree.ElementTree as tree

    class Child(tree.Element):
        def __eq__(self, other):
            parent.clear()
            return False

    parent = tree.Element("parent")
    parent.extend([Child("child") for _ in range(5)])
    parent.remove(tree.Element("other"))


def array_emptied_while_set():
    """An item of an array whose conversion empties the array."""
    numbers = array.array("d", range(5000))

    class Emptying:
        def __float__(self):
            del numbers[:]
            return 1.0

    numbers[4000] = Emptying()


def fields_of_ast_deleted():
    """126105"""
    import ast

    del ast.AST._fields
    ast.AST(name=1)


def iterators_in_iterators():
    """14010: each step of the outermost goes through all of them."""
    import itertools

    inner = []
    for _ in range(1000000):
        inner = itertools.chain(inner, inner)
    next(inner)


def cpu_time_used_up():
    """A limit of the batch system."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (1, 20))
    while True:
        pass


def system_call_refused():
    """A container's seccomp profile that ends what calls getpriority()."""
    import os

    class Step(ctypes.Structure):
        _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.POINTER(Step))]

    # Load the number of the call; 140 (getpriority of x86-64) traps, others are allowed (linux/filter.h, linux/seccomp.h).
    steps = (Step * 4)(Step(0x20, 0, 0, 0), Step(0x15, 0, 1, 140), Step(6, 0, 0, 0x30000), Step(6, 0, 0, 0x7FFF0000))
    libc = ctypes.CDLL(None)
    libc.prctl(38, 1, 0, 0, 0)
    libc.prctl(22, 2, ctypes.byref(Program(4, steps)), 0, 0)
    os.getpriority(os.PRIO_PROCESS, 0)


def interface_without_the_gil():
    """The C interface of Python by a CDLL, which gives the GIL away."""
    ctypes.CDLL(None).PyList_New(3)


def slot_overwritten():
    """Text was written over the function of a type: the processor refuses the call, and gives no address."""

    class Config:
        pass

    # tp_repr: after the head with its size come eight words (Include/cpython/object.h).
    slot = id(Config) + object.__basicsize__ + 9 * 8
    ctypes.memset(slot, 0x41, 8)
    repr(Config())


def return_address_overwritten():
    """C code that copies more than its caller's buffer on the stack has room for: here, over its own return address."""
    libc = ctypes.CDLL(None)
    libc.getcontext.argtypes = [ctypes.c_void_p]
    # A function that returns to where a text leads: setcontext() takes the stack from a buffer (ucontext_t of x86-64:
    # the registers begin at 40; rsp is the 16th, rip the 17th).
    context = ctypes.create_string_buffer(4096)
    stack = ctypes.create_string_buffer(b"A" * 64)
    libc.getcontext(context)
    registers = (ctypes.c_uint64 * 17).from_buffer(context, 40)
    registers[15] = ctypes.addressof(stack)
    registers[16] = ctypes.cast(libc.labs, ctypes.c_void_p).value
    libc.setcontext(context)


def freed_block_written():
    """A block that was freed, and so holds the link to the next free one, is released once more or written to."""
    size = 440
    rows = [bytes([65 + n % 26]) * size for n in range(600)]
    freed = id(rows[300])
    rows[300] = None
    ctypes.memset(freed, 2, 1)
    ctypes.memset(freed + 1, 0, 7)
    rows.extend([bytes([97 + n % 26]) * size for n in range(2000)])


def object_of_zeros():
    """The key that OrderedDict.copy() goes on with was removed, and its memory is all zeros (python/cpython#142734). Which memory
    that is depends on chance there, so that it is made here."""
    key = ("key", object())
    ctypes.memset(id(key), 0, 16)
    hash(key)


def collects_too_deep():
    """Without a limit of depth: the collector happens to run where the stack ends."""

    class Endless:
        def __repr__(self):
            gc.collect(0)
            return repr([self])

    sys.setrecursionlimit(10**7)
    repr(Endless())


def stack_ends_anywhere():
    """A small stack, so that many of these are soon tried: where it ends is chance."""

    class Endless:
        def __repr__(self):
            return repr([self])

    import resource

    resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))
    sys.setrecursionlimit(10**7)
    repr(Endless())


def interpreter_left_behind():
    """The process ends while a daemon thread runs another interpreter."""
    import threading
    import time

    import _xxsubinterpreters

    other = _xxsubinterpreters.create()
    code = "import time\nwhile True:\n    time.sleep(0.01)"
    threading.Thread(target=_xxsubinterpreters.run_string, args=(other, code), daemon=True).start()
    time.sleep(0.3)


def finalizer_after_modules():
    """A finalizer that the last collection calls uses a module whose state is gone (python/cpython#148732)."""

    class Late:
        def __del__(self):
            datetime.timedelta(seconds=1)

    ring = [Late()]
    ring.append(ring)
    gc.disable()


def stack_of_a_thread_too_small():
    """A thread with the smallest stack, in which C functions call Python functions a few times."""
    import threading

    def largest(depth):
        return max([depth], key=lambda _: largest(depth - 1) if depth else 0)

    threading.stack_size(32768)
    worker = threading.Thread(target=largest, args=(100,))
    worker.start()
    worker.join()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
