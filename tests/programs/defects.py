"""Dies by the defect that its argument names, inside `load` inside `main`: see defects/defects.c."""

import ctypes
import gc
import os
import signal
import sys
import threading


def defect(name):
    import defects
    return getattr(defects, name)


def thing():
    class Thing:
        pass
    return Thing()


def load(name):
    if name == "holder":
        kept = defect("Holder")()
        gc.collect()
        return kept
    if name == "clearer":
        defect("Clearer")()
        gc.collect()
        return None
    if name == "owner":
        gone = defect("Owner")()
        del gone
        return None
    if name in ("freed_argument", "released_argument"):
        return defect(name)(thing())
    if name in ("smash_type", "over_decref", "free_it"):
        victim = thing()
        defect(name)(victim)
        return victim.attribute
    if name in ("exception_left_set", "null_without_exception"):
        try:
            defect(name)(None)
        except SystemError:
            os.abort()
    if name == "del":
        class Closing:
            def __del__(self):
                defect("null_field")(None)
        closing = Closing()
        del closing
        return None
    if name == "out_of_memory":
        try:
            return bytearray(1 << 62)
        except MemoryError:
            os.abort()
    if name == "recursion":
        try:
            return load(name)
        except RecursionError:
            os.abort()
    if name == "os_abort":
        os.abort()
    if name == "killed":
        child = os.fork()
        if child == 0:
            os.kill(os.getppid(), signal.SIGABRT)
            os._exit(0)
        signal.pause()
    if name == "raised":
        os.kill(os.getpid(), signal.SIGXCPU)
    if name == "kill_abort":
        os.kill(os.getpid(), signal.SIGABRT)
    if name == "kill_segv":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "callback":
        return sorted([3, 1, 2], key=lambda n: defect("null_field")(n))
    if name == "thread":
        other = threading.Thread(target=defect("null_field"), args=(None,))
        other.start()
        other.join()
    if name.startswith("callback_"):
        return subscribed(name)
    return defect(name)(None)


class Listener:
    """Callbacks of ctypes that a C library keeps the address of."""

    kind = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long)

    def __init__(self):
        self.seen = []

    def see(self, n):
        self.seen.append(n)
        return len(self.seen)

    def crash(self, n):
        return defect("null_field")(None)

    def leave(self, n):
        self.callback = None
        gc.collect()
        return defect("null_field")(None)


def address(callback):
    return ctypes.cast(callback, ctypes.c_void_p).value


def subscribed(name):
    kind, listener = Listener.kind, Listener()
    others = [kind(listener.see) for _ in range(8)]
    if name in ("callback_lives", "callback_leaves"):
        listener.callback = kind(listener.crash if name == "callback_lives" else listener.leave)
        defect("subscribe")(address(listener.callback))
    else:
        callback = kind(listener.see)
        defect("subscribe")(address(callback))
        # Between living ones its memory goes to the free list of the allocator, else to the rest of its page.
        others += [kind(listener.see) for _ in range(8 if name == "callback_overwritten" else 0)]
        del callback
        gc.collect()  # cast() makes a cycle
        if name == "callback_reused":
            others += [bytes([65]) * size for size in range(64, 200) for _ in range(40)]
    return defect("publish")(others)


def main():
    load(sys.argv[1])


if __name__ == "__main__":
    main()
