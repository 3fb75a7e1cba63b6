"""Dies in the evaluation loop itself: as it takes a constant of a function that has none any more, or by a signal."""

import ctypes
import os
import sys
import time

import truth


def without_constants():
    return "a text that is no small number"


def busy():
    while True:
        pass


def take_constants(code):
    word = ctypes.sizeof(ctypes.c_void_p)
    words = (ctypes.c_void_p * (sys.getsizeof(code) // word)).from_address(id(code))
    (at,) = [at for at, value in enumerate(words) if value == id(code.co_consts)]
    words[at] = None


def run(function):
    truth.write("sigsegv")
    if function is without_constants:
        take_constants(function.__code__)
    elif os.fork() == 0:
        time.sleep(0.3)
        os.kill(os.getppid(), 11)
        os._exit(0)
    function()


run({"fault": without_constants, "signal": busy}[sys.argv[1]])
