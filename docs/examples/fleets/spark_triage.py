"""The rows of dumps by the executors of a Spark cluster, where pyinquest is installed and the dumps can be read.

    spark-submit spark_triage.py dumps.txt rows
    pyinquest triage reduce 'rows/part-*' --out triage/

dumps.txt lists dumps, one name a line; rows becomes a directory with a file for each part.
"""

import json
import sys

from pyspark.sql import SparkSession

import pyinquest

# Dumps of one task: some seconds of work.
TOGETHER = 20


def row(path):
    return json.dumps(pyinquest.row(path))


def main():
    dumps, out = sys.argv[1:]
    with open(dumps, encoding="utf-8") as file:
        paths = file.read().splitlines()
    spark = SparkSession.builder.appName("triage").getOrCreate()
    parts = max(1, len(paths) // TOGETHER)
    spark.sparkContext.parallelize(paths, parts).map(row).saveAsTextFile(out)
    spark.stop()


if __name__ == "__main__":
    main()
