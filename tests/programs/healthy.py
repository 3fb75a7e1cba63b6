"""A program without mistakes that works until it is killed, at an instant that nobody chose.

    healthy.py LOAD SEED

Once the load has run for a while a child process kills it with SIGQUIT, by the seed sooner or later.
"""

import gc
import os
import random
import signal
import sys
import threading
import time

LOADS = {}


def load(function):
    LOADS[function.__name__] = function
    return function


def forever(work):
    """Calls `work` again and again; what it returns is kept for a while."""
    kept = []
    while True:
        kept.append(work(len(kept)))
        if len(kept) > 200:
            del kept[:150]
        yield


@load
def sqlite():
    import sqlite3

    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.create_function("twice", 1, lambda x: x * 2)
    connection.create_collation("backwards", lambda a, b: (a < b) - (a > b))

    class Longest:
        def __init__(self):
            self.value = ""

        def step(self, value):
            self.value = max(self.value, value, key=len)

        def finalize(self):
            return self.value

    connection.create_aggregate("longest", 1, Longest)
    connection.execute("create table t (n integer, s text, b blob)")

    def work(turn):
        rows = [(n, "text {}".format(n * turn), bytes(n % 50)) for n in range(100)]
        connection.executemany("insert into t values (?, ?, ?)", rows)
        found = connection.execute("select twice(n) as m, s from t order by s collate backwards limit 50").fetchall()
        longest = connection.execute("select longest(s) from t").fetchone()[0]
        if turn % 20 == 0:
            connection.execute("delete from t")
        return found, longest, connection.execute("select * from t")

    return forever(work)


@load
def tasks():
    import asyncio

    async def handle(reader, writer):
        while True:
            line = await reader.readline()
            if not line:
                break
            writer.write(line[::-1] + b"\n")
            await writer.drain()
        writer.close()

    async def client(port, queue):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in range(1000000000):
            writer.write("{} hello\n".format(n).encode())
            await queue.put(await reader.readline())
            if n % 50 == 0:
                await asyncio.gather(*(asyncio.sleep(0, m) for m in range(5)))

    async def drain(queue, lock):
        while True:
            async with lock:
                await queue.get()
                yielded[0] += 1

    async def main():
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        queue, lock = asyncio.Queue(10), asyncio.Lock()
        work = [client(port, queue) for _ in range(8)] + [drain(queue, lock) for _ in range(3)]
        await asyncio.gather(*work)

    yielded = [0]
    threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()

    def step():
        while True:
            time.sleep(0.01)
            yield

    return step()


@load
def foreign():
    import ctypes

    libc = ctypes.CDLL(None)
    compare_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))

    class Point(ctypes.Structure):
        _fields_ = [("x", ctypes.c_double), ("next", ctypes.c_void_p), ("name", ctypes.c_char_p)]

    def work(turn):
        calls = []

        def compare(a, b):
            calls.append((a[0], b[0]))
            return a[0] - b[0]

        numbers = (ctypes.c_int * 60)(*[(n * 37 + turn) % 101 for n in range(60)])
        libc.qsort(numbers, 60, ctypes.sizeof(ctypes.c_int), compare_type(compare))
        point = Point(turn, ctypes.addressof(numbers), b"name %d" % turn)
        return numbers, point, ctypes.pointer(point), ctypes.create_string_buffer(turn + 1), len(calls)

    return forever(work)


@load
def functional():
    import collections
    import functools
    import itertools
    import operator
    import re

    @functools.lru_cache(maxsize=64)
    def cached(n):
        return "value {}".format(n)

    @functools.singledispatch
    def shown(thing):
        return repr(thing)

    shown.register(int, lambda n: hex(n))

    def work(turn):
        patterns = [re.compile(r"(\w+)-{}(?P<n>\d+)".format(n % 600)) for n in range(turn * 3, turn * 3 + 10)]
        found = [p.search("abc-{}".format(turn * 3)) for p in patterns]
        partial = functools.partial(operator.add, turn)
        chain = itertools.chain(map(partial, range(10)), filter(None, range(5)), itertools.islice(itertools.count(turn), 5))
        first = next(chain)
        counts = collections.Counter(cached(n % 100) for n in range(turn, turn + 80))
        order = collections.OrderedDict(sorted(counts.items()))
        order.move_to_end(next(iter(order)))
        chained = collections.ChainMap({"a": turn}, order)
        row = collections.namedtuple("Row{}".format(turn % 3), "a b c")(turn, found, chained)
        return row, chain, first, sorted(map(shown, range(20))), collections.deque(order, 10)

    return forever(work)


@load
def threads():
    import concurrent.futures
    import queue
    import weakref

    class Job:
        def __init__(self, n):
            self.n, self.parts, self.me = n, [n] * 10, self

    jobs, done = queue.Queue(50), weakref.WeakSet()
    local = threading.local()

    def worker():
        while True:
            job = jobs.get()
            local.last = job
            done.add(job)
            job.parts.append(threading.current_thread().name)

    for _ in range(6):
        threading.Thread(target=worker, daemon=True).start()
    pool = concurrent.futures.ThreadPoolExecutor(4)

    def work(turn):
        for n in range(30):
            jobs.put(Job(n))
        return [pool.submit(pow, n, turn + 2) for n in range(20)], len(done)

    return forever(work)


@load
def codecs():
    import base64
    import csv
    import hashlib
    import io
    import json
    import pickle
    import struct
    import zlib

    class Thing:
        def __init__(self, n):
            self.n, self.tags = n, {"tag": [n, str(n)]}

    # pickle finds it by its name.
    Thing.__qualname__ = "Thing"
    globals()["Thing"] = Thing

    def work(turn):
        things = [Thing(n) for n in range(40)]
        packed = zlib.compress(pickle.dumps(things))
        copied = pickle.loads(zlib.decompress(packed))
        text = json.dumps([thing.__dict__ for thing in copied])
        rows = io.StringIO()
        csv.writer(rows).writerows([[n, "a,b", None, turn] for n in range(30)])
        read = list(csv.DictReader(io.StringIO("a,b,c\n" + rows.getvalue())))
        numbers = struct.unpack("<20q", struct.pack("<20q", *range(turn, turn + 20)))
        digest = hashlib.sha256(base64.b64encode(packed))
        return json.loads(text), read, numbers, digest, memoryview(packed)[2:8], io.TextIOWrapper(io.BytesIO(packed))

    return forever(work)


@load
def numbers():
    import array
    import bisect
    import datetime
    import decimal
    import fractions
    import heapq
    import random as rnd
    import statistics

    def work(turn):
        with decimal.localcontext() as context:
            context.prec = 30
            sums = sum(decimal.Decimal(n) / 7 for n in range(1, 30))
        start = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=turn % 12)))
        days = [start + datetime.timedelta(days=n) for n in range(40)]
        parts = [fractions.Fraction(n, turn + 1) for n in range(20)]
        heap = [(rnd.random(), n) for n in range(50)]
        heapq.heapify(heap)
        values = array.array("d", [x for x, _ in heap])
        bisect.insort(days, start)
        return sums, days, parts, heapq.nsmallest(5, heap), values, statistics.mean(values), 3 ** (turn * 10)

    return forever(work)


@load
def trees():
    import ast
    import contextlib
    import copy
    import dataclasses
    import enum
    import typing
    import xml.etree.ElementTree as xml

    class Colour(enum.Enum):
        RED = 1
        GREEN = 2

    @dataclasses.dataclass
    class Node:
        name: str
        colour: Colour = Colour.RED
        children: typing.List["Node"] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def opened(name):
        yield [name]

    def made(turn):
        yield from (n for n in range(turn))

    def work(turn):
        root = xml.fromstring("<r>" + "".join("<c n='{}'>t<d/></c>".format(n) for n in range(40)) + "</r>")
        tree = ast.parse("def f(a, b={}):\n    return [x ** a for x in b if x > 1]".format(turn))
        namespace = {}
        exec(compile(tree, "<made>", "exec"), namespace)
        node = Node("root", children=[Node(str(n), Colour.GREEN) for n in range(10)])
        with opened("x") as held:
            generator = made(turn + 2)
            next(generator)
        try:
            raise KeyError(turn) from ValueError(held)
        except KeyError as error:
            kept = error
        kind = type("Made{}".format(turn), (Node,), {"extra": property(lambda self: self.name)})
        return root.findall(".//c[@n='3']"), namespace["f"](2, [1, 2, 3]), copy.deepcopy(node), generator, kept, kind("m")

    return forever(work)


@load
def cycles():
    """The collector is at work nearly all the time, on weak references with callbacks and finalizers too."""
    import weakref

    gc.set_threshold(60, 2, 2)
    ended, revived = [], []

    class Node:
        def __init__(self, others):
            self.others, self.me = others, self
            self.watch = weakref.ref(self, lambda _: ended.append(1))
            weakref.finalize(self, ended.append, 2)

        def __del__(self):
            if len(ended) % 50 == 0:
                revived.append(self)

    def waiting(node):
        try:
            yield node
        finally:
            node.others.append(None)

    def work(turn):
        del ended[:-100], revived[:-10]
        ring = []
        ring.extend(Node(ring) for _ in range(30))
        cell = lambda: (cell, ring)
        generator = waiting(ring[0])
        next(generator)
        ring[1].more = (generator, cell, weakref.WeakKeyDictionary({node: ring for node in ring}))
        return weakref.WeakValueDictionary(enumerate(ring)), ring[2] if turn % 3 else None

    return forever(work)


@load
def text():
    import collections
    import difflib
    import string
    import textwrap
    import unicodedata

    class Name(str):
        def __new__(cls, text, kind):
            made = super().__new__(cls, text)
            made.kind = kind
            return made

    def work(turn):
        words = ["w{:x}\u00e4\u4e2d\U0001f600".format(n * turn % 977) for n in range(60)]
        whole = " ".join(words)
        names = [Name(unicodedata.normalize("NFD", word).title(), sys.intern("kind" + str(n % 3))) for n, word in enumerate(words)]
        lines = list(difflib.unified_diff(words, sorted(words), lineterm=""))
        filled = textwrap.wrap(whole, 30), string.Template("$a-${b}").substitute(a=turn, b=names[0])
        table = str.maketrans({"w": "W", "1": None, "2": "\u20ac"})
        raw = bytearray(whole.encode("utf-16")) + memoryview(b"tail")[1:].tobytes()
        return collections.UserString(whole), names, lines, filled, whole.translate(table), raw, whole.partition("w1"), hash(whole)

    return forever(work)


@load
def numpy():
    import numpy as np

    class Image(np.ndarray):
        pass

    def work(turn):
        grid = np.random.rand(60, 60)
        things = np.array([object() for _ in range(20)] + [None], dtype=object)
        records = np.zeros(30, [("name", "U10"), ("value", "f8")])
        records["value"] = grid[0, :30]
        records.sort(order="value")
        kept = [row for row in records[:5]] + list(np.nditer(grid[:2, :2])) + [np.float64(turn), np.str_("x")]
        masked = np.ma.masked_greater(grid, 0.5)
        solved = np.linalg.solve(grid + np.eye(60) * 60, grid[0])
        return grid.T[::2], things[::-1].copy(), kept, masked.mean(), solved.view(Image), np.vectorize(str)(grid[0, :5])

    return forever(work)


@load
def pandas():
    import numpy as np
    import pandas as pd

    def work(turn):
        frame = pd.DataFrame({"k": np.arange(200) % 7, "v": np.random.rand(200), "s": ["s%d" % (n % 9) for n in range(200)],
                              "t": pd.date_range("2020-01-01", periods=200)})
        grouped = frame.groupby("k").agg({"v": ["mean", "max"], "s": "count"})
        merged = frame.merge(frame[["k", "s"]].drop_duplicates(), on="k")
        frame["c"] = frame["s"].astype("category")
        return grouped, merged.head(), frame.pivot_table(index="k", columns="s", values="v"), list(frame.itertuples())[:3]

    return forever(work)


@load
def flask():
    from flask import Flask, jsonify, render_template_string, request, session

    app = Flask("healthy")
    app.secret_key = "x"

    @app.route("/item/<int:n>", methods=["GET", "POST"])
    def item(n):
        session["last"] = n
        if n % 7 == 0:
            raise ValueError(n)
        return jsonify(n=n, args=dict(request.args), form=dict(request.form))

    @app.errorhandler(ValueError)
    def failed(error):
        return render_template_string("{% for x in range(5) %}{{ x }} {{ error }}{% endfor %}", error=error), 500

    def serve(turn):
        client = app.test_client()
        return [client.post("/item/{}?a=b".format(n), data={"x": "y" * 20}) for n in range(turn, turn + 8)]

    def other():
        for turn in range(1000000000):
            serve(turn)

    for _ in range(3):
        threading.Thread(target=other, daemon=True).start()
    return forever(serve)


@load
def django():
    from django.conf import settings

    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"], SECRET_KEY="x", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
    import django as framework

    framework.setup()
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command
    from django.http import HttpResponse
    from django.template import Context, Template
    from django.test import Client
    from django.urls import path

    call_command("migrate", verbosity=0)

    def view(request, n):
        group, _ = Group.objects.get_or_create(name="g%d" % (n % 5))
        user = User.objects.create(username="u%d-%s" % (n, random.random()))
        user.groups.add(group)
        users = User.objects.filter(groups__name=group.name).order_by("-id")[:10]
        if n % 50 == 0:
            User.objects.all().delete()
        template = Template("{% for u in users %}{{ u.username|upper }} {% endfor %}")
        return HttpResponse(template.render(Context({"users": users})))

    globals()["urlpatterns"] = [path("u/<int:n>/", view)]
    client = Client()
    return forever(lambda turn: client.get("/u/%d/" % turn))


@load
def wheels():
    """Extension modules of other makers: C, Cython, cffi, Rust."""
    import cffi
    import greenlet
    import lxml.etree
    import msgpack
    import pydantic
    import yaml

    ffi = cffi.FFI()
    ffi.cdef("size_t strlen(const char *); struct p { int a; struct p *next; };")
    libc = ffi.dlopen(None)

    class Item(pydantic.BaseModel):
        name: str
        price: float = 1.0
        tags: list[str] = []

    def work(turn):
        text = yaml.dump({"a": [1, 2, {"b": turn}]}, Dumper=yaml.CDumper)
        loaded = yaml.load(text, Loader=yaml.CLoader)
        root = lxml.etree.fromstring("<r>" + "<c a='1'>x</c>" * 30 + "</r>")
        switched = []

        def other(first):
            while True:
                switched.append(first)
                first = greenlet.getcurrent().parent.switch(len(switched))

        let = greenlet.greenlet(other)
        let.switch(turn)
        items = [Item(name="n", price=n, tags=["t"] * 3) for n in range(20)]
        node = ffi.new("struct p *")
        packed = msgpack.unpackb(msgpack.packb([item.model_dump() for item in items]))
        return loaded, root.xpath("//c[@a]"), let, items, node, libc.strlen(b"abc"), packed, ffi.new_handle(items)

    return forever(work)


def kill_later(seed):
    parent, delay = os.getpid(), 0.2 + random.Random(seed).random()
    if os.fork() == 0:
        time.sleep(delay)
        os.kill(parent, signal.SIGQUIT)
        os._exit(0)


def main(name, seed):
    steps = LOADS[name]()
    for _ in range(30):
        next(steps)
    gc.collect()
    kill_later(seed)
    for _ in steps:
        pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
