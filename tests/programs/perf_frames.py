"""Dies below calls of Python by C, for `-X perf` and `-X perf_jit`, which put trampolines between the frames."""

import truth


def leaf(number):
    truth.write("abort")()
    return number


def inner(depth):
    return inner(depth - 1) if depth else list(map(leaf, [depth]))


inner(3)
