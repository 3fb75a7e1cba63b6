"""Greenlets in every state, on two threads, while one of them dies. The package is found by PYTHONPATH.

`greenlets.py gevent`, `greenlets.py eventlet`: those of servers, with their hub. `greenlets.py many N`: N that stand in one place.
"""

import gc
import sys
import threading

import greenlet

import truth

# What each said of its frames when it switched away.
SAID = {}
KEPT = []
RUNNING = {}
# The address of the greenlet that runs the event loop.
HUB = []


def stack(frame):
    result = []
    while frame is not None:
        result.append([frame.f_code.co_name, frame.f_lineno, frame.f_code.co_filename])
        frame = frame.f_back
    return result


def away(to):
    SAID[id(greenlet.getcurrent())] = stack(sys._getframe()); return to.switch()  # one line, that the truth has it


def plain(depth, to):
    if depth:
        return plain(depth - 1, to)
    return away(to)


def through_c(depth, to):
    """Evaluation loops that C code entered: `max` calls `key`."""
    if depth:
        return max([depth], key=lambda number: through_c(number - 1, to))
    return away(to)


def generates(to):
    for number in range(3):
        yield away(to)


def drains(to):
    return list(generates(to))


def deep(to):
    return through_c(20, to)


def ends():
    return 1


class Named(greenlet.greenlet):
    """A class of the program's own."""


def spawn(function, *arguments, cls=greenlet.greenlet, parent=None):
    made = cls(function, parent) if parent else cls(function)
    KEPT.append(made)
    made.switch(*arguments)
    return made


class Other(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True, name="other")
        self.ready = threading.Event()

    def run(self):
        main = greenlet.getcurrent()
        spawn(plain, 1, main)
        spawn(through_c, 2, main)
        inner = greenlet.greenlet(self.inner)
        KEPT.append(inner)
        SAID[id(main)] = stack(sys._getframe()); inner.switch()

    def inner(self):
        RUNNING[id(greenlet.getcurrent())] = threading.get_native_id()
        self.ready.set()
        threading.Event().wait()


def describe():
    result = []
    for one in gc.get_objects():
        if not isinstance(one, greenlet.greenlet):
            continue
        known = id(one) in RUNNING
        state = "running" if known else "finished" if one.dead else "suspended" if one else "not-started"
        result.append({
            "id": "0x%x" % id(one), "type": "%s.%s" % (type(one).__module__, type(one).__qualname__), "state": state,
            "parent": "0x%x" % id(one.parent) if one.parent else None, "thread": RUNNING.get(id(one)),
            "frames": SAID.get(id(one)), "gr_frame": gr_frame(one) if state == "suspended" else None,
        })
    return result


def gr_frame(one):
    """By greenlet itself. 3.0.0 and 3.0.1 let Python read frames where they are no more (fixed in 3.0.2)."""
    return None if greenlet.__version__ in ("3.0.0", "3.0.1") and sys.version_info >= (3, 12) else stack(one.gr_frame)


def main():
    own = greenlet.getcurrent()
    spawn(plain, 3, own)
    spawn(plain, 0, own, cls=Named)
    spawn(through_c, 1, own)
    spawn(through_c, 3, own)
    spawn(drains, own)
    first = spawn(deep, own)
    spawn(plain, 2, own, parent=first)
    spawn(ends)
    KEPT.append(greenlet.greenlet(ends))
    other = Other()
    other.start()
    other.ready.wait()
    doomed = greenlet.greenlet(dies)
    KEPT.append(doomed)
    SAID[id(own)] = stack(sys._getframe()); doomed.switch()


def dies():
    truth.settle()
    RUNNING[id(greenlet.getcurrent())] = threading.get_native_id()
    truth.write("kill", greenlets=describe(), version=greenlet.__version__, hub="0x%x" % HUB[0] if HUB else None)()


def waits(lock):
    with lock:
        pass


def in_gevent():
    import gevent
    import gevent.lock
    import gevent.pool
    import gevent.queue

    lock = gevent.lock.RLock()
    lock.acquire()
    KEPT.extend([gevent.spawn(waits, lock), gevent.spawn(gevent.sleep, 1000), gevent.spawn(gevent.queue.Queue().get)])
    pool = gevent.pool.Pool(2)
    KEPT.extend(pool.spawn(gevent.sleep, 500) for _ in range(2))
    KEPT.append(gevent.spawn(ends))
    gevent.sleep(0.05)
    HUB.append(id(gevent.get_hub()))
    doomed = gevent.spawn(dies)
    KEPT.append(doomed)
    doomed.join()


def in_eventlet():
    import eventlet
    import eventlet.event
    import eventlet.hubs

    event = eventlet.event.Event()
    KEPT.extend([eventlet.spawn(event.wait), eventlet.spawn(event.wait), eventlet.spawn(eventlet.sleep, 500)])
    eventlet.sleep(0.05)
    HUB.append(id(eventlet.hubs.get_hub().greenlet))
    KEPT.append(eventlet.spawn(dies))
    eventlet.sleep(1000)


def many(count):
    own = greenlet.getcurrent()
    for _ in range(count):
        spawn(plain, 1, own)
    truth.write("kill", count=count)()


if __name__ == "__main__":
    if sys.argv[1:2] == ["gevent"]:
        in_gevent()
    elif sys.argv[1:2] == ["eventlet"]:
        in_eventlet()
    elif sys.argv[1:2] == ["many"]:
        many(int(sys.argv[2]))
    else:
        main()
