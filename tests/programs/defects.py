"""Dies by the defect that its argument names, inside `load` inside `main`: see defects/defects.c."""

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
    if name == "freed_argument":
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
    return defect(name)(None)


def main():
    load(sys.argv[1])


if __name__ == "__main__":
    main()
