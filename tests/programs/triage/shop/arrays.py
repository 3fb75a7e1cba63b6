"""Different defects with short stacks in code of wheels: NumPy and cffi are given memory that is none, greenlet runs what crashes."""

import ctypes

import cffi
import greenlet
import numpy
from numpy.lib.stride_tricks import as_strided

ffi = cffi.FFI()
ffi.cdef("""
    struct item { long price; long count; };
    size_t strlen(const char *);
    int strcmp(const char *, const char *);
    void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
""")
library = ffi.dlopen(None)


def nowhere(rows, kind=ctypes.c_double):
    """An array of numbers at an address where nothing is."""
    return numpy.ctypeslib.as_array(ctypes.cast(4096 + 16 * len(rows), ctypes.POINTER(kind)), (len(rows),))


def total(rows):
    return nowhere(rows).sum()


def subtotal(rows):
    return nowhere(rows)[1:].sum()


def average(rows):
    return nowhere(rows).mean()


def far(rows):
    return as_strided(numpy.array(rows), shape=(1 << 40,))[1 << 39]


def put(rows):
    as_strided(numpy.array(rows), shape=(1 << 40,))[1 << 38] = 1


def ordered(rows):
    nowhere(rows).sort()


def packed(rows):
    return nowhere(rows).tobytes()


def doubled(rows):
    return nowhere(rows).copy()


def halved(rows):
    return nowhere(rows).astype("f4")


def running(rows):
    return numpy.cumsum(nowhere(rows))


def product(rows):
    return nowhere(rows) @ numpy.ones(len(rows))


def chosen(rows):
    return numpy.take(nowhere(rows), [0, 1])


def named(rows):
    """An array of objects that are none."""
    names = numpy.empty(3 + len(rows) % 5, object)
    ctypes.memset(names.ctypes.data, 65, names.nbytes)
    return names


def first_name(rows):
    return repr(named(rows)[0])


def all_names(rows):
    return named(rows).sum()


def price(rows):
    return ffi.cast("struct item *", 16).price


def count(rows):
    return ffi.cast("long *", 4096 + 8 * len(rows))[0]


def label(rows):
    return ffi.string(ffi.cast("char *", 16 + len(rows) % 7))


def raw(rows):
    return ffi.buffer(ffi.cast("char *", 4096), len(rows))[:]


def fill(rows):
    ffi.memmove(ffi.cast("char *", 16), bytes(8), 8)


def length(rows):
    return library.strlen(ffi.cast("char *", 16))


def same(rows):
    return library.strcmp(ffi.cast("char *", 16), ffi.new("char[]", b"x"))


def by_price(rows):
    @ffi.callback("int(const void *, const void *)")
    def compare(a, b):
        return ffi.cast("long **", 16)[0][0]
    library.qsort(ffi.new("long[]", rows), len(rows), 8, compare)


def switched(rows):
    def run():
        return ctypes.string_at(16)
    greenlet.greenlet(run).switch()


def passed_on(rows):
    def run(n):
        return ctypes.c_wchar_p(16).value if n == 0 else greenlet.greenlet(run).switch(n - 1)
    run(1 + len(rows) % 4)
