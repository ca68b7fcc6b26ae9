#!/usr/bin/env python3
"""Grafana's dashboards in etc/grafana: are they whole, and do their queries
mean something?

  dashboards.py FILE -m METRICS [-s PREFIX] [-r RULES]  checks a dashboard for
      Prometheus beside what was published; metrics whose names begin with
      PREFIX are left out.  A line for each fault, status 1.  RULES gets the
      expressions for promtool.

As a module it gives the ClickHouse queries with macros and variables replaced
as Grafana and its ClickHouse data source do (their documentation: grafana.com/
docs/grafana/latest/dashboards/variables, .../plugins/grafana-clickhouse-
datasource).
"""
import argparse
import datetime
import json
import re
import sys

BUILT_IN = {"__interval_s", "__rate_interval", "__fromTime", "__toTime"}
MACROS = {"timeFilter", "dateFilter", "dateTimeFilter", "conditionalAll"}


# ---- structure -----------------------------------------------------------------

def all_panels(d):
    for p in d["panels"]:
        yield p
        for q in p.get("panels", []):
            yield q


def variables_in(text):
    found = re.findall(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)", text)
    return {a or b for a, b in found} - BUILT_IN - {"__" + m for m in MACROS}


def structure(path):
    """What an import would stumble over, or show wrong."""
    faults = []
    with open(path) as text:
        d = json.load(text)
    inputs = {"${%s}" % i["name"]: i["pluginId"] for i in d["__inputs"]}
    known = {v["name"] for v in d["templating"]["list"]}
    required = {r["id"] for r in d["__requires"]}
    if d["id"] is not None or not re.fullmatch(r"[a-z0-9-]{1,40}", d["uid"]):
        faults.append("id and uid")
    if d["schemaVersion"] < 36:
        faults.append("schemaVersion %d" % d["schemaVersion"])
    if set(inputs.values()) - required:
        faults.append("a data source that is not required")

    def source(of, where):
        s = of.get("datasource", {})
        if inputs.get(s.get("uid")) != s.get("type"):
            faults.append(where + ": its data source is no input")

    ids, places = set(), []
    for p in all_panels(d):
        where = "panel %r" % p["title"]
        if p["id"] in ids:
            faults.append(where + ": id twice")
        ids.add(p["id"])
        g = p["gridPos"]
        if g["x"] < 0 or g["x"] + g["w"] > 24 or g["h"] < 1:
            faults.append(where + ": beside the grid")
        for o in places:
            if g["x"] < o["x"] + o["w"] and o["x"] < g["x"] + g["w"] and \
                    g["y"] < o["y"] + o["h"] and o["y"] < g["y"] + g["h"]:
                faults.append(where + ": over another")
        places.append(g)
        if p["type"] == "row":
            continue
        source(p, where)
        if p["type"] not in required:
            faults.append(where + ": its type is not required")
        refs = [t["refId"] for t in p["targets"]]
        if not refs or len(set(refs)) != len(refs):
            faults.append(where + ": refIds")
        for t in p["targets"]:
            source(t, where)
            text = t.get("rawSql") or t.get("expr") or ""
            if not text:
                faults.append(where + ": no query")
            for v in variables_in(text) - known:
                faults.append("%s: no variable %s" % (where, v))
    for v in d["templating"]["list"]:
        if v["type"] == "query":
            source(v, "variable " + v["name"])
            for n in variables_in(v["definition"]) - known:
                faults.append("variable %s: no variable %s" % (v["name"], n))
    return d, faults


# ---- ClickHouse ---------------------------------------------------------------------

def arguments(text, at):
    """Of a macro whose ( is at `at`; (list, position behind its ))."""
    depth, args, begin = 0, [], at + 1
    for i in range(at, len(text)):
        if text[i] == "(":
            depth += 1
        elif text[i] == ")":
            depth -= 1
        if (text[i] == "," and depth == 1) or depth == 0:
            args.append(text[begin:i].strip())
            begin = i + 1
        if depth == 0:
            return args, i + 1
    raise ValueError("a macro does not end: " + text[at:])


def quoted(values):
    return ",".join("'" + v.replace("\\", "\\\\").replace("'", "\\'") + "'"
                    for v in values)


def expand(sql, first, last, interval, values):
    """values: name -> text, list of texts, or None for All."""
    def date(t):
        return "toDate('%s')" % datetime.datetime.utcfromtimestamp(
            t).strftime("%Y-%m-%d")

    def when(t):
        return "toDateTime(%d)" % t

    def dates(c):
        return "%s >= %s AND %s <= %s" % (c, date(first), c, date(last))

    def times(c):
        return "%s >= %s AND %s <= %s" % (c, when(first), c, when(last))

    while True:
        m = re.search(r"\$__(%s)\(" % "|".join(MACROS), sql)
        if not m:
            break
        args, end = arguments(sql, m.end() - 1)
        if m[1] == "conditionalAll":
            name = re.fullmatch(r"\$\{?(\w+)\}?", args[1])[1]
            new = "1=1" if values[name] is None else args[0]
        elif m[1] == "dateTimeFilter":
            new = "(%s) AND (%s)" % (dates(args[0]), times(args[1]))
        else:
            new = (dates if m[1] == "dateFilter" else times)(args[0])
        sql = sql[:m.start()] + new + sql[end:]
    for name, new in (("fromTime", when(first)), ("toTime", when(last)),
                      ("interval_s", "%d" % interval)):
        sql = re.sub(r"\$__%s\b" % name, new, sql)

    def variable(m):
        value = values[m[1] or m[3]]
        if m[2] == ":singlequote":
            return quoted(value if isinstance(value, list) else [value])
        return value
    return re.sub(r"\$\{(\w+)(:\w+)?\}|\$(\w+)", variable, sql)


def clickhouse_queries(d):
    """(title, SQL) of panels and variables."""
    for v in d["templating"]["list"]:
        if v["type"] == "query":
            yield "variable " + v["name"], v["definition"]
    for p in all_panels(d):
        for t in p.get("targets", []):
            yield p["title"], t["rawSql"]


# ---- PromQL -----------------------------------------------------------------------

FUNCTIONS = {"rate": 1, "increase": 1, "time": 0, "vector": 1}
AGGREGATES = {"sum", "count", "min", "max", "avg"}
TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([a-zA-Z_:][\w:]*)|"
                   r"(==|!=|>=|<=|=~|!~|[-+*/(){}\[\],=<>])|\"([^\"]*)\")")


class Promql:
    """The part of PromQL that the dashboard uses, strictly."""

    def __init__(self, text, metrics, skip):
        self.metrics, self.skip = metrics, skip
        self.name, self.ranged = "", False
        self.tokens, at = [], 0
        text = text.replace("$__rate_interval", "5m")
        while at < len(text.rstrip()):
            m = re.compile(r"\s*\[(\d+[smhdw])\]").match(text, at)
            if m:
                self.tokens.append(("range", m[1]))
            else:
                m = TOKEN.match(text, at)
                if not m:
                    raise ValueError("at %r" % text[at:])
                kind = ("number", "name", "mark", "text")[
                    next(i for i in range(4) if m[i + 1] is not None)]
                self.tokens.append((kind, m[m.lastindex]))
            at = m.end()
        self.at = 0
        self.expression()
        if self.at != len(self.tokens):
            raise ValueError("behind the end: %r" % (self.tokens[self.at],))

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def take(self, kind=None, value=None):
        t = self.peek()
        if (kind and t[0] != kind) or (value and t[1] != value):
            raise ValueError("%r where %s is due" % (t[1], value or kind))
        self.at += 1
        return t[1]

    def expression(self):
        self.term()
        while self.peek()[1] in ("+", "-", "*", "/", "==", "!=", ">", "<",
                                 ">=", "<=", "and", "or"):
            self.take()
            self.term()

    def term(self):
        kind, value = self.peek()
        if kind == "number":
            self.take()
        elif value == "(":
            self.take()
            self.expression()
            self.take("mark", ")")
        elif kind != "name":
            raise ValueError("%r where a value is due" % value)
        elif value in FUNCTIONS or value in AGGREGATES:
            self.take()
            self.take("mark", "(")
            if FUNCTIONS.get(value, 1):
                self.expression()
            self.take("mark", ")")
            ranged = value in ("rate", "increase")
            if ranged != self.ranged:
                raise ValueError("%s of %s range" % (
                    value, "no" if ranged else "a"))
            if ranged and not self.name.endswith("_total"):
                raise ValueError("%s of %s, which is no counter" % (
                    value, self.name))
            self.ranged = False
            return
        else:
            self.selector()
            return
        self.ranged = False

    def selector(self):
        self.name = self.take("name")
        labels = self.metrics.get(self.name)
        if self.skip(self.name):
            labels = {"iface"}
        elif labels is None:
            raise ValueError("nobody publishes " + self.name)
        if self.peek()[1] == "{":
            self.take()
            while self.peek()[1] != "}":
                label = self.take("name")
                if label not in labels | {"instance"}:
                    raise ValueError("%s has no label %s" % (self.name, label))
                if self.take("mark") not in ("=", "!=", "=~", "!~"):
                    raise ValueError("matcher of " + label)
                self.take("text")
                if self.peek()[1] == ",":
                    self.take()
            self.take("mark", "}")
        self.ranged = self.peek()[0] == "range"
        if self.ranged:
            self.take()


def read_metrics(path):
    """name -> names of labels"""
    metrics = {}
    with open(path) as text:
        for line in text:
            m = re.match(r"([a-z_]\w*)(?:\{(.*)\})? ", line)
            if m and not line.startswith("#"):
                metrics.setdefault(m[1], set()).update(
                    re.findall(r"(\w+)=\"", m[2] or ""))
    return metrics


def prometheus(d, metrics, skip):
    """Faults of the expressions but of metrics for which skip() holds, and the
    names of all."""
    faults, shown = [], set()
    for p in all_panels(d):
        for t in p.get("targets", []):
            try:
                Promql(t["expr"], metrics, skip)
            except ValueError as e:
                faults.append("%s: %s: %s" % (p["title"], t["expr"], e))
            shown |= set(re.findall(r"goprobe_\w+", t["expr"]))
            for label in re.findall(r"\{\{(\w+)\}\}", t["legendFormat"]):
                if label == "iface" and not any(
                        "iface" in metrics.get(n, {"iface"}) for n in
                        re.findall(r"goprobe_\w+", t["expr"])):
                    faults.append("%s: no label %s" % (p["title"], label))
    for v in d["templating"]["list"]:
        m = re.fullmatch(r"label_values\((\w+)(\{.*\})?, (\w+)\)",
                         v["definition"])
        if not m or (m[1] not in metrics and not skip(m[1])):
            faults.append("variable %s: %s" % (v["name"], v["definition"]))
    return faults, shown


def write_rules(d, path):
    """The expressions as a file of rules, for `promtool check rules`."""
    with open(path, "w") as out:
        out.write("groups:\n- name: dashboard\n  rules:\n")
        for p in all_panels(d):
            for i, t in enumerate(p.get("targets", [])):
                out.write("  - record: panel%d:%d\n    expr: %s\n" % (
                    p["id"], i, json.dumps(t["expr"].replace(
                        "$__rate_interval", "5m"))))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("file")
    a.add_argument("-m", dest="metrics")
    a.add_argument("-s", dest="skip", default="-")
    a.add_argument("-r", dest="rules")
    a = a.parse_args()
    d, faults = structure(a.file)
    more, shown = prometheus(d, read_metrics(a.metrics),
                             lambda name: name.startswith(a.skip))
    if a.rules:
        write_rules(d, a.rules)
    for f in faults + more:
        print(f)
    print("%d expressions of %d metrics" % (sum(
        len(p.get("targets", [])) for p in all_panels(d)), len(shown)))
    return bool(faults + more)


if __name__ == "__main__":
    sys.exit(main())
