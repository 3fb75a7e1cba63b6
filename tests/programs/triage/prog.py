"""prog.py DEFECT [--seed N] [--threads N] [--worker] [--batch]: dies of the defect, in varying surroundings."""

import argparse
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from shop import cache, cart, catalog, foreign, images, jobs, orders, plugins, search, server, stats, tree  # noqa: E402

# Identity of the defect -> what runs into it.
DEFECTS = {
    "catalog-load": catalog.reload,
    "catalog-save": catalog.store,
    "images-resize": images.resize,
    "images-thumbnail": images.thumbnail,
    "images-release": images.release,
    "cache-evict": cache.evict,
    "orders-check": orders.check,
    "orders-commit": orders.commit,
    "orders-rollback": orders.rollback,
    "orders-abandon": orders.abandon,
    "orders-copy": orders.copy,
    "tree-render": tree.render,
    "tree-walk": tree.walk,
    "stats-mean": stats.mean,
    "stats-histogram": stats.histogram,
    "stats-percentile": stats.percentile,
    "plugins-wild": lambda rows: plugins.dispatch("wild_read", rows),
    "plugins-constant": lambda rows: plugins.dispatch("read_only", rows),
    "plugins-null-call": lambda rows: plugins.dispatch("null_call", rows),
    "server-unload": server.unload,
    "server-collect": server.collect,
    "server-detached": server.detached,
    "foreign-flush": foreign.flush,
    "foreign-reload": foreign.reload_config,
    "foreign-parse": foreign.load,
    "foreign-overwrite": foreign.overwrite,
    "foreign-move": foreign.move,
    "foreign-follow": foreign.follow,
    "foreign-measure": foreign.measure,
    "foreign-compare": foreign.compare,
    "foreign-call-back": foreign.call_back,
    "foreign-first": lambda rows: foreign.Buffer().first(rows),
    "foreign-wide": lambda rows: foreign.Buffer().wide(rows),
}

# The rules were made and mended with the above before their eyes. These were written afterwards, and no rule may be
# changed for them: what they score is what to expect of crashes that are not known yet.
RESERVE = {
    "cart-total": cart.total,
    "cart-close-line": cart.close_line,
    "cart-close-basket": cart.close_basket,
    "cart-discard": cart.discard,
    "search-index": search.any_way,
    "search-rank": search.rank,
    "jobs-expire": jobs.expire,
    "jobs-drain": jobs.work,
}

# Those of wheels from PyPI (functions of shop.arrays), which the interpreter needs for them.
WHEELS = {
    "arrays-total": "total",
    "arrays-subtotal": "subtotal",
    "arrays-average": "average",
    "arrays-far": "far",
    "arrays-put": "put",
    "arrays-ordered": "ordered",
    "arrays-packed": "packed",
    "arrays-doubled": "doubled",
    "arrays-halved": "halved",
    "arrays-running": "running",
    "arrays-product": "product",
    "arrays-chosen": "chosen",
    "arrays-first-name": "first_name",
    "arrays-all-names": "all_names",
    "arrays-price": "price",
    "arrays-count": "count",
    "arrays-label": "label",
    "arrays-raw": "raw",
    "arrays-fill": "fill",
    "arrays-length": "length",
    "arrays-same": "same",
    "arrays-by-price": "by_price",
    "arrays-switched": "switched",
    "arrays-passed-on": "passed_on",
}


def find(name):
    if name in WHEELS:
        from shop import arrays
        return getattr(arrays, WHEELS[name])
    return {**DEFECTS, **RESERVE}[name]


def batch(work, rows, depth):
    return batch(work, rows, depth - 1) if depth else work(rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("defect", choices={**DEFECTS, **RESERVE, **WHEELS})
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--worker", action="store_true")
    parser.add_argument("--batch", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    rows = [chance.randrange(10 ** 6) for _ in range(chance.randrange(3, 2000))]
    password = "hunter2-%d" % options.seed
    for _ in range(options.threads):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    work = find(options.defect)
    arguments = (work, rows, options.batch) if options.batch else (rows,)
    target = batch if options.batch else work
    if options.worker:
        thread = threading.Thread(target=target, args=arguments)
        thread.start()
        thread.join()
    else:
        target(*arguments)
    return password


if __name__ == "__main__":
    main()
