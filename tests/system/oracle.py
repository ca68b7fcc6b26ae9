#!/usr/bin/env python3
"""Compares goquery's answers with SQLite's over the same rows.

usage: oracle.py -b BIN -H HELPERS [-n QUERIES] [-s SEED] [-v] [PCAPS]

Two stores: one of rows made here (HELPERS/lib/rows2store writes it; its last
blocks stay live), one that goprobe makes of captures in PCAPS, whose rows
tests/lib/readstore.py reads, a reader of its own written from FORMAT.md.
Every question is made at random as goquery's text and as SQL, each kind of
grouping, condition, window, having, sort, limit and format at least 20 times.
Prints TAP.
"""
import argparse
import collections
import csv
import html.parser
import io
import ipaddress
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
T0 = 1767225600  # 2026-01-01T00:00:00Z
SLOT = 300
LEAST = 20
COUNTERS = ["br", "bs", "pr", "ps"]
METRICS = {
    "bytes": "br+bs", "packets": "pr+ps", "bytes_rcvd": "br",
    "bytes_sent": "bs", "packets_rcvd": "pr", "packets_sent": "ps"}
EXTRAS = {
    "rows": "COUNT(*)", "sips": "COUNT(DISTINCT v||hex(sip))",
    "dips": "COUNT(DISTINCT v||hex(dip))", "dports": "COUNT(DISTINCT dport)"}
USUAL = ["packets_rcvd", "packets_sent", "packets", "bytes_rcvd",
         "bytes_sent", "bytes"]
SHORTHANDS = {
    "talk_conv": ["sip", "dip"], "talk_src": ["sip"], "talk_dst": ["dip"],
    "apps_port": ["dport", "proto"], "apps_l7": ["l7proto"],
    "agg_talk_port": ["sip", "dip", "dport", "proto"],
    "raw": ["time", "iface", "sip", "dip", "dport", "proto", "l7proto"]}
SITE = ["10.1.0.0/16", "2001:db8:1::/48"]


def protocols():
    """Number to name: the third field of Debian's /etc/protocols, and what
    IANA's registry has beside it."""
    out = {138: "manet", 144: "AGGFRAG", 145: "NSH", 146: "Homa"}
    with open("/etc/protocols") as f:
        for line in f:
            w = line.split("#")[0].split()
            if len(w) >= 3:
                out.setdefault(int(w[1]), w[2])
    return out


PROTO = protocols()


def proto_text(n):
    return PROTO.get(n, str(n))


def packed(text):
    return ipaddress.ip_address(text).packed


def is_app(label, asked):
    """Whether a label is meant: TLS is TLS, TLS? and TLS.Google; TLS? is only
    what was guessed."""
    label, asked = label.lower(), asked.lower()
    if label == asked:
        return True
    if asked.endswith("?") and not label.endswith("?"):
        return False
    have = label.rstrip("?").split(".", 1)
    want = asked.rstrip("?").split(".", 1)
    return have == want if len(want) == 2 else want[0] in have


def net(blob, drop4, drop6):
    """The address without its low bits."""
    drop = drop4 if len(blob) == 4 else drop6
    if not drop:
        return blob
    value = int.from_bytes(blob, "big") >> drop << drop
    return value.to_bytes(len(blob), "big")


# --- rows -------------------------------------------------------------------

class Rows:
    """A store, and the same rows in SQLite."""

    def __init__(self, store, rows):
        self.store = store
        self.db = sqlite3.connect(":memory:")
        self.db.create_function("net", 3, net, deterministic=True)
        self.db.create_function("is_app", 2, is_app, deterministic=True)
        self.db.create_function("category_of", 1, self.category)
        self.db.execute("CREATE TABLE rows (time INT, iface TEXT, v INT, "
                        "sip BLOB, dip BLOB, dport INT, proto INT, ptext TEXT,"
                        " l7 TEXT, br INT, bs INT, pr INT, ps INT)")
        self.db.executemany(
            "INSERT INTO rows VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            [(t, i, 4 if len(s) == 4 else 6, s, d, port, p, proto_text(p), l7,
              *c) for t, i, s, d, port, p, l7, *c in rows])
        self.ifaces = sorted({r[1] for r in rows})
        self.addrs = [str(ipaddress.ip_address(x)) for r in rows
                      for x in r[2:4]]
        self.ports = [r[4] for r in rows]
        self.protos = [r[5] for r in rows]
        self.apps = sorted({r[6] for r in rows})
        self.sizes = [r[7] + r[8] for r in rows]
        self.times = sorted({r[0] for r in rows})
        self.n = len(rows)
        self.categories = collections.defaultdict(lambda: "Unspecified")
        path = os.path.join(store, "goDB-l7proto.names")
        for line in open(path) if os.path.exists(path) else []:
            fields = line.rstrip("\n").split("\t")
            if len(fields) > 2 and fields[2]:
                self.categories[fields[1]] = fields[2]


    def category(self, l7):
        return self.categories[l7].lower()


def random_rows(rng):
    """Rows by block: a few talkers, a scanner, both versions, ties."""
    v4 = [f"10.{rng.choice([1, 1, 2])}.{rng.randrange(4)}.{rng.randrange(20)}"
          for _ in range(25)] + ["0.0.0.0", "255.255.255.255", "192.0.2.7"]
    v6 = [f"2001:db8:{rng.randrange(1, 3)}::{rng.randrange(1, 30):x}"
          for _ in range(15)] + ["::", "::ffff:10.1.0.1", "fe80::1"]
    apps = ["TLS", "DNS", "Unknown", "HTTP", "[overflow]", "Amazon AWS"]
    blocks = {}
    known = []  # keys that come again and again, so that roll-ups pay
    for iface in ("eth0", "eth1", "wan"):
        for day in range(3):
            for n in range(8):
                slot = T0 + day * 86400 + rng.randrange(
                    288 if n % 2 else 12) * SLOT
                rows = {}
                again = iface != "eth0" and len(known) > 40
                for _ in range(rng.randrange(5, 55)):
                    pool = v4 if rng.random() < .7 else v6
                    key = (packed(rng.choice(pool)), packed(rng.choice(pool)),
                           rng.choice([80, 443, 53, 22, 0, 65535,
                                       rng.randrange(65536)]),
                           rng.choice([6, 6, 17, 17, 1, 58, 132, 200, 255]),
                           rng.choice(apps))
                    if again:
                        key = rng.choice(known[:40])
                    elif len(key[0]) == len(key[1]):
                        known.append(key)
                    size = rng.choice([0, 60, 100, 1000,
                                       rng.randrange(1 << 24)])
                    back = rng.choice([0, 0, 60, 1500, rng.randrange(1 << 22)])
                    rows[key] = [back, size, (back + 1399) // 1400,
                                 (size + 1399) // 1400]
                if day == 1 and iface == "wan":
                    for n in range(40):
                        rows[(packed("192.0.2.7"), packed(f"10.2.3.{n}"), 23,
                              6, "Unknown")] = [0, 60, 0, 1]
                blocks[(iface, slot)] = rows
    return blocks


def piece(n, part):
    """n in three parts."""
    return n - 2 * (n // 3) if part == 2 else n // 3


def make_store(folder, rng, helpers, live=True):
    """Without `live` all of it is committed, and a quiet block ends it."""
    blocks = random_rows(rng)
    rows, lines = [], []
    last = {}
    for iface, slot in blocks:
        last[iface] = max(last.get(iface, 0), slot)
    for (iface, slot), content in sorted(blocks.items()):
        lines.append(f"B {iface} {slot} 4 300 0 0 0 0")
        for (s, d, port, proto, l7), c in content.items():
            lines.append(" ".join(map(str, [
                "R", ipaddress.ip_address(s), ipaddress.ip_address(d), port,
                proto, *c, l7])))
            rows.append((slot, iface, s, d, port, proto, l7, *c))
        if slot != last[iface] or not live:
            lines.append(f"C {iface} {slot}")
            continue
        # the live block comes in pieces, as snapshots do
        head, content_lines = lines[-len(content) - 1], lines[-len(content):]
        del lines[-len(content) - 1:]
        for part in range(3):
            lines.append(head)
            for line in content_lines:
                w = line.split(" ")
                w[5:9] = [str(piece(int(x), part)) for x in w[5:9]]
                lines.append(" ".join(w))
    for iface in sorted(last) if not live else []:
        lines.append(f"B {iface} {T0 + 4 * 86400} 4 300 0 0 0 0")
        lines.append(f"C {iface} {T0 + 4 * 86400}")
    store = os.path.join(folder, "made")
    subprocess.run([os.path.join(helpers, "lib/rows2store"), store],
                   input="\n".join(lines) + "\n", text=True, check=True)
    return Rows(store, rows)


def largest(pcaps, n):
    if not pcaps or not os.path.isdir(pcaps):
        return []
    paths = [os.path.join(pcaps, x) for x in sorted(os.listdir(pcaps))
             if x.endswith((".pcap", ".pcapng", ".cap"))]
    return sorted(paths, key=os.path.getsize, reverse=True)[:n]


def replay(folder, pcaps, bin_dir):
    """A store of the largest captures, an interface each, or None."""
    store = os.path.join(folder, "replayed")
    n = 0
    for path in largest(pcaps, 40):
        done = subprocess.run([os.path.join(bin_dir, "goprobe"), "-d", store,
                               "-i", f"c{n}", "-r", path],
                              capture_output=True, text=True)
        n += done.returncode in (0, 3)  # not every capture is Ethernet or IP
    if not n:
        return None
    text = subprocess.run(
        [sys.executable, os.path.join(HERE, "../lib/readstore.py"), store],
        capture_output=True, text=True, check=True).stdout
    rows = []
    for r in csv.reader(text.splitlines()[1:]):
        rows.append((int(r[0]), r[1], packed(r[2]), packed(r[3]), int(r[4]),
                     int(r[5]), r[6], *map(int, r[7:])))
    return Rows(store, rows)


# --- kinds --------------------------------------------------------------------

class Kinds:
    """Chooses kinds so that each comes up often enough, and counts them."""

    def __init__(self, rng):
        self.rng = rng
        self.seen = collections.Counter()

    def choose(self, dimension, names):
        least = min(self.seen[dimension, n] for n in names)
        rare = [n for n in names if self.seen[dimension, n] == least]
        name = self.rng.choice(rare if self.rng.random() < .6 else names)
        return name

    def count(self, dimension, name):
        self.seen[dimension, name] += 1


# --- conditions ----------------------------------------------------------------

def blob(b):
    return "x'" + b.hex() + "'"


MAPPED = bytes(10) + b"\xff\xff"


def between(column, lo, hi):
    if lo[:12] == hi[:12] == MAPPED:  # the IPv4 addresses are meant, too
        return (f"({between(column, lo[12:], hi[12:])} OR (v=6 AND "
                f"{column}>={blob(lo)} AND {column}<={blob(hi)}))")
    return (f"(v={4 if len(lo) == 4 else 6} AND {column}>={blob(lo)} AND "
            f"{column}<={blob(hi)})")


def in_net(column, network):
    return between(column, network.network_address.packed,
                   network.broadcast_address.packed)


def ends(word, sql):
    """SQL for src, dst or either end."""
    if word == "sip":
        return sql("sip")
    if word == "dip":
        return sql("dip")
    return f"({sql('sip')} OR {sql('dip')})"


SPELLINGS = {
    "sip": ["sip = {}", "src {}", "snet={}", "src host {}", "src net {}",
            "src ip {}", "SIP={}"],
    "dip": ["dip = {}", "dst {}", "dnet = {}", "dst host {}", "dst net {}",
            "dip eq {}"],
    "host": ["host {}", "net {}", "host = {}", "ip {}", "{}",
             "src or dst host {}"]}
LEAVES = ["address", "prefix", "range", "list", "file", "site", "port",
          "portrange", "portlist", "proto", "version", "l7", "category",
          "compare", "metric", "dir"]


class Maker:
    """Questions for one store."""

    def __init__(self, rng, kinds, rows, folder):
        self.rng, self.kinds, self.rows = rng, kinds, rows
        self.folder = folder

    def address(self):
        if self.rng.random() < .1:
            return "203.0.113.99"
        return self.rng.choice(self.rows.addrs)

    def network(self):
        a = ipaddress.ip_address(self.address())
        length = self.rng.choice([0, 8, 16, 24, 30] if a.version == 4
                                 else [0, 16, 48, 64, 127])
        return ipaddress.ip_network((a, length), strict=False)

    def spell(self, end, value):
        return self.rng.choice(SPELLINGS[end]).format(value)

    def leaf(self):
        rng = self.rng
        kind = self.kinds.choose("condition", LEAVES)
        self.used.add(("condition", kind))
        end = rng.choice(["sip", "dip", "host"])
        return getattr(self, "leaf_" + kind)(rng, end)

    def leaf_address(self, rng, end):
        a = self.address()
        return self.spell(end, a), ends(end, lambda c: between(
            c, packed(a), packed(a)))

    def leaf_prefix(self, rng, end):
        n = self.network()
        if rng.random() < .2:
            op = rng.choice(["", "= ", "!= "])
            both = f"({in_net('sip', n)} AND {in_net('dip', n)})"
            return (f"src and dst net {op}{n}",
                    f"NOT {both}" if op == "!= " else both)
        return self.spell(end, n), ends(end, lambda c: in_net(c, n))

    def leaf_range(self, rng, end):
        a = ipaddress.ip_address(self.address())
        top = 2 ** a.max_prefixlen - 1
        b = type(a)(min(int(a) + rng.randrange(1 << 12), top))
        return self.spell(end, f"{a}-{b}"), ends(end, lambda c: between(
            c, a.packed, b.packed))

    def members(self, rng, end, most):
        texts, sql = [], []
        for _ in range(rng.randrange(1, most)):
            n = self.network() if rng.random() < .3 else \
                ipaddress.ip_network(self.address())
            texts.append(str(n) if n.num_addresses > 1
                         else str(n.network_address))
            sql.append(ends(end, lambda c, n=n: in_net(c, n)))
        return texts, "(" + " OR ".join(sql) + ")"

    def leaf_list(self, rng, end):
        texts, sql = self.members(rng, end, 6)
        form = rng.choice(["{} in ({})", "{} in [{}]", "{} ({})"])
        glue = " or " if form == "{} ({})" else rng.choice([", ", " "])
        return form.format(end, glue.join(texts)), sql

    def leaf_file(self, rng, end):
        texts, sql = self.members(rng, end, 12)
        path = os.path.join(self.folder, f"list{rng.randrange(10 ** 9)}")
        with open(path, "w") as f:
            f.write("# some\n" + rng.choice(["\n", ", ", " "]).join(texts))
        return rng.choice([f"{end} in @{path}", f"{end} = @{path}",
                           f'{end} "@{path}"']), sql

    def leaf_site(self, rng, end):
        nets = [ipaddress.ip_network(n) for n in SITE]
        return self.spell(end, "site"), ends(
            end, lambda c: "(" + " OR ".join(in_net(c, n) for n in nets) + ")")

    def leaf_port(self, rng, end):
        p = rng.choice(self.rows.ports)
        name = {443: "https", 53: "domain", 22: "ssh"}.get(p, str(p))
        form = rng.choice(["dport = {}", "port {}", "dst port {}", "dport={}"])
        return form.format(rng.choice([p, name])), f"dport={p}"

    def leaf_portrange(self, rng, end):
        a, b = sorted(rng.choices(self.rows.ports, k=2))
        form = rng.choice(["portrange {}-{}", "dport = {}-{}", "port {}-{}"])
        return form.format(a, b), f"dport BETWEEN {a} AND {b}"

    def leaf_portlist(self, rng, end):
        ports = rng.choices(self.rows.ports, k=3)
        form, glue = rng.choice([("port in [{}]", " "), ("dport in ({})", ","),
                                 ("port {}", " or "), ("dport {}", ", ")])
        text = form.format(glue.join(map(str, ports)))
        sql = f"dport IN ({','.join(map(str, ports))})"
        if glue == " or ":
            # what stands before the first is meant before all of them
            word, also = rng.choice([("", "1"), ("tcp ", "proto=6"),
                                     ("udp ", "proto=17"), ("ip6 ", "v=6")])
            text, sql = word + text, f"({also} AND {sql})"
        return f"({text})", sql

    def leaf_proto(self, rng, end):
        p = rng.choice(self.rows.protos)
        name = {6: "tcp", 17: "UDP", 1: "icmp"}.get(p, str(p))
        form = rng.choice(["proto = {}", "proto {}", "ipproto={}"])
        if not name.isdigit() and rng.random() < .5:
            form = "{}"
        return form.format(name), f"proto={p}"

    def leaf_version(self, rng, end):
        v = rng.choice([4, 6])
        return rng.choice({4: ["ip4", "ipv4"], 6: ["ip6", "IPv6"]}[v]), f"v={v}"

    def leaf_l7(self, rng, end):
        name = rng.choice(self.rows.apps)
        op = rng.choice(["=", "!="])
        return (f'{rng.choice(["l7proto", "l7", "app"])} {op} "{name}"',
                f"is_app(l7, '{name}') {op} 1")

    def leaf_category(self, rng, end):
        name = self.rows.categories[rng.choice(self.rows.apps)]
        return f"category = '{name}'", f"category_of(l7) = '{name.lower()}'"

    def leaf_compare(self, rng, end):
        op, sql = rng.choice([("<", "<"), ("<=", "<="), (">", ">"),
                              (">=", ">="), ("lt", "<"), ("ge", ">=")])
        if rng.random() < .5:
            p = rng.choice(self.rows.ports)
            return f"dport {op} {p}", f"dport {sql} {p}"
        a = ipaddress.ip_address(self.address())
        end = rng.choice(["sip", "dip"])
        return (f"{end} {op} {a}",
                f"(v={a.version} AND {end} {sql} {blob(a.packed)})")

    def leaf_metric(self, rng, end):
        name = rng.choice(list(METRICS))
        op = rng.choice(["=", "!=", "<", ">", "<=", ">="])
        if rng.random() < .4:
            unit = 1024 if name.startswith("bytes") else 1000
            text, n = rng.choice([("1k", unit), ("1.5k", unit * 3 // 2),
                                  ("2M", 2 * unit ** 2)])
        else:
            n = rng.choice(self.rows.sizes) // rng.choice([1, 2, 700])
            text = str(n)
        return f"{name} {op} {text}", f"({METRICS[name]}) {op} {n}"

    def leaf_dir(self, rng, end):
        name, sql = rng.choice([
            ("in", "pr>0 AND ps=0"), ("out", "pr=0 AND ps>0"),
            ("bi", "pr>0 AND ps>0"), ("uni", "(pr>0)<>(ps>0)")])
        op = rng.choice(["=", "!="])
        return f"dir {op} {name}", f"{'NOT ' if op == '!=' else ''}({sql})"

    def tree(self, depth):
        rng = self.rng
        if depth == 0 or rng.random() < .3:
            return self.leaf()
        kind = self.kinds.choose("joint", ["and", "or", "not"])
        self.used.add(("joint", kind))
        text, sql = self.tree(depth - 1)
        if kind == "not":
            return (rng.choice(["not ({})", "!({})", "not [{}]"]).format(text),
                    f"NOT ({sql})")
        other = self.tree(depth - 1)
        glue = rng.choice({"and": [" and ", " & ", " && ", " AND "],
                           "or": [" or ", " | ", " || "]}[kind])
        return (f"({text}){glue}({other[0]})",
                f"(({sql}) {kind.upper()} ({other[1]}))")

    def condition(self):
        if self.kinds.choose("any condition", ["none", "some"]) == "none":
            self.used.add(("any condition", "none"))
            return "", "1"
        self.used.add(("any condition", "some"))
        return self.tree(self.rng.choice([0, 0, 1, 1, 2, 3]))

    # --- the rest

    def grouping(self):
        rng = self.rng
        kind = self.kinds.choose("grouping", list(SHORTHANDS) + [
            "columns", "prefix", "host", "hostprefix", "bin"])
        self.used.add(("grouping", kind))
        drops, bin_s = {}, 0
        if kind in SHORTHANDS:
            return kind, list(SHORTHANDS[kind]), drops, bin_s
        keys = rng.sample(["time", "iface", "sip", "dip", "dport", "proto",
                           "l7proto"], rng.randrange(1, 5))
        if kind.startswith("host"):
            keys = [k for k in keys if k not in ("sip", "dip")][:2] + ["host"]
        if kind == "prefix":
            keys = [k for k in keys if k not in ("sip", "dip")][:2] + \
                rng.choice([["sip"], ["dip"], ["sip", "dip"]])
        if kind == "bin":
            keys = ["time"] + [k for k in keys if k != "time"][:2]
            bin_s = rng.choice([300, 900, 3600, 21600, 86400, 604800])
        rng.shuffle(keys)
        words = []
        for k in keys:
            if kind in ("prefix", "hostprefix") and k in ("sip", "dip", "host"):
                a, b = rng.choice([0, 8, 22, 24, 31]), rng.choice([0, 32, 48, 64])
                form = rng.choice(["{k}/{a}/{b}", "{k}/{a}", "{k}//{b}"])
                drops[k] = (0 if form == "{k}//{b}" else 32 - a,
                            0 if form == "{k}/{a}" else 128 - b)
                k = form.format(k=k, a=a, b=b)
            words.append(k)
        return ",".join(words), keys, drops, bin_s

    def window(self):
        rng = self.rng
        kind = self.kinds.choose("window", [
            "all", "epoch", "rfc3339", "date", "odd", "block"])
        self.used.add(("window", kind))
        times = self.rows.times
        if kind == "all":
            return ["-f", "0"], 0, 1 << 33
        a, b = sorted(rng.choices(times, k=2))
        b += SLOT
        if kind == "block":
            b = a + SLOT
        if kind == "odd":
            a += rng.randrange(SLOT)
            b = max(a + 1, b - rng.randrange(SLOT))
        if kind == "date":
            a -= a % 86400
            b += 86400 - b % 86400
            texts = [time.strftime("%Y-%m-%d", time.gmtime(t)) for t in (a, b)]
        elif kind == "rfc3339":
            texts = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))
                     for t in (a, b)]
        else:
            texts = [str(a), str(b)]
        return ["-f", texts[0], "-l", texts[1]], a - a % SLOT, b

    def having(self, keys, sums, extras):
        rng = self.rng
        kind = self.kinds.choose("having", [
            "none", "metric", "distinct", "key", "both"])
        self.used.add(("having", kind))
        if kind == "none":
            return "", "1"
        parts = []
        if kind in ("metric", "both"):
            m = rng.choice(list(METRICS))
            n = rng.choice(self.rows.sizes) // (1 if "bytes" in m else 900)
            op = rng.choice([">", "<", ">=", "!="])
            parts.append((f"{m} {op} {n}", f"{sums[m]} {op} {n}"))
        if kind in ("distinct", "both"):
            m = rng.choice(list(EXTRAS))
            n = rng.choice([1, 1, 2, 3, 5])
            op = rng.choice([">", "<=", "="])
            parts.append((f"{m} {op} {n}", f"{extras[m]} {op} {n}"))
        if kind == "key":
            parts.append(self.having_key(keys))
        glue = rng.choice(["and", "or"])
        return (f" {glue} ".join(p[0] for p in parts),
                f" {glue} ".join(f"({p[1]})" for p in parts))

    def having_key(self, keys):
        rng = self.rng
        fits = [k for k in keys if k not in ("time", "iface")]
        if not fits:
            return "bytes >= 0", "1"
        k = rng.choice(fits)
        if k == "dport":
            p = rng.choice(self.rows.ports)
            return f"dport <= {p}", f"dport <= {p}"
        if k == "proto":
            p = rng.choice(self.rows.protos)
            return f"proto != {p}", f"proto <> {p}"
        if k == "l7proto":
            name = rng.choice(self.rows.apps)
            return f"l7 = '{name}'", f"is_app(l7, '{name}')"
        n = self.network()
        column = {"sip": "k_sip", "dip": "k_dip", "host": "k_host"}[k]
        return f"{k} = {n}", in_net(column, n)

    def sort(self, keys):
        kinds = ["default", "packets", "key", "ascending"] + list(METRICS) + \
            list(EXTRAS)
        kind = self.kinds.choose("sort", kinds)
        self.used.add(("sort", kind))
        if kind == "default":
            return [], "time" if "time" in keys else "bytes", False
        if kind == "ascending":
            return ["-a", "-s", "bytes"], "bytes", True
        if kind == "key":
            k = self.rng.choice(keys)
            return ["-s", k], k, False
        if kind == "packets":
            return ["-p"], "packets", False
        return ["-s", kind], kind, False


# --- answers --------------------------------------------------------------------

def units(v, base, names):
    value, i = float(v), 0
    while v > base and i < 6:
        v //= base
        value /= base
        i += 1
    return f"{value:.2f} {names[i]}"


def show_metric(name, v):
    if name.startswith("bytes"):
        return units(v, 1024, [" B", "kB", "MB", "GB", "TB", "PB", "EB"])
    if name.startswith("packets"):
        return units(v, 1000, [" ", "k", "M", "G", "T", "P", "E"])
    return str(v)


def key_text(key, value, drops, how):
    if key == "time":
        if how == "epoch":
            return str(value)
        form = "%Y-%m-%dT%H:%M:%SZ" if how == "rfc3339" else \
            "%Y-%m-%d %H:%M:%S +0000"
        return time.strftime(form, time.gmtime(value))
    if key in ("sip", "dip", "host"):
        a = ipaddress.ip_address(value)
        text = str(a)
        if a.version == 6 and a.ipv4_mapped:
            text = f"::ffff:{a.ipv4_mapped}"
        drop = drops.get(key, (0, 0))[0 if a.version == 4 else 1]
        return f"{text}/{a.max_prefixlen - drop}" if drop else text
    if key == "proto":
        return proto_text(value)
    return str(value)


class Page(html.parser.HTMLParser):
    """Cells of the table, and what a page may not have."""

    def __init__(self):
        super().__init__()
        self.rows, self.cell, self.foreign = [], None, []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        for name in ("src", "href", "action", "data", "xlink:href"):
            if name in attrs:
                self.foreign.append(f"{tag} {name}")
        if tag in ("link", "iframe", "object", "embed", "img", "base"):
            self.foreign.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = [attrs.get("data-v"), ""]

    def handle_data(self, data):
        if self.cell is not None:
            self.cell[1] += data

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.cell is not None:
            self.rows[-1].append(self.cell)
            self.cell = None


class Question:
    def __init__(self, m, ini):
        m.used = set()
        self.m = m
        rng = m.rng
        self.ini = ini
        self.text, self.keys, self.drops, self.bin_s = m.grouping()
        self.cond, self.cond_sql = m.condition()
        self.win, self.first, self.last = m.window()
        self.ifaces = m.rows.ifaces if rng.random() < .6 else \
            rng.sample(m.rows.ifaces, rng.randrange(1, len(m.rows.ifaces) + 1))
        self.sums = {k: f"SUM({v})" for k, v in METRICS.items()}
        self.having, self.having_sql = m.having(self.keys, self.sums, EXTRAS)
        self.sort_args, self.sort, self.ascending = m.sort(self.keys)
        self.direction = m.kinds.choose("direction", ["both", "in", "out"])
        m.used.add(("direction", self.direction))
        self.show = []
        kind = m.kinds.choose("show", ["usual", "some"])
        m.used.add(("show", kind))
        if kind == "some":
            self.show = rng.sample(list(METRICS) + list(EXTRAS),
                                   rng.randrange(1, 5))
        self.limit = m.kinds.choose("limit", ["all", "number", "share"])
        summable = self.sort in self.sums or self.sort == "rows"
        if self.limit == "share" and (not summable or self.ascending):
            self.limit = "all"
        m.used.add(("limit", self.limit))
        self.n = rng.randrange(1, 30)
        self.share = rng.randrange(1, 10001)
        self.format = m.kinds.choose("format", ["txt", "csv", "json", "jsonl",
                                                "html"])
        m.used.add(("format", self.format))
        self.plan_show()

    def plan_show(self):
        """What is printed: a distinct count that sorts is seen, too, unless
        --show says what is."""
        show = list(self.show)
        if self.sort in EXTRAS and not show:
            show = ["packets", "bytes", self.sort]
        self.shown = show

    def args(self):
        out = ["--config", self.ini, "-d", self.m.rows.store, "-i",
               ",".join(self.ifaces), *self.win, "-e", self.format,
               *self.sort_args, self.text, "--tz", "UTC"]
        if self.cond:
            out += ["-c", self.cond]
        if self.having:
            out += ["--having", self.having]
        if self.bin_s:
            out += ["--bin", f"{self.bin_s // 60}m"]
        if self.direction != "both":
            out += ["-" + self.direction]
        if self.show:
            out += ["--show", ",".join(self.show)]
        out += ["-n", {"all": "all", "number": str(self.n),
                       "share": f"{self.share / 100:.2f}%"}[self.limit]]
        return out

    def directed(self, metric):
        if metric in ("bytes", "packets") and self.direction != "both":
            return metric + ("_rcvd" if self.direction == "in" else "_sent")
        return metric

    def sql(self):
        keys, order, source = [], [], "rows"
        where = [f"time > {self.first - SLOT}", f"time < {self.last}",
                 "iface IN (" + ",".join(f"'{i}'" for i in self.ifaces) + ")",
                 f"({self.cond_sql})"]
        for k in self.keys:
            keys.append({
                "time": self.time_sql(), "sip": "k_sip", "dip": "k_dip",
                "host": "k_host", "l7proto": "l7"}.get(k, k))
            order.append({
                "sip": "length(k_sip), k_sip", "dip": "length(k_dip), k_dip",
                "host": "length(k_host), k_host", "proto": "ptext",
                "l7proto": "l7"}.get(k, keys[-1]))
        d = {k: self.drops.get(k, (0, 0)) for k in ("sip", "dip", "host")}
        base = ("SELECT *, net(sip,{},{}) k_sip, net(dip,{},{}) k_dip, "
                "net({{}},{},{}) k_host FROM rows WHERE {}").format(
                    *d["sip"], *d["dip"], *d["host"], " AND ".join(where))
        source = base.format("sip")
        if "host" in self.keys:
            source += " UNION ALL " + base.format("dip") + \
                f" AND net(sip,{d['host'][0]},{d['host'][1]}) <> k_host"
        values = [self.sums[m] for m in METRICS] + list(EXTRAS.values())
        if self.sort in self.keys:
            first = order[self.keys.index(self.sort)]
        else:
            m = self.directed(self.sort)
            first = (self.sums | EXTRAS)[m] + ("" if self.ascending
                                               else " DESC")
        having = f"HAVING {self.having_sql}"
        return (f"SELECT {', '.join(keys)}, {', '.join(values)}, "
                f"({self.having_sql}) FROM ({source}) "
                f"GROUP BY {', '.join(keys)} "
                f"ORDER BY {first}, {', '.join(order)}"), having

    def time_sql(self):
        if not self.bin_s:
            return "time"
        shift = 3 * 86400 if self.bin_s == 604800 else 0
        return (f"max(0, (time+{shift})/{self.bin_s}*{self.bin_s}"
                f"-{shift})")

    def expect(self):
        """Groups in order after having and limit; all groups' totals."""
        sql, _ = self.sql()
        names = list(METRICS) + list(EXTRAS)
        rows, total = [], 0
        nk = len(self.keys)
        value = self.directed(self.sort)
        self.groups = 0
        for r in self.m.rows.db.execute(sql):
            keys, rest, fits = r[:nk], dict(zip(names, r[nk:-1])), r[-1]
            self.groups += 1
            if self.limit == "share":
                total += rest[value]
            if fits:
                rows.append((keys, rest))
        self.hits = len(rows)
        where = (f"time > {self.first - SLOT} AND time < {self.last} AND iface"
                 f" IN ({','.join(repr(i) for i in self.ifaces)}) AND "
                 f"({self.cond_sql})")
        self.totals = dict(zip(METRICS, (x or 0 for x in self.m.rows.db.execute(
            f"SELECT {', '.join(self.sums.values())} FROM rows WHERE {where}"
        ).fetchone())))
        if self.limit == "number":
            rows = rows[:self.n]
        if self.limit == "share":
            wanted, have, kept = total * self.share, 0, []
            for r in rows:
                if have * 10000 >= wanted:
                    break
                have += r[1][value]
                kept.append(r)
            rows = kept
        return rows

    # --- what each format should say

    def cells(self, row, how):
        out = [key_text(k, v, self.drops, how)
               for k, v in zip(self.keys, row[0])]
        if self.text == "apps_l7":
            out.append(self.m.rows.categories[out[0]])
        return out

    def header(self):
        names = []
        for k in self.keys:
            names.append(k)
            if k == "l7proto" and self.text == "apps_l7":
                names.append("category")
        return names

    def differs(self, out, rows):
        return getattr(self, "differs_" + self.format)(out, rows)

    def differs_csv(self, out, rows):
        got = list(csv.reader(io.StringIO(out)))
        names = self.shown or USUAL
        if got[:1] != [self.header() + names]:
            return f"header {got[:1]}"
        got = got[1:]
        want = [self.cells(r, "epoch") + [str(r[1][m]) for m in names]
                for r in rows]
        return first_difference(got, want)

    def json_rows(self, rows):
        names = self.shown or USUAL
        for r in rows:
            d = dict(zip(self.header(), self.cells(r, "rfc3339")))
            if "dport" in d:
                d["dport"] = int(d["dport"])
            d.update({m: r[1][m] for m in names})
            yield d

    def differs_jsonl(self, out, rows):
        got = [json.loads(x) for x in out.splitlines()]
        return first_difference(got, list(self.json_rows(rows)))

    def differs_json(self, out, rows):
        j = json.loads(out)
        s = j["summary"]
        if s["hits"] != self.hits or s["groups"] != self.groups or \
                s["rows"] != len(rows) or s["totals"] != self.totals:
            return (f"summary {s['hits']} {s['groups']} {s['totals']}, "
                    f"expected {self.hits} {self.groups} {self.totals}")
        return first_difference(j["rows"], list(self.json_rows(rows)))

    def differs_html(self, out, rows):
        p = Page()
        p.feed(out)
        if p.foreign or "http://" in out or "https://" in out:
            return f"foreign: {p.foreign}"
        if "<svg" not in out or "Coverage: " not in out:
            return "no chart or coverage"
        names = self.shown or USUAL
        head = [c[1] for c in p.rows[0]]
        if head != self.header() + names:
            return f"header {head}"
        got = []
        for r in p.rows[1:]:
            nk = len(self.header())
            got.append([c[1] for c in r[:nk]] + [int(c[0]) for c in r[nk:]])
        want = [self.cells(r, "local") + [r[1][m] for m in names]
                for r in rows]
        return first_difference(got, want)

    def differs_txt(self, out, rows):
        lines = out.split("\n")
        want_head = [f"Your query: {self.text}", f"Conditions: {self.cond}"]
        if lines[:2] != want_head:
            return f"head {lines[:2]}"
        if not lines[4].startswith(f"Query produced {self.hits} hits and "):
            return lines[4]
        names = self.shown or ["packets", "bytes"]
        table = []
        for r in rows:
            cells = self.cells(r, "local")
            for m in names:
                v = r[1][self.directed(m)]
                cells.append(show_metric(self.directed(m), v))
                if m in ("bytes", "packets"):
                    total = self.totals[self.directed(m)] or 1
                    cells.append(f"{100.0 * v / total:.2f}")
            table.append(cells)
        got = lines[7:7 + len(rows)]
        if any(not g for g in got) or lines[7 + len(rows)]:
            return "another number of lines"
        for g, want in zip(got, table):
            if g.split() != " ".join(want).split():
                return f"row {g!r}, expected {want}"
        over = (f"Overall packets: "
                f"{show_metric('packets', self.totals[self.directed('packets')])}"
                f" , Overall data volume: "
                f"{show_metric('bytes', self.totals[self.directed('bytes')])}")
        if over not in lines:
            return f"no line {over!r}"
        return None


def first_difference(got, want):
    for i, (g, w) in enumerate(zip(got, want)):
        if g != w:
            return f"row {i}: {g}, expected {w}"
    if len(got) != len(want):
        return f"{len(got)} rows, expected {len(want)}"
    return None


# --- all of it --------------------------------------------------------------------

def main():
    p = argparse.ArgumentParser()
    p.add_argument("-b", dest="bin", default="build/bin")
    p.add_argument("-H", dest="helpers", default="build/gcc/tests")
    p.add_argument("-n", dest="queries", type=int, default=600)
    p.add_argument("-s", dest="seed", type=int,
                   default=int(os.environ.get("TAP_SEED", "0")))
    p.add_argument("-v", dest="verbose", action="store_true")
    p.add_argument("pcaps", nargs="?")
    a = p.parse_args()
    seed = a.seed or int(time.time()) ^ os.getpid()
    rng = random.Random(seed)
    kinds = Kinds(rng)
    print(f"# seed {seed}")
    bad = nonempty = done = rolled = 0
    with tempfile.TemporaryDirectory(prefix="goprobe-oracle.") as folder:
        os.chmod(folder, 0o755)
        ini = os.path.join(folder, "ini")
        with open(ini, "w") as f:
            f.write(f"[site]\nnetworks = {' '.join(SITE)}\n")
        stores = [make_store(folder, rng, a.helpers)]
        replayed = replay(folder, a.pcaps, a.bin)
        if replayed:
            stores.append(replayed)
        for s in stores:
            print(f"# {os.path.basename(s.store)}: {s.n} rows, "
                  f"{len(s.ifaces)} interfaces")
        used_stores = collections.Counter()
        for _ in range(a.queries):
            rows = rng.choice(stores)
            q = Question(Maker(rng, kinds, rows, folder), ini)
            args = [os.path.join(a.bin, "goquery"), *q.args(), "--explain"]
            r = subprocess.run(args, capture_output=True, text=True)
            rolled += "roll-ups: " in r.stderr
            expected = q.expect()
            if r.returncode:
                why = f"status {r.returncode}: {r.stderr.strip()}"
            else:
                why = q.differs(r.stdout, expected)
            if "roll-ups: " in r.stderr and not why:
                blocks = subprocess.run([*args, "--no-rollups"],
                                        capture_output=True, text=True)
                why = q.differs(blocks.stdout, expected)
                if why or "roll-ups: " in blocks.stderr:
                    why = f"with --no-rollups: {why}"
            done += 1
            for kind in q.m.used:
                kinds.count(*kind)
            used_stores[os.path.basename(rows.store)] += 1
            nonempty += bool(expected)
            if why or a.verbose:
                bad += bool(why)
                print(f"# {' '.join(map(repr, args[1:]))}\n#    {why}")
                if why and bad > 10:
                    break
    rare = {k: n for k, n in kinds.seen.items() if n < LEAST}
    print(f"# {done} questions, {nonempty} with rows; of stores: "
          f"{dict(used_stores)}")
    dims = collections.defaultdict(dict)
    for (d, k), n in sorted(kinds.seen.items()):
        dims[d][k] = n
    for d, counts in dims.items():
        print(f"# {d}: " + ", ".join(f"{k} {n}" for k, n in counts.items()))
    checks = [
        (bad == 0, "answers equal SQLite's"),
        (done >= a.queries, f"{done} questions were asked"),
        (nonempty >= min(200, a.queries // 3), f"{nonempty} have rows"),
        (not rare or a.queries < 500, f"each kind {LEAST} times: {rare}"),
        (rolled >= a.queries // 10, f"{rolled} were answered from roll-ups")]
    for i, (fine, what) in enumerate(checks, 1):
        print(f"{'ok' if fine else 'not ok'} {i} - {what}")
    if replayed:
        print("ok 6 - captures were among the inputs")
    else:
        print("ok 6 # SKIP no captures; set PCAP_CORPUS")
    print("1..6")
    return 0 if all(c[0] for c in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
