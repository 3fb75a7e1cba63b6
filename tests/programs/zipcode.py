"""Frames whose source is not a plain file: code in a zip archive, a .pyc without source, exec'd text whose file
has a made-up name.

The files are made in the working directory, as the directory of the programs may be read-only.
"""

import os
import py_compile
import sys
import zipfile

import truth

ZIPPED = """'''A module in an archive.'''


def outer(step):
    origin = 'zip'
    return step(origin)
"""

SOURCELESS = """def middle(step, origin):
    kind = 'compiled only'
    return step(origin, kind)
"""


def prepare(directory):
    archive = os.path.join(directory, "packed.zip")
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("pkg/__init__.py", "")
        bundle.writestr("pkg/zipped.py", ZIPPED)
    source = os.path.join(directory, "sourceless.py")
    with open(source, "w") as file:
        file.write(SOURCELESS)
    py_compile.compile(source, cfile=os.path.join(directory, "sourceless.pyc"), dfile="gone/sourceless.py", doraise=True)
    os.unlink(source)
    sys.path[1:1] = [archive, directory]


def main():
    prepare(os.getcwd())
    import sourceless
    from pkg import zipped

    scope = {}
    exec(compile("def typed(origin, kind):\n    return last(origin, kind)\n", "<stdin>", "exec"), scope)

    def last(origin, kind):
        truth.write("null")()
        return origin, kind

    scope["last"] = last
    zipped.outer(lambda origin: sourceless.middle(scope["typed"], origin))


if __name__ == "__main__":
    main()
