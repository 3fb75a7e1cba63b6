"""A module for mypyc: functions, methods, a generator and a lambda that call what they are given."""
from typing import Any, Callable, Iterator


def turn(times: int, callback: Callable[[int], None]) -> int:
    if times:
        return turn(times - 1, callback)
    callback(times)
    return times


class Valve:
    def open(self, callback: Callable[[int], None]) -> int:
        total = 0
        for step in self.steps(callback):
            total += step
        return total

    def steps(self, callback: Callable[[int], None]) -> Iterator[int]:
        yield 1
        self._inner(callback)
        yield 2

    def _inner(self, callback: Callable[[int], None]) -> int:
        def nested() -> int:
            return turn(1, callback)
        return nested()

    def __call__(self, callback: Callable[[int], None]) -> int:
        return self.open(callback)


def run(callback: Callable[[int], None]) -> None:
    Valve()(callback)
