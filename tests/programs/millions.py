"""Very many of something, without a truth. Arguments: `states` (thread states that no thread runs), `objects` or `frames`, and how
many."""

import ctypes
import sys
import threading


def down(level):
    if level == 0:
        ctypes.string_at(8)
    return 1 + down(level - 1)


def main():
    what, count = sys.argv[1], int(sys.argv[2])
    if what == "states":
        api = ctypes.pythonapi
        api.PyInterpreterState_Get.restype = ctypes.c_void_p
        api.PyThreadState_New.argtypes = [ctypes.c_void_p]
        api.PyThreadState_New.restype = ctypes.c_void_p
        interpreter = api.PyInterpreterState_Get()
        for _ in range(count):
            api.PyThreadState_New(interpreter)
        ctypes.string_at(8)
    if what == "objects":
        kept = [[number] for number in range(count)]
        ctypes.string_at(8 * (len(kept) > 0))
    sys.setrecursionlimit(count + 1000)
    # Up to 3.10 each frame takes C stack too.
    threading.stack_size(1 << 30)
    thread = threading.Thread(target=down, args=(count,))
    thread.start()
    thread.join()


if __name__ == "__main__":
    main()
