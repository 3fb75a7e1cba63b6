import ctypes
import os

import defects


def check(rows):
    return defects.assertion(rows)


def commit(rows):
    return defects.fatal(rows)


def rollback(rows):
    return defects.c_abort(rows)


def abandon(rows):
    os.abort()


def copy(rows):
    return ctypes.memmove(0, b"x" * len(rows), len(rows))
