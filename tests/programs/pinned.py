"""Few objects that keep many arenas, and dies."""

import os


class Session:
    """As large as a tuple of two."""

    __slots__ = ("number", "user", "cart")


kept, others = [], []
for number in range(400000):
    if number % 4000 == 0:
        kept.append(Session())
    else:
        others.append((number, str(number)))
del others
os.abort()
