"""Collects garbage in every generation, with what `gc.callbacks` tells of it (`collections.json`), and dies."""

import gc
import json
import os


class Cycle:
    def __init__(self):
        self.me = self


SAID = []


def heard(phase, info):
    if phase == "stop":
        SAID.append(info)


def main():
    gc.disable()
    gc.callbacks.append(heard)
    for generation, count in ((0, 3), (2, 11), (0, 5), (1, 7), (1, 0), (2, 1), (2, 2), (2, 3), (0, 4), (1, 9)):
        for _ in range(count):
            Cycle()
        gc.collect(generation)
    with open("collections.json", "w") as file:
        json.dump(SAID, file)
    os.abort()


if __name__ == "__main__":
    main()
