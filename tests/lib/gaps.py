#!/usr/bin/env python3
"""gaps.py STORE IFACE LOG ANSWER SECONDS [EVENTS]: numbered packets against the gaps.

LOG is numbered.py's, ANSWER the csv of `goquery -e csv dip,dport`.  Prints one
line and ends with 0 when no number is stored twice or was never sent, and each
that is missing was sent within a time which no record of the store covers, or
before the first one, and no such time is longer than SECONDS.  EVENTS has the
times of what ended a capture, one a line: those that a gap holds count SECONDS
each, since a capture that ends before its first snapshot adds to the gap.
"""
import bisect
import csv
import os
import struct
import sys

store, iface, log, answer, bound = sys.argv[1:6]
bound = float(bound)
events = [float(e) for e in open(sys.argv[6])] if len(sys.argv) > 6 else []
MARGIN = 0.02  # between the send and the stamp of its packet

spans = []
for day in sorted(os.listdir(os.path.join(store, iface))):
    if len(day) != 10:
        continue
    with open(os.path.join(store, iface, day, "blocks.idx"), "rb") as f:
        data = f.read()
    at = 64
    while at < len(data):
        length, = struct.unpack_from("<I", data, at + 4)
        first, last = struct.unpack_from("<qq", data, at + 32)
        spans.append((first / 1e9, last / 1e9))
        at += length
spans.sort()
gaps = [(0.0, spans[0][0])]
end = spans[0][1]
for first, last in spans[1:]:
    if first - end > 0.02:
        gaps.append((end, first))
    end = max(end, last)
longest = max((b - a for a, b in gaps[1:]), default=0.0)
too_long = [(a, b) for a, b in gaps[1:] if
            b - a > bound * max(1, sum(a <= e <= b for e in events))]
gaps.append((end, float("inf")))

marks = [tuple(map(float, line.split())) for line in open(log)]
numbers = [int(n) for n, _ in marks]
sent = numbers[-1] - 1


def times(n):
    """When number n was sent: not before, not after."""
    i = bisect.bisect_right(numbers, n) - 1
    return marks[i][1], marks[min(i + 1, len(marks) - 1)][1]


count = {}
for row in csv.DictReader(open(answer)):
    n = int(row["dip"].split(".")[3]) * 50000 + int(row["dport"]) - 1
    count[n] = count.get(n, 0) + int(row["packets"])
twice = sum(1 for c in count.values() if c > 1)
unsent = sum(1 for n in count if not 1 <= n <= sent)
missing = [n for n in range(1, sent + 1) if n not in count]
stray = []
for n in missing:
    begin, until = times(n)
    if not any(a - MARGIN <= until and begin <= b + MARGIN for a, b in gaps):
        stray.append(n)
print("sent %d stored %d twice %d unsent %d missing %d outside gaps %d; "
      "%d gaps, longest %.2f s, together %.2f s"
      % (sent, len(count), twice, unsent, len(missing), len(stray),
         len(gaps) - 2, longest, sum(b - a for a, b in gaps[1:-1])))
if stray:
    print("the first outside: %d, sent %.3f; gaps %s"
          % (stray[0], times(stray[0])[0],
             ["%.3f-%.3f" % g for g in gaps[1:-1]]))
for a, b in too_long:
    print("longer than it may be: %.3f-%.3f" % (a, b))
sys.exit(bool(twice or unsent or stray or too_long))
