"""The rows of dumps by the workers of a Dask cluster, where pyinquest is installed and the dumps can be read.

    python dask_triage.py tcp://scheduler:8786 dumps.txt rows.ndjson
    pyinquest triage reduce rows.ndjson --out triage/

dumps.txt lists dumps, one name a line.
"""

import json
import sys

from dask.distributed import Client, as_completed

import pyinquest

# Dumps of one task: some seconds of work.
TOGETHER = 20


def rows(paths):
    return [json.dumps(pyinquest.row(path)) for path in paths]


def main():
    scheduler, dumps, out = sys.argv[1:]
    with open(dumps, encoding="utf-8") as file:
        paths = file.read().splitlines()
    parts = [paths[at:at + TOGETHER] for at in range(0, len(paths), TOGETHER)]
    with Client(scheduler) as client, open(out, "w", encoding="utf-8") as file:
        # What a worker that died was doing, another one does again.
        futures = client.map(rows, parts, pure=False)
        for future, done in as_completed(futures, with_results=True):
            file.writelines(row + "\n" for row in done)
            file.flush()
            future.release()


if __name__ == "__main__":
    main()
