"""goquery --remote beside a real ClickHouse: what a store answers and what the
server answers after it was shipped, question by question.

  -b BIN      folder of the programs
  -H HELPERS  folder of the tests' programs
  -n N        questions (default 40, LONG=1: 600)
  -p PARTS    comma list of: same sites seen committed many trouble tls
              cluster
              replica
  TAP_SEED    environment, printed
"""

import argparse
import collections
import gzip
import http.client
import http.server
import itertools
import json
import os
import random
import re
import resource
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, "tests/lib")
sys.path.insert(0, HERE)
import clickhouse
import export
import oracle
from tap import ok, is_, diag, skip_all, done

CORPUS = os.environ.get("PCAP_CORPUS", "../shared/pcaps")
DATA = "tests/data"
ZONES = ["UTC", "UTC", "Europe/Zurich", "America/St_Johns", "Asia/Kathmandu"]
LONG = bool(os.environ.get("LONG"))


class World:
    def __init__(self, args):
        self.bin = os.path.abspath(args.bin)
        self.helpers = os.path.abspath(args.helpers)
        self.t = tempfile.mkdtemp(prefix="goprobe-test.")
        os.chmod(self.t, 0o755)
        self.seed = int(os.environ.get("TAP_SEED", "0")) or int(time.time())
        diag("TAP_SEED=%d" % self.seed)
        self.random = random.Random(self.seed)
        self.questions = args.questions
        self.servers = []
        self.stores = {}  # by site: Rows of oracle.py
        os.environ["TZ"] = "UTC"

    def path(self, *names):
        return os.path.join(self.t, *names)

    def server(self, name, **options):
        s = clickhouse.Server(self.path(name), **options)
        self.servers.append(s)
        return s

    def end(self):
        for s in self.servers:
            s.stop()
        shutil.rmtree(self.t, ignore_errors=True)

    def ini(self, site, url, more=""):
        name = self.path("ini.%s" % re.sub("[^a-z0-9]", "", site))
        with open(name, "w") as out:
            out.write("[site]\nname = %s\nnetworks = %s\n[export]\nurl = %s\n"
                      "%s" % (site, " ".join(oracle.SITE), url, more))
        return name

    def run(self, program, *argv, **options):
        return subprocess.run([os.path.join(self.bin, program), *argv],
                              capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120, **options)

    def export(self, site, url, store, *more):
        return self.run("goprobe-export", "-c", self.ini(site, url), "-d",
                        store, "-s", self.path("state." + str(
                            abs(hash((site, url, store))))),
                        *(more or ("--once",)))

    def make_stores(self):
        self.stores["hq"] = oracle.make_store(self.t, self.random,
                                              self.helpers, live=False)
        largest = oracle.largest  # some of those, and some others
        oracle.largest = lambda folder, n: largest(folder, 6) + \
            self.random.sample(largest(folder, 10 ** 6)[6:], 9) \
            if os.path.isdir(folder) else []
        replayed = oracle.replay(self.t, CORPUS, self.bin)
        if replayed:
            self.stores["lab"] = replayed

    def init(self, server, kind="single", *more):
        ini = self.ini("hq", server.url())
        return self.run("goprobe-export", "-c", ini, "--init", kind, *more)

    def ship(self, server):
        for site, rows in self.stores.items():
            r = self.export(site, server.url(), rows.store)
            is_(r.returncode, 0, "%s: %d rows shipped" % (site, rows.n)
                ) or diag(r.stderr)


# ---- the same answers ----------------------------------------------------------

def normal(text, site, form, all_time):
    """An answer without what may differ: time taken, names of interfaces, and
    how the end of a window that has not ended is called."""
    text = text.replace(site + "/", "")
    # a store knows what other windows had
    unknown = r"(this store has never seen|no row of this window has) an " \
        r"application (named|of category) [^<\"\n]*"
    text = re.sub(r"\n(Note: |<p>Note: )" + unknown + "(</p>)?", "", text)
    if form == "txt":
        text = re.sub(r"and took .*", "and took", text)
        if all_time:
            text = re.sub(r"\nCoverage: .*", "\nCoverage", text)
            text = re.sub(r"\nNote: .* has no data.*", "", text)
    if form == "html" and all_time:
        text = re.sub(r"Coverage: .*?</p>", "</p>", text)
        text = re.sub(r"<p>Note: .* has no data.*", "", text)
        text = re.sub(r" class=\"missing\"", "", text)
    if form == "json":
        j = json.loads(text)
        j["summary"].pop("took_ns")
        j["summary"]["notes"] = [n for n in j["summary"]["notes"]
                                 if not re.match(unknown, n)]
        if all_time:
            j["summary"].pop("coverage")
            j["summary"].pop("notes")
            j["summary"].pop("window")
            j.pop("status")
        text = json.dumps(j, indent=1)
    return text


def complaints(text, site, all_time):
    """stderr, without the ends of time."""
    lines = text.replace(site + "/", "").splitlines()
    return [x for x in lines if not (all_time and "incomplete" in x) and
            not re.search("an application (named|of category)", x)]


def first_difference(a, b):
    a, b = a.splitlines(), b.splitlines()
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return "line %d: local %r, remote %r" % (i + 1, x, y)
    if len(a) != len(b):
        return "%d lines local, %d remote" % (len(a), len(b))
    return None


def compare(w, q, site, url):
    argv = q.args()
    zone = argv.index("--tz") + 1
    argv[zone] = w.random.choice(ZONES)
    local = w.run("goquery", *argv, "--no-live")
    argv[argv.index("-d"):argv.index("-d") + 2] = ["--remote", url]
    i = argv.index("-i") + 1
    argv[i] = ",".join("%s/%s" % (site, f) for f in argv[i].split(","))
    remote = w.run("goquery", *argv)
    # of captures nobody knows whether they went on
    all_time = site == "lab" or "0" in argv[argv.index("-f") + 1:][:1]
    why = None
    if local.returncode != remote.returncode:
        why = "status %d local, %d remote: %s" % (
            local.returncode, remote.returncode, remote.stderr.strip())
    elif local.returncode == 0:
        why = first_difference(normal(local.stdout, site, q.format, all_time),
                               normal(remote.stdout, site, q.format, all_time))
    if not why:
        a = complaints(local.stderr, site, all_time)
        b = complaints(remote.stderr, site, all_time)
        if a != b:
            why = "stderr: local %r, remote %r" % (a[:3], b[:3])
    return why, argv, local.stdout.count("\n") > 1


def ask_all(w, url, n, what):
    kinds = oracle.Kinds(w.random)
    bad = nonempty = 0
    ini = w.ini("hq", url)
    lists = w.path("lists")
    os.makedirs(lists, exist_ok=True)
    begun = time.monotonic()
    for _ in range(n):
        site = w.random.choice(sorted(w.stores))
        q = oracle.Question(
            oracle.Maker(w.random, kinds, w.stores[site], lists), ini)
        why, argv, some = compare(w, q, site, url)
        for kind in q.m.used:
            kinds.count(*kind)
        nonempty += some
        if why:
            bad += 1
            diag(" ".join(map(repr, argv)))
            diag("   " + why[:1000])
            if bad > 10:
                break
    diag("%d questions, %d with rows, %.1f s" % (
        n, nonempty, time.monotonic() - begun))
    dims = collections.defaultdict(dict)
    for (d, k), count in sorted(kinds.seen.items()):
        dims[d][k] = count
    for d, counts in dims.items():
        diag(d + ": " + ", ".join("%s %d" % x for x in counts.items()))
    is_(bad, 0, "%s: %d answers are the store's" % (what, n))
    rare = {k: c for k, c in kinds.seen.items() if c < oracle.LEAST}
    if n >= 500:
        ok(not rare, "each kind %d times: %r" % (oracle.LEAST, rare))


def part_same(w, server):
    ask_all(w, server.url(), w.questions, "one server")


# ---- clusters ---------------------------------------------------------------------

def part_cluster(w, server):
    """Two shards; either is asked."""
    two = [w.server("shard%d" % i, cluster="probes", shard=i) for i in (1, 2)]
    for s in two:
        s.configure([[two[0]], [two[1]]])
        s.start()
        r = w.init(s, "sharded", "--cluster", "probes")
        is_(r.returncode, 0, "shard %d has its tables" % s.shard) or diag(
            r.stderr)
    w.ship(two[0])
    parts = [int(s.ask("SELECT count() FROM goprobe.flows_local"))
             for s in two]
    ok(min(parts) > 0, "both have rows: %r" % parts)
    for s in two:
        ask_all(w, s.url(), w.questions // 6, "shard %d" % s.shard)
    two[0].stop()
    one_line(remote(w, two[1].url(), "-i", "hq/any", "-f", "0", "sip"),
             "a shard is down")
    two[1].stop()


def part_replica(w, server):
    if not export.has_zookeeper():
        ok(True, "replicated tables # SKIP no ZooKeeper is installed")
        return
    zookeeper, port = export.start_zookeeper(w)
    try:
        pair = [w.server("replica%d" % i, cluster="probes", replica=i,
                         zookeeper=port) for i in (1, 2)]
        for s in pair:
            s.configure([pair])
            s.start()
            r = w.init(s, "replicated", "--cluster", "probes")
            is_(r.returncode, 0, "replica %d has its tables" % s.replica)
        w.ship(pair[0])
        n = pair[0].ask("SELECT count() FROM goprobe.flows_local")
        for _ in range(100):
            if pair[1].ask("SELECT count() FROM goprobe.flows_local") == n:
                break
            time.sleep(0.1)
        for s in pair:
            ask_all(w, s.url(), w.questions // 10, "replica %d" % s.replica)
        for s in pair:
            s.stop()
    finally:
        zookeeper.kill()
        zookeeper.wait()


# ---- many sites --------------------------------------------------------------------

HOSTILE = ["o'); DROP TABLE goprobe.flows; --", "back\\slash", "a, b",
           'q"uote', "semi;colon", "x/y"]


def remote(w, url, *argv, ini=None, **options):
    return w.run("goquery", "--config", ini or w.ini("hq", url), "--remote",
                 url, "--tz", "UTC", *argv, **options)


def rows(r):
    return [line.split(",") for line in r.stdout.splitlines()[1:]]


def make_rows(w, name, lines):
    store = w.path(name)
    subprocess.run([os.path.join(w.helpers, "lib/rows2store"), store],
                   input="\n".join(lines) + "\n", text=True, check=True)
    return store


def part_sites(w, server):
    url = server.url()
    slot = oracle.T0 + 6 * 86400
    for i, site in enumerate(HOSTILE):
        label = "It's \\ 1;--" if i == 0 else "DNS"
        store = make_rows(w, "hostile%d" % i, [
            "B eth0 %d 4 300 0 0 0 0" % slot,
            "R 10.9.0.%d 10.9.1.1 %d 17 1 2 3 4 %s" % (i + 1, 1000 + i, label),
            "C eth0 %d" % slot])
        r = w.export(site, url, store)
        is_(r.returncode, 0, "a site named %s" % site) or diag(r.stderr)
    win = ("-f", str(slot), "-l", str(slot + 300), "-e", "csv")
    r = remote(w, url, "-i", "any", *win, "site,sip", "-c", "net 10.9.0.0/16")
    is_(sorted(x.rsplit(",", 7)[0] for x in r.stdout.splitlines()[1:]),
        sorted('"%s"' % s.replace('"', '""') if set(s) & set(',"') else s
               for s in HOSTILE), "each site by its name") or diag(r.stderr)
    for i, site in enumerate(HOSTILE):
        r = remote(w, url, "-i", "any", *win, "sip", "-c",
                   'site = %s' % ('"%s"' % site if '"' not in site
                                  else "'%s'" % site))
        is_([x[0] for x in rows(r)], ["10.9.0.%d" % (i + 1)],
            "site = %s" % site) or diag(r.stderr)
    r = remote(w, url, "-i", "any", *win, "sip", "-c",
               "l7 = \"It's \\ 1;--\"")
    is_([x[0] for x in rows(r)], ["10.9.0.1"], "a hostile application")
    r = remote(w, url, "-i", "any", *win, "l7proto", "--having",
               "l7 = \"It's \\ 1;--\"")
    is_([x[0] for x in rows(r)], ["It's \\ 1;--"], "and in --having")
    r = remote(w, url, "-i", "x/y/eth0", *win, "sip")
    is_([x[0] for x in rows(r)], ["10.9.0.6"], "a site with a slash in it")
    r = remote(w, url, "-i", "*\\\\slash/eth*", *win, "sip")
    is_([x[0] for x in rows(r)], ["10.9.0.2"], "a glob of a site")
    r = remote(w, url, "-i", "eth0,!hq/*,!lab/any,!x/y/eth0", *win, "dport")
    is_(len(rows(r)), len(HOSTILE) - 1, "eth0 of any site but some")
    r = remote(w, url, "-i", "any,!hq/any", *win, "dport", "-c",
               "not site in ('a, b', \"semi;colon\") and site != nowhere")
    is_(len(rows(r)), len(HOSTILE) - 2, "site in a list, negated")
    r = remote(w, url, "-i", "any", *win, "site,dport", "--having",
               "site = 'x/y'")
    is_([x[1] for x in rows(r)], ["1005"], "site in --having")
    r = remote(w, url, "-i", "any", *win, "-s", "site", "-n", "1",
               "site,dport")
    is_(rows(r)[0][-7:-6] if rows(r) else r.stderr, ["1002"],
        "sorted by site")
    for text in ("dport = 1' or '1'='1", "l7 = x') or 1=1 --",
                 "sip = 10.9.0.1'); --", "site = '"):
        r = remote(w, url, "-i", "any", *win, "dport", "-c", text)
        is_(r.returncode, 2, "no condition: %s" % text)
    for text in ("x') or (1=1", "\\' OR 1=1 --", "%", "_", "\x01\x7f"):
        r = remote(w, url, "-i", "any", *win, "dport", "-c",
                   'l7 = "%s"' % text)
        is_((r.returncode, rows(r)), (0, []), "no such application: %r" % text)
    r = remote(w, url, "-i", "nowhere/eth0", *win, "dport")
    ok(r.returncode == 1 and r.stderr.count("\n") == 1 and "hq/eth0" in
       r.stderr, "a site that is not there") or diag(r.stderr)
    r = w.run("goquery", "-d", w.stores["hq"].store, "-i", "any", "site,sip")
    ok(r.returncode == 2 and "--remote" in r.stderr, "site is no column here")
    r = w.run("goquery", "-d", w.stores["hq"].store, "-i", "any", "-c",
              "site = hq", "sip")
    ok(r.returncode == 2 and "--remote" in r.stderr, "nor a condition")
    for argv in (("--status",), ("--check",), ("-d", "x", "raw"),
                 ("--threads", "2", "raw"), ("--watch", "3", "raw")):
        r = remote(w, url, "-i", "any", *argv)
        ok(r.returncode == 2 and r.stderr.count("\n") == 1,
           "refused: " + argv[0]) or diag(r.stderr)
    mmdb = w.path("c.mmdb")
    subprocess.run([sys.executable, "tests/lib/mmdb.py", mmdb, "country",
                    "10.9.0.4/31=CH", "10.9.0.1/32=DE"], check=True)
    ini = w.ini("hq", url, "")
    with open(ini) as text:
        with_geo = text.read().replace("[export]", "geoip = %s\n[export]" %
                                       mmdb)
    with open(ini, "w") as out:
        out.write(with_geo)
    r = remote(w, url, "-i", "any", *win, "--geo", "sip", "-c",
               "src country CH", ini=ini)
    is_(sorted(x[:2] for x in rows(r)), [["10.9.0.4", "CH"],
                                        ["10.9.0.5", "CH"]],
        "networks of a country, and where addresses are") or diag(r.stderr)
    many = w.path("many")
    with open(many, "w") as out:
        out.write("\n".join("10.%d.%d.%d" % (200 + i // 65536, i // 256 % 256,
                                             i % 256) for i in range(100001)))
        out.write("\n10.9.0.3\n2001:db8:ffff::/45\n10.77.0.0/15\n")
    r = remote(w, url, "-i", "any", *win, "sip", "-c", "src in @" + many)
    is_([x[0] for x in rows(r)], ["10.9.0.3"], "a list of 100,004 addresses"
        ) or diag(r.stderr)
    r = remote(w, url, "-i", "any", *win[:-2], "seen", "@" + many)
    ok(r.returncode == 0 and "seen   10.9.0.3" in r.stdout and
       "Checked 100004: 1 seen" in r.stdout and "a, b/eth0" in r.stdout,
       "seen of 100,004") or diag(r.stderr)
    r = remote(w, url, "-i", "any", *win, "sip", "-c", "category = Wbe")
    ok("has an application of category Wbe" in r.stderr,
       "a category that no row has") or diag(r.stderr)
    mapped = "::ffff:10.9.0.3"
    r = remote(w, url, "-i", "any", *win, "sip", "-c", "src " + mapped)
    is_([x[0] for x in rows(r)], ["10.9.0.3"], "an IPv4-mapped address"
        ) or diag(r.stderr)
    r = remote(w, url, "-i", "any", *win[:-2], "seen", mapped)
    ok(r.returncode == 0 and "seen   10.9.0.3" in r.stdout and
       "Checked 1: 1 seen" in r.stdout, "seen of one") or diag(r.stdout)
    is_(server.ask("EXISTS TABLE goprobe.flows"), "1\n", "and the table lives")
    strange_names(w, server, win)
    strange_rows(w, server)
    strange_times(w, server)
    strange_letters(w, server)


STRANGE = [("evil", "a/b"), ("evil", "e" * 32), ("s" * 256, "eth0"),
           ("s" * 5000, "eth0"), ("z\\0ero", "eth0"), ("evil", "et\\0h")]


def strange_names(w, server, win):
    """What one sensor writes keeps nobody from asking about the others."""
    past = ("-f", "0", "-l", win[3])
    argvs = [("-i", "hq/any", *past, "-e", "csv", "proto"),
             ("-i", "any", *win, "site,iface"), ("-i", "any", "--list"),
             ("-i", "any", *past, "seen", "10.9.0.3")]
    before = [remote(w, server.url(), *argv) for argv in argvs]
    for table, more in (("blocks", ""), ("flows", ", dport")):
        server.ask("INSERT INTO goprobe.%s (day, time, site, iface, record%s) "
                   "VALUES " % (table, more) + ", ".join(
                       "('2026-01-06', '2026-01-06 00:00:00', '%s', '%s', "
                       "'%016d'%s)" % (s, i, n, ", 1" if more else "")
                       for n, (s, i) in enumerate(STRANGE)))
    for argv, old in zip(argvs, before):
        r = remote(w, server.url(), *argv)
        is_((r.returncode, re.sub("took .*", "", r.stdout)),
            (old.returncode, re.sub("took .*", "", old.stdout)),
            "beside names that no sensor gives: " + argv[-1])
        left = [x for x in r.stderr.splitlines()
                if x not in old.stderr.splitlines()]
        ok(len(left) == 1 and "%d interfaces left out" % len(STRANGE) in
           left[0] and left[0].startswith("goquery: note: "),
           "of which a note tells") or diag(r.stderr)
    for table in ("blocks", "flows"):
        server.ask("ALTER TABLE goprobe.%s DROP PARTITION '2026-01-06'" % table)


def strange_letters(w, server):
    """A name with control characters and quotes is printed, made harmless."""
    slot = 1764633600  # nobody else has blocks of 2025-12-02
    name = 'e\\x1b[31m\\n"h'
    win = ("-i", "evil/*", "-f", str(slot), "-l", str(slot + 300))
    address = "unhex('00000000000000000000ffff0a090061')"
    server.ask("INSERT INTO goprobe.blocks (day, time, site, iface, record, "
               "first_ns, last_ns, rows) VALUES (toDate(%d), toDateTime(%d), "
               "'evil', '%s', '%016d', %d, %d, 1)" %
               (slot, slot, name, 7, slot * 10 ** 9, (slot + 300) * 10 ** 9))
    server.ask("INSERT INTO goprobe.flows (day, time, record, version, site, "
               "iface, sip, dip, l7proto, category, dport, proto, bytes_rcvd, "
               "packets_rcvd) VALUES (toDate(%d), toDateTime(%d), '%016d', 4, "
               "'evil', '%s', %s, %s, 'x', 'y', 1, 6, 60, 1)" %
               (slot, slot, 7, name, address, address))
    for asked in (("seen",), ("seen", "10.9.0.97")):
        for form in ("txt", "csv", "json", "jsonl"):
            r = remote(w, server.url(), *win, "-e", form, *asked)
            want = "u001b[31m" if form.startswith("json") else "x1b[31m"
            ok("\x1b" not in r.stdout and "\\" + want in r.stdout and
               all('"h' in x for x in r.stdout.splitlines() if want in x),
               "no control characters: %s, %s" % (" ".join(asked), form)
               ) or diag(r.stdout + r.stderr)
    r = remote(w, server.url(), *win, "-e", "csv", "seen", "10.9.0.97")
    ok(r.stdout.endswith(',"evil/e\\x1b[31m\\x0a""h"\n'),
       "a quoted list of interfaces") or diag(r.stdout)
    for table in ("blocks", "flows"):
        server.ask("ALTER TABLE goprobe.%s DROP PARTITION '2025-12-02'" % table)


# site, iface, version, sip, dip, l7proto, category
STRANGE_ROWS = [
    ("evil", "eth0", "5", "unhex('%s')" % ("0" * 32), "", "x", "y"),
    ("evil", "eth0", "4", "unhex('%s')" % ("20010db8" * 4), "", "x", "y"),
    ("evil", "eth0", "4", "", "unhex('%s')" % ("0" * 32), "x", "y"),
    ("evil", "eth0", "4", "", "", "l" * 256, "y"),
    ("evil", "eth0", "4", "", "", "l" * 20000, "y"),
    ("evil", "eth0", "4", "", "", "x", "c" * 20000),
    ("evil", "eth0", "4", "", "", "x\\0y", "y"),
    ("s" * 20000, "eth0", "4", "", "", "x", "y"),
    ("evil", "e" * 20000, "4", "", "", "x", "y"),
    ("e\\0vil", "eth0", "4", "", "", "x", "y")]
FINE_ROW = ("evil", "eth0", "4", "", "", "x", "y")


def strange_rows(w, server):
    """Nor do its rows, of which no sensor ships such."""
    slot = 1764547200  # nobody else has blocks of 2025-12-01
    win = ("-f", str(slot), "-l", str(slot + 300))
    argvs = [("-i", "any", *win, "-e", "csv", keys) for keys in
             ("sip,dip", "site,iface", "l7proto", "host/16,dport")]
    argvs += [("-i", "any", *win, "-e", "csv", "-c", "l7 = x", "proto"),
              ("-i", "any", "--list"),
              ("-i", "any", *win, "-e", "csv", "seen", "10.9.0.99")]

    def insert(rows):
        address = "unhex('00000000000000000000ffff0a090063')"
        server.ask("INSERT INTO goprobe.flows (day, time, record, version, "
                   "site, iface, sip, dip, l7proto, category, dport, proto, "
                   "bytes_rcvd, packets_rcvd) VALUES " + ", ".join(
                       "(toDate(%d), toDateTime(%d), '%016d', %s, '%s', '%s', "
                       "%s, %s, '%s', '%s', 1, 6, 60, 1)" %
                       (slot, slot, 7, r[2], r[0], r[1], r[3] or address,
                        r[4] or address, r[5], r[6]) for r in rows))

    server.ask("INSERT INTO goprobe.blocks (day, time, site, iface, record, "
               "first_ns, last_ns, rows) VALUES (toDate(%d), toDateTime(%d), "
               "'evil', 'eth0', '%016d', %d, %d, 1)" %
               (slot, slot, 7, slot * 10 ** 9, (slot + 300) * 10 ** 9))
    insert([FINE_ROW])
    before = [remote(w, server.url(), *argv) for argv in argvs]
    ok(all(r.returncode == 0 and "evil" in before[1].stdout for r in before),
       "a row as sensors ship it") or diag(before[0].stderr)
    insert(STRANGE_ROWS)
    for argv, old in zip(argvs, before):
        r = remote(w, server.url(), *argv)
        if argv[-1] == "--list":
            is_(r.returncode, 0, "beside strange rows: --list"
                ) or diag(r.stderr)
            continue
        if argv[-2] == "seen":
            ok(r.returncode == 0 and "10.9.0.99,seen" in r.stdout,
               "seen, too") or diag(r.stdout + r.stderr)
            continue
        # incomplete, as of a block that could not be read
        is_((r.returncode, r.stdout), (3, old.stdout),
            "beside strange rows: " + argv[-1]) or diag(r.stderr)
        ok("note: 127.0.0.1: %d rows left out" % len(STRANGE_ROWS) in
           re.sub(r":[0-9]+", "", r.stderr) and
           "rows that no sensor ships" in r.stderr,
           "a note tells, and where") or diag(r.stderr)
    r = remote(w, server.url(), "-i", "any", *win, "-c", "l7 = x", "--plot",
               "proto")
    is_((r.returncode, r.stderr.count("left out")), (3, 1),
        "once, where a chart is asked for, too") or diag(r.stderr)
    for table in ("blocks", "flows"):
        server.ask("ALTER TABLE goprobe.%s DROP PARTITION '2025-12-01'" % table)


def strange_times(w, server):
    """Nor do its blocks, of times that no sensor has."""
    slot = 1764460800  # nobody else has blocks of 2025-11-30
    for site, first, last in (("before", -2 ** 63, 0), ("behind", 0, -2 ** 63),
                              ("late", 2 ** 63 - 1, 2 ** 63 - 1)):
        server.ask("INSERT INTO goprobe.blocks (day, time, site, iface, "
                   "record, first_ns, last_ns, overflow) VALUES (toDate(%d), "
                   "toDateTime(%d), '%s', 'eth0', '%016d', %d, %d, 1)" %
                   (slot, slot, site, 8, first, last))
    for last in (slot + 300, slot + 86400):
        for argv in (("-e", "csv", "proto"), ("seen", "10.9.0.98")):
            r = remote(w, server.url(), "-i", "any", "-f", str(slot), "-l",
                       str(last), *argv)
            ok("ClickHouse" not in r.stderr and r.returncode ==
               (3 if argv[0] == "seen" else 0), "beside strange times: " +
               argv[0]) or diag("%d %s" % (r.returncode, r.stderr))
    server.ask("ALTER TABLE goprobe.blocks DROP PARTITION '2025-11-30'")


def seen_words(w, text):
    return sorted(re.sub(r"[a-z]+/", "", x) for x in text.splitlines()
                  if x.startswith(("seen", "never")))


def part_seen_incomplete(w, url):
    """What one block of a day counted without an address, or dropped, keeps
    `seen` from saying never."""
    slot = oracle.T0 + 9 * 86400
    for i, cause in enumerate(("kernel-drops", "interface-drops", "late",
                               "time-range", "overflow")):
        site = "lacks%d" % i
        counts = ["0"] * 5
        counts[i] = "11"
        store = make_rows(w, site, sum([
            ["B eth0 %d 4 300 %s" % (slot + 300 * k, " ".join(
                counts if k == 1 else "00000")),
             "R 10.9.8.1 10.9.8.2 53 17 1 2 3 4 DNS",
             "C eth0 %d" % (slot + 300 * k)] for k in range(3)], []))
        is_(w.export(site, url, store).returncode, 0, cause + ": shipped")
        argv = ("-f", str(slot), "-l", str(slot + 900), "-e", "csv", "seen",
                "10.9.8.3")
        local = w.run("goquery", "-d", store, "--tz", "UTC", *argv)
        r = remote(w, url, "-i", site + "/any", *argv)
        is_((r.returncode, r.stdout, "cause=%s " % cause in r.stderr),
            (3, local.stdout, True), "is no never for sure") or diag(r.stderr)
        is_(local.returncode, 3, "here and there")


def part_seen_requests(w, url):
    """What an answer lacks is known of a fleet without a request for each."""
    slot, n = oracle.T0, []
    store = make_rows(w, "fleet", [
        line for k in range(20) for day in (0, 3) for line in
        ("B e%d %d 4 300 0 0 0 0" % (k, slot + 86400 * day),
         "R 10.9.8.1 10.9.8.2 53 17 1 2 3 4 DNS",
         "C e%d %d" % (k, slot + 86400 * day))])
    is_(w.export("fleet", url, store).returncode, 0, "a fleet: shipped")
    for first, last in ((0, 300), (86400, 4 * 86400), (0, 2 * 86400)):
        r = remote(w, url, "-i", "fleet/any", "-f", str(slot + first), "-l",
                   str(slot + last), "-e", "csv", "--explain", "sip")
        n.append((r.stderr.count("cause=down"),
                  len(re.findall(r" -- \d+ rows, of", r.stderr)) <= 6))
    is_(n, [(0, True), (20, True), (20, True)],
        "down-time at the window's edges, in a few requests"
        ) or diag(r.stderr)


def same_list(w, url, store, site, what):
    """--list here and there; the latter, and the columns of the disk."""
    local = w.run("goquery", "-d", store, "--list", "-e", "csv")
    r = remote(w, url, "--list", "-i", site + "/any", "-e", "csv")
    head = local.stdout.splitlines()[0].split(",")
    skip = [i for i, x in enumerate(head) if "disk" in x]
    is_([[c for i, c in enumerate(x.split(",")) if i not in skip]
         for x in r.stdout.replace(site + "/", "").splitlines()],
        [[c for i, c in enumerate(x.split(",")) if i not in skip]
         for x in local.stdout.splitlines()], what) or diag(r.stderr)
    return r, skip


def part_seen(w, server):
    url, rows_ = server.url(), w.stores["hq"]
    words = w.random.sample(rows_.addrs, 12) + ["203.0.113.0/24", "10.1.0.0/22",
                                                "2001:db8::/33", "::/0"]
    win = ("-f", str(oracle.T0), "-l", str(oracle.T0 + 86400 * 2))
    local = w.run("goquery", "-d", rows_.store, *win, "-i", "any", "--no-live",
                  "--tz", "UTC", "seen", *words)
    r = remote(w, url, *win, "-i", "hq/any", "seen", *words)
    is_(r.returncode, local.returncode, "seen: the same status")
    is_(seen_words(w, r.stdout), seen_words(w, local.stdout),
        "seen: the same sightings") or diag(r.stderr)
    for cond in ("host 203.0.113.99", "port 443", ""):
        argv = (*win, "-e", "csv", "-c", cond, "seen")
        local = w.run("goquery", "-d", rows_.store, "--no-live", "--tz", "UTC",
                      *argv)
        r = remote(w, url, "-i", "hq/any", *argv)
        is_((r.returncode, r.stdout.replace("hq/", "")),
            (local.returncode, local.stdout), "seen -c '%s'" % cond)
    part_seen_incomplete(w, url)
    part_seen_requests(w, url)
    r, skip = same_list(w, url, rows_.store, "hq", "--list, but for the disk")
    is_({x.split(",")[i] for x in r.stdout.splitlines()[1:] for i in skip},
        {""}, "  which is not known, and empty")
    r = remote(w, url, "--list", "-i", "any", "-e", "json")
    is_({x["disk_bytes"] for x in json.loads(r.stdout)["interfaces"]}, {None},
        "  null in json")
    text = remote(w, url, "--list", "-i", "any").stdout.splitlines()
    is_({x.split()[-2] for x in text[1:]}, {"-"}, "  - in text")
    is_(text[-1].split()[0], "all", "  of all of them, too")


# ---- what is committed, and what is missing ------------------------------------------

def part_committed(w, server):
    """Losers are never counted, a commit told twice counts once, sensors that
    lag or lost something are told."""
    url = server.url()
    slot = oracle.T0 + 8 * 86400
    store = make_rows(w, "late", [
        "B eth0 %d 4 300 0 0 0 0" % slot,
        "R 10.8.0.1 10.8.1.1 53 17 1 2 3 4 DNS", "C eth0 %d" % slot,
        "B eth0 %d 4 300 0 7 0 0" % (slot + 300),
        "R 10.8.0.1 10.8.1.1 53 17 1 2 3 4 DNS", "C eth0 %d" % (slot + 300)])
    is_(w.export("late", url, store).returncode, 0, "shipped")
    win = ("-i", "late/eth0", "-f", str(slot), "-l", str(slot + 600))
    before = remote(w, url, *win, "-e", "csv", "sip").stdout
    ok(before.count("10.8.0.1,6,8,14,2,4,6") == 1, "two blocks") or diag(before)
    columns = ("day, time, site, iface, version, sip, dip, dport, proto, "
               "l7proto, category, bytes_rcvd, bytes_sent, packets_rcvd, "
               "packets_sent, record")
    server.ask("INSERT INTO goprobe.flows SELECT %s, toFixedString("
               "unhex('ffffffffffffffffffffffffffffffff'), 16) FROM goprobe.flows WHERE site = "
               "'late'" % columns.replace("bytes_rcvd,", "bytes_rcvd + 1000,"))
    is_(remote(w, url, *win, "-e", "csv", "sip").stdout, before,
        "rows of a loser that came late do not count")
    server.ask("INSERT INTO goprobe.blocks SELECT * FROM goprobe.blocks WHERE "
               "site = 'late'")
    is_(remote(w, url, *win, "-e", "csv", "sip").stdout, before,
        "a commit that was told twice counts once")
    b = ("day, time, site, iface, record, toFixedString(unhex("
         "'ffffffffffffffffffffffffffffffff'), 16), "
         "first_ns, last_ns, flags, rows, seen, seen_bytes, non_ip, "
         "non_ip_bytes, malformed, malformed_bytes, kernel_drops, iface_drops, "
         "overflow, late, time_clamped, unreadable, shipped")
    server.ask("INSERT INTO goprobe.blocks SELECT %s FROM goprobe.blocks WHERE "
               "site = 'late'" % b)
    is_(remote(w, url, *win, "-e", "csv", "sip").stdout, before,
        "of two attempts one counts")
    server.ask("INSERT INTO goprobe.flows SELECT day, time, 'copy', iface, "
               "version, sip, dip, dport, proto, l7proto, category, bytes_rcvd,"
               " bytes_sent, packets_rcvd, packets_sent, record, toFixedString("
               "'copycopycopycopy', 16) FROM goprobe.flows WHERE site = 'late' "
               "AND reinterpretAsUInt8(attempt) != 255")
    server.ask("INSERT INTO goprobe.blocks SELECT day, time, 'copy', iface, "
               "record, toFixedString('copycopycopycopy', 16), %s FROM "
               "goprobe.blocks WHERE site = 'late' LIMIT 1 BY record" %
               b.split("16), ")[1])
    r = remote(w, url, "-i", "late/eth0,copy/eth0", *win[2:], "-e", "csv",
               "-c", "net 10.8.0.0/16", "site")
    is_([x[0] for x in rows(r)], ["copy", "late"],
        "a store that two sites ship counts at both")
    r = remote(w, url, *win[:4], "-l", str(slot + 3600), "sip")
    ok("late/eth0 shipped until " in r.stdout and
       "7 packets dropped by the interface on late/eth0" in r.stdout,
       "how far it has shipped, and what it dropped") or diag(r.stdout)
    is_(r.returncode, 0, "status 0")
    r = remote(w, url, *win[:4], "-l", str(slot + 3600), "--fail-incomplete",
               "-e", "csv", "sip")
    ok(r.returncode == 3 and re.search(
        r"iface=late/eth0 first=\S+ last=\S+ cause=not-shipped seconds=3000",
        r.stderr) and "cause=interface-drops packets=7" in r.stderr,
       "in csv on stderr") or diag(r.stderr)
    server.ask("INSERT INTO goprobe.blocks SELECT day, toDateTime(%d), site, "
               "iface, toFixedString('recordrecordreco', 16), attempt, "
               "first_ns + 600000000000, last_ns + 600000000000, flags, 0, "
               "seen, seen_bytes, non_ip, non_ip_bytes, malformed, "
               "malformed_bytes, 0, 0, 0, 0, 0, 1, shipped FROM goprobe.blocks "
               "WHERE site = 'late' AND time = toDateTime(%d) LIMIT 1" % (
                   slot + 600, slot))
    r = remote(w, url, *win[:4], "-l", str(slot + 900), "sip")
    ok(r.returncode == 3 and "cause=damaged" in r.stderr,
       "a block that the sensor could not read: status 3") or diag(r.stderr)
    big = 1 << 62
    store = make_rows(w, "big", ["B eth0 %d 4 300 0 0 0 0" % slot] + [
        "R 10.7.0.%d 10.7.1.1 53 17 %d %d 3 4 DNS" % (i, big, big)
        for i in range(1, 7)] + [
        "R 10.7.2.%d 10.7.1.1 53 17 %d 0 1 0 DNS" % (i, i)
        for i in range(1, 4)] + ["C eth0 %d" % slot])
    is_(w.export("big", url, store).returncode, 0, "large sums shipped")
    for argv in (("-n", "3", "sip"), ("dport",), ("-in", "proto"),
                 ("host",), ("-n", "40%", "sip"), ("-n", "100%", "sip"),
                 ("-n", "40%", "--having", "bytes > 4000P", "sip"),
                 ("-n", "90%", "--having", "bytes < 4000P", "sip"),
                 ("-s", "bytes_rcvd", "sip/29"),
                 ("-c", "bytes > 16000000T", "sip"),
                 ("--having", "bytes > 4000P", "sip")):
        argv = ("-f", str(slot), "-l", str(slot + 300), "-e", "csv", *argv)
        local = w.run("goquery", "-d", store, "-i", "eth0", *argv)
        r = remote(w, url, "-i", "big/eth0", *argv)
        is_(r.stdout, local.stdout, "sums at the limit: %s" % " ".join(argv[6:]
            )) or diag(r.stderr)
    same_list(w, url, store, "big", "sums at the limit: --list")


def part_many(w, server):
    """Interfaces of a large fleet are found by name, not by looking at all."""
    ini = w.ini("hq", server.url(), "database = many\n[remote]\n"
                "database = many\n")
    is_(w.run("goprobe-export", "-c", ini, "--init", "single").returncode, 0,
        "tables of many sensors")
    for table in ("blocks", "flows"):
        server.ask("INSERT INTO many.%s (day, time, site, iface, record) "
                   "SELECT toDate(20000), toDateTime(20000 * 86400), "
                   "concat('site', toString(number)), 'eth0', "
                   "toFixedString(toString(number), 16) FROM numbers(40000)" %
                   table)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    r = remote(w, server.url(), "-i", "any", "--list", "-e", "json", ini=ini)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime - before.ru_utime
    ok(r.returncode == 0 and r.stdout.count("/eth0") == 40000,
       "--list of 40000") or diag(r.stderr + r.stdout[:300])
    ok(took < 3, "takes %.1f s of processor time" % took)
    server.ask("DROP DATABASE many")


# ---- trouble ------------------------------------------------------------------------

class Proxy(http.server.ThreadingHTTPServer):
    """Lets some questions through and then does what servers should not."""

    def __init__(self, server):
        super().__init__(("127.0.0.1", 0), Handler)
        self.server, self.mood, self.good = server, None, 0
        self.seen = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self):
        return "http://127.0.0.1:%d/" % self.server_address[1]

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, data, *headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.server.seen.append("GET")
        self.answer(200, b"{}")

    def do_POST(self):
        s = self.server
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        s.seen.append(self.headers.get("Authorization"))
        self.asked = data
        # before the server is asked: whoever left meanwhile was counted for
        # its own question
        mood = s.mood if s.good <= 0 else None
        s.good -= 1
        c = http.client.HTTPConnection("127.0.0.1", s.server.http, timeout=60)
        headers = {k: v for k, v in self.headers.items()
                   if k.lower() == "authorization"}
        c.request("POST", self.path, data, headers)
        r = c.getresponse()
        status, got = r.status, r.read()
        c.close()
        if mood is None:
            return self.answer(status, got)
        return MOODS[mood](self, got)

    def stream(self, chunks):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for chunk in chunks:
                self.wfile.write(b"%x\r\n" % len(chunk) + chunk + b"\r\n")
        except OSError:
            pass
        self.close_connection = True

    def cut(self, got):
        self.send_response(200)
        self.send_header("Content-Length", str(len(got)))
        self.end_headers()
        self.wfile.write(got[:len(got) * 2 // 3])
        self.close_connection = True

    def packed(self, got):
        """As nobody asked for it, though it holds what was."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "gzip")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(gzip.compress(got))
        self.close_connection = True

    def trailers(self, got):
        """More and more headers behind the body."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.wfile.write(b"%x\r\n" % len(got) + got + b"\r\n0\r\n")
            while True:
                self.wfile.write(b"X-More: and more\r\n" * 1000)
        except OSError:
            pass
        self.close_connection = True

    def rows(self, row):
        self.stream(itertools.chain([b'{"data":[\n'],
                                    (row(i) + b",\n" for i in itertools.count())))

    def interfaces(self, got):
        self.rows(lambda i: b'["%s", "%s", "1", "2", "0", "0"]' % (
            b"61" * 200, (b"%x" % i).hex().encode()))

    def damage(self, got):
        """Blocks that cannot be read, without end."""
        name = b'"6871", "65746839"'  # hq, eth9
        place = name + b', "1767225600", "1", "2", "0", "1"'
        if b".blocks GROUP BY site, iface FORMAT" in self.asked:
            return self.answer(200, b'{"data":[[%s, "1767225600", "1767225600"'
                               b', "0", "0"]], "rows":1}' % name)
        if b"groupBitOr" in self.asked:
            return self.answer(200, b'{"data":[[%s, "0", "1"]], "rows":1}' %
                               place)
        return self.rows(lambda i: b'[%s, "1"%s]' % (place, b', "0"' * 11))

    def flood(self, got):
        row = b'["' + b"0" * 32 + b'"],\n'
        self.stream(itertools.chain([b'{"data":[\n'], itertools.repeat(row)))

    def drip(self, got):
        def slowly():
            for _ in range(100):
                time.sleep(0.1)
                yield b" "
        self.stream(slowly())

    def hang(self, got):
        time.sleep(4)
        self.close_connection = True


EXCEPTION = (b"Code: 241, e.displayText() = DB::Exception: Memory limit (for "
             b"query) exceeded: would use 9.31 GiB\n")
MOODS = {
    "nothing": lambda h, got: h.answer(200, b""),
    "a page": lambda h, got: h.answer(200, b"<html>Log in\x1b[31m</html>"),
    "an empty object": lambda h, got: h.answer(200, b"{}"),
    "refusal": lambda h, got: h.answer(500, EXCEPTION),
    "no such": lambda h, got: h.answer(404, b"x" * 100000),
    "gateway": lambda h, got: h.answer(502, b""),
    "redirect": lambda h, got: h.answer(
        302, b"", ("Location", h.server.url() + "elsewhere")),
    "half": lambda h, got: h.answer(200, got[:len(got) * 2 // 3]),
    "an error in the middle": lambda h, got: h.answer(
        200, got[:len(got) // 2] + EXCEPTION),
    "an error in the answer's form": lambda h, got: h.answer(
        200, got[:got.rindex(b"}")].rstrip() + b',\n\n\t"exception": "' +
        EXCEPTION.strip() + b'"\n}\n'),
    "twice": lambda h, got: h.answer(200, got + got),
    "a row less": lambda h, got: h.answer(
        200, re.sub(rb"\n\t\t\[.*\],?", b"", got, count=1)
        .replace(b"],\n\n\t\"tot", b"],\n\n\t\"tot")),
    "other columns": lambda h, got: h.answer(
        200, got.replace(b'\t\t[', b'\t\t["1",')),
    "nests": lambda h, got: h.answer(200, b'{"meta":' + b"[" * 100000),
    "no numbers": lambda h, got: h.answer(
        200, re.sub(rb'(\[.*), "?[0-9]+"?\]', rb'\1, "-1x"]', got)),
    "zero bytes": lambda h, got: h.answer(200, got.replace(b"\n", b"\0")),
    "cut": Handler.cut,
    "drip": Handler.drip,
    "hang": Handler.hang,
    "packed": Handler.packed,
    "trailers": Handler.trailers,
}


def one_line(r, what, status=1):
    return ok(r.returncode == status and r.stdout == "" and
              r.stderr.count("\n") == 1 and r.stderr.startswith("goquery: ")
              and all(c == "\n" or " " <= c <= "~" for c in r.stderr),
              "%s: one line, status %d, nothing printed" % (what, status)
              ) or diag("%d %r %r" % (r.returncode, r.stderr[:300],
                                      r.stdout[:300]))


def part_trouble(w, server):
    proxy = Proxy(server)
    url = proxy.url()
    argv = ("-i", "hq/any", "-f", "0", "-e", "csv", "talk_conv")
    is_(remote(w, url, *argv).stdout, remote(w, server.url(), *argv).stdout,
        "through a proxy")
    for mood in MOODS:
        for good in (0, 4) if mood not in ("drip", "hang") else (4,):
            proxy.mood, proxy.good = mood, good
            r = remote(w, url, *argv, "--timeout", "1500ms")
            one_line(r, "%s after %d" % (mood, good))
    ok("GET" not in proxy.seen, "no redirect was followed")
    MOODS["flood"] = Handler.flood
    proxy.mood, proxy.good = "flood", 4
    one_line(remote(w, url, *argv, "--timeout", "2s"), "an endless answer")
    proxy.mood, proxy.good = "trailers", 4
    r = remote(w, url, *argv, "--timeout", "10s")
    one_line(r, "headers without end")
    ok("headers" in r.stderr, "which are not waited for") or diag(r.stderr)
    for mood in ("interfaces", "damage"):
        MOODS[mood] = getattr(Handler, mood)
        proxy.mood, proxy.good = mood, 1  # the account's profile is told
        r = remote(w, url, *argv, "--timeout", "10s", "--mem", "1M")
        one_line(r, mood + " without end")
        ok("--mem" in r.stderr, "take no more than --mem") or diag(r.stderr)
    proxy.mood, proxy.good = "hang", 2
    begun = time.monotonic()
    r = remote(w, url, *argv, "--timeout", "500ms")
    ok(time.monotonic() - begun < 3 and "--timeout" in r.stderr,
       "--timeout is kept") or diag(r.stderr)
    proxy.mood, proxy.good = None, 0
    sites = ",".join("%s/any" % site for site in w.stores)
    r = remote(w, url, "-i", sites, "-f", "0", "-e", "csv", "--mem", "100k",
               "raw")
    one_line(r, "more than --mem")
    ok("--mem" in r.stderr, "and it says so") or diag(r.stderr)
    r = remote(w, "http://127.0.0.1:%d/" % clickhouse.free_port(), *argv)
    one_line(r, "nobody listens")
    for bad in ("ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "nonsense",
                "http://127.0.0.1/?user=x"):
        one_line(remote(w, bad, *argv), bad, 2)
    one_line(remote(w, "http://a.invalid/", *argv), "a host that is not there")
    r = remote(w, server.url(), *argv, ini=w.ini(
        "hq", server.url(), "[remote]\ndatabase = nowhere\n"))
    one_line(r, "no such database")
    r = w.run("goquery-remote", *argv)
    is_(r.returncode, 2, "goquery-remote by itself needs --remote")
    part_credentials(w, server, proxy, argv)
    profiles(w, server, argv)
    proxy.shutdown()


def profiles(w, server, argv):
    """An answer that a limit cuts is none."""
    whole = remote(w, server.url(), *argv).stdout
    for user, what in (("reads_few", "Code: 158"), ("groups_few", "Code: 158"),
                       ("returns_few", "Code: 396"), ("reads_enough", None),
                       ("may_not_say", "read_overflow_mode = break"),
                       ("may_skip", "skip_unavailable_shards = 1")):
        ini = w.ini("hq", server.url(), "[remote]\nurl = %s\nuser = %s\n" % (
            server.url(), user))
        r = remote(w, server.url(), *argv, ini=ini)
        if what is None:
            ok(r.returncode == 0 and r.stdout == whole,
               "a profile that cuts beyond what is asked") or diag(r.stderr)
            continue
        one_line(r, "a profile that cuts: " + user)
        ok(what in r.stderr, "which says %s" % what) or diag(r.stderr)
        r = remote(w, server.url(), *argv[:-3], "seen", "203.0.113.1",
                   ini=ini)
        ok(r.returncode == 2 and r.stdout == "",
           "seen ends in an error, too, not in no") or diag(
               "%d %s" % (r.returncode, r.stdout))


def part_credentials(w, server, proxy, argv):
    secret = w.path("pw")
    with open(secret, "w") as out:
        out.write("s3cret-word\n")
    os.chmod(secret, 0o600)
    if os.geteuid() == 0:
        os.chown(secret, 0, 0)
    mine = "[remote]\nurl = %s\nuser = sensor\npassword_file = %s\n"
    ini = w.ini("hq", server.url(), mine % (proxy.url(), secret))
    proxy.seen.clear()
    r = remote(w, proxy.url(), *argv, ini=ini)
    ok(r.returncode == 0 and all(a and a.startswith("Basic ")
                                 for a in proxy.seen), "user and password"
       ) or diag(r.stderr)
    r = remote(w, "default", *argv, ini=ini)
    ok(r.returncode == 0 and len(r.stdout) > 200, "--remote default")
    other = Proxy(server)
    r = remote(w, other.url(), *argv, ini=ini)
    ok(r.returncode == 0 and not any(other.seen),
       "the password goes to its server alone")
    other.shutdown()
    whole = remote(w, server.url(), *argv, "--having", "bytes > 1k").stdout
    plain = remote(w, server.url(), *argv).stdout
    for user, may in (("analyst", True), ("looker", False)):
        ini = w.ini("hq", server.url(), "[remote]\nurl = %s\nuser = %s\n" % (
            server.url(), user))
        is_(remote(w, server.url(), *argv, ini=ini).stdout, plain,
            "an account that may only read: " + user)
        r = remote(w, server.url(), *argv, "--having", "bytes > 1k", ini=ini)
        if may:
            is_(r.stdout, whole, user + " may choose groups")
        else:
            one_line(r, user + " may set nothing")
    with open(secret, "w") as out:
        out.write("wrong-w0rd\n")
    r = remote(w, server.url(), *argv, ini=w.ini(
        "hq", server.url(), mine % (server.url(), secret)))
    one_line(r, "a wrong password")
    ok("wrong-w0rd" not in r.stderr, "which is not shown")
    os.chmod(secret, 0o644)
    r = remote(w, server.url(), *argv, ini=w.ini(
        "hq", server.url(), mine % (server.url(), secret)))
    one_line(r, "a password that others can read")


def part_tls(w, server):
    if not shutil.which("openssl"):
        ok(True, "TLS # SKIP no openssl")
        return
    export.make_certificates(w.path)
    proxy = Proxy(server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(w.path("server.pem"), w.path("server.key"))
    context.load_verify_locations(w.path("ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    proxy.socket = context.wrap_socket(proxy.socket, server_side=True)
    url = proxy.url().replace("http:", "https:")
    argv = ("-i", "hq/any", "-f", "0", "-e", "csv", "talk_conv")
    base = "[remote]\nurl = %s\n" % url
    client = "cert_file = %s\nkey_file = %s\n" % (w.path("client.pem"),
                                                   w.path("client.key"))
    ca = "ca_file = %s\n" % w.path("ca.pem")
    for what, more in (("an unknown CA", client),
                       ("another CA", client + "ca_file = %s\n" %
                        w.path("otherca.pem")),
                       ("no client certificate", ca),
                       ("no CA file", client + "ca_file = /nowhere.pem\n"),
                       ("a CA file that is none", client +
                        "ca_file = /etc/protocols\n")):
        r = remote(w, url, *argv, ini=w.ini("hq", url, base + more))
        one_line(r, what)
        if "CA file" in what:
            ok("ca_file: " in r.stderr, "  with its key") or diag(r.stderr)
    r = remote(w, url, *argv, ini=w.ini("hq", url, base + client + ca))
    whole = remote(w, server.url(), *argv).stdout
    is_(r.stdout, whole, "both certificates hold") or diag(r.stderr)
    system_trust(w, url, argv, base + client, whole)
    proxy.shutdown()


def system_trust(w, url, argv, base, whole):
    """The file of the system's authorities is read before the sandbox closes;
    into their folder nobody looks behind it."""
    program = [os.path.join(w.bin, "goquery"), "--remote", url, "--tz", "UTC",
               *argv, "--config"]
    other = base + "ca_file = %s\n" % w.path("otherca.pem")
    for what, names, more in (
            ("their folder has the server's, ca_file not", {"ca": "hash"},
             other),
            ("their folder alone has it", {"ca": "hash"}, base),
            ("their file has it", {"ca": "ca-certificates.crt"}, base)):
        runner = export.with_authorities(
            export.system_authorities(w.path, **names))
        if runner is None:
            ok(True, what + " # SKIP needs root, mount namespaces and "
               "/etc/ssl/certs")
            continue
        r = subprocess.run(runner + program + [w.ini("hq", url, more)],
                           capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=120)
        if "hash" in names.values():
            one_line(r, what)
            ok("certificate" in r.stderr, "which is told") or diag(r.stderr)
        else:
            is_(r.stdout, whole, what) or diag(r.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-b", dest="bin", default="build/bin")
    parser.add_argument("-H", dest="helpers", default="build/gcc/tests")
    parser.add_argument("-n", dest="questions", type=int,
                        default=600 if LONG else 40)
    parser.add_argument("-p", dest="parts", default="same,sites,seen,committed,many,trouble,"
                        "tls,cluster,replica")
    args = parser.parse_args()
    if not clickhouse.SERVER:
        skip_all("no clickhouse-server is installed")
    w = World(args)
    try:
        server = w.server("ch")
        server.configure()
        server.start()
        w.make_stores()
        is_(w.init(server).returncode, 0, "tables")
        w.ship(server)
        for part in args.parts.split(","):
            begun = time.monotonic()
            globals()["part_" + part](w, server)
            diag("part %s: %.1f s" % (part, time.monotonic() - begun))
    finally:
        w.end()
    done()


main()
