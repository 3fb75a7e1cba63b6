# cython: language_level=3
"""A Cython module whose generators and coroutines call what they are given."""


cdef class Valve:
    def steps(self, callback):
        yield 0
        callback()
        yield 1


def numbers(callback):
    for step in Valve().steps(callback):
        yield step


async def stage(callback):
    for number in numbers(callback):
        pass


def make(callback):
    async def closure():
        await stage(callback)
    return closure


def run(callback):
    coroutine = (lambda: make(callback)())()
    try:
        coroutine.send(None)
    except StopIteration:
        pass
