"""Has references that nobody holds, of an extension module's mistakes, and waits; with `healthy` it has none."""

import os
import sys

import seeds


class Lost:
    pass


class Counted:
    pass


kept = [Counted() for _ in range(3)]
if "healthy" not in sys.argv:
    for _ in range(40):
        seeds.make_and_forget(Lost)
        seeds.extra_incref(kept[0])
os.mkfifo("go")
open("ready", "w").close()
open("go").close()
