"""Ends by a function of a library that reports and aborts: its argument names the way."""

import ctypes
import importlib
import sys


def load(how):
    if how == "cpp_assertion":
        import giveup
        giveup.cpp_assertion()
    if how == "glib":
        glib = ctypes.CDLL("libglib-2.0.so.0")
        arguments = (b"the display is gone",)
        if sys.argv[2:] == ["format"]:
            arguments = (b"the display %s is gone: %d", b":7", ctypes.c_int(3))
        glib.g_log(None, 1 << 2, *arguments)  # G_LOG_LEVEL_ERROR
    if how.startswith("giveup_"):
        getattr(importlib.import_module(how), sys.argv[2])(7)
    if how == "unhandled":
        # As toolkits do for an exception that left a callback of theirs.
        try:
            raise ValueError("nobody wants this")
        except ValueError as error:
            sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
            sys.last_exc = error
        ctypes.CDLL(None).abort()


load(sys.argv[1])
