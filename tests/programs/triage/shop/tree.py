import sys

import defects


class Node:
    def __init__(self, child=None):
        self.child = child

    # Each level goes through C code, so that the C stack is what overflows.
    def __lt__(self, other):
        return bool(sorted([self, other]))


def render(rows):
    sys.setrecursionlimit(10 ** 7)
    return Node() < Node(rows)


def walk(rows):
    return defects.c_recursion(rows)
