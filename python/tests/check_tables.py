"""check_tables.py CORE: tables and the notebook's view of a dump, by the real packages (pandas, pyarrow, nbconvert).

Any core with the process's heap in it serves. Prints what was compared. Run by hand: the packages are some 300 MB.
"""

import html
import json
import os
import re
import subprocess
import sys
import tempfile

import nbformat
import pandas
import pyarrow
import pyarrow.parquet

import pyinquest


def tables(dump):
    heap = dump.heap
    frame, table = heap.to_pandas(), heap.to_arrow()
    rows = [row.as_dict() for row in heap.types]
    assert isinstance(frame, pandas.DataFrame) and isinstance(table, pyarrow.Table)
    assert len(frame) == table.num_rows == len(rows) > 50, (len(frame), table.num_rows, len(rows))
    for column in ("objects", "bytes"):
        assert frame[column].dtype.kind == "i", frame.dtypes
        assert pyarrow.types.is_integer(table.schema.field(column).type), table.schema
        assert int(frame[column].sum()) == sum(table[column].to_pylist()) == sum(row[column] for row in rows)
    assert int(frame["objects"].sum()) == heap.objects and int(frame["bytes"].sum()) == heap.bytes
    # A question that these tables are for.
    largest = frame.sort_values("bytes", ascending=False).iloc[0]
    assert largest["type"] == max(rows, key=lambda row: row["bytes"])["type"]
    # And through a file, as fleets keep them.
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "types.parquet")
        pyarrow.parquet.write_table(table, path)
        assert pandas.read_parquet(path)["type"].tolist() == frame["type"].tolist()
    return len(rows)


def notebook(core):
    """The page that Jupyter makes of a dump: its report, whole, in a frame of its own."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(
        "import pyinquest\npyinquest.open(%r)" % core)])
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "book.ipynb")
        nbformat.write(book, path)
        made = subprocess.run([sys.executable, "-m", "jupyter", "nbconvert", "--execute", "--to", "html", path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert made.returncode == 0, made.stdout.decode()
        with open(os.path.join(directory, "book.html"), encoding="utf-8") as file:
            page = file.read()
        kept = os.environ.get("PYINQUEST_KEEP_PAGE")
        if kept:
            with open(kept, "w", encoding="utf-8") as file:
                file.write(page)
    frame = re.search(r'<iframe srcdoc="([^"]*)"', page)
    assert frame, page[-3000:]
    inner = html.unescape(frame.group(1))
    assert inner == pyinquest.open(core).report("html"), inner[:500]
    assert "SIGSEGV" in inner and "<script" not in inner
    return len(inner)


def main():
    core = sys.argv[1]
    rows = tables(pyinquest.open(core))
    size = notebook(core)
    print(json.dumps({"compared": {"types": rows, "page": size, "pandas": pandas.__version__, "pyarrow": pyarrow.__version__}}))


main()
