# cython: language_level=3, boundscheck=False, wraparound=False
"""A Cython module, with one way to die per function."""
from libc.stdlib cimport abort


cdef long turn(long *handle) noexcept:
    return handle[0] + 1


cdef class Valve:
    cdef long *handle

    def open(self, steps):
        return turn(self.handle) + steps


def close_all(valves):
    return [valve.open(1) for valve in valves]


def give_up():
    abort()
