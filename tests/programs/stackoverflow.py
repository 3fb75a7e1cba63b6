"""The C stack overflows. Argument: `native` (default): in libc's regular expression parser, which recurses once for
each open parenthesis, whatever Python's own limits are; `python`: by Python calls, without a truth (up to 3.10, where
each call takes C stack; later versions end with an exception, exit status 3 and no core).
"""

import ctypes
import functools
import os
import sys

import truth


def recurse(level):
    return recurse(level + 1)


def overflow_in_libc():
    buffer = ctypes.create_string_buffer(1024)
    pattern = b"(" * 2_000_000
    truth.write(functools.partial(ctypes.PyDLL(None).regcomp, buffer, pattern, 1))()
    return len(pattern)


def main():
    if sys.argv[1:] == ["python"]:
        sys.setrecursionlimit(10**6)
        try:
            recurse(0)
        except (RecursionError, MemoryError):
            os._exit(3)
    overflow_in_libc()


if __name__ == "__main__":
    main()
