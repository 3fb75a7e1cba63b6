"""Writes where it does not belong, says where (`damaged.json`: kind, first wrong byte, what is before it), and dies.

With the argument `marks` where debug hooks (PYTHONMALLOC=debug) see it; with `use` after it of what is damaged.
"""

import ctypes
import gc
import json
import os
import sys

POOL = 4096 if sys.version_info < (3, 10) else 16384
# A size class that nothing else here uses.
SIZE = 440

memset = ctypes.memset


class Holder:
    pass


def in_a_row(things):
    """Two neighbours of one pool."""
    step = min(b - a for a, b in zip(sorted(map(id, things)), sorted(map(id, things))[1:]))
    by_id = {id(thing): thing for thing in things}
    for thing in things:
        after = by_id.get(id(thing) + step)
        if after is not None and id(thing) // POOL == id(after) // POOL:
            return thing, after
    raise AssertionError("no neighbours")


def release(rows, at, *others):
    """Frees one of them, whose block stays free: what comes next takes blocks of the pools that are freed in last."""
    freed = id(rows[at])
    for index in (at,) + others:
        rows[index] = None
    return freed


def expect(kind, at, before=None, used=False):
    """`used`: of an object that `use` ends, and that is none when the process dies."""
    EXPECTED.append({"kind": kind, "at": at, "before": before, "used": used})


def plain():
    """Damages that every heap shows."""
    todo = []
    rows = [bytes([65 + n % 26]) * SIZE for n in range(600)]
    # Beyond the end of one, over the head of the next.
    first, second = in_a_row(rows[:200])
    end = id(first) + sys.getsizeof(first)
    todo.append((end, 0x47, id(second) + 16 - end))
    expect("reference", id(second) + 8, id(first))
    # A pool all of whose blocks are in use.
    pools = {}
    for row in rows[200:400]:
        pools.setdefault(id(row) // POOL, []).append(row)
    full = max(pools.values(), key=len)
    head = id(full[0]) // POOL * POOL
    todo.append((head, 0x41, 48))
    expect("pool-header", head)
    # The head of the free list of another: what a freed block that was written to has handed on.
    del pools[id(full[0]) // POOL]
    other = id(max(pools.values(), key=len)[0]) // POOL * POOL
    todo.append((other + 8, 0x43, 8))
    expect("free-list", other + 8)
    # A link of the free list.
    freed = release(rows, 410, 460, 510, 560)
    todo.append((freed, 0x42, 8))
    expect("free-list", freed)
    # What the collector tracks.
    things = [Holder() for _ in range(50)]
    todo.append((id(things[10]) + 8, 0x45, 8))
    expect("type-pointer", id(things[10]) + 8)
    # A text that says it is longer than it is.
    short = "short {}".format(len(rows))
    todo.append((id(short) + 16, 0x01, 2))
    expect("size", id(short) + 16)
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version
        libc.malloc.restype = ctypes.c_void_p
        blocks = sorted(libc.malloc(1000) for _ in range(20))
        one = next(a for a, b in zip(blocks, blocks[1:]) if b - a == 1008)
        todo.append((one + 1000, 0x48, 8))
        expect("malloc-chunk", one + 1000)
    except AttributeError:
        pass
    return todo, (rows, things, short)


def links():
    """A link of the collector's list, and no more: the list ends there."""
    things = [[n] for n in range(50)]
    expect("gc-links", id(things[20]) - 8)
    return [(id(things[20]) - 8, 0x46, 8)], things


def marks():
    """What the marks of debug hooks show."""
    rows = [bytes([65 + n % 26]) * 200 for n in range(400)]
    todo = [(id(rows[10]) + sys.getsizeof(rows[10]), 0x43, 4)]
    expect("fence-after", id(rows[10]) + sys.getsizeof(rows[10]))
    todo.append((id(rows[20]) - 4, 0x44, 2))
    expect("fence-before", id(rows[20]) - 4)
    large = [None] * 10000
    items = ctypes.c_size_t.from_address(id(large) + 24).value
    todo.append((items + 8 * 10000 + 3, 0x49, 1))
    expect("fence-after", items + 8 * 10000 + 3, used=True)
    freed = release(rows, 30, 120, 220, 320)
    todo.append((freed + 32, 0x4A, 8))
    expect("written-after-free", freed + 32)
    return todo, (rows, large)


def pages():
    """What pages of mimalloc and their free lists show (free-threaded builds)."""
    rows = [bytes([65 + n % 26]) * SIZE for n in range(600)]
    freed = release(rows, 10, 60, 110, 160)
    todo = [(freed, 0x42, 8)]
    expect("free-list", freed)
    others = [bytes([65 + n % 26]) * (SIZE + 300) for n in range(600)]
    last = release(others, 10)
    # The page of that block has it first on its list; segments begin at multiples of 32 MiB with the heads of their pages.
    segment = last >> 25 << 25
    words = (ctypes.c_size_t * 8192).from_address(segment)
    field = segment + 8 * words[:].index(last)
    # A page begins with two numbers of 32 bits: its slices, and 0. The list is 24 or 32 bytes from there.
    number = lambda at: ctypes.c_uint32.from_address(at).value
    head = field - 24 if number(field - 24) < 512 and number(field - 20) == 0 else field - 32
    todo.append((head, 0x41, 14))
    expect("page-header", head)
    return todo, (rows, others)


EXPECTED = []


def main(way, use):
    todo, kept = {"plain": plain, "links": links, "marks": marks, "pages": pages}[way]()
    with open("damaged.json", "w") as file:
        json.dump(EXPECTED, file)
    for place, byte, count in todo:
        memset(place, byte, count)
    if use:
        del kept
    os.abort()


gc.disable()
main(sys.argv[1], sys.argv[2:] == ["use"])
