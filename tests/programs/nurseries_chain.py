"""What a coroutine says of the frames that it waits in."""


def chain(coro):
    result = []
    while coro is not None:
        frame = getattr(coro, "cr_frame", None) or getattr(coro, "gi_frame", None)
        if frame is not None:
            result.append([coro.__qualname__, frame.f_lineno, frame.f_code.co_filename])
        coro = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
    return result[::-1]
