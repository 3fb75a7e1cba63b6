"""Python calls C calls Python, five times over, each time by another kind of C: see tests/native.rs for the order."""

import ctypes
import functools
import re

import truth


def innermost():
    truth.write("null")()


class Item:
    def __init__(self, number):
        self.number = number

    def __lt__(self, other):
        innermost()
        return self.number < other.number


def by_comparison():
    return sorted([Item(3), Item(1), Item(2)])


def by_substitution(match):
    by_comparison()
    return ""


def by_map(text):
    return re.sub("x", by_substitution, text)


def by_reduce(a, b):
    return list(map(by_map, ["x"])) + a + b


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
def by_qsort(a, b):
    functools.reduce(by_reduce, [[1], [2], [3]])
    return 0


def generator():
    array = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(array, 3, ctypes.sizeof(ctypes.c_int), by_qsort)
    yield array


def main():
    for _ in generator():
        pass


if __name__ == "__main__":
    main()
