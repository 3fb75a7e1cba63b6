"""Dies in a finaliser that the garbage collector runs, deep below an innocent looking call."""

import gc

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


def innocent(count):
    collected = gc.collect()
    return collected + count


def main():
    gc.disable()
    survivors = [Cyclic.__new__(Cyclic) for _ in range(3)]
    Cyclic("doomed")
    innocent(len(survivors))


if __name__ == "__main__":
    main()
