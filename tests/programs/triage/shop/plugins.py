"""Several defects behind one Python function: only native code tells them apart."""

import defects


def call(name, rows):
    return getattr(defects, name)(rows)


def first(rows):
    return call("wild_read", rows)


def second(rows):
    return call("read_only", rows)


def third(rows):
    return call("null_call", rows)


def dispatch(name, rows):
    # No frame of its own for each plugin: even the callers are the same.
    return call(name, rows)
