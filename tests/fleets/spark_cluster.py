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
        words = ["--master", "local-cluster[2,1,512]", "--conf", "spark.executor.memory=512m", "--conf", "spark.ui.enabled=false",
                 "--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1"]
        environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        job = running.start("job", submit, *words, example, dumps, rows, cwd=name, env=environment)
        log = Path(name, "job.log")
        # Parts that are done before the whole is.
        parts = lambda: len(list(Path(rows).glob("**/part-*")))
        wait_for("first parts", lambda: parts() > 8 or job.poll() is not None and log.read_text()[-3000:] and sys.exit(log.read_text()[-3000:]))
        executors = [pid for pid, words in descendants(job.pid).items() if "CoarseGrainedExecutorBackend" in words and "java" in words]
        at = parts()
        os.kill(executors[0], signal.SIGKILL)
        if job.wait(3000) != 0:
            raise RuntimeError(log.read_text()[-3000:])
        lost = re.search(r"Lost executor \d+", log.read_text())
        print(json.dumps({"executors": len(executors), "killed_at": at, "lost": bool(lost), "parts": parts()}))


if __name__ == "__main__":
    main()
