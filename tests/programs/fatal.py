"""Has CPython end the process itself (`Py_FatalError` and its like), in the way that the argument names."""

import sys
import threading
import time

import truth


def restore():
    """With the GIL: a thread state of NULL is made the current one."""
    import ctypes
    ctypes.pythonapi.PyEval_RestoreThread(None)


def without_gil():
    """Without it: the current thread state is asked for."""
    import ctypes
    ctypes.CDLL(None).PyThreadState_Get()


def native_thread():
    """In a thread that Python does not know, which a timer starts when the main thread sleeps without the GIL."""
    import ctypes

    class Sigevent(ctypes.Structure):
        _fields_ = [("value", ctypes.c_void_p), ("signo", ctypes.c_int), ("notify", ctypes.c_int),
                    ("function", ctypes.c_void_p), ("attributes", ctypes.c_void_p), ("reserved", ctypes.c_char * 32)]

    realtime = ctypes.CDLL("librt.so.1")
    sigev_thread = 2
    call = ctypes.cast(ctypes.CDLL(None).PyThreadState_Get, ctypes.c_void_p)
    event, timer = Sigevent(notify=sigev_thread, function=call.value), ctypes.c_void_p()
    assert realtime.timer_create(0, ctypes.byref(event), ctypes.byref(timer)) == 0
    in_half_a_second = (ctypes.c_long * 4)(0, 0, 0, 500_000_000)
    assert realtime.timer_settime(timer, 0, in_half_a_second, None) == 0
    time.sleep(600)


class AtExit:
    """Ends it while `Py_Finalize` takes the modules apart."""

    def __init__(self, call):
        self.call = call

    def __del__(self):
        self.call()


def main(way):
    threading.Thread(target=time.sleep, args=(600,), name="sleeper", daemon=True).start()
    truth.settle()
    if way == "exit":
        import ctypes
        global kept
        kept = AtExit(ctypes.CDLL(None).PyThreadState_Get)
    else:
        {"restore": restore, "without_gil": without_gil, "native_thread": native_thread}[way]()


if __name__ == "__main__":
    main(sys.argv[1])
