"""Dies in a finaliser that the garbage collector runs, deep below an innocent looking call; with "direct" the finaliser is a
function of C, which the collector calls with no Python code in between."""

import gc
import sys

import truth


class Cyclic:
    """Garbage only the collector finds; its finaliser holds the fatal call."""

    def __init__(self, name):
        self.name = name
        self.me = self

    def __del__(self):
        finalised = self.name
        truth.write("null")()
        self.name = finalised


def direct():
    """A class whose finaliser has no frame of its own."""
    return type("Direct", (Cyclic,), {"__del__": staticmethod(truth.DEATHS["null"]())})


def innocent(count):
    collected = gc.collect()
    return collected + count


def main():
    gc.disable()
    survivors = [Cyclic.__new__(Cyclic) for _ in range(3)]
    (direct() if sys.argv[1:] == ["direct"] else Cyclic)("doomed")
    innocent(len(survivors))


if __name__ == "__main__":
    main()
