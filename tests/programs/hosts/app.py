"""An application of hosts of Python (uWSGI, mod_wsgi, PL/Python, a frozen program, a zip file): it tells where it is, and dies there."""
import ctypes
import json
import os
import sys


def tell(path):
    """Writes the frames of the caller as Python has them, and what it was started with; is 0."""
    frames = []
    frame = sys._getframe(1)
    while frame:
        frames.append([frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name])
        frame = frame.f_back
    with open("/proc/self/cmdline", "rb") as file:
        command = file.read().replace(b"\0", b" ").decode().strip()
    said = {"frames": frames, "version": sys.version.split()[0], "pid": os.getpid(), "command": command,
            "words": " ".join(getattr(sys, "orig_argv", []))}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(said, file)
    return 0


def handle(directory, depth):
    here = "in the application"
    if depth:
        return handle(directory, depth - 1)
    return ctypes.string_at(tell(os.path.join(directory, "said.json")))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"].endswith("/die"):
        handle(os.path.dirname(os.path.abspath(__file__)), 2)
    return [b"alive"]


if __name__ == "__main__":
    if "--title" in sys.argv:
        import setproctitle
        setproctitle.setproctitle("a daemon: " + "serving " * 20 + "all")
    if "--cores" in sys.argv:
        import resource
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    if "--removed" in sys.argv:
        os.unlink(sys.executable)
    if "--wait" in sys.argv:
        tell("said.json")
        sys.stdin.read()
    handle(os.getcwd(), 1)
