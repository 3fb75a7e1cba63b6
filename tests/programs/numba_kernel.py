"""Dies in code that numba made with LLVM: in a loop that reads beyond an array, with and without debug information."""

import json
import os
import sys

import numba
import numpy


def inner(array, index):
    return array[index]


def kernel(array, index):
    total = 0.0
    for step in range(3):
        total += made_inner(array, index + step)
    return total


made_inner = numba.njit(inner)
made = {"plain": numba.njit(kernel), "debug": numba.njit(debug=True)(kernel)}[sys.argv[1]]
small = numpy.arange(4.0)
made(small, 0)
# Signatures and mangled names, as numba says them.
names = [made.overloads[signature].fndesc.mangled_name for signature in made.signatures]
with open(os.environ["PYINQUEST_TRUTH"], "w") as file:
    json.dump({"names": names, "first": kernel.__code__.co_firstlineno,
               "last": max(line for *_, line in kernel.__code__.co_lines() if line)}, file)
made(small, 10 ** 11)
