#!/usr/bin/env python3
"""What a block costs the writer: batches journalled and kept, then the commit.

usage: commit.py [-H HELPERS] [-d DIR] [-s SCALE] [-n ROUNDS] [-m FILE]

Runs tests/bench/commit ROUNDS times for each set.  DIR is on the disk that is
measured; every commit is synced to it.  "longest wait" is the longest time
for which an honest interface beside was not acknowledged during the commit.

  -s SCALE    0.1 makes a tenth of the rows (1)
  -m FILE     append the table as Markdown
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from capture import machine

# kind, rows, how often each is published within the block
SETS = (("mix", 200000, 1), ("mix", 200000, 60), ("mix", 5000000, 1),
        ("scan", 5000000, 1))


def once(arg, kind, rows, times):
    tmp = tempfile.mkdtemp(prefix="commit.", dir=arg.d)
    try:
        out = subprocess.run(
            [os.path.join(arg.H, "commit"), os.path.join(tmp, "store"), kind,
             str(rows), str(times)], check=True, capture_output=True,
            text=True).stdout
    finally:
        shutil.rmtree(tmp)
    return json.loads(out)


def spread(values, form):
    return "%s [%s-%s]" % tuple(form % f(values) for f in (
        statistics.median, min, max))


def line(runs, rows, times):
    def column(form, value):
        return spread([value(r) for r in runs], form)

    return " | ".join((
        column("%.0f", lambda r: r["append_cpu_s"] / rows / times * 1e9),
        column("%.0f", lambda r: r["commit_wall_s"] * 1e3),
        column("%.0f", lambda r: r["commit_cpu_s"] * 1e3),
        column("%.0f", lambda r: r["longest_wait_s"] * 1e3),
        column("%.0f", lambda r: r["peak_kib"] / 1024),
        "%.1f" % statistics.median(r["bytes_per_row"] for r in runs)))


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    ap.add_argument("-H", default="build/gcc/tests/bench")
    ap.add_argument("-d", default="build/bench")
    ap.add_argument("-s", type=float, default=1)
    ap.add_argument("-n", type=int, default=3)
    ap.add_argument("-m")
    arg = ap.parse_args()
    os.makedirs(arg.d, exist_ok=True)
    lines = []

    def report(text):
        print(text, flush=True)
        lines.append(text)

    report("## Commit, %s" % time.strftime("%Y-%m-%d", time.gmtime()))
    report("")
    report("`make bench-commit BENCH_SCALE=%g BENCH_ROUNDS=%d`; %s; "
           "medians [lowest-highest]" % (arg.s, arg.n, machine()))
    report("")
    report("| rows, published | append CPU ns/row | commit ms | commit CPU ms "
           "| longest wait of others ms | peak MiB | bytes/row |")
    report("|---|---|---|---|---|---|---|")
    for kind, rows, times in SETS:
        rows = max(1000, int(rows * arg.s))
        runs = [once(arg, kind, rows, times) for _ in range(arg.n)]
        report("| %s %d, %d x | %s |" % (kind, rows, times,
                                         line(runs, rows, times)))
    if arg.m:
        with open(arg.m, "a") as f:
            f.write("\n" + "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
