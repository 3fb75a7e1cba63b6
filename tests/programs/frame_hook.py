"""Dies below Python code whose frames another function than CPython's evaluates, as its argument says."""

import os
import sys

import truth


def own():
    import ctypes
    ctypes.PyDLL(os.path.join(os.path.dirname(os.path.abspath(__file__)), "frame_hook.so")).install()


def pydevd():
    import pydevd
    from _pydevd_frame_eval.pydevd_frame_eval_main import frame_eval_func
    frame_eval_func()


def leaf(number):
    truth.write("sigsegv")()
    return number


def inner(depth):
    return inner(depth - 1) if depth else list(map(leaf, [depth]))


def outer():
    yield inner(2)


{"own": own, "pydevd": pydevd, "none": int}[sys.argv[1]]()
next(outer())
