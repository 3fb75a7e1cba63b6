"""Dies in Python code that machine code made at run time has called, of which only a map for `perf` tells (x86-64).

The argument `reused` writes lines of older code that was in the same places first.
"""

import ctypes
import mmap
import os
import struct
import sys

import truth

memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
base = ctypes.addressof(ctypes.c_char.from_buffer(memory))


def handler():
    truth.write()()


callback = ctypes.CFUNCTYPE(None)(handler)


def make(offset, name, called):
    """Code with a frame pointer that calls another function."""
    code = b"\x55\x48\x89\xe5\x48\xb8" + struct.pack("<Q", called) + b"\xff\xd0\x5d\xc3"
    memory[offset:offset + len(code)] = code
    return "{:x} {:x} {}\n".format(base + offset, len(code), name)


def main():
    inner = make(256, "kernel inner(int)", ctypes.cast(callback, ctypes.c_void_p).value)
    outer = make(0, "kernel_outer", base + 256)
    older = "{:x} 1000 forgotten\n".format(base) if sys.argv[1:] == ["reused"] else ""
    with open("/tmp/perf-{}.map".format(os.getpid()), "w", encoding="utf-8") as file:
        file.write(older + inner + outer)
    ctypes.CFUNCTYPE(None)(base)()


main()
