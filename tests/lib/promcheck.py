#!/usr/bin/env python3
"""promcheck.py < FILE: is this Prometheus' text exposition format 0.0.4, and do
names keep to its conventions?  One line for each fault; ends with 0 for none.

Written from the format's description (prometheus.io/docs/instrumenting/
exposition_formats and /docs/practices/naming), not from what is checked.
"""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(r"(%s)(?:\{(.*)\})? ([^ ]+)(?: (-?\d+))?$" % NAME)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}

faults = []
text = sys.stdin.buffer.read().decode("utf-8")
if not text.endswith("\n"):
    faults.append("the last line does not end")
helps, types, samples, order = {}, {}, {}, []


def fault(n, what):
    faults.append("line %d: %s" % (n, what))


def labels_of(n, inner):
    out, at = {}, 0
    while inner is not None and at < len(inner):
        m = LABEL.match(inner, at)
        if not m:
            fault(n, "labels: %s" % inner)
            return None
        if m[1] in out:
            fault(n, "label %s twice" % m[1])
        if m[1].startswith("__"):
            fault(n, "label %s is reserved" % m[1])
        out[m[1]] = m[2]
        at = m.end()
    return out


for n, line in enumerate(text.split("\n")[:-1], 1):
    if line.startswith("# HELP ") or line.startswith("# TYPE "):
        kind, name, rest = (line[2:].split(" ", 2) + [""])[:3]
        table = helps if kind == "HELP" else types
        if not re.fullmatch(NAME, name):
            fault(n, "name %s" % name)
        if name in table:
            fault(n, "second %s of %s" % (kind, name))
        if name in samples:
            fault(n, "%s of %s behind its samples" % (kind, name))
        if kind == "TYPE" and rest not in TYPES:
            fault(n, "type %s" % rest)
        if kind == "HELP" and not rest.strip():
            fault(n, "no help")
        table[name] = rest
        continue
    if line.startswith("#") or not line.strip():
        continue
    m = SAMPLE.fullmatch(line)
    if not m:
        fault(n, "neither a comment nor a sample: %s" % line)
        continue
    name, inner, value = m[1], m[2], m[3]
    try:
        number = float(value)
    except ValueError:
        fault(n, "value %s" % value)
        continue
    if name not in helps or name not in types:
        fault(n, "%s has no HELP or TYPE before it" % name)
    if order and order[-1] != name and name in samples:
        fault(n, "samples of %s do not stand together" % name)
    key = tuple(sorted((labels_of(n, inner) or {}).items()))
    if key in samples.setdefault(name, {}):
        fault(n, "sample twice")
    samples[name][key] = number
    order.append(name)
    kind = types.get(name)
    if kind == "counter" and not number >= 0:
        fault(n, "a counter below 0")
    if (kind == "counter") != name.endswith("_total"):
        fault(n, "_total is for counters, and for all of them: %s" % name)
    if re.search(r"_(ms|us|ns|milliseconds|kb|mb|kilobytes)(_|$)", name):
        fault(n, "base units are seconds and bytes: %s" % name)
    if not name.startswith("goprobe_"):
        fault(n, "no prefix: %s" % name)
for name in types:
    if name not in samples:
        faults.append("%s has no sample" % name)
if not samples:
    faults.append("no sample at all")
print("%d metrics, %d samples" % (len(samples), len(order)))
for f in faults:
    print(f)
sys.exit(bool(faults))
