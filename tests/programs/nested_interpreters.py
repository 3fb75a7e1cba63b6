"""One thread in several interpreters. Argument: where it dies.

`inside` (default): in the third interpreter, entered from the second, entered from the main one.
`thread`: the same in a worker thread, while the second interpreter was made by the main thread.
`elsewhere`: inside, where the second interpreter was made by a thread that is no more.
`waiting`: in the main interpreter, while a worker waits in the third.
`back`: in the main interpreter again, which C code of the second has entered with the thread state that is in use.
`empty`: in the main thread, whose C code has made an interpreter and is in it, without any frame of it.

The frames of the interpreters further out are handed inwards as `outer`: a list of [interpreter, frames], innermost first.
"""

import json
import os
import sys
import threading
import time

import truth

truth.needs(8)
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

# Runs in each of the others. `left` interpreters are to be entered yet; the last one does `act`.
CODE = """
import json, sys
sys.path.insert(0, {here!r})
import {module} as interpreters
import truth

def enter{left}(outer, left, act):
    if left:
        code = {code!r}
        inner = interpreters.create()
        mine = [[truth._interpreter_id(), truth.frames(sys._getframe())]] + outer
        outer = json.dumps(mine)
        text = code.format(here={here!r}, module={module!r}, code=code, left=left - 1, act=act, outer=outer, state=0)
        interpreters.run_string(inner, text)
    elif act == "die":
        truth.write("sigsegv", outer=outer)()
    elif act == "back":
        import ctypes
        swap, run = ctypes.pythonapi.PyThreadState_Swap, ctypes.pythonapi.PyRun_SimpleString
        swap.argtypes, swap.restype = [ctypes.c_void_p], ctypes.c_void_p
        mine = [[truth._interpreter_id(), truth.frames(sys._getframe())]] + outer
        then = ("import __main__; __main__.back(%r)" % json.dumps(mine)).encode()
        swap({state}), run(then)
    else:
        import time
        with open({ready!r} + ".new", "w") as file:
            json.dump([[truth._interpreter_id(), truth.frames(sys._getframe())]] + outer, file)
        __import__("os").replace({ready!r} + ".new", {ready!r})
        time.sleep(600)

enter{left}(json.loads({outer!r}), {left}, {act!r})
"""

READY = os.path.abspath("waiting.json")


def text(left, act, outer):
    code = CODE.replace("{ready!r}", repr(READY).replace("{", "{{").replace("}", "}}"))
    here, state = os.path.dirname(os.path.abspath(__file__)), 0
    if act == "back":
        get = _python("PyThreadState_Get")
        state = get()
    module, outer = interpreters.__name__, json.dumps(outer)
    return code.format(here=here, module=module, code=code, left=left, act=act, outer=outer, state=state)


def _python(name):
    import ctypes
    function = getattr(ctypes.pythonapi, name)
    function.restype = ctypes.c_void_p
    return function


def create(shared):
    """A new interpreter; `shared`: one that may import all modules."""
    if not shared or sys.version_info < (3, 9):
        return interpreters.create()
    return interpreters.create("legacy") if sys.version_info >= (3, 13) else interpreters.create(isolated=False)


def enter(first, left, act):
    mine = [[truth._interpreter_id(), truth.frames(sys._getframe())]]
    failed = interpreters.run_string(first, text(left, act, mine))
    # 3.13+ gives the exception, 3.12 raises it.
    raise SystemExit("the interpreter has failed: %s" % getattr(failed, "formatted", failed))


def back(outer):
    truth.write("sigsegv", outer=json.loads(outer))()


def main():
    how = sys.argv[1] if len(sys.argv) > 1 else "inside"
    if how == "empty":
        make = _python("Py_NewInterpreter")
        kill = truth.write("null", outer=[[0, truth.frames(sys._getframe())]])
        make(), kill()
    if how == "elsewhere":
        made = []
        maker = threading.Thread(target=lambda: made.append(create(shared=False)))
        maker.start()
        maker.join()
        enter(made[0], 1, "die")
    first = create(shared=how == "back")
    if how == "inside":
        enter(first, 1, "die")
    elif how == "back":
        enter(first, 0, "back")
    worker = threading.Thread(target=enter, args=(first, 1, "die" if how == "thread" else "wait"), name="worker")
    worker.daemon = True
    worker.start()
    if how == "thread":
        worker.join()
    while not os.path.exists(READY):
        time.sleep(0.01)
    truth.settle()
    with open(READY) as file:
        truth.write("sigsegv", waiting=json.load(file))()


if __name__ == "__main__":
    main()
