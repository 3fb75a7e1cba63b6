"""Builds the free-threaded 3.13 that no Debian suite packages, from the source package of the same version.

No profile-guided or link-time optimisation: the layout of the structures is the same and the build takes minutes less.
"""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from apt import AptError, Suite


def build_free_threaded(source: Suite, package: str, work: Path, prefix: Path, log: Path, jobs: int) -> Path:
    """Downloads, configures, builds and installs; gives the path of the interpreter. `work` is removed on success."""
    missing = [tool for tool in ("gcc", "make") if shutil.which(tool) is None]
    if missing:
        raise AptError(f"building needs {' and '.join(missing)}")
    shutil.rmtree(work, ignore_errors=True)
    archive = source.download_source(package, work / "download")
    with tarfile.open(archive) as tar:
        tar.extractall(work / "source")
    (tree,) = [path for path in (work / "source").iterdir() if path.is_dir()]
    # 3.13 spins for a lock that the same thread has (`_PyCriticalSection_BeginSlow`), in each class that is made, by giving the
    # processor away: 0.1 s of start-up become 10 to 40 where others want it. 3.14 asks who has the lock.
    lock = tree / "Python/lock.c"
    lock.write_text(lock.read_text().replace("MAX_SPIN_COUNT = 40;", "MAX_SPIN_COUNT = 0;"))
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        def run(*command: str) -> None:
            with log.open("a") as notes:
                print("+", *command, file=notes)
            environment = {**os.environ, "OPT": "-DNDEBUG -g -O2 -fwrapv -Wall"}
            done = subprocess.run(command, cwd=tree, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, env=environment)
            if done.returncode != 0:
                raise AptError(f"{command[0]} failed; see {log}")

        run("./configure", "--disable-gil", "--disable-test-modules", "--without-ensurepip",
            "--without-static-libpython", f"--prefix={prefix}")
        run("make", f"-j{jobs}")
        run("make", f"-j{jobs}", "altinstall")
    shutil.rmtree(work, ignore_errors=True)
    return prefix / "bin" / "python3.13t"
