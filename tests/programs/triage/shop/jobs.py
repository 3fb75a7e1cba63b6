"""Defects that no rule was made for: see RESERVE in prog.py."""

import asyncio
import functools

import defects


def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper


class Session:
    def __init__(self, rows):
        self.handle = defects.Owner()
        self.rows = rows


def expire(rows):
    session = Session(rows)
    del session


@logged
def drain(rows):
    return defects.short_file(rows)


async def step(rows):
    await asyncio.sleep(0)
    return drain(rows)


def work(rows):
    return asyncio.run(step(rows))
