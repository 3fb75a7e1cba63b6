"""Rows of dumps by two executors of Spark, one of which is killed while it works.

    spark_cluster.py EXAMPLE DUMPS ROWS

What happened is printed as JSON.
"""

import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path

from processes import Running, descendants, wait_for


def main():
    example, dumps, rows = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="pyinquest-spark") as name, Running(Path(name)) as running:
        submit = Path(sys.executable).with_name("spark-submit")
        # Each executor is a process of its own, as on a cluster; of standard output and error the log has both.
        settings = ["spark.executor.memory=512m", "spark.ui.enabled=false", "spark.driver.host=127.0.0.1",
                    "spark.driver.bindAddress=127.0.0.1"]
        words = ["--master", "local-cluster[2,1,512]", *(word for setting in settings for word in ("--conf", setting))]
        environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        job = running.start("job", submit, *words, example, dumps, rows, cwd=name, env=environment)
        log = Path(name, "job.log")
        def parts():
            """Parts that are done; the rows have their place when all are."""
            return len(list(Path(rows).glob("**/part-*")))

        wait_for("first parts", lambda: parts() > 8 or job.poll() is not None)
        found = descendants(job.pid).items()
        executors = [pid for pid, words in found if "CoarseGrainedExecutorBackend" in words and "java" in words]
        at = parts()
        if executors:
            os.kill(executors[0], signal.SIGKILL)
        if job.wait(3000) != 0:
            raise RuntimeError(log.read_text()[-3000:])
        lost = re.search(r"Lost executor \d+", log.read_text())
        print(json.dumps({"executors": len(executors), "killed_at": at, "lost": bool(lost), "parts": parts()}))


if __name__ == "__main__":
    main()
