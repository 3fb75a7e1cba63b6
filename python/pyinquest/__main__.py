"""`python -m pyinquest`: the program, as installed beside this module."""

import os
import shutil
import sys
import sysconfig


def find_program() -> str:
    """The program of this installation, else that of PATH."""
    name = "pyinquest.exe" if os.name == "nt" else "pyinquest"
    places = [sysconfig.get_path("scripts")]
    if hasattr(sysconfig, "get_preferred_scheme"):
        places.append(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
    for place in places:
        if os.path.isfile(os.path.join(place, name)):
            return os.path.join(place, name)
    found = shutil.which("pyinquest")
    if found is None:
        sys.exit("pyinquest: the program is in none of %s and not in PATH" % ", ".join(places))
    return found


def main() -> None:
    program = find_program()
    os.execv(program, [program] + sys.argv[1:])


if __name__ == "__main__":
    main()
