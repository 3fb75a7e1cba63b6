"""Defects that no rule was made for: see RESERVE in prog.py."""

import gc

import defects


def words(rows):
    for row in rows:
        yield defects.divide(row)


def index(rows):
    return {word: at for at, word in enumerate(words(rows))}


def refresh(rows):
    # Two ways lead to one defect.
    return index(rows)


def update(rows):
    return [index(part) for part in (rows[:10], rows[10:])]


def any_way(rows):
    return refresh(rows) if len(rows) % 2 else update(rows)


def rank(rows):
    """The object is damaged here; when that shows is chance."""
    ranked = [[row] for row in rows]
    defects.smash_type(ranked[len(ranked) // 2])
    for _ in range(10):
        gc.collect()
        ranked = sorted(ranked)
    return ranked
