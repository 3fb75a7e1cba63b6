"""A callback of cffi that C code calls after its object is gone, as a library does that was given a temporary value."""

import gc

import cffi

ffi = cffi.FFI()
ffi.cdef("void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *));")
libc = ffi.dlopen(None)
SIGNATURE = "int(*)(const void *, const void *)"


def register():
    callback = ffi.callback(SIGNATURE, lambda a, b: 0)
    return int(ffi.cast("intptr_t", callback))


def sort_with(address):
    numbers = ffi.new("int[4]", [3, 1, 2, 0])
    libc.qsort(numbers, 4, 4, ffi.cast(SIGNATURE, address))


# What is left of the callback runs as code: bytes of a pointer, which by chance return.
kept = []
for _ in range(100):
    address = register()
    gc.collect()
    sort_with(address)
    kept.append(ffi.callback(SIGNATURE, lambda a, b: 0))
