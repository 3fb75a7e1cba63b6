"""Objects in the main interpreter and in two others, one of them with all of its own where there are such, and dies.

`interpreters.json`: for each interpreter id, `sys.getsizeof` and type of its objects.
"""

import json
import os

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

CODE = """
import sys
class Thing:
    def __init__(self, n):
        self.n, self.parts = n, [n, str(n) * 3, (n, n + 0.5), {"k": n}]
things = [Thing(n) for n in range(1000000, 1000300)]
rows = []
for thing in things:
    found = [thing, thing.n, thing.parts] + thing.parts[1:]
    rows += [(id(x), sys.getsizeof(x), type(x).__name__) for x in found]
"""

WRITE = """
import json
with open({path!r}, "w") as file:
    json.dump(rows, file)
"""


def made(**config):
    """An interpreter with these objects; it is not ended."""
    path = os.path.abspath("rows-%d.json" % len(SAID))
    inner = create(**config)
    # An interpreter may end with the last object that names it.
    KEPT.append(inner)
    interpreters.run_string(inner, CODE + WRITE.format(path=path))
    with open(path) as file:
        SAID["interpreter %d" % len(SAID)] = json.load(file)


def create(isolated):
    for arguments in ((("isolated" if isolated else "legacy"),), ()):
        try:
            return interpreters.create(*arguments)
        except TypeError:
            continue
    return interpreters.create(isolated=isolated)


SAID = {}
KEPT = []


def main():
    namespace = {"__name__": "__main__"}
    exec(CODE, namespace)
    SAID["main"] = namespace["rows"]
    made(isolated=False)
    made(isolated=True)
    with open("interpreters.json", "w") as file:
        json.dump(SAID, file)
    os.abort()
    return namespace


if __name__ == "__main__":
    main()
