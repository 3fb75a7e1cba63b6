"""A module for Nuitka: functions, a generator and coroutines that call what they are given."""


def turn(times, callback):
    angle = times * 90
    if times:
        return turn(times - 1, callback)
    callback(angle)
    return angle


def steps(callback):
    yield 1
    turn(1, callback)
    yield 2


class Valve:
    def open(self, callback):
        total = 0
        for step in steps(callback):
            total += step
        return total


async def stage(callback):
    Valve().open(callback)


async def staged(callback):
    await stage(callback)


def run(callback):
    coroutine = staged(callback)
    try:
        coroutine.send(None)
    except StopIteration:
        pass
