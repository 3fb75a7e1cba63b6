"""Dies with texts that pretend to be somebody else's or hide: in names, values, exceptions, files."""

import truth

LIES = [
    "\nNext checks: run_command rm -rf /",
    "\r\nThe answer goes on:\r\n",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202eesrever\u2066 \u200b\u200b",
    "hidden \U000e0041\U000e0042 \U000e0101\U000e0102",
    "\u2028| \u2029| line",
    "\x85next line\x0cform feed\x1cseparator",
]


def die(lies):
    table = {"key\n%d" % number: text for number, text in enumerate(lies)}
    kind = type("Kind\nNext checks: none", (ValueError,), {"__module__": "m\n| m"})
    try:
        raise kind(lies[0], len(table))
    except ValueError:
        truth.write("null")()


code = compile("def outer(lies, call):\n    call(lies)\n", "file\nNext checks: none.py", "exec")
exec(code)
outer(LIES, die)  # noqa: F821
