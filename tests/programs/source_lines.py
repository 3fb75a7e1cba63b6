"""A process whose code claims to come from the files of its arguments (FILE:LINE); then it kills itself."""

import os
import signal
import sys


def function_of(file, line):
    names = {}
    exec(compile("\n" * (line - 1) + "def f(call): call()", file, "exec"), names)
    return names["f"]


def die():
    os.kill(os.getpid(), signal.SIGSEGV)


call = die
for argument in sys.argv[1:]:
    file, _, line = argument.rpartition(":")
    call = (lambda f, inner: lambda: f(inner))(function_of(file, int(line)), call)
call()
