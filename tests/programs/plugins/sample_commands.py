"""Commands of a package that is none of pyinquest's: see tests/plugins.rs."""

import subprocess
import sys


def deepest(session, text):
    """The thread with the most Python frames.

    deepest [N]: the N deepest ones.
    """
    count = int(text or "1")
    threads = session.ask("bt --all")["threads"]
    frames = [([e for e in t["entries"] if e["entry_kind"] == "frame"], t) for t in threads]
    frames.sort(key=lambda pair: -len(pair[0]))
    print("by the number of frames:")
    return "".join("%d %s\n" % (len(own), own[0]["function"]) for own, _ in frames[:count])


def caller(session, text):
    """Selects the frame that called this one."""
    first, again = session.ask("up"), session.ask("py-frame")
    return {"line": first.get("line"), "again": again.get("line")}


def careless(session, text):
    try:
        session.ask("print nothing_of_the_kind")
    except session.Error as error:
        print("asked:", error)
    # Neither is a part of what pyinquest is told.
    subprocess.run([sys.executable, "-c", "print('noise'); import sys; sys.stdin.read()"])
    print("\x1b[2Jcleared")


def broken(session, text):
    """Fails in its own way."""
    return 1 // len(text)
