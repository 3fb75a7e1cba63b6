"""Sub-interpreters. Argument: `run` (default) dies in code that a sub-interpreter runs, below frames of the main one;
`idle` dies in the main interpreter while others exist; `threads` dies there while threads run code in others.
"""

import json
import os
import sys
import threading

import truth

truth.needs(8)

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

SETUP = """
import sys, time
sys.path.insert(0, {here!r})
marker = "interpreter " + {label!r}
numbers = [1, 2, 3]
"""

RUN = """
import {module}
import truth

truth.needs(8)
main_frames = {main!r}
def inside(value):
    local = marker
    import json
    truth.write("sigsegv", main_frames=json.loads(main_frames))()
inside(numbers)
"""

SLEEP = """
def asleep(seconds):
    where = marker
    time.sleep(seconds)
asleep(600)
"""


def create(label):
    sub = interpreters.create()
    interpreters.run_string(sub, SETUP.format(here=os.path.dirname(os.path.abspath(__file__)), label=label))
    return sub


def run_in(sub):
    depth = "main interpreter"
    module = interpreters.__name__
    interpreters.run_string(sub, RUN.format(module=module, main=json.dumps(truth.frames(sys._getframe()))))
    return depth


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else "run"
    subs = [create(str(n)) for n in range(3)]
    if mode == "run":
        run_in(subs[1])
    if mode == "threads":
        for n, sub in enumerate(subs):
            threading.Thread(target=interpreters.run_string, args=(sub, SLEEP), name="sub-%d" % n, daemon=True).start()
        truth.settle()
    truth.write("sigsegv", interpreters=len(subs) + 1)()


if __name__ == "__main__":
    main()
