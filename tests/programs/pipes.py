"""Processes that wait for each other: `pipes.py FILE`. Writes into FILE who waits for whom.

Two write to each other and do not read, one waits for the second of them by a socket, one by a Unix socket, a task of one by another,
one waits for nobody that there is. The parent waits for their end and holds no end of theirs.
"""

import asyncio
import json
import os
import socket
import sys

LARGE = b"x" * (1 << 20)


def writes_to(mine, theirs):
    """Fills the other's pipe, which the other does not read from before its own is empty."""
    # A write may end early where something stops the process for a moment.
    for _ in range(1000):
        os.write(mine, LARGE)
    os.read(theirs, 1)


def reads_as_a_task(own, ready):
    async def reads():
        reader, writer = await asyncio.open_unix_connection(sock=own)
        os.write(ready, b"x")
        await reader.read(1)
        writer.close()

    async def main():
        task = asyncio.ensure_future(reads())
        task.set_name("reader")
        await task

    asyncio.run(main())


def main():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    client = socket.create_connection(server.getsockname())
    accepted, _ = server.accept()
    server.close()
    first, second, lost, ready = os.pipe(), os.pipe(), os.pipe(), os.pipe()
    local, remote = socket.socketpair()
    of_task, other = socket.socketpair()
    sockets = [one.fileno() for one in (client, accepted, local, remote, of_task, other)]
    everything = [*first, *second, *lost, *ready, *sockets]

    def child(keeps, function, *arguments):
        pid = os.fork()
        if pid == 0:
            for fd in everything:
                if fd not in keeps:
                    os.close(fd)
            function(*arguments)
            os._exit(0)
        return pid

    one = child([first[1], second[0]], writes_to, first[1], second[0])
    # It keeps ends of sockets, and never writes to them.
    kept = [accepted.fileno(), remote.fileno(), other.fileno()]
    two = child([second[1], first[0], *kept], writes_to, second[1], first[0])
    three = child([client.fileno()], os.read, client.fileno(), 1)
    # Its writers are not Python: none that is looked at has the other end.
    four = child([lost[0]], os.read, lost[0], 1)
    five = child([local.fileno()], os.read, local.fileno(), 1)
    six = child([of_task.fileno(), ready[1]], reads_as_a_task, of_task, ready[1])
    told = [[one, [two], first[1], True], [two, [one], second[1], True], [three, [two], client.fileno(), False],
            [four, [], lost[0], False], [five, [two], local.fileno(), False], [six, [two], of_task.fileno(), False]]
    os.read(ready[0], 1)
    outside(lost[1])
    for fd in everything:
        os.close(fd)
    with open(sys.argv[1] + ".new", "w") as file:
        json.dump(told, file)
    os.replace(sys.argv[1] + ".new", sys.argv[1])
    os.wait()


def outside(fd):
    """A process that is no child of this one has the end of a pipe."""
    middle = os.fork()
    if middle == 0:
        if os.fork() == 0:
            os.setsid()
            os.dup2(fd, 3)
            os.closerange(4, 100)
            os.execvp("sleep", ["sleep", "60"])
        os._exit(0)
    os.waitpid(middle, 0)


main()
