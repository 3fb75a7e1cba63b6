"""The Python module on committed dumps, compared with what Python said of itself before it died.

    check_api.py FIXTURES [PID TRUTH CORE TASKS]

FIXTURES is the directory of the committed dumps. Needs nothing but the module, and runs on every CPython that it supports. PID and
CORE are a process and a core of `tests/programs/editor.py`, TRUTH what it said of itself, TASKS is a core of `tasks.py`.
"""

import json
import os
import subprocess
import sys
import threading

import pyinquest


def truths(directory):
    for name in sorted(os.listdir(directory)):
        if name.endswith(".core.zst"):
            with open(os.path.join(directory, name.replace(".core.zst", ".truth.json"))) as file:
                yield name, os.path.join(directory, name), json.load(file)


def check_dump(name, path, truth):
    dump = pyinquest.open(path, no_files=True)
    assert dump.python.version_hex == truth["hexversion"], name
    crashed = [thread for thread in truth["threads"] if thread["crashed"]]
    if not crashed or truth["interpreter"] is not None:
        return 0
    told = crashed[0]["frames"]
    frames = [frame for frame in dump.threads[0].frames if frame.kind == "python"]
    assert [(f.function, f.line) for f in frames] == [(f["function"], f["line"]) for f in told], name
    compared = 0
    for frame, expected in zip(frames, told):
        for variable, value in frame.locals.items():
            want = expected["locals"].get(variable)
            if want is None or "repr" not in want or value.fidelity != "exact" or variable.startswith("bad_"):
                continue
            if len(want["repr"]) < 500 and "..." not in value.repr:
                assert value.repr == want["repr"], (name, variable, value.repr, want["repr"])
                compared += 1
            if value.addr is not None:
                assert value.addr == int(want["id"], 16), (name, variable)
    assert dump.process.pid == truth["pid"], name
    return compared


def check_values(fixtures):
    dump = pyinquest.open(os.path.join(fixtures, "cores", "3.12-basic.core.zst"), no_files=True)
    assert dump.findings[0].id == "null-pointer", dump.findings
    assert dump.crash.name == "SIGSEGV" and dump.crash.no_such_field is None
    assert "deepest" in dump.report() and dump.report("html").startswith("<!")
    assert json.loads(dump.report("json"))["schema_version"].startswith("2.")
    items = dump.evaluate("items")
    assert items.type == "list" and len(items) == 2 and items[1].python() == "hello"
    assert [item.python() for item in items] == ["Ada", "hello"] == items.python()
    assert items[-1].addr == items[1].addr and dump.object(items.addr).repr == items.repr
    assert "hello" in repr(dump.evaluate("items")) and "SIGSEGV" not in repr(dump)
    for wrong, error in ((5, IndexError), ("x", KeyError), (1.5, TypeError)):
        try:
            items[wrong]
        except error:
            continue
        raise AssertionError(wrong)
    try:
        dump.evaluate("nonsense")
    except pyinquest.UsageError as error:
        assert error.code == 2 and "nonsense" in str(error)
    else:
        raise AssertionError("nonsense is a variable")
    for call in (lambda: pyinquest.open("/nonexistent"), lambda: pyinquest.open(__file__)):
        try:
            call()
        except pyinquest.InputError as error:
            assert error.code == 3
        else:
            raise AssertionError(call)
    for call, wrong in ((pyinquest.open, "sysroots"), (pyinquest.row, "no_file")):
        try:
            call(os.path.join(fixtures, "cores", "3.12-basic.core.zst"), **{wrong: True})
        except TypeError as error:
            assert wrong in str(error), error
        else:
            raise AssertionError(wrong)
    assert "<iframe" in dump._repr_html_()
    assert dump.crash.as_dict()["signal"] == 11
    return dump


def check_tasks(fixtures, core):
    """Suspended work is what the program shows of it."""
    command = [os.environ["PYINQUEST_PROGRAM"], "tasks", "--json", core]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode())
    found = pyinquest.open(core).tasks
    assert [task.name for task in found.tasks] == [task["name"] for task in told["tasks"]] and len(found.tasks) > 1, told
    assert found.as_dict() == told and found.loops[0].addr and found.stacks[0].frames, told
    assert pyinquest.open(os.path.join(fixtures, "cores", "3.12-basic.core.zst"), no_files=True).tasks.tasks == []


def check_threads(path):
    """A dump may be used by several threads at a time."""
    dump = pyinquest.open(path, no_files=True)
    found = []

    def look():
        found.append((dump.evaluate("items").repr, len(dump.threads)))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1, found


def state(pid):
    with open("/proc/%d/stat" % pid) as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def check_process(pid, truth):
    """A running process stands still as long as it is open, and goes on afterwards."""
    import time
    with pyinquest.open(pid=pid) as process:
        assert state(pid) == "t"
        inner = [f for t in process.threads for f in t.frames if f.function == "inner"][0]
        values = inner.locals
        assert len(values["big"]) == truth["big"][0]
        assert [v.python() for v in list(values["big"])[999900:]] == truth["big"][1]
        assert {k.repr: v.repr for k, v in values["nested"].items()} == truth["nested"]
        point = values["point"]
        assert {k: v.repr for k, v in point.attrs.items()} == truth["point"]
        assert point.get(".y[0]").python() == 2.5
        table = dict((k.repr, v.repr) for k, v in values["table"].items())
        assert len(table) == truth["table"][0] and all(table[k] == v for k, v in truth["table"][1])
    end = time.time() + 20
    while state(pid) == "t":
        assert time.time() < end, "still stopped"
        time.sleep(0.01)


def check_heap(core, truth):
    """A whole core has every object."""
    heap = pyinquest.open(core).heap
    by_name = dict((row.type, row.objects) for row in heap.types)
    assert by_name["int"] >= truth["big"][0] - 300 and sum(by_name.values()) == heap.objects, by_name
    assert heap.bytes == sum(row.bytes for row in heap.types)


def check_rows(fixtures):
    """The row of a dump is what the program writes, for dumps, what is none, and a name of one's own."""
    names = ("cores/3.12-basic.core.zst", "cores/3.13t-threads.core.zst", "minidumps/3.12-windows-basic.dmp.zst")
    paths = [os.path.join(fixtures, *name.split("/")) for name in names] + [os.path.abspath(__file__)]
    command = [os.environ["PYINQUEST_PROGRAM"], "triage", "map", "--no-files"]
    for path in paths:
        line = subprocess.run(command + [path], stdout=subprocess.PIPE, check=True).stdout
        row = pyinquest.row(path, no_files=True)
        assert row == json.loads(line.decode()), path
    assert row["outcome"] == "unreadable" and "signature" not in row, row
    named = pyinquest.row(paths[0], name="node7:core", no_files=True)
    assert named["dump"] == "node7:core" and named["signature"]["class"] == "memory-access", named["signature"]
    assert pyinquest.row(paths[0], no_files=True, with_locals=True) != pyinquest.row(paths[0], no_files=True)
    try:
        pyinquest.row(paths[0], rules=os.path.abspath(__file__))
    except pyinquest.UsageError:
        return
    raise AssertionError("a file of rules that is none")


def main():
    fixtures = sys.argv[1]
    compared = sum(check_dump(*one) for one in truths(os.path.join(fixtures, "cores")))
    assert compared > 300, compared
    check_values(fixtures)
    check_rows(fixtures)
    check_threads(os.path.join(fixtures, "cores", "3.12-basic.core.zst"))
    if len(sys.argv) > 2:
        with open(sys.argv[3]) as file:
            truth = json.load(file)
        check_process(int(sys.argv[2]), truth)
        check_heap(sys.argv[4], truth)
        check_tasks(fixtures, sys.argv[5])
    print("compared %d values" % compared)


if __name__ == "__main__":
    main()
