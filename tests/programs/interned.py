"""Has interned strings, and callbacks that only the interpreter's state leads to; says what Python counts of them, and dies."""

import codecs
import json
import os
import sys


def plant(number):
    """A function that keeps 1 MiB alive, and the id of these bytes."""
    data = b"%07d" % number * (1 << 17)

    def callback(*args):
        return args[0] if data is None else None

    return callback, id(data)


def build():
    search, searched = plant(1)
    codecs.register(search)
    handler, handled = plant(2)
    codecs.register_error("planted", handler)
    hook, hooked = plant(3)
    os.register_at_fork(before=hook)
    return {"search functions of codecs": searched, "error handlers of codecs['planted']": handled,
            "os.register_at_fork(before)": hooked}


planted = build()
kept = [sys.intern("interned text of number %d" % number) for number in range(3000)]
facts = {
    "planted": planted,
    "ids": [id(text) for text in kept],
    "immortal": sys.getrefcount(kept[0]) > 1 << 28,
    "list": sys.getsizeof(kept),
    "texts": sum(map(sys.getsizeof, kept)),
}
with open("interned.json", "w") as file:
    json.dump(facts, file)
count = getattr(sys, "getunicodeinternedsize", lambda: 0)()
os.write(1, b"%d\n" % count)
os.abort()
