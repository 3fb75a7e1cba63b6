"""Ends by a function of a library that reports and aborts: its argument names the way."""

import ctypes
import sys


def load(how):
    if how == "cpp_assertion":
        import giveup
        giveup.cpp_assertion()
    if how == "glib":
        glib = ctypes.CDLL("libglib-2.0.so.0")
        glib.g_log(None, 1 << 2, b"the display is gone")  # G_LOG_LEVEL_ERROR
    if how == "unhandled":
        # As toolkits do for an exception that left a callback of theirs.
        try:
            raise ValueError("nobody wants this")
        except ValueError as error:
            sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
            sys.last_exc = error
        ctypes.CDLL(None).abort()


load(sys.argv[1])
