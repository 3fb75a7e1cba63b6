"""Dies in code that runs while a frame is let go which C code has entered. Argument: `del` (default), `weakref`, `generator`,
`close`, `thread` (the outermost frame of a thread) or `c` (no Python code: what the frame held is let go by C code).
"""

import sys
import threading
import weakref

import truth


class Dying:
    def __del__(self):
        truth.write("sigsegv")()


class Plain:
    pass


def callback(_):
    truth.write("sigsegv")()


def holds(_):
    mine = Dying()
    return 1


def watched(_):
    mine = Plain()
    WATCHES.append(weakref.ref(mine, callback))
    return 1


def generator():
    mine = Dying()
    yield 1


def closing():
    try:
        yield 1
    finally:
        mine = Dying()


def let_go():
    class Killing:
        pass

    def holding(_):
        mine = Killing()
        return 1

    Killing.__del__ = staticmethod(truth.write("sigsegv"))
    list(map(holding, [1]))


WATCHES = []


def main():
    how = sys.argv[1] if len(sys.argv) > 1 else "del"
    if how == "del":
        list(map(holds, [1]))
    elif how == "weakref":
        list(map(watched, [1]))
    elif how == "generator":
        list(generator())
    elif how == "close":
        started = closing()
        next(started)
        list(map(type(started).close, [started]))
    elif how == "thread":
        thread = threading.Thread(target=lambda: (truth.settle(), list(map(holds, [1]))))
        thread.start()
        thread.join()
    elif how == "c":
        let_go()


if __name__ == "__main__":
    main()
