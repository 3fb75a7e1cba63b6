"""Dies of objects that an extension module released too often (defects/seeds.c), in the way that its argument names.

One object is freed while a list refers to it, and its memory is in use again; others are still there with too small a count.
"""

import gc
import os
import sys

import seeds


class Session:
    def __init__(self, number):
        self.number = number


def main(way):
    registry = [Session(number) for number in range(40)]
    boxes = [seeds.Box(number) for number in range(40)]
    by_number = dict(enumerate(registry)), dict(enumerate(boxes))
    for thing in registry + boxes:
        seeds.over_decref(thing)
    if way == "abort":
        # Nothing that a count explains.
        os.abort()
    # The second release frees it; what comes after takes its memory.
    seeds.over_decref(registry[7])
    filled = [bytearray(b"X" * size) for size in range(1, 500) for _ in range(4)] if way != "freed" else []
    if way == "collector":
        gc.collect()
    registry[7].number
    return by_number, filled


if __name__ == "__main__":
    gc.disable()
    main(sys.argv[1])
