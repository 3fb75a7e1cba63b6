"""Native threads that Python knows nothing of. Argument: `idle` (default): the main thread dies beside one that waits
in `pause`; `crash`: a native thread dies (`abort`) while the main thread waits for it.
"""

import ctypes
import functools
import sys
import time

import truth

libc = ctypes.CDLL(None)


def start(routine):
    handle = ctypes.c_ulong()
    create = functools.partial(libc.pthread_create, ctypes.byref(handle), None, routine, None)
    return handle, create


def main():
    paused, create_paused = start(libc.pause)
    if create_paused() != 0:
        raise RuntimeError("pthread_create failed")
    time.sleep(0.1)
    if sys.argv[1:] == ["crash"]:
        doomed, create_doomed = start(libc.abort)
        join = libc.pthread_join
        truth.write(create_doomed)(); join(doomed, None)
    truth.write("null")()
    return paused


if __name__ == "__main__":
    main()
