"""Values of the standard library: dates, decimals, paths, enums, files, patterns, generated reprs, threads."""

import _socket
import argparse
import concurrent.futures
import ctypes
import dataclasses
import datetime
import decimal
import enum
import fractions
import http
import io
import ipaddress
import logging
import os
import pathlib
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import traceback
import uuid
from xml.etree import ElementTree


class Colour(enum.Enum):
    RED = 1
    GREEN = "g"
    PAIR = (1, 2)


class Whole(enum.IntEnum):
    ONE = 1
    TWO = 2


class Perm(enum.Flag):
    R = 4
    W = 2
    X = 1
    RW = 6


class Bits(enum.IntFlag):
    A = 1
    B = 4


class Text(str, enum.Enum):
    A = "a"


class OwnRepr(enum.Enum):
    A = 1

    def __repr__(self):
        return "own"


@dataclasses.dataclass
class Data:
    x: int
    y: str = "y"
    hidden: int = dataclasses.field(default=0, repr=False)


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: object = None


@dataclasses.dataclass
class DataChild(Data):
    z: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(repr=False)
class NoRepr:
    x: int = 1


@dataclasses.dataclass
class Empty:
    pass


class PlainChild(Data):
    pass


@dataclasses.dataclass
class OwnReprData:
    x: int = 1

    def __repr__(self):
        return "own"


class DateChild(datetime.datetime):
    pass


class Zone(datetime.tzinfo):
    def utcoffset(self, when):
        return datetime.timedelta(hours=1)

    def __repr__(self):
        return "Zone()"


class PathChild(type(pathlib.PurePosixPath())):
    pass


class ThreadChild(threading.Thread):
    pass


def dates(add):
    utc = datetime.timezone.utc
    hour = datetime.timezone(datetime.timedelta(hours=1))
    for index, value in enumerate((
            datetime.date(2024, 2, 29), datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.datetime(2024, 1, 2, 3, 4, 5, 6),
            datetime.datetime(2024, 1, 2), datetime.datetime(2024, 1, 2, 0, 0, 5), datetime.datetime(2024, 1, 2, 3, 4, 0, 7),
            datetime.datetime(2024, 1, 2, fold=1), datetime.datetime(2024, 1, 2, tzinfo=utc),
            datetime.datetime(2024, 1, 2, 3, 4, 5, 999999, tzinfo=hour, fold=1), datetime.time(1, 2), datetime.time(), datetime.time(1, 2, 3),
            datetime.time(1, 2, 3, 4), datetime.time(1, tzinfo=utc), datetime.time(1, 2, 0, 5, tzinfo=hour, fold=1), datetime.time(fold=1),
            datetime.timedelta(), datetime.timedelta(days=-1, seconds=5), datetime.timedelta(microseconds=1), datetime.timedelta(weeks=10),
            datetime.timedelta.max, datetime.timedelta.min, utc, hour, datetime.timezone(datetime.timedelta(0), "ZERO"),
            datetime.timezone(datetime.timedelta(hours=-3, minutes=-30), "NDT"), datetime.timezone.min, DateChild(2024, 1, 2, 3))):
        add("date_%d" % index, value)
    try:
        import zoneinfo
        add("zone_key", zoneinfo.ZoneInfo("UTC"))
        add("zone_aware", datetime.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")))
    except Exception:  # no module before 3.9, or no data
        pass


def numbers(add):
    for index, value in enumerate(("0", "-0", "1", "1.50", "NaN", "-NaN", "sNaN", "NaN123", "Infinity", "-Infinity", "1E+30", "1E-30",
                                   "0.000001", "0.0000001", "123456789012345678901234567890.123456789", "0E+5", "0E-10", "1E-7", "-1.5E+3",
                                   "10000000000000000000", "9" * 200, "1E+999999", "12345678901234567890E-10", "0.00", "5E-324")):
        add("decimal_%d" % index, decimal.Decimal(value))
    add("decimal_computed", decimal.Decimal(1) / decimal.Decimal(7))
    for index, value in enumerate((fractions.Fraction(1, 3), fractions.Fraction(-10**30, 7), fractions.Fraction(5))):
        add("fraction_%d" % index, value)
    add("uuid", uuid.UUID("12345678-1234-5678-1234-567812345678"))
    add("uuid_small", uuid.UUID(int=5))


def paths(add):
    made = ["", ".", "/", "a", "/a/b", "a/b/../c", "//net/x", "///x", "a//b/./c/", "./a", "/a/", "it's", "\u0434"]
    for index, value in enumerate(made):
        add("path_%d" % index, pathlib.PurePosixPath(value))
        shown = pathlib.PurePosixPath(value)
        str(shown)
        add("path_shown_%d" % index, shown)
        add("windows_%d" % index, pathlib.PureWindowsPath(value))
    for index, value in enumerate((pathlib.Path("/a") / "b" / "/c", pathlib.Path("a", "b", "c"), pathlib.Path("/a/b").parent, pathlib.Path(),
                                   PathChild("x/y"), pathlib.Path("/a/b/c").relative_to("/a"), pathlib.PureWindowsPath("c:\\a\\b"),
                                   pathlib.Path("/a").joinpath("b", "c"), pathlib.Path("x.tar").with_suffix(".gz"))):
        add("path_made_%d" % index, value)


def enums(add):
    for index, value in enumerate((Colour.RED, Colour.GREEN, Colour.PAIR, Whole.ONE, Perm.R, Perm.RW, Perm.R | Perm.X, Perm(0), Bits.A,
                                   Bits.A | Bits.B, Bits(0), Bits.A | 8, Bits(2), Bits(256), Text.A, OwnRepr.A, Colour, Perm, Bits, Whole,
                                   http.HTTPStatus.OK, signal.SIGINT, signal.Signals.SIGTERM, socket.AF_INET, socket.SOCK_STREAM,
                                   re.IGNORECASE, re.I | re.M, re.A, re.RegexFlag(0), http.HTTPStatus, enum.Enum, enum.Flag, ~Perm.R)):
        add("enum_%d" % index, value)


def generated(add):
    itself = Frozen([])
    itself.a.append(itself)
    for index, value in enumerate((Data(1), Data([2], "z", 9), Frozen(), Frozen({"k": Data(1)}), DataChild(1, z=[1]), NoRepr(), Empty(),
                                   PlainChild(5), OwnReprData(), itself, dataclasses.make_dataclass("Made", ["q"])(3))):
        add("data_%d" % index, value)


def files(add):
    name = os.path.abspath(__file__)
    opened = open(name)
    raw = open(name, "rb", buffering=0)
    closed = open(name, "rb", buffering=0)
    closed.close()
    for index, value in enumerate((opened, raw, closed, open(name, "rb"), open(name, "rb").raw, open(os.devnull, "w"), open(os.devnull, "ab"),
                                   open(os.devnull, "rb+"), open(os.devnull, "r+b", buffering=0), open(os.dup(2), "w"), io.StringIO("x"),
                                   io.BytesIO(b"x"), sys.stdout, sys.stdin, sys.stderr.buffer, io.TextIOWrapper(io.BytesIO()),
                                   io.FileIO(os.devnull, "a"), io.FileIO(os.dup(2), "w", closefd=False), io.BufferedReader(raw))):
        add("file_%d" % index, value)


def patterns(add):
    for index, value in enumerate((re.compile("x"), re.compile("x", re.I | re.M), re.compile(b"x\xff", re.S), re.compile("(?x) a # b"),
                                   re.compile("\u0434'"), re.compile("x" * 400), re.compile("x", re.A), re.match("a(b)?", "abc"),
                                   re.search("b", "abc"), re.search(b"b", b"abc"), re.search("\u0434", "\U0001f600\u0434"), re.match("", ""),
                                   re.search("it's", "say it's"), re.search("c", "abc\u20ac"))):
        add("pattern_%d" % index, value)


def threads(add):
    stop = threading.Event()
    running = threading.Thread(target=stop.wait, name="runner", daemon=True)
    running.start()
    done = threading.Thread(target=int)
    done.start()
    done.join()
    set_event = threading.Event()
    set_event.set()
    held = threading.Lock()
    held.acquire()
    for index, value in enumerate((threading.Thread(name="new"), running, done, threading.main_thread(), ThreadChild(name="child's"),
                                   stop, set_event, threading.Condition(), threading.Condition(held), threading.Semaphore(3),
                                   threading.BoundedSemaphore(2), held, threading.local(), threading.Barrier(2), threading.Timer(5, int))):
        add("thread_%d" % index, value)
    logging.getLogger("quiet").setLevel(logging.ERROR)
    for index, value in enumerate((logging.getLogger(), logging.getLogger("a.b"), logging.getLogger("quiet"))):
        add("logger_%d" % index, value)


def futures():
    yield concurrent.futures.Future()
    done, failed, running, cancelled = [concurrent.futures.Future() for _ in range(4)]
    done.set_result([1])
    failed.set_exception(ValueError("x"))
    running.set_running_or_notify_cancel()
    cancelled.cancel()
    yield from (done, failed, running, cancelled)


def addresses():
    for text in ("10.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::1:0:0:1", "1:0:0:2:0:0:0:3", "::ffff:1.2.3.4", "::ffff:0:0",
                 "1::", "0:0:1::", "fe80::1"):
        yield ipaddress.ip_address(text)
        yield ipaddress.ip_interface(text)
        yield ipaddress.ip_network(text)
    yield from (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_interface("fe80::1/64"))
    if sys.version_info >= (3, 9):
        yield ipaddress.ip_address("fe80::1%eth0")


def records(add):
    for index, value in enumerate(futures()):
        add("future_%d" % index, value)
    for index, value in enumerate(addresses()):
        add("address_%d" % index, value)
    for index, value in enumerate((argparse.Namespace(b=1, a="x"), argparse.Namespace(),
                                   subprocess.CompletedProcess(["ls", "-l"], 1), subprocess.CompletedProcess("x", 0, b"out", b"err"),
                                   tempfile.TemporaryDirectory(), statistics.NormalDist(1, 2.5) if hasattr(statistics, "NormalDist") else None, traceback.extract_stack()[0],
                                   logging.makeLogRecord({"name": "n", "msg": "text", "lineno": 7, "levelno": 30}),
                                   ElementTree.Element("tag"), next(os.scandir(os.sep)), struct.Struct("<i4s"),
                                   _socket.socket(), ctypes.c_wchar("\u20ac"), ctypes.py_object([1, "x"]))):
        add("record_%d" % index, value)
    if hasattr(http, "HTTPMethod"):
        add("http_method", http.HTTPMethod.GET)


def values(add):
    for family in (dates, numbers, paths, enums, generated, files, patterns, threads, records):
        family(add)
