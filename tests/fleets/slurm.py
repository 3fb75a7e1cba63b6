"""Rows of dumps by a Slurm of one node, which is set up here and ends with this program (Debian's `slurm-wlm` and `munge`).

    slurm.py EXAMPLE DUMPS ROWS AGAIN PARTS

A task is killed while it works, another one is put back into the queue, and a third is run a second time, into the
directory AGAIN. What happened is printed as JSON.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from processes import Running, table, wait_for

CONFIGURATION = """\
ClusterName=pyinquest
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthInfo=socket={at}/munge/socket
StateSaveLocation={at}/state
SlurmdSpoolDir={at}/spool
SlurmctldPidFile={at}/slurmctld.pid
SlurmdPidFile={at}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Slurm:
    """The cluster, and what is asked of it."""

    def __init__(self, directory, running):
        host = socket.gethostname().split(".")[0]
        for name in ("munge", "state", "spool"):
            (directory / name).mkdir(mode=0o755)
        key = directory / "munge/key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        configuration = directory / "slurm.conf"
        configuration.write_text(CONFIGURATION.format(host=host, at=directory, ports=free_ports(2)))
        self.environment = {**os.environ, "SLURM_CONF": str(configuration)}
        munge = directory / "munge"
        files = [f"--{what}-file={munge / what}" for what in ("key", "pid", "log", "seed")]
        running.start("munged", "/usr/sbin/munged", "--foreground", "--force", f"--socket={munge / 'socket'}", *files)
        wait_for("munged", (munge / "socket").exists, 30)
        running.start("slurmctld", "/usr/sbin/slurmctld", "-D", "-f", configuration, env=self.environment)
        running.start("slurmd", "/usr/sbin/slurmd", "-D", "-f", configuration, "-N", host, env=self.environment)
        wait_for("node that is idle", lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T", check=False), 60)

    def ask(self, *words, check=True):
        done = subprocess.run([str(word) for word in words], env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stderr.decode()}")
        return done.stdout.decode().strip()

    def submit(self, log, array, *words):
        return self.ask("sbatch", "--parsable", f"--array={array}", f"--output={log}/%A_%a.log", *words)

    def states(self, job):
        """State of each task; ended ones are remembered for some minutes."""
        lines = self.ask("squeue", "-h", "-r", "-t", "all", "-j", job, "-o", "%K %T").splitlines()
        return {int(number): state for number, state in (line.split() for line in lines) if number.isdigit()}

    def wait(self, job):
        over = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
        return wait_for("end of the tasks", lambda: (s := self.states(job)) and set(s.values()) <= over and s, 3000)


def working(slurm, but=()):
    """A task that reads dumps: its number, the process that does, and the shell of the task."""
    known = table()
    for pid, (parent, words) in known.items():
        if " triage map " not in words or "xargs" in words:
            continue
        told = environment(pid)
        # Tasks are no descendants of the daemon; the name of our configuration is in none but ours.
        if told.get("SLURM_CONF") != slurm.environment["SLURM_CONF"] or int(told["SLURM_ARRAY_TASK_ID"]) in but:
            continue
        while parent in known and "slurm_script" not in known[parent][1]:
            parent = known[parent][0]
        if parent in known:
            return int(told["SLURM_ARRAY_TASK_ID"]), pid, parent
    return None


def environment(pid):
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)


def main():
    example, dumps, rows, again, parts = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="pyinquest-slurm") as name, Running(Path(name)) as running:
        directory = Path(name)
        slurm = Slurm(directory, running)
        array = ["1-" + parts, example, dumps, rows, parts]
        job = slurm.submit(directory, *array)
        # One that was killed has failed; one that the cluster takes away is begun anew by it.
        killed, pid, shell = wait_for("working task", lambda: working(slurm))
        for process in (shell, pid):
            os.kill(process, signal.SIGKILL)
        requeued, _, _ = wait_for("second working task", lambda: working(slurm, {killed}))
        slurm.ask("scontrol", "requeue", f"{job}_{requeued}")
        states = slurm.wait(job)
        missing = [part for part in range(1, int(parts) + 1) if not Path(rows, f"{part}.ndjson").exists()]
        # What is missing is asked for once more, and one part without need.
        slurm.wait(slurm.submit(directory, ",".join(map(str, missing)), *array[1:]))
        slurm.wait(slurm.submit(directory, "5", example, dumps, again, parts))
        said = {"killed": killed, "requeued": requeued, "missing": missing, "states": states}
        said["restarts"] = "Restarts=1" in slurm.ask("scontrol", "show", "job", f"{job}_{requeued}")
        print(json.dumps(said))


if __name__ == "__main__":
    main()
