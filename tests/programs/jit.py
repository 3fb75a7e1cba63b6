"""Dies in code of CPython's own JIT: in a call of a built-in function that a hot loop makes over and over."""

import json
import os
import sys

jit = getattr(sys, "_jit", None)
if jit is None or not jit.is_enabled():
    sys.exit("needs Python 3.15 with its JIT")


def strike(signals, at):
    return os.kill(own, signals[at])


def work(signals):
    done = 0
    for at in range(len(signals)):
        strike(signals, at)
        done += 1
    return done


own = os.getpid()
quiet = [0] * 20000
work(quiet)
deadly = quiet + [11]
# Nothing can be asked when it dies without leaving the JIT's code; each function has one line with a call in it.
frames = [("strike", strike.__code__.co_firstlineno + 1), ("work", work.__code__.co_firstlineno + 3),
          ("<module>", sys._getframe().f_lineno + 3)]
with open(os.environ["PYINQUEST_TRUTH"], "w", encoding="utf-8") as file:
    json.dump({"threads": [{"frames": [{"function": name, "line": line} for name, line in frames]}]}, file)
work(deadly)
